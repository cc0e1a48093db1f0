//! The linear predictor of rows, and outcomes about it, in every draw.

use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::levels::Population;
use super::rows::{RowLevel, Rows};
use super::variables::DrawnVariables;
use crate::exact::normal_quantile;
use crate::family::MOST_DISPERSIONS;
use crate::model::{Model, Role, Structure};
use crate::random::{Purpose, StreamKey};

/// A coefficient that varies by a factor's levels: where its draws are.
#[derive(Debug, Clone)]
struct VaryingColumn {
    factor: usize,
    /// Number of the term, of the coefficient in it, and of the term's coefficients.
    term: usize,
    place: usize,
    of: usize,
    /// The column: 0 for the intercept, else one more than the predictor.
    column: usize,
    /// The variable of the first level, which those of the others follow.
    effects: usize,
    /// The variable of the mean about which effects are; without one, they are about 0.
    mean: Option<usize>,
}

/// Evaluates a model at rows, in every draw.
#[derive(Debug)]
pub struct Evaluator<'a> {
    variables: &'a DrawnVariables,
    /// Coefficients of the population: their columns and variables.
    fixed: Vec<(usize, usize)>,
    varying: Vec<VaryingColumn>,
    /// Coefficients of log sigma, likewise; none if sigma is the same in all rows.
    of_sigma: Vec<(usize, usize)>,
    population: Population,
    /// For each factor and draw a level, each as often as any other: that of a row whose level is missing.
    unknown: Vec<Vec<u32>>,
    /// Standard normal deviates, one for each draw, for rows that share them: quantiles at equal distances, in a random
    /// order.
    noise: Vec<f64>,
    /// The family's dispersions in every draw.
    dispersions: Vec<[f64; MOST_DISPERSIONS]>,
}

/// Rows whose expectations a worker adds up.
const SHARE: usize = 256;

/// What a worker needs to evaluate rows.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    /// The number of the row, for random numbers of its own.
    row: Option<u64>,
    /// Effects of the last new level of each term, with its label.
    new: Vec<(String, Vec<f64>)>,
}

impl Scratch {
    /// For a row with random numbers of its own, which belong to this number; without one, all rows share the same.
    pub fn of_row(row: Option<u64>) -> Scratch {
        Scratch { row, new: Vec::new() }
    }
}

impl<'a> Evaluator<'a> {
    /// For the model of `variables`.
    pub fn new(variables: &'a DrawnVariables) -> Evaluator<'a> {
        let model: &Model = variables.model();
        let (layout, data, count) = (model.layout(), model.dataset(), variables.count());
        let mut varying = Vec::new();
        let (mut fixed, mut of_sigma) = (Vec::new(), Vec::new());
        match model.structure() {
            Structure::Shorthand(_) => {
                let of = layout.coefficients;
                varying.extend((0..of).map(|k| VaryingColumn {
                    factor: 0,
                    term: 0,
                    place: k,
                    of,
                    column: k,
                    effects: layout.effects(k).start,
                    mean: Some(layout.mu(k)),
                }));
            }
            Structure::Formula(mixed) => {
                fixed.extend(mixed.population.iter().enumerate().map(|(variable, column)| (*column, variable)));
                if let Some((sigma, map)) = model.log_sigma() {
                    of_sigma.extend(sigma.columns.iter().copied().zip(map.places()));
                }
                for (t, (term, block)) in mixed.terms.iter().zip(layout.blocks_of(Role::Effects)).enumerate() {
                    varying.extend(term.columns.iter().enumerate().map(|(place, column)| VaryingColumn {
                        factor: term.factor,
                        term: t,
                        place,
                        of: term.columns.len(),
                        column: *column,
                        effects: block.row(place).start,
                        mean: None,
                    }));
                }
            }
        }
        let key = |transition| StreamKey { seed: variables.seed(), chain: 0, transition };
        let of_factor = |factor: usize| {
            let levels = data.levels(factor).len() as u64;
            let ranks = ranks(&key(1 + factor as u32), count);
            ranks.into_iter().map(|rank| (u64::from(rank) * levels / count as u64) as u32).collect()
        };
        let quantile = |rank: u32| normal_quantile((f64::from(rank) + 0.5) / count as f64);
        Evaluator {
            variables,
            fixed,
            varying,
            of_sigma,
            population: Population::default(),
            unknown: (0..data.n_factors()).map(of_factor).collect(),
            noise: ranks(&key(0), count).into_iter().map(quantile).collect(),
            dispersions: (0..count).map(|draw| variables.dispersions(draw)).collect(),
        }
    }

    /// Number of draws.
    pub fn count(&self) -> usize {
        self.variables.count()
    }

    /// Writes the linear predictor of a row in every draw, in the unit of the outcome.
    pub fn etas(&self, rows: &Rows, row: usize, scratch: &mut Scratch, etas: &mut [f64]) {
        etas.fill(rows.offset.as_ref().map_or(0.0, |offset| offset[row]));
        for (column, variable) in &self.fixed {
            add(etas, value(rows, *column, row), self.variables.of_variable(*variable));
        }
        for varying in &self.varying {
            let (x, level) = (value(rows, varying.column, row), rows.levels[varying.factor][row]);
            let level = match level {
                RowLevel::Known(level) if self.variables.is_prior() => {
                    RowEffect::New(&self.variables.model().dataset().levels(varying.factor)[level as usize])
                }
                RowLevel::Known(level) => RowEffect::Known(level),
                RowLevel::New(label) => RowEffect::New(&rows.new_labels[label as usize]),
                // From the prior, levels differ in nothing.
                RowLevel::Missing if self.variables.is_prior() => RowEffect::New(""),
                RowLevel::Missing => RowEffect::Missing,
                RowLevel::Average => RowEffect::Average,
            };
            if let (RowEffect::New(_) | RowEffect::Average, Some(mean)) = (&level, varying.mean) {
                add(etas, x, self.variables.of_variable(mean));
            }
            match level {
                RowEffect::Known(level) => add(etas, x, self.variables.of_variable(varying.effects + level as usize)),
                RowEffect::New(label) => add(etas, x, self.new_effects(varying, label, scratch)),
                RowEffect::Missing => {
                    let levels = self.variables.model().dataset().levels(varying.factor).len();
                    for (draw, eta) in etas.iter_mut().enumerate() {
                        let level = match scratch.row {
                            None => self.unknown[varying.factor][draw] as usize,
                            Some(row) => {
                                let index = draw * (varying.factor + 1) + varying.factor;
                                let uniform = self.key(row).uniform(Purpose::Prediction, index as u32);
                                ((uniform * levels as f64) as usize).min(levels - 1)
                            }
                        };
                        *eta += x * self.variables.of_variable(varying.effects + level)[draw];
                    }
                }
                RowEffect::Average => {}
            }
        }
    }

    /// The mean over rows of the expectation at `to` less that at `from`, in every draw; both are the rows of the
    /// model's own levels, or rows of the population's mean.
    pub fn mean_difference(&self, from: &Rows, to: &Rows) -> Vec<f64> {
        match self.variables.model().family().has_mean_eta() {
            // The mean of linear predictors is the linear predictor of means.
            true => self.mean_difference_of_etas(from, to),
            false => self.mean_difference_of_rows(from, to),
        }
    }

    /// The mean difference, row by row.
    fn mean_difference_of_rows(&self, from: &Rows, to: &Rows) -> Vec<f64> {
        // A fixed split of the rows, so that the order of the sums does not depend on the number of threads.
        let shares: Vec<Vec<f64>> = (0..to.count.div_ceil(SHARE))
            .into_par_iter()
            .map(|share| {
                let mut scratch = Scratch::default();
                let (mut sum, mut etas, mut sds) =
                    (vec![0.0; self.count()], vec![0.0; self.count()], self.noise.clone());
                for row in share * SHARE..to.count.min((share + 1) * SHARE) {
                    for (rows, sign) in [(to, 1.0), (from, -1.0)] {
                        self.etas(rows, row, &mut scratch, &mut etas);
                        self.sds(rows, row, &mut sds);
                        self.moments(rows, row, &mut etas, &mut sds);
                        add(&mut sum, sign, &etas);
                    }
                }
                sum
            })
            .collect();
        let mut difference = vec![0.0; self.count()];
        shares.iter().for_each(|share| add(&mut difference, 1.0 / to.count as f64, share));
        difference
    }

    /// The mean difference where the expectation is the linear predictor.
    fn mean_difference_of_etas(&self, from: &Rows, to: &Rows) -> Vec<f64> {
        let mut difference = vec![0.0; self.count()];
        let change = |column: usize, row: usize| match column {
            0 => 0.0,
            k => to.predictors[k - 1][row] - from.predictors[k - 1][row],
        };
        let rows = to.count as f64;
        for (column, variable) in &self.fixed {
            let sum: f64 = (0..to.count).map(|row| change(*column, row)).sum();
            add(&mut difference, sum / rows, self.variables.of_variable(*variable));
        }
        for varying in &self.varying {
            let levels = self.variables.model().dataset().levels(varying.factor).len();
            let (mut sums, mut of_mean) = (vec![0.0; levels], 0.0);
            for (row, level) in to.levels[varying.factor].iter().enumerate() {
                match level {
                    RowLevel::Known(level) => sums[*level as usize] += change(varying.column, row),
                    _ => of_mean += change(varying.column, row),
                }
            }
            for (level, sum) in sums.iter().enumerate().filter(|(_, sum)| **sum != 0.0) {
                add(&mut difference, sum / rows, self.variables.of_variable(varying.effects + level));
            }
            if let Some(mean) = varying.mean.filter(|_| of_mean != 0.0) {
                add(&mut difference, of_mean / rows, self.variables.of_variable(mean));
            }
        }
        difference
    }

    /// Writes the first dispersion of a row in every draw: the sd, or the scale, of its outcome where there is one.
    pub fn sds(&self, rows: &Rows, row: usize, sds: &mut [f64]) {
        if self.of_sigma.is_empty() {
            sds.iter_mut().zip(&self.dispersions).for_each(|(sd, dispersions)| *sd = dispersions[0]);
        } else {
            sds.fill(0.0);
            for (column, variable) in &self.of_sigma {
                add(sds, value(rows, *column, row), self.variables.of_variable(*variable));
            }
            sds.iter_mut().for_each(|log| *log = crate::math::exp(*log));
        }
        if let Some(weights) = &rows.weights {
            let root = weights[row].sqrt();
            sds.iter_mut().for_each(|sd| *sd /= root);
        }
        if let Some(errors) = &rows.errors {
            let square = errors[row] * errors[row];
            sds.iter_mut().for_each(|sd| *sd = (*sd * *sd + square).sqrt());
        }
    }

    /// Replaces the linear predictors of a row by the means of its outcome, and the sds by its variances.
    pub fn moments(&self, rows: &Rows, row: usize, etas: &mut [f64], sds: &mut [f64]) {
        let (family, size) = (self.variables.model().family(), rows.size(row));
        for ((eta, sd), [_, second]) in etas.iter_mut().zip(sds).zip(&self.dispersions) {
            [*eta, *sd] = family.moments(&[*sd, *second], size, *eta);
        }
    }

    /// Writes outcomes of a row in every draw, given its linear predictor and the sds about it, with random numbers of
    /// its own, which belong to its `number`, or with those that all rows share.
    pub fn outcomes(
        &self,
        (rows, row): (&Rows, usize),
        number: Option<u64>,
        [etas, sds]: [&[f64]; 2],
        outcomes: &mut [f64],
    ) {
        match number {
            None => outcomes.copy_from_slice(&self.noise),
            Some(number) => self.key(number).normals(Purpose::Replicate, outcomes),
        }
        let (family, size) = (self.variables.model().family(), rows.size(row));
        for (((outcome, eta), sd), [_, second]) in outcomes.iter_mut().zip(etas).zip(sds).zip(&self.dispersions) {
            *outcome = family.quantile(&[*sd, *second], size, *eta, *outcome);
        }
    }

    /// Writes log p(outcome) of a row in every draw; `sds` has room for a number for each.
    pub fn log_densities(
        &self,
        rows: &Rows,
        row: usize,
        outcome: f64,
        scratch: &mut Scratch,
        sds: &mut [f64],
        out: &mut [f64],
    ) {
        self.etas(rows, row, scratch, out);
        self.sds(rows, row, sds);
        let (family, size) = (self.variables.model().family(), rows.size(row));
        for ((out, sd), [_, second]) in out.iter_mut().zip(sds).zip(&self.dispersions) {
            *out = family.log_density(&[*sd, *second], outcome, size, *out);
        }
    }

    /// Expectations and outcomes of consecutive rows, `[row][draw]` each, with random numbers of their own, which
    /// belong to the rows' `numbers`.
    pub fn all_draws(&self, rows: &Rows, range: std::ops::Range<usize>, numbers: &[u64]) -> [Vec<f64>; 2] {
        let count = self.count();
        let mut all = [vec![0.0; range.len() * count], vec![0.0; range.len() * count]];
        let [expectations, outcomes] = &mut all;
        let of_rows = expectations.par_chunks_exact_mut(count).zip(outcomes.par_chunks_exact_mut(count));
        let room = || (Scratch::default(), vec![0.0; count]);
        of_rows.zip(range).for_each_init(room, |(scratch, sds), ((etas, outcomes), row)| {
            scratch.row = Some(numbers[row]);
            self.etas(rows, row, scratch, etas);
            self.sds(rows, row, sds);
            self.outcomes((rows, row), scratch.row, [etas, sds], outcomes);
            self.moments(rows, row, etas, sds);
        });
        all
    }

    /// The key of a row's own random numbers.
    fn key(&self, row: u64) -> StreamKey {
        // No run has so many chains.
        StreamKey { seed: self.variables.seed(), chain: !((row >> 32) as u32), transition: row as u32 }
    }

    /// The effects of a coefficient at a new level, in every draw.
    fn new_effects<'s>(&self, varying: &VaryingColumn, label: &str, scratch: &'s mut Scratch) -> &'s [f64] {
        let (count, term) = (self.count(), varying.term);
        if scratch.new.len() <= term {
            scratch.new.resize(term + 1, (String::new(), Vec::new()));
        }
        let (known, effects) = &mut scratch.new[term];
        if known != label || effects.is_empty() {
            label.clone_into(known);
            effects.resize(varying.of * count, 0.0);
            self.population.draw(self.variables, term, label, effects);
        }
        &effects[varying.place * count..][..count]
    }
}

/// How a row's effects of a term come about.
enum RowEffect<'a> {
    Known(u32),
    New(&'a str),
    Missing,
    Average,
}

/// The value of a column in a row: 1 of the intercept's.
fn value(rows: &Rows, column: usize, row: usize) -> f64 {
    if column == 0 { 1.0 } else { rows.predictors[column - 1][row] }
}

fn add(etas: &mut [f64], x: f64, coefficient: &[f64]) {
    etas.iter_mut().zip(coefficient).for_each(|(eta, coefficient)| *eta += x * coefficient);
}

/// The numbers 0 to `count` - 1 in a random order.
fn ranks(key: &StreamKey, count: usize) -> Vec<u32> {
    let mut ranks: Vec<u32> = (0..count as u32).collect();
    ranks.shuffle(&mut key.stream(Purpose::Prediction));
    ranks
}
