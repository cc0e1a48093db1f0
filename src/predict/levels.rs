//! The effects of levels that a model's data do not have: drawn from the population.

use std::sync::OnceLock;

use super::variables::DrawnVariables;
use crate::model::{Model, Structure};
use crate::random::{Purpose, StreamKey};

/// The distribution of the effects of a term's levels, in every draw.
#[derive(Debug, Default)]
pub struct Population {
    /// For each term, the Cholesky factor of the covariance in the user's units, `[row][column][draw]`, whose entries
    /// above the diagonal are zero.
    factors: OnceLock<Vec<Vec<f64>>>,
}

impl Population {
    /// The Cholesky factors of a term.
    fn of_term<'a>(&'a self, variables: &DrawnVariables, term: usize) -> &'a [f64] {
        &self.factors.get_or_init(|| factors(variables))[term]
    }

    /// Writes draws of the effects of the level `label` of a term about their mean, `[column][draw]`. They depend on
    /// the run's seed, the label and the term's number, and on nothing else, so that all rows of a level have the same.
    pub fn draw(&self, variables: &DrawnVariables, term: usize, label: &str, out: &mut [f64]) {
        let count = variables.count();
        let q = out.len() / count;
        let (factor, hash) = (self.of_term(variables, term), hash(term, label));
        let key = StreamKey { seed: variables.seed(), chain: (hash >> 32) as u32, transition: hash as u32 };
        let mut normals = vec![0.0; q * count];
        key.normals(Purpose::NewLevel, &mut normals);
        for (row, out) in out.chunks_exact_mut(count).enumerate() {
            out.fill(0.0);
            for (column, normals) in normals.chunks_exact(count).enumerate().take(row + 1) {
                let factor = &factor[(row * q + column) * count..][..count];
                let both = factor.iter().zip(normals);
                out.iter_mut().zip(both).for_each(|(effect, (factor, normal))| *effect += factor * normal);
            }
        }
    }
}

/// The Cholesky factors of all terms.
fn factors(variables: &DrawnVariables) -> Vec<Vec<f64>> {
    let model: &Model = variables.model();
    let (layout, count) = (model.layout(), variables.count());
    let (Some(map), Structure::Formula(_)) = (layout.mixed(), model.structure()) else {
        let q = layout.coefficients;
        let mut factor = vec![0.0; q * q * count];
        for k in 0..q {
            factor[(k * q + k) * count..][..count].copy_from_slice(variables.of_variable(layout.sigma(k)));
        }
        return vec![factor];
    };
    let hyperparameters = layout.hyperparameters();
    let (mut named, mut values) = (vec![0.0; hyperparameters], vec![0.0; hyperparameters]);
    let mut all: Vec<Vec<f64>> = map.terms.iter().map(|term| vec![0.0; term.columns * term.columns * count]).collect();
    for draw in 0..count {
        variables.write_draw(draw, &mut named);
        map.values_of_named(&named, &mut values);
        for ((term, units), all) in map.terms.iter().zip(&map.units.columns).zip(&mut all) {
            let q = term.columns;
            let mut factor = vec![0.0; q * q];
            term.factor(&values, &mut factor);
            for (entry, value) in factor.iter().enumerate() {
                all[entry * count + draw] = value * units[entry / q];
            }
        }
    }
    all
}

/// 64 bits of a level: Fowler, Noll and Vo's hash (FNV-1a) of the term's number and the label.
fn hash(term: usize, label: &str) -> u64 {
    let bytes = (term as u64).to_le_bytes().into_iter().chain(label.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
