//! Draws of a run that are still in memory equal those of its store, to the bit; above a size limit they are not kept
//! there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::helpers::models;
use warpnuts::data::Dataset;
use warpnuts::draws::Precision;
use warpnuts::draws::store::Store;
use warpnuts::engine::Progress;
use warpnuts::experiment::{Backend, Interrupted, Keep, Keeping, Sampled, Settings, resume, sample_into};
use warpnuts::model::{Centering, Coordinates, Model, Priors, Scaling};
use warpnuts::nuts::Statistic;

fn radon(parameterization: Coordinates) -> Arc<Model> {
    let dataset = Arc::new(Dataset::radon().unwrap());
    let scaling = Scaling::standardizing(&dataset);
    Arc::new(models::posterior(dataset, Priors::default(), parameterization, scaling))
}

fn non_centered() -> Arc<Model> {
    radon(Coordinates::joint(Centering::NonCentered, Dataset::radon().unwrap().n_coefficients()))
}

fn keeping(folder: &Path) -> Keeping<'_> {
    Keeping { folder, interval: Duration::ZERO }
}

fn sampled(folder: &Path, model: Arc<Model>, settings: Settings) -> Sampled {
    let progress = Arc::new(Progress::default());
    sample_into(&keeping(folder), &Backend::Cpu, model, settings, None, progress).unwrap()
}

fn store(sampled: &Sampled) -> &Store {
    sampled.draws.store().expect("it was sampled into a store")
}

/// Everything read from the draws of a run has the same bits as from its store.
fn say_the_same(run: &Sampled, folder: &Path) {
    let opened = Sampled::open(folder).unwrap();
    assert!(!store(&opened).is_in_memory());
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
    let (ours, theirs) = (&run.draws, &opened.draws);
    assert_eq!([ours.chains(), ours.draws(), ours.variables()], [theirs.chains(), theirs.draws(), theirs.variables()]);
    for i in 0..ours.variables() {
        assert!(bits(&ours.variable(i)) == bits(&theirs.variable(i)), "{}", run.names[i]);
    }
    for statistic in Statistic::ALL {
        assert!(bits(&ours.statistic(statistic)) == bits(&theirs.statistic(statistic)), "{}", statistic.name());
    }
    let last = ours.variables() - 1;
    assert!(bits(&ours.read(1..last)) == bits(&theirs.read(1..last)));
    assert!(bits(&ours.values()) == bits(&theirs.values()));
    let (chain, draws) = (ours.chains() - 1, ours.draws() / 3..ours.draws() - 1);
    let window = ours.window(&[1, last / 2, last], chain, draws.clone());
    assert!(bits(&window) == bits(&theirs.window(&[1, last / 2, last], chain, draws.clone())));
    let middle = &ours.variable(last / 2)[chain * ours.draws()..][draws.clone()];
    assert!(bits(&window[draws.len()..2 * draws.len()]) == bits(middle));
    assert!(theirs.damage().is_empty());
}

#[test]
fn draws_in_memory_are_those_of_the_store() {
    let marginal = Coordinates::Collapsed;
    let few = Settings { chains: 5, warmup: 60, draws: 33, ..Settings::default() };
    // Several rows of chunks, the last one partial; quantities of each observation; hyperparameters only.
    let cases = [
        (non_centered(), few),
        (radon(marginal), few),
        (non_centered(), Settings { chains: 16, draws: 1001, warmup: 20, max_tree_depth: 2, ..few }),
        (
            non_centered(),
            Settings { log_likelihood: true, posterior_predictive: true, save_warmup: true, draws: 301, ..few },
        ),
        (non_centered(), Settings { keep: Keep::Hyper, thin: 3, ..few }),
    ];
    for (model, settings) in cases {
        let folder = tempfile::tempdir().unwrap();
        let run = sampled(folder.path(), model, settings);
        assert!(store(&run).is_in_memory(), "{settings:?}");
        assert_eq!(run.draws.draws(), settings.draws as usize);
        say_the_same(&run, folder.path());
    }
}

#[test]
fn what_is_rounded_or_too_much_is_read_back() {
    let few = Settings { chains: 4, warmup: 60, draws: 20, ..Settings::default() };
    let many = Settings { chains: 64, draws: 1000, warmup: 10, max_tree_depth: 1, ..few };
    for settings in [
        Settings { draw_precision: Precision::F32, ..few },
        Settings { draw_precision: Precision::F16, ..few },
        // 64,000 draws of 175 variables and 7 statistics are 93 MB.
        many,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let run = sampled(folder.path(), non_centered(), settings);
        assert!(!store(&run).is_in_memory(), "{settings:?}");
        say_the_same(&run, folder.path());
    }
}

#[test]
fn a_run_that_was_interrupted_and_goes_on_has_the_draws_of_its_store() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { chains: 4, warmup: 60, draws: 8000, keep: Keep::Hyper, ..Settings::default() };
    let progress = Arc::new(Progress::default());
    // Stops when there are draws, and a checkpoint after some of them.
    let stopped = Arc::downgrade(&progress);
    progress.call_at(4 * 1000, move || stopped.upgrade().unwrap().stop());
    let run = sample_into(&keeping(folder.path()), &Backend::Cpu, non_centered(), settings, None, progress).unwrap();
    assert!(run.interrupted && (1..8000).contains(&run.draws.draws()), "{} draws", run.draws.draws());
    assert!(store(&run).is_in_memory());
    say_the_same(&run, folder.path());

    let goes_on = Interrupted::read(folder.path()).unwrap();
    let run = resume(&keeping(folder.path()), &Backend::Cpu, goes_on, Arc::new(Progress::default())).unwrap();
    assert_eq!(run.draws.draws(), 8000);
    say_the_same(&run, folder.path());
}
