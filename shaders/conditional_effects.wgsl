// A group's effects, drawn from their exact conditional normal given everything else. Twin of
// src/density/collapsed/conditional_effects.rs, which has the formulas.

// The betas of group `j`, with residual sd `eps`, from 2 K normal deviates: xi, then zeta.
fn effects_given(
    at: ptr<function, At>,
    eps: f32,
    j: u32,
    normals: ptr<function, array<f32, 2u * K>>,
) -> array<f32, K> {
    var ratio: array<f32, K>;
    var offset: array<f32, K>;
    var outcome = deviation(j, at);
    for (var c = 0u; c < K; c++) {
        let sigma = (*at).coefficients[c].sigma;
        let scale = sigma / eps;
        ratio[c] = scale * scale;
        offset[c] = (*normals)[c] * sigma;
        outcome[c] -= (*normals)[K + c] * eps;
        for (var i = 0u; i < K; i++) {
            if i <= c {
                outcome[i] -= qr_entry(j, c, i) * offset[c];
            }
        }
    }
    var covariance: Covariance;
    factorize(j, &ratio, &covariance);
    whiten(&covariance, K, &outcome);
    solve(&covariance, &outcome);
    var betas: array<f32, K>;
    for (var c = 0u; c < K; c++) {
        betas[c] = offset[c] + (*at).coefficients[c].mu + column_dot(j, c, &outcome) * ratio[c];
    }
    return betas;
}
