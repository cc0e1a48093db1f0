//! Families of outcomes on the device: log densities and gradients against the CPU's, at the ends too, and runs by
//! simulation-based calibration and against the CPU's.

use std::sync::Arc;

use warpnuts::density::cpu;
use warpnuts::experiment::{EngineChoice, MetricShape, Settings, choose, sample};
use warpnuts::family::Family;
use warpnuts::summary::RunSummary;

use crate::families::simulate;
use crate::gpu_mixed::{agrees, agrees_at_points, backends, random, run};
use crate::helpers::calibration::{Simulated, are_uniform, places_of};
use crate::helpers::common::{Folder, root};
use crate::helpers::formulas::{self, Reference, references_in};
use crate::helpers::running::kill;
use crate::helpers::stored::{done, same_bytes, summary};
use crate::helpers::{chance, gpu};
use crate::sigma_formula;

#[test]
fn at_numpyros_points_families_on_the_device_agree_with_f64() {
    let Some(devices) = gpu::devices() else { return };
    for reference in references_in("tests/reference/family_densities.json") {
        let of = reference.read();
        let Reference { name, systems, .. } = reference;
        agrees_at_points(&devices[0], &of, &name, systems);
        if of.1.family == Family::Lognormal && of.1.sigma.is_none() {
            let model = formulas::model(&of, "marginal");
            agrees(&devices[0], &model, &random(&model, 4), "lognormal, marginal");
        }
    }
}

#[test]
fn normal_rows_that_are_merged_have_the_density_of_all() {
    let Some(devices) = gpu::devices() else { return };
    for weighted in [false, true] {
        let of =
            formulas::changed("tests/cases/15b-hsb82.csv", 2000, "mAch ~ minority + (1 | school)", &[], |_, rows| {
                rows.weights = weighted.then(|| (0..2000).map(|i| 0.5 + f64::from(i % 7)).collect());
            });
        for typed in ["non-centered", "centered", "partial"] {
            let model = formulas::model(&of, typed);
            assert!(cpu::likelihood_rows(&model) < 100);
            agrees(&devices[0], &model, &random(&model, 4), typed);
        }
    }
}

/// Data sets of each family, half of them on either engine.
const DATA_SETS: u32 = 50;

fn calibrate(family: Family) {
    calibrate_by(4 + family.dispersions().len(), |number, typed| simulate(family, number, &[typed]));
}

/// The same of simulated data sets, of whose variables so many are looked at.
fn calibrate_by(shown: usize, simulate: impl Fn(u32, &str) -> Simulated) {
    let Some(devices) = gpu::devices() else { return };
    let shown: Vec<usize> = (0..shown).collect();
    let of = |number: u32| {
        let backend = &backends(&devices[0])[number as usize % 2];
        let settings = Settings { chains: 8, warmup: 100, draws: 50, target_accept: 0.9, ..Settings::default() };
        let settings = Settings { seed: u64::from(number), ..settings };
        let typed = ["non-centered", "centered", "partial"][number as usize / 2 % 3];
        places_of(simulate(number, typed), &shown, settings, |model, settings| run(backend, &model, settings))
    };
    let places: Vec<Vec<f64>> = (0..DATA_SETS).map(of).collect();
    are_uniform(&places, &shown);
}

#[test]
fn true_parameters_of_real_outcomes_are_anywhere_among_a_devices_draws() {
    [Family::Student, Family::Lognormal, Family::Gamma].into_iter().for_each(calibrate);
}

#[test]
fn true_parameters_of_yes_and_no_are_anywhere_among_a_devices_draws() {
    [Family::Binomial, Family::Probit].into_iter().for_each(calibrate);
}

#[test]
fn true_parameters_of_counts_are_anywhere_among_a_devices_draws() {
    [Family::Poisson, Family::NegBinomial].into_iter().for_each(calibrate);
}

#[test]
fn true_parameters_of_sigma_are_anywhere_among_a_devices_draws() {
    for (family, shown) in [(Family::Gaussian, 6), (Family::Student, 7)] {
        calibrate_by(shown, |number, typed| sigma_formula::simulate(family, number, &[typed]));
    }
}

#[test]
fn counts_on_the_device_have_the_cpus_posterior_and_repeat() {
    let Some(devices) = gpu::devices() else { return };
    let priors = ["shape ~ gamma(2, 0.2)".to_string()];
    let of = formulas::of_family(
        "tests/families/epil.csv",
        usize::MAX,
        "y ~ lbase + (1 | subject)",
        Family::NegBinomial,
        &priors,
        |_, _| {},
    );
    let model = Arc::new(formulas::model(&of, "non-centered"));
    let metric = MetricShape::LowRank;
    let settings = Settings { chains: 8, warmup: 500, draws: 1000, target_accept: 0.9, metric, ..Settings::default() };
    let truth = RunSummary::of(&sample(model.clone(), settings, Arc::default()).unwrap());
    let settings = Settings { chains: 32, warmup: 300, draws: 60, ..settings };
    for backend in backends(&devices[0]) {
        let [there, again] = [(); 2].map(|()| run(&backend, &model, settings));
        assert!(there.draws.values() == again.draws.values(), "{}", backend.name());
        assert!(there.run.low_rank == again.run.low_rank && there.run.low_rank.rank() > 0, "{}", backend.name());
        let there = RunSummary::of(&there);
        let rows = truth.parameters.0.iter().zip(&there.parameters.0);
        let scores: Vec<f64> = rows
            .map(|(a, b)| (a.summary.mean - b.summary.mean) / a.summary.mcse_mean.hypot(b.summary.mcse_mean))
            .collect();
        let largest = scores.iter().fold(0.0, |most: f64, score| most.max(score.abs()));
        assert!(largest < chance::largest(2 * scores.len()), "{}: {largest}", backend.name());
    }
}

#[test]
fn counts_that_are_too_large_for_a_device_are_refused() {
    let of = formulas::of_family(
        "tests/families/epil.csv",
        usize::MAX,
        "y ~ lbase + (1 | subject)",
        Family::NegBinomial,
        &[],
        |design, _| design.outcome.values[0] = 1e6,
    );
    let model = Arc::new(formulas::model(&of, "non-centered"));
    let choice = choose(EngineChoice::Auto, None, false, &model, &Settings::default()).unwrap();
    assert_eq!(choice.backend.name(), "cpu");
    let Some(_) = gpu::devices() else { return };
    for engine in [EngineChoice::GpuDensity, EngineChoice::Gpu] {
        let no = choose(engine, None, true, &model, &Settings::default()).unwrap_err().to_string();
        assert!(no.contains("negbinomial counts up to 65536, and this data set has larger ones"), "{no}");
    }
}

/// For counts, and for a scale of each sector, on either engine: the same bits again, after a run was killed, and of
/// shards.
#[test]
fn runs_of_families_on_a_device_are_resumed_and_joined_bit_by_bit() {
    if gpu::devices().is_none() {
        return;
    }
    let folder = Folder::new();
    let file = |name: &str| root().join(name).display().to_string();
    let models = [
        format!(
            "--data {} --family negbinomial --formula y~V4+(1|subject) --offset lbase",
            file("tests/families/epil.csv")
        ),
        format!(
            "--data {} --family student --formula Reaction~Days+(1|Subject) --sigma-formula sigma~Days",
            file("tests/cases/01-sleepstudy.csv")
        ),
    ];
    for (i, model) in models.iter().enumerate() {
        for engine in ["gpu", "gpu-density"] {
            let name = format!("{engine}{i}");
            let line = format!("sample {model} --engine {engine} --allow-software-adapter --quiet --no-report");
            let line = format!("{line} --chains 4 --warmup 60 --draws 200 --log-likelihood");
            done(&folder, &format!("{line} --out {name}"));
            done(&folder, &format!("{line} --out {name}-again"));
            same_bytes(&folder, &name, &format!("{name}-again"));
            kill(&folder, &format!("{line} --checkpoint-every 0.01 --out {name}-killed"), "draws 60");
            done(&folder, &format!("sample --resume {name}-killed --allow-software-adapter --quiet --no-report"));
            same_bytes(&folder, &name, &format!("{name}-killed"));
            let frozen = format!("{line} --metric-from {name}");
            for shard in 1..=2 {
                done(&folder, &format!("{frozen} --shard {shard}/2 --out {name}-part{shard}"));
            }
            done(&folder, &format!("{frozen} --out {name}-together"));
            done(&folder, &format!("merge {name}-merged {name}-part1 {name}-part2"));
            let [together, merged] =
                ["together", "merged"].map(|run| summary(&folder, &format!("{name}-{run}"))["parameters"].clone());
            assert_eq!(together, merged, "{name}");
        }
    }
}
