//! A formula's design becomes a data set and a structure: columns that the population level and several terms share are
//! kept once, and so are factors.

use std::collections::BTreeMap;

use super::log_sigma::SigmaFormula;
use super::mixed::{Mixed, MixedPriors, MixedTerm};
use super::term::Spread;
use crate::data::{DataError, Dataset, Factor, FileRows};
use crate::family::Family;
use crate::formula::{DesignTerm, Formula, FormulaDesign, INTERCEPT, ModelColumn};

/// Columns that are used, each once, by name.
#[derive(Default)]
struct Pool(Vec<(String, Vec<f64>)>);

impl Pool {
    /// The number of the coefficient of a column: 0 for the intercept.
    fn number(&mut self, ModelColumn { name, values }: ModelColumn) -> usize {
        if name == INTERCEPT {
            return 0;
        }
        let known = self.0.iter().position(|(known, _)| *known == name);
        known.unwrap_or_else(|| {
            self.0.push((name, values));
            self.0.len() - 1
        }) + 1
    }
}

impl Mixed {
    /// The data set and the structure of `design`, which is `formula`'s, with the default priors; `file` says where its
    /// rows are from.
    ///
    /// # Errors
    /// As [`Dataset::of_formula`].
    pub fn of_design(
        formula: &Formula,
        family: Family,
        design: FormulaDesign,
        file: FileRows,
    ) -> Result<(Dataset, Mixed), DataError> {
        let FormulaDesign { outcome, outcome_levels, trials, population, terms, sigma } = design;
        let file = FileRows { trials: trials.map(|trials| trials.values), ..file };
        let (mut pool, mut factors) = (Pool::default(), Vec::<Factor>::new());
        let population: Vec<usize> = population.into_iter().map(|column| pool.number(column)).collect();
        let terms = terms.into_iter().map(|DesignTerm { factor, levels, level_of, columns, correlated }| {
            let known = factors.iter().position(|known| known.name == factor);
            let place = known.unwrap_or_else(|| {
                factors.push(Factor { name: factor, levels, of: level_of });
                factors.len() - 1
            });
            MixedTerm {
                factor: place,
                columns: columns.into_iter().map(|column| pool.number(column)).collect(),
                spread: if correlated { Spread::Correlated } else { Spread::Independent },
            }
        });
        let terms: Vec<MixedTerm> = terms.collect();
        let of_sigma: Vec<usize> = sigma.into_iter().map(|column| pool.number(column)).collect();
        let dataset = Dataset::of_formula(file, (outcome.name, outcome.values), pool.0, factors)?;
        dataset.refuse_constant(family.is_location())?;
        let typical = MixedPriors::typical_sigma(&dataset, family);
        let sigma = formula.sigma().map(|text| SigmaFormula::new(text, of_sigma, &dataset, typical));
        if family.is_location_scale() {
            let of_terms = terms.iter().flat_map(|term| &term.columns);
            let eta: Vec<usize> = population.iter().chain(of_terms).copied().collect();
            let working = || dataset.outcome().iter().map(|y| family.working(*y)).collect();
            let logarithms = (family == Family::Lognormal).then(|| dataset.with_outcome(working()));
            let working = logarithms.as_ref().unwrap_or(&dataset);
            refuse_without_noise(working, &eta, &terms)?;
            if let Some(sigma) = &sigma {
                refuse_without_noise_of_sigma(working, sigma)?;
            }
        }
        let priors = MixedPriors::for_data(&dataset, family, &population, &terms);
        let mixed = Mixed::new(formula.to_string(), population, terms, priors);
        Ok((dataset, Mixed { family, outcome_levels, sigma, ..mixed }))
    }
}

/// Refuses an outcome that the model fits to rounding, so that sigma would be 0; `eta` is all columns of eta.
fn refuse_without_noise(dataset: &Dataset, eta: &[usize], terms: &[MixedTerm]) -> Result<(), DataError> {
    dataset.refuse_common_fit()?;
    let all_vary = |term: &MixedTerm| term.factor == 0 && eta.iter().all(|k| *k == 0 || term.columns.contains(k));
    match !dataset.may_know_noise() && terms.iter().any(all_vary) {
        true => dataset.refuse_without_noise(),
        false => Ok(()),
    }
}

/// The most different sigmas whose rows are looked at on their own.
const MOST_SIGMAS: usize = 200;

/// Refuses an outcome that groups and predictors fit to rounding in the rows of one sigma, so that it would be 0.
fn refuse_without_noise_of_sigma(dataset: &Dataset, sigma: &SigmaFormula) -> Result<(), DataError> {
    let mut cells: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
    for i in 0..dataset.n_observations() {
        let value = |k: &usize| if *k == 0 { 1.0 } else { dataset.predictor(k - 1)[i] };
        cells.entry(sigma.columns.iter().map(|k| value(k).to_bits()).collect()).or_default().push(i);
    }
    if cells.len() > MOST_SIGMAS || dataset.may_know_noise() {
        return Ok(());
    }
    for rows in cells.values().filter(|rows| rows.len() > 1) {
        let mut leaves = vec![true; dataset.n_observations()];
        rows.iter().for_each(|i| leaves[*i] = false);
        if dataset.without(&leaves).is_some_and(|own| own.refuse_common_fit().is_err()) {
            let (file, column) = (dataset.source().to_string(), dataset.outcome_name().to_string());
            let row = rows.iter().map(|i| dataset.row_of(*i)).min().unwrap_or(0) + 1;
            return Err(DataError::NoNoiseOfSigma { file, column, rows: rows.len(), row });
        }
    }
    Ok(())
}
