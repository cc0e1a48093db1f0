// The Gaussian family where rows have known errors beside the noise of all: row i has the variance eps^2 + v_i. Twin of
// `GaussianWithErrors` of src/family/gaussian.rs; log variances are about those at a reference near the posterior's, so
// that 32 bits suffice.

struct Family {
    // eps^2, the reference's, and the former minus the latter.
    variance: f32,
    reference: f32,
    change: f32,
}

// The family at given dispersions.
fn family_at(dispersions: array<f32, DISPERSION_ROOM>) -> Family {
    let reference = exp_of(2.0 * fixed.reference.log_eps);
    let x = 2.0 * (ln(dispersions[0]) - fixed.reference.log_eps);
    return Family(dispersions[0] * dispersions[0], reference, reference * exp_m1(x));
}

// Adds a row to the sums `own`, of (y - eta)^2 / v - 1 and the log of v over the reference's, and of the derivative by
// eps^2; returns d log p / d eta. The numbers are y, and the known variance.
fn family_row(family: Family, numbers: vec3<f32>, eta: f32, own: ptr<function, array<f32, FAMILY_SUMS>>) -> f32 {
    let variance = family.variance + numbers.y;
    let residual = numbers.x - eta;
    let slope = residual / variance;
    let over = residual * slope - fixed.reference.noise;
    (*own)[0] += over + ln_1p(family.change / (family.reference + numbers.y));
    (*own)[1] += over / variance;
    return slope;
}

// The unit of the derivatives by eta.
fn family_unit(family: Family) -> f32 {
    return 1.0;
}

// The log likelihood of the rows summed in `own`; adds the derivative by log eps to `sums`.
fn family_finish(
    family: Family,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
    sums: ptr<function, array<f32, SUMS>>,
) -> f32 {
    (*sums)[DISPERSION] += family.variance * (*own)[1];
    return -0.5 * (*own)[0];
}

// Nothing depends on eps alone.
fn family_alone(d: u32, log_dispersion: f32) -> vec2<f32> {
    return vec2<f32>();
}
