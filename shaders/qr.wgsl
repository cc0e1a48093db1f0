// Each group's QR factor: its observations rotated onto as many numbers as there are coefficients. Twin of src/density/qr.rs.
//
// The numbers of a group: the squares that no coefficients explain, beyond the noise that is taken away of every sum; each column of R
// from its first entry to that on the diagonal; and w. qr_far.wgsl and qr_near.wgsl say where number `i` of group `j` is.

// The squares of group `j` that no coefficients explain, beyond the noise of its observations.
fn qr_rest(j: u32) -> f32 {
    return qr_number(j, 0u);
}

// Entry `i` of column `c` of R, of group `j`.
fn qr_entry(j: u32, c: u32, i: u32) -> f32 {
    return qr_number(j, 1u + qr_start(c) + i);
}

// Entry `i` of w, of group `j`.
fn qr_outcome(j: u32, i: u32) -> f32 {
    return qr_number(j, 1u + qr_start(K) + i);
}

// Where column `c` of a triangle begins that is packed column by column.
fn qr_start(c: u32) -> u32 {
    return c * (c + 1u) / 2u;
}
