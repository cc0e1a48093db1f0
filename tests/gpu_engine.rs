//! Runs with densities on the device: the CPU's trees, the exact posterior, draws that do not depend on neighboring
//! chains, and a device that fails during the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use warpnuts::density::cpu::CpuDensity;
use warpnuts::density::gpu::DeviceModel;
use warpnuts::density::{Batch, Density, DensityError, Evaluations};
use warpnuts::draws::Memory;
use warpnuts::driver::{self, Plan};
use warpnuts::engine::host::{Chains, HostEngine};
use warpnuts::engine::{Engine, Keep, Phase, PhaseKind, Progress};
use warpnuts::exact::Exact;
use warpnuts::experiment::{Backend, Sampled, Settings, sample, sample_on};
use warpnuts::gpu::{Adapter, Gpu, GpuError};
use warpnuts::model::{Likelihood, Model};
use warpnuts::nuts::{Kernel, State, Statistics, Step, Transition, Tuning};
use warpnuts::random::StreamKey;
use warpnuts::summary::RunSummary;
use warpnuts::verify::Verification;

use crate::helpers::chance;
use crate::helpers::gpu;
use crate::helpers::models::radon;

fn sample_there(gpu: &Arc<Gpu>, model: &Arc<Model>, settings: Settings) -> Sampled {
    let backend = Backend::GpuDensity { gpu: gpu.clone(), fall_back: false };
    sample_on(&backend, model.clone(), settings, Arc::new(Progress::default())).unwrap()
}

/// One transition from each of `states`, all with the same step size and metric.
fn transitions(density: &mut dyn Density, scale: &[f64], states: &[State], round: u32, step: f64) -> Vec<Statistics> {
    let (dim, width) = (density.dim(), density.width());
    let mut out = Evaluations::with_capacity(width, dim);
    let mut machines: Vec<Transition> = states.iter().map(|_| Transition::new(dim, 10)).collect();
    for (chain, (machine, state)) in machines.iter_mut().zip(states).enumerate() {
        machine.configure(&Tuning::new(scale.to_vec(), 1.0, 10));
        machine.begin(StreamKey { seed: 11, chain: chain as u32, transition: round }, state, step);
    }
    let mut going: Vec<usize> = (0..machines.len()).collect();
    while !going.is_empty() {
        let mut next = Vec::new();
        for batch in going.chunks(width) {
            let at: Vec<Vec<f64>> = batch.iter().map(|machine| machines[*machine].wants().to_vec()).collect();
            density.evaluate(&at, &mut out).unwrap();
            let step = |(i, machine): (usize, &usize)| machines[*machine].give(out.log_density(i), out.gradient(i));
            let steps: Vec<Step> = batch.iter().enumerate().map(step).collect();
            next.extend(
                batch.iter().zip(steps).filter(|(_, step)| *step == Step::Continue).map(|(machine, _)| *machine),
            );
        }
        going = next;
    }
    machines.iter().map(Transition::statistics).collect()
}

/// The metric and step size of a short run, and 64 of its states for each round.
fn states(model: &Arc<Model>, rounds: u32) -> (Vec<f64>, f64, Vec<Vec<State>>) {
    let settings = Settings { chains: 64, warmup: 150, draws: rounds, ..Settings::default() };
    let sampled = sample(model.clone(), settings, Arc::new(Progress::default())).unwrap();
    let (dim, values) = (model.layout().dim(), sampled.draws.values());
    let mut density = CpuDensity::new(model);
    let rounds = (0..rounds as usize).map(|draw| {
        let mut state = |chain: usize| {
            let place = chain * rounds as usize + draw;
            let named: Vec<f64> = (0..dim).map(|i| values[i * 64 * rounds as usize + place]).collect();
            let mut state = State::zeros(model.dim());
            let (mut theta, mut gradient) = (vec![0.0; model.dim()], vec![0.0; model.dim()]);
            model.unconstrain(&named, &mut theta);
            state.log_density = density.log_density(&theta, &mut gradient);
            state.position.copy_from_slice(&theta);
            state.gradient.copy_from_slice(&gradient);
            state
        };
        (0..64).map(&mut state).collect()
    });
    (sampled.run.scale.clone(), sampled.run.step_size, rounds.collect())
}

#[test]
fn from_the_same_states_the_same_trees_grow() {
    let Some(devices) = gpu::devices() else { return };
    let both = &[Likelihood::Groups, Likelihood::Observations][..];
    for (parameterization, likelihoods) in
        [("non-centered", both), ("a=centered,b=non-centered", both), ("marginal", &both[..1])]
    {
        let model = radon(parameterization);
        let (scale, step, rounds) = states(&model, 20);
        for gpu in devices {
            for likelihood in likelihoods.iter().copied() {
                let mut there =
                    DeviceModel::new(gpu.clone(), &model.over(likelihood).unwrap()).unwrap().density(64).unwrap();
                let mut here = CpuDensity::new(&model.over(likelihood).unwrap());
                let (mut same, mut all, mut leapfrogs) = (0, 0, 0);
                for (round, states) in (0..).zip(&rounds) {
                    let there = transitions(&mut there, &scale, states, round, step);
                    let here = transitions(&mut here, &scale, states, round, step);
                    for (there, here) in there.iter().zip(&here) {
                        all += 1;
                        leapfrogs += here.n_steps;
                        same += u32::from((there.tree_depth, there.n_steps) == (here.tree_depth, here.n_steps));
                        assert!(
                            (there.acceptance_rate - here.acceptance_rate).abs() < 0.05
                                || there.n_steps != here.n_steps
                        );
                    }
                }
                eprintln!(
                    "{parameterization}, {likelihood:?}: {same} of {all} trees are the same, {leapfrogs} leapfrogs"
                );
                assert!(all == 64 * 20 && leapfrogs > 5 * all, "{all} {leapfrogs}");
                assert!(same * 100 >= 99 * all, "{same} of {all}");
            }
        }
    }
}

/// Means, sds and two quantiles of 175 variables, in Monte Carlo errors.
#[test]
fn runs_stand_against_the_exact_posterior() {
    let Some(devices) = gpu::devices() else { return };
    let exact = Exact::of(&radon("centered")).unwrap();
    let all = [
        (&devices[0], "non-centered", Likelihood::Groups),
        (&devices[0], "marginal", Likelihood::Groups),
        (&devices[devices.len() - 1], "a=centered,b=non-centered", Likelihood::Groups),
        (&devices[0], "non-centered", Likelihood::Observations),
    ];
    for (gpu, parameterization, likelihood) in all.into_iter().take(if gpu::all_shapes() { 4 } else { 2 }) {
        let settings = Settings { chains: 256, warmup: 200, draws: 60, likelihood, ..Settings::default() };
        let sampled = sample_there(gpu, &radon(parameterization), settings);
        let verification = Verification::of(&sampled, &RunSummary::of(&sampled), &exact);
        let Verification { largest, largest_of, root_mean_square, limit, .. } = &verification;
        eprintln!(
            "{parameterization}, {likelihood:?}: largest {largest:.2} ({largest_of}) of {limit:.2}, root mean square {root_mean_square:.2}"
        );
        assert!(largest.abs() < chance::largest(4 * 175), "{largest} of {largest_of}");
        chance::is_near_one(*root_mean_square, parameterization);
        assert_eq!((verification.scores.len(), sampled.run.failure.is_none()), (175, true));
    }
}

#[test]
fn draws_do_not_depend_on_lanes_nor_on_neighbours() {
    let Some(devices) = gpu::devices() else { return };
    let model = radon("non-centered");
    let dim = model.layout().dim();
    let (scale, step_size, states) = states(&model, 1);
    // No adaptation, because it pools over chains.
    let phase = Phase::new(5, Tuning::new(scale, step_size, 6), PhaseKind::Sampling);
    let draws = |gpu: &Arc<Gpu>, first: u32, count: u32, workers: usize| {
        let device = DeviceModel::new(gpu.clone(), &model).unwrap();
        let densities = (0..workers).map(|_| Box::new(device.density(7).unwrap()) as Box<dyn Density>).collect();
        let chains = Chains { seed: 3, first, count, per_superchain: 1 };
        let from = &states[0][first as usize..(first + count) as usize];
        let mut engine =
            HostEngine::new(model.clone(), densities, chains, 6, Keep::All, Arc::default()).start_from(from);
        let mut draws = Memory::new(dim, count as usize, 5);
        engine.run(&phase, &mut draws).unwrap();
        draws
    };
    for gpu in devices {
        let (whole, part) = (draws(gpu, 0, 24, 2), draws(gpu, 8, 5, 3));
        let leapfrogs: u32 = whole.statistics().iter().map(|row| row.n_steps).sum();
        assert!(leapfrogs > 8 * 24 * 5, "{leapfrogs}");
        for variable in 0..dim {
            let (whole, part) = (whole.variable(variable), part.variable(variable));
            assert_eq!(&whole[8 * 5..13 * 5], &part[..], "variable {variable}");
        }
    }
}

/// The CPU's density as a device that fails after `left` calls of all workers.
struct Failing {
    inner: CpuDensity,
    left: Arc<AtomicU32>,
}

impl Density for Failing {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn width(&self) -> usize {
        3
    }

    fn evaluate(&mut self, at: &dyn Batch, out: &mut Evaluations) -> Result<(), DensityError> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) => self.inner.evaluate(at, out),
            Err(_) => Err(GpuError::Lost { reason: "unplugged by a test".to_string() }.into()),
        }
    }
}

/// Runs 7 chains on two workers that fail after `calls` evaluations, with or without a spare CPU.
fn failing(model: &Arc<Model>, calls: u32, spare: bool) -> (driver::RunOutcome, Memory) {
    let cpu = CpuDensity::new(model);
    let left = Arc::new(AtomicU32::new(calls));
    let worker = || Box::new(Failing { inner: cpu.clone(), left: left.clone() }) as Box<dyn Density>;
    let chains = Chains { seed: 2, first: 0, count: 7, per_superchain: 1 };
    let plan = Plan { max_depth: 8, ..Plan::new(60, 40) };
    let dim = model.layout().dim();
    let mut draws = Memory::new(dim, 7, 40);
    let engine =
        HostEngine::new(model.clone(), vec![worker(), worker()], chains, 8, Keep::All, Arc::default()).start().unwrap();
    let mut engine = if spare { engine.with_spare(vec![Box::new(cpu)]) } else { engine };
    let run = driver::run(&mut engine, dim, &plan, &mut draws).unwrap();
    draws.shrink_to_fit();
    (run, draws)
}

#[test]
fn a_run_outlives_its_device() {
    let model = radon("non-centered");
    let (whole, undisturbed) = failing(&model, u32::MAX, false);
    assert!(whole.failure.is_none() && undisturbed.draws() == 40);
    let calls = (whole.gradients[0] + whole.gradients[1]) as u32 / 3;
    for calls in [10, calls / 3, calls * 2 / 3, calls * 9 / 10] {
        // With the spare CPU no draw is lost, and no bit of any draw differs.
        let (run, draws) = failing(&model, calls, true);
        assert!(run.failure.as_ref().is_some_and(|failure| failure.resumed), "after {calls} calls");
        assert_eq!((draws.draws(), run.warmup), (40, 60));
        assert_eq!(draws.values(), undisturbed.values(), "after {calls} calls");
        assert_eq!(run.gradients, whole.gradients);

        // Without it, the draws before the failure are kept.
        let (run, draws) = failing(&model, calls, false);
        assert!(run.failure.as_ref().is_some_and(|failure| !failure.resumed));
        assert_eq!(draws.draws(), run.draws as usize);
        assert!(draws.draws() < 40);
        let kept = draws.draws();
        for chain in 0..7 * model.layout().dim() {
            let (part, whole) = (&draws.values()[chain * kept..][..kept], &undisturbed.values()[chain * 40..][..kept]);
            assert_eq!(part, whole);
        }
    }
}

#[test]
fn a_lost_device_is_an_error_and_no_panic() {
    if gpu::devices().is_none() {
        return;
    }
    let gpu = Gpu::open(Adapter::choose(std::env::var("WARPNUTS_ADAPTER").ok().as_deref(), true).unwrap()).unwrap();
    let model = radon("centered");
    let device = DeviceModel::new(gpu.clone(), &model).unwrap();
    let mut density = device.density(4).unwrap();
    let mut out = Evaluations::with_capacity(4, density.dim());
    let at = vec![vec![0.1; density.dim()]; 4];
    density.evaluate(&at, &mut out).unwrap();
    gpu.lose();
    let error = density.evaluate(&at, &mut out).unwrap_err().to_string();
    assert!(error.contains("--engine cpu"), "{error}");
    let error = density.evaluate(&at, &mut out).unwrap_err().to_string();
    assert!(error.contains("--engine cpu"), "{error}");
    assert!(device.density(4).is_err());
    assert!(DeviceModel::new(gpu, &model).is_err());
}

#[test]
fn what_does_not_fit_is_refused_with_numbers() {
    let Some(devices) = gpu::devices() else { return };
    let limit = devices[0].largest_binding();
    let error = devices[0].buffer("a table", limit + 4, wgpu::BufferUsages::STORAGE).unwrap_err().to_string();
    assert!(error.contains(&limit.to_string()) && error.contains("fewer chains"), "{error}");
    // A density is never wider than the device has memory for.
    let device =
        DeviceModel::new(devices[0].clone(), &radon("centered").over(Likelihood::Observations).unwrap()).unwrap();
    assert!(device.density(usize::MAX).unwrap().width() <= device.largest_width());
}

#[test]
fn an_adapter_that_is_not_there_is_refused_with_those_that_are() {
    if gpu::devices().is_none() {
        return;
    }
    let error = Adapter::choose(Some("no such thing"), true).unwrap_err().to_string();
    assert!(error.contains(Adapter::all()[0].name()), "{error}");
}
