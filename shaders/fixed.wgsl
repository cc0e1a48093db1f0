// What does not depend on the position: priors, and about which noise log densities are taken. Made by
// src/density/gpu/tables.rs, which has the formula.

// The prior of a coefficient, or of eps: mean and precision of mu, and the log of the half-Cauchy scale of sigma.
struct Prior {
    mu_mean: f32,
    mu_precision: f32,
    log_scale: f32,
}

struct Fixed {
    // The log of an eps near the posterior's, and the square of that eps.
    log_eps: f32,
    noise: f32,
    // N.
    observations: f32,
    // Of each coefficient, then of eps.
    priors: array<Prior>,
}

@group(0) @binding(0) var<storage, read> fixed: Fixed;
