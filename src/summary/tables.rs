//! Tables of summaries and comparisons, built once as cells, for the terminal and for the page.

use super::{Comparison, ComparisonRow, Extreme, Parameter, RunSummary, decimals, number, significant};
use crate::data::one_line;
use crate::diagnostics::Summary;

/// The text for a run without warnings.
pub fn no_warnings(run: &RunSummary) -> &'static str {
    if run.has_chains() {
        "No warnings: no divergences, the chains agree, and there are effective draws enough."
    } else {
        "No warnings: the draws are independent, and there are enough of them."
    }
}

/// A table of formatted cells; the first cell of each row is its name.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Table {
    /// The names of the columns.
    pub header: Vec<String>,
    /// A cell for each column.
    pub rows: Vec<Vec<String>>,
}

/// A row for each variable. The Monte Carlo error of the mean decides on the number of decimals; the error itself has
/// one more.
pub fn parameters<'a>(parameters: impl IntoIterator<Item = &'a Parameter>, nested: bool) -> Table {
    let header = ["", "mean", "sd", "5 %", "50 %", "95 %", "MCSE", "bulk ESS", "tail ESS", rhat_name(nested)];
    let row = |Parameter { name, summary, nested_rhat, .. }: &Parameter| {
        let Summary { mean, sd, q05, q50, q95, mcse_mean, ess_bulk, ess_tail, rhat, .. } = *summary;
        let decimals = decimals(mcse_mean);
        let mut cells = vec![one_line(name)];
        cells.extend([mean, sd, q05, q50, q95].map(|value| number(value, decimals)));
        cells.push(number(mcse_mean, decimals + 1));
        cells.extend([ess_bulk, ess_tail].map(|value| number(value, 0)));
        cells.push(number(nested_rhat.unwrap_or(rhat), 3));
        cells
    };
    Table { header: header.map(str::to_string).to_vec(), rows: parameters.into_iter().map(row).collect() }
}

fn rhat_name(nested: bool) -> &'static str {
    if nested { "nested R-hat" } else { "R-hat" }
}

/// Runs side by side; the terminal shows a row for each run, the page a column.
#[derive(Debug, Clone)]
pub struct SideBySide {
    /// `R-hat` or `nested R-hat`.
    pub rhat: &'static str,
    /// The cells of each run.
    pub runs: Vec<ComparisonCells>,
    /// Mean and sd of the focus by quadrature, if known.
    pub exact: Option<[String; 2]>,
    /// Why there is no run of independent draws, where one was asked for.
    pub no_independent: Option<String>,
}

/// The cells of one run.
#[derive(Debug, Clone)]
pub struct ComparisonCells {
    /// The run's name.
    pub name: String,
    /// Mean of the focus, with its Monte Carlo standard error, and its sd.
    pub focus: Option<[String; 2]>,
    /// Divergent transitions among the draws; `-`, as all that is about chains, for independent draws.
    pub divergences: String,
    /// The largest R-hat, and its variable.
    pub rhat: Option<[String; 2]>,
    /// The smallest bulk ESS, and its variable: all, where every draw counts for one.
    pub ess_bulk: Option<[String; 2]>,
    /// The smallest tail ESS, and its variable.
    pub ess_tail: Option<[String; 2]>,
    /// Mean leapfrog steps per draw.
    pub leapfrogs: String,
    /// Step size of the draws.
    pub step_size: String,
    /// Mean acceptance of the draws.
    pub acceptance: String,
    /// Gradients per second, and bulk ESS per second.
    pub rates: [f64; 2],
}

impl SideBySide {
    /// The cells of all runs of a comparison.
    pub fn of(comparison: &Comparison) -> SideBySide {
        let nested = comparison.runs.iter().any(|run| run.max_nested_rhat.is_some());
        let exact = comparison.exact.as_ref();
        SideBySide {
            rhat: rhat_name(nested),
            runs: comparison.runs.iter().map(|run| ComparisonCells::of(run, nested)).collect(),
            no_independent: comparison
                .no_independent
                .as_ref()
                .map(|why| format!("No row `independent`, for draws of this model cannot be independent: {why}.")),
            exact: exact.map(|exact| [exact.mean, exact.sd].map(|value| number(value, decimals(exact.sd) + 2))),
        }
    }
}

impl ComparisonCells {
    fn of(run: &ComparisonRow, nested: bool) -> ComparisonCells {
        let extreme = |extreme: &Option<Extreme>, decimals| {
            extreme.as_ref().map(|extreme| [number(extreme.value, decimals), one_line(&extreme.parameter)])
        };
        let ess = |ess: &Option<Extreme>| match extreme(ess, 0) {
            Some([value, _]) if run.repeated == Some(0) => Some([value, "all".to_string()]),
            cells => cells,
        };
        let focus = run.focus.map(|row| {
            let [mean, error, sd] =
                [row.mean, row.mcse_mean, row.sd].map(|value| number(value, decimals(row.mcse_mean)));
            [format!("{mean} ± {error}"), sd]
        });
        ComparisonCells {
            name: run.name.clone(),
            focus,
            divergences: run.divergences.map_or("-".to_string(), |divergences| divergences.to_string()),
            rhat: extreme(if nested { &run.max_nested_rhat } else { &run.max_rhat }, 3),
            ess_bulk: ess(&run.min_ess_bulk),
            ess_tail: ess(&run.min_ess_tail),
            leapfrogs: number(run.leapfrogs_per_draw, 1),
            step_size: significant(run.step_size),
            acceptance: number(run.acceptance, 2),
            rates: [run.gradients_per_second, run.ess_per_second],
        }
    }
}
