// The QR factors in a buffer, where lanes that are neighbours read neighbouring groups. The same as qr_near.wgsl, where all lanes read one
// group at once.

// A row of J for each number of a group.
@group(0) @binding(1) var<storage, read> qr: array<f32>;

fn qr_number(j: u32, i: u32) -> f32 {
    return qr[i * J + j];
}
