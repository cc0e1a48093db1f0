//! The model: a data set, a family, terms and priors define a posterior over theta, a point of R^D.
//!
//! ```text
//! y_i       ~ Family(eta_i, dispersion),   eta_i = sum_k x_ik beta[k, g(i)]
//! beta[k,j] ~ Normal(mu[k], sigma[k])
//! mu[k]     ~ Normal(0, mu_sd),  sigma[k] ~ HalfCauchy(sigma_scale),  eps ~ HalfCauchy(eps_scale)
//! theta = mu[0..K], log sigma[0..K], log eps, effect[0][0..J], ..., effect[K-1][0..J]
//! ```
//!
//! If the effects are collapsed, that is integrated out, theta ends with log eps.
//!
//! This is the shorthand's model; a formula's, [`Mixed`], has population-level columns and any number of terms.
//!
//! Theta is in the sampler's units, those of [`Scaling`]; named variables are in the user's units.

mod affine;
mod coordinates;
pub(crate) mod correlation;
mod design;
mod layout;
mod level_predictors;
mod linear;
mod log_prior;
mod log_sigma;
mod mixed;
mod mixed_map;
mod names;
mod of_design;
pub mod outcomes;
mod partial;
mod prior;
mod priors;
mod refusal;
mod row_columns;
mod scalar;
mod scaling;
mod term;
mod typed_priors;
mod variants;

use std::sync::Arc;

use crate::data::Dataset;
use crate::family::{Family, MOST_DISPERSIONS};

pub use affine::Affine;
pub use coordinates::{Centering, Coordinates, CoordinatesError, Likelihood};
pub use design::Design;
pub use layout::{Axis, Block, CoefficientPlace, Layout, Role, Transform};
pub use level_predictors::OfLevels;
pub use linear::Linear;
pub use log_sigma::{LogSigmaMap, SigmaFormula};
pub use mixed::{Mixed, MixedPriors, MixedTerm};
pub use mixed_map::{DispersionAt, MixedMap, TermMap};
pub use outcomes::OutcomeFault;
pub use partial::{CenteringWeights, LevelPredictor, PartialTerm};
pub use prior::{PriorError, Shape, TypedPrior, VariablePrior};
pub use priors::{NarrowPrior, PriorScales, Priors};
pub use refusal::{NoCollapse, Refusal};
pub use row_columns::RowColumns;
pub use scalar::{AtEntry, Scalar};
pub use scaling::Scaling;
pub use term::{Spread, Term};
pub use typed_priors::PriorTarget;

/// The location and scale of a variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocationScale {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub sd: f64,
}

/// An axis of an [`Array`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrayAxis {
    /// The predictors of the shorthand.
    Predictor,
    /// The levels of a factor of the data set, by its number.
    Levels(usize),
    /// The columns of a term of a formula, by its number.
    Columns(usize),
}

/// Variables that share a name and differ by level, by column, or by both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// The name: `mu_a`, `sigma_b`, `eps`, `a`; `b_floor`, `sd_county__floor`, `r_county`.
    pub name: String,
    /// The axes, the slowest first; none for a single variable.
    pub axes: Vec<ArrayAxis>,
    /// Indices among the named variables, with the last axis running fastest.
    pub variables: Vec<usize>,
}

/// The priors in the units of a [`Scaling`], coefficient by coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaledPriors {
    /// Mean of each `mu[k]`: 0, except for the intercept, which the outcome's shift moves.
    pub mu_mean: Vec<f64>,
    /// Standard deviation of each `mu[k]`.
    pub mu_sd: Vec<f64>,
    /// Half-Cauchy scale of each `sigma[k]`.
    pub sigma_scale: Vec<f64>,
    /// Half-Cauchy scale of every dispersion.
    pub eps_scale: f64,
}

/// The shorthand's model: one term in which all coefficients vary, each about a mean of its own.
#[derive(Debug, Clone)]
pub struct Shorthand {
    /// The term.
    pub term: Term,
    /// The priors' scales, in the user's units.
    pub priors: PriorScales,
}

/// The parts of a linear predictor, and their priors.
#[derive(Debug, Clone)]
pub enum Structure {
    /// As `--group`, `--outcome` and `--predictor` say.
    Shorthand(Shorthand),
    /// As a formula says.
    Formula(Arc<Mixed>),
}

/// A posterior to be sampled: data, family, structure, priors, and the sampler's units.
#[derive(Debug, Clone)]
pub struct Model {
    dataset: Arc<Dataset>,
    family: Family,
    structure: Structure,
    coordinates: Coordinates,
    scaling: Scaling,
    weights: Arc<CenteringWeights>,
    layout: Layout,
}

/// A model under construction, with defaults for everything that is not chosen.
#[derive(Debug, Clone)]
pub struct Builder {
    dataset: Arc<Dataset>,
    priors: PriorScales,
    coordinates: Option<Coordinates>,
    scaling: Option<Scaling>,
}

impl Builder {
    /// The priors' scales, for each coefficient of the data set; by default the notebook's.
    pub fn priors(self, priors: PriorScales) -> Builder {
        debug_assert_eq!(priors.mu_sd.len(), self.dataset.n_coefficients());
        debug_assert_eq!(priors.sigma_scale.len(), self.dataset.n_coefficients());
        Builder { priors, ..self }
    }

    /// The coordinates of the effects; by default collapsed.
    pub fn coordinates(self, coordinates: Coordinates) -> Builder {
        Builder { coordinates: Some(coordinates), ..self }
    }

    /// The sampler's units; by default the data are standardized.
    pub fn scaling(self, scaling: Scaling) -> Builder {
        debug_assert_eq!(scaling.predictors.len() + 1, self.dataset.n_coefficients());
        Builder { scaling: Some(scaling), ..self }
    }

    /// Builds the model.
    pub fn build(self) -> Model {
        let Builder { dataset, priors, coordinates, scaling } = self;
        let scaling = scaling.unwrap_or_else(|| Scaling::standardizing(&dataset));
        let coordinates = coordinates.unwrap_or(Coordinates::Collapsed);
        let structure = Structure::Shorthand(Shorthand { term: Term::of_all_columns(&dataset), priors });
        let weights = Arc::default();
        let layout = layout_of(&dataset, &structure, &coordinates, &scaling, &weights);
        Model { dataset, family: Family::Gaussian, structure, coordinates, scaling, weights, layout }
    }
}

/// The layout of the structure in these coordinates.
fn layout_of(
    dataset: &Dataset,
    structure: &Structure,
    coordinates: &Coordinates,
    scaling: &Scaling,
    weights: &CenteringWeights,
) -> Layout {
    match structure {
        Structure::Shorthand(_) => Layout::new(dataset.n_groups(), coordinates, scaling),
        Structure::Formula(mixed) => mixed.layout(dataset, coordinates, scaling, weights),
    }
}

impl Model {
    /// A formula's model of `dataset` in these coordinates (one centering for each term); by default in the sampler's
    /// units that suit the data.
    pub fn of_formula(
        dataset: Arc<Dataset>,
        mixed: Arc<Mixed>,
        coordinates: Coordinates,
        scaling: Option<Scaling>,
    ) -> Model {
        let scaling = scaling.unwrap_or_else(|| mixed.scaling(&dataset));
        let (family, structure) = (mixed.family, Structure::Formula(mixed));
        let weights = Arc::default();
        let layout = layout_of(&dataset, &structure, &coordinates, &scaling, &weights);
        Model { dataset, family, structure, coordinates, scaling, weights, layout }
    }

    /// A builder for a model of `dataset` in which all coefficients vary by group.
    pub fn builder(dataset: Arc<Dataset>) -> Builder {
        let priors = PriorScales::uniform(Priors::default(), dataset.n_coefficients());
        Builder { dataset, priors, coordinates: None, scaling: None }
    }

    /// The data, in the user's units.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The data in the sampler's units.
    pub fn design(&self) -> Design<'_> {
        Design { dataset: &self.dataset, scaling: &self.scaling, family: self.family }
    }

    /// The family of the outcome.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The dispersions of the family at `named` variables, in the user's units; 1 where there are fewer.
    pub fn dispersions(&self, named: impl Fn(usize) -> f64) -> [f64; MOST_DISPERSIONS] {
        let Some(map) = self.layout.mixed() else { return [named(self.layout.eps()), 1.0] };
        let value = |(dispersion, unit): (&DispersionAt, &f64)| match dispersion {
            DispersionAt::Variable(place) => named(*place),
            DispersionAt::Known(value) => value * unit,
            DispersionAt::OfRows => 1.0,
        };
        let mut all = map.dispersions.iter().zip(&map.units.dispersions).map(value);
        std::array::from_fn(|_| all.next().unwrap_or(1.0))
    }

    /// The parts of the linear predictor, and their priors.
    pub fn structure(&self) -> &Structure {
        &self.structure
    }

    /// The shorthand's term and priors; `None` for a formula's model.
    pub fn shorthand(&self) -> Option<&Shorthand> {
        match &self.structure {
            Structure::Shorthand(shorthand) => Some(shorthand),
            Structure::Formula(_) => None,
        }
    }

    /// The structure of a formula's model; `None` for the shorthand's.
    pub fn mixed(&self) -> Option<&Arc<Mixed>> {
        match &self.structure {
            Structure::Shorthand(_) => None,
            Structure::Formula(mixed) => Some(mixed),
        }
    }

    /// The formula of sigma, if it has one, and the place of its coefficients.
    pub fn log_sigma(&self) -> Option<(&SigmaFormula, &LogSigmaMap)> {
        self.mixed()?.sigma.as_ref().zip(self.layout.mixed()?.log_sigma.as_ref())
    }

    /// The coordinates of the effects in theta.
    pub fn coordinates(&self) -> &Coordinates {
        &self.coordinates
    }

    /// The coordinates as typed on the command line: `non-centered`, `marginal`, `a=centered,b=non-centered`.
    pub fn parameterization(&self) -> String {
        self.coordinates.parameterization(&self.coefficient_names())
    }

    /// The weights of partially centered effects.
    pub fn weights(&self) -> &CenteringWeights {
        &self.weights
    }

    /// How the likelihood is computed.
    pub fn likelihood(&self) -> Likelihood {
        self.coordinates.likelihood()
    }

    /// The sampler's units.
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// The layout of theta and of the named variables.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of coordinates of theta.
    pub fn dim(&self) -> usize {
        self.layout.theta_dim()
    }

    /// The shorthand's priors in the sampler's units, an exact change of variables; none of a formula's model.
    pub fn scaled_priors(&self) -> ScaledPriors {
        let Some(Shorthand { priors, .. }) = self.shorthand() else {
            return ScaledPriors { mu_mean: Vec::new(), mu_sd: Vec::new(), sigma_scale: Vec::new(), eps_scale: 1.0 };
        };
        let units = |role| self.layout.block(role).units.iter();
        ScaledPriors {
            mu_mean: units(Role::Mean).map(|units| -units.shift / units.unit).collect(),
            mu_sd: units(Role::Mean).zip(&priors.mu_sd).map(|(units, sd)| sd / units.unit).collect(),
            sigma_scale: units(Role::Scale).zip(&priors.sigma_scale).map(|(units, c)| c / units.unit).collect(),
            eps_scale: priors.eps_scale / self.scaling.outcome_scale,
        }
    }

    /// The constant to add to a log density in the sampler's units for the log density in the user's: the log Jacobian
    /// determinant of the change of units of y and theta.
    pub fn log_density_offset(&self) -> f64 {
        let outcome = -(self.dataset.n_observations() as f64) * self.scaling.outcome_scale.ln();
        if let Some(map) = self.layout.mixed() {
            return outcome + map.log_units();
        }
        let coefficients = self.layout.block(Role::Mean).units.iter().enumerate().map(|(k, units)| {
            let variables = 1 + if self.coordinates().is_centered(k) { self.layout.groups } else { 0 };
            -(variables as f64) * units.unit.ln()
        });
        outcome + coefficients.sum::<f64>()
    }

    /// See [`Layout::constrain`].
    pub fn constrain(&self, theta: &[f64], named: &mut [f64]) {
        self.layout.constrain(theta, named);
    }

    /// See [`Layout::unconstrain`].
    pub fn unconstrain(&self, named: &[f64], theta: &mut [f64]) {
        self.layout.unconstrain(named, theta);
    }

    /// Converts `units` of the leading named variables to the sampler's units.
    pub fn scaled_units(&self, units: &[LocationScale]) -> Vec<LocationScale> {
        let scaled = |(i, unit): (usize, &LocationScale)| {
            let units = self.layout.units(i);
            LocationScale { mean: units.invert(unit.mean), sd: unit.sd / units.unit }
        };
        units.iter().enumerate().map(scaled).collect()
    }

    /// The variables' names in order: `mu_a`, `sigma_b`, `eps`, `a[AITKIN]`; with several predictors, the predictor
    /// comes first in a slope's brackets: `mu_b[hours]`, `b[hours,School 3]`. Those of a formula are brms's: `b_floor`,
    /// `sd_county__floor`, `cor_county__Intercept__floor`, `sigma`, `r_county[AITKIN,floor]`.
    pub fn names(&self) -> Vec<String> {
        match &self.structure {
            Structure::Shorthand(_) => names::of_shorthand(&self.dataset, &self.layout),
            Structure::Formula(mixed) => names::of_formula(&self.dataset, mixed),
        }
    }

    /// The arrays of variables in stores and in Stan: `mu_a`, `mu_b`, ..., `a`, `b`, intercept and slopes apart;
    /// `b_floor`, `sd_county__floor`, ..., `r_county`.
    pub fn arrays(&self) -> Vec<Array> {
        match &self.structure {
            Structure::Shorthand(_) => names::arrays_of_shorthand(&self.layout),
            Structure::Formula(mixed) => names::arrays_of_formula(&self.dataset, mixed, &self.layout),
        }
    }

    /// The length of an axis.
    pub fn axis_length(&self, axis: ArrayAxis) -> usize {
        match (axis, &self.structure) {
            (ArrayAxis::Levels(factor), _) => self.dataset.levels(factor).len(),
            (ArrayAxis::Columns(term), Structure::Formula(mixed)) => mixed.terms[term].columns.len(),
            (ArrayAxis::Columns(_) | ArrayAxis::Predictor, _) => self.dataset.predictor_names().len(),
        }
    }

    /// The labels along an axis.
    pub fn labels(&self, axis: ArrayAxis) -> Vec<String> {
        match (axis, &self.structure) {
            (ArrayAxis::Levels(factor), _) => self.dataset.levels(factor).to_vec(),
            (ArrayAxis::Columns(term), Structure::Formula(mixed)) => names::columns(&self.dataset, &mixed.terms[term]),
            (ArrayAxis::Columns(_) | ArrayAxis::Predictor, _) => self.dataset.predictor_names().to_vec(),
        }
    }

    /// The names by which a parameterization is typed: of coefficients, `a`, then `b` for one predictor, or
    /// `b[predictor]` for several; of a formula's terms, by their factors, `Subject`.
    pub fn coefficient_names(&self) -> Vec<String> {
        match &self.structure {
            Structure::Shorthand(_) => coordinates::coefficient_names(self.dataset.predictor_names()),
            Structure::Formula(mixed) => mixed.term_names(&self.dataset),
        }
    }
}
