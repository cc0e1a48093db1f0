// Entry: the likelihood given the effects, over every observation, first pass: each invocation adds up one chunk of
// rows of one group, for CHAINS chains at once. Twin of src/density/rows.rs.
//
// The rows of BUNDLE chunks are interleaved, so that the lanes of a workgroup read neighbouring numbers.

@group(0) @binding(1) var<storage, read> chunks: array<RowChunk>;
// For each row of each bundle: BUNDLE outcomes, then BUNDLE numbers of each slope's column.
@group(0) @binding(3) var<storage, read> rows: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(BUNDLE)
fn residuals(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= CHUNKS {
        return;
    }
    let chunk = chunks[id.x];
    let first = id.y * CHAINS;
    var families: array<Family, CHAINS>;
    var betas: array<array<f32, K>, CHAINS>;
    for (var chain = 0u; chain < CHAINS; chain++) {
        var at = hyperparameters(first + chain);
        families[chain] = at.family;
        for (var k = 0u; k < K; k++) {
            betas[chain][k] = beta(k, at.coefficients[k], effect(first + chain, k, chunk.group));
        }
    }
    var by_beta: array<array<f32, K>, CHAINS>;
    var sums: array<array<f32, FAMILY_SUMS>, CHAINS>;
    var place = chunk.place;
    for (var row = 0u; row < chunk.rows; row++) {
        var x: array<f32, K>;
        x[0] = 1.0;
        for (var k = 1u; k < K; k++) {
            x[k] = rows[place + k * BUNDLE];
        }
        let outcome = rows[place];
        for (var chain = 0u; chain < CHAINS; chain++) {
            var eta = betas[chain][0];
            for (var k = 1u; k < K; k++) {
                eta += x[k] * betas[chain][k];
            }
            var own = sums[chain];
            let by_eta = family_row(families[chain], vec3<f32>(outcome, 0.0, 0.0), eta, &own);
            sums[chain] = own;
            for (var k = 0u; k < K; k++) {
                by_beta[chain][k] += x[k] * by_eta;
            }
        }
        place += K * BUNDLE;
    }
    for (var chain = 0u; chain < CHAINS; chain++) {
        let place = (first + chain) * PARTIALS + chunk.sum;
        for (var k = 0u; k < K; k++) {
            partials[place + k * CHUNKS] = by_beta[chain][k];
        }
        for (var s = 0u; s < FAMILY_SUMS; s++) {
            partials[place + (K + s) * CHUNKS] = sums[chain][s];
        }
    }
}
