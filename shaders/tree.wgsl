// The tree of a transition: how leaves make subtrees, and subtrees the tree; what is kept of them, and whether they turn
// back. Twin of src/nuts/subtree.rs.

// Of the complete sub-subtree that ends in the newest leaf: the momentum it begins with, and the sum of all. They
// stay where they are while that is one leaf, so that the next one finds it here, and not in memory.
var<private> first: array<vec4<f32>, QUADS>;
var<private> sum: array<vec4<f32>, QUADS>;

// Adds the newest leaf to the subtree, and a complete subtree to the tree; says what that makes of the transition.
//
// After n leaves the checkpoints are the complete sub-subtrees that the binary digits of n name. The tree itself is one
// more of them, for a subtree that is complete.
fn add_leaf() -> u32 {
    let joins = countTrailingZeros(~chain.leaves);
    chain.leaves++;
    let complete = chain.leaves == 1u << chain.depth;
    if joins == 0u {
        for (var quad = 0u; quad < bound(QUADS); quad++) {
            first[quad] = momentum[quad];
            sum[quad] = momentum[quad];
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
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        vectors[first_place + quad * STRIDE] = first[quad];
        vectors[last_place + quad * STRIDE] = momentum[quad];
        vectors[sum_place + quad * STRIDE] = sum[quad];
    }
    spent += SLOTS;
}

// Takes up the leaf that waits, if one does; the checkpoint of level 0 is kept between dispatches alone.
fn take_waiting() {
    let waiting = place_of(team, CHECKPOINT + FIRST);
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        first[quad] = vectors[waiting + quad * STRIDE];
    }
}

// Joins the newest leaf to the one before; says whether they turn back, u'(u + v) <= 0 or v'(u + v) <= 0.
fn join_leaves() -> bool {
    var along: vec2<f32>;
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        sum[quad] = first[quad] + momentum[quad];
        along += vec2<f32>(dot(first[quad], sum[quad]), dot(momentum[quad], sum[quad]));
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
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        let left_first = vectors[first_place + quad * STRIDE];
        let left_last = vectors[last_place + quad * STRIDE];
        let left_sum = vectors[sum_place + quad * STRIDE];
        let left_and_one = left_sum + first[quad];
        let one_and_right = left_last + sum[quad];
        sum[quad] += left_sum;
        whole += vec2<f32>(dot(left_first, sum[quad]), dot(momentum[quad], sum[quad]));
        halves += vec4<f32>(
            dot(left_and_one, left_first),
            dot(left_and_one, first[quad]),
            dot(one_and_right, left_last),
            dot(one_and_right, momentum[quad]),
        );
        first[quad] = left_first;
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
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        vectors[rho + quad * STRIDE] = sum[quad];
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
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        vectors[near + quad * STRIDE] = momentum[quad];
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
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        vectors[position_place + quad * STRIDE] = position[quad];
        vectors[momentum_place + quad * STRIDE] = momentum[quad];
        vectors[gradient_place + quad * STRIDE] = gradient[quad];
    }
}

fn load_end() {
    let end = END + 3u * chain.moving;
    let position_place = place_of(team, end + POSITION);
    let momentum_place = place_of(team, end + MOMENTUM_OF);
    let gradient_place = place_of(team, end + GRADIENT);
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        position[quad] = vectors[position_place + quad * STRIDE];
        momentum[quad] = vectors[momentum_place + quad * STRIDE];
        gradient[quad] = vectors[gradient_place + quad * STRIDE];
    }
}
