//! The standard normal's cdf and density from a table: between its nodes z_0 they are Taylor's polynomials, whose
//! coefficients are Hermite's polynomials He_k(z_0),
//!
//! ```text
//! cdf(z_0 + d)     = cdf(z_0) + density(z_0) (d - z_0 d^2 / 2 + He_2 d^3 / 6 - He_3 d^4 / 24 + ...)
//! density(z_0 + d) = density(z_0) (1 - z_0 d + He_2 d^2 / 2 - He_3 d^3 / 6 + ...)
//! ```
//!
//! With |d| at most 1/256 the cdf's next term is below 1e-14, the density's below 1e-10. A table has the same bits everywhere,
//! and vectors of numbers read it side by side.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};
use std::sync::LazyLock;

use statrs::function::erf::erfc;

/// Nodes of a unit, and where they begin and end: beyond it nothing is left that a sum of probabilities would show.
const STEPS: f64 = 128.0;
const REACH: f64 = 8.5;

/// Room for all nodes: a power of two, so that no index needs to be looked at twice.
const NODES: usize = 4096;

/// Added and taken away again, it leaves the nearest integer; its low bits then hold that integer.
const ROUND: f64 = 6_755_399_441_055_744.0;

static NORMAL: LazyLock<Normal> = LazyLock::new(Normal::new);

/// The table.
pub struct Normal {
    cdf: [f64; NODES],
    density: [f64; NODES],
}

/// The table, which is made once.
pub fn normal() -> &'static Normal {
    &NORMAL
}

impl Normal {
    fn new() -> Normal {
        let node = |i: usize| i as f64 / STEPS - REACH;
        let density = |z: f64| (-0.5 * z * z).exp() / TAU.sqrt();
        Normal {
            cdf: std::array::from_fn(|i| 0.5 * erfc(-node(i) * FRAC_1_SQRT_2)),
            density: std::array::from_fn(|i| density(node(i))),
        }
    }

    /// Cdf and density at `z`, as at the nearer end of the table beyond it.
    #[inline(always)]
    pub fn at(&self, z: f64) -> (f64, f64) {
        let z = z.clamp(-REACH, REACH);
        let shifted = (z + REACH) * STEPS + ROUND;
        let i = shifted.to_bits() as usize % NODES;
        let node = (shifted - ROUND) / STEPS - REACH;
        let (d, square) = (z - node, node * node);
        let (second, third) = (square - 1.0, node * (square - 3.0));
        let (cdf, density) = (self.cdf[i], self.density[i]);
        let integral = d * (1.0 - d * (0.5 * node - d * (second * (1.0 / 6.0) - d * (third * (1.0 / 24.0)))));
        let slope = 1.0 - d * (node - d * (second * 0.5 - d * (third * (1.0 / 6.0))));
        (cdf + density * integral, density * slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_error_function() {
        for i in -8590..=8590 {
            // Between nodes, near them, and in the middle.
            let z = f64::from(i) * 0.000_989 + 1e-5;
            let (cdf, density) = normal().at(z);
            let truth = [0.5 * erfc(-z * FRAC_1_SQRT_2), (-0.5 * z * z).exp() / TAU.sqrt()];
            // The error function's own pieces do not meet to more.
            assert!((cdf - truth[0]).abs() < 1e-10, "{z}: {cdf}, not {}", truth[0]);
            assert!((density - truth[1]).abs() < 1e-10, "{z}: {density}, not {}", truth[1]);
            // In the lower tail to as many digits.
            assert!(z > 0.0 || (cdf / truth[0] - 1.0).abs() < 1e-9, "{z}: {cdf}, not {}", truth[0]);
        }
        for node in [-8.5, -1.0, 0.0, 2.0, 8.5] {
            let truth = 0.5 * erfc(-node * FRAC_1_SQRT_2);
            assert!((normal().at(node).0 - truth).abs() < 1e-16, "{node}");
        }
        assert!(normal().at(-1e300).0 < 1e-16 && 1.0 - normal().at(f64::INFINITY).0 < 1e-16);
    }
}
