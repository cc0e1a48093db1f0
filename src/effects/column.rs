//! Effects of a column on the expectation: averages over the rows of the data, and at the means of all other columns.

use serde::Serialize;

use super::{EffectError, Estimate, probability_of_direction};
use crate::data::moments::{mean, sd};
use crate::data::text::{closest, listed};
use crate::predict::{
    ColumnValues, Evaluator, GridValues, NewValue, PredictError, RowGrid, RowLevel, RowReader, Scratch,
    column_and_values,
};

/// The step of a slope, in sds of the column.
const STEP: f64 = 1e-3;

/// The effect of a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnEffect {
    /// The column.
    pub column: String,
    /// What is compared: `slope`, `1 - 0`, `high - low`.
    pub what: String,
    /// Its average over the rows of the data, with the effects of their levels.
    pub average: Estimate,
    /// The same with other columns at their means or reference levels, and no level's effects.
    pub conditional: Estimate,
    /// The probability that the average has the sign that it has in most draws.
    pub direction: f64,
}

/// What is compared with what.
enum Contrast<'a> {
    /// The slope of a column of numbers, by a step.
    Slope(f64),
    /// A number with another one.
    Numbers(f64, f64),
    /// A level with another one.
    Levels(&'a str, &'a str),
}

/// The effects of every column, or of those that are `asked` for: `floor` for its slope or for all levels against the
/// reference, `floor=0,1` for the second and further values against the first.
///
/// # Errors
/// If there is no such column or value, or the store does not have the columns of the file.
pub fn column_effects(
    reader: &RowReader,
    evaluator: &Evaluator,
    asked: &[String],
) -> Result<Vec<ColumnEffect>, EffectError> {
    let all: Vec<(String, ColumnValues)> = explaining(reader);
    let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    let mut effects = Vec::new();
    let wanted: Vec<&str> = if asked.is_empty() {
        names.iter().map(String::as_str).collect()
    } else {
        asked.iter().map(String::as_str).collect()
    };
    for typed in wanted {
        let (name, values) = column_and_values(typed, &names);
        let fault = |cure: String| EffectError::NoColumn { column: typed.to_string(), cure };
        let of_value = |problem: String| EffectError::Value { typed: typed.to_string(), problem };
        let Some((name, known)) = all.iter().find(|(column, _)| column == name.trim()) else {
            return Err(fault(match closest(&names, name.trim()) {
                Some(close) => format!("did you mean `{close}`?"),
                None if names.is_empty() => "it has none but those that say of which group a row is".to_string(),
                None => format!("write one of: {}", listed(&names)),
            }));
        };
        for comparison in comparisons(reader, name, *known, values).map_err(of_value)? {
            effects.push(effect(reader, evaluator, name, &comparison)?);
        }
    }
    Ok(effects)
}

/// The columns that explain the outcome.
pub fn explaining<'a>(reader: &RowReader<'a>) -> Vec<(String, ColumnValues<'a>)> {
    let beside = reader.columns_beside();
    let columns = reader.columns().into_iter().filter(|(name, _)| !beside.contains(name));
    columns.filter(|(_, values)| matches!(values, ColumnValues::Numbers(_) | ColumnValues::Categories(_))).collect()
}

fn comparisons<'a>(
    reader: &RowReader<'a>,
    name: &str,
    known: ColumnValues<'a>,
    values: Option<&str>,
) -> Result<Vec<Contrast<'a>>, String> {
    let words = || values.into_iter().flat_map(|values| values.split(',')).map(str::trim);
    if let ColumnValues::Categories(levels) = known {
        let level = |word: &str| match levels.iter().find(|level| *level == word) {
            Some(level) => Ok(&level[..]),
            None => Err(format!("there is no level `{word}`; write some of: {}", listed(levels))),
        };
        let chosen = match values {
            Some(_) => words().map(level).collect::<Result<Vec<&str>, String>>()?,
            None => levels.iter().map(String::as_str).collect(),
        };
        let [first, rest @ ..] = &chosen[..] else { return Ok(Vec::new()) };
        return match rest.is_empty() {
            true => {
                Err(format!("one value is compared with nothing; write two, as in {name}={},{}", levels[0], levels[1]))
            }
            false => Ok(rest.iter().map(|level| Contrast::Levels(first, level)).collect()),
        };
    }
    let Some(_) = values else {
        let own = reader.own_values(name).unwrap_or_default();
        let spread = sd(&own, mean(&own));
        return Ok(vec![Contrast::Slope(STEP * if spread > 0.0 { spread } else { 1.0 })]);
    };
    let number = |word: &str| match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("`{word}` is no number; write two, as in {name}=0,1")),
    };
    let numbers = words().map(number).collect::<Result<Vec<f64>, String>>()?;
    match &numbers[..] {
        [first, rest @ ..] if !rest.is_empty() => Ok(rest.iter().map(|to| Contrast::Numbers(*first, *to)).collect()),
        _ => Err(format!("one value is compared with nothing; write two, as in {name}=0,1")),
    }
}

/// The effect of a comparison, averaged over rows, and at the means.
fn effect<'a>(
    reader: &RowReader<'a>,
    evaluator: &Evaluator,
    name: &str,
    comparison: &Contrast<'a>,
) -> Result<ColumnEffect, EffectError> {
    let moved = |by: f64| reader.own_rows_at(name, &|x| NewValue::Number(x + by));
    let (from, to, unit, what) = match comparison {
        // Where a step to one side leaves the domain of a function, only the other side counts.
        Contrast::Slope(step) => match (moved(-step), moved(*step)) {
            (Ok(from), Ok(to)) => (from, to, 2.0 * step, "slope".to_string()),
            (Err(_), Ok(to)) => (moved(0.0)?, to, *step, "slope".to_string()),
            (Ok(from), Err(_)) => (from, moved(0.0)?, *step, "slope".to_string()),
            (Err(error), Err(_)) => return Err(error.into()),
        },
        Contrast::Numbers(from, to) => {
            let at = |x: f64| reader.own_rows_at(name, &|_| NewValue::Number(x));
            (at(*from)?, at(*to)?, 1.0, format!("{to} - {from}"))
        }
        Contrast::Levels(from, to) => {
            let at = |level: &'a str| reader.own_rows_at(name, &|_| NewValue::Level(level));
            (at(from)?, at(to)?, 1.0, format!("{to} - {from}"))
        }
    };
    let average: Vec<f64> = evaluator.mean_difference(&from, &to).iter().map(|value| value / unit).collect();
    let (low, high, step) = match comparison {
        Contrast::Slope(step) => {
            let at = mean(&reader.own_values(name).unwrap_or_default());
            (GridValues::Numbers(vec![at]), GridValues::Numbers(vec![at + step]), *step)
        }
        Contrast::Numbers(from, to) => (GridValues::Numbers(vec![*from]), GridValues::Numbers(vec![*to]), 1.0),
        Contrast::Levels(from, to) => {
            let [low, high] = [from, to].map(|level| GridValues::Labels(vec![level.to_string()]));
            (low, high, 1.0)
        }
    };
    let [low, high] = [expectations(reader, evaluator, name, low)?, expectations(reader, evaluator, name, high)?];
    let conditional: Vec<f64> = high[0].iter().zip(&low[0]).map(|(high, low)| (high - low) / step).collect();
    Ok(ColumnEffect {
        column: name.to_string(),
        what,
        direction: probability_of_direction(&average),
        average: Estimate::of(&average),
        conditional: Estimate::of(&conditional),
    })
}

/// The expectation in every draw at these values of a column, other columns at their means or reference levels, without
/// the effects of any level of a factor.
fn expectations(
    reader: &RowReader,
    evaluator: &Evaluator,
    name: &str,
    values: GridValues,
) -> Result<Vec<Vec<f64>>, PredictError> {
    let grid = RowGrid::at(reader, vec![(name.to_string(), values)])?;
    let mut rows = reader.rows(&grid.frame.into_block())?;
    rows.levels.iter_mut().for_each(|levels| levels.fill(RowLevel::Average));
    let mut scratch = Scratch::default();
    let of = |row| {
        let (mut etas, mut sds) = (vec![0.0; evaluator.count()], vec![0.0; evaluator.count()]);
        evaluator.etas(&rows, row, &mut scratch, &mut etas);
        evaluator.sds(&rows, row, &mut sds);
        evaluator.moments(&rows, row, &mut etas, &mut sds);
        etas
    };
    Ok((0..rows.count).map(of).collect())
}

/// The expectation at each level of a categorical column, other columns at their means or reference levels, without the
/// effects of any level of a factor.
///
/// # Errors
/// If the column has no levels.
pub fn levels(reader: &RowReader, evaluator: &Evaluator, name: &str) -> Result<Vec<(String, Estimate)>, EffectError> {
    let levels = explaining(reader).into_iter().find_map(|(column, values)| match values {
        ColumnValues::Categories(levels) if column == name => Some(levels),
        _ => None,
    });
    let levels = levels.ok_or_else(|| EffectError::NoSource { column: name.to_string() })?;
    let expectations = expectations(reader, evaluator, name, GridValues::Labels(levels.to_vec()))?;
    Ok(levels.iter().cloned().zip(expectations.iter().map(|etas| Estimate::of(etas))).collect())
}

/// The expectation at `points` values of a column of numbers from its smallest to its largest, other columns at their
/// means or reference levels, without the effects of any level.
///
/// # Errors
/// If the column is none of numbers, or the store does not have the columns of the file.
pub fn curve(
    reader: &RowReader,
    evaluator: &Evaluator,
    name: &str,
    points: usize,
) -> Result<Vec<(f64, Estimate)>, EffectError> {
    let own = reader.own_values(name).ok_or_else(|| EffectError::NoSource { column: name.to_string() })?;
    let (low, high) = own.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
    let values: Vec<f64> = (0..points).map(|i| low + (high - low) * i as f64 / (points as f64 - 1.0)).collect();
    let expectations = expectations(reader, evaluator, name, GridValues::Numbers(values.clone()))?;
    Ok(values.into_iter().zip(expectations.iter().map(|etas| Estimate::of(etas))).collect())
}
