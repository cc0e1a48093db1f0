//! The default coordinates of a run: collapsed wherever the model admits it. With 2 to 32 coefficients and 8 to 1000
//! groups, collapsed effects gave at least as many effective draws per second as non-centered ones, and sound ones
//! (benches/results/coefficients.md).

use std::sync::Arc;

use crate::data::Dataset;
use crate::data::moments::mean;
use crate::density::cpu;
use crate::family::Family;
use crate::model::{Centering, Coordinates, Likelihood, Mixed, Model, Scaling};

/// The coordinates for `dataset` with this likelihood, and the reason in a few words.
pub fn suited(dataset: &Dataset, likelihood: Likelihood) -> (Coordinates, &'static str) {
    match likelihood {
        Likelihood::Groups => {
            (Coordinates::Collapsed, "group effects are integrated out, and drawn exactly afterwards")
        }
        Likelihood::Observations => {
            let centering = vec![Centering::NonCentered; dataset.n_coefficients()];
            (Coordinates::Joint { centering, likelihood }, "--likelihood observations needs the group effects")
        }
    }
}

/// A term is centered where the data say this many times more of each level than the term's spread does, at the median
/// over the levels.
const INFORMED: f64 = 4.0;

/// Collapsed effects are worth so many times the operations of a gradient that has the effects, or this many
/// operations: a draw takes a tenth of the leapfrogs or less, of chains that no funnel bothers.
const WORTH: f64 = 20.0;
const FEW: f64 = 1e4;

/// The coordinates for a formula's model, and the reason in a few words: collapsed where that
/// is cheap, else term by term.
pub fn suited_to_formula(dataset: &Arc<Dataset>, mixed: &Arc<Mixed>) -> (Coordinates, &'static str) {
    let collapsed = Model::of_formula(dataset.clone(), mixed.clone(), Coordinates::Collapsed, None);
    let [of_collapsed, of_rows] = cpu::operations(&collapsed);
    if cpu::admits(&collapsed).is_ok() && of_collapsed < WORTH * of_rows.max(FEW) {
        return (Coordinates::Collapsed, "group effects are integrated out, and drawn exactly afterwards");
    }
    let components = Components::of(dataset, mixed);
    let centering = (0..mixed.terms.len()).map(|term| match components.information(term) > INFORMED {
        true => Centering::Centered,
        false => Centering::NonCentered,
    });
    let reason = "term by term: centered where the data say more of each level than the other levels do";
    (Coordinates::of_terms(centering.collect()), reason)
}

/// Outcomes on the scale of eta: without their offsets, where eta is their location, and else linearized about the mean
/// of all.
fn working_responses(dataset: &Dataset, family: Family) -> Vec<f64> {
    let offset = |i: usize| dataset.offset().map_or(0.0, |offset| offset[i]);
    let shift = Scaling::of_family(dataset, family).outcome_shift;
    let response = |(i, outcome): (usize, &f64)| {
        if family.is_location() {
            return family.working(*outcome) - offset(i);
        }
        let (link, eta) = (family.link(), shift + offset(i));
        let share = outcome / dataset.trials().map_or(1.0, |trials| trials[i]);
        (share - link.inverse(eta)) / link.slope(eta)
    };
    dataset.outcome().iter().enumerate().map(response).collect()
}

/// Rough variance components of each term's intercepts, by a few steps of mean-field variational Bayes.
struct Components {
    /// The median number of rows of a level, of each term.
    rows: Vec<f64>,
    /// The variances of the terms' intercepts, and of the residuals.
    terms: Vec<f64>,
    noise: f64,
}

impl Components {
    fn of(dataset: &Dataset, mixed: &Mixed) -> Components {
        const STEPS: usize = 20;
        let mut residual = working_responses(dataset, mixed.family);
        let mean = mean(&residual);
        residual.iter_mut().for_each(|r| *r -= mean);
        let total = residual.iter().map(|r| r * r).sum::<f64>() / residual.len() as f64;
        let levels: Vec<Vec<u32>> = mixed.terms.iter().map(|term| dataset.level_of_rows(term.factor)).collect();
        let sizes: Vec<Vec<f64>> = mixed
            .terms
            .iter()
            .zip(&levels)
            .map(|(term, levels)| {
                let mut sizes = vec![0.0; dataset.levels(term.factor).len()];
                levels.iter().for_each(|level| sizes[*level as usize] += 1.0);
                sizes
            })
            .collect();
        let share = total / (mixed.terms.len() + 1) as f64;
        let (mut terms, mut noise) = (vec![share; mixed.terms.len()], share);
        let mut effects: Vec<Vec<f64>> = sizes.iter().map(|sizes| vec![0.0; sizes.len()]).collect();
        for _ in 0..STEPS {
            let mut spare = 0.0;
            for (t, effects) in effects.iter_mut().enumerate() {
                let mut sums = vec![0.0; effects.len()];
                for (r, level) in residual.iter_mut().zip(&levels[t]) {
                    *r += effects[*level as usize];
                    sums[*level as usize] += *r;
                }
                let mut squares = 0.0;
                for ((effect, sum), size) in effects.iter_mut().zip(&sums).zip(&sizes[t]) {
                    let variance = 1.0 / (size / noise + 1.0 / terms[t]);
                    *effect = variance * sum / noise;
                    squares += *effect * *effect + variance;
                    spare += size * variance;
                }
                residual.iter_mut().zip(&levels[t]).for_each(|(r, level)| *r -= effects[*level as usize]);
                terms[t] = squares / sums.len() as f64;
            }
            noise = (residual.iter().map(|r| r * r).sum::<f64>() + spare) / residual.len() as f64;
        }
        let median = |sizes: &Vec<f64>| {
            let mut sizes = sizes.clone();
            sizes.sort_by(f64::total_cmp);
            sizes[sizes.len() / 2]
        };
        Components { rows: sizes.iter().map(median).collect(), terms, noise }
    }

    /// The information of the rows of a level about its intercept, in units of that of the term's spread.
    fn information(&self, term: usize) -> f64 {
        self.rows[term] * self.terms[term] / self.noise
    }
}
