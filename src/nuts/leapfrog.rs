//! The leapfrog step in whitened momenta: half a kick, a drift, a gradient from elsewhere, half a kick.

use multiversion::multiversion;

use crate::lanes::{LANES, Lanes};

/// Half a kick, then a drift: w += (h/2) s g, q += h s w, with `step` h (negative backwards) and `scale` s.
#[multiversion(targets = "simd")]
pub fn kick_and_drift(step: f64, scale: &[f64], gradient: &[f64], momentum: &mut [f64], position: &mut [f64]) {
    let n = position.len();
    let (scale, gradient, momentum) = (&scale[..n], &gradient[..n], &mut momentum[..n]);
    for i in 0..n {
        momentum[i] += 0.5 * step * scale[i] * gradient[i];
        position[i] += step * scale[i] * momentum[i];
    }
}

/// Half a kick with the gradient at the new position, which is kept; returns twice the kinetic energy, w'w.
#[multiversion(targets = "simd")]
pub fn kick(step: f64, scale: &[f64], gradient: &[f64], momentum: &mut [f64], kept: &mut [f64]) -> f64 {
    let n = momentum.len();
    let (scale, gradient, kept) = (&scale[..n], &gradient[..n], &mut kept[..n]);
    for i in 0..n {
        momentum[i] += 0.5 * step * scale[i] * gradient[i];
        kept[i] = gradient[i];
    }
    square(momentum)
}

/// v'v.
#[inline(always)]
pub fn square(v: &[f64]) -> f64 {
    let mut sum = Lanes::ZERO;
    let chunks = v.chunks_exact(LANES);
    let rest = Lanes::load(chunks.remainder(), 0.0);
    for chunk in chunks {
        let lanes = Lanes::load(chunk, 0.0);
        sum += lanes * lanes;
    }
    (sum + rest * rest).sum()
}
