// Each group's QR factor: sufficient statistics of its observations, as many rows as coefficients. Twin of
// src/density/qr.rs.
//
// The numbers of a group: `rest`, the residual sum of squares of its own regression, minus the reference noise of its
// observations; each column of R from its first entry to the diagonal; and w. qr_far.wgsl and qr_near.wgsl have number
// `i` of group `j`.

// The residual sum of squares of group `j`'s own regression, minus the reference noise of its observations.
fn qr_rest(j: u32) -> f32 {
    return qr_number(j, 0u);
}

// Entry `i` of column `c` of R of group `j`.
fn qr_entry(j: u32, c: u32, i: u32) -> f32 {
    return qr_number(j, 1u + qr_start(c) + i);
}

// Entry `i` of w of group `j`.
fn qr_outcome(j: u32, i: u32) -> f32 {
    return qr_number(j, 1u + qr_start(K) + i);
}

// The index of the first entry of column `c` of a triangle that is packed column by column.
fn qr_start(c: u32) -> u32 {
    return c * (c + 1u) / 2u;
}
