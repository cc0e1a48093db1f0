// The QR factors in a buffer, for lanes that read neighbouring groups at once. Alternative to qr_near.wgsl.

// A row of J for each number of a group.
@group(0) @binding(1) var<storage, read> qr: array<f32>;

fn qr_number(j: u32, i: u32) -> f32 {
    return qr[i * J + j];
}
