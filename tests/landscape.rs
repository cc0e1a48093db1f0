//! Posteriors with several modes: all are found and weighed, chains start where the mass is, other draws are flagged.

use std::path::Path;
use std::sync::Arc;

use warpnuts::data::{Centring, Columns, Dataset};
use warpnuts::draws::{Draws, Memory, Precision};
use warpnuts::engine::{DrawBlock, DrawSink, Progress};
use warpnuts::exact::Exact;
use warpnuts::experiment::{Keep, Sampled, Settings, sample};
use warpnuts::mode::Landscape;
use warpnuts::model::{Coordinates, Model, PriorScales};
use warpnuts::nuts::Statistics;
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::RunSummary;

use crate::helpers::chance;

fn model(dataset: Dataset, parameterization: &str) -> Arc<Model> {
    let dataset = Arc::new(dataset);
    let parameterization = Coordinates::parse(parameterization, dataset.predictor_names()).unwrap();
    let priors = PriorScales::for_data(&dataset);
    Arc::new(Model::builder(dataset).priors(priors).coordinates(parameterization).build())
}

/// Investments of ten firms over twenty calendar years, not centred: in one mode all slopes are equal.
fn grunfeld() -> Dataset {
    let columns = Columns { group: "firm".into(), outcome: "inv".into(), predictors: vec!["year".into()] };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/36-grunfeld.csv");
    Dataset::from_path(&path, &columns).unwrap()
}

/// Groups whose random lines cross far from zero.
fn trends(seed: u64, groups: usize, rows: usize, origin: f64) -> Dataset {
    let mut normals = vec![0.0; groups * (rows + 2)];
    StreamKey { seed, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let (effects, noise) = normals.split_at(2 * groups);
    let labels: Vec<String> = (0..groups * rows).map(|i| format!("g{}", i / rows)).collect();
    let x = |i: usize| (i % rows) as f64 - 0.5 * (rows - 1) as f64;
    let y = |i: usize| {
        20.0 + 4.0 * effects[2 * (i / rows)] + (1.0 + 0.4 * effects[2 * (i / rows) + 1]) * x(i) + 2.0 * noise[i]
    };
    let all = 0..groups * rows;
    let (y, x) = (all.clone().map(y).collect(), all.map(|i| origin + x(i)).collect());
    Dataset::from_columns("trends", "g", "y", &["x"], &labels, y, vec![x]).unwrap()
}

#[test]
fn grunfelds_second_mode_is_found_and_weighs_next_to_nothing() {
    let model = model(grunfeld(), "non-centered");
    let landscape = Landscape::of(&model);
    assert_eq!(landscape.peaks.len(), 2, "{landscape:?}");
    let [large, small] = [0, 1].map(|i| &landscape.peaks[i].named);
    // sigma_b and eps.
    assert!((10.0..16.0).contains(&large[3]) && (60.0..72.0).contains(&large[4]), "{large:?}");
    assert!((0.05..0.2).contains(&small[3]) && (90.0..105.0).contains(&small[4]), "{small:?}");
    assert!(landscape.share(0) > 0.999 && landscape.is_negligible(1) && !landscape.is_negligible(0));
}

#[test]
fn every_parameterization_samples_where_the_mass_is() {
    let exact = Exact::of(&model(grunfeld(), "marginal")).unwrap();
    for parameterization in ["marginal", "non-centered", "centered"] {
        let settings = Settings { chains: 8, warmup: 500, draws: 1000, keep: Keep::Hyper, ..Settings::default() };
        let sampled = sample(model(grunfeld(), parameterization), settings, Arc::new(Progress::default())).unwrap();
        let summary = RunSummary::of(&sampled);
        let row = summary.parameters.get("sigma_b").unwrap();
        let z = (row.mean - exact.mean(3)) / row.mcse_mean;
        let right = z.abs() < chance::largest(3) && row.mean > 10.0;
        println!("{parameterization}: {} after {z:.1}, {:?}", row.mean, summary.warnings);
        assert!(right || !summary.is_trustworthy(), "{parameterization}: a clean bill on {}", row.mean);
        assert!(parameterization != "marginal" || (right && summary.is_trustworthy()), "{:?}", summary.warnings);
    }
}

#[test]
fn draws_in_a_mode_without_mass_are_never_blessed() {
    let model = model(grunfeld(), "marginal");
    let settings = Settings { chains: 8, warmup: 300, draws: 500, keep: Keep::Hyper, ..Settings::default() };
    let sound = sample(model.clone(), settings, Arc::new(Progress::default())).unwrap();
    assert!(RunSummary::of(&sound).is_trustworthy());
    let small = &sound.landscape().peaks[1];
    assert!(small.named[3] < 1.0);
    // The same run with other draws: independent draws around the minor mode, on which R-hat is perfect.
    let width = small.theta.len();
    let (chains, count) = (settings.chains as usize, settings.draws as usize);
    let mut normals = vec![0.0; chains * count * width];
    StreamKey { seed: 9, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let mut values = Vec::new();
    for step in normals.chunks_exact(width) {
        let theta: Vec<f64> = small.theta.iter().zip(step).map(|(mode, step)| mode + 0.05 * step).collect();
        let mut named = vec![0.0; width];
        model.constrain(&theta, &mut named);
        values.extend(named);
    }
    let mut memory = Memory::rounded(model, Precision::F64, width, chains, count);
    let statistics = vec![Statistics { energy: 1.0, ..Statistics::default() }; chains * count];
    let block = DrawBlock {
        warmup: false,
        chains,
        first_draw: 0,
        draws: count,
        values: &values,
        effects: None,
        statistics: &statistics,
    };
    memory.record(&block).unwrap();
    let astray = RunSummary::of(&Sampled { draws: Draws::Memory(memory), ..sound });
    assert!(astray.max_rhat.as_ref().unwrap().value < 1.01);
    let kinds: Vec<&str> = astray.warnings.iter().filter(|advice| advice.distrust).map(|advice| advice.kind).collect();
    assert_eq!(kinds, ["minor-mode"], "{:?}", astray.warnings);
    assert!(astray.modes[1].negligible && astray.modes[1].draws == 1.0, "{:?}", astray.modes);
}

#[test]
fn a_mode_that_only_the_draws_lead_to_counts() {
    let model = model(grunfeld(), "marginal");
    let all = Landscape::of(&model);
    let known = Landscape { peaks: vec![all.peaks[0].clone()] };
    let visits = known.visited(&model, [all.peaks[1].named.clone(), all.peaks[0].named.clone()].into_iter());
    assert_eq!((visits.landscape.peaks.len(), visits.shares), (2, vec![0.5, 0.5]));
    assert!(visits.landscape.is_negligible(1));
}

#[test]
fn ordinary_posteriors_have_one_mode_and_keep_their_starting_points() {
    for dataset in [Dataset::radon().unwrap(), grunfeld().centered(Centring::Far), trends(1, 8, 12, 0.0)] {
        let landscape = Landscape::of(&model(dataset, "marginal"));
        assert_eq!(landscape.peaks.len(), 1, "{landscape:?}");
        assert!(landscape.peaks[0].gradient < 1e-6);
    }
}

#[test]
fn the_mass_around_a_mode_is_nearly_the_evidence() {
    // Laplace's approximation of the evidence, up to the error from skewed scales.
    for dataset in [Dataset::radon().unwrap(), grunfeld(), trends(1, 8, 12, 0.0)] {
        let model = model(dataset, "marginal");
        let peak = &Landscape::of(&model).peaks[0];
        let constant = 0.5 * peak.theta.len() as f64 * std::f64::consts::TAU.ln();
        let evidence = Exact::of(&model).unwrap().log_evidence();
        let units = -(model.dataset().n_observations() as f64) * model.scaling().outcome_scale.ln();
        let apart = peak.log_mass + constant + units - evidence;
        println!("{}: {apart}", model.dataset().source());
        assert!(apart.abs() < 0.7, "{}: {apart}", model.dataset().source());
    }
}

#[test]
fn laplaces_masses_tell_the_exact_posteriors_mode() {
    // With zero far away there may be two modes; the mode of the exact posterior must have a large share of the mass.
    let mut split = 0;
    for seed in 0..3 {
        let model = model(trends(seed, 6, 10, 150.0), "marginal");
        let landscape = Landscape::of(&model);
        split += usize::from(landscape.is_split());
        let exact = Exact::of(&model).unwrap();
        let nearest = |i: usize| (landscape.peaks[i].named[3] / exact.summary()[3].q50).ln().abs();
        let closest = (0..landscape.peaks.len()).min_by(|a, b| nearest(*a).total_cmp(&nearest(*b))).unwrap();
        println!("seed {seed}: {} modes, share {:.3}", landscape.peaks.len(), landscape.share(closest));
        assert!(landscape.share(closest) > 0.3, "seed {seed}: {landscape:?}, exact {:?}", exact.summary()[3]);
    }
    assert!(split >= 1, "none of them is split");
}

#[test]
fn chains_start_in_modes_in_proportion_to_their_mass_whatever_their_numbers() {
    let model = model(grunfeld(), "marginal");
    let mut landscape = Landscape::of(&model);
    // Suppose that the second mode has a third of the mass.
    landscape.peaks[1].log_mass = landscape.peaks[0].log_mass - 2f64.ln();
    let mut effects = warpnuts::density::conditional::ConditionalEffects::new(&model);
    for first in [0, 1000, 77_777] {
        let near_small = (first..first + 300).filter(|chain| {
            let mut theta = vec![0.0; model.dim()];
            landscape.start(&model, &mut effects, &StreamKey { seed: 1, chain: *chain, transition: 0 }, &mut theta);
            let distance = |i: usize| (theta[3] - landscape.peaks[i].theta[3]).abs();
            distance(1) < distance(0)
        });
        let count = near_small.count();
        assert!((95..=105).contains(&count), "{count} of 300 from {first}");
    }
}
