//! Importance sampling against ArviZ, against exact answers, and against what its estimates promise.

use std::collections::BTreeMap;

use serde::Deserialize;
use statrs::distribution::{ContinuousCDF, Normal};
use warpnuts::diagnostics::*;

use crate::helpers::importance::{close, normal_draws};

/// What tests/reference/importance.py says of ArviZ; null for infinities.
#[derive(Deserialize)]
struct Reference {
    smoothing: BTreeMap<String, Smoothing>,
    loo: BTreeMap<String, Cross>,
    power_scaling: BTreeMap<String, Powers>,
}

#[derive(Deserialize)]
struct Smoothing {
    log_ratios: Vec<Option<f64>>,
    reff: f64,
    log_weights: Vec<Option<f64>>,
    pareto_k: Option<f64>,
}

#[derive(Deserialize)]
struct Cross {
    posterior: BTreeMap<String, Vec<Vec<f64>>>,
    /// `[observation][chain][draw]`
    log_likelihood: Vec<Vec<Vec<f64>>>,
    reff: f64,
    elpd_i: Vec<f64>,
    pareto_k: Vec<Option<f64>>,
    elpd_loo: f64,
    se: f64,
    p_loo: f64,
    good_k: f64,
}

#[derive(Deserialize)]
struct Powers {
    draws: BTreeMap<String, Vec<Vec<f64>>>,
    log_prior: Vec<Vec<f64>>,
    log_likelihood: Vec<Vec<f64>>,
    prior: BTreeMap<String, f64>,
    likelihood: BTreeMap<String, f64>,
    diagnosis: BTreeMap<String, String>,
}

fn reference() -> Reference {
    let reference: Reference = serde_json::from_str(include_str!("reference/importance.json")).unwrap();
    let Reference { smoothing, loo, power_scaling } = &reference;
    assert_eq!([smoothing.len(), loo.len(), power_scaling.len()], [14, 4, 5]);
    reference
}

fn log_normal_density(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// Smoothed log weights and k-hat.
fn smoothed(log_ratios: &[f64], reff: f64) -> (Vec<f64>, f64) {
    let mut weights = log_ratios.to_vec();
    let pareto_k = Psis::default().smooth(&mut weights, reff);
    (weights, pareto_k)
}

fn ascending(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn smoothed_weights_equal_arviz() {
    let mut psis = Psis::default();
    for (name, case) in reference().smoothing {
        let mut weights: Vec<f64> = case.log_ratios.iter().map(|ratio| ratio.unwrap_or(f64::NEG_INFINITY)).collect();
        let pareto_k = psis.smooth(&mut weights, case.reff);
        close(&name, pareto_k, case.pareto_k.unwrap_or(f64::INFINITY), 1e-10);
        let theirs: Vec<f64> = case.log_weights.iter().map(|weight| weight.unwrap_or(f64::NEG_INFINITY)).collect();
        // Which of several equal draws gets which weight is up to the order in which they are sorted.
        let has_ties = name == "few values";
        let (ours, theirs) = if has_ties { (ascending(&weights), ascending(&theirs)) } else { (weights, theirs) };
        for (ours, theirs) in ours.iter().zip(&theirs) {
            close(&name, *ours, *theirs, 1e-10);
        }
        assert_eq!(ours.len(), theirs.len());
    }
}

#[test]
fn loo_equals_arviz() {
    for (name, case) in reference().loo {
        let (chains, draws) = (case.log_likelihood[0].len(), case.log_likelihood[0][0].len());
        let variables: Vec<Vec<f64>> = case.posterior.values().map(|chains| chains.concat()).collect();
        let variables: Vec<Series> = variables.iter().map(|values| Series::new(values, chains)).collect();
        let reff = relative_efficiency(&variables);
        close(&name, reff, case.reff, 1e-10);

        let log_likelihoods = case.log_likelihood.concat().concat();
        let observations = loo_observations(&log_likelihoods, case.elpd_i.len(), reff);
        for (i, observation) in observations.iter().enumerate() {
            close(&name, observation.elpd_loo, case.elpd_i[i], 1e-10);
            close(&name, observation.pareto_k, case.pareto_k[i].unwrap_or(f64::INFINITY), 1e-10);
        }
        let loo = Loo::of(&observations, chains * draws);
        close(&name, loo.elpd_loo, case.elpd_loo, 1e-10);
        close(&name, loo.se, case.se, 1e-10);
        close(&name, loo.p_loo, case.p_loo, 1e-10);
        close(&name, loo.good_k, case.good_k, 1e-12);
    }
}

#[test]
fn sensitivities_equal_arviz_stats() {
    for (name, case) in reference().power_scaling {
        // Among equal draws, arviz-stats counts some at the end of the tail and some not.
        let tolerance = if name == "equal draws" { 1e-3 } else { 1e-9 };
        let [prior, likelihood] =
            [&case.log_prior, &case.log_likelihood].map(|component| PowerScaling::of(&component.concat()));
        for (quantity, draws) in &case.draws {
            let draws = draws.concat();
            let (prior, likelihood) = (prior.sensitivity(&draws), likelihood.sensitivity(&draws));
            close(&name, prior, case.prior[quantity], tolerance);
            close(&name, likelihood, case.likelihood[quantity], tolerance);
            let diagnosis = SensitivityDiagnosis::of(prior, likelihood).map_or("✓".into(), |found| found.to_string());
            assert_eq!(diagnosis, case.diagnosis[quantity], "{name}, {quantity}");
        }
    }
}

#[test]
fn weights_move_a_normal_to_another_one() {
    let draws = normal_draws(0.0, 1.0, 4000);
    for (mean, sd, k, tolerance) in [(0.5, 1.0, 0.0, 0.01), (0.0, 0.8, 0.0, 0.01), (0.3, 1.2, 0.31, 0.03)] {
        let ratio = |x: &f64| log_normal_density(*x, mean, sd) - log_normal_density(*x, 0.0, 1.0);
        let (weights, pareto_k) = smoothed(&draws.iter().map(ratio).collect::<Vec<_>>(), 1.0);
        let expectation = |of: fn(f64) -> f64| draws.iter().zip(&weights).map(|(x, w)| of(*x) * w.exp()).sum::<f64>();
        close("total", expectation(|_| 1.0), 1.0, 1e-12);
        close("mean", expectation(|x| x), mean, tolerance);
        close("mean square", expectation(|x| x * x), mean * mean + sd * sd, 2.0 * tolerance);
        // 1 - 1 / sd^2 in the limit, from below where the ratios are bounded; the prior moves it.
        assert!(pareto_k < k + 0.15, "{pareto_k} for sd {sd}");
    }
}

#[test]
fn ratios_of_a_pareto_distribution_have_its_shape() {
    let count = 20_000;
    for k in [0.2, 0.5, 0.7, 1.0] {
        // U^-k for U in the middle of equal intervals.
        let ratio = |i: u32| -k * ((f64::from(i * 7919 % count) + 0.5) / f64::from(count)).ln();
        let (weights, pareto_k) = smoothed(&(0..count).map(ratio).collect::<Vec<_>>(), 1.0);
        close("k-hat", pareto_k, k, 0.02);
        let largest = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(largest <= 0.0 && largest.exp() < 0.2, "{largest}");
    }
}

#[test]
fn loo_of_a_normal_mean_is_the_predictive_density() {
    // y ~ Normal(m, 1), m ~ Normal(0, 2): all posteriors are normal, with one observation more or less.
    let observed = [0.4, -1.1, 0.9, 2.2, -0.3, 0.1, 1.6, -0.8, 0.5, 0.7, -1.9, 1.2];
    let posterior = |sum: f64, count: usize| {
        let precision = 0.25 + count as f64;
        (sum / precision, precision.sqrt().recip())
    };
    let total: f64 = observed.iter().sum();
    let (mean, sd) = posterior(total, observed.len());
    let draws = normal_draws(mean, sd, 4000);
    let log_likelihoods: Vec<f64> =
        observed.iter().flat_map(|y| draws.iter().map(|m| log_normal_density(*y, *m, 1.0))).collect();
    let observations = loo_observations(&log_likelihoods, observed.len(), 1.0);
    let mut psis_loo = PsisLoo::new(1.0);
    for (i, y) in observed.iter().enumerate() {
        let (without, spread) = posterior(total - y, observed.len() - 1);
        let exact = log_normal_density(*y, without, 1.0_f64.hypot(spread));
        let with = log_normal_density(*y, mean, 1.0_f64.hypot(sd));
        close("elpd_loo", observations[i].elpd_loo, exact, 2e-3);
        close("p_loo", observations[i].p_loo, with - exact, 2e-3);
        assert!(observations[i].is_reliable(good_k(4000)), "{:?}", observations[i]);
        assert_eq!(psis_loo.observation(&log_likelihoods[i * 4000..(i + 1) * 4000]), observations[i]);
    }
    let loo = Loo::of(&observations, 4000);
    assert!(loo.se > 1.0 && loo.se_p_loo > 0.0 && loo.se_p_loo < loo.p_loo, "{loo:?}");
    let exact = |y: &f64| {
        let (without, spread) = posterior(total - y, observed.len() - 1);
        log_normal_density(*y, without, 1.0_f64.hypot(spread))
    };
    close("elpd_loo", loo.elpd_loo, observed.iter().map(exact).sum(), 1e-2);
}

#[test]
fn powers_of_a_normal_posterior_move_it_as_they_should() {
    // The prior Normal(0, 1) and the likelihood Normal(3, 1) give Normal(1.5, sqrt(1 / 2)); with the prior to the power
    // a, Normal(3 / (1 + a), 1 / sqrt(1 + a)).
    let posterior = |a: f64| Normal::new(3.0 / (1.0 + a), (1.0 + a).sqrt().recip()).unwrap();
    let draws = normal_draws(1.5, 0.5_f64.sqrt(), 4000);
    let (low, high) = draws.iter().fold((1.5_f64, 1.5_f64), |(low, high), x| (low.min(*x), high.max(*x)));
    let rate = |a: f64, sign: f64| {
        let (plain, scaled) = (posterior(1.0), posterior(a));
        let cells = 20_000;
        let cell = |i: u32| {
            let x = low + (high - low) * (f64::from(i) + 0.5) / f64::from(cells);
            let [p, q] = [&plain, &scaled].map(|of| if sign > 0.0 { of.cdf(x) } else { of.sf(x) });
            let middle = f64::midpoint(p, q);
            ([p * (p / middle).log2() + q * (q / middle).log2(), p + q]).map(f64::abs)
        };
        let (apart, size) = (0..cells).map(cell).fold((0.0, 0.0), |(a, b), [c, d]| (a + c, b + d));
        (apart / size).sqrt() / a.log2().abs()
    };
    let exact = f64::midpoint(rate(0.99, 1.0).max(rate(0.99, -1.0)), rate(1.01, 1.0).max(rate(1.01, -1.0)));
    let prior = PowerScaling::of(&draws.iter().map(|m| log_normal_density(*m, 0.0, 1.0)).collect::<Vec<_>>());
    let likelihood = PowerScaling::of(&draws.iter().map(|m| log_normal_density(3.0, *m, 1.0)).collect::<Vec<_>>());
    let (of_prior, of_likelihood) = (prior.sensitivity(&draws), likelihood.sensitivity(&draws));
    close("sensitivity to the prior", of_prior, exact, 0.01 * exact);
    close("both pull alike", of_prior, of_likelihood, 0.02 * of_prior);
    assert_eq!(SensitivityDiagnosis::of(of_prior, of_likelihood), Some(SensitivityDiagnosis::PriorDataConflict));
    assert!(prior.pareto_k().iter().all(|k| *k < 0.5), "{:?}", prior.pareto_k());
    // The sign of a quantity does not matter, nor its unit, but for where the integrals begin.
    let mirrored: Vec<f64> = draws.iter().map(|m| 7.0 - 10.0 * m).collect();
    close("mirrored", prior.sensitivity(&mirrored), of_prior, 1e-10);
    // A flat prior moves nothing.
    let flat = PowerScaling::of(&vec![-1.0; draws.len()]);
    close("flat", flat.sensitivity(&draws), 0.0, 1e-5);
}

#[test]
fn thresholds_of_sensitivity_are_those_of_priorsense() {
    use SensitivityDiagnosis::{PriorDataConflict, StrongPriorOrWeakLikelihood};
    assert_eq!(SensitivityDiagnosis::of(0.05, 0.05), Some(PriorDataConflict));
    assert_eq!(SensitivityDiagnosis::of(0.05, 0.049), Some(StrongPriorOrWeakLikelihood));
    assert_eq!(SensitivityDiagnosis::of(0.049, 0.2), None);
    assert_eq!(SensitivityDiagnosis::of(0.2, f64::NAN), None);
    assert_eq!(SensitivityDiagnosis::of(f64::NAN, 0.2), None);
}

#[test]
fn what_few_or_broken_draws_leave_open_is_no_number() {
    let finite = normal_draws(0.0, 1.0, 100);
    for broken in [f64::NAN, f64::INFINITY] {
        let mut ratios = finite.clone();
        ratios[7] = broken;
        let (weights, pareto_k) = smoothed(&ratios, 1.0);
        assert!(pareto_k.is_nan() && weights.iter().all(|weight| weight.is_nan()), "{broken}");
    }
    for reff in [f64::NAN, 0.0, -1.0] {
        assert!(smoothed(&finite, reff).1.is_nan(), "{reff}");
    }
    assert!(smoothed(&[], 1.0).1.is_nan());
    assert!(smoothed(&[f64::NEG_INFINITY; 30], 1.0).0.iter().all(|weight| weight.is_nan()));
    // Few draws, equal ones, and ratios so close that rounding leaves no tail.
    let nearly_equal: Vec<f64> = (0..50).map(|i| 1e-17 * f64::from(i)).collect();
    for ratios in [vec![3.0], vec![0.1, 0.2], vec![-2.0; 50], nearly_equal, vec![f64::MAX; 40]] {
        let (weights, pareto_k) = smoothed(&ratios, 1.0);
        assert!(!pareto_k.is_finite(), "{pareto_k}");
        close("total", weights.iter().map(|weight| weight.exp()).sum(), 1.0, 1e-12);
    }
    // No number overflows.
    let (weights, pareto_k) = smoothed(&finite.iter().map(|x| 1e300 * x).collect::<Vec<_>>(), 1.0);
    assert!(weights.iter().all(|weight| *weight <= 0.0), "{pareto_k}");

    let mut psis_loo = PsisLoo::new(1.0);
    for log_likelihoods in [vec![], vec![f64::NAN; 9], vec![f64::NEG_INFINITY, -1.0], vec![f64::INFINITY, -1.0]] {
        let LooObservation { elpd_loo, p_loo, pareto_k } = psis_loo.observation(&log_likelihoods);
        assert!([elpd_loo, p_loo, pareto_k].iter().all(|number| number.is_nan()), "{log_likelihoods:?}");
    }
    assert!(!psis_loo.observation(&[]).is_reliable(0.7));
    let constant = psis_loo.observation(&[-1.5; 20]);
    close("elpd_loo of a constant", constant.elpd_loo, -1.5, 1e-12);
    close("p_loo of a constant", constant.p_loo, 0.0, 1e-12);
    assert!(Loo::of(&[constant], 20).se.is_nan());
    assert_eq!(loo_observations(&[], 3, 1.0).len(), 3);
    assert_eq!(loo_observations(&[], 0, 1.0), []);

    assert!(relative_efficiency(&[]).is_nan());
    assert!(relative_efficiency(&[Series::new(&finite[..6], 2)]).is_nan());
    assert_eq!(relative_efficiency(&[Series::new(&finite, 1)]), 1.0);

    for count in 0..12 {
        let few = PowerScaling::of(&finite[..count]);
        let sensitivity = few.sensitivity(&finite[..count]);
        assert!(if count < 2 { sensitivity.is_nan() } else { sensitivity > 0.0 }, "{count}: {sensitivity}");
    }
    // All weight is on one draw, at either end: no distance is larger than 1.
    let few = &finite[..5];
    let steep = PowerScaling::of(&few.iter().map(|x| 1e6 * x).collect::<Vec<_>>()).sensitivity(few);
    close("the largest distance", steep, f64::midpoint(1.01_f64.log2().recip(), -0.99_f64.log2().recip()), 1e-12);
    let scaling = PowerScaling::of(&finite);
    assert!(scaling.sensitivity(&[2.0; 100]).is_nan());
    assert!(scaling.sensitivity(&finite[1..]).is_nan());
    let mut broken = finite.clone();
    broken[3] = f64::INFINITY;
    assert!(scaling.sensitivity(&broken).is_nan());
    assert!(PowerScaling::of(&broken).sensitivity(&finite).is_nan());
}

#[test]
fn thresholds_and_tails_follow_the_paper() {
    close("few", good_k(100), 0.5, 1e-12);
    close("enough", good_k(4000), 0.7, 1e-12);
    assert_eq!(tail_length(100, 1.0), 20);
    assert_eq!(tail_length(4000, 1.0), 190);
    assert_eq!(tail_length(4000, 0.25), 380);
}
