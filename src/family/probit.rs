//! The binomial family with probit link: k successes of n trials, each with the probability Phi(eta). Twin of
//! shaders/family/probit.wgsl.
//!
//! ```text
//! log p = sum_i { k_i log Phi(eta_i) + (n_i - k_i) log Phi(-eta_i) + log C(n_i, k_i) }
//! ```

use std::f64::consts::TAU;

use super::binomial::{around_trials, moments_of_trials, most, quantile_of_trials, ways};
use super::{Distribution, Link, LogLikelihoodSum, MOST_NUMBERS, OutcomeKind, OutcomeRow};
use crate::lanes::{LANES, Lanes};
use crate::math::{exp, ln};

/// A binomial distribution of probit eta.
#[derive(Debug, Clone, Copy)]
pub struct Probit;

/// Coefficients of Chebyshev's polynomials in t = (x - 4) / (x + 4), for the function
/// (x + 4) Phi(-x) e^{x^2/2} on x >= 0, by interpolation in 60 nodes with 40 digits; the next are below 1e-16.
const TAIL: [f64; 23] = [
    9.704_512_045_660_766e-1,
    -7.517_088_168_395_706e-1,
    2.221_935_556_752_510_4e-1,
    -4.851_775_326_044_609e-2,
    6.925_920_496_242_481e-3,
    -3.205_984_743_981_5e-4,
    -1.005_473_916_321_067_9e-4,
    1.890_336_901_970_696_5e-5,
    1.010_356_885_474_631e-6,
    -6.145_334_749_397_824e-7,
    -3.381_020_120_069_175_5e-9,
    2.068_650_806_174_283_3e-8,
    -1.128_260_363_246_950_7e-10,
    -7.774_015_228_388_695e-10,
    -9.941_424_191_404_708e-12,
    3.174_482_949_858_303e-11,
    1.842_480_684_470_494e-12,
    -1.312_861_646_671_096_5e-12,
    -1.741_536_265_265_481_3e-13,
    4.907_274_031_704_424e-14,
    1.293_138_432_616_557_6e-14,
    -1.218_066_352_172_634_1e-15,
    -8.052_147_372_620_933e-16,
];

/// Phi(-x) e^{x^2/2} for x >= 0.
#[inline(always)]
fn scaled_tail(x: f64) -> f64 {
    let t = (x - 4.0) / (x + 4.0);
    // Clenshaw's recurrence.
    let (mut one, mut two) = (0.0, 0.0);
    for coefficient in TAIL[1..].iter().rev() {
        (one, two) = (2.0 * t * one - two + coefficient, one);
    }
    (t * one - two + TAIL[0]) / (x + 4.0)
}

/// log Phi(-x) and log Phi(x) for x >= 0, and the density over either probability.
#[inline(always)]
fn both_sides(x: f64) -> [f64; 4] {
    let scaled = scaled_tail(x);
    let density = exp(-0.5 * x * x);
    let far = scaled * density;
    let per = 1.0 / TAU.sqrt();
    [ln(scaled) - 0.5 * x * x, (-far).ln_1p(), per / scaled, per * density / (1.0 - far)]
}

impl Distribution for Probit {
    const NAME: &'static str = "probit";
    const DISPERSIONS: &'static [&'static str] = &[];
    const LINK: Link = Link::Probit;
    const OUTCOMES: OutcomeKind = OutcomeKind::Successes;
    const IS_LOCATION_SCALE: bool = false;
    const MERGES: bool = true;
    const NUMBERS: usize = MOST_NUMBERS;
    const WGSL: &'static str = include_str!("../../shaders/family/probit.wgsl");
    type Sums = LogLikelihoodSum;

    #[inline(always)]
    fn at(_dispersions: &[f64]) -> Probit {
        Probit
    }

    /// k, n, and the largest log likelihood.
    fn numbers(row: &OutcomeRow) -> [f64; MOST_NUMBERS] {
        [row.outcome, row.size, most(row)]
    }

    fn saturated(row: &OutcomeRow) -> f64 {
        most(row)
    }

    fn constant(outcome: f64, size: f64) -> f64 {
        ways(outcome, size)
    }

    #[inline(always)]
    fn row(
        &self,
        [k, n, most]: [Lanes; MOST_NUMBERS],
        eta: Lanes,
        _weight: Lanes,
        sums: &mut LogLikelihoodSum,
    ) -> Lanes {
        let (mut value, mut slope) = (Lanes::ZERO, Lanes::ZERO);
        for lane in 0..LANES {
            let (k, n, eta) = (k.0[lane], n.0[lane], eta.0[lane]);
            let [far, near, by_far, by_near] = both_sides(eta.abs());
            // On the side of the smaller probability, and on the other.
            let (rare, common) = if eta > 0.0 { (n - k, k) } else { (k, n - k) };
            value.0[lane] = rare * far + common * near;
            let inward = rare * by_far - common * by_near;
            slope.0[lane] = if eta > 0.0 { -inward } else { inward };
        }
        sums.0 += value - most;
        slope
    }

    fn device_sum(sums: &LogLikelihoodSum) -> f64 {
        sums.0.sum()
    }

    fn log_density(&self, outcome: f64, size: f64, eta: f64) -> f64 {
        let [far, near, ..] = both_sides(eta.abs());
        let (success, failure) = if eta > 0.0 { (near, far) } else { (far, near) };
        ways(outcome, size) + outcome * success + (size - outcome) * failure
    }

    fn moments(&self, size: f64, eta: f64) -> [f64; 2] {
        moments_of_trials(size, Link::Probit.inverse(eta), Link::Probit.inverse(-eta))
    }

    fn quantile(&self, size: f64, eta: f64, deviate: f64) -> f64 {
        quantile_of_trials(size, Link::Probit.inverse(eta), deviate)
    }

    fn around(&self, outcome: f64, size: f64, eta: f64) -> [f64; 3] {
        let of_one = [Link::Probit.inverse(eta), Link::Probit.inverse(-eta)];
        around_trials(outcome, size, of_one, || self.log_density(outcome, size, eta))
    }
}
