//! Counter-based random numbers: every bit is a function of (seed, chain, transition, purpose, index), so that a draw
//! never depends on the thread, lane, batch or machine that made it.
//!
//! Philox4x32-10 of Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3". The key is the
//! seed, the counter is `[block, purpose, transition, chain]`, and one block is four words of 32 bits. Normal deviates
//! come from the Box-Muller transform, by polynomials in IEEE additions, multiplications, divisions and square roots
//! only: their bits are equal on every host, whatever its vectors, and equal to rounding on a device.

use std::convert::Infallible;
use std::f64::consts::FRAC_PI_2;

use multiversion::multiversion;
use rand::{SeedableRng, TryRng};

use crate::lanes::{LANES, Lanes};
use crate::math::ln;

/// Philox's constants, also for devices.
pub(crate) const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
pub(crate) const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
pub(crate) const ROUNDS: usize = 10;

/// The purpose of a random number: a part of its counter, so that two uses never share bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Uniform starting points: for each attempt, one word for each unconstrained coordinate.
    Start = 0,
    /// Normal momenta, one for each unconstrained coordinate.
    Momentum = 1,
    /// The direction in which the tree doubles, bit `depth` of word 0.
    Direction = 2,
    /// Whether a leaf becomes its subtree's sample, one uniform for each leaf.
    Leaf = 3,
    /// Whether a subtree's sample becomes the tree's, one uniform for each doubling.
    Join = 4,
    /// Anything outside the sampler: simulated data, sequential streams.
    Stream = 5,
    /// Normal deviates for drawing group effects that the sampler has integrated out.
    Effect = 6,
    /// Normal deviates for replicates of the observations.
    Replicate = 7,
    /// Uniform numbers of an independent draw's proposals, twelve for each.
    Proposal = 8,
    /// Normal deviates for drawing means that are integrated out, too.
    Mean = 9,
    /// Whether an independent draw beyond its proposal's bound is repeated, one uniform number.
    Repeat = 10,
    /// Draws of hyperparameters from their prior, one uniform number for each.
    Prior = 11,
    /// Normal deviates for the effects of a level that a model's data do not have.
    NewLevel = 12,
    /// Predictions: noise, and levels that are missing.
    Prediction = 13,
    /// The order in which rows are dealt into folds.
    Folds = 14,
    /// Replicates of rows that checks hold the data against, standard normal deviates, one for each draw.
    PredictiveCheck = 15,
    /// Whether a macro step takes one halving more than it needs, one uniform number for each.
    Halving = 16,
    /// The place of an outcome among equal ones, one uniform number for each draw.
    Ties = 17,
}

/// The key of a stream of random numbers: one transition of one chain of one experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamKey {
    /// The experiment's seed.
    pub seed: u64,
    /// The chain's global number, the same in a shard as in the whole experiment.
    pub chain: u32,
    /// The transition's number in the chain, warm-up included.
    pub transition: u32,
}

impl StreamKey {
    /// Block `block` of the key's random words for `purpose`.
    pub fn words(&self, purpose: Purpose, block: u32) -> [u32; 4] {
        philox([block, purpose as u32, self.transition, self.chain], key(self.seed))
    }

    /// The uniform deviate `index` of the key for `purpose`, in (0, 1), with 32 random bits.
    pub fn uniform(&self, purpose: Purpose, index: u32) -> f64 {
        self.uniforms(purpose, index / 4)[index as usize % 4]
    }

    /// The uniform deviates `4 block .. 4 block + 4`.
    pub fn uniforms(&self, purpose: Purpose, block: u32) -> [f64; 4] {
        self.words(purpose, block).map(uniform_deviate)
    }

    /// Fills `out` with the key's standard normal deviates for `purpose`: deviates `4 b .. 4 b + 4` come from block
    /// `b`, two from words 0 and 1, two from words 2 and 3.
    pub fn normals(&self, purpose: Purpose, out: &mut [f64]) {
        fill_normals(key(self.seed), [purpose as u32, self.transition, self.chain], out);
    }

    /// A sequential generator over the key's words for `purpose`.
    pub fn stream(&self, purpose: Purpose) -> Philox {
        Philox {
            key: key(self.seed),
            counter: [0, purpose as u32, self.transition, self.chain],
            block: [0; 4],
            used: 4,
        }
    }
}

/// The uniform deviates `4 block .. 4 block + 8` of eight keys of one seed, for `purpose`; `blocks` has a block for
/// each key.
#[inline(always)]
pub fn uniforms_of_each(keys: &[StreamKey; LANES], purpose: Purpose, blocks: [u32; LANES]) -> [Lanes; 8] {
    let words = words_of_each(keys, purpose, blocks);
    words.map(|words| Lanes(words.map(uniform_deviate)))
}

/// The first eight normal deviates of eight keys of one seed, for `purpose`.
#[inline(always)]
pub fn normals_of_each(keys: &[StreamKey; LANES], purpose: Purpose) -> [Lanes; 8] {
    let words = words_of_each(keys, purpose, [0; LANES]);
    let mut normals = [Lanes::ZERO; 8];
    for (normals, words) in normals.chunks_exact_mut(2).zip(words.chunks_exact(2)) {
        for (lane, (radius, angle)) in words[0].iter().zip(&words[1]).enumerate() {
            (normals[0].0[lane], normals[1].0[lane]) = normal_pair(*radius, *angle);
        }
    }
    normals
}

/// The words `4 block .. 4 block + 8` of eight keys of one seed.
#[inline(always)]
fn words_of_each(keys: &[StreamKey; LANES], purpose: Purpose, blocks: [u32; LANES]) -> [[u32; LANES]; 8] {
    let key = key(keys[0].seed);
    let mut words = [[0; LANES]; 8];
    for next in 0..2 {
        for lane in 0..LANES {
            let StreamKey { chain, transition, .. } = keys[lane];
            let block = philox([blocks[lane] + next as u32, purpose as u32, transition, chain], key);
            for (i, word) in block.into_iter().enumerate() {
                words[4 * next + i][lane] = word;
            }
        }
    }
    words
}

fn key(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// The Philox4x32-10 block of one counter.
#[inline(always)]
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..ROUNDS {
        let low = u64::from(MULTIPLIERS[0]) * u64::from(c0);
        let high = u64::from(MULTIPLIERS[1]) * u64::from(c2);
        [c0, c1, c2, c3] = [(high >> 32) as u32 ^ c1 ^ k0, high as u32, (low >> 32) as u32 ^ c3 ^ k1, low as u32];
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

/// Maps a word to a uniform deviate: the middle of one of 2^32 equal parts of (0, 1).
#[inline(always)]
fn uniform_deviate(word: u32) -> f64 {
    (f64::from(word) + 0.5) * 2f64.powi(-32)
}

/// Cosine and sine of the angle that `word` encodes: two bits choose the quadrant, thirty the angle within it.
#[inline(always)]
fn cos_sin(word: u32) -> (f64, f64) {
    let t = (f64::from(word & 0x3FFF_FFFF) + 0.5) * 2f64.powi(-30) - 0.5;
    let x = t * FRAC_PI_2;
    let x2 = x * x;
    // Taylor series on [-pi/4, pi/4]: the next terms are below 1e-15 and 5e-17.
    let mut cos = -1.0 / 87_178_291_200.0;
    for coefficient in [1.0 / 479_001_600.0, -1.0 / 3_628_800.0, 1.0 / 40_320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0] {
        cos = cos * x2 + coefficient;
    }
    let mut sin = -1.0 / 1_307_674_368_000.0;
    for coefficient in
        [1.0 / 6_227_020_800.0, -1.0 / 39_916_800.0, 1.0 / 362_880.0, -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0]
    {
        sin = sin * x2 + coefficient;
    }
    let sin = sin * x;
    let (cos, sin) = if word & 0x4000_0000 == 0 { (cos, sin) } else { (-sin, cos) };
    if word & 0x8000_0000 == 0 { (cos, sin) } else { (-cos, -sin) }
}

/// The Box-Muller transform: two independent normal deviates from two words.
#[inline(always)]
fn normal_pair(radius_word: u32, angle_word: u32) -> (f64, f64) {
    let radius = (-2.0 * ln(uniform_deviate(radius_word))).sqrt();
    let (cos, sin) = cos_sin(angle_word);
    (radius * cos, radius * sin)
}

/// The number of blocks whose normal deviates are computed together. Compilers vectorize whole loops of this length,
/// with bodies of this size, rather than unroll them first.
const BLOCKS: usize = 16;

#[multiversion(targets = "simd")]
fn fill_normals(key: [u32; 2], place: [u32; 3], out: &mut [f64]) {
    for (chunk, out) in out.chunks_mut(4 * BLOCKS).enumerate() {
        let mut radius_words = [0; 2 * BLOCKS];
        let mut angle_words = [0; 2 * BLOCKS];
        for i in 0..BLOCKS {
            let block = (chunk * BLOCKS + i) as u32;
            let words = philox([block, place[0], place[1], place[2]], key);
            [radius_words[i], angle_words[i], radius_words[BLOCKS + i], angle_words[BLOCKS + i]] = words;
        }
        let mut normals = [[0.0; 2 * BLOCKS]; 2];
        for i in 0..2 * BLOCKS {
            let (first, second) = normal_pair(radius_words[i], angle_words[i]);
            normals[0][i] = first;
            normals[1][i] = second;
        }
        for (i, out) in out.iter_mut().enumerate() {
            *out = normals[i % 2][i % 4 / 2 * BLOCKS + i / 4];
        }
    }
}

/// A sequential generator over the words of one key, for code that takes generators of `rand`.
#[derive(Debug, Clone)]
pub struct Philox {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl TryRng for Philox {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        if self.used == self.block.len() {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        Ok(self.block[self.used - 1])
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand::rand_core::utils::next_u64_via_u32(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        rand::rand_core::utils::fill_bytes_via_next_word(bytes, || self.try_next_u32())
    }
}

impl SeedableRng for Philox {
    type Seed = [u8; 8];

    fn from_seed(seed: [u8; 8]) -> Philox {
        StreamKey { seed: u64::from_le_bytes(seed), chain: 0, transition: 0 }.stream(Purpose::Stream)
    }
}

/// `shown` indices below `count`, ascending, one at random from each of as many equal ranges, always the same ones; all
/// if there are no more.
pub fn thinned(count: usize, shown: usize) -> Vec<usize> {
    if count <= shown {
        return (0..count).collect();
    }
    let key = StreamKey { seed: 0, chain: 0, transition: 0 };
    let edge = |i: usize| (i as u128 * count as u128 / shown as u128) as usize;
    (0..shown)
        .map(|i| {
            let (first, end) = (edge(i), edge(i + 1));
            first + ((end - first) as f64 * key.uniform(Purpose::Stream, i as u32)) as usize
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stretch_gives_one_draw_and_the_same_one_every_time() {
        let places = thinned(15_000, 300);
        assert_eq!(places.len(), 300);
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]) && places[299] < 15_000);
        assert!(places.iter().enumerate().all(|(i, place)| place / 50 == i));
        assert_eq!(places, thinned(15_000, 300));
        assert!(places.iter().any(|place| place % 50 != 0), "they are no grid");
        assert_eq!(thinned(3, 5), [0, 1, 2]);
    }

    #[test]
    fn cosine_and_sine_agree_with_the_library() {
        let place = StreamKey { seed: 11, chain: 0, transition: 0 };
        for block in 0..5_000 {
            for word in place.words(Purpose::Stream, block).into_iter().chain([0, 1, u32::MAX, u32::MAX - 1]) {
                let quadrant = f64::from(word >> 30);
                let t = (f64::from(word & 0x3FFF_FFFF) + 0.5) * 2f64.powi(-30) - 0.5;
                let angle = (quadrant + t) * FRAC_PI_2;
                let (cos, sin) = cos_sin(word);
                assert!((cos - angle.cos()).abs() < 4e-15 && (sin - angle.sin()).abs() < 4e-15, "angle {angle}");
            }
        }
    }
}
