// The priors of all hyperparameters: normal for means, half-Cauchy for scales and dispersions. Twin of
// src/density/priors.rs.

// The prior of hyperparameter `h`, at `value` in theta: its terms in the log density and in the derivative by `value`.
fn prior(h: u32, value: f32) -> vec2<f32> {
    if h < SCALE {
        return mu_prior(value, fixed.priors[h]);
    }
    return scale_prior(value, fixed.priors[h - SCALE]);
}

// Log density of a scale's half-Cauchy prior and of its logarithm's Jacobian, and the derivative by the logarithm: with
// t = log (s/c), log s - log(1 + e^2t) and -tanh t, in a form that does not overflow.
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
