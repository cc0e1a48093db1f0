//! Whole runs: draws depend on the chain, and not on the workers that compute them; warm-up finds the right step size
//! and metric, however short; and the driver's report of a run agrees with the run's draws.

use std::sync::{Arc, Mutex};

use warpnuts::data::Dataset;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::density::{Batch, Density, DensityError, Evaluations};
use warpnuts::draws::Memory;
use warpnuts::driver::{self, Plan};
use warpnuts::engine::host::{Chains, HostEngine};
use warpnuts::engine::{
    DrawBlock, DrawSink, EachBlock, Engine, EngineError, Keep, Phase, PhaseKind, Progress, SnapshotPlan,
};
use warpnuts::model::{Centering, Model, Priors};
use warpnuts::nuts::Tuning;
use warpnuts::random::{Purpose, StreamKey};

use crate::helpers::chance;
use crate::helpers::runs::{self, chains, densities, leapfrogs, plan, radon, run, run_into, summaries};

/// Data of ten groups of five rows, in units other than the sampler's.
fn simulated() -> Arc<Model> {
    let key = StreamKey { seed: 12, chain: 0, transition: 0 };
    let mut normals = vec![0.0; 120];
    key.normals(Purpose::Stream, &mut normals);
    let (by_row, by_group) = normals.split_at(100);
    let labels: Vec<String> = (0..50).map(|row| format!("group {}", row % 10)).collect();
    let x: Vec<f64> = by_row[..50].iter().map(|x| 40.0 + 7.0 * x).collect();
    let outcome = (0..50).map(|row| {
        let (a, b) = (300.0 + 20.0 * by_group[row % 10], -2.0 + 0.5 * by_group[10 + row % 10]);
        a + b * x[row] + 5.0 * by_row[50 + row]
    });
    let outcome = outcome.collect();
    let dataset = Dataset::from_columns("simulated", "group", "y", &["x"], &labels, outcome, vec![x.clone()]).unwrap();
    runs::model(&Arc::new(dataset), Priors::default(), [Centering::Centered, Centering::NonCentered])
}

/// A CPU density that evaluates several positions per call, and records positions that it got alone.
struct Wide {
    density: CpuDensity,
    width: usize,
    largest: Arc<Mutex<usize>>,
    alone: Arc<Mutex<Vec<Vec<f64>>>>,
}

impl Wide {
    fn new(model: &Model, width: usize) -> Wide {
        let density = CpuDensity::new(model);
        Wide { density, width, largest: Arc::default(), alone: Arc::default() }
    }
}

impl Density for Wide {
    fn dim(&self) -> usize {
        self.density.dim()
    }

    fn width(&self) -> usize {
        self.width
    }

    fn evaluate(&mut self, at: &dyn Batch, out: &mut Evaluations) -> Result<(), DensityError> {
        let mut largest = self.largest.lock().unwrap();
        *largest = at.len().max(*largest);
        if at.len() == 1 {
            self.alone.lock().unwrap().push(at.position(0).to_vec());
        }
        self.density.evaluate(at, out)
    }
}

/// A density that is NaN except in one call of `period`.
struct Rare {
    density: CpuDensity,
    calls: u32,
    period: u32,
}

impl Density for Rare {
    fn dim(&self) -> usize {
        self.density.dim()
    }

    fn width(&self) -> usize {
        1
    }

    fn evaluate(&mut self, at: &dyn Batch, out: &mut Evaluations) -> Result<(), DensityError> {
        self.density.evaluate(at, out)?;
        self.calls += 1;
        if !self.calls.is_multiple_of(self.period) {
            *out.row_mut(0).0 = f64::NAN;
        }
        Ok(())
    }
}

/// A sink that keeps draws, and stops the run at its `last`-th block.
struct Impatient {
    draws: Memory,
    blocks: usize,
    last: usize,
    progress: Arc<Progress>,
}

impl Impatient {
    fn sink(&mut self) -> impl DrawSink {
        EachBlock(|block: &DrawBlock| {
            self.blocks += 1;
            if self.blocks == self.last {
                self.progress.stop();
            }
            self.draws.record(block)
        })
    }
}

/// Draws of one chain, `[variable][draw]`.
fn chain(draws: &Memory, chain: usize) -> Vec<Vec<f64>> {
    (0..draws.variables()).map(|i| draws.variable(i).chunks(draws.draws()).nth(chain).unwrap().to_vec()).collect()
}

/// Draws without warm-up, with a metric and step size under which chains of the simulated data move.
fn unadapted(model: &Arc<Model>, worker_count: usize, chains: Chains, draws: usize) -> Memory {
    let dim = model.layout().dim();
    let densities = densities(model, worker_count);
    let mut engine = HostEngine::new(model.clone(), densities, chains, 10, Keep::All, Arc::default()).start().unwrap();
    let phase = Phase::new(draws as u32, Tuning::new(vec![1.0; dim], 0.001, 6), PhaseKind::Sampling);
    let mut kept = Memory::new(dim, chains.count as usize, draws);
    engine.run(&phase, &mut kept).unwrap();
    kept
}

#[test]
fn draws_do_not_depend_on_how_many_workers_there_are() {
    for model in [radon(Centering::NonCentered), simulated()] {
        let (alone_run, alone) = run(&model, 1, chains(1, 7), plan(150, 60));
        for count in [2, 3, 11] {
            let (run, draws) = run(&model, count, chains(1, 7), plan(150, 60));
            assert_eq!(draws.values(), alone.values(), "{count} workers");
            assert_eq!(draws.statistics(), alone.statistics(), "{count} workers");
            assert_eq!((run.step_size, &run.scale), (alone_run.step_size, &alone_run.scale), "{count} workers");
        }
    }
}

#[test]
fn draws_do_not_depend_on_how_many_positions_a_call_takes() {
    for model in [radon(Centering::NonCentered), simulated()] {
        let (_, alone) = run(&model, 1, chains(2, 10), plan(150, 60));
        for (width, worker_count) in [(2, 1), (7, 1), (7, 2), (10, 1), (64, 1)] {
            let wide: Vec<Wide> = (0..worker_count).map(|_| Wide::new(&model, width)).collect();
            let largest = wide[0].largest.clone();
            let densities = wide.into_iter().map(|wide| Box::new(wide) as Box<dyn Density>).collect();
            let mut draws = Memory::new(model.layout().dim(), 10, 60);
            run_into(&mut draws, &model, densities, chains(2, 10), plan(150, 60), Arc::default());
            assert_eq!(draws.values(), alone.values(), "width {width}, {worker_count} workers");
            assert_eq!(draws.statistics(), alone.statistics(), "width {width}, {worker_count} workers");
            assert!(worker_count > 1 || *largest.lock().unwrap() == width.min(10));
        }
    }
}

#[test]
fn a_chain_does_not_notice_its_neighbours() {
    let model = simulated();
    let together = unadapted(&model, 2, chains(3, 8), 200);
    for first in [3, 7] {
        let shard = unadapted(&model, 1, Chains { first, count: 1, ..chains(3, 8) }, 200);
        assert_eq!(chain(&shard, 0), chain(&together, first as usize));
        assert_eq!(shard.statistics(), &together.statistics()[200 * first as usize..][..200]);
    }
    let shard = unadapted(&model, 1, Chains { first: 2, count: 3, ..chains(3, 8) }, 200);
    for i in 0..3 {
        assert_eq!(chain(&shard, i), chain(&together, 2 + i));
    }
    let moved = chain(&together, 3)[0].windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(moved > 150, "{moved} of 199");
}

#[test]
fn without_warm_up_a_run_is_its_chains_run_alone() {
    let model = simulated();
    let (_, together) = run(&model, 2, chains(16, 8), plan(0, 20));
    for first in 0..8 {
        let (_, alone) = run(&model, 1, Chains { first, count: 1, ..chains(16, 8) }, plan(0, 20));
        assert_eq!(chain(&alone, 0), chain(&together, first as usize));
    }
    assert_ne!(chain(&together, 0), chain(&together, 1));
}

#[test]
fn seeds_make_different_runs_and_the_same_seed_the_same() {
    let model = simulated();
    let values = |seed| run(&model, 2, chains(seed, 2), plan(50, 50)).1.values().to_vec();
    assert_eq!(values(1), values(1));
    assert_ne!(values(1), values(2));
    assert_ne!(values(1), values(1 + (1 << 32)));
}

/// Eight seeds had acceptances of 0.807 with an sd of 0.007 where 0.8 was asked for: the limit is five sds from there.
#[test]
fn dual_averaging_reaches_the_acceptance_that_was_asked_for() {
    let model = radon(Centering::NonCentered);
    let mut steps = Vec::new();
    for target_accept in [0.6, 0.8, 0.9] {
        let (run, draws) = run(&model, 2, chains(4, 16), Plan { target_accept, ..plan(1000, 500) });
        assert!((run.acceptance - target_accept).abs() < 0.045, "{} not {target_accept}", run.acceptance);
        assert!(draws.statistics().iter().all(|statistics| statistics.step_size == run.step_size));
        steps.push(run.step_size);
    }
    assert!(steps.is_sorted_by(|longer, shorter| longer > shorter), "{steps:?}");
}

/// A floor far below what is reached; how much that is next to nuts-rs, `benches/rivals` says in its row ESS/1000
/// gradients. Twelve seeds gave 6.96 with an sd of 0.97: the mean of four has a standard error of 0.49, and stands five
/// of them above the floor. Leapfrogs a draw are 15.10 with an sd of 0.02 in 16,000 draws.
#[test]
fn effective_draws_of_radon_are_not_dear() {
    let model = radon(Centering::NonCentered);
    let (mut leapfrogs_a_draw, mut efficiency) = (0.0, 0.0);
    for seed in 0..4 {
        let (run, draws) = run(&model, 2, chains(seed, 4), plan(1000, 1000));
        let smallest = summaries(&draws).iter().map(|summary| summary.ess_bulk).fold(f64::INFINITY, f64::min);
        let worth = smallest / (run.gradients[0] + run.gradients[1]) as f64 * 1000.0;
        println!("seed {seed}: {worth} effective draws a thousand gradients, {} leapfrogs a draw", leapfrogs(&draws));
        efficiency += worth / 4.0;
        leapfrogs_a_draw += leapfrogs(&draws) / 4.0;
    }
    assert!(leapfrogs_a_draw < 18.0, "{leapfrogs_a_draw} leapfrogs a draw");
    assert!(efficiency > 4.3, "{efficiency} effective draws a thousand gradients");
}

/// The metric under which positions and gradients spread alike, from the draws of the run that used it. In four seeds
/// the worst coordinate was off by 3.4 %, with an sd of 1.2 %.
#[test]
fn the_metric_is_the_one_the_draws_ask_for() {
    let model = radon(Centering::NonCentered);
    let (run, draws) = run(&model, 2, chains(17, 16), plan(1000, 500));
    let dim = model.layout().dim();
    let mut density = CpuDensity::new(&model);
    let mut position = vec![0.0; dim];
    let mut gradient = vec![0.0; dim];
    let count = draws.statistics().len();
    let (mut positions, mut gradients) = (vec![Vec::new(); dim], vec![Vec::new(); dim]);
    for draw in 0..count {
        let named: Vec<f64> = (0..dim).map(|i| draws.variable(i)[draw]).collect();
        model.unconstrain(&named, &mut position);
        density.log_density(&position, &mut gradient);
        for i in 0..dim {
            positions[i].push(position[i]);
            gradients[i].push(gradient[i]);
        }
    }
    let sd = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / count as f64;
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count as f64 - 1.0)).sqrt()
    };
    for (i, name) in model.names().iter().enumerate() {
        let asked_for = (sd(&positions[i]) / sd(&gradients[i])).sqrt();
        let factor = (run.scale[i] / asked_for).ln().abs().exp();
        assert!(factor < 1.2, "{} for {name}, not {asked_for}", run.scale[i]);
    }
    // The scales differ, so that another metric would fail.
    let extremes = run.scale.iter().fold((f64::INFINITY, 0.0f64), |(least, most), s| (least.min(*s), most.max(*s)));
    assert!(extremes.1 > 3.0 * extremes.0, "{extremes:?}");
}

/// In four seeds acceptances were 0.815 with an sd of 0.008, step sizes 7 % below those of long runs with an sd of 0.3
/// %, and metrics off by 17 % in the worst coordinate but sigma_a, with an sd of 0.2 %; in sigma_a by 36 % with an sd
/// of 1.5 %.
#[test]
fn a_thousand_chains_adapt_in_a_hundred_transitions() {
    let model = radon(Centering::NonCentered);
    let (short, draws) = run(&model, 2, chains(5, 1000), plan(100, 10));
    let (long, _) = run(&model, 2, chains(6, 16), plan(2000, 1));
    assert!((short.acceptance - 0.8).abs() < 0.06, "acceptance {}", short.acceptance);
    let factor = |i: usize| (short.scale[i] / long.scale[i]).ln().abs().exp();
    // The last window begins after 35 transitions, when a few chains are still far out in sigma_a.
    let sigma_a = model.layout().sigma(0);
    assert!(factor(sigma_a) < 1.6, "{} in sigma_a", factor(sigma_a));
    for i in (0..175).filter(|i| *i != sigma_a) {
        assert!(factor(i) < 1.25, "{} in {}", factor(i), model.names()[i]);
    }
    assert!((short.step_size / long.step_size).ln().abs() < 0.2, "{} {}", short.step_size, long.step_size);
    assert_eq!(draws.statistics().len(), 10_000);
}

/// Twelve seeds had acceptances of 0.803 with an sd of 0.034, means of eps of 0.7208 with an sd of 0.0004, and 120 to
/// 260 effective draws in the worst variable (a mean of its logarithm of 5.2, an sd of 0.25): limits are five sds and
/// more from there.
#[test]
fn one_chain_is_enough() {
    let model = radon(Centering::NonCentered);
    let (run, draws) = run(&model, 2, chains(7, 1), plan(1000, 1000));
    assert!((run.acceptance - 0.8).abs() < 0.17, "acceptance {}", run.acceptance);
    let summaries = summaries(&draws);
    assert!(summaries.iter().all(|summary| summary.ess_bulk > 50.0));
    let eps = summaries[model.layout().eps()];
    assert!((eps.mean - 0.72).abs() < 0.02, "eps {}", eps.mean);
}

#[test]
fn every_short_plan_is_carried_out() {
    let model = simulated();
    for warmup in [0, 1, 2, 3, 5, 10, 19, 40] {
        for draws in [0, 1, 3] {
            let (run, kept) = run(&model, 2, chains(8, 3), plan(warmup, draws));
            assert_eq!((run.warmup, run.draws, kept.draws()), (warmup, draws, draws as usize));
            assert!(kept.values().iter().all(|value| value.is_finite()));
            assert!(run.step_size.is_finite() && run.step_size > 0.0);
            assert!(run.scale.iter().all(|scale| scale.is_finite() && *scale > 0.0), "warm-up {warmup}");
        }
    }
}

#[test]
fn an_interrupted_run_keeps_the_draws_it_has() {
    let model = radon(Centering::NonCentered);
    let (_, whole) = run(&model, 2, chains(9, 4), plan(50, 1000));
    for last in [1, 3] {
        let progress = Arc::new(Progress::default());
        let draws = Memory::new(175, 4, 1000);
        let mut sink = Impatient { draws, blocks: 0, last, progress: progress.clone() };
        let run = run_into(&mut sink.sink(), &model, densities(&model, 2), chains(9, 4), plan(50, 1000), progress);
        assert_eq!(sink.blocks, last);
        let mut draws = sink.draws;
        draws.shrink_to_fit();
        assert_eq!((run.warmup, run.draws as usize), (50, draws.draws()));
        assert!((last..1000).contains(&draws.draws()), "{} draws", draws.draws());
        for i in 0..4 {
            for (kept, all) in chain(&draws, i).iter().zip(chain(&whole, i)) {
                assert_eq!(kept, &all[..kept.len()]);
            }
        }
    }
    let progress = Arc::new(Progress::default());
    progress.stop();
    let mut draws = Memory::new(175, 4, 1000);
    let run = run_into(&mut draws, &model, densities(&model, 2), chains(9, 4), plan(50, 1000), progress);
    assert_eq!((run.warmup, run.draws, draws.draws()), (0, 0, 0));
}

#[test]
fn the_drivers_account_is_that_of_the_draws() {
    // Centered radon, so that there are divergences to count.
    let model = radon(Centering::Centered);
    let progress = Arc::new(Progress::default());
    let mut draws = Memory::new(175, 6, 300);
    let run = run_into(&mut draws, &model, densities(&model, 2), chains(10, 6), plan(100, 300), progress.clone());
    let statistics = draws.statistics();
    let gradients: u64 = statistics.iter().map(|one| u64::from(one.n_steps)).sum();
    let divergences = statistics.iter().filter(|one| one.diverging).count() as u64;
    let acceptance = statistics.iter().map(|one| one.acceptance_rate).sum::<f64>() / statistics.len() as f64;
    assert_eq!((run.gradients[1], run.divergences[1]), (gradients, divergences));
    assert!(divergences + run.divergences[0] > 0);
    assert!((run.acceptance - acceptance).abs() < 1e-12);
    assert!(statistics.iter().all(|one| one.step_size == run.step_size));

    let counted = progress.snapshot();
    assert_eq!(counted.transitions, 6 * 400);
    assert_eq!(counted.gradients, run.gradients[0] + run.gradients[1]);
    assert_eq!(counted.divergences, run.divergences[0] + run.divergences[1]);
}

#[test]
fn a_sink_may_take_the_hyperparameters_only() {
    let model = radon(Centering::NonCentered);
    let (_, all) = run(&model, 1, chains(11, 3), plan(60, 50));
    let mut engine =
        HostEngine::new(model.clone(), densities(&model, 1), chains(11, 3), 10, Keep::Hyper, Arc::default())
            .start()
            .unwrap();
    let mut some = Memory::new(5, 3, 50);
    driver::run(&mut engine, 175, &plan(60, 50), &mut some).unwrap();
    assert_eq!(some.values(), &all.values()[..5 * 3 * 50]);
}

#[test]
fn superchains_share_their_starting_point() {
    let model = radon(Centering::NonCentered);
    let starts = |chains: Chains| {
        let wide = Wide::new(&model, 1);
        let alone = wide.alone.clone();
        HostEngine::new(model.clone(), vec![Box::new(wide)], chains, 10, Keep::All, Arc::default()).start().unwrap();
        let starts = alone.lock().unwrap().clone();
        assert_eq!(starts.len(), chains.count as usize, "every first attempt was good");
        starts
    };
    let shared = starts(Chains { per_superchain: 4, ..chains(12, 12) });
    let own = starts(chains(12, 12));
    for number in 0..12 {
        assert_eq!(shared[number], own[number / 4 * 4], "chain {number}");
        assert!(own[number].iter().all(|q| q.abs() < 2.0));
        assert!(own[..number].iter().all(|other| *other != own[number]));
    }
    // A shard that begins inside a superchain starts where the whole experiment would.
    let shard = starts(Chains { first: 6, count: 5, per_superchain: 4, seed: 12 });
    assert_eq!(shard, shared[6..11]);

    let mean = own.iter().flatten().sum::<f64>() / (12.0 * 175.0);
    let variance = own.iter().flatten().map(|q| q * q).sum::<f64>() / (12.0 * 175.0);
    let n = (12.0f64 * 175.0).sqrt();
    assert!(mean.abs() * n < chance::largest(2) * (4.0f64 / 3.0).sqrt(), "mean {mean}");
    assert!((variance - 4.0 / 3.0).abs() * n < chance::largest(2) * (64.0f64 / 45.0).sqrt(), "variance {variance}");
}

#[test]
fn chains_of_a_superchain_part_at_once() {
    let model = simulated();
    let draws = unadapted(&model, 1, Chains { per_superchain: 8, ..chains(13, 8) }, 20);
    for i in 0..8 {
        for j in 0..i {
            let differ = chain(&draws, i)[0].iter().zip(&chain(&draws, j)[0]).filter(|(x, y)| x != y).count();
            assert!(differ >= 15, "chains {i} and {j} differ in {differ} of 20 draws");
        }
    }
}

#[test]
fn a_start_is_looked_for_until_one_is_found_or_a_hundred_were_bad() {
    let model = simulated();
    let density = CpuDensity::new(&model);
    let start = |period| {
        let lane: Vec<Box<dyn Density>> = vec![Box::new(Rare { density: density.clone(), calls: 0, period })];
        HostEngine::new(model.clone(), lane, Chains { first: 40, ..chains(14, 3) }, 10, Keep::Hyper, Arc::default())
            .start()
    };
    assert!(start(100).is_ok());
    match start(101) {
        Err(EngineError::Start { chain, attempts }) => assert_eq!((chain, attempts), (40, 100)),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("no start is no start"),
    }
}

#[test]
fn a_phase_without_adaptation_keeps_step_size_and_metric() {
    let model = radon(Centering::NonCentered);
    let mut engine = HostEngine::new(model.clone(), densities(&model, 2), chains(15, 4), 10, Keep::All, Arc::default())
        .start()
        .unwrap();
    let phase = Phase::new(30, Tuning::new(vec![0.1; 175], 0.1, 4), PhaseKind::Sampling);
    let mut draws = Memory::new(175, 4, 60);
    for _ in 0..2 {
        let outcome = engine.run(&phase, &mut draws).unwrap();
        assert_eq!(outcome.transitions, 30);
    }
    assert_eq!(draws.draws(), 60);
    for statistics in draws.statistics() {
        assert_eq!(statistics.step_size, 0.1);
        assert!(statistics.tree_depth <= 4 && statistics.n_steps <= 15);
    }
    assert!(draws.statistics().iter().any(|statistics| statistics.reached_max_treedepth));
}

#[test]
fn every_third_draw_is_kept_whatever_the_phases() {
    let model = radon(Centering::NonCentered);
    let draws = |thin: u32, worker_count: usize| {
        let mut kept = Memory::new(175, 6, (61 / thin) as usize);
        let densities = densities(&model, worker_count);
        let mut engine =
            HostEngine::new(model.clone(), densities, chains(16, 6), 10, Keep::All, Arc::default()).start().unwrap();
        for transitions in [1, 7, 3, 50] {
            let (scale, part) = (vec![0.1; 175], PhaseKind::Sampling);
            let phase = Phase {
                tuning: Tuning::new(scale, 0.1, 4),
                transitions,
                adapt: None,
                part,
                thin,
                snapshots: SnapshotPlan::NONE,
            };
            assert_eq!(engine.run(&phase, &mut kept).unwrap().transitions, transitions);
        }
        kept
    };
    let (all, thinned) = (draws(1, 1), draws(3, 2));
    assert_eq!((all.draws(), thinned.draws()), (61, 20));
    for (chain, draw) in (0..6).flat_map(|chain| (0..20).map(move |draw| (chain, draw))) {
        assert!((0..175).all(|i| thinned.value(i, chain, draw) == all.value(i, chain, 3 * draw + 2)));
        assert_eq!(thinned.statistics()[20 * chain + draw], all.statistics()[61 * chain + 3 * draw + 2]);
    }
}
