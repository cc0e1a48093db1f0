// Entry: the group effects of independent draws, a lane a draw and group, after independent.wgsl has made the draws.
//
// mu, the groups' w and the effects are about the mean of mu at the mode, which the host adds in 64 bits.

@group(0) @binding(0) var<uniform> run: IndependentRun;
// Chain and transition of each draw.
@group(0) @binding(2) var<storage, read> keys: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> drawn: array<DrawnRow>;
// K J effects of each draw, coefficient after coefficient.
@group(0) @binding(4) var<storage, read_write> effects: array<f32>;

// What the effects depend on of a draw's coefficients. Alternative to at.wgsl, which has all hyperparameters.
struct At {
    coefficients: array<DrawnCoefficient, K>,
}

struct DrawnCoefficient {
    mu: f32,
    sigma: f32,
}

@compute @workgroup_size(MOVERS)
fn draw_effects(among: Among) {
    let number = number_of(among);
    let row = number / J;
    let j = number % J;
    // The host makes draws without tries, and their effects.
    if row >= run.rows || drawn[row].tries == 0u {
        return;
    }
    let draw = drawn[row];
    var at: At;
    at.coefficients[0] = DrawnCoefficient(draw.mu_0, run.sigma_0 * exp_of(draw.log_0));
    var log_eps = draw.log_1;
    if K > 1u {
        at.coefficients[K - 1u] = DrawnCoefficient(draw.mu_1, run.sigma_1 * exp_of(draw.log_1));
        log_eps = draw.log_2;
    }
    let key = StreamKey(vec2<u32>(run.seed_low, run.seed_high), keys[row].x, keys[row].y);
    var deviates: array<f32, 2u * K>;
    for (var s = 0u; s < 2u * K; s++) {
        deviates[s] = normals(key, EFFECT, (s * J + j) / 4u)[(s * J + j) % 4u];
    }
    let betas = effects_given(&at, run.eps * exp_of(log_eps), j, &deviates);
    for (var k = 0u; k < K; k++) {
        effects[(row * K + k) * J + j] = betas[k];
    }
}
