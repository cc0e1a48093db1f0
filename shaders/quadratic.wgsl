// The Gaussian likelihood given the effects, from each group's QR factor: the cost does not depend on the number of
// observations. Twin of src/density/quadratic.rs.
//
// All loops run K times; see covariance.wgsl.

// Adds the rows of group `j` at its betas: |w - R beta|^2 + `qr_rest` to the family's sums `own`, and R' (w - R beta),
// the derivatives by the betas in the family's unit, to `by_beta`.
fn add_likelihood(
    family: Family,
    chain: u32,
    j: u32,
    betas: ptr<function, array<f32, K>>,
    by_beta: ptr<function, array<f32, K>>,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
) {
    var squares = qr_rest(j);
    for (var i = 0u; i < K; i++) {
        var residual = qr_outcome(j, i);
        for (var c = 0u; c < K; c++) {
            if c >= i {
                residual -= qr_entry(j, c, i) * (*betas)[c];
            }
        }
        squares += residual * residual;
        for (var c = 0u; c < K; c++) {
            if c >= i {
                (*by_beta)[c] += qr_entry(j, c, i) * residual;
            }
        }
    }
    (*own)[0] += squares;
}
