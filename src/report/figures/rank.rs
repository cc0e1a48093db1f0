//! Rank plots: the ranks of each chain's draws among those of all chains (Vehtari et al. 2021).

use serde::Serialize;
use serde_json::json;

use crate::report::chains::VariableDraws;
use crate::report::figure::Figure;
use crate::report::run::{ReportedRun, With};
use crate::report::thin::evenly;
use crate::summary::number;

/// Bins of ranks.
const BINS: usize = 20;

/// The least average number of draws in a bin.
const DRAWS_A_BIN: usize = 5;

/// The most chains whose bins are drawn.
const CHAINS: usize = 16;

/// The ranks of one hyperparameter.
#[derive(Debug, Clone, Serialize)]
pub struct RankRow {
    /// The chains that are drawn, and the fraction of a chain's draws in each bin, in units of an equal share.
    chains: Vec<usize>,
    shares: Vec<Vec<f64>>,
    /// The largest share of all examined chains, with its chain and bin.
    largest: (f64, usize, usize),
}

impl RankRow {
    /// The ranks of these chains among all draws; `None` for a single chain, or with too few draws for two bins.
    pub fn of(variable: &VariableDraws, chains: &[usize]) -> Option<RankRow> {
        let bins = BINS.min(variable.draws / DRAWS_A_BIN);
        if variable.chains < 2 || bins < 2 {
            return None;
        }
        let all: Vec<Vec<f64>> =
            chains.iter().map(|chain| shares(variable.chain(*chain), variable.sorted.values(), bins)).collect();
        let mut largest = (0.0, 0, 0);
        for (chain, shares) in chains.iter().zip(&all) {
            for (bin, share) in shares.iter().enumerate() {
                if *share > largest.0 {
                    largest = (*share, *chain, bin);
                }
            }
        }
        let drawn = evenly(chains.len(), CHAINS);
        Some(RankRow {
            chains: drawn.iter().map(|i| chains[*i]).collect(),
            shares: drawn.iter().map(|i| all[*i].clone()).collect(),
            largest,
        })
    }
}

/// The number of `draws` whose rank among the `sorted` draws of all chains is in each of `bins` equal bins, in units of
/// an equal share; equal draws have their middle rank.
fn shares(draws: &[f64], sorted: &[f64], bins: usize) -> Vec<f64> {
    let mut counts = vec![0.0; bins];
    for draw in draws {
        let below = sorted.partition_point(|value| value < draw);
        let up_to = sorted.partition_point(|value| value <= draw);
        let share = (below + up_to) as f64 / (2 * sorted.len()) as f64;
        counts[((share * bins as f64) as usize).min(bins - 1)] += 1.0;
    }
    let equal = draws.len() as f64 / bins as f64;
    counts.into_iter().map(|count| (1000.0 * count / equal).round() / 1000.0).collect()
}

/// A figure for each run with chains to compare.
pub fn figures(runs: &With<Vec<Option<RankRow>>>) -> Vec<Figure> {
    runs.iter().enumerate().filter_map(|(i, (run, rows))| figure(run, rows, i, runs.len())).collect()
}

fn figure(run: &ReportedRun, rows: &[Option<RankRow>], i: usize, runs: usize) -> Option<Figure> {
    let named = run.hyper.iter().zip(rows);
    let rows: Vec<_> = named.filter_map(|(hyper, row)| Some((&hyper.name, row.as_ref()?))).collect();
    let (worst_name, worst) = rows.iter().max_by(|(_, a), (_, b)| a.largest.0.total_cmp(&b.largest.0))?;
    let (share, chain, bin) = worst.largest;
    let bins = worst.shares.first().map_or(0, Vec::len);
    let percentage = |bin: usize| number(100.0 * bin as f64 / bins as f64, 0);
    let drawn = worst.chains.len();
    let which = match run.summary.settings.chains as usize {
        chains if chains > drawn => format!("{drawn} of the {chains} chains are drawn. "),
        _ => String::new(),
    };
    let shows = format!(
        "{which}The largest bar of all is {} times its share: of {worst_name}, chain {} between the {} % and {} % ranks.",
        number(share, 1),
        run.chain_number(chain),
        percentage(bin),
        percentage(bin + 1),
    );
    let chains: Vec<usize> = worst.chains.iter().map(|chain| run.chain_number(*chain)).collect();
    let shares: Vec<_> = rows.iter().map(|(name, row)| json!({ "name": name, "shares": row.shares })).collect();
    let data = json!({ "slot": run.slot, "chains": chains, "rows": shares });
    let title = if runs > 1 { format!("Ranks, {}", run.name) } else { "Ranks".to_string() };
    let look = if run.summary.has_chains() {
        "All draws are ranked together, and each chain's ranks are counted: where chains have been to the same places, every \
         bar reaches its dashed line, and a slope or a hill says that a chain has been elsewhere."
    } else {
        "All draws are ranked together, and each chain's ranks are counted, where a chain is only a row of independent draws: \
         bars are above or below their dashed line by chance."
    };
    Some(Figure::new("rank", title, data).called(format!("rank-{}", i + 1)).captioned(look, shows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_chains_have_equal_shares() {
        let chain: Vec<f64> = (0..100).map(f64::from).collect();
        let mut both = [chain.clone(), chain.clone()].concat();
        both.sort_by(f64::total_cmp);
        assert_eq!(shares(&chain, &both, 20), vec![1.0; 20]);
    }

    #[test]
    fn a_chain_that_is_lower_has_the_lower_ranks() {
        let low: Vec<f64> = (0..50).map(f64::from).collect();
        let sorted: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(shares(&low, &sorted, 4), [2.0, 2.0, 0.0, 0.0]);
    }
}
