//! Conditions on columns, one by one and together, beyond being numbers.

use super::{CellFault, CellPosition, Columns, DataError, MAX_COEFFICIENTS, MAX_MAGNITUDE, collinear};

/// A column varies if its range exceeds this fraction of its largest magnitude; a smaller range is rounding.
const VARIES: f64 = 1e-12;

/// Checks that each column has one role, and that predictors are not too many. The group may also be a predictor.
pub(super) fn roles(file: &str, columns: &Columns) -> Result<(), DataError> {
    let used_twice = |column: &String, first, second| {
        Err(DataError::UsedTwice { file: file.into(), column: column.clone(), first, second })
    };
    if columns.outcome == columns.group {
        return used_twice(&columns.outcome, "group", "outcome");
    }
    for (k, predictor) in columns.predictors.iter().enumerate() {
        if *predictor == columns.outcome {
            return used_twice(predictor, "outcome", "predictor");
        }
        if columns.predictors[..k].contains(predictor) {
            return Err(DataError::PredictorTwice { file: file.into(), column: predictor.clone() });
        }
    }
    if columns.predictors.len() >= MAX_COEFFICIENTS {
        return Err(DataError::TooManyPredictors { file: file.into(), count: columns.predictors.len() });
    }
    Ok(())
}

/// Checks that columns have as many values as there are group labels, and that each predictor has a name.
pub(super) fn shapes(
    file: &str,
    columns: &Columns,
    labels: usize,
    outcome: &[f64],
    predictors: &[Vec<f64>],
) -> Result<(), DataError> {
    if predictors.len() != columns.predictors.len() {
        return Err(DataError::PredictorNames {
            file: file.into(),
            columns: predictors.len(),
            names: columns.predictors.len(),
        });
    }
    let outcome = (&columns.outcome, outcome.len());
    let predictors = predictors.iter().map(Vec::len);
    let named = columns.predictors.iter().zip(predictors);
    for (column, found) in std::iter::once(outcome).chain(named) {
        if found != labels {
            return Err(DataError::ColumnLength { file: file.into(), column: column.clone(), expected: labels, found });
        }
    }
    Ok(())
}

/// Checks that values, and their squares, are finite.
pub(super) fn values(file: &str, column: &str, values: &[f64]) -> Result<(), DataError> {
    for (row, value) in values.iter().enumerate() {
        let fault = match value {
            value if !value.is_finite() => CellFault::NotFinite(value.to_string()),
            value if value.abs() > MAX_MAGNITUDE => CellFault::TooLarge(format!("{value:e}")),
            _ => continue,
        };
        let (place, fault) = (CellPosition::Row(row), fault.into());
        return Err(DataError::BadCell { file: file.into(), place, column: column.into(), fault });
    }
    Ok(())
}

/// Checks that there are two groups or more, that outcome and predictors vary, and that no predictors are collinear.
pub(super) fn table(
    file: &str,
    columns: &Columns,
    groups: &[String],
    outcome: &[f64],
    predictors: &[Vec<f64>],
) -> Result<(), DataError> {
    levels(file, &columns.group, groups)?;
    varies(file, &columns.outcome, outcome)?;
    for (column, values) in columns.predictors.iter().zip(predictors) {
        if let Some((min, max)) = constant(values) {
            return Err(DataError::ConstantPredictor { file: file.into(), column: column.clone(), min, max });
        }
    }
    let values: Vec<&[f64]> = predictors.iter().map(Vec::as_slice).collect();
    if let Some(found) = collinear::first(&values, true) {
        let name = |&k: &usize| columns.predictors[k].clone();
        return Err(DataError::Collinear {
            file: file.into(),
            column: name(&found.dependent),
            others: found.on.iter().map(name).collect(),
        });
    }
    Ok(())
}

/// Checks that a factor has two levels or more.
pub(super) fn levels(file: &str, column: &str, levels: &[String]) -> Result<(), DataError> {
    match levels {
        [] => Err(DataError::HeaderOnly { file: file.into() }),
        [only] => Err(DataError::OneGroup { file: file.into(), column: column.into(), group: only.clone() }),
        _ => Ok(()),
    }
}

/// Checks that the outcome varies.
pub(super) fn varies(file: &str, column: &str, outcome: &[f64]) -> Result<(), DataError> {
    match constant(outcome) {
        Some((min, max)) => Err(DataError::ConstantOutcome { file: file.into(), column: column.into(), min, max }),
        None => Ok(()),
    }
}

/// The minimum and maximum of a column that varies by rounding only, or so little that squares underflow.
fn constant(values: &[f64]) -> Option<(f64, f64)> {
    let (min, max) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &value| (min.min(value), max.max(value)));
    let largest = min.abs().max(max.abs());
    let range = max - min;
    (range <= VARIES * largest || range < MAX_MAGNITUDE.recip()).then_some((min, max))
}
