// Exponential and logarithm, the same on every device. Twin of src/math.rs, without the terms below the precision of
// f32. WGSL allows built-in functions errors of several units in the last place, and logarithms an absolute error of
// 2^-21.

// e^x, to 2 units in the last place; 0 below -104, infinity above 89; any number for a NaN.
//
// x = n ln 2 + r with |r| <= (ln 2) / 2, and e^r by its Taylor polynomial; 2^n is multiplied in as two factors, so that
// the result may overflow and underflow.
fn exp_of(x: f32) -> f32 {
    let bounded = clamp(x, -150.0, 150.0);
    let n = round(bounded * 1.44269504);
    let r = (bounded - n * 0.693145752) - n * 1.42860677e-6;
    let series = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0))))));
    let first = i32(n) >> 1u;
    let second = i32(n) - first;
    return series * power_of_two(first) * power_of_two(second);
}

// 2^n for n in [-126, 127].
fn power_of_two(n: i32) -> f32 {
    return bitcast<f32>(u32(n + 127) << 23u);
}

// n and m of a normal number x = 2^n m, with m in [sqrt(1/2), sqrt(2)).
fn split(x: f32) -> vec2<f32> {
    let bits = bitcast<u32>(x);
    let n = bitcast<i32>(bits - 0x3F3504F3u) >> 23u;
    return vec2<f32>(f32(n), bitcast<f32>(bits - (bitcast<u32>(n) << 23u)));
}

// Natural logarithm of a normal number: x = 2^n m as by `split`, and ln m = 2 artanh(s).
fn ln(x: f32) -> f32 {
    let parts = split(x);
    let s = (parts.y - 1.0) / (parts.y + 1.0);
    let t = s * s;
    let series = 1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t * (1.0 / 9.0))));
    return 2.0 * s * series + parts.x * 0.69314718;
}

// e^x - 1 - x, by its series where the subtractions would lose digits.
fn excess(x: f32) -> f32 {
    let series = 1.0 / 24.0 + x * (1.0 / 120.0 + x * (1.0 / 720.0 + x * (1.0 / 5040.0 + x * (1.0 / 40320.0 + x / 362880.0))));
    return select(exp_of(x) - 1.0 - x, x * x * (0.5 + x * (1.0 / 6.0 + x * series)), abs(x) < 0.5);
}

// e^x - 1, by the series of `excess` where the subtraction would lose digits.
fn exp_m1(x: f32) -> f32 {
    return select(exp_of(x) - 1.0, x + excess(x), abs(x) < 0.5);
}

// ln(1 + x) for x > -1, by the series of `ln` where the addition would lose digits.
fn ln_1p(x: f32) -> f32 {
    let s = x / (x + 2.0);
    let t = s * s;
    let series = 1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t * (1.0 / 9.0))));
    return select(ln(1.0 + x), 2.0 * s * series, abs(x) < 0.4);
}
