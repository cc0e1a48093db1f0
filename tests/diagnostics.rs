//! Diagnostics against ArviZ, against hand calculation, and against each other.

use std::collections::BTreeMap;

use serde::Deserialize;
use statrs::distribution::{ContinuousCDF, Normal};
use warpnuts::diagnostics::*;

use crate::helpers::rhat::split_rhat;

/// ArviZ's diagnostics of twelve sets of draws; null for NaN.
#[derive(Deserialize)]
struct Reference {
    sets: BTreeMap<String, Set>,
}

#[derive(Deserialize)]
struct Set {
    /// `draws[chain][draw]`
    draws: Vec<Vec<Option<f64>>>,
    rhat_rank: Option<f64>,
    ess_bulk: Option<f64>,
    ess_tail: Option<f64>,
    mcse_mean: Option<f64>,
    mcse_sd: Option<f64>,
}

impl Set {
    fn values(&self) -> Vec<f64> {
        self.draws.iter().flatten().map(|draw| draw.unwrap_or(f64::NAN)).collect()
    }
}

fn reference() -> BTreeMap<String, Set> {
    let reference: Reference = serde_json::from_str(include_str!("reference/diagnostics.json")).unwrap();
    assert_eq!(reference.sets.len(), 12);
    reference.sets
}

#[track_caller]
fn equals_arviz(ours: fn(Summary) -> f64, theirs: fn(&Set) -> Option<f64>) {
    for (name, set) in reference() {
        let ours = ours(Summary::of(Series::new(&set.values(), set.draws.len())));
        let theirs = theirs(&set).unwrap_or(f64::NAN);
        let is_equal = (ours.is_nan() && theirs.is_nan()) || (ours - theirs).abs() <= 1e-9 * theirs.abs();
        assert!(is_equal, "{name}: {ours}, but ArviZ says {theirs}");
    }
}

#[track_caller]
fn close(value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} to {tolerance}");
}

/// Independent standard normal draws: splitmix64 through the normal quantile function.
fn normal_draws(seed: u64, count: usize) -> Vec<f64> {
    let normal = Normal::standard();
    let uniform = |index: u64| {
        let mut bits = (seed << 32 | index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) >> 11) as f64 + 0.5
    };
    (1..=count as u64).map(|index| normal.inverse_cdf(uniform(index) / (1u64 << 53) as f64)).collect()
}

/// Stationary first-order autoregressions with correlation `phi` and unit variance, chain by chain.
fn autoregression(phi: f64, chains: usize, draws: usize) -> Vec<f64> {
    let mut values = normal_draws(7, chains * draws);
    for chain in values.chunks_exact_mut(draws) {
        for draw in 1..draws {
            chain[draw] = phi * chain[draw - 1] + (1.0 - phi * phi).sqrt() * chain[draw];
        }
    }
    values
}

fn numbers(s: &Summary) -> [f64; 10] {
    [s.mean, s.sd, s.q05, s.q50, s.q95, s.mcse_mean, s.mcse_sd, s.ess_bulk, s.ess_tail, s.rhat]
}

/// Asserts that two summaries are equal to the last bit, NaN included.
#[track_caller]
fn same(ours: &Summary, theirs: &Summary) {
    assert_eq!(numbers(ours).map(f64::to_bits), numbers(theirs).map(f64::to_bits), "{ours:?} is not {theirs:?}");
}

fn rhat(series: Series) -> f64 {
    Summary::of(series).rhat
}

/// Effective sample size of the mean.
fn ess_mean(series: Series) -> f64 {
    let Summary { sd, mcse_mean, .. } = Summary::of(series);
    (sd / mcse_mean).powi(2)
}

#[test]
fn rank_normalized_rhat_equals_arviz() {
    equals_arviz(|ours| ours.rhat, |set| set.rhat_rank);
}

#[test]
fn bulk_ess_equals_arviz() {
    equals_arviz(|ours| ours.ess_bulk, |set| set.ess_bulk);
}

#[test]
fn tail_ess_equals_arviz() {
    equals_arviz(|ours| ours.ess_tail, |set| set.ess_tail);
}

#[test]
fn mcse_of_the_mean_equals_arviz() {
    equals_arviz(|ours| ours.mcse_mean, |set| set.mcse_mean);
}

#[test]
fn mcse_of_the_sd_equals_arviz() {
    equals_arviz(|ours| ours.mcse_sd, |set| set.mcse_sd);
}

#[test]
fn ess_of_an_autoregression_is_the_analytic_one() {
    let (chains, draws) = (8, 20_000);
    for phi in [-0.4_f64, 0.0, 0.5, 0.9] {
        let expected = (chains * draws) as f64 * (1.0 - phi) / (1.0 + phi);
        let values = autoregression(phi, chains, draws);
        close(ess_mean(Series::new(&values, chains)) / expected, 1.0, 0.1);
    }
}

#[test]
fn rhat_and_bulk_ess_see_ranks_only() {
    let values = autoregression(0.5, 4, 100);
    let monotone: Vec<f64> = values.iter().map(|value| value.exp()).collect();
    let (values, monotone) = (Series::new(&values, 4), Series::new(&monotone, 4));
    assert_eq!(Summary::of(values).ess_bulk, Summary::of(monotone).ess_bulk);
    assert_ne!(ess_mean(values), ess_mean(monotone));
}

#[test]
fn rhat_sees_a_chain_of_another_scale() {
    let mut values = normal_draws(1, 4 * 500);
    values[..500].iter_mut().for_each(|value| *value *= 4.0);
    let series = Series::new(&values, 4);
    assert!(rhat(series) > 1.05, "{}", rhat(series));
    assert!(split_rhat(&values, 4) < 1.01, "{}", split_rhat(&values, 4));
}

#[test]
fn rhat_sees_chains_drift_together() {
    let mut values = normal_draws(2, 4 * 500);
    values.chunks_exact_mut(500).for_each(|chain| chain[250..].iter_mut().for_each(|value| *value += 2.0));
    assert!(rhat(Series::new(&values, 4)) > 1.3);
}

#[test]
fn chains_stuck_in_different_places_have_no_finite_rhat() {
    let values = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
    assert_eq!(rhat(Series::new(&values, 2)), f64::INFINITY);
}

#[test]
fn a_constant_is_a_constant_in_any_unit() {
    for value in [0.1, 1e-300, -3e200] {
        let values = [value; 40];
        let summary = Summary::of(Series::new(&values, 4));
        let located = [summary.mean, summary.q05, summary.q50, summary.q95];
        assert_eq!(located, [value; 4]);
        assert_eq!([summary.sd, summary.mcse_mean], [0.0, 0.0]);
        assert_eq!([summary.ess_bulk, summary.ess_tail], [40.0, 40.0]);
        assert!(summary.rhat.is_nan() && summary.mcse_sd.is_nan());
    }
    // ArviZ takes this for a constant.
    let tiny: Vec<f64> = autoregression(0.5, 4, 100).iter().map(|value| value * 2f64.powi(-60)).collect();
    assert!(ess_mean(Series::new(&tiny, 4)) < 300.0);
}

#[test]
fn three_draws_a_chain_have_moments_but_no_diagnostics() {
    let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let summary = Summary::of(Series::new(&values, 2));
    assert_eq!([summary.mean, summary.q50], [3.5, 3.5]);
    close(summary.sd, 3.5_f64.sqrt(), 1e-12);
    assert!(numbers(&summary)[5..].iter().all(|number| number.is_nan()), "{summary:?}");
}

#[test]
fn one_chain_has_effective_draws_but_no_rhat() {
    let values = autoregression(0.5, 1, 2_000);
    let summary = Summary::of(Series::new(&values, 1));
    close(summary.ess_bulk, 2_000.0 / 3.0, 200.0);
    assert!(summary.mcse_mean > 0.0);
    assert!(summary.rhat.is_nan());
}

#[test]
fn no_draws_are_no_number_and_no_panic() {
    for chains in [0, 1, 4] {
        let series = Series::new(&[], chains);
        assert!(numbers(&Summary::of(series)).iter().all(|number| number.is_nan()));
        assert!(nested_rhat(series, 1).is_nan());
        assert!(ebfmi(series).is_empty());
    }
    assert!(summarize(&[], 0, 4).is_empty());
    assert_eq!(summarize(&[], 3, 4).len(), 3);
}

#[test]
fn draws_near_overflow_do_not_panic() {
    let values: Vec<f64> = normal_draws(10, 80).iter().map(|draw| f64::MAX * draw.tanh()).collect();
    let summary = Summary::of(Series::new(&values, 4));
    assert!(summary.rhat.is_finite() && summary.ess_bulk.is_finite(), "{summary:?}");
}

#[test]
fn one_draw_that_is_not_finite_spoils_the_summary() {
    for spoiler in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut values = normal_draws(3, 400);
        values[123] = spoiler;
        let series = Series::new(&values, 4);
        assert!(numbers(&Summary::of(series)).iter().all(|number| number.is_nan()));
        assert!(nested_rhat(series, 2).is_nan());
    }
}

#[test]
fn quantiles_are_linear_between_draws() {
    let sorted = [1.0, 2.0, 4.0, 8.0];
    let at = |p| quantile(&sorted, p);
    assert_eq!([at(0.0), at(0.25), at(0.5), at(0.75), at(1.0)], [1.0, 1.75, 3.0, 5.0, 8.0]);
    assert_eq!(quantile(&[3.0], 0.3), 3.0);
    assert!(quantile(&[], 0.5).is_nan());
}

#[test]
fn mean_and_sd_pool_all_draws() {
    let values: Vec<f64> = (1..=21).map(f64::from).collect();
    close(mean(&values), 11.0, 1e-12);
    close(sd(&values), 38.5_f64.sqrt(), 1e-12);
    assert!(mean(&[]).is_nan() && sd(&[1.0]).is_nan());
}

#[test]
fn a_summary_locates_as_the_single_functions_do() {
    let reference = reference();
    let unlike_the_reference =
        [(4, autoregression(0.7, 4, 301)), (1, autoregression(0.7, 1, 50)), (3, vec![0.5, -0.5, 0.25, 0.0, 1.0, 2.0])];
    let sets = reference.values().map(|set| (set.draws.len(), set.values()));
    let finite = sets.filter(|(_, values)| values.iter().all(|value| value.is_finite()));
    for (chains, values) in finite.chain(unlike_the_reference) {
        let summary = Summary::of(Series::new(&values, chains));
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let expected = Summary {
            mean: mean(&values),
            sd: sd(&values),
            q05: quantile(&sorted, 0.05),
            q50: quantile(&sorted, 0.5),
            q95: quantile(&sorted, 0.95),
            quartiles: [0.25, 0.75].map(|p| sorted[((sorted.len() - 1) as f64 * p).round() as usize]),
            ..summary
        };
        same(&summary, &expected);
    }
}

#[test]
fn independent_draws_are_located_and_compared_as_chains_are() {
    let sets = [
        (4, normal_draws(11, 400)),
        (3, autoregression(0.9, 3, 101)),
        (2, normal_draws(12, 66).iter().map(|draw| draw.round()).collect()),
        // Every half chain is stuck; two of them at the same place.
        (2, (0..40).map(|i| f64::from(i / 10 % 3)).collect()),
        (2, vec![2.5; 40]),
        (1, normal_draws(13, 50)),
        (5, normal_draws(14, 15)),
        (2, normal_draws(15, 80).iter().map(|draw| f64::MAX * draw.tanh()).collect()),
    ];
    for (chains, values) in sets {
        let series = Series::new(&values, chains);
        let (here, ordinary) = (Summary::of_independent(series), Summary::of(series));
        let size = values.len() as f64;
        let (mcse_mean, mcse_sd) = (ordinary.sd / size.sqrt(), here.mcse_sd);
        let near = (here.rhat - ordinary.rhat).abs() <= 1e-10 * ordinary.rhat;
        assert!(near || here.rhat.is_nan() && ordinary.rhat.is_nan() || here.rhat == ordinary.rhat, "{here:?}");
        let rhat = here.rhat;
        same(&here, &Summary { mcse_mean, mcse_sd, ess_bulk: size, ess_tail: size, rhat, ..ordinary });
        assert!(here.mcse_sd > 0.0 || values[0] == 2.5 || values[0].abs() > 1e300, "{here:?}");
        let both = [values.clone(), values.clone()].concat();
        summarize_independent(&both, 2, chains).iter().for_each(|row| same(row, &here));
    }
    assert!(summarize_independent(&[], 0, 4).is_empty());
    assert!(numbers(&Summary::of_independent(Series::new(&[], 4))).iter().all(|number| number.is_nan()));
    assert!(numbers(&Summary::of_independent(Series::new(&[1.0, f64::NAN], 1))).iter().all(|number| number.is_nan()));
}

#[test]
fn summarize_equals_a_summary_of_each_variable() {
    let (variables, chains, draws) = (9, 4, 33);
    let mut values = normal_draws(4, variables * chains * draws);
    values[2 * chains * draws + 5] = f64::NAN;
    values[3 * chains * draws..4 * chains * draws].fill(0.1);
    let summaries = summarize(&values, variables, chains);
    assert_eq!(summaries.len(), variables);
    for (variable, summary) in values.chunks_exact(chains * draws).zip(&summaries) {
        same(summary, &Summary::of(Series::new(variable, chains)));
    }
}

#[test]
fn nested_rhat_equals_arithmetic_by_hand() {
    // Two superchains of two chains of two draws. Chain means 1, 2 | 4, 7; superchain means 1.5 and 5.5, so B = 8.
    // Within: (0.5 + (2 + 0) / 2) = 1.5 and (4.5 + (8 + 2) / 2) = 9.5, so W = 5.5.
    let values = [0.0, 2.0, 2.0, 2.0, 2.0, 6.0, 6.0, 8.0];
    close(nested_rhat(Series::new(&values, 4), 2), (1.0_f64 + 8.0 / 5.5).sqrt(), 1e-12);
}

#[test]
fn nested_rhat_works_with_one_draw_a_chain() {
    // Superchain means 1 and 3, so B = 2; chain variances within them 2 and 8, so W = 5.
    let values = [0.0, 2.0, 1.0, 5.0];
    close(nested_rhat(Series::new(&values, 4), 2), (1.0_f64 + 2.0 / 5.0).sqrt(), 1e-12);
}

#[test]
fn nested_rhat_works_with_one_chain_a_superchain() {
    // Chain means 1 and 4, so B = 4.5; draw variances within them 2 and 8, so W = 5.
    let values = [0.0, 2.0, 2.0, 6.0];
    close(nested_rhat(Series::new(&values, 2), 1), (1.0_f64 + 4.5 / 5.0).sqrt(), 1e-12);
}

#[test]
fn nested_rhat_of_independent_draws_is_one() {
    // E B / W = 1 / (chains_per_superchain * draws), whatever the number of draws of a chain.
    for draws in [1, 4] {
        let values = normal_draws(5, 16 * 256 * draws);
        close(nested_rhat(Series::new(&values, 16 * 256), 256), 1.0, 0.005);
    }
}

#[test]
fn nested_rhat_sees_one_superchain_off() {
    // B = shift^2 / superchains + 1 / (chains * draws), W = 1 + 1 / draws
    let (superchains, chains, draws, shift) = (16, 64, 5, 3.0);
    let mut values = normal_draws(6, superchains * chains * draws);
    values[..chains * draws].iter_mut().for_each(|value| *value += shift);
    let (between, within) = (shift * shift / 16.0 + 1.0 / 320.0, 1.2);
    let expected: f64 = 1.0 + between / within;
    close(nested_rhat(Series::new(&values, superchains * chains), chains), expected.sqrt(), 0.02);
}

#[test]
fn nested_rhat_of_what_is_not_nested_is_no_number() {
    let values = normal_draws(8, 12);
    for (chains, chains_per_superchain) in [(4, 3), (4, 0), (4, 4), (12, 1), (4, 8)] {
        assert!(nested_rhat(Series::new(&values, chains), chains_per_superchain).is_nan());
    }
    assert!(nested_rhat(Series::new(&[0.1; 12], 4), 2).is_nan());
}

#[test]
fn ebfmi_equals_arithmetic_by_hand() {
    // First chain: steps 1, 2, -4, with sum of squares 21; about the mean of 1.75 the sum of squares is 8.75.
    // Second chain: three steps of 1; about the mean of 1.5 the sum of squares is 5.
    let energies = [1.0, 2.0, 4.0, 0.0, 0.0, 1.0, 2.0, 3.0];
    let ebfmi = ebfmi(Series::new(&energies, 2));
    assert_eq!(ebfmi.len(), 2);
    close(ebfmi[0], 21.0 / 8.75, 1e-12);
    close(ebfmi[1], 3.0 / 5.0, 1e-12);
}

#[test]
fn ebfmi_of_independent_energies_is_two() {
    let energies = normal_draws(9, 4 * 10_000);
    ebfmi(Series::new(&energies, 4)).iter().for_each(|&chain| close(chain, 2.0, 0.1));
}

#[test]
fn ebfmi_of_energy_that_hardly_moves_is_small() {
    let energies = autoregression(0.95, 4, 10_000);
    ebfmi(Series::new(&energies, 4)).iter().for_each(|&chain| close(chain, 0.1, 0.03));
}

#[test]
fn ebfmi_of_constant_or_broken_energy_is_no_number() {
    let energies = [0.1, 0.1, 0.1, 1.0, f64::INFINITY, 2.0, 1.0, f64::NAN, 2.0];
    assert!(ebfmi(Series::new(&energies, 3)).iter().all(|chain| chain.is_nan()));
}
