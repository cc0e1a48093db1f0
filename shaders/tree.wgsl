// The tree of a transition: leaves are joined to subtrees, subtrees to the tree, with checkpoints and U-turn checks.
// Twin of src/nuts/subtree.rs.

// The first momentum and the sum of momenta of the complete sub-subtree that ends in the newest leaf. While that
// sub-subtree is one leaf, they are not written to memory: the next leaf reads them here.
var<private> first: array<vec4<f32>, QUADS>;
var<private> sum: array<vec4<f32>, QUADS>;

// Adds the newest leaf to the subtree, and a complete subtree to the tree; returns the state of the transition.
//
// After n leaves, the checkpoints are the complete sub-subtrees given by the binary digits of n. For a complete
// subtree, the tree itself is one more checkpoint.
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

// Restores a leaf that waits for the next one; the checkpoint of level 0 is stored between dispatches only.
fn take_waiting() {
    let waiting = place_of(team, CHECKPOINT + FIRST);
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        first[quad] = vectors[waiting + quad * STRIDE];
    }
}

// Joins the newest leaf to the leaf before; returns whether they turn back, u'(u + v) <= 0 or v'(u + v) <= 0.
fn join_leaves() -> bool {
    var column_dot: vec2<f32>;
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        sum[quad] = first[quad] + momentum[quad];
        column_dot += vec2<f32>(dot(first[quad], sum[quad]), dot(momentum[quad], sum[quad]));
    }
    spent += SLOTS + 10u;
    return !team_positive_2(team, column_dot);
}

// Joins the sub-subtree to an earlier span, with first momentum, last momentum and sum in vectors `earlier_first`,
// `earlier_last` and `earlier_sum`. Returns whether the join turns back, by Stan's three checks: both spans, the
// earlier span and the later one's first leaf, the earlier one's last leaf and the later span. `first` and `sum` become
// those of both spans.
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

// Joins the complete subtree to the tree, and starts the next subtree; returns the state of the transition.
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

// Turns to the end where the trajectory is doubled next.
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
