// An invocation's number in a dispatch of workgroups of MOVERS lanes, in rows as long as the device allows.

struct Among {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
}

fn number_of(among: Among) -> u32 {
    return (among.workgroup.y * among.workgroups.x + among.workgroup.x) * MOVERS + among.lane;
}
