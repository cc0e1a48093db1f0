// The sums over all rows of a formula's model, by the lanes of the chain's workgroup: for each factor they compute eta
// of its chunks' rows anew. Alternative to row_sums.wgsl.

// Adds up this lane's chunks of rows of all factors.
fn all_rows(team: Team, family: Family) {
    for (var f = 0u; f < FACTORS; f++) {
        for (var chunk = team.lane; chunk < factor_row(f).chunks; chunk += TEAM) {
            add_chunk(family, f, chunk);
        }
    }
}

// Derivatives by eta are not kept: there would be as many as rows for each chain.
fn keep_slope(row: u32, by_eta: f32) {}
