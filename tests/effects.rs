//! Effects of columns, shares of variance, pooling and hypotheses: against formulas written out by hand for every draw,
//! and published values; and the command with what it refuses.

use std::sync::LazyLock;

use serde_json::Value;
use warpnuts::diagnostics::{mean, sd};
use warpnuts::effects::{ColumnEffect, Estimate, PoolingFactor, VarianceShares, column_effects, curve};
use warpnuts::experiment::Sampled;
use warpnuts::predict::{DrawnVariables, Evaluator, NewLevels, RowReader};

use crate::helpers::common::{Folder, Ran, root};

/// Rows with a column inside functions, a categorical one, and interactions.
fn rows() -> String {
    let mut text = "y,x,dose,g\n".to_string();
    for i in 0..60_u32 {
        let (x, dose, g) = (1.0 + f64::from(i * 7 % 23) / 4.0, ["low", "high", "mid"][(i * 5 % 7 % 3) as usize], i % 6);
        let noise = f64::from(i * 37 % 41) / 41.0 - 0.5;
        let y = 2.0 * x.ln() + if dose == "high" { 1.5 * x.ln() } else { 0.3 } + 0.5 * f64::from(g) + noise;
        text += &format!("{y:.4},{x},{dose},g{g}\n");
    }
    text
}

/// A run that was stored and opened again.
fn stored(file: &str, line: &str) -> (Folder, Sampled) {
    let folder = Folder::with("t.csv", file);
    let ran = folder.run(&format!("sample --chains 4 --no-report --quiet --out r {line}"));
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let sampled = Sampled::open(&folder.path("r")).unwrap();
    (folder, sampled)
}

static DOSES: LazyLock<(Folder, Sampled)> =
    LazyLock::new(|| stored(&rows(), "--data t.csv --formula y~log(x)*dose+(1+center(x)|g) --draws 250"));

static SLEEPSTUDY: LazyLock<(Folder, Sampled)> = LazyLock::new(|| {
    let text = std::fs::read_to_string(root().join("tests/cases/01-sleepstudy.csv")).unwrap();
    stored(&text, "--data t.csv --formula Reaction~Days+(1+Days|Subject)")
});

fn draws(sampled: &Sampled, name: &str) -> Vec<f64> {
    let i = sampled.names.iter().position(|other| other == name).unwrap_or_else(|| panic!("no {name}"));
    sampled.draws.variable(i).into_owned()
}

/// The effects as asked for.
fn effects(sampled: &Sampled, asked: &[&str]) -> Vec<ColumnEffect> {
    let variables = DrawnVariables::of(sampled, usize::MAX).unwrap();
    let reader = RowReader::new(&sampled.model, NewLevels::Average).unwrap();
    let asked: Vec<String> = asked.iter().map(|text| text.to_string()).collect();
    column_effects(&reader, &Evaluator::new(&variables), &asked).unwrap()
}

fn same(found: &Estimate, expected: &[f64], what: &str) {
    let expected = Estimate::of(expected);
    for (found, expected) in [(found.mean, expected.mean), (found.sd, expected.sd), (found.q05, expected.q05)] {
        assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{what}: {found} for {expected}");
    }
}

#[test]
fn effects_of_columns_inside_functions_and_interactions_are_those_of_calculus() {
    let sampled = &DOSES.1;
    let data = rows();
    let cells: Vec<Vec<&str>> = data.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let x: Vec<f64> = cells.iter().map(|row| row[1].parse().unwrap()).collect();
    let dose: Vec<&str> = cells.iter().map(|row| row[2]).collect();
    let n = x.len() as f64;
    let by_draw = |of: &dyn Fn(usize) -> f64| (0..1000).map(of).collect::<Vec<f64>>();
    let b = |name: &str| draws(sampled, &format!("b_{name}"));
    let (log, high, mid) = (b("log(x)"), b("log(x):dose[high]"), b("log(x):dose[mid]"));
    let slopes: Vec<Vec<f64>> = (0..6).map(|g| draws(sampled, &format!("r_g[g{g},center(x)]"))).collect();
    let slope = by_draw(&|draw| {
        let at = |i: usize| {
            let of_dose = match dose[i] {
                "high" => high[draw],
                "mid" => mid[draw],
                _ => 0.0,
            };
            (log[draw] + of_dose) / x[i] + slopes[i % 6][draw]
        };
        (0..x.len()).map(at).sum::<f64>() / n
    });
    let (of_high, of_mid) = (b("dose[high]"), b("dose[mid]"));
    let mean_log = x.iter().map(|x| x.ln()).sum::<f64>() / n;
    let contrast = |main: &[f64], with: &[f64]| by_draw(&|draw| main[draw] + with[draw] * mean_log);
    let found = effects(sampled, &[]);
    assert_eq!(found.iter().map(|effect| &effect.what[..]).collect::<Vec<_>>(), ["slope", "mid - low", "high - low"]);
    same(&found[0].average, &slope, "slope");
    same(&found[2].average, &contrast(&of_high, &high), "high - low");
    same(&found[1].average, &contrast(&of_mid, &mid), "mid - low");
    // At the means: of the reference level, and of the logarithm at the mean.
    let at = x.iter().sum::<f64>() / n;
    let step = 1e-3 * sd(&x);
    let conditional = by_draw(&|draw| log[draw] * ((at + step).ln() - at.ln()) / step);
    same(&found[0].conditional, &conditional, "slope at the means");
    same(&found[2].conditional, &by_draw(&|draw| of_high[draw] + high[draw] * at.ln()), "high - low at the means");
    // Chosen values.
    let found = effects(sampled, &["x=1,4", "dose=mid,high"]);
    let whole = by_draw(&|draw| {
        let at = |i: usize| {
            let of_dose = match dose[i] {
                "high" => high[draw],
                "mid" => mid[draw],
                _ => 0.0,
            };
            (log[draw] + of_dose) * 4.0_f64.ln() + 3.0 * slopes[i % 6][draw]
        };
        (0..x.len()).map(at).sum::<f64>() / n
    });
    assert_eq!((found.len(), &found[0].what[..], &found[1].what[..]), (2, "4 - 1", "high - mid"));
    same(&found[0].average, &whole, "x = 4 against 1");
    let positive = whole.iter().filter(|value| **value > 0.0).count() as f64 / 1000.0;
    assert!((found[0].direction - positive.max(1.0 - positive)).abs() < 1e-12);
}

#[test]
fn a_curve_goes_through_the_expectations_of_its_points() {
    let sampled = &DOSES.1;
    let variables = DrawnVariables::of(sampled, usize::MAX).unwrap();
    let reader = RowReader::new(&sampled.model, NewLevels::Average).unwrap();
    let points = curve(&reader, &Evaluator::new(&variables), "x", 5).unwrap();
    assert_eq!(points.len(), 5);
    let (intercept, log) = (draws(sampled, "b_Intercept"), draws(sampled, "b_log(x)"));
    for (x, estimate) in points {
        let expected: Vec<f64> = intercept.iter().zip(&log).map(|(a, b)| a + b * x.ln()).collect();
        same(&estimate, &expected, "a point");
    }
}

#[test]
fn slopes_of_the_shorthand_are_averages_of_the_counties_own() {
    let (_folder, sampled) = stored("", "--sampler nuts --draws 250");
    let found = effects(&sampled, &["floor"]);
    let data = sampled.model.dataset();
    let count = data.n_observations() as f64;
    let mut expected = vec![0.0; 1000];
    for (j, county) in data.groups().iter().enumerate() {
        let weight = data.group_range(j).len() as f64 / count;
        let own = draws(&sampled, &format!("b[{county}]"));
        expected.iter_mut().zip(&own).for_each(|(sum, value)| *sum += weight * value);
    }
    same(&found[0].average, &expected, "floor");
    same(&found[0].conditional, &draws(&sampled, "mu_b"), "floor of an average county");
}

#[test]
fn shares_of_variance_are_those_written_out_and_near_published_ones() {
    let sampled = &SLEEPSTUDY.1;
    let variables = DrawnVariables::of(sampled, usize::MAX).unwrap();
    let found = VarianceShares::of(&variables);
    let of = |name: &str| draws(sampled, name);
    let (s0, s1, rho, sigma) =
        (of("sd_Subject__Intercept"), of("sd_Subject__Days"), of("cor_Subject__Intercept__Days"), of("sigma"));
    // Days are 0 to 9 for everybody: their mean is 4.5, the mean of their squares 28.5, their variance 8.25 n / (n -
    // 1).
    let of_slope: Vec<f64> = of("b_Days").iter().map(|b| b * b * 8.25 * 180.0 / 179.0).collect();
    assert_eq!(found.shares.len(), 1);
    for draw in [0, 1234, 3999] {
        let effects = s0[draw].powi(2) + 2.0 * 4.5 * rho[draw] * s0[draw] * s1[draw] + 28.5 * s1[draw].powi(2);
        let icc = effects / (effects + sigma[draw].powi(2));
        assert!((found.shares[0].1[draw] - icc).abs() < 1e-9, "ICC in draw {draw}");
        let whole = of_slope[draw] / found.marginal[draw] - sigma[draw].powi(2);
        let conditional = whole / (whole + sigma[draw].powi(2));
        assert!((found.conditional[draw] - conditional).abs() < 1e-9, "R2 in draw {draw}");
        assert!(found.conditional[draw] > found.marginal[draw] && found.marginal[draw] > 0.0);
    }
    // lme4's fit, by REML, with R's performance: ICC 0.722, R2 0.799 with and 0.279 without subjects.
    for (values, published) in [(&found.shares[0].1, 0.722), (&found.conditional, 0.799), (&found.marginal, 0.279)] {
        assert!((mean(values) - published).abs() < 0.5 * sd(values), "{} for {published}", mean(values));
    }
}

#[test]
fn pooling_compares_effects_with_their_spread() {
    let sampled = &SLEEPSTUDY.1;
    let variables = DrawnVariables::of(sampled, usize::MAX).unwrap();
    let found = PoolingFactor::of(&variables);
    assert_eq!(
        found.iter().map(|pooling| &pooling.name[..]).collect::<Vec<_>>(),
        ["sd_Subject__Intercept", "sd_Subject__Days"]
    );
    let subjects = sampled.model.dataset().groups().to_vec();
    for (column, pooling) in ["Intercept", "Days"].iter().zip(&found) {
        let effects: Vec<Vec<f64>> =
            subjects.iter().map(|subject| draws(sampled, &format!("r_Subject[{subject},{column}]"))).collect();
        let means: Vec<f64> = effects.iter().map(|draws| mean(draws)).collect();
        let in_draw = |draw: usize| sd(&effects.iter().map(|draws| draws[draw]).collect::<Vec<f64>>()).powi(2);
        let spread = (0..4000).map(in_draw).sum::<f64>() / 4000.0;
        let expected = 1.0 - sd(&means).powi(2) / spread;
        assert!((pooling.factor - expected).abs() < 1e-9 && (0.0..1.0).contains(&expected), "{pooling:?}");
    }
}

#[test]
fn the_command_prints_and_writes_everything() {
    let folder = &SLEEPSTUDY.0;
    let ran = folder
        .command("effects r --of Days=0,9")
        .args(["--hypothesis", "b_Days > 8", "--hypothesis", "r_Subject[308,Days] - r_Subject[309,Days] < 0"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let text = String::from_utf8(ran.stdout).unwrap();
    for words in ["Days: 9 - 0", "b_Days > 8", "R2 without levels", "ICC of Subject", "sd_Subject__Days", "> 0.999"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let written: Value = serde_json::from_slice(&std::fs::read(folder.path("r/effects.json")).unwrap()).unwrap();
    let slope = draws(&SLEEPSTUDY.1, "b_Days");
    let probability = slope.iter().filter(|slope| **slope > 8.0).count() as f64 / 4000.0;
    assert_eq!(written["hypotheses"][0]["probability"].as_f64().unwrap(), probability);
    let difference = written["hypotheses"][0]["difference"]["mean"].as_f64().unwrap();
    assert!((difference - (mean(&slope) - 8.0)).abs() < 1e-9);
}

/// What is refused: the words after `effects`, and words of the message.
const REFUSED: [(&[&str], &[&str]); 11] = [
    (&[], &["DIR"]),
    (&["nowhere"], &["nowhere"]),
    (&["t.csv"], &["t.csv"]),
    (&["r", "--of", "xx"], &["--of xx", "did you mean `x`?"]),
    (&["r", "--of", "g"], &["--of g", "no such column"]),
    (&["r", "--of", "x=1"], &["compared with nothing", "x=0,1"]),
    (&["r", "--of", "x=1,ten"], &["`ten` is no number"]),
    (&["r", "--of", "dose=low,huge"], &["no level `huge`", "low, mid, high"]),
    (&["r", "--of", "x=0,1"], &["`log(x)`", "minus infinity"]),
    (&["r", "--hypothesis", "b_dose > 0"], &["no parameter `b_dose`"]),
    (&["r", "--hypothesis", "b_log(x) = 0"], &["probability zero"]),
];

#[test]
fn what_has_no_effect_is_refused_in_a_sentence() {
    let folder = &DOSES.0;
    for (words, expected) in REFUSED {
        let before = folder.contents();
        let ran = Ran::of(folder.command("effects").args(words));
        assert_eq!((ran.code, &ran.stdout[..]), (2, ""), "{words:?}: {ran:?}");
        expected.iter().for_each(|word| assert!(ran.stderr.contains(word), "{words:?}: no `{word}` in {}", ran.stderr));
        assert!(folder.contents() == before, "{words:?} has written something");
    }
}
