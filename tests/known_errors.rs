//! Known standard errors beside sigma (`--se` with `--with-sigma`): row i has the variance sigma^2 + se_i^2. Log
//! densities by another implementation are in `mixed.rs`.

use std::sync::Arc;

use serde_json::Value;

use warpnuts::density::cpu::{self, CpuDensity};
use warpnuts::draws::Pointwise;
use warpnuts::experiment::{self, EngineChoice};
use warpnuts::model::{Coordinates, Model, NoCollapse, Refusal, Role, RowColumns, Scaling};
use warpnuts::random::{Purpose, StreamKey};

use crate::helpers::common::Folder;
use crate::helpers::formulas;
use crate::helpers::python::python;
use crate::helpers::running::kill;
use crate::helpers::stored::{done, same_bytes, summary};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/44-several-effects.csv");

fn evaluate(model: &Model, theta: &[f64]) -> (f64, Vec<f64>) {
    let mut gradient = vec![0.0; theta.len()];
    (CpuDensity::new(model).log_density(theta, &mut gradient), gradient)
}

/// Standard normal numbers, made smaller.
fn somewhere(dim: usize, seed: u64, size: f64) -> Vec<f64> {
    let mut theta = vec![0.0; dim];
    StreamKey { seed, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
    theta.iter_mut().for_each(|entry| *entry *= size);
    theta
}

/// More rows than are worked on together, each with another error, in groups of the file's first column and in crossed
/// ones; the last vector of rows has padding.
const HSB: &str = "tests/cases/15b-hsb82.csv";
const CROSSED: &str = "mAch ~ cses + (1 + cses | school) + (1 | sector)";

fn error(i: usize) -> f64 {
    0.3 + 4.0 * (i as f64 * 0.37).sin().powi(2)
}

#[test]
fn every_row_has_its_own_variance_whatever_its_place() {
    let rows = 7181;
    let priors = ["sigma ~ half_normal(5)".to_string()];
    let plain = formulas::read_rows(HSB, rows, CROSSED, &priors);
    let known = formulas::changed(HSB, rows, CROSSED, &priors, |_, rows| {
        rows.errors = Some((0..rows.rows.len()).map(error).collect());
    });
    let errors: Vec<f64> = (0..rows).map(|i| error(known.0.row_of(i))).collect();
    assert_eq!(known.0.errors(), Some(&errors[..]));
    assert!(known.0.weights().is_none());
    for parameterization in ["non-centered", "centered"] {
        let [one, other] =
            [&plain, &known].map(|of| formulas::in_units(of, parameterization, Some(Scaling::identity(&of.0))));
        let theta = somewhere(one.dim(), 21, 0.5);
        let mut named = vec![0.0; one.layout().dim()];
        one.constrain(&theta, &mut named);
        let sigma = named[one.layout().blocks_of(Role::Dispersion).next().unwrap().named.start];
        // Log likelihoods of rows, by their definition.
        let mut pointwise = vec![0.0; 2 * rows];
        Pointwise::new(Arc::new(one.clone()), 5, 0, true, true).write(0, 3, &named, &mut pointwise);
        let (of_plain, plain_replicates) = pointwise.split_at(rows);
        let mut pointwise = vec![0.0; 2 * rows];
        Pointwise::new(Arc::new(other.clone()), 5, 0, true, true).write(0, 3, &named, &mut pointwise);
        let (of_known, known_replicates) = pointwise.split_at(rows);
        let mut etas = vec![0.0; rows];
        let levels: Vec<Vec<u32>> = plain.1.terms.iter().map(|term| plain.0.level_of_rows(term.factor)).collect();
        plain.1.etas(&plain.0, one.layout(), &named, &levels, &mut etas);
        for i in 0..rows {
            let variance = sigma * sigma + errors[i] * errors[i];
            let left = plain.0.outcome()[i] - etas[i];
            let truth = -0.5 * (std::f64::consts::TAU.ln() + variance.ln() + left * left / variance);
            assert!((of_known[i] - truth).abs() < 1e-12 * truth.abs().max(1.0), "{i}: {} {truth}", of_known[i]);
            // The same random numbers, times another sd.
            let drawn = [&plain_replicates, &known_replicates].map(|replicates| replicates[i] - etas[i]);
            let expected = drawn[0] * (variance.sqrt() / sigma);
            assert!((drawn[1] - expected).abs() < 1e-9 * expected.abs().max(1.0), "{i}: {drawn:?}");
        }
        // The density is that of the same rows without errors, plus what the rows differ by.
        let difference = of_known.iter().sum::<f64>() - of_plain.iter().sum::<f64>();
        let ((without, _), (with, gradient)) = (evaluate(&one, &theta), evaluate(&other, &theta));
        assert!((with - without - difference).abs() < 1e-9 * with.abs(), "{parameterization}: {with} {without}");
        let size = gradient.iter().fold(1.0, |size: f64, entry| size.max(entry.abs()));
        for block in other.layout().blocks() {
            for i in [block.theta.start, (block.theta.start + block.theta.end) / 2, block.theta.end - 1] {
                let at = |step: f64| {
                    let mut moved = theta.clone();
                    moved[i] += step;
                    evaluate(&other, &moved).0
                };
                let central = |h: f64| (at(h) - at(-h)) / (2.0 * h);
                let slope = (4.0 * central(5e-4) - central(1e-3)) / 3.0;
                let role = block.role;
                assert!((slope - gradient[i]).abs() < 1e-7 * size, "{role:?}, {i}: {slope} {}", gradient[i]);
            }
        }
    }
}

#[test]
fn effects_stay_coordinates_and_are_partially_centered() {
    let known = formulas::changed(HSB, 600, CROSSED, &[], |_, rows| {
        rows.errors = Some((0..rows.rows.len()).map(error).collect());
    });
    let model = formulas::model(&known, "non-centered");
    assert_eq!(cpu::admits(&model), Ok(()));
    assert_eq!(cpu::admits(&model.collapsed()), Err(Refusal::NotCollapsed(NoCollapse::KnownErrors)));
    let one = formulas::changed(HSB, 600, "mAch ~ cses + (1 | school)", &[], |_, rows| {
        rows.errors = Some((0..rows.rows.len()).map(error).collect());
    });
    for of in [&known, &one] {
        let (coordinates, why) = experiment::suited_to_formula(&of.0, &of.1, EngineChoice::Auto);
        assert!(matches!(coordinates, Coordinates::Joint { .. }), "{coordinates:?}");
        assert!(why.starts_with("each effect is between centered and non-centered"), "{why}");
    }
}

/// Stores of earlier versions say nothing of sigma beside errors, and stores without it still do not.
#[test]
fn stores_of_earlier_versions_are_read() {
    let before = r#"{"errors":"se"}"#;
    let rows: RowColumns = serde_json::from_str(before).unwrap();
    assert!(!rows.has_sigma() && rows.has_weights() && !rows.has_errors());
    assert_eq!(serde_json::to_string(&rows).unwrap(), before);
    let both = RowColumns { with_sigma: true, ..rows };
    assert!(both.has_sigma() && !both.has_weights() && both.has_errors());
    let again: RowColumns = serde_json::from_str(&serde_json::to_string(&both).unwrap()).unwrap();
    assert_eq!((again.to_string().as_str(), again), (" --se se --with-sigma", both));
}

/// The rows of the file: study, effect and standard error.
fn rows() -> Vec<(String, f64, f64)> {
    let text = std::fs::read_to_string(FILE).unwrap();
    let lines = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    lines.map(|cells| (cells[0].to_string(), cells[3].parse().unwrap(), cells[4].parse().unwrap())).collect()
}

/// Posterior means of mu, tau and sigma under the default priors, by quadrature over tau and sigma: mu is normal given
/// both, and the rows of a study have the covariance diag(sigma^2 + se^2) + tau^2, whose inverse is known.
fn by_quadrature(steps: u32) -> [f64; 3] {
    let rows = rows();
    let count = rows.len() as f64;
    let mean = rows.iter().map(|(_, y, _)| y).sum::<f64>() / count;
    let sd = (rows.iter().map(|(_, y, _)| (y - mean).powi(2)).sum::<f64>() / count).sqrt();
    let studies: Vec<Vec<[f64; 2]>> = rows
        .chunk_by(|one, other| one.0 == other.0)
        .map(|rows| rows.iter().map(|(_, y, se)| [*y, se * se]).collect())
        .collect();
    assert_eq!(studies.len(), 12);
    let student = |x: f64| (1.0 + (x / sd).powi(2) / 3.0).powi(-2);
    // x = sd u / (1 - u): the whole half line, at the middles of equal steps of u.
    let node = |step: u32| {
        let u = (f64::from(step) + 0.5) / f64::from(steps);
        (sd * u / (1.0 - u), (1.0 - u).powi(-2))
    };
    let prior = (2.5 * sd).powi(-2);
    let (mut mass, mut sums) = (0.0, [0.0; 3]);
    for (tau, of_tau) in (0..steps).map(node) {
        for (sigma, of_sigma) in (0..steps).map(node) {
            let (mut precision, mut first, mut log_density) = (prior, prior * mean, -0.5 * prior * mean * mean);
            for study in &studies {
                let [mut ones, mut y, mut squares, mut logs] = [0.0; 4];
                for [effect, known] in study {
                    let variance = sigma * sigma + known;
                    ones += 1.0 / variance;
                    y += effect / variance;
                    squares += effect * effect / variance;
                    logs += variance.ln();
                }
                let shrink = tau * tau / (1.0 + tau * tau * ones);
                precision += ones - shrink * ones * ones;
                first += y - shrink * ones * y;
                log_density -= 0.5 * (logs + (tau * tau * ones).ln_1p() + squares - shrink * y * y);
            }
            log_density += 0.5 * (first * first / precision - precision.ln());
            let density = log_density.exp() * student(tau) * student(sigma) * of_tau * of_sigma;
            mass += density;
            let values = [first / precision, tau, sigma];
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += density * value);
        }
    }
    sums.map(|sum| sum / mass)
}

#[test]
fn several_effects_a_study_with_known_errors_and_sigma_are_as_by_quadrature() {
    let truth = by_quadrature(600);
    let coarser = by_quadrature(400);
    assert!(truth.iter().zip(coarser).all(|(fine, coarse)| (fine - coarse).abs() < 1e-5), "{truth:?} {coarser:?}");
    let folder = Folder::new();
    let line = format!("sample --data {FILE} --formula effect~1+(1|study) --se se --with-sigma --no-report");
    let all = "--log-likelihood --posterior-predictive --target-accept 0.95";
    let ran = folder.run(&format!("{line} {all} --quiet --out run"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = summary(&folder, "run");
    for (name, truth) in ["b_Intercept", "sd_study__Intercept", "sigma"].into_iter().zip(truth) {
        let of = |what: &str| told["parameters"][name][what].as_f64().unwrap();
        let (mean, error) = (of("mean"), of("mcse_mean"));
        assert!(error < 0.003 && (mean - truth).abs() < 5.0 * error, "{name}: {mean} +- {error}, for {truth}");
    }
    assert_eq!(told["formula"]["formula"], "effect ~ 1 + (1 | study) --se se --with-sigma", "{}", told["formula"]);
    assert!(ran.stdout.contains("sigma ~ half_student_t(3, "), "{}", ran.stdout);
    // The store has all that the model is made of, and what is computed for each row.
    assert_eq!(done(&folder, "summary run").code, 0);
    done(&folder, "report run");
    let Some(python) = python() else { return };
    let script = "import sys, json, numpy as np, xarray as xr; d = xr.open_datatree(sys.argv[1], engine='zarr'); \
                  p = d['posterior'].to_dataset(); c = d['constant_data'].to_dataset(); \
                  se = c['row_errors'].values; y = d['observed_data']['effect'].values; \
                  eta = p['b_Intercept'].values[..., None] + p['r_study'].values[:, :, 0][..., c['group_index'].values]; \
                  v = p['sigma'].values[..., None] ** 2 + se ** 2; \
                  ll = -0.5 * (np.log(2 * np.pi * v) + (y - eta) ** 2 / v); \
                  off = float(abs(ll - d['log_likelihood']['effect'].values).max()); \
                  z = (d['posterior_predictive']['effect'].values - eta) / np.sqrt(v); \
                  print(json.dumps([off, float(z.mean()), float((z ** 2).mean()), z.size, sorted(se)[0]]))";
    let said = std::process::Command::new(python).args(["-c", script]).arg(folder.path("run/draws.zarr")).output();
    let said = said.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    let [off, mean, square, size, least] = std::array::from_fn(|i| said[i].as_f64().unwrap());
    assert!(off < 1e-10 && least == 0.082, "{said}");
    assert!(mean.abs() < 5.0 / size.sqrt() && (square - 1.0).abs() < 5.0 * (2.0 / size).sqrt(), "{said}");
}

#[test]
fn a_run_with_errors_and_sigma_is_resumed_and_its_coordinates_are_compared() {
    let folder = Folder::new();
    let of = format!("--data {FILE} --formula effect~dose+(1|study)+(1|lab) --se se --with-sigma --quiet --no-report");
    let line = format!("sample {of} --chains 4 --warmup 100 --draws 2000 --log-likelihood");
    done(&folder, &format!("{line} --out whole"));
    kill(&folder, &format!("{line} --checkpoint-every 0.02 --out killed"), "draws 500");
    let formula = "--formula effect~dose+(1|study)+(1|lab)";
    let other = folder.run(&format!("sample --resume killed {formula} --se dose"));
    assert_eq!(other.code, 2);
    assert!(other.stderr.contains("--se dose --with-sigma, there "), "{}", other.stderr);
    done(&folder, &format!("sample --resume killed --quiet --no-report {formula} --se se"));
    same_bytes(&folder, "whole", "killed");
    // Without sigma it is another model.
    let plain = line.replace(" --with-sigma", "");
    kill(&folder, &format!("{plain} --checkpoint-every 0.02 --out other"), "draws 500");
    let other = folder.run(&format!("sample --resume other {formula} --se se --with-sigma"));
    assert_eq!(other.code, 2);
    assert!(other.stderr.contains("--se se --with-sigma, there "), "{}", other.stderr);
    // What cannot be is left out, unless it is asked for.
    done(&folder, &format!("compare {of} --chains 4 --warmup 200 --draws 200 --out both"));
    assert!(folder.path("both/centered").exists() && folder.path("both/non-centered").exists());
    assert!(!folder.path("both/marginal").exists());
    for asked in ["compare --parameterizations centered,marginal", "sample --parameterization marginal"] {
        let ran = folder.run(&format!("{asked} {of}"));
        assert_eq!(ran.code, 2, "{asked}: {ran:?}");
        let message = "each has a known error beside sigma (--se --with-sigma); use partial, non-centered or centered";
        assert!(ran.stderr.contains(message), "{asked}: {}", ran.stderr);
    }
}

#[test]
fn bad_errors_are_refused_and_a_row_a_study_is_warned_of() {
    let folder = Folder::with("few.csv", "g,y,se\na,1,0.5\na,2,0\nb,3,1\nb,5,1\nc,4,2\n");
    let refused = [
        ("--with-sigma", "--se <COLUMN>"),
        ("--se se --with-sigma", "few.csv, line 3: column `se` has 0, and standard errors are positive"),
        ("--se g --with-sigma", "column `g` has words, and standard errors are numbers"),
        ("--se sd --with-sigma", "column `sd` is not in"),
        ("--se y --with-sigma --weights y", "cannot be used with"),
        ("--se y --prior sigma~half_normal(1)", "there is no `sigma` in this model"),
    ];
    for (typed, message) in refused {
        let ran = folder.run(&format!("sample --data few.csv --formula y~1+(1|g) {typed}"));
        assert_eq!(ran.code, 2, "{typed}: {ran:?}");
        assert!(ran.stderr.contains(message), "{typed}: {}", ran.stderr);
    }
    // An sd of studies and sigma are one number where every study has one row.
    let folder = Folder::with("single.csv", "g,y,se\na,1,0.5\nb,2,1\nc,3,1\nd,5,1\ne,4,2\nf,2,1\n");
    let few = "--chains 2 --warmup 100 --draws 100 --quiet --no-report";
    let ran = folder.run(&format!("sample --data single.csv --formula y~1+(1|g) --se se --with-sigma {few} --out one"));
    assert!(ran.stdout.contains("leave --with-sigma out, so that"), "{ran:?}");
    let ran = folder.run(&format!("sample --data single.csv --formula y~1+(1|g) --se se {few} --out other"));
    assert!(!ran.stdout.contains("cannot be told apart"), "{ran:?}");
}
