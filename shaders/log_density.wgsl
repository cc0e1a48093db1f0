// One chain's log density and gradient, but for its normalising constant, from what each group adds: twin of
// src/density/cpu.rs and src/density/sums.rs.
//
// Wants coefficient.wgsl, a team (team_subgroup.wgsl or team_workgroup.wgsl) and a likelihood (groups.wgsl,
// observations.wgsl or rows.wgsl). Every lane of a team adds up some of the groups; their sums over the team then make the
// gradient by the hyperparameters.

// The prior of a coefficient, or of eps: mean and precision of mu, and the log of the half-Cauchy scale of sigma.
struct Prior {
    mu_mean: f32,
    mu_precision: f32,
    log_scale: f32,
}

// Of each coefficient, then of eps.
@group(0) @binding(0) var<storage, read> priors: array<Prior>;

// The hyperparameters at a position.
struct At {
    coefficients: array<Coefficient, K>,
    log_eps: f32,
    // 1 / eps^2.
    inverse_variance: f32,
}

// What groups add to the log density and to its gradient by the hyperparameters.
struct Sums {
    log_density: f32,
    by_log_eps: f32,
    by_mu: array<f32, K>,
    by_log_sigma: array<f32, K>,
}

// The sums of all lanes of the team, and the priors' share added; every lane has the same.
fn add_up(team: Team, at: ptr<function, At>, sums: ptr<function, Sums>) {
    let first = team_sums(team, vec4<f32>((*sums).log_density, (*sums).by_log_eps, (*sums).by_mu[0], (*sums).by_log_sigma[0]));
    let eps = scale_prior((*at).log_eps, priors[K]);
    (*sums).log_density = first.x + eps.x;
    (*sums).by_log_eps = first.y + eps.y;
    (*sums).by_mu[0] = first.z;
    (*sums).by_log_sigma[0] = first.w;
    for (var k = 1u; k < K; k += 2u) {
        // Where K is even, the last one comes alone.
        let next = min(k + 1u, K - 1u);
        let pair = team_sums(
            team,
            vec4<f32>((*sums).by_mu[k], (*sums).by_log_sigma[k], (*sums).by_mu[next], (*sums).by_log_sigma[next]),
        );
        (*sums).by_mu[k] = pair.x;
        (*sums).by_log_sigma[k] = pair.y;
        if next != k {
            (*sums).by_mu[next] = pair.z;
            (*sums).by_log_sigma[next] = pair.w;
        }
    }
    for (var k = 0u; k < K; k++) {
        let coefficient = (*at).coefficients[k];
        let mu = mu_prior(coefficient.mu, priors[k]);
        let sigma = scale_prior(coefficient.log_sigma, priors[k]);
        (*sums).log_density += mu.x + sigma.x;
        (*sums).by_mu[k] += mu.y;
        (*sums).by_log_sigma[k] += sigma.y;
    }
}

// Adds what group `j` of `chain` adds, and turns its `effects` into the log density's derivative by them.
fn add_group(at: ptr<function, At>, chain: u32, j: u32, effects: ptr<function, array<f32, K>>, sums: ptr<function, Sums>) {
    var beta: array<f32, K>;
    var by_beta: array<f32, K>;
    for (var k = 0u; k < K; k++) {
        beta[k] = beta_of((*at).coefficients[k], is_centered(k), (*effects)[k]);
    }
    let scaled = group_residual_squares(chain, j, &beta, &by_beta) * (*at).inverse_variance;
    let size = group_size(j);
    (*sums).by_log_eps += scaled - size;
    var log_density = -0.5 * scaled - size * (*at).log_eps;
    for (var k = 0u; k < K; k++) {
        let coefficient = (*at).coefficients[k];
        let effect = (*effects)[k];
        let derivative = by_beta[k] * (*at).inverse_variance;
        if is_centered(k) {
            let from_mean = effect - coefficient.mu;
            let force = from_mean * coefficient.inverse_variance;
            log_density -= 0.5 * from_mean * force + coefficient.log_sigma;
            (*sums).by_mu[k] += force;
            (*sums).by_log_sigma[k] += from_mean * force - 1.0;
            (*effects)[k] = derivative - force;
        } else {
            log_density -= 0.5 * effect * effect;
            (*sums).by_mu[k] += derivative;
            (*sums).by_log_sigma[k] += derivative * effect * coefficient.sigma;
            (*effects)[k] = derivative * coefficient.sigma - effect;
        }
    }
    (*sums).log_density += log_density;
}

// Log density of a scale's half-Cauchy prior and of its logarithm's Jacobian, and the derivative by that logarithm: with
// t = log (s/c), log s - log(1 + e^2t) and -tanh t. Written so that nothing overflows.
fn scale_prior(log_scale: f32, prior: Prior) -> vec2<f32> {
    let t = log_scale - prior.log_scale;
    let small = exp_of(-2.0 * abs(t));
    let size = (1.0 - small) / (1.0 + small);
    return vec2<f32>(log_scale - 2.0 * max(t, 0.0) - ln(1.0 + small), -sign(t) * size);
}

// Log density of the prior of mu, and the derivative by mu.
fn mu_prior(mu: f32, prior: Prior) -> vec2<f32> {
    let from_mean = mu - prior.mu_mean;
    let force = from_mean * prior.mu_precision;
    return vec2<f32>(-0.5 * from_mean * force, -force);
}
