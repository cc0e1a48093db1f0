// The sums over all rows of a formula's model, from the parts that row_passes.wgsl has made. Alternative to
// all_rows.wgsl.

// For each position, the parts of each workgroup of its rows.
@group(0) @binding(4) var<storage, read_write> row_parts: array<f32>;

// Adds this lane's share of the workgroups' parts.
fn all_rows(team: Team, family: Family) {
    for (var workgroup = team.lane; workgroup < ROW_GROUPS; workgroup += TEAM) {
        let first = first_part(team.number, workgroup);
        for (var part = 0u; part < PARTS; part++) {
            parts[part] += row_parts[first + part];
        }
    }
}

// The first part of a workgroup of a position's rows.
fn first_part(position: u32, workgroup: u32) -> u32 {
    return (position * ROW_GROUPS + workgroup) * PARTS;
}
