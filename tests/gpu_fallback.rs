//! A device of the engine `gpu` that fails during a run: draws already on the host are kept, the CPU goes on, and all
//! draws together are from the posterior.

use std::sync::Arc;
use std::time::Duration;

use warpnuts::draws::Memory;
use warpnuts::driver::{self, Plan};
use warpnuts::engine::device::{self, DeviceEngine};
use warpnuts::engine::fallback::{Fallback, Spare};
use warpnuts::engine::host::Chains;
use warpnuts::engine::{
    ChainStates, DrawBlock, DrawSink, Engine, EngineError, Keep, Phase, PhaseKind, Progress, SinkError, SumSink,
};
use warpnuts::exact::Exact;
use warpnuts::experiment::{Backend, Keeping, Sampled, Settings, sample, sample_into, sample_on};
use warpnuts::gpu::{Adapter, Gpu};
use warpnuts::model::{LocationScale, Model};
use warpnuts::nuts::adaptation::PositionMoments;
use warpnuts::nuts::{State, Tuning};
use warpnuts::summary::RunSummary;
use warpnuts::verify::Verification;

use crate::helpers::chance;
use crate::helpers::gpu;
use crate::helpers::models::radon;

const CHAINS: u32 = 12;
const WARMUP: u32 = 60;
const DRAWS: u32 = 40;
const DEPTH: u32 = 6;

/// A device that no other test has, for it will be lost; `None` where tests on a GPU are not wanted.
pub fn own_device() -> Option<Arc<Gpu>> {
    gpu::devices()?;
    let adapter = Adapter::choose(std::env::var("WARPNUTS_ADAPTER").ok().as_deref(), true).unwrap();
    Some(Gpu::open(adapter).unwrap())
}

/// The progress of a run whose device is lost as soon as this many transitions are counted.
pub fn unplugged(gpu: &Arc<Gpu>, transitions: u64) -> Arc<Progress> {
    let (progress, gpu) = (Arc::new(Progress::default()), gpu.clone());
    progress.call_at(transitions.max(1), move || gpu.lose());
    progress
}

/// A sink that keeps draws, and the range of each block.
struct Blocks {
    memory: Memory,
    blocks: Vec<(usize, usize)>,
}

impl DrawSink for Blocks {
    fn wants_warmup(&self) -> bool {
        false
    }

    fn units(&self) -> Option<&[LocationScale]> {
        None
    }

    fn sums(&mut self) -> Option<&mut dyn SumSink> {
        None
    }

    fn warmed(&mut self, spread: &PositionMoments) {
        self.memory.warmed(spread);
    }

    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError> {
        self.blocks.push((block.first_draw, block.draws));
        self.memory.record(block)
    }
}

/// A run of a few chains whose device is lost after this many transitions, and its draws.
fn failing(gpu: &Arc<Gpu>, model: &Arc<Model>, keep: Keep, transitions: Option<u64>) -> (driver::RunOutcome, Blocks) {
    let progress = transitions.map_or_else(Arc::default, |transitions| unplugged(gpu, transitions));
    let chains = Chains { seed: 2, first: 3, count: CHAINS, per_superchain: 1 };
    let plan = device::DevicePlan { chains, max_depth: DEPTH, keep, rank: 0 };
    let started = DeviceEngine::start(gpu.clone(), model.clone(), plan, progress.clone());
    // A dispatch has one or two transitions.
    let started = started.map(|engine| engine.with_budget(4_000));
    let spare = Spare { model: model.clone(), plan, threads: 2, progress: progress.clone() };
    let mut engine = Fallback::new(started, spare).unwrap();
    let plan = Plan { max_depth: DEPTH, ..Plan::new(WARMUP, DRAWS) };
    let mut sink =
        Blocks { memory: Memory::new(keep.sampled(model), CHAINS as usize, DRAWS as usize), blocks: Vec::new() };
    if transitions == Some(0) {
        gpu.lose();
    }
    let run = driver::run(&mut engine, model.dim(), &plan, &mut sink).unwrap();
    assert_eq!(progress.snapshot().transitions, u64::from(CHAINS * (WARMUP + DRAWS)), "what is lost is counted once");
    (run, sink)
}

/// Draw `draw` of every chain, by variable.
fn draw(blocks: &Blocks, draw: usize) -> Vec<f64> {
    let of = |i| (0..CHAINS as usize).map(move |chain| blocks.memory.value(i, chain, draw));
    (0..blocks.memory.variables()).flat_map(of).collect()
}

/// Draw `draw` of variable `i` of chain `chain`.
fn value(sampled: &Sampled, i: usize, chain: usize, draw: usize) -> f64 {
    sampled.draws.variable(i)[chain * sampled.draws.draws() + draw]
}

#[test]
fn what_has_left_the_device_stays_and_the_rest_is_drawn_on_the_cpu() {
    let Some(device) = own_device() else { return };
    // The first phase of warm-up has 9 transitions, the last 6; then come draws.
    let all = [0, 4, 35, 57, 60 + 12, 60 + 20, 60 + 34];
    // Each device is one more that compiles all kernels, which takes software long.
    let some = if gpu::all_shapes() { &all[..] } else { &[35, 60 + 20] };
    for (parameterization, keep, transitions) in
        [("non-centered", Keep::All, &all[..]), ("non-centered", Keep::Hyper, some), ("marginal", Keep::Hyper, some)]
    {
        let model = radon(parameterization);
        let (whole, undisturbed) = failing(&device, &model, keep, None);
        assert!(whole.failure.is_none());
        assert_eq!(undisturbed.blocks, [(0, DRAWS as usize)]);
        for transition in transitions.iter().copied() {
            let gpu = own_device().unwrap();
            let at = Some(u64::from(CHAINS) * transition);
            let (run, draws) = failing(&gpu, &model, keep, at);
            let failure = run.failure.as_ref().unwrap_or_else(|| panic!("nothing failed at {transition}"));
            assert!(failure.resumed && failure.error.contains("lost"));
            assert_eq!((run.warmup, run.draws), (WARMUP, DRAWS));
            assert!((0.6..1.0).contains(&run.acceptance), "{}", run.acceptance);
            assert!(run.gradients[1] > u64::from(CHAINS * DRAWS) * 3, "{:?}", run.gradients);

            // Blocks are contiguous, and hold all draws.
            let mut next = 0;
            for (first, draws) in &draws.blocks {
                assert_eq!((*first, *draws > 0), (next, true));
                next += draws;
            }
            assert_eq!(next, DRAWS as usize);

            let same = (0..DRAWS as usize).take_while(|i| draw(&draws, *i) == draw(&undisturbed, *i)).count();
            eprintln!("{parameterization}, {keep:?}, unplugged at {transition}: {same} draws are the device's");
            if transition > u64::from(WARMUP) {
                assert_eq!(draws.blocks[0].1, same, "the first block is the device's, the others are not");
                assert!((1..=DRAWS as usize - 2).contains(&same), "{same}");
            } else {
                assert_eq!(same, 0);
            }
            assert!(draws.memory.statistics().iter().all(|told| told.lp.is_finite() && told.n_steps > 0));
        }
    }
}

/// The named variables of all chains in these states, `[chain][variable]`.
fn named(model: &Model, states: &ChainStates) -> Vec<f64> {
    let mut named = vec![0.0; model.layout().dim()];
    let chain = |state: State| {
        model.constrain(&state.position, &mut named);
        named.clone()
    };
    states.iter().flat_map(chain).collect()
}

#[test]
fn chains_go_on_from_their_last_states_in_memory() {
    let Some(_) = own_device() else { return };
    let model = radon("a=centered,b=non-centered");
    let dim = model.layout().dim();
    let chains = Chains { seed: 4, first: 2, count: CHAINS, per_superchain: 1 };
    let plan = device::DevicePlan { chains, max_depth: DEPTH, keep: Keep::All, rank: 0 };
    let phase = |transitions, step_size, max_depth, part| {
        Phase::new(transitions, Tuning::new(vec![0.3; dim], step_size, max_depth), part)
    };
    let start = |gpu: &Arc<Gpu>| {
        let engine = DeviceEngine::start(gpu.clone(), model.clone(), plan, Arc::default()).unwrap();
        // A budget with which the chains of a phase end in different dispatches.
        engine.with_budget(3_000)
    };
    let gpu = own_device().unwrap();
    let (mut warming, mut recording, mut drawing) = (start(&gpu), start(&gpu), start(&gpu));
    let mut draws = Memory::new(dim, CHAINS as usize, 30);
    warming.run(&phase(30, 0.2, DEPTH, PhaseKind::Warmup { recorded: false }), &mut draws).unwrap();
    recording.run(&phase(30, 0.2, DEPTH, PhaseKind::Warmup { recorded: true }), &mut draws).unwrap();
    drawing.run(&phase(30, 0.2, DEPTH, PhaseKind::Sampling), &mut draws).unwrap();
    assert_eq!([warming.finished(), recording.finished(), drawing.finished()], [(30, 0), (30, 0), (30, 30)]);
    // Equal transitions end in equal states, which are those of the last draws.
    let states = warming.states().unwrap();
    assert_eq!(states, recording.states().unwrap());
    assert_eq!(states, drawing.states().unwrap());
    let last = |chain| (0..dim).map(|i| draws.value(i, chain, 29)).collect::<Vec<f64>>();
    assert_eq!(named(&model, &states), (0..CHAINS as usize).flat_map(last).collect::<Vec<f64>>());

    // The host goes on, with a step so small that its starting point shows: the states last asked for, or else the
    // states at the start of the last phase that the device began.
    for asked in [true, false] {
        let gpu = own_device().unwrap();
        let spare = Spare { model: model.clone(), plan, threads: 2, progress: Arc::default() };
        let mut engine = Fallback::new(Ok(start(&gpu)), spare).unwrap();
        let mut draws = Memory::new(dim, CHAINS as usize, 6);
        engine.run(&phase(30, 0.2, DEPTH, PhaseKind::Warmup { recorded: false }), &mut draws).unwrap();
        engine.run(&phase(5, 0.2, DEPTH, PhaseKind::Sampling), &mut draws).unwrap();
        let from = if asked { engine.states().unwrap() } else { states.clone() };
        gpu.lose();
        let outcome = engine.run(&phase(1, 1e-9, 1, PhaseKind::Sampling), &mut draws).unwrap();
        assert!(outcome.failure.is_some_and(|failure| failure.resumed));
        let there = (0..CHAINS as usize).flat_map(|chain| (0..dim).map(move |i| (chain, i)));
        for ((chain, i), from) in there.zip(named(&model, &from)) {
            let value = draws.value(i, chain, 5);
            assert!((value - from).abs() < 1e-6, "variable {i} of chain {chain}: {value}, and it was {from}");
        }
    }
}

#[test]
fn a_device_that_fails_at_once_leaves_the_cpus_run() {
    let Some(device) = own_device() else { return };
    let model = radon("a=centered,b=non-centered");
    let settings = Settings { chains: 6, warmup: 40, draws: 20, seed: 5, ..Settings::default() };
    let here = sample(model.clone(), settings, Arc::default()).unwrap();
    device.lose();
    // Lost before any kernel is compiled.
    let there = |fall_back| {
        let backend = Backend::Gpu { gpu: device.clone(), fall_back };
        sample_on(&backend, model.clone(), settings, Arc::default())
    };
    let fallen = there(true).unwrap();
    assert_eq!(fallen.draws.values(), here.draws.values());
    assert!(fallen.run.failure.is_some_and(|failure| failure.resumed));
    let Err(EngineError::Density(error)) = there(false) else { panic!("nothing was to go on") };
    assert!(error.to_string().contains("--engine cpu"), "{error}");

    // Lost before the first dispatch.
    let (run, draws) = failing(&own_device().unwrap(), &model, Keep::All, Some(0));
    assert!(run.failure.is_some_and(|failure| failure.resumed));
    let settings = Settings {
        chains: CHAINS,
        first_chain: 3,
        warmup: WARMUP,
        draws: DRAWS,
        seed: 2,
        max_tree_depth: DEPTH,
        ..settings
    };
    let here = sample(model.clone(), settings, Arc::default()).unwrap();
    assert_eq!(draws.memory.values(), here.draws.values());
}

/// The correlation of the two numbers in `pairs`.
fn correlation(pairs: &[[f64; 2]]) -> f64 {
    let n = pairs.len() as f64;
    let mean = |i: usize| pairs.iter().map(|pair| pair[i]).sum::<f64>() / n;
    let means = [mean(0), mean(1)];
    let product =
        |i: usize, j: usize| pairs.iter().map(|pair| (pair[i] - means[i]) * (pair[j] - means[j])).sum::<f64>();
    product(0, 1) / (product(0, 0) * product(1, 1)).sqrt()
}

/// Means, sds and two quantiles of 175 variables, in Monte Carlo errors; and a correlation of 128 pairs, in its
/// standard error.
#[test]
fn a_run_that_has_lost_its_device_stands_against_the_exact_posterior() {
    let Some(_) = own_device() else { return };
    let exact = Exact::of(&radon("centered")).unwrap();
    let (chains, warmup, draws) = (128, 120, 64);
    for (parameterization, transition, seed) in [
        ("non-centered", warmup + 24, 1),
        ("a=centered,b=non-centered", warmup / 2, 2),
        ("non-centered", warmup + 56, 3),
        ("marginal", warmup + 24, 4),
    ] {
        let gpu = own_device().unwrap();
        let model = radon(parameterization);
        let settings = Settings { chains, warmup, draws, seed, ..Settings::default() };
        let progress = unplugged(&gpu, u64::from(chains * transition));
        let backend = Backend::Gpu { gpu: gpu.clone(), fall_back: true };
        let sampled = sample_on(&backend, model.clone(), settings, progress).unwrap();
        assert!(sampled.run.failure.as_ref().is_some_and(|failure| failure.resumed));
        let verification = Verification::of(&sampled, &RunSummary::of(&sampled), &exact);
        let Verification { largest, largest_of, root_mean_square, limit, .. } = &verification;
        eprintln!(
            "{parameterization}, unplugged at {transition}: largest {largest:.2} ({largest_of}) of {limit:.2}, rms {root_mean_square:.2}"
        );
        assert!(largest.abs() < chance::largest(4 * 175), "{largest} of {largest_of}");
        chance::is_near_one(*root_mean_square, parameterization);
        assert_eq!((verification.scores.len(), sampled.run.draws), (175, draws));

        // The first draw of the host shows by its numbers, because a device's have 24 bits at most.
        let eps = model.layout().eps();
        let unit = model.scaling().outcome_scale;
        let is_rounded = |draw: usize| {
            (0..chains as usize).all(|chain| {
                let log_eps = (value(&sampled, eps, chain, draw) / unit).ln();
                (f64::from(log_eps as f32) - log_eps).abs() < 1e-14
            })
        };
        let first = (0..draws as usize).take_while(|draw| is_rounded(*draw)).count();
        assert_eq!(first > 0, transition > warmup, "{first}");
        if first == 0 || first == draws as usize {
            continue;
        }
        // The first draws of device and host are both one transition away from the states at the end of warm-up.
        // Transitions are reversible, so that their correlation is that of draws two transitions apart.
        let between = |i: usize, draws: [usize; 2]| {
            let pair = |chain: usize| draws.map(|draw| value(&sampled, i, chain, draw).ln());
            correlation(&(0..chains as usize).map(pair).collect::<Vec<_>>())
        };
        let sigmas = (0..2).map(|k| model.layout().sigma(k));
        let usual =
            |i: usize| (0..first - 2).map(|draw| between(i, [draw, draw + 2])).sum::<f64>() / (first - 2) as f64;
        let (slowest, usual) = sigmas.map(|i| (i, usual(i))).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        let there = between(slowest, [0, first]);
        eprintln!("variable {slowest}: correlation {there:.2} of the first draw and draw {first}, {usual:.2} usually");
        let error = (1.0 - usual * usual) / f64::from(chains).sqrt();
        assert!(usual > 0.1 && (there - usual).abs() < chance::largest(4) * error, "{there} {usual} {error}");
    }
}

#[test]
fn a_store_tells_that_its_run_has_lost_the_device() {
    let Some(_) = own_device() else { return };
    let model = radon("non-centered");
    let settings = Settings { chains: 12, warmup: 60, draws: 20, save_warmup: true, ..Settings::default() };
    for transition in [30, 70] {
        let gpu = own_device().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let keeping = Keeping { folder: folder.path(), interval: Duration::MAX };
        let backend = Backend::Gpu { gpu: gpu.clone(), fall_back: true };
        let progress = unplugged(&gpu, 12 * transition);
        let sampled = sample_into(&keeping, &backend, model.clone(), settings, None, progress).unwrap();
        let opened = Sampled::open(folder.path()).unwrap();
        let [told, read] = [sampled, opened].map(|sampled| {
            assert_eq!((sampled.run.draws, sampled.draws.store().unwrap().warmup_draws()), (20, 60));
            let failure = sampled.run.failure.unwrap();
            (failure.error, failure.resumed)
        });
        assert_eq!(told, read);
        assert!(told.1 && told.0.contains("lost"), "{told:?}");
        // Every warm-up transition is recorded, of the device and of the host.
        let store = warpnuts::draws::store::Store::open(folder.path()).unwrap();
        let numbers = store.warmup_part(0..12, 0..60);
        assert!(numbers.len() > 12 * 60 * 175 && numbers.iter().all(|number| number.is_finite()));
    }
}
