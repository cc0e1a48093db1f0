//! The likelihood of a formula's model over its rows, in one order: eta by population-level columns and by the gathered
//! effects of each factor, the family's sums, and the derivatives summed by column and by level. Nothing depends on
//! scheduling.

use multiversion::multiversion;

use super::level_columns::{LevelColumn, level_columns};
use super::merged::LikelihoodRows;
use super::sums::{add_multiple, dot};
use crate::family::{CountOf, Distribution, MOST_DISPERSIONS, MOST_NUMBERS, with_family};
use crate::lanes::{LANES, Lanes};
use crate::model::{MixedMap, Model};

/// Vectors of rows that are worked on together: their eta stays in a core's nearest cache.
const BLOCK: usize = 64;

/// The rows of a model, in vectors of eight.
#[derive(Debug, Clone)]
pub struct MixedRows {
    rows: usize,
    /// What the family knows of each row, number by number.
    numbers: Vec<Vec<Lanes>>,
    /// The known parts of eta, if they are not 0.
    offset: Option<Vec<Lanes>>,
    /// The sum of squares about the means of rows that are merged.
    within: f64,
    /// The different outcomes, if the family wants them.
    counts: Vec<CountOf>,
    /// Population-level columns about their centers, each with the index of its coefficient; the intercept's is not
    /// stored.
    population: Vec<(usize, Option<Vec<Lanes>>)>,
    /// The other ones, which differ by level alone and are added to effects.
    of_levels: Vec<LevelColumn>,
    /// For each column of each term: the values, if it is not the intercept's; the first index among the effects; and
    /// the term's place among the factors.
    varying: Vec<Varying>,
    /// The levels of the rows in each factor that is used.
    factors: Vec<LevelsOfRows>,
    eta: Vec<Lanes>,
    moved: Vec<f64>,
}

/// The levels of all rows in a factor.
#[derive(Debug, Clone)]
enum LevelsOfRows {
    /// Of the factor that sorts the rows: the first row of each level, and the number of rows.
    Sorted(Vec<usize>),
    /// Of another one, row by row; padding is at level 0.
    Listed(Vec<[u32; LANES]>),
}

/// The distribution of rows about their eta.
pub trait AboutEta {
    /// The sums over rows that determine the log likelihood and its derivative by sigma.
    type Sums: Default;

    /// The sums of no rows, with the squares about the means of rows that are merged.
    fn begin(&self, _within: f64) -> Self::Sums {
        Self::Sums::default()
    }

    /// Replaces eta by the log likelihood's derivatives by it, in units of [`unit`](Self::unit), and adds the rows to
    /// `sums`; the first vector of rows is number `first`, and rows from `full` on are padding.
    fn residuals(
        &mut self,
        numbers: [&[Lanes]; MOST_NUMBERS],
        first: usize,
        full: usize,
        eta: &mut [Lanes],
        sums: &mut Self::Sums,
    );

    /// The unit of the derivatives by eta.
    fn unit(&self) -> f64;

    /// The log likelihood without its constant, and its derivatives by the logarithms of the dispersions.
    fn finish(&mut self, sums: &Self::Sums, counts: &[CountOf]) -> (f64, [f64; MOST_DISPERSIONS]);
}

/// Rows of a family, all with the same dispersions.
pub struct OfFamily<F> {
    family: F,
    log_dispersions: [f64; MOST_DISPERSIONS],
    observations: f64,
}

impl<F: Distribution> OfFamily<F> {
    /// So many rows of the data set, at these dispersions.
    pub fn at(dispersions: [f64; MOST_DISPERSIONS], observations: f64) -> OfFamily<F> {
        OfFamily { family: F::at(&dispersions), log_dispersions: dispersions.map(f64::ln), observations }
    }

    /// The family at these dispersions.
    pub fn distribution(&self) -> F {
        self.family
    }
}

impl<F: Distribution> AboutEta for OfFamily<F> {
    type Sums = F::Sums;

    fn begin(&self, within: f64) -> F::Sums {
        F::begin(within)
    }

    fn residuals(
        &mut self,
        numbers: [&[Lanes]; MOST_NUMBERS],
        _first: usize,
        full: usize,
        eta: &mut [Lanes],
        sums: &mut F::Sums,
    ) {
        residuals(&self.family, numbers, full, eta, sums);
    }

    fn unit(&self) -> f64 {
        self.family.unit()
    }

    fn finish(&mut self, sums: &F::Sums, counts: &[CountOf]) -> (f64, [f64; MOST_DISPERSIONS]) {
        let mut by_logs = [0.0; MOST_DISPERSIONS];
        let log_likelihood = self.family.finish(sums, counts, self.observations, &self.log_dispersions, &mut by_logs);
        (log_likelihood, by_logs)
    }
}

#[derive(Debug, Clone)]
struct Varying {
    values: Option<Vec<Lanes>>,
    effects: usize,
    factor: usize,
}

impl MixedRows {
    /// The rows `likelihood` of `model`, whose layout has the map `map`.
    pub fn new(model: &Model, map: &MixedMap, likelihood: &LikelihoodRows) -> MixedRows {
        let (design, dataset) = (model.design(), model.dataset());
        let LikelihoodRows { of: rows_of, outcomes, roots, within, counts, constant: _ } = likelihood;
        let rows = rows_of.len();
        let lanes = |value: &dyn Fn(usize) -> f64| -> Vec<Lanes> {
            let of =
                |first: usize| Lanes(std::array::from_fn(|i| if first + i < rows { value(first + i) } else { 0.0 }));
            (0..rows).step_by(LANES).map(of).collect()
        };
        // Noise of one sd, whatever the weights: rows are multiplied by the roots of their weights.
        let weighted = roots.iter().any(|root| *root != 1.0);
        let column = |k: usize, center: f64| {
            let value = |i: usize| (design.column(k, rows_of[i]) - center) * roots[i];
            (k > 0 || weighted).then(|| lanes(&value))
        };
        let (mut varying, mut factors, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        let terms = model.mixed().map_or(&[][..], |mixed| &mixed.terms);
        for (map, term) in map.terms.iter().zip(terms) {
            let place = numbers.iter().position(|factor| *factor == term.factor).unwrap_or(numbers.len());
            if place == numbers.len() {
                numbers.push(term.factor);
                factors.push(if term.factor == 0 {
                    let first = |group| rows_of.partition_point(|row| *row < dataset.group_range(group).start);
                    let starts = (0..dataset.n_groups()).map(first);
                    LevelsOfRows::Sorted(starts.chain([rows]).collect())
                } else {
                    let of = dataset.level_of_rows(term.factor);
                    let level = |i: usize| rows_of.get(i).map_or(0, |row| of[*row]);
                    let chunk = |first: usize| std::array::from_fn(|i| level(first + i));
                    LevelsOfRows::Listed((0..rows).step_by(LANES).map(chunk).collect())
                });
            }
            varying.extend(term.columns.iter().enumerate().map(|(c, k)| Varying {
                values: column(*k, 0.0),
                effects: map.row(c).start,
                factor: place,
            }));
        }
        let first = map.hyperparameters();
        varying.iter_mut().for_each(|column| column.effects -= first);
        let of_levels = level_columns(model, map, rows);
        let columns =
            model.mixed().map_or(&[][..], |mixed| &mixed.population).iter().zip(&map.population.centers).enumerate();
        let columns = columns.filter(|(k, _)| !of_levels.iter().any(|of_level| of_level.coefficient == *k));
        let numbers = with_family!(model.family(), F => {
            let number = |n: usize| lanes(&|i| F::numbers(&outcomes[i])[n] * roots[i]);
            (0..F::NUMBERS).map(number).collect()
        });
        let has_offset = outcomes.iter().any(|row| row.offset != 0.0);
        MixedRows {
            rows,
            numbers,
            offset: has_offset.then(|| lanes(&|i| outcomes[i].offset)),
            within: *within,
            counts: counts.clone(),
            population: columns.map(|(k, (number, center))| (k, column(*number, *center))).collect(),
            of_levels,
            varying,
            factors,
            eta: vec![Lanes::ZERO; BLOCK],
            moved: vec![0.0; model.dim() - first],
        }
    }

    /// The log likelihood of all rows without its constant, and its derivatives by the logarithms of the dispersions,
    /// given the population-level coefficients and all effects; writes the derivatives by both.
    pub fn all_rows<D: AboutEta>(
        &mut self,
        rows: &mut D,
        coefficients: &[f64],
        effects: &[f64],
        by_coefficients: &mut [f64],
        by_effects: &mut [f64],
    ) -> (f64, [f64; MOST_DISPERSIONS]) {
        let mut eta = std::mem::take(&mut self.eta);
        self.moved.copy_from_slice(effects);
        for LevelColumn { coefficient, effects, values } in &self.of_levels {
            add_multiple(coefficients[*coefficient], values, &mut self.moved[effects.clone()]);
        }
        let effects = &self.moved;
        by_coefficients.fill(0.0);
        by_effects.fill(0.0);
        let mut sums = rows.begin(self.within);
        let vectors = self.numbers[0].len();
        for first in (0..vectors).step_by(BLOCK) {
            let here = first..(first + BLOCK).min(vectors);
            let eta = &mut eta[..here.len()];
            match &self.offset {
                Some(offset) => eta.copy_from_slice(&offset[here.clone()]),
                None => eta.fill(Lanes::ZERO),
            }
            for (k, column) in &self.population {
                add_column(column.as_ref().map(|values| &values[here.clone()]), coefficients[*k], eta);
            }
            for Varying { values, effects: from, factor } in &self.varying {
                let values = values.as_ref().map(|values| &values[here.clone()]);
                match &self.factors[*factor] {
                    LevelsOfRows::Sorted(starts) => spread(values, starts, first * LANES, &effects[*from..], eta),
                    LevelsOfRows::Listed(levels) => gather(values, &levels[here.clone()], &effects[*from..], eta),
                }
            }
            // Rows of padding have an eta of 0.
            let full = self.rows.saturating_sub(first * LANES);
            if let (true, Some(last)) = (full < here.len() * LANES, eta.last_mut()) {
                last.0[full % LANES..].fill(0.0);
            }
            // Of one number alone, the others are not looked at.
            let last = self.numbers.len() - 1;
            let numbers = std::array::from_fn(|n| &self.numbers[n.min(last)][here.clone()]);
            rows.residuals(numbers, first, full, eta, &mut sums);
            for (k, column) in &self.population {
                by_coefficients[*k] += column_sum(column.as_ref().map(|values| &values[here.clone()]), eta);
            }
            for Varying { values, effects: from, factor } in &self.varying {
                let values = values.as_ref().map(|values| &values[here.clone()]);
                let by_effects = &mut by_effects[*from..];
                match &self.factors[*factor] {
                    LevelsOfRows::Sorted(starts) => collect(values, starts, first * LANES, eta, by_effects),
                    LevelsOfRows::Listed(levels) => scatter(values, &levels[here.clone()], eta, by_effects),
                }
            }
        }
        self.eta = eta;
        let unit = rows.unit();
        by_coefficients.iter_mut().chain(&mut *by_effects).for_each(|derivative| *derivative *= unit);
        for LevelColumn { coefficient, effects, values } in &self.of_levels {
            by_coefficients[*coefficient] += dot(values, &by_effects[effects.clone()]);
        }
        rows.finish(&sums, &self.counts)
    }
}

/// Adds `coefficient` times a column to eta; a column without values is all ones.
#[multiversion(targets = "simd")]
fn add_column(values: Option<&[Lanes]>, coefficient: f64, eta: &mut [Lanes]) {
    match values {
        None => eta.iter_mut().for_each(|eta| *eta = *eta + coefficient),
        Some(values) => eta.iter_mut().zip(values).for_each(|(eta, value)| *eta += *value * coefficient),
    }
}

/// The levels of sorted rows `from` to `to`, and the rows of each among these, from 0.
fn pieces(starts: &[usize], from: usize, to: usize) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
    let first = starts.partition_point(|start| *start <= from) - 1;
    let levels = starts[first..].windows(2).take_while(move |ends| ends[0] < to).enumerate();
    levels.map(move |(level, ends)| (first + level, ends[0].max(from) - from..ends[1].min(to) - from))
}

/// Adds a column times the effect of each row's level to eta, where rows are sorted by level; `from` is the first row.
#[multiversion(targets = "simd")]
fn spread(values: Option<&[Lanes]>, starts: &[usize], from: usize, effects: &[f64], eta: &mut [Lanes]) {
    let eta: &mut [f64] = bytemuck::cast_slice_mut(eta);
    let rows = pieces(starts, from, from + eta.len());
    match values {
        None => rows.for_each(|(level, rows)| {
            let effect = effects[level];
            eta[rows].iter_mut().for_each(|eta| *eta += effect);
        }),
        Some(values) => {
            let values: &[f64] = bytemuck::cast_slice(values);
            rows.for_each(|(level, rows)| {
                let effect = effects[level];
                eta[rows.clone()].iter_mut().zip(&values[rows]).for_each(|(eta, value)| *eta += value * effect);
            });
        }
    }
}

/// Adds a column times the derivatives to those of each row's level, where rows are sorted by level.
#[multiversion(targets = "simd")]
fn collect(values: Option<&[Lanes]>, starts: &[usize], from: usize, derivatives: &[Lanes], by_effects: &mut [f64]) {
    let derivatives: &[f64] = bytemuck::cast_slice(derivatives);
    let rows = pieces(starts, from, from + derivatives.len());
    match values {
        None => rows.for_each(|(level, rows)| {
            let mut sum = Lanes::ZERO;
            derivatives[rows].chunks(LANES).for_each(|some| sum += Lanes::load(some, 0.0));
            by_effects[level] += sum.sum();
        }),
        Some(values) => {
            let values: &[f64] = bytemuck::cast_slice(values);
            rows.for_each(|(level, rows)| {
                let mut sum = Lanes::ZERO;
                let chunks = derivatives[rows.clone()].chunks(LANES).zip(values[rows].chunks(LANES));
                chunks.for_each(|(some, values)| sum += Lanes::load(some, 0.0) * Lanes::load(values, 0.0));
                by_effects[level] += sum.sum();
            });
        }
    }
}

/// Adds a column times the effect of each row's level to eta.
fn gather(values: Option<&[Lanes]>, levels: &[[u32; LANES]], effects: &[f64], eta: &mut [Lanes]) {
    match values {
        None => {
            for (eta, levels) in eta.iter_mut().zip(levels) {
                eta.0.iter_mut().zip(levels).for_each(|(eta, level)| *eta += effects[*level as usize]);
            }
        }
        Some(values) => {
            for ((eta, levels), values) in eta.iter_mut().zip(levels).zip(values) {
                for ((eta, level), value) in eta.0.iter_mut().zip(levels).zip(values.0) {
                    *eta += value * effects[*level as usize];
                }
            }
        }
    }
}

/// Replaces eta by the log likelihood's derivatives by it, in the family's unit; rows from `full` on are padding.
#[multiversion(targets = "simd")]
fn residuals<F: Distribution>(
    family: &F,
    [first, second, third]: [&[Lanes]; MOST_NUMBERS],
    full: usize,
    eta: &mut [Lanes],
    sums: &mut F::Sums,
) {
    const ONES: Lanes = Lanes([1.0; LANES]);
    let whole = (full / LANES).min(eta.len());
    let rows = eta[..whole].iter_mut().zip(first).zip(second).zip(third);
    for (((eta, first), second), third) in rows {
        *eta = family.row([*first, *second, *third], *eta, ONES, sums);
    }
    for (i, eta) in eta.iter_mut().enumerate().skip(whole) {
        *eta = family.row([first[i], second[i], third[i]], *eta, row_weights(full, i), sums);
    }
}

/// The weights of a vector of rows: 1, or 0 of rows from `full` on, which are padding.
#[inline(always)]
pub fn row_weights(full: usize, vector: usize) -> Lanes {
    let left = full.saturating_sub(vector * LANES);
    Lanes(std::array::from_fn(|lane| if lane < left { 1.0 } else { 0.0 }))
}

/// The sum of a column times the derivatives; a column without values is all ones.
#[multiversion(targets = "simd")]
fn column_sum(values: Option<&[Lanes]>, derivatives: &[Lanes]) -> f64 {
    let mut sum = Lanes::ZERO;
    match values {
        None => derivatives.iter().for_each(|derivative| sum += *derivative),
        Some(values) => derivatives.iter().zip(values).for_each(|(derivative, value)| sum += *derivative * *value),
    }
    sum.sum()
}

/// Adds a column times the derivatives to those of each row's level, row by row.
fn scatter(values: Option<&[Lanes]>, levels: &[[u32; LANES]], derivatives: &[Lanes], by_effects: &mut [f64]) {
    match values {
        None => {
            for (derivative, levels) in derivatives.iter().zip(levels) {
                derivative.0.iter().zip(levels).for_each(|(d, level)| by_effects[*level as usize] += d);
            }
        }
        Some(values) => {
            for ((derivative, levels), values) in derivatives.iter().zip(levels).zip(values) {
                for ((d, level), value) in derivative.0.iter().zip(levels).zip(values.0) {
                    by_effects[*level as usize] += value * d;
                }
            }
        }
    }
}
