// A product of 32-bit words where there are 64-bit integers. The same as product_of_halves.wgsl, where there are none.

// High and low half of a product of 32-bit words.
fn multiply(a: u32, b: u32) -> vec2<u32> {
    let product = u64(a) * u64(b);
    return vec2<u32>(u32(product >> 32u), u32(product));
}
