// Entry: whole transitions of many chains, a team of lanes each: twin of src/nuts/transition.rs.
//
// A dispatch goes on where the last one ended, and ends when its budget is spent or there is nothing left to do; what a chain draws does not depend
// on where that is.

const MAX_ENERGY_ERROR = 1000.0;

// What a leaf makes of its transition: it goes on; or it is over, because its energy error is too large, because a subtree
// or the tree turns back, or because the tree may not grow further.
const ONGOING = 0u;
const DIVERGING = 1u;
const TURNING = 2u;
const SATURATED = 3u;

// What the chains have made.
struct Counts {
    // Rows of draws in this dispatch.
    rows: atomic<u32>,
    // Of each chain, its draws in this dispatch, and its transitions, leapfrogs and divergences in the phase.
    chains: array<vec4<u32>>,
}

@group(0) @binding(2) var<uniform> run: Run;
// The square roots of the inverse metric, as vectors lie. Read wherever they are wanted: caches have them, and a lane has no
// registers to spare.
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> chains: array<Chain>;
@group(0) @binding(6) var<storage, read_write> counts: Counts;

var<private> team: Team;
var<private> place: Place;
var<private> chain: Chain;
var<private> weight: Weight;
var<private> subtree_weight: Weight;
var<private> adaptation: StepSize;
// Random words, each block in another lane: of leaves, and of joins, with the directions behind them.
var<private> leaf_words: vec4<u32>;
var<private> join_words: vec4<u32>;
// What the transition that ended last tells.
var<private> ended: Told;
// Iterations made, about.
var<private> spent: u32;

@compute @workgroup_size(WORKGROUP)
fn transition(invocation: Invocation) {
    team = team_of(invocation);
    if team.number >= run.chains {
        return;
    }
    load();
    var written = 0u;
    while spent < run.budget {
        if chain.growing == 0u {
            if chain.made >= run.transitions || written >= run.room {
                break;
            }
            begin();
        }
        leap();
        let fate = give();
        if fate != ONGOING {
            finish(fate);
            written = leave(written);
        }
    }
    save(written);
}

// Takes up the chain where it was left.
fn load() {
    chain = chains[team.number];
    weight = chain.weight;
    subtree_weight = chain.subtree_weight;
    adaptation = chain.adaptation;
    place = Place(vec2<u32>(run.seed_low, run.seed_high), run.first_chain + team.number, run.first_transition + chain.made);
    if chain.growing == 1u {
        take_words();
        take_leaf_words(chain.n_steps);
        load_end();
        take_waiting();
    }
}

fn save(written: u32) {
    if chain.growing == 1u {
        save_end();
        keep_checkpoint(0u);
    }
    if team.lane == 0u {
        chain.weight = weight;
        chain.subtree_weight = subtree_weight;
        chain.adaptation = adaptation;
        chains[team.number] = chain;
        counts.chains[team.number] = vec4<u32>(written, chain.made, chain.gradients, chain.divergences);
    }
}

// Starts a transition at the sample of the last.
fn begin() {
    place = Place(vec2<u32>(run.seed_low, run.seed_high), run.first_chain + team.number, run.first_transition + chain.made);
    take_words();
    if run.adapting == 1u {
        chain.step_size = exp_of(adaptation.log_step);
    } else {
        chain.step_size = exp_of(run.log_step_size);
    }
    chain.growing = 1u;
    chain.depth = 0u;
    chain.n_steps = 0u;
    chain.acceptance_sum = 0.0;
    chain.moving = direction(0u);
    let sample = place_of(team, STATE + 2u * chain.sample);
    let sample_gradient = place_of(team, STATE + 2u * chain.sample + 1u);
    let other_end = END + 3u * (1u - chain.moving);
    let other_position = place_of(team, other_end + POSITION);
    let other_momentum = place_of(team, other_end + MOMENTUM_OF);
    let other_gradient = place_of(team, other_end + GRADIENT);
    let rho = place_of(team, RHO);
    let near = place_of(team, NEAR);
    draw_momentum();
    var square = 0.0;
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let normal = momentum[slot];
        square += normal * normal;
        position[slot] = vectors[sample + slot * TEAM];
        gradient[slot] = vectors[sample_gradient + slot * TEAM];
        vectors[other_position + slot * TEAM] = position[slot];
        vectors[other_momentum + slot * TEAM] = normal;
        vectors[other_gradient + slot * TEAM] = gradient[slot];
        vectors[rho + slot * TEAM] = normal;
        vectors[near + slot * TEAM] = normal;
    }
    chain.initial_energy = 0.5 * team_sum(team, square) - chain.log_density;
    chain.energy = chain.initial_energy;
    weight = Weight(0.0, 1.0);
    subtree_weight = Weight(0.0, 0.0);
    chain.leaves = 0u;
    spent += 2u * SLOTS;
}

// Draws the momentum: every lane makes other blocks of four deviates, and then takes its coordinates' from whoever has
// them.
fn draw_momentum() {
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        momentum[slot] = 0.0;
    }
    for (var first_block = 0u; 4u * first_block < DIM; first_block += TEAM) {
        let deviates = normals(place, MOMENTUM, first_block + team.lane);
        for (var slot = 0u; slot < bound(SLOTS); slot++) {
            let coordinate = coordinate_of(team.lane, slot);
            let block = coordinate / 4u - first_block;
            let fetched = team_fetch(team, deviates, block % TEAM);
            if coordinate != NONE && block < TEAM {
                momentum[slot] = fetched[coordinate % 4u];
            }
        }
        spent += SLOTS + 12u;
    }
}

// The second half of the kick, and what the new leaf makes of the transition.
fn give() -> u32 {
    let half = 0.5 * select(-chain.step_size, chain.step_size, chain.moving == 1u);
    var square = 0.0;
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        momentum[slot] += scales[slot * TEAM + team.lane] * half * gradient[slot];
        square += momentum[slot] * momentum[slot];
    }
    let energy = 0.5 * team_sum(team, square) - leaf_log_density;
    let log_weight = chain.initial_energy - energy;
    let leaf = chain.n_steps;
    chain.n_steps++;
    if !is_finite(log_weight) || log_weight < -MAX_ENERGY_ERROR {
        return DIVERGING;
    }
    let share = add(&subtree_weight, log_weight);
    chain.acceptance_sum += share.acceptance;
    if leaf_uniform(leaf) * share.total < share.weight {
        let sample = place_of(team, STATE + 2u * (1u - chain.sample));
        let sample_gradient = place_of(team, STATE + 2u * (1u - chain.sample) + 1u);
        for (var slot = 0u; slot < bound(SLOTS); slot++) {
            vectors[sample + slot * TEAM] = position[slot];
            vectors[sample_gradient + slot * TEAM] = gradient[slot];
        }
        chain.subtree_energy = energy;
        chain.subtree_log_density = leaf_log_density;
        spent += SLOTS;
    }
    return add_leaf();
}

// Ends the transition; what its sample teaches is learnt. Called from one place: it is much code where it is inlined.
fn finish(fate: u32) {
    let acceptance = chain.acceptance_sum / f32(chain.n_steps);
    ended = Told(
        chain.log_density,
        chain.energy,
        acceptance,
        chain.step_size,
        chain.depth,
        chain.n_steps,
        u32(fate == DIVERGING),
        u32(fate == SATURATED),
        team.number,
    );
    chain.growing = 0u;
    chain.made++;
    chain.gradients += chain.n_steps;
    chain.divergences += u32(fate == DIVERGING);
    chain.acceptance += acceptance;
    if run.adapting == 1u {
        learn(&adaptation, run.log_step_size, run.gain, run.target_accept - acceptance, f32(chain.made));
    }
    if run.learning == 1u {
        add_moments();
    }
}

// Blocks 0, 1, ... of the joins' words, one a lane; in lane DIRECTION_LANE the block of directions.
fn take_words() {
    let is_direction = team.lane == DIRECTION_LANE;
    join_words = words(place, select(JOIN, DIRECTION, is_direction), select(team.lane, 0u, is_direction));
    spent += 20u;
}

// The blocks of leaves from that of leaf `leaf` on, one a lane, from a multiple of the team on.
fn take_leaf_words(leaf: u32) {
    leaf_words = words(place, LEAF, leaf / (4u * TEAM) * TEAM + team.lane);
    spent += 20u;
}

// Which end moves when the tree has `depth` doublings: 0 backwards, 1 forwards.
fn direction(depth: u32) -> u32 {
    return team_word(team, join_words.x, DIRECTION_LANE) >> (depth % 32u) & 1u;
}

// The uniform deviate that decides whether leaf number `leaf` becomes its subtree's sample.
fn leaf_uniform(leaf: u32) -> f32 {
    if leaf % (4u * TEAM) == 0u {
        take_leaf_words(leaf);
    }
    return uniform_deviate(team_word(team, leaf_words[leaf % 4u], leaf / 4u % TEAM));
}

// The uniform deviate that decides whether the sample of the subtree that doubles a tree of `depth` becomes the tree's.
fn join_uniform(depth: u32) -> f32 {
    return uniform_deviate(team_word(team, join_words[depth % 4u], depth / 4u));
}

fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7F800000u) != 0x7F800000u;
}
