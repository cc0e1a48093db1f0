//! `warpnuts sample` and `warpnuts compare` as programs: output, files and exit codes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};

use serde_json::{Value, json};

use crate::helpers::chance;
use crate::helpers::common::{Folder, Ran};
use crate::helpers::stored::same_bytes;

/// Options for the columns of the pupils.
const PUPILS: &str = "--data pupils.csv --group school --outcome score --predictor hours --predictor ses";

/// Hyperparameters of the pupils' model.
const PUPILS_HYPERPARAMETERS: [&str; 7] =
    ["mu_a", "mu_b[hours]", "mu_b[ses]", "sigma_a", "sigma_b[hours]", "sigma_b[ses]", "eps"];

/// The columns of summary.csv after the name; each is a field of summary.json, too.
const STATISTICS: [&str; 10] =
    ["mean", "sd", "q05", "q50", "q95", "mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "rhat"];

/// A run that ends at once, whatever its draws are worth.
const TINY: &str = "--chains 2 --warmup 20 --draws 10";

// Readers of output

/// Contents of a folder, as text.
type Files = BTreeMap<String, String>;

fn files(folder: &Folder) -> Files {
    // The contents of stores are tested in tests/store.rs.
    let all = folder
        .contents()
        .into_iter()
        .filter(|(name, _)| !name.contains("draws.zarr/") || name.ends_with("draws.zarr/"));
    all.map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned())).collect()
}

fn json(files: &Files, name: &str) -> Value {
    serde_json::from_str(&files[name]).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// A CSV file: its header, and its rows.
fn table(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
    (rows.next().unwrap(), rows.collect())
}

/// The first cell of each row.
fn names(csv: &str) -> Vec<String> {
    table(csv).1.into_iter().map(|mut row| row.swap_remove(0)).collect()
}

/// Runs a command line, and returns the files it has written.
fn run(folder: &Folder, line: &str) -> (Ran, Files) {
    let ran = folder.run(line);
    assert!([0, 3].contains(&ran.code), "{line}: {ran:?}");
    (ran, files(folder))
}

/// The summary of a run on radon.
fn radon(line: &str) -> Value {
    let (_, files) = run(&Folder::new(), &format!("sample {line} --out out"));
    json(&files, "out/summary.json")
}

// Data

/// Pseudo-random numbers, the same in every run of the tests.
struct Noise(u64);

impl Noise {
    /// Splitmix64 (Steele, Lea and Flood 2014).
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (-53f64).exp2()
    }

    /// Approximately normal: the sum of twelve uniforms.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Twelve pupils in each of thirty schools; scores in units of `score_unit`, hours in units of `hours_unit`.
fn pupils(score_unit: f64, hours_unit: f64) -> String {
    let mut noise = Noise(1);
    let mut csv = "school,hours,ses,score\n".to_string();
    for school in 0..30 {
        let (base, slope) = (40.0 + 5.0 * noise.normal(), 3.0 + 2.0 * noise.normal());
        for _ in 0..12 {
            let (hours, ses) = (2.0 + noise.normal(), noise.normal());
            let score = base + slope * hours + 2.0 * ses + 4.0 * noise.normal();
            csv += &format!("school {school},{:e},{ses},{:e}\n", hours / hours_unit, score / score_unit);
        }
    }
    csv
}

fn pupils_folder() -> Folder {
    Folder::with("pupils.csv", pupils(1.0, 1.0))
}

/// A folder with data like `pupils.csv`, with the calendar year as the only predictor.
fn years() -> Folder {
    let mut noise = Noise(2);
    let mut csv = "town,year,rain\n".to_string();
    for town in 0..10 {
        let (level, trend) = (700.0 + 50.0 * noise.normal(), 4.0 + noise.normal());
        for year in 2001..2021 {
            csv += &format!("{town},{year},{}\n", level + trend * f64::from(year - 2010) + 30.0 * noise.normal());
        }
    }
    Folder::with("rain.csv", csv)
}

// compare, on radon, with defaults

/// What `warpnuts compare` prints and writes; and what `verify` makes of each of its runs.
struct Compared {
    ran: Ran,
    files: Files,
    verified: [Ran; 4],
}

fn compared() -> &'static Compared {
    static COMPARED: LazyLock<Compared> = LazyLock::new(|| {
        let folder = Folder::new();
        let (ran, files) = (folder.run("compare"), files(&folder));
        Compared { ran, files, verified: RUNS.map(|name| folder.run(&format!("verify {name}"))) }
    });
    &COMPARED
}

/// The runs, of which the first three have chains, and their folders.
const NAMES: [&str; 4] = ["centered", "non-centered", "marginal", "independent"];
const RUNS: [&str; 4] =
    ["runs/compare-1/centered", "runs/compare-1/non-centered", "runs/compare-1/marginal", "runs/compare-1/independent"];

#[test]
fn compare_succeeds_although_the_centered_run_fails() {
    let Compared { ran, files, .. } = compared();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let comparison = json(files, "runs/compare-1/comparison.json");
    let trustworthy = [0, 1, 2, 3].map(|run| comparison["runs"][run]["trustworthy"].as_bool().unwrap());
    assert_eq!(trustworthy, [false, true, true, true]);
}

#[test]
fn compare_prints_a_row_for_each_run() {
    let rows: Vec<Vec<&str>> = compared().ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let comparison = json(&compared().files, "runs/compare-1/comparison.json");
    for (i, name) in NAMES.into_iter().enumerate() {
        let row = rows.iter().find(|row| row.first() == Some(&name)).unwrap_or_else(|| panic!("no row for {name}"));
        let run = &comparison["runs"][i];
        assert_eq!(run["name"], name);
        if name == "independent" {
            let about_chains = ["divergences", "max_rhat", "leapfrogs_per_draw", "step_size", "gradients_per_second"];
            assert!(about_chains.iter().all(|field| run[field].is_null()), "{run}");
            assert_eq!((row[1], row[2]), ("-", "-"));
            assert_eq!([&run["repeated"], &run["min_ess_bulk"]["value"]], [&json!(0), &json!(16000.0)]);
            assert_eq!(rows[1 + rows.iter().position(|other| other == row).unwrap()][..2], ["all", "all"]);
        } else {
            assert_eq!(row[1], run["divergences"].to_string());
            assert_eq!(row[2], format!("{:.3}", number(&run["max_rhat"]["value"])));
        }
        assert_eq!(row[3], format!("{:.0}", number(&run["min_ess_bulk"]["value"])));
    }
}

#[test]
fn compare_distrusts_the_centered_run_and_recommends_independent_draws_or_marginal_chains() {
    let verdict = compared().ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(verdict.contains("The centered run is not to be trusted"), "{verdict}");
    assert!(verdict.contains("The non-centered run looks sound"), "{verdict}");
    assert!(verdict.contains("The marginal run looks sound"), "{verdict}");
    assert!(
        verdict.contains("The independent run looks sound: its 16000 draws come from a certified proposal and are"),
        "{verdict}"
    );
    assert!(verdict.contains("independent, and none was repeated."), "{verdict}");
    assert!(verdict.contains("Use --sampler independent. Where a sigma may be small"), "{verdict}");
    assert!(verdict.contains("Of chains, use --parameterization marginal."), "{verdict}");
    assert_eq!(json(&compared().files, "runs/compare-1/comparison.json")["best"], "independent");
}

#[test]
fn compare_says_which_run_is_right_and_by_how_much_the_other_is_wrong() {
    let Compared { ran, files, .. } = compared();
    let verdict = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let comparison = json(files, "runs/compare-1/comparison.json");
    let exact = number(&comparison["exact"]["mean"]);
    let [centered, others @ ..] = [0, 1, 2, 3].map(|run| &comparison["against_exact"][run]);
    let row = &comparison["runs"][0]["focus"];
    let error = number(&row["mean"]) - exact;
    assert_eq!((&centered["agrees"], others.map(|run| &run["agrees"])), (&false.into(), [&true.into(); 3]));
    assert_eq!(centered["worst"], "sigma_b");
    assert!((number(&centered["error"]) - error).abs() < 1e-12);
    let errors = error / number(&row["mcse_mean"]);
    assert!((number(&centered["standard_errors"]) - errors).abs() < 1e-9 && errors > 3.0, "{errors}");
    let words = format!("centered over-estimates sigma_b by {error:.4} ({errors:.1} standard errors)");
    assert!(verdict.contains(&words), "{words}: {verdict}");
    assert!(
        verdict.contains("non-centered, marginal and independent agree with the exact answer in every hyperparameter"),
        "{verdict}"
    );
}

#[test]
fn compare_takes_any_list_of_parameterizations() {
    let line =
        "compare --chains 8 --warmup 300 --draws 500 --parameterizations marginal,a=centered,b=non-centered --out out";
    let (ran, files) = run(&Folder::new(), line);
    let comparison = json(&files, "out/comparison.json");
    for (i, name) in ["marginal", "a=centered,b=non-centered"].into_iter().enumerate() {
        assert_eq!(comparison["runs"][i]["name"], name);
        assert!(number(&comparison["runs"][i]["ess_per_second"]) > 0.0);
        assert_eq!(json(&files, &format!("out/{name}/summary.json"))["parameterization"], name);
        assert_eq!(names(&files[&format!("out/{name}/summary.csv")]).len(), 175);
        assert!(ran.stdout.lines().any(|line| line.trim_start().starts_with(name)), "{}", ran.stdout);
    }
    let alone = run(&Folder::new(), &format!("compare {TINY} --parameterizations marginal --out out")).1;
    assert_eq!(json(&alone, "out/comparison.json")["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn compare_draws_independently_as_sample_does() {
    let folder = Folder::new();
    let alone = run(&folder, "compare --parameterizations independent --no-report --out compared").0;
    assert!(alone.stdout.contains("sampler independent: no chains") && !alone.stdout.contains("warm-up"), "{alone:?}");
    run(&folder, "sample --no-report --out sampled");
    same_bytes(&folder, "compared/independent", "sampled");
}

#[test]
fn compare_says_why_it_has_no_independent_draws() {
    let folder = Folder::new();
    let wide = "--predictor floor --predictor activity --predictor pcterr --predictor adjwt --predictor zip";
    let (ran, files) = run(&folder, &format!("compare {TINY} {wide} --out out"));
    let why = "No row `independent`, for draws of this model cannot be independent: the model has 7 scales";
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(why), "{said}");
    let comparison = json(&files, "out/comparison.json");
    assert!(comparison["no_independent"].as_str().unwrap().contains("7 scales"), "{comparison}");
    assert_eq!(comparison["runs"].as_array().unwrap().len(), 3);
    for page in [files["out/report.html"].clone(), {
        std::fs::remove_file(folder.path("out/report.html")).unwrap();
        run(&folder, "report out").1["out/report.html"].clone()
    }] {
        assert!(page.contains(why));
    }
    let refused = folder.run(&format!("compare {TINY} {wide} --parameterizations independent --out no"));
    assert!(refused.code == 2 && refused.stderr.contains("7 scales") && !folder.path("no").exists(), "{refused:?}");
}

#[test]
fn a_marginal_run_keeps_all_or_the_hyperparameters_only() {
    let line = |more: &str| {
        format!(
            "sample {PUPILS} --chains 4 --warmup 200 --draws 200 --save-draws --out out --parameterization marginal {more}"
        )
    };
    let all = run(&pupils_folder(), &line("")).1;
    let hyper = run(&pupils_folder(), &line("--keep hyper")).1;
    let [all_rows, hyper_rows] = [&all, &hyper].map(|files| table(&files["out/draws.csv"]));
    assert_eq!((all_rows.0.len(), hyper_rows.0.len()), (10 + 7 + 90, 10 + 7));
    assert!(hyper_rows.1.iter().zip(&all_rows.1).all(|(hyper, all)| hyper[..] == all[..hyper.len()]));
    // A group effect: 200 draws of each of four chains, all different.
    let effect: BTreeSet<&String> = all_rows.1.iter().map(|row| &row[20]).collect();
    assert_eq!(effect.len(), 800);
    same_rows(&all, "out");
}

#[test]
fn compare_names_the_files_that_it_wrote_and_no_other() {
    let Compared { ran, files, .. } = compared();
    let (_, end) = ran.stdout.split_once("Written: ").unwrap();
    let named: BTreeSet<&str> = end.split([',', ' ', '\n']).filter(|word| !word.is_empty()).collect();
    // A store is a folder; the output names no other folder.
    let stores = files.keys().filter(|name| name.ends_with("draws.zarr/")).map(|name| name.trim_end_matches('/'));
    let there: BTreeSet<&str> =
        files.keys().map(String::as_str).filter(|name| !name.ends_with('/')).chain(stores).collect();
    assert_eq!(named, there);
    assert_eq!(there.len(), 14);
}

#[test]
fn comparison_json_says_how_far_the_runs_differ() {
    let comparison = json(&compared().files, "runs/compare-1/comparison.json");
    let [centered, other] = [0, 3].map(|run| &comparison["runs"][run]["focus"]);
    let difference = &comparison["differences"][0];
    assert_eq!(comparison["focus"], "sigma_b");
    assert_eq!(difference["name"], "centered");
    let mean_difference = number(&centered["mean"]) - number(&other["mean"]);
    let standard_error = number(&centered["mcse_mean"]).hypot(number(&other["mcse_mean"]));
    assert!((number(&difference["mean_difference"]) - mean_difference).abs() < 1e-12);
    assert!((number(&difference["standard_error"]) - standard_error).abs() < 1e-12);
    assert!((number(&difference["standard_errors"]) - mean_difference / standard_error).abs() < 1e-9);
}

#[test]
fn summary_json_tells_how_a_run_was_made() {
    for (run, name) in RUNS.into_iter().zip(NAMES) {
        let summary = json(&compared().files, &format!("{run}/summary.json"));
        assert_eq!(summary["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(summary["engine"], "cpu");
        assert!(!summary["adapter"].as_str().unwrap().is_empty());
        let independent = name == "independent";
        assert_eq!(summary["parameterization"], if independent { "marginal" } else { name });
        assert_eq!(summary["settings"]["sampler"], if independent { "independent" } else { "nuts" });
        assert_eq!((&summary["data"]["observations"], &summary["data"]["groups"]), (&919.into(), &85.into()));
        assert_eq!(summary["seed"], 1);
        let warmup = if independent { 0 } else { 1000 };
        let defaults = [("chains", 16), ("warmup", warmup), ("draws", 1000), ("seed", 1), ("first_chain", 0)];
        for (setting, value) in defaults {
            assert_eq!(summary["settings"][setting], value, "{setting}");
        }
        assert_eq!((&summary["interrupted"], &summary["draws"]), (&false.into(), &1000.into()));
        let parts = |field: &str| ["warmup", "sampling", "total"].map(|part| number(&summary[field][part]));
        let [warmup, sampling, total] = parts("gradient_evaluations");
        assert_eq!(warmup + sampling, total);
        assert!((number(&summary["leapfrogs_per_draw"]) - sampling / 16_000.0).abs() < 1e-9);
        let [warmup, sampling, total] = parts("wall_seconds");
        assert!((warmup > 0.0) != independent && sampling > 0.0 && warmup + sampling <= total);
    }
}

#[test]
fn summary_json_tells_how_a_run_went() {
    for run in RUNS {
        let summary = json(&compared().files, &format!("{run}/summary.json"));
        assert!((number(&summary["step_size"]) > 0.0) != run.ends_with("independent"));
        assert!((0.6..0.95).contains(&number(&summary["acceptance"])));
        assert!(summary["divergences"].is_u64());
        assert!(number(&summary["e_bfmi"]["min"]) <= number(&summary["e_bfmi"]["mean"]));
        for (extreme, statistic) in [("max_rhat", "rhat"), ("min_ess_bulk", "ess_bulk"), ("min_ess_tail", "ess_tail")] {
            let parameters = summary["parameters"].as_object().unwrap();
            let values = parameters.values().map(|row| number(&row[statistic]));
            let expected = if extreme == "max_rhat" { values.reduce(f64::max) } else { values.reduce(f64::min) };
            let whose = summary[extreme]["parameter"].as_str().unwrap();
            assert_eq!(number(&summary[extreme]["value"]), expected.unwrap(), "{extreme}");
            assert_eq!(number(&parameters[whose][statistic]), expected.unwrap(), "{extreme} is not {whose}'s");
        }
    }
}

#[test]
fn variables_are_named_and_ordered_as_in_the_model() {
    let (header, homes) = table(include_str!("../data/radon.csv"));
    let county = header.iter().position(|column| column == "county").unwrap();
    let mut counties: Vec<&str> = Vec::new();
    for home in &homes {
        if !counties.contains(&home[county].as_str()) {
            counties.push(&home[county]);
        }
    }
    let mut expected = ["mu_a", "mu_b", "sigma_a", "sigma_b", "eps"].map(str::to_owned).to_vec();
    for effect in ["a", "b"] {
        expected.extend(counties.iter().map(|county| format!("{effect}[{county}]")));
    }
    assert_eq!((expected.len(), expected[5].as_str(), expected[90].as_str()), (175, "a[AITKIN]", "b[AITKIN]"));
    for run in RUNS {
        assert_eq!(names(&compared().files[&format!("{run}/summary.csv")]), expected);
        // A parsed object has forgotten its order.
        let text = &compared().files[&format!("{run}/summary.json")];
        let keys = text.lines().filter_map(|line| line.strip_prefix("    \"")?.strip_suffix("\": {"));
        assert_eq!(keys.filter(|key| expected.iter().any(|name| name == key)).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn summary_csv_says_what_summary_json_says() {
    for run in RUNS {
        same_rows(&compared().files, run);
    }
}

fn same_rows(files: &Files, run: &str) {
    let (header, rows) = table(&files[&format!("{run}/summary.csv")]);
    assert_eq!(header[0], "parameter");
    assert_eq!(header[1..], STATISTICS);
    let summary = json(files, &format!("{run}/summary.json"));
    assert_eq!(summary["parameters"].as_object().unwrap().len(), rows.len());
    for row in rows {
        for (statistic, cell) in STATISTICS.into_iter().zip(&row[1..]) {
            let cell: f64 = cell.parse().unwrap();
            match summary["parameters"][&row[0]][statistic].as_f64() {
                // A parser of JSON may err in the last bit.
                Some(value) => assert!((value - cell).abs() <= 1e-15 * cell.abs(), "{statistic} of {}", row[0]),
                None => assert!(cell.is_nan(), "{statistic} of {} is null, and {cell}", row[0]),
            }
        }
    }
}

#[test]
fn the_radon_posterior_is_the_notebooks() {
    let summary = json(&compared().files, "runs/compare-1/non-centered/summary.json");
    let mean = |name: &str| number(&summary["parameters"][name]["mean"]);
    let known = [("mu_a", 1.49, 0.01), ("mu_b", -0.65, 0.01), ("sigma_a", 0.325, 0.005), ("sigma_b", 0.260, 0.012)];
    for (name, value, tolerance) in known {
        assert!((mean(name) - value).abs() < tolerance, "{name}: {}", mean(name));
    }
    assert!((mean("b[AITKIN]") + 0.61).abs() < 0.02 && (mean("b[MARSHALL]") + 0.974).abs() < 0.04);
}

#[test]
fn compare_shows_digits_of_numbers_however_small() {
    let folder = Folder::with("pupils.csv", pupils(1e9, 1.0));
    let (ran, files) = run(&folder, &format!("compare {PUPILS} --chains 4 --warmup 100 --draws 50 --out out"));
    let comparison = json(&files, "out/comparison.json");
    let focus = comparison["focus"].as_str().unwrap();
    let difference = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, difference) = difference.split_once(&format!("The mean of {focus} in the ")).unwrap();
    let shown = |before: &str| -> f64 {
        let (_, behind) = difference.split_once(before).unwrap();
        behind.split([' ', ')']).next().unwrap().parse().unwrap()
    };
    let meant = |field: &str| number(&comparison["differences"][0][field]).abs();
    let error = meant("standard_error");
    assert!((shown("run is ") - meant("mean_difference")).abs() < 0.1 * error, "{difference}");
    assert!((shown("(of ") - error).abs() < 0.1 * error, "{difference}");
    assert!(!ran.stdout.contains(" 0.0000"), "{}", ran.stdout);
}

// sample, on pupils in schools

/// Output and files of `warpnuts sample` on the pupils.
fn sampled() -> &'static (Ran, Files) {
    static SAMPLED: OnceLock<(Ran, Files)> = OnceLock::new();
    SAMPLED.get_or_init(|| {
        let folder = pupils_folder();
        let line = format!("sample {PUPILS} --chains 8 --warmup 300 --draws 500 --save-draws --out out");
        (folder.run(&line), files(&folder))
    })
}

/// The names that start the lines of the printed table.
fn printed(stdout: &str) -> Vec<String> {
    let lines = stdout.lines().skip_while(|line| !line.contains("MCSE")).skip(1).take_while(|line| !line.is_empty());
    // A name may contain blanks; nine numbers follow.
    lines.map(|line| line.split_whitespace().rev().skip(9).collect::<Vec<_>>()).map(reversed).collect()
}

fn reversed(words: Vec<&str>) -> String {
    words.into_iter().rev().collect::<Vec<_>>().join(" ")
}

#[test]
fn sample_prints_a_row_for_each_hyperparameter() {
    let (ran, _) = sampled();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    assert_eq!(printed(&ran.stdout), PUPILS_HYPERPARAMETERS);
    assert!(
        ran.stdout.starts_with("360 observations in 30 groups from pupils.csv, marginal\n8 chains x 500 draws in ")
    );
    assert!(ran.stdout.contains("Written: out/summary.json, out/summary.csv, out/draws.zarr, out/draws.csv"));
}

#[test]
fn all_prints_the_group_effects_too() {
    let folder = pupils_folder();
    let (ran, files) = run(&folder, &format!("sample {PUPILS} {TINY} --all --out out"));
    let expected = names(&files["out/summary.csv"]);
    assert_eq!((expected.len(), expected[7].as_str()), (7 + 3 * 30, "a[school 0]"));
    assert_eq!((expected[37].as_str(), expected[96].as_str()), ("b[hours,school 0]", "b[ses,school 29]"));
    assert_eq!(printed(&ran.stdout), expected);
}

#[test]
fn sample_finds_what_the_pupils_were_made_of() {
    let summary = json(&sampled().1, "out/summary.json");
    let made_of = [40.0, 3.0, 2.0, 5.0, 2.0, 0.0, 4.0];
    for (name, truth) in PUPILS_HYPERPARAMETERS.into_iter().zip(made_of) {
        let row = &summary["parameters"][name];
        let distance = (number(&row["mean"]) - truth) / number(&row["sd"]);
        assert!(distance.abs() < 4.0, "{name} is {distance} sds off");
    }
}

#[test]
fn summary_csv_says_what_summary_json_says_of_several_predictors() {
    same_rows(&sampled().1, "out");
}

#[test]
fn draws_csv_has_a_line_a_draw_and_the_means_of_the_summary() {
    let files = &sampled().1;
    let (header, rows) = table(&files["out/draws.csv"]);
    assert_eq!(header[..2], ["chain", "draw"]);
    assert_eq!(header[10..], names(&files["out/summary.csv"]));
    let places: Vec<String> = rows.iter().map(|row| row[..2].join(" ")).collect();
    let expected: Vec<String> = (0..8 * 500).map(|row| format!("{} {}", row / 500, row % 500)).collect();
    assert_eq!(places, expected);
    let summary = json(files, "out/summary.json");
    let column = |i: usize| rows.iter().map(move |row| row[i].parse::<f64>().unwrap());
    for (i, name) in header.iter().enumerate().skip(10) {
        let mean = column(i).sum::<f64>() / rows.len() as f64;
        let row = &summary["parameters"][name];
        assert!((mean - number(&row["mean"])).abs() < 1e-9 * number(&row["sd"]), "{name}");
    }
    let statistic = |name: &str| column(header.iter().position(|column| column == name).unwrap()).sum::<f64>();
    assert_eq!(statistic("n_steps"), number(&summary["gradient_evaluations"]["sampling"]));
    assert_eq!(statistic("diverging"), number(&summary["divergences"]));
}

#[test]
fn keep_hyper_keeps_the_hyperparameters_only() {
    let folder = pupils_folder();
    let (_, files) = run(&folder, &format!("sample {PUPILS} {TINY} --keep hyper --save-draws --out out"));
    assert_eq!(names(&files["out/summary.csv"]), PUPILS_HYPERPARAMETERS);
    assert_eq!(table(&files["out/draws.csv"]).0[10..], PUPILS_HYPERPARAMETERS);
    let everything = run(&pupils_folder(), &format!("sample {PUPILS} {TINY} --save-draws --out out")).1;
    let [kept, all] = [&files, &everything].map(|files| table(&files["out/draws.csv"]).1);
    assert!(kept.iter().zip(&all).all(|(kept, all)| kept[..] == all[..kept.len()]), "the draws themselves differ");
}

#[test]
fn quiet_or_not_no_progress_goes_to_what_is_no_terminal() {
    for line in [format!("sample {TINY}"), format!("sample {TINY} --quiet"), format!("compare {TINY} -q")] {
        let (ran, _) = run(&Folder::new(), &line);
        assert_eq!(ran.stderr, "", "{line}");
        assert!(ran.stdout.contains("Written: runs/"), "{line}");
        assert!(!ran.stdout.contains(['\x1b', '\r']), "{line}");
    }
}

// Folders

#[test]
fn every_run_has_a_new_folder_and_overwrites_none() {
    let folder = Folder::new();
    let (_, first) = run(&folder, &format!("sample {TINY}"));
    let (ran, both) = run(&folder, &format!("sample {TINY} --seed 2"));
    assert!(ran.stdout.contains("Written: runs/sample-2/summary.json"), "{}", ran.stdout);
    assert!(first.iter().all(|(name, text)| both.get(name) == Some(text)), "the first run's files have changed");
    assert_ne!(both["runs/sample-1/summary.csv"], both["runs/sample-2/summary.csv"]);
    let (_, three) = run(&folder, &format!("compare {TINY}"));
    assert!(three.contains_key("runs/compare-1/comparison.json"));
    assert_eq!(three.len(), both.len() + 19);
}

#[test]
fn out_makes_the_folders_above_it() {
    let (_, files) = run(&Folder::new(), &format!("sample {TINY} --out a/b/c"));
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["a/", "a/b/", "a/b/c/", "a/b/c/draws.zarr/", "a/b/c/report.html", "a/b/c/summary.csv", "a/b/c/summary.json"]
    );
}

// Exit codes

#[test]
fn a_sample_that_is_not_to_be_trusted_ends_with_3_and_says_what_to_do() {
    let folder = Folder::new();
    let ran = folder.run("sample --parameterization centered --chains 4 --warmup 500 --draws 500");
    assert_eq!((ran.code, ran.stderr.as_str()), (3, ""));
    let warnings = ran.stdout.lines().filter(|line| line.starts_with("warning: ")).count();
    let remedies: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("  What to do: ")).collect();
    assert!(warnings > 0 && remedies.len() == warnings, "{}", ran.stdout);
    assert!(remedies.iter().any(|remedy| remedy.contains("--parameterization marginal")), "{}", ran.stdout);
    assert!(ran.stdout.contains("Written: runs/sample-1/summary.json"));
}

#[test]
fn too_few_draws_end_with_3() {
    let (ran, files) = run(&Folder::new(), "sample --chains 4 --warmup 50 --draws 1 --out out");
    assert_eq!(ran.code, 3);
    assert!(ran.stdout.contains("1 draw a chain is too little"), "{}", ran.stdout);
    let summary = json(&files, "out/summary.json");
    assert!(summary["max_rhat"].is_null() && summary["parameters"]["mu_a"]["rhat"].is_null());
}

#[test]
fn many_short_chains_are_judged_by_nested_rhat() {
    let (ran, files) = run(&Folder::new(), "sample --chains 256 --warmup 200 --draws 20 --out out");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    assert!(ran.stdout.contains("nested R-hat"), "{}", ran.stdout);
    let summary = json(&files, "out/summary.json");
    let largest = number(&summary["max_nested_rhat"]["value"]);
    assert!((0.999..1.1).contains(&largest), "{largest}");
    let whose = summary["max_nested_rhat"]["parameter"].as_str().unwrap();
    assert_eq!(number(&summary["parameters"][whose]["nested_rhat"]), largest);
    let few = radon(TINY);
    assert!(few["max_nested_rhat"].is_null() && few["parameters"]["mu_a"].get("nested_rhat").is_none());
}

// The same draws, and draws of the same

#[test]
fn the_same_seed_gives_the_same_draws_on_any_number_of_threads() {
    let draws = |line: &str| {
        let line = format!("sample --chains 5 --warmup 60 --draws 20 --save-draws --out out {line}");
        let (_, mut files) = run(&Folder::new(), &line);
        (files.remove("out/draws.csv").unwrap(), files.remove("out/summary.csv").unwrap())
    };
    let once = draws("--seed 7 --threads 1");
    assert!(once == draws("--seed 7 --threads 2"), "threads matter");
    assert!(once == draws("--seed 7"), "the second run differs");
    assert!(once.0 != draws("--seed 8 --threads 1").0, "the seed does not matter");
}

#[test]
fn both_likelihoods_sample_the_same_posterior() {
    let [groups, observations] = ["groups", "observations"]
        .map(|likelihood| radon(&format!("--chains 4 --warmup 300 --draws 300 --likelihood {likelihood}")));
    assert_eq!(observations["settings"]["likelihood"], "observations");
    for (name, row) in groups["parameters"].as_object().unwrap() {
        let other = &observations["parameters"][name];
        let error = number(&row["mcse_mean"]).hypot(number(&other["mcse_mean"]));
        let apart = (number(&row["mean"]) - number(&other["mean"])) / error;
        assert!(apart.abs() < chance::largest(175), "the means of {name} are {apart} errors apart");
    }
}

#[test]
fn a_shard_has_the_chains_of_the_whole_experiment() {
    let draws = |line: &str| {
        let (_, files) = run(&Folder::new(), &format!("sample --warmup 0 --draws 3 --save-draws --out out {line}"));
        files["out/draws.csv"].lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = draws("--chains 4");
    let shard = draws("--chains 2 --first-chain 2");
    assert_eq!(shard.len(), 1 + 2 * 3);
    assert_eq!(shard[0], whole[0]);
    assert!(shard[1..] == whole[7..], "chains 2 and 3 differ");
    assert!(shard[1].starts_with("2,0,") && shard[6].starts_with("3,2,"));
}

// Units

#[test]
fn scores_in_millions_and_hours_in_millionths_sample_as_well() {
    let folder = Folder::with("pupils.csv", pupils(1e-6, 1e6));
    let (ran, files) = run(&folder, &format!("sample {PUPILS} --chains 8 --warmup 300 --draws 500 --out out"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    let [plain, scaled] = [json(&sampled().1, "out/summary.json"), json(&files, "out/summary.json")];
    let alike = |what: &str, plain: &Value, scaled: &Value| {
        let ratio = number(scaled) / number(plain);
        assert!((0.8..1.25).contains(&ratio), "{what}: {scaled} after {plain}");
    };
    alike("leapfrogs", &plain["leapfrogs_per_draw"], &scaled["leapfrogs_per_draw"]);
    // The smallest of many effective sample sizes is noisy; their median is not.
    let median = |summary: &Value| {
        let rows = summary["parameters"].as_object().unwrap().values();
        let mut sizes: Vec<f64> = rows.map(|row| number(&row["ess_bulk"])).collect();
        sizes.sort_by(f64::total_cmp);
        Value::from(sizes[sizes.len() / 2])
    };
    alike("effective draws", &median(&plain), &median(&scaled));
    let units = [1e6, 1e12, 1e6, 1e6, 1e12, 1e6, 1e6];
    for (name, unit) in PUPILS_HYPERPARAMETERS.into_iter().zip(units) {
        let [plain, scaled] = [&plain, &scaled].map(|summary| &summary["parameters"][name]);
        let error = number(&plain["mcse_mean"]).hypot(number(&scaled["mcse_mean"]) / unit);
        let apart = number(&scaled["mean"]) / unit - number(&plain["mean"]);
        assert!(apart.abs() < chance::largest(7) * error, "{name} is {} and {}", plain["mean"], scaled["mean"]);
    }
}

#[test]
fn a_far_predictor_is_centred_and_warned_of_where_it_is_not() {
    let folder = years();
    let line =
        "sample --data rain.csv --group town --outcome rain --predictor year --chains 4 --warmup 300 --draws 300";
    let far = folder.run(&format!("{line} --center-predictors no --out far"));
    let warning = "warning: predictor `year` (mean 2010, sd 5.78) is far from zero, and is not centred";
    assert!(far.stdout.contains(warning) && far.stdout.contains("use --center-predictors yes"), "{}", far.stdout);
    let centered = folder.run(&format!("{line} --out centered"));
    assert!(!centered.stdout.contains("warning: "), "{}", centered.stdout);
    let said = "centred: year at 2010.5, so that mu_a and a[...] are the outcome expected where year = 2010.5";
    assert!(centered.stdout.contains(said), "{}", centered.stdout);
    let files = files(&folder);
    let [far, centered] = ["far", "centered"].map(|name| json(&files, &format!("{name}/summary.json")));
    assert_eq!(far["data"]["predictor_means_subtracted"][0], 0.0);
    assert_eq!(centered["data"]["predictor_means_subtracted"][0], 2010.5);
    let cost = |run: &Value| number(&run["leapfrogs_per_draw"]) / number(&run["min_ess_bulk"]["value"]);
    assert!(cost(&centered) <= cost(&far), "{} after {} leapfrogs an effective draw", cost(&centered), cost(&far));
    // The slope does not depend on centering; the intercept is now that of the average year.
    assert!((number(&centered["parameters"]["mu_b"]["mean"]) - 4.0).abs() < 1.5);
    assert!((number(&centered["parameters"]["mu_a"]["mean"]) - 700.0).abs() < 60.0);
}

// Defaults

#[test]
fn effects_are_integrated_out_by_default_and_where_they_cannot_be_it_is_said() {
    let folder = pupils_folder();
    let said = |more: &str, out: &str| {
        let (ran, files) = run(&folder, &format!("sample {PUPILS} {TINY} --no-report --out {out} {more}"));
        let line = ran.stdout.lines().find(|line| line.starts_with("parameterization ")).map(str::to_owned);
        (json(&files, &format!("{out}/summary.json"))["parameterization"].as_str().unwrap().to_owned(), line)
    };
    let marginal = "parameterization marginal: group effects are integrated out, and drawn exactly afterwards";
    assert_eq!(said("", "default"), ("marginal".into(), Some(marginal.into())));
    assert_eq!(said("--parameterization auto", "auto"), ("marginal".into(), Some(marginal.into())));
    assert_eq!(said("--parameterization collapsed", "collapsed"), ("marginal".into(), None));
    assert_eq!(said("--parameterization centered", "centered"), ("centered".into(), None));
    let needed = "parameterization non-centered: --likelihood observations needs the group effects";
    assert_eq!(said("--likelihood observations", "observations"), ("non-centered".into(), Some(needed.into())));
}

#[test]
fn every_prior_is_shown_with_where_it_came_from() {
    let folder = pupils_folder();
    let priors = |line: &str| {
        let ran = folder.run(line);
        ran.stdout.lines().find(|line| line.starts_with("priors: ")).unwrap_or_default().to_owned()
    };
    let radon = "priors: by default: mu_a, mu_b ~ Normal(0, 10000), sigma_a, sigma_b, eps ~ HalfCauchy(5)";
    assert_eq!(priors(&format!("sample {TINY} --no-report")), radon);
    assert_eq!(priors("exact"), radon);
    let typed = priors(&format!("sample {PUPILS} {TINY} --no-report --prior-sigma-scale 2.5"));
    let scales = "as typed: sigma_a, sigma_b[hours], sigma_b[ses] ~ HalfCauchy(2.5)";
    assert!(
        typed.contains("by default: mu_a, mu_b[hours], mu_b[ses] ~ Normal(0, 10000); widened for these data: eps ~"),
        "{typed}"
    );
    assert!(typed.ends_with(scales), "{typed}");
    // A stored run prints the same line.
    let stored = folder.run("summary runs/sample-2").stdout;
    assert!(stored.lines().any(|line| line == typed), "{stored}");
}

#[test]
fn verify_takes_the_options_of_sample() {
    let folder = pupils_folder();
    let data = "--data pupils.csv --group school --outcome score --predictor hours";
    let settings = "--chains 4 --warmup 100 --draws 100 --save-warmup --log-likelihood --posterior-predictive --thin 2";
    let (_, files) = run(&folder, &format!("verify {data} {settings} --out out"));
    for name in ["out/verification.json", "out/summary.json", "out/report.html"] {
        assert!(files.contains_key(name), "{name}");
    }
    for array in ["log_likelihood", "posterior_predictive", "warmup_posterior"] {
        assert!(folder.path(&format!("out/draws.zarr/{array}")).is_dir(), "{array}");
    }
    let (_, files) =
        run(&folder, &format!("verify {data} --chains 4 --draws 100 --metric-from out --no-report --out frozen"));
    assert!(!files.contains_key("frozen/report.html"));
    let step_size = |name: &str| number(&json(&files, &format!("{name}/summary.json"))["step_size"]);
    assert_eq!(step_size("frozen"), step_size("out"));
    let ran = folder.run("verify --resume out");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("`warpnuts sample --resume out`, then `warpnuts verify out`"), "{}", ran.stderr);
}

// Names

#[test]
fn a_name_survives_whatever_is_in_it() {
    let name = "Müller, \"🦊\" & <script>alert(1)</script> \\ =1+1";
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    let folder = Folder::with("t.csv", format!("g,y,x\n{quoted},1,2\n{quoted},2,5\nb,3,7\nb,5,8\n"));
    let line = format!("sample --data t.csv --group g --outcome y --predictor x {TINY} --all --save-draws --out out");
    let (ran, files) = run(&folder, &line);
    let effect = format!("a[{name}]");
    assert!(json(&files, "out/summary.json")["parameters"].get(&effect).is_some());
    assert_eq!(names(&files["out/summary.csv"])[5], effect);
    assert_eq!(table(&files["out/draws.csv"]).0[15], effect);
    assert!(ran.stdout.contains(&effect), "{}", ran.stdout);
}

// Broken files

#[test]
fn broken_files_never_make_it_panic() {
    let mut noise = Noise(30);
    let sound: String = pupils(1.0, 1.0).lines().take(40).map(|line| format!("{line}\n")).collect();
    let mut codes = BTreeSet::new();
    for i in 0..30 {
        let mut csv = sound.clone().into_bytes();
        match i % 3 {
            0 => {
                for _ in 0..=noise.below(3) {
                    let place = noise.below(csv.len());
                    csv[place] ^= [1, 2, 4, 255][noise.below(4)];
                }
            }
            1 => csv.truncate(noise.below(sound.len())),
            _ => {
                // The header stays, because otherwise only its errors would be found.
                let header = sound.lines().next().unwrap().len() + 1;
                let alphabet = b"0123456789.,,,\n\n\"-e;\t\0\xff ";
                csv.truncate(header);
                csv.extend((0..noise.below(200)).map(|_| alphabet[noise.below(alphabet.len())]));
            }
        }
        let folder = Folder::with("pupils.csv", &csv);
        let ran = folder.run(&format!("sample {PUPILS} --chains 1 --warmup 10 --draws 10 --out out"));
        let what = || format!("file {i}: {ran:?}: {}", String::from_utf8_lossy(&csv));
        assert!([0, 2, 3].contains(&ran.code), "{}", what());
        assert!(!ran.stderr.contains("panicked"), "{}", what());
        assert_eq!(ran.code == 2, !folder.path("out").exists(), "{}", what());
        codes.insert(ran.code);
    }
    assert!(codes.contains(&2) && codes.contains(&3), "no file was refused, or none was read: {codes:?}");
}

// Ctrl-C

#[cfg(unix)]
mod interrupted {
    use super::*;
    use crate::helpers::running::Held;

    /// Interrupts a run into the folder `out` when each chain has this many draws; 0 means in warm-up.
    fn interrupt(folder: &Folder, line: &str, draws: u32) -> Ran {
        Held::start(folder, &format!("{line} --out out"), &format!("after-phase {draws}")).signal("-INT")
    }

    #[test]
    fn while_it_draws_it_keeps_what_there_is() {
        let folder = Folder::new();
        let line = "sample --chains 4 --warmup 100 --draws 40000 --keep hyper";
        let ran = interrupt(&folder, line, 1000);
        assert_eq!((ran.code, ran.stderr.as_str()), (130, ""));
        assert!(ran.stdout.contains("warning: the run was interrupted after"), "{}", ran.stdout);
        let files = files(&folder);
        let summary = json(&files, "out/summary.json");
        let draws = summary["draws"].as_u64().unwrap();
        assert_eq!(summary["interrupted"], true);
        assert!((1000..40_000).contains(&draws), "{draws}");
        assert_eq!(summary["settings"]["draws"], 40_000);
        assert!((number(&summary["parameters"]["mu_a"]["mean"]) - 1.49).abs() < 0.05);
        same_rows(&files, "out");
    }

    #[test]
    fn in_warm_up_it_leaves_no_folder() {
        let folder = Folder::new();
        let ran = interrupt(&folder, "sample --warmup 1000 --draws 1", 0);
        assert_eq!((ran.code, ran.stdout.as_str()), (130, ""));
        assert!(ran.stderr.contains("nothing was drawn"), "{}", ran.stderr);
        assert_eq!(folder.contents(), BTreeMap::new());
    }

    #[test]
    fn half_a_comparison_recommends_nothing() {
        let folder = Folder::new();
        let line = "compare --chains 4 --warmup 100 --draws 40000 --keep hyper";
        let ran = interrupt(&folder, line, 1000);
        assert_eq!(ran.code, 130);
        assert!(ran.stdout.contains("The centered run was interrupted after"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("Any of these") && !ran.stdout.contains("Use --param"), "{}", ran.stdout);
        let files = files(&folder);
        assert_eq!(json(&files, "out/centered/summary.json")["interrupted"], true);
        assert_eq!(json(&files, "out/comparison.json")["runs"].as_array().unwrap().len(), 1);
        assert!(!files.contains_key("out/non-centered/"));
    }

    #[test]
    fn a_comparison_in_its_first_warm_up_leaves_no_folder() {
        let folder = Folder::new();
        let ran = interrupt(&folder, "compare --warmup 1000 --draws 1", 0);
        assert_eq!(ran.code, 130);
        assert!(ran.stderr.contains("nothing was drawn"), "{}", ran.stderr);
        assert_eq!(folder.contents(), BTreeMap::new());
    }
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let folder = Folder::new();
    let mut program = Command::new(env!("CARGO_BIN_EXE_warpnuts"))
        .args(["sample", "--draws", "200", "--out"])
        .arg(folder.path("out"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(program.stdout.take());
    let mut complaints = String::new();
    program.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_ne!(program.wait().unwrap().code(), Some(101));
    assert_eq!(complaints, "");
}

// Exact answers

#[test]
fn exact_prints_and_writes_the_posterior() {
    let folder = Folder::new();
    let (ran, files) = run(&folder, "exact --out out");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    assert!(ran.stdout.contains("sigma_b") && !ran.stdout.contains("b[AITKIN]"), "{}", ran.stdout);
    let exact = json(&files, "out/exact.json");
    assert!(number(&exact["accuracy"]) < 1e-5);
    assert_eq!(exact["parameters"].as_object().unwrap().len(), 175);
    assert!((number(&exact["parameters"]["sigma_b"]["mean"]) - 0.2592).abs() < 1e-4);
}

#[test]
fn verify_holds_a_run_against_the_truth() {
    let (ran, files) = run(&Folder::new(), "verify --out out");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    let verification = json(&files, "out/verification.json");
    assert_eq!(verification["biased"], false);
    assert_eq!(verification["scores"].as_array().unwrap().len(), 175);
    assert!((0.6..1.4).contains(&number(&verification["root_mean_square"])), "{}", ran.stdout);
}

#[test]
fn verify_reads_a_folder_and_says_what_it_would_have_said_at_once() {
    let folder = pupils_folder();
    let data = "--data pupils.csv --group school --outcome score --predictor hours --center-predictors";
    let settings = "--chains 8 --warmup 300 --draws 300 --save-draws --parameterization marginal";
    let at_once = run(&folder, &format!("verify {data} {settings} --out once")).1;
    let (ran, files) = run(&folder, "verify once --out again");
    let scores = |files: &Files, name: &str| -> Vec<f64> {
        let verification = json(files, name);
        let rows = verification["scores"].as_array().unwrap().clone();
        rows.iter().flat_map(|row| ["mean", "sd", "q05", "q95"].map(|score| number(&row[score]))).collect()
    };
    let [once, again] = [scores(&at_once, "once/verification.json"), scores(&files, "again/verification.json")];
    assert_eq!((once.len(), again.len()), (4 * 65, 4 * 65));
    assert!(once.iter().zip(&again).all(|(once, again)| (once - again).abs() < 1e-6), "the scores differ");
    assert_eq!(ran.stderr, "");

    // The data are read from the store.
    std::fs::remove_file(folder.path("pupils.csv")).unwrap();
    let (_, files) = run(&folder, "verify once --out moved");
    assert_eq!(scores(&files, "moved/verification.json"), again);
}

#[test]
fn verify_names_what_a_folder_lacks_and_verifies_the_rest() {
    let folder = Folder::new();
    run(&folder, "sample --chains 4 --draws 500 --keep hyper --out hyper");
    let (ran, files) = run(&folder, "verify hyper --out out");
    assert!(ran.stdout.contains("Note: the 170 group effects were not kept (--keep hyper)."), "{}", ran.stdout);
    assert_eq!(json(&files, "out/verification.json")["scores"].as_array().unwrap().len(), 5);
}

#[test]
fn verify_finds_that_the_centered_run_of_compare_is_biased() {
    let [centered, others @ ..] = &compared().verified;
    assert_eq!((centered.code, others.each_ref().map(|run| run.code)), (3, [0, 0, 0]), "{}", centered.stdout);
    assert!(centered.stdout.contains("The run is biased beyond doubt."), "{}", centered.stdout);
}

#[test]
fn exact_and_verify_refuse_two_predictors_and_say_what_to_do() {
    for command in ["exact", "verify", "exact --all"] {
        let folder = Folder::new();
        let ran = folder.run(&format!("{command} --predictor floor --predictor Uppm"));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("at most one predictor") && ran.stderr.contains("warpnuts sample"),
            "{}",
            ran.stderr
        );
        assert!(folder.contents().is_empty());
    }
}

// Modes

#[test]
fn map_shows_the_spike_and_the_modes_and_what_is_wrong_with_them() {
    let (ran, files) = run(&Folder::new(), "map --out out");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    let map = json(&files, "out/map.json");
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("Centered there is no mode: the density has no upper bound."), "{said}");
    assert!(said.contains("A mean integrates density times volume"), "{said}");
    assert_eq!((&map["centered"]["is_unbounded"], &map["centered"]["sigma"]), (&true.into(), &"sigma_b".into()));
    assert!((8..=12).contains(&map["centered"]["points"].as_array().unwrap().len()));
    for mode in ["non_centered", "marginal"] {
        assert!(number(&map[mode]["gradient"]) < 1e-6, "{}", map[mode]);
    }
    let (header, rows) = table(&files["out/map.csv"]);
    let columns = ["parameter", "non_centered_mode", "marginal_mode", "sampled_mean", "sampled_mcse", "exact_mean"];
    assert_eq!((header, rows.len()), (columns.map(str::to_owned).to_vec(), 175));
    let exact = json(&run(&Folder::new(), "exact --out out").1, "out/exact.json");
    for row in rows {
        let numbers: Vec<f64> = row[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        assert!((numbers[2] - numbers[4]).abs() < 6.0 * numbers[3], "{row:?}");
        assert!((numbers[4] - number(&exact["parameters"][&row[0]]["mean"])).abs() < 1e-9, "{row:?}");
    }
}

#[test]
fn map_takes_any_number_of_predictors_and_shows_eight_groups_or_all() {
    for (predictors, count, shown) in [("", 33, 8), ("--predictor hours --predictor ses --all", 97, 30)] {
        let folder = pupils_folder();
        let line = format!("map --data pupils.csv --group school --outcome score {predictors} --out out");
        let (ran, files) = run(&folder, &line);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
        let map = json(&files, "out/map.json");
        let parameters = map["parameters"].as_array().unwrap();
        assert_eq!(parameters.len(), count);
        assert_eq!(parameters[0]["exact_mean"].is_null(), !predictors.is_empty());
        let rows =
            ran.stdout.lines().map(str::trim_start).filter(|line| line.starts_with("a[") || line.starts_with("b["));
        assert_eq!(rows.count(), shown, "{}", ran.stdout);
        assert!(number(&map["marginal"]["gradient"]) < 1e-6 && map["centered"]["is_unbounded"] == true);
        assert!(ran.stdout.contains("Centered there is no mode"), "{}", ran.stdout);
    }
}

/// A run that keeps sums instead of draws.
const WITHOUT_DRAWS: &str = "sample --keep summary --chains 64 --warmup 100 --draws 60 --quiet";

#[test]
fn the_program_prints_the_table_of_a_run_without_draws() {
    let folder = Folder::new();
    let ran = folder.run(&format!("{WITHOUT_DRAWS} --out run"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("64 chains x 60 draws") && ran.stdout.contains("nested R-hat"), "{}", ran.stdout);
    let files: Vec<String> = folder.contents().into_keys().collect();
    assert_eq!(files, ["run/", "run/summary.csv", "run/summary.json"]);
}

#[test]
fn runs_without_draws_are_compared() {
    let folder = Folder::new();
    let compared = folder.run("compare --keep summary --chains 128 --warmup 100 --draws 60 --quiet --out both");
    assert_eq!(compared.code, 0, "{compared:?}");
    assert!(compared.stdout.contains("The exact mean of sigma_b"), "{}", compared.stdout);
}

#[test]
fn a_run_without_draws_takes_the_metric_of_another_run() {
    let folder = Folder::new();
    let learnt = folder.run("sample --chains 4 --warmup 100 --draws 4 --quiet --no-report --out learnt");
    assert_eq!(learnt.code, 3, "{learnt:?}");
    let frozen = folder.run(&format!("{WITHOUT_DRAWS} --metric-from learnt"));
    assert!(frozen.code == 0 && frozen.stdout.contains("64 chains x 60 draws"), "{frozen:?}");
}

#[test]
fn a_run_that_was_too_short_does_not_tell_a_run_without_draws_where_draws_will_be() {
    let folder = Folder::new();
    let short = folder.run("sample --chains 4 --warmup 1 --draws 4 --quiet --no-report --out short");
    assert_eq!(short.code, 3, "{short:?}");
    let refused = folder.run(&format!("{WITHOUT_DRAWS} --metric-from short"));
    assert!(refused.code == 2 && refused.stderr.contains("too short a warm-up"), "{refused:?}");
}

#[test]
fn a_marginal_run_needs_no_draws() {
    let marginal = Folder::new().run(&format!("{WITHOUT_DRAWS} --parameterization marginal"));
    assert!(marginal.code == 0 && marginal.stdout.contains("64 chains x 60 draws"), "{marginal:?}");
}

#[test]
fn what_needs_draws_is_refused_where_none_are_kept() {
    let folder = Folder::new();
    let line = "sample --keep summary --chains 128 --warmup 100 --draws 60 --quiet --out run";
    let refused = [
        ("--save-draws", "--save-draws needs draws"),
        ("--save-warmup", "--save-warmup needs draws"),
        ("--log-likelihood", "--log-likelihood"),
        ("--shard 1/2", "--shard needs draws"),
        ("--thin 2", "leave --thin out"),
        ("--draw-precision f16", "leave --draw-precision out"),
    ];
    for (option, words) in refused {
        let ran = folder.run(&format!("{line} {option}"));
        assert!(ran.code == 2 && ran.stderr.contains(words) && ran.stderr.lines().count() == 1, "{option}: {ran:?}");
    }
    for (line, words) in [
        ("sample --keep summary --chains 63 --out run", "run at least 64"),
        ("sample --keep summary --chains 64 --warmup 49 --out run", "at least 50 transitions"),
        ("verify --keep summary --chains 64 --out run", "verify needs draws"),
        ("compare --keep summary --chains 64 --save-draws --out run", "--save-draws needs draws"),
    ] {
        let ran = folder.run(line);
        assert!(ran.code == 2 && ran.stderr.contains(words), "{line}: {ran:?}");
    }
    assert!(folder.contents().is_empty());
}
