// The priors of all hyperparameters: normal for means, half-Cauchy for scales and dispersions. Twin of src/density/priors.rs.

// What the prior of hyperparameter `h`, which stands as `value` in theta, adds to the log density, and to its derivative by that.
fn prior(h: u32, value: f32) -> vec2<f32> {
    if h < SCALE {
        return mu_prior(value, fixed.priors[h]);
    }
    return scale_prior(value, fixed.priors[h - SCALE]);
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
