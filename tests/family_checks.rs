//! Predictive checks of outcomes that are not Gaussian: silent on data of sound models, and with faults that each raise
//! their own warning.

use std::sync::Arc;

use rayon::prelude::*;
use warpnuts::checks::{self, DRAWS, ResidualChecks, Residuals};
use warpnuts::diagnostics;
use warpnuts::experiment::{Sampled, Settings, sample};
use warpnuts::family::Family;
use warpnuts::model::{Centering, Coordinates, Model};
use warpnuts::predict::DrawnVariables;
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::Advice;

use crate::families::{FAMILIES, small};
use crate::helpers::browser::{Look, open};
use crate::helpers::common::{Folder, root};
use crate::helpers::pages;
use crate::helpers::stored::{done, summary};

/// Twelve groups of 25 rows, of a family at usual dispersions; `change` makes the linear predictor of a row anew, given
/// that, a deviate of the row's own, and the group.
fn simulated(family: Family, seed: u64, change: fn(f64, f64, usize) -> f64) -> Model {
    let (groups, rows) = (12, 25);
    let normals = |chain: u32, count: usize| {
        let mut all = vec![0.0; count];
        StreamKey { seed, chain, transition: 0 }.normals(Purpose::Stream, &mut all);
        all
    };
    let count = groups * rows;
    let [effects, x, deviates, own] = [(0, groups), (1, count), (2, count), (3, count)].map(|(k, n)| normals(k, n));
    let trials = matches!(family, Family::Binomial | Family::Probit).then(|| vec![12.0; count]);
    let dispersions = match family {
        Family::Student => [0.5, 5.0],
        _ => [2.0, 1.0],
    };
    let dispersions = if family == Family::Lognormal { [0.5, 1.0] } else { dispersions };
    let outcome = |i: usize| {
        let group = i / rows;
        let eta = change(0.8 + 0.3 * x[i] + 0.5 * effects[group], own[i], group);
        family.quantile(&dispersions, trials.as_ref().map_or(1.0, |trials| trials[i]), eta, deviates[i])
    };
    let outcome = (0..count).map(outcome).collect();
    let of = (0..count).map(|i| (i / rows) as u32).collect();
    let (dataset, mixed) = small(family, outcome, x.clone(), of, trials);
    Model::of_formula(Arc::new(dataset), Arc::new(mixed), Coordinates::of_terms(vec![Centering::Partial]), None)
}

fn sampled(model: Model, seed: u64) -> Sampled {
    let settings = Settings { chains: 4, warmup: 200, draws: 200, seed, ..Settings::default() };
    sample(Arc::new(model), settings, Arc::default()).unwrap()
}

fn checked(sampled: &Sampled) -> ResidualChecks {
    ResidualChecks::of(&Residuals::new(&DrawnVariables::of(sampled, DRAWS).unwrap()))
}

fn said(sampled: &Sampled) -> Vec<Advice> {
    checks::sentences(&sampled.model, &checked(sampled))
}

const SOUND: fn(f64, f64, usize) -> f64 = |eta, _, _| eta;

fn others() -> impl ParallelIterator<Item = Family> {
    Family::ALL.par_iter().copied().filter(|family| *family != Family::Gaussian)
}

/// p-values of sound models are uniform or nearer to 1/2 (Meng 1994), and nothing is said of them: 20 of each family.
#[test]
fn sound_models_of_every_family_are_left_alone() {
    others().for_each(|family| {
        let runs: Vec<(ResidualChecks, Vec<Advice>)> = (0..20u64)
            .into_par_iter()
            .map(|seed| {
                let run = sampled(simulated(family, 5000 + seed, SOUND), seed);
                (checked(&run), said(&run))
            })
            .collect();
        let alarms: Vec<&Vec<Advice>> = runs.iter().map(|(_, said)| said).filter(|said| !said.is_empty()).collect();
        assert!(alarms.is_empty(), "{family:?}: {alarms:?}");
        for k in 0..runs[0].0.statistics().len() {
            let p: Vec<f64> = runs.iter().map(|(checks, _)| checks.statistics()[k].p).collect();
            let name = &runs[0].0.statistics()[k].name;
            let beyond = p.iter().filter(|p| !(0.02..=0.98).contains(*p)).count();
            let mean = diagnostics::mean(&p);
            assert!(beyond <= 3 && (0.25..0.75).contains(&mean), "{family:?}, {name}: {beyond} of 20, mean {mean}");
        }
    });
}

/// Transforms of sound models are uniform, with ties broken at random.
#[test]
fn transforms_of_every_family_are_uniform() {
    others().for_each(|family| {
        let run = sampled(simulated(family, 71, SOUND), 7);
        let mut all = checks::transforms(&Residuals::new(&DrawnVariables::of(&run, DRAWS).unwrap()));
        all.sort_by(f64::total_cmp);
        let n = all.len() as f64;
        let apart = |(i, u): (usize, &f64)| (u - i as f64 / n).max((i + 1) as f64 / n - u);
        let distance = all.iter().enumerate().map(apart).fold(0.0, f64::max) * n.sqrt();
        // Of uniform numbers 1.63 has a chance of 0.01.
        assert!(distance < 1.63, "{family:?}: {distance}");
    });
}

#[test]
fn each_fault_of_a_family_is_found_by_its_own_check() {
    let more: fn(f64, f64, usize) -> f64 = |eta, own, _| eta + 0.6 * own;
    let in_one: fn(f64, f64, usize) -> f64 = |eta, own, group| if group == 3 { eta + 4.0 * own } else { eta };
    let skewed: fn(f64, f64, usize) -> f64 = |eta, own, _| eta + 2.0 * own * own;
    let cases = [
        (Family::Poisson, more, "overdispersion"),
        (Family::Binomial, more, "overdispersion"),
        (Family::Probit, more, "overdispersion"),
        (Family::Lognormal, in_one, "noise-by-level"),
        (Family::Lognormal, skewed, "family-shape"),
    ];
    cases.into_par_iter().for_each(|(family, change, kind)| {
        for seed in 0..5 {
            let found = said(&sampled(simulated(family, 6000 + seed, change), seed));
            let kinds: Vec<&str> = found.iter().map(|advice| advice.kind).collect();
            assert_eq!(kinds, [kind], "{family:?}, {seed}");
        }
    });
}

/// The proposals of checks, applied to what raises them.
#[test]
fn another_family_mends_what_it_is_proposed_for() {
    let folder = Folder::new();
    let sleep = root().join("tests/cases/01-sleepstudy.csv").display().to_string();
    let cases = [
        ("overdispersion", format!("--data {FAMILIES}/epil.csv --formula y~lbase*trt+lage+V4+(1|subject)"), "poisson"),
        ("heavy-tails", format!("--data {sleep} --formula Reaction~Days+(1+Days|Subject)"), "gaussian"),
    ];
    for (kind, line, family) in cases {
        let run = |family: &str, out: &str| {
            done(&folder, &format!("sample {line} --family {family} --no-report --quiet --out {out}"));
            let warnings = summary(&folder, out)["warnings"].as_array().unwrap().clone();
            let of_checks = ["overdispersion", "underdispersion", "heavy-tails", "family-shape", "noise-by-level"];
            let is_of_checks = |warning: &serde_json::Value| of_checks.contains(&warning["kind"].as_str().unwrap());
            warnings.into_iter().filter(is_of_checks).collect::<Vec<_>>()
        };
        let found = run(family, &format!("{kind}-1"));
        let [warning] = &found[..] else { panic!("{kind}: {found:?}") };
        assert_eq!(warning["kind"], kind);
        let better = warning["proposals"][0].as_str().unwrap().strip_prefix("--family ").unwrap();
        assert!(warning["remedy"].as_str().unwrap().contains(&format!("use --family {better}")), "{warning}");
        let left = run(better, &format!("{kind}-2"));
        assert!(left.is_empty(), "{better} leaves {left:?}");
    }
}

/// Frequencies add up to the rows, of the data and of replicates; shares are about what is expected of a sound model.
#[test]
fn frequencies_and_shares_are_those_of_the_rows() {
    let counts = sampled(simulated(Family::Poisson, 81, SOUND), 8);
    let variables = DrawnVariables::of(&counts, DRAWS).unwrap();
    let bars = checks::frequencies(&Residuals::new(&variables));
    assert_eq!(bars.iter().map(|bar| bar.rows).sum::<usize>(), 300);
    let middle: f64 = bars.iter().map(|bar| bar.replicated[1]).sum();
    assert!((middle - 300.0).abs() < 15.0, "{middle}");
    assert!(bars.iter().zip(0..).all(|(bar, i)| bar.outcomes == [f64::from(i); 2]));
    let zeros = counts.model.dataset().outcome().iter().filter(|count| **count == 0.0).count();
    assert_eq!(bars[0].rows, zeros);
    let trials = sampled(simulated(Family::Binomial, 82, SOUND), 8);
    let variables = DrawnVariables::of(&trials, DRAWS).unwrap();
    let bins = checks::shares(&Residuals::new(&variables));
    assert_eq!((bins.len(), bins.iter().map(|bin| bin.rows).sum::<usize>()), (15, 300));
    let all: f64 = bins.iter().map(|bin| bin.observed).sum::<f64>() / 15.0;
    let truth = trials.model.dataset().outcome().iter().sum::<f64>() / (12.0 * 300.0);
    assert!((all - truth).abs() < 1e-12, "{all} {truth}");
    assert!(bins.windows(2).all(|pair| pair[0].expected <= pair[1].expected));
    let outside = bins.iter().filter(|bin| bin.observed < bin.replicated[0] || bin.observed > bin.replicated[2]);
    assert!(outside.count() <= 4, "{bins:?}");
}

#[test]
fn the_page_draws_counts_and_shares() {
    let folder = Folder::new();
    for (line, figure, column, rows) in [
        ("epil.csv --family negbinomial --formula y~lbase+(1|subject)", "check-frequencies", 2, 236.0),
        ("cbpp.csv --family binomial --formula incidence|trials(size)~1+(1|herd)", "check-shares", 5, 56.0),
    ] {
        let page = pages::run(&folder, &format!("sample --data {FAMILIES}/{line} --chains 4 --draws 300"));
        let found = open(&page, &Look::default());
        for id in [figure, "check-transforms", "check-statistics", "check-levels", "check-residuals"] {
            let drawn = pages::figure(&found, id);
            assert!(drawn["shapes"].as_u64().unwrap() >= 3 && drawn["broken"] == 0, "{id}: {drawn}");
            assert_eq!((&drawn["too_wide"], &drawn["svg_is_whole"]), (&false.into(), &true.into()), "{id}");
        }
        let csv = pages::figure(&found, figure)["csv"].as_str().unwrap().to_string();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let number = |record: csv::StringRecord| record[column].parse::<f64>().unwrap();
        assert_eq!(reader.records().map(|record| number(record.unwrap())).sum::<f64>(), rows, "{csv}");
        std::fs::remove_dir_all(folder.path("out")).unwrap();
    }
}
