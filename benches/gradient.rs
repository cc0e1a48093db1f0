//! The radon gradient on one core: over groups (limit: 150 ns with AVX-512, 300 ns with AVX2), over all 919
//! observations (700 ns and 1400 ns), and with all effects integrated out; and a draw of the effects. And gradients of
//! formulas, by rows, levels and columns; the limit of those over rows is 3 ns a row and column of each factor.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use warpnuts::data::{Dataset, Factor, FileRows};
use warpnuts::density::conditional::ConditionalEffects;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::family::Family;
use warpnuts::model::{Coordinates, Likelihood, Mixed, MixedPriors, MixedTerm, Model, Scaling, Spread};
use warpnuts::random::{Purpose, StreamKey};

fn radon(parameterization: &str) -> Model {
    let dataset = Arc::new(Dataset::radon().unwrap());
    let parameterization = Coordinates::parse(parameterization, dataset.predictor_names()).unwrap();
    let scaling = Scaling::standardizing(&dataset);
    Model::builder(dataset).coordinates(parameterization).scaling(scaling).build()
}

fn gradient(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("radon gradient");
    let both = [Likelihood::Groups, Likelihood::Observations];
    let cases = [("non-centered", &both[..]), ("centered", &both), ("marginal", &both[..1])];
    for (parameterization, likelihoods) in cases {
        let model = radon(parameterization);
        for likelihood in likelihoods {
            let mut density = CpuDensity::new(&model.over(*likelihood).unwrap());
            let theta = vec![0.1; model.dim()];
            let mut gradient = theta.clone();
            group.bench_function(format!("{likelihood:?}, {parameterization}"), |bencher| {
                bencher.iter(|| density.log_density(black_box(&theta), &mut gradient));
            });
        }
    }
    let model = radon("marginal");
    let mut effects = ConditionalEffects::new(&model);
    let mut named = vec![1.0; model.layout().dim()];
    let key = StreamKey { seed: 1, chain: 0, transition: 0 };
    group.bench_function("a draw of the effects", |bencher| {
        bencher.iter(|| effects.draw(black_box(&key), &mut named));
    });
}

/// A formula's model of `rows` rows: `columns` columns that vary by `levels` levels of a factor, correlated; and if it
/// is crossed, intercepts that vary by as many levels of another.
fn formula(rows: usize, levels: usize, columns: usize, crossed: bool, parameterization: &str) -> Model {
    let mut all = vec![0.0; rows * columns];
    StreamKey { seed: 1, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut all);
    let mut values = all.chunks_exact(rows).map(<[f64]>::to_vec);
    let outcome = values.next().unwrap_or_default();
    let columns: Vec<(String, Vec<f64>)> = values.enumerate().map(|(k, column)| (format!("x{k}"), column)).collect();
    let factor = |name: &str, stride: usize| Factor {
        name: name.to_string(),
        levels: (0..levels).map(|level| level.to_string()).collect(),
        of: (0..rows).map(|row| (row * stride % levels) as u32).collect(),
    };
    let mut factors = vec![factor("g", 1)];
    let varying: Vec<usize> = (0..=columns.len()).collect();
    let spread = if columns.is_empty() { Spread::Independent } else { Spread::Correlated };
    let mut terms = vec![MixedTerm { factor: 0, columns: varying.clone(), spread }];
    if crossed {
        factors.push(factor("h", 7));
        terms.push(MixedTerm { factor: 1, columns: vec![0], spread: Spread::Independent });
    }
    let file = FileRows { source: "simulated".to_string(), rows: (0..rows).collect(), ..FileRows::default() };
    let dataset = Dataset::of_formula(file, ("y".to_string(), outcome), columns, factors).unwrap();
    let priors = MixedPriors::for_data(&dataset, Family::Gaussian, &varying, &terms);
    let mixed = Mixed::new("simulated".to_string(), varying, terms, priors);
    let coordinates = Coordinates::parse_terms(parameterization, &mixed.term_names(&dataset)).unwrap();
    Model::of_formula(Arc::new(dataset), Arc::new(mixed), coordinates, None)
}

fn formulas(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("formula gradient");
    let sizes =
        [(1_000, 100, 1), (1_000, 100, 2), (10_000, 100, 2), (100_000, 100, 2), (100_000, 5_000, 2), (10_000, 100, 4)];
    for (rows, levels, columns) in sizes {
        for (parameterization, crossed) in
            [("marginal", false), ("non-centered", false), ("centered", false), ("non-centered", true)]
        {
            let model = formula(rows, levels, columns, crossed, parameterization);
            let mut density = CpuDensity::new(&model);
            let theta = vec![0.1; model.dim()];
            let mut gradient = theta.clone();
            let crossed = if crossed { ", crossed" } else { "" };
            let name = format!("{rows} rows, {levels} levels, {columns} columns, {parameterization}{crossed}");
            group.bench_function(name, |bencher| {
                bencher.iter(|| density.log_density(black_box(&theta), &mut gradient));
            });
        }
    }
    // One block of thirty effects.
    let model = formula(144, 15, 1, true, "marginal");
    let mut density = CpuDensity::new(&model);
    let theta = vec![0.1; model.dim()];
    let mut gradient = theta.clone();
    group.bench_function("144 rows, 15 levels, 1 column, marginal, crossed", |bencher| {
        bencher.iter(|| density.log_density(black_box(&theta), &mut gradient));
    });
}

criterion_group!(benches, gradient, formulas);
criterion_main!(benches);
