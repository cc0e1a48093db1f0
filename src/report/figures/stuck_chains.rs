//! One chain's sigma over its draws, and the effects that it squeezes together: where the chain is stuck in the neck.

use serde::Serialize;
use serde_json::json;

use crate::experiment::Sampled;
use crate::report::caption::each;
use crate::report::chains::VariableDraws;
use crate::report::coefficients::VaryingCoefficient;
use crate::report::figure::Figure;
use crate::report::run::With;
use crate::report::thin::{Rounding, evenly, rounded};
use crate::report::view::View;
use crate::summary::{counted, significant};

/// Draws with sigma below this quantile of all draws are in the neck.
const NECK: f64 = 0.1;

/// The most draws that are shown, and the most and the fewest points of a line.
const WINDOW: usize = 1000;
const MOST: usize = 500;
const FEWEST: usize = 60;

/// The most groups whose effects are shown.
const GROUPS: usize = 90;

/// The chain of a run that is shown.
#[derive(Debug, Clone, Serialize)]
pub struct StuckPart {
    chain: usize,
    /// The 10 % quantile of sigma.
    neck: f64,
    /// Start and length of the longest run of draws in the neck.
    start: usize,
    length: usize,
    /// Indices of the draws that are shown.
    draws: Vec<usize>,
    /// Indices of the draws of sigma, which are more, as sigma is a single line.
    sigma_draws: Vec<usize>,
    sigma: Vec<f64>,
    /// The groups that are shown.
    groups: Vec<usize>,
    effects: Vec<Vec<f64>>,
}

impl StuckPart {
    /// Selects the chain with the longest run of draws in the neck.
    pub fn of(sampled: &Sampled, view: &View, sigma: &VariableDraws) -> StuckPart {
        let neck = sigma.sorted.quantile(NECK);
        let longest = (0..sigma.chains).map(|chain| (longest_below(sigma.chain(chain), neck), chain));
        // The first of several equal ones.
        let ((start, length), chain) =
            longest.max_by_key(|((_, length), chain)| (*length, usize::MAX - chain)).unwrap_or_default();
        let window = sigma.draws.min(WINDOW);
        let first = (start + length / 2).saturating_sub(window / 2).min(sigma.draws - window);
        let groups = if view.has_effects { evenly(view.shown().effects.len(), GROUPS) } else { Vec::new() };
        let points = (view.numbers / (groups.len() + 1)).clamp(FEWEST, MOST);
        let of_window =
            |points: usize| -> Vec<usize> { evenly(window, points).into_iter().map(|draw| first + draw).collect() };
        let (draws, sigma_draws) = (of_window(points), of_window(MOST));
        let variables: Vec<usize> = groups.iter().map(|group| view.shown().effects.start + group).collect();
        let values = sampled.draws.window(&variables, chain, first..first + window);
        let effects: Vec<Vec<f64>> =
            (0..groups.len()).map(|i| draws.iter().map(|draw| values[i * window + draw - first]).collect()).collect();
        let ends = |pick: fn(f64, f64) -> f64, start| effects.iter().flatten().copied().fold(start, pick);
        let rounding = Rounding::within(ends(f64::min, f64::INFINITY), ends(f64::max, f64::NEG_INFINITY));
        StuckPart {
            sigma: rounded(sigma_draws.iter().map(|draw| sigma.chain(chain)[*draw]).collect()),
            effects: effects.into_iter().map(|effect| rounding.all(effect)).collect(),
            chain,
            neck,
            start,
            length,
            draws,
            sigma_draws,
            groups,
        }
    }
}

/// Start and length of the longest run of values below `bound`.
fn longest_below(values: &[f64], bound: f64) -> (usize, usize) {
    let (mut longest, mut start) = ((0, 0), 0);
    for (i, value) in values.iter().enumerate() {
        if *value >= bound {
            start = i + 1;
        } else if i + 1 - start > longest.1 {
            longest = (start, i + 1 - start);
        }
    }
    longest
}

/// A panel for each run.
pub fn figure(view: &View, runs: &With<StuckPart>) -> Option<Figure> {
    let (VaryingCoefficient { name, sigma: sigma_name, .. }, of_factor) = (view.shown(), view.groups());
    let mut panels = Vec::new();
    for (run, part) in runs {
        let StuckPart { chain, neck, start, length, draws, sigma_draws, sigma, groups, effects } = part;
        let names: Vec<&str> = groups.iter().map(|group| of_factor.names[*group].as_str()).collect();
        panels.push(json!({
            "run": run.name, "slot": run.slot, "chain": run.chain_number(*chain), "neck": neck, "start": start,
            "length": length, "draws": draws, "sigmaDraws": sigma_draws, "sigma": sigma, "groups": names, "effects": effects,
        }));
    }
    let said = runs.iter().map(|(run, part)| {
        let StuckPart { chain, neck, start, length, .. } = part;
        let said = format!(
            "the longest stay below {} (where a tenth of all draws is) is {}, in chain {} from draw {start} on",
            significant(*neck),
            counted(*length as u64, "draw"),
            run.chain_number(*chain),
        );
        (run.name.clone(), said)
    });
    let effects = if view.has_effects { format!(" and all {} {name}", view.effects_word()) } else { String::new() };
    let some = match runs.first().map_or(0, |(_, part)| part.groups.len()) {
        shown if view.has_effects && shown < of_factor.names.len() => {
            format!("{shown} of the {} groups are drawn. ", of_factor.names.len())
        }
        _ => String::new(),
    };
    let data = json!({ "sigma": sigma_name, "effect": name, "panels": panels });
    let funnel = match runs.iter().any(|(run, _)| run.summary.has_chains()) {
        true => "a chain whose steps are too long for that place stays there, or never comes there",
        false => "a chain may stay there, or never come there; independent draws come and go by chance",
    };
    Some(Figure::new("stuck", format!("{sigma_name}{effects} over the draws of one chain"), data).captioned(
        format!(
            "Where {sigma_name} comes close to zero, all {} are squeezed together, and {funnel}.",
            view.effects_word(),
        ),
        format!("{some}{}", each(said)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_stretch_is_found() {
        assert_eq!(longest_below(&[0.1, 1.0, 0.1, 0.2, 0.3, 1.0, 0.1, 0.1], 0.5), (2, 3));
        assert_eq!(longest_below(&[0.1, 0.1], 0.5), (0, 2));
        assert_eq!(longest_below(&[1.0, 1.0], 0.5), (0, 0));
    }
}
