//! Effects of all columns side by side: of an sd of a column of numbers, and of each level against the reference.

use serde_json::json;

use crate::checks;
use crate::diagnostics;
use crate::effects::{ColumnEffect, Estimate, column_effects};
use crate::experiment::Sampled;
use crate::predict::{DrawnVariables, Evaluator, NewLevels, RowReader};
use crate::report::figure::Figure;
use crate::report::run::{With, best_with};
use crate::summary::{decimals, number, significant};

/// Draws that are used, and the most effects that are shown.
const DRAWS: usize = 1000;
const EFFECTS: usize = 40;

/// The effects of a run's columns.
#[derive(Debug, Clone)]
pub struct AverageEffectsPart {
    outcome: String,
    /// The first ones, in the outcome's unit.
    effects: Vec<ScaledEffect>,
    /// The number of all.
    count: usize,
}

#[derive(Debug, Clone)]
struct ScaledEffect {
    /// As in `Days, 1 sd (2.88)`, `dose, high - low`.
    name: String,
    average: Estimate,
    conditional: Estimate,
    direction: f64,
}

impl AverageEffectsPart {
    /// Of a run whose draws have effects, if its model has columns, and if its draws can be read in short time.
    pub fn of(sampled: &Sampled) -> Option<AverageEffectsPart> {
        let variables = checks::can_check(sampled).then(|| DrawnVariables::of(sampled, DRAWS).ok()).flatten()?;
        let reader = RowReader::new(&sampled.model, NewLevels::Average).ok()?;
        let effects = column_effects(&reader, &Evaluator::new(&variables), &[]).ok()?;
        let count = effects.len();
        let effects: Vec<ScaledEffect> =
            effects.into_iter().take(EFFECTS).map(|effect| ScaledEffect::of(&reader, effect)).collect();
        let outcome = sampled.model.dataset().outcome_name().to_string();
        (!effects.is_empty()).then_some(AverageEffectsPart { outcome, effects, count })
    }
}

impl ScaledEffect {
    fn of(reader: &RowReader, effect: ColumnEffect) -> ScaledEffect {
        let ColumnEffect { column, what, average, conditional, direction } = effect;
        let values = reader.own_values(&column).filter(|_| what == "slope");
        let (step, name) = match values {
            None => (1.0, format!("{column}, {what}")),
            Some(values) => {
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                if values.iter().all(|value| *value == low || *value == high) {
                    (high - low, format!("{column}, {high} - {low}"))
                } else {
                    let sd = diagnostics::sd(&values);
                    (sd, format!("{column}, 1 sd ({})", significant(sd)))
                }
            }
        };
        let scaled = |estimate: Estimate| {
            let Estimate { mean, sd, q05, q95 } = estimate;
            Estimate { mean: step * mean, sd: step * sd, q05: step * q05, q95: step * q95 }
        };
        ScaledEffect { name, average: scaled(average), conditional: scaled(conditional), direction }
    }
}

/// The effects of the best run that has them.
pub fn figure(parts: &With<AverageEffectsPart>, best: &str) -> Option<Figure> {
    let (run, part) = best_with(parts, best)?;
    let row = |effect: &ScaledEffect| {
        json!({
            "name": effect.name, "average": effect.average, "conditional": effect.conditional,
            "direction": effect.direction, "shown": number(effect.direction, 3),
        })
    };
    let rows: Vec<_> = part.effects.iter().map(row).collect();
    let data = json!({ "outcome": part.outcome, "slot": run.slot, "rows": rows });
    let size = |effect: &&ScaledEffect| effect.average.mean.abs();
    let largest = part.effects.iter().max_by(|a, b| size(a).total_cmp(&size(b)))?;
    let Estimate { mean, sd, q05, q95 } = largest.average;
    let [mean, q05, q95] = [mean, q05, q95].map(|value| number(value, decimals(sd)));
    let shown = match part.effects.len() < part.count {
        true => format!("The first {} of {} effects", part.effects.len(), part.count),
        false => "Effects".to_string(),
    };
    Some(Figure::new("average-effects", format!("Effects on {}", part.outcome), data).captioned(
        "How much the expectation changes by an sd of a column, or from one value or level to another: averaged over the rows \
         with the effects of their levels (dot, and the range that holds it with 90 % probability), and of a level in the middle of \
         its population, other columns at their means or reference levels (thin). P is the probability that the average has the sign \
         of most draws.",
        format!("{shown}, {}. Largest: {}, {mean} ({q05} to {q95}).", run.name, largest.name),
    ))
}
