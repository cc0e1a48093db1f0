//! The closed form of the sums over groups, for at most two coefficients.
//!
//! With a = R_00^2, b = R_01^2, c = R_11^2, u = R_11 w_0 - R_01 w_1 and D = |V| / a, all sums are polynomials in s over
//! D:
//!
//! ```text
//! D    = 1 / a + s_0 + (b + c) / a s_1 + c s_0 s_1
//! H_00 = (1 + c s_1) / D,   H_01 = R_01 / R_00 / D,   H_11 = ((b + c) / a + c s_0) / D
//! g_0  = (w_0 + R_11 u s_1) / R_00 / D,   g_1  = ((R_01 w_0 + R_11 w_1) / a + R_11 w_1 s_0) / D
//! q    = ((w_0^2 + w_1^2) / a + w_1^2 s_0 + u^2 / a s_1) / D
//! ```
//!
//! and so sums, over groups, of fixed numbers over D: three for each group, or eleven with a slope. Groups with the
//! same R have the same D, and their numbers are added up beforehand: balanced data have one row, and the 85 counties
//! of radon 46.

use std::collections::HashMap;
use std::f64::consts::LN_2;

use multiversion::multiversion;

use crate::density::qr::{GroupBundle, QrTable};
use crate::lanes::{LANES, Lanes};
use crate::math::{ln, split};

/// The number of rows whose D are multiplied before their product is scaled: with up to 1e70 each it is finite.
const TOGETHER: usize = 4;

/// Most groups of a row: 2^(1/2) to this power is below 1e70.
const MOST_ALIKE: u32 = 256;

/// The numbers of groups with the same R, or of one group; zeros for a slope that is not there.
#[derive(Debug, Clone, Copy)]
pub struct Closed {
    /// Number of groups.
    pub count: u32,
    /// Of the D of each of them: 1 / a, (b + c) / a, c.
    pub determinant: [f64; 3],
    /// Of H_00 and H_11: sums over the groups of 1, (b + c) / a, c.
    pub information: [f64; 3],
    /// Of H_01.
    pub cross: f64,
    /// Of g_0 and g_1: the constant, and the factor of s.
    pub linear: [[f64; 2]; 2],
    /// Of q: the constant, and the factors of s_0 and s_1.
    pub quadratic: [f64; 3],
}

/// The sums over groups, in units of eps, at eight points.
pub struct GroupSums<const A: usize> {
    /// The lower triangle of H.
    pub information: [[Lanes; A]; A],
    pub linear: [Lanes; A],
    pub quadratic: Lanes,
    pub log_determinant: Lanes,
}

pub const ONE: Lanes = Lanes([1.0; LANES]);

impl Closed {
    /// The numbers of each group of a table, for at most two coefficients.
    fn of_each(table: &QrTable) -> impl Iterator<Item = Closed> {
        let places = table.bundles().flat_map(|groups| (0..LANES).map(move |lane| (groups, lane)));
        places.take(table.groups).map(|(groups, lane)| Closed::new(table.coefficients, groups, lane))
    }

    /// The same, of groups with the same R together, in the order of the first of them.
    pub fn alike(table: &QrTable) -> Vec<Closed> {
        let mut rows: Vec<Closed> = Vec::new();
        let mut newest = HashMap::new();
        for group in Closed::of_each(table) {
            let row = newest.entry(group.digits()).or_insert(rows.len());
            match rows.get_mut(*row).filter(|row| row.count < MOST_ALIKE) {
                Some(row) => row.add(&group),
                None => {
                    *row = rows.len();
                    rows.push(group);
                }
            }
        }
        rows
    }

    fn new(k: usize, groups: GroupBundle, lane: usize) -> Closed {
        let column = |k: usize, i: usize| groups.column(k)[i].0[lane];
        let w = |i: usize| groups.outcome(k)[i].0[lane];
        let [r01, r11, w1] = if k > 1 { [column(1, 0), column(1, 1), w(1)] } else { [0.0; 3] };
        let (r00, w0) = (column(0, 0), w(0));
        let (a, u) = (r00 * r00, r11 * w0 - r01 * w1);
        let determinant = [1.0 / a, (r01 * r01 + r11 * r11) / a, r11 * r11];
        Closed {
            count: 1,
            determinant,
            information: [1.0, determinant[1], determinant[2]],
            cross: r01 / r00,
            linear: [[w0 / r00, r11 * u / r00], [(r01 * w0 + r11 * w1) / a, r11 * w1]],
            quadratic: [(w0 * w0 + w1 * w1) / a, w1 * w1, u * u / a],
        }
    }

    /// Twelve digits of R: of the logs of a and of (b + c) / a, and of R_01 and R_11 over the root of b + c. Further
    /// ones depend on the order of a group's observations.
    fn digits(&self) -> [i64; 4] {
        let [inverse, length, square] = self.determinant;
        let numbers = [inverse.ln(), length.ln(), self.cross / length.sqrt(), (square * inverse / length).sqrt()];
        // Casts saturate, and NaN is 0.
        numbers.map(|number| (number * 1e12).round() as i64)
    }

    /// Adds a group with the same R.
    fn add(&mut self, group: &Closed) {
        fn all(to: &mut [f64], from: &[f64]) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
        self.count += group.count;
        self.cross += group.cross;
        all(&mut self.information, &group.information);
        all(self.linear.as_flattened_mut(), group.linear.as_flattened());
        all(&mut self.quadratic, &group.quadratic);
    }
}

/// The sums over groups of at most two coefficients. Not inlined, so that the sums stay vectors in registers.
#[multiversion(targets = "simd")]
#[inline(never)]
pub fn closed_sums<const A: usize>(rows: &[Closed], ratio: &[Lanes; A]) -> GroupSums<A> {
    let [s0, s1] = [ratio[0], if A - 1 > 1 { ratio[1] } else { Lanes::ZERO }];
    let both = s0 * s1;
    let [mut one, mut second, mut cross, mut slope] = [Lanes::ZERO; 4];
    let [mut g00, mut g01, mut g10, mut g11] = [Lanes::ZERO; 4];
    let [mut q0, mut q1, mut q2] = [Lanes::ZERO; 3];
    // The product of all D, scaled by a power of two.
    let (mut product, mut exponent) = (ONE, Lanes::ZERO);
    for rows in rows.chunks(TOGETHER) {
        for Closed { count, determinant: [d0, d1, d2], information, cross: r, linear, quadratic } in rows {
            let mut determinant = s0 + *d0;
            if A - 1 > 1 {
                determinant = determinant + s1 * *d1 + both * *d2;
            }
            let inverse = determinant.map(|d| 1.0 / d);
            if *count > 1 {
                exponent += determinant.map(|d| split(d).0) * f64::from(*count);
                determinant = power(determinant.map(|d| split(d).1), *count);
            }
            product = product * determinant;
            one += inverse * information[0];
            g00 += inverse * linear[0][0];
            q0 += inverse * quadratic[0];
            if A - 1 > 1 {
                second += inverse * information[2];
                cross += inverse * *r;
                slope += inverse * information[1];
                g01 += inverse * linear[0][1];
                g10 += inverse * linear[1][0];
                g11 += inverse * linear[1][1];
                q1 += inverse * quadratic[1];
                q2 += inverse * quadratic[2];
            }
        }
        exponent += product.map(|product| split(product).0);
        product = product.map(|product| split(product).1);
    }
    let log_determinant = product.map(ln) + exponent * LN_2;
    let (mut information, mut linear) = ([[Lanes::ZERO; A]; A], [Lanes::ZERO; A]);
    information[0][0] = one + second * s1;
    linear[0] = g00 + g01 * s1;
    if A - 1 > 1 {
        information[1][0] = cross;
        information[1][1] = slope + second * s0;
        linear[1] = g10 + g11 * s0;
    }
    GroupSums { information, linear, quadratic: q0 + q1 * s0 + q2 * s1, log_determinant }
}

/// x^n for n > 0.
#[inline(always)]
fn power(x: Lanes, n: u32) -> Lanes {
    let (mut power, mut square, mut left) = (ONE, x, n);
    loop {
        if left % 2 == 1 {
            power = power * square;
        }
        left /= 2;
        if left == 0 {
            return power;
        }
        square = square * square;
    }
}
