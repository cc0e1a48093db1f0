//! Whole transitions on the device: equal to the host's, transition by transition; draws that depend only on seed,
//! chain and transition; and runs that agree with the exact posterior.

use std::sync::Arc;

use warpnuts::data::Dataset;
use warpnuts::density::Density;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::density::gpu::DeviceModel;
use warpnuts::draws::Memory;
use warpnuts::engine::device::messages::TransitionStatistics;
use warpnuts::engine::device::{DeviceEngine, DevicePlan};
use warpnuts::engine::host::{Chains, HostEngine};
use warpnuts::engine::{
    ChainStates, DrawBlock, DrawSink, EachBlock, Engine, Keep, Phase, PhaseKind, Progress, SnapshotPlan,
};
use warpnuts::exact::Exact;
use warpnuts::experiment::{Backend, Sampled, Settings, rate, sample, sample_on};
use warpnuts::gpu::{Gpu, Switches};
use warpnuts::model::{Coordinates, Likelihood, Model, Priors, Scaling};
use warpnuts::nuts::adaptation::Moments;
use warpnuts::nuts::{Correction, Kernel, State, Statistics, Step, Transition, Tuning};
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::RunSummary;
use warpnuts::verify::Verification;

use crate::helpers::again::{again, is_again};
use crate::helpers::chance;
use crate::helpers::gpu::{self, DEPTH};
use crate::helpers::models::{self, radon};
use crate::helpers::witness::witnesses;
use crate::metric::some_eigenvectors;

const SEED: u64 = 17;
const CHAINS: u32 = 64;

fn run_there(gpu: &Arc<Gpu>, model: &Arc<Model>, settings: Settings) -> Sampled {
    let backend = Backend::Gpu { gpu: gpu.clone(), fall_back: false };
    sample_on(&backend, model.clone(), settings, Arc::new(Progress::default())).unwrap()
}

fn run_here(model: &Arc<Model>, settings: Settings) -> Sampled {
    sample(model.clone(), settings, Arc::new(Progress::default())).unwrap()
}

/// A sink that keeps the last block of draws, `[chain][draw][variable]`.
#[derive(Default)]
struct Last {
    values: Vec<f64>,
    statistics: Vec<Statistics>,
}

impl Last {
    fn sink(&mut self) -> impl DrawSink {
        EachBlock(|block: &DrawBlock| {
            (self.values, self.statistics) = (block.values.to_vec(), block.statistics.to_vec());
            Ok(())
        })
    }
}

/// The state at a position, evaluated on the CPU.
fn state(density: &mut CpuDensity, position: &[f64]) -> State {
    let mut state = State::zeros(position.len());
    let mut gradient = vec![0.0; position.len()];
    state.log_density = density.log_density(position, &mut gradient);
    state.position.copy_from_slice(position);
    state.gradient.copy_from_slice(&gradient);
    state
}

/// A short run on the CPU, and the last states of its chains.
fn warmed(model: &Arc<Model>, likelihood: Likelihood) -> (Sampled, Vec<State>) {
    let warmed = run_here(model, Settings { chains: CHAINS, warmup: 150, draws: 30, ..Settings::default() });
    let (dim, values) = (model.layout().dim(), warmed.draws.values());
    let mut density = CpuDensity::new(&model.over(likelihood).unwrap());
    let states = (0..CHAINS as usize).map(|chain| {
        let named: Vec<f64> = (0..dim).map(|i| values[(i * CHAINS as usize + chain) * 30 + 29]).collect();
        let mut theta = vec![0.0; model.dim()];
        model.unconstrain(&named, &mut theta);
        state(&mut density, &theta)
    });
    let states = states.collect();
    (warmed, states)
}

/// Comparison of transitions: `rounds` of every chain on the device, each from the state that the CPU has reached.
#[derive(Debug, Default)]
struct Twins {
    transitions: u32,
    leapfrogs: u32,
    /// Trees with equal depth, leapfrogs and divergence.
    same_tree: u32,
    /// Equal trees whose draws are within a thousandth of a posterior sd in every variable.
    same_draw: u32,
    divergences: u32,
    deepest: u32,
    /// Sums of acceptance rates on host and device.
    acceptance: [f64; 2],
    /// Largest error of a draw's log density, compared with f64 at its position.
    lp_error: f64,
}

/// [`Twins`] with a multiple of the tuned step size, and `slow` times the scale of the first coordinate.
fn twins_with(
    gpu: &Arc<Gpu>,
    model: &Arc<Model>,
    likelihood: Likelihood,
    rounds: u32,
    [stretch, slow]: [f64; 2],
    rank: usize,
) -> Twins {
    let dim = model.dim();
    let (mut warmed, mut states) = warmed(model, likelihood);
    warmed.run.scale[0] *= slow;
    let sd: Vec<f64> = RunSummary::of(&warmed).parameters.0.iter().map(|parameter| parameter.summary.sd).collect();
    let mut density = CpuDensity::new(&model.over(likelihood).unwrap());

    let chains = Chains { seed: SEED, first: 0, count: CHAINS, per_superchain: 1 };
    let plan = DevicePlan { chains, max_depth: DEPTH, keep: Keep::All, rank };
    let mut there = DeviceEngine::start(gpu.clone(), model.clone(), plan, Arc::default()).unwrap();
    let phase = Phase::new(
        1,
        Tuning {
            correction: Correction::new(&some_eigenvectors(dim, rank)),
            ..Tuning::new(warmed.run.scale.clone(), stretch * warmed.run.step_size, 8)
        },
        PhaseKind::Sampling,
    );
    let mut machine = Transition::new(dim, 8);
    machine.configure(&phase.tuning);
    let mut twins = Twins::default();
    let (mut gradient, mut named, mut theta) = (vec![0.0; dim], vec![0.0; dim], vec![0.0; dim]);
    for round in 0..rounds {
        let mut draws = Last::default();
        there.put(&states).unwrap();
        assert!(there.run(&phase, &mut draws.sink()).unwrap().failure.is_none());
        for (chain, state) in states.iter_mut().enumerate() {
            machine.begin(
                StreamKey { seed: SEED, chain: chain as u32, transition: round },
                state,
                phase.tuning.step_size,
            );
            loop {
                let log_density = density.log_density(machine.wants(), &mut gradient);
                if machine.give(log_density, &gradient) == Step::Done {
                    break;
                }
            }
            state.clone_from(machine.sample());
            let (here, there) = (machine.statistics(), draws.statistics[chain]);
            twins.transitions += 1;
            twins.leapfrogs += here.n_steps;
            twins.divergences += u32::from(here.diverging);
            twins.acceptance[0] += here.acceptance_rate;
            twins.acceptance[1] += there.acceptance_rate;
            twins.deepest = twins.deepest.max(here.tree_depth);
            let drawn = &draws.values[chain * dim..(chain + 1) * dim];
            model.unconstrain(drawn, &mut theta);
            let lp = density.log_density(&theta, &mut gradient) + model.log_density_offset();
            twins.lp_error = twins.lp_error.max((lp - there.lp).abs());
            let tree = |told: &Statistics| (told.tree_depth, told.n_steps, told.diverging, told.reached_max_treedepth);
            if tree(&here) != tree(&there) {
                continue;
            }
            twins.same_tree += 1;
            model.constrain(&state.position, &mut named);
            let apart = named.iter().zip(drawn).zip(&sd).map(|((here, there), sd)| (here - there).abs() / sd);
            if apart.fold(0.0, f64::max) < 1e-3 {
                twins.same_draw += 1;
                // On long trajectories through narrow regions, rounding errors grow.
                let tolerance = if slow == 1.0 { 2e-3 } else { 2e-2 };
                assert!((here.acceptance_rate - there.acceptance_rate).abs() < tolerance, "{here:?} {there:?}");
                assert!((here.lp + model.log_density_offset() - there.lp).abs() < 1e-2, "{here:?} {there:?}");
                assert!((here.energy - model.log_density_offset() - there.energy).abs() < 1e-2);
                assert!((here.step_size - there.step_size).abs() < 1e-6 * here.step_size);
            }
        }
    }
    twins
}

fn twins(gpu: &Arc<Gpu>, model: &Arc<Model>, likelihood: Likelihood, rounds: u32) -> Twins {
    twins_with(gpu, model, likelihood, rounds, [1.0, 1.0], 0)
}

#[test]
fn transition_by_transition_the_device_is_the_hosts_twin() {
    let many = if is_again() { 10 } else { 50 };
    // Trees that a slow coordinate makes deep have leaves of all weights, so that what is drawn at their joins counts.
    let all = [
        ("non-centered", Likelihood::Groups, [1.0, 1.0], many, 0),
        ("non-centered", Likelihood::Groups, [1.0, 1.0], many, 6),
        ("marginal", Likelihood::Groups, [1.0, 1.0], many, 0),
        ("marginal", Likelihood::Groups, [1.0, 1.0], many, 5),
        ("marginal", Likelihood::Groups, [0.05, 1.0], 2, 0),
        ("marginal", Likelihood::Groups, [1.0, 0.08], 10, 0),
        ("a=centered,b=non-centered", Likelihood::Groups, [0.1, 1.0], 3, 0),
        ("centered", Likelihood::Groups, [3.0, 1.0], many, 0),
    ];
    for (parameterization, likelihood, [stretch, slow], rounds, rank) in all.into_iter().take(cases(all.len(), 6)) {
        let model = radon(parameterization);
        for gpu in &gpu::devices_of(&model) {
            let twins = twins_with(gpu, &model, likelihood, rounds, [stretch, slow], rank);
            eprintln!("{parameterization}, {likelihood:?}, step size x {stretch}, {slow}, rank {rank}: {twins:?}");
            assert_eq!(twins.transitions, rounds * CHAINS);
            assert!((twins.acceptance[0] / twins.acceptance[1] - 1.0).abs() < 1e-3, "{twins:?}");
            assert!(twins.lp_error < 1e-3, "{twins:?}");
            assert!(twins.same_draw * 100 >= 99 * twins.transitions, "{twins:?}");
            // Small steps must have made deep trees, large steps divergences.
            assert!((stretch > 0.1 && slow == 1.0) || twins.deepest >= if slow == 1.0 { 7 } else { 5 }, "{twins:?}");
            assert!(stretch != 3.0 || twins.divergences > 10, "{twins:?}");
        }
    }
}

/// How many of `all` cases are taken: on another driver, whose compiler takes its time, the first `few`, where not all
/// shapes are wanted.
fn cases(all: usize, few: usize) -> usize {
    if is_again() && !gpu::all_shapes() { few } else { all }
}

/// `groups` groups of 1 to 7 rows with `slopes` predictors.
fn simulated(groups: usize, slopes: usize, parameterization: &str) -> Arc<Model> {
    let labels: Vec<String> = (0..groups).flat_map(|j| std::iter::repeat_n(format!("g{j}"), 1 + j * 5 % 7)).collect();
    let mut noise = vec![0.0; (slopes + 1) * labels.len()];
    StreamKey { seed: 5, chain: groups as u32, transition: slopes as u32 }.normals(Purpose::Stream, &mut noise);
    let mut columns: Vec<Vec<f64>> = noise.chunks(labels.len()).map(<[f64]>::to_vec).collect();
    let predictors = columns.split_off(1);
    let names: Vec<String> = (0..slopes).map(|k| format!("x{k}")).collect();
    let outcome = columns.remove(0);
    let dataset = Arc::new(Dataset::from_columns("made up", "g", "y", &names, &labels, outcome, predictors).unwrap());
    let parameterization = Coordinates::parse(parameterization, dataset.predictor_names()).unwrap();
    let scaling = Scaling::standardizing(&dataset);
    Arc::new(models::posterior(dataset, Priors::default(), parameterization, scaling))
}

#[test]
fn twins_are_alike_in_any_shape() {
    let Some(devices) = gpu::devices() else { return };
    let shapes = [(9, 2), (150, 1), (2, 0), (86, 1)];
    for (groups, slopes) in shapes.into_iter().take(if gpu::all_shapes() { 4 } else { 2 }) {
        let model = simulated(groups, slopes, "non-centered");
        for (gpu, likelihood) in
            [(&devices[0], Likelihood::Groups), (&devices[devices.len() - 1], Likelihood::Observations)]
        {
            // Lavapipe takes long to compile for large workgroups, so that one device is enough.
            if groups > 100 && likelihood == Likelihood::Observations {
                continue;
            }
            let twins = twins(gpu, &model, likelihood, 4);
            eprintln!("J = {groups}, K = {}, {likelihood:?}: {twins:?}", slopes + 1);
            assert!(twins.same_draw * 100 >= 99 * twins.transitions, "{twins:?}");
        }
    }
}

#[test]
fn on_swiftshader_and_with_subgroups_of_4_and_16_lanes_the_device_is_the_hosts_twin() {
    // Chains that are twins of the host's, transition by transition, stay in the posterior, too.
    let alone = [
        "transition_by_transition_the_device_is_the_hosts_twin",
        "moments_are_those_of_the_draws",
        "chains_that_start_in_the_posterior_stay_there",
    ];
    for witness in witnesses(&[128, 512]) {
        again(&witness, module_path!(), &alone[..if gpu::all_shapes() { 3 } else { 1 }]);
    }
}

/// A collapsed model with a million rows in 85 groups, whose chains mix quickly.
fn a_million_rows() -> Arc<Model> {
    let (rows, groups) = (1_000_000, 85);
    let mut noise = vec![0.0; 2 * rows];
    StreamKey { seed: 6, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut noise);
    let (noise, x) = noise.split_at(rows);
    let group = |i: usize| i * 7 % groups;
    let effect = |i: usize| (group(i) as f64 * 0.7).sin();
    let outcome = (0..rows).map(|i| 3.0 + 0.4 * effect(i) + (1.0 + 0.2 * effect(i + 3)) * x[i] + 0.8 * noise[i]);
    let labels: Vec<String> = (0..rows).map(|i| format!("g{}", group(i))).collect();
    let (names, predictors) = (["x".to_string()], vec![x.to_vec()]);
    let dataset = Dataset::from_columns("made up", "g", "y", &names, &labels, outcome.collect(), predictors).unwrap();
    let dataset = Arc::new(dataset);
    let parameterization = Coordinates::Collapsed;
    let scaling = Scaling::standardizing(&dataset);
    Arc::new(models::posterior(dataset, Priors::default(), parameterization, scaling))
}

#[test]
fn a_million_rows_leave_the_energies_of_transitions_exact_to_a_thousandth() {
    let Some(devices) = gpu::devices() else { return };
    let twins = twins(&devices[0], &a_million_rows(), Likelihood::Groups, 3);
    eprintln!("{twins:?}");
    assert!(twins.lp_error < 1e-3 && twins.leapfrogs > 3 * twins.transitions, "{twins:?}");
    assert!(twins.same_draw * 100 >= 99 * twins.transitions, "{twins:?}");
}

#[test]
fn twins_without_effects_are_alike_in_any_shape() {
    let Some(devices) = gpu::devices() else { return };
    let shapes = [(2, 0), (9, 2), (86, 1), (20, 5), (520, 1), (80, 9)];
    for (groups, slopes) in shapes.into_iter().take(if gpu::all_shapes() { 6 } else { 4 }) {
        let model = simulated(groups, slopes, "marginal");
        // Lavapipe takes long to compile large workgroups: one device is enough for 520 groups, 65 for each of 8 lanes.
        let one = if groups > 100 { 1 } else { devices.len() };
        for gpu in devices[..one].iter().chain(&[gpu::alone()]) {
            let twins = twins(gpu, &model, Likelihood::Groups, 3);
            eprintln!("J = {groups}, K = {}: {twins:?}", slopes + 1);
            assert!(twins.same_draw * 100 >= 99 * twins.transitions, "{twins:?}");
        }
    }
}

/// The draws of `count` chains from chain `first`, each from its one of `states`, with a budget of loop iterations for
/// each dispatch.
fn draws_of(
    gpu: &Arc<Gpu>,
    model: &Arc<Model>,
    (warmed, states): &(Sampled, Vec<State>),
    first: u32,
    count: u32,
    budget: u32,
) -> Memory {
    let dim = model.dim();
    let chains = Chains { seed: SEED, first, count, per_superchain: 1 };
    let plan = DevicePlan { chains, max_depth: DEPTH, keep: Keep::All, rank: 0 };
    let engine = DeviceEngine::start(gpu.clone(), model.clone(), plan, Arc::default()).unwrap();
    let mut engine = engine.with_budget(budget);
    engine.put(&states[first as usize..(first + count) as usize]).unwrap();
    let phase = |transitions, part| {
        Phase::new(transitions, Tuning::new(warmed.run.scale.clone(), warmed.run.step_size, 6), part)
    };
    let mut draws = Memory::new(dim, count as usize, 12);
    engine.run(&phase(8, PhaseKind::Warmup { recorded: false }), &mut draws).unwrap();
    engine.run(&phase(12, PhaseKind::Sampling), &mut draws).unwrap();
    draws
}

#[test]
fn a_chain_notices_neither_its_neighbours_nor_when_dispatches_end() {
    for (parameterization, shortest, chop) in [("non-centered", 8, 1_500), ("marginal", 4, 700)] {
        let model = radon(parameterization);
        let warmed = warmed(&model, Likelihood::Groups);
        for gpu in &gpu::devices_of(&model) {
            let whole = draws_of(gpu, &model, &warmed, 0, 37, 30_000);
            let chopped = draws_of(gpu, &model, &warmed, 0, 37, chop);
            // Long trees, which no dispatch of the second run completes.
            let leapfrogs: u32 = whole.statistics().iter().map(|told| told.n_steps).sum();
            assert!(leapfrogs > shortest * 37 * 12, "{leapfrogs}");
            assert_eq!(whole.values(), chopped.values());
            assert_eq!(whole.statistics(), chopped.statistics());
            let part = draws_of(gpu, &model, &warmed, 5, 3, 10_000);
            for variable in 0..model.dim() {
                let whole = &whole.values()[variable * 37 * 12..][5 * 12..8 * 12];
                assert_eq!(whole, &part.values()[variable * 3 * 12..][..3 * 12], "variable {variable}");
            }
        }
    }
}

#[test]
fn little_more_than_the_draws_crosses_the_bus() {
    let Some(devices) = gpu::devices() else { return };
    let model = radon("marginal");
    let (dim, (run, states)) = (model.dim(), warmed(&model, Likelihood::Groups));
    const MANY: u32 = 8 * CHAINS;
    let states: Vec<State> = states.into_iter().cycle().take(MANY as usize).collect();
    let chains = Chains { seed: 4, first: 0, count: MANY, per_superchain: 1 };
    let plan = DevicePlan { chains, max_depth: 1, keep: Keep::All, rank: 0 };
    // All trajectories are of one step, so that all chains make as many draws.
    let (scale, step_size) = (run.run.scale, run.run.step_size);
    let phase = Phase::new(2400, Tuning::new(scale, step_size, 1), PhaseKind::Sampling);
    for gpu in devices {
        // A device for this test only, so that its meter counts nothing else.
        let gpu = Gpu::open_with(gpu.adapter().clone(), gpu.switches()).unwrap();
        let engine = DeviceEngine::start(gpu.clone(), model.clone(), plan, Arc::default()).unwrap();
        let mut engine = engine.with_budget(30_000);
        engine.put(&states).unwrap();
        let before = gpu.meter().reading().bytes;
        let mut draws = Memory::new(dim, MANY as usize, 2400);
        assert_eq!(engine.run(&phase, &mut draws).unwrap().transitions, 2400);
        let bytes = (gpu.meter().reading().bytes - before) as f64 / (2400.0 * f64::from(MANY));
        // The draw, its transition's statistics, and 16 bytes for each chain and dispatch.
        let own = (4 * dim + size_of::<TransitionStatistics>()) as f64;
        eprintln!("{bytes:.1} bytes a draw, of {own}");
        assert!(bytes > own && bytes < 1.25 * own, "{bytes} {own}");
    }
}

/// Checkpoints: states of one engine resumed by another.
#[test]
fn chains_go_on_from_where_they_stood_with_the_same_bits() {
    let Some(devices) = gpu::devices() else { return };
    let alone = gpu::alone();
    for (gpu, parameterization) in [(&devices[0], "non-centered"), (&devices[0], "marginal"), (&alone, "marginal")] {
        let model = radon(parameterization);
        let (dim, (run, states)) = (model.dim(), warmed(&model, Likelihood::Groups));
        let chains = Chains { seed: 6, first: 0, count: CHAINS, per_superchain: 1 };
        let plan = DevicePlan { chains, max_depth: DEPTH, keep: Keep::All, rank: 0 };
        let phase = |transitions| {
            Phase::new(transitions, Tuning::new(run.run.scale.clone(), run.run.step_size, 6), PhaseKind::Sampling)
        };
        let engine = || DeviceEngine::start(gpu.clone(), model.clone(), plan, Arc::default()).unwrap();
        let mut first = engine();
        first.put(&states).unwrap();
        let mut draws = Memory::new(dim, CHAINS as usize, 4);
        first.run(&phase(4), &mut draws).unwrap();
        let states = first.states().unwrap();
        // The states are those of the last draws.
        let mut named = vec![0.0; dim];
        for (chain, state) in states.iter().enumerate() {
            model.constrain(&state.position, &mut named);
            assert!((0..dim).all(|i| named[i] == draws.value(i, chain, 3)), "chain {chain}");
        }
        let mut second = engine();
        second.resume(&states, 4).unwrap();
        // Draws are numbered from the start of the run.
        let [mut here, mut there] = [(); 2].map(|()| Memory::new(dim, CHAINS as usize, 9));
        first.run(&phase(5), &mut here).unwrap();
        second.run(&phase(5), &mut there).unwrap();
        assert!(
            (4..9).all(|draw| here.value(0, 7, draw) != draws.value(0, 7, 3)),
            "{parameterization}: they stand still"
        );
        assert!(here.values() == there.values() && here.statistics() == there.statistics(), "{parameterization}");
    }
}

/// Draws depend neither on a device's features nor on the switches that turn features off.
#[test]
fn draws_have_the_same_bits_whatever_the_switches() {
    let Some(devices) = gpu::devices() else { return };
    let model = radon("marginal");
    let warmed = warmed(&model, Likelihood::Groups);
    let adapter = devices[0].adapter().clone();
    let draws = |switches: Switches| {
        let gpu = Gpu::open_with(adapter.clone(), switches).unwrap();
        let draws = draws_of(&gpu, &model, &warmed, 0, 37, 20_000);
        (draws.values().to_vec(), draws.statistics().to_vec())
    };
    let as_ever = draws(Switches::default());
    let leapfrogs: u32 = as_ever.1.iter().map(|told| told.n_steps).sum();
    assert!(leapfrogs > 4 * 37 * 12, "{leapfrogs}");
    for (name, switches) in [
        ("without 64-bit integers", Switches { int64: false, ..Switches::default() }),
        ("without votes", Switches { votes: false, ..Switches::default() }),
        ("workgroups of 32 lanes", Switches { workgroup: Some(32), ..Switches::default() }),
        ("workgroups of 512 lanes", Switches { workgroup: Some(512), ..Switches::default() }),
    ] {
        assert!(draws(switches) == as_ever, "{name}");
    }
    // In another translation of the kernel, a driver may fuse an addition and a multiplication.
    let vulkan = (adapter.backend() == "Vulkan").then_some((1, 3));
    for (name, switches) in [
        ("not checked", Switches { checked: false, ..Switches::default() }),
        ("checked", Switches { checked: true, ..Switches::default() }),
        ("SPIR-V of our own", Switches { spirv: vulkan, ..Switches::default() }),
    ] {
        let (values, told) = draws(switches);
        let tree = |told: &Statistics| (told.n_steps, told.tree_depth);
        let same = told.iter().zip(&as_ever.1).filter(|(these, those)| tree(these) == tree(those)).count();
        eprintln!("{name}: {same} of {} trees are the same, the same bits: {}", told.len(), values == as_ever.0);
        // A chain that is rounded differently diverges from the other in the end.
        assert!(same * 10 >= 9 * told.len(), "{name}: {same} of {} trees", told.len());
        assert!(!adapter.is_software() || switches.spirv.is_some() || values == as_ever.0, "{name}");
    }
}

#[test]
fn moments_are_those_of_the_draws() {
    for parameterization in ["non-centered", "marginal"] {
        moments_are_the_draws(&radon(parameterization));
    }
}

fn moments_are_the_draws(model: &Arc<Model>) {
    let (dim, (run, states)) = (model.dim(), warmed(model, Likelihood::Groups));
    let plan = DevicePlan {
        chains: Chains { seed: SEED, first: 0, count: CHAINS, per_superchain: 1 },
        max_depth: DEPTH,
        keep: Keep::All,
        rank: 0,
    };
    for gpu in &gpu::devices_of(model) {
        let outcome = |part: PhaseKind, draws: &mut Memory| {
            let (scale, step_size) = (run.run.scale.clone(), run.run.step_size);
            let phase = Phase::new(9, Tuning::new(scale, step_size, 6), part);
            let mut engine = DeviceEngine::start(gpu.clone(), model.clone(), plan, Arc::default()).unwrap();
            engine.put(&states).unwrap();
            engine.run(&phase, draws).unwrap()
        };
        let mut draws = Memory::new(dim, CHAINS as usize, 9);
        outcome(PhaseKind::Sampling, &mut draws);
        let mut recorded = Memory::new(dim, CHAINS as usize, 9);
        let both = outcome(PhaseKind::Warmup { recorded: true }, &mut recorded);
        assert!(draws.values() == recorded.values() && draws.statistics() == recorded.statistics());
        let mut kept = Moments::new(dim);
        let mut density = CpuDensity::new(model);
        let mut theta = vec![0.0; dim];
        for draw in 0..CHAINS as usize * 9 {
            let named: Vec<f64> = (0..dim).map(|i| draws.value(i, draw / 9, draw % 9)).collect();
            model.unconstrain(&named, &mut theta);
            let state = state(&mut density, &theta);
            kept.add(&state.position, &state.gradient);
        }
        let moments = outcome(PhaseKind::Warmup { recorded: false }, &mut draws).moments;
        let all = |of: &Moments| of.position_variance().chain(of.gradient_variance()).collect::<Vec<f64>>();
        assert_eq!(all(&moments), all(&both.moments));
        assert_eq!(moments.count(), f64::from(CHAINS * 9));
        let pairs = |a: Vec<f64>, b: Vec<f64>| a.into_iter().zip(b).collect::<Vec<_>>();
        let variances = pairs(moments.position_variance().collect(), kept.position_variance().collect());
        let gradients = pairs(moments.gradient_variance().collect(), kept.gradient_variance().collect());
        for (i, (there, here)) in variances.iter().chain(&gradients).enumerate() {
            assert!((there / here - 1.0).abs() < 1e-3, "variance {i}: {there} {here}");
        }
        for (i, (there, here)) in moments.spread().mean.into_iter().zip(kept.spread().mean).enumerate() {
            assert!((there - here).abs() < 1e-4 * variances[i].1.sqrt(), "mean {i}: {there} {here}");
        }
    }
}

#[test]
fn every_third_draw_leaves_whatever_the_phases() {
    let Some(devices) = gpu::devices() else { return };
    let model = radon("non-centered");
    let (dim, (run, states)) = (model.layout().dim(), warmed(&model, Likelihood::Groups));
    let chains = Chains { seed: 4, first: 0, count: CHAINS, per_superchain: 1 };
    let plan = DevicePlan { chains, max_depth: DEPTH, keep: Keep::All, rank: 0 };
    let mut engine = DeviceEngine::start(devices[0].clone(), model.clone(), plan, Arc::default()).unwrap();
    let mut draws = |thin: u32| {
        let mut kept = Memory::new(dim, CHAINS as usize, (17 / thin) as usize);
        engine.resume(&ChainStates::of(0, states.iter()), 0).unwrap();
        for transitions in [4, 1, 12] {
            let (scale, step_size) = (run.run.scale.clone(), run.run.step_size);
            let phase = Phase {
                tuning: Tuning::new(scale, step_size, 6),
                transitions,
                adapt: None,
                part: PhaseKind::Sampling,
                thin,
                snapshots: SnapshotPlan::NONE,
            };
            assert_eq!(engine.run(&phase, &mut kept).unwrap().transitions, transitions);
        }
        kept
    };
    let (all, thinned) = (draws(1), draws(3));
    for (chain, draw) in (0..CHAINS as usize).flat_map(|chain| (0..5).map(move |draw| (chain, draw))) {
        assert!((0..dim).all(|i| thinned.value(i, chain, draw) == all.value(i, chain, 3 * draw + 2)));
        assert_eq!(thinned.statistics()[5 * chain + draw], all.statistics()[17 * chain + 3 * draw + 2]);
    }
}

/// Trials measure times, about which nothing more can be asserted. Whether they order the engines rightly is a question
/// for `warpnuts bench`, which counts the cells in which `auto` takes the fastest.
#[test]
fn every_engine_is_tried_before_one_is_chosen() {
    let Some(devices) = gpu::devices() else { return };
    let settings = Settings { chains: 16, threads: 2, ..Settings::default() };
    for model in [radon("non-centered"), radon("marginal")] {
        let (gpu, fall_back) = (devices[0].clone(), false);
        let on_device = [Backend::GpuDensity { gpu: gpu.clone(), fall_back }, Backend::Gpu { gpu, fall_back }];
        for backend in [Backend::Cpu].iter().chain(&on_device) {
            let rate = rate(backend, &model, &settings).unwrap();
            assert!(rate.is_finite() && rate > 0.0, "{}: {rate}", backend.name());
        }
    }
}

/// Chains that start at independent draws of the posterior are draws of it after any number of transitions, however
/// slowly they move: each parameterization can be held against the exact posterior in a moment, the centered one too.
/// 525 scores of each run are those of independent chains.
#[test]
fn chains_that_start_in_the_posterior_stay_there() {
    const STARTS: u32 = 128;
    const TRANSITIONS: u32 = 6;
    let Some(devices) = gpu::devices() else { return };
    let marginal = radon("marginal");
    let exact = Exact::of(&marginal).unwrap();
    let (dim, chains) = (marginal.layout().dim(), STARTS as usize);
    let drawn = run_here(&marginal, Settings { chains: STARTS, warmup: 150, draws: 1, seed: 9, ..Settings::default() });
    let start = |chain: usize| (0..dim).map(|i| drawn.draws.values()[i * chains + chain]).collect::<Vec<f64>>();
    const QUARTERS: [f64; 2] = [0.25, 0.75];
    let quartiles: Vec<[f64; 2]> = (0..dim).map(|i| QUARTERS.map(|p| exact.quantile(i, p))).collect();
    let all = [
        ("non-centered", "gpu"),
        ("marginal", "gpu"),
        ("marginal", "gpu, a lane a chain"),
        ("centered", "gpu"),
        ("centered", "gpu-density"),
        ("marginal", "gpu-density"),
    ];
    for (parameterization, engine) in all.into_iter().take(cases(all.len(), 3)) {
        let model = radon(parameterization);
        let mut density = CpuDensity::new(&model);
        let mut theta = vec![0.0; model.dim()];
        let states: Vec<State> = (0..chains)
            .map(|chain| {
                model.unconstrain(&start(chain), &mut theta);
                state(&mut density, &theta)
            })
            .collect();
        let tuned = run_here(&model, Settings { chains: 16, warmup: 200, draws: 1, ..Settings::default() }).run;
        let phase = Phase {
            tuning: Tuning::new(tuned.scale, tuned.step_size, 6),
            transitions: TRANSITIONS,
            adapt: None,
            part: PhaseKind::Sampling,
            thin: TRANSITIONS,
            snapshots: SnapshotPlan::NONE,
        };
        let of = Chains { seed: 11, first: 0, count: STARTS, per_superchain: 1 };
        let mut engine: Box<dyn Engine> = match engine {
            "gpu" | "gpu, a lane a chain" => {
                let plan = DevicePlan { chains: of, max_depth: DEPTH, keep: Keep::All, rank: 0 };
                let gpu = if engine == "gpu" { devices[0].clone() } else { gpu::alone() };
                let mut engine = DeviceEngine::start(gpu, model.clone(), plan, Arc::default()).unwrap();
                engine.put(&states).unwrap();
                Box::new(engine)
            }
            _ => {
                let device = DeviceModel::new(devices[0].clone(), &model).unwrap();
                let density = || Box::new(device.density(64).unwrap()) as Box<dyn Density>;
                let densities = vec![density(), density()];
                let engine = HostEngine::new(model.clone(), densities, of, 6, Keep::All, Arc::default());
                Box::new(engine.start_from(&states))
            }
        };
        let mut ends = Memory::new(model.dim(), chains, 1);
        let outcome = engine.run(&phase, &mut ends).unwrap();
        assert!(outcome.failure.is_none() && outcome.transitions == TRANSITIONS);
        // Chains have moved: for mu_a, the first and the last state are hardly correlated.
        let from: Vec<f64> = (0..chains).map(|chain| (start(chain)[0] - exact.mean(0)) / exact.sd(0)).collect();
        let to: Vec<f64> = (0..chains).map(|chain| (ends.value(0, chain, 0) - exact.mean(0)) / exact.sd(0)).collect();
        let together = from.iter().zip(&to).map(|(from, to)| from * to).sum::<f64>() / f64::from(STARTS);
        assert!(together.abs() < 0.5, "{parameterization}: chains stand still, {together}");
        // For each variable the mean, and the number of draws below the exact quartiles, in their standard errors.
        let mut scores = Vec::new();
        for (i, quartiles) in quartiles.iter().enumerate().take(model.dim()) {
            let values: Vec<f64> = (0..chains).map(|chain| ends.value(i, chain, 0)).collect();
            let mean = values.iter().sum::<f64>() / f64::from(STARTS);
            scores.push((mean - exact.mean(i)) / (exact.sd(i) / f64::from(STARTS).sqrt()));
            for (p, quantile) in QUARTERS.iter().zip(quartiles) {
                let below = values.iter().filter(|value| *value < quantile).count() as f64;
                scores.push((below - p * f64::from(STARTS)) / (p * (1.0 - p) * f64::from(STARTS)).sqrt());
            }
        }
        let largest = scores.iter().fold(0.0, |most: f64, score| most.max(score.abs()));
        let rms = (scores.iter().map(|score| score * score).sum::<f64>() / scores.len() as f64).sqrt();
        eprintln!(
            "{parameterization}: largest {largest:.2}, root mean square {rms:.2}, mu_a after and before {together:.2}"
        );
        assert!(largest < chance::largest(all.len() * scores.len()), "{parameterization}: {largest}");
        chance::is_near_one(rms, parameterization);
    }
}

/// Means, sds and two quantiles of 175 variables, in Monte Carlo errors.
#[test]
fn runs_stand_against_the_exact_posterior() {
    let Some(devices) = gpu::devices() else { return };
    let exact = Exact::of(&radon("centered")).unwrap();
    for (gpu, parameterization, seed) in [
        (&devices[0], "non-centered", 1),
        (&devices[devices.len() - 1], "a=centered,b=non-centered", 2),
        (&devices[0], "marginal", 3),
        (&gpu::alone(), "marginal", 4),
    ] {
        let settings = Settings { chains: 128, warmup: 150, draws: 64, seed, ..Settings::default() };
        let model = radon(parameterization);
        let there = run_there(gpu, &model, settings);
        let verification = Verification::of(&there, &RunSummary::of(&there), &exact);
        let Verification { largest, largest_of, root_mean_square, limit, .. } = &verification;
        eprintln!("{parameterization}: largest {largest:.2} ({largest_of}) of {limit:.2}, rms {root_mean_square:.2}");
        assert!(largest.abs() < chance::largest(4 * 175), "{largest} of {largest_of}");
        chance::is_near_one(*root_mean_square, parameterization);
        assert_eq!((verification.scores.len(), there.run.draws), (175, 64));

        // Rounding changes acceptance and step size no more than the seed does after 150 transitions of warm-up.
        let here = run_here(&model, settings);
        let ratios = [there.run.acceptance / here.run.acceptance, there.run.step_size / here.run.step_size];
        eprintln!("acceptance and step size, there over here: {ratios:?}");
        assert!(ratios.iter().all(|ratio| (ratio - 1.0).abs() < 0.02), "{ratios:?}");
    }
}
