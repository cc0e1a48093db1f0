// The transition of NUTS as a state machine: it begins, then receives the gradient at one leaf after the other until it
// ends. Twin of src/nuts/transition.rs.

// The state of a transition after a leaf: it continues; or it has ended, because the energy error is too large, because
// a subtree or the tree has made a U-turn, or because the tree may not grow further.
const ONGOING = 0u;
const DIVERGING = 1u;
const TURNING = 2u;
const SATURATED = 3u;

var<private> weight: Weight;
var<private> subtree_weight: Weight;
// Random words of leaves, one block per lane.
var<private> leaf_words: vec4<u32>;

// Restores the transition that was under way at the end of the last dispatch, if any.
fn resume() {
    weight = chain.weight;
    subtree_weight = chain.subtree_weight;
    if chain.growing == 1u {
        take_words();
        take_leaf_words(chain.n_steps);
        load_end();
        take_waiting();
    }
}

// Stores the transition that is under way, if any, for the next dispatch.
fn suspend() {
    if chain.growing == 1u {
        save_end();
        keep_checkpoint(0u);
    }
    chain.weight = weight;
    chain.subtree_weight = subtree_weight;
}

// Starts the transition of `key` at the last sample.
fn begin(step_size: f32) {
    chain.step_size = step_size;
    chain.depth = 0u;
    take_words();
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
    // All reads come before any write, so that their latencies overlap.
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        position[quad] = vectors[sample + quad * STRIDE];
        gradient[quad] = vectors[sample_gradient + quad * STRIDE];
    }
    draw_momentum();
    var square = 0.0;
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        let normal = momentum[quad];
        square += dot(normal, normal);
        vectors[other_position + quad * STRIDE] = position[quad];
        vectors[other_momentum + quad * STRIDE] = normal;
        vectors[other_gradient + quad * STRIDE] = gradient[quad];
        vectors[rho + quad * STRIDE] = normal;
        vectors[near + quad * STRIDE] = normal;
    }
    chain.initial_energy = 0.5 * team_sum(team, square) - chain.log_density;
    chain.energy = chain.initial_energy;
    weight = Weight(0.0, 1.0);
    subtree_weight = Weight(0.0, 0.0);
    chain.leaves = 0u;
    spent += 2u * SLOTS;
}

// Draws the momentum: every lane computes other blocks of four deviates, and then fetches those of its coordinates from
// the lanes that computed them.
fn draw_momentum() {
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        momentum[quad] = vec4<f32>();
    }
    for (var first_block = 0u; 4u * first_block < DIM; first_block += TEAM) {
        let deviates = normals(key, MOMENTUM, first_block + team.lane);
        for (var slot = 0u; slot < bound(SLOTS); slot++) {
            // Skips slots that have no coordinate in these blocks in any lane; compilers that unroll the loop know
            // which.
            if 4u * first_block >= coordinate_of(0u, slot) + TEAM || 4u * (first_block + TEAM) <= coordinate_of(0u, slot) {
                continue;
            }
            let coordinate = coordinate_of(team.lane, slot);
            let block = coordinate / 4u - first_block;
            let fetched = team_fetch(team, deviates, block % TEAM);
            if coordinate != NONE && block < TEAM {
                momentum[slot / 4u][slot % 4u] = fetched[coordinate % 4u];
            }
        }
        spent += SLOTS + 12u;
    }
}

// Completes the kick and adds the new leaf; returns the state of the transition.
fn give() -> u32 {
    let half = 0.5 * select(-chain.step_size, chain.step_size, chain.moving == 1u);
    let deviate = leaf_uniform(chain.n_steps);
    kick_along(half);
    var square = 0.0;
    for (var quad = 0u; quad < unrolled(QUADS); quad++) {
        momentum[quad] += scales[quad * TEAM + team.lane] * half * gradient[quad];
        square += dot(momentum[quad], momentum[quad]);
    }
    let energy = 0.5 * team_sum(team, square) - leaf_log_density;
    let log_weight = chain.initial_energy - energy;
    chain.n_steps++;
    if !is_finite(log_weight) || log_weight < -MAX_ENERGY_ERROR {
        return DIVERGING;
    }
    let share = add(&subtree_weight, log_weight);
    chain.acceptance_sum += share.acceptance;
    if deviate * share.total < share.weight {
        let sample = place_of(team, STATE + 2u * (1u - chain.sample));
        let sample_gradient = place_of(team, STATE + 2u * (1u - chain.sample) + 1u);
        for (var quad = 0u; quad < bound(QUADS); quad++) {
            vectors[sample + quad * STRIDE] = position[quad];
            vectors[sample_gradient + quad * STRIDE] = gradient[quad];
        }
        chain.subtree_energy = energy;
        chain.subtree_log_density = leaf_log_density;
        spent += SLOTS;
    }
    return add_leaf();
}

// Takes words for the next leaves, if there are none left.
fn renew_leaf_words() {
    if chain.n_steps % (4u * TEAM) == 0u {
        take_leaf_words(chain.n_steps);
    }
}

// The lanes' blocks of words for leaves, starting at a multiple of 4 TEAM leaves, so that leaf `leaf` is among them.
fn take_leaf_words(leaf: u32) {
    leaf_words = words(key, LEAF, leaf / (4u * TEAM) * TEAM + team.lane);
    spent += 20u;
}

// The uniform deviate that decides whether leaf number `leaf` becomes its subtree's sample.
fn leaf_uniform(leaf: u32) -> f32 {
    return uniform_deviate(team_word(team, leaf_words[leaf % 4u], leaf / 4u % TEAM));
}

fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7F800000u) != 0x7F800000u;
}
