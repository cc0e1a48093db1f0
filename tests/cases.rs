//! Files as users have them (`tests/cases/README.md`), and the right result for each under the defaults: published
//! fits, the exact posterior, or a message that says why there is no result.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::helpers::common::{Folder, Ran};

/// The folder of the files.
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

/// The words after `sample`, and the expected result: means with tolerances, and warnings.
struct Case {
    typed: &'static str,
    means: &'static [(&'static str, f64, f64)],
    warnings: &'static [&'static str],
}

/// Means with tolerances, from published fits, and posterior means under these priors.
const CASES_OF_MODELS: [Case; 17] = [
    // lme4's sleepstudy. REML with correlated effects: 251.41, 10.467; sds 24.74, 5.92; residual 25.59.
    Case {
        typed: "01-sleepstudy.csv --group Subject --outcome Reaction --predictor Days",
        means: &[
            ("mu_a", 251.41, 0.1),
            ("mu_b", 10.467, 0.01),
            ("sigma_a", 26.5, 0.1),
            ("sigma_b", 6.42, 0.01),
            ("eps", 25.79, 0.02),
        ],
        warnings: &[],
    },
    // lme4's Dyestuff and Dyestuff2. REML: 42.0 and 49.5; 0 for the second.
    Case {
        typed: "02-dyestuff.csv --group Batch --outcome Yield",
        means: &[("sigma_a", 46.95, 0.01), ("eps", 52.0, 0.1)],
        warnings: &[],
    },
    Case {
        typed: "03-dyestuff2.csv --group Batch --outcome Yield",
        means: &[("sigma_a", 1.050, 0.001)],
        warnings: &[],
    },
    Case {
        typed: "14c-group-case.csv --group site --outcome y --predictor x",
        means: &[],
        warnings: &["labels-alike"],
    },
    // mlmRev's Hsb82.
    Case {
        typed: "15b-hsb82.csv --group school --outcome mAch --predictor cses",
        means: &[("mu_b", 2.19, 0.02)],
        warnings: &[],
    },
    Case {
        typed: "15b-hsb82.csv --group school --outcome mAch --predictor meanses",
        means: &[("mu_b", 5.86, 0.1)],
        warnings: &["constant-within-groups"],
    },
    // The published sigma_b has a Monte Carlo error of its own: by quadrature it is 0.01157.
    Case {
        typed: "16-two-per-group.csv --group id --outcome y --predictor T",
        means: &[("sigma_a", 0.0107, 0.0001), ("sigma_b", 0.0119, 0.0004), ("eps", 0.0444, 0.0001)],
        warnings: &[],
    },
    Case { typed: "17-singletons.csv --group g --outcome y --predictor x", means: &[], warnings: &["one-row-a-group"] },
    Case { typed: "17b-half-singletons.csv --group g --outcome y --predictor x", means: &[], warnings: &[] },
    // lme4's InstEval, one factor at a time; for both, the maximum of the likelihood is at 3.283, -0.091 and 1.178.
    Case {
        typed: "25-insteval.csv --group d --outcome y --predictor service01",
        means: &[("mu_a", 3.28, 0.05), ("mu_b", -0.09, 0.03), ("eps", 1.2, 0.03)],
        warnings: &["discrete-outcome"],
    },
    // lme4's Pastes, batches only.
    Case { typed: "27-pastes.csv --group batch --outcome strength", means: &[("mu_a", 60.053, 0.02)], warnings: &[] },
    // geepack's dietox. REML with correlated effects: 15.739, 6.939; sds 4.416, 0.645; residual 2.457.
    Case {
        typed: "28-dietox.csv --group Pig --outcome Weight --predictor Time",
        means: &[
            ("mu_a", 15.739, 0.02),
            ("mu_b", 6.939, 0.005),
            ("sigma_a", 4.46, 0.1),
            ("sigma_b", 0.645, 0.02),
            ("eps", 2.457, 0.01),
        ],
        warnings: &[],
    },
    // AER's Grunfeld, centred; and uncentred: the exact posterior, not the mode at sigma_b 0.099 and eps 97.
    Case {
        typed: "36-grunfeld.csv --group firm --outcome inv --predictor year",
        means: &[("eps", 67.25, 0.2)],
        warnings: &[],
    },
    Case {
        typed: "36-grunfeld.csv --group firm --outcome inv --predictor year --center-predictors no",
        means: &[("sigma_b", 13.57, 0.02), ("eps", 67.25, 0.02)],
        warnings: &["far-predictor"],
    },
    // Singer and Willett's wages.
    Case {
        typed: "37-wages.csv --group id --outcome lnw --predictor exper",
        means: &[("mu_a", 1.716, 0.02), ("mu_b", 0.0457, 0.003)],
        warnings: &[],
    },
    // Without weights; with weights 1.413.
    Case {
        typed: "42-weights.csv --group site --outcome ybar --predictor x",
        means: &[("mu_b", 1.386, 0.02)],
        warnings: &[],
    },
    Case { typed: "43-10000-groups.csv --group customer_id --outcome y --predictor x", means: &[], warnings: &[] },
];

/// Models that have an exact posterior, with which sound runs are compared.
const EXACT: [&str; 12] = [
    "01-sleepstudy.csv --group Subject --outcome Reaction --predictor Days",
    "02-dyestuff.csv --group Batch --outcome Yield",
    "03-dyestuff2.csv --group Batch --outcome Yield",
    "04-leadingzeros.csv --group site --outcome y --predictor x",
    "16-two-per-group.csv --group id --outcome y --predictor T",
    "17b-half-singletons.csv --group g --outcome y --predictor x",
    "21-scale1.csv --group g --outcome y --predictor x",
    "27-pastes.csv --group batch --outcome strength",
    "28-dietox.csv --group Pig --outcome Weight --predictor Time",
    "30-orange.csv --group Tree --outcome circumference --predictor age",
    "36-grunfeld.csv --group firm --outcome inv --predictor year",
    "36-grunfeld.csv --group firm --outcome inv --predictor year --center-predictors no",
];

/// Data that every command refuses: the command line, and the message.
const REFUSED: [(&str, &str); 5] = [
    ("18b-one-group.csv --group arm --outcome y --predictor x", "column `arm` has one group only, `control`"),
    (
        "19-collinear.csv --group region --outcome score --predictor s1 --predictor s2 --predictor s3",
        "`s3` is a linear combination of the intercept and `s1` and `s2`",
    ),
    ("19-collinear.csv --group region --outcome score --predictor const", "`const` does not vary"),
    ("20-perfect.csv --group g --outcome y --predictor x", "the predictors explain outcome `y` to within rounding"),
    ("20b-constant.csv --group g --outcome y --predictor x", "outcome `y` does not vary"),
];

fn warpnuts(command: &str, typed: &str) -> (Ran, Folder) {
    let folder = Folder::new();
    let ran = folder.run(&format!("{command} --data {CASES}/{typed}"));
    (ran, folder)
}

fn json(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path(name)).unwrap()).unwrap()
}

fn sampled(typed: &str) -> (Ran, Value) {
    let (ran, folder) = warpnuts("sample --no-report --keep hyper --out out", typed);
    let summary = folder.path("out/summary.json");
    assert!(summary.exists(), "{typed}: {ran:?}");
    (ran, json(&folder, "out/summary.json"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// What came of a model under the defaults.
struct Defaults {
    ran: Ran,
    summary: Value,
    /// Where the model has an exact posterior to be held against.
    verification: Option<Value>,
}

/// All models, each sampled once: `verify` is `sample` with an exact posterior after it.
static DEFAULTS: LazyLock<BTreeMap<&str, Defaults>> = LazyLock::new(|| {
    let models = CASES_OF_MODELS.iter().map(|case| case.typed).chain(EXACT);
    let defaults = |typed| {
        let is_exact = EXACT.contains(&typed);
        // Ten thousand groups are as sound in a quarter of the draws.
        let fewer = if typed.starts_with("43-10000-groups") { "--chains 8 --warmup 300 --draws 500" } else { "" };
        let command = if is_exact { "verify" } else { "sample" };
        let (ran, folder) = warpnuts(&format!("{command} --no-report --keep hyper {fewer} --out out"), typed);
        assert!(folder.path("out/summary.json").exists(), "{typed}: {ran:?}");
        let summary = json(&folder, "out/summary.json");
        Defaults { ran, summary, verification: is_exact.then(|| json(&folder, "out/verification.json")) }
    };
    models.map(|typed| (typed, defaults(typed))).collect()
});

/// Means are those that were published, to five of their Monte Carlo errors and half of the last digit known: of 19
/// means one fails by chance in 90,000 runs, were there no digits.
#[test]
fn every_model_is_sound_under_the_defaults_and_says_what_was_published() {
    for Case { typed, means, warnings } in CASES_OF_MODELS {
        let Defaults { ran, summary, .. } = &DEFAULTS[typed];
        assert_eq!(ran.code, 0, "{typed}: {}", ran.stdout);
        assert_eq!(summary["parameterization"], "marginal", "{typed}");
        let kinds: Vec<&str> =
            summary["warnings"].as_array().unwrap().iter().map(|warning| warning["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, warnings, "{typed}");
        for (name, mean, digit) in means {
            let row = &summary["parameters"][name];
            let apart = (number(&row["mean"]) - mean).abs();
            let room = 5.0 * number(&row["mcse_mean"]) + digit;
            println!("{typed}: {name} is {}, for {mean}", row["mean"]);
            assert!(apart < room, "{typed}: {name} is {} and not {mean}, to {room}", row["mean"]);
        }
    }
}

#[test]
fn every_run_agrees_with_the_exact_posterior() {
    for typed in EXACT {
        let Defaults { ran, summary, verification } = &DEFAULTS[typed];
        assert_eq!(ran.code, 0, "{typed}: {}{}", ran.stdout, ran.stderr);
        let verification = verification.as_ref().unwrap();
        assert!(number(&verification["compared"]) >= 8.0, "{typed}: {verification}");
        assert!(summary["warnings"].as_array().unwrap().iter().all(|warning| warning["distrust"] == false), "{typed}");
    }
}

#[test]
fn the_same_data_in_other_units_have_the_same_answer() {
    let columns = "--group g --outcome y --predictor x";
    let summaries = |files: &[&str]| -> Vec<Value> {
        files
            .iter()
            .map(|file| sampled(&format!("{file} {columns}")))
            .inspect(|(ran, _)| assert_eq!(ran.code, 0))
            .map(|(_, summary)| summary)
            .collect()
    };
    let [plain, y_tiny, y_huge, x_huge, x_tiny, offset] = &summaries(&[
        "21-scale1.csv",
        "21b-y-tiny.csv",
        "21c-y-huge.csv",
        "21d-x-huge.csv",
        "21e-x-tiny.csv",
        "21f-y-offset.csv",
    ])[..] else {
        panic!("not six summaries")
    };
    // Units of outcome and predictor, and the number added to the outcome.
    for (other, y, x, zero) in [
        (y_tiny, 1e-9, 1.0, 0.0),
        (y_huge, 1e12, 1.0, 0.0),
        (x_huge, 1.0, 1e9, 0.0),
        (x_tiny, 1.0, 1e-9, 0.0),
        (offset, 1.0, 1.0, 1e9),
    ] {
        for (name, unit, zero) in
            [("mu_a", y, zero), ("mu_b", y / x, 0.0), ("sigma_a", y, 0.0), ("sigma_b", y / x, 0.0), ("eps", y, 0.0)]
        {
            let [ours, theirs] = [plain, other].map(|summary| &summary["parameters"][name]);
            let (mean, error) = ((number(&theirs["mean"]) - zero) / unit, number(&theirs["mcse_mean"]) / unit);
            let apart = (mean - number(&ours["mean"])).abs();
            // Priors are wide, but differ in other units.
            let room = 5.0 * error.hypot(number(&ours["mcse_mean"])) + 0.3 * number(&ours["sd"]);
            assert!(apart < room, "{name} in units of {unit:e}: {mean} and {}", ours["mean"]);
        }
    }
}

#[test]
fn what_has_no_posterior_is_refused_by_every_command_alike() {
    for (typed, words) in REFUSED {
        let mut said: Vec<String> = Vec::new();
        for command in ["sample", "compare", "exact", "verify", "map"] {
            let (ran, folder) = warpnuts(command, typed);
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command} {typed}: {ran:?}");
            assert!(ran.stderr.contains(words), "{command} {typed}: {}", ran.stderr);
            assert!(folder.contents().is_empty(), "{command} {typed}");
            said.push(ran.stderr);
        }
        assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:?}");
    }
}

#[test]
fn a_millionth_of_noise_is_no_reason_to_refuse_and_has_the_right_answer() {
    let perfect = std::fs::read_to_string(format!("{CASES}/20-perfect.csv")).unwrap();
    let noisy: String = perfect
        .lines()
        .enumerate()
        .map(|(i, line)| match line.rsplit_once(',').and_then(|(before, y)| Some((before, y.parse::<f64>().ok()?))) {
            // A wave of sd 1, as good as noise, times 1e-5.
            Some((before, y)) => format!("{before},{:.12}\n", y + 1e-5 * 2f64.sqrt() * (7.7 * i as f64).sin()),
            None => format!("{line}\n"),
        })
        .collect();
    let folder = Folder::with("noisy.csv", noisy);
    let columns = "--data noisy.csv --group g --outcome y --predictor x";
    for command in
        ["sample --no-report --out sample", "verify --no-report --out verify", "exact --out exact", "map --out map"]
    {
        let ran = folder.run(&format!("{command} {columns}"));
        assert_eq!(ran.code, 0, "{command}: {}{}", ran.stdout, ran.stderr);
    }
    let eps = number(&json(&folder, "exact/exact.json")["parameters"]["eps"]["mean"]);
    assert!((eps / 1e-5 - 1.0).abs() < 0.3, "{eps}");
}

#[test]
fn odd_names_of_columns_are_names() {
    let folder = Folder::new();
    let mut command = folder.command("sample --chains 4 --no-report --out out");
    command.arg("--data").arg(format!("{CASES}/12-names.csv"));
    command.args(["--group", "School Name", "--outcome", "y[1]", "--predictor", "a,b", "--predictor", "mu_a"]);
    command.args(["--parameterization", "a=non-centered,a,b=centered,mu_a=non-centered"]);
    let ran = Ran::of(&mut command);
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let summary = json(&folder, "out/summary.json");
    assert_eq!(summary["parameterization"], "a=non-centered,b[a,b]=centered,b[mu_a]=non-centered");
    for name in ["mu_b[a,b]", "sigma_b[mu_a]", "a[s03]", "b[a,b,s03]", "b[mu_a,s007]"] {
        assert!(number(&summary["parameters"][name]["mean"]).is_finite(), "{name}");
    }
}

#[test]
fn every_file_is_claimed_by_a_test() {
    let tests = [
        include_str!("cases.rs"),
        include_str!("data.rs"),
        include_str!("files.rs"),
        include_str!("reading.rs"),
        include_str!("advice.rs"),
        include_str!("landscape.rs"),
        include_str!("known_errors.rs"),
    ];
    let mut files = 0;
    for entry in std::fs::read_dir(CASES).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        files += 1;
        assert!(
            ["README.md", ".gitattributes"].contains(&&*name) || tests.iter().any(|test| test.contains(&name)),
            "no test reads {name}"
        );
    }
    assert!(files > 50, "{files}");
}
