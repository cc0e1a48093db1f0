// The memory in which the lanes of a chain's workgroup work on a formula's log density: the workgroup's own.
// Alternative to far.wgsl.

var<workgroup> scratch: array<f32, SCRATCH>;

fn open_scratch(chain: u32) {}

fn kept(i: u32) -> f32 {
    return scratch[i];
}

fn keep(i: u32, value: f32) {
    scratch[i] = value;
}

// Every lane's numbers are seen by all from here on. Either all lanes call this or none.
fn meet() {
    workgroupBarrier();
}
