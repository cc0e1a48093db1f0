// A team of TEAM lanes that share one chain and lie side by side in a subgroup, whatever its size: they add up by
// exchanging registers. Twin of team_workgroup.wgsl.

// Where an invocation finds itself.
struct Invocation {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_size) subgroup_size: u32,
    @builtin(subgroup_invocation_id) subgroup_lane: u32,
}

// Which team, of all that were dispatched, and which of its lanes.
struct Team {
    number: u32,
    lane: u32,
}

fn team_of(at: Invocation) -> Team {
    let thread = at.subgroup * at.subgroup_size + at.subgroup_lane;
    return Team(at.workgroup.x * TEAMS + thread / TEAM, thread % TEAM);
}

// The sum of a number over the team's lanes, as a tree; every lane has it.
fn team_sum(team: Team, value: f32) -> f32 {
    var sum = value;
    for (var apart = 1u; apart < TEAM; apart <<= 1u) {
        sum += subgroupShuffleXor(sum, apart);
    }
    return sum;
}
