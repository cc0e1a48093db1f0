//! Posteriors of formulas: by simulation-based calibration, and in one parameterization against another.

use std::sync::Arc;

use warpnuts::data::{Dataset, Factor, FileRows};
use warpnuts::engine::Progress;
use warpnuts::experiment::{Settings, sample};
use warpnuts::model::{Coordinates, Mixed, MixedPriors, MixedTerm, Model, Shape, Spread, VariablePrior};
use warpnuts::random::StreamKey;
use warpnuts::summary::RunSummary;

use crate::helpers::calibration::{self, Simulated, Source};
use crate::helpers::{chance, formulas};

const DATA_SETS: u32 = 200;

fn half_normal() -> VariablePrior {
    VariablePrior { shape: Shape::Normal, location: 0.0, scale: 1.0, half: true }
}

/// The data of a formula with the terms `(1 + x | g)`, `(1 | h)` or both, whose parameters are drawn from the priors.
fn simulate(number: u32, correlated: bool, crossed: bool, parameterization: &str) -> Simulated {
    let mut source = Source { key: StreamKey { seed: 9, chain: number, transition: 0 } };
    let (g, h, rows) = (6, 5, 60);
    let level =
        |levels: usize, stride: usize| (0..rows).map(|i| ((i * stride + i / 7) % levels) as u32).collect::<Vec<_>>();
    let (of_g, of_h) = (level(g, 1), level(h, 3));
    let x = source.normals(rows);
    let b = source.normals(2);
    let sds: Vec<f64> = source.normals(3).into_iter().map(f64::abs).collect();
    let sigma = source.normals(1)[0].abs();
    // The middle of three uniform numbers is Beta(2, 2), which is (1 + rho) / 2 under LKJ(2).
    let mut three = source.uniforms()[..3].to_vec();
    three.sort_by(f64::total_cmp);
    let rho = if correlated { 2.0 * three[1] - 1.0 } else { 0.0 };
    let (z, noise) = (source.normals(2 * g + h), source.normals(rows));
    let columns = if correlated { 2 } else { 1 };
    let r0: Vec<f64> = (0..g).map(|j| sds[0] * z[j]).collect();
    let r1: Vec<f64> = (0..g).map(|j| sds[1] * (rho * z[j] + (1.0 - rho * rho).sqrt() * z[g + j])).collect();
    let s0: Vec<f64> = (0..h).map(|j| sds[2] * z[2 * g + j]).collect();
    let y = (0..rows).map(|i| {
        let (j, k) = (of_g[i] as usize, of_h[i] as usize);
        let slope = b[1] + if correlated { r1[j] } else { 0.0 };
        b[0] + r0[j] + slope * x[i] + if crossed { s0[k] } else { 0.0 } + sigma * noise[i]
    });
    let mut factors =
        vec![Factor { name: "g".into(), levels: (0..g).map(|j| format!("g{j}")).collect(), of: of_g.clone() }];
    let mut terms = vec![MixedTerm {
        factor: 0,
        columns: (0..columns).collect(),
        spread: if correlated { Spread::Correlated } else { Spread::Independent },
    }];
    if crossed {
        factors.push(Factor { name: "h".into(), levels: (0..h).map(|j| format!("h{j}")).collect(), of: of_h.clone() });
        terms.push(MixedTerm { factor: 1, columns: vec![0], spread: Spread::Independent });
    }
    // The prior of the intercept is at the mean of x.
    let center = x.iter().sum::<f64>() / rows as f64;
    let mut truth = vec![b[0], b[1], sds[0]];
    truth.extend(correlated.then_some(sds[1]));
    truth.extend(crossed.then_some(sds[2]));
    truth.extend(correlated.then_some(rho));
    truth.push(sigma);
    truth.extend(&r0);
    truth.extend(correlated.then_some(&r1).into_iter().flatten());
    truth.extend(crossed.then_some(&s0).into_iter().flatten());
    let outcome: Vec<f64> = y.map(|y| y - b[1] * center).collect();
    truth[0] -= b[1] * center;
    let file = FileRows { source: "simulated".into(), rows: (0..rows).collect(), ..FileRows::default() };
    let dataset = Dataset::of_formula(file, ("y".into(), outcome), vec![("x".into(), x)], factors).unwrap();
    let priors = MixedPriors {
        population: vec![VariablePrior::normal(0.0, 1.0); 2],
        scales: terms.iter().map(|term| vec![half_normal(); term.columns.len()]).collect(),
        correlations: vec![2.0; terms.len()],
        dispersions: vec![half_normal()],
    };
    let mixed = Mixed::new("y ~ x + ...".into(), vec![0, 1], terms, priors);
    let coordinates = Coordinates::parse_terms(parameterization, &mixed.term_names(&dataset)).unwrap();
    Simulated { model: Model::of_formula(Arc::new(dataset), Arc::new(mixed), coordinates, None), truth }
}

/// Calibrates in these parameterizations, in turns.
fn calibrate(correlated: bool, crossed: bool, parameterizations: &[&str], shown: &[usize]) {
    calibration::calibrate(DATA_SETS, shown, |number| {
        let parameterization = parameterizations[number as usize % parameterizations.len()];
        simulate(number, correlated, crossed, parameterization)
    });
}

#[test]
fn true_parameters_of_a_correlated_term_are_anywhere_among_the_draws() {
    // b, sds, the correlation, sigma, and an effect of each column.
    calibrate(true, false, &["marginal", "non-centered", "centered", "partial"], &[0, 1, 2, 3, 4, 5, 6, 12]);
}

#[test]
fn true_parameters_of_crossed_terms_are_anywhere_among_the_draws() {
    let all = ["non-centered", "centered", "partial", "g=centered,h=partial", "g=non-centered,h=centered"];
    // b, both sds, sigma, and an effect of each factor.
    calibrate(false, true, &all, &[0, 1, 2, 3, 4, 5, 11]);
}

/// Means of every variable agree between coordinates, within Monte Carlo errors.
#[test]
fn all_coordinates_have_the_same_posterior() {
    let of = formulas::read("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", &[]);
    let summary = |parameterization: &str| {
        let settings = Settings { chains: 4, warmup: 500, draws: 1000, target_accept: 0.9, ..Settings::default() };
        let model = Arc::new(formulas::model(&of, parameterization));
        RunSummary::of(&sample(model, settings, Arc::new(Progress::default())).unwrap())
    };
    let [marginal, others @ ..] = ["marginal", "non-centered", "centered", "partial"].map(summary);
    for other in others {
        let rows = marginal.parameters.0.iter().zip(&other.parameters.0);
        let scores: Vec<f64> = rows
            .map(|(a, b)| {
                let error = a.summary.mcse_mean.hypot(b.summary.mcse_mean);
                let z = (a.summary.mean - b.summary.mean) / error;
                assert!(z.abs() < chance::largest(42), "{}, {}: {z}", other.parameterization, a.name);
                z
            })
            .collect();
        assert_eq!(scores.len(), 42);
    }
}
