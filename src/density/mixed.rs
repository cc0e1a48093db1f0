//! The log density of a formula's model and its gradient: priors, terms, and the likelihood over rows or with all
//! effects integrated out.
//!
//! With Lambda_t = diag(sd_t) L_t, and effects r_t = Lambda_t z_t (non-centered) or r_t = u_t - m_t (centered), or with
//! weights w (partially centered),
//!
//! ```text
//! non-centered   log p(z) = - |z|^2 / 2
//! centered       log p(u) = - |Lambda^-1 r|^2 / 2 - J sum_c log Lambda_cc
//! partial        log p(v) = - |z|^2 / 2 - sum_jc w_jc log Lambda_cc
//! ```
//!
//! without the constants of normal distributions, which are counted once for all.

mod blocks;
mod collapsed;
mod conditional;
mod dense;
mod errors;
mod groups;
mod hyper;
mod level_columns;
mod merged;
mod partial;
mod rest;
mod row_scales;
mod rows;
mod sums;
mod term;

use std::f64::consts::TAU;
use std::sync::Arc;

use crate::family::{Family, with_family};
use crate::model::{Coordinates, MixedMap, Model, NoCollapse, Refusal};
use blocks::BlockTable;
use dense::DenseScratch;
use errors::RowErrors;
use row_scales::RowScales;
use rows::{MixedRows, OfFamily};
use term::TermScratch;

pub(super) use conditional::ConditionalMixed;
pub(super) use groups::{GroupTable, is_of_few_columns};
pub(crate) use groups::{ReducedGroup, reduced_groups};
pub(super) use hyper::HyperPrior;
pub(crate) use hyper::HyperPriors;
pub(super) use merged::LikelihoodRows;

/// The most effects of one block of rows that are integrated out together.
const MOST_EFFECTS: usize = 512;

/// The log density of a formula's model.
#[derive(Debug, Clone)]
pub struct MixedDensity {
    map: Arc<MixedMap>,
    family: Family,
    hyper: HyperPriors,
    likelihood: MixedLikelihood,
    terms: Vec<TermScratch>,
    /// The hyperparameters' values, their slopes, and the derivatives of the log density by the values.
    values: Vec<f64>,
    slopes: Vec<f64>,
    by_values: Vec<f64>,
    /// r of all terms, and the derivatives by them; empty if the effects are integrated out.
    effects: Vec<f64>,
    by_effects: Vec<f64>,
    observations: f64,
    constant: f64,
}

#[derive(Debug, Clone)]
enum MixedLikelihood {
    Rows(MixedRows, RowNoise),
    Groups(GroupTable),
    Blocks(BlockTable, DenseScratch),
}

/// How the noise of rows differs.
#[derive(Debug, Clone)]
enum RowNoise {
    /// By their weights alone.
    Alike,
    /// By known errors beside sigma.
    Errors(RowErrors),
    /// By a formula of sigma.
    Scales(Box<RowScales>),
}

impl RowNoise {
    fn new(model: &Model, rows: &LikelihoodRows) -> RowNoise {
        match (RowErrors::new(model), RowScales::new(model, rows)) {
            (Some(errors), _) => RowNoise::Errors(errors),
            (None, Some(scales)) => RowNoise::Scales(Box::new(scales)),
            (None, None) => RowNoise::Alike,
        }
    }
}

/// Whether the log density of a formula's model can be computed in its coordinates.
///
/// # Errors
/// If too many effects are to be integrated out together, outcomes are not normal, rows have known errors beside sigma,
/// or sigma has a formula.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    let refuse = |why| Err(Refusal::NotCollapsed(why));
    match model.coordinates() {
        Coordinates::Collapsed if !model.family().is_normal() => {
            refuse(NoCollapse::Family { family: model.family().name() })
        }
        Coordinates::Collapsed if model.dataset().errors().is_some() => refuse(NoCollapse::KnownErrors),
        Coordinates::Collapsed if model.mixed().is_some_and(|mixed| mixed.sigma.is_some()) => {
            refuse(NoCollapse::SigmaFormula)
        }
        Coordinates::Collapsed if !is_of_few_columns(model) => {
            let effects = blocks::sizes(model).into_iter().max().unwrap_or(0);
            let most = MOST_EFFECTS;
            if effects > most { refuse(NoCollapse::Effects { effects, most }) } else { Ok(()) }
        }
        Coordinates::Joint { .. } | Coordinates::Collapsed => Ok(()),
    }
}

/// Approximate operations of a gradient of `model` with its effects integrated out, and over its rows.
pub fn operations(model: &Model) -> [f64; 2] {
    let Some(mixed) = model.mixed() else { return [0.0; 2] };
    let varying: usize = mixed.terms.iter().map(|term| term.columns.len()).sum();
    let population = mixed.population.len();
    // Factors and products of n x n matrices, and n x n times n x p for p population-level columns.
    let of_block = |n: usize| (3 * n.pow(3) + 2 * n * population) as f64;
    let of_blocks = match is_of_few_columns(model) {
        // Eight levels at a time.
        true => model.dataset().levels(mixed.terms[0].factor).len() as f64 * of_block(varying) / 8.0,
        false => blocks::sizes(model).into_iter().map(of_block).sum(),
    };
    let rows = model.dataset().n_observations();
    [of_blocks + (population * population) as f64, (rows * 4 * (population + varying)) as f64]
}

/// The rows of the likelihood of a formula's model, where those of equal eta are merged.
pub fn likelihood_rows(model: &Model) -> usize {
    LikelihoodRows::of(model).of.len()
}

/// The sum of all normalising constants of the log density of `model`, whose priors are `hyper` and whose likelihood
/// has the rows `rows`.
pub(super) fn constant(model: &Model, hyper: &HyperPriors, rows: &LikelihoodRows) -> f64 {
    let effects = model.dim() - model.layout().hyperparameters();
    let outcomes = rows.constant;
    let weights = 0.5 * model.dataset().weights().map_or(0.0, |weights| weights.iter().map(|w| w.ln()).sum());
    hyper.constant() + outcomes + weights - 0.5 * effects as f64 * TAU.ln()
}

impl MixedDensity {
    /// The log density of `model`, whose layout has the map `map`, in the units of its scaling.
    pub fn new(model: &Model, map: &Arc<MixedMap>) -> MixedDensity {
        let rows = LikelihoodRows::of(model);
        let likelihood = match model.coordinates() {
            Coordinates::Joint { .. } => {
                MixedLikelihood::Rows(MixedRows::new(model, map, &rows), RowNoise::new(model, &rows))
            }
            Coordinates::Collapsed if is_of_few_columns(model) => MixedLikelihood::Groups(GroupTable::new(model, map)),
            Coordinates::Collapsed => {
                let table = BlockTable::new(model, map);
                let scratch = DenseScratch::new(&table);
                MixedLikelihood::Blocks(table, scratch)
            }
        };
        let hyperparameters = map.hyperparameters();
        let effects = model.dim() - hyperparameters;
        let hyper = HyperPriors::new(model, map);
        MixedDensity {
            constant: constant(model, &hyper, &rows),
            family: model.family(),
            hyper,
            likelihood,
            terms: map.terms.iter().map(|term| TermScratch::new(term, hyperparameters)).collect(),
            values: vec![0.0; hyperparameters],
            slopes: vec![0.0; hyperparameters],
            by_values: vec![0.0; hyperparameters],
            effects: vec![0.0; effects],
            by_effects: vec![0.0; effects],
            observations: model.dataset().n_observations() as f64,
            map: map.clone(),
        }
    }

    /// Log density at `theta`, and its gradient.
    pub fn log_density(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let hyperparameters = self.map.hyperparameters();
        let (here, by_hyper) = (&theta[..hyperparameters], &mut gradient[..hyperparameters]);
        let log_prior = self.hyper.at(here, &mut self.values, &mut self.slopes, by_hyper);
        self.by_values.fill(0.0);
        for (map, term) in self.map.terms.iter().zip(&mut self.terms) {
            term.set(map, &self.values);
        }
        let log_likelihood = match self.likelihood {
            MixedLikelihood::Rows(..) => self.over_rows(theta, gradient),
            MixedLikelihood::Groups(_) => self.over_groups(),
            MixedLikelihood::Blocks(..) => self.over_blocks(),
        };
        for (map, term) in self.map.terms.iter().zip(&mut self.terms) {
            term.pull_factor(map, &self.values, &mut self.by_values);
        }
        let by_hyper = gradient.iter_mut().zip(&self.by_values).zip(&self.slopes);
        by_hyper.for_each(|((gradient, by_value), slope)| *gradient += by_value * slope);
        self.constant + log_prior + log_likelihood
    }

    /// The log likelihood over rows and the log density of the effects; writes the gradient by the effects.
    fn over_rows(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let MixedLikelihood::Rows(table, noise) = &mut self.likelihood else { return f64::NAN };
        for (map, term) in self.map.terms.iter().zip(&mut self.terms) {
            term.effects(map, &self.values, theta, &mut self.effects);
        }
        let dispersions = self.map.dispersion_values(&self.values);
        let population = self.map.population.centers.len();
        let (values, by_population) = (&self.values[..population], &mut self.by_values[..population]);
        let (effects, by_effects) = (&self.effects, &mut self.by_effects);
        let (mut log_density, by_logs) = match noise {
            RowNoise::Alike => with_family!(self.family, F => {
                let mut rows = OfFamily::<F>::at(dispersions, self.observations);
                table.all_rows(&mut rows, values, effects, by_population, by_effects)
            }),
            RowNoise::Errors(errors) => {
                table.all_rows(&mut errors.at(dispersions[0]), values, effects, by_population, by_effects)
            }
            RowNoise::Scales(scales) => {
                let found = with_family!(self.family, F => {
                    let mut rows = scales.at::<F>(&self.values, dispersions, self.observations);
                    table.all_rows(&mut rows, values, effects, by_population, by_effects)
                });
                scales.pull(&mut self.by_values);
                found
            }
        };
        self.map.pull_log_dispersions(&by_logs, &self.values, &mut self.by_values);
        for (map, term) in self.map.terms.iter().zip(&mut self.terms) {
            let (effects, by_effects) = (&self.effects, &self.by_effects);
            log_density += term.pull(map, theta, effects, by_effects, gradient, &mut self.by_values);
        }
        log_density
    }

    /// The log likelihood with the effects integrated out, block by block.
    fn over_blocks(&mut self) -> f64 {
        let MixedLikelihood::Blocks(table, scratch) = &mut self.likelihood else { return f64::NAN };
        let sigma = self.map.sigma(&self.values);
        let population = self.map.population.centers.len();
        let (values, by_values) = (&self.values[..population], &mut self.by_values[..population]);
        let found = dense::at(table, scratch, values, &mut self.terms, sigma, by_values);
        self.map.pull_log_dispersions(&[found.by_log_sigma], &self.values, &mut self.by_values);
        found.log_likelihood
    }

    /// The log likelihood with the effects integrated out, group by group.
    fn over_groups(&mut self) -> f64 {
        let MixedLikelihood::Groups(table) = &self.likelihood else { return f64::NAN };
        let sigma = self.map.sigma(&self.values);
        let population = self.map.population.centers.len();
        let (values, by_values) = (&self.values[..population], &mut self.by_values[..population]);
        let found = collapsed::at(table, values, &mut self.terms, sigma, by_values);
        self.map.pull_log_dispersions(&[found.by_log_sigma], &self.values, &mut self.by_values);
        found.log_likelihood
    }
}
