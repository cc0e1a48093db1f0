// What a group adds to the log density where its effects are integrated out. Twin of src/density/collapsed.rs, where the
// formulas are.
//
// The same as joint.wgsl, where effects are coordinates.

// The product of all d of the groups so far: a number in [1, 2), and how often it was halved.
var<private> determinant = 1.0;
var<private> halvings = 0u;

// Adds what group `j` adds, but for its determinant; there are no `effects`.
fn add_group(
    at: ptr<function, At>,
    chain: u32,
    j: u32,
    effects: ptr<function, array<f32, K>>,
    sums: ptr<function, array<f32, SUMS>>,
) {
    let inverse_variance = family_unit((*at).family);
    var ratio: array<f32, K>;
    for (var k = 0u; k < K; k++) {
        let sigma = (*at).coefficients[k].sigma;
        ratio[k] = sigma * sigma * inverse_variance;
    }
    var covariance: Covariance;
    factorize(j, &ratio, &covariance);
    var q = deviation(j, at);
    let scaled = (whiten(&covariance, K, &q) + qr_rest(j)) * inverse_variance;
    solve(&covariance, &q);
    for (var k = 0u; k < K; k++) {
        multiply_determinant(covariance.diagonal[k]);
    }
    (*sums)[LOG_DENSITY] -= 0.5 * scaled;
    var by_log_dispersion = scaled;
    for (var k = 0u; k < K; k++) {
        let first = along(j, k, &q);
        var column = column(j, k);
        let leverage = whiten(&covariance, k + 1u, &column);
        let by_log_sigma = ratio[k] * (first * first * inverse_variance - leverage);
        (*sums)[MEAN + k] += first * inverse_variance;
        (*sums)[SCALE + k] += by_log_sigma;
        by_log_dispersion -= by_log_sigma;
    }
    (*sums)[DISPERSION] += by_log_dispersion;
}

fn multiply_determinant(d: f32) {
    let bits = bitcast<u32>(determinant * d);
    halvings += (bits >> 23u) - 127u;
    determinant = bitcast<f32>((bits & 0x7FFFFFu) | 0x3F800000u);
}

// Adds what the groups add together: the logarithm of their determinants.
fn add_rest(sums: ptr<function, array<f32, SUMS>>) {
    (*sums)[LOG_DENSITY] -= 0.5 * (ln(determinant) + f32(halvings) * 0.69314718);
    determinant = 1.0;
    halvings = 0u;
}
