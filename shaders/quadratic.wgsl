// The likelihood over groups: what one group adds, from its rotated observations. src/density/groups.rs computes the same from
// sufficient statistics, whose differences of squares 32 bits do not bear.
//
// Loops turn K times whatever they have to do; see covariance.wgsl.

// By how much the residual sum of squares of group `j` at its betas is beyond the noise of its observations; and half its
// derivative by the betas, with the sign turned: |w - R beta|^2 + rest, and R' (w - R beta).
fn group_residual_squares(
    chain: u32,
    j: u32,
    beta: ptr<function, array<f32, K>>,
    by_beta: ptr<function, array<f32, K>>,
) -> f32 {
    var squares = rest(j);
    for (var i = 0u; i < K; i++) {
        var residual = outcome(j, i);
        for (var c = 0u; c < K; c++) {
            if c >= i {
                residual -= entry(j, c, i) * (*beta)[c];
            }
        }
        squares += residual * residual;
        for (var c = 0u; c < K; c++) {
            if c >= i {
                (*by_beta)[c] += entry(j, c, i) * residual;
            }
        }
    }
    return squares;
}
