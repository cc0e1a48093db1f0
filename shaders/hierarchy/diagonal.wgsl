// Independent coefficients: each varies about its mean with an sd of its own, and is centered or not. Twin of
// src/density/hierarchy/diagonal.rs; here the log density of effects is added up group by group, which needs fewer sums
// over a team.
//
// Constants of the header: K coefficients, J groups, and in CENTERED a bit for each coefficient.

// One coefficient's hyperparameters at a position.
struct Coefficient {
    mu: f32,
    sigma: f32,
    log_sigma: f32,
    inverse_variance: f32,
}

fn is_centered(k: u32) -> bool {
    return (CENTERED[k / 32u] >> (k % 32u) & 1u) == 1u;
}

fn coefficient(mu: f32, log_sigma: f32, sigma: f32) -> Coefficient {
    return Coefficient(mu, sigma, log_sigma, 1.0 / (sigma * sigma));
}

// beta, from an effect of coefficient `k`.
fn beta(k: u32, coefficient: Coefficient, effect: f32) -> f32 {
    return select(effect * coefficient.sigma + coefficient.mu, effect, is_centered(k));
}

// Adds a group's effect of coefficient `k`, given the likelihood's derivative by its beta, to the sums of derivatives
// and to the group's log density. Returns the log density's derivative by the effect.
fn pull(
    k: u32,
    coefficient: Coefficient,
    effect: f32,
    by_beta: f32,
    sums: ptr<function, array<f32, SUMS>>,
    log_density: ptr<function, f32>,
) -> f32 {
    if is_centered(k) {
        let from_mean = effect - coefficient.mu;
        let force = from_mean * coefficient.inverse_variance;
        *log_density -= 0.5 * from_mean * force + coefficient.log_sigma;
        (*sums)[MEAN + k] += force;
        (*sums)[SCALE + k] += from_mean * force - 1.0;
        return by_beta - force;
    }
    *log_density -= 0.5 * effect * effect;
    (*sums)[MEAN + k] += by_beta;
    (*sums)[SCALE + k] += by_beta * effect * coefficient.sigma;
    return by_beta * coefficient.sigma - effect;
}
