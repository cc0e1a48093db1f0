// The memory in which the lanes of a chain's workgroup work on a formula's log density: a part of a buffer, where the
// workgroup's own memory has no room. Alternative to near.wgsl.

@group(0) @binding(12) var<storage, read_write> scratch: array<f32>;

// The index of the chain's first number.
var<private> own_scratch: u32;

fn open_scratch(chain: u32) {
    own_scratch = chain * SCRATCH;
}

fn kept(i: u32) -> f32 {
    return scratch[own_scratch + i];
}

fn keep(i: u32, value: f32) {
    scratch[own_scratch + i] = value;
}

// Every lane's numbers are seen by all from here on. Either all lanes call this or none.
fn meet() {
    storageBarrier();
}
