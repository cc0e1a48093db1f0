// The table of groups: each group's observations, rotated onto as many numbers as there are coefficients. Twin of
// src/density/rotated.rs.
//
// A row of J numbers for each: the squares that no coefficients explain, beyond the noise that is taken away of every sum; each
// column of R from its first entry to that on the diagonal; and w.

@group(0) @binding(1) var<storage, read> rotated: array<f32>;

// The squares of group `j` that no coefficients explain, beyond the noise of its observations.
fn rest(j: u32) -> f32 {
    return rotated[j];
}

// Entry `i` of column `c` of R, of group `j`.
fn entry(j: u32, c: u32, i: u32) -> f32 {
    return rotated[(1u + start(c) + i) * J + j];
}

// Entry `i` of w, of group `j`.
fn outcome(j: u32, i: u32) -> f32 {
    return rotated[(1u + start(K) + i) * J + j];
}

// Where column `c` of a triangle begins that is packed column by column.
fn start(c: u32) -> u32 {
    return c * (c + 1u) / 2u;
}
