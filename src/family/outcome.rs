//! Outcomes: which are legal for a family, what it knows of a row, and quantiles of counts.

use statrs::function::erf::erfc;

use crate::lanes::Lanes;

/// The outcomes that a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    /// Any number.
    Real,
    /// A number above zero.
    Positive,
    /// A whole number from zero.
    Count,
    /// A whole number from zero to the number of trials.
    Successes,
}

/// A row of the likelihood, which may be merged of several rows of the file whose eta is the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutcomeRow {
    /// The outcome in the sampler's units, or the sum of the outcomes of merged rows.
    pub outcome: f64,
    /// The number of trials; of counts that are merged, the sum of the exponentials of the known parts of eta; else 1.
    pub size: f64,
    /// The known part of eta, where it is neither in the outcome nor in the size.
    pub offset: f64,
}

/// An outcome, and how many rows have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountOf {
    /// The outcome.
    pub outcome: f64,
    /// The number of rows.
    pub rows: f64,
}

/// The log likelihood of rows about its largest value.
#[derive(Debug, Clone, Copy)]
pub struct LogLikelihoodSum(pub Lanes);

impl Default for LogLikelihoodSum {
    fn default() -> LogLikelihoodSum {
        LogLikelihoodSum(Lanes::ZERO)
    }
}

/// The probability that a standard normal variable is below `deviate`.
pub fn below(deviate: f64) -> f64 {
    0.5 * erfc(-deviate * std::f64::consts::FRAC_1_SQRT_2)
}

/// The smallest count whose cumulative probability is at least that of a standard normal `deviate`, given the
/// probability of a count, the mean and the sd; counts end with `most`.
///
/// A search from the mean outwards: probabilities of neighbours are added up from the near side, so that none are lost.
pub fn quantile_of_counts(deviate: f64, most: f64, [mean, sd]: [f64; 2], cdf: impl Fn(f64) -> f64) -> f64 {
    if mean <= 0.0 || !mean.is_finite() {
        return mean.max(0.0);
    }
    let target = below(deviate);
    let is_enough = |count: f64| count >= most || cdf(count) >= target;
    // Doubling steps to bracket, then bisection.
    let guess = (mean + sd * deviate).floor().clamp(0.0, most.min(1e15));
    let (mut low, mut high) = (guess, guess);
    let mut step = 1.0;
    if is_enough(guess) {
        while low >= 0.0 && is_enough(low) {
            high = low;
            low -= step;
            step *= 2.0;
        }
        low = low.max(-1.0);
    } else {
        while !is_enough(high) {
            low = high;
            high = (high + step).min(most);
            step *= 2.0;
        }
    }
    while high - low > 1.0 {
        let middle = ((low + high) / 2.0).floor();
        if is_enough(middle) { high = middle } else { low = middle }
    }
    high
}

/// The probability of a standard normal deviate, kept away from 0 and 1 by what inverse functions can take.
pub fn rank_of(deviate: f64) -> f64 {
    below(deviate).clamp(1e-15, 1.0 - 1e-15)
}
