//! Energies: their distribution, and how far one transition changes them (Betancourt 2016).

use serde_json::json;

use crate::experiment::Sampled;
use crate::nuts::Statistic;
use crate::report::caption::each;
use crate::report::figure::Figure;
use crate::report::kde::{Curve, Sorted};
use crate::report::run::{POINTS, With};
use crate::summary::{EBFMI_LIMIT, RunSummary, number};

/// The energies of a run.
#[derive(Debug, Clone)]
pub struct EnergyPart {
    /// The density of E minus its mean.
    energy: Curve,
    /// The density of E minus the E of the previous draw.
    step: Curve,
    min: f64,
    mean: f64,
}

impl EnergyPart {
    /// The energies of all chains together.
    pub fn of(sampled: &Sampled, summary: &RunSummary) -> EnergyPart {
        let draws = sampled.draws.draws().max(1);
        let energies = sampled.draws.statistic(Statistic::Energy);
        let mean = crate::diagnostics::mean(&energies);
        let steps: Vec<f64> =
            energies.chunks(draws).flat_map(|chain| chain.windows(2).map(|pair| pair[1] - pair[0])).collect();
        let centred: Vec<f64> = energies.iter().map(|energy| energy - mean).collect();
        let (energy, step) = (Sorted::new(&centred), Sorted::new(&steps));
        let grid = if steps.is_empty() { energy.grid(false) } else { energy.grid(false).union(step.grid(false)) };
        EnergyPart {
            energy: energy.density(grid, POINTS),
            step: step.density(grid, POINTS),
            min: summary.e_bfmi.min,
            mean: summary.e_bfmi.mean,
        }
    }
}

/// A panel for each run of chains: independent draws have no momentum.
pub fn figure(runs: &With<EnergyPart>) -> Option<Figure> {
    let with = || runs.iter().filter(|(run, part)| run.summary.has_chains() && !part.step.y.is_empty());
    with().next()?;
    let panels: Vec<_> = with()
        .map(|(run, part)| json!({ "run": run.name, "slot": run.slot, "energy": part.energy, "step": part.step }))
        .collect();
    let said = with().map(|(run, part)| {
        (run.name.clone(), format!("smallest E-BFMI of a chain {}, mean {}", number(part.min, 2), number(part.mean, 2)))
    });
    Some(Figure::new("energy", "Energy", json!({ "panels": panels })).captioned(
        format!(
            "What one transition changes (line) should be about as wide as all energies (area); where it is much narrower, and \
             E-BFMI below {EBFMI_LIMIT}, the chains come to the tails too slowly."
        ),
        each(said),
    ))
}
