//! Integrals that do not settle: the result is returned with its error if the error is small, and refused otherwise.

use serde_json::Value;

use crate::helpers::common::{Folder, Ran};
use crate::helpers::weak;

/// Data of three rows, for which there is only one grid.
const HOPELESS: &str = "g,x,y\ng0,-1.903,-2.115\ng1,0.395,0.35\ng2,1.335,-0.463\n";

fn json(folder: &Folder, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path(file)).unwrap()).unwrap()
}

/// Runs a command on `data`.
fn on(folder: &Folder, command: &str, data: &str, more: &str) -> Ran {
    folder.run(&format!("{command} --data {data}.csv {} {more}", weak::COLUMNS))
}

#[test]
fn an_integral_that_nearly_settles_gives_what_it_has_with_its_error() {
    let folder = Folder::with("loose.csv", weak::LOOSE);
    let ran = on(&folder, "exact", "loose", "--all --out exact");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("The integral has not settled: there was no room for a finer grid"), "{ran:?}");
    let exact = json(&folder, "exact/exact.json");
    let accuracy = exact["accuracy"].as_f64().unwrap();
    assert!(exact["settled"] == false && (1e-5..1e-3).contains(&accuracy), "{accuracy}");
    let said = format!("still changed by up to {accuracy:.1e} posterior sds");
    assert!(ran.stdout.contains(&said), "{said}: {ran:?}");

    // A run with much larger errors is compared with it.
    let few = "--parameterization marginal --chains 8 --quiet";
    let ran = on(&folder, "verify", "loose", &format!("{few} --draws 250 --out few"));
    let verified = json(&folder, "few/verification.json");
    assert!([0, 3].contains(&ran.code) && verified["compared"].as_u64().unwrap() > 10, "{ran:?}");
    assert!(verified["settled"] == false && verified["accuracy"] == exact["accuracy"], "{verified}");
    assert!(verified["root_mean_square"].as_f64().unwrap() < 1.6, "{ran:?}");

    // Quantiles agree with those of long chains.
    on(&folder, "sample", "loose", &format!("{few} --draws 1500 --no-report --out long"));
    let long = json(&folder, "long/summary.json");
    for name in ["mu_b", "eps"] {
        let (ours, theirs) = (&exact["parameters"][name], &long["parameters"][name]);
        let [q50, sd, theirs] = [&ours["q50"], &ours["sd"], &theirs["q50"]].map(|number| number.as_f64().unwrap());
        assert!((q50 - theirs).abs() < 0.1 * sd, "{name}: {q50}, and {theirs} of chains");
    }

    let ran = on(&folder, "compare", "loose", "--parameterizations marginal --chains 8 --draws 250 --quiet --out both");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(json(&folder, "both/comparison.json")["exact"].is_object() && !ran.stderr.contains("note:"), "{ran:?}");
}

#[test]
fn an_integral_that_is_far_from_settling_is_refused_as_not_to_be_trusted() {
    let folder = Folder::with("hopeless.csv", HOPELESS);
    for (command, more) in [("exact", ""), ("verify", "--chains 4 --draws 100")] {
        let ran = on(&folder, command, "hopeless", &format!("{more} --out new"));
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains("error: the integral over the scales does not settle"), "{ran:?}");
        assert_eq!(folder.contents().len(), 1, "something was written");
    }
    let line = "--parameterizations marginal --chains 8 --draws 100 --quiet --no-report --out both";
    let ran = on(&folder, "compare", "hopeless", line);
    assert_eq!(ran.code, 0, "{ran:?}");
    let note = "note: the runs are not held against the exact posterior: the integral over the scales does not settle";
    assert!(ran.stderr.contains(note) && json(&folder, "both/comparison.json")["exact"].is_null(), "{ran:?}");
}

#[test]
fn input_that_has_no_exact_posterior_is_bad_input() {
    let folder = Folder::new();
    for line in ["exact --predictor floor --predictor Uppm", "verify --predictor floor --predictor Uppm"] {
        let ran = folder.run(line);
        assert!(ran.code == 2 && ran.stderr.contains("at most one predictor"), "{ran:?}");
    }
}
