// Entry: independent draws of mu and of the scales, for one or two coefficients. Twin of src/independent/proposal.rs.
//
// A lane makes a draw after the other, each by as many proposals as it takes, so that no lane waits for another one's
// draw. Log densities are about the mode, the origin of the lattice: src/independent/proposal/about_mode.rs.

@group(0) @binding(0) var<uniform> run: IndependentRun;
@group(0) @binding(1) var<storage, read> axes: array<AxisRow>;
// Chain and transition of each draw.
@group(0) @binding(2) var<storage, read> keys: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> drawn: array<DrawnRow>;

// Logs further than this from those at the mode have no density here: less than 1e-8 of the posterior.
const FAR = 20.0;

// A proposal number `number` of a draw; its `tries` are 0 if it is rejected.
fn propose(key: StreamKey, number: u32) -> DrawnRow {
    let first = words(key, PROPOSAL, 3u * number);
    let second = words(key, PROPOSAL, 3u * number + 1u);
    var at: InCell;
    if first.y < DEFENSIVE {
        for (var i = 0u; i < bound(SCALES); i++) {
            at.place[i] = (axes[i].centre + axes[i].wide * wide_quantile(second[i + 1u])) / run.step;
        }
        at.height = cells_at(at.place);
    } else {
        at = cells_draw(first.zw, second.x, second.yzw);
    }
    return weigh(key, at, uniform_deviate(first.x), number + 1u);
}

// Accepts or rejects a proposal, and draws mu.
fn weigh(key: StreamKey, at: InCell, deviate: f32, tries: u32) -> DrawnRow {
    let z = at.place * run.step;
    var moved: vec3<f32>;
    var wide = run.wide;
    for (var i = 0u; i < bound(SCALES); i++) {
        moved[i] = dot(vec3<f32>(axes[i].root_0, axes[i].root_1, axes[i].root_2), z);
        wide *= wide_density((z[i] - axes[i].centre) / axes[i].wide);
    }
    let scales = density_at(moved);
    let log_weight = scales.log_density - ln(at.height * run.inside + wide) + run.offset;
    // Compilers may assume that there is neither infinity nor NaN, so that their bits are looked at.
    let is_finite = (bitcast<u32>(log_weight) & 0x7F800000u) != 0x7F800000u;
    let log_eps = scales.logs[K];
    let is_near = abs(log_eps) < FAR && abs(scales.logs[0] - log_eps) < FAR && abs(scales.logs[K - 1u] - log_eps) < FAR;
    let is_accepted = is_finite && is_near && exp_of(log_weight) > deviate;
    var deviates = normals(key, MEAN, 0u).xy;
    if K < 2u {
        deviates.y = 0.0;
    }
    let mu = means_draw(scales.means, deviates);
    let log_density = scales.density_of_logs + scales.means.log_root - 0.5 * dot(deviates, deviates);
    return DrawnRow(
        mu.x,
        mu.y,
        scales.logs.x,
        scales.logs.y,
        scales.logs.z,
        log_density,
        log_weight,
        select(0u, tries, is_accepted),
    );
}

@compute @workgroup_size(LANES)
fn draw(@builtin(global_invocation_id) id: vec3<u32>) {
    var row = id.x;
    var number = 0u;
    for (var turn = 0u; turn < run.most && row < run.rows; turn++) {
        let proposed = propose(StreamKey(vec2<u32>(run.seed_low, run.seed_high), keys[row].x, keys[row].y), number);
        number += 1u;
        if proposed.tries > 0u {
            drawn[row] = proposed;
            row += run.lanes;
            number = 0u;
        }
    }
    // The host makes what is left.
    for (; row < run.rows; row += run.lanes) {
        drawn[row].tries = 0u;
    }
}

// The quantile of Student's t with two degrees of freedom at a word's deviate, from the smaller of both tails.
fn wide_quantile(word: u32) -> f32 {
    let tail = uniform_deviate(min(word, ~word));
    let quantile = (1.0 - 2.0 * tail) / sqrt(2.0 * tail * (1.0 - tail));
    return select(-quantile, quantile, word >= 0x80000000u);
}

// Its density.
fn wide_density(x: f32) -> f32 {
    let square = 2.0 + x * x;
    return 1.0 / (square * sqrt(square));
}
