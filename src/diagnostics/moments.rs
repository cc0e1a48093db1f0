//! Moments and quantiles of draws, all chains pooled.

/// Mean of all draws, in their unit; `NaN` without draws.
pub fn mean(values: &[f64]) -> f64 {
    sum(values, |value| value) / values.len() as f64
}

/// Standard deviation of all draws, in their unit, with divisor `values.len() - 1`; `NaN` for fewer than two.
pub fn sd(values: &[f64]) -> f64 {
    variance(values, mean(values)).sqrt()
}

/// Quantile of `sorted` (ascending) at probability `p` in [0, 1], in the draws' unit, linear between draws: type 7 of
/// Hyndman and Fan (1996), numpy's default. `NaN` without draws.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    quantile_of(sorted.len(), p, |rank| sorted[rank])
}

/// [`quantile`] of any ascending sequence of `len` draws.
pub(super) fn quantile_of(len: usize, p: f64, draw: impl Fn(usize) -> f64) -> f64 {
    debug_assert!((0.0..=1.0).contains(&p), "{p} is no probability");
    if len == 0 {
        return f64::NAN;
    }
    let place = (len - 1) as f64 * p.clamp(0.0, 1.0);
    let (below, weight) = (draw(place as usize), place.fract());
    let above = draw((place as usize + 1).min(len - 1));
    below + (above - below) * weight
}

/// Variance about a known mean, with divisor `values.len() - 1`; `NaN` for fewer than two.
pub(super) fn variance(values: &[f64], mean: f64) -> f64 {
    sum(values, |value| (value - mean).powi(2)) / values.len().saturating_sub(1) as f64
}

/// Sum of `term(value)`, in eight running sums, which fill vector registers and round less than a single sum.
pub(super) fn sum(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for eight in eights {
        for (lane, &value) in lanes.iter_mut().zip(eight) {
            *lane += term(value);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|&value| term(value)).sum::<f64>()
}
