//! Sufficient statistics of the groups of a formula's model of one factor, eight groups at a time, for effects that are
//! integrated out.
//!
//! With Z = Q R the columns that vary in a group, its population-level columns X and its outcome y are reduced to
//!
//! ```text
//! W = Q' (X, y),    rest = sum_j (X, y)' (I - Q Q') (X, y)
//! ```

use rayon::prelude::*;

use super::rest::Rest;
use crate::lanes::{LANES, Lanes};
use crate::model::{Mixed, MixedMap, Model};

/// A direction shorter than this share of its column is rounding: the column depends on those before it.
const DEPENDENT: f64 = 1e-12;

/// The most columns of the terms of one factor for which groups are taken eight at a time.
const MOST_COLUMNS: usize = 8;

/// Whether the terms of a formula's model have one factor, and few columns together.
pub fn is_of_few_columns(model: &Model) -> bool {
    let columns = |mixed: &Mixed| mixed.terms.iter().map(|term| term.columns.len()).sum::<usize>();
    model.mixed().is_some_and(|mixed| mixed.factors() == 1 && columns(mixed) <= MOST_COLUMNS)
}

/// The statistics of all groups.
#[derive(Debug, Clone)]
pub struct GroupTable {
    /// Number of columns that vary, of all terms.
    pub columns: usize,
    /// Number of population-level columns.
    pub population: usize,
    /// Number of groups.
    pub groups: usize,
    /// What is left over.
    pub rest: Rest,
    /// For each eight groups: R by columns, each from its first entry to the diagonal, then each column of W.
    bundles: Vec<Lanes>,
}

/// Eight groups.
#[derive(Clone, Copy)]
pub struct Bundle<'a> {
    numbers: &'a [Lanes],
    columns: usize,
}

impl Bundle<'_> {
    /// R_ic, for i <= c.
    #[inline(always)]
    pub fn r(&self, i: usize, c: usize) -> Lanes {
        self.numbers[c * (c + 1) / 2 + i]
    }

    /// Entry `i` of column `k` of W; the outcome's column is after the population's.
    #[inline(always)]
    pub fn w(&self, i: usize, k: usize) -> Lanes {
        self.numbers[self.columns * (self.columns + 1) / 2 + k * self.columns + i]
    }
}

/// The statistics of one group.
#[derive(Debug, Clone)]
pub struct ReducedGroup {
    /// R and W as in a bundle.
    pub numbers: Vec<f64>,
    /// The group's part of `rest`.
    pub rest: Vec<f64>,
}

impl ReducedGroup {
    /// R_ic, for i <= c.
    pub fn r(&self, i: usize, c: usize) -> f64 {
        self.numbers[c * (c + 1) / 2 + i]
    }

    /// Entry `i` of column `k` of W, of a group with `columns` that vary; the outcome's is after the population's.
    pub fn w(&self, columns: usize, i: usize, k: usize) -> f64 {
        self.numbers[columns * (columns + 1) / 2 + k * columns + i]
    }
}

/// The statistics of each level of the one factor of `model`, whose layout has the map `map`.
pub fn reduced_groups(model: &Model, map: &MixedMap) -> Vec<ReducedGroup> {
    let mixed = model.mixed();
    let population = mixed.map_or(&[][..], |mixed| &mixed.population);
    let terms = mixed.map_or(&[][..], |mixed| &mixed.terms);
    let columns: Vec<usize> = terms.iter().flat_map(|term| term.columns.clone()).collect();
    // The factor need not be the one that sorts the rows.
    let factor = terms.first().map_or(0, |term| term.factor);
    let mut rows = vec![Vec::new(); model.dataset().levels(factor).len()];
    for (row, level) in model.dataset().level_of_rows(factor).into_iter().enumerate() {
        rows[level as usize].push(row);
    }
    let design = model.design();
    let group = |rows: &Vec<usize>| {
        let column = |k: usize, center: f64| -> Vec<f64> {
            rows.iter().map(|i| (design.column(k, *i) - center) * design.root_weight(*i)).collect()
        };
        let varying = columns.iter().map(|k| column(*k, 0.0)).collect();
        let fixed = population.iter().zip(&map.population.centers).map(|(k, center)| column(*k, *center));
        let outcome = rows.iter().map(|i| design.outcome(*i) * design.root_weight(*i)).collect();
        reduce(varying, fixed.chain([outcome]).collect())
    };
    rows.par_iter().map(group).collect()
}

impl GroupTable {
    /// The statistics of `model`, whose terms have one factor, and whose layout has the map `map`.
    pub fn new(model: &Model, map: &MixedMap) -> GroupTable {
        let groups = reduced_groups(model, map);
        let columns: usize = map.terms.iter().map(|term| term.columns).sum();
        let population = map.population.centers.len();
        let parts = groups.iter().map(|group| &group.rest);
        let rest = Rest::of(model.dataset().n_observations(), population, parts);
        let numbers = groups.first().map_or(0, |group| group.numbers.len());
        let bundles = groups.chunks(LANES).flat_map(|bundle| {
            let lanes = move |n: usize| {
                Lanes(std::array::from_fn(|lane| bundle.get(lane).map_or(0.0, |group| group.numbers[n])))
            };
            (0..numbers).map(lanes)
        });
        GroupTable { columns, population, groups: groups.len(), rest, bundles: bundles.collect() }
    }

    /// All groups, eight at a time; the last are padded with groups without rows.
    pub fn bundles(&self) -> impl Iterator<Item = Bundle<'_>> {
        let numbers = self.columns * (self.columns + 1) / 2 + (self.population + 1) * self.columns;
        self.bundles.chunks_exact(numbers).map(|numbers| Bundle { numbers, columns: self.columns })
    }
}

/// The statistics of a group with these varying and population-level columns, the outcome last, by modified Gram and
/// Schmidt, twice for each column, which makes the directions orthogonal to rounding.
pub fn reduce(mut varying: Vec<Vec<f64>>, mut fixed: Vec<Vec<f64>>) -> ReducedGroup {
    let mut r = Vec::new();
    for c in 0..varying.len() {
        let (done, left) = varying.split_at_mut(c);
        let column = &mut left[0];
        let length = dot(column, column).sqrt();
        r.extend(project(done, column));
        let left = dot(column, column).sqrt();
        let is_new = left > DEPENDENT * length;
        let inverse = if is_new { 1.0 / left } else { 0.0 };
        column.iter_mut().for_each(|value| *value *= inverse);
        r.push(if is_new { left } else { 0.0 });
    }
    for column in &mut fixed {
        r.extend(project(&varying, column));
    }
    let rest = fixed.iter().flat_map(|u| fixed.iter().map(|v| dot(u, v))).collect();
    ReducedGroup { numbers: r, rest }
}

/// Subtracts the projections of `column` on the directions, and returns their lengths.
fn project(directions: &[Vec<f64>], column: &mut [f64]) -> Vec<f64> {
    let mut lengths = vec![0.0; directions.len()];
    for _ in 0..2 {
        for (length, direction) in lengths.iter_mut().zip(directions) {
            let part = dot(direction, column);
            column.iter_mut().zip(direction).for_each(|(value, direction)| *value -= part * direction);
            *length += part;
        }
    }
    lengths
}

fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(u, v)| u * v).sum()
}
