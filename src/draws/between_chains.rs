//! Between-chain statistics of one variable, from the sums of one chain after the other.

use crate::engine::sums::DrawSums;

/// A running mean and sum of squared deviations (Welford 1962).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RunningVariance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl RunningVariance {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    /// Number of values.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Mean of the values; `NaN` without values.
    pub fn mean(&self) -> f64 {
        if self.count == 0.0 { f64::NAN } else { self.mean }
    }

    /// Variance of the values, with divisor count - 1; `NaN` for fewer than two values.
    pub fn variance(&self) -> f64 {
        if self.count < 2.0 { f64::NAN } else { self.squares / (self.count - 1.0) }
    }
}

/// Statistics of one variable, in its unit u, over the chains that were added.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BetweenChains {
    /// Each chain's mean of u.
    pub mean: RunningVariance,
    /// Each chain's mean of u^2.
    pub square: RunningVariance,
    /// The sum over the chains of the products of both means' deviations.
    pub mixed: f64,
    /// Each chain's share of draws in the lower tail, and of draws outside the upper tail.
    pub below: [RunningVariance; 2],
    /// Each chain's variance.
    pub variance: RunningVariance,
    /// Each half chain's mean.
    pub half_mean: RunningVariance,
    /// Each half chain's variance.
    pub half_variance: RunningVariance,
    /// Each superchain's mean.
    pub superchain: RunningVariance,
    /// Each superchain's variance, between its chains plus inside them (Margossian et al. 2024, equation 7).
    pub inside: RunningVariance,
    /// Means and variances of the chains in the superchain that is not complete yet.
    begun: [RunningVariance; 2],
}

impl BetweenChains {
    /// Adds the next chain's sums over `draws` draws, split after the first `half` draws.
    pub fn add(&mut self, sums: &DrawSums, draws: usize, half: usize, per_superchain: u32) {
        let n = draws as f64;
        let [first, second] = sums.halves;
        let (mean, square) = ((first[0] + second[0]) / n, (first[1] + second[1]) / n);
        let apart = mean - self.mean.mean;
        self.mean.add(mean);
        self.square.add(square);
        self.mixed += apart * (square - self.square.mean);
        for (below, count) in self.below.iter_mut().zip(sums.below) {
            below.add(count / n);
        }
        let variance = variance(first[0] + second[0], first[1] + second[1], n);
        self.variance.add(variance);
        for ([sum, square], n) in sums.halves.into_iter().zip([half.min(draws), draws.saturating_sub(half)]) {
            self.half_mean.add(sum / n as f64);
            self.half_variance.add(self::variance(sum, square, n as f64));
        }
        let [means, variances] = &mut self.begun;
        means.add(mean);
        variances.add(if draws > 1 { variance } else { 0.0 });
        if means.count >= f64::from(per_superchain) {
            let between = if means.count > 1.0 { means.variance() } else { 0.0 };
            self.superchain.add(means.mean());
            self.inside.add(between + variances.mean());
            self.begun = Default::default();
        }
    }
}

/// The variance of `n` values, with divisor n - 1, from their sum and the sum of their squares.
fn variance(sum: f64, square: f64, n: f64) -> f64 {
    ((square - sum * sum / n) / (n - 1.0)).max(0.0)
}
