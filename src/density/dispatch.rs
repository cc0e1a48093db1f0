//! Work that is compiled for small numbers of coefficients, and for the vector instructions of several processors; which of them
//! fits is found out when it runs.

use multiversion::multiversion;

use crate::data::MAX_COEFFICIENTS;
use crate::lanes::LANES;

/// The most dispersions that a family has.
pub const MAX_DISPERSIONS: usize = 2;

/// Chunks of lanes that hold the most scales, and the dispersions.
const MAX_CHUNKS: usize = (MAX_COEFFICIENTS + MAX_DISPERSIONS).div_ceil(LANES);

/// Work on K coefficients.
pub trait ForCoefficients {
    /// What it comes to.
    type Out;

    /// Does it for `k` coefficients, K: `M` is at least as many, and `C` chunks of lanes have room for K scales and the
    /// dispersions.
    fn run<const M: usize, const C: usize>(self, k: usize) -> Self::Out;
}

/// Runs `work` on `k` coefficients, compiled for just so many where they are few.
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

/// By itself, because it may take a quarter of a megabyte of stack.
#[multiversion(targets = "simd")]
#[inline(never)]
fn many<W: ForCoefficients>(k: usize, work: W) -> W::Out {
    work.run::<MAX_COEFFICIENTS, MAX_CHUNKS>(k)
}
