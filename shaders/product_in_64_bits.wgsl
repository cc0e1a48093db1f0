// The product of 32-bit words, with 64-bit integers. Alternative to product_of_halves.wgsl.

// High and low half of the product of two 32-bit words.
fn multiply(a: u32, b: u32) -> vec2<u32> {
    let product = u64(a) * u64(b);
    return vec2<u32>(u32(product >> 32u), u32(product));
}
