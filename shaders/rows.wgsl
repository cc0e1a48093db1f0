// The likelihood over observations, where a lane walks over all rows of a group by itself: what one group adds. Twin of
// src/density/observations.rs.

// Where each group's rows begin, and one behind the last; then the bits of the outcome and of the slopes' columns, group
// after group.
@group(0) @binding(1) var<storage, read> rows: array<u32>;

fn group_size(j: u32) -> f32 {
    return f32(rows[j + 1u] - rows[j]);
}

// The residual sum of squares of group `j` at its betas, and half its derivative by them, with the sign turned.
fn group_residual_squares(
    chain: u32,
    j: u32,
    beta: ptr<function, array<f32, K>>,
    by_beta: ptr<function, array<f32, K>>,
) -> f32 {
    var squares = 0.0;
    for (var row = rows[j]; row < rows[j + 1u]; row++) {
        var residual = column(0u, row) - (*beta)[0];
        for (var k = 1u; k < K; k++) {
            residual -= column(k, row) * (*beta)[k];
        }
        squares += residual * residual;
        (*by_beta)[0] += residual;
        for (var k = 1u; k < K; k++) {
            (*by_beta)[k] += column(k, row) * residual;
        }
    }
    return squares;
}

fn column(k: u32, row: u32) -> f32 {
    return bitcast<f32>(rows[J + 1u + k * OBSERVATIONS + row]);
}
