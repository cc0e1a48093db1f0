//! A formula's design becomes a data set and a structure: columns that the population level and several terms share are
//! kept once, and so are factors.

use super::mixed::{Mixed, MixedPriors, MixedTerm};
use super::term::Spread;
use crate::data::{DataError, Dataset, Factor, FileRows};
use crate::formula::{DesignTerm, FormulaDesign, INTERCEPT, ModelColumn};

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
    /// The data set and the structure of `design`, with the default priors; `formula` is its text, and `file` says
    /// where its rows are from.
    ///
    /// # Errors
    /// As [`Dataset::of_formula`].
    pub fn of_design(formula: String, design: FormulaDesign, file: FileRows) -> Result<(Dataset, Mixed), DataError> {
        let FormulaDesign { outcome, population, terms } = design;
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
        let dataset = Dataset::of_formula(file, (outcome.name, outcome.values), pool.0, factors)?;
        let all_vary =
            |term: &MixedTerm| term.factor == 0 && (1..dataset.n_coefficients()).all(|k| term.columns.contains(&k));
        if !dataset.may_know_noise() && terms.iter().any(all_vary) {
            dataset.refuse_without_noise()?;
        }
        let priors = MixedPriors::for_data(&dataset, &population, &terms);
        Ok((dataset, Mixed::new(formula, population, terms, priors)))
    }
}
