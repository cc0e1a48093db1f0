//! Log density and gradient on the device against the CPU's: every parameterization, both likelihoods, many shapes,
//! with and without subgroups.

use rand::Rng;
use std::sync::Arc;

use warpnuts::data::Dataset;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::density::gpu::DeviceModel;
use warpnuts::density::{Density, Evaluations};
use warpnuts::engine::device::{Compiled, DevicePlan};
use warpnuts::engine::host::Chains;
use warpnuts::engine::{Keep, Progress};
use warpnuts::experiment::{EngineChoice, Settings, choose, sample};
use warpnuts::model::{Centering, Coordinates, Likelihood, Model, Priors, Scaling};
use warpnuts::random::{Purpose, StreamKey};

use crate::helpers::again::{again, is_again};
use crate::helpers::gpu;
use crate::helpers::models;
use crate::helpers::reference;
use crate::helpers::witness::witnesses;

const BOTH: [Likelihood; 2] = [Likelihood::Groups, Likelihood::Observations];

fn evaluate(density: &mut dyn Density, at: &[Vec<f64>]) -> Vec<(f64, Vec<f64>)> {
    let mut out = Evaluations::with_capacity(density.width().min(at.len()), density.dim());
    let mut all = Vec::new();
    for batch in at.chunks(density.width()) {
        density.evaluate(&batch.to_vec(), &mut out).unwrap();
        all.extend((0..batch.len()).map(|i| (out.log_density(i), out.gradient(i).to_vec())));
    }
    all
}

/// Largest differences between device and CPU.
#[derive(Debug)]
struct Errors {
    log_density: f64,
    /// Error of a gradient entry, in units of its root mean square over all positions.
    gradient: f64,
}

fn errors(model: &Model, likelihood: Likelihood, device: &mut dyn Density, at: &[Vec<f64>]) -> Errors {
    let truth = evaluate(&mut CpuDensity::new(&model.over(likelihood).unwrap()), at);
    let there = evaluate(device, at);
    let n = at.len() as f64;
    let mut worst = Errors { log_density: 0.0, gradient: 0.0 };
    for ((truth, _), (there, _)) in truth.iter().zip(&there) {
        worst.log_density = worst.log_density.max((truth - there).abs());
    }
    for i in 0..model.dim() {
        let size = (truth.iter().map(|(_, gradient)| gradient[i].powi(2)).sum::<f64>() / n).sqrt();
        for ((_, truth), (_, there)) in truth.iter().zip(&there) {
            let error = (truth[i] - there[i]).abs() / size.max(truth[i].abs());
            // A NaN is an error too.
            worst.gradient = if error <= worst.gradient { worst.gradient } else { error };
        }
    }
    worst
}

/// Simulated data of `groups` groups of `rows` times 1 to 7 rows, with `slopes` predictors.
fn simulated(groups: usize, slopes: usize, rows: usize) -> Arc<Dataset> {
    let mut rng = StreamKey { seed: 7, chain: groups as u32, transition: slopes as u32 }.stream(Purpose::Stream);
    let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
    let (mut labels, mut outcome, mut predictors) = (Vec::new(), Vec::new(), vec![Vec::new(); slopes]);
    for j in 0..groups {
        let effects: Vec<f64> = (0..=slopes).map(|k| 1.0 / (k + 1) as f64 + 0.5 * (uniform() - 0.5)).collect();
        for _ in 0..rows * (1 + (j * 5) % 7) {
            let x: Vec<f64> = (0..slopes).map(|_| 2.0 * uniform() - 1.0).collect();
            let mean = effects[0] + x.iter().zip(&effects[1..]).map(|(x, b)| x * b).sum::<f64>();
            labels.push(format!("g{j}"));
            outcome.push(mean + uniform() + uniform() - 1.0);
            predictors.iter_mut().zip(&x).for_each(|(column, x)| column.push(*x));
        }
    }
    let names = (0..slopes).map(|k| format!("x{k}")).collect::<Vec<_>>();
    Arc::new(Dataset::from_columns("simulated", "g", "y", &names, &labels, outcome, predictors).unwrap())
}

/// The model of `dataset` with every second coefficient centered, from the first or from the second.
fn model(dataset: &Arc<Dataset>, first_centered: bool) -> Arc<Model> {
    let effect =
        |k: usize| if k.is_multiple_of(2) == first_centered { Centering::Centered } else { Centering::NonCentered };
    let effects = (0..dataset.n_coefficients()).map(effect).collect();
    let parameterization = Coordinates::Joint { centering: effects, likelihood: Likelihood::Groups };
    let scaling = Scaling::standardizing(dataset);
    Arc::new(models::posterior(dataset.clone(), Priors::default(), parameterization, scaling))
}

/// Positions in the typical set: `count` draws of short chains, as theta of `model`.
fn typical(model: &Arc<Model>, count: u32) -> Vec<Vec<f64>> {
    named_draws(model, count).iter().map(|named| unconstrained(model, named)).collect()
}

fn unconstrained(model: &Model, named: &[f64]) -> Vec<f64> {
    let mut theta = vec![0.0; model.dim()];
    model.unconstrain(named, &mut theta);
    theta
}

/// `count` draws of short chains, as named variables.
fn named_draws(model: &Arc<Model>, count: u32) -> Vec<Vec<f64>> {
    let settings = Settings { chains: 4, warmup: 150, draws: count.div_ceil(4), seed: 3, ..Settings::default() };
    let sampled = sample(model.clone(), settings, Arc::new(Progress::default())).unwrap();
    let dim = model.layout().dim();
    let (values, draws) = (sampled.draws.values(), 4 * settings.draws as usize);
    let named = |draw: usize| (0..dim).map(|variable| values[variable * draws + draw]).collect();
    (0..draws).map(named).collect()
}

#[test]
fn in_the_typical_set_of_radon_the_device_agrees_with_f64() {
    let Some(devices) = gpu::devices() else { return };
    let dataset = Arc::new(Dataset::radon().unwrap());
    for effects in [
        vec![Centering::Centered; 2],
        vec![Centering::NonCentered; 2],
        vec![Centering::Centered, Centering::NonCentered],
    ] {
        let parameterization = Coordinates::Joint { centering: effects, likelihood: Likelihood::Groups };
        let scaling = Scaling::standardizing(&dataset);
        let model = Arc::new(models::posterior(dataset.clone(), Priors::default(), parameterization, scaling));
        let at = typical(&model, if is_again() { 64 } else { 256 });
        for gpu in devices {
            for likelihood in BOTH {
                let there = DeviceModel::new(gpu.clone(), &model.over(likelihood).unwrap()).unwrap();
                let worst = errors(&model, likelihood, &mut there.density(100).unwrap(), &at);
                eprintln!("{}, {likelihood:?}, {}: {worst:?}", model.parameterization(), there.team());
                assert!(worst.log_density < 1e-3 && worst.gradient < 1e-5, "{worst:?}");
            }
        }
    }
}

/// Tolerance of a gradient. In the typical set, a gradient is the difference of many terms, about the square root of
/// their number; each term is rounded to 24 bits, as is the position.
fn tolerance(dataset: &Dataset) -> f64 {
    1e-5 * (dataset.n_observations() as f64 / 919.0).sqrt().max(1.0)
}

/// A position rounded to f32, as the device gets it. In the funnel's neck, effects differ from their mean by a
/// thousandth, and rounding moves them by more than any tolerance: the density is compared at the rounded position.
fn rounded(theta: &[f64]) -> Vec<f64> {
    theta.iter().map(|coordinate| f64::from(*coordinate as f32)).collect()
}

#[test]
fn at_numpyros_points_the_device_agrees_with_f64() {
    let Some(devices) = gpu::devices() else { return };
    for case in reference::cases() {
        let (model, theta) = (case.model(), vec![rounded(&case.theta)]);
        let (truth, truth_gradient) = evaluate(&mut CpuDensity::new(&model), &theta).swap_remove(0);
        assert!((truth - case.log_density).abs() < 1e-5 * truth.abs().max(1.0), "{case}: {truth}");
        for gpu in devices {
            for likelihood in BOTH {
                let there = DeviceModel::new(gpu.clone(), &model.over(likelihood).unwrap()).unwrap();
                let at = format!("{case} {likelihood:?}, {}", there.team());
                let (log_density, gradient) = evaluate(&mut there.density(1).unwrap(), &theta).swap_remove(0);
                // Far from the typical set numbers are large, and errors are relative.
                let error = (log_density - truth).abs();
                assert!(error < 2e-3f64.max(1e-6 * truth.abs()), "{at}: {log_density} not {truth}");
                let largest = case.gradient.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
                for (i, (there, truth)) in gradient.iter().zip(&truth_gradient).enumerate() {
                    let error = (there - truth).abs() / truth.abs().max(0.1 * largest);
                    assert!(error < 1e-5, "{at}: gradient[{i}] is {there}, not {truth}");
                }
            }
        }
    }
}

/// Groups, slopes and rows a group, each of which is another kernel; a few of them where software compiles it.
fn shapes() -> Vec<(usize, usize, usize)> {
    if !gpu::all_shapes() {
        return vec![(2, 0, 3), (86, 2, 3), (1000, 1, 3), (3, 1, 12), (12, 9, 10)];
    }
    let shapes = [2, 85, 86, 1000].into_iter().flat_map(|groups| [0, 1, 2].map(|slopes| (groups, slopes, 3)));
    shapes.chain([(3, 1, 12), (40, 5, 10), (12, 9, 10)]).collect()
}

#[test]
fn in_the_typical_set_of_any_shape_the_device_agrees_with_f64() {
    let Some(devices) = gpu::devices() else { return };
    for (groups, slopes, rows) in shapes() {
        let dataset = simulated(groups, slopes, rows);
        for first_centered in [true, false] {
            let model = model(&dataset, first_centered);
            let at = typical(&model, 16);
            for gpu in devices {
                for likelihood in BOTH {
                    let there = DeviceModel::new(gpu.clone(), &model.over(likelihood).unwrap()).unwrap();
                    let worst = errors(&model, likelihood, &mut there.density(7).unwrap(), &at);
                    let shape = format!("J = {groups}, K = {}, {likelihood:?}, {}", slopes + 1, there.team());
                    eprintln!("{shape}: {worst:?}");
                    assert!(worst.log_density < 1e-3 && worst.gradient < tolerance(&dataset), "{shape}: {worst:?}");
                }
            }
        }
    }
}

/// The collapsed model of `dataset`.
fn marginal(dataset: &Arc<Dataset>) -> Arc<Model> {
    let parameterization = Coordinates::Collapsed;
    let scaling = Scaling::standardizing(dataset);
    Arc::new(models::posterior(dataset.clone(), Priors::default(), parameterization, scaling))
}

#[test]
fn where_effects_are_integrated_out_the_device_agrees_with_f64() {
    let Some(devices) = gpu::devices() else { return };
    let made_up = shapes().into_iter().map(|(groups, slopes, rows)| simulated(groups, slopes, rows));
    for dataset in [Arc::new(Dataset::radon().unwrap())].into_iter().chain(made_up) {
        let model = marginal(&dataset);
        let at = typical(&model, 256);
        for gpu in devices {
            let there = DeviceModel::new(gpu.clone(), &model).unwrap();
            let worst = errors(&model, Likelihood::Groups, &mut there.density(100).unwrap(), &at);
            let layout = model.layout();
            let shape = format!("J = {}, K = {}, {}", layout.groups, layout.coefficients, there.team());
            eprintln!("{shape}: {worst:?}");
            assert!(worst.log_density < 1e-3 && worst.gradient < tolerance(&dataset), "{shape}: {worst:?}");
        }
    }
}

#[test]
fn a_hundred_thousand_observations_are_added_up_as_trees() {
    let Some(devices) = gpu::devices() else { return };
    for (groups, rows) in [(2, 28_600), (85, 295)] {
        let dataset = simulated(groups, 1, rows);
        assert!(dataset.n_observations() > 99_000);
        for (model, likelihoods) in [(model(&dataset, false), &BOTH[..]), (marginal(&dataset), &BOTH[..1])] {
            let at = typical(&model, 8);
            for (gpu, likelihood) in devices.iter().flat_map(|gpu| likelihoods.iter().map(move |of| (gpu, *of))) {
                let there = DeviceModel::new(gpu.clone(), &model.over(likelihood).unwrap()).unwrap();
                let worst = errors(&model, likelihood, &mut there.density(8).unwrap(), &at);
                let of = format!("J = {groups}, {}, {likelihood:?}, {}", model.parameterization(), there.team());
                eprintln!("{of}: {worst:?}");
                assert!(worst.log_density < 1e-3 && worst.gradient < tolerance(&dataset), "{of}: {worst:?}");
            }
        }
    }
}

#[test]
fn a_million_observations_leave_energies_exact_to_a_thousandth() {
    let Some(devices) = gpu::devices() else { return };
    for (groups, rows) in [(85, 2_950), (1000, 250)] {
        let dataset = simulated(groups, 1, rows);
        assert!(dataset.n_observations() > 990_000);
        let uniform = |effect| Coordinates::joint(effect, dataset.n_coefficients());
        let of = |parameterization| {
            let scaling = Scaling::standardizing(&dataset);
            Arc::new(models::posterior(dataset.clone(), Priors::default(), parameterization, scaling))
        };
        // Chains of this model move only if it is centered; all parameterizations are compared at their positions.
        let centered = of(uniform(Centering::Centered));
        let named = named_draws(&centered, 4);
        for (model, likelihoods) in
            [(centered, &BOTH[..]), (of(uniform(Centering::NonCentered)), &BOTH), (marginal(&dataset), &BOTH[..1])]
        {
            let at: Vec<Vec<f64>> = named.iter().map(|named| rounded(&unconstrained(&model, named))).collect();
            for likelihood in likelihoods.iter().copied() {
                let there = DeviceModel::new(devices[0].clone(), &model.over(likelihood).unwrap()).unwrap();
                let worst = errors(&model, likelihood, &mut there.density(4).unwrap(), &at);
                let of = format!("J = {groups}, {}, {likelihood:?}, {}", model.parameterization(), there.team());
                eprintln!("{of}: {worst:?}");
                assert!(worst.log_density < 1e-3 && worst.gradient < tolerance(&dataset), "{of}: {worst:?}");
            }
        }
    }
}

#[test]
fn on_swiftshader_and_with_subgroups_of_16_lanes_the_device_agrees_with_f64() {
    let alone =
        ["in_the_typical_set_of_radon_the_device_agrees_with_f64", "at_numpyros_points_the_device_agrees_with_f64"];
    let marginal = ["far_from_the_typical_set_the_marginal_density_is_that_of_f64"];
    for witness in witnesses(&[512]) {
        again(&witness, module_path!(), &[&alone[..], &marginal].concat());
    }
}

#[test]
fn far_from_the_typical_set_the_marginal_density_is_that_of_f64() {
    let Some(devices) = gpu::devices() else { return };
    // Scales from nearly zero to far too large, in every combination, and a mean far out.
    let ends = [-9.0, -1.0, 5.0];
    let corner = |i: usize| vec![0.3, -2.0, ends[i % 3], ends[i / 3 % 3], [-2.0, 0.1, 3.0][i / 9]];
    let at: Vec<Vec<f64>> = (0..27).map(corner).map(|theta| rounded(&theta)).collect();
    let model = marginal(&Arc::new(Dataset::radon().unwrap()));
    let truth = evaluate(&mut CpuDensity::new(&model), &at);
    for gpu in devices {
        let there = DeviceModel::new(gpu.clone(), &model).unwrap();
        let there = evaluate(&mut there.density(27).unwrap(), &at);
        for (theta, ((truth, by), (there, by_there))) in at.iter().zip(truth.iter().zip(&there)) {
            let error = (there - truth).abs();
            assert!(error < 2e-3f64.max(1e-6 * truth.abs()), "at {theta:?}: {there}, not {truth}");
            let largest = by.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
            for (i, (there, truth)) in by_there.iter().zip(by).enumerate() {
                let error = (there - truth).abs() / truth.abs().max(0.1 * largest);
                assert!(error < 1e-5, "at {theta:?}: gradient[{i}] is {there}, not {truth}");
            }
        }
    }
}

#[test]
fn what_software_would_not_finish_is_refused() {
    let Some(devices) = gpu::devices() else { return };
    let model = marginal(&simulated(20, 40, 12));
    let chains = Chains { seed: 1, first: 0, count: 1, per_superchain: 1 };
    let plan = DevicePlan { chains, max_depth: 5, keep: Keep::All, rank: 0 };
    for gpu in devices.iter().filter(|gpu| gpu.adapter().is_software()) {
        let name = gpu.adapter().name();
        let errors = [
            DeviceModel::new(gpu.clone(), &model).unwrap_err().to_string(),
            Compiled::new(gpu, &model, &plan).unwrap_err().to_string(),
            choose(EngineChoice::GpuDensity, Some(name), true, &model, &Settings::default()).unwrap_err().to_string(),
            choose(EngineChoice::Gpu, Some(name), true, &model, &Settings::default()).unwrap_err().to_string(),
        ];
        for error in errors {
            assert!(error.contains("is software") && error.contains("use --engine cpu"), "{error}");
        }
    }
}
