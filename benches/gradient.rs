//! The radon gradient on one core: over groups (limit: 150 ns with AVX-512, 300 ns with AVX2), over all 919
//! observations (700 ns and 1400 ns), and with all effects integrated out; and a draw of the effects.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use warpnuts::data::Dataset;
use warpnuts::density::collapsed::ConditionalEffects;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::model::{Coordinates, Likelihood, Model, Scaling};
use warpnuts::random::StreamKey;

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

criterion_group!(benches, gradient);
criterion_main!(benches);
