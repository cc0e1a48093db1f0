//! Independent draws on a device: those of the CPU to rounding, and those of the exact posterior.

use std::sync::Arc;

use warpnuts::data::{Centring, Dataset};
use warpnuts::density::conditional::ConditionalEffects;
use warpnuts::exact::Exact;
use warpnuts::experiment::{
    Backend, Keep, Sampled, Sampler, Settings, choose_for_independent, faster_for_independent, sample, sample_on,
};
use warpnuts::gpu::Gpu;
use warpnuts::independent::device::effects;
use warpnuts::independent::{DeviceDraws, DrawnEffects, IndependentDraw, NotOnDevice, Proposal};
use warpnuts::model::Model;
use warpnuts::nuts::Statistic;
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::RunSummary;
use warpnuts::verify::Verification;

use crate::gpu_fallback::{own_device, unplugged};
use crate::helpers::common::Folder;
use crate::helpers::gpu;
use crate::helpers::running::planted;
use crate::helpers::stored::{done, summary};
use crate::independent::{case, of, proposal, simulated};

/// Positions, and what else is known of each draw.
type Drawn = (Vec<f64>, Vec<IndependentDraw>);

/// Room for `count` draws of `model`, and keys of several chains.
fn room(model: &Model, count: u32) -> (Vec<StreamKey>, Drawn) {
    let key = |i: u32| StreamKey { seed: 1 << 40 | 17, chain: i % 7, transition: i / 7 };
    let drawn = vec![IndependentDraw::default(); count as usize];
    ((0..count).map(key).collect(), (vec![0.0; model.dim() * count as usize], drawn))
}

fn on_device(device: &mut DeviceDraws, model: &Model, count: u32) -> Drawn {
    let (keys, (mut theta, mut drawn)) = room(model, count);
    device.draw(&keys, &mut theta, &mut drawn, None).unwrap();
    (theta, drawn)
}

/// The group effects that the device leaves to the CPU, and the largest difference of all others from the CPU's given
/// the same hyperparameters, in sds of each effect over the draws.
fn differences_of_effects(model: &Model, theta: &[f64], effects: &DrawnEffects) -> (usize, f64) {
    let (keys, _) = room(model, (theta.len() / model.dim()) as u32);
    let (hyperparameters, dim) = (model.layout().hyperparameters(), model.layout().dim());
    let mut conditional = ConditionalEffects::new(model);
    let (mut left, mut rows) = (0, Vec::new());
    for (row, (key, theta)) in keys.iter().zip(theta.chunks_exact(model.dim())).enumerate() {
        let Some((values, means)) = effects.of(row) else {
            left += 1;
            continue;
        };
        let mut here = vec![0.0; dim];
        model.constrain(theta, &mut here[..hyperparameters]);
        let mut there = here.clone();
        conditional.place(means, values, &mut there);
        conditional.draw(key, &mut here);
        rows.push([here, there]);
    }
    let largest = |i: usize| {
        let mean = rows.iter().map(|[here, _]| here[i]).sum::<f64>() / rows.len() as f64;
        let variance = rows.iter().map(|[here, _]| (here[i] - mean).powi(2)).sum::<f64>() / rows.len() as f64;
        rows.iter().map(|[here, there]| (here[i] - there[i]).abs()).fold(0.0, f64::max) / variance.sqrt()
    };
    (left, (hyperparameters..dim).map(largest).fold(0.0, f64::max))
}

fn on_cpu(proposal: &Proposal, model: &Model, count: u32) -> Drawn {
    let (keys, (mut theta, mut drawn)) = room(model, count);
    proposal.draw(&keys, &mut theta, &mut drawn);
    (theta, drawn)
}

/// The number of draws that are others, and the largest differences of all else: of positions, log densities, weights.
fn differences(dim: usize, there: &Drawn, here: &Drawn) -> (usize, [f64; 3]) {
    let (mut others, mut largest) = (0, [0.0f64; 3]);
    for (row, (theirs, ours)) in there.1.iter().zip(&here.1).enumerate() {
        let coordinates =
            (row * dim..(row + 1) * dim).map(|i| (there.0[i] - here.0[i]).abs() / here.0[i].abs().max(1.0));
        let position = coordinates.fold(0.0, f64::max);
        if theirs.tries != ours.tries || position > 1e-3 {
            others += 1;
            continue;
        }
        let [log_density, weight] = [theirs.log_density - ours.log_density, theirs.excess - ours.excess];
        largest = [largest[0].max(position), largest[1].max(log_density.abs()), largest[2].max(weight.abs())];
    }
    (others, largest)
}

#[test]
fn a_device_makes_the_draws_of_the_cpu() {
    let Some(devices) = gpu::devices() else { return };
    for (name, model, count) in [
        ("radon", of(Dataset::radon().unwrap()), 100_000),
        ("sleepstudy", case("01-sleepstudy.csv", "Subject", "Reaction", &["Days"], Centring::Far), 20_000),
        ("Dyestuff2", case("03-dyestuff2.csv", "Batch", "Yield", &[], Centring::Far), 20_000),
        ("singletons", case("17-singletons.csv", "g", "y", &["x"], Centring::Far), 20_000),
        ("three groups", simulated(3, 8, 1), 20_000),
        ("many groups", simulated(2_000, 50, 1), 4_000),
    ] {
        let proposal = Arc::new(proposal(&model));
        let here = on_cpu(&proposal, &model, count);
        for gpu in devices {
            let mut device = DeviceDraws::new(gpu.clone(), proposal.clone()).unwrap();
            let there = on_device(&mut device, &model, count);
            let (others, largest) = differences(model.dim(), &there, &here);
            println!("{name}: {others} of {count} draws are others; else they differ by {largest:?}");
            assert!(others <= count as usize / 1000, "{name}: {others} of {count}");
            assert!(largest[0] < 5e-5 && largest[1] < 2e-4 && largest[2] < 2e-4, "{name}: {largest:?}");
        }
    }
}

#[test]
fn a_device_draws_the_effects_of_the_cpu() {
    let Some(devices) = gpu::devices() else { return };
    for (name, model, count, limit) in [
        ("radon", of(Dataset::radon().unwrap()), 3_000, 2e-5),
        ("sleepstudy", case("01-sleepstudy.csv", "Subject", "Reaction", &["Days"], Centring::Far), 3_000, 2e-5),
        ("Dyestuff2", case("03-dyestuff2.csv", "Batch", "Yield", &[], Centring::Far), 3_000, 2e-5),
        ("singletons", case("17-singletons.csv", "g", "y", &["x"], Centring::Far), 3_000, 2e-5),
        // Some draws of sigma are a hundred times as large as most.
        ("three groups", simulated(3, 8, 1), 3_000, 5e-4),
        ("many groups", simulated(2_000, 10, 1), 300, 2e-5),
        ("many rows", simulated(5, 1_000, 1), 300, 1e-4),
    ] {
        let proposal = Arc::new(proposal(&model));
        for gpu in devices {
            // Room for half of the draws: two dispatches are under way, and a third one follows.
            let device = DeviceDraws::new(gpu.clone(), proposal.clone()).unwrap();
            let mut device = device.with_effects(&model, count as usize * 2 / 5).unwrap();
            assert!(device.draws_effects() && device.room() < count as usize / 2, "{name}");
            let (keys, (mut theta, mut drawn)) = room(&model, count);
            let mut effects = DrawnEffects::default();
            device.draw(&keys, &mut theta, &mut drawn, Some(&mut effects)).unwrap();
            let (left, largest) = differences_of_effects(&model, &theta, &effects);
            println!("{name}: {left} of {count} draws are the CPU's; effects differ by {largest:.1e} sds");
            assert!(left <= count as usize / 100 && largest < limit, "{name}: {left}, {largest:.1e}");
        }
    }
}

#[test]
fn effects_are_compared_with_the_cpus_before_a_device_draws_them() {
    let Some(devices) = gpu::devices() else { return };
    let model = far_from_zero(100.0);
    let device = DeviceDraws::new(devices[0].clone(), Arc::new(proposal(&model))).unwrap();
    let mut device = device.with_effects(&model, 100).unwrap();
    let (mut keys, (mut theta, mut drawn)) = room(&model, 32);
    let mut found = DrawnEffects::default();
    device.draw(&keys, &mut theta, &mut drawn, Some(&mut found)).unwrap();
    assert!(device.draws_effects() && effects::are_precise(&model, &keys, &theta, &found));
    // The effects of another draw.
    keys.swap(3, 17);
    assert!(!effects::are_precise(&model, &keys, &theta, &found));
    // So many effects that few draws would be in a dispatch.
    assert_eq!(effects::room(&devices[0], &simulated(70_000, 2, 0)), None);
}

#[test]
fn a_draw_that_a_dispatch_has_no_time_for_is_the_cpus() {
    let Some(devices) = gpu::devices() else { return };
    let model = of(Dataset::radon().unwrap());
    let proposal = Arc::new(proposal(&model));
    let device = DeviceDraws::new(devices[0].clone(), proposal.clone()).unwrap();
    let mut device = device.with_effects(&model, 5_000).unwrap().with_most(1);
    let (keys, mut hasty) = room(&model, 5_000);
    let mut effects = DrawnEffects::default();
    device.draw(&keys, &mut hasty.0, &mut hasty.1, Some(&mut effects)).unwrap();
    let here = on_cpu(&proposal, &model, 5_000);
    // Each draw has a lane, which makes one proposal, and leaves the draw to the CPU if that is rejected.
    let left = |row: &usize| here.1[*row].tries > 1;
    let expected = (0..5_000).filter(left).count();
    let same = hasty.1.iter().zip(&here.1).filter(|(hasty, here)| hasty == here).count();
    assert!(expected > 500 && same.abs_diff(expected) <= 2, "{same} of {expected}");
    let others = (0..5_000).filter(|row| effects.of(*row).is_none() != left(row)).count();
    assert!(others <= 2, "{others}");
    let (others, largest) = differences(model.dim(), &hasty, &here);
    assert!(others <= 5 && largest[0] < 1e-5, "{others} {largest:?}");
}

/// Independent draws by 16 chains on `gpu`.
fn drawn(gpu: &Arc<Gpu>, model: &Arc<Model>, keep: Keep, draws: u32, unplug: Option<u64>) -> Sampled {
    let backend = Backend::Gpu { gpu: gpu.clone(), fall_back: false };
    let settings = Settings { sampler: Sampler::Independent, chains: 16, draws, seed: 3, keep, ..Settings::default() };
    let progress = unplug.map_or(Arc::default(), |at| unplugged(gpu, at));
    sample_on(&backend, model.clone(), settings, progress).unwrap()
}

/// The most draws of a variable that differ from the CPU's by more than rounding.
fn others(there: &Sampled, here: &Sampled) -> usize {
    let others = |i: usize| {
        let (there, here) = (there.draws.variable(i), here.draws.variable(i));
        there.iter().zip(here.iter()).filter(|(a, b)| (*a - *b).abs() > 1e-4 * b.abs().max(1.0)).count()
    };
    assert_eq!(there.names, here.names);
    (0..here.names.len()).map(others).max().unwrap()
}

#[test]
fn all_variables_are_the_cpus_whether_the_device_fails_or_not() {
    let Some(gpu) = own_device() else { return };
    let model = of(Dataset::radon().unwrap());
    let settings = Settings { sampler: Sampler::Independent, chains: 16, draws: 300, seed: 3, ..Settings::default() };
    let here = sample(model.clone(), settings, Arc::default()).unwrap();
    for unplug in [None, Some(16 * 9)] {
        let there = drawn(&gpu, &model, Keep::All, 300, unplug);
        assert_eq!(there.run.failure.is_some(), unplug.is_some(), "{:?}", there.run.failure);
        let others = others(&there, &here);
        assert!(there.names.len() == 175 && others <= 10, "{unplug:?}: {others}");
    }
}

#[test]
fn a_repeated_draw_has_effects_of_its_own_on_a_device_too() {
    if gpu::devices().is_none() {
        return;
    }
    if cfg!(not(debug_assertions)) {
        return eprintln!("skipped: a build without debug assertions has no faults");
    }
    let folder = Folder::new();
    let line = "sample --sampler independent --chains 4 --draws 500 --quiet --no-report";
    for (run, engine) in [("there", "gpu --allow-software-adapter"), ("here", "cpu")] {
        let ran = planted(&folder, &format!("{line} --out {run} --engine {engine}"), "proposal-low-bound");
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let [there, here] = ["there", "here"].map(|run| Sampled::open(&folder.path(run)).unwrap());
    let repeated = here.draws.statistic(Statistic::NSteps).iter().filter(|steps| **steps == 0.0).count();
    let others = others(&there, &here);
    assert!(repeated > 50 && others <= 4, "{repeated} repeated, {others} others");
}

#[test]
fn sums_over_draws_are_the_cpus() {
    if gpu::devices().is_none() {
        return;
    }
    let folder = Folder::new();
    let line = "sample --sampler independent --keep summary --chains 64 --draws 50 --quiet --no-report";
    let [there, here] = ["gpu --allow-software-adapter", "cpu"].map(|engine| {
        done(&folder, &format!("{line} --out {} --engine {engine}", &engine[..3]));
        summary(&folder, &engine[..3])["parameters"].clone()
    });
    for (name, here) in here.as_object().unwrap() {
        for field in ["mean", "sd"] {
            let [there, here] = [&there[name], here].map(|row| row[field].as_f64().unwrap());
            assert!((there - here).abs() < 1e-4 * here.abs().max(1.0), "{name}, {field}: {there} and not {here}");
        }
    }
}

#[test]
fn a_million_draws_are_the_exact_posteriors() {
    let Some(devices) = gpu::devices() else { return };
    let model = of(Dataset::radon().unwrap());
    let sampled = drawn(&devices[0], &model, Keep::Hyper, 65_536, None);
    assert!(sampled.run.failure.is_none() && sampled.engine == "gpu", "{:?}", sampled.run.failure);
    let verification = Verification::of(&sampled, &RunSummary::of(&sampled), &Exact::of(&model).unwrap());
    let Verification { largest, root_mean_square, compared, .. } = &verification;
    println!("{compared} scores, largest {largest:.2}, rms {root_mean_square:.2}");
    assert!(*compared >= 15 && !verification.biased, "{verification:?}");
}

#[test]
fn a_run_goes_on_with_the_same_draws_where_the_device_fails() {
    let Some(gpu) = own_device() else { return };
    let model = of(Dataset::radon().unwrap());
    let whole = drawn(&gpu, &model, Keep::Hyper, 2_000, None);
    let lost = drawn(&gpu, &model, Keep::Hyper, 2_000, Some(16 * 9));
    let failure = lost.run.failure.clone().unwrap();
    assert!(failure.resumed && failure.error.contains("lost") && lost.run.draws == 2_000, "{failure:?}");
    for i in 0..5 {
        let (whole, lost) = (whole.draws.variable(i), lost.draws.variable(i));
        let others = whole.iter().zip(lost.iter()).filter(|(a, b)| (*a - *b).abs() > 1e-5 * a.abs().max(1.0)).count();
        // Blocks of 1 and 8 draws of each chain are the device's, and those after them the CPU's.
        let same = (0..2_000).take_while(|draw| whole[*draw] == lost[*draw]).count();
        assert!(others <= 32 && (9..2_000).contains(&same), "variable {i}: {others} others, {same}");
    }
}

/// Thirty groups of twenty rows whose predictor, of sd 1, has a mean of `by` and is not centred.
fn far_from_zero(by: f64) -> Arc<Model> {
    let mut normals = vec![0.0; 60 + 2 * 600];
    StreamKey { seed: 5, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let (effects, rest) = normals.split_at(60);
    let labels: Vec<String> = (0..600).map(|i| format!("g{}", i / 20)).collect();
    let y = |i: usize| 1.0 + 0.4 * effects[i / 20] + (0.5 + 0.4 * effects[30 + i / 20]) * rest[i] + 0.8 * rest[600 + i];
    let x = (0..600).map(|i| rest[i] + by).collect();
    let y = (0..600).map(y).collect();
    of(Dataset::from_columns("simulated", "g", "y", &["x"], &labels, y, vec![x]).unwrap())
}

#[test]
fn what_a_device_cannot_draw_is_refused_and_auto_goes_on_with_chains() {
    let Some(devices) = gpu::devices() else { return };
    let on_device = |model: &Model| DeviceDraws::new(devices[0].clone(), Arc::new(proposal(model)));
    let refused = on_device(&far_from_zero(1_000.0));
    assert!(matches!(refused, Err(NotOnDevice::Inaccurate(error)) if error > 1e-3), "{refused:?}");
    let refused = on_device(&simulated(30, 40, 2));
    assert!(matches!(refused, Err(NotOnDevice::Coefficients)), "{refused:?}");

    let rows = |row: usize| format!("g{},{},{},{}\n", row % 9, (row as f64).cos(), (row * row % 17) as f64, row % 7);
    let folder = Folder::with("d.csv", format!("g,y,x,z\n{}", (0..180).map(rows).collect::<String>()));
    let run = "sample --quiet --no-report --engine gpu --allow-software-adapter --data d.csv --group g --outcome y";
    let taken = folder.run(&format!("{run} --predictor x --chains 4 --draws 250"));
    assert!(
        taken.code == 0
            && taken.stdout.contains("sampler independent: no chains; a certified proposal, with an efficiency of 0."),
        "{taken:?}"
    );
    assert!(taken.stdout.contains("engine gpu on "), "{taken:?}");
    let two = format!("{run} --predictor x --predictor z --chains 2 --draws 10");
    let why = "on a device they are for an intercept and at most one predictor";
    let chains = folder.run(&two);
    assert!(chains.stdout.contains(&format!("sampler nuts: draws cannot be independent: {why}")), "{chains:?}");
    let refused = folder.run(&format!("{two} --sampler independent --out refused"));
    assert!(refused.code == 2 && refused.stderr.contains(why) && !folder.path("refused").exists(), "{refused:?}");
    assert!(refused.stderr.contains("use --engine cpu or --sampler nuts"), "{refused:?}");
}

#[test]
fn shards_on_a_device_merge_to_the_bytes_of_one_run() {
    if gpu::devices().is_none() {
        return;
    }
    let folder = Folder::new();
    let line = "sample --engine gpu --allow-software-adapter --chains 4 --draws 300 --quiet --no-report";
    done(&folder, &format!("{line} --out whole"));
    for shard in 1..=2 {
        done(&folder, &format!("{line} --shard {shard}/2 --out part{shard}"));
    }
    done(&folder, "merge merged part1 part2");
    crate::helpers::stored::same_bytes(&folder, "whole", "merged");
}

#[test]
fn auto_takes_the_faster_for_a_long_run_and_the_cpu_for_a_short_one() {
    let Some(devices) = gpu::devices() else { return };
    let model = of(Dataset::radon().unwrap());
    let certified = Arc::new(proposal(&model));
    let settings = |draws| Settings { sampler: Sampler::Independent, chains: 4, draws, ..Settings::default() };
    let reason = |draws| choose_for_independent(None, &certified, &model, &settings(draws)).unwrap().reason;
    // 4 draws, and 4 billion: the former take less than two seconds on any machine, the latter more.
    assert_eq!(reason(1), "a short run");
    assert_ne!(reason(1 << 30), "a short run");
    for keep in [Keep::Hyper, Keep::All] {
        let settings = Settings { keep, ..settings(1_000_000) };
        let choice = faster_for_independent(devices[0].clone(), &certified, &model, &settings);
        let expected = choice.reason.strip_prefix("draws/s expected: cpu ").unwrap_or_else(|| panic!("{choice:?}"));
        let (cpu, gpu) = expected.split_once(", gpu ").unwrap();
        let [cpu, gpu]: [f64; 2] = [cpu, gpu].map(|rate| rate.parse().unwrap());
        assert!(cpu > 0.0 && gpu > 0.0, "{choice:?}");
        assert!(cpu == gpu || choice.backend.name() == if cpu > gpu { "cpu" } else { "gpu" }, "{choice:?}");
    }
    let far = far_from_zero(1_000.0);
    let choice = faster_for_independent(devices[0].clone(), &Arc::new(proposal(&far)), &far, &settings(1_000));
    assert!(choice.backend.gpu().is_none() && choice.reason.contains("cannot be used: in 32 bits"), "{choice:?}");
}
