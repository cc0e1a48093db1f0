//! Effective sample size over draws: it should grow in a straight line.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use crate::diagnostics::{Series, ess_bulk, ess_tail};
use crate::report::caption::each;
use crate::report::chains::Variable;
use crate::report::draw::spread;
use crate::report::figure::Figure;
use crate::report::run::{Run, hardest};
use crate::summary::number;

/// How often it is computed, from how many chains at most, and for how many hyperparameters.
const STEPS: usize = 8;
const CHAINS: usize = 64;
const VARIABLES: usize = 12;

/// One hyperparameter's.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Draws of each chain, from the first on.
    draws: Vec<usize>,
    bulk: Vec<f64>,
    tail: Vec<f64>,
    /// How many chains they are of.
    #[serde(skip)]
    chains: usize,
}

impl Row {
    /// Of some of these chains.
    pub fn of(variable: &Variable, chains: &[usize]) -> Row {
        let chains: Vec<usize> = spread(chains.len(), CHAINS).into_iter().map(|i| chains[i]).collect();
        let mut draws: Vec<usize> =
            (1..=STEPS).map(|step| step * variable.draws / STEPS).filter(|draws| *draws >= 4).collect();
        draws.dedup();
        let both: Vec<[f64; 2]> = draws
            .par_iter()
            .map(|draws| {
                let first: Vec<f64> =
                    chains.iter().flat_map(|chain| &variable.chain(*chain)[..*draws]).copied().collect();
                let series = Series::new(&first, chains.len());
                [ess_bulk(series), ess_tail(series)].map(|ess| (10.0 * ess).round() / 10.0)
            })
            .collect();
        Row {
            bulk: both.iter().map(|both| both[0]).collect(),
            tail: both.iter().map(|both| both[1]).collect(),
            draws,
            chains: chains.len(),
        }
    }
}

/// A panel for each hyperparameter, or the hardest of them.
pub fn figure(runs: &[Run]) -> Option<Figure> {
    let places = hardest(runs, VARIABLES);
    runs.iter().find(|run| run.hyper.iter().any(|hyper| hyper.growth.bulk.iter().any(|ess| ess.is_finite())))?;
    let panels: Vec<_> = places
        .iter()
        .map(|i| {
            let lines: Vec<_> = runs
                .iter()
                .map(|run| json!({ "run": run.name, "slot": run.slot, "growth": run.hyper[*i].growth }))
                .collect();
            json!({ "name": runs[0].hyper[*i].name, "lines": lines })
        })
        .collect();
    let said = runs.iter().map(|run| {
        let last = |ess: &[f64]| ess.last().copied().unwrap_or(f64::NAN);
        let smallest = run.hyper.iter().min_by(|a, b| {
            let ess = |growth: &Row| last(&growth.bulk).min(last(&growth.tail));
            ess(&a.growth).total_cmp(&ess(&b.growth))
        });
        let words = smallest.map_or(String::new(), |hyper| {
            let growth = &hyper.growth;
            let of = match run.summary.settings.chains as usize {
                chains if chains > growth.chains => format!(" of {} of the {chains} chains", growth.chains),
                _ => String::new(),
            };
            format!(
                "the smallest is {}'s, {} (bulk) and {} (tail) of {} draws{of}",
                hyper.name,
                number(last(&growth.bulk), 0),
                number(last(&growth.tail), 0),
                growth.chains * growth.draws.last().copied().unwrap_or(0),
            )
        });
        (run.name.clone(), words)
    });
    Some(Figure::new("ess", "Effective sample size over draws", json!({ "panels": panels })).captioned(
        "Both, bulk (solid) and tail (dashed), should grow in proportion to the draws, and end above 400 (dotted); one that \
         levels off or jumps has met something it did not know.",
        each(said),
    ))
}
