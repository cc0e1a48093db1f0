// The binomial family with probit link: k successes of n trials. Twin of src/family/probit.rs; log likelihoods are
// about what they are at a reference near the posterior's, so that 32 bits suffice.

// Phi(-x) e^{x^2/2} for x >= 0: Chebyshev's polynomials in t = (x - 4) / (x + 4), by Clenshaw's recurrence. The next
// coefficient is below 1e-8.
fn scaled_tail(x: f32) -> f32 {
    let t = (x - 4.0) / (x + 4.0);
    let tail = array<f32, 10>(
        0.970451205,
        -0.751708817,
        0.222193556,
        -0.0485177533,
        0.0069259205,
        -0.000320598474,
        -0.000100547392,
        0.000018903369,
        0.00000101035689,
        -0.00000061453347,
    );
    var one = 0.0;
    var two = 0.0;
    for (var i = 9u; i > 0u; i--) {
        let next = 2.0 * t * one - two + tail[i];
        two = one;
        one = next;
    }
    return (t * one - two + tail[0]) / (x + 4.0);
}

// log Phi(-x) and log Phi(x) for x >= 0, and the density over either probability.
fn both_sides(x: f32) -> vec4<f32> {
    let scaled = scaled_tail(x);
    let density = exp_of(-0.5 * x * x);
    let far = scaled * density;
    return vec4<f32>(ln(scaled) - 0.5 * x * x, ln_1p(-far), 0.398942280 / scaled, 0.398942280 * density / (1.0 - far));
}

// Adds a row to the sum `own`, and returns d log p / d eta. The numbers are k, n, and the largest log likelihood.
fn family_row(family: Family, numbers: vec3<f32>, eta: f32, own: ptr<function, array<f32, FAMILY_SUMS>>) -> f32 {
    let sides = both_sides(abs(eta));
    // On the side of the smaller probability, and on the other.
    let rare = select(numbers.x, numbers.y - numbers.x, eta > 0.0);
    let usual = numbers.y - rare;
    (*own)[0] += rare * sides.x + usual * sides.y - numbers.z - fixed.reference.noise;
    let inward = rare * sides.z - usual * sides.w;
    return select(inward, -inward, eta > 0.0);
}
