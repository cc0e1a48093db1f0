// Each group's QR factor where all lanes read the same group at once: from a workgroup's memory, which hands one number to all of them.
// The same numbers as in qr.wgsl, group after group, each filled up to quads.

const QR_QUADS = (1u + K * (K + 1u) / 2u + K + 3u) / 4u;

@group(0) @binding(1) var<storage, read> qr_table: array<vec4<f32>>;

var<workgroup> qr: array<vec4<f32>, QR_GROUPS * QR_QUADS>;

// Brings the table into the workgroup's memory. Every lane has to come by, of which this is number `lane`.
fn load_tables(lane: u32) {
    for (var i = lane; i < min(QR_GROUPS * QR_QUADS, run.turns); i += WORKGROUP) {
        qr[i] = qr_table[i];
    }
    workgroupBarrier();
}

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

fn qr_number(j: u32, i: u32) -> f32 {
    return qr[j * QR_QUADS + i / 4u][i % 4u];
}
