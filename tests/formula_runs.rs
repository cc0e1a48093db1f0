//! Runs of formulas from the command line: published fits, the store, interruptions and shards, and what is refused.

use serde_json::Value;

use crate::helpers::chance;
use crate::helpers::common::Folder;
use crate::helpers::python::python;
use crate::helpers::running::kill;
use crate::helpers::schools::{SCHOOLS, eight_schools};
use crate::helpers::stored::{done, same_bytes, shards_are_the_whole, summary};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

fn parameter(summary: &Value, name: &str, what: &str) -> f64 {
    summary["parameters"][name][what].as_f64().unwrap_or_else(|| panic!("{name} has no {what}"))
}

/// A published fit: the words after `sample`, and means with what priors and the last published digit allow.
struct Published {
    typed: &'static str,
    means: &'static [(&'static str, f64, f64)],
}

const PUBLISHED: [Published; 7] = [
    // lme4's sleepstudy, by REML; posterior means of few levels' sds are above their modes.
    Published {
        typed: "01-sleepstudy.csv --formula Reaction~Days+(1+Days|Subject)",
        means: &[
            ("b_Intercept", 251.41, 0.3),
            ("b_Days", 10.467, 0.05),
            ("sd_Subject__Intercept", 24.74, 3.0),
            ("sd_Subject__Days", 5.92, 0.8),
            ("cor_Subject__Intercept__Days", 0.07, 0.05),
            ("sigma", 25.59, 0.5),
        ],
    },
    // mlmRev's Hsb82, by REML on this file (statsmodels).
    Published {
        typed: "15b-hsb82.csv --formula mAch~meanses*cses+sector*cses+(1+cses|school)",
        means: &[
            ("b_Intercept", 12.128, 0.02),
            ("b_meanses", 5.333, 0.02),
            ("b_cses", 2.945, 0.02),
            ("b_sector[Catholic]", 1.227, 0.02),
            ("b_meanses:cses", 1.039, 0.02),
            ("b_cses:sector[Catholic]", -1.643, 0.02),
            ("sd_school__Intercept", 1.542, 0.03),
            ("sd_school__cses", 0.32, 0.05),
            ("sigma", 6.060, 0.01),
        ],
    },
    // lme4's Pastes, by REML, nested; ten batches say little of their sd.
    Published {
        typed: "27-pastes.csv --formula strength~1+(1|batch/cask)",
        means: &[
            ("b_Intercept", 60.053, 0.03),
            ("sd_batch:cask__Intercept", 2.904, 0.2),
            ("sd_batch__Intercept", 1.287, 0.3),
            ("sigma", 0.823, 0.06),
        ],
    },
    // geepack's dietox, by REML.
    Published {
        typed: "28-dietox.csv --formula Weight~Time+(1+Time|Pig)",
        means: &[
            ("b_Intercept", 15.739, 0.02),
            ("b_Time", 6.939, 0.005),
            ("sd_Pig__Intercept", 4.416, 0.15),
            ("sd_Pig__Time", 0.645, 0.03),
            ("cor_Pig__Intercept__Time", 0.10, 0.02),
            ("sigma", 2.457, 0.01),
        ],
    },
    // Means of n observations each, by REML with weights; 1.386 without.
    Published { typed: "42-weights.csv --formula ybar~x+(1|site) --weights n", means: &[("b_x", 1.413, 0.02)] },
    Published { typed: "42-weights.csv --formula ybar~x+(1|site)", means: &[("b_x", 1.386, 0.02)] },
    // A categorical predictor against another level than the first.
    Published { typed: "10-factor.csv --formula y~x+dose+sex+(1|site) --reference dose=high", means: &[] },
];

#[test]
fn published_fits_are_found_under_the_defaults() {
    for Published { typed, means } in PUBLISHED {
        let folder = Folder::new();
        let ran = folder.run(&format!("sample --no-report --quiet --out out --data {CASES}/{typed}"));
        assert_eq!(ran.code, 0, "{typed}: {}{}", ran.stdout, ran.stderr);
        let told = summary(&folder, "out");
        assert_eq!(told["parameterization"], "marginal", "{typed}");
        for (name, published, room) in means {
            let (mean, error) = (parameter(&told, name, "mean"), parameter(&told, name, "mcse_mean"));
            assert!((mean - published).abs() < room + 5.0 * error, "{typed}: {name} is {mean}, for {published}");
        }
        if typed.contains("--reference") {
            let names: Vec<&String> = told["parameters"].as_object().unwrap().keys().take(6).collect();
            let expected = ["b_Intercept", "b_x", "b_dose[low]", "b_dose[mid]", "b_sex[M]", "sd_site__Intercept"];
            assert_eq!(names, expected);
        }
    }
}

/// The radon survey that is built in, with the uranium of each county (Gelman and Hill 2007, chapter 12): by REML
/// (statsmodels) 1.494, -0.615, 0.745; sds 0.122, 0.342; residual 0.719.
#[test]
fn uranium_explains_what_counties_differ_by() {
    let folder = Folder::new();
    let formula = "log_radon~floor+log(Uppm)+(1+floor|county)";
    let ran = folder.run(&format!("sample --no-report --quiet --out out --formula {formula}"));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let told = summary(&folder, "out");
    for (name, published) in [("b_Intercept", 1.494), ("b_floor", -0.615), ("b_log(Uppm)", 0.745), ("sigma", 0.719)] {
        let mean = parameter(&told, name, "mean");
        assert!((mean - published).abs() < 0.01, "{name}: {mean}, for {published}");
    }
    assert!(ran.stdout.contains("b_log(Uppm) ~ normal(0, 5.60704)"), "{}", ran.stdout);
}

/// lme4's InstEval, crossed: 73,421 ratings of 1,128 lecturers by 2,972 students. Posterior means and sds are by
/// quadrature, from tests/reference/crossed_posterior.py; the maximum of the likelihood is at 3.283, -0.091, 0.325,
/// 0.521 and 1.178.
#[test]
fn four_thousand_crossed_levels_have_the_exact_posterior() {
    let exact = [
        ("b_Intercept", 3.283290, 0.018836),
        ("b_service", -0.091128, 0.013274),
        ("sd_s__Intercept", 0.325198, 0.006879),
        ("sd_d__Intercept", 0.521608, 0.012878),
        ("sigma", 1.177565, 0.003159),
    ];
    let folder = Folder::new();
    let typed = format!("{CASES}/25-insteval.csv --formula y~service+(1|s)+(1|d) --keep hyper");
    let lengths = "--chains 4 --warmup 300 --draws 400";
    let ran = folder.run(&format!("sample --no-report --quiet --out out --data {typed} {lengths}"));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let told = summary(&folder, "out");
    assert_eq!(told["parameterization"], "partial");
    let limit = chance::largest(2 * exact.len());
    for (name, mean, sd) in exact {
        for (what, error, truth) in [("mean", "mcse_mean", mean), ("sd", "mcse_sd", sd)] {
            let (found, error) = (parameter(&told, name, what), parameter(&told, name, error));
            // By chance, and by the last digit of what is known.
            let room = limit * error + 1e-6;
            assert!(error < 0.1 * sd && (found - truth).abs() < room, "{name}: {what} {found} +- {error}, for {truth}");
        }
    }
}

#[test]
fn eight_schools_with_known_errors_are_as_by_quadrature() {
    let folder = Folder::with("schools.csv", SCHOOLS);
    let line =
        "sample --data schools.csv --formula effect~1+(1|school) --se error --no-report --quiet --target-accept 0.95";
    let ran = folder.run(&format!("{line} --out out --log-likelihood --posterior-predictive"));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let told = summary(&folder, "out");
    assert!(told["parameters"].get("sigma").is_none());
    for (name, truth) in ["b_Intercept", "sd_school__Intercept"].into_iter().zip(eight_schools()) {
        let (mean, error) = (parameter(&told, name, "mean"), parameter(&told, name, "mcse_mean"));
        assert!((mean - truth).abs() < 5.0 * error, "{name}: {mean} +- {error}, for {truth}");
    }
    let refused = folder.run("sample --data schools.csv --formula effect~1+(1|school) --se effect");
    assert_eq!(refused.code, 2);
    let message = "schools.csv, line 4: column `effect` has -3, and standard errors are positive";
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
}

#[test]
fn arviz_opens_the_store_of_a_formula() {
    let folder = Folder::new();
    let formula = "mAch~cses+(1+cses|school)+(1|sector:minrty)";
    let line = format!("sample --data {CASES}/15b-hsb82.csv --formula {formula} --chains 4 --warmup 200 --draws 100");
    let ran = folder.run(&format!("{line} --quiet --no-report --out run --parameterization non-centered"));
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    // All levels in a chunk: a file for each would be thousands.
    let array = std::fs::read_to_string(folder.path("run/draws.zarr/posterior/r_school/zarr.json")).unwrap();
    let array: Value = serde_json::from_str(&array).unwrap();
    assert_eq!(array["chunk_grid"]["configuration"]["chunk_shape"][3], 160, "{array}");
    let Some(python) = python() else { return };
    let script = "import sys, json; import xarray as xr; \
                  data = xr.open_datatree(sys.argv[1], engine='zarr'); \
                  p = data['posterior'].to_dataset(); r = p['r_school']; \
                  print(json.dumps({'names': sorted(map(str, p.data_vars)), 'dims': list(r.dims), \
                  'columns': r['school_effect'].values.tolist(), 'levels': r['school'].values.tolist()[:2], \
                  'others': p['r_sector_minrty']['sector_minrty'].values.tolist(), \
                  'slope': float(r.sel(school='1224', school_effect='cses').mean())}))";
    let told =
        std::process::Command::new(python).args(["-c", script]).arg(folder.path("run/draws.zarr")).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let names = [
        "b_Intercept",
        "b_cses",
        "cor_school__Intercept__cses",
        "r_school",
        "r_sector_minrty",
        "sd_school__Intercept",
        "sd_school__cses",
        "sd_sector_minrty__Intercept",
        "sigma",
    ];
    assert_eq!(told["names"], serde_json::json!(names));
    assert_eq!(told["dims"], serde_json::json!(["chain", "draw", "school_effect", "school"]));
    assert_eq!(told["columns"], serde_json::json!(["Intercept", "cses"]));
    assert_eq!(told["levels"], serde_json::json!(["1224", "1288"]));
    assert_eq!(told["others"].as_array().unwrap().len(), 4);
    let ours = parameter(&summary(&folder, "run"), "r_school[1224,cses]", "mean");
    assert!((told["slope"].as_f64().unwrap() - ours).abs() < 1e-9 * ours.abs().max(1.0));
}

/// Factors may be called as dimensions of the store or as sigma: xarray opens the store.
#[test]
fn factors_called_as_the_store_calls_its_dimensions_keep_their_names() {
    let pastes = std::fs::read_to_string(format!("{CASES}/27-pastes.csv")).unwrap();
    let (header, rows) = pastes.split_once('\n').unwrap();
    assert_eq!(header, "strength,batch,cask,sample");
    let folder = Folder::new();
    let few = "--chains 2 --warmup 100 --draws 50 --quiet --no-report";
    for (batch, cask, names) in [
        ("draw", "chain", ["draw_", "chain_"]),
        ("sigma", "row", ["sigma_", "row_"]),
        ("x", "x_index", ["x", "factor_2"]),
    ] {
        std::fs::write(folder.path("p.csv"), format!("y,{batch},{cask},s\n{rows}")).unwrap();
        for formula in [format!("y~1+(1|{batch})"), format!("y~1+(1|{cask})+(1|s)+(1|{batch})")] {
            let out = format!("{batch}{}", formula.len());
            done(&folder, &format!("sample --data p.csv --formula {formula} {few} --out {out}"));
            done(&folder, &format!("summary {out}"));
            let Some(python) = python() else { continue };
            let script = "import sys, json, xarray as xr; d = xr.open_datatree(sys.argv[1], engine='zarr'); \
                          p = d['posterior'].to_dataset(); \
                          print(json.dumps({str(k): list(v.dims) for k, v in p.data_vars.items()}))";
            let path = folder.path(&format!("{out}/draws.zarr"));
            let told = std::process::Command::new(python).args(["-c", script]).arg(path).output().unwrap();
            assert!(told.status.success(), "{formula}: {}", String::from_utf8_lossy(&told.stderr));
            let told: Value = serde_json::from_slice(&told.stdout).unwrap();
            let dimensions = |factor: &str, name: &str| {
                let expected = serde_json::json!(["chain", "draw", format!("{factor}_effect"), name]);
                assert_eq!(told[format!("r_{factor}")], expected, "{formula}: {told}");
            };
            assert_eq!(told["sigma"], serde_json::json!(["chain", "draw"]));
            if formula.contains("(1|s)") {
                let first = if cask == "x_index" { "x_index" } else { names[1] };
                dimensions(cask, first);
                dimensions(batch, if batch == "x" { "factor_3" } else { names[0] });
            } else {
                dimensions(batch, names[0]);
            }
        }
    }
}

/// Labels with line breaks are on one line wherever they are shown, and as they are in the store.
#[test]
fn labels_of_several_lines_are_on_one_line_of_a_table() {
    let folder = Folder::new();
    let few = "--chains 2 --warmup 100 --draws 100 --quiet --no-report --all";
    for typed in ["--formula y~x+(1|site)", "--group site --outcome y --predictor x"] {
        let ran = done(&folder, &format!("sample --data {CASES}/14g-newline-label.csv {typed} {few} --out run"));
        assert!(ran.stdout.contains("\"s1\"\\nline2"), "{}", ran.stdout);
        assert!(!ran.stdout.lines().any(|line| line.trim_start().starts_with("line2")), "{}", ran.stdout);
        let kept = summary(&folder, "run");
        assert!(kept["parameters"].as_object().unwrap().keys().any(|name| name.contains("\"s1\"\nline2")));
        let ran = done(&folder, "summary run --all");
        assert!(ran.stdout.contains("\"s1\"\\nline2"), "{}", ran.stdout);
        std::fs::remove_dir_all(folder.path("run")).unwrap();
    }
    // A level that is part of a coefficient's name, in the priors and in a warning.
    let rows: String = (0..40).map(|i| format!("{},\"l\n{}\",g{}\n", i * i % 11, i % 2, i % 5)).collect();
    std::fs::write(folder.path("levels.csv"), format!("y,dose,g\n{rows}")).unwrap();
    let ran = done(&folder, &format!("sample --data levels.csv --formula y~dose+(1|g) {few} --out run"));
    assert!(ran.stdout.contains("b_dose[l\\n1] ~ normal(0, "), "{}", ran.stdout);
    assert!(!ran.stdout.lines().any(|line| line.starts_with("1]")), "{}", ran.stdout);
}

#[test]
fn a_formulas_run_is_resumed_and_its_shards_are_merged_to_the_same_bytes() {
    let folder = Folder::new();
    let line = format!(
        "sample --data {CASES}/27-pastes.csv --formula strength~1+(1|batch/cask) --chains 4 --warmup 100 --draws 2000 \
         --no-report --quiet --log-likelihood"
    );
    let whole = folder.run(&format!("{line} --out whole"));
    assert!([0, 3].contains(&whole.code), "{whole:?}");
    kill(&folder, &format!("{line} --checkpoint-every 0.02 --out killed"), "draws 500");
    let other = folder.run("sample --resume killed --formula strength~1+(1|batch)");
    assert_eq!(other.code, 2);
    assert!(other.stderr.contains("--formula strength ~ 1 + (1 | batch), there"), "{}", other.stderr);
    let resumed = folder.run("sample --resume killed --quiet --no-report --formula strength~(1|batch/cask)");
    assert!([0, 3].contains(&resumed.code), "{resumed:?}");
    same_bytes(&folder, "whole", "killed");

    done(&folder, "summary whole");
    done(&folder, "export whole --format csv --out text.csv");
    let header = std::fs::read_to_string(folder.path("text.csv")).unwrap();
    assert!(header.lines().next().unwrap().contains("sd_batch:cask__Intercept"), "{}", &header[..300]);

    let frozen = format!("{line} --metric-from whole");
    shards_are_the_whole(&folder, &frozen);
}

/// Without noise there is no posterior; with a slope about a zero far away there are two modes, which chains do not
/// cross between: neither gets a clean bill.
#[test]
fn wrong_answers_get_no_clean_bill() {
    let folder = Folder::new();
    for typed in [
        "20-perfect.csv --formula y~x+(x||g)",
        "20-perfect.csv --formula y~x+(x|g)",
        "20-perfect.csv --formula y~factor(g)*x+(1|g)",
        "20b-constant.csv --formula y~x+(1|g)",
    ] {
        let ran = folder.run(&format!("sample --data {CASES}/{typed}"));
        assert_eq!(ran.code, 2, "{typed}: {ran:?}");
    }
    let line = "--no-report --quiet --keep hyper";
    for (year, code) in [("year", 3), ("center(year)", 0)] {
        let formula = format!("inv~{year}+(1+{year}||firm)");
        let data = format!("{CASES}/36-grunfeld.csv");
        let ran = folder.run(&format!("sample --data {data} --formula {formula} {line} --out {year}"));
        assert_eq!(ran.code, code, "{year}: {ran:?}");
        let told = summary(&folder, year);
        let far = told["warnings"].as_array().unwrap().iter().any(|warning| warning["kind"] == "far-predictor");
        assert_eq!(far, code == 3);
        // Exact, independent and centred: 67.25.
        assert!(far || (parameter(&told, "sigma", "mean") - 67.2).abs() < 0.5, "{ran:?}");
    }
    let ran =
        folder.run(&format!("sample --data {CASES}/16-two-per-group.csv --formula y~T+(1+T|id) {line} --out two"));
    assert!(
        ran.stdout.contains("no level of `id` has more than 2 rows, and 2 coefficients vary by it"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_formula_is_compared_over_the_coordinates_of_its_terms() {
    let folder = Folder::new();
    let line = format!("--data {CASES}/27-pastes.csv --formula strength~1+(1|batch/cask) --quiet --no-report");
    let few = "--chains 4 --warmup 300 --draws 300";
    let ran = folder.run(&format!("compare {line} {few} --out all"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = std::fs::read_to_string(folder.path("all/comparison.json")).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> = told["runs"].as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["centered", "non-centered", "partial", "marginal"]);
    assert_eq!(told["best"], "marginal", "{}", ran.stdout);
    let some = "batch=non-centered,batch:cask=centered,marginal";
    let ran = folder.run(&format!("compare {line} {few} --parameterizations {some} --out some"));
    assert_eq!(ran.code, 0, "{ran:?}");
    // Crossed, with more effects than can be integrated out: three are left.
    let crossed = format!("--data {CASES}/25-insteval.csv --formula y~1+(1|s)+(1|d) --quiet --no-report");
    let ran = folder.run(&format!("compare {crossed} --chains 1 --warmup 1 --draws 1 --out three"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!folder.path("three/marginal").exists() && folder.path("three/partial").exists());
}

#[test]
fn options_that_do_not_go_with_formulas_are_refused() {
    let folder = Folder::new();
    let refused = [
        ("--formula y~x+(1|g) --group county", "cannot be used with"),
        ("--prior sigma~half_normal(1)", "--formula"),
        (
            "--formula log_radon~floor+(1|county) --prior sd_country~half_normal(1)",
            "there is no `sd_country` in this model",
        ),
        ("--formula log_radon~floor+(1|county) --prior sd~lkj(2)", "lkj is for correlations"),
        (
            "--formula log_radon~floor+(floor|county) --prior cor_county__Intercept__floor~lkj(3)",
            "the correlations of a term have one prior together; write `cor_county ~ lkj(3)`",
        ),
        (
            "--formula log_radon~floor+(floor||county) --prior cor_county__Intercept__floor~lkj(3)",
            "there is no `cor_county__Intercept__floor` in this model",
        ),
        ("--formula log_radon~floor+(1|county) --prior sd~normal(1,2)", "sds and sigma are positive"),
        (
            "--formula log_radon~floor+(1|county) --prior b~half_normal(1)",
            "half and exponential distributions are for sds",
        ),
        ("--formula log_radon~floor+(1|county) --parameterization state=centered", "names `state`"),
        ("--formula log_radon~floor+(1|county) --weights county", "column `county` has words, and weights are numbers"),
        ("--formula log_radon~floor+(1|county) --weights weigth", "column `weigth` is not in"),
        ("--formula log_radon~flor+(1|county)", "there is no column `flor`; did you mean `floor`?"),
        ("--formula log_radon~floor+(1|county) --prior b~exponential(1)", "exponential distributions are for sds"),
        (
            "--formula log_radon~floor+(1|county) --prior sd~exponential(1) --prior sd~exponential(2)",
            "has a prior already",
        ),
        ("--formula log_radon~floor+(1|county) --prior-mu-sd 3", "cannot be used with"),
        ("--formula log_radon~floor+(1|county) --likelihood observations", "cannot be used with"),
        ("--formula log_radon~floor+(1|county) --offset log_radon", "outcome `log_radon - offset` does not vary"),
        ("--formula log_radon~floor+(1|county) --sampler independent", "cannot be independent"),
    ];
    for (typed, message) in refused {
        let ran = folder.run(&format!("sample {typed}"));
        assert_eq!(ran.code, 2, "{typed}: {ran:?}");
        assert!(ran.stderr.contains(message), "{typed}: {}", ran.stderr);
    }
    assert!(!folder.path("runs").exists());
}
