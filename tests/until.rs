//! Runs that end once they are precise: at the same place whatever happens, with the first draws of a longer run.

use std::sync::Arc;

use rayon::prelude::*;

use crate::helpers::chance;
use crate::helpers::common::Folder;
use crate::helpers::running::{Held, kill};
use crate::helpers::stored::{done, same_bytes, summary};
use warpnuts::data::{Columns, Dataset};
use warpnuts::engine::Progress;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Goal, Sampled, Sampler, Settings, sample};
use warpnuts::model::{Model, PriorScales};
use warpnuts::summary::RunSummary;

/// The places of four chains that are to be worth 2000 draws.
const PLACES: [u64; 6] = [500, 750, 1125, 1688, 2532, 3798];

/// The smallest bulk or tail ESS of a run, and its largest R-hat.
fn smallest_ess(folder: &Folder, run: &str) -> [f64; 2] {
    let all = summary(folder, run);
    let ess = ["min_ess_bulk", "min_ess_tail"].map(|name| all[name]["value"].as_f64().unwrap());
    [ess[0].min(ess[1]), all["max_rhat"]["value"].as_f64().unwrap()]
}

/// The draws of a run as text.
fn text(folder: &Folder, run: &str) -> Vec<u8> {
    done(folder, &format!("export {run} --format csv --force --out {run}.csv"));
    std::fs::read(folder.path(&format!("{run}.csv"))).unwrap()
}

fn draws(folder: &Folder, run: &str) -> u64 {
    summary(folder, run)["draws"].as_u64().unwrap()
}

#[test]
fn a_run_ends_at_the_first_place_where_it_is_precise_with_the_draws_of_a_run_without_a_goal() {
    let folder = Folder::new();
    for (name, sampler) in [
        ("nuts", "--sampler nuts --warmup 300"),
        ("thinned", "--sampler nuts --warmup 300 --thin 2 --draw-precision f32 --keep hyper"),
        ("independent", "--sampler independent"),
    ] {
        let line = format!("sample --chains 4 {sampler} --quiet --no-report");
        let ran = done(&folder, &format!("{line} --until ess=2000 --out {name}"));
        let there = draws(&folder, name);
        let place = PLACES.iter().position(|place| *place == there).unwrap_or_else(|| panic!("{name}: {there} draws"));
        let says = format!("until ess=2000: reached, with {there} of at most 10000 draws of each chain");
        assert!(ran.code == 0 && ran.stdout.contains(&says), "{ran:?}");
        let until = &summary(&folder, name)["until"];
        assert!(until["reached"] == true && until["goal"] == "ess=2000", "{until}");
        assert_eq!(summary(&folder, name)["interrupted"], false);
        let [ess, rhat] = smallest_ess(&folder, name);
        // Independent draws are worth their number, which is known beforehand.
        assert!(name != "independent" || (there, ess) == (500, 2000.0), "{there}, {ess}");
        assert!(ess >= 2000.0 && (rhat <= 1.01 || name == "independent"), "{name}: {ess}, {rhat}");
        // Not before, and the same draws.
        for (place, is_enough) in [(place.checked_sub(1), false), (Some(place), true)] {
            let Some(place) = place else { continue };
            let plain = format!("{name}-{}", PLACES[place]);
            done(&folder, &format!("{line} --draws {} --out {plain}", PLACES[place]));
            let [ess, rhat] = smallest_ess(&folder, &plain);
            assert_eq!(ess >= 2000.0 && (rhat <= 1.01 || name == "independent"), is_enough, "{plain}: {ess}, {rhat}");
            assert_eq!(text(&folder, &plain) == text(&folder, name), is_enough, "{plain}");
        }
        for (again, with) in [("one", "--threads 1"), ("three", "--threads 3"), ("often", "--checkpoint-every 0")] {
            let again = format!("{name}-{again}");
            done(&folder, &format!("{line} --until ess=2000 {with} --out {again}"));
            same_bytes(&folder, name, &again);
        }
        // What is stored says the same.
        let told = folder.run(&format!("summary {name}"));
        assert!(told.code == 0 && told.stdout.contains(&says) && !told.stdout.contains("--resume"), "{told:?}");
        let told = folder.run(&format!("sample --resume {name} --quiet"));
        let says = format!("{name} is complete: it reached --until ess=2000 with {there} draws of each chain");
        assert!(told.code == 0 && told.stderr.contains(&says), "{told:?}");
    }
}

#[test]
fn a_killed_run_ends_where_one_that_was_not_killed_ends() {
    for sampler in ["--sampler nuts --warmup 200", "--sampler independent"] {
        let folder = Folder::new();
        let line = format!("sample --chains 4 {sampler} --keep hyper --until ess=2000 --quiet --no-report");
        done(&folder, &format!("{line} --out whole"));
        let points = [
            ("after-checkpoint 1", "0"),
            ("before-checkpoint 4", "0"),
            // Before and while the first place is judged.
            ("draws 499", "0.02"),
            ("draws 500", "100"),
            ("before-rename 60", "100"),
            ("before-end 1", "0.02"),
        ];
        for (at, seconds) in points {
            let run = &at.replace(' ', "-");
            kill(&folder, &format!("{line} --checkpoint-every {seconds} --out {run}"), at);
            let refused = folder.run(&format!("sample --resume {run} --until ess=3000 --quiet"));
            assert!(refused.code == 2 && refused.stderr.contains("--until ess=3000, there ess=2000"), "{refused:?}");
            done(&folder, &format!("sample --resume {run} --threads 1 --quiet"));
            same_bytes(&folder, "whole", run);
            assert!(!folder.path(run).join("checkpoint").exists());
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_has_not_reached_its_goal_and_goes_on_to_it() {
    let folder = Folder::new();
    let line = "sample --chains 4 --sampler nuts --warmup 200 --keep hyper --until ess=2000 --quiet --no-report";
    done(&folder, &format!("{line} --out whole"));
    let line = format!("{line} --checkpoint-every 0 --out stopped");
    let ended = Held::start(&folder, &line, "after-phase 500").signal("-INT");
    assert_eq!(ended.code, 130, "{ended:?}");
    let said = "until ess=2000: interrupted before it was reached, with ";
    assert!(ended.stdout.contains(said) && !ended.stdout.contains("was not reached"), "{ended:?}");
    assert_eq!(summary(&folder, "stopped")["until"]["reached"], false);
    done(&folder, "sample --resume stopped --quiet");
    same_bytes(&folder, "whole", "stopped");
}

#[test]
fn a_run_that_misses_its_goal_says_by_how_much() {
    let folder = Folder::new();
    let line = "sample --chains 4 --sampler nuts --draws 600 --keep hyper --quiet --no-report";
    let ran = done(&folder, &format!("{line} --until mcse=0.021sd --out run"));
    assert_eq!(draws(&folder, "run"), 600);
    let all = summary(&folder, "run");
    let least = &all["until"]["least_precise"];
    assert!(all["until"]["reached"] == false && least["parameter"] == "sigma_b", "{all}");
    let row = &all["parameters"]["sigma_b"];
    let error = row["mcse_mean"].as_f64().unwrap() / row["sd"].as_f64().unwrap();
    assert!(least["value"].as_f64().unwrap() == error && error > 0.021, "{all}");
    let said = "warning: --until mcse=0.021sd was not reached with 600 draws of each chain: the MCSE over sd of sigma_b is 0.0";
    assert!(ran.code == 0 && ran.stdout.contains(said) && ran.stdout.contains(", above 0.021."), "{ran:?}");
    assert!(ran.stdout.contains("until mcse=0.021sd: not reached, with 600 of at most 600 draws"), "{ran:?}");
    // The same draws as without a goal.
    done(&folder, &format!("{line} --out plain"));
    assert!(text(&folder, "run") == text(&folder, "plain"));
}

#[test]
fn goals_that_make_no_sense_are_refused() {
    let folder = Folder::new();
    let refused = |line: &str, words: &str| {
        let ran = folder.run(&format!("sample {line} --quiet"));
        assert!(ran.code == 2 && ran.stderr.contains(words), "{line}: {ran:?}");
        assert!(!folder.path("runs").exists(), "{line}");
    };
    refused("--until ess=-1", "write a number of effective draws, such as ess=10000");
    refused("--until ess=many", "write a number of effective draws, such as ess=10000");
    refused("--until ess=10", "write 400 effective draws or more");
    refused("--until mcse=0.01", "write the error in posterior sds of each variable, such as mcse=0.01sd");
    refused("--until mcse=0sd", "write a positive number of posterior sds, such as mcse=0.01sd");
    refused("--until mcse=1sd", "write 0.05sd or less");
    refused("--until ess=1e12", "write 100000000 effective draws or fewer");
    refused("--until mcse=1e-9sd", "write 0.0001sd or more");
    refused("--until soon", "write ess=NUMBER or mcse=NUMBERsd");
    refused("--until ess=4001 --chains 4 --draws 1000", "--chains 4 of --draws 1000 are only 4,000; raise --draws");
    refused("--until mcse=0.01sd --chains 1 --draws 9999", "takes 10,000 effective draws");
    refused("--until ess=1000 --keep summary --chains 64", "--until needs draws, and --keep summary keeps none");
    refused("--until ess=1000 --shard 1/2", "shards have to be equally long; run shards with --draws");
    done(&folder, "sample --until ess=400 --first-chain 4 --chains 4 --keep hyper --no-report --quiet --out part");
    let ran = folder.run("merge whole part");
    let words =
        "part ended where its own draws were enough (--until ess=400), and shards of one experiment have equally many";
    assert!(ran.code == 2 && ran.stderr.contains(words) && !folder.path("whole").exists(), "{ran:?}");
}

/// A run in memory with a goal, which it reaches.
fn sampled(model: &Arc<Model>, sampler: Sampler, goal: &str, seed: u64) -> (Sampled, RunSummary) {
    let until: Goal = goal.parse().unwrap();
    let settings = Settings {
        sampler,
        chains: 4,
        warmup: 200,
        draws: until.most(4),
        until: Some(until),
        seed,
        ..Settings::default()
    };
    let sampled = sample(model.clone(), settings, Arc::new(Progress::default())).unwrap();
    let summary = RunSummary::of(&sampled);
    assert!(summary.until.as_ref().unwrap().reached && !summary.interrupted, "{sampler}, {seed}: {:?}", summary.until);
    assert_eq!(sampled.draws.draws(), sampled.run.draws as usize);
    (sampled, summary)
}

fn model(dataset: Dataset) -> Arc<Model> {
    let priors = PriorScales::for_data(&dataset);
    Arc::new(Model::builder(Arc::new(dataset)).priors(priors).build())
}

/// Distances of the means from the exact ones, in Monte Carlo errors.
fn scores(exact: &Exact, summary: &RunSummary) -> Vec<f64> {
    let rows = summary.parameters.0.iter().zip(exact.summary());
    rows.map(|(row, exact)| (row.summary.mean - exact.mean) / row.summary.mcse_mean).collect()
}

#[test]
fn every_mean_has_the_error_that_was_asked_for() {
    let model = model(Dataset::radon().unwrap());
    let exact = Exact::of(&model).unwrap();
    for sampler in [Sampler::Nuts, Sampler::Independent] {
        let (run, summary) = sampled(&model, sampler, "mcse=0.01sd", 3);
        let errors = summary.parameters.0.iter().map(|row| row.summary.mcse_mean / row.summary.sd);
        assert!(errors.fold(0.0, f64::max) <= 0.01 + 1e-9);
        if sampler == Sampler::Independent {
            // The error of independent draws is known beforehand.
            assert_eq!(run.run.draws, 2500);
        }
        let largest = scores(&exact, &summary).into_iter().map(f64::abs).fold(0.0, f64::max);
        println!("{sampler}: {} draws, largest of {} scores {largest:.2}", run.run.draws, summary.parameters.0.len());
        assert!(largest < chance::largest(summary.parameters.0.len()), "{sampler}: {largest}");
    }
}

/// Stopping where a noisy estimate crosses a line makes errors too small on average; here by how much.
#[test]
fn errors_are_honest_though_the_run_chose_its_end() {
    const SEEDS: u64 = 240;
    let columns = Columns { group: "Batch".to_string(), outcome: "Yield".to_string(), predictors: Vec::new() };
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/02-dyestuff.csv");
    let model = model(Dataset::from_path(&path, &columns).unwrap());
    let exact = Exact::of(&model).unwrap();
    let all: Vec<(u32, Vec<f64>)> = (0..SEEDS)
        .into_par_iter()
        .map(|seed| {
            let (run, summary) = sampled(&model, Sampler::Nuts, "mcse=0.03sd", seed);
            (run.run.draws, scores(&exact, &summary))
        })
        .collect();
    let ends: std::collections::BTreeSet<u32> = all.iter().map(|(draws, _)| *draws).collect();
    // There was something to choose.
    assert!(ends.len() > 1, "{ends:?}");
    for (i, row) in exact.summary().iter().enumerate() {
        let (mean, square) = all.iter().fold((0.0, 0.0), |(mean, square), (_, scores)| {
            (mean + scores[i] / SEEDS as f64, square + scores[i].powi(2) / SEEDS as f64)
        });
        println!("{} (sd {:.3}): mean score {mean:.2}, rms {:.3}", exact.names()[i], row.sd, square.sqrt());
        chance::is_near_one(square.sqrt(), &exact.names()[i]);
        let limit = chance::largest(exact.names().len()) / (SEEDS as f64).sqrt();
        assert!(mean.abs() < limit, "{}: {mean}", exact.names()[i]);
    }
    println!("ended after {ends:?} draws of each chain");
}
