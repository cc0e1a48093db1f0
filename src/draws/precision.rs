//! The precision of draws that are kept: 64 or 32 bits as they are, or 16 bits as offsets from the mean in sds, both as
//! estimated in warm-up.

use std::borrow::Cow;
use std::fmt;

use half::f16;

use crate::model::{LocationScale, Model};
use crate::nuts::adaptation::PositionMoments;

/// Number of bits of a draw of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Not rounded.
    F64,
    /// Rounded to 24 significant bits.
    F32,
    /// Rounded to 11 significant bits of its distance from the mean of warm-up: by less than half a thousandth of that
    /// distance, and by two ten-thousandths of a standard deviation in the root mean square.
    ///
    /// The device engine rounds draws before they are copied to the host, so that half the bytes cross the bus: every
    /// variable in the unit in which it is kept, or in a unit of its own, if a store keeps 32 bits because one unit
    /// does not suit a whole array. Everything is then computed from rounded draws. Draws of other engines are rounded
    /// where they are kept.
    F16,
}

impl fmt::Display for Precision {
    /// `f64`, `f32` or `f16`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Precision::F64 => "f64",
            Precision::F32 => "f32",
            Precision::F16 => "f16",
        })
    }
}

impl Precision {
    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Precision::F64 => size_of::<f64>(),
            Precision::F32 => size_of::<f32>(),
            Precision::F16 => size_of::<f16>(),
        }
    }
}

/// Numbers of many variables, `length` of each, variable by variable.
#[derive(Debug, Clone)]
pub struct Values {
    length: usize,
    numbers: StoredNumbers,
}

#[derive(Debug, Clone)]
enum StoredNumbers {
    F64(Vec<f64>),
    F32(Vec<f32>),
    F16 { numbers: Vec<f16>, units: Vec<LocationScale> },
}

impl Values {
    /// `length` zeros for each of `variables` variables.
    pub fn zeros(precision: Precision, variables: usize, length: usize) -> Values {
        let size = variables * length;
        let numbers = match precision {
            Precision::F64 => StoredNumbers::F64(vec![0.0; size]),
            Precision::F32 => StoredNumbers::F32(vec![0.0; size]),
            Precision::F16 => StoredNumbers::F16 {
                numbers: vec![f16::ZERO; size],
                units: vec![LocationScale { mean: 0.0, sd: 1.0 }; variables],
            },
        };
        Values { length, numbers }
    }

    /// Sets the units of 16-bit numbers from the moments of warm-up, before any number is set.
    pub fn warmed(&mut self, model: &Model, spread: &PositionMoments) {
        if let StoredNumbers::F16 { units, .. } = &mut self.numbers {
            let named = super::location_scale::location_scales(model, spread);
            units.iter_mut().zip(named).for_each(|(unit, named)| *unit = named);
        }
    }

    /// The unit of each variable; `None` unless numbers have 16 bits.
    pub fn units(&self) -> Option<&[LocationScale]> {
        match &self.numbers {
            StoredNumbers::F64(_) | StoredNumbers::F32(_) => None,
            StoredNumbers::F16 { units, .. } => Some(units),
        }
    }

    /// Sets number `place` of a variable.
    pub fn set(&mut self, variable: usize, place: usize, value: f64) {
        let at = variable * self.length + place;
        match &mut self.numbers {
            StoredNumbers::F64(numbers) => numbers[at] = value,
            StoredNumbers::F32(numbers) => numbers[at] = value as f32,
            StoredNumbers::F16 { numbers, units } => {
                let LocationScale { mean, sd } = units[variable];
                numbers[at] = f16::from_f64((value - mean) / sd);
            }
        }
    }

    /// Number `place` of a variable.
    pub fn get(&self, variable: usize, place: usize) -> f64 {
        let at = variable * self.length + place;
        match &self.numbers {
            StoredNumbers::F64(numbers) => numbers[at],
            StoredNumbers::F32(numbers) => f64::from(numbers[at]),
            StoredNumbers::F16 { numbers, units } => units[variable].mean + units[variable].sd * numbers[at].to_f64(),
        }
    }

    /// All numbers of a variable.
    pub fn variable(&self, variable: usize) -> Cow<'_, [f64]> {
        match &self.numbers {
            StoredNumbers::F64(numbers) => {
                Cow::Borrowed(&numbers[variable * self.length..(variable + 1) * self.length])
            }
            _ => (0..self.length).map(|place| self.get(variable, place)).collect(),
        }
    }

    /// Keeps the leading `draws` numbers of each of `chains` chains, for each variable.
    pub fn shorten(&mut self, variables: usize, chains: usize, draws: usize) {
        fn keep<T: Copy>(numbers: &mut Vec<T>, chunks: usize, draws: usize) {
            let room = numbers.len() / chunks.max(1);
            for chunk in 0..chunks {
                numbers.copy_within(chunk * room..chunk * room + draws, chunk * draws);
            }
            numbers.truncate(chunks * draws);
            numbers.shrink_to_fit();
        }
        self.length = chains * draws;
        match &mut self.numbers {
            StoredNumbers::F64(numbers) => keep(numbers, variables * chains, draws),
            StoredNumbers::F32(numbers) => keep(numbers, variables * chains, draws),
            StoredNumbers::F16 { numbers, .. } => keep(numbers, variables * chains, draws),
        }
    }
}
