// Entry: draws on their way to a host that keeps 16 bits of each number: named variables as offsets from a mean in units of
// an sd, two to a word. The rounding is that of f16::from_f32 in the crate `half`.
//
// An invocation makes a word of two neighbours among a draw's kept variables; it runs after
// transition.wgsl, whose rows of draws it reads.

struct Counts {
    // Rows of draws in this dispatch.
    rows: u32,
    // Of each chain.
    chains: array<vec4<u32>>,
}

const WORDS = (KEPT + 1u) / 2u;
const LARGEST = 0x7F800000u;

// Of each kept variable, in the sampler's units: its mean, and 1 / sd.
@group(0) @binding(3) var<storage, read> units: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read> counts: Counts;
// The leading KEPT coordinates of each draw.
@group(0) @binding(7) var<storage, read> draws: array<f32>;
// WORDS of each draw.
@group(0) @binding(8) var<storage, read_write> packed: array<u32>;

@compute @workgroup_size(MOVERS)
fn pack(among: Among) {
    let at = number_of(among);
    let row = at / WORDS;
    if row >= counts.rows {
        return;
    }
    let i = at % WORDS * 2u;
    var word = half_of(offset(row, i));
    if i + 1u < KEPT {
        word |= half_of(offset(row, i + 1u)) << 16u;
    }
    packed[at] = word;
}

// How far variable `i` of a draw is from its mean, in sds.
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

// The 16 bits nearest to x, of two that are as near the even ones. `pack2x16float` may round either way, and makes anything
// of what is too large.
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
    // From 2^-14 on, the exponent is another by 112, and the fraction shorter by 13 bits.
    if size >= 0x38800000u {
        return sign | rounded(size - 0x38000000u, 13u);
    }
    // Below, so many times 2^-24.
    let shift = 126u - max(size >> 23u, 101u);
    return sign | rounded((size & 0x7FFFFFu) | 0x800000u, shift);
}

// A number without its last bits, to the nearest, of two that are as near to the even one.
fn rounded(number: u32, bits: u32) -> u32 {
    let odd = number >> bits & 1u;
    return (number + (1u << (bits - 1u)) - 1u + odd) >> bits;
}
