//! The one judgement of perfect fits: an outcome that the groups' own regressions meet to within rounding has no noise, and
//! its model no posterior: the density of `eps` rises without end as `eps` goes to 0.

use super::collinear::residual;
use super::design::CONSTANT;
use super::moments::{largest_deviation, mean};
use super::{DataError, Dataset};

/// Less noise than this share of the outcome's standard deviation within groups is rounding.
const ROUNDING: f64 = 1e-7;

/// So many units in the last place of the largest outcome are rounding too.
const LAST_PLACES: f64 = 4.0;

/// Refuses an outcome that is constant in every group, or that every group's regression on the predictors meets; one that could
/// not but be met, for no group has more rows than coefficients, is none of these.
pub(super) fn refuse_none(dataset: &Dataset) -> Result<(), DataError> {
    let (file, column) = (dataset.source.clone(), dataset.columns.outcome.clone());
    let largest = dataset.outcome.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let last_places = LAST_PLACES * f64::EPSILON * largest;
    // Most data have noise enough for whatever the outcome's spread may be, and the first groups show it.
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

/// The predictors that vary in group `j`, centred and scaled there.
fn varying(dataset: &Dataset, j: usize) -> Vec<Vec<f64>> {
    let rows = dataset.group_range(j);
    let varying = dataset.predictors.iter().filter_map(|values| centred(&values[rows.clone()]));
    varying.map(|(column, _)| column).collect()
}

/// The standard deviation within groups of what `columns` leave of the outcome, or something above `enough`, if that is known
/// before the end; `None` where no group has rows to spare. Deviations up to `rounding` are none.
fn spread(
    dataset: &Dataset,
    rounding: f64,
    enough: f64,
    columns: impl Fn(&Dataset, usize) -> Vec<Vec<f64>>,
) -> Option<f64> {
    let (mut squares, mut freedom) = (0.0, 0usize);
    // What is large beside `unit` has a square that is finite.
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
        // Whatever is still to come adds no more freedom than there are rows.
        if enough > 0.0 && squares > (enough / unit).powi(2) * dataset.n_observations() as f64 {
            return Some(f64::INFINITY);
        }
    }
    (freedom > 0).then(|| unit * (squares / freedom as f64).sqrt())
}

/// Deviations from their mean, in units of the largest of them, and that; `None` where there is nothing but rounding.
fn centred(values: &[f64]) -> Option<(Vec<f64>, f64)> {
    let mean = mean(values);
    let scale = largest_deviation(values, mean);
    let varies = scale > CONSTANT * mean.abs() && scale > 0.0;
    varies.then(|| (values.iter().map(|value| (value - mean) / scale).collect(), scale))
}
