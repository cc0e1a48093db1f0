// The product of 32-bit words, without wider integers. Alternative to product_in_64_bits.wgsl.

// High and low half of the product of two 32-bit words, from 16-bit halves.
fn multiply(a: u32, b: u32) -> vec2<u32> {
    let a_low = a & 0xFFFFu;
    let a_high = a >> 16u;
    let b_low = b & 0xFFFFu;
    let b_high = b >> 16u;
    let low_low = a_low * b_low;
    let high_low = a_high * b_low;
    let low_high = a_low * b_high;
    let middle = (low_low >> 16u) + (high_low & 0xFFFFu) + low_high;
    return vec2<u32>(a_high * b_high + (high_low >> 16u) + (middle >> 16u), a * b);
}
