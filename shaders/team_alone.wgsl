// A team of one lane, which has a chain to itself and exchanges nothing. Alternative to team_subgroup.wgsl and
// team_workgroup.wgsl.

// Indices of an invocation.
struct Invocation {
    @builtin(global_invocation_id) id: vec3<u32>,
}

// The team's number in the dispatch, and the lane's number in the team, 0.
struct Team {
    number: u32,
    lane: u32,
}

fn team_of(at: Invocation) -> Team {
    return Team(at.id.x, 0u);
}

fn team_sum(team: Team, value: f32) -> f32 {
    return value;
}

fn team_sums(team: Team, values: vec4<f32>) -> vec4<f32> {
    return values;
}

fn team_positive_2(team: Team, numbers: vec2<f32>) -> bool {
    return all(numbers > vec2<f32>(0.0));
}

fn team_positive_8(team: Team, low: vec4<f32>, high: vec4<f32>) -> bool {
    return all(low > vec4<f32>(0.0)) && all(high > vec4<f32>(0.0));
}

fn team_word(team: Team, word: u32, lane: u32) -> u32 {
    return word;
}

fn team_number(team: Team, number: f32, lane: u32) -> f32 {
    return number;
}

fn team_fetch(team: Team, numbers: vec4<f32>, lane: u32) -> vec4<f32> {
    return numbers;
}
