//! Posterior modes against the posterior mean, group by group: modes may be all equal where means are spread.

use serde_json::json;

use super::forest;
use crate::mode::{self, Mode, NoMode, spread};
use crate::report::figure::Figure;
use crate::report::run::With;
use crate::report::thin::{evenly, rounded};
use crate::report::view::View;
use crate::summary::{number, significant};

/// The most groups that are drawn.
const GROUPS: usize = 300;

/// The effects of each group at modes.
#[derive(Debug, Clone)]
pub struct GroupModes {
    /// The name of each mode, and the effects there.
    found: Vec<(&'static str, Vec<f64>)>,
    /// Why some modes do not exist, in sentences.
    none: Vec<String>,
    /// The point where all effects meet as the centered density rises without end.
    spike: Option<Spike>,
}

#[derive(Debug, Clone)]
struct Spike {
    centre: f64,
    sigma: f64,
    spread: f64,
    rise: f64,
}

impl GroupModes {
    /// The effects of the view's coefficient.
    pub fn of(
        view: &View,
        non_centered: &Result<Mode, NoMode>,
        marginal: &Result<Mode, NoMode>,
        path: Option<&mode::Path>,
    ) -> GroupModes {
        let (mut found, mut none) = (Vec::new(), Vec::new());
        for (name, mode) in [("non-centered mode", non_centered), ("marginal mode", marginal)] {
            match mode {
                Ok(mode) => found.push((name, mode.named[view.shown().effects.clone()].to_vec())),
                Err(error) => none.push(format!("There is no {name}: {error}.")),
            }
        }
        let path = path.filter(|path| path.coefficient == view.coefficient);
        let spike = path.and_then(|path| {
            let last = path.points.last()?;
            Some(Spike { centre: last.centre, sigma: last.sigma, spread: last.spread, rise: path.rise_without_end })
        });
        GroupModes { found, none, spike }
    }
}

/// The best run's means, and modes.
pub fn figure(view: &View, runs: &With<forest::ForestPart>, modes: &GroupModes, best: usize) -> Option<Figure> {
    let (run, part) = runs.get(best)?;
    let (shown, sigma_name) = (view.shown(), &view.shown().sigma);
    let means = part.means(shown);
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|a, b| means[*a].total_cmp(&means[*b]));
    let drawn: Vec<usize> = evenly(order.len(), GROUPS).into_iter().map(|i| order[i]).collect();
    let at = |values: &[f64]| rounded(drawn.iter().map(|group| values[*group]).collect());
    let series: Vec<_> =
        modes.found.iter().map(|(name, effects)| json!({ "name": name, "values": at(effects) })).collect();
    let data = json!({
        "effect": shown.name, "run": run.name, "slot": run.slot,
        "groups": drawn.iter().map(|group| &view.groups().names[*group]).collect::<Vec<_>>(),
        "means": at(means), "modes": series, "spike": modes.spike.as_ref().map(|spike| spike.centre),
    });
    let mut shows = String::new();
    if let Some(spike) = &modes.spike {
        shows += &format!(
            "Centered there is no mode: the log density rises by {} each time {sigma_name} is divided by e, without end. At \
             {sigma_name} = {} all {} are {}{}. ",
            number(spike.rise, 0),
            significant(spike.sigma),
            view.effects_word(),
            significant(spike.centre),
            if spike.spread > 0.0 { format!(", and spread by {}", significant(spike.spread)) } else { String::new() },
        );
    }
    let mut spreads = vec![format!("posterior means by {}", significant(spread(means)))];
    spreads.extend(modes.found.iter().map(|(name, effects)| format!("the {name} by {}", significant(spread(effects)))));
    shows += &format!("Sd over the groups: {}.", spreads.join(", "));
    for none in &modes.none {
        shows += &format!(" {none}");
    }
    Some(Figure::new("modes", format!("Posterior mode against posterior mean of {}", shown.name), data).captioned(
        "A mode is the highest point of a density, which depends on the parameterization, and is where nothing of the \
         probability need be: at the bottom of the funnel all are equal; the means, which integrate, are not.",
        shows,
    ))
}
