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
//! Theta is in the sampler's units, those of [`Scaling`]; named variables are in the user's units.

mod coordinates;
mod design;
mod layout;
mod priors;
mod refusal;
mod scaling;
mod term;

use std::ops::Range;
use std::sync::Arc;

use crate::data::Dataset;
use crate::family::Family;

pub use coordinates::{Centering, Coordinates, CoordinatesError, Likelihood};
pub use design::Design;
pub use layout::{Affine, Axis, Block, Layout, Role, Transform};
pub use priors::{NarrowPrior, PriorScales, Priors};
pub use refusal::Refusal;
pub use scaling::Scaling;
pub use term::{GroupMean, Spread, Term};

/// The location and scale of a variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocationScale {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub sd: f64,
}

/// Variables that share a name and differ by predictor, by level of the factor, or by both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// The name: `mu_a`, `sigma_b`, `eps`, `a`.
    pub name: String,
    /// Whether there is one variable for each predictor.
    pub by_predictor: bool,
    /// Whether there is one variable for each level, or for each level of each predictor.
    pub by_level: bool,
    /// Indices among the named variables, `[predictor][level]`.
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

/// A posterior to be sampled: data, family, term, priors, and the sampler's units.
#[derive(Debug, Clone)]
pub struct Model {
    dataset: Arc<Dataset>,
    family: Family,
    term: Term,
    priors: PriorScales,
    scaling: Scaling,
    layout: Layout,
}

/// A model under construction, with defaults for everything that is not chosen.
#[derive(Debug, Clone)]
pub struct Builder {
    dataset: Arc<Dataset>,
    family: Family,
    priors: PriorScales,
    coordinates: Option<Coordinates>,
    scaling: Option<Scaling>,
}

impl Builder {
    /// The family of the outcome, Gaussian by default.
    pub fn family(self, family: Family) -> Builder {
        Builder { family, ..self }
    }

    /// The priors' scales, for each coefficient of the data set; by default the notebook's.
    pub fn priors(self, priors: PriorScales) -> Builder {
        debug_assert_eq!(priors.mu_sd.len(), self.dataset.n_coefficients());
        debug_assert_eq!(priors.sigma_scale.len(), self.dataset.n_coefficients());
        Builder { priors, ..self }
    }

    /// The coordinates of the effects; by default collapsed for Gaussian outcomes, and non-centered for others.
    pub fn coordinates(self, coordinates: Coordinates) -> Builder {
        Builder { coordinates: Some(coordinates), ..self }
    }

    /// The sampler's units; by default the data are standardized as far as the family admits.
    pub fn scaling(self, scaling: Scaling) -> Builder {
        debug_assert_eq!(scaling.predictors.len() + 1, self.dataset.n_coefficients());
        Builder { scaling: Some(scaling), ..self }
    }

    /// Builds the model.
    pub fn build(self) -> Model {
        let Builder { dataset, family, priors, coordinates, scaling } = self;
        let scaling = scaling.unwrap_or_else(|| match family.is_location_scale() {
            true => Scaling::standardizing(&dataset),
            false => Scaling { outcome_shift: 0.0, outcome_scale: 1.0, ..Scaling::standardizing(&dataset) },
        });
        let coordinates = coordinates.unwrap_or_else(|| {
            let centering = vec![Centering::NonCentered; dataset.n_coefficients()];
            match family == Family::Gaussian {
                true => Coordinates::Collapsed,
                false => Coordinates::Joint { centering, likelihood: Likelihood::Observations },
            }
        });
        let term = Term::of_all_columns(&dataset, coordinates);
        let layout = Layout::new(dataset.n_groups(), family, &term.coordinates, &scaling);
        Model { dataset, family, term, priors, scaling, layout }
    }
}

impl Model {
    /// A builder for a model of `dataset` in which all coefficients vary by group.
    pub fn builder(dataset: Arc<Dataset>) -> Builder {
        let priors = PriorScales::uniform(Priors::default(), dataset.n_coefficients());
        Builder { dataset, family: Family::Gaussian, priors, coordinates: None, scaling: None }
    }

    /// The same posterior in other coordinates.
    pub fn in_coordinates(&self, coordinates: Coordinates) -> Model {
        let layout = Layout::new(self.layout.groups, self.family, &coordinates, &self.scaling);
        Model { term: Term { coordinates, ..self.term.clone() }, layout, ..self.clone() }
    }

    /// The same posterior with the effects integrated out.
    pub fn collapsed(&self) -> Model {
        self.in_coordinates(Coordinates::Collapsed)
    }

    /// The same posterior with all effects centered or all non-centered, and the likelihood over groups.
    pub fn joint(&self, centering: Centering) -> Model {
        self.in_coordinates(Coordinates::joint(centering, self.layout.coefficients))
    }

    /// The same posterior with the likelihood computed as `likelihood` says.
    ///
    /// # Errors
    /// [`CoordinatesError::Collapsed`] if `likelihood` needs effects that are integrated out.
    pub fn over(&self, likelihood: Likelihood) -> Result<Model, CoordinatesError> {
        Ok(self.in_coordinates(self.term.coordinates.clone().over(likelihood)?))
    }

    /// The data, in the user's units.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The data in the sampler's units.
    pub fn design(&self) -> Design<'_> {
        Design { dataset: &self.dataset, scaling: &self.scaling }
    }

    /// The family of the outcome.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The grouping term.
    pub fn term(&self) -> &Term {
        &self.term
    }

    /// The coordinates of the effects in theta.
    pub fn coordinates(&self) -> &Coordinates {
        &self.term.coordinates
    }

    /// The coordinates as typed on the command line: `non-centered`, `marginal`, `a=centered,b=non-centered`.
    pub fn parameterization(&self) -> String {
        self.term.coordinates.parameterization(&self.coefficient_names())
    }

    /// How the likelihood is computed.
    pub fn likelihood(&self) -> Likelihood {
        self.term.coordinates.likelihood()
    }

    /// The priors' scales, in the user's units.
    pub fn priors(&self) -> &PriorScales {
        &self.priors
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

    /// The priors in the sampler's units, an exact change of variables.
    pub fn scaled_priors(&self) -> ScaledPriors {
        let units = |role| self.layout.block(role).units.iter();
        ScaledPriors {
            mu_mean: units(Role::Mean).map(|units| -units.shift / units.unit).collect(),
            mu_sd: units(Role::Mean).zip(&self.priors.mu_sd).map(|(units, sd)| sd / units.unit).collect(),
            sigma_scale: units(Role::Scale).zip(&self.priors.sigma_scale).map(|(units, c)| c / units.unit).collect(),
            eps_scale: self.priors.eps_scale / self.scaling.outcome_scale,
        }
    }

    /// The constant to add to a log density in the sampler's units for the log density in the user's: the log Jacobian
    /// determinant of the change of units of y and theta.
    pub fn log_density_offset(&self) -> f64 {
        let outcome = -(self.dataset.n_observations() as f64) * self.scaling.outcome_scale.ln();
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
    /// comes first in a slope's brackets: `mu_b[hours]`, `b[hours,School 3]`.
    pub fn names(&self) -> Vec<String> {
        let coefficients = self.coefficient_names();
        let dispersions: Vec<String> = self.family.dispersions().iter().map(|name| name.to_string()).collect();
        let mut names = Vec::with_capacity(self.layout.dim());
        for block in self.layout.blocks() {
            let (rows, prefix) = match block.axes {
                [Axis::Dispersion, ..] => (&dispersions, ""),
                _ => (&coefficients, block.role.prefix()),
            };
            for row in rows {
                if block.axes.contains(&Axis::Level) {
                    let stem =
                        row.strip_suffix(']').map_or(format!("{prefix}{row}["), |stem| format!("{prefix}{stem},"));
                    names.extend(self.dataset.groups().iter().map(|group| format!("{stem}{group}]")));
                } else {
                    names.push(format!("{prefix}{row}"));
                }
            }
        }
        names
    }

    /// The arrays of variables in stores and in Stan, intercept and slopes apart: `mu_a`, `mu_b`, ..., `a`, `b`.
    pub fn arrays(&self) -> Vec<Array> {
        let many = self.layout.coefficients > 2;
        let mut all = Vec::new();
        for block in self.layout.blocks() {
            let mut array = |name: String, by_predictor: bool, rows: Range<usize>| {
                let variables: Vec<usize> = rows.flat_map(|k| block.row(k)).collect();
                if !variables.is_empty() {
                    all.push(Array { name, by_predictor, by_level: block.axes.contains(&Axis::Level), variables });
                }
            };
            if let [Axis::Dispersion, ..] = block.axes {
                let names = self.family.dispersions().iter().enumerate();
                names.for_each(|(d, name)| array(name.to_string(), false, d..d + 1));
            } else {
                array(format!("{}a", block.role.prefix()), false, 0..1);
                array(format!("{}b", block.role.prefix()), many, 1..self.layout.coefficients);
            }
        }
        all
    }

    /// The coefficients' names: `a`, then `b` for one predictor, or `b[predictor]` for several.
    pub fn coefficient_names(&self) -> Vec<String> {
        coordinates::coefficient_names(self.dataset.predictor_names())
    }
}
