// What families without dispersions have in common: their log likelihood is one sum over rows, about what it is at a
// reference near the posterior's.

struct Family {
    // Nothing: structures have a member.
    none: u32,
}

// The family, which has no dispersions.
fn family_at(dispersions: array<f32, DISPERSION_ROOM>) -> Family {
    return Family(0u);
}

// The unit of the derivatives by eta.
fn family_unit(family: Family) -> f32 {
    return 1.0;
}

// The log likelihood of the rows summed in `own`.
fn family_finish(
    family: Family,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
    sums: ptr<function, array<f32, SUMS>>,
) -> f32 {
    return (*own)[0];
}

// Nothing depends on dispersions.
fn family_alone(d: u32, log_dispersion: f32) -> vec2<f32> {
    return vec2<f32>();
}
