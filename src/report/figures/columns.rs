//! The expectation over each column, other columns at their means or reference levels, beside the observed outcomes.

use serde_json::{Value, json};

use crate::effects::{Estimate, curve, explaining, levels};
use crate::experiment::Sampled;
use crate::predict::{ColumnValues, DrawnVariables, Evaluator, NewLevels, RowReader};
use crate::report::figure::Figure;
use crate::report::run::{With, best_with};
use crate::report::thin::evenly;
use crate::summary::{decimals, number};

/// Draws that are used, points of a curve, observed outcomes that are shown, and columns.
const DRAWS: usize = 1000;
const POINTS: usize = 41;
const SHOWN: usize = 600;
const COLUMNS: usize = 8;

/// What a run says of each column.
#[derive(Debug, Clone)]
pub struct ColumnsPart {
    outcome: String,
    panels: Vec<Panel>,
}

#[derive(Debug, Clone)]
struct Panel {
    column: String,
    /// The change from the lowest to the highest value, or between the levels furthest apart.
    shows: String,
    data: Value,
}

impl ColumnsPart {
    /// Of a run whose draws have effects, if its model has columns.
    pub fn of(sampled: &Sampled) -> Option<ColumnsPart> {
        let variables = DrawnVariables::of_hyperparameters(sampled, DRAWS).ok()?;
        let reader = RowReader::new(&sampled.model, NewLevels::Average).ok()?;
        let evaluator = Evaluator::new(&variables);
        let panel = |(name, values): (String, ColumnValues)| panel(sampled, &reader, &evaluator, name, values);
        let panels: Vec<Panel> = explaining(&reader).into_iter().take(COLUMNS).filter_map(panel).collect();
        let outcome = sampled.model.dataset().outcome_name().to_string();
        (!panels.is_empty()).then_some(ColumnsPart { outcome, panels })
    }
}

fn panel(
    sampled: &Sampled,
    reader: &RowReader,
    evaluator: &Evaluator,
    column: String,
    values: ColumnValues,
) -> Option<Panel> {
    let between = |low: &Estimate, high: &Estimate| {
        let decimals = decimals(low.sd.max(high.sd));
        format!("{} to {}", number(low.mean, decimals), number(high.mean, decimals))
    };
    if matches!(values, ColumnValues::Categories(_)) {
        let levels = levels(reader, evaluator, &column).ok()?;
        let by_mean =
            |(_, one): &&(String, Estimate), (_, other): &&(String, Estimate)| one.mean.total_cmp(&other.mean);
        let ((lowest, low), (highest, high)) = (levels.iter().min_by(by_mean)?, levels.iter().max_by(by_mean)?);
        let shows = format!("{column}: {} from {lowest} to {highest}", between(low, high));
        let data = json!({ "column": column, "levels": levels });
        return Some(Panel { column, shows, data });
    }
    let curve = curve(reader, evaluator, &column, POINTS).ok()?;
    let ((lowest, low), (highest, high)) = (curve.first()?, curve.last()?);
    let shows = format!("{column}: {} from {} to {}", between(low, high), short(*lowest), short(*highest));
    let x = reader.own_values(&column)?;
    let y = sampled.model.dataset().outcome();
    let rows = evenly(x.len(), SHOWN);
    let (xs, ys): (Vec<f64>, Vec<f64>) = rows.into_iter().map(|row| (x[row], y[row])).unzip();
    let data = json!({ "column": column, "curve": curve, "x": xs, "y": ys });
    Some(Panel { column, shows, data })
}

/// A number to four digits.
fn short(number: f64) -> String {
    format!("{}", format!("{number:.3e}").parse::<f64>().unwrap_or(number))
}

/// The panels of the best run that has them.
pub fn figure(parts: &With<ColumnsPart>, best: &str) -> Option<Figure> {
    let (run, part) = best_with(parts, best)?;
    let panels: Vec<&Value> = part.panels.iter().map(|panel| &panel.data).collect();
    let shows: Vec<&str> = part.panels.iter().map(|panel| &panel.shows[..]).collect();
    let names: Vec<&str> = part.panels.iter().map(|panel| &panel.column[..]).collect();
    let data = json!({ "outcome": part.outcome, "run": run.name, "slot": run.slot, "panels": panels });
    let title = format!("{} over {}", part.outcome, names.join(", "));
    Some(Figure::new("columns", title, data).captioned(
        "The expectation (line, or dot for a level) of a level in the middle of its population, with other columns at their \
         means or reference levels, and the range that holds it with 90 % probability (band); points are the data.",
        format!("Expectations, {}: {}.", run.name, shows.join("; ")),
    ))
}
