//! How the vectors of chains lie on the device, and which coordinate each of their numbers is. Twin of shaders/vectors.wgsl.

/// How vectors lie: a lane has `slots` numbers of each, four to a quad; quads of all lanes lie side by side, and those of chains that
/// are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vectors {
    /// Lanes that share a chain.
    pub lanes: usize,
    /// Chains whose vectors lie beside each other.
    pub beside: usize,
    /// Groups that a lane walks over, and effects that it holds of each coefficient that has any in theta.
    pub group_slots: usize,
    /// Numbers of each vector that a lane holds.
    pub slots: usize,
    /// Coefficients with effects in theta.
    pub effects: usize,
    /// J.
    pub groups: usize,
    /// Hyperparameters, which lead the coordinates.
    pub hyperparameters: usize,
}

impl Vectors {
    /// Of `[groups, effects, hyperparameters]`, where `lanes` share a chain and so many chains lie beside each other.
    pub fn new([groups, effects, hyperparameters]: [usize; 3], lanes: usize, beside: usize) -> Vectors {
        let group_slots = groups.div_ceil(lanes);
        let slots = effects * group_slots + hyperparameters.div_ceil(lanes);
        Vectors { lanes, beside, group_slots, slots, effects, groups, hyperparameters }
    }

    /// The same with effects of so many coefficients, each of which has slots in whole bunches.
    pub fn with_effects(self, effects: usize, bunch: usize) -> Vectors {
        let group_slots = self.group_slots.next_multiple_of(bunch);
        let slots = effects * group_slots + self.slots - self.effects * self.group_slots;
        Vectors { effects, group_slots, slots, ..self }
    }

    /// Numbers of a chain's vector in memory: quads of each lane's.
    pub fn size(&self) -> usize {
        self.slots.next_multiple_of(4) * self.lanes
    }

    /// Chains that there is room for where so many have any: all that lie beside each other.
    pub fn whole(&self, chains: usize) -> usize {
        chains.next_multiple_of(self.beside)
    }

    /// Where number `at` of vector `vector` of a chain is, where every chain has `vectors`.
    pub fn place(&self, chain: usize, vectors: usize, vector: usize, at: usize) -> usize {
        let (quads, quad, lane) = (self.slots.div_ceil(4), at / 4 / self.lanes, at / 4 % self.lanes);
        let first = ((chain / self.beside * vectors + vector) * quads * self.beside + chain % self.beside) * self.lanes;
        4 * (first + quad * self.lanes * self.beside + lane) + at % 4
    }

    /// For each number of a chain's vector, quad after quad and of each lane after lane, the coordinate it is, if any.
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
