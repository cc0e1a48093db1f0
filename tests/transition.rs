//! The state machine is NUTS: it has the trees and the draws, bit for bit, of a recursion written from Hoffman and
//! Gelman (2014) and Stan's `base_nuts` with the same random numbers. Its leapfrog is the textbook's, and its
//! transitions leave distributions invariant.

use std::sync::Arc;

use statrs::distribution::{ContinuousCDF, Normal};
use warpnuts::data::Dataset;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::model::{Centering, Coordinates, Priors, Scaling};
use warpnuts::nuts::{Kernel, State, Transition, Tuning};
use warpnuts::random::{Purpose, StreamKey};

use crate::helpers::chance;
use crate::helpers::models;
use crate::helpers::recursion::{Ending, LogDensity, RecursionOutcome, dot, funnel, recursive_transition, run, state};

fn is_close(value: f64, truth: f64) -> bool {
    (value - truth).abs() <= 1e-10 * truth.abs().max(1.0)
}

/// How often each kind of tree occurred.
#[derive(Default, Debug)]
struct Met {
    transitions: usize,
    depths: [usize; 11],
    divergences: usize,
    late_divergences: usize,
    saturations: usize,
    /// By the criterion that failed first: the whole, left and first of right, last of left and right.
    turns_inside: [usize; 3],
    turns_at_joins: [usize; 3],
    moved: usize,
}

impl Met {
    fn count(&mut self, told: &RecursionOutcome, from: &State) {
        self.transitions += 1;
        self.depths[told.tree_depth as usize] += 1;
        self.moved += usize::from(told.sample.position[..] != from.position[..]);
        match told.ending {
            Ending::Divergence => {
                self.divergences += 1;
                self.late_divergences += usize::from(told.n_steps > 4);
            }
            Ending::Irreversible => unreachable!("a leapfrog is its own way back"),
            Ending::Saturation => self.saturations += 1,
            Ending::TurnInside(turn) => self.turns_inside[turn as usize] += 1,
            Ending::TurnAtJoin(turn) => self.turns_at_joins[turn as usize] += 1,
        }
    }

    fn add(&mut self, other: Met) {
        self.transitions += other.transitions;
        self.divergences += other.divergences;
        self.late_divergences += other.late_divergences;
        self.saturations += other.saturations;
        self.moved += other.moved;
        self.depths.iter_mut().zip(other.depths).for_each(|(ours, theirs)| *ours += theirs);
        self.turns_inside.iter_mut().zip(other.turns_inside).for_each(|(ours, theirs)| *ours += theirs);
        self.turns_at_joins.iter_mut().zip(other.turns_at_joins).for_each(|(ours, theirs)| *ours += theirs);
    }
}

/// Runs a chain of `transitions` by both, each from the last state of the machine, and compares every transition.
/// Positions are computed by the same operations in the same order, and have the same bits; sums over coordinates are
/// not, and energies are equal to rounding.
fn compare(
    name: &str,
    log_density: &mut LogDensity,
    start: &[f64],
    scale: &[f64],
    step: f64,
    max_depth: u32,
    transitions: u32,
) -> Met {
    let mut machine = Transition::new(start.len(), max_depth);
    machine.configure(&Tuning::new(scale.to_vec(), 1.0, max_depth));
    let mut from = state(start, log_density);
    let mut met = Met::default();
    for number in 0..transitions {
        let key = StreamKey { seed: 42, chain: 3, transition: number };
        let ours = run(&mut machine, log_density, key, &from, step);
        let told = recursive_transition(&mut *log_density, scale, key, &from, step, max_depth, None);
        let at = format!("{name}, step {step}, max depth {max_depth}, transition {number}: {ours:?}");

        assert_eq!(machine.sample().position[..], told.sample.position[..], "draw of {at}");
        assert_eq!(machine.sample().gradient[..], told.sample.gradient[..], "gradient of {at}");
        assert_eq!(machine.sample().log_density, told.sample.log_density, "log density of {at}");
        assert_eq!(ours.lp, told.sample.log_density, "lp of {at}");
        assert_eq!(ours.tree_depth, told.tree_depth, "{:?} in {at}", told.ending);
        assert_eq!(ours.n_steps, told.n_steps, "{:?} in {at}", told.ending);
        assert_eq!(ours.diverging, told.ending == Ending::Divergence, "{at}");
        assert_eq!(ours.reached_max_treedepth, told.ending == Ending::Saturation, "{at}");
        assert_eq!(ours.step_size, step, "{at}");
        assert!(is_close(ours.energy, told.energy), "energy {} in {at}", told.energy);
        assert!(is_close(ours.acceptance_rate, told.acceptance_rate), "acceptance {} in {at}", told.acceptance_rate);

        met.count(&told, &from);
        let sample = machine.sample();
        from.set(&sample.position, &sample.gradient, sample.log_density);
    }
    met
}

fn radon(effect: Centering) -> CpuDensity {
    let dataset = Arc::new(Dataset::radon().unwrap());
    let parameterization = Coordinates::joint(effect, dataset.n_coefficients());
    let scaling = Scaling::standardizing(&dataset);
    CpuDensity::new(&models::posterior(dataset, Priors::default(), parameterization, scaling))
}

/// Scales from 1 / `spread` to `spread`, as in a metric.
fn scales(dim: usize, seed: u64, spread: f64) -> Vec<f64> {
    let key = StreamKey { seed, chain: 0, transition: 0 };
    (0..dim as u32).map(|i| spread.powf(2.0 * key.uniform(Purpose::Stream, i) - 1.0)).collect()
}

fn standard_normal(position: &[f64], gradient: &mut [f64]) -> f64 {
    for (gradient, q) in gradient.iter_mut().zip(position) {
        *gradient = -q;
    }
    -0.5 * dot(position, position)
}

/// A normal first-order autoregression with correlation 0.9 between neighbors.
fn correlated_normal(position: &[f64], gradient: &mut [f64]) -> f64 {
    const PHI: f64 = 0.9;
    let precision = 1.0 / (1.0 - PHI * PHI);
    gradient.fill(0.0);
    gradient[0] = -position[0];
    let mut log_density = -0.5 * position[0] * position[0];
    for i in 1..position.len() {
        let innovation = position[i] - PHI * position[i - 1];
        log_density -= 0.5 * precision * innovation * innovation;
        gradient[i] -= precision * innovation;
        gradient[i - 1] += precision * PHI * innovation;
    }
    log_density
}

/// Logarithms of exponential deviates, log p = sum q - e^q: steep on one side, flat on the other.
fn log_exponential(position: &[f64], gradient: &mut [f64]) -> f64 {
    let mut log_density = 0.0;
    for (gradient, q) in gradient.iter_mut().zip(position) {
        let exp = q.exp();
        *gradient = 1.0 - exp;
        log_density += q - exp;
    }
    log_density
}

/// A standard normal with a region of NaN, an edge beyond which the density is 0, and a corner where it is infinite.
fn broken_normal(position: &[f64], gradient: &mut [f64]) -> f64 {
    let log_density = standard_normal(position, gradient);
    if position[0] > 1.5 {
        gradient.fill(f64::NAN);
        return f64::NAN;
    }
    if position[1] < -1.5 {
        return f64::NEG_INFINITY;
    }
    if position[2] > 2.0 {
        return f64::INFINITY;
    }
    if position[3] > 1.5 {
        gradient[3] = f64::NAN;
    }
    log_density
}

#[test]
fn every_tree_is_the_recursions_tree() {
    let mut all = Met::default();

    for effect in [Centering::NonCentered, Centering::Centered] {
        let mut density = radon(effect);
        let mut log_density = |theta: &[f64], gradient: &mut [f64]| density.log_density(theta, gradient);
        let start = scales(175, 1, 0.9);
        for (step, spread, transitions) in
            [(0.02, 1.0, 100), (0.1, 1.0, 300), (0.05, 1.5, 200), (0.15, 1.5, 400), (0.4, 1.5, 200), (2.0, 1.5, 20)]
        {
            let scale = scales(175, 2, spread);
            let met = compare("radon", &mut log_density, &start, &scale, step, 10, transitions);
            all.add(met);
        }
        all.add(compare("radon", &mut log_density, &start, &[0.3; 175], 0.05, 3, 100));
    }

    for dim in [2, 7, 8, 9, 10, 31] {
        let start = vec![0.5; dim];
        for (step, spread) in [(0.1, 1.0), (0.4, 1.5), (0.8, 1.0), (1.2, 2.0)] {
            let scale = scales(dim, 3, spread);
            all.add(compare("correlated normal", &mut correlated_normal, &start, &scale, step, 10, 300));
            all.add(compare("correlated normal", &mut correlated_normal, &start, &scale, step, 2, 50));
        }
    }
    for (dim, step) in [(1, 0.3), (1, 1.9), (3, 1.7), (100, 0.6), (100, 0.01)] {
        all.add(compare("standard normal", &mut standard_normal, &vec![0.1; dim], &vec![1.0; dim], step, 10, 300));
        all.add(compare("standard normal", &mut standard_normal, &vec![0.1; dim], &vec![1.0; dim], step, 1, 50));
    }
    // If a doubling takes about one period, the ends agree and only the inner criteria detect the U-turn.
    for step in [0.2, 0.4, 0.8] {
        all.add(compare("standard normal", &mut standard_normal, &[0.4; 50], &[1.0; 50], step, 10, 300));
    }
    for dim in [2, 3, 5, 8] {
        for step in [0.1, 0.2, 0.3, 0.5, 0.8] {
            let scale = scales(dim, 11, 1.2);
            all.add(compare("log exponential", &mut log_exponential, &vec![0.0; dim], &scale, step, 10, 800));
        }
    }
    for (step, spread) in [(0.05, 1.0), (0.3, 1.0), (0.6, 1.5)] {
        let scale = scales(10, 4, spread);
        all.add(compare("funnel", &mut funnel, &[0.2; 10], &scale, step, 10, 1000));
        all.add(compare("funnel", &mut funnel, &[0.2; 10], &scale, step, 5, 300));
    }
    for (step, spread) in [(0.02, 1.0), (0.2, 1.2), (0.5, 1.0)] {
        let scale = scales(5, 5, spread);
        all.add(compare("broken normal", &mut broken_normal, &[0.0; 5], &scale, step, 8, 1000));
    }

    // The comparison is meaningful only if every kind of tree occurred often.
    assert!(all.transitions > 35_000, "{all:#?}");
    assert!(all.depths.iter().all(|met| *met >= 20), "{all:#?}");
    assert!(all.divergences > 500 && all.late_divergences > 100, "{all:#?}");
    assert!(all.saturations > 500, "{all:#?}");
    assert!(all.turns_inside.iter().chain(&all.turns_at_joins).all(|met| *met > 50), "{all:#?}");
    assert!(all.moved > all.transitions / 2, "{all:#?}");
}

#[test]
fn a_used_machine_is_as_good_as_a_new_one() {
    let from = state(&[0.3; 9], &mut correlated_normal);
    let mut used = Transition::new(9, 10);
    for number in 0..200 {
        let key = StreamKey { seed: 1, chain: 0, transition: number };
        let max_depth = 1 + number % 6;
        let scale = scales(9, u64::from(number), 1.5);
        let mut new = Transition::new(9, max_depth);
        for machine in [&mut used, &mut new] {
            machine.configure(&Tuning::new(scale.to_vec(), 1.0, max_depth));
        }
        let by_used = run(&mut used, &mut correlated_normal, key, &from, 0.1);
        let by_new = run(&mut new, &mut correlated_normal, key, &from, 0.1);
        assert_eq!(by_used, by_new);
        assert_eq!(used.sample(), new.sample());
    }
}

#[test]
fn a_tree_is_no_deeper_than_there_is_room_for() {
    let from = state(&[0.3; 9], &mut standard_normal);
    let mut machine = Transition::new(9, 3);
    machine.configure(&Tuning::new(vec![1.0; 9], 1.0, 10));
    let statistics =
        run(&mut machine, &mut standard_normal, StreamKey { seed: 1, chain: 0, transition: 0 }, &from, 0.001);
    assert_eq!((statistics.tree_depth, statistics.n_steps), (3, 7));
    assert!(statistics.reached_max_treedepth);
}

/// With a metric M as in textbooks: p ~ Normal(0, M), p += h/2 grad, q += h M^{-1} p, p += h/2 grad, and H = -log p(q)
/// + p' M^{-1} p / 2, where M^{-1} has the squares of the scale on its diagonal.
#[test]
fn the_leapfrog_is_the_textbooks_with_an_explicit_metric() {
    let dim = 11;
    let scale = scales(dim, 6, 3.0);
    let mass: Vec<f64> = scale.iter().map(|s| 1.0 / (s * s)).collect();
    let step = 0.2;
    let from = state(&scales(dim, 7, 2.0), &mut correlated_normal);
    let mut machine = Transition::new(dim, 1);
    machine.configure(&Tuning::new(scale.to_vec(), 1.0, 1));
    let (mut forwards, mut accepted, mut uphill) = (0, 0, 0);
    for number in 0..200 {
        let key = StreamKey { seed: 5, chain: 1, transition: number };
        let is_forwards = key.words(Purpose::Direction, 0)[0] & 1 == 1;
        let h = if is_forwards { step } else { -step };
        let mut momentum = vec![0.0; dim];
        key.normals(Purpose::Momentum, &mut momentum);
        let kinetic = |p: &[f64]| 0.5 * p.iter().zip(&mass).map(|(p, m)| p * p / m).sum::<f64>();
        let mut p: Vec<f64> = momentum.iter().zip(&mass).map(|(normal, m)| m.sqrt() * normal).collect();
        let initial_energy = kinetic(&p) - from.log_density;
        let mut q = from.position.to_vec();
        for i in 0..dim {
            p[i] += h / 2.0 * from.gradient[i];
            q[i] += h * p[i] / mass[i];
        }
        machine.begin(key, &from, step);
        for (wanted, q) in machine.wants().iter().zip(&q) {
            assert!((wanted - q).abs() < 1e-13 * q.abs().max(1.0), "{wanted} not {q}");
        }
        let mut gradient = vec![0.0; dim];
        let log_density = correlated_normal(&q, &mut gradient);
        for i in 0..dim {
            p[i] += h / 2.0 * gradient[i];
        }
        let energy = kinetic(&p) - log_density;

        let statistics = run(&mut machine, &mut correlated_normal, key, &from, step);
        let acceptance = (initial_energy - energy).exp().min(1.0);
        assert!(is_close(statistics.acceptance_rate, acceptance), "{} not {acceptance}", statistics.acceptance_rate);
        let has_moved = machine.sample().position != from.position;
        let expected = if has_moved { energy } else { initial_energy };
        assert!(is_close(statistics.energy, expected), "{} not {expected}", statistics.energy);
        forwards += usize::from(is_forwards);
        accepted += usize::from(has_moved);
        uphill += usize::from(acceptance < 1.0);
    }
    for count in [forwards, accepted, uphill] {
        assert!((20..180).contains(&count), "forwards {forwards}, accepted {accepted}, uphill {uphill}");
    }
}

/// After a few transitions from exact draws, coordinate by coordinate, Kolmogorov and Smirnov's statistic, sqrt(n)
/// times the largest distance from the distribution function.
fn distances_after_transitions(
    log_density: &mut LogDensity,
    quantile: impl Fn(f64) -> f64,
    cdf: impl Fn(f64) -> f64,
    scale: &[f64],
    step: f64,
) -> (Vec<Vec<f64>>, Vec<f64>) {
    const CHAINS: u32 = 30_000;
    let dim = scale.len();
    let mut machine = Transition::new(dim, 10);
    machine.configure(&Tuning::new(scale.to_vec(), 1.0, 10));
    let mut columns = vec![Vec::new(); dim];
    for chain in 0..CHAINS {
        let key = StreamKey { seed: 9, chain, transition: 0 };
        let draw: Vec<f64> = (0..dim as u32).map(|i| quantile(key.uniform(Purpose::Start, i))).collect();
        let mut from = state(&draw, log_density);
        for transition in 0..5 {
            run(&mut machine, log_density, StreamKey { transition, ..key }, &from, step);
            let sample = machine.sample();
            from.set(&sample.position, &sample.gradient, sample.log_density);
        }
        for (column, q) in columns.iter_mut().zip(from.position.iter()) {
            column.push(*q);
        }
    }
    let n = f64::from(CHAINS);
    let distances = columns.iter().map(|column| {
        let mut sorted = column.clone();
        sorted.sort_by(f64::total_cmp);
        let distance = |(i, q): (usize, &f64)| {
            let (below, cdf) = (i as f64 / n, cdf(*q));
            (cdf - below).max(below + 1.0 / n - cdf)
        };
        n.sqrt() * sorted.iter().enumerate().map(distance).fold(0.0, f64::max)
    });
    let distances = distances.collect();
    (columns, distances)
}

/// Means, variances, correlations and distribution functions of ten coordinates under three metrics, in their standard
/// errors.
#[test]
fn a_standard_normal_stays_a_standard_normal() {
    let limit = chance::largest(3 * (10 + 10 + 45));
    let normal = Normal::standard();
    for (spread, step) in [(1.0, 0.9), (1.5, 0.7), (3.0, 0.5)] {
        let scale = scales(10, 8, spread);
        let (columns, distances) = distances_after_transitions(
            &mut standard_normal,
            |u| normal.inverse_cdf(u),
            |q| normal.cdf(q),
            &scale,
            step,
        );
        for (i, (column, distance)) in columns.iter().zip(distances).enumerate() {
            let n = column.len() as f64;
            let mean = column.iter().sum::<f64>() / n;
            let variance = dot(column, column) / n;
            assert!(mean.abs() * n.sqrt() < limit, "mean of coordinate {i}: {mean}");
            assert!((variance - 1.0).abs() * (n / 2.0).sqrt() < limit, "variance of coordinate {i}: {variance}");
            assert!(distance < chance::kolmogorov_smirnov(30), "Kolmogorov-Smirnov of coordinate {i}: {distance}");
            for (j, other) in columns[..i].iter().enumerate() {
                let correlation = dot(column, other) / n;
                assert!(correlation.abs() * n.sqrt() < limit, "coordinates {i} and {j}: {correlation}");
            }
        }
    }
}

/// Whatever prefers one end of a trajectory shows here: in the distribution functions of twelve coordinates.
#[test]
fn a_lopsided_distribution_stays_as_it_is() {
    for (spread, step) in [(1.0, 0.8), (2.0, 0.6)] {
        let (_, distances) = distances_after_transitions(
            &mut log_exponential,
            |u| (-u.ln()).ln(),
            |q| -(-q.exp()).exp_m1(),
            &scales(6, 10, spread),
            step,
        );
        for (i, distance) in distances.iter().enumerate() {
            assert!(*distance < chance::kolmogorov_smirnov(12), "Kolmogorov-Smirnov of coordinate {i}: {distance}");
        }
    }
}
