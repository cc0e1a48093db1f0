// What a group adds to the log density where its effects are coordinates. Twin of src/density/sums.rs.
//
// The same as marginal.wgsl, where effects are integrated out.

// Adds what group `j` of `chain` adds, and turns its `effects` into the log density's derivative by them.
fn add_group(at: ptr<function, At>, chain: u32, j: u32, effects: ptr<function, array<f32, K>>, sums: ptr<function, array<f32, SUMS>>) {
    var beta: array<f32, K>;
    var by_beta: array<f32, K>;
    for (var k = 0u; k < K; k++) {
        beta[k] = beta_of((*at).coefficients[k], is_centered(k), (*effects)[k]);
    }
    let scaled = group_residual_squares(chain, j, &beta, &by_beta) * (*at).inverse_variance;
    (*sums)[BY_LOG_EPS] += scaled;
    var log_density = -0.5 * scaled;
    for (var k = 0u; k < K; k++) {
        let coefficient = (*at).coefficients[k];
        let effect = (*effects)[k];
        let derivative = by_beta[k] * (*at).inverse_variance;
        if is_centered(k) {
            let from_mean = effect - coefficient.mu;
            let force = from_mean * coefficient.inverse_variance;
            log_density -= 0.5 * from_mean * force + coefficient.log_sigma;
            (*sums)[k] += force;
            (*sums)[BY_LOG_SIGMA + k] += from_mean * force - 1.0;
            (*effects)[k] = derivative - force;
        } else {
            log_density -= 0.5 * effect * effect;
            (*sums)[k] += derivative;
            (*sums)[BY_LOG_SIGMA + k] += derivative * effect * coefficient.sigma;
            (*effects)[k] = derivative * coefficient.sigma - effect;
        }
    }
    (*sums)[LOG_DENSITY] += log_density;
}
