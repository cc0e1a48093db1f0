// Rows whose sigma is the same, or whose family has none. Alternative to row_scales.wgsl.

fn add_scales(lane: u32) -> f32 {
    return 0.0;
}

fn scaled_row(
    family: Family,
    row: u32,
    numbers: vec3<f32>,
    eta: f32,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
    by_sigma: ptr<function, array<f32, SIGMA + 1u>>,
) -> f32 {
    return family_row(family, numbers, eta, own);
}
