// The table of groups where effects are integrated out: each group's observations, rotated onto as many numbers as there are
// coefficients. Twin of src/density/rotated.rs.
//
// A row of J numbers for each: size, squares that no coefficients explain, each column of R from its first entry to that on
// the diagonal, and w.

@group(0) @binding(1) var<storage, read> rotated: array<f32>;

fn group_size(j: u32) -> f32 {
    return rotated[j];
}

// The squares of group `j` that no coefficients explain.
fn rest(j: u32) -> f32 {
    return rotated[J + j];
}

// Entry `i` of column `c` of R, of group `j`.
fn entry(j: u32, c: u32, i: u32) -> f32 {
    return rotated[(2u + start(c) + i) * J + j];
}

// Entry `i` of w, of group `j`.
fn outcome(j: u32, i: u32) -> f32 {
    return rotated[(2u + start(K) + i) * J + j];
}

// Where column `c` of a triangle begins that is packed column by column.
fn start(c: u32) -> u32 {
    return c * (c + 1u) / 2u;
}
