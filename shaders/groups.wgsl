// The likelihood over groups: what one group adds, from its sufficient statistics. Twin of src/density/groups.rs.
//
// A row of J numbers for each statistic: size, mean outcome, Syy, and for each slope its mean, its cross product with the
// outcome and its row of the Gram matrix.

@group(0) @binding(1) var<storage, read> statistics: array<f32>;

fn group_size(j: u32) -> f32 {
    return statistics[j];
}

// The residual sum of squares of group `j` at its betas, and half its derivative by them, with the sign turned.
//
// With r and t_k = Sxy_k - (Sxx b)_k: n r^2 + Syy - b' (Sxy + t), and n r, n r mean(x_k) + t_k.
fn group_residual_squares(
    chain: u32,
    j: u32,
    beta: ptr<function, array<f32, K>>,
    by_beta: ptr<function, array<f32, K>>,
) -> f32 {
    let size = statistics[j];
    var residual = statistics[J + j] - (*beta)[0];
    for (var k = 1u; k < K; k++) {
        residual -= statistics[slope_row(k) * J + j] * (*beta)[k];
    }
    let weighted = size * residual;
    var squares = weighted * residual + statistics[2u * J + j];
    (*by_beta)[0] = weighted;
    for (var k = 1u; k < K; k++) {
        let row = slope_row(k);
        let cross = statistics[(row + 1u) * J + j];
        var rest = cross;
        for (var l = 1u; l < K; l++) {
            rest -= statistics[(row + 1u + l) * J + j] * (*beta)[l];
        }
        squares -= (*beta)[k] * (cross + rest);
        (*by_beta)[k] = weighted * statistics[row * J + j] + rest;
    }
    return squares;
}

fn slope_row(k: u32) -> u32 {
    return 3u + (k - 1u) * (K + 1u);
}
