// Entry: whole transitions of many chains, a team of lanes each: twin of src/nuts/transition.rs and src/nuts/subtree.rs.
//
// Wants weight.wgsl, step_size.wgsl, vectors.wgsl, random.wgsl, log_density.wgsl and all that it wants. A dispatch goes on
// where the last one ended, and ends when its budget is spent or there is nothing left to do; what a chain draws does not
// depend on where that is. The end of the trajectory that moves is in registers.

const MAX_ENERGY_ERROR = 1000.0;

// What a dispatch has to do.
struct Run {
    seed_low: u32,
    seed_high: u32,
    // Global number of chain 0.
    first_chain: u32,
    chains: u32,
    // Transitions that every chain had made when the phase began.
    first_transition: u32,
    // Transitions of the phase that a chain may have made when the dispatch ends.
    transitions: u32,
    // Draws of a chain that the dispatch has room for.
    room: u32,
    // Iterations of loops that a lane may make, about.
    budget: u32,
    max_depth: u32,
    // Whether draws leave, rather than moments.
    sampling: u32,
    // Whether chains adapt their step sizes; to which acceptance, how fast, and the log step size they start from.
    adapting: u32,
    target_accept: f32,
    gain: f32,
    log_step_size: f32,
    // More than any loop makes turns: see `bound`.
    turns: u32,
}

// A chain between dispatches.
struct Chain {
    // Transitions of the phase made so far.
    made: u32,
    // Whether a transition is under way, and then how deep its tree is, its leapfrogs, the leaves of its subtree, which
    // end moves, and with which step.
    growing: u32,
    depth: u32,
    n_steps: u32,
    leaves: u32,
    moving: u32,
    step_size: f32,
    initial_energy: f32,
    acceptance_sum: f32,
    weight: Weight,
    subtree_weight: Weight,
    // Which of the two states is the sample; its log density, and its energy; the same of the subtree's.
    sample: u32,
    log_density: f32,
    energy: f32,
    subtree_log_density: f32,
    subtree_energy: f32,
    adaptation: StepSize,
    // Over the phase: leapfrogs, divergences, and the sum of acceptances.
    gradients: u32,
    divergences: u32,
    acceptance: f32,
}

// What a transition tells about itself.
struct Told {
    lp: f32,
    energy: f32,
    acceptance_rate: f32,
    step_size: f32,
    tree_depth: u32,
    n_steps: u32,
    diverging: u32,
    reached_max_treedepth: u32,
}

@group(0) @binding(2) var<uniform> run: Run;
// The square roots of the inverse metric, as vectors lie.
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> chains: array<Chain>;
// How many draws each chain has made in this dispatch, transitions in the phase, leapfrogs and divergences there.
@group(0) @binding(6) var<storage, read_write> counts: array<vec4<u32>>;
// The leading KEPT coordinates of each draw, `room` rows a chain.
@group(0) @binding(7) var<storage, read_write> draws: array<f32>;
@group(0) @binding(8) var<storage, read_write> told: array<Told>;

var<private> team: Team;
var<private> place: Place;
var<private> chain: Chain;
var<private> weight: Weight;
var<private> subtree_weight: Weight;
var<private> adaptation: StepSize;
// The end that moves, and the metric.
var<private> position: array<f32, SLOTS>;
var<private> momentum: array<f32, SLOTS>;
var<private> gradient: array<f32, SLOTS>;
var<private> scale: array<f32, SLOTS>;
// Of the complete sub-subtree that ends in the newest leaf: the momentum it begins with, and the sum of all.
var<private> first: array<f32, SLOTS>;
var<private> sum: array<f32, SLOTS>;
// At the newest leaf.
var<private> leaf_log_density: f32;
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
        if give() {
            if run.sampling == 1u {
                write_draw(team.number * run.room + written);
                written++;
            }
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
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        scale[slot] = scales[slot * TEAM + team.lane];
    }
    place = Place(vec2<u32>(run.seed_low, run.seed_high), run.first_chain + team.number, run.first_transition + chain.made);
    if chain.growing == 1u {
        take_words();
        take_leaf_words(chain.n_steps);
        load_end();
    }
}

fn save(written: u32) {
    if chain.growing == 1u {
        save_end();
    }
    if team.lane == 0u {
        chain.weight = weight;
        chain.subtree_weight = subtree_weight;
        chain.adaptation = adaptation;
        chains[team.number] = chain;
        counts[team.number] = vec4<u32>(written, chain.made, chain.gradients, chain.divergences);
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

// A leapfrog step of the moving end but for its second half a kick: w += (h/2) s g, q += h s w, and the gradient there.
fn leap() {
    let step = select(-chain.step_size, chain.step_size, chain.moving == 1u);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let s = step * scale[slot];
        momentum[slot] += s * gradient[slot] * 0.5;
        position[slot] += s * momentum[slot];
    }
    leaf_log_density = log_density();
    spent += 4u * SLOTS + GROUP_SLOTS * (3u * K + K * K) + 4u * K + 40u;
}

// The log density at the moving end, whose gradient is set.
fn log_density() -> f32 {
    var at: At;
    for (var k = 0u; k < K; k++) {
        at.coefficients[k] = coefficient(hyperparameter(k), hyperparameter(K + k));
    }
    at.log_eps = hyperparameter(2u * K);
    at.inverse_variance = exp_of(-2.0 * at.log_eps);
    var sums: Sums;
    var effects: array<f32, K>;
    for (var i = 0u; i < bound(GROUP_SLOTS); i++) {
        let j = i * TEAM + team.lane;
        if j < J {
            for (var k = 0u; k < K; k++) {
                effects[k] = position[k * GROUP_SLOTS + i];
            }
            add_group(&at, team.number, j, &effects, &sums);
            for (var k = 0u; k < K; k++) {
                gradient[k * GROUP_SLOTS + i] = effects[k];
            }
        }
    }
    add_up(team, &at, &sums);
    for (var k = 0u; k < K; k++) {
        set_hyperparameter_gradient(k, sums.by_mu[k]);
        set_hyperparameter_gradient(K + k, sums.by_log_sigma[k]);
    }
    set_hyperparameter_gradient(2u * K, sums.by_log_eps);
    return sums.log_density;
}

fn hyperparameter(h: u32) -> f32 {
    return team_number(team, position[K * GROUP_SLOTS + h / TEAM], h % TEAM);
}

fn set_hyperparameter_gradient(h: u32, value: f32) {
    if team.lane == h % TEAM {
        gradient[K * GROUP_SLOTS + h / TEAM] = value;
    }
}

// The second half of the kick, and what the new leaf means for the tree; says whether the transition is over.
fn give() -> bool {
    let half = 0.5 * select(-chain.step_size, chain.step_size, chain.moving == 1u);
    var square = 0.0;
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        momentum[slot] += scale[slot] * half * gradient[slot];
        square += momentum[slot] * momentum[slot];
    }
    let energy = 0.5 * team_sum(team, square) - leaf_log_density;
    let log_weight = chain.initial_energy - energy;
    let leaf = chain.n_steps;
    chain.n_steps++;
    if !is_finite(log_weight) || log_weight < -MAX_ENERGY_ERROR {
        return finish(true, false);
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

// Adds the newest leaf to the subtree, and a complete subtree to the tree; says whether the transition is over.
//
// After n leaves the checkpoints are the complete sub-subtrees that the binary digits of n name. The tree itself is one
// more of them, for a subtree that is complete.
fn add_leaf() -> bool {
    let joins = countTrailingZeros(~chain.leaves);
    chain.leaves++;
    let complete = chain.leaves == 1u << chain.depth;
    if joins == 0u {
        for (var slot = 0u; slot < bound(SLOTS); slot++) {
            first[slot] = momentum[slot];
            sum[slot] = momentum[slot];
        }
        if !complete {
            keep_checkpoint(0u);
            return false;
        }
    } else if join_leaves() {
        return finish(false, false);
    }
    for (var level = 1u; level < joins; level++) {
        let earlier = CHECKPOINT + 3u * level;
        if join_spans(earlier + FIRST, earlier + LAST, earlier + SUM) {
            return finish(false, false);
        }
        take(earlier + FIRST);
    }
    if !complete {
        keep_checkpoint(joins);
        return false;
    }
    return join_subtree();
}

fn keep_checkpoint(level: u32) {
    let checkpoint = CHECKPOINT + 3u * level;
    let first_place = place_of(team, checkpoint + FIRST);
    let last_place = place_of(team, checkpoint + LAST);
    let sum_place = place_of(team, checkpoint + SUM);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        vectors[first_place + slot * TEAM] = first[slot];
        if level > 0u {
            vectors[last_place + slot * TEAM] = momentum[slot];
            vectors[sum_place + slot * TEAM] = sum[slot];
        }
    }
    spent += SLOTS;
}

// The sub-subtree begins where an earlier one did.
fn take(vector: u32) {
    let earlier = place_of(team, vector);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        first[slot] = vectors[earlier + slot * TEAM];
    }
}

// Joins the newest leaf to the one before; says whether they turn back, u'(u + v) <= 0 or v'(u + v) <= 0.
fn join_leaves() -> bool {
    take(CHECKPOINT + FIRST);
    var along: vec2<f32>;
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        sum[slot] = first[slot] + momentum[slot];
        along += vec2<f32>(first[slot], momentum[slot]) * sum[slot];
    }
    let sums = team_sums(team, vec4<f32>(along, 0.0, 0.0));
    spent += 2u * SLOTS + 10u;
    return !all(sums.xy > vec2<f32>(0.0));
}

// Joins the sub-subtree to an earlier stretch, of which `earlier_first`, `earlier_last` and `earlier_sum` are kept there;
// says whether that turns back, by Stan's three checks: the whole from end to end, the earlier stretch and the later one's
// first leaf, the earlier one's last leaf and the later stretch. `sum` becomes that of both.
fn join_spans(earlier_first: u32, earlier_last: u32, earlier_sum: u32) -> bool {
    let first_place = place_of(team, earlier_first);
    let last_place = place_of(team, earlier_last);
    let sum_place = place_of(team, earlier_sum);
    var whole: vec2<f32>;
    var halves: vec4<f32>;
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let left_first = vectors[first_place + slot * TEAM];
        let left_last = vectors[last_place + slot * TEAM];
        let left_sum = vectors[sum_place + slot * TEAM];
        let left_and_one = left_sum + first[slot];
        let one_and_right = left_last + sum[slot];
        sum[slot] += left_sum;
        whole += vec2<f32>(left_first, momentum[slot]) * sum[slot];
        halves += vec4<f32>(
            left_and_one * left_first,
            left_and_one * first[slot],
            one_and_right * left_last,
            one_and_right * momentum[slot],
        );
    }
    let whole_sums = team_sums(team, vec4<f32>(whole, 0.0, 0.0));
    let half_sums = team_sums(team, halves);
    spent += 3u * SLOTS + 20u;
    return !(all(whole_sums.xy > vec2<f32>(0.0)) && all(half_sums > vec4<f32>(0.0)));
}

// Makes the complete subtree a part of the tree, and starts the next one; says whether the transition is over.
fn join_subtree() -> bool {
    let ratio = join(&weight, subtree_weight);
    if join_uniform(chain.depth) < ratio {
        chain.sample = 1u - chain.sample;
        chain.log_density = chain.subtree_log_density;
        chain.energy = chain.subtree_energy;
    }
    chain.depth++;
    let far = END + 3u * (1u - chain.moving) + MOMENTUM_OF;
    let turning = join_spans(far, NEAR, RHO);
    if turning || chain.depth == run.max_depth {
        return finish(false, !turning);
    }
    let rho = place_of(team, RHO);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        vectors[rho + slot * TEAM] = sum[slot];
    }
    start_subtree();
    return false;
}

// Turns towards the end where the trajectory is to be doubled.
fn start_subtree() {
    let moving = direction(chain.depth);
    if moving != chain.moving {
        save_end();
        chain.moving = moving;
        load_end();
    }
    let near = place_of(team, NEAR);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        vectors[near + slot * TEAM] = momentum[slot];
    }
    subtree_weight = Weight(0.0, 0.0);
    chain.leaves = 0u;
    spent += 4u * SLOTS;
}

fn save_end() {
    let end = END + 3u * chain.moving;
    let position_place = place_of(team, end + POSITION);
    let momentum_place = place_of(team, end + MOMENTUM_OF);
    let gradient_place = place_of(team, end + GRADIENT);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        vectors[position_place + slot * TEAM] = position[slot];
        vectors[momentum_place + slot * TEAM] = momentum[slot];
        vectors[gradient_place + slot * TEAM] = gradient[slot];
    }
}

fn load_end() {
    let end = END + 3u * chain.moving;
    let position_place = place_of(team, end + POSITION);
    let momentum_place = place_of(team, end + MOMENTUM_OF);
    let gradient_place = place_of(team, end + GRADIENT);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        position[slot] = vectors[position_place + slot * TEAM];
        momentum[slot] = vectors[momentum_place + slot * TEAM];
        gradient[slot] = vectors[gradient_place + slot * TEAM];
    }
}

// Ends the transition; what its sample teaches is learnt.
fn finish(diverging: bool, saturated: bool) -> bool {
    let acceptance = chain.acceptance_sum / f32(chain.n_steps);
    ended = Told(
        chain.log_density,
        chain.energy,
        acceptance,
        chain.step_size,
        chain.depth,
        chain.n_steps,
        u32(diverging),
        u32(saturated),
    );
    chain.growing = 0u;
    chain.made++;
    chain.gradients += chain.n_steps;
    chain.divergences += u32(diverging);
    chain.acceptance += acceptance;
    if run.adapting == 1u {
        learn(&adaptation, run.log_step_size, run.gain, run.target_accept - acceptance, f32(chain.made));
    }
    if run.sampling == 0u {
        add_moments();
    }
    return true;
}

// Adds the sample to the moments of the phase's draws (Welford 1962).
fn add_moments() {
    let share = 1.0 / f32(chain.made);
    for (var part = 0u; part < 2u; part++) {
        let values = place_of(team, STATE + 2u * chain.sample + part);
        let means = place_of(team, MOMENTS + 2u * part);
        let squares = place_of(team, MOMENTS + 2u * part + 1u);
        for (var slot = 0u; slot < bound(SLOTS); slot++) {
            let value = vectors[values + slot * TEAM];
            if chain.made == 1u {
                vectors[means + slot * TEAM] = value;
                vectors[squares + slot * TEAM] = 0.0;
            } else {
                let before = value - vectors[means + slot * TEAM];
                let mean = vectors[means + slot * TEAM] + share * before;
                vectors[means + slot * TEAM] = mean;
                vectors[squares + slot * TEAM] += before * (value - mean);
            }
        }
    }
    spent += 2u * SLOTS;
}

// Lets the sample leave, as draw `row`.
fn write_draw(row: u32) {
    let sample = place_of(team, STATE + 2u * chain.sample);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let coordinate = coordinate_of(team.lane, slot);
        if coordinate < KEPT {
            draws[row * KEPT + coordinate] = vectors[sample + slot * TEAM];
        }
    }
    if team.lane == 0u {
        told[row] = ended;
    }
    spent += SLOTS;
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
