//! Affine maps between units.

/// value = unit x number + shift: maps numbers in the sampler's units to values in the user's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// The size of the sampler's unit in the user's units; positive.
    pub unit: f64,
    /// The user's value where the sampler's is 0.
    pub shift: f64,
}

impl Affine {
    /// Converts to the user's units.
    #[inline]
    pub fn apply(self, number: f64) -> f64 {
        number * self.unit + self.shift
    }

    /// Converts to the sampler's units.
    #[inline]
    pub fn invert(self, value: f64) -> f64 {
        (value - self.shift) / self.unit
    }
}
