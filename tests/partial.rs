//! Partially centered effects: their density against that of offsets, the weights against those that are right, and
//! what they are good for.

use std::sync::Arc;
use std::time::Duration;

use warpnuts::data::{Dataset, Factor, FileRows};
use warpnuts::engine::Progress;
use warpnuts::experiment::{Backend, Interrupted, Keeping, Settings, resume, sample, sample_into};
use warpnuts::family::Family;
use warpnuts::model::{Centering, CenteringWeights, Coordinates, Mixed, MixedPriors, MixedTerm, Model, Spread};
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::RunSummary;

use crate::families::{FAMILIES, small};
use crate::helpers::chance;
use crate::helpers::common::Folder;
use crate::helpers::formulas;
use crate::helpers::running::kill;
use crate::helpers::stored::{done, same_bytes, shards_are_the_whole};
use crate::mixed::{apart, evaluate};

/// Lambda of each term at a position.
fn factors(model: &Model, theta: &[f64]) -> Vec<Vec<f64>> {
    let map = model.layout().mixed().unwrap();
    let mut values = vec![0.0; map.hyperparameters()];
    map.values(theta, &mut values);
    let factor = |term: &warpnuts::model::TermMap| {
        let mut factor = vec![0.0; term.columns * term.columns];
        term.factor(&values, &mut factor);
        factor
    };
    map.terms.iter().map(factor).collect()
}

/// At any position the density is that of the offsets there, times the derivative of the offsets.
#[test]
fn the_density_is_that_of_offsets_moved() {
    let pastes = "tests/cases/27-pastes.csv";
    let models = [
        ("tests/cases/15b-hsb82.csv", "mAch ~ meanses * cses + sector + (1 + cses | school)", vec![1, 2, 4, 0]),
        ("tests/cases/15b-hsb82.csv", "mAch ~ cses + (1 + cses + meanses | school) + (0 + cses || sector)", vec![]),
        (pastes, "strength ~ 1 + (1 | batch/cask)", vec![]),
        ("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 | Subject) + (1 | Days)", vec![1]),
    ];
    for (file, formula, predictors) in models {
        let of = formulas::read(file, formula, &[]);
        let (partial, offsets) = (formulas::model(&of, "partial"), formulas::model(&of, "non-centered"));
        let terms = &partial.layout().mixed().unwrap().terms;
        let found: Vec<usize> = terms
            .iter()
            .flat_map(|term| term.partial.as_ref().unwrap().predictors.iter().map(|predictor| predictor.coefficient))
            .collect();
        // Of the interaction also what its center moves the intercept by.
        assert_eq!(found.len(), predictors.len(), "{formula}: {found:?}");
        for transition in 0..4 {
            let mut theta = vec![0.0; partial.dim()];
            StreamKey { seed: 31, chain: 0, transition }.normals(Purpose::Stream, &mut theta);
            theta.iter_mut().for_each(|entry| *entry *= 0.7);
            let (mut named, mut moved) = (vec![0.0; partial.layout().dim()], vec![0.0; offsets.dim()]);
            partial.constrain(&theta, &mut named);
            offsets.unconstrain(&named, &mut moved);
            let (value, _) = evaluate(&partial, &theta);
            let (truth, _) = evaluate(&offsets, &moved);
            let log_derivative: f64 = terms
                .iter()
                .zip(factors(&partial, &theta))
                .zip(&partial.weights().0)
                .flat_map(|((term, factor), weights)| {
                    let log = |c: usize| factor[c * term.columns + c].ln();
                    (0..weights.len()).map(move |at| -weights[at] * log(at / term.levels)).collect::<Vec<f64>>()
                })
                .sum();
            assert!(log_derivative.abs() > 0.1);
            let truth = truth + log_derivative;
            assert!(apart(value, truth) < 1e-9, "{formula}: {value} {truth}");
        }
    }
}

/// Weights of 0 and 1 are the other two parameterizations.
#[test]
fn weights_of_0_and_1_are_non_centered_and_centered() {
    let of = formulas::read("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", &[]);
    for (weight, typed) in [(0.0, "non-centered"), (1.0, "centered")] {
        let other = formulas::model(&of, typed);
        let partial = formulas::model(&of, "partial").with_weights(CenteringWeights(vec![vec![weight; 36]]));
        let mut theta = vec![0.0; partial.dim()];
        StreamKey { seed: 32, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
        let ((value, gradient), (truth, by)) = (evaluate(&partial, &theta), evaluate(&other, &theta));
        assert!(apart(value, truth) < 1e-12, "{typed}: {value} {truth}");
        for (derivative, truth) in gradient.iter().zip(&by) {
            assert!(apart(*derivative, *truth) < 1e-10, "{typed}: {derivative} {truth}");
        }
    }
}

/// `y ~ 1 + (1 | school) + (1 | class)` with so many pupils in the classes.
fn pupils(schools: usize, sizes: &[usize], [of_school, of_class, noise]: [f64; 3]) -> Model {
    let classes = schools * sizes.len();
    let mut normals = vec![0.0; schools + classes + schools * sizes.iter().sum::<usize>()];
    StreamKey { seed: 33, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let (effects, noises) = normals.split_at(schools + classes);
    let (mut outcome, mut school, mut class) = (Vec::new(), Vec::new(), Vec::new());
    for j in 0..classes {
        for _ in 0..sizes[j % sizes.len()] {
            let effect = of_school * effects[j / sizes.len()] + of_class * effects[schools + j];
            outcome.push(effect + noise * noises[outcome.len()]);
            school.push((j / sizes.len()) as u32);
            class.push(j as u32);
        }
    }
    let factor = |name: &str, of: Vec<u32>, count: usize| Factor {
        name: name.to_string(),
        levels: (0..count).map(|level| format!("{name} {level:03}")).collect(),
        of,
    };
    let factors = vec![factor("school", school, schools), factor("class", class, classes)];
    let term = |factor| MixedTerm { factor, columns: vec![0], spread: Spread::Independent };
    let terms = vec![term(0), term(1)];
    let file = FileRows { rows: (0..outcome.len()).collect(), ..FileRows::default() };
    let dataset = Dataset::of_formula(file, ("y".into(), outcome), Vec::new(), factors).unwrap();
    let priors = MixedPriors::for_data(&dataset, Family::Gaussian, &[0], &terms);
    let mixed = Mixed::new("y ~ 1 + (1 | school) + (1 | class)".into(), vec![0], terms, priors);
    let coordinates = Coordinates::of_terms(vec![Centering::Partial; 2]);
    Model::of_formula(Arc::new(dataset), Arc::new(mixed), coordinates, None)
}

/// Given the sds, which many levels determine, weights are known: for classes s^2 / (s^2 + noise^2 / n), and for
/// schools the same with the variances of the classes' means.
#[test]
fn weights_are_what_the_rows_say() {
    let sizes = [1, 4, 40];
    let model = Arc::new(pupils(150, &sizes, [0.7, 1.0, 2.0]));
    let settings = Settings { chains: 4, warmup: 300, draws: 300, ..Settings::default() };
    let sampled = sample(model, settings, Arc::default()).unwrap();
    let rows = &RunSummary::of(&sampled).parameters.0;
    let [of_school, of_class, noise] = [1, 2, 3].map(|i| rows[i].summary.mean);
    let learnt = sampled.model.weights().clone();
    let weight = |s: f64, information: f64| s * s * information / (1.0 + s * s * information);
    let means = sizes.map(|n| of_class.powi(2) + noise.powi(2) / n as f64);
    let of_schools = weight(of_school, means.iter().map(|variance| 1.0 / variance).sum());
    let [schools, classes] = &learnt.0[..] else { panic!("{learnt:?}") };
    let mean = |weights: &mut dyn Iterator<Item = f64>| {
        let all: Vec<f64> = weights.collect();
        all.iter().sum::<f64>() / all.len() as f64
    };
    let found = mean(&mut schools.iter().copied());
    assert!((found - of_schools).abs() < 0.06, "{found}, not {of_schools}");
    for (place, n) in sizes.iter().enumerate() {
        let found = mean(&mut classes.iter().copied().skip(place).step_by(3));
        let truth = weight(of_class, *n as f64 / noise.powi(2));
        assert!((found - truth).abs() < 0.06, "{n} pupils: {found}, not {truth}");
    }
}

/// With four levels the logarithm of their sd varies much whatever it is: effects are centered where rows say much even
/// if it is small, and stay offsets where it may be 0.
#[test]
fn few_levels_are_centered_unless_their_sd_may_be_zero() {
    let mut normals = vec![0.0; 200];
    StreamKey { seed: 34, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let of: Vec<u32> = (0..200).map(|i| i % 4).collect();
    let x: Vec<f64> = (0..200).map(|i| f64::from(i % 7)).collect();
    let weights = |effects: [f64; 4], noise: f64| {
        let outcome = (0..200).map(|i| effects[i % 4] + noise * normals[i]).collect();
        let (dataset, mixed) = small(Family::Gaussian, outcome, x.clone(), of.clone(), None);
        let coordinates = Coordinates::of_terms(vec![Centering::Partial]);
        let model = Arc::new(Model::of_formula(Arc::new(dataset), Arc::new(mixed), coordinates, None));
        let settings = Settings { chains: 4, warmup: 300, draws: 300, ..Settings::default() };
        let sampled = sample(model, settings, Arc::default()).unwrap();
        (sampled.model.weights().0[0].clone(), RunSummary::of(&sampled).divergences)
    };
    let (firm, divergences) = weights([-1.0, 0.2, 0.9, 0.4], 0.1);
    assert!(firm.iter().all(|weight| *weight > 0.95) && divergences <= 2, "{firm:?}, {divergences}");
    let (loose, _) = weights([0.0; 4], 2.0);
    assert!(loose.iter().all(|weight| *weight == 0.0), "{loose:?}");
}

/// For counts with predictors of subjects, both other parameterizations need several times the gradients.
#[test]
fn partially_centered_effects_need_fewer_gradients() {
    let of = formulas::of_family(
        "tests/families/epil.csv",
        usize::MAX,
        "y ~ lbase * trt + lage + V4 + (1 | subject)",
        Family::Poisson,
        &[],
        |_, _| {},
    );
    let run = |centering| {
        let model = Model::of_formula(of.0.clone(), of.1.clone(), Coordinates::of_terms(vec![centering]), None);
        let settings = Settings { chains: 4, warmup: 400, draws: 1000, ..Settings::default() };
        let sampled = sample(Arc::new(model), settings, Arc::default()).unwrap();
        let summary = RunSummary::of(&sampled);
        let least = summary.parameters.0.iter().map(|row| row.summary.ess_bulk).fold(f64::MAX, f64::min);
        (least / sampled.run.gradients[1] as f64, summary)
    };
    let [(partial, here), (centered, _), (offsets, there)] =
        [Centering::Partial, Centering::Centered, Centering::NonCentered].map(run);
    assert!(partial > 4.0 * centered && partial > 4.0 * offsets, "{partial} {centered} {offsets}");
    for (a, b) in here.parameters.0.iter().zip(&there.parameters.0) {
        let z = (a.summary.mean - b.summary.mean) / a.summary.mcse_mean.hypot(b.summary.mcse_mean);
        assert!(z.abs() < chance::largest(here.parameters.0.len()), "{}: {z}", a.name);
    }
}

/// Weights are in the store: a run is resumed with its own, and shards have those of the run whose metric they take.
#[test]
fn runs_are_resumed_and_joined_with_their_weights() {
    let folder = Folder::new();
    let of = format!("--data {FAMILIES}/salamanders.csv --family poisson --formula count~mined+(1|site)");
    let line = format!("sample {of} --quiet --no-report --chains 4 --warmup 100 --draws 1000");
    done(&folder, &format!("{line} --threads 1 --out whole"));
    let attributes = std::fs::read_to_string(folder.path("whole/draws.zarr/zarr.json")).unwrap();
    assert!(attributes.contains("centering_weights"));
    done(&folder, &format!("{line} --threads 2 --out threads"));
    same_bytes(&folder, "whole", "threads");
    kill(&folder, &format!("{line} --checkpoint-every 0.01 --out killed"), "draws 300");
    done(&folder, "sample --resume killed --quiet --no-report");
    same_bytes(&folder, "whole", "killed");
    // Another seed learns other weights, unless it takes a metric.
    let frozen = format!("{line} --seed 2 --metric-from whole");
    shards_are_the_whole(&folder, &frozen);
    let refused = folder.run("compare --parameterizations centered,partial");
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("`partial` is for the terms of a --formula"), "{}", refused.stderr);
}

/// A run that is stopped while its weights are learnt goes on to the bytes of one that was not.
#[test]
fn a_run_that_is_stopped_before_it_has_weights_is_resumed_with_them() {
    let of = formulas::of_family(
        "tests/families/salamanders.csv",
        usize::MAX,
        "count ~ mined + (1 | site)",
        Family::Poisson,
        &[],
        |_, _| {},
    );
    let coordinates = Coordinates::of_terms(vec![Centering::Partial]);
    let model = Arc::new(Model::of_formula(of.0, of.1, coordinates, None));
    let settings = Settings { chains: 4, warmup: 60, draws: 100, ..Settings::default() };
    let folder = Folder::new();
    let begin = |name: &str, progress: Arc<Progress>| {
        std::fs::create_dir(folder.path(name)).unwrap();
        let keeping = Keeping { folder: &folder.path(name), interval: Duration::MAX };
        sample_into(&keeping, &Backend::Cpu, model.clone(), settings, None, progress).unwrap()
    };
    begin("whole", Arc::default());
    let progress = Arc::new(Progress::default());
    let stopped = Arc::downgrade(&progress);
    progress.call_at(20, move || stopped.upgrade().unwrap().stop());
    let run = begin("stopped", progress);
    assert!(run.interrupted && run.model.weights().is_empty());
    let goes_on = Interrupted::read(&folder.path("stopped")).unwrap();
    let keeping = Keeping { folder: &folder.path("stopped"), interval: Duration::MAX };
    let run = resume(&keeping, &Backend::Cpu, goes_on, Arc::default()).unwrap();
    assert!(!run.interrupted && !run.model.weights().is_empty());
    same_bytes(&folder, "whole", "stopped");
}
