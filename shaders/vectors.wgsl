// The vectors of a chain on the device: their coordinates' lanes and slots, and their layout in memory.
//
// A lane has SLOTS numbers of each vector: for each of EFFECTS coefficients (all K, or none if effects are integrated
// out) every TEAM-th group's effect, GROUP_SLOTS of them, then every TEAM-th hyperparameter. Four slots make a quad,
// which is read and written at once; a slot without a coordinate holds 0. In memory, the quads of all lanes are
// adjacent, and those of BESIDE chains, so that neighbouring lanes use neighbouring memory. No lane ever reads what
// another lane has written.

const NONE = 0xFFFFFFFFu;

// The distance between the QUADS quads of a lane in memory.
const STRIDE = TEAM * BESIDE;

// The first vectors of a chain: two states, of the sample and of the subtree's sample; the ends of the trajectory; the
// momentum where the subtree begins; rho; the moments of draws. From CHECKPOINT on, checkpoints, three vectors for each
// depth.
const STATE = 0u;
const END = 4u;
const NEAR = 10u;
const RHO = 11u;
const MOMENTS = 12u;

// Parts of an end: position, momentum and gradient.
const POSITION = 0u;
const MOMENTUM_OF = 1u;
const GRADIENT = 2u;

// Parts of a checkpoint: first momentum, last momentum, and sum of momenta.
const FIRST = 0u;
const LAST = 1u;
const SUM = 2u;

@group(0) @binding(5) var<storage, read_write> vectors: array<vec4<f32>>;

// The index of quad 0 of this lane in a vector; each further quad is STRIDE later.
fn place_of(team: Team, vector: u32) -> u32 {
    return place_among(team.number, VECTORS, vector, QUADS) + team.lane;
}

// The index of quad 0 of lane 0 of chain `chain` in vector `vector`, if every chain has `vectors` vectors of `quads`
// quads per lane.
fn place_among(chain: u32, vectors: u32, vector: u32, quads: u32) -> u32 {
    return ((chain / BESIDE * vectors + vector) * quads * BESIDE + chain % BESIDE) * TEAM;
}

// The index of quad `element` of a chain's vector, counted over all lanes: quad after quad, within a quad lane after
// lane.
fn place_of_element(chain: u32, vector: u32, element: u32) -> u32 {
    return place_among(chain, VECTORS, vector, QUADS) + element / TEAM * STRIDE + element % TEAM;
}

// The coordinate in a lane's slot; NONE if there is none.
fn coordinate_of(lane: u32, slot: u32) -> u32 {
    return number_in(lane, slot, EFFECTS, GROUP_SLOTS);
}

// The coordinate in a lane's slot, if `effects` coefficients have `group_slots` slots each, one for every TEAM-th
// group; NONE if there is none.
fn number_in(lane: u32, slot: u32, effects: u32, group_slots: u32) -> u32 {
    if slot < effects * group_slots {
        let j = slot % group_slots * TEAM + lane;
        return select(NONE, HYPERPARAMETERS + slot / group_slots * J + j, j < J);
    }
    let h = (slot - effects * group_slots) * TEAM + lane;
    return select(NONE, h, h < HYPERPARAMETERS);
}
