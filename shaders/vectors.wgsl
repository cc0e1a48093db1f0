// The vectors of a chain on the device: how their coordinates lie over the lanes of a team, and where each is kept.
//
// A lane has SLOTS numbers of each vector: for each coefficient with EFFECTS in theta (all K, or none where effects are
// integrated out) every TEAM-th group's effect, GROUP_SLOTS of them, then every TEAM-th hyperparameter. Where there is no
// coordinate for a slot, it holds 0. In memory a slot's numbers lie side by side, lane after lane. No lane ever reads what
// another has written.

const NONE = 0xFFFFFFFFu;

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

@group(0) @binding(5) var<storage, read_write> vectors: array<f32>;

// Where slot 0 of this lane's part of a vector is; the other slots follow, each TEAM on.
fn place_of(team: Team, vector: u32) -> u32 {
    return (team.number * VECTORS + vector) * SLOTS * TEAM + team.lane;
}

// The coordinate that a lane has in a slot; NONE where there is none.
fn coordinate_of(lane: u32, slot: u32) -> u32 {
    if slot < EFFECTS * GROUP_SLOTS {
        let j = slot % GROUP_SLOTS * TEAM + lane;
        return select(NONE, HYPERPARAMETERS + slot / GROUP_SLOTS * J + j, j < J);
    }
    let h = (slot - EFFECTS * GROUP_SLOTS) * TEAM + lane;
    return select(NONE, h, h < HYPERPARAMETERS);
}
