// A team of TEAM lanes that share one chain and make up a workgroup: they add up through its memory, without subgroups.
// Alternative to team_subgroup.wgsl and team_alone.wgsl. Either all lanes call a function or none.

// Indices of an invocation.
struct Invocation {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
}

// The team's number in the dispatch, and the lane's number in the team.
struct Team {
    number: u32,
    lane: u32,
}

var<workgroup> exchanged: array<vec4<f32>, TEAM>;
var<workgroup> exchanged_word: u32;

fn team_of(at: Invocation) -> Team {
    return Team(at.workgroup.x, at.lane);
}

// The sums of four numbers over the team's lanes, as trees; every lane has the same bits.
fn team_sums(team: Team, values: vec4<f32>) -> vec4<f32> {
    // Other lanes may still read the last sums.
    workgroupBarrier();
    exchanged[team.lane] = values;
    workgroupBarrier();
    for (var half = TEAM / 2u; half > 0u; half >>= 1u) {
        if team.lane < half {
            exchanged[team.lane] += exchanged[team.lane + half];
        }
        workgroupBarrier();
    }
    return exchanged[0];
}

// The sum of a number over the team's lanes, as a tree; every lane has the same bits.
fn team_sum(team: Team, value: f32) -> f32 {
    return team_sums(team, vec4<f32>(value, 0.0, 0.0, 0.0)).x;
}

// The sums of eight numbers over the team's lanes, as trees, scattered: lane l has sum l % 8.
fn team_deal(team: Team, low: vec4<f32>, high: vec4<f32>) -> f32 {
    let low_sums = team_sums(team, low);
    let high_sums = team_sums(team, high);
    return select(low_sums, high_sums, (team.lane & 4u) != 0u)[team.lane & 3u];
}

// Whether the sums of two numbers over the team's lanes are both positive.
fn team_positive_2(team: Team, numbers: vec2<f32>) -> bool {
    return all(team_sums(team, vec4<f32>(numbers, 0.0, 0.0)).xy > vec2<f32>(0.0));
}

// Whether the sums of eight numbers over the team's lanes are all positive.
fn team_positive_8(team: Team, low: vec4<f32>, high: vec4<f32>) -> bool {
    let low_sums = team_sums(team, low);
    let high_sums = team_sums(team, high);
    return all(low_sums > vec4<f32>(0.0)) && all(high_sums > vec4<f32>(0.0));
}

// Lane `lane`'s `word`, for every lane.
fn team_word(team: Team, word: u32, lane: u32) -> u32 {
    workgroupBarrier();
    if team.lane == lane {
        exchanged_word = word;
    }
    workgroupBarrier();
    return exchanged_word;
}

// Lane `lane`'s `number`, for every lane.
fn team_number(team: Team, number: f32, lane: u32) -> f32 {
    return bitcast<f32>(team_word(team, bitcast<u32>(number), lane));
}

// Lane `lane`'s `numbers`; each lane may name another `lane`.
fn team_fetch(team: Team, numbers: vec4<f32>, lane: u32) -> vec4<f32> {
    workgroupBarrier();
    exchanged[team.lane] = numbers;
    workgroupBarrier();
    return exchanged[lane];
}
