//! A page opened in a real browser without a network: its log, and the findings of a probe after its last script.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Script before the page: records errors, and whether anything in the data was executed.
const BEFORE: &str = r##"<script>
const wrong = [];
addEventListener("error", (event) => wrong.push(`error: ${event.message}`));
addEventListener("unhandledrejection", (event) => wrong.push(`rejection: ${event.reason}`));
addEventListener("securitypolicyviolation", (event) => wrong.push(`policy: ${event.violatedDirective} ${event.blockedURI}`));
for (const level of ["error", "warn"]) console[level] = (...words) => wrong.push(`${level}: ${words.join(" ")}`);
const executed = [];
window.alert = (what) => executed.push(String(what));
</script>"##;

/// Script after the page: draws all figures at once, as before printing, and inspects them.
const BEHIND: &str = r##"<script>
{
  dispatchEvent(new Event("beforeprint"));
  const ready = performance.now();
  const figures = [...document.querySelectorAll("figure")].map((figure) => {
    const shapes = [...figure.querySelectorAll(".panels path, .panels rect, .panels circle, .panels line")].filter((shape) => {
      const box = shape.getBBox();
      return box.width + box.height > 0;
    });
    const attributes = [...figure.querySelectorAll(".panels *")].flatMap((node) => [...node.attributes].map((a) => a.value));
    const panels = figure.querySelector(".panels").getBoundingClientRect();
    const saved = standalone(figure);
    const parsed = new DOMParser().parseFromString(saved, "image/svg+xml");
    return {
      id: figure.id,
      kind: figure.dataset.kind,
      title: figure.querySelector("h3").textContent,
      caption: figure.querySelector("figcaption").textContent,
      alt: figure.querySelector(".panels").getAttribute("aria-label"),
      shapes: shapes.length,
      broken: attributes.filter((value) => /NaN|undefined|Infinity/.test(value)).length,
      too_wide: panels.right > document.documentElement.clientWidth + 1,
      text: figure.textContent,
      csv: csv(tables[figure.dataset.kind](report.figures.find((one) => one.id === figure.id).data, {})),
      svg_is_whole: !parsed.querySelector("parsererror") && !saved.includes("var(--") && parsed.querySelectorAll("svg svg").length > 0,
    };
  });
  const blobs = [];
  URL.createObjectURL = (blob) => (blobs.push([blob.type, blob.size]), "about:blank#");
  HTMLAnchorElement.prototype.click = () => {};
  for (const button of document.querySelectorAll(".save button")) button.click();
  const found = {
    ready, figures, wrong, executed, blobs,
    data: { title: report.title, summary: report.summary, omitted: report.omitted },
    title: document.title,
    text: document.body.innerText,
    tables: [...document.querySelectorAll("#summary table")].map((made) => [...made.rows].map((row) => [...row.cells].map((cell) => cell.textContent))),
    fetched: performance.getEntriesByType("resource").map((entry) => entry.name),
    background: getComputedStyle(document.body).backgroundColor,
    scripts: document.scripts.length,
    extra: (() => { /* extra */ })() ?? null,
  };
  document.documentElement.replaceChildren(Object.assign(document.createElement("pre"), { id: "found", textContent: encodeURIComponent(JSON.stringify(found)) }));
}
</script>"##;

/// Options for opening a page.
pub struct Look<'a> {
    /// Width in pixels.
    pub width: u32,
    /// Whether the system prefers dark colors.
    pub dark: bool,
    /// The body of a function, whose result is returned as `extra`.
    pub extra: &'a str,
}

impl Default for Look<'_> {
    fn default() -> Self {
        Look { width: 1200, dark: false, extra: "" }
    }
}

/// Whether there is a browser. Fails if there is none, unless `WARPNUTS_NO_BROWSER=1`.
pub fn is_there() -> bool {
    if std::env::var_os("WARPNUTS_NO_BROWSER").is_some_and(|value| value == "1") {
        eprintln!("skipped: WARPNUTS_NO_BROWSER=1, the report is not opened in a browser");
        return false;
    }
    let version = Command::new(program()).arg("--version").stderr(Stdio::null()).output();
    assert!(
        version.is_ok_and(|output| output.status.success()),
        "there is no Chromium to test the report in: install it (apt-get install chromium), name it in WARPNUTS_CHROMIUM, or set \
         WARPNUTS_NO_BROWSER=1 to skip these tests"
    );
    true
}

fn program() -> String {
    std::env::var("WARPNUTS_CHROMIUM").unwrap_or_else(|_| "chromium".to_string())
}

/// Opens `page`, and returns the findings; panics after any error.
pub fn open(page: &Path, look: &Look) -> Value {
    let html = fs::read_to_string(page).unwrap();
    let (head, rest) = html.split_once("<head>").unwrap();
    let (body, end) = rest.rsplit_once("</body>").unwrap();
    let behind = BEHIND.replace("/* extra */", look.extra);
    let folder = TempDir::new().unwrap();
    let probed = folder.path().join("probed.html");
    fs::write(&probed, format!("{head}<head>{BEFORE}{body}{behind}</body>{end}")).unwrap();
    let profile = folder.path().join("profile");
    let output = Command::new(program())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        // No name resolves: the network is off.
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={},900", look.width))
        .arg(format!("--blink-settings=preferredColorScheme={}", if look.dark { 0 } else { 1 }))
        .arg(format!("file://{}", probed.display()))
        .output()
        .unwrap();
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let console: Vec<&str> = log.lines().filter(|line| line.contains(":CONSOLE")).collect();
    assert!(console.is_empty(), "the console says: {console:#?}");
    let found = dom.split_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let found = found.unwrap_or_else(|| panic!("the probe found nothing: {dom}\n{log}")).0;
    let found: Value = serde_json::from_str(&decoded(found)).unwrap();
    assert_eq!(found["wrong"], serde_json::json!([]), "no errors, no warnings");
    assert_eq!(found["executed"], serde_json::json!([]), "nothing in the data is executed");
    assert_eq!(found["fetched"], serde_json::json!([]), "nothing is fetched");
    found
}

/// Decodes the result of `encodeURIComponent`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().unwrap(), rest.next().unwrap()];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
    }
    String::from_utf8(bytes).unwrap()
}
