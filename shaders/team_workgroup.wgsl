// A team of TEAM lanes that share one chain and make up a workgroup: they add up through its memory, and need no
// subgroups. Twin of team_subgroup.wgsl. Every lane has to come by wherever one adds up.

// Where an invocation finds itself.
struct Invocation {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
}

// Which team, of all that were dispatched, and which of its lanes.
struct Team {
    number: u32,
    lane: u32,
}

var<workgroup> added: array<f32, TEAM>;

fn team_of(at: Invocation) -> Team {
    return Team(at.workgroup.x, at.lane);
}

// The sum of a number over the team's lanes, as a tree; every lane has it.
fn team_sum(team: Team, value: f32) -> f32 {
    // The last sum may still be being read.
    workgroupBarrier();
    added[team.lane] = value;
    workgroupBarrier();
    for (var half = TEAM / 2u; half > 0u; half >>= 1u) {
        if team.lane < half {
            added[team.lane] += added[team.lane + half];
        }
        workgroupBarrier();
    }
    return added[0];
}
