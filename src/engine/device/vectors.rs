//! The layout of the chains' vectors on the device, and the coordinate of each of their numbers. Twin of
//! shaders/vectors.wgsl.

/// The layout of vectors: a lane has `slots` numbers of each, four to a quad; the quads of all lanes are adjacent, and
/// so are those of neighboring chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vectors {
    /// Lanes that share a chain.
    pub lanes: usize,
    /// Chains whose vectors are interleaved.
    pub beside: usize,
    /// Groups of a lane, and so its effects of each coefficient that has any in theta.
    pub group_slots: usize,
    /// Numbers of each vector that a lane holds.
    pub slots: usize,
    /// Coefficients with effects in theta.
    pub effects: usize,
    /// Number of groups, J.
    pub groups: usize,
    /// Number of hyperparameters, the leading coordinates.
    pub hyperparameters: usize,
}

impl Vectors {
    /// The layout for `[groups, effects, hyperparameters]` if `lanes` lanes share a chain and `beside` chains are
    /// interleaved.
    pub fn new([groups, effects, hyperparameters]: [usize; 3], lanes: usize, beside: usize) -> Vectors {
        let group_slots = groups.div_ceil(lanes);
        let slots = effects * group_slots + hyperparameters.div_ceil(lanes);
        Vectors { lanes, beside, group_slots, slots, effects, groups, hyperparameters }
    }

    /// This layout with effects of `effects` coefficients, each with a multiple of `bunch` slots.
    pub fn with_effects(self, effects: usize, bunch: usize) -> Vectors {
        let group_slots = self.group_slots.next_multiple_of(bunch);
        let slots = effects * group_slots + self.slots - self.effects * self.group_slots;
        Vectors { effects, group_slots, slots, ..self }
    }

    /// Numbers of a chain's vector in memory: whole quads of each lane.
    pub fn size(&self) -> usize {
        self.slots.next_multiple_of(4) * self.lanes
    }

    /// Chains to allocate for `chains` chains: a multiple of those that are interleaved.
    pub fn whole(&self, chains: usize) -> usize {
        chains.next_multiple_of(self.beside)
    }

    /// Index of number `at` of vector `vector` of a chain, if every chain has `vectors` vectors.
    pub fn place(&self, chain: usize, vectors: usize, vector: usize, at: usize) -> usize {
        let (quads, quad, lane) = (self.slots.div_ceil(4), at / 4 / self.lanes, at / 4 % self.lanes);
        let first = ((chain / self.beside * vectors + vector) * quads * self.beside + chain % self.beside) * self.lanes;
        4 * (first + quad * self.lanes * self.beside + lane) + at % 4
    }

    /// The coordinate, if any, of each number of a chain's vector: quad by quad, and lane by lane in each.
    pub fn coordinates(&self) -> Vec<Option<usize>> {
        let coordinate = |slot: usize, lane: usize| {
            if slot < self.effects * self.group_slots {
                let (k, j) = (slot / self.group_slots, slot % self.group_slots * self.lanes + lane);
                (j < self.groups).then_some(self.hyperparameters + k * self.groups + j)
            } else {
                let h = (slot - self.effects * self.group_slots) * self.lanes + lane;
                (h < self.hyperparameters).then_some(h)
            }
        };
        let number = |at: usize| coordinate(4 * (at / 4 / self.lanes) + at % 4, at / 4 % self.lanes);
        (0..self.size()).map(number).collect()
    }
}
