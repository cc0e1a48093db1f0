// The likelihood over observations, where a lane walks over all rows of a group by itself: what one group adds. Twin of
// src/density/observations.rs.

// Where each group's rows begin, and one behind the last; then the bits of the outcome and of the slopes' columns, group
// after group.
@group(0) @binding(1) var<storage, read> rows: array<u32>;

// Rows that are added up by themselves before their sums are.
const STRETCH = 32u;

// By how much the residual sum of squares of group `j` at its betas is beyond the noise of its observations; and half its
// derivative by the betas, with the sign turned.
fn group_residual_squares(
    chain: u32,
    j: u32,
    beta: ptr<function, array<f32, K>>,
    by_beta: ptr<function, array<f32, K>>,
) -> f32 {
    var squares = 0.0;
    let end = rows[j + 1u];
    for (var first = rows[j]; first < end; first += STRETCH) {
        var stretch_squares = 0.0;
        var stretch: array<f32, K>;
        for (var row = first; row < min(first + STRETCH, end); row++) {
            var residual = column(0u, row) - (*beta)[0];
            for (var k = 1u; k < K; k++) {
                residual -= column(k, row) * (*beta)[k];
            }
            stretch_squares += residual * residual - fixed.reference.noise;
            stretch[0] += residual;
            for (var k = 1u; k < K; k++) {
                stretch[k] += column(k, row) * residual;
            }
        }
        squares += stretch_squares;
        for (var k = 0u; k < K; k++) {
            (*by_beta)[k] += stretch[k];
        }
    }
    return squares;
}

fn column(k: u32, row: u32) -> f32 {
    return bitcast<f32>(rows[J + 1u + k * OBSERVATIONS + row]);
}
