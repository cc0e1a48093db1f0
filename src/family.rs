//! Families: the distributions that an outcome may have given its linear predictor eta. Everything particular to a
//! family is in one file of this module and in the WGSL file of the same name.

mod gaussian;

use crate::lanes::Lanes;
use crate::random::StreamKey;

pub use gaussian::{Gaussian, GaussianWithErrors, ScaledResiduals, SquaredResiduals};

/// A family at given dispersions. Outcomes, eta and dispersions are in the sampler's units unless noted otherwise.
pub trait Distribution: Copy {
    /// The family's name, as typed and stored.
    const NAME: &'static str;
    /// The dispersions' names, in the order of theta; each dispersion is positive.
    const DISPERSIONS: &'static [&'static str];
    /// Whether the outcome may be shifted and scaled, together with eta and the dispersions.
    const IS_LOCATION_SCALE: bool;
    /// The sums over rows that determine the log likelihood and its derivatives by the dispersions.
    type Sums: Copy + Default;

    /// The family at these dispersions.
    fn at(dispersions: &[f64]) -> Self;

    /// Adds a row in each lane to `sums`, and returns each row's d log p / d eta in units of [`unit`](Self::unit). A
    /// row of `weight` 0, not 1, is padding: its outcome and eta are 0, it adds nothing, and its derivative is 0.
    fn row(&self, outcome: Lanes, eta: Lanes, weight: Lanes, sums: &mut Self::Sums) -> Lanes;

    /// The unit of the derivatives by eta.
    fn unit(&self) -> f64;

    /// The log likelihood of all `observations` rows from their `sums`, without its [`constant`](Self::constant), given
    /// the logarithms of the dispersions; adds the derivatives by these logarithms to `by_log_dispersions`.
    fn finish(
        &self,
        sums: &Self::Sums,
        observations: f64,
        log_dispersions: &[f64],
        by_log_dispersions: &mut [f64],
    ) -> f64;

    /// The family in WGSL: functions of the same names, after the prefix `family_`.
    const WGSL: &'static str;
    /// The number of sums over rows in WGSL.
    const DEVICE_SUMS: u32;

    /// The part of the log likelihood, beside the constant, that a device omits: a device computes log densities
    /// relative to the variance `noise`, and `log_eps` is half its logarithm, both rounded to 32 bits.
    fn device_constant(observations: f64, noise: f64, log_eps: f64) -> f64;

    /// The part of the log likelihood of all outcomes that depends on no parameter.
    fn constant(outcomes: &[f64]) -> f64;

    /// log p(outcome | eta) of each row, with every constant.
    fn log_densities(&self, outcomes: &[f64], etas: &[f64], out: &mut [f64]);

    /// Draws an outcome for each of `etas`, with the random numbers of `key` and no others.
    fn replicate(&self, key: &StreamKey, etas: &[f64], out: &mut [f64]);
}

/// Lists the families: the only place that names all of them.
macro_rules! families {
    ($($family:ident),+) => {
        /// The family of an outcome.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Family {
            $(#[doc = concat!("[`", stringify!($family), "`](crate::family::", stringify!($family), ").")] $family,)+
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

families!(Gaussian);

impl Family {
    /// The family's name, as typed and stored.
    pub fn name(self) -> &'static str {
        with_family!(self, F => F::NAME)
    }

    /// The dispersions' names, in the order of theta.
    pub fn dispersions(self) -> &'static [&'static str] {
        with_family!(self, F => F::DISPERSIONS)
    }

    /// The family in WGSL.
    pub fn wgsl(self) -> &'static str {
        with_family!(self, F => F::WGSL)
    }

    /// The number of sums over rows in WGSL.
    pub fn device_sums(self) -> u32 {
        with_family!(self, F => F::DEVICE_SUMS)
    }

    /// The part of the log likelihood that a device omits: see [`Distribution::device_constant`].
    pub fn device_constant(self, observations: f64, noise: f64, log_eps: f64) -> f64 {
        with_family!(self, F => F::device_constant(observations, noise, log_eps))
    }

    /// Whether the outcome may be shifted and scaled.
    pub fn is_location_scale(self) -> bool {
        with_family!(self, F => F::IS_LOCATION_SCALE)
    }
}
