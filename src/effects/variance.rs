//! Shares of the outcome's variance: R2, the intraclass correlation, and how much effects are pooled.

use rayon::prelude::*;

use crate::diagnostics;
use crate::family::Family;
use crate::model::correlation::pair;
use crate::model::{CoefficientPlace, Role};
use crate::predict::{DrawnVariables, Evaluator, RowLevel, Rows, Scratch};

/// Shares of variance, in every draw.
#[derive(Debug, Clone, PartialEq)]
pub struct VarianceShares {
    /// R2 with all effects: the variance of the rows' expectations over itself and the mean variance of outcomes about
    /// them (Gelman, Goodrich, Gabry and Vehtari 2019, "R-squared for Bayesian regression models", with the noise of
    /// the model).
    pub conditional: Vec<f64>,
    /// R2 of the population's part: its variance over that of the expectations and the noise.
    pub marginal: Vec<f64>,
    /// For each factor, its name and the share of the variance of its effects in that of all effects and the noise,
    /// where effects have their mean variance over the rows (Johnson 2014): the intraclass correlation. It is on the
    /// scale of eta, with the variance there that is the family's (Nakagawa, Johnson and Schielzeth 2017).
    pub shares: Vec<(String, Vec<f64>)>,
}

/// How much the effects of a coefficient are pooled.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolingFactor {
    /// The coefficient's sd.
    pub name: String,
    /// 1 less the variance of the effects' means over the mean of their variances (Gelman and Pardoe 2006): 0 where
    /// every level has its own effect, 1 where all have the same.
    pub factor: f64,
}

impl VarianceShares {
    /// Of the model of a run.
    pub fn of(variables: &DrawnVariables) -> VarianceShares {
        let (model, count) = (variables.model(), variables.count());
        let (rows, evaluator) = (Rows::of_model(model), Evaluator::new(variables));
        let average = Rows {
            levels: rows.levels.iter().map(|levels| vec![RowLevel::Average; levels.len()]).collect(),
            ..rows.clone()
        };
        let [whole, population] = [&rows, &average].map(|rows| row_variances(&evaluator, rows, count));
        let [noise, of_eta] = noise(model.family(), &evaluator, &rows, count);
        let share = |part: &[f64]| -> Vec<f64> {
            let all = part.iter().zip(whole.iter().zip(&noise));
            all.map(|(part, (whole, noise))| part / (whole + noise)).collect()
        };
        let of_factors = random_variances(variables);
        let mut all = of_eta;
        for (_, of_factor) in &of_factors {
            all.iter_mut().zip(of_factor).for_each(|(all, own)| *all += own);
        }
        let shares = of_factors
            .into_iter()
            .map(|(name, own)| (name, own.iter().zip(&all).map(|(own, all)| own / all).collect()));
        VarianceShares { conditional: share(&whole), marginal: share(&population), shares: shares.collect() }
    }
}

/// The variance over rows of the expectation, in every draw.
fn row_variances(evaluator: &Evaluator, rows: &Rows, count: usize) -> Vec<f64> {
    let (mut etas, mut sds) = (vec![0.0; count], vec![0.0; count]);
    let (mut means, mut squares) = (vec![0.0; count], vec![0.0; count]);
    let mut scratch = Scratch::default();
    for row in 0..rows.count {
        evaluator.etas(rows, row, &mut scratch, &mut etas);
        evaluator.sds(rows, row, &mut sds);
        evaluator.moments(rows, row, &mut etas, &mut sds);
        // Welford's sums, row by row.
        for ((mean, square), eta) in means.iter_mut().zip(&mut squares).zip(&etas) {
            let from_mean = eta - *mean;
            *mean += from_mean / (row + 1) as f64;
            *square += from_mean * (eta - *mean);
        }
    }
    squares.iter().map(|square| square / (rows.count as f64 - 1.0)).collect()
}

/// The mean variance of outcomes about their expectations over rows, and that on the scale of eta, in every draw.
fn noise(family: Family, evaluator: &Evaluator, rows: &Rows, count: usize) -> [Vec<f64>; 2] {
    let (mut etas, mut sds) = (vec![0.0; count], vec![0.0; count]);
    let (mut means, mut variances, mut squares) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
    let mut scratch = Scratch::default();
    for row in 0..rows.count {
        evaluator.etas(rows, row, &mut scratch, &mut etas);
        evaluator.sds(rows, row, &mut sds);
        squares.iter_mut().zip(&sds).for_each(|(sum, sd)| *sum += sd * sd);
        evaluator.moments(rows, row, &mut etas, &mut sds);
        means.iter_mut().zip(&etas).for_each(|(sum, mean)| *sum += mean);
        variances.iter_mut().zip(&sds).for_each(|(sum, variance)| *sum += variance);
    }
    let all = rows.count as f64;
    [&mut means, &mut variances, &mut squares].into_iter().for_each(|sums| sums.iter_mut().for_each(|sum| *sum /= all));
    let moments = means.iter().zip(&variances).zip(&squares);
    let of_eta = moments.map(|((mean, variance), square)| family.variance_of_eta([*mean, *variance], *square));
    let of_eta = of_eta.collect();
    [variances, of_eta]
}

/// For each factor its name, and the mean over rows of the variance of a new level's effects, in every draw.
fn random_variances(variables: &DrawnVariables) -> Vec<(String, Vec<f64>)> {
    let (model, count) = (variables.model(), variables.count());
    let (layout, data) = (model.layout(), model.dataset());
    let rows = data.n_observations() as f64;
    // The mean over rows of the product of two columns.
    let product = |one: usize, other: usize| {
        let value = |column: usize, row: usize| if column == 0 { 1.0 } else { data.predictor(column - 1)[row] };
        (0..data.n_observations()).map(|row| value(one, row) * value(other, row)).sum::<f64>() / rows
    };
    let Some(mixed) = model.mixed() else {
        let mut sum = vec![0.0; count];
        for k in 0..layout.coefficients {
            let weight = product(k, k);
            sum.iter_mut().zip(variables.of_variable(layout.sigma(k))).for_each(|(sum, sd)| *sum += weight * sd * sd);
        }
        return vec![(data.group_name().to_string(), sum)];
    };
    let mut factors: Vec<(String, Vec<f64>)> =
        (0..data.n_factors()).map(|factor| (data.factor_name(factor).to_string(), vec![0.0; count])).collect();
    let mut correlations = layout.blocks_of(Role::Correlation);
    for (term, block) in mixed.terms.iter().zip(layout.blocks_of(Role::Scale)) {
        let sum = &mut factors[term.factor].1;
        let sds: Vec<&[f64]> = block.named.clone().map(|i| variables.of_variable(i)).collect();
        let pairs = if term.is_correlated() { correlations.next() } else { None };
        for i in 0..term.columns.len() {
            let weight = product(term.columns[i], term.columns[i]);
            sum.iter_mut().zip(sds[i]).for_each(|(sum, sd)| *sum += weight * sd * sd);
            for j in 0..i {
                let Some(pairs) = pairs else { continue };
                let weight = 2.0 * product(term.columns[i], term.columns[j]);
                let rho = variables.of_variable(pairs.named.start + pair(i, j));
                let both = sds[i].iter().zip(sds[j]).zip(rho);
                sum.iter_mut().zip(both).for_each(|(sum, ((one, other), rho))| *sum += weight * one * other * rho);
            }
        }
    }
    factors
}

impl PoolingFactor {
    /// Of every coefficient that varies by a factor's levels.
    pub fn of(variables: &DrawnVariables) -> Vec<PoolingFactor> {
        let (layout, names) = (variables.model().layout(), variables.model().names());
        let of = |CoefficientPlace { scale, effects }: CoefficientPlace| {
            let means: Vec<f64> = effects
                .clone()
                .into_par_iter()
                .map(|effect| diagnostics::mean(variables.of_variable(effect)))
                .collect();
            let between = diagnostics::sd(&means).powi(2);
            PoolingFactor { name: names[scale].clone(), factor: 1.0 - between / spread(variables, effects) }
        };
        layout.varying().into_iter().map(of).collect()
    }
}

/// The mean over draws of the variance of effects over levels.
fn spread(variables: &DrawnVariables, effects: std::ops::Range<usize>) -> f64 {
    let count = variables.count();
    let levels = effects.len() as f64;
    let (mut sums, mut squares) = (vec![0.0; count], vec![0.0; count]);
    let centre = diagnostics::mean(variables.of_variable(effects.start));
    for effect in effects {
        for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(variables.of_variable(effect)) {
            *sum += value - centre;
            *square += (value - centre) * (value - centre);
        }
    }
    let variance = |(sum, square): (&f64, &f64)| (square - sum * sum / levels) / (levels - 1.0);
    sums.iter().zip(&squares).map(variance).sum::<f64>() / count as f64
}
