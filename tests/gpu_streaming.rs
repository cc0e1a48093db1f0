//! Runs that keep sums instead of draws, on the host or on the device: their summaries agree with those of draws.

use std::sync::Arc;

use warpnuts::diagnostics::{Series, Summary, ebfmi, nested_rhat, nested_rhat_of, summary_of};
use warpnuts::draws::Totals;
use warpnuts::engine::Progress;
use warpnuts::engine::sums::BINS;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Backend, Keep, Sampled, Settings, sample, sample_on, sample_summed};
use warpnuts::gpu::{Adapter, Gpu};
use warpnuts::model::Model;
use warpnuts::nuts::Statistic;
use warpnuts::summary::RunSummary;

use crate::helpers::chance;
use crate::helpers::gpu;
use crate::helpers::models::radon;
use crate::helpers::rhat::split_rhat;

fn settings(chains: u32, draws: u32) -> Settings {
    Settings { chains, draws, warmup: 150, keep: Keep::Summary, threads: 2, ..Settings::default() }
}

fn near(ours: f64, theirs: f64, tolerance: f64) -> bool {
    (ours - theirs).abs() <= tolerance * theirs.abs().max(1e-3)
}

#[test]
fn sums_say_what_the_draws_say() {
    let (model, settings, chains) = (radon("non-centered"), settings(64, 41), 64);
    let kept = sample(model.clone(), Settings { keep: Keep::All, ..settings }, Arc::default()).unwrap();
    let totals = sample_summed(&Backend::Cpu, model.clone(), settings, None, Arc::default()).unwrap().draws;
    for (i, name) in model.names().iter().enumerate() {
        let values = kept.draws.variable(i);
        let series = Series::new(&values, chains);
        let drawn = Summary::of(series).from_independent_chains(series);
        let summed = summary_of(&totals, i);
        let pairs = [
            (summed.mean, drawn.mean),
            (summed.sd, drawn.sd),
            (summed.mcse_mean, drawn.mcse_mean),
            (summed.mcse_sd, drawn.mcse_sd),
            (summed.ess_bulk, drawn.ess_bulk),
            (nested_rhat_of(&totals, i), nested_rhat(series, settings.chains_per_superchain() as usize)),
        ];
        for (place, (ours, theirs)) in pairs.into_iter().enumerate() {
            assert!(near(ours, theirs, 1e-8), "{name}, {place}: {ours}, and the draws say {theirs}");
        }
        // A bin is 1/64 of the sd at the end of warm-up.
        for (ours, theirs) in [(summed.q05, drawn.q05), (summed.q50, drawn.q50), (summed.q95, drawn.q95)] {
            assert!((ours - theirs).abs() < 0.02 * drawn.sd, "{name}: {ours}, and the draws say {theirs}");
        }
        // Quantiles at the end of warm-up are near those of the draws.
        assert!(summed.ess_tail / drawn.ess_tail > 0.5 && summed.ess_tail / drawn.ess_tail < 2.0, "{name}: {summed:?}");
        let [below, above] = [totals.across[i].below[0].mean(), 1.0 - totals.across[i].below[1].mean()];
        assert!(
            [below, above].iter().all(|share| (0.015..0.15).contains(share)),
            "{name}: {below} below, {above} above"
        );
        assert_eq!(totals.histograms[i * BINS..(i + 1) * BINS].iter().sum::<u64>(), 64 * 41);
    }
    let energies = kept.draws.statistic(Statistic::Energy);
    for (ours, theirs) in totals.e_bfmi.iter().zip(ebfmi(Series::new(&energies, chains))) {
        assert!(near(*ours, theirs, 1e-8), "E-BFMI {ours}, and the draws say {theirs}");
    }
    assert_eq!((totals.chains, totals.draws, totals.complete), (64, 41, true));
}

#[test]
fn halves_of_long_chains_make_their_r_hat() {
    let (model, settings) = (radon("non-centered"), Settings { warmup: 60, ..settings(64, 1000) });
    let kept = sample(model.clone(), Settings { keep: Keep::Hyper, ..settings }, Arc::default()).unwrap();
    let run = RunSummary::of_totals(&sample_summed(&Backend::Cpu, model, settings, None, Arc::default()).unwrap());
    assert!(run.max_nested_rhat.is_none() && run.max_rhat.is_some());
    for (i, parameter) in run.parameters.0.iter().take(5).enumerate() {
        let values = kept.draws.variable(i);
        let theirs = split_rhat(&values, 64);
        assert!(
            near(parameter.summary.rhat, theirs, 1e-9),
            "{}: {}, not {theirs}",
            parameter.name,
            parameter.summary.rhat
        );
    }
}

/// The root mean square and the largest of the errors of all means, in their standard errors.
fn scores(sampled: &Sampled<Totals>, exact: &Exact) -> (f64, f64) {
    let run = RunSummary::of_totals(sampled);
    let rows = run.parameters.0.iter().map(|parameter| parameter.summary).zip(exact.summary());
    let z: Vec<f64> = rows.map(|(ours, truth)| (ours.mean - truth.mean) / ours.mcse_mean).collect();
    let square = z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64;
    (square.sqrt(), z.iter().fold(0.0, |largest, z| largest.max(z.abs())))
}

/// Means of 175 variables in Monte Carlo errors; quantiles and sds within ten errors of what 10,000 draws know them to.
#[test]
fn a_run_without_draws_stands_against_the_exact_posterior() {
    let model = radon("non-centered");
    let exact = Exact::of(&model).unwrap();
    let sampled = sample_summed(&Backend::Cpu, model.clone(), settings(256, 200), None, Arc::default()).unwrap();
    let (rms, largest) = scores(&sampled, &exact);
    assert!(largest < chance::largest(175), "{largest}");
    chance::is_near_one(rms, "means");
    // Quantiles and sds, in units of the sd: 51,200 draws are worth some ten thousand.
    let run = RunSummary::of_totals(&sampled);
    for (parameter, truth) in run.parameters.0.iter().zip(exact.summary()) {
        let ours = parameter.summary;
        for (ours, truth_of) in
            [(ours.q05, truth.q05), (ours.q50, truth.q50), (ours.q95, truth.q95), (ours.sd, truth.sd)]
        {
            assert!((ours - truth_of).abs() < 0.12 * truth.sd, "{}: {ours} and {truth_of}", parameter.name);
        }
    }
    assert!(run.is_trustworthy(), "{:?}", run.warnings);
}

/// A device's sums, and its draws of the same chains.
fn both_there(gpu: &Arc<Gpu>, model: &Arc<Model>, settings: Settings) -> (Sampled<Totals>, Sampled) {
    let backend = Backend::Gpu { gpu: gpu.clone(), fall_back: false };
    let summed = sample_summed(&backend, model.clone(), settings, None, Arc::default()).unwrap();
    let kept = sample_on(&backend, model.clone(), Settings { keep: Keep::All, ..settings }, Arc::default()).unwrap();
    (summed, kept)
}

#[test]
fn a_device_sums_up_the_draws_it_makes() {
    let Some(devices) = gpu::devices() else { return };
    let alone = gpu::alone();
    let cases = ["non-centered", "a=centered,b=non-centered", "marginal", "marginal"];
    for (gpu, parameterization) in devices.iter().cycle().take(cases.len() - 1).chain([&alone]).zip(cases) {
        let model = radon(parameterization);
        let (summed, kept) = both_there(gpu, &model, Settings { warmup: 60, ..settings(64, 25) });
        // The same trees, unless another compilation rounds differently and chains diverge from each other.
        let same = summed.run.gradients == kept.run.gradients;
        eprintln!("the same trees: {same}");
        let (summed, kept) = (RunSummary::of_totals(&summed), RunSummary::of(&kept));
        let tolerance = if same { 2e-4 } else { 0.3 };
        for (ours, theirs) in summed.parameters.0.iter().zip(&kept.parameters.0) {
            let (name, sd) = (&ours.name, theirs.summary.sd);
            let (ours, theirs) = (ours.summary, theirs.summary);
            for (what, ours, theirs) in [("mean", ours.mean, theirs.mean), ("sd", ours.sd, theirs.sd)] {
                assert!((ours - theirs).abs() < tolerance * sd, "{what} of {name}: {ours}, and the draws say {theirs}");
            }
            assert!((ours.q95 - theirs.q95).abs() < (tolerance + 0.02) * sd, "{name}: {} {}", ours.q95, theirs.q95);
            assert!(!same || near(ours.mcse_mean, theirs.mcse_mean, 1e-3), "{name}: {ours:?} {theirs:?}");
            assert!(!same || near(ours.mcse_sd, theirs.mcse_sd, 1e-3), "{name}: {ours:?} {theirs:?}");
        }
        let nested = |run: &RunSummary| run.max_nested_rhat.as_ref().unwrap().value;
        assert!(!same || near(nested(&summed), nested(&kept), 1e-3), "{} {}", nested(&summed), nested(&kept));
        assert!(!same || near(summed.e_bfmi.mean, kept.e_bfmi.mean, 1e-2));
        assert!(!same || summed.reached_max_treedepth == kept.reached_max_treedepth);
    }
}

#[test]
fn chains_of_a_device_that_is_stopped_have_made_as_many_draws_each() {
    let Some(devices) = gpu::devices() else { return };
    let model = radon("non-centered");
    let backend = Backend::Gpu { gpu: devices[0].clone(), fall_back: false };
    let progress = Arc::new(Progress::default());
    let settings = Settings { warmup: 60, ..settings(64, 100_000) };
    let stopped = Arc::downgrade(&progress);
    progress.call_at(64 * 75, move || stopped.upgrade().unwrap().stop());
    let sampled = sample_summed(&backend, model, settings, None, progress).unwrap();
    let Totals { chains, draws, complete, histograms, .. } = &sampled.draws;
    assert!(*draws > 0 && *draws < 100_000 && !complete && sampled.interrupted && sampled.run.draws == *draws as u32);
    for counts in histograms.chunks_exact(BINS) {
        assert_eq!(counts.iter().sum::<u64>(), (chains * draws) as u64);
    }
    assert!(RunSummary::of_totals(&sampled).warnings.iter().any(|advice| advice.problem.contains("interrupted")));
}

/// Means of 175 variables in Monte Carlo errors.
#[test]
fn sums_of_a_device_that_is_lost_are_made_again_on_the_host() {
    let Some(devices) = gpu::devices() else { return };
    let gpu = Gpu::open(Adapter::choose(Some(devices[0].adapter().name()), true).unwrap()).unwrap();
    let model = radon("non-centered");
    let backend = Backend::Gpu { gpu: gpu.clone(), fall_back: true };
    let progress = Arc::new(Progress::default());
    progress.call_at(64 * 155, move || gpu.lose());
    let sampled = sample_summed(&backend, model.clone(), settings(64, 800), None, progress).unwrap();
    assert!(sampled.run.failure.as_ref().is_some_and(|failure| failure.resumed));
    assert_eq!((sampled.draws.chains, sampled.draws.draws, sampled.draws.complete), (64, 800, true));
    let (rms, largest) = scores(&sampled, &Exact::of(&model).unwrap());
    assert!(largest < chance::largest(175), "{largest}");
    chance::is_near_one(rms, "means");
}
