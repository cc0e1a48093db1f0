//! Thinning and rounding of numbers for display.

/// `shown` evenly spaced indices below `count`, the first and the last among them; all if there are no more.
pub fn evenly(count: usize, shown: usize) -> Vec<usize> {
    if count <= shown {
        return (0..count).collect();
    }
    (0..shown).map(|i| i * (count - 1) / (shown - 1).max(1)).collect()
}

/// Rounds to a ten-thousandth of a range or less, which is invisible and short in a file.
#[derive(Debug, Clone, Copy)]
pub struct Rounding {
    /// The number of steps in one, a power of ten.
    per_one: f64,
}

impl Rounding {
    /// For numbers between `low` and `high`.
    pub fn within(low: f64, high: f64) -> Rounding {
        let range = high - low;
        let exponent = if range > 0.0 && range.is_finite() { 4.0 - range.log10().floor() } else { 6.0 };
        Rounding { per_one: 10f64.powf(exponent) }
    }

    /// For the range of these numbers.
    pub fn of(values: &[f64]) -> Rounding {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Rounding::within(low, high)
    }

    /// Rounds to the nearest step.
    pub fn round(self, value: f64) -> f64 {
        let rounded = (value * self.per_one).round() / self.per_one;
        // Turns minus zero into zero, which is shorter.
        if rounded.is_finite() { rounded + 0.0 } else { value }
    }

    /// Rounds all values.
    pub fn all(self, values: impl IntoIterator<Item = f64>) -> Vec<f64> {
        values.into_iter().map(|value| self.round(value)).collect()
    }
}

/// Rounds numbers to the visible precision of their own range.
pub fn rounded(values: Vec<f64>) -> Vec<f64> {
    Rounding::of(&values).all(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_both_ends() {
        assert_eq!(evenly(16_384, 4), [0, 5461, 10_922, 16_383]);
        assert_eq!(evenly(2, 4), [0, 1]);
        assert_eq!(evenly(9, 1), [0]);
    }

    #[test]
    fn rounding_keeps_what_can_be_seen() {
        let far = Rounding::within(1_000_000.0, 1_000_001.0);
        assert_eq!(far.round(1_000_000.123_456), 1_000_000.123_5);
        assert_eq!(Rounding::within(0.0, 5e8).round(123_456_789.0), 123_460_000.0);
        assert_eq!(Rounding::within(0.0, 3e-9).round(1.234_567_8e-9).to_string(), "0.0000000012346");
        assert_eq!(Rounding::within(2.0, 2.0).round(2.0), 2.0);
        assert_eq!(Rounding::within(-1.0, 1.0).round(-1e-9).to_string(), "0");
    }
}
