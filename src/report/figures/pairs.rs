//! Pairs of hyperparameters: their correlations, and where transitions diverge.

use serde_json::json;

use crate::report::caption::each;
use crate::report::figure::Figure;
use crate::report::run::{ReportedRun, hardest};
use crate::summary::number;

/// The most hyperparameters.
const VARIABLES: usize = 6;

/// A figure for each run.
pub fn figures(runs: &[ReportedRun]) -> Vec<Figure> {
    let places = hardest(runs.iter(), VARIABLES);
    runs.iter().enumerate().map(|(i, run)| figure(run, i, runs.len(), &places)).collect()
}

fn figure(run: &ReportedRun, i: usize, runs: usize, places: &[usize]) -> Figure {
    let chosen = || places.iter().map(|place| &run.hyper[*place]);
    let variables: Vec<_> = chosen()
        .map(|hyper| json!({ "name": hyper.name, "low": hyper.grid.low, "high": hyper.grid.high, "density": hyper.density, "cloud": hyper.cloud }))
        .collect();
    let mut strongest = (0.0f64, String::new());
    for (j, a) in chosen().enumerate() {
        for b in chosen().skip(j + 1) {
            let r = correlation(&a.cloud.draws, &b.cloud.draws);
            if r.abs() > strongest.0.abs() {
                strongest = (r, format!("{} and {}", a.name, b.name));
            }
        }
    }
    let left_out = match run.hyper.len() {
        all if all > places.len() => format!("the {} of {all} that are hardest to sample; ", places.len()),
        _ => String::new(),
    };
    let (r, whose) = strongest;
    let drawn = run.hyper.first().map_or(0, |hyper| hyper.cloud.draws.len());
    let words = format!(
        "{left_out}{drawn} draws of {}; the strongest correlation among them is {} ({whose})",
        run.summary.total_draws(),
        number(r, 2)
    );
    let title = if runs > 1 {
        format!("Pairs of hyperparameters, {}", run.name)
    } else {
        "Pairs of hyperparameters".to_string()
    };
    let said = each([(run.name.clone(), words)]);
    let look = if run.summary.has_chains() {
        "Round clouds are easy to sample; narrow ridges, funnels, and divergences (crosses) that gather in one place are not."
    } else {
        "Round clouds are easy for chains, narrow ridges and funnels are not; independent draws come from all of them alike."
    };
    Figure::new("pairs", title, json!({ "slot": run.slot, "variables": variables }))
        .called(format!("pairs-{}", i + 1))
        .captioned(look, said)
}

/// Pearson's correlation; 0 if a variable is constant.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (crate::diagnostics::mean(a), crate::diagnostics::mean(b));
    let product: f64 = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    let squares = |values: &[f64], mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let scale = (squares(a, mean_a) * squares(b, mean_b)).sqrt();
    if scale > 0.0 { product / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_is_pearsons() {
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-12);
        assert!((correlation(&[1.0, 2.0, 3.0], &[1.0, 0.0, 1.0])).abs() < 1e-12);
        assert_eq!(correlation(&[1.0, 1.0], &[1.0, 2.0]), 0.0);
    }
}
