//! Each group's own least-squares estimate, without the other groups.

use std::ops::Range;

use rayon::prelude::*;

use crate::data::Dataset;
use crate::model::Mixed;

/// A pivot below this fraction of its column's squared length is a rounding error.
const ROUNDING: f64 = 1e-9;

/// The K coefficients of each group that its own observations determine, coefficient by coefficient; `NaN` for the
/// others.
pub fn of_coefficients(dataset: &Dataset) -> Vec<f64> {
    let columns: Vec<usize> = (0..dataset.n_coefficients()).collect();
    of_groups(dataset, &columns, dataset.outcome(), &vec![1.0; dataset.n_observations()])
}

/// The deviations of each group from the population's coefficients, in the order of the effects: of the columns of all
/// terms, fitted to what the population leaves of the group's own outcomes. The population's coefficients are the first
/// of the `hyperparameters`, and sigma is the last. `None` with several factors, where a group's own observations do
/// not say to which of them a deviation belongs.
pub fn of_deviations(dataset: &Dataset, mixed: &Mixed, hyperparameters: &[f64]) -> Option<Vec<f64>> {
    if mixed.factors() > 1 {
        return None;
    }
    let mut left = dataset.outcome().to_vec();
    if let Some(offset) = dataset.offset() {
        left.iter_mut().zip(offset).for_each(|(left, offset)| *left -= offset);
    }
    for (column, coefficient) in mixed.population.iter().zip(hyperparameters) {
        left.iter_mut().enumerate().for_each(|(i, left)| *left -= coefficient * value(dataset, *column, i));
    }
    let columns: Vec<usize> = mixed.terms.iter().flat_map(|term| term.columns.iter().copied()).collect();
    let last = hyperparameters.last().filter(|_| dataset.errors().is_some());
    let mut sigmas = vec![last.copied().unwrap_or(1.0); left.len()];
    if let Some(sigma) = &mixed.sigma {
        let end = hyperparameters.len() - mixed.free_dispersions().count();
        sigma.sigmas(dataset, &hyperparameters[end - sigma.columns.len()..end], &mut sigmas);
    }
    Some(of_groups(dataset, &columns, &left, &sigmas))
}

/// Coefficients of `columns` in each group, column by column, by least squares with the weights of the rows, or with
/// the inverses of their variances where errors are known beside sigma, or `sigmas` of rows differ.
fn of_groups(dataset: &Dataset, columns: &[usize], outcome: &[f64], sigmas: &[f64]) -> Vec<f64> {
    let root = |i: usize| match (dataset.weights(), dataset.errors()) {
        (Some(weights), _) => weights[i].sqrt() / sigmas[i],
        (None, Some(errors)) => sigmas[i].hypot(errors[i]).recip(),
        (None, None) => sigmas[i].recip(),
    };
    let outcome: Vec<f64> = outcome.iter().enumerate().map(|(i, outcome)| root(i) * outcome).collect();
    let column = |k: usize, i: usize| root(i) * value(dataset, columns[k], i);
    let of = |j| estimate(dataset.group_range(j), columns.len(), column, &outcome);
    let estimates: Vec<Vec<f64>> = (0..dataset.n_groups()).into_par_iter().map(of).collect();
    (0..columns.len()).flat_map(|k| estimates.iter().map(move |estimate| estimate[k])).collect()
}

/// The value of a column in row `i`; column 0 is the intercept's.
fn value(dataset: &Dataset, column: usize, i: usize) -> f64 {
    if column == 0 { 1.0 } else { dataset.predictor(column - 1)[i] }
}

/// The coefficients of `count` columns that `rows` determine; `NaN` for the others.
///
/// Gauss-Jordan elimination of the normal equations: a coefficient with a pivot is determined if no coefficient without
/// a pivot has a part in its row.
fn estimate(rows: Range<usize>, count: usize, column: impl Fn(usize, usize) -> f64, outcome: &[f64]) -> Vec<f64> {
    // Columns of length 1, so that units do not matter.
    let lengths: Vec<f64> =
        (0..count).map(|k| rows.clone().map(|i| column(k, i).powi(2)).sum::<f64>().sqrt()).collect();
    let unit = |k: usize, i: usize| if lengths[k] > 0.0 { column(k, i) / lengths[k] } else { 0.0 };
    let mut equations: Vec<Vec<f64>> = (0..count)
        .map(|k| {
            let mut row: Vec<f64> = (0..count).map(|l| rows.clone().map(|i| unit(k, i) * unit(l, i)).sum()).collect();
            row.push(rows.clone().map(|i| unit(k, i) * outcome[i]).sum());
            row
        })
        .collect();
    let mut has_pivot = vec![false; count];
    for k in 0..count {
        if equations[k][k] <= ROUNDING {
            continue;
        }
        has_pivot[k] = true;
        let pivot = equations[k][k];
        equations[k].iter_mut().for_each(|entry| *entry /= pivot);
        let row = equations[k].clone();
        for (_, other) in equations.iter_mut().enumerate().filter(|(l, _)| *l != k) {
            let factor = other[k];
            other.iter_mut().zip(&row).for_each(|(entry, pivot)| *entry -= factor * pivot);
        }
    }
    let is_determined = |k: usize| {
        has_pivot[k] && (0..count).all(|l| l == k || has_pivot[l] || equations[k][l].abs() < ROUNDING.sqrt())
    };
    (0..count).map(|k| if is_determined(k) { equations[k][count] / lengths[k] } else { f64::NAN }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Factor, FileRows};
    use crate::family::Family;
    use crate::model::{MixedPriors, MixedTerm, Spread};

    fn dataset(groups: &[&str], x: &[f64], y: &[f64]) -> Dataset {
        Dataset::from_columns("test", "g", "y", &["x"], groups, y.to_vec(), vec![x.to_vec()]).unwrap()
    }

    #[test]
    fn a_line_is_found_where_there_is_one() {
        let data = dataset(
            &["line", "line", "line", "flat", "flat", "up", "up"],
            &[2000.0, 2001.0, 2002.0, 0.0, 0.0, 1.0, 1.0],
            &[5.0, 7.0, 9.0, 3.0, 4.0, 1.0, 2.0],
        );
        let own = of_coefficients(&data);
        let [line, flat, up] = [0, 1, 2].map(|j| [own[j], own[3 + j]]);
        assert!((line[1] - 2.0).abs() < 1e-6 && (line[0] + 3995.0).abs() < 1e-2, "{line:?}");
        // All x are zero: the intercept is the mean outcome, and the slope is unknown.
        assert!((flat[0] - 3.5).abs() < 1e-12 && flat[1].is_nan(), "{flat:?}");
        // All x are one: only the sum of intercept and slope is known.
        assert!(up.iter().all(|value| value.is_nan()), "{up:?}");
    }

    #[test]
    fn deviations_are_from_the_population() {
        let groups = ["a", "a", "a", "a", "b", "b", "b", "b"];
        let x = [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0];
        // Lines 1 + 2 x and 6, with a noise of 1, -1, -1, 1 that changes neither.
        let data = dataset(&groups, &x, &[2.0, 2.0, 4.0, 8.0, 7.0, 5.0, 5.0, 7.0]);
        let term = |columns: &[usize]| MixedTerm { factor: 0, columns: columns.to_vec(), spread: Spread::Independent };
        let mixed = |terms: Vec<MixedTerm>| {
            let population = vec![0, 1];
            let priors = MixedPriors::for_data(&data, Family::Gaussian, &population, &terms);
            Mixed::new(String::new(), population, terms, priors)
        };
        let near = |own: Option<Vec<f64>>, truth: &[f64]| {
            let own = own.unwrap();
            assert_eq!(own.len(), truth.len());
            assert!(own.iter().zip(truth).all(|(own, truth)| (own - truth).abs() < 1e-9), "{own:?}");
        };
        // Against 2 + x.
        let both = mixed(vec![term(&[0, 1])]);
        near(of_deviations(&data, &both, &[2.0, 1.0]), &[-1.0, 4.0, 1.0, -1.0]);
        // Two terms of one factor are fitted together.
        let apart = mixed(vec![term(&[1]), term(&[0])]);
        near(of_deviations(&data, &apart, &[2.0, 1.0]), &[1.0, -1.0, -1.0, 4.0]);
        // A slope that does not vary is the population's: mean outcomes 4 and 6, against 2 + 1.5.
        near(of_deviations(&data, &mixed(vec![term(&[0])]), &[2.0, 1.0]), &[0.5, 2.5]);
        let crossed = mixed(vec![term(&[0]), MixedTerm { factor: 1, ..term(&[0]) }]);
        assert_eq!(of_deviations(&data, &crossed, &[2.0, 1.0]), None);
    }

    #[test]
    fn rows_have_weights_and_offsets() {
        let file = FileRows {
            source: "test".into(),
            rows: (0..4).collect(),
            weights: Some(vec![3.0, 1.0, 1.0, 1.0]),
            offset: Some(vec![0.0, 0.0, 10.0, 10.0]),
            ..FileRows::default()
        };
        let levels = vec!["a".to_string(), "b".to_string()];
        let factor = Factor { name: "g".into(), levels, of: vec![0, 0, 1, 1] };
        let data =
            Dataset::of_formula(file, ("y".into(), vec![2.0, 6.0, 15.0, 17.0]), Vec::new(), vec![factor]).unwrap();
        let terms = vec![MixedTerm { factor: 0, columns: vec![0], spread: Spread::Independent }];
        let priors = MixedPriors::for_data(&data, Family::Gaussian, &[0], &terms);
        let mixed = Mixed::new(String::new(), vec![0], terms, priors);
        // (3 x 2 + 6) / 4 - 1, and (15 + 17) / 2 - 10 - 1.
        let own = of_deviations(&data, &mixed, &[1.0]).unwrap();
        assert!((own[0] - 2.0).abs() < 1e-12 && (own[1] - 5.0).abs() < 1e-12, "{own:?}");
    }

    #[test]
    fn rows_have_errors_beside_sigma() {
        // With a sigma of 3: variances of 25, 10, 25, 10.
        let file = FileRows {
            source: "test".into(),
            rows: (0..4).collect(),
            errors: Some(vec![4.0, 1.0, 4.0, 1.0]),
            ..FileRows::default()
        };
        let levels = vec!["a".to_string(), "b".to_string()];
        let factor = Factor { name: "g".into(), levels, of: vec![0, 0, 1, 1] };
        let data =
            Dataset::of_formula(file, ("y".into(), vec![2.0, 9.0, 16.0, 2.0]), Vec::new(), vec![factor]).unwrap();
        let terms = vec![MixedTerm { factor: 0, columns: vec![0], spread: Spread::Independent }];
        let priors = MixedPriors::for_data(&data, Family::Gaussian, &[0], &terms);
        let mixed = Mixed::new(String::new(), vec![0], terms, priors);
        // (2 x 2 + 5 x 9) / 7 - 1, and (2 x 16 + 5 x 2) / 7 - 1.
        let own = of_deviations(&data, &mixed, &[1.0, 0.5, 3.0]).unwrap();
        assert!((own[0] - 6.0).abs() < 1e-12 && (own[1] - 5.0).abs() < 1e-12, "{own:?}");
    }
}
