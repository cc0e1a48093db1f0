//! A whole leapfrog of a chain on radon, non-centered and over groups: gradient, kicks and drift, U-turn checks, random
//! numbers, sample, and its share of a transition's cost. The limit is 333 ns, 3 million a second a core.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use warpnuts::data::Dataset;
use warpnuts::density::Density;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::draws::Memory;
use warpnuts::driver::{self, Plan};
use warpnuts::engine::host::{Chains, HostEngine};
use warpnuts::engine::{Keep, Progress};
use warpnuts::model::{Centering, Coordinates, Model, Scaling};
use warpnuts::nuts::{Kernel, State, Step, Transition, Tuning};
use warpnuts::random::StreamKey;

fn leapfrog(criterion: &mut Criterion) {
    let dataset = Arc::new(Dataset::radon().unwrap());
    let parameterization = Coordinates::joint(Centering::NonCentered, dataset.n_coefficients());
    let scaling = Scaling::standardizing(&dataset);
    let model = Arc::new(Model::builder(dataset).coordinates(parameterization).scaling(scaling).build());
    let dim = model.layout().dim();
    let density = CpuDensity::new(&model);

    let chains = Chains { seed: 1, first: 0, count: 4, per_superchain: 1 };
    let workers: Vec<Box<dyn Density>> = vec![Box::new(density.clone())];
    let progress = Arc::new(Progress::default());
    let mut engine = HostEngine::new(model.clone(), workers, chains, 10, Keep::All, progress).start().unwrap();
    let mut sink = Memory::new(dim, 4, 1);
    let plan = Plan::new(1000, 1);
    let run = driver::run(&mut engine, dim, &plan, &mut sink).unwrap();

    let mut density = density;
    let mut state = State::zeros(dim);
    let named: Vec<f64> = (0..dim).map(|i| sink.variable(i)[0]).collect();
    let mut gradient = vec![0.0; dim];
    model.unconstrain(&named, &mut state.position);
    state.log_density = density.log_density(&state.position, &mut gradient);
    state.gradient.copy_from_slice(&gradient);

    let mut transition = Transition::new(dim, 10);
    transition.configure(&Tuning::new(run.scale.to_vec(), 1.0, 10));
    let mut key = StreamKey { seed: 1, chain: 9, transition: 0 };
    criterion.bench_function("radon leapfrog", |bencher| {
        bencher.iter_custom(|leapfrogs| {
            let start = Instant::now();
            let mut done = 0;
            while done < leapfrogs {
                key.transition += 1;
                transition.begin(key, &state, run.step_size);
                loop {
                    let log_density = density.log_density(transition.wants(), &mut gradient);
                    if transition.give(log_density, &gradient) == Step::Done {
                        break;
                    }
                }
                done += u64::from(transition.statistics().n_steps);
                let sample = transition.sample();
                state.set(&sample.position, &sample.gradient, sample.log_density);
            }
            Duration::from_secs_f64(start.elapsed().as_secs_f64() * leapfrogs as f64 / done as f64)
        });
    });
}

criterion_group!(benches, leapfrog);
criterion_main!(benches);
