// The Poisson family with logarithmic link: the mean of a count is e^eta. Twin of src/family/poisson.rs; log
// likelihoods are about what they are at a reference near the posterior's, so that 32 bits suffice.

// Adds a row to the sum `own`, and returns d log p / d eta. The numbers are k, its factor of e^d, and the eta of the
// largest log likelihood.
fn family_row(family: Family, numbers: vec3<f32>, eta: f32, own: ptr<function, array<f32, FAMILY_SUMS>>) -> f32 {
    let d = eta - numbers.z;
    if numbers.x == 0.0 {
        let expected = exp_of(d);
        (*own)[0] += -expected - fixed.reference.noise;
        return -expected;
    }
    let over = excess(d);
    (*own)[0] += -numbers.x * over - fixed.reference.noise;
    return -numbers.x * (over + d);
}
