// Counter-based random numbers, the same as on the host. Twin of src/random.rs.
//
// Philox4x32-10 with the seed as its key and [block, purpose, transition, chain] as its counter gives the same words,
// bit by bit; deviates are f32, equal to the host's up to rounding. Cosine and sine are the host's polynomials without
// the terms below the precision of f32.

// The key of a stream of random numbers: one transition of one chain of one experiment.
struct StreamKey {
    seed: vec2<u32>,
    chain: u32,
    transition: u32,
}

// Block `block` of the key's random words for `purpose`.
fn words(key: StreamKey, purpose: u32, block: u32) -> vec4<u32> {
    return philox(vec4<u32>(block, purpose, key.transition, key.chain), key.seed);
}

fn philox(counter: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
    var c = counter;
    var k = seed;
    for (var round = 0u; round < bound(ROUNDS); round++) {
        let low = multiply(MULTIPLIERS.x, c.x);
        let high = multiply(MULTIPLIERS.y, c.z);
        c = vec4<u32>(high.x ^ c.y ^ k.x, high.y, low.x ^ c.w ^ k.y, low.y);
        k += WEYL;
    }
    return c;
}

// A word as a uniform deviate: the middle of one of 2^32 equal parts of (0, 1), rounded.
fn uniform_deviate(word: u32) -> f32 {
    return (f32(word) + 0.5) * 0x1p-32f;
}

// Cosine and sine of the angle that `word` encodes: two bits are the quadrant, thirty the angle within the quadrant.
fn cos_sin(word: u32) -> vec2<f32> {
    let t = (f32(word & 0x3FFFFFFFu) + 0.5) * 0x1p-30f - 0.5;
    let x = t * 1.57079633;
    let x2 = x * x;
    let cosine = 1.0 + x2 * (-0.5 + x2 * (1.0 / 24.0 + x2 * (-1.0 / 720.0 + x2 * (1.0 / 40320.0))));
    let sine = x * (1.0 + x2 * (-1.0 / 6.0 + x2 * (1.0 / 120.0 + x2 * (-1.0 / 5040.0 + x2 * (1.0 / 362880.0)))));
    let turned = select(vec2<f32>(-sine, cosine), vec2<f32>(cosine, sine), (word & 0x40000000u) == 0u);
    return select(-turned, turned, (word & 0x80000000u) == 0u);
}

// Box and Muller: two independent normal deviates from two words.
fn normal_pair(radius_word: u32, angle_word: u32) -> vec2<f32> {
    return sqrt(-2.0 * ln(uniform_deviate(radius_word))) * cos_sin(angle_word);
}

// Normal deviates 4 `block` .. 4 `block` + 4 of the key for `purpose`: two from words 0 and 1, two from words 2 and 3.
fn normals(key: StreamKey, purpose: u32, block: u32) -> vec4<f32> {
    let words = words(key, purpose, block);
    return vec4<f32>(normal_pair(words.x, words.y), normal_pair(words.z, words.w));
}
