// The gamma family with logarithmic link: the mean of an outcome is e^eta, its shape is that of all. Twin of
// src/family/gamma.rs; sums are about what they are at a reference near the posterior's, so that 32 bits suffice.

struct Family {
    shape: f32,
}

// The family at given dispersions.
fn family_at(dispersions: array<f32, DISPERSION_ROOM>) -> Family {
    return Family(dispersions[0]);
}

// Adds a row to the sum `own`, of e^d - 1 - d, and returns d log p / d eta in units of `family_unit`.
fn family_row(family: Family, numbers: vec3<f32>, eta: f32, own: ptr<function, array<f32, FAMILY_SUMS>>) -> f32 {
    let d = numbers.x - eta;
    let over = excess(d);
    (*own)[0] += over - fixed.reference.noise;
    return over + d;
}

// The unit of the derivatives by eta.
fn family_unit(family: Family) -> f32 {
    return family.shape;
}

// The log likelihood of the rows summed in `own`, without the terms of `family_alone`; adds the derivative by the log
// of the shape to `sums`.
fn family_finish(
    family: Family,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
    sums: ptr<function, array<f32, SUMS>>,
) -> f32 {
    let scaled = family.shape * (*own)[0];
    (*sums)[DISPERSION] -= scaled;
    return -scaled;
}

// The terms of the log likelihood that depend on the shape but on no row, about the reference, and their derivative by
// its log.
fn family_alone(d: u32, log_dispersion: f32) -> vec2<f32> {
    let shape = exp_of(log_dispersion);
    let reference = exp_of(fixed.reference.log_eps);
    let here = of_shape(shape);
    let change = here.x - of_shape(reference).x - fixed.reference.noise * (shape - reference);
    return fixed.reference.observations * vec2<f32>(change, shape * (here.y - fixed.reference.noise));
}

// a log a - a - log G(a), and log a - digamma(a): by Stirling's series, of small a at a + 3. From one a to the next
// they differ by (a + 1) log(1 + 1/a) - 1 and by 1/a - log(1 + 1/a).
fn of_shape(a: f32) -> vec2<f32> {
    let is_small = a < 3.0;
    let far = select(a, a + 3.0, is_small);
    let inverse = 1.0 / far;
    let square = inverse * inverse;
    let series = 1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0));
    let slopes = 1.0 / 12.0 - square * (1.0 / 120.0 - square * (1.0 / 252.0 - square * (1.0 / 240.0 - square / 132.0)));
    var value = 0.5 * ln(far * 0.159154943) - inverse * series;
    var slope = inverse * (0.5 + inverse * slopes);
    if is_small {
        for (var k = 0u; k < 3u; k++) {
            let near = a + f32(k);
            let log = ln_1p(1.0 / near);
            value -= (near + 1.0) * log - 1.0;
            slope += 1.0 / near - log;
        }
    }
    return vec2<f32>(value, slope);
}
