//! Ctrl-C and SIGTERM when no sampling is left: the program ends at once with code 130, and no file is half-written.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::helpers::common::{Folder, Ran};
use crate::helpers::running::Held;
use crate::helpers::weak;

/// Data of few groups and several predictors.
fn many_predictors() -> Folder {
    let header: Vec<String> = (0..12).map(|k| format!("x{k}")).collect();
    let mut text = format!("group,y,{}\n", header.join(","));
    for i in 0..120 {
        let wave = |k: usize| ((i * (k + 3) + k * k) as f64 * 0.7).sin();
        let x: Vec<String> = (0..12).map(|k| format!("{:.4}", wave(k))).collect();
        text += &format!("g{},{:.4},{}\n", i % 10, wave(1) + wave(20), x.join(","));
    }
    Folder::with("many.csv", text)
}

/// The command line of a run on these data, into the folder `out`.
fn line(out: &str) -> String {
    let predictors: String = (0..12).map(|k| format!(" --predictor x{k}")).collect();
    format!(
        "sample --data many.csv --group group --outcome y{predictors} --keep hyper --chains 8 --warmup 50 --draws 500 \
         --max-tree-depth 2 --quiet --out {out}"
    )
}

/// Runs `warpnuts` to its end, whether its draws are trustworthy or not.
fn done(folder: &Folder, line: &str) -> Ran {
    let ran = folder.run(line);
    assert!([0, 3].contains(&ran.code), "{line}: {ran:?}");
    ran
}

/// stderr of a program that is ended by a signal during its `turn`th piece of work.
fn ended(folder: &Folder, which: &str, line: &str, turn: u32) -> String {
    let ended = Held::start(folder, line, &format!("before-work {turn}")).signal(which);
    assert_eq!(ended.code, 130, "{line}: {ended:?}");
    ended.stderr
}

/// The folder has no half-written files.
fn nothing_is_unfinished(folder: &Folder) {
    let contents = folder.contents();
    let unfinished: Vec<_> = contents.keys().filter(|file| file.contains("unfinished")).collect();
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

#[test]
fn a_report_that_is_interrupted_leaves_the_run_whole_and_can_be_made_again() {
    let folder = many_predictors();
    for which in ["-INT", "-TERM"] {
        let run = format!("stopped{which}");
        // The second piece of work is the report, after the summary has been written.
        let stderr = ended(&folder, which, &line(&run), 2);
        assert!(folder.path(&run).join("summary.csv").exists());
        assert!(
            stderr.contains(&format!("interrupted before the report was written: `warpnuts report {run}`")),
            "{stderr}"
        );
        assert!(!folder.path(&run).join("report.html").exists());
        nothing_is_unfinished(&folder);
        let again = done(&folder, &format!("report {run}"));
        assert!(again.stdout.contains(&format!("Written: {run}/report.html")) && again.stderr.is_empty(), "{again:?}");
        let page = std::fs::read_to_string(folder.path(&run).join("report.html")).unwrap();
        assert!(page.ends_with("</html>\n"));
    }
}

#[test]
fn making_a_report_again_is_interrupted_and_the_one_that_was_there_stays() {
    let folder = many_predictors();
    done(&folder, &line("run"));
    let page = folder.path("run/report.html");
    std::fs::write(&page, "what was there").unwrap();
    for work in 1..=3 {
        let stderr = ended(&folder, "-INT", "report run", work);
        assert!(stderr.contains("`warpnuts report run` makes it"), "{stderr}");
        assert_eq!(std::fs::read_to_string(&page).unwrap(), "what was there");
        nothing_is_unfinished(&folder);
    }
}

#[test]
fn a_page_that_finds_no_room_leaves_the_one_that_was_there() {
    let folder = many_predictors();
    done(&folder, &line("run"));
    let page = folder.path("run/report.html");
    std::fs::write(&page, "what was there").unwrap();
    // The limit of a file's size, in blocks of 512 or 1024 bytes, is below the page's size.
    let program = env!("CARGO_BIN_EXE_warpnuts");
    let limited = format!("ulimit -f 200; trap '' XFSZ; exec {program} report run");
    let ran = Command::new("sh").args(["-c", &limited]).current_dir(folder.path(".")).output().unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.code() == Some(1) && stderr.contains("report.html could not be written"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&page).unwrap(), "what was there");
    nothing_is_unfinished(&folder);
}

#[test]
fn an_integration_that_is_interrupted_writes_nothing() {
    let folder = Folder::with("loose.csv", weak::LOOSE);
    let exact = format!("exact --data loose.csv {} --out exact", weak::COLUMNS);
    let before = folder.contents().len();
    for which in ["-INT", "-TERM"] {
        let stderr = ended(&folder, which, &exact, 1);
        assert!(stderr.contains("interrupted: nothing was written"), "{stderr}");
    }
    assert_eq!(folder.contents().len(), before);
}
