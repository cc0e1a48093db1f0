//! The exact conditional normal distribution of a formula's effects given everything else, for effects that are
//! integrated out: its draws and its means.
//!
//! By Matheron's rule, with xi and zeta standard normal and the notation of `density/mixed/collapsed.rs`,
//!
//! ```text
//! r = Lambda xi + Lambda Lambda' R' V^-1 (e - R Lambda xi - sigma zeta) / sigma^2
//! ```
//!
//! has the conditional distribution; with xi and zeta zero it is the conditional mean.

use std::sync::Arc;

use super::blocks::BlockTable;
use super::collapsed::{GroupCovariance, deviation, ratio};
use super::dense::DenseScratch;
use super::groups::{self, GroupTable};
use super::term::TermScratch;
use crate::density::dispatch::{ForCoefficients, dispatch};
use crate::lanes::{LANES, Lanes};
use crate::model::{MixedMap, Model};
use crate::random::{Purpose, StreamKey};

/// The conditional distribution of all effects of a formula's model.
#[derive(Debug, Clone)]
pub struct ConditionalMixed {
    table: CollapsedTable,
    map: Arc<MixedMap>,
    terms: Vec<TermScratch>,
    values: Vec<f64>,
    /// xi, then zeta, as many of each as there are effects: `[column][level]`, or block by block.
    normals: Vec<f64>,
}

/// The statistics of groups of one factor, or of blocks.
#[derive(Debug, Clone)]
enum CollapsedTable {
    Groups(GroupTable),
    Blocks(BlockTable, DenseScratch, Vec<f64>),
}

impl ConditionalMixed {
    /// The conditional distribution for `model`, whose layout has the map `map`, whatever its parameterization.
    pub fn new(model: &Model, map: &Arc<MixedMap>) -> ConditionalMixed {
        let table = if groups::is_of_few_columns(model) {
            CollapsedTable::Groups(GroupTable::new(model, map))
        } else {
            let blocks = BlockTable::new(model, map);
            let scratch = DenseScratch::new(&blocks);
            let most = blocks.blocks.iter().map(|block| block.effects).max().unwrap_or(0);
            CollapsedTable::Blocks(blocks, scratch, vec![0.0; most])
        };
        ConditionalMixed {
            normals: vec![0.0; 2 * (model.layout().dim() - map.hyperparameters())],
            table,
            terms: map.terms.iter().map(|term| TermScratch::new(term, map.hyperparameters())).collect(),
            values: vec![0.0; map.hyperparameters()],
            map: map.clone(),
        }
    }

    /// Writes a draw of the effects into `named`, a row of all named variables in the user's units whose
    /// hyperparameters are given. The draw uses only the random numbers of `key`.
    pub fn draw(&mut self, key: &StreamKey, named: &mut [f64]) {
        key.normals(Purpose::Effect, &mut self.normals);
        self.complete(named);
    }

    /// Writes the effects' conditional means into `named`, as [`draw`](Self::draw).
    pub fn mean(&mut self, named: &mut [f64]) {
        self.normals.fill(0.0);
        self.complete(named);
    }

    fn complete(&mut self, named: &mut [f64]) {
        self.map.values_of_named(named, &mut self.values);
        for (map, term) in self.map.terms.iter().zip(&mut self.terms) {
            term.set(map, &self.values);
        }
        let first = self.map.hyperparameters();
        match &mut self.table {
            CollapsedTable::Groups(table) => {
                let effects = &mut named[first..];
                let (values, normals, map, terms) = (&self.values, &self.normals, &*self.map, &self.terms);
                dispatch(table.columns, CompleteGroups { table, map, values, normals, terms, effects });
            }
            CollapsedTable::Blocks(table, scratch, effects) => {
                let sigma = self.map.sigma(&self.values);
                let coefficients = &self.values[..self.map.population.centers.len()];
                let (mut xi, mut zeta) = self.normals.split_at(self.normals.len() / 2);
                for block in &table.blocks {
                    let n = block.effects;
                    let given = [&xi[..n], &zeta[..n]];
                    scratch.complete(block, coefficients, &self.terms, sigma, given, effects);
                    (xi, zeta) = (&xi[n..], &zeta[n..]);
                    for piece in &block.pieces {
                        let term = &self.map.terms[piece.term];
                        for c in 0..term.columns {
                            named[term.row(c).start + piece.level] = effects[piece.start + c];
                        }
                    }
                }
            }
        }
        for (term, units) in self.map.terms.iter().zip(&self.map.units.columns) {
            for (c, unit) in units.iter().enumerate() {
                named[term.row(c)].iter_mut().for_each(|effect| *effect *= unit);
            }
        }
    }
}

/// Computes effects, in the sampler's units, from normal deviates.
struct CompleteGroups<'a> {
    table: &'a GroupTable,
    map: &'a MixedMap,
    values: &'a [f64],
    normals: &'a [f64],
    terms: &'a [TermScratch],
    /// `[column][level]`.
    effects: &'a mut [f64],
}

impl ForCoefficients for CompleteGroups<'_> {
    type Out = ();

    #[inline(always)]
    fn run<const M: usize, const C: usize>(self, q: usize) {
        let CompleteGroups { table, map, values, normals, terms, effects } = self;
        let (groups, sigma) = (table.groups, map.sigma(values));
        let coefficients = &values[..map.population.centers.len()];
        let ratio = ratio::<M>(terms, sigma);
        let (xi, zeta) = normals.split_at(q * groups);
        for (bundle, data) in table.bundles().enumerate() {
            let here = bundle * LANES..groups.min((bundle + 1) * LANES);
            let normals = |of: &[f64], c: usize| Lanes::load(&of[c * groups..][here.clone()], 0.0);
            let mut prior = [Lanes::ZERO; M];
            for i in 0..q {
                for (c, ratio) in ratio[i].iter().enumerate().take(i + 1) {
                    prior[i] += normals(xi, c) * (ratio * sigma);
                }
            }
            let mut e = deviation::<M>(q, data, coefficients);
            for (i, e) in e.iter_mut().enumerate().take(q) {
                *e -= normals(zeta, i) * sigma;
                for (c, prior) in prior.iter().enumerate().take(q).skip(i) {
                    *e -= data.r(i, c) * *prior;
                }
            }
            let covariance = GroupCovariance::<M>::of(q, data, &ratio);
            covariance.whiten(q, &mut e);
            covariance.unwhiten(q, &mut e);
            // Lambda' R' u / sigma, then Lambda / sigma times that.
            let (mut pulled, mut turned) = ([Lanes::ZERO; M], [Lanes::ZERO; M]);
            for (c, pulled) in pulled.iter_mut().enumerate().take(q) {
                for (i, e) in e.iter().enumerate().take(c + 1) {
                    *pulled += data.r(i, c) * *e;
                }
            }
            for c in 0..q {
                for m in c..q {
                    turned[c] += pulled[m] * ratio[m][c];
                }
            }
            for i in 0..q {
                let mut effect = prior[i];
                for c in 0..=i {
                    effect += turned[c] * ratio[i][c];
                }
                effect.store(&mut effects[i * groups..][here.clone()]);
            }
        }
    }
}
