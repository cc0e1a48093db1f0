//! Effective sample size over draws: it should grow in a straight line.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use crate::diagnostics::{Series, ess_bulk_and_tail};
use crate::report::caption::each;
use crate::report::chains::VariableDraws;
use crate::report::figure::Figure;
use crate::report::run::{With, hardest};
use crate::report::thin::evenly;
use crate::summary::number;

/// The number of steps, the most chains, and the most hyperparameters.
const STEPS: usize = 8;
const CHAINS: usize = 64;
const VARIABLES: usize = 12;

/// The ESS of one hyperparameter.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EssRow {
    /// The numbers of draws of each chain, counted from the first draw.
    draws: Vec<usize>,
    bulk: Vec<f64>,
    tail: Vec<f64>,
    /// The number of chains.
    #[serde(skip)]
    chains: usize,
}

impl EssRow {
    /// The ESS over draws of some of these chains, variable by variable; where every draw counts for one, their number.
    pub fn of_each(variables: &[VariableDraws], chains: &[usize], every_draw_counts: bool) -> Vec<EssRow> {
        let chains: Vec<usize> = evenly(chains.len(), CHAINS).into_iter().map(|i| chains[i]).collect();
        let all = variables.first().map_or(0, |variable| variable.draws);
        let mut draws: Vec<usize> = (1..=STEPS).map(|step| step * all / STEPS).filter(|draws| *draws >= 4).collect();
        draws.dedup();
        let of_first = |draws: &usize| match every_draw_counts {
            true => vec![[(chains.len() * draws) as f64; 2]; variables.len()],
            false => of_first(variables, &chains, *draws),
        };
        let steps: Vec<Vec<[f64; 2]>> = draws.par_iter().rev().map(of_first).collect();
        let of = |i: usize, which: usize| {
            steps.iter().rev().map(|both| (10.0 * both[i][which]).round() / 10.0).collect::<Vec<f64>>()
        };
        let row = |i: usize| EssRow { bulk: of(i, 0), tail: of(i, 1), draws: draws.clone(), chains: chains.len() };
        (0..variables.len()).map(row).collect()
    }
}

/// Bulk and tail ESS of the first `draws` draws of these chains, variable by variable.
fn of_first(variables: &[VariableDraws], chains: &[usize], draws: usize) -> Vec<[f64; 2]> {
    let first = |variable: &VariableDraws| -> Vec<f64> {
        chains.iter().flat_map(|chain| &variable.chain(*chain)[..draws]).copied().collect()
    };
    let all: Vec<Vec<f64>> = variables.iter().map(first).collect();
    let series: Vec<Series> = all.iter().map(|values| Series::new(values, chains.len())).collect();
    ess_bulk_and_tail(&series)
}

/// A panel for each hyperparameter, or for the hardest ones; none of runs in all of which every draw counts for one.
pub fn figure(runs: &With<Vec<EssRow>>) -> Option<Figure> {
    runs.iter().find(|(run, _)| !run.summary.every_draw_counts())?;
    let places = hardest(runs.iter().map(|(run, _)| *run), VARIABLES);
    runs.iter().find(|(_, rows)| rows.iter().any(|row| row.bulk.iter().any(|ess| ess.is_finite())))?;
    let panels: Vec<_> = places
        .iter()
        .map(|i| {
            let lines: Vec<_> = runs
                .iter()
                .map(|(run, rows)| json!({ "run": run.name, "slot": run.slot, "growth": rows[*i] }))
                .collect();
            json!({ "name": runs[0].0.hyper[*i].name, "lines": lines })
        })
        .collect();
    let said = runs.iter().map(|(run, rows)| {
        if run.summary.every_draw_counts() {
            return (run.name.clone(), "independent draws are worth their number".to_string());
        }
        let last = |ess: &[f64]| ess.last().copied().unwrap_or(f64::NAN);
        let smallest = run.hyper.iter().zip(*rows).min_by(|(_, a), (_, b)| {
            let ess = |growth: &EssRow| last(&growth.bulk).min(last(&growth.tail));
            ess(a).total_cmp(&ess(b))
        });
        let words = smallest.map_or(String::new(), |(hyper, growth)| {
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
    let look = match runs.iter().any(|(run, _)| run.summary.has_chains()) {
        true => {
            "Both, bulk (solid) and tail (dashed), should grow in proportion to the draws, and end above 400 (dotted); one that \
             levels off or jumps has met something it did not know."
        }
        false => {
            "Independent draws of which few repeat the one before are worth nearly their number, and both, bulk (solid) and tail \
             (dashed), are estimates of that, above or below by chance; they should end above 400 (dotted)."
        }
    };
    let figure = Figure::new("ess", "Effective sample size over draws", json!({ "panels": panels }));
    Some(figure.captioned(look, each(said)))
}
