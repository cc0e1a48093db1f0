// The Gaussian family: an outcome is normal about eta, with standard deviation eps. Twin of src/family/gaussian.rs;
// here log densities are computed about a reference noise near the posterior's, so that 32 bits suffice:
// src/density/gpu/tables.rs has the formula.
//
// A family has DISPERSIONS dispersions, in arrays of DISPERSION_ROOM, and FAMILY_SUMS sums over rows. The Gaussian has
// one sum: the squared residuals, minus the reference noise for each row.

struct Family {
    // 1 / eps^2.
    inverse_variance: f32,
}

// The family at given dispersions.
fn family_at(dispersions: array<f32, DISPERSION_ROOM>) -> Family {
    return Family(1.0 / (dispersions[0] * dispersions[0]));
}

// Adds a row, whose first number is the outcome, to the sums `own`, and returns d log p / d eta in units of
// `family_unit`.
fn family_row(family: Family, numbers: vec3<f32>, eta: f32, own: ptr<function, array<f32, FAMILY_SUMS>>) -> f32 {
    let residual = numbers.x - eta;
    (*own)[0] += residual * residual - fixed.reference.noise;
    return residual;
}

// The unit of the derivatives by eta.
fn family_unit(family: Family) -> f32 {
    return family.inverse_variance;
}

// The log likelihood of the rows summed in `own`, without the terms of `family_alone`; adds the derivatives by the logs
// of the dispersions to `sums`.
fn family_finish(
    family: Family,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
    sums: ptr<function, array<f32, SUMS>>,
) -> f32 {
    let scaled = (*own)[0] * family.inverse_variance;
    (*sums)[DISPERSION] += scaled;
    return -0.5 * scaled;
}

// The terms of the log likelihood that depend on dispersion `d` but on no row, and their derivative by its log:
// -N/2 (e^x - 1 - x) and N (e^x - 1), with x = -2 (log eps - log eps_0).
fn family_alone(d: u32, log_dispersion: f32) -> vec2<f32> {
    let x = -2.0 * (log_dispersion - fixed.reference.log_eps);
    let excess = excess(x);
    return fixed.reference.observations * vec2<f32>(-0.5 * excess, excess + x);
}
