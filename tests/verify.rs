//! Runs held against the exact posterior of radon: sound ones stand, a biased one falls.

use std::sync::{Arc, LazyLock};

use warpnuts::data::Dataset;
use warpnuts::density::Likelihood;
use warpnuts::engine::Progress;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Settings, sample};
use warpnuts::model::{Model, Parameterization, Priors, Scaling};
use warpnuts::summary::RunSummary;
use warpnuts::verify::Verification;

fn radon(parameterization: &str, priors: Priors) -> Arc<Model> {
    let dataset = Arc::new(Dataset::radon().unwrap());
    let parameterization = Parameterization::parse(parameterization, dataset.predictor_names()).unwrap();
    let scaling = Scaling::standardizing(&dataset);
    Arc::new(Model::new(dataset, priors, parameterization, scaling))
}

static EXACT: LazyLock<Exact> = LazyLock::new(|| Exact::of(&radon("centered", Priors::default())).unwrap());

fn verify(model: Arc<Model>, settings: Settings) -> Verification {
    let sampled = sample(model, settings, Arc::new(Progress::default())).unwrap();
    let verification = Verification::of(&sampled, &RunSummary::of(&sampled), &EXACT);
    let Verification { largest, largest_of, root_mean_square, limit, .. } = &verification;
    println!("largest {largest:.2} ({largest_of}) of {limit:.2}, root mean square {root_mean_square:.2}");
    verification
}

fn stands(verification: &Verification) {
    assert!(!verification.biased, "{} of {}", verification.largest, verification.largest_of);
    // 700 scores, far from independent.
    assert!((0.6..1.4).contains(&verification.root_mean_square), "{}", verification.root_mean_square);
    assert_eq!(verification.scores.len(), 175);
}

#[test]
fn the_non_centered_and_the_mixed_run_stand() {
    for (parameterization, seed) in [("non-centered", 1), ("non-centered", 2), ("a=centered,b=non-centered", 3)] {
        stands(&verify(radon(parameterization, Priors::default()), Settings { seed, ..Settings::default() }));
    }
}

#[test]
fn the_marginal_run_stands_hyperparameters_and_effects() {
    for seed in [1, 2] {
        stands(&verify(radon("marginal", Priors::default()), Settings { seed, ..Settings::default() }));
    }
}

#[test]
fn a_run_over_observations_stands() {
    let settings = Settings { likelihood: Likelihood::Observations, seed: 4, ..Settings::default() };
    stands(&verify(radon("non-centered", Priors::default()), settings));
}

#[test]
fn many_short_chains_stand() {
    let settings = Settings { chains: 1024, warmup: 200, draws: 20, seed: 5, ..Settings::default() };
    stands(&verify(radon("non-centered", Priors::default()), settings));
}

#[test]
fn a_run_of_another_posterior_falls() {
    // A narrower prior of sigma moves the posterior of sigma_b a little; nothing in the run itself shows it.
    let priors = Priors { sigma_scale: 0.5, ..Priors::default() };
    let settings = Settings { chains: 64, draws: 4000, ..Settings::default() };
    let verification = verify(radon("non-centered", priors), settings);
    assert!(verification.biased, "{} of {}", verification.largest, verification.limit);
}
