//! Pages of reports: made by a command line, and complete in a browser.

use std::path::PathBuf;

use serde_json::Value;

use super::common::Folder;

/// Longest time until a page is open, in ms: a second on an idle machine, longer beside other tests.
const OPENED: f64 = 8000.0;

/// Figures of a run with group effects, in order.
pub const OF_A_RUN: [&str; 18] = [
    "average-effects",
    "check-transforms",
    "check-statistics",
    "check-levels",
    "check-residuals",
    "trace-1",
    "rank-1",
    "stuck",
    "funnel",
    "funnel-offset",
    "marginal",
    "forest",
    "columns",
    "energy",
    "autocorrelation",
    "ess",
    "pairs-1",
    "modes",
];

/// Runs a command line, and returns the path of the report.
pub fn run(folder: &Folder, line: &str) -> PathBuf {
    let ran = folder.run(&format!("{line} --quiet --out out"));
    assert!([0, 3].contains(&ran.code), "{line}: {ran:?}");
    assert!(ran.stdout.contains("report.html"), "it is said where the report is: {}", ran.stdout);
    folder.path("out/report.html")
}

/// All figures are present, in any order; each draws something, has a caption, and can be saved.
pub fn is_complete(found: &Value, expected: &[&str]) {
    let figures = found["figures"].as_array().unwrap();
    let mut ids: Vec<&str> = figures.iter().map(|figure| figure["id"].as_str().unwrap()).collect();
    let mut expected = expected.to_vec();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    for figure in figures {
        let id = figure["id"].as_str().unwrap();
        let text = |name: &str| figure[name].as_str().unwrap();
        assert!(figure["shapes"].as_u64().unwrap() >= 3, "{id} is empty");
        assert_eq!(figure["broken"], 0, "{id} has numbers that are none");
        assert_eq!(figure["too_wide"], false, "{id} is wider than the page");
        assert_eq!(figure["svg_is_whole"], true, "{id} as SVG");
        assert!(text("csv").lines().count() > 2, "{id} as CSV: {}", text("csv"));
        assert!(
            text("caption").chars().any(|c| c.is_ascii_digit()),
            "{id} says nothing in numbers: {}",
            text("caption")
        );
        assert!(text("alt").starts_with(text("title")) && text("alt").len() > 80, "{id}: {}", text("alt"));
        assert!(!text("caption").contains("NaN"), "{id}: {}", text("caption"));
    }
    let blobs = found["blobs"].as_array().unwrap();
    assert_eq!(blobs.len(), 2 * figures.len(), "two buttons a figure");
    assert!(blobs.iter().all(|blob| blob[1].as_u64().unwrap() > 60), "{blobs:?}");
    let ready = found["ready"].as_f64().unwrap();
    eprintln!("opened and drawn in {ready:.0} ms");
    assert!(ready < OPENED, "{ready} ms");
}

/// The findings about a figure.
pub fn figure<'a>(found: &'a Value, id: &str) -> &'a Value {
    found["figures"].as_array().unwrap().iter().find(|figure| figure["id"] == id).unwrap()
}
