// Entry: the likelihood over observations, first pass: an invocation walks along one stretch of rows of one group, for
// CHAINS chains at once, and leaves its sums. Twin of src/density/observations.rs.
//
// Stretches come in bundles of BUNDLE, so that the rows that a workgroup reads lie side by side.

@group(0) @binding(1) var<storage, read> stretches: array<Stretch>;
@group(0) @binding(2) var<storage, read> positions: array<f32>;
// For each row of each bundle, BUNDLE numbers side by side: the outcome, and the slopes' columns.
@group(0) @binding(3) var<storage, read> rows: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(BUNDLE)
fn residuals(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= STRETCHES {
        return;
    }
    let stretch = stretches[id.x];
    let first = id.y * CHAINS;
    var beta: array<array<f32, K>, CHAINS>;
    for (var chain = 0u; chain < CHAINS; chain++) {
        let position = (first + chain) * DIM;
        for (var k = 0u; k < K; k++) {
            let effect = positions[position + HYPERPARAMETERS + k * J + stretch.group];
            let at = coefficient(positions[position + k], positions[position + K + k]);
            beta[chain][k] = beta_of(at, is_centered(k), effect);
        }
    }
    var sums: array<array<f32, K + 1u>, CHAINS>;
    var place = stretch.place;
    for (var row = 0u; row < stretch.rows; row++) {
        var x: array<f32, K>;
        x[0] = 1.0;
        for (var k = 1u; k < K; k++) {
            x[k] = rows[place + k * BUNDLE];
        }
        let outcome = rows[place];
        for (var chain = 0u; chain < CHAINS; chain++) {
            var residual = outcome;
            for (var k = 0u; k < K; k++) {
                residual -= x[k] * beta[chain][k];
            }
            for (var k = 0u; k < K; k++) {
                sums[chain][k] += x[k] * residual;
            }
            sums[chain][K] += residual * residual - fixed.reference.noise;
        }
        place += K * BUNDLE;
    }
    for (var chain = 0u; chain < CHAINS; chain++) {
        for (var k = 0u; k <= K; k++) {
            partials[(first + chain) * PARTIALS + k * STRETCHES + stretch.sum] = sums[chain][k];
        }
    }
}
