//! A vector of eight numbers: a plain array that compilers turn into one vector of AVX-512, two of AVX2 or four of
//! NEON, with equal bits on all of them.

use std::ops::{Add, AddAssign, Deref, DerefMut, Div, Mul, Sub, SubAssign};

use bytemuck::{Pod, Zeroable};

/// The number of lanes.
pub const LANES: usize = 8;

/// Eight numbers, one in each lane.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Lanes(pub [f64; LANES]);

impl Lanes {
    pub const ZERO: Lanes = Lanes([0.0; LANES]);

    /// The first eight numbers of `from`; if `from` has fewer, the rest is `pad`.
    #[inline(always)]
    pub fn load(from: &[f64], pad: f64) -> Lanes {
        // The constant length of each arm keeps the lanes in a register.
        match from.len() {
            0 => Lanes::load_first::<0>(from, pad),
            1 => Lanes::load_first::<1>(from, pad),
            2 => Lanes::load_first::<2>(from, pad),
            3 => Lanes::load_first::<3>(from, pad),
            4 => Lanes::load_first::<4>(from, pad),
            5 => Lanes::load_first::<5>(from, pad),
            6 => Lanes::load_first::<6>(from, pad),
            7 => Lanes::load_first::<7>(from, pad),
            _ => Lanes::load_first::<LANES>(from, pad),
        }
    }

    #[inline(always)]
    fn load_first<const N: usize>(from: &[f64], pad: f64) -> Lanes {
        let from = &from[..N];
        Lanes(std::array::from_fn(|lane| if lane < N { from[lane] } else { pad }))
    }

    /// Writes the lanes to the first eight entries of `to`, or to all if `to` has fewer.
    #[inline(always)]
    pub fn store(self, to: &mut [f64]) {
        match to.len() {
            0 => {}
            1 => self.store_first::<1>(to),
            2 => self.store_first::<2>(to),
            3 => self.store_first::<3>(to),
            4 => self.store_first::<4>(to),
            5 => self.store_first::<5>(to),
            6 => self.store_first::<6>(to),
            7 => self.store_first::<7>(to),
            _ => self.store_first::<LANES>(to),
        }
    }

    #[inline(always)]
    fn store_first<const N: usize>(self, to: &mut [f64]) {
        to[..N].copy_from_slice(&self.0[..N]);
    }

    /// The sum of the eight numbers, as a tree.
    #[inline(always)]
    pub fn sum(self) -> f64 {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }

    #[inline(always)]
    pub fn map(self, f: impl Fn(f64) -> f64) -> Lanes {
        let mut lanes = self.0;
        for lane in &mut lanes {
            *lane = f(*lane);
        }
        Lanes(lanes)
    }

    #[inline(always)]
    fn zip(self, other: Lanes, f: impl Fn(f64, f64) -> f64) -> Lanes {
        let mut lanes = self.0;
        for (lane, other) in lanes.iter_mut().zip(other.0) {
            *lane = f(*lane, other);
        }
        Lanes(lanes)
    }
}

impl Add for Lanes {
    type Output = Lanes;
    #[inline(always)]
    fn add(self, other: Lanes) -> Lanes {
        self.zip(other, |a, b| a + b)
    }
}

impl Sub for Lanes {
    type Output = Lanes;
    #[inline(always)]
    fn sub(self, other: Lanes) -> Lanes {
        self.zip(other, |a, b| a - b)
    }
}

impl Mul for Lanes {
    type Output = Lanes;
    #[inline(always)]
    fn mul(self, other: Lanes) -> Lanes {
        self.zip(other, |a, b| a * b)
    }
}

impl Div for Lanes {
    type Output = Lanes;
    #[inline(always)]
    fn div(self, other: Lanes) -> Lanes {
        self.zip(other, |a, b| a / b)
    }
}

impl Mul<f64> for Lanes {
    type Output = Lanes;
    #[inline(always)]
    fn mul(self, factor: f64) -> Lanes {
        self.map(|lane| lane * factor)
    }
}

impl Add<f64> for Lanes {
    type Output = Lanes;
    #[inline(always)]
    fn add(self, term: f64) -> Lanes {
        self.map(|lane| lane + term)
    }
}

impl AddAssign for Lanes {
    #[inline(always)]
    fn add_assign(&mut self, other: Lanes) {
        *self = *self + other;
    }
}

impl SubAssign for Lanes {
    #[inline(always)]
    fn sub_assign(&mut self, other: Lanes) {
        *self = *self - other;
    }
}

/// A slice of `len` numbers in whole chunks of lanes, with zeros as padding of the last chunk, so that a kernel over
/// its lanes has no remainder.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    len: usize,
    lanes: Vec<Lanes>,
}

impl Vector {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Vector {
        Vector { len, lanes: vec![Lanes::ZERO; len.div_ceil(LANES)] }
    }

    /// All chunks; the padding after the last number is 0.
    #[inline(always)]
    pub(crate) fn lanes(&self) -> &[Lanes] {
        &self.lanes
    }

    /// All chunks, to be written; the padding after the last number is 0 and must stay 0.
    #[inline(always)]
    pub(crate) fn lanes_mut(&mut self) -> &mut [Lanes] {
        &mut self.lanes
    }
}

impl From<&[f64]> for Vector {
    fn from(values: &[f64]) -> Vector {
        let mut vector = Vector::zeros(values.len());
        vector.copy_from_slice(values);
        vector
    }
}

impl Deref for Vector {
    type Target = [f64];
    #[inline(always)]
    fn deref(&self) -> &[f64] {
        &bytemuck::cast_slice(&self.lanes)[..self.len]
    }
}

impl DerefMut for Vector {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut bytemuck::cast_slice_mut(&mut self.lanes)[..self.len]
    }
}
