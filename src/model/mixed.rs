//! The structure of a formula's model: population-level columns, grouping terms, and priors.
//!
//! ```text
//! eta_i    = X_i b + sum_t Z_ti r_t[j_t(i)]
//! r_t[j]   ~ Normal(0, diag(sd_t) Omega_t diag(sd_t)),  Omega_t ~ LKJ, or the identity
//! ```
//!
//! Columns are numbered as coefficients of the data set: 0 is the intercept's, k the (k - 1)-th predictor's.

use serde::{Deserialize, Deserializer, Serialize};

use super::affine::Affine;
use super::coordinates::Coordinates;
use super::correlation::pairs;
use super::design::Design;
use super::layout::{Layout, Role};
use super::linear::{self, Linear};
use super::log_sigma::{LogSigmaMap, SigmaFormula};
use super::mixed_map::{DispersionAt, MixedMap, MixedUnits, TermMap};
use super::partial::CenteringWeights;
use super::prior::VariablePrior;
use super::row_columns::RowColumns;
use super::scalar::Scalar;
use super::{Scaling, Spread, outcomes};
use crate::data::Dataset;
use crate::family::Family;
use crate::formula::{Formula, FormulaError, INTERCEPT, Learnt};

/// A grouping term of a formula, `(1 + x | g)`: which columns vary by the levels of a factor, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixedTerm {
    /// The factor, by its number in the data set; 0 is the factor by which rows are sorted.
    pub factor: usize,
    /// The columns whose coefficients vary.
    pub columns: Vec<usize>,
    /// The joint distribution of the coefficients of one level.
    pub spread: Spread,
}

impl MixedTerm {
    /// Whether the coefficients of a level are correlated.
    pub fn is_correlated(&self) -> bool {
        self.spread == Spread::Correlated
    }
}

/// The priors of a formula's model, in the user's units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixedPriors {
    /// Of each population-level coefficient; of the intercept at the means of the other population-level columns.
    pub population: Vec<VariablePrior>,
    /// Of each sd, term by term.
    pub scales: Vec<Vec<VariablePrior>>,
    /// Eta of each term's LKJ distribution.
    pub correlations: Vec<f64>,
    /// Of the family's dispersions; that of sigma is not used where the errors are known, or sigma has a formula.
    #[serde(alias = "dispersion", deserialize_with = "one_or_more")]
    pub dispersions: Vec<VariablePrior>,
}

/// A list, or a single prior as in stores of earlier versions.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<VariablePrior>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(VariablePrior),
        More(Vec<VariablePrior>),
    }
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::One(prior) => vec![prior],
        OneOrMore::More(priors) => priors,
    })
}

/// The structure of a formula's model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixed {
    /// The formula as text.
    pub formula: String,
    /// What the formula learnt from the rows; stores of earlier versions have no such entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learnt: Option<Learnt>,
    /// The family of the outcome; stores of earlier versions have no such entry.
    #[serde(default, skip_serializing_if = "is_gaussian")]
    pub family: Family,
    /// Where the outcome's cells are words: the one that is 0, and the one that is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome_levels: Option<[String; 2]>,
    /// Columns beside the formula.
    #[serde(default)]
    pub rows: RowColumns,
    /// The formula of sigma, if it is not the same for all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma: Option<SigmaFormula>,
    /// The population-level columns, the intercept first if there is one.
    pub population: Vec<usize>,
    /// The grouping terms, in the order of the formula.
    pub terms: Vec<MixedTerm>,
    /// The priors.
    pub priors: MixedPriors,
    /// The means of the population-level columns at which the prior of the intercept is meant, if they are those of
    /// other data.
    #[serde(skip)]
    pub means_elsewhere: Option<Vec<f64>>,
}

fn is_gaussian(family: &Family) -> bool {
    *family == Family::Gaussian
}

impl Mixed {
    /// A structure with Gaussian outcomes, without columns beside the formula, and without what a formula learns from
    /// rows.
    pub fn new(formula: String, population: Vec<usize>, terms: Vec<MixedTerm>, priors: MixedPriors) -> Mixed {
        let (learnt, rows, means_elsewhere) = (None, RowColumns::default(), None);
        let (family, outcome_levels, sigma) = (Family::Gaussian, None, None);
        Mixed { formula, learnt, family, outcome_levels, rows, sigma, population, terms, priors, means_elsewhere }
    }

    /// The formula, the family, and the columns beside it as they are typed.
    pub fn line(&self) -> String {
        let sigma = self.sigma.as_ref().map(|sigma| &sigma.formula[..]);
        Mixed::line_of(&self.formula, self.family, sigma, &self.rows)
    }

    /// The same of a formula, a family, a formula of sigma, and columns beside them.
    pub fn line_of(formula: &str, family: Family, sigma: Option<&str>, rows: &RowColumns) -> String {
        let (mut line, word) = (formula.to_string(), family.word());
        if !is_gaussian(&family) {
            line += &format!(" --family {word}");
        }
        if word != family.name() {
            line += &format!(" --link {}", family.link().name());
        }
        if let Some(sigma) = sigma {
            line += &format!(" --sigma-formula '{sigma}'");
        }
        format!("{line}{rows}")
    }

    /// The formula, and that of sigma, as read from their texts.
    ///
    /// # Errors
    /// If a text is none, as of a damaged store.
    pub fn parsed(&self) -> Result<Formula, FormulaError> {
        let formula = Formula::parse(&self.formula)?;
        match &self.sigma {
            Some(sigma) => formula.with_sigma(&sigma.formula),
            None => Ok(formula),
        }
    }

    /// Whether the first dispersion is one number for all rows: there are no errors in its place, and no formula.
    pub fn has_first_dispersion(&self) -> bool {
        self.rows.has_sigma() && self.sigma.is_none()
    }

    /// The dispersions that are variables, by their numbers among the family's.
    pub fn free_dispersions(&self) -> impl Iterator<Item = usize> + '_ {
        let priors = self.priors.dispersions.iter().enumerate();
        let free = priors.filter(|(d, prior)| prior.known().is_none() && (*d > 0 || self.has_first_dispersion()));
        free.map(|(d, _)| d)
    }

    /// The name of a column: `Intercept`, or the predictor's.
    pub fn column_name(dataset: &Dataset, column: usize) -> &str {
        if column == 0 { INTERCEPT } else { &dataset.predictor_names()[column - 1] }
    }

    /// The name of a term's factor, with a number if an earlier term has the same factor: `Subject`, `Subject.1`.
    pub fn term_name(&self, dataset: &Dataset, term: usize) -> String {
        let factor = self.terms[term].factor;
        let earlier = self.terms[..term].iter().filter(|other| other.factor == factor).count();
        let name = dataset.factor_name(factor);
        if earlier == 0 { name.to_string() } else { format!("{name}.{earlier}") }
    }

    /// The means of the population-level columns, in the user's units, at which the prior of the intercept is meant; 1
    /// for the intercept's own.
    pub fn population_means(&self, dataset: &Dataset) -> Vec<f64> {
        self.means_elsewhere.clone().unwrap_or_else(|| linear::means(&self.population, dataset))
    }

    /// Checks that all columns and factors are in `dataset`, and that each coefficient has a prior with a width.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn check(&self, dataset: &Dataset) -> Result<(), &'static str> {
        let Mixed { population, terms, priors, .. } = self;
        let MixedPriors { population: means, scales, correlations, dispersions } = priors;
        let of_sigma = self.sigma.as_ref().map_or(&[][..], |sigma| &sigma.columns);
        let mut columns = population.iter().chain(terms.iter().flat_map(|term| &term.columns)).chain(of_sigma);
        let mut after_first = population.iter().skip(1).chain(of_sigma.iter().skip(1));
        if columns.any(|column| *column >= dataset.n_coefficients()) || after_first.any(|k| *k == 0) {
            return Err("its formula has columns that are not in its data");
        }
        if let Some(problem) = self.sigma.as_ref().and_then(|sigma| sigma.problem(self.family)) {
            return Err(problem);
        }
        if terms.is_empty() || terms.iter().any(|term| term.factor >= dataset.n_factors() || term.columns.is_empty()) {
            return Err("its formula has terms that are not in its data");
        }
        let lengths = scales.iter().map(Vec::len).eq(terms.iter().map(|term| term.columns.len()));
        if means.len() != population.len() || !lengths || correlations.len() != terms.len() {
            return Err("its priors are not those of its coefficients");
        }
        if dispersions.len() != self.family.dispersions().len()
            || (!self.has_first_dispersion() && dispersions.is_empty())
        {
            return Err("its priors are not those of its family");
        }
        if !outcomes::are_legal(self.family, dataset) {
            return Err("its outcomes are not those of its family");
        }
        let mut all = means.iter().chain(scales.iter().flatten()).chain(dispersions);
        let positive = scales.iter().flatten().chain(dispersions).all(|prior| prior.admits_positive());
        let wide = all.all(|prior| prior.is_sound()) && correlations.iter().all(|eta| *eta > 0.0 && eta.is_finite());
        if positive && wide { Ok(()) } else { Err("its priors have no width") }
    }

    /// Writes the linear predictor of each row, in the user's units, where `named` are all variables and `levels` has
    /// the level of each row in each term.
    pub fn etas(&self, dataset: &Dataset, layout: &Layout, named: &[f64], levels: &[Vec<u32>], etas: &mut [f64]) {
        match dataset.offset() {
            Some(offset) => etas.copy_from_slice(offset),
            None => etas.fill(0.0),
        }
        let add = |etas: &mut [f64], column: usize, coefficient: &dyn Fn(usize) -> f64| match column {
            0 => etas.iter_mut().enumerate().for_each(|(i, eta)| *eta += coefficient(i)),
            k => {
                let rows = etas.iter_mut().zip(dataset.predictor(k - 1)).enumerate();
                rows.for_each(|(i, (eta, value))| *eta += value * coefficient(i));
            }
        };
        for (k, column) in self.population.iter().enumerate() {
            add(etas, *column, &|_| named[k]);
        }
        for ((term, block), levels) in self.terms.iter().zip(layout.blocks_of(Role::Effects)).zip(levels) {
            for (c, column) in term.columns.iter().enumerate() {
                let effects = &named[block.row(c)];
                add(etas, *column, &|i| effects[levels[i] as usize]);
            }
        }
    }

    /// The names of all terms, as [`term_name`](Self::term_name).
    pub fn term_names(&self, dataset: &Dataset) -> Vec<String> {
        (0..self.terms.len()).map(|term| self.term_name(dataset, term)).collect()
    }

    /// The number of different factors.
    pub fn factors(&self) -> usize {
        self.terms.iter().map(|term| term.factor).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// The layout of theta and of the variables in these coordinates.
    pub(super) fn layout(
        &self,
        dataset: &Dataset,
        coordinates: &Coordinates,
        scaling: &Scaling,
        weights: &CenteringWeights,
    ) -> Layout {
        let has_intercept = self.population.first() == Some(&0);
        let unit = |column: &usize| scaling.coefficient_unit(*column);
        let population = self.population.iter().map(|column| Affine {
            unit: unit(column),
            shift: if has_intercept { scaling.coefficient_shift(*column) } else { 0.0 },
        });
        let units = MixedUnits {
            columns: self.terms.iter().map(|term| term.columns.iter().map(unit).collect()).collect(),
            outcome: scaling.outcome_scale,
            // Sigma has the outcome's unit, other dispersions have none.
            dispersions: (0..self.family.dispersions().len())
                .map(|d| if d == 0 { scaling.outcome_scale } else { 1.0 })
                .collect(),
        };
        let means = self.population_means(dataset);
        let population = Linear::new(&self.population, &means, population.collect(), scaling);
        let centers = &population.centers;
        let mut end = self.population.len();
        let mut place = |length: usize| {
            end += length;
            end - length
        };
        let scales: Vec<usize> = self.terms.iter().map(|term| place(term.columns.len())).collect();
        let partials: Vec<Option<usize>> =
            self.terms.iter().map(|term| term.is_correlated().then(|| place(pairs(term.columns.len())))).collect();
        let log_sigma = self.sigma.as_ref().map(|sigma| sigma.map(place(sigma.columns.len()), dataset, scaling));
        let free: Vec<usize> = self.free_dispersions().collect();
        let of_priors = self.priors.dispersions.iter().zip(&units.dispersions).enumerate();
        let dispersions = of_priors.map(|(d, (prior, unit))| match free.contains(&d) {
            true => DispersionAt::Variable(place(1)),
            false if d == 0 && log_sigma.is_some() => DispersionAt::OfRows,
            false => DispersionAt::Known(prior.known().unwrap_or(1.0) / unit),
        });
        let dispersions: Vec<DispersionAt> = dispersions.collect();
        let terms = self.terms.iter().enumerate().map(|(t, term)| {
            let (levels, means) = (dataset.levels(term.factor).len(), self.means(dataset, t, coordinates));
            let varies = |k: &usize| *k > 0 && term.columns.contains(&self.population[*k]);
            let off_center = (0..self.population.len()).filter(varies).map(|k| (k, centers[k]));
            TermMap {
                columns: term.columns.len(),
                levels,
                scales: scales[t],
                partials: partials[t],
                effects: place(levels * term.columns.len()),
                centering: coordinates.centering(t),
                partial: None,
                means,
                off_center: off_center.collect(),
                intercept: term.columns.iter().position(|column| *column == 0),
            }
        });
        let mut terms: Vec<TermMap> = terms.collect();
        self.partial_terms(&mut terms, &Design { dataset, scaling, family: self.family }, centers, weights);
        let scalars = self.scalars(&population, &terms, &units, log_sigma.as_ref());
        let map = MixedMap { scalars, population, terms, log_sigma, dispersions, units: units.clone() };
        Layout::of_formula(dataset.n_groups(), map, &units)
    }

    /// The maps of the hyperparameters; a uniform prior confines its variable.
    fn scalars(
        &self,
        linear: &Linear,
        terms: &[TermMap],
        units: &MixedUnits,
        log_sigma: Option<&LogSigmaMap>,
    ) -> Vec<Scalar> {
        let MixedPriors { population, scales, dispersions, .. } = &self.priors;
        let within = |prior: &VariablePrior, otherwise, units: Affine| match prior.bounds() {
            Some([low, high]) => Scalar::Interval { low: units.invert(low), width: (high - low) / units.unit },
            None => otherwise,
        };
        let unshifted = |unit: &f64| Affine { unit: *unit, shift: 0.0 };
        let correlations = terms.iter().filter(|term| term.partials.is_some()).map(|term| pairs(term.columns));
        let sds = terms.iter().map(|term| term.columns);
        let count = population.len() + sds.sum::<usize>() + correlations.sum::<usize>();
        let mut all = vec![Scalar::Tanh; count];
        for (k, (units, prior)) in linear.units.iter().zip(population).enumerate() {
            all[k] = within(prior, Scalar::Identity, *units);
        }
        for ((map, units), priors) in terms.iter().zip(&units.columns).zip(scales) {
            for (c, (unit, prior)) in units.iter().zip(priors).enumerate() {
                all[map.scales + c] = within(prior, Scalar::Exp, unshifted(unit));
            }
        }
        if let (Some(map), Some(sigma)) = (log_sigma, &self.sigma) {
            let of_sigma = map.coefficients.units.iter().zip(&sigma.priors);
            all.extend(of_sigma.map(|(units, prior)| within(prior, Scalar::Identity, *units)));
        }
        let free = self.free_dispersions();
        all.extend(free.map(|d| within(&dispersions[d], Scalar::Exp, unshifted(&units.dispersions[d]))));
        all
    }

    /// The priors in the sampler's units, in the order of the population-level coefficients, the sds of all terms, and
    /// the coefficients of log sigma, whose place `log_sigma` knows, with the dispersions that are variables.
    pub fn scaled_priors(
        &self,
        scaling: &Scaling,
        log_sigma: Option<&LogSigmaMap>,
    ) -> (Vec<VariablePrior>, Vec<Vec<VariablePrior>>, Vec<VariablePrior>) {
        let scaled = |(prior, column): (&VariablePrior, &usize)| prior.in_units(scaling.coefficient_unit(*column), 0.0);
        let MixedPriors { population, scales, dispersions, .. } = &self.priors;
        let means = population.iter().zip(&self.population);
        let means = means.map(|(prior, k)| prior.in_units(scaling.coefficient_unit(*k), scaling.coefficient_shift(*k)));
        let of_terms =
            scales.iter().zip(&self.terms).map(|(priors, term)| priors.iter().zip(&term.columns).map(scaled).collect());
        let of_dispersions = self
            .free_dispersions()
            .map(|d| dispersions[d].in_units(if d == 0 { scaling.outcome_scale } else { 1.0 }, 0.0));
        let units = log_sigma.map_or(&[][..], |map| &map.coefficients.units);
        let of_sigma = self.sigma.iter().flat_map(|sigma| &sigma.priors).zip(units);
        let of_sigma = of_sigma.map(|(prior, units)| prior.in_units(units.unit, units.shift));
        (means.collect(), of_terms.collect(), of_sigma.chain(of_dispersions).collect())
    }

    /// The sampler's units: sds of the columns, and mean and sd of the outcome, as far as its family admits. Without an
    /// intercept nothing could take up a shift of the outcome.
    pub fn scaling(&self, dataset: &Dataset) -> Scaling {
        let scaling = Scaling::of_family(dataset, self.family);
        match self.population.contains(&0) {
            true => scaling,
            false => Scaling { outcome_shift: 0.0, ..scaling },
        }
    }
}
