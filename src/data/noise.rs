//! Detects perfect fits: if regressions within the groups fit the outcome to within rounding, there is no noise, and
//! the model has no posterior: the density of `eps` rises without bound as `eps` goes to 0.

use super::collinear::residual;
use super::design::CONSTANT;
use super::moments::{largest_deviation, mean};
use super::{DataError, Dataset};

/// Noise up to this share of the outcome's standard deviation within groups is rounding.
const ROUNDING: f64 = 1e-7;

/// Noise up to this many units in the last place of the largest outcome is rounding too.
const LAST_PLACES: f64 = 4.0;

/// Refuses an outcome that is constant in every group, or that every group's regression on the predictors fits to
/// rounding. If no group has more rows than coefficients, so that any outcome would fit, nothing is refused.
pub(super) fn refuse_none(dataset: &Dataset) -> Result<(), DataError> {
    let (file, column) = (dataset.source.clone(), dataset.columns.outcome.clone());
    let largest = dataset.outcome.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let last_places = LAST_PLACES * f64::EPSILON * largest;
    // Most data have more noise than any limit below allows for, and the first groups show it.
    let range = dataset.outcome.iter().fold(0.0_f64, |range, value| range.max((value - dataset.outcome[0]).abs()));
    let ample = last_places.max(2.0 * ROUNDING * range);
    if spread(dataset, ample, ample, varying) == Some(f64::INFINITY) {
        return Ok(());
    }
    let Some(within) = spread(dataset, last_places, 0.0, |_, _| Vec::new()) else { return Ok(()) };
    if within <= last_places {
        return Err(DataError::ConstantWithinGroups { file, column });
    }
    let limit = last_places.max(ROUNDING * within);
    match spread(dataset, limit, limit, varying) {
        Some(noise) if noise <= limit => Err(DataError::NoNoise { file, column }),
        _ => Ok(()),
    }
}

/// Refuses an outcome that levels of the first factor and slopes that all share fit to rounding: the same columns
/// explain it whatever else varies. If there are no more rows than coefficients, nothing is refused.
pub(super) fn refuse_common(dataset: &Dataset) -> Result<(), DataError> {
    let (file, column) = (dataset.source.clone(), dataset.columns.outcome.clone());
    let within = |values: &[f64]| -> Vec<f64> {
        let groups = (0..dataset.n_groups()).map(|j| &values[dataset.group_range(j)]);
        let deviations = groups.flat_map(|values| {
            let mean = mean(values);
            values.iter().map(move |value| value - mean)
        });
        deviations.collect()
    };
    if dataset.n_observations() <= dataset.n_groups() + dataset.predictors.len() {
        return Ok(());
    }
    let largest = dataset.outcome.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let last_places = LAST_PLACES * f64::EPSILON * largest;
    let outcome = within(&dataset.outcome);
    let scale = largest_deviation(&outcome, 0.0);
    if scale <= last_places {
        return Err(DataError::ConstantWithinGroups { file, column });
    }
    let scaled = |values: Vec<f64>| -> Option<Vec<f64>> {
        let scale = largest_deviation(&values, 0.0);
        (scale > 0.0).then(|| values.into_iter().map(|value| value / scale).collect())
    };
    let mut columns: Vec<Vec<f64>> = dataset.predictors.iter().filter_map(|values| scaled(within(values))).collect();
    columns.extend(scaled(outcome));
    let root = (dataset.n_observations() as f64).sqrt();
    match scale * residual(columns) / root {
        left if left <= last_places.max(ROUNDING * scale) => Err(DataError::NoNoise { file, column }),
        _ => Ok(()),
    }
}

/// The predictors that vary in group `j`, centered and scaled within the group.
fn varying(dataset: &Dataset, j: usize) -> Vec<Vec<f64>> {
    let rows = dataset.group_range(j);
    let varying = dataset.predictors.iter().filter_map(|values| centred(&values[rows.clone()]));
    varying.map(|(column, _)| column).collect()
}

/// The standard deviation within groups of the outcome's residuals on `columns`; infinity once it must exceed a
/// positive `enough`; `None` if no group has degrees of freedom. Deviations up to `rounding` count as 0.
fn spread(
    dataset: &Dataset,
    rounding: f64,
    enough: f64,
    columns: impl Fn(&Dataset, usize) -> Vec<Vec<f64>>,
) -> Option<f64> {
    let (mut squares, mut freedom) = (0.0, 0usize);
    // In this unit, squares are finite.
    let unit = dataset.outcome.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for j in 0..dataset.n_groups() {
        let rows = dataset.group_range(j);
        let mut columns = columns(dataset, j);
        let spared = rows.len().saturating_sub(columns.len() + 1);
        if spared == 0 {
            continue;
        }
        freedom += spared;
        let Some((outcome, scale)) = centred(&dataset.outcome[rows]) else { continue };
        if scale <= rounding {
            continue;
        }
        columns.push(outcome);
        squares += (scale / unit * residual(columns)).powi(2);
        // The groups to come add at most as many degrees of freedom as there are rows.
        if enough > 0.0 && squares > (enough / unit).powi(2) * dataset.n_observations() as f64 {
            return Some(f64::INFINITY);
        }
    }
    (freedom > 0).then(|| unit * (squares / freedom as f64).sqrt())
}

/// Deviations from the mean, in units of the largest, and this unit; `None` if there is only rounding.
fn centred(values: &[f64]) -> Option<(Vec<f64>, f64)> {
    let mean = mean(values);
    let scale = largest_deviation(values, mean);
    let varies = scale > CONSTANT * mean.abs() && scale > 0.0;
    varies.then(|| (values.iter().map(|value| (value - mean) / scale).collect(), scale))
}
