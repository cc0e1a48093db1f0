// The negative binomial family with logarithmic link: the mean of a count is e^eta. Twin of src/family/negbinomial.rs;
// log likelihoods are about what they are at a reference near the posterior's, so that 32 bits suffice.

struct Family {
    shape: f32,
    log_shape: f32,
}

// The family at given dispersions.
fn family_at(dispersions: array<f32, DISPERSION_ROOM>) -> Family {
    return Family(dispersions[0], ln(dispersions[0]));
}

// Adds a row to the sums `own`, of the log likelihood but for the gamma functions, of log(1 - p), and of the
// derivatives by eta; returns d log p / d eta.
fn family_row(family: Family, numbers: vec3<f32>, eta: f32, own: ptr<function, array<f32, FAMILY_SUMS>>) -> f32 {
    let k = numbers.x;
    let x = eta - family.log_shape;
    let small = exp_of(-abs(x));
    let log = ln_1p(small);
    let share = select(small, 1.0, x > 0.0) / (1.0 + small);
    let failure = -max(x, 0.0) - log;
    let slope = k - (k + family.shape) * share;
    (*own)[0] += k * (min(x, 0.0) - log) + family.shape * failure - fixed.reference.noise;
    (*own)[1] += failure;
    (*own)[2] += slope;
    return slope;
}

// The unit of the derivatives by eta.
fn family_unit(family: Family) -> f32 {
    return 1.0;
}

// The log likelihood of the rows summed in `own`, without the gamma functions; adds the derivative by the log of the
// shape to `sums`.
fn family_finish(
    family: Family,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
    sums: ptr<function, array<f32, SUMS>>,
) -> f32 {
    (*sums)[DISPERSION] += family.shape * (*own)[1] - (*own)[2];
    return (*own)[0];
}

// Nothing depends on the shape alone.
fn family_alone(d: u32, log_dispersion: f32) -> vec2<f32> {
    return vec2<f32>();
}
