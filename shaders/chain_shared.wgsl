// A chain that the lanes of a team share, each with some of the random words. Alternative to chain_alone.wgsl.

// Random words of joins, one block per lane, then those of directions.
var<private> join_words: vec4<u32>;

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
