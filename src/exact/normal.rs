//! The standard normal's cdf and density from a table. Between nodes z_0 they are Taylor polynomials whose coefficients
//! are Hermite polynomials He_k(z_0),
//!
//! ```text
//! cdf(z_0 + d)     = cdf(z_0) + density(z_0) (d - z_0 d^2 / 2 + He_2 d^3 / 6 - He_3 d^4 / 24 + ...)
//! density(z_0 + d) = density(z_0) (1 - z_0 d + He_2 d^2 / 2 - He_3 d^3 / 6 + ...)
//! ```
//!
//! With |d| at most 1/256 the cdf's next term is below 1e-14, the density's below 1e-10. A table has the same bits on
//! every machine, and SIMD lanes read it in parallel.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};
use std::sync::LazyLock;

use statrs::function::erf::erfc;

/// Nodes per unit of z, and the largest |z| of a node: beyond it, probabilities are too small to change a sum.
const STEPS: f64 = 128.0;
const REACH: f64 = 8.5;

/// Size of the table: a power of two above the number of nodes, so that no index needs a check.
const NODES: usize = 4096;

/// Added and subtracted again, it rounds to the nearest integer; the low bits of the sum hold this integer.
const ROUND: f64 = 6_755_399_441_055_744.0;

static NORMAL: LazyLock<Normal> = LazyLock::new(Normal::new);

/// The table of cdf and density at the nodes.
pub struct Normal {
    cdf: [f64; NODES],
    density: [f64; NODES],
}

/// The table, computed once.
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

    /// Cdf and density at `z`; beyond the table, those of its nearer end.
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
            // Between nodes, near them, and halfway.
            let z = f64::from(i) * 0.000_989 + 1e-5;
            let (cdf, density) = normal().at(z);
            let truth = [0.5 * erfc(-z * FRAC_1_SQRT_2), (-0.5 * z * z).exp() / TAU.sqrt()];
            // The pieces of `erfc` itself agree no better where they meet.
            assert!((cdf - truth[0]).abs() < 1e-10, "{z}: {cdf}, not {}", truth[0]);
            assert!((density - truth[1]).abs() < 1e-10, "{z}: {density}, not {}", truth[1]);
            // The lower tail has as many relative digits.
            assert!(z > 0.0 || (cdf / truth[0] - 1.0).abs() < 1e-9, "{z}: {cdf}, not {}", truth[0]);
        }
        for node in [-8.5, -1.0, 0.0, 2.0, 8.5] {
            let truth = 0.5 * erfc(-node * FRAC_1_SQRT_2);
            assert!((normal().at(node).0 - truth).abs() < 1e-16, "{node}");
        }
        assert!(normal().at(-1e300).0 < 1e-16 && 1.0 - normal().at(f64::INFINITY).0 < 1e-16);
    }
}
