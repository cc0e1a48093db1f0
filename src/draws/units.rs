//! About where each variable will be, and how far it will spread, from what warm-up has seen of coordinates.

use crate::density::collapsed::ConditionalEffects;
use crate::density::cpu::CpuDensity;
use crate::model::{Model, Unit};
use crate::nuts::adaptation::Spread;
use crate::random::{Place, Purpose};

/// Draws of the hyperparameters that effects are drawn for: their sds are known to a twentieth then.
const DRAWS: u32 = 256;

/// A scale's conditional density is looked at in so many places, over so many sds of its logarithm to the left and to the right:
/// a logarithm leans to the left.
const PLACES: u32 = 128;
const LEFT: f64 = 8.0;
const RIGHT: f64 = 5.0;

/// The mean and the sd of every named variable, in the user's units, where coordinates have this `spread` and hang together
/// little. Effects that are no coordinates themselves, offsets and those that were integrated out, are looked for where their
/// conditional distribution is for hyperparameters of that spread; the product of an offset's spread and sigma's would be far
/// too wide.
pub fn units(model: &Model, spread: &Spread) -> Vec<Unit> {
    let layout = model.layout();
    let mut units = model.named_units(&spread.mean, &spread.variance);
    scales(model, spread, &mut units);
    let drawn: Vec<usize> = (0..layout.coefficients)
        .filter(|k| !model.coordinates().is_centered(*k))
        .flat_map(|k| layout.effects(k))
        .collect();
    if drawn.is_empty() {
        return units;
    }
    let mut effects = ConditionalEffects::new(model);
    let hyperparameters = layout.hyperparameters();
    let mut named = vec![0.0; layout.dim()];
    let mut moments = vec![[0.0; 2]; layout.dim()];
    for draw in 0..DRAWS {
        let place = Place { seed: 0, chain: draw, transition: 0 };
        place.normals(Purpose::Stream, &mut named[..hyperparameters]);
        for (i, (number, Unit { mean, sd })) in named.iter_mut().zip(&units[..hyperparameters]).enumerate() {
            let moved = mean + sd * *number;
            *number = if i < layout.coefficients { moved } else { moved.abs() };
        }
        effects.draw(&place, &mut named);
        for i in &drawn {
            let [mean, squares] = &mut moments[*i];
            let before = named[*i] - *mean;
            *mean += before / f64::from(draw + 1);
            *squares += before * (named[*i] - *mean);
        }
    }
    for i in drawn {
        let [mean, squares] = moments[i];
        units[i] = Unit { mean, sd: (squares / f64::from(DRAWS - 1)).sqrt() };
    }
    units
}

/// The units of scales: their means and sds where all other hyperparameters are at theirs. What warm-up tells of a logarithm
/// says too little of a scale that may well be zero.
fn scales(model: &Model, spread: &Spread, units: &mut [Unit]) {
    let layout = model.layout();
    let model = model.collapsed();
    let mut density = CpuDensity::new(&model);
    let mut theta = spread.mean[..layout.hyperparameters()].to_vec();
    let mut gradient = theta.clone();
    let mut named = theta.clone();
    for i in layout.sigma(0)..=layout.eps() {
        let (middle, sd) = (spread.mean[i], spread.variance[i].sqrt());
        let places = (0..PLACES).map(|place| {
            let across = f64::from(place) / f64::from(PLACES - 1);
            theta[i] = middle + sd * (across * (LEFT + RIGHT) - LEFT);
            let log_density = density.log_density(&theta, &mut gradient);
            model.constrain(&theta, &mut named);
            [log_density, named[i]]
        });
        let places: Vec<[f64; 2]> = places.filter(|[log_density, _]| log_density.is_finite()).collect();
        let highest = places.iter().map(|place| place[0]).fold(f64::NEG_INFINITY, f64::max);
        let mut sums = [0.0; 3];
        for [log_density, scale] in places {
            let weight = (log_density - highest).exp();
            for (sum, power) in sums.iter_mut().zip([1.0, scale, scale * scale]) {
                *sum += weight * power;
            }
        }
        let mean = sums[1] / sums[0];
        let sd = (sums[2] / sums[0] - mean * mean).sqrt();
        if sd > 0.0 && sd.is_finite() {
            units[i] = Unit { mean, sd };
        }
        theta[i] = middle;
    }
}
