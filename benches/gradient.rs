//! The radon gradient on one core: over groups (limit: 150 ns with AVX-512, 300 ns with AVX2) and over all 919
//! observations (700 ns and 1400 ns).

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use warpnuts::data::Dataset;
use warpnuts::density::Likelihood;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::model::{Effect, Model, Parameterization, Priors, Scaling};

fn radon(effect: Effect) -> Model {
    let dataset = Arc::new(Dataset::radon().unwrap());
    let parameterization = Parameterization::uniform(effect, dataset.predictor_names());
    let scaling = Scaling::standardizing(&dataset);
    Model::new(dataset, Priors::default(), parameterization, scaling)
}

fn gradient(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("radon gradient");
    for effect in [Effect::NonCentered, Effect::Centered] {
        let model = radon(effect);
        for likelihood in [Likelihood::Groups, Likelihood::Observations] {
            let mut density = CpuDensity::new(&model, likelihood);
            let theta = vec![0.1; model.layout().dim()];
            let mut gradient = theta.clone();
            group.bench_function(format!("{likelihood:?}, {effect}"), |bencher| {
                bencher.iter(|| density.log_density(black_box(&theta), &mut gradient));
            });
        }
    }
}

criterion_group!(benches, gradient);
criterion_main!(benches);
