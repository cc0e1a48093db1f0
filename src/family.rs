//! Families: the distributions that an outcome may have given its linear predictor eta. Everything particular to a
//! family is in one file of this module and in the WGSL file of the same name.

mod binomial;
mod gamma;
mod gaussian;
mod link;
mod lognormal;
mod negbinomial;
mod outcome;
mod poisson;
mod probit;
mod student;

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::lanes::Lanes;

pub use binomial::Binomial;
pub use gamma::Gamma;
pub use gaussian::{Gaussian, GaussianWithErrors, ScaledResiduals, SquaredResiduals};
pub use link::Link;
pub use lognormal::Lognormal;
pub use negbinomial::NegBinomial;
pub use outcome::{CountOf, LogLikelihoodSum, OutcomeKind, OutcomeRow};
pub use poisson::Poisson;
pub use probit::Probit;
pub use student::Student;

use outcome::quantile_of_counts;

/// The largest number of dispersions of a family.
pub const MOST_DISPERSIONS: usize = 2;

/// The largest number of numbers that a family knows of a row.
pub const MOST_NUMBERS: usize = 3;

/// The place about which a device computes log likelihoods.
#[derive(Debug, Clone, Copy)]
pub struct AboutCentre<'a> {
    /// The logarithms of the dispersions, rounded to 32 bits.
    pub log_dispersions: [f64; MOST_DISPERSIONS],
    /// What each row of the likelihood adds to the first sum, rounded to 32 bits.
    pub centre: f64,
    /// The rows of the likelihood.
    pub rows: f64,
    /// The different outcomes, if the family wants them.
    pub counts: &'a [CountOf],
}

/// A family at given dispersions. In [`row`](Self::row) and [`finish`](Self::finish), outcomes, eta and dispersions are
/// in the sampler's units; in the functions of one outcome they are in the user's.
pub trait Distribution: Copy {
    /// The family's name, as stored.
    const NAME: &'static str;
    /// The dispersions' names, in the order of theta; each dispersion is positive.
    const DISPERSIONS: &'static [&'static str];
    /// From the mean, or for probability families the probability, to eta.
    const LINK: Link;
    /// The outcomes that are legal.
    const OUTCOMES: OutcomeKind;
    /// Whether the outcome, as [`working`](Self::working) has it, may be shifted and scaled, together with eta and the
    /// first dispersion.
    const IS_LOCATION_SCALE: bool;
    /// Whether it may be shifted together with eta, so that an offset may be subtracted from it.
    const IS_LOCATION: bool = Self::IS_LOCATION_SCALE;
    /// Whether rows of equal eta are one row of their sums.
    const MERGES: bool = false;
    /// Whether [`finish`](Self::finish) wants the different outcomes, and how many rows have each.
    const COUNTS: bool = false;
    /// How many of [`numbers`](Self::numbers) there are: one, or all.
    const NUMBERS: usize = 1;
    /// The sums over rows that determine the log likelihood and its derivatives by the dispersions.
    type Sums: Default;

    /// The family at these dispersions.
    fn at(dispersions: &[f64]) -> Self;

    /// The outcome that eta is the location of: itself, or its logarithm.
    fn working(outcome: f64) -> f64 {
        outcome
    }

    /// What [`row`](Self::row) knows of a row.
    fn numbers(row: &OutcomeRow) -> [f64; MOST_NUMBERS] {
        [row.outcome, 0.0, 0.0]
    }

    /// A row with its offset in its size, where the family admits that, and the log likelihood that this leaves out.
    fn with_offset_in_size(row: OutcomeRow) -> (OutcomeRow, f64) {
        (row, 0.0)
    }

    /// The log likelihood that [`row`](Self::row) leaves out of a row, which may be merged of several.
    fn saturated(_row: &OutcomeRow) -> f64 {
        0.0
    }

    /// The part of log p of a row of the file that depends neither on a parameter nor on the row.
    fn row_constant() -> f64 {
        0.0
    }

    /// The part of log p of a row of the file that depends on the row, and on no parameter, in the user's units.
    fn constant(_outcome: f64, _size: f64) -> f64 {
        0.0
    }

    /// The sums of no rows, with the squares about the means of rows that are merged, if outcomes are normal.
    fn begin(_within: f64) -> Self::Sums {
        Self::Sums::default()
    }

    /// Adds a row in each lane to `sums`, and returns each row's d log p / d eta in units of [`unit`](Self::unit). A
    /// row of `weight` 0, not 1, is padding: its numbers and eta are 0, it adds nothing, and its derivative is 0.
    fn row(&self, numbers: [Lanes; MOST_NUMBERS], eta: Lanes, weight: Lanes, sums: &mut Self::Sums) -> Lanes;

    /// The unit of the derivatives by eta.
    fn unit(&self) -> f64 {
        1.0
    }

    /// The log likelihood of all `observations` rows from their `sums` and outcomes, without its constants, given the
    /// logarithms of the dispersions; adds the derivatives by these logarithms to `by_log_dispersions`. Without
    /// dispersions, the first sum is the log likelihood.
    fn finish(
        &self,
        sums: &Self::Sums,
        _counts: &[CountOf],
        _observations: f64,
        _log_dispersions: &[f64],
        _by_log_dispersions: &mut [f64],
    ) -> f64 {
        Self::device_sum(sums)
    }

    /// The family in WGSL: functions of the same names, after the prefix `family_`.
    const WGSL: &'static str;
    /// The number of sums over rows in WGSL.
    const DEVICE_SUMS: u32 = 1;

    /// The first of the sums in WGSL, in which each row is about a centre.
    fn device_sum(sums: &Self::Sums) -> f64;

    /// The part of the log likelihood, beside the constants, that a device omits: that at `log_dispersions` where each
    /// row adds the `centre` to the first sum, both rounded to 32 bits.
    fn device_constant(&self, about: &AboutCentre) -> f64 {
        about.rows * about.centre
    }

    /// log p(outcome | eta), with every constant; `size` is the number of trials, or else 1.
    fn log_density(&self, outcome: f64, size: f64, eta: f64) -> f64;

    /// The mean and the variance of the outcome.
    fn moments(&self, size: f64, eta: f64) -> [f64; 2];

    /// The outcome with the rank that `deviate` has in the standard normal distribution.
    fn quantile(&self, size: f64, eta: f64, deviate: f64) -> f64;

    /// The probabilities of a smaller outcome, of this one, and of a larger one.
    fn around(&self, outcome: f64, size: f64, eta: f64) -> [f64; 3];
}

/// Lists the families: the only place that names all of them.
macro_rules! families {
    ($($family:ident),+) => {
        /// The family of an outcome.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Family {
            #[default]
            $(#[doc = concat!("[`", stringify!($family), "`](crate::family::", stringify!($family), ").")] $family,)+
        }

        impl Family {
            /// All families.
            pub const ALL: &'static [Family] = &[$(Family::$family),+];
        }

        /// An expression in which `$F` is the type of a family known at run time: `with_family!(family, F => F::NAME)`.
        macro_rules! with_family {
            ($which:expr, $F:ident => $body:expr) => {
                match $which {
                    $($crate::family::Family::$family => {
                        type $F = $crate::family::$family;
                        $body
                    })+
                }
            };
        }
        pub(crate) use with_family;
    };
}

families!(Gaussian, Student, Lognormal, Gamma, Binomial, Probit, Poisson, NegBinomial);

impl Family {
    /// The family's name, as stored.
    pub fn name(self) -> &'static str {
        with_family!(self, F => F::NAME)
    }

    /// The dispersions' names, in the order of theta.
    pub fn dispersions(self) -> &'static [&'static str] {
        with_family!(self, F => F::DISPERSIONS)
    }

    /// From the mean, or the probability, to eta.
    pub fn link(self) -> Link {
        with_family!(self, F => F::LINK)
    }

    /// The outcomes that are legal.
    pub fn outcomes(self) -> OutcomeKind {
        with_family!(self, F => F::OUTCOMES)
    }

    /// The family in WGSL.
    pub fn wgsl(self) -> &'static str {
        with_family!(self, F => F::WGSL)
    }

    /// Whether the log likelihood depends on the different outcomes beside the sums over rows.
    pub fn wants_counts(self) -> bool {
        with_family!(self, F => F::COUNTS)
    }

    /// The number of sums over rows in WGSL.
    pub fn device_sums(self) -> u32 {
        with_family!(self, F => F::DEVICE_SUMS)
    }

    /// The part of the log likelihood that a device omits: see [`Distribution::device_constant`].
    pub fn device_constant(self, about: &AboutCentre) -> f64 {
        with_family!(self, F => F::at(&about.log_dispersions.map(f64::exp)).device_constant(about))
    }

    /// Whether the outcome may be shifted and scaled.
    pub fn is_location_scale(self) -> bool {
        with_family!(self, F => F::IS_LOCATION_SCALE)
    }

    /// Whether the outcome may be shifted, so that eta is its location.
    pub fn is_location(self) -> bool {
        with_family!(self, F => F::IS_LOCATION)
    }

    /// Whether the outcome, or its logarithm, is normal: then group effects can be integrated out.
    pub fn is_normal(self) -> bool {
        matches!(self, Family::Gaussian | Family::Lognormal)
    }

    /// Whether eta is the mean of the outcome.
    pub fn has_mean_eta(self) -> bool {
        matches!(self, Family::Gaussian | Family::Student)
    }

    /// The family's word on the command line.
    pub fn word(self) -> &'static str {
        if self == Family::Probit { Family::Binomial.name() } else { self.name() }
    }

    /// The variance of an outcome on the scale of eta, given its moments and the square of the first dispersion: of a
    /// logarithm, that of a lognormal variable with these moments (Nakagawa, Johnson and Schielzeth 2017).
    pub fn variance_of_eta(self, [mean, variance]: [f64; 2], square: f64) -> f64 {
        match (self, self.link()) {
            (Family::Lognormal, _) => square,
            (_, Link::Identity) => variance,
            (_, Link::Logit) => PI * PI / 3.0,
            (_, Link::Probit) => 1.0,
            (_, Link::Log) => (variance / (mean * mean)).ln_1p(),
        }
    }

    /// The outcome that eta is the location of.
    pub fn working(self, outcome: f64) -> f64 {
        with_family!(self, F => F::working(outcome))
    }

    /// log p(outcome | eta), with every constant, in the user's units; `size` is the number of trials, or else 1.
    pub fn log_density(self, dispersions: &[f64], outcome: f64, size: f64, eta: f64) -> f64 {
        with_family!(self, F => F::at(dispersions).log_density(outcome, size, eta))
    }

    /// The mean and the variance of the outcome, in the user's units.
    pub fn moments(self, dispersions: &[f64], size: f64, eta: f64) -> [f64; 2] {
        with_family!(self, F => F::at(dispersions).moments(size, eta))
    }

    /// The outcome with the rank that `deviate` has in the standard normal distribution, in the user's units.
    pub fn quantile(self, dispersions: &[f64], size: f64, eta: f64, deviate: f64) -> f64 {
        with_family!(self, F => F::at(dispersions).quantile(size, eta, deviate))
    }

    /// The probabilities of a smaller outcome, of this one, and of a larger one, each without loss of digits.
    pub fn around(self, dispersions: &[f64], outcome: f64, size: f64, eta: f64) -> [f64; 3] {
        with_family!(self, F => F::at(dispersions).around(outcome, size, eta))
    }
}
