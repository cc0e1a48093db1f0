// From theta to named variables, in the sampler's units. Twin of `constrain` in src/model/layout.rs. Effects become
// betas by the functions of the hierarchy.

// Named hyperparameter `h`, from its value `number` in theta.
fn named_hyperparameter(h: u32, number: f32) -> f32 {
    return select(positive(number), number, h < SCALE);
}

// The coefficient that turns effects into betas, from `mu` and `log_sigma` in theta.
fn named_coefficient(mu: f32, log_sigma: f32) -> Coefficient {
    return coefficient(mu, log_sigma, positive(log_sigma));
}

// A positive variable, from its logarithm; NaN stays NaN.
fn positive(logarithm: f32) -> f32 {
    return select(exp_of(logarithm), logarithm, is_nan(logarithm));
}

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7FFFFFFFu) > 0x7F800000u;
}
