//! The funnel: one group's effect against sigma, directly and as the offset that a non-centered sampler sees.

use serde::Serialize;
use serde_json::json;

use crate::data::moments::mean;
use crate::experiment::Sampled;
use crate::nuts::Statistic;
use crate::report::caption::each;
use crate::report::chains::VariableDraws;
use crate::report::coefficients::{FactorGroups, VaryingCoefficient};
use crate::report::figure::Figure;
use crate::report::kde::{DensityGrid, Sorted};
use crate::report::run::{Cloud, Shown, With};
use crate::report::view::View;
use crate::summary::{counted, number, significant};

/// Bins of the marginal histograms.
const BINS: usize = 40;

/// The neck: the draws with the smallest sigma, this fraction of all draws.
const NECK: f64 = 0.1;

/// The two variables of the funnel, and sigma, in a run.
#[derive(Debug, Clone)]
pub struct FunnelPart {
    sigma: FunnelAxis,
    effect: FunnelAxis,
    offset: FunnelAxis,
    /// sd of effect and offset in the neck, over the sd of all draws.
    squeezed: [f64; 2],
    smallest_sigma: f64,
    /// Where steps are refined, the halvings of the step that led to each draw of the cloud, and their means in the
    /// neck and over all draws.
    halvings: Option<Vec<f64>>,
    mean_halvings: Option<[f64; 2]>,
}

/// One of a plot's two variables.
#[derive(Debug, Clone, Serialize)]
struct FunnelAxis {
    cloud: Cloud,
    #[serde(skip)]
    grid: DensityGrid,
    /// The start of the histogram's first bin, the width of a bin, and the density in each bin.
    first: f64,
    width: f64,
    bins: Vec<f64>,
}

impl FunnelAxis {
    fn new(values: &[f64], grid: DensityGrid, shown: &Shown) -> FunnelAxis {
        let width = (grid.high - grid.low) / BINS as f64;
        let mut bins = vec![0.0; BINS];
        for value in values {
            let bin = ((value - grid.low) / width).floor();
            if (0.0..BINS as f64).contains(&bin) {
                bins[bin as usize] += 1.0 / (values.len() as f64 * width);
            }
        }
        let bins = bins.into_iter().map(|bin| format!("{bin:.4e}").parse().unwrap_or(bin)).collect();
        FunnelAxis { cloud: shown.cloud(values), grid, first: grid.low, width, bins }
    }
}

impl FunnelPart {
    /// The draws of the view's coefficient and group.
    pub fn of(sampled: &Sampled, view: &View, shown: &Shown, sigma: &VariableDraws) -> FunnelPart {
        let VaryingCoefficient { mean_at, effects, .. } = view.shown();
        let mu = mean_at.map(|mean_at| sampled.draws.variable(mean_at));
        let effect = sampled.draws.variable(effects.start + view.group);
        let both = effect.iter().zip(sigma.values.iter()).enumerate();
        let offset: Vec<f64> =
            both.map(|(i, (effect, sigma))| (effect - mu.as_ref().map_or(0.0, |mu| mu[i])) / sigma).collect();
        let neck = sigma.sorted.quantile(NECK);
        let squeezed = [&effect[..], &offset[..]].map(|values| {
            let inside: Vec<f64> = values
                .iter()
                .zip(sigma.values.iter())
                .filter(|(_, sigma)| **sigma <= neck)
                .map(|(value, _)| *value)
                .collect();
            crate::diagnostics::sd(&inside) / crate::diagnostics::sd(values)
        });
        let halvings = sampled.settings.sampler.refines().then(|| sampled.draws.statistic(Statistic::Halvings));
        let mean_halvings = halvings.as_ref().map(|halvings| {
            let all = halvings.iter().zip(sigma.values.iter());
            let inside: Vec<f64> = all.filter(|(_, sigma)| **sigma <= neck).map(|(halvings, _)| *halvings).collect();
            [mean(&inside), mean(halvings)]
        });
        FunnelPart {
            halvings: halvings.map(|halvings| shown.cloud.iter().map(|place| halvings[*place]).collect()),
            mean_halvings,
            smallest_sigma: sigma.sorted.values().first().copied().unwrap_or(f64::NAN),
            sigma: FunnelAxis::new(&sigma.values, sigma.grid, shown),
            effect: FunnelAxis::new(&effect, Sorted::new(&effect).grid(false), shown),
            offset: FunnelAxis::new(&offset, Sorted::new(&offset).grid(false), shown),
            squeezed,
        }
    }
}

/// Two figures: the effect, and the offset.
pub fn figures(view: &View, parts: &With<FunnelPart>) -> Vec<Figure> {
    if parts.is_empty() {
        return Vec::new();
    }
    let VaryingCoefficient { name: coefficient, sigma: sigma_name, .. } = view.shown();
    let (name, stem) = (&view.effect_of_group, stem(coefficient));
    let offset = format!("{stem}_offset{}", &name[stem.len()..]);
    let panels = |axis: fn(&FunnelPart) -> &FunnelAxis, x_name: &str| {
        let grids = |pick: fn(&FunnelPart) -> &FunnelAxis| {
            parts.iter().map(|(_, part)| pick(part).grid).reduce(DensityGrid::union)
        };
        let (x, y) = (grids(axis), grids(|part| &part.sigma));
        let ends = |grid: Option<DensityGrid>| grid.map(|grid| [grid.low, grid.high]);
        json!({
            "x": x_name, "y": sigma_name, "xDomain": ends(x), "yDomain": ends(y),
            "panels": parts.iter().map(|(run, part)| json!({
                "run": run.name, "slot": run.slot, "divergences": run.summary.divergences, "x": axis(part), "y": part.sigma,
                "halvings": part.halvings,
            })).collect::<Vec<_>>(),
        })
    };
    let squeezed = |space: usize| {
        each(parts.iter().map(|(run, part)| {
            let mut said = format!(
                "in the tenth of the draws with the smallest {sigma_name} its sd is {} of that over all draws",
                number(part.squeezed[space], 2)
            );
            if space == 0 {
                if run.summary.has_chains() {
                    said += &format!("; {} divergences", run.summary.divergences);
                }
                said += &format!("; smallest {sigma_name} {}", significant(part.smallest_sigma));
                if let Some([neck, all]) = part.mean_halvings {
                    said += &format!(
                        "; the step to a draw was halved {} times on average there, and {} times over all draws",
                        number(neck, 1),
                        number(all, 1)
                    );
                }
            }
            (run.name.clone(), said)
        }))
    };
    let has_chains = parts.iter().any(|(run, _)| run.summary.has_chains());
    let crosses = if has_chains { ", with divergences (crosses) around it" } else { ", and independent draws reach" };
    let is_refined = parts.iter().any(|(_, part)| part.halvings.is_some());
    let darker = if is_refined { " Darker draws are those that a halved step led to." } else { "" };
    let FactorGroups { names, sizes, .. } = view.groups();
    let observations = counted(sizes[view.group] as u64, "observation");
    let group = format!("{} has {observations} ({}). ", names[view.group], view.why_group);
    let (all, effect) = if view.of_formula { ("0", "effect") } else { ("the mean of all", "(effect - mu)") };
    let turned = match view.is_correlated() {
        true => " Correlations of the term's coefficients are still in it.",
        false => "",
    };
    vec![
        Figure::new("funnel", format!("The funnel: {name} against {sigma_name}"), panels(|part| &part.effect, name)).captioned(
            format!(
                "As {sigma_name} goes to zero the effect has nowhere to go but {all}: a funnel, whose neck a centered sampler \
                 fails to enter{crosses}.{darker}"
            ),
            format!("{group}{}", squeezed(0)),
        ),
        Figure::new("funnel", format!("The same as offset: {offset} against {sigma_name}"), panels(|part| &part.offset, &offset))
            .called("funnel-offset")
            .captioned(
                format!(
                    "{effect} / {sigma_name}: the space that a non-centered sampler sees, where the funnel is flattened out and \
                     one step size suits all of it.{turned}"
                ),
                squeezed(1),
            ),
    ]
}

/// `a`, `b` or `r_county` from a coefficient's name.
fn stem(coefficient: &str) -> &str {
    coefficient.split('[').next().unwrap_or(coefficient)
}
