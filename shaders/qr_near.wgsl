// The QR factors in a workgroup's memory, which broadcasts a number to all lanes that read the same group at once.
// Alternative to qr_far.wgsl.

// Quads of a group's numbers, with padding.
const QR_QUADS = (1u + K * (K + 1u) / 2u + K + 3u) / 4u;

@group(0) @binding(1) var<storage, read> qr_table: array<vec4<f32>>;

var<workgroup> qr: array<vec4<f32>, QR_GROUPS * QR_QUADS>;

// Copies the table to the workgroup's memory. Every lane of the workgroup has to call this function; `lane` is its
// number there.
fn load_tables(lane: u32) {
    for (var i = lane; i < min(QR_GROUPS * QR_QUADS, run.turns); i += WORKGROUP) {
        qr[i] = qr_table[i];
    }
    workgroupBarrier();
}

fn qr_number(j: u32, i: u32) -> f32 {
    return qr[j * QR_QUADS + i / 4u][i % 4u];
}
