// The binomial family with logit link: k successes of n trials. Twin of src/family/binomial.rs; log likelihoods are
// about what they are at a reference near the posterior's, so that 32 bits suffice.

// Adds a row to the sum `own`, and returns d log p / d eta. The numbers are k, n, and the logit of k/n or 0.
fn family_row(family: Family, numbers: vec3<f32>, eta: f32, own: ptr<function, array<f32, FAMILY_SUMS>>) -> f32 {
    let k = numbers.x;
    let n = numbers.y;
    let d = eta - numbers.z;
    let inside = k > 0.0 && k < n;
    let share = select(1.0, k / n, inside);
    let rest = select(1.0, (n - k) / n, inside);
    // From the side on which e^d is small.
    let small = exp_of(-abs(d));
    let near = select(share, rest, d > 0.0);
    let far = select(rest, share, d > 0.0);
    let all = near * small + far;
    // At either end both shares are 1; else they add up to 1.
    let log_all = select(ln_1p(small), ln_1p(near * exp_m1(-abs(d))), inside);
    (*own)[0] += select(k, k - n, d > 0.0) * d - n * log_all - fixed.reference.noise;
    return k - n * select(near * small, far, d > 0.0) / all;
}
