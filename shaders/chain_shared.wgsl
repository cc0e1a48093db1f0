// A chain that the lanes of a team share, each with some of the groups and of the random words. Alternative to
// chain_alone.wgsl.

// Random words of joins, one block per lane, then those of directions.
var<private> join_words: vec4<u32>;

// Adds up over the groups: sets the gradient at the moving end, and returns the log density.
fn of_groups(at: ptr<function, At>) -> f32 {
    var parts: array<f32, PARTS>;
    var effects: array<f32, K>;
    for (var i = 0u; i < bound(GROUP_SLOTS); i++) {
        let j = i * TEAM + team.lane;
        if j < J {
            for (var k = 0u; k < EFFECTS; k++) {
                effects[k] = position_at(k * GROUP_SLOTS + i);
            }
            add_group(at, team.number, j, &effects, &parts);
            for (var k = 0u; k < EFFECTS; k++) {
                let slot = k * GROUP_SLOTS + i;
                gradient[slot / 4u][slot % 4u] = effects[k];
            }
        }
    }
    var sums = sums_of(at, &parts);
    var sum: f32;
    for (var eighth = 0u; eighth < unrolled(EIGHTHS); eighth++) {
        let slot = EFFECTS * GROUP_SLOTS + 8u * eighth / TEAM;
        let h = 8u * eighth / TEAM * TEAM + team.lane;
        sum = add_up(team, eighth, h, position_at(slot), &sums);
        gradient[slot / 4u][slot % 4u] = select(gradient[slot / 4u][slot % 4u], sum, is_among(h, eighth));
    }
    return team_number(team, sum, LOG_DENSITY % 8u);
}

// Blocks 0, 1, ... of the words for joins, one per lane; in lane DIRECTION_LANE the block of directions.
fn take_words() {
    let is_direction = team.lane == DIRECTION_LANE;
    join_words = words(key, select(JOIN, DIRECTION, is_direction), select(team.lane, 0u, is_direction));
    spent += 20u;
}

// The end that moves when the tree has `depth` doublings: 0 backwards, 1 forwards.
fn direction(depth: u32) -> u32 {
    return team_word(team, join_words.x, DIRECTION_LANE) >> (depth % 32u) & 1u;
}

// The uniform deviate that decides whether the sample of the subtree that doubles a tree of `depth` becomes the tree's.
fn join_uniform(depth: u32) -> f32 {
    return uniform_deviate(team_word(team, join_words[depth % 4u], depth / 4u));
}

// Tables are read in their buffer: lanes read different groups at once.
fn load_tables(lane: u32) {}
