//! Families: the distributions that an outcome may have given its linear predictor eta. What makes a Gaussian a Gaussian
//! stands in one file of this room and in the WGSL file of the same name, and nowhere else.

mod gaussian;

use crate::lanes::Lanes;
use crate::random::StreamKey;

pub use gaussian::{Gaussian, SquaredResiduals};

/// A family at given dispersions. Outcomes, eta and dispersions are in the sampler's units unless told otherwise.
pub trait Distribution: Copy {
    /// The family's name, as it is typed and stored.
    const NAME: &'static str;
    /// Its dispersions' names, in the order in which they stand in theta; each is positive.
    const DISPERSIONS: &'static [&'static str];
    /// Whether the outcome may be shifted and scaled, eta and the dispersions along with it.
    const IS_LOCATION_SCALE: bool;
    /// What rows add up to, from which the log likelihood and its derivatives by the dispersions are made.
    type Sums: Copy + Default;

    /// The family at these dispersions.
    fn at(dispersions: &[f64]) -> Self;

    /// Adds a row in each lane to `sums`, and returns d log p / d eta of each in units of [`unit`](Self::unit). A row whose `weight`
    /// is 0 rather than 1 is padding: its outcome and eta are 0, it adds nothing, and its derivative is 0.
    fn row(&self, outcome: Lanes, eta: Lanes, weight: Lanes, sums: &mut Self::Sums) -> Lanes;

    /// The unit of the derivatives by eta.
    fn unit(&self) -> f64;

    /// The log likelihood of all `observations` rows from their `sums`, without its [`constant`](Self::constant), given the
    /// logarithms of the dispersions; adds the derivatives by these logarithms to `by_log_dispersions`.
    fn finish(
        &self,
        sums: &Self::Sums,
        observations: f64,
        log_dispersions: &[f64],
        by_log_dispersions: &mut [f64],
    ) -> f64;

    /// The family in WGSL: the same functions, under names that begin with `family_`.
    const WGSL: &'static str;
    /// The numbers that rows add up to there.
    const DEVICE_SUMS: u32;

    /// The part of the log likelihood, beside the constant, that a device leaves out: it takes log densities about the variance
    /// `noise`, and `log_eps` is half its logarithm, both rounded to 32 bits.
    fn device_constant(observations: f64, noise: f64, log_eps: f64) -> f64;

    /// The part of the log likelihood of all outcomes that depends on nothing.
    fn constant(outcomes: &[f64]) -> f64;

    /// log p(outcome | eta) of each row, every constant included.
    fn log_densities(&self, outcomes: &[f64], etas: &[f64], out: &mut [f64]);

    /// An outcome for each of `etas`, drawn by the random numbers of `key` and no others.
    fn replicate(&self, key: &StreamKey, etas: &[f64], out: &mut [f64]);
}

/// Lists the families: the only place that names them all.
macro_rules! families {
    ($($family:ident),+) => {
        /// Which family an outcome has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Family {
            $(#[doc = concat!("[`", stringify!($family), "`](crate::family::", stringify!($family), ").")] $family,)+
        }

        /// An expression of a family that is known when it runs, with `$F` its type: `with_family!(family, F => F::NAME)`.
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
    /// Its name, as it is typed and stored.
    pub fn name(self) -> &'static str {
        with_family!(self, F => F::NAME)
    }

    /// Its dispersions' names, in their order.
    pub fn dispersions(self) -> &'static [&'static str] {
        with_family!(self, F => F::DISPERSIONS)
    }

    /// The family in WGSL.
    pub fn wgsl(self) -> &'static str {
        with_family!(self, F => F::WGSL)
    }

    /// The numbers that rows add up to there.
    pub fn device_sums(self) -> u32 {
        with_family!(self, F => F::DEVICE_SUMS)
    }

    /// The part of the log likelihood that a device leaves out: see [`Distribution::device_constant`].
    pub fn device_constant(self, observations: f64, noise: f64, log_eps: f64) -> f64 {
        with_family!(self, F => F::device_constant(observations, noise, log_eps))
    }

    /// Whether the outcome may be shifted and scaled.
    pub fn is_location_scale(self) -> bool {
        with_family!(self, F => F::IS_LOCATION_SCALE)
    }
}
