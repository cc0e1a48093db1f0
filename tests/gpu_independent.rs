//! Independent draws on a device: those of the CPU to rounding, and those of the exact posterior.

use std::sync::Arc;

use warpnuts::data::{Centring, Dataset};
use warpnuts::exact::Exact;
use warpnuts::experiment::{Backend, Keep, Sampled, Sampler, Settings, sample_on};
use warpnuts::gpu::Gpu;
use warpnuts::independent::{DeviceDraws, IndependentDraw, NotOnDevice, Proposal};
use warpnuts::model::Model;
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::RunSummary;
use warpnuts::verify::Verification;

use crate::gpu_fallback::{own_device, unplugged};
use crate::helpers::common::Folder;
use crate::helpers::gpu;
use crate::helpers::stored::done;
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
    device.draw(&keys, &mut theta, &mut drawn).unwrap();
    (theta, drawn)
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
fn a_draw_that_a_dispatch_has_no_time_for_is_the_cpus() {
    let Some(devices) = gpu::devices() else { return };
    let model = of(Dataset::radon().unwrap());
    let proposal = Arc::new(proposal(&model));
    let device = DeviceDraws::new(devices[0].clone(), proposal.clone()).unwrap();
    let hasty = on_device(&mut device.with_most(2), &model, 5_000);
    let here = on_cpu(&proposal, &model, 5_000);
    // A lane accepts two draws at most, and leaves six to the CPU, whose bits differ.
    let same = hasty.1.iter().zip(&here.1).filter(|(hasty, here)| hasty == here).count();
    assert!((5_000 * 6 / 8..5_000 * 7 / 8).contains(&same), "{same}");
    let (others, largest) = differences(model.dim(), &hasty, &here);
    assert!(others <= 5 && largest[0] < 1e-5, "{others} {largest:?}");
}

/// Radon's hyperparameters, drawn independently on `gpu`.
fn drawn(gpu: &Arc<Gpu>, model: &Arc<Model>, draws: u32, unplug: Option<u64>) -> Sampled {
    let backend = Backend::Gpu { gpu: gpu.clone(), fall_back: false };
    let sampler = Sampler::Independent;
    let settings = Settings { sampler, chains: 16, draws, seed: 3, keep: Keep::Hyper, ..Settings::default() };
    let progress = unplug.map_or(Arc::default(), |at| unplugged(gpu, at));
    sample_on(&backend, model.clone(), settings, progress).unwrap()
}

#[test]
fn a_million_draws_are_the_exact_posteriors() {
    let Some(devices) = gpu::devices() else { return };
    let model = of(Dataset::radon().unwrap());
    let sampled = drawn(&devices[0], &model, 65_536, None);
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
    let whole = drawn(&gpu, &model, 2_000, None);
    let lost = drawn(&gpu, &model, 2_000, Some(16 * 9));
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
