// The vectors of a chain on the device: how their coordinates lie over the lanes of a team, and where each is kept.
//
// A lane has SLOTS numbers of each vector: for each coefficient with EFFECTS in theta (all K, or none where effects are
// integrated out) every TEAM-th group's effect, GROUP_SLOTS of them, then every TEAM-th hyperparameter. Four slots make a quad, which
// is read and written at once; where there is no coordinate for a slot, it holds 0. In memory the quads of all lanes lie side by side,
// and those of BESIDE chains, so that lanes that are neighbours find neighbours. No lane ever reads what another has written.

const NONE = 0xFFFFFFFFu;

// Quads of a lane, and how far they are from each other.
const QUADS = (SLOTS + 3u) / 4u;
const STRIDE = TEAM * BESIDE;

// The vectors of a chain: two states, of which one is the sample and one the subtree's; the ends of the trajectory; the
// momentum where the subtree begins; rho; the moments of draws; and from CHECKPOINT on the checkpoints, three for each depth.
const STATE = 0u;
const END = 4u;
const NEAR = 10u;
const RHO = 11u;
const MOMENTS = 12u;

// Parts of an end: its position, its momentum and its gradient.
const POSITION = 0u;
const MOMENTUM_OF = 1u;
const GRADIENT = 2u;

// Parts of a checkpoint: its first momentum, its last, and the sum of all.
const FIRST = 0u;
const LAST = 1u;
const SUM = 2u;

@group(0) @binding(5) var<storage, read_write> vectors: array<vec4<f32>>;

// Where quad 0 of this lane's part of a vector is; the other quads follow, each STRIDE on.
fn place_of(team: Team, vector: u32) -> u32 {
    return place_among(team.number, VECTORS, vector, QUADS) + team.lane;
}

// Where quad 0 of lane 0 of chain `chain` is in vector `vector`, where every chain has `vectors` of them, of so many `quads` a lane.
fn place_among(chain: u32, vectors: u32, vector: u32, quads: u32) -> u32 {
    return ((chain / BESIDE * vectors + vector) * quads * BESIDE + chain % BESIDE) * TEAM;
}

// Where quad `element` of a chain's vector is, of all its lanes': quad after quad, and of each lane after lane.
fn place_of_element(chain: u32, vector: u32, element: u32) -> u32 {
    return place_among(chain, VECTORS, vector, QUADS) + element / TEAM * STRIDE + element % TEAM;
}

// The coordinate that a lane has in a slot; NONE where there is none.
fn coordinate_of(lane: u32, slot: u32) -> u32 {
    return number_in(lane, slot, EFFECTS, GROUP_SLOTS);
}

// The same where `effects` coefficients have `group_slots` slots each, of which every TEAM-th group has one.
fn number_in(lane: u32, slot: u32, effects: u32, group_slots: u32) -> u32 {
    if slot < effects * group_slots {
        let j = slot % group_slots * TEAM + lane;
        return select(NONE, HYPERPARAMETERS + slot / group_slots * J + j, j < J);
    }
    let h = (slot - effects * group_slots) * TEAM + lane;
    return select(NONE, h, h < HYPERPARAMETERS);
}
