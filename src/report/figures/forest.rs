//! The forest: each group's effects with intervals, beside its own least-squares estimate and its size.

use rayon::prelude::*;
use serde_json::json;

use super::least_squares;
use crate::experiment::Sampled;
use crate::mode::spread;
use crate::report::figure::Figure;
use crate::report::run::With;
use crate::report::thin::Rounding;
use crate::report::view::View;
use crate::summary::{RunSummary, significant};

/// The most numbers of the figure, approximately.
const NUMBERS: usize = 100_000;

/// The effects of a run: K times J values in each array.
#[derive(Debug, Clone)]
pub struct ForestPart {
    groups: usize,
    means: Vec<f64>,
    q05: Vec<f64>,
    q25: Vec<f64>,
    q75: Vec<f64>,
    q95: Vec<f64>,
    /// The groups' own estimates, equal for all runs.
    own: Vec<f64>,
}

impl ForestPart {
    /// All effects of a run.
    pub fn of(sampled: &Sampled, summary: &RunSummary) -> ForestPart {
        let (layout, dataset) = (sampled.model.layout(), sampled.model.dataset());
        let rows = &summary.parameters.0[layout.hyperparameters()..];
        let of = |value: fn(&crate::diagnostics::Summary) -> f64| rows.iter().map(|row| value(&row.summary)).collect();
        let estimates: Vec<Vec<f64>> =
            (0..layout.groups).into_par_iter().map(|j| least_squares::estimate(dataset, j)).collect();
        ForestPart {
            groups: layout.groups,
            means: of(|row| row.mean),
            q05: of(|row| row.q05),
            q25: of(|row| row.quartiles[0]),
            q75: of(|row| row.quartiles[1]),
            q95: of(|row| row.q95),
            own: (0..layout.coefficients).flat_map(|k| estimates.iter().map(move |estimate| estimate[k])).collect(),
        }
    }

    /// Posterior means of coefficient `k` in every group.
    pub fn means(&self, k: usize) -> &[f64] {
        &self.means[k * self.groups..(k + 1) * self.groups]
    }

    /// Own estimates of coefficient `k` in every group.
    fn own(&self, k: usize) -> &[f64] {
        &self.own[k * self.groups..(k + 1) * self.groups]
    }
}

/// All groups, or those with the smallest and largest effects if there are too many.
pub fn figure(view: &View, parts: &With<ForestPart>, best: usize) -> Option<Figure> {
    let (run, part) = parts.get(best).copied()?;
    let (coefficients, groups) = (view.coefficients.len(), view.groups.len());
    let chosen = part.means(view.coefficient);
    let mut order: Vec<usize> = (0..groups).collect();
    order.sort_by(|a, b| chosen[*a].total_cmp(&chosen[*b]));
    let letters: usize = view.groups.iter().map(String::len).sum();
    let a_group = parts.len() * coefficients * 5 + coefficients + letters / (6 * groups.max(1)) + 2;
    let room = (NUMBERS / a_group).max(40);
    if groups > room {
        order.drain(room / 2..groups - room / 2);
    }
    order.sort_unstable();
    let columns = |k: usize, part: &ForestPart| {
        let at = |values: &[f64]| {
            let mine: Vec<f64> = order.iter().map(|group| values[k * groups + group]).collect();
            let sorted = |values: &[f64], pick: fn(f64, f64) -> f64, start| values.iter().copied().fold(start, pick);
            let ends = (
                sorted(&part.q05[k * groups..][..groups], f64::min, f64::INFINITY),
                sorted(&part.q95[k * groups..][..groups], f64::max, f64::NEG_INFINITY),
            );
            Rounding::within(ends.0, ends.1).all(mine)
        };
        json!({ "mean": at(&part.means), "q05": at(&part.q05), "q25": at(&part.q25), "q75": at(&part.q75), "q95": at(&part.q95), "own": at(&part.own) })
    };
    let data = json!({
        "groups": order.iter().map(|group| &view.groups[*group]).collect::<Vec<_>>(),
        "sizes": order.iter().map(|group| view.sizes[*group]).collect::<Vec<_>>(),
        "all": groups,
        "coefficients": view.coefficients,
        "coefficient": view.coefficient,
        "best": best,
        "runs": parts.iter().map(|(run, part)| json!({
            "run": run.name, "slot": run.slot, "effects": (0..coefficients).map(|k| columns(k, part)).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    });
    let left_out = match order.len() {
        held if held < groups => format!(
            " The page holds the {} smallest and the {} largest of the {groups} groups; summary.csv has all.",
            held / 2,
            held - held / 2
        ),
        _ => String::new(),
    };
    let words = format!("{}{left_out}", shrinkage(view, part));
    let of = if parts.len() > 1 { format!(", {}", run.name) } else { String::new() };
    Some(Figure::new("forest", format!("Group effects{of}"), data).captioned(
        "Posterior mean (dot), 50 % (thick) and 90 % (thin) intervals of each group, beside what its own data alone would say \
         (ring, by least squares): the fewer its observations, the more a group is pulled to the mean of all.",
        words,
    ))
}

/// The effect of pooling, in numbers.
fn shrinkage(view: &View, part: &ForestPart) -> String {
    let k = view.coefficient;
    let own = part.own(k);
    let both: Vec<usize> = (0..own.len()).filter(|group| own[*group].is_finite()).collect();
    let missing = own.len() - both.len();
    let missing = match missing {
        0 => String::new(),
        _ => format!(
            " {missing} of {} groups have no estimate of {} of their own, for their data do not determine it.",
            own.len(),
            view.effect
        ),
    };
    if both.len() < 2 {
        return missing.trim_start().to_string();
    }
    let of = |values: &[f64]| spread(&both.iter().map(|group| values[*group]).collect::<Vec<_>>());
    let farthest = both.iter().max_by(|a, b| {
        let moved = |group: usize| (own[group] - part.means(k)[group]).abs();
        moved(**a).total_cmp(&moved(**b))
    });
    let farthest = farthest.map_or(String::new(), |group| {
        format!(
            " The farthest is pulled {} ({}): from {} to {}.",
            view.groups[*group],
            crate::summary::counted(view.sizes[*group] as u64, "observation"),
            significant(own[*group]),
            significant(part.means(k)[*group])
        )
    });
    format!(
        "Own estimates of {} spread by {} (sd over {} groups), posterior means by {}.{farthest}{missing}",
        view.effect,
        significant(of(own)),
        both.len(),
        significant(of(part.means(k))),
    )
}
