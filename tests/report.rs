//! report.html, opened in a real browser with the network off.

use std::fs;
use std::sync::Arc;

use serde_json::Value;
use warpnuts::data::Dataset;
use warpnuts::draws::{Draws, Memory};
use warpnuts::engine::{DrawBlock, DrawSink, Progress};
use warpnuts::experiment::{Keep, Sampled, Settings, sample};
use warpnuts::model::{Centering, Coordinates, Priors, Scaling};
use warpnuts::report::{FunnelGroup, Options, Replicates, Report};
use warpnuts::summary::RunSummary;

use crate::helpers::browser::{self, Look, open};
use crate::helpers::common::{self, Folder};
use crate::helpers::models;
use crate::helpers::pages::{OF_A_RUN, figure, is_complete, run};

/// Largest size of a page, in bytes.
const SIZE: u64 = 3_000_000;

/// Further figures of a comparison of four runs.
const OF_THREE_MORE: [&str; 9] =
    ["trace-2", "rank-2", "pairs-2", "trace-3", "rank-3", "pairs-3", "trace-4", "rank-4", "pairs-4"];

/// Equal to the last bit; a browser writes 0.0 as 0.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

/// Every number of the page that is also in summary.json is equal to it.
fn agrees(found: &Value, run: usize, folder: &Folder, path: &str) {
    let written: Value = serde_json::from_str(&fs::read_to_string(folder.path(path)).unwrap()).unwrap();
    let shown = &found["data"]["summary"]["runs"][run]["summary"];
    for (name, value) in shown.as_object().unwrap() {
        if name != "parameters" {
            assert!(is_same(value, &written[name]), "{name}: {value} and {}", written[name]);
        }
    }
    let parameters = shown["parameters"].as_object().unwrap();
    assert!(parameters.len() >= 3);
    for (name, row) in parameters {
        assert!(is_same(row, &written["parameters"][name]), "{name}: {row}");
    }
    // Tables of the page show these numbers, rounded.
    let tables = found["tables"].as_array().unwrap();
    let of_run = tables.iter().filter(|table| table[0][1] == "mean").nth(run).unwrap().as_array().unwrap();
    for row in &of_run[1..] {
        let name = row[0].as_str().unwrap();
        for (column, field) in
            ["mean", "sd", "q05", "q50", "q95", "mcse_mean", "ess_bulk", "ess_tail"].iter().enumerate()
        {
            let cell = row[column + 1].as_str().unwrap();
            let decimals = cell.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let value = written["parameters"][name][field].as_f64().unwrap();
            assert_eq!(cell, format!("{value:.decimals$}"), "{name} {field}");
        }
    }
}

#[test]
fn radon_is_told_in_figures_and_the_numbers_are_those_of_the_summary() {
    if !browser::is_there() {
        return;
    }
    let folder = Folder::new();
    let page = run(&folder, "compare");
    let size = fs::metadata(&page).unwrap().len();
    eprintln!("{size} bytes");
    assert!(size < SIZE, "{size} bytes");
    let found = open(&page, &Look::default());
    is_complete(&found, &[&OF_A_RUN[..], &OF_THREE_MORE[..]].concat());
    agrees(&found, 0, &folder, "out/centered/summary.json");
    agrees(&found, 1, &folder, "out/non-centered/summary.json");

    let comparison: Value =
        serde_json::from_str(&fs::read_to_string(folder.path("out/comparison.json")).unwrap()).unwrap();
    assert_eq!(found["data"]["summary"]["verdict"], comparison["verdict"]);
    assert_eq!(found["data"]["summary"]["command"], "warpnuts compare --quiet --out out");
    let says = |id: &str, words: &str| {
        let caption = figure(&found, id)["caption"].as_str().unwrap();
        assert!(caption.contains(words), "{id} does not say `{words}`: {caption}");
    };
    says("funnel", "TRAVERSE has 4 observations (number 75, as in the notebook)");
    assert!(
        figure(&found, "funnel")["title"].as_str().unwrap().contains("b[TRAVERSE]"),
        "{}",
        figure(&found, "funnel")["title"]
    );
    says("marginal", "The exact mean, by quadrature, is 0.2592.");
    says("modes", "Centered there is no mode: the log density rises by 84 each time sigma_b is divided by e");
    says("forest", "25 of 85 groups have no estimate of b of their own");
    says("stuck", "the longest stay below");
    assert_eq!(found["data"]["omitted"].as_array().unwrap().len(), 1, "no replicates were kept");
}

#[test]
fn the_page_is_as_good_in_the_dark_and_on_a_narrow_screen() {
    if !browser::is_there() {
        return;
    }
    let folder = Folder::new();
    let page = run(&folder, "sample --chains 4 --warmup 200 --draws 200");
    let light = open(&page, &Look::default());
    let dark = open(&page, &Look { width: 500, dark: true, ..Look::default() });
    is_complete(&light, &OF_A_RUN[..17]);
    is_complete(&dark, &OF_A_RUN[..17]);
    assert_eq!(light["background"], "rgb(255, 255, 255)");
    assert_ne!(dark["background"], light["background"]);
    agrees(&dark, 0, &folder, "out/summary.json");
}

/// Radon's non-centered model, sampled briefly.
fn radon(chains: u32, keep: Keep) -> Sampled {
    let dataset = Arc::new(Dataset::radon().unwrap());
    let parameterization = Coordinates::joint(Centering::NonCentered, dataset.n_coefficients());
    let scaling = Scaling::standardizing(&dataset);
    let model = Arc::new(models::posterior(dataset, Priors::default(), parameterization, scaling));
    let settings = Settings { chains, warmup: 100, draws: 100, keep, ..Settings::default() };
    sample(model, settings, Arc::new(Progress::default())).unwrap()
}

/// Repeats the same chains until there are `chains`.
fn repeated(sampled: Sampled, chains: usize) -> Sampled {
    let (of, draws, variables) = (sampled.draws.chains(), sampled.draws.draws(), sampled.draws.variables());
    let Draws::Memory(memory) = &sampled.draws else { panic!("sampled into memory") };
    let mut many = Memory::new(variables, chains, draws);
    let places = (0..chains * draws).map(|place| (place / draws % of, place % draws));
    let values: Vec<f64> = places
        .clone()
        .flat_map(|(chain, draw)| (0..variables).map(move |i| (i, chain, draw)))
        .map(|(i, chain, draw)| memory.value(i, chain, draw))
        .collect();
    let statistics: Vec<_> = places.map(|(chain, draw)| memory.statistics()[chain * draws + draw]).collect();
    let block = DrawBlock {
        warmup: false,
        chains,
        first_draw: 0,
        draws,
        values: &values,
        effects: None,
        statistics: &statistics,
    };
    many.record(&block).unwrap();
    Sampled { draws: Draws::Memory(many), settings: Settings { chains: chains as u32, ..sampled.settings }, ..sampled }
}

#[test]
fn many_chains_make_no_larger_page() {
    if !browser::is_there() {
        return;
    }
    let sampled = repeated(radon(64, Keep::Hyper), 16_384);
    let mut report = Report::new(Options { runs: 1, ..Options::default() });
    report.add(&sampled, &RunSummary::of(&sampled));
    let folder = Folder::new();
    let page = folder.path("report.html");
    report.write(&page).unwrap();
    let size = fs::metadata(&page).unwrap().len();
    eprintln!("{size} bytes");
    assert!(size < SIZE, "{size} bytes");
    let found = open(&page, &Look::default());
    let without_effects = ["trace-1", "rank-1", "stuck", "marginal", "energy", "autocorrelation", "ess", "pairs-1"];
    is_complete(&found, &without_effects);
    assert!(figure(&found, "trace-1")["caption"].as_str().unwrap().contains("6 of the 16384 chains"));
    assert!(figure(&found, "rank-1")["caption"].as_str().unwrap().contains("16 of the 16384 chains"));
    assert!(found["data"]["omitted"][0].as_str().unwrap().contains("--keep hyper"));
}

/// Four to eight observations in each group, with two predictors, `name` and `z`.
fn data(groups: &[String], name: &str) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["g", "y", name, "z"]).unwrap();
    for (j, group) in groups.iter().enumerate() {
        for i in 0..4 + j % 5 {
            let place = (7 * j + 3 * i) as f64;
            let [x, z, noise] = [place.sin(), (1.7 * place).cos(), (12.9 * place).sin()];
            let y = 1.0 + (j as f64).sin() + (0.5 + 0.3 * (2.0 * j as f64).cos()) * x + noise;
            writer.write_record([group, &y.to_string(), &x.to_string(), &z.to_string()]).unwrap();
        }
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

#[test]
fn names_are_shown_and_never_executed() {
    if !browser::is_there() {
        return;
    }
    let long = "long ".repeat(40).trim().to_string();
    let names = [
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "\"quoted\" & 'apostrophes' <!-- \\ \\u003c",
        "🦆 ducks \u{202e}backwards\u{2028} on two lines",
        &long,
        "__proto__",
    ]
    .map(str::to_string);
    let predictor = "<b onclick=alert(3)>dose</b>";
    let folder = Folder::with("nasty.csv", data(&names, predictor));
    let mut command =
        folder.command("compare --data nasty.csv --group g --outcome y --predictor z --chains 4 --quiet --out out");
    let ran = common::Ran::of(command.args(["--predictor", predictor, "--funnel-group", &names[0]]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let found = open(&folder.path("out/report.html"), &Look::default());
    is_complete(&found, &[&OF_A_RUN[..], &OF_THREE_MORE[..]].concat());
    // The page's own scripts, and the two of the probe.
    assert_eq!(found["scripts"], 5, "no name has become an element");
    let forest = figure(&found, "forest");
    for name in &names {
        assert!(forest["text"].as_str().unwrap().contains(name), "{name:?} is shown whole");
        assert!(forest["csv"].as_str().unwrap().contains(&name.replace('"', "\"\"")), "{name:?} is in the CSV");
    }
    assert!(figure(&found, "funnel")["title"].as_str().unwrap().contains(&names[0]));
    assert!(found["text"].as_str().unwrap().contains(predictor));
}

#[test]
fn three_groups_and_no_predictor_are_enough() {
    if !browser::is_there() {
        return;
    }
    let names = ["north", "south", "west"].map(str::to_string);
    let folder = Folder::with("few.csv", data(&names, "x"));
    let page = run(&folder, "compare --data few.csv --group g --outcome y --chains 2 --warmup 300 --draws 300");
    let found = open(&page, &Look::default());
    let without_columns =
        OF_A_RUN.iter().chain(&OF_THREE_MORE).copied().filter(|id| !["columns", "average-effects"].contains(id));
    is_complete(&found, &without_columns.collect::<Vec<&str>>());
    let title = figure(&found, "funnel")["title"].as_str().unwrap();
    assert!(title.contains("a[north]") && title.contains("sigma_a"), "{title}");
}

#[test]
fn three_thousand_groups_are_searched() {
    if !browser::is_there() {
        return;
    }
    let names: Vec<String> = (0..3000).map(|j| format!("site {j}")).collect();
    let folder = Folder::with("many.csv", data(&names, "x"));
    let page = run(
        &folder,
        "sample --data many.csv --group g --outcome y --predictor x --predictor z --chains 2 --warmup 60 --draws 40",
    );
    assert!(fs::metadata(&page).unwrap().len() < SIZE);
    let search = r#"
        const forest = document.getElementById("forest");
        const count = () => forest.querySelectorAll('.panels [aria-label="text"] title').length;
        const before = count();
        const box = forest.querySelector('input[type="search"]');
        box.value = "SITE 123";
        box.dispatchEvent(new Event("input"));
        return { before, after: count(), text: forest.textContent };"#;
    let found = open(&page, &Look { extra: search, ..Look::default() });
    // Of 80 draws no p-value is small enough for checks.
    is_complete(&found, &OF_A_RUN[5..17]);
    assert!(found["data"]["omitted"].to_string().contains("held against replicates"), "{}", found["data"]["omitted"]);
    assert_eq!(found["extra"]["before"], 40, "the smallest and the largest twenty");
    // 123 and 1230 to 1239.
    assert_eq!(found["extra"]["after"], 11);
    assert!(found["extra"]["text"].as_str().unwrap().contains("site 1234"));
}

#[test]
fn replicates_are_held_against_the_observed() {
    if !browser::is_there() {
        return;
    }
    let sampled = radon(4, Keep::All);
    let mut report = Report::new(Options {
        command: "made up".into(),
        runs: 1,
        funnel_group: Some(FunnelGroup { factor: 0, level: 3 }),
    });
    report.add(&sampled, &RunSummary::of(&sampled));
    let observed = sampled.model.dataset().outcome().to_vec();
    let replicates = (0..50).flat_map(|i| observed.iter().rev().map(move |y| y + 0.01 * f64::from(i))).collect();
    report.predictive(&Replicates { run: "non-centered".into(), outcome: "log_radon".into(), observed, replicates });
    let folder = Folder::new();
    let page = folder.path("report.html");
    report.write(&page).unwrap();
    let found = open(&page, &Look::default());
    is_complete(&found, &[&OF_A_RUN[..17], &["predictive"]].concat());
    let caption = figure(&found, "predictive")["caption"].as_str().unwrap();
    assert!(caption.contains("50 replicates") && caption.contains("0.99 of replicates are above"), "{caption}");
    assert_eq!(found["data"]["omitted"], serde_json::json!([]));
}

#[test]
fn the_report_is_made_again_from_what_is_stored() {
    let folder = Folder::new();
    let line = "--chains 4 --warmup 200 --draws 100 --out";
    for made in [format!("compare {line} both"), format!("sample --posterior-predictive {line} one")] {
        assert!([0, 3].contains(&folder.run(&made).code));
    }
    let read = |run: &str| std::fs::read_to_string(folder.path(run).join("report.html")).unwrap();
    for run in ["both", "one"] {
        let before = read(run);
        std::fs::remove_file(folder.path(run).join("report.html")).unwrap();
        let ran = folder.run(&format!("report {run}"));
        assert_eq!((ran.code, ran.stdout), (0, format!("Written: {run}/report.html\n")), "{}", ran.stderr);
        let after = read(run);
        // Except for the command line: the same figures of the same draws.
        let figures = |page: &str| page.split("\"figures\":").nth(1).map(str::to_owned).unwrap();
        assert_eq!(figures(&before), figures(&after), "{run}");
    }
    let has_replicates = |run: &str| read(run).contains("\"id\":\"predictive\"");
    assert!(has_replicates("one") && !has_replicates("both"));
    let refused = folder.run("report nowhere");
    assert!(refused.code == 2 && refused.stderr.contains("nowhere does not exist"), "{refused:?}");
    let refused = folder.run("report one --funnel-group nobody");
    assert!(refused.code == 2 && refused.stderr.contains("nobody"), "{refused:?}");
}

#[test]
fn a_bench_is_drawn_as_a_line_for_each_engine() {
    if !browser::is_there() {
        return;
    }
    let folder = Folder::new();
    let page = run(&folder, "bench --engine cpu --chains 1,4,16 --budget 3s");
    let found = open(&page, &Look::default());
    is_complete(&found, &["throughput"]);
    let csv = figure(&found, "throughput")["csv"].as_str().unwrap();
    assert!(csv.contains("gradients a second,cpu,groups,16,"), "{csv}");
}

// Without a browser

#[test]
fn the_report_is_left_out_where_it_is_not_wanted() {
    let folder = Folder::new();
    let ran = folder.run("sample --chains 2 --warmup 20 --draws 10 --no-report --out out");
    assert!(!folder.path("out/report.html").exists() && folder.path("out/summary.json").exists(), "{ran:?}");
    assert!(!ran.stdout.contains("report.html"));
}

#[test]
fn a_group_that_is_not_there_is_refused_before_anything_is_made() {
    let folder = Folder::new();
    let ran = folder.run("compare --funnel-group ATLANTIS --out out");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("there is no county `ATLANTIS`") && ran.stderr.contains("0 to 84"), "{}", ran.stderr);
    assert!(folder.contents().is_empty());
}

#[test]
fn densities_are_sketched_on_the_terminal() {
    let folder = Folder::new();
    let ran = folder.run("compare --chains 4 --warmup 200 --draws 200 --no-report --quiet --out out");
    let sketched = ran.stdout.split_once("Density of sigma_b:\n").unwrap().1;
    let lines: Vec<&str> = sketched.lines().take(5).collect();
    for (line, name) in lines.iter().zip(["centered", "non-centered", "marginal", "independent", "exact"]) {
        assert!(line.starts_with(name) && line.contains('█') | line.contains('▇'), "{line}");
    }
}
