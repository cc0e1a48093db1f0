//! Dispatch of work, at run time, to code compiled for a number of coefficients and for a processor's vector
//! instructions.

use multiversion::multiversion;

use crate::data::MAX_COEFFICIENTS;
use crate::family::MOST_DISPERSIONS;
use crate::lanes::LANES;

/// Number of lane chunks that hold the most scales and dispersions.
const MAX_CHUNKS: usize = (MAX_COEFFICIENTS + MOST_DISPERSIONS).div_ceil(LANES);

/// Work on K coefficients.
pub trait ForCoefficients {
    /// The result.
    type Out;

    /// Does the work for `k` coefficients, K: `M` is at least K, and `C` chunks of lanes hold K scales and the
    /// dispersions.
    fn run<const M: usize, const C: usize>(self, k: usize) -> Self::Out;
}

/// Runs `work` for `k` coefficients, with code compiled for 1, 2, 3, up to 8, or any number of coefficients.
pub fn dispatch<W: ForCoefficients>(k: usize, work: W) -> W::Out {
    if k <= 8 { few(k, work) } else { many(k, work) }
}

#[multiversion(targets = "simd")]
fn few<W: ForCoefficients>(k: usize, work: W) -> W::Out {
    match k {
        1 => work.run::<1, 1>(1),
        2 => work.run::<2, 1>(2),
        3 => work.run::<3, 1>(3),
        k => work.run::<8, 2>(k),
    }
}

/// Not inlined, because it may need a quarter of a megabyte of stack.
#[multiversion(targets = "simd")]
#[inline(never)]
fn many<W: ForCoefficients>(k: usize, work: W) -> W::Out {
    work.run::<MAX_COEFFICIENTS, MAX_CHUNKS>(k)
}
