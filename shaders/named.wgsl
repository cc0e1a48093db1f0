// From theta to named variables, in the sampler's units: twin of `constrain` in src/model/layout.rs. Effects become betas, as the
// hierarchy has it.

// Hyperparameter `h`, which stands as `number` in theta.
fn named_hyperparameter(h: u32, number: f32) -> f32 {
    return select(positive(number), number, h < SCALE);
}

// What an effect of coefficient `k` is a beta of, where `mu` and `log_sigma` stand in theta.
fn named_coefficient(mu: f32, log_sigma: f32) -> Coefficient {
    return coefficient(mu, log_sigma, positive(log_sigma));
}

// A positive variable, of its logarithm; a NaN stays one.
fn positive(logarithm: f32) -> f32 {
    return select(exp_of(logarithm), logarithm, is_nan(logarithm));
}

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7FFFFFFFu) > 0x7F800000u;
}
