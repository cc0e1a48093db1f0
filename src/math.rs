//! Exponential and logarithm as polynomials in IEEE additions, multiplications and divisions only: compilers vectorize
//! them, and their bits are equal on every host, which a platform's own library does not promise.

use std::f64::consts::{LN_2, LOG2_E};

/// e^x, to 2 ulp, for x in [-708, 710]; outside, the value at the nearer end (3e-308 or infinity); NaN for NaN.
///
/// x = n ln 2 + r with |r| <= (ln 2) / 2, and e^r by its Taylor polynomial of degree 13, whose next term is below
/// 1e-17. The polynomial is summed pairwise (Estrin), because a lone exponential costs its longest chain of operations.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    /// Adding and then subtracting this number rounds to an integer; after the addition the low bits hold that integer.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    /// ln 2 = LN_2_HIGH + LN_2_LOW, where LN_2_HIGH has enough trailing zeros that n LN_2_HIGH is exact.
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

    let x = x.clamp(-708.0, 710.0);
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let r2 = r * r;
    let r4 = r2 * r2;
    let r8 = r4 * r4;
    let pair = |low: f64, high: f64| low + high * r;
    let low = (pair(1.0, 1.0) + pair(0.5, 1.0 / 6.0) * r2)
        + (pair(1.0 / 24.0, 1.0 / 120.0) + pair(1.0 / 720.0, 1.0 / 5040.0) * r2) * r4;
    let high = (pair(1.0 / 40_320.0, 1.0 / 362_880.0) + pair(1.0 / 3_628_800.0, 1.0 / 39_916_800.0) * r2)
        + pair(1.0 / 479_001_600.0, 1.0 / 6_227_020_800.0) * r4;
    // Half of 2^n, and twice the product: 2^1024 overflows where e^x is still finite.
    let half_two_to_the_n = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1022 << 52));
    (low + high * r8) * half_two_to_the_n * 2.0
}

/// n and m in [sqrt(1/2), sqrt(2)) of a positive normal number x = 2^n m; m is NaN if x is not finite.
#[inline(always)]
pub fn split(x: f64) -> (f64, f64) {
    const SQRT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    let n = (x.to_bits().wrapping_sub(SQRT_HALF) as i64 >> 52) as i32;
    let m = f64::from_bits(x.to_bits().wrapping_sub((i64::from(n) << 52) as u64));
    (f64::from(n), m + 0.0 * x)
}

/// Natural logarithm of a positive normal number, to 2 ulp; NaN if x is not finite.
///
/// x = 2^n m as by [`split`], and ln m = 2 artanh(s), s = (m - 1) / (m + 1), by its series up to s^19.
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    let (n, m) = split(x);
    let s = (m - 1.0) / (m + 1.0);
    let t = s * s;
    let t2 = t * t;
    let t4 = t2 * t2;
    let pair = |low: f64, high: f64| low + high * t;
    let series = (pair(1.0, 1.0 / 3.0) + pair(1.0 / 5.0, 1.0 / 7.0) * t2)
        + (pair(1.0 / 9.0, 1.0 / 11.0) + pair(1.0 / 13.0, 1.0 / 15.0) * t2) * t4
        + pair(1.0 / 17.0, 1.0 / 19.0) * (t4 * t4);
    2.0 * s * series + n * LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_the_exponential() {
        for i in 0..200_000 {
            let x = -707.9 + 1417.6 * f64::from(i) / 200_000.0;
            let truth = x.exp();
            assert!((exp(x) - truth).abs() <= 2.0 * f64::EPSILON * truth, "exp({x}) = {} not {truth}", exp(x));
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(710.0), f64::INFINITY);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert!(exp(f64::NEG_INFINITY) < 4e-308);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn ln_is_the_logarithm() {
        for i in 1..200_000 {
            for x in [f64::from(i) * 1e-5, 1.0 + f64::from(i) * 1e-9, f64::from(i) * 1e290, f64::from(i) * 1e-300] {
                let truth = x.ln();
                assert!((ln(x) - truth).abs() <= 4.0 * f64::EPSILON * truth.abs(), "ln({x}) = {} not {truth}", ln(x));
            }
        }
        assert_eq!(ln(1.0), 0.0);
        assert!(ln(f64::INFINITY).is_nan() && ln(f64::NAN).is_nan());
    }
}
