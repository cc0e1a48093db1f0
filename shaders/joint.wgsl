// The log density of a group whose effects are coordinates. Alternative to collapsed.wgsl, for effects that are
// integrated out.

// Adds group `j` of `chain` to the `sums`, and replaces its `effects` by the log density's derivatives by them.
fn add_group(
    at: ptr<function, At>,
    chain: u32,
    j: u32,
    effects: ptr<function, array<f32, K>>,
    sums: ptr<function, array<f32, PARTS>>,
) {
    var betas: array<f32, K>;
    var by_beta: array<f32, K>;
    var own: array<f32, FAMILY_SUMS>;
    for (var k = 0u; k < K; k++) {
        betas[k] = beta(k, (*at).coefficients[k], (*effects)[k]);
    }
    add_likelihood((*at).family, chain, j, &betas, &by_beta, &own);
    var log_density = family_finish((*at).family, &own, sums);
    let unit = family_unit((*at).family);
    for (var k = 0u; k < K; k++) {
        (*effects)[k] = pull(k, (*at).coefficients[k], (*effects)[k], by_beta[k] * unit, sums, &log_density);
    }
    (*sums)[LOG_DENSITY] += log_density;
}

// Sums over groups: the final sums themselves.
const PARTS = SUMS;

fn sums_of(at: ptr<function, At>, parts: ptr<function, array<f32, PARTS>>) -> array<f32, SUMS> {
    return *parts;
}
