//! Stacking and the comparison of models against ArviZ, by hand, and against all other weights.

use std::collections::BTreeMap;

use serde::Deserialize;
use warpnuts::diagnostics::*;

use crate::helpers::importance::{close, normal_draws};

/// What tests/reference/importance.py says of ArviZ.
#[derive(Deserialize)]
struct Reference {
    comparison: BTreeMap<String, Table>,
}

#[derive(Deserialize)]
struct Table {
    /// `[model][observation]`
    elpd_i: Vec<Vec<f64>>,
    model: Vec<usize>,
    elpd_loo: Vec<f64>,
    se: Vec<f64>,
    elpd_diff: Vec<f64>,
    dse: Vec<f64>,
    weight: Vec<f64>,
}

fn comparisons() -> BTreeMap<String, Table> {
    let reference: Reference = serde_json::from_str(include_str!("reference/importance.json")).unwrap();
    assert_eq!(reference.comparison.len(), 3);
    reference.comparison
}

/// The models as slices.
fn slices(models: &[Vec<f64>]) -> Vec<&[f64]> {
    models.iter().map(Vec::as_slice).collect()
}

#[test]
fn comparisons_equal_arviz() {
    for (name, case) in comparisons() {
        let table = compare(&slices(&case.elpd_i));
        assert_eq!(table.iter().map(|row| row.model).collect::<Vec<_>>(), case.model, "{name}");
        for (i, row) in table.iter().enumerate() {
            close(&name, row.elpd_loo, case.elpd_loo[i], 1e-12);
            close(&name, row.se, case.se[i], 1e-12);
            close(&name, row.elpd_diff, case.elpd_diff[i], 1e-12);
            close(&name, row.dse, case.dse[i], 1e-12);
            close(&name, row.weight, case.weight[i], 1e-3);
        }
        // ArviZ's optimizer stops earlier.
        let mut theirs = vec![0.0; case.model.len()];
        case.model.iter().zip(&case.weight).for_each(|(model, weight)| theirs[*model] = *weight);
        let ours = stack(&slices(&case.elpd_i));
        let better = ours.log_score - log_score(&case.elpd_i, &theirs);
        assert!((-1e-10..1e-3).contains(&better), "{name}: {better}");
    }
}

/// The log score of weights for models `[model][observation]`.
fn log_score(models: &[Vec<f64>], weights: &[f64]) -> f64 {
    let of = |i: usize| models.iter().zip(weights).map(|(model, w)| w * model[i].exp()).sum::<f64>().ln();
    (0..models[0].len()).map(of).sum()
}

#[test]
fn no_direction_improves_stacking() {
    let random = normal_draws(0.0, 1.0, 600);
    let made_up = |models: usize, apart: f64| -> Vec<Vec<f64>> {
        let one = |(k, draws): (usize, &[f64])| draws.iter().map(|x| -1.0 - apart * k as f64 + 0.7 * x).collect();
        random.chunks_exact(60).take(models).enumerate().map(one).collect()
    };
    let mut sets: Vec<Vec<Vec<f64>>> = comparisons().into_values().map(|case| case.elpd_i).collect();
    sets.extend([made_up(2, 0.0), made_up(4, 0.05), made_up(10, 0.01), made_up(3, 40.0)]);
    for models in &sets {
        let Stacking { weights, log_score: ours, gap } = stack(&slices(models));
        close("total", weights.iter().sum(), 1.0, 1e-12);
        assert!(weights.iter().all(|weight| *weight >= 0.0), "{weights:?}");
        close("log score", ours, log_score(models, &weights), 1e-10);
        assert!((0.0..1e-9).contains(&gap), "{gap}");
        // Towards each model, and away from it, by a little and by a lot.
        for vertex in 0..models.len() {
            for step in [-0.1_f64, -1e-3, 1e-3, 0.1, 0.5, 1.0] {
                let step = step.max(-weights[vertex]);
                let one = |(k, w): (usize, &f64)| w + step * (f64::from(u8::from(k == vertex)) - w);
                let moved: Vec<f64> = weights.iter().enumerate().map(one).collect();
                let score = log_score(models, &moved);
                assert!(score <= ours + 1e-9, "{score} at {moved:?}, {ours} at {weights:?}");
            }
        }
    }
}

#[test]
fn stacking_of_two_models_is_where_the_derivative_vanishes() {
    // Each predicts a share s of the observations with certainty, and the others with probability 1/4. The derivative
    // of s ln(w + (1 - w) / 4) + (1 - s) ln(1 - w + w / 4) vanishes at w = (5 s - 1) / 3, or w is 1.
    let one = |hits: usize| -> Vec<f64> { (0..10).map(|i| if i < hits { 0.0 } else { 0.25_f64.ln() }).collect() };
    let other = |hits: usize| -> Vec<f64> { (0..10).map(|i| if i < hits { 0.25_f64.ln() } else { 0.0 }).collect() };
    for (hits, expected) in [(5, 0.5), (6, 2.0 / 3.0), (7, 5.0 / 6.0), (9, 1.0)] {
        let weights = stack(&[&one(hits), &other(hits)]).weights;
        close("weight", weights[0], expected, 1e-6);
    }
}

#[test]
fn equal_models_share_their_weight() {
    let random = normal_draws(-1.0, 0.7, 50);
    let worse: Vec<f64> = random.iter().map(|elpd| elpd - 0.5).collect();
    let Stacking { weights, .. } = stack(&[&random, &worse, &random]);
    close("the first", weights[0], 0.5, 1e-6);
    close("the worse one", weights[1], 0.0, 1e-6);
    let table = compare(&[&worse, &random]);
    assert_eq!(table.iter().map(|row| row.model).collect::<Vec<_>>(), [1, 0]);
    close("difference", table[1].elpd_diff, 25.0, 1e-10);
    close("its error", table[1].dse, 0.0, 1e-10);
}

#[test]
fn models_that_cannot_be_stacked_have_no_weights() {
    let good = [-1.0, -2.0, -3.0];
    let impossible = [f64::NEG_INFINITY, -1.0, -1.0];
    for models in [
        vec![&good[..], &good[..2]],
        vec![&good, &[-1.0, f64::NAN, -1.0]],
        vec![&good, &[-1.0, f64::INFINITY, -1.0]],
        vec![&impossible, &impossible],
        vec![&[], &[]],
    ] {
        assert!(stack(&models).weights.iter().all(|weight| weight.is_nan()), "{models:?}");
        let table = compare(&models);
        assert!(table.len() == 2 && table.iter().all(|row| row.weight.is_nan()), "{table:?}");
    }
    assert_eq!(stack(&[]).weights, [0.0; 0]);
    assert_eq!(compare(&[]), []);
    assert_eq!(stack(&[&good]).weights, [1.0]);
    // What a model holds impossible, another may predict.
    let Stacking { weights, gap, .. } = stack(&[&good, &impossible]);
    assert!((0.1..0.9).contains(&weights[0]) && gap < 1e-9, "{weights:?}");
    // The models without a number are last.
    let unknown = [f64::NAN; 3];
    let order = compare(&[&unknown, &impossible, &good]).iter().map(|row| row.model).collect::<Vec<_>>();
    assert_eq!(order, [2, 1, 0]);
}
