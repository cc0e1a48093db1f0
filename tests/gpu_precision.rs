//! Draws packed in 16 bits on a device: rounded as on the host, each variable to 11 bits of its distance from the mean,
//! without effect on chains; in memory, and in a store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use half::f16;
use serde_json::Value;
use warpnuts::data::Dataset;
use warpnuts::draws::{Draws, Memory, Precision, location_scales};
use warpnuts::driver::{self, Plan};
use warpnuts::engine::device::kernels::{DeviceOutput, TransitionShaders};
use warpnuts::engine::device::{self, DeviceEngine};
use warpnuts::engine::host::Chains;
use warpnuts::engine::{DrawBlock, DrawSink, SinkError, SumSink};
use warpnuts::experiment::{Backend, Keep, Keeping, Sampled, Settings, sample_into, sample_on};
use warpnuts::gpu::{Readback, Submission};
use warpnuts::model::{Coordinates, LocationScale, Model, Priors, Scaling};
use warpnuts::nuts::adaptation::PositionMoments;

use crate::helpers::gpu;
use crate::helpers::models;
use crate::helpers::moved::radon;

/// A model of `groups` groups without predictors.
fn plain(groups: usize) -> Arc<Model> {
    let labels: Vec<String> = (0..6 * groups).map(|i| format!("g{}", i % groups)).collect();
    let outcome = (0..labels.len()).map(|i| (i as f64 * 0.7).sin() + (i % groups) as f64).collect();
    of(Dataset::from_columns("made up", "g", "y", &[""; 0], &labels, outcome, Vec::new()).unwrap(), "non-centered")
}

fn of(dataset: Dataset, parameterization: &str) -> Arc<Model> {
    let parameterization = Coordinates::parse(parameterization, dataset.predictor_names()).unwrap();
    let scaling = Scaling::standardizing(&dataset);
    let unit = scaling.outcome_scale;
    let priors = Priors { mu_sd: 1e4 * unit, sigma_scale: 5.0 * unit, eps_scale: 5.0 * unit };
    Arc::new(models::posterior(Arc::new(dataset), priors, parameterization, scaling))
}

/// All f16 numbers, the midpoints between them, and the neighbors of all these; the largest and the smallest f32;
/// infinities and NaN.
fn hard_to_round() -> Vec<f32> {
    let mut numbers = vec![f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN, f32::MAX, f32::MIN, 1e-30, -1e-30];
    for bits in 0..0x7C00u16 {
        let (here, next) = (f16::from_bits(bits).to_f32(), f16::from_bits(bits + 1).to_f32());
        let next = if next.is_infinite() { 65536.0 } else { next };
        for number in [here, 0.5 * (here + next)] {
            for number in [number.next_down(), number, number.next_up()] {
                numbers.extend([number, -number]);
            }
        }
    }
    numbers
}

#[test]
fn a_device_rounds_to_sixteen_bits_as_the_host_does() {
    let Some(devices) = gpu::devices() else { return };
    let (gpu, model) = (&devices[0], radon("non-centered", 0.0, 1.0));
    let kept = model.layout().hyperparameters();
    let shaders = TransitionShaders::new(&model, 1, DeviceOutput::Draws(kept), gpu.target());
    let kernel = shaders.compile_pack(gpu).unwrap();
    // Two numbers of each row are packed as they are, one as its exponential.
    let numbers = hard_to_round();
    let rows: Vec<[f32; 5]> = numbers.windows(2).map(|pair| [pair[0], pair[1], f32::NAN, 0.0, 0.0]).collect();
    let filled = rows.len() as u32;
    // Each draw of the first chain is followed by one that the second has not made.
    let draws: Vec<[f32; 5]> = rows.iter().flat_map(|row| [*row, [1.0; 5]]).collect();
    let draws = gpu.table("draws", draws.as_flattened()).unwrap();
    let counts = gpu.table("counts", &[[filled, 0, 0, 0], [0, 0, 0, 0]]).unwrap();
    let units = gpu.table("units", &[[0.0f32, 1.0]; 5]).unwrap();
    let bytes = 2 * u64::from(filled) * 12;
    let landing = Readback::new(gpu, "packed", bytes).unwrap();
    let bound = kernel.bind(gpu, &[(3, &units), (6, &counts), (7, &draws), (8, landing.output())]).unwrap();
    let workgroups = (6 * filled).div_ceil(64);
    let dispatch = |pass: &mut wgpu::ComputePass| kernel.dispatch(pass, &bound, workgroups.div_ceil(7), 7);
    Submission::start(gpu, |_| {}, dispatch, &[(&landing, bytes)], None, &[]).wait(gpu).unwrap();
    let packed: Vec<f16> = landing.read(bytes, |bytes| bytemuck::cast_slice(bytes).to_vec()).unwrap();
    for (row, packed) in rows.iter().zip(packed.chunks_exact(12)) {
        let (packed, not_made) = packed.split_at(6);
        assert!(not_made.iter().all(|half| half.to_bits() == 0), "a draw that was never made was packed");
        for (number, half) in row.iter().zip(&packed[..2]) {
            let same = f16::from_f32(*number).to_bits() == half.to_bits();
            assert!(same || (number.is_nan() && half.is_nan()), "{number:e} became {half}");
        }
        assert!(packed[2].is_nan(), "the exponential of no number became {}", packed[2]);
    }
}

const SETTINGS: fn(Precision) -> Settings = |draw_precision| Settings {
    chains: 9,
    warmup: 80,
    draws: 40,
    max_tree_depth: 7,
    draw_precision,
    seed: 8,
    ..Settings::default()
};

/// Largest error of a draw that was rounded once in `unit`: half of the last of 11 bits of its distance from the mean,
/// and the error of f32 in the sampler's units.
fn tolerance(model: &Model, i: usize, exact: f64, unit: LocationScale) -> f64 {
    let scaled = model.scaled_units(&vec![LocationScale { mean: exact, sd: 1.0 }; i + 1])[i];
    let of_device = 1e-6 * (1.0 + scaled.mean.abs()) / scaled.sd;
    2f64.powi(-11) * (exact - unit.mean).abs() + 1e-7 * unit.sd + of_device
}

/// Root mean square of the packing errors of `whole`'s draws, in sds; asserts that each error is within its tolerance.
fn error(whole: &Sampled, packed: &Sampled, own: &[LocationScale], units: &[LocationScale]) -> f64 {
    let (mut squares, mut count) = (0.0, 0.0);
    for i in 0..whole.draws.variables() {
        for (exact, kept) in whole.draws.variable(i).iter().zip(&*packed.draws.variable(i)) {
            let error = (exact - kept).abs();
            assert!(error <= tolerance(&whole.model, i, *exact, units[i]), "variable {i}: {kept} for {exact}");
            squares += (error / own[i].sd).powi(2);
            count += 1.0;
        }
    }
    f64::sqrt(squares / count)
}

#[test]
fn draws_that_a_device_packs_are_those_it_would_have_left() {
    let Some(devices) = gpu::devices() else { return };
    let last = devices.len() - 1;
    for (device, model, keep, thin) in [
        (0, radon("non-centered", 0.0, 1.0), Keep::All, 1),
        (last, radon("a=centered,b=non-centered", -3e7, 1e4), Keep::All, 3),
        (0, radon("centered", 0.0, 1.0), Keep::Hyper, 1),
        (0, radon("marginal", -3e7, 1e4), Keep::Hyper, 1),
        (last, plain(9), Keep::All, 1),
    ] {
        let backend = Backend::Gpu { gpu: devices[device].clone(), fall_back: false };
        let run = |precision| {
            let settings = Settings { keep, thin, ..SETTINGS(precision) };
            sample_on(&backend, model.clone(), settings, Arc::default()).unwrap()
        };
        let (whole, packed) = (run(Precision::F64), run(Precision::F16));
        // Packing has no effect on chains.
        assert_eq!((&whole.run.spread, whole.run.gradients), (&packed.run.spread, packed.run.gradients));
        let (Draws::Memory(exact), Draws::Memory(kept)) = (&whole.draws, &packed.draws) else { panic!("in memory") };
        assert_eq!(exact.statistics(), kept.statistics());
        let units = location_scales(&model, whole.run.spread.as_ref().unwrap());
        let rms = error(&whole, &packed, &units, &units);
        println!("{}, {keep:?}: root mean square {rms:.2e} sds", model.parameterization());
        assert!(rms < 1e-3 && rms > 1e-5, "{rms}");
    }
}

/// A sink that keeps draws in memory, and all blocks unchanged.
struct Both {
    memory: Memory,
    warmup: Vec<f64>,
    blocks: Vec<(usize, usize, Vec<f64>)>,
}

impl DrawSink for Both {
    fn sums(&mut self) -> Option<&mut dyn SumSink> {
        None
    }

    fn warmed(&mut self, spread: &PositionMoments) {
        self.memory.warmed(spread);
    }

    fn units(&self) -> Option<&[LocationScale]> {
        self.memory.units()
    }

    fn wants_warmup(&self) -> bool {
        true
    }

    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError> {
        if block.warmup {
            self.warmup.extend_from_slice(block.values);
            return Ok(());
        }
        self.blocks.push((block.first_draw, block.draws, block.values.to_vec()));
        self.memory.record(block)
    }
}

#[test]
fn memory_keeps_packed_draws_to_the_bit() {
    let Some(devices) = gpu::devices() else { return };
    let model = radon("non-centered", -3e7, 1e4);
    let (dim, chains, draws) = (model.dim(), 5, 30);
    let run = |precision| {
        let chains = Chains { seed: 3, first: 0, count: chains as u32, per_superchain: 1 };
        let plan = device::DevicePlan { chains, max_depth: 7, keep: Keep::All, rank: 0 };
        let mut engine = DeviceEngine::start(devices[0].clone(), model.clone(), plan, Arc::default()).unwrap();
        let plan = Plan { thin: 2, max_depth: 6, ..Plan::new(60, 2 * draws as u32) };
        let memory = Memory::rounded(model.clone(), precision, dim, 5, draws);
        let mut sink = Both { memory, warmup: Vec::new(), blocks: Vec::new() };
        // Every second draw is left out.
        let run = driver::run(&mut engine, dim, &plan, &mut sink).unwrap();
        assert!(run.failure.is_none() && sink.memory.draws() == draws, "{:?}", run.failure);
        sink
    };
    let (whole, packed) = (run(Precision::F64), run(Precision::F16));
    // Recorded warm-up is not packed.
    assert!(!whole.warmup.is_empty() && whole.warmup == packed.warmup);
    for (first, count, values) in &packed.blocks {
        for (row, values) in values.chunks_exact(dim).enumerate() {
            let (chain, draw) = (row / count, first + row % count);
            for (i, value) in values.iter().enumerate() {
                assert_eq!(*value, packed.memory.value(i, chain, draw), "variable {i}");
            }
        }
    }
    assert_ne!(whole.blocks, packed.blocks);
}

/// The unit of a store's array in 16 bits.
fn array_unit(folder: &Path, name: &str) -> Option<LocationScale> {
    let text = std::fs::read(folder.join("draws.zarr/posterior").join(name).join("zarr.json")).unwrap();
    let metadata: Value = serde_json::from_slice(&text).unwrap();
    let attribute = |name: &str| metadata["attributes"][name].as_f64();
    Some(LocationScale { mean: attribute("add_offset")?, sd: attribute("scale_factor")? })
}

#[test]
fn a_store_keeps_packed_draws_as_they_come() {
    let Some(devices) = gpu::devices() else { return };
    let model = radon("non-centered", 0.0, 1.0);
    let backend = Backend::Gpu { gpu: devices[0].clone(), fall_back: false };
    let run = |precision| sample_on(&backend, model.clone(), SETTINGS(precision), Arc::default()).unwrap();
    let (whole, memory) = (run(Precision::F64), run(Precision::F16));
    let folder = tempfile::tempdir().unwrap();
    let keeping = Keeping { folder: folder.path(), interval: Duration::MAX };
    let stored =
        sample_into(&keeping, &backend, model.clone(), SETTINGS(Precision::F16), None, Arc::default()).unwrap();
    let own = location_scales(&model, whole.run.spread.as_ref().unwrap());
    // Slopes share a unit, and are rounded once, in it; intercepts are too far from each other to share one.
    let mut units = own.clone();
    let slopes = array_unit(folder.path(), "b").unwrap();
    units[model.layout().effects(1)].fill(slopes);
    assert!(array_unit(folder.path(), "a").is_none());
    let rms = error(&whole, &stored, &own, &units);
    println!("in a store: root mean square {rms:.2e} sds");
    assert!(rms < 1e-3 && rms > 1e-5, "{rms}");
    for i in 0..model.layout().effects(1).start {
        let rounded: Vec<f64> = memory.draws.variable(i).iter().map(|value| f64::from(*value as f32)).collect();
        let kept = if i < model.layout().hyperparameters() { memory.draws.variable(i).to_vec() } else { rounded };
        assert_eq!(kept, *stored.draws.variable(i), "variable {i}");
    }
}
