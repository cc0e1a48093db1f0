//! Approximate location and scale of each named variable, pushed forward from the moments of theta in the last window
//! of warm-up.

use super::between_chains::RunningVariance;
use crate::density::conditional::ConditionalEffects;
use crate::model::{LocationScale, Model};
use crate::nuts::adaptation::PositionMoments;
use crate::random::{Purpose, StreamKey};

/// Number of points in the pushforward: enough for means and sds of drawn effects to within a twentieth of an sd.
const POINTS: u32 = 256;

/// Approximate mean and sd of every named variable, in the user's units, for coordinates with this `spread`: over
/// points with each coordinate one sd above or below its mean. The mean of a hyperparameter lies halfway between its
/// mean over the points and its value at the mean of theta, because the logarithm of a scale that may be zero is skewed
/// to the left. Effects in theta vary while hyperparameters are fixed: the product of an offset's spread and a scale's
/// would be far too wide. Effects of a collapsed model are drawn, as in its draws, and their means lie halfway as those
/// of hyperparameters do, because they depend on skewed scales.
pub fn location_scales(model: &Model, spread: &PositionMoments) -> Vec<LocationScale> {
    let (layout, dim) = (model.layout(), model.dim());
    let hyperparameters = layout.hyperparameters();
    let mut drawn = (dim < layout.dim()).then(|| ConditionalEffects::new(model));
    let mut theta = spread.mean.clone();
    let mut named = vec![0.0; layout.dim()];
    model.constrain(&theta, &mut named);
    let mut middle = named.clone();
    let mut signs = vec![0.0; dim];
    let mut moments = vec![RunningVariance::default(); layout.dim()];
    for point in 0..POINTS {
        let key = StreamKey { seed: 0, chain: point / 2, transition: 0 };
        key.normals(Purpose::Stream, &mut signs);
        // Every second point is the mirror image of the one before.
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
    if let Some(effects) = &mut drawn {
        effects.mean(&mut middle);
    }
    for (unit, middle) in location_scales.iter_mut().zip(&middle) {
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
