// A chain that one lane has to itself, with all groups and all random words. Alternative to chain_shared.wgsl.
//
// No effects are in theta. Groups are added up in bunches of BUNCH, then bunches: a compiler may interleave the groups
// of a bunch. Padding groups at the end of the table, which add nothing, make every bunch whole.

// The current block of words for joins, and the word of directions.
var<private> join_words: vec4<u32>;
var<private> direction_word: u32;

// Adds up over the groups: sets the gradient at the moving end, and returns the log density.
fn of_groups(at: ptr<function, At>) -> f32 {
    var parts: array<f32, PARTS>;
    var effects: array<f32, K>;
    // Compilers must not know the bound: they would unroll all bunches, into more code than caches hold.
    for (var bunch = 0u; bunch < min(QR_GROUPS / BUNCH, run.turns); bunch++) {
        var bunch_parts: array<f32, PARTS>;
        for (var i = 0u; i < bound(BUNCH); i++) {
            add_group(at, team.number, BUNCH * bunch + i, &effects, &bunch_parts);
        }
        for (var part = 0u; part < PARTS; part++) {
            parts[part] += bunch_parts[part];
        }
    }
    var sums = sums_of(at, &parts);
    for (var h = 0u; h < HYPERPARAMETERS; h++) {
        let own = alone(h, position_at(h));
        gradient[h / 4u][h % 4u] = sums[h] + own.y;
        sums[LOG_DENSITY] += own.x;
    }
    return sums[LOG_DENSITY];
}

fn take_words() {
    direction_word = words(key, DIRECTION, 0u).x;
    join_words = words(key, JOIN, chain.depth / 4u);
    spent += 40u;
}

// The end that moves when the tree has `depth` doublings: 0 backwards, 1 forwards.
fn direction(depth: u32) -> u32 {
    return direction_word >> (depth % 32u) & 1u;
}

// The uniform deviate that decides whether the sample of the subtree that doubles a tree of `depth` becomes the tree's.
fn join_uniform(depth: u32) -> f32 {
    if depth > 0u && depth % 4u == 0u {
        join_words = words(key, JOIN, depth / 4u);
        spent += 20u;
    }
    return uniform_deviate(join_words[depth % 4u]);
}
