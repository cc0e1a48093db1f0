// Entry: packs draws for a host that keeps 16 bits of each number: named variables as offsets from a mean in units of
// an sd, two to a word. Rounds as f16::from_f32 of the crate `half` does.
//
// Each invocation makes a word of two neighbours among a draw's kept variables. The kernel runs after transition.wgsl
// and reads its rows of draws.

const WORDS = (KEPT + 1u) / 2u;
const LARGEST = 0x7F800000u;

// For each kept variable, in the sampler's units: its mean, and 1 / sd.
@group(0) @binding(3) var<storage, read> units: array<vec2<f32>>;
// The counts of each chain, the first of which is its number of draws.
@group(0) @binding(6) var<storage, read> counts: array<vec4<u32>>;
// The leading KEPT coordinates of each draw.
@group(0) @binding(7) var<storage, read> draws: array<f32>;
// WORDS words for each draw.
@group(0) @binding(8) var<storage, read_write> packed: array<u32>;

@compute @workgroup_size(MOVERS)
fn pack(among: Among) {
    let at = number_of(among);
    let row = at / WORDS;
    let chains = arrayLength(&counts);
    if row / chains >= counts[row % chains].x {
        return;
    }
    let i = at % WORDS * 2u;
    var word = half_of(offset(row, i));
    if i + 1u < KEPT {
        word |= half_of(offset(row, i + 1u)) << 16u;
    }
    packed[at] = word;
}

// The offset of variable `i` of a draw from its mean, in units of its sd.
fn offset(row: u32, i: u32) -> f32 {
    let unit = units[i];
    return (named(row * KEPT, i) - unit.x) * unit.y;
}

// Variable `i` of the draw that begins at `first`, in the sampler's units.
fn named(first: u32, i: u32) -> f32 {
    let number = draws[first + i];
    if i < HYPERPARAMETERS {
        return named_hyperparameter(i, number);
    }
    let k = (i - HYPERPARAMETERS) / J;
    return beta(k, named_coefficient(draws[first + MEAN + k], draws[first + SCALE + k]), number);
}

// x in 16 bits, rounded to nearest, ties to even. `pack2x16float` may round up or down, and its result is indeterminate
// if x is too large.
fn half_of(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let sign = bits >> 16u & 0x8000u;
    let size = bits & 0x7FFFFFFFu;
    if size > LARGEST {
        return sign | 0x7E00u;
    }
    // From 65520 on, infinity.
    if size >= 0x477FF000u {
        return sign | 0x7C00u;
    }
    // From 2^-14 on, the exponent's bias is smaller by 112, and the fraction shorter by 13 bits.
    if size >= 0x38800000u {
        return sign | rounded(size - 0x38000000u, 13u);
    }
    // Below, a multiple of 2^-24.
    let shift = 126u - max(size >> 23u, 101u);
    return sign | rounded((size & 0x7FFFFFu) | 0x800000u, shift);
}

// `number` without its last `bits` bits, rounded to nearest, ties to even.
fn rounded(number: u32, bits: u32) -> u32 {
    let odd = number >> bits & 1u;
    return (number + (1u << (bits - 1u)) - 1u + odd) >> bits;
}
