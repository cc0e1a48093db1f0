//! The map between theta and the variables of a formula's model.
//!
//! Each hyperparameter has an entry in theta, in the order of the named variables: population-level coefficients (the
//! intercept at the means of the other columns), sds, partial correlations, sigma. Their values are those of a
//! [`Scalar`] map, in the sampler's units. The effects of a term are, with Lambda = diag(sd) L and m the mean of
//! [`TermMap::means`],
//!
//! ```text
//! non-centered   r = Lambda z        centered   r = u - m        partial   see [`PartialTerm`]
//! ```

use std::ops::Range;

use super::coordinates::Centering;
use super::correlation::{cholesky, correlations, pairs, partials};
use super::linear::Linear;
use super::log_sigma::LogSigmaMap;
use super::partial::PartialTerm;
use super::scalar::Scalar;
use crate::family::MOST_DISPERSIONS;

/// A dispersion of the family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DispersionAt {
    /// A hyperparameter, at this index.
    Variable(usize),
    /// Known: this number, in the sampler's units.
    Known(f64),
    /// One of each row, by a formula; 1 in either units in the place of one number for all.
    OfRows,
}

/// The units of a formula's variables: value = unit x number + shift.
#[derive(Debug, Clone, PartialEq)]
pub struct MixedUnits {
    /// Of the coefficients of each term's columns, whose shift is 0.
    pub columns: Vec<Vec<f64>>,
    /// Of the outcome, whose shift is the intercept's.
    pub outcome: f64,
    /// Of each dispersion.
    pub dispersions: Vec<f64>,
}

/// Where the variables of one term are, and how they come from theta.
#[derive(Debug, Clone, PartialEq)]
pub struct TermMap {
    /// Number of columns.
    pub columns: usize,
    /// Number of levels.
    pub levels: usize,
    /// Index of the first sd.
    pub scales: usize,
    /// Index of the first partial correlation; `None` if the coefficients are independent.
    pub partials: Option<usize>,
    /// Index of the first effect among the named variables, `[column][level]`, and in theta if they are there.
    pub effects: usize,
    /// The coordinates of the effects; `None` if they are integrated out.
    pub centering: Option<Centering>,
    /// The weights of partially centered effects, and the predictors of their levels.
    pub partial: Option<PartialTerm>,
    /// For each column, the population-level coefficient about which centered or partially centered effects are.
    pub means: Vec<Option<usize>>,
    /// The other columns of the term among the population-level ones, which are not at their means where the varying
    /// intercept is: index and center.
    pub off_center: Vec<(usize, f64)>,
    /// The column of the intercept.
    pub intercept: Option<usize>,
}

/// The map between theta and all variables.
#[derive(Debug, Clone, PartialEq)]
pub struct MixedMap {
    /// The map of each hyperparameter.
    pub scalars: Vec<Scalar>,
    /// The population-level coefficients, which come first.
    pub population: Linear,
    /// The terms.
    pub terms: Vec<TermMap>,
    /// The coefficients of log sigma, if it has a formula.
    pub log_sigma: Option<LogSigmaMap>,
    /// The family's dispersions; sigma is known, 1 in the user's units, where the errors of all rows are.
    pub dispersions: Vec<DispersionAt>,
    /// Units of all variables.
    pub units: MixedUnits,
}

impl DispersionAt {
    /// The value, given those of the hyperparameters.
    pub fn value(self, values: &[f64]) -> f64 {
        match self {
            DispersionAt::Variable(place) => values[place],
            DispersionAt::Known(value) => value,
            DispersionAt::OfRows => 1.0,
        }
    }

    /// The value, if it is known.
    pub fn known(self) -> Option<f64> {
        match self {
            DispersionAt::Variable(_) => None,
            DispersionAt::Known(value) => Some(value),
            DispersionAt::OfRows => Some(1.0),
        }
    }
}

impl TermMap {
    /// Writes Lambda, `[row][column]`, given the hyperparameters' values; entries above the diagonal are not touched.
    pub fn factor(&self, values: &[f64], factor: &mut [f64]) {
        let q = self.columns;
        match self.partials {
            Some(first) => cholesky(q, &values[first..first + pairs(q)], factor),
            None => (0..q).for_each(|i| {
                factor[i * q..i * q + i].fill(0.0);
                factor[i * q + i] = 1.0;
            }),
        }
        for (row, sd) in factor.chunks_exact_mut(q).zip(&values[self.scales..]) {
            row.iter_mut().for_each(|entry| *entry *= sd);
        }
    }

    /// The mean of the centered effects of `column`, given the hyperparameters' values.
    pub fn mean(&self, column: usize, values: &[f64]) -> f64 {
        let Some(mean) = self.means[column] else { return 0.0 };
        let moved = |(k, center): &(usize, f64)| center * values[*k];
        values[mean] - if self.intercept == Some(column) { self.off_center.iter().map(moved).sum() } else { 0.0 }
    }

    /// Adds the derivatives by the hyperparameters' values of a function with derivative `by_mean` by the mean.
    pub fn pull_mean(&self, column: usize, by_mean: f64, by_values: &mut [f64]) {
        let Some(mean) = self.means[column] else { return };
        by_values[mean] += by_mean;
        if self.intercept == Some(column) {
            self.off_center.iter().for_each(|(k, center)| by_values[*k] -= center * by_mean);
        }
    }

    /// Writes r of every level, `[column][level]`, in the sampler's units, where `theta` has the effects, given the
    /// hyperparameters' values and Lambda.
    pub fn effects(&self, values: &[f64], factor: &[f64], theta: &[f64], effects: &mut [f64]) {
        let (q, levels) = (self.columns, self.levels);
        let theta = &theta[self.effects..][..q * levels];
        if let Some(partial) = &self.partial {
            let [mut means, mut powers, mut z] = [(); 3].map(|()| vec![0.0; theta.len()]);
            partial.means(|column| self.mean(column, values), values, &mut means);
            partial.powers(factor, &mut powers);
            partial.offsets(factor, &powers, theta, &mut means, &mut z);
            return self.effects_of_offsets(factor, &z, effects);
        }
        if self.centering != Some(Centering::Centered) {
            return self.effects_of_offsets(factor, theta, effects);
        }
        for (c, row) in effects.chunks_exact_mut(levels).enumerate() {
            let mean = self.mean(c, values);
            row.iter_mut().zip(&theta[c * levels..]).for_each(|(r, u)| *r = u - mean);
        }
    }

    /// Writes r = Lambda z of every level, `[column][level]`.
    pub fn effects_of_offsets(&self, factor: &[f64], offsets: &[f64], effects: &mut [f64]) {
        let (q, levels) = (self.columns, self.levels);
        for (c, row) in effects.chunks_exact_mut(levels).enumerate() {
            row.fill(0.0);
            for (offsets, factor) in offsets.chunks_exact(levels).zip(&factor[c * q..=c * q + c]) {
                row.iter_mut().zip(offsets).for_each(|(r, z)| *r += factor * z);
            }
        }
    }

    /// The effects of `column`, among the named variables.
    pub fn row(&self, column: usize) -> Range<usize> {
        let start = self.effects + column * self.levels;
        start..start + self.levels
    }
}

impl MixedMap {
    /// Number of hyperparameters.
    pub fn hyperparameters(&self) -> usize {
        self.scalars.len()
    }

    /// The log of all units by which theta is smaller than the user's numbers, with its sign turned: the coordinates
    /// which are not logarithms, offsets or correlations.
    pub fn log_units(&self) -> f64 {
        let of_population = self.population.log_units(&self.scalars);
        let of_sigma = self.log_sigma.as_ref().map(|map| map.coefficients.log_units(&self.scalars[map.first..]));
        let of_effects = self.terms.iter().zip(&self.units.columns).map(|(term, units)| {
            let logs = units.iter().map(|unit| unit.ln());
            match &term.partial {
                Some(PartialTerm { weights, .. }) => {
                    let weights = weights.chunks_exact(term.levels).map(|weights| weights.iter().sum::<f64>());
                    logs.zip(weights).map(|(log, weight)| weight * log).sum::<f64>()
                }
                None if term.centering == Some(Centering::Centered) => term.levels as f64 * logs.sum::<f64>(),
                None => 0.0,
            }
        });
        -(of_population + of_sigma.unwrap_or(0.0) + of_effects.sum::<f64>())
    }

    /// Sigma, the first dispersion, given the values of the hyperparameters; 1 for a family without one.
    pub fn sigma(&self, values: &[f64]) -> f64 {
        self.dispersions.first().map_or(1.0, |dispersion| dispersion.value(values))
    }

    /// The dispersions, given the values of the hyperparameters; 1 where there are fewer.
    pub fn dispersion_values(&self, values: &[f64]) -> [f64; MOST_DISPERSIONS] {
        std::array::from_fn(|d| self.dispersions.get(d).map_or(1.0, |dispersion| dispersion.value(values)))
    }

    /// Adds the derivatives by the logarithms of the dispersions to those by the hyperparameters' values.
    pub fn pull_log_dispersions(&self, by_logs: &[f64], values: &[f64], by_values: &mut [f64]) {
        for (dispersion, by_log) in self.dispersions.iter().zip(by_logs) {
            if let DispersionAt::Variable(place) = dispersion {
                by_values[*place] += by_log / values[*place];
            }
        }
    }

    /// The indices of the dispersions that are variables, and their units.
    pub fn free_dispersions(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.dispersions.iter().zip(&self.units.dispersions).filter_map(|(dispersion, unit)| match dispersion {
            DispersionAt::Variable(place) => Some((*place, *unit)),
            DispersionAt::Known(_) | DispersionAt::OfRows => None,
        })
    }

    /// Writes the values of the hyperparameters, in the sampler's units, at `theta`.
    pub fn values(&self, theta: &[f64], values: &mut [f64]) {
        for ((scalar, entry), value) in self.scalars.iter().zip(theta).zip(values) {
            *value = scalar.at(*entry).value;
        }
    }

    /// Writes the values of the hyperparameters in the sampler's units, where `named` holds them in the user's.
    pub fn values_of_named(&self, named: &[f64], values: &mut [f64]) {
        self.population.values_of_named(named, values);
        for (term, units) in self.terms.iter().zip(&self.units.columns) {
            for (c, unit) in units.iter().enumerate() {
                values[term.scales + c] = named[term.scales + c] / unit;
            }
            if let Some(first) = term.partials {
                let here = first..first + pairs(term.columns);
                partials(term.columns, &named[here.clone()], &mut values[here]);
            }
        }
        if let Some(map) = &self.log_sigma {
            map.coefficients.values_of_named(&named[map.places()], &mut values[map.places()]);
        }
        for (place, unit) in self.free_dispersions() {
            values[place] = named[place] / unit;
        }
    }

    /// Writes the hyperparameters in the user's units, given their `values` in the sampler's.
    pub fn name_values(&self, values: &[f64], named: &mut [f64]) {
        self.population.name_values(values, named);
        for (term, units) in self.terms.iter().zip(&self.units.columns) {
            for (c, unit) in units.iter().enumerate() {
                named[term.scales + c] = values[term.scales + c] * unit;
            }
            if let Some(first) = term.partials {
                let (q, here) = (term.columns, first..first + pairs(term.columns));
                let mut factor = vec![0.0; q * q];
                cholesky(q, &values[here.clone()], &mut factor);
                correlations(q, &factor, &mut named[here]);
            }
        }
        if let Some(map) = &self.log_sigma {
            map.coefficients.name_values(&values[map.places()], &mut named[map.places()]);
        }
        for (place, unit) in self.free_dispersions() {
            named[place] = values[place] * unit;
        }
    }

    /// Writes the named variables, in the user's units, at `theta`: all, or the hyperparameters only.
    pub fn constrain(&self, theta: &[f64], named: &mut [f64]) {
        let mut values = vec![0.0; self.hyperparameters()];
        self.values(theta, &mut values);
        self.name_values(&values, named);
        if named.len() == self.hyperparameters() {
            return;
        }
        for (term, units) in self.terms.iter().zip(&self.units.columns).filter(|(term, _)| term.centering.is_some()) {
            let mut factor = vec![0.0; term.columns * term.columns];
            term.factor(&values, &mut factor);
            let effects = &mut named[term.effects..][..term.columns * term.levels];
            term.effects(&values, &factor, theta, effects);
            for (row, unit) in effects.chunks_exact_mut(term.levels).zip(units) {
                row.iter_mut().for_each(|effect| *effect *= unit);
            }
        }
    }

    /// Writes the position at which the named variables, in the user's units, have the values `named`.
    pub fn unconstrain(&self, named: &[f64], theta: &mut [f64]) {
        let mut values = vec![0.0; self.hyperparameters()];
        self.values_of_named(named, &mut values);
        for ((scalar, value), entry) in self.scalars.iter().zip(&values).zip(theta.iter_mut()) {
            *entry = scalar.invert(*value);
        }
        for (term, units) in self.terms.iter().zip(&self.units.columns) {
            let (q, levels) = (term.columns, term.levels);
            match term.centering {
                None => {}
                Some(Centering::Centered) => {
                    for (c, unit) in units.iter().enumerate() {
                        let (mean, row) = (term.mean(c, &values), term.row(c));
                        theta[row.clone()].iter_mut().zip(&named[row]).for_each(|(u, r)| *u = r / unit + mean);
                    }
                }
                Some(Centering::NonCentered | Centering::Partial) => {
                    let mut factor = vec![0.0; q * q];
                    term.factor(&values, &mut factor);
                    for j in 0..levels {
                        for (c, unit) in units.iter().enumerate() {
                            let known: f64 =
                                (0..c).map(|k| factor[c * q + k] * theta[term.effects + k * levels + j]).sum();
                            let r = named[term.effects + c * levels + j] / unit;
                            theta[term.effects + c * levels + j] = (r - known) / factor[c * q + c];
                        }
                    }
                    if let Some(partial) = &term.partial {
                        let mut means = vec![0.0; q * levels];
                        partial.means(|column| term.mean(column, &values), &values, &mut means);
                        partial.place(&means, &factor, &mut theta[term.effects..][..q * levels]);
                    }
                }
            }
        }
    }
}
