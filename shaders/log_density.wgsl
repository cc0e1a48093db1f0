// One chain's log density and gradient, without the normalising constant, from the sums over its groups. Twin of
// src/density/cpu.rs.
//
// The first of SUMS sums over the groups are the derivatives by the hyperparameters, in theta's order; number
// LOG_DENSITY is the log density. This file adds the terms that belong to no group.

// The terms of hyperparameter `h` at `value` that belong to no group, in the log density and in its derivative by
// `value`: the prior, and a dispersion's share of the likelihood.
fn alone(h: u32, value: f32) -> vec2<f32> {
    return prior(h, value) + select(vec2<f32>(0.0), family_alone(h - DISPERSION, value), h >= DISPERSION);
}
