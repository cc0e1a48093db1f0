// The log density of groups whose effects are integrated out. Twin of src/density/collapsed.rs, which has the formulas.
//
// Alternative to joint.wgsl, for effects that are coordinates.

// Sums over groups: Q minus the reference noise of all observations, and for each coefficient the sums of r' q, of (r'
// q)^2, and of r' V^-1 r.
const PARTS = 1u + 3u * K;

// The product of all d of the groups so far: a number in [1, 2), and how often it was halved.
var<private> determinant = 1.0;
var<private> halvings = 0u;

// Adds group `j` to the `parts`, and its d to the product; `effects` is not used.
fn add_group(
    at: ptr<function, At>,
    chain: u32,
    j: u32,
    effects: ptr<function, array<f32, K>>,
    parts: ptr<function, array<f32, PARTS>>,
) {
    let inverse_variance = family_unit((*at).family);
    var ratio: array<f32, K>;
    for (var k = 0u; k < K; k++) {
        let sigma = (*at).coefficients[k].sigma;
        ratio[k] = sigma * sigma * inverse_variance;
    }
    var covariance: Covariance;
    factorize(j, &ratio, &covariance);
    for (var k = 0u; k < K; k++) {
        determinant *= covariance.diagonal[k];
        // A product of two d does not overflow.
        if k % 2u == 1u || k + 1u == K {
            renormalize();
        }
    }
    var q = deviation(j, at);
    (*parts)[0] += whiten(&covariance, K, &q) + qr_rest(j);
    solve(&covariance, &q);
    for (var k = 0u; k < K; k++) {
        let first = column_dot(j, k, &q);
        var column = column(j, k);
        (*parts)[1u + 3u * k] += first;
        (*parts)[2u + 3u * k] += first * first;
        (*parts)[3u + 3u * k] += whiten(&covariance, k + 1u, &column);
    }
}

// Brings the product back to [1, 2).
fn renormalize() {
    let bits = bitcast<u32>(determinant);
    halvings += (bits >> 23u) - 127u;
    determinant = bitcast<f32>((bits & 0x7FFFFFu) | 0x3F800000u);
}

// The log density and its derivatives, from the `parts`; resets the product to 1.
fn sums_of(at: ptr<function, At>, parts: ptr<function, array<f32, PARTS>>) -> array<f32, SUMS> {
    let inverse_variance = family_unit((*at).family);
    let scaled = (*parts)[0] * inverse_variance;
    var by_log_dispersion = scaled;
    var sums: array<f32, SUMS>;
    for (var k = 0u; k < K; k++) {
        let sigma = (*at).coefficients[k].sigma;
        let ratio = sigma * sigma * inverse_variance;
        let by_log_sigma = ratio * ((*parts)[2u + 3u * k] * inverse_variance - (*parts)[3u + 3u * k]);
        sums[MEAN + k] = (*parts)[1u + 3u * k] * inverse_variance;
        sums[SCALE + k] = by_log_sigma;
        by_log_dispersion -= by_log_sigma;
    }
    sums[DISPERSION] = by_log_dispersion;
    sums[LOG_DENSITY] = -0.5 * (scaled + ln(determinant) + f32(halvings) * 0.69314718);
    determinant = 1.0;
    halvings = 0u;
    return sums;
}
