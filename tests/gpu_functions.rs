//! The functions of shaders one by one on the device, against f64: exponentials, logarithms, the series of gamma
//! functions, and the tail of the normal distribution.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::erfc;
use statrs::function::gamma::{digamma, ln_gamma};

use warpnuts::gpu::{ComputeKernel, Exchange, Meter, ShaderHeader, Source};

use crate::helpers::gpu;

/// Number of arguments of each function.
const VALUES: usize = 2000;

const ENTRY: Source = Source {
    name: "tabulate",
    text: "@group(0) @binding(2) var<storage, read> at: array<f32>;\n\
           @group(0) @binding(3) var<storage, read_write> values: array<vec4<f32>>;\n\
           @compute @workgroup_size(64)\n\
           fn tabulate(@builtin(global_invocation_id) id: vec3<u32>) {\n\
               if id.x < VALUES { values[id.x] = value_at(at[id.x]); }\n\
           }\n",
};

/// The tables of a model as the families' files name them; no function that is tested here reads them.
const FIXED: Source = Source {
    name: "fixed",
    text: "struct Reference { log_eps: f32, noise: f32, observations: f32, second: f32, }\n\
           struct Fixed { reference: Reference, }\n\
           @group(0) @binding(0) var<storage, read> fixed: Fixed;\n",
};

const MATH: Source = Source { name: "math.wgsl", text: include_str!("../shaders/math.wgsl") };

/// The functions that are tested together: `value_at`, with 0 in the place of those that are not there.
fn of(text: &'static str) -> Source {
    Source { name: "value", text }
}

/// Numbers between `low` and `high`, evenly spaced, or in their logarithms.
fn between(low: f64, high: f64, in_logs: bool) -> Vec<f32> {
    let [first, last] = if in_logs { [low.ln(), high.ln()] } else { [low, high] };
    let number = |i: usize| first + (last - first) * i as f64 / (VALUES - 1) as f64;
    (0..VALUES).map(|i| if in_logs { number(i).exp() as f32 } else { number(i) as f32 }).collect()
}

/// log G(x + 1/2) - log G(x), and its derivative, by its asymptotic series where digits would be lost.
fn half_step(x: f64) -> [f64; 2] {
    let slope = if x > 1e3 { 0.5 / x + 0.125 / (x * x) } else { digamma(x + 0.5) - digamma(x) };
    [ln_gamma(x + 0.5) - ln_gamma(x), slope]
}

/// Phi(-x) over the density without its constant.
fn scaled_tail(x: f64) -> f64 {
    0.5 * erfc(x / SQRT_2) * (0.5 * x * x).exp()
}

#[test]
fn functions_on_the_device_are_right_to_a_millionth() {
    let Some(devices) = gpu::devices() else { return };
    let device = &devices[0];
    let gamma = Source { name: "gamma.wgsl", text: include_str!("../shaders/family/gamma.wgsl") };
    let student = Source { name: "student.wgsl", text: include_str!("../shaders/family/student.wgsl") };
    let probit = Source { name: "probit.wgsl", text: include_str!("../shaders/family/probit.wgsl") };
    let no_dispersion =
        Source { name: "no_dispersion.wgsl", text: include_str!("../shaders/family/no_dispersion.wgsl") };
    // Values have a relative error; where one crosses 0, or adds nothing to a log density, it is relative to `least`.
    let check = |value: Source, files: &[Source], least: [f64; 4], at: Vec<f32>, truth: &dyn Fn(f64) -> Vec<f64>| {
        let header = ["VALUES", "DISPERSION_ROOM", "FAMILY_SUMS", "SUMS", "DISPERSION"];
        let header = header.into_iter().zip([VALUES as u32, 2, 2, 2, 0]);
        let header = header.fold(ShaderHeader::default(), |header, (name, value)| header.number(name, value));
        let source = header.shader(ENTRY, &[&[value, MATH, FIXED], files].concat());
        // SAFETY: invocations from VALUES on return at once, and both buffers have as many rows.
        let kernel = unsafe { ComputeKernel::compile(device, "tabulate", &source, &[]).unwrap() };
        let meter = Meter::part_of(device.meter());
        let [up, down] = [4 * VALUES as u64, 16 * VALUES as u64];
        let mut exchange = Exchange::new(device.clone(), up, down, meter).unwrap();
        let bound = kernel.bind(device, &[(2, exchange.input()), (3, exchange.output())]).unwrap();
        let dispatch = |pass: &mut wgpu::ComputePass| kernel.dispatch(pass, &bound, VALUES.div_ceil(64) as u32, 1);
        let mut largest = [0.0f64; 4];
        let read = |values: &[f32]| {
            for (x, values) in at.iter().zip(values.chunks_exact(4)) {
                for (i, (there, truth)) in values.iter().zip(truth(f64::from(*x))).enumerate() {
                    let error = (f64::from(*there) - truth).abs() / truth.abs().max(least[i]);
                    assert!(error < 1e-6, "{}: at {x} {there}, not {truth}", value.text);
                    largest[i] = largest[i].max(error);
                }
            }
        };
        exchange.round_trip(&at, 4 * VALUES, dispatch, read).unwrap();
        eprintln!("{largest:?} {}", value.text);
    };
    let exponential = "fn value_at(x: f32) -> vec4<f32> { return vec4<f32>(exp_of(x), 0.0, 0.0, 0.0); }";
    check(of(exponential), &[], [1e-30; 4], between(-80.0, 88.0, false), &|x| vec![x.exp()]);
    let of_small = "fn value_at(x: f32) -> vec4<f32> { return vec4<f32>(excess(x), exp_m1(x), ln_1p(x), 0.0); }";
    let truth = |x: f64| vec![x.exp_m1() - x, x.exp_m1(), x.ln_1p()];
    check(of(of_small), &[], [1e-30; 4], between(-0.99, 3.0, false), &truth);
    let of_positive = "fn value_at(x: f32) -> vec4<f32> { return vec4<f32>(ln(x), ln_1p(x), exp_m1(-x), 0.0); }";
    check(of(of_positive), &[], [1e-30; 4], between(1e-30, 1e30, true), &|x| vec![x.ln(), x.ln_1p(), (-x).exp_m1()]);
    let stirling = "fn value_at(a: f32) -> vec4<f32> { return vec4<f32>(of_shape(a), 0.0, 0.0); }";
    check(of(stirling), &[gamma], [0.2, 1e-30, 1.0, 1.0], between(1e-3, 1e5, true), &|a| {
        vec![a * a.ln() - a - ln_gamma(a), a.ln() - digamma(a)]
    });
    let step = "fn value_at(x: f32) -> vec4<f32> { return vec4<f32>(half_step(x), 0.0, 0.0); }";
    check(of(step), &[student], [0.2, 1e-30, 1.0, 1.0], between(1e-2, 1e5, true), &|x| half_step(x).to_vec());
    let tail =
        "fn value_at(x: f32) -> vec4<f32> { let sides = both_sides(x); return vec4<f32>(scaled_tail(x), sides.xyz); }";
    let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
    let truth = |x: f64| {
        let below = 0.5 * erfc(x / SQRT_2);
        vec![scaled_tail(x), below.ln(), (-below).ln_1p(), density(x) / below]
    };
    check(of(tail), &[probit, no_dispersion], [1e-6; 4], between(0.0, 12.0, false), &truth);
}
