// The likelihood given the effects, over every observation, where one lane loops over all rows of a group: eta, the
// family row by row, and the derivatives by the betas. Twin of src/density/rows.rs.

// The index of each group's first row, then the number of rows; then the bits of the outcome and of the slopes'
// columns, with rows in the order of groups.
@group(0) @binding(1) var<storage, read> rows: array<u32>;

// Adds the rows of group `j` at its betas to the family's sums `own`, and the derivatives by the betas, in the family's
// unit, to `by_beta`.
fn add_likelihood(
    family: Family,
    chain: u32,
    j: u32,
    betas: ptr<function, array<f32, K>>,
    by_beta: ptr<function, array<f32, K>>,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
) {
    let end = rows[j + 1u];
    for (var first = rows[j]; first < end; first += CHUNK) {
        var chunk: array<f32, FAMILY_SUMS>;
        var by_chunk: array<f32, K>;
        for (var row = first; row < min(first + CHUNK, end); row++) {
            var eta = (*betas)[0];
            for (var k = 1u; k < K; k++) {
                eta += row_number(k, row) * (*betas)[k];
            }
            let by_eta = family_row(family, vec3<f32>(row_number(0u, row), 0.0, 0.0), eta, &chunk);
            by_chunk[0] += by_eta;
            for (var k = 1u; k < K; k++) {
                by_chunk[k] += row_number(k, row) * by_eta;
            }
        }
        for (var s = 0u; s < FAMILY_SUMS; s++) {
            (*own)[s] += chunk[s];
        }
        for (var k = 0u; k < K; k++) {
            (*by_beta)[k] += by_chunk[k];
        }
    }
}

// Number `k` of a row: the outcome for 0, or else a slope's column.
fn row_number(k: u32, row: u32) -> f32 {
    return bitcast<f32>(rows[J + 1u + k * OBSERVATIONS + row]);
}
