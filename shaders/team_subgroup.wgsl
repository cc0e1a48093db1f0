// A team of TEAM lanes that share one chain, an aligned block of a subgroup of any size: they add up by exchanging
// registers. Alternative to team_workgroup.wgsl and team_alone.wgsl. IS_SUBGROUP is 1 if every subgroup is one team.
//
// Exchanges stand in a straight line, without loops: where control flow may have diverged, a driver has to find out
// before an exchange which lanes are active (NVIDIA's with several slow instructions, in each iteration anew).

// Indices of an invocation.
struct Invocation {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_size) subgroup_size: u32,
    @builtin(subgroup_invocation_id) subgroup_lane: u32,
}

// The team's number in the dispatch, and the lane's number in the team.
struct Team {
    number: u32,
    lane: u32,
    // The number of the team's first lane in the subgroup.
    first: u32,
}

fn team_of(at: Invocation) -> Team {
    // If a subgroup is one team, a compiler sees that all its lanes have the same number.
    let before = at.workgroup.x * TEAMS + at.subgroup * (at.subgroup_size / TEAM);
    let lane = at.subgroup_lane % TEAM;
    return Team(before + at.subgroup_lane / TEAM, lane, at.subgroup_lane - lane);
}

// The sum of a number over the team's lanes, as a tree; every lane has the same bits.
fn team_sum(team: Team, value: f32) -> f32 {
    return sum_of_pairs(value + subgroupShuffleXor(value, 1u));
}

// The sums of four numbers over the team's lanes, as trees; every lane has the same bits.
fn team_sums(team: Team, values: vec4<f32>) -> vec4<f32> {
    let two = values + subgroupShuffleXor(values, 1u);
    let four = two + subgroupShuffleXor(two, 2u);
    var sums = four + subgroupShuffleXor(four, 4u);
    for (var step = 0u; step < unrolled(STEPS_FROM_EIGHT); step++) {
        sums += subgroupShuffleXor(sums, 8u << step);
    }
    return sums;
}

// The sum of a number over the team's lanes, if two neighbours each have their sum already.
fn sum_of_pairs(value: f32) -> f32 {
    let two = value + subgroupShuffleXor(value, 2u);
    return sum_of_eights(two + subgroupShuffleXor(two, 4u));
}

// The sum of a number over the team's lanes, if eight neighbours each have their sum already.
fn sum_of_eights(value: f32) -> f32 {
    var sum = value;
    for (var step = 0u; step < unrolled(STEPS_FROM_EIGHT); step++) {
        sum += subgroupShuffleXor(sum, 8u << step);
    }
    return sum;
}

// The sums of eight numbers over the team's lanes, as trees, reduced and scattered: lane l has sum l % 8.
//
// Lanes exchange halves of their numbers: nine exchanges, where all sums in every lane would need forty.
fn team_deal(team: Team, low: vec4<f32>, high: vec4<f32>) -> f32 {
    let takes_high = (team.lane & 4u) != 0u;
    let four = select(low, high, takes_high) + subgroupShuffleXor(select(high, low, takes_high), 4u);
    let takes_late = (team.lane & 2u) != 0u;
    let two = select(four.xy, four.zw, takes_late) + subgroupShuffleXor(select(four.zw, four.xy, takes_late), 2u);
    let takes_odd = (team.lane & 1u) != 0u;
    let one = select(two.x, two.y, takes_odd) + subgroupShuffleXor(select(two.y, two.x, takes_odd), 1u);
    return sum_of_eights(one);
}

// Whether the sums of two numbers over the team's lanes are both positive.
fn team_positive_2(team: Team, numbers: vec2<f32>) -> bool {
    let takes_odd = (team.lane & 1u) != 0u;
    let kept = select(numbers.x, numbers.y, takes_odd);
    let sum = sum_of_pairs(kept + subgroupShuffleXor(select(numbers.y, numbers.x, takes_odd), 1u));
    if IS_SUBGROUP == 1u {
        return subgroupAll(sum > 0.0);
    }
    let positive = u32(sum > 0.0);
    return (positive & subgroupShuffleXor(positive, 1u)) == 1u;
}

// Whether the sums of eight numbers over the team's lanes are all positive.
fn team_positive_8(team: Team, low: vec4<f32>, high: vec4<f32>) -> bool {
    let sum = team_deal(team, low, high);
    if IS_SUBGROUP == 1u {
        return subgroupAll(sum > 0.0);
    }
    var positive = u32(sum > 0.0);
    for (var apart = 1u; apart < 8u; apart <<= 1u) {
        positive &= subgroupShuffleXor(positive, apart);
    }
    return positive == 1u;
}

// Lane `lane`'s `word`, for every lane.
fn team_word(team: Team, word: u32, lane: u32) -> u32 {
    return subgroupShuffle(word, team.first + lane);
}

// Lane `lane`'s `number`, for every lane.
fn team_number(team: Team, number: f32, lane: u32) -> f32 {
    return subgroupShuffle(number, team.first + lane);
}

// Lane `lane`'s `numbers`; each lane may name another `lane`.
fn team_fetch(team: Team, numbers: vec4<f32>, lane: u32) -> vec4<f32> {
    return subgroupShuffle(numbers, team.first + lane);
}
