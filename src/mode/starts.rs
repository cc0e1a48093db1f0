//! Points at which searches for modes start: fixed, dispersed log scales, more of them for fewer coefficients.

use crate::density::cpu;
use crate::density::qr::QrGroups;
use crate::model::{Mixed, MixedMap, Model, NoCollapse, Refusal, Role, Scalar};

/// Log sigmas, for standardized data, at which searches start.
const STARTS: [f64; 4] = [1.0, -0.5, -2.0, -4.0];

/// Log sigmas of the residuals, for standardized data.
const NOISES: [f64; 2] = [-0.3, -1.5];

/// With more coefficients than this, searches do not start at every combination of [`STARTS`].
const MOST_COMBINED: usize = 2;

/// With more coefficients than this, searches start at two points only, because each density takes long.
const MANY: usize = 8;

/// Approximate operations that all searches for the modes of a formula's model may take, and gradients of a search for
/// each hyperparameter that is not linear and each that is.
const BUDGET: f64 = 2e9;
const GRADIENTS: f64 = 40.0;

/// Fewer searches than this say nothing of the number of modes.
const FEWEST: usize = 2;

/// Whether modes of `model` can be searched for, which needs its effects integrated out.
///
/// # Errors
/// If the effects cannot be integrated out, or a search would take long.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    let collapsed = model.collapsed();
    cpu::admits(&collapsed).map_err(|refusal| match refusal {
        Refusal::NotCollapsed(NoCollapse::Effects { .. }) => Refusal::Search,
        Refusal::NotCollapsed(why) => Refusal::Modes(why),
        other => other,
    })?;
    if affordable(&collapsed) >= FEWEST { Ok(()) } else { Err(Refusal::Search) }
}

/// The number of searches for modes of `model`, whose effects are integrated out, that can be made in some seconds.
fn affordable(model: &Model) -> usize {
    if model.mixed().is_none() {
        return usize::MAX;
    }
    let [of_gradient, _] = cpu::operations(model);
    let of_search = GRADIENTS * (model.layout().locations() + 2) as f64 * of_gradient;
    (BUDGET / of_search.max(1.0)) as usize
}

/// The entry of theta of a scale, hyperparameter `i`, that is to have this logarithm; inside the bounds of a scale that
/// is confined to an interval.
pub fn entry(model: &Model, i: usize, log_scale: f64) -> f64 {
    match model.layout().mixed().map(|map| map.scalars[i]) {
        Some(scalar @ Scalar::Interval { low, width }) => {
            scalar.invert(low + width * ((log_scale.exp() - low) / width).clamp(0.01, 0.99))
        }
        _ => log_scale,
    }
}

/// The entries of theta after the first `linear` ones of all points at which searches start.
pub fn starts(model: &Model, linear: usize) -> Vec<Vec<f64>> {
    match (model.mixed(), model.layout().mixed()) {
        (Some(mixed), Some(map)) => of_formula(model, mixed, map, linear),
        _ => of_shorthand(model),
    }
}

/// All log sigmas equal, or each combination, or one of them unlike the others.
fn combined(k: usize) -> Vec<Vec<f64>> {
    let mut sigmas = vec![vec![STARTS[1]; k]];
    if k <= MOST_COMBINED {
        let combined = STARTS.iter().flat_map(|first| match k {
            1 => vec![vec![*first]],
            _ => STARTS.iter().map(|second| vec![*first, *second]).collect(),
        });
        sigmas.extend(combined);
    } else if k <= MANY {
        sigmas.extend(STARTS.iter().map(|start| vec![*start; k]));
        for one in 0..k {
            let alone = |sigma: f64, others: f64| (0..k).map(|c| if c == one { sigma } else { others }).collect();
            sigmas.extend([alone(STARTS[3], STARTS[1]), alone(STARTS[1], STARTS[3])]);
        }
    }
    sigmas
}

/// If zero is far from the values of the column at `slope`, the intercepts at `intercept` may spread as much as the
/// slopes do at those values, `away`.
fn crossing_far(k: usize, intercept: usize, slope: usize, away: f64) -> impl Iterator<Item = Vec<f64>> {
    STARTS.into_iter().map(move |start| {
        let mut sigma = vec![STARTS[1]; k];
        (sigma[intercept], sigma[slope]) = (start + away.ln(), start);
        sigma
    })
}

/// Log sigma and log eps.
fn of_shorthand(model: &Model) -> Vec<Vec<f64>> {
    let (k, data) = (model.layout().coefficients, model.dataset());
    let groups = QrGroups::new(model);
    let noise = 0.5 * groups.noise().ln();
    let mut sigmas: Vec<Vec<f64>> = vec![groups.spreads().iter().map(|spread| spread.ln().clamp(-4.0, 20.0)).collect()];
    sigmas.extend(combined(k));
    for far in data.far_predictors().into_iter().filter(|_| k <= MANY) {
        let Some(place) = data.predictor_names().iter().position(|name| *name == far.name) else { continue };
        let away = (far.mean / model.scaling().predictors[place]).abs();
        sigmas.extend(crossing_far(k, 0, place + 1, away));
    }
    let with_eps = |eps: f64| sigmas.iter().map(move |sigma| sigma.iter().copied().chain([eps]).collect::<Vec<f64>>());
    let mut all: Vec<Vec<f64>> = with_eps(noise).collect();
    if k <= MOST_COMBINED {
        all.extend(with_eps(0.0));
    }
    all
}

/// Sds of all terms, then partial correlations, which are 0, then sigma.
fn of_formula(model: &Model, mixed: &Mixed, map: &MixedMap, linear: usize) -> Vec<Vec<f64>> {
    let data = model.dataset();
    let k = mixed.terms.iter().map(|term| term.columns.len()).sum();
    let mut sigmas = combined(k);
    let mut from = 0;
    for term in mixed.terms.iter().filter(|_| k <= MANY) {
        let intercept = term.columns.iter().position(|column| *column == 0);
        for far in data.far_predictors() {
            let is_far = |column: &usize| *column > 0 && Mixed::column_name(data, *column) == far.name;
            let (Some(slope), Some(intercept)) = (term.columns.iter().position(is_far), intercept) else { continue };
            let away = (far.mean / model.scaling().predictors[term.columns[slope] - 1]).abs();
            sigmas.extend(crossing_far(k, from + intercept, from + slope, away));
        }
        from += term.columns.len();
    }
    let noises = if k <= MOST_COMBINED { &NOISES[..] } else { &NOISES[..1] };
    let point = |sigmas: &Vec<f64>, noise: f64| {
        let mut theta = vec![0.0; map.hyperparameters()];
        for (block, sigma) in model.layout().varying().iter().zip(sigmas) {
            theta[block.scale] = entry(model, block.scale, *sigma);
        }
        for place in model.layout().blocks_of(Role::Dispersion).flat_map(|block| block.named.clone()) {
            theta[place] = entry(model, place, noise);
        }
        theta.split_off(linear)
    };
    let all = noises.iter().flat_map(|noise| sigmas.iter().map(|sigmas| point(sigmas, *noise)));
    all.take(affordable(&model.collapsed())).collect()
}
