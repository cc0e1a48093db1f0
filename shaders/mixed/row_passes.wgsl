// Entries: the passes over the rows of a formula's model before its log density, for many rows: hyperparameters and
// effects; the rows in the order of the first factor, by ROW_GROUPS workgroups for each position; then those of each
// other factor, whose sums gather the derivatives by eta. Twin of src/density/mixed/rows.rs.

// A row of DIM coordinates for each position.
@group(0) @binding(2) var<storage, read> positions: array<f32>;
// For each position, the derivative by eta of each row; none, if there is one factor.
@group(0) @binding(5) var<storage, read_write> slopes: array<f32>;

// The first of a position's derivatives by eta.
var<private> first_slope: u32;

// The hyperparameters and effects of position `workgroup.y`, in the workgroups' common memory.
@compute @workgroup_size(WORKGROUP)
fn set_position(invocation: Invocation) {
    let team = team_of(invocation);
    let position = invocation.workgroup.y;
    open_scratch(position);
    for (var i = team.lane; i < DIM; i += TEAM) {
        keep(AT_THETA + i, positions[position * DIM + i]);
    }
    meet();
    _ = hyper_at(team.lane);
    meet();
    set_terms(team.lane);
    meet();
    set_effects(team.lane);
}

// The chunks of rows of the first factor.
@compute @workgroup_size(WORKGROUP)
fn sum_rows(invocation: Invocation) {
    let team = team_of(invocation);
    let position = invocation.workgroup.y;
    open_rows(position);
    for (var part = 0u; part < PARTS; part++) {
        parts[part] = 0.0;
    }
    let family = family_here();
    for (var chunk = team.number * TEAM + team.lane; chunk < factor_row(0u).chunks; chunk += ROW_GROUPS * TEAM) {
        add_chunk(family, 0u, chunk);
    }
    let first = first_part(position, team.number);
    for (var quad = 0u; quad < PARTS; quad += 4u) {
        let sums = team_sums(team, vec4<f32>(parts[quad], parts[quad + 1u], parts[quad + 2u], parts[quad + 3u]));
        if team.lane < 4u {
            row_parts[first + quad + team.lane] = sums[team.lane];
        }
    }
}

// The chunks of rows of the other factors.
@compute @workgroup_size(WORKGROUP)
fn gather_rows(invocation: Invocation) {
    let team = team_of(invocation);
    open_rows(invocation.workgroup.y);
    for (var f = 1u; f < FACTORS; f++) {
        let factor = factor_row(f);
        for (var chunk = team.number * TEAM + team.lane; chunk < factor.chunks; chunk += ROW_GROUPS * TEAM) {
            gather_chunk(factor, chunk);
        }
    }
}

fn open_rows(position: u32) {
    open_scratch(position);
    first_slope = position * ROWS;
}

// Adds up a chunk of rows of a factor, given the derivatives by eta.
fn gather_chunk(factor: FactorRow, chunk: u32) {
    var by_column: array<f32, COLUMNS>;
    let end = table[factor.starts + chunk + 1u];
    for (var i = table[factor.starts + chunk]; i < end; i++) {
        let number = row_of(factor, i);
        let by_eta = slopes[first_slope + number];
        for (var c = 0u; c < factor.columns; c++) {
            by_column[c] += entry_of(row_place(number), factor.first_column + c) * by_eta;
        }
    }
    for (var c = 0u; c < factor.columns; c++) {
        keep(AT_SUMS + column_row(factor.first_column + c).sums + chunk, by_column[c]);
    }
}

// Keeps the derivative by eta of a row for the other factors.
fn keep_slope(row: u32, by_eta: f32) {
    if FACTORS > 1u {
        slopes[first_slope + row] = by_eta;
    }
}
