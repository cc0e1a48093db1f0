//! Each group's QR factor: sufficient statistics for a Gaussian likelihood, as many rows as coefficients, computed
//! without differences of squares. Twin of shaders/qr.wgsl.
//!
//! X is a group's n x K matrix of predictors (a column of ones first), y its outcome. Some orthogonal matrix Q maps X
//! to the upper triangular R, K x K, above zeros, and y to w, K numbers, above n - K others. Their sum of squares is
//! `rest`, the residual sum of squares of the group's own regression:
//!
//! ```text
//! |y - X beta|^2 = |w - R beta|^2 + rest
//! ```
//!
//! R and w come from modified Gram and Schmidt, whose triangle is as accurate as any where columns are dependent
//! (Bjorck and Paige 1992): groups of one observation and predictors that are constant in a group need no special case.
//! The first step, for the column of ones, subtracts the group's means.

use rayon::prelude::*;

use crate::faults;
use crate::lanes::{LANES, Lanes};
use crate::model::Model;

/// R and w of all groups, eight groups at a time, in reading order.
#[derive(Debug, Clone)]
pub struct QrTable {
    /// K and J.
    pub coefficients: usize,
    pub groups: usize,
    /// The residual sum of squares of the groups' own regressions, over all groups.
    pub rest: f64,
    rows: Vec<Lanes>,
}

/// The QR factor of one group.
struct QrFactor {
    /// `[k]` holds column k of R, from its first entry to the diagonal.
    columns: Vec<Vec<f64>>,
    outcome: Vec<f64>,
    rest: f64,
}

/// Eight groups of a table. Padding groups are zero, as if they had no observations.
#[derive(Debug, Clone, Copy)]
pub struct GroupBundle<'a>(&'a [Lanes]);

impl QrTable {
    /// The table of `model`, in the units of its scaling.
    pub fn new(model: &Model) -> QrTable {
        let layout = model.layout();
        let groups = factors(model);
        let mut rows = Vec::new();
        for bundle in groups.chunks(LANES) {
            let mut row = |value: &dyn Fn(&QrFactor) -> f64| {
                rows.push(Lanes(std::array::from_fn(|lane| bundle.get(lane).map_or(0.0, value))));
            };
            for k in 0..layout.coefficients {
                (0..=k).for_each(|i| row(&|group| group.columns[k][i]));
            }
            (0..layout.coefficients).for_each(|i| row(&|group| group.outcome[i]));
        }
        let rest = groups.iter().map(|group| group.rest).sum();
        QrTable { coefficients: layout.coefficients, groups: layout.groups, rest, rows }
    }

    /// Replaces w by w - R mu, for the mean `mu` of each coefficient.
    pub fn subtract(&mut self, mu: &[f64]) {
        let k = self.coefficients;
        for numbers in self.rows.chunks_exact_mut(start(k) + k) {
            let (columns, outcome) = numbers.split_at_mut(start(k));
            for (c, mu) in mu.iter().enumerate() {
                let column = &columns[start(c)..];
                outcome[..=c].iter_mut().zip(column).for_each(|(w, r)| *w -= *r * *mu);
            }
        }
    }

    /// All groups, eight at a time.
    #[inline(always)]
    pub fn bundles(&self) -> impl Iterator<Item = GroupBundle<'_>> {
        self.rows.chunks_exact(start(self.coefficients) + self.coefficients).map(GroupBundle)
    }
}

impl<'a> GroupBundle<'a> {
    /// Column `k` of R, from its first entry to the diagonal.
    #[inline(always)]
    pub fn column(&self, k: usize) -> &'a [Lanes] {
        &self.0[start(k)..start(k) + k + 1]
    }

    /// The columns of R, each from its first entry to the diagonal, column `k` at [`start`] of `k`; then w.
    #[inline(always)]
    pub fn numbers(&self) -> &'a [Lanes] {
        self.0
    }

    /// w, for `k` coefficients.
    #[inline(always)]
    pub fn outcome(&self, k: usize) -> &'a [Lanes] {
        &self.0[start(k)..start(k) + k]
    }
}

/// The QR factors of all groups of a model, for statistics and for a device's table.
pub struct QrGroups {
    groups: Vec<QrFactor>,
    sizes: Vec<f64>,
    coefficients: usize,
}

impl QrGroups {
    /// The factors of `model`, in the units of its scaling.
    pub fn new(model: &Model) -> QrGroups {
        let groups = factors(model);
        let sizes = (0..groups.len()).map(|j| model.dataset().group_range(j).len() as f64).collect();
        QrGroups { groups, sizes, coefficients: model.layout().coefficients }
    }

    /// The residual variance if every group has a regression of its own; 1 if it is zero or undefined.
    pub fn noise(&self) -> f64 {
        let rest = self.rest();
        let freedom: f64 = self.sizes.iter().map(|size| (size - self.coefficients as f64).max(0.0)).sum();
        Some(rest / freedom).filter(|noise| noise.is_normal()).unwrap_or(1.0)
    }

    /// The largest information of one group about coefficient `k`, alone, in units of 1 / eps^2.
    pub fn largest_information(&self, k: usize) -> f64 {
        self.groups.iter().map(|group| dot(&group.columns[k], &group.columns[k])).fold(0.0, f64::max)
    }

    /// The residual sum of squares of the groups' own regressions, over all groups.
    pub fn rest(&self) -> f64 {
        self.groups.iter().map(|group| group.rest).sum()
    }

    /// For each coefficient, the standard deviation over the groups' own regressions, where a group determines one; 1
    /// if it is zero or undefined.
    pub fn spreads(&self) -> Vec<f64> {
        let estimates: Vec<Vec<f64>> = self.groups.iter().filter_map(QrFactor::regression).collect();
        let spread = |k: usize| {
            let values: Vec<f64> = estimates.iter().map(|estimate| estimate[k]).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
        };
        (0..self.coefficients).map(spread).map(|spread| if spread.is_normal() { spread } else { 1.0 }).collect()
    }

    /// A row of J for each number of a group, as qr_far.wgsl reads the rows: `rest` minus `noise` per observation, the
    /// columns of R, each from its first entry to the diagonal, and w.
    pub fn rows(&self, noise: f64) -> Vec<Vec<f64>> {
        let row = |value: &dyn Fn(&QrFactor) -> f64| self.groups.iter().map(value).collect::<Vec<f64>>();
        let mut rows =
            vec![self.groups.iter().zip(&self.sizes).map(|(group, size)| group.rest - size * noise).collect()];
        for k in 0..self.coefficients {
            rows.extend((0..=k).map(|i| row(&|group| group.columns[k][i])));
        }
        rows.extend((0..self.coefficients).map(|i| row(&|group| group.outcome[i])));
        rows
    }
}

impl QrFactor {
    /// The coefficients of the group's own regression, R^-1 w; `None` if a column nearly depends on the columns before
    /// it.
    fn regression(&self) -> Option<Vec<f64>> {
        const DEPENDENT: f64 = 1e-6;
        let mut beta = self.outcome.clone();
        for k in (0..beta.len()).rev() {
            let column = &self.columns[k];
            let length = dot(column, column).sqrt();
            if column[k] <= DEPENDENT * length {
                return None;
            }
            beta[k] /= column[k];
            let known = beta[k];
            beta[..k].iter_mut().zip(column).for_each(|(entry, r)| *entry -= r * known);
        }
        Some(beta)
    }
}

/// The factors of all groups, in the units of the model's scaling.
fn factors(model: &Model) -> Vec<QrFactor> {
    (0..model.layout().groups).into_par_iter().map(|j| rotate(columns(model, j))).collect()
}

/// The index of the first entry of column `k` of R.
#[inline(always)]
pub fn start(k: usize) -> usize {
    k * (k + 1) / 2
}

/// The predictors of group `j` without the column of ones, then its outcome.
fn columns(model: &Model, j: usize) -> Vec<Vec<f64>> {
    let (design, mut rows) = (model.design(), model.dataset().group_range(j));
    if j == 0 && faults::is_planted("lost-row") {
        rows.end -= 1;
    }
    let predictors = (1..model.layout().coefficients).map(|k| rows.clone().map(|i| design.column(k, i)).collect());
    predictors.chain([rows.clone().map(|i| design.outcome(i)).collect()]).collect()
}

/// Modified Gram and Schmidt: projects the direction of ones, then of each column but the last, out of the columns
/// after it.
fn rotate(mut columns: Vec<Vec<f64>>) -> QrFactor {
    let n = columns[0].len() as f64;
    // `[i]` holds row i of R, then entry i of w.
    let mut rows = vec![vec![n.sqrt()]];
    for column in &mut columns {
        let mean = column.iter().sum::<f64>() / n;
        column.iter_mut().for_each(|value| *value -= mean);
        rows[0].push(n.sqrt() * mean);
    }
    let slopes = columns.len() - 1;
    for k in 0..slopes {
        let (done, left) = columns.split_at_mut(k + 1);
        let length = dot(&done[k], &done[k]).sqrt();
        if length > 0.0 {
            done[k].iter_mut().for_each(|value| *value /= length);
        }
        let mut row = vec![0.0; k + 1];
        row.push(length);
        for column in left {
            let projection = dot(&done[k], column);
            column.iter_mut().zip(&done[k]).for_each(|(value, direction)| *value -= projection * direction);
            row.push(projection);
        }
        rows.push(row);
    }
    QrFactor {
        columns: (0..=slopes).map(|k| rows[..=k].iter().map(|row| row[k]).collect()).collect(),
        outcome: rows.iter().map(|row| row[slopes + 1]).collect(),
        rest: dot(&columns[slopes], &columns[slopes]),
    }
}

fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(u, v)| u * v).sum()
}
