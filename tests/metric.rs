//! The low-rank part of the metric: its steps against those in whitened coordinates, what is learnt against the
//! covariance that is right, and what it is good for.

use std::sync::Arc;

use warpnuts::engine::{Phase, PhaseKind, SnapshotPlan};
use warpnuts::experiment::{MetricShape, Settings, sample};
use warpnuts::family::Family;
use warpnuts::nuts::eigenvectors::{Snapshots, learn};
use warpnuts::nuts::{Correction, Halving, Kernel, LowRank, Transition, Tuning, Walnuts};
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::RunSummary;

use crate::helpers::chance;
use crate::helpers::common::Folder;
use crate::helpers::formulas;
use crate::helpers::recursion::{dot, run, state};

/// The number of coordinates of a crooked density.
const DIM: usize = 11;

/// Orthonormal eigenvectors, with eigenvalues above and below 1.
pub fn some_eigenvectors(dim: usize, rank: usize) -> LowRank {
    let mut eigenvectors: Vec<Vec<f64>> = Vec::new();
    for number in 0..rank as u32 {
        let mut vector = vec![0.0; dim];
        StreamKey { seed: 77, chain: number, transition: 0 }.normals(Purpose::Stream, &mut vector);
        for other in &eigenvectors {
            let along = dot(&vector, other);
            vector.iter_mut().zip(other).for_each(|(entry, other)| *entry -= along * other);
        }
        let length = dot(&vector, &vector).sqrt();
        eigenvectors.push(vector.into_iter().map(|entry| entry / length).collect());
    }
    let eigenvalue = |number| if number % 2 == 0 { 2.0 } else { 0.5 };
    LowRank { eigenvectors: eigenvectors.concat(), eigenvalues: (0..rank).map(eigenvalue).collect() }
}

/// F v, or F' v, of a metric.
fn by_root(scale: &[f64], low_rank: &LowRank, v: &[f64], transposed: bool) -> Vec<f64> {
    let scaled = |v: &[f64]| -> Vec<f64> { v.iter().zip(scale).map(|(v, s)| v * s).collect() };
    let mut product = if transposed { scaled(v) } else { v.to_vec() };
    let before = product.clone();
    for (vector, eigenvalue) in low_rank.iter() {
        let along = (eigenvalue.sqrt() - 1.0) * dot(vector, &before);
        product.iter_mut().zip(vector).for_each(|(entry, u)| *entry += along * u);
    }
    if transposed { product } else { scaled(&product) }
}

/// A density whose coordinates hang together, with tails that are not normal.
fn crooked(position: &[f64], gradient: &mut [f64]) -> f64 {
    let mut log_density = 0.0;
    gradient.fill(0.0);
    for i in 0..position.len() {
        let before = if i == 0 { 0.0 } else { position[i - 1] };
        let apart = position[i] - 0.9 * before;
        log_density -= (1.0 + apart * apart).ln() + 0.05 * position[i] * position[i];
        let slope = -2.0 * apart / (1.0 + apart * apart);
        gradient[i] += slope - 0.1 * position[i];
        if i > 0 {
            gradient[i - 1] -= 0.9 * slope;
        }
    }
    log_density
}

/// Compares transitions of two kernels, under metrics of several ranks and in whitened coordinates; returns the number
/// of draws whose step was halved.
fn compare<K: Kernel>(kernel: impl Fn() -> K, tolerance: f64) -> usize {
    let mut halved = 0;
    for rank in [1, 4, DIM] {
        let scale: Vec<f64> = (0..DIM).map(|i| 0.3 * 1.2f64.powi(i as i32)).collect();
        let low_rank = some_eigenvectors(DIM, rank);
        let mut whitened = |z: &[f64], gradient: &mut [f64]| {
            let mut there = vec![0.0; DIM];
            let log_density = crooked(&by_root(&scale, &low_rank, z, false), &mut there);
            gradient.copy_from_slice(&by_root(&scale, &low_rank, &there, true));
            log_density
        };
        let (mut ours, mut theirs) = (kernel(), kernel());
        let tuning = |scale| Tuning { tolerance, ..Tuning::new(scale, 1.0, 8) };
        ours.configure(&Tuning { correction: Correction::new(&low_rank), ..tuning(scale.clone()) });
        theirs.configure(&tuning(vec![1.0; DIM]));
        let mut z = vec![0.1; DIM];
        let mut moved = 0;
        for transition in 0..200 {
            let key = StreamKey { seed: 4, chain: 1, transition };
            let from = by_root(&scale, &low_rank, &z, false);
            let here = run(&mut ours, &mut crooked, key, &state(&from, &mut crooked), 0.3);
            let start = state(&z, &mut whitened);
            let there = run(&mut theirs, &mut whitened, key, &start, 0.3);
            assert_eq!((here.tree_depth, here.n_steps), (there.tree_depth, there.n_steps), "{rank}, {transition}");
            assert!((here.energy - there.energy).abs() < 1e-8, "{rank}, {transition}");
            z = theirs.sample().position.to_vec();
            let expected = by_root(&scale, &low_rank, &z, false);
            for (found, expected) in ours.sample().position.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-8, "{rank}, {transition}: {found} {expected}");
            }
            moved += usize::from(here.n_steps > 1);
            halved += usize::from(here.halvings > 0);
        }
        assert!(moved > 150);
    }
    halved
}

#[test]
fn transitions_are_those_of_whitened_coordinates() {
    assert_eq!(compare(|| Transition::new(DIM, 8), f64::INFINITY), 0);
    assert!(compare(|| Transition::over(Walnuts::new(DIM, Halving::Random), DIM, 8), 0.05) > 50);
}

/// Of a normal distribution every eigenvector is kept whose eigenvalue is far from 1, and no other.
#[test]
fn what_is_learnt_of_a_normal_distribution_is_its_covariance() {
    const DIM: usize = 14;
    const DRAWS: usize = 1000;
    const PHI: f64 = 0.8;
    // An autoregression, in which the first coordinates have other units.
    let units: Vec<f64> = (0..DIM).map(|i| if i < 4 { 50.0 } else { 0.02 }).collect();
    let mut states = Snapshots::default();
    for draw in 0..DRAWS as u32 {
        let mut x = vec![0.0; DIM];
        StreamKey { seed: 5, chain: 0, transition: draw }.normals(Purpose::Stream, &mut x);
        for i in 1..DIM {
            x[i] = PHI * x[i - 1] + (1.0 - PHI * PHI).sqrt() * x[i];
        }
        let slope = |i: usize| {
            let innovation = |i: usize| if i == 0 { x[0] } else { (x[i] - PHI * x[i - 1]) / (1.0 - PHI * PHI) };
            -innovation(i) + if i + 1 < DIM { PHI * innovation(i + 1) } else { 0.0 }
        };
        let gradient: Vec<f64> = (0..DIM).map(|i| slope(i) / units[i]).collect();
        let position: Vec<f64> = (0..DIM).map(|i| 3.0 + units[i] * x[i]).collect();
        states.add(&position, &gradient);
    }
    let covariance = |i: usize, j: usize| PHI.powi(i.abs_diff(j) as i32);
    let learnt = learn(&units, &states, DIM);
    assert!((6..DIM).contains(&learnt.rank()), "{}", learnt.rank());
    let variance = |v: &[f64]| -> f64 {
        (0..DIM).map(|i| (0..DIM).map(|j| v[i] * covariance(i, j) * v[j]).sum::<f64>()).sum::<f64>() / dot(v, v)
    };
    for (number, (vector, eigenvalue)) in learnt.iter().enumerate() {
        // Five draws of the prior among a thousand.
        assert!((variance(vector) / eigenvalue - 1.0).abs() < 0.05, "{eigenvalue}");
        for (other, (another, _)) in learnt.iter().enumerate() {
            let expected = if number == other { 1.0 } else { 0.0 };
            assert!((dot(vector, another) - expected).abs() < 1e-10);
        }
    }
    for transition in 0..50 {
        let mut rest = vec![0.0; DIM];
        StreamKey { seed: 6, chain: 0, transition }.normals(Purpose::Stream, &mut rest);
        for (vector, _) in learnt.iter() {
            let along = dot(&rest, vector);
            rest.iter_mut().zip(vector).for_each(|(rest, u)| *rest -= along * u);
        }
        assert!((1.0 / 1.6..1.6).contains(&variance(&rest)), "{}", variance(&rest));
    }
    let few = learn(&units, &states, 2);
    assert_eq!(few.eigenvalues[..], learnt.eigenvalues[..2]);
    assert!(learn(&units, &Snapshots::default(), DIM).eigenvalues.is_empty());
    // What is not finite teaches nothing.
    states.add(&[f64::NAN; DIM], &[0.0; DIM]);
    assert!(learn(&units, &states, DIM).eigenvalues.is_empty());
}

#[test]
fn snapshots_of_a_phase_are_evenly_spaced() {
    for (transitions, each) in [(570, 63), (10, 3), (10, 10), (7, 50), (5, 1)] {
        let phase = Phase {
            transitions,
            tuning: Tuning::new(Vec::new(), 1.0, 1),
            adapt: None,
            part: PhaseKind::Warmup { recorded: false },
            thin: 1,
            snapshots: SnapshotPlan { chains: 3, each },
        };
        let places: Vec<u32> = (1..=transitions).filter(|made| phase.has_snapshot(2, *made)).collect();
        let count = each.min(transitions);
        assert_eq!(places, (1..=count).map(|i| phase.place_of_snapshot(i)).collect::<Vec<_>>());
        assert_eq!((places.len() as u32, places.last().copied()), (count, Some(transitions)));
        let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
        let (least, most) = (gaps.clone().min().unwrap_or(0), gaps.max().unwrap_or(0));
        assert!(most - least <= 1, "{places:?}");
        assert!((1..=transitions).all(|made| !phase.has_snapshot(3, made)));
    }
    assert_eq!(SnapshotPlan::about(1000, 16), SnapshotPlan { chains: 16, each: 63 });
    assert_eq!(SnapshotPlan::about(1000, 4096), SnapshotPlan { chains: 1000, each: 1 });
}

/// Interactions whose columns are far from orthogonal, and an intercept and a slope of each subject that hang together:
/// of these models a diagonal metric makes 14 and 38 effective draws of 1,000 leapfrogs, a low-rank one 175 and 110.
#[test]
fn correlations_cost_nothing_and_the_posterior_is_the_same() {
    let pigs = ("tests/cases/28-dietox.csv", "Weight ~ Time * Cu * Evit + (Time | Pig)", Family::Gaussian, "marginal");
    let sleep = ("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (Days | Subject)", Family::Student, "centered");
    for ((file, formula, family, typed), gain) in [(pigs, 5.0), (sleep, 1.5)] {
        let of = formulas::of_family(file, usize::MAX, formula, family, &[], |_, _| {});
        let model = Arc::new(formulas::model(&of, typed));
        let run_with = |metric, seed| {
            let settings = Settings { chains: 8, warmup: 600, draws: 500, seed, metric, ..Settings::default() };
            sample(model.clone(), settings, Arc::default()).unwrap()
        };
        let [diagonal, low_rank] =
            [run_with(MetricShape::Diagonal, 1), run_with(MetricShape::LowRank, 2)].map(|sampled| {
                let rank = sampled.run.low_rank.rank();
                (RunSummary::of(&sampled), rank, sampled.run.gradients[1] as f64)
            });
        assert!(diagonal.1 == 0 && low_rank.1 > 5, "{formula}: {} {}", diagonal.1, low_rank.1);
        let rate = |of: &(RunSummary, usize, f64)| {
            let sizes = of.0.parameters.0.iter().map(|parameter| parameter.summary.ess_bulk);
            sizes.fold(f64::INFINITY, f64::min) / of.2
        };
        assert!(rate(&low_rank) > gain * rate(&diagonal), "{formula}: {} {}", rate(&low_rank), rate(&diagonal));
        let rows = diagonal.0.parameters.0.iter().zip(&low_rank.0.parameters.0);
        let scores = rows.map(|(a, b)| {
            let (a, b) = (&a.summary, &b.summary);
            (a.mean - b.mean) / a.mcse_mean.hypot(b.mcse_mean)
        });
        let largest = scores.fold(0.0, |most: f64, score| most.max(score.abs()));
        assert!(largest < chance::largest(2 * low_rank.0.parameters.0.len()), "{formula}: {largest}");
    }
}

#[test]
fn a_metric_that_has_no_meaning_is_refused() {
    let folder = Folder::new();
    for (line, parts) in [
        (
            "sample --sampler riemannian --parameterization centered --metric low-rank",
            ["--metric low-rank", "leave one of the two out"],
        ),
        ("sample --sampler independent --metric diagonal", ["--metric is about chains", "--sampler nuts"]),
        ("sample --metric diagonal --metric-from earlier", ["--metric-from", "--metric <METRIC>"]),
    ] {
        let ran = folder.run(line);
        assert_eq!(ran.code, 2, "{line}");
        assert!(parts.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);
    } // Of as many coordinates, but of another formula.
    let data = "sample --no-report --warmup 60 --draws 5 --chains 2";
    let earlier = folder.run(&format!("{data} --formula log_radon~floor+(1|county) --out earlier"));
    assert!(earlier.code != 2, "{}", earlier.stderr);
    let ran = folder.run(&format!("{data} --formula log_radon~log(Uppm)+(1|county) --metric-from earlier --out later"));
    let lines = ["log_radon ~ 1 + floor + (1 | county)", "log_radon ~ 1 + log(Uppm) + (1 | county)"];
    assert!(ran.code == 2 && lines.iter().all(|line| ran.stderr.contains(line)), "{}", ran.stderr);
    assert!(!folder.path("later").exists());
}
