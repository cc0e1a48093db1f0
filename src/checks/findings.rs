//! What explains the residuals: noise that follows the fitted values, levels, skew, or heavy tails, each where nothing
//! before it does.

use super::factors::FactorNoise;
use super::rows::ResidualChecks;
use super::statistics::CheckedStatistic;

/// Smaller differences may be certain in many rows, and matter little: of the excess kurtosis (that of Student's t with
/// ten degrees of freedom), the skewness, and the ratio of two sds of noise.
const KURTOSIS: f64 = 1.0;
const SKEWNESS: f64 = 0.5;
const RATIO: f64 = 1.5;

/// Where levels' noise and their fitted values are correlated as much as this, the trend explains both.
const BETWEEN: f64 = 0.75;

/// How noise changes with the fitted values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseTrend {
    /// More noise at larger values.
    Grows,
    /// Less.
    Shrinks,
}

/// What is wrong with the noise that a model assumes.
#[derive(Debug, Clone)]
pub struct Findings<'a> {
    /// How it changes with the fitted values, if it does.
    pub trend: Option<NoiseTrend>,
    /// Factors between whose levels it differs.
    pub factors: Vec<&'a FactorNoise>,
    /// Whether it is skewed; the sign is that of the skewness.
    pub is_skewed: bool,
    /// Whether its tails are heavier than a normal distribution's.
    pub is_heavy: bool,
}

impl Findings<'_> {
    /// What the residuals of a model say.
    pub fn of(checks: &ResidualChecks) -> Findings<'_> {
        let [low, high] = checks.noise_of_thirds;
        let trend = NoiseTrend::of(&checks.trend).filter(|trend| match trend {
            NoiseTrend::Grows => high >= RATIO * low,
            NoiseTrend::Shrinks => low >= RATIO * high,
        });
        // A few residuals far away make all of them skewed, but not their middle.
        let is_skewed = checks.skewness.observed.abs() >= SKEWNESS
            && [&checks.skewness, &checks.middle].into_iter().all(|skewness| match checks.skewness.observed > 0.0 {
                true => skewness.is_above(),
                false => skewness.is_below(),
            });
        let is_heavy = |kurtosis: &CheckedStatistic| kurtosis.is_above() && kurtosis.observed >= KURTOSIS;
        // Heavy tails within levels explain levels that differ: a row far away pulls a level with few rows from others.
        // So does skew: then the sizes of residuals depend on the error of a level's mean, unlike those of symmetric
        // noise (Brown and Forsythe, 1974, "Robust tests for the equality of variances").
        let differs = |factor: &&FactorNoise| {
            let [least, most] = &factor.extremes;
            let ratio = most.ratio / least.ratio;
            factor.noise.is_above() && ratio >= RATIO && !is_skewed && !is_heavy(&factor.kurtosis_within)
        };
        let differing: Vec<&FactorNoise> = checks.factors.iter().filter(differs).collect();
        // Levels of large means have much noise if noise grows with the mean, and a level of much noise may happen to
        // have a large mean: the trend is said if it is found within levels too, and levels if they are found beside
        // the trend.
        let trend = trend.filter(|trend| {
            let within = |factor: &FactorNoise| NoiseTrend::of(&factor.trend_within) == Some(*trend);
            differing.iter().all(|factor| trend.explains(factor) || within(factor))
        });
        let unexplained = |factor: &&FactorNoise| trend.is_none_or(|trend| !trend.explains(factor));
        let factors: Vec<&FactorNoise> = differing.into_iter().filter(unexplained).collect();
        let is_heavy = is_heavy(&checks.kurtosis) && trend.is_none() && factors.is_empty() && !is_skewed;
        Findings { trend, factors, is_skewed, is_heavy }
    }
}

impl NoiseTrend {
    fn of(statistic: &CheckedStatistic) -> Option<NoiseTrend> {
        match statistic.observed > 0.0 {
            true => statistic.is_above().then_some(NoiseTrend::Grows),
            false => statistic.is_below().then_some(NoiseTrend::Shrinks),
        }
    }

    /// Whether the noise of a factor's levels differs no more than their fitted values explain.
    fn explains(self, factor: &FactorNoise) -> bool {
        let between = match self {
            NoiseTrend::Grows => factor.trend_between.observed,
            NoiseTrend::Shrinks => -factor.trend_between.observed,
        };
        !factor.beside_trend.is_above() || between >= BETWEEN
    }
}
