// One coefficient at a position: its hyperparameters, and what its effects mean. Twin of src/density/sums.rs.
//
// Sizes and which effects are centered are constants of the header: K coefficients, J groups, and a bit of CENTERED for each
// coefficient.

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

fn coefficient(mu: f32, log_sigma: f32) -> Coefficient {
    return coefficient_of_scale(mu, log_sigma, exp_of(log_sigma));
}

// The same where sigma is known.
fn coefficient_of_scale(mu: f32, log_sigma: f32, sigma: f32) -> Coefficient {
    return Coefficient(mu, sigma, log_sigma, 1.0 / (sigma * sigma));
}

// beta of an effect.
fn beta_of(coefficient: Coefficient, centered: bool, effect: f32) -> f32 {
    return select(effect * coefficient.sigma + coefficient.mu, effect, centered);
}
