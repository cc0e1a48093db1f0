//! Autocorrelation: how much a draw resembles the draws before it.

use serde::Serialize;
use serde_json::json;

use crate::diagnostics::{Series, autocorrelation};
use crate::report::caption::each;
use crate::report::chains::VariableDraws;
use crate::report::figure::Figure;
use crate::report::run::{With, hardest};
use crate::summary::{counted, number};

/// The largest lag, and the most hyperparameters.
const LAGS: usize = 100;
const VARIABLES: usize = 12;

/// A smaller autocorrelation counts as none.
const LITTLE: f64 = 0.05;

/// Correlations at lags 0, 1, 2, ...
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct AutocorrelationRow(Vec<f64>);

impl AutocorrelationRow {
    /// The average over these chains; empty if there are too few draws.
    pub fn of(variable: &VariableDraws, chains: &[usize]) -> AutocorrelationRow {
        let lags = LAGS.min(variable.draws / 2);
        if lags < 2 {
            return AutocorrelationRow(Vec::new());
        }
        let some: Vec<f64> = chains.iter().flat_map(|chain| variable.chain(*chain)).copied().collect();
        let all = autocorrelation(Series::new(&some, chains.len()));
        AutocorrelationRow(all.iter().take(lags + 1).map(|r| (1e4 * r).round() / 1e4).collect())
    }

    /// The first lag with an autocorrelation below [`LITTLE`].
    fn gone(&self) -> Option<usize> {
        self.0.iter().position(|r| *r < LITTLE)
    }
}

/// A panel for each hyperparameter, or for the hardest ones.
pub fn figure(runs: &With<Vec<AutocorrelationRow>>) -> Option<Figure> {
    let places = hardest(runs.iter().map(|(run, _)| *run), VARIABLES);
    let panels: Vec<_> = places
        .iter()
        .map(|i| {
            let lines: Vec<_> = runs
                .iter()
                .map(|(run, rows)| json!({ "run": run.name, "slot": run.slot, "values": rows[*i] }))
                .collect();
            json!({ "name": runs[0].0.hyper[*i].name, "lines": lines })
        })
        .collect();
    runs.iter().find(|(_, rows)| rows.iter().any(|row| row.0.iter().any(|r| r.is_finite())))?;
    let said = runs.iter().map(|(run, rows)| {
        if !run.summary.has_chains() {
            let lags = rows.iter().flat_map(|row| row.0.iter().skip(1));
            let largest = lags.fold(0.0f64, |largest, r| largest.max(r.abs()));
            let words = format!(
                "draws are independent, and the largest autocorrelation is {} in size, by chance",
                number(largest, 3)
            );
            return (run.name.clone(), words);
        }
        let named = run.hyper.iter().zip(*rows);
        let slowest = named.max_by_key(|(_, row)| row.gone().unwrap_or(usize::MAX));
        let words = slowest.map_or(String::new(), |(hyper, row)| {
            let lag = match row.gone() {
                Some(lag) => format!("takes {} to fall below {LITTLE}", counted(lag as u64, "draw")),
                None => {
                    format!("is still above {LITTLE} after {} draws", row.0.len().saturating_sub(1))
                }
            };
            format!("the slowest is {}, whose autocorrelation {lag}", hyper.name)
        });
        (run.name.clone(), words)
    });
    Some(Figure::new("autocorrelation", "Autocorrelation", json!({ "panels": panels })).captioned(
        "The sooner a line falls to zero, the more each draw says that the ones before it did not.",
        each(said),
    ))
}
