//! Mean and standard deviation of a column, without overflow, and accurate where the mean is far from zero.

/// The mean. A second pass corrects the rounding errors of the first where the mean is far from zero.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    mean + values.iter().map(|value| value - mean).sum::<f64>() / n
}

/// The standard deviation about a known mean, with divisor N - 1.
pub(crate) fn sd(values: &[f64], mean: f64) -> f64 {
    let largest = largest_deviation(values, mean);
    let squares: f64 = values.iter().map(|value| ((value - mean) / largest).powi(2)).sum();
    largest * (squares / (values.len() as f64 - 1.0)).sqrt()
}

/// The largest deviation from the mean: a scale that keeps squares of deviations from overflow and underflow.
pub(crate) fn largest_deviation(values: &[f64], mean: f64) -> f64 {
    values.iter().fold(0.0, |largest, value| largest.max((value - mean).abs()))
}
