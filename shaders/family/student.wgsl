// Student's t family: an outcome is about eta with scale sigma and nu degrees of freedom. Twin of
// src/family/student.rs; sums are about what they are at a reference near the posterior's, so that 32 bits suffice.

struct Family {
    // sigma^2 nu.
    width: f32,
    nu: f32,
}

// The family at given dispersions.
fn family_at(dispersions: array<f32, DISPERSION_ROOM>) -> Family {
    return Family(dispersions[0] * dispersions[0] * dispersions[1], dispersions[1]);
}

// Adds a row to the sums `own`, of log(1 + z^2/nu) and of z^2 / (nu + z^2) about its mean, and returns d log p / d eta
// in units of `family_unit`.
fn family_row(family: Family, numbers: vec3<f32>, eta: f32, own: ptr<function, array<f32, FAMILY_SUMS>>) -> f32 {
    let residual = numbers.x - eta;
    let square = residual * residual;
    let all = square + family.width;
    (*own)[0] += ln_1p(square / family.width) - fixed.reference.noise;
    (*own)[1] += square / all - 1.0 / (family.nu + 1.0);
    return residual / all;
}

// The unit of the derivatives by eta.
fn family_unit(family: Family) -> f32 {
    return family.nu + 1.0;
}

// The log likelihood of the rows summed in `own`, without the terms of `family_alone`; adds the derivatives by the logs
// of the dispersions to `sums`.
fn family_finish(
    family: Family,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
    sums: ptr<function, array<f32, SUMS>>,
) -> f32 {
    let half_of = 0.5 * (family.nu + 1.0);
    (*sums)[DISPERSION] += 2.0 * half_of * (*own)[1];
    (*sums)[DISPERSION + 1u] += half_of * (*own)[1] - 0.5 * family.nu * (*own)[0];
    return -half_of * (*own)[0];
}

// The terms of the log likelihood that depend on dispersion `d` but on no row, about the reference, and their
// derivative by its log.
fn family_alone(d: u32, log_dispersion: f32) -> vec2<f32> {
    let rows = fixed.reference.observations;
    if d == 0u {
        return rows * vec2<f32>(fixed.reference.log_eps - log_dispersion, 0.0);
    }
    let nu = exp_of(log_dispersion);
    let here = of_degrees(nu, log_dispersion);
    let there = of_degrees(exp_of(fixed.reference.second), fixed.reference.second);
    return rows * vec2<f32>(here.x - there.x, 0.5 * nu * (here.y - fixed.reference.noise));
}

// The part of a row that depends on nu alone, where log(1 + z^2/nu) is the reference's; and its derivative by nu/2
// without that number.
fn of_degrees(nu: f32, log_nu: f32) -> vec2<f32> {
    let stepped = half_step(0.5 * nu);
    return vec2<f32>(stepped.x - 0.5 * log_nu - 0.5 * (nu + 1.0) * fixed.reference.noise, stepped.y);
}

// log G(x + 1/2) - log G(x), and its derivative: by their asymptotic series at x + 4.
fn half_step(x: f32) -> vec2<f32> {
    let far = x + 4.0;
    let inverse = 1.0 / far;
    let square = inverse * inverse;
    var value = 0.5 * ln(far) - inverse * (1.0 / 8.0 - square * (1.0 / 192.0 - square / 640.0));
    var slope = inverse * (0.5 + inverse * (1.0 / 8.0 - square * (1.0 / 64.0 - square / 128.0)));
    for (var k = 0u; k < 4u; k++) {
        let near = x + f32(k);
        value -= ln_1p(0.5 / near);
        slope += 0.5 / (near * (near + 0.5));
    }
    return vec2<f32>(value, slope);
}
