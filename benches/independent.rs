//! Independent draws. On one core: the likelihood of the scales of radon with all else integrated out (limit: 60 ns
//! with AVX-512), and a draw of its hyperparameters (limit: 250 ns, eight million a second on two cores), beside the
//! gradient that a leapfrog step takes. On all cores: whole runs, 4,000 draws of all variables, of sleepstudy (limit:
//! 5 ms) and of 190 classes (limit: 60 ms), beside the No-U-Turn Sampler's; and summaries of draws.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use multiversion::multiversion;
use warpnuts::data::{Columns, Dataset};
use warpnuts::density::collapsed::ScaleLikelihood;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::diagnostics::summarize_independent;
use warpnuts::engine::Progress;
use warpnuts::experiment::{Sampler, Settings, sample};
use warpnuts::independent::{IndependentDraw, Proposal};
use warpnuts::lanes::{LANES, Lanes};
use warpnuts::mode::Landscape;
use warpnuts::model::Model;
use warpnuts::random::{Purpose, StreamKey};

/// Eight points at a time, with the processor's vectors.
#[multiversion(targets = "simd")]
fn likelihoods(likelihood: &ScaleLikelihood<3>, log_scales: &[Lanes; 3]) -> Lanes {
    likelihood.at(log_scales, LANES).0
}

fn radon(criterion: &mut Criterion) {
    let model = Model::builder(Arc::new(Dataset::radon().unwrap())).build();
    let mut group = criterion.benchmark_group("radon");
    let (likelihood, logs) = (ScaleLikelihood::new(&model), [-0.8, -1.2, -0.1].map(|log| Lanes([log; LANES])));
    group.throughput(Throughput::Elements(LANES as u64));
    group.bench_function("likelihood of the scales", |bencher| {
        bencher.iter(|| likelihoods(&likelihood, black_box(&logs)))
    });
    let proposal = Proposal::certified(&model, &Landscape::of(&model)).unwrap();
    let keys: Vec<StreamKey> = (0..1024).map(|transition| StreamKey { seed: 1, chain: 0, transition }).collect();
    let mut thetas = vec![0.0; keys.len() * model.dim()];
    let mut drawn = vec![IndependentDraw::default(); keys.len()];
    group.throughput(Throughput::Elements(keys.len() as u64));
    group.bench_function("independent draws", |bencher| {
        bencher.iter(|| proposal.draw(black_box(&keys), &mut thetas, &mut drawn));
    });
    group.throughput(Throughput::Elements(1));
    let theta = &thetas[..model.dim()];
    let (mut density, mut gradient) = (CpuDensity::new(&model), theta.to_vec());
    group.bench_function("a marginal gradient", |bencher| {
        bencher.iter(|| density.log_density(black_box(theta), &mut gradient));
    });
    group.bench_function("modes", |bencher| bencher.iter(|| Landscape::of(&model)));
    let landscape = Landscape::of(&model);
    group.bench_function("proposal", |bencher| bencher.iter(|| Proposal::certified(&model, &landscape).unwrap()));
}

fn whole_runs(criterion: &mut Criterion) {
    let columns = Columns { group: "Subject".into(), outcome: "Reaction".into(), predictors: vec!["Days".to_string()] };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/01-sleepstudy.csv");
    both(criterion, "4,000 draws of sleepstudy", Dataset::from_path(&path, &columns).unwrap());
    both(criterion, "4,000 draws of 190 classes", classes());
}

/// As many pupils in as many classes as in the Second International Mathematics Study: gain in a test, given the test
/// before.
fn classes() -> Dataset {
    const PUPILS: usize = 3691;
    const CLASSES: usize = 190;
    let mut normals = vec![0.0; 2 * PUPILS + 2 * CLASSES];
    StreamKey { seed: 190, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let (pupils, effects) = normals.split_at(2 * PUPILS);
    let (noise, before) = pupils.split_at(PUPILS);
    let class = |i: usize| i % CLASSES;
    let gain = |i: usize| {
        let (intercept, slope) = (7.0 + 2.5 * effects[class(i)], -0.2 + 0.1 * effects[CLASSES + class(i)]);
        intercept + slope * 10.0 * before[i] + 4.7 * noise[i]
    };
    let labels: Vec<String> = (0..PUPILS).map(|i| class(i).to_string()).collect();
    let before = before.iter().map(|score| 10.0 * score).collect();
    let gains = (0..PUPILS).map(gain).collect();
    Dataset::from_columns("simulated", "class", "gain", &["before"], &labels, gains, vec![before]).unwrap()
}

/// Whole runs of both samplers, all variables, in memory.
fn both(criterion: &mut Criterion, name: &str, dataset: Dataset) {
    let model = Arc::new(Model::builder(Arc::new(dataset)).build());
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    for sampler in [Sampler::Independent, Sampler::Nuts] {
        let settings = Settings { sampler, chains: 4, ..Settings::default() };
        group.bench_function(sampler.to_string(), |bencher| {
            bencher.iter(|| sample(model.clone(), settings, Arc::new(Progress::default())).unwrap());
        });
    }
}

/// Summaries of independent normal draws in four chains, on all cores.
fn summaries(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("summary");
    group.sample_size(10);
    for (name, variables, draws) in
        [("100,000 draws of 175 variables", 175, 100_000), ("ten million draws", 1, 10_000_000)]
    {
        let mut values = vec![0.0; variables * draws];
        StreamKey { seed: 1, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut values);
        group.bench_function(name, |bencher| bencher.iter(|| summarize_independent(&values, variables, 4)));
    }
}

criterion_group!(benches, radon, whole_runs, summaries);
criterion_main!(benches);
