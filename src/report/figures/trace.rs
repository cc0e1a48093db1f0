//! Traces: each hyperparameter's density chain by chain, and its draws in order.

use serde::Serialize;
use serde_json::json;

use crate::diagnostics::quantile;
use crate::report::caption::percent;
use crate::report::chains::VariableDraws;
use crate::report::figure::Figure;
use crate::report::kde::{Curve, smoothed};
use crate::report::run::{ReportedRun, With};
use crate::report::thin::{Rounding, evenly};
use crate::report::view::View;
use crate::summary::{counted, number};

/// Up to the first number, all chains are drawn; otherwise the second number, and an envelope.
const ALL_CHAINS: usize = 16;
const SOME_CHAINS: usize = 6;

/// The most and the fewest points of a trace, and the points of a chain's density.
const MOST: usize = 400;
const FEWEST: usize = 40;
const DENSITY_POINTS: usize = 64;

/// The traces of one hyperparameter.
#[derive(Debug, Clone, Serialize)]
pub struct TraceRow {
    /// The chains that are drawn.
    chains: Vec<usize>,
    /// The densities of these chains.
    densities: Vec<Curve>,
    /// Indices of the draws that are shown.
    draws: Vec<usize>,
    /// The shown draws of each chain.
    traces: Vec<Vec<f64>>,
    /// 5 % and 95 % quantiles over all chains at each shown draw, unless all chains are drawn.
    envelope: Option<[Vec<f64>; 2]>,
}

impl TraceRow {
    /// The traces of one of `variables` hyperparameters.
    pub fn of(variable: &VariableDraws, view: &View, variables: usize) -> TraceRow {
        let shown = if variable.chains <= ALL_CHAINS { ALL_CHAINS } else { SOME_CHAINS };
        let chains = evenly(variable.chains, shown);
        let points = (view.numbers / (variables * (chains.len() + 2)).max(1)).clamp(FEWEST, MOST);
        let draws = evenly(variable.draws, points);
        let rounding = Rounding::within(variable.grid.low, variable.grid.high);
        // The rule of thumb, for the number of draws of one chain.
        let bandwidth = variable.sorted.bandwidth() * (variable.chains as f64).powf(0.2);
        let density =
            |chain: usize| smoothed(variable.chain(chain).iter().copied(), bandwidth, variable.grid, DENSITY_POINTS);
        let trace = |chain: usize| rounding.all(draws.iter().map(|draw| variable.chain(chain)[*draw]));
        let envelope = (variable.chains > chains.len()).then(|| {
            let mut across = vec![0.0; variable.chains];
            let ends: Vec<[f64; 2]> = draws
                .iter()
                .map(|draw| {
                    across.iter_mut().enumerate().for_each(|(chain, value)| *value = variable.chain(chain)[*draw]);
                    across.sort_unstable_by(f64::total_cmp);
                    [quantile(&across, 0.05), quantile(&across, 0.95)]
                })
                .collect();
            [0, 1].map(|end| rounding.all(ends.iter().map(|ends| ends[end])))
        });
        TraceRow {
            densities: chains.iter().map(|chain| density(*chain)).collect(),
            traces: chains.iter().map(|chain| trace(*chain)).collect(),
            chains,
            draws,
            envelope,
        }
    }
}

/// A figure for each run.
pub fn figures(runs: &With<Vec<TraceRow>>) -> Vec<Figure> {
    runs.iter().enumerate().map(|(i, (run, rows))| figure(run, rows, i, runs.len())).collect()
}

fn figure(run: &ReportedRun, rows: &[TraceRow], i: usize, runs: usize) -> Figure {
    let shown = rows.first().map_or(&[][..], |row| &row.chains[..]);
    let rows: Vec<_> = (run.hyper.iter().zip(rows))
        .map(|(hyper, row)| {
            let TraceRow { chains, densities, draws, traces, envelope } = row;
            json!({
                "name": hyper.name, "low": hyper.grid.low, "high": hyper.grid.high, "density": hyper.density,
                "chains": chains.iter().map(|chain| run.chain_number(*chain)).collect::<Vec<_>>(),
                "densities": densities, "draws": draws, "traces": traces, "envelope": envelope,
            })
        })
        .collect();
    let divergent: Vec<[usize; 2]> =
        run.divergent.iter().map(|[chain, draw]| [run.chain_number(*chain), *draw]).collect();
    let data = json!({ "slot": run.slot, "rows": rows, "divergent": divergent, "draws": run.summary.draws });
    let title = if runs > 1 { format!("Traces, {}", run.name) } else { "Traces".to_string() };
    let chains = run.summary.settings.chains as usize;
    let which = if shown.len() < chains {
        format!("Lines are {} of the {chains} chains; the band holds 90 % of all chains at each draw. ", shown.len())
    } else {
        String::new()
    };
    let look = if run.summary.has_chains() {
        "On the left all chains should have the same density; on the right each should look like noise around one level: no \
         drifts, no flat stretches, and no divergences (ticks below) in one place."
    } else {
        "Draws are independent, and a chain is only a row of them: the densities on the left differ by chance, and each line \
         on the right is noise around one level."
    };
    Figure::new("trace", title, data)
        .called(format!("trace-{}", i + 1))
        .captioned(look, format!("{which}{}", shows(run)))
}

fn shows(run: &ReportedRun) -> String {
    let summary = &run.summary;
    let draws = counted(summary.total_draws() as u64, "draw");
    let bad = match summary.repeated {
        None => format!("{} among {draws}", counted(summary.divergences, "divergence")),
        Some(0) => format!("None of {draws} repeats the draw before it"),
        Some(repeated) => format!("{repeated} of {draws} repeat the draw before them"),
    };
    let rhat = match (&summary.max_nested_rhat, &summary.max_rhat) {
        _ if !summary.has_chains() => String::new(),
        (Some(rhat), _) => format!("; nested R-hat is at most {} ({})", number(rhat.value, 3), rhat.parameter),
        (None, Some(rhat)) => format!("; R-hat is at most {} ({})", number(rhat.value, 3), rhat.parameter),
        (None, None) => String::new(),
    };
    let beyond = run.hyper.iter().max_by(|a, b| a.beyond.total_cmp(&b.beyond)).filter(|hyper| hyper.beyond > 0.002);
    let beyond = beyond.map_or(String::new(), |hyper| {
        format!(" Long tails are cut off: {} of {}'s draws are beyond its axis.", percent(hyper.beyond), hyper.name)
    });
    format!("{bad}{rhat}.{beyond}")
}
