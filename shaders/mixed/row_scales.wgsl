// Rows whose sigma has a formula: outcomes and eta are divided by it, row by row, and their family has sigma 1. Twin of
// src/density/mixed/row_scales.rs. Alternative to one_scale.wgsl.
//
// The sum of log sigma over rows is that of its columns, times their coefficients; the host adds what it is at the
// reference's coefficients.

// What log sigma of all rows adds to the log density beside their residuals; adds the derivatives of both to the
// gradient.
fn add_scales(lane: u32) -> f32 {
    var log_density = 0.0;
    for (var k = 0u; k < SIGMA; k++) {
        let from_reference = kept(AT_VALUES + FIRST_SIGMA + k) - fixed_number(SIGMA_AT + 2u * k + 1u);
        log_density -= fixed_number(SIGMA_AT + 2u * k) * from_reference;
        if lane == k % TEAM {
            add_to_gradient(FIRST_SIGMA + k, kept(AT_TOTALS + PART_SIGMA + k));
        }
    }
    return log_density;
}

// Adds the row that begins at `row`, with these numbers of its family, to the family's sums `own`, and the derivatives
// by the coefficients of log sigma to `by_sigma`; returns d log p / d eta in units of `family_unit`.
fn scaled_row(
    family: Family,
    row: u32,
    numbers: vec3<f32>,
    eta: f32,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
    by_sigma: ptr<function, array<f32, SIGMA + 1u>>,
) -> f32 {
    var log_sigma = SIGMA_BASE;
    for (var k = 0u; k < SIGMA; k++) {
        log_sigma += number_at(row + ROW_SIGMA + k) * kept(AT_VALUES + FIRST_SIGMA + k);
    }
    let inverse = exp_of(-log_sigma);
    let scaled = inverse * numbers;
    let scaled_eta = inverse * eta;
    let by_eta = family_row(family, scaled, scaled_eta, own);
    let by_log = family_unit(family) * (scaled.x - scaled_eta) * by_eta - 1.0;
    for (var k = 0u; k < SIGMA; k++) {
        (*by_sigma)[k] += number_at(row + ROW_SIGMA + k) * by_log;
    }
    return inverse * by_eta;
}
