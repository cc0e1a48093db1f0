// One chain's log density and gradient, but for its normalising constant, from what each group adds. Twin of src/density/cpu.rs.
//
// The first of SUMS sums over the groups are the derivatives by the hyperparameters, as those stand in theta; number LOG_DENSITY is the
// log density itself. What is to be added to them is here.

// What hyperparameter `h` at `value` adds to the log density that no group does, and to its derivative by that: the prior, and a
// dispersion's share of the likelihood.
fn alone(h: u32, value: f32) -> vec2<f32> {
    return prior(h, value) + select(vec2<f32>(0.0), family_alone(h - DISPERSION, value), h >= DISPERSION);
}
