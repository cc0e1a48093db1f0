//! The summary of a run: errors from independent chains, priors that grow with the data, memory, advice.

use rand::Rng;
use std::sync::Arc;

use crate::helpers::chance;
use crate::helpers::models;
use warpnuts::data::Dataset;
use warpnuts::diagnostics::{Series, Summary};
use warpnuts::engine::Progress;
use warpnuts::experiment::{Keep, Settings, sample};
use warpnuts::model::{Centering, Coordinates, Model, PriorScales, Priors, Scaling};
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::{Comparison, RunSummary};

fn normals(seed: u64, count: usize) -> Vec<f64> {
    let mut normals = vec![0.0; count];
    StreamKey { seed, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    normals
}

/// Stationary autoregressive chains of unit variance, x' = phi x + sqrt(1 - phi^2) z.
fn autoregressive(seed: u64, chains: usize, draws: usize, phi: f64) -> Vec<f64> {
    let mut values = normals(seed, chains * draws);
    for chain in values.chunks_mut(draws) {
        for i in 1..draws {
            chain[i] = phi * chain[i - 1] + (1.0 - phi * phi).sqrt() * chain[i];
        }
    }
    values
}

#[test]
fn errors_of_short_chains_come_from_the_spread_of_their_means() {
    let (chains, draws, phi) = (4000, 8, 0.8f64);
    let values = autoregressive(5, chains, draws, phi);
    let series = Series::new(&values, chains);
    let plain = Summary::of(series);
    let independent = plain.from_independent_chains(series);
    // var(mean of n) = (1 + 2 sum_t (1 - t/n) phi^t) / n, for a stationary chain of unit variance.
    let lags = (1..draws).map(|t| (1.0 - t as f64 / draws as f64) * phi.powi(t as i32)).sum::<f64>();
    let mcse = ((1.0 + 2.0 * lags) / (draws * chains) as f64).sqrt();
    assert!((independent.mcse_mean / mcse - 1.0).abs() < 0.05, "{} not {mcse}", independent.mcse_mean);
    let ess = 1.0 / (mcse * mcse);
    assert!((independent.ess_bulk / ess - 1.0).abs() < 0.1, "{} not {ess}", independent.ess_bulk);
    // Autocorrelations within eight draws are far too short.
    assert!(plain.mcse_mean < 0.7 * mcse, "{} against {mcse}", plain.mcse_mean);
    assert_eq!((independent.mean, independent.q95, independent.rhat), (plain.mean, plain.q95, plain.rhat));
}

#[test]
fn independent_draws_are_worth_their_number() {
    let chains = 4000;
    let values = normals(6, chains * 4);
    let series = Series::new(&values, chains);
    let row = Summary::of(series).from_independent_chains(series);
    let draws = (chains * 4) as f64;
    assert!((row.ess_bulk / draws - 1.0).abs() < 0.1 && (row.ess_tail / draws - 1.0).abs() < 0.1, "{row:?}");
    // The sd of a normal's sd is 1 / sqrt(2 n).
    assert!((row.mcse_sd * (2.0 * draws).sqrt() - 1.0).abs() < 0.05, "{row:?}");
    // Known to be independent, exactly so.
    let row = Summary::of_independent(series);
    assert_eq!((row.ess_bulk, row.ess_tail, row.mcse_mean), (draws, draws, row.sd / draws.sqrt()));
    assert!((row.mcse_sd * (2.0 * draws).sqrt() - 1.0).abs() < 0.05, "{row:?}");
}

fn scaled_pupils(outcome_scale: f64, predictor_scale: f64) -> Dataset {
    let mut rng = StreamKey { seed: 3, chain: 0, transition: 0 }.stream(Purpose::Stream);
    let noise = normals(4, 240);
    let labels: Vec<String> = (0..120).map(|i| format!("school {}", i % 12)).collect();
    let hours: Vec<f64> = (0..120).map(|_| f64::from(rng.next_u32() % 50) / 10.0).collect();
    let score = |i: usize| 50.0 + noise[i % 12] * 6.0 + (4.0 + noise[20 + i % 12]) * hours[i] + 5.0 * noise[100 + i];
    let outcome = (0..120).map(|i| outcome_scale * score(i)).collect();
    let predictor = hours.iter().map(|x| predictor_scale * x).collect();
    Dataset::from_columns("pupils", "school", "score", &["hours"], &labels, outcome, vec![predictor]).unwrap()
}

#[test]
fn default_priors_are_the_notebooks_on_data_of_ordinary_size() {
    let radon = Dataset::radon().unwrap();
    assert_eq!(PriorScales::for_data(&radon), PriorScales::uniform(Priors::default(), 2));
    assert!(PriorScales::for_data(&radon).narrow(&radon).is_empty());
}

#[test]
fn default_priors_grow_with_large_data_and_others_are_named() {
    let large = scaled_pupils(1e6, 1e-6);
    let scales = PriorScales::for_data(&large);
    assert!(scales.narrow(&large).is_empty());
    let typical = Scaling::standardizing(&large);
    for k in 0..2 {
        assert!(scales.mu_sd[k] >= 100.0 * typical.coefficient_unit(k));
        assert!(scales.sigma_scale[k] >= typical.coefficient_unit(k));
    }
    assert!(scales.eps_scale >= typical.outcome_scale);
    let narrow = PriorScales::uniform(Priors::default(), 2).narrow(&large);
    assert_eq!(narrow.iter().map(|prior| prior.name.as_str()).collect::<Vec<_>>(), ["mu_a", "mu_b"]);
}

fn run(dataset: &Arc<Dataset>, effect: Centering, settings: Settings) -> RunSummary {
    let parameterization = Coordinates::joint(effect, dataset.n_coefficients());
    let model = Model::builder(dataset.clone()).priors(PriorScales::for_data(dataset)).coordinates(parameterization);
    RunSummary::of(&sample(Arc::new(model.build()), settings, Arc::new(Progress::default())).unwrap())
}

#[test]
fn outcomes_in_millions_and_predictors_in_millionths_sample_as_well() {
    let ordinary = run(&Arc::new(scaled_pupils(1.0, 1.0)), Centering::NonCentered, Settings::default());
    let large = run(&Arc::new(scaled_pupils(1e6, 1e-6)), Centering::NonCentered, Settings::default());
    assert!(ordinary.is_trustworthy() && large.is_trustworthy(), "{:?} {:?}", ordinary.warnings, large.warnings);
    let cost = large.leapfrogs_per_draw / ordinary.leapfrogs_per_draw;
    assert!((0.8..1.25).contains(&cost), "{cost}");
    let ess = |run: &RunSummary| run.min_ess_bulk.as_ref().unwrap().value;
    let worth = ess(&large) / ess(&ordinary);
    assert!((0.75..1.33).contains(&worth), "{worth}");
    for (name, unit) in [("mu_a", 1e6), ("mu_b", 1e12), ("eps", 1e6), ("b[school 3]", 1e12)] {
        let (ours, theirs) = (large.parameters.get(name).unwrap(), ordinary.parameters.get(name).unwrap());
        let z = (ours.mean / unit - theirs.mean) / (ours.mcse_mean / unit).hypot(theirs.mcse_mean);
        assert!(z.abs() < chance::largest(4), "{name}: {z}");
    }
}

#[test]
fn disk_space_counts_draws_and_chains() {
    let dataset = Arc::new(Dataset::radon().unwrap());
    let parameterization = Coordinates::joint(Centering::Centered, dataset.n_coefficients());
    let scaling = Scaling::identity(&dataset);
    let model = models::posterior(dataset, Priors::default(), parameterization, scaling);
    let all = Settings { chains: 1_000_000, draws: 1_000_000, ..Settings::default() };
    let hyper = Settings { keep: Keep::Hyper, ..all };
    assert!(all.disk(&model) > 175 * 8 * 10u128.pow(12));
    assert!(hyper.disk(&model) < all.disk(&model) / 10);
}

#[test]
fn every_way_to_fail_is_said_with_what_to_do() {
    let radon = Arc::new(Dataset::radon().unwrap());
    let sound = run(&radon, Centering::NonCentered, Settings::default());
    assert!(sound.is_trustworthy() && sound.warnings.is_empty(), "{:?}", sound.warnings);
    let says = |run: &RunSummary, words: &str, distrust: bool| {
        let found = run.warnings.iter().find(|advice| advice.problem.contains(words));
        let advice = found.unwrap_or_else(|| panic!("no `{words}` in {:?}", run.warnings));
        assert_eq!(advice.distrust, distrust, "{}", advice.problem);
        assert!(!advice.remedy.is_empty());
    };
    let hasty = run(&radon, Centering::NonCentered, Settings { warmup: 0, draws: 100, ..Settings::default() });
    says(&hasty, "diverged", true);
    let centered = run(&radon, Centering::Centered, Settings::default());
    says(&centered, "R-hat of sigma_b", true);
    says(&centered, "independent ones", true);
    let short = run(&radon, Centering::NonCentered, Settings { draws: 3, ..Settings::default() });
    says(&short, "too little", true);
    says(&short, "only 48 draws", true);
    let shallow =
        run(&radon, Centering::NonCentered, Settings { max_tree_depth: 2, draws: 200, ..Settings::default() });
    says(&shallow, "cut off at 2 doublings", false);
    let alone = run(&radon, Centering::NonCentered, Settings { chains: 1, draws: 4000, ..Settings::default() });
    says(&alone, "one chain", false);
    let cold = run(&radon, Centering::NonCentered, Settings { chains: 64, warmup: 5, draws: 8, ..Settings::default() });
    says(&cold, "nested R-hat", true);
    says(&cold, "a warm-up of 5 transitions is short", false);
    let warm =
        run(&radon, Centering::NonCentered, Settings { chains: 1024, warmup: 200, draws: 8, ..Settings::default() });
    assert!(warm.is_trustworthy() && warm.warnings.is_empty(), "{:?}", warm.warnings);

    let comparison = Comparison::of(&[centered, sound], None);
    assert_eq!((comparison.best.as_str(), comparison.focus.as_str()), ("non-centered", "sigma_b"));
    assert!(comparison.verdict[0].contains("centered run is not to be trusted"));
    assert!(comparison.verdict[1].contains("looks sound"));
    let difference = &comparison.differences[0];
    assert_eq!(difference.standard_errors, difference.mean_difference / difference.standard_error);
}
