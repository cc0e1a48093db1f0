//! The page: one file of HTML that contains its style, libraries, script and numbers.
//!
//! Text from the data is in the JSON only, where it cannot end its element; the script inserts it as text, never as
//! markup.

use serde::Serialize;

use super::figure::Figure;
use super::tables::ReportSummary;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");

/// The libraries, and then the scripts, in the order of the page.
const LIBRARIES: [&str; 2] = [include_str!("vendor/d3.min.js"), include_str!("vendor/plot.umd.min.js")];
const SCRIPTS: [&str; 12] = [
    include_str!("page/marks.js"),
    include_str!("page/traces.js"),
    include_str!("page/funnel.js"),
    include_str!("page/densities.js"),
    include_str!("page/effects.js"),
    include_str!("page/columns.js"),
    include_str!("page/correlation.js"),
    include_str!("page/mixing.js"),
    include_str!("page/checks.js"),
    include_str!("page/save.js"),
    include_str!("page/summary.js"),
    include_str!("page/main.js"),
];

/// The contents of a page.
#[derive(Debug, Serialize)]
pub struct Page<'a> {
    /// The heading.
    pub title: String,
    /// Tables and settings.
    pub summary: ReportSummary<'a>,
    /// Figures that are missing, and why.
    pub omitted: Vec<String>,
    /// The figures, in order.
    pub figures: Vec<Figure>,
}

/// The whole page.
pub fn html(page: &Page) -> String {
    let scripts = SCRIPTS.join("\n");
    let libraries = LIBRARIES.join("\n");
    // In the order of the template; inserted parts are not searched for placeholders.
    let parts = [
        ("/* style */", STYLE),
        ("/* libraries */", &libraries),
        ("null /* data */", &embedded(page)),
        ("/* script */", &scripts),
    ];
    let mut rest = TEMPLATE;
    let mut whole = String::with_capacity(parts.iter().map(|(_, part)| part.len()).sum::<usize>() + TEMPLATE.len());
    for (place, part) in parts {
        let Some((before, after)) = rest.split_once(place) else { continue };
        whole.push_str(before);
        whole.push_str(part);
        rest = after;
    }
    whole.push_str(rest);
    whole
}

/// JSON for the inside of an HTML element: characters with a meaning in HTML are escaped.
fn embedded(value: &impl Serialize) -> String {
    // No map has keys other than text.
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut safe = String::with_capacity(json.len());
    let means_something = |c: char| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
    let mut rest = &json[..];
    while let Some(at) = rest.find(means_something) {
        let (before, after) = rest.split_at(at);
        safe.push_str(before);
        let mut characters = after.chars();
        safe.extend(characters.next().map(|c| format!("\\u{:04x}", u32::from(c))));
        rest = characters.as_str();
    }
    safe.push_str(rest);
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_numbers_can_end_their_element() {
        let names = ["</script><script>alert(1)</script>", "<!--", "a\u{2028}b & \"c\" 'd' \\", "🦆"];
        let safe = embedded(&names);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        let back: Vec<String> = serde_json::from_str(&safe).unwrap();
        assert_eq!(back, names);
    }

    #[test]
    fn every_place_of_the_template_is_filled() {
        let summary = ReportSummary::of("warpnuts compare", &[], None);
        let page = html(&Page { title: "null /* data */ </title>".into(), summary, omitted: vec![], figures: vec![] });
        for place in ["/* style */", "/* libraries */", "/* script */"] {
            assert!(!page.contains(place), "{place}");
        }
        assert!(page.contains("\"title\":\"null /* data */ \\u003c/title\\u003e\""));
        assert!(page.ends_with("</html>\n"));
        // One element of numbers, two of scripts, and no more.
        assert_eq!(page.matches("</script>").count(), 3);
        assert!(!page.contains(" src=") && !page.contains("<link"), "it needs nothing from elsewhere");
    }
}
