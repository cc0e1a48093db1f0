//! A rough fit of a formula's model, about which devices compute log likelihoods in 32 bits: its dispersions, and what
//! the rows add to the first of the family's sums there on average.

use crate::density::mixed::LikelihoodRows;
use crate::family::{Distribution, Family, MOST_DISPERSIONS, with_family};
use crate::lanes::{LANES, Lanes};
use crate::model::{MixedMap, MixedTerm, Model};

/// Sweeps over all columns: where all rows have the same weight, and where weights are computed anew.
const SWEEPS: usize = 20;
const WEIGHTED_SWEEPS: usize = 6;

/// The degrees of freedom of a reference.
const DEGREES: f64 = 5.0;

/// A rough fit, in the sampler's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoughFit {
    /// The logarithms of the dispersions; 0 where there are fewer.
    pub log_dispersions: [f64; MOST_DISPERSIONS],
    /// What a row adds to the first of the family's sums, on average.
    pub centre: f64,
    /// Log sigma in the middle of all rows, where it has a formula; else 0.
    pub log_sigma: f64,
}

impl RoughFit {
    /// Of `model`, whose layout has the map `map`, with the likelihood's rows; numbers are rounded to 32 bits.
    pub fn of(model: &Model, map: &MixedMap, rows: &LikelihoodRows) -> RoughFit {
        let family = model.family();
        let left = left_over(model, map);
        if map.log_sigma.is_some() {
            return RoughFit::of_scaled(model, map, rows, &left);
        }
        let known = map.dispersions.iter().map(|dispersion| dispersion.known());
        let mut dispersions = [1.0; MOST_DISPERSIONS];
        let squares = |left: &[f64]| left.iter().map(|left| left * left).sum::<f64>() / left.len() as f64;
        match family {
            Family::Gaussian if model.dataset().errors().is_some() => {
                let beside = squares(&left) - mean_of_errors(model);
                let log_eps =
                    known.clone().next().flatten().map_or(0.5 * beside.max(0.01 * squares(&left)).ln(), f64::ln);
                let log_eps = if (log_eps.exp() as f32).is_normal() { f64::from(log_eps as f32) } else { 0.0 };
                return RoughFit { log_dispersions: [log_eps, 0.0], centre: 1.0, log_sigma: 0.0 };
            }
            Family::Gaussian | Family::Lognormal => {
                let noise = known.clone().next().flatten().map_or_else(|| squares(&left), |sigma| sigma * sigma);
                let noise = Some(noise).filter(|noise| (*noise as f32).is_normal()).unwrap_or(1.0) as f32;
                let log_dispersions = [f64::from((0.5 * f64::from(noise).ln()) as f32), 0.0];
                return RoughFit { log_dispersions, centre: f64::from(noise), log_sigma: 0.0 };
            }
            Family::Student => {
                let mut sizes: Vec<f64> = left.iter().map(|left| left.abs()).collect();
                sizes.sort_unstable_by(f64::total_cmp);
                // The median of |t| with five degrees of freedom is 0.727.
                dispersions = [(sizes[sizes.len() / 2] / 0.727).max(1e-6), DEGREES];
            }
            // e^d - 1 - d is about d^2 / 2, whose mean is half the inverse of the shape.
            Family::Gamma => dispersions[0] = 1.0 / squares(&left).clamp(1e-6, 1e3),
            Family::NegBinomial => dispersions[0] = overdispersion(model, &left),
            Family::Binomial | Family::Probit | Family::Poisson => {}
        }
        for (dispersion, known) in dispersions.iter_mut().zip(known) {
            *dispersion = known.unwrap_or(*dispersion);
        }
        let centre = with_family!(family, F => centre::<F>(&dispersions, 1.0, (model, rows), &left));
        let log_dispersions = dispersions.map(|dispersion| f64::from(dispersion.ln() as f32));
        RoughFit { log_dispersions, centre: f64::from(centre as f32), log_sigma: 0.0 }
    }

    /// Where sigma has a formula: at one sigma, by which rows are divided.
    fn of_scaled(model: &Model, map: &MixedMap, rows: &LikelihoodRows, left: &[f64]) -> RoughFit {
        let size = (left.iter().map(|left| left * left).sum::<f64>() / left.len() as f64).sqrt();
        let size = if (size as f32).is_normal() { size } else { 1.0 };
        let scaled: Vec<f64> = left.iter().map(|left| left / size).collect();
        let dispersions = [1.0, map.dispersions.get(1).and_then(|second| second.known()).unwrap_or(DEGREES)];
        let centre = with_family!(model.family(), F => centre::<F>(&dispersions, size, (model, rows), &scaled));
        RoughFit {
            log_dispersions: dispersions.map(|dispersion| f64::from(dispersion.ln() as f32)),
            centre: f64::from(centre as f32),
            log_sigma: size.ln(),
        }
    }
}

/// The mean of the rows' known variances.
fn mean_of_errors(model: &Model) -> f64 {
    let rows = model.dataset().n_observations();
    (0..rows).map(|i| model.design().known_variance(i)).sum::<f64>() / rows as f64
}

/// The mean of what rows add to the first sum, where `left` is each data row's outcome minus its eta, or minus eta
/// alone where eta is not the location of outcomes; outcomes are divided by `scale`.
fn centre<F: Distribution>(
    dispersions: &[f64],
    scale: f64,
    (model, rows): (&Model, &LikelihoodRows),
    left: &[f64],
) -> f64 {
    let (family, design) = (F::at(dispersions), model.design());
    let mut sums = F::Sums::default();
    for chunk in (0..rows.of.len()).collect::<Vec<usize>>().chunks(LANES) {
        let of = |value: &dyn Fn(usize) -> f64| {
            Lanes(std::array::from_fn(|lane| chunk.get(lane).map_or(0.0, |row| value(*row))))
        };
        let root = |row: usize| design.root_weight(rows.of[row]);
        let numbers = std::array::from_fn(|n| of(&|row| F::numbers(&rows.outcomes[row])[n] * root(row) / scale));
        let eta = of(&|row| match F::IS_LOCATION {
            true => design.outcome(rows.of[row]) * root(row) / scale - left[rows.of[row]],
            false => -left[rows.of[row]],
        });
        family.row(numbers, eta, of(&|_| 1.0), &mut sums);
    }
    F::device_sum(&sums) / rows.of.len() as f64
}

/// The shape of counts that vary as those about a rough fit.
fn overdispersion(model: &Model, left: &[f64]) -> f64 {
    let (mut squares, mut excess) = (0.0, 0.0);
    for (outcome, left) in model.dataset().outcome().iter().zip(left) {
        let mean = (-left).exp();
        squares += mean * mean;
        excess += (outcome - mean).powi(2) - mean;
    }
    if excess > 0.0 { (squares / excess).clamp(0.05, 100.0) } else { 100.0 }
}

/// What a fit by columns and levels leaves of each row's outcome, or minus the fitted eta where outcomes are on another
/// scale; the sd of effects is that of the noise, or about 1 there.
fn left_over(model: &Model, map: &MixedMap) -> Vec<f64> {
    let Some(mixed) = model.mixed() else { return Vec::new() };
    let (design, data, family) = (model.design(), model.dataset(), model.family());
    let rows = data.n_observations();
    let is_location = family.is_location();
    let mut left: Vec<f64> = match is_location {
        true => (0..rows).map(|i| design.outcome(i) * design.root_weight(i)).collect(),
        false => (0..rows).map(|i| -design.outcome_row(i).offset).collect(),
    };
    // The score and the weight of a row, by which its eta moves.
    let pull = |i: usize, left: f64| match is_location {
        true => (left, 1.0),
        false => {
            let (size, eta) = (design.outcome_row(i).size, -left);
            let [expected, variance] = family.moments(&[1.0, 1.0], size, eta);
            let slope = size * family.link().slope(eta);
            (slope * (data.outcome()[i] - expected) / variance, slope * slope / variance)
        }
    };
    // Of the population level, all rows are at one level.
    let mut levels = vec![(vec![0; rows], 1)];
    levels.extend(mixed.terms.iter().map(|term| (data.level_of_rows(term.factor), data.levels(term.factor).len())));
    let population = mixed.population.iter().zip(&map.population.centers).map(|(k, center)| (*k, *center, 0));
    let of_term =
        |(t, term): (usize, &MixedTerm)| term.columns.iter().map(move |k| (*k, 0.0, t + 1)).collect::<Vec<_>>();
    let columns: Vec<(usize, f64, usize)> =
        population.chain(mixed.terms.iter().enumerate().flat_map(of_term)).collect();
    let mut fitted: Vec<Vec<f64>> = columns.iter().map(|(.., t)| vec![0.0; levels[*t].1]).collect();
    for _ in 0..if is_location { SWEEPS } else { WEIGHTED_SWEEPS } {
        for ((k, center, t), fitted) in columns.iter().zip(&mut fitted) {
            let (of_rows, count) = &levels[*t];
            let value = |i: usize| (design.column(*k, i) - center) * design.root_weight(i);
            let (mut products, mut squares) = (vec![0.0; *count], vec![0.0; *count]);
            for (i, (level, left)) in of_rows.iter().zip(&left).enumerate() {
                let (score, weight) = pull(i, *left);
                products[*level as usize] += value(i) * score;
                squares[*level as usize] += value(i) * value(i) * weight;
            }
            let ridge = if *t == 0 { 0.0 } else { 1.0 };
            let step = |((product, square), fitted): ((&f64, &f64), &f64)| match square + ridge {
                0.0 => 0.0,
                sum if is_location => (product - ridge * fitted) / sum,
                sum if sum.is_finite() => ((product - ridge * fitted) / sum).clamp(-MOST, MOST),
                _ => 0.0,
            };
            let steps: Vec<f64> = products.iter().zip(&squares).zip(fitted.iter()).map(step).collect();
            for (i, (level, left)) in of_rows.iter().zip(&mut left).enumerate() {
                *left -= value(i) * steps[*level as usize];
            }
            fitted.iter_mut().zip(&steps).for_each(|(fitted, step)| *fitted += step);
        }
    }
    left
}

/// The longest step: further than this from the mean, weights of other families mean nothing.
const MOST: f64 = 2.0;
