//! About where each variable will be, and how far it will spread, from what warm-up has seen of coordinates.

use crate::density::effects::ConditionalEffects;
use crate::model::{Model, Unit};
use crate::nuts::adaptation::Spread;
use crate::random::{Place, Purpose};

/// Draws of the hyperparameters that effects are drawn for: their sds are known to a twentieth then.
const DRAWS: u32 = 256;

/// The mean and the sd of every named variable, in the user's units, where coordinates have this `spread` and hang together
/// little. Effects that are no coordinates themselves, offsets and those that were integrated out, are looked for where their
/// conditional distribution is for hyperparameters of that spread; the product of an offset's spread and sigma's would be far
/// too wide.
pub fn units(model: &Model, spread: &Spread) -> Vec<Unit> {
    let layout = model.layout();
    let mut units = model.named_units(&spread.mean, &spread.variance);
    let drawn: Vec<usize> = (0..layout.coefficients)
        .filter(|k| !model.parameterization().is_centered(*k))
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
