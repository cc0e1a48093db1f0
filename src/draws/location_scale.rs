//! About where each variable will be, and how far it will spread, from where the chains were in the last window of
//! warm-up.

use super::between_chains::RunningVariance;
use crate::density::collapsed::ConditionalEffects;
use crate::model::{LocationScale, Model};
use crate::nuts::adaptation::PositionMoments;
use crate::random::{Purpose, StreamKey};

/// Points that means and sds are taken over: those of effects that are drawn are known to a twentieth of an sd then.
const POINTS: u32 = 256;

/// About the mean and the sd of every named variable, in the user's units, where coordinates have this `spread`: over
/// points each coordinate of which is one sd above its mean or one below it. The mean of a hyperparameter stands half
/// way between theirs and the value at the mean of theta, for the logarithm of a scale that may be zero leans to the
/// left. Effects in theta move while hyperparameters rest: the product of an offset's spread and a scale's would be far
/// too wide. Effects of a collapsed model are drawn, as they are for its draws.
pub fn location_scales(model: &Model, spread: &PositionMoments) -> Vec<LocationScale> {
    let (layout, dim) = (model.layout(), model.dim());
    let hyperparameters = layout.hyperparameters();
    let mut drawn = (dim < layout.dim()).then(|| ConditionalEffects::new(model));
    let mut theta = spread.mean.clone();
    let mut named = vec![0.0; layout.dim()];
    model.constrain(&theta, &mut named);
    let middle = named.clone();
    let mut signs = vec![0.0; dim];
    let mut moments = vec![RunningVariance::default(); layout.dim()];
    for point in 0..POINTS {
        let key = StreamKey { seed: 0, chain: point / 2, transition: 0 };
        key.normals(Purpose::Stream, &mut signs);
        // Every other point is the mirror image of the one before.
        let side = if point % 2 == 0 { 1.0 } else { -1.0 };
        for (i, (theta, sign)) in theta.iter_mut().zip(&signs).enumerate() {
            *theta = spread.mean[i] + side * sign.signum() * spread.variance[i].sqrt();
        }
        model.constrain(&theta, &mut named);
        if let Some(effects) = &mut drawn {
            effects.draw(&StreamKey { chain: point, ..key }, &mut named);
        }
        moments.iter_mut().zip(&named).for_each(|(moments, value)| moments.add(*value));
    }
    let unit = |moments: &RunningVariance| LocationScale { mean: moments.mean(), sd: moments.variance().sqrt() };
    let mut location_scales: Vec<LocationScale> = moments.iter().map(unit).collect();
    for (unit, middle) in location_scales.iter_mut().zip(&middle).take(hyperparameters) {
        unit.mean = 0.5 * (unit.mean + middle);
    }
    if drawn.is_none() {
        let mut resting = middle;
        resting.iter_mut().zip(&location_scales[..hyperparameters]).for_each(|(named, unit)| *named = unit.mean);
        model.unconstrain(&resting, &mut theta);
        let ends = [-1.0, 1.0].map(|side| {
            let effects = spread.mean.iter().zip(&spread.variance).enumerate().skip(hyperparameters);
            effects.for_each(|(i, (mean, variance))| theta[i] = mean + side * variance.sqrt());
            model.constrain(&theta, &mut named);
            named.clone()
        });
        for i in hyperparameters..dim {
            location_scales[i] =
                LocationScale { mean: 0.5 * (ends[0][i] + ends[1][i]), sd: 0.5 * (ends[1][i] - ends[0][i]).abs() };
        }
    }
    location_scales
}
