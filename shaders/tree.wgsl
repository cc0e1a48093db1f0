// The tree of a transition: how leaves make subtrees, and subtrees the tree; what is kept of them, and whether they turn
// back. Twin of src/nuts/subtree.rs.

// Of the complete sub-subtree that ends in the newest leaf: the momentum it begins with, and the sum of all. They
// stay where they are while that is one leaf, so that the next one finds it here, and not in memory.
var<private> first: array<f32, SLOTS>;
var<private> sum: array<f32, SLOTS>;

// Adds the newest leaf to the subtree, and a complete subtree to the tree; says what that makes of the transition.
//
// After n leaves the checkpoints are the complete sub-subtrees that the binary digits of n name. The tree itself is one
// more of them, for a subtree that is complete.
fn add_leaf() -> u32 {
    let joins = countTrailingZeros(~chain.leaves);
    chain.leaves++;
    let complete = chain.leaves == 1u << chain.depth;
    if joins == 0u {
        for (var slot = 0u; slot < bound(SLOTS); slot++) {
            first[slot] = momentum[slot];
            sum[slot] = momentum[slot];
        }
        if !complete {
            return ONGOING;
        }
    } else if join_leaves() {
        return TURNING;
    }
    for (var level = 1u; level < joins; level++) {
        let earlier = CHECKPOINT + 3u * level;
        if join_spans(earlier + FIRST, earlier + LAST, earlier + SUM) {
            return TURNING;
        }
    }
    if !complete {
        keep_checkpoint(joins);
        return ONGOING;
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
        vectors[last_place + slot * TEAM] = momentum[slot];
        vectors[sum_place + slot * TEAM] = sum[slot];
    }
    spent += SLOTS;
}

// Takes up the leaf that waits, if one does; the checkpoint of level 0 is kept between dispatches alone.
fn take_waiting() {
    let waiting = place_of(team, CHECKPOINT + FIRST);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        first[slot] = vectors[waiting + slot * TEAM];
    }
}

// Joins the newest leaf to the one before; says whether they turn back, u'(u + v) <= 0 or v'(u + v) <= 0.
fn join_leaves() -> bool {
    var along: vec2<f32>;
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        sum[slot] = first[slot] + momentum[slot];
        along += vec2<f32>(first[slot], momentum[slot]) * sum[slot];
    }
    spent += SLOTS + 10u;
    return !team_positive_2(team, along);
}

// Joins the sub-subtree to an earlier stretch, of which `earlier_first`, `earlier_last` and `earlier_sum` are kept there;
// says whether that turns back, by Stan's three checks: the whole from end to end, the earlier stretch and the later one's
// first leaf, the earlier one's last leaf and the later stretch. `first` and `sum` become those of both.
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
        first[slot] = left_first;
    }
    spent += 3u * SLOTS + 20u;
    return !team_positive_8(team, halves, vec4<f32>(whole, 1.0, 1.0));
}

// Makes the complete subtree a part of the tree, and starts the next one; says what that makes of the transition.
fn join_subtree() -> u32 {
    let ratio = join(&weight, subtree_weight);
    if join_uniform(chain.depth) < ratio {
        chain.sample = 1u - chain.sample;
        chain.log_density = chain.subtree_log_density;
        chain.energy = chain.subtree_energy;
    }
    chain.depth++;
    let far = END + 3u * (1u - chain.moving) + MOMENTUM_OF;
    let turning = join_spans(far, NEAR, RHO);
    if turning {
        return TURNING;
    }
    if chain.depth == run.max_depth {
        return SATURATED;
    }
    let rho = place_of(team, RHO);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        vectors[rho + slot * TEAM] = sum[slot];
    }
    start_subtree();
    return ONGOING;
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
