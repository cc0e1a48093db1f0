//! Samplers whose steps follow the curvature are right: WALNUTS has the draws, bit for bit, of a recursion written from
//! its rules, which is in detailed balance; the Riemannian metric is the curvature, and its steps are reversible,
//! symplectic and of second order; and all of them leave distributions as they are, with small steps and with large.

use std::ops::Range;
use std::process::Command;
use std::sync::Arc;

use rayon::prelude::*;
use warpnuts::data::Dataset;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::density::location_metric::LocationMetric;
use warpnuts::density::metric::Metric;
use warpnuts::engine::Progress;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Keep, Sampled, Sampler, Settings, sample};
use warpnuts::model::Model;
use warpnuts::nuts::{Advance, Halving, Integrator, Kernel, PhasePoint, Riemannian, Transition, Tuning, Walnuts};
use warpnuts::random::{Purpose, StreamKey};

use crate::helpers::chance;
use crate::helpers::common::Folder;
use crate::helpers::models;
use crate::helpers::recursion::{Ending, Point, Rules, Stretch, dot, funnel, join, recursive_transition, run, state};
use crate::helpers::running::kill;
use crate::helpers::stored::{same_bytes, store};

/// The funnel's own metric: the precision of all others given their log variance.
#[derive(Clone)]
struct FunnelMetric {
    others: usize,
    v: f64,
}

impl Metric for FunnelMetric {
    fn scales(&self) -> Range<usize> {
        0..1
    }

    fn factorize(&mut self, theta: &[f64]) {
        self.v = theta[0];
    }

    fn log_determinant(&self) -> f64 {
        -(self.others as f64) * self.v
    }

    fn momentum(&mut self, whitened: &[f64], momentum: &mut [f64]) {
        (1..=self.others).for_each(|i| momentum[i] = (-0.5 * self.v).exp() * whitened[i]);
    }

    fn whiten(&mut self, momentum: &[f64], whitened: &mut [f64]) {
        (1..=self.others).for_each(|i| whitened[i] = (0.5 * self.v).exp() * momentum[i]);
    }

    fn velocity(&mut self, whitened: &[f64], velocity: &mut [f64]) {
        (1..=self.others).for_each(|i| velocity[i] = (0.5 * self.v).exp() * whitened[i]);
    }

    fn kinetic_force(&mut self, velocity: &[f64], force: &mut [f64]) {
        force[0] = -0.5 * (-self.v).exp() * dot(&velocity[1..], &velocity[1..]);
    }

    fn determinant_force(&mut self, force: &mut [f64]) {
        force[0] = 0.5 * self.others as f64;
    }
}

fn walnuts(dim: usize, halving: Halving) -> Transition<Walnuts> {
    Transition::over(Walnuts::new(dim, halving), dim, 10)
}

fn tuning(scale: &[f64], max_depth: u32, tolerance: f64) -> Tuning {
    Tuning { tolerance, ..Tuning::new(scale.to_vec(), 1.0, max_depth) }
}

#[test]
fn every_refined_transition_is_the_recursions() {
    let mut refined = 0;
    let (mut irreversible, mut diverging, mut moved, mut all) = (0, 0, 0, 0);
    for (dim, step, tolerance) in [(2, 0.3, 0.2), (5, 0.8, 0.3), (10, 0.36, 0.21), (10, 2.0, 1.0), (3, 0.5, 1e-7)] {
        for (halving, random) in [(Halving::Least, false), (Halving::Random, true)] {
            let scale: Vec<f64> = (0..dim).map(|i| 1.0 + 0.1 * i as f64).collect();
            let mut machine = walnuts(dim, halving);
            machine.configure(&tuning(&scale, 5, tolerance));
            let mut from = state(&vec![0.3; dim], &mut funnel);
            for transition in 0..400 {
                let key = StreamKey { seed: 5, chain: dim as u32, transition };
                let rules = Rules { tolerance, random };
                let told = recursive_transition(&mut funnel, &scale, key, &from, step, 5, Some(rules));
                let ours = run(&mut machine, &mut funnel, key, &from, step);
                let at = format!("{dim} dimensions, step {step}, {halving:?}, transition {transition}: {ours:?}");
                let sample = machine.sample();
                assert_eq!(sample.position[..], told.sample.position[..], "{:?} in {at}", told.ending);
                assert_eq!(sample.gradient[..], told.sample.gradient[..], "{at}");
                assert_eq!(ours.tree_depth, told.tree_depth, "{:?} in {at}", told.ending);
                assert_eq!(ours.diverging, told.ending == Ending::Divergence, "{at}");
                assert_eq!(ours.irreversible, told.ending == Ending::Irreversible, "{at}");
                assert!((ours.energy - told.energy).abs() <= 1e-9 * told.energy.abs().max(1.0), "{at}");
                assert!((ours.acceptance_rate - told.acceptance_rate).abs() < 1e-9, "{at}");
                all += 1;
                refined += usize::from(ours.halvings > 1);
                irreversible += usize::from(ours.irreversible);
                diverging += usize::from(ours.diverging);
                moved += usize::from(sample.position != from.position);
                from.set(&sample.position, &sample.gradient, sample.log_density);
            }
        }
    }
    let met = format!("{all}: {refined} refined, {irreversible} irreversible, {diverging} diverging, {moved} moved");
    assert!(refined > all / 10 && irreversible > all / 20 && diverging > 50 && moved > all / 2, "{met}");
}

/// Random bits that are given, one after the other, with the probability of those that were asked for.
struct Script<'a> {
    bits: &'a [bool],
    used: usize,
    probability: f64,
    /// Whether more bits are needed.
    ends: bool,
}

impl Script<'_> {
    fn bit(&mut self, probability: f64) -> bool {
        let bit = self.bits.get(self.used).copied();
        self.used += 1;
        self.ends |= bit.is_none();
        self.probability *= if bit == Some(true) { probability } else { 1.0 - probability };
        bit == Some(true)
    }
}

/// Where a transition from `start` may end, with the probabilities: by every sequence of directions and of halvings.
fn destinations(start: &Point, step: f64, depth: u32, rules: Rules) -> (Vec<(Point, f64)>, usize) {
    let (mut all, mut irreversible) = (Vec::new(), 0);
    let mut scripts: Vec<Vec<bool>> = vec![Vec::new()];
    while let Some(bits) = scripts.pop() {
        let mut script = Script { bits: &bits, used: 0, probability: 1.0, ends: false };
        let (sample, ending) = by_script(start, step, depth, rules, &mut script);
        if script.ends {
            scripts.extend([false, true].map(|bit| [&bits[..], &[bit]].concat()));
            continue;
        }
        irreversible += usize::from(ending == Some(Ending::Irreversible));
        all.extend(sample.into_iter().map(|(point, share)| (point, share * script.probability)));
    }
    (all, irreversible)
}

/// The distribution of the sample of one trajectory.
fn by_script(
    start: &Point,
    step: f64,
    depth: u32,
    rules: Rules,
    script: &mut Script,
) -> (Vec<(Point, f64)>, Option<Ending>) {
    let scale = vec![1.0; start.position.len()];
    let weight = |point: &Point| (point.log_odds + start.energy() - point.energy()).exp();
    let mut sample = vec![(start.clone(), 1.0)];
    let (mut ends, mut whole, mut total) = ([start.clone(), start.clone()], Stretch::of(&start.momentum), 1.0);
    for doubling in 0..depth {
        let forwards = script.bit(0.5);
        let end = &mut ends[usize::from(forwards)];
        let signed = if forwards { step } else { -step };
        let mut leaves: Vec<(Point, f64)> = Vec::new();
        let mut parts: Vec<(u32, Stretch)> = Vec::new();
        for _ in 0..1 << doubling {
            match rules.step(&mut funnel, &scale, end, signed, || script.bit(1.0 / 3.0)) {
                Ok((point, _)) => *end = point,
                Err(ending) => return (sample, Some(ending)),
            }
            leaves.push((end.clone(), weight(end)));
            parts.push((0, Stretch::of(&end.momentum)));
            while let [.., (left, _), (right, _)] = parts[..]
                && left == right
            {
                let (Some((height, right)), Some((_, left))) = (parts.pop(), parts.pop()) else { unreachable!() };
                let (joined, turn) = join(&left, &right);
                if let Some(turn) = turn {
                    return (sample, Some(Ending::TurnInside(turn)));
                }
                parts.push((height + 1, joined));
            }
        }
        let subtree = parts.pop().unwrap().1;
        let new: f64 = leaves.iter().map(|(_, weight)| weight).sum();
        let taken = (new / total).min(1.0);
        sample.iter_mut().for_each(|(_, share)| *share *= 1.0 - taken);
        sample.extend(leaves.into_iter().map(|(point, weight)| (point, taken * weight / new)));
        total += new;
        let (joined, turn) = if forwards { join(&whole, &subtree) } else { join(&subtree.reversed(), &whole) };
        whole = joined;
        if turn.is_some() {
            break;
        }
    }
    (sample, None)
}

fn probability_of(point: &Point, all: &[(Point, f64)]) -> f64 {
    let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-8 * (1.0 + a.abs()));
    let here = |other: &Point| near(&point.position, &other.position) && near(&point.momentum, &other.momentum);
    all.iter().filter(|(other, _)| here(other)).map(|(_, share)| share).sum()
}

/// exp(-H(z)) P(z, z') = exp(-H(z')) P(z', z) for every place that a transition can go to from a few points, by all
/// sequences of random numbers: the rules are in detailed balance, with or without the choice of the halvings.
#[test]
fn the_rules_are_in_detailed_balance() {
    let (mut pairs, mut refined, mut irreversible, mut odd) = (0, 0, 0, 0);
    for random in [false, true] {
        let rules = Rules { tolerance: 0.2, random };
        for i in 0..10 {
            let key = StreamKey { seed: 3, chain: i, transition: 0 };
            let mut normals = [0.0; 4];
            key.normals(Purpose::Stream, &mut normals);
            let v = 3.0 * normals[0] - 2.0;
            let start = Point::at(&[v, (0.5 * v).exp() * normals[1]], &normals[2..], &mut funnel);
            let (from_start, ends) = destinations(&start, 0.9, 2, rules);
            irreversible += ends;
            let sum: f64 = from_start.iter().map(|(_, share)| share).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
            for (there, _) in &from_start {
                let there = Point { log_odds: 0.0, ..there.clone() };
                let forth = probability_of(&there, &from_start);
                if forth == 0.0 {
                    continue;
                }
                let back = probability_of(&start, &destinations(&there, 0.9, 2, rules).0);
                let ratio = (start.energy() - there.energy()).exp() * back / forth;
                assert!((ratio - 1.0).abs() < 1e-6, "random {random}, point {i}: {forth} forth, {back} back, {ratio}");
                pairs += 1;
            }
            odd += from_start.iter().filter(|(point, _)| point.log_odds.abs() > 0.1).count();
            let levels = |point: &Point| rules.level(&mut funnel, &[1.0; 2], point, 0.9);
            refined += from_start.iter().filter(|(point, _)| levels(point).is_some_and(|level| level > 0)).count();
        }
    }
    assert!(pairs > 200 && refined > 50 && irreversible > 20 && odd > 20, "{pairs} {refined} {irreversible} {odd}");
}

/// A funnel of three dimensions, from exact draws: distribution functions of its log variance, and of the others in
/// units of their sds, after some transitions of many chains.
fn funnel_after_transitions<K: Kernel + Clone + Send + Sync>(kernel: &K, step: f64, transitions: u32) -> Vec<f64> {
    const CHAINS: u32 = 20_000;
    let normal = |x: f64| 0.5 * (1.0 + statrs::function::erf::erf(x / 2.0f64.sqrt()));
    let ends: Vec<Vec<f64>> = (0..CHAINS)
        .into_par_iter()
        .map_init(
            || kernel.clone(),
            |kernel, chain| {
                let key = StreamKey { seed: 8, chain, transition: 0 };
                let mut start = [0.0; 3];
                key.normals(Purpose::Stream, &mut start);
                start[0] *= 3.0;
                (1..3).for_each(|i| start[i] *= (0.5 * start[0]).exp());
                let mut from = state(&start, &mut funnel);
                for transition in 0..transitions {
                    run(kernel, &mut funnel, StreamKey { transition, ..key }, &from, step);
                    let sample = kernel.sample();
                    from.set(&sample.position, &sample.gradient, sample.log_density);
                }
                let unit = (-0.5 * from.position[0]).exp();
                vec![normal(from.position[0] / 3.0), normal(from.position[1] * unit), normal(from.position[2] * unit)]
            },
        )
        .collect();
    (0..3).map(|i| distance(ends.iter().map(|end| end[i]).collect())).collect()
}

/// Kolmogorov and Smirnov's statistic of uniform numbers.
fn distance(mut uniform: Vec<f64>) -> f64 {
    uniform.sort_by(f64::total_cmp);
    let n = uniform.len() as f64;
    let apart = |(i, u): (usize, &f64)| (u - i as f64 / n).max((i + 1) as f64 / n - u);
    n.sqrt() * uniform.iter().enumerate().map(apart).fold(0.0, f64::max)
}

#[track_caller]
fn stays(what: &str, distances: &[f64]) {
    println!("{what}: {distances:.2?}");
    assert!(distances.iter().all(|distance| *distance < chance::kolmogorov_smirnov(18)), "{what}: {distances:?}");
}

#[test]
fn a_funnel_stays_a_funnel_by_refined_steps() {
    for halving in [Halving::Least, Halving::Random] {
        for (step, tolerance) in [(0.5, 0.3), (2.0, 1.0)] {
            let mut kernel = walnuts(3, halving);
            kernel.configure(&tuning(&[1.0; 3], 3, tolerance));
            stays(&format!("{halving:?} {step}"), &funnel_after_transitions(&kernel, step, 20));
        }
    }
}

#[test]
fn a_funnel_stays_a_funnel_under_its_metric() {
    for step in [0.4, 1.4] {
        let mut kernel = Transition::over(Riemannian::new(3, FunnelMetric { others: 2, v: 0.0 }), 3, 10);
        kernel.configure(&tuning(&[1.0; 3], 3, f64::INFINITY));
        stays(&format!("riemannian {step}"), &funnel_after_transitions(&kernel, step, 20));
    }
}

/// Each rule matters: without it, a test of a funnel above fails.
#[test]
fn without_its_rules_a_funnel_does_not_stay() {
    for (fault, test) in [
        ("way-back-unseen", "a_funnel_stays_a_funnel_by_refined_steps"),
        ("odds-forgotten", "a_funnel_stays_a_funnel_by_refined_steps"),
        ("metric-of-the-start", "a_funnel_stays_a_funnel_under_its_metric"),
        ("determinant-forgotten", "a_funnel_stays_a_funnel_under_its_metric"),
    ] {
        let ran = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("local_steps::{test}")])
            .env("WARPNUTS_FAULT", fault)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(!ran.status.success() && told.contains("0 passed; 1 failed"), "{fault}: {told}");
    }
}

/// In ten dimensions, chains that all start at the same place come to be in the neck as often as they should: the log
/// variance is below -5 with probability 0.0478. In each of twenty seeds, and in all of them.
fn comes_to_the_neck<K: Kernel + Clone + Send + Sync>(kernel: &K, step: f64, [settling, draws]: [u32; 2]) {
    const SEEDS: u64 = 20;
    const CHAINS: u32 = 24;
    const EXACT: f64 = 0.047_790_352_272_814_7;
    let shares: Vec<f64> = (0..SEEDS * u64::from(CHAINS))
        .into_par_iter()
        .map_init(
            || kernel.clone(),
            |kernel, number| {
                let mut from = state(&[0.5; 10], &mut funnel);
                let mut below = 0;
                for transition in 0..settling + draws {
                    let chain = (number % u64::from(CHAINS)) as u32;
                    let key = StreamKey { seed: 100 + number / u64::from(CHAINS), chain, transition };
                    run(kernel, &mut funnel, key, &from, step);
                    let sample = kernel.sample();
                    from.set(&sample.position, &sample.gradient, sample.log_density);
                    below += u32::from(transition >= settling && from.position[0] < -5.0);
                }
                f64::from(below) / f64::from(draws)
            },
        )
        .collect();
    let score = |shares: &[f64]| {
        let n = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / n;
        let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, (mean - EXACT) / (variance / n).sqrt())
    };
    let seeds: Vec<(f64, f64)> = shares.chunks_exact(CHAINS as usize).map(score).collect();
    let whole = score(&shares);
    println!("P(v < -5) {:.4} (z {:.1}), seed by seed {seeds:.3?}", whole.0, whole.1);
    // Of 24 shares that are far from normal, the error is known to a third: a t with few degrees of freedom.
    assert!(seeds.iter().all(|(_, z)| z.abs() < 2.0 * chance::largest(20)), "{seeds:?}");
    assert!(whole.1.abs() < chance::largest(2), "{whole:?}");
    assert!((whole.0 / EXACT - 1.0).abs() < 0.25, "{whole:?}");
}

#[test]
fn refined_steps_come_to_the_neck_as_often_as_they_should() {
    let mut kernel = walnuts(10, Halving::Random);
    kernel.configure(&tuning(&[1.0; 10], 10, 0.21));
    comes_to_the_neck(&kernel, 0.36, [800, 1500]);
}

#[test]
fn a_metric_comes_to_the_neck_as_often_as_it_should() {
    let mut kernel = Transition::over(Riemannian::new(10, FunnelMetric { others: 9, v: 0.0 }), 10, 10);
    kernel.configure(&tuning(&[1.0; 10], 10, f64::INFINITY));
    comes_to_the_neck(&kernel, 0.5, [300, 1500]);
}

/// Radon's centered posterior, from exact draws, after 50 transitions of 10,000 chains.
struct Stationary {
    model: Arc<Model>,
    exact: Exact,
    starts: Vec<Vec<f64>>,
    scale: Vec<f64>,
}

impl Stationary {
    fn radon() -> Stationary {
        let (model, marginal) = (models::radon("centered"), models::radon("marginal"));
        let settings =
            Settings { sampler: Sampler::Independent, chains: 1, draws: 10_000, seed: 77, ..Settings::default() };
        let drawn = sample(marginal, settings, Arc::new(Progress::default())).unwrap();
        let columns: Vec<Vec<f64>> = (0..drawn.names.len()).map(|i| drawn.draws.variable(i).into_owned()).collect();
        let start = |draw: usize| {
            let named: Vec<f64> = columns.iter().map(|column| column[draw]).collect();
            let mut theta = vec![0.0; model.dim()];
            model.unconstrain(&named, &mut theta);
            theta
        };
        let starts: Vec<Vec<f64>> = (0..settings.draws as usize).map(start).collect();
        let sd = |i: usize| {
            let n = starts.len() as f64;
            let mean = starts.iter().map(|start| start[i]).sum::<f64>() / n;
            (starts.iter().map(|start| (start[i] - mean).powi(2)).sum::<f64>() / n).sqrt()
        };
        let scale = (0..model.dim()).map(sd).collect();
        Stationary { exact: Exact::of(&model).unwrap(), model, starts, scale }
    }

    /// How far means and sds of the hyperparameters are from the exact ones, in standard errors, and distribution
    /// functions, after transitions of `kernel`; and how often chains moved.
    fn stays<K: Kernel + Clone + Send + Sync>(&self, what: &str, kernel: &K, step: f64) {
        let density = CpuDensity::new(&self.model);
        let ends: Vec<(Vec<f64>, u32, u32)> = (0..self.starts.len())
            .into_par_iter()
            .map_init(
                || (kernel.clone(), density.clone()),
                |(kernel, density), chain| {
                    let mut log_density = |theta: &[f64], gradient: &mut [f64]| density.log_density(theta, gradient);
                    let mut from = state(&self.starts[chain], &mut log_density);
                    let (mut moved, mut refined) = (0, 0);
                    for transition in 0..50 {
                        let key = StreamKey { seed: 4, chain: chain as u32, transition };
                        refined += u32::from(run(kernel, &mut log_density, key, &from, step).halvings > 1);
                        let sample = kernel.sample();
                        moved += u32::from(sample.position != from.position);
                        from.set(&sample.position, &sample.gradient, sample.log_density);
                    }
                    let mut named = vec![0.0; self.model.layout().dim()];
                    self.model.constrain(&from.position, &mut named);
                    (named, moved, refined)
                },
            )
            .collect();
        let n = ends.len() as f64;
        let limit = chance::largest(2 * 5 * 5);
        for (i, name) in self.exact.names().iter().enumerate().take(self.model.layout().hyperparameters()) {
            let values: Vec<f64> = ends.iter().map(|(named, ..)| named[i]).collect();
            let (mean, sd) = (self.exact.mean(i), self.exact.sd(i));
            let moment = |p: i32| values.iter().map(|value| ((value - mean) / sd).powi(p)).sum::<f64>() / n;
            let of_mean = moment(1) * n.sqrt();
            let of_sd = (moment(2) - 1.0) / ((moment(4) - moment(2).powi(2)) / n).sqrt();
            let distance = distance(values.iter().map(|value| self.exact.cdf(i, *value)).collect());
            println!("{what}, step {step}, {name}: mean {of_mean:.1}, sd {of_sd:.1}, distance {distance:.2}");
            assert!(of_mean.abs() < limit && of_sd.abs() < limit, "{what}, {name}: mean {of_mean}, sd {of_sd}");
            assert!(distance < chance::kolmogorov_smirnov(5 * 5), "{what}, {name}: {distance}");
        }
        let each =
            |of: fn(&(Vec<f64>, u32, u32)) -> u32| ends.iter().map(|end| f64::from(of(end))).sum::<f64>() / n / 50.0;
        println!("{what}, step {step}: {:.2} moved, {:.2} refined", each(|end| end.1), each(|end| end.2));
        assert!(each(|end| end.1) > 0.05, "{what}, step {step}: chains hardly move");
    }
}

#[test]
fn centered_radon_stays_as_it_is() {
    let stationary = Stationary::radon();
    let dim = stationary.model.dim();
    for (halving, step, tolerance) in
        [(Halving::Least, 0.15, 0.5), (Halving::Random, 0.15, 0.5), (Halving::Random, 1.0, 2.0)]
    {
        let mut kernel = walnuts(dim, halving);
        kernel.configure(&tuning(&stationary.scale, 2, tolerance));
        stationary.stays(&format!("{halving:?}"), &kernel, step);
    }
    for step in [0.2, 0.3] {
        let steps = Riemannian::new(dim, LocationMetric::new(&stationary.model));
        let mut kernel = Transition::over(steps, dim, 10);
        kernel.configure(&tuning(&vec![0.2; dim], 2, f64::INFINITY));
        stationary.stays("riemannian", &kernel, step);
    }
}

/// Steps that are the same everywhere bias the centered model's sigma_b by more than a tenth of a posterior sd, and
/// steps under the Riemannian metric do not.
#[test]
fn the_centered_model_is_right_under_the_metric() {
    let run = |sampler| {
        let settings = Settings { sampler, warmup: 2000, draws: 5000, keep: Keep::Hyper, ..Settings::default() };
        sample(models::radon("centered"), settings, Arc::new(Progress::default())).unwrap()
    };
    let exact = Exact::of(&models::radon("centered")).unwrap();
    let bias = |run: &Sampled| {
        let i = run.names.iter().position(|name| name == "sigma_b").unwrap();
        let values = run.draws.variable(i);
        (values.iter().sum::<f64>() / values.len() as f64 - exact.mean(i)) / exact.sd(i)
    };
    let [plain, riemannian] = [Sampler::Nuts, Sampler::Riemannian].map(|sampler| bias(&run(sampler)));
    println!("bias of sigma_b in posterior sds: nuts {plain:.3}, riemannian {riemannian:.3}");
    assert!(riemannian.abs() < 0.1, "{riemannian}");
    assert!(plain > 0.1, "{plain}");
}

/// After warm-up four in five steps need no halving, and energies of nine in ten trajectories range over 0.6.
#[test]
fn warm_up_tunes_steps_and_tolerance() {
    for (parameterization, target) in [("marginal", 0.8), ("non-centered", 0.6)] {
        let model = models::radon(parameterization);
        let settings = Settings {
            sampler: Sampler::Walnuts,
            warmup: 600,
            draws: 100,
            target_accept: target,
            ..Settings::default()
        };
        let sampled = sample(model.clone(), settings, Arc::new(Progress::default())).unwrap();
        let mut density = CpuDensity::new(&model);
        let mut log_density = |theta: &[f64], gradient: &mut [f64]| density.log_density(theta, gradient);
        let mut kernel = walnuts(model.dim(), Halving::Random);
        kernel.configure(&tuning(&sampled.run.scale, 10, sampled.run.tolerance));
        let named: Vec<f64> = (0..sampled.names.len()).map(|i| sampled.draws.variable(i)[99]).collect();
        let mut theta = vec![0.0; model.dim()];
        model.unconstrain(&named, &mut theta);
        let mut from = state(&theta, &mut log_density);
        let (mut whole, mut ranges) = (0.0, Vec::new());
        for transition in 0..2000 {
            let key = StreamKey { seed: 12, chain: 0, transition };
            run(&mut kernel, &mut log_density, key, &from, sampled.run.step_size);
            let refinement = kernel.refinement().unwrap();
            whole += refinement.whole / 2000.0;
            ranges.push(refinement.energy_range);
            let sample = kernel.sample();
            from.set(&sample.position, &sample.gradient, sample.log_density);
        }
        ranges.sort_by(f64::total_cmp);
        let range = ranges[1800];
        println!(
            "{parameterization}: {whole:.3} unrefined, energies range over {range:.3}, {:.3}",
            sampled.run.tolerance
        );
        assert!((whole - target).abs() < 0.07, "{parameterization}: {whole} of steps are not refined");
        assert!((0.45..0.8).contains(&range), "{parameterization}: energies range over {range}");
        assert!(sampled.run.tolerance != 0.3);
    }
}

/// An acceptance far from the target says that warm-up was too short, but not of steps whose target is another.
#[test]
fn no_acceptance_is_aimed_at_where_steps_are_refined() {
    let folder = Folder::new();
    let line = "sample --parameterization centered --chains 2 --warmup 0 --draws 5 --no-report";
    let said = |sampler: &str| {
        let ran = folder.run(&format!("{line} --sampler {sampler} --out {sampler}"));
        assert_eq!(ran.code, 3, "{ran:?}");
        (ran.stdout + &ran.stderr).contains("mean acceptance is ")
    };
    assert!(said("nuts") && !said("walnuts"));
}

#[test]
fn draws_of_local_steps_do_not_depend_on_workers_and_are_resumed() {
    for sampler in ["walnuts", "riemannian"] {
        let folder = Folder::new();
        let line = format!(
            "sample --parameterization centered --sampler {sampler} --chains 5 --warmup 60 --draws 40 --no-report --out"
        );
        let done = |line: &str| {
            let ran = folder.run(line);
            assert!([0, 3].contains(&ran.code), "{line}: {ran:?}");
        };
        done(&format!("{line} one --threads 1"));
        done(&format!("{line} three --threads 3"));
        same_bytes(&folder, "one", "three");
        kill(&folder, &format!("{line} killed --checkpoint-every 0"), "after-phase 20");
        done("sample --resume killed --no-report");
        same_bytes(&folder, "one", "killed");
        let known = format!("{} known --metric-from one", line.replace(" --out", " --shard 1/2 --out"));
        done(&known);
        let learnt = |run: &str| {
            let root = String::from_utf8(store(&folder, run)["zarr.json"].clone()).unwrap();
            let root: serde_json::Value = serde_json::from_str(&root).unwrap();
            root["consolidated_metadata"]["metadata"]["adaptation"]["attributes"].clone()
        };
        assert_eq!(learnt("one"), learnt("known"));
        assert_eq!(learnt("one")["energy_tolerance"].is_number(), sampler == "walnuts");
        assert_eq!(store(&folder, "one").keys().any(|name| name.contains("halvings")), sampler == "walnuts");
        done("export one --format csv");
        let text = std::fs::read_to_string(folder.path("one/draws.csv")).unwrap();
        assert_eq!(text.lines().next().unwrap().contains("halvings,irreversible"), sampler == "walnuts");
    }
}

#[test]
fn comparing_says_what_local_steps_have_rescued_and_what_that_cost() {
    let folder = Folder::new();
    let list = "centered,centered@walnuts,centered@riemannian,non-centered";
    let ran = folder.run(&format!("compare --parameterizations {list} --chains 4 --warmup 150 --draws 100 --out out"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for run in ["walnuts", "riemannian"] {
        assert!(said.contains(&format!("What centered@{run} has rescued: the mean of sigma_b is off by ")), "{said}");
        assert!(folder.path(&format!("out/centered@{run}/summary.json")).exists());
    }
    assert!(
        said.contains(" gradients an effective draw of sigma_b, warm-up included, where centered takes "),
        "{said}"
    );
    assert!(said.contains("the engine of --sampler walnuts"), "{said}");
    let page = std::fs::read_to_string(folder.path("out/report.html")).unwrap();
    assert!(page.contains("\"halvings\":[") && page.contains("Darker draws are those that a halved step led to."));
}

#[test]
fn what_local_steps_cannot_do_is_refused_by_name() {
    let folder = Folder::new();
    let refused = |line: &str, words: &[&str]| {
        let ran = folder.run(line);
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{line}: {ran:?}");
        for word in words {
            assert!(ran.stderr.contains(word), "{line}: no `{word}` in {}", ran.stderr);
        }
    };
    let formula = "--formula log_radon~floor+(1|county)";
    refused("sample --sampler riemannian", &["--sampler riemannian", "is marginal", "--parameterization centered"]);
    refused("sample --sampler riemannian --parameterization non-centered", &["non-centered", "--sampler walnuts"]);
    refused(&format!("sample --sampler riemannian {formula}"), &["--sampler riemannian", "formula"]);
    for line in [
        "sample --sampler walnuts --engine gpu",
        "sample --sampler walnuts --adapter llvmpipe",
        "compare --parameterizations non-centered,centered@walnuts --engine gpu",
    ] {
        refused(line, &["--sampler walnuts", "--engine cpu"]);
    }
    refused("compare --parameterizations centered@walnut", &["`@walnut`", "`@walnuts`", "`@riemannian`"]);
    refused("compare --parameterizations centered,non-centered@riemannian", &["non-centered", "--sampler riemannian"]);
    refused("compare --parameterizations centered@walnuts,centered@walnuts", &["centered@walnuts", "twice"]);
    assert!(folder.contents().is_empty());
}

/// A model with as many slopes as asked for, centered.
fn with_slopes(slopes: usize) -> Model {
    let n = 23 * 4;
    let mut normals = vec![0.0; n * (slopes + 1)];
    StreamKey { seed: 6, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let labels: Vec<String> = (0..n).map(|i| format!("g{}", i % 23)).collect();
    let names: Vec<String> = (0..slopes).map(|k| format!("x{k}")).collect();
    let mut columns = normals.chunks_exact(n).map(<[f64]>::to_vec);
    let outcome = columns.next().unwrap();
    let data = Dataset::from_columns("test", "g", "y", &names, &labels, outcome, columns.collect()).unwrap();
    let coordinates = warpnuts::model::Coordinates::parse("centered", &names).unwrap();
    Model::builder(Arc::new(data)).coordinates(coordinates).build()
}

/// v' G v is what -log p loses to second order along v; the momenta, velocities and forces are those of one G.
#[test]
fn the_metric_is_the_curvature_of_the_locations() {
    for slopes in [0, 1, 2, 4] {
        let model = with_slopes(slopes);
        let dim = model.dim();
        let mut metric = LocationMetric::new(&model);
        let mut density = CpuDensity::new(&model);
        let scales = metric.scales();
        let mut normals = vec![0.0; 2 * dim];
        StreamKey { seed: 2, chain: slopes as u32, transition: 0 }.normals(Purpose::Stream, &mut normals);
        let theta: Vec<f64> = normals[..dim].iter().map(|normal| 0.7 * normal).collect();
        let whitened = &normals[dim..];
        let mut of = |theta: &[f64]| {
            metric.factorize(theta);
            let [mut p, mut v, mut w, mut kinetic, mut determinant] = [0; 5].map(|_| vec![0.0; dim]);
            metric.momentum(whitened, &mut p);
            metric.velocity(whitened, &mut v);
            metric.whiten(&p, &mut w);
            metric.kinetic_force(&v, &mut kinetic);
            metric.determinant_force(&mut determinant);
            (p, v, w, kinetic, determinant, metric.log_determinant())
        };
        let (p, mut v, w, kinetic, determinant, _) = of(&theta);
        for i in (0..dim).filter(|i| !scales.contains(i)) {
            assert!((w[i] - whitened[i]).abs() < 1e-9, "whitened momentum {i}: {} not {}", w[i], whitened[i]);
        }
        // The gradient is linear in the locations: its change along v is -G v = -p.
        let mut gradient = |theta: &[f64]| {
            let mut gradient = vec![0.0; dim];
            density.log_density(theta, &mut gradient);
            gradient
        };
        v[scales.clone()].fill(0.0);
        let moved: Vec<f64> = theta.iter().zip(&v).map(|(theta, v)| theta + v).collect();
        let (here, there) = (gradient(&theta), gradient(&moved));
        for i in (0..dim).filter(|i| !scales.contains(i)) {
            let change = here[i] - there[i];
            assert!(
                (change - p[i]).abs() < 1e-8 * p[i].abs().max(1.0),
                "{slopes} slopes, p {i}: {change} not {}",
                p[i]
            );
        }
        // Forces upon the scales, against differences at fixed momenta p, and of the determinant.
        for s in scales.clone() {
            let mut at = |by: f64| {
                let mut theta = theta.clone();
                theta[s] += by;
                metric.factorize(&theta);
                let mut w = vec![0.0; dim];
                metric.whiten(&p, &mut w);
                w[scales.clone()].fill(0.0);
                (0.5 * dot(&w, &w), 0.5 * metric.log_determinant())
            };
            let (up, down) = (at(1e-5), at(-1e-5));
            let [energy, log_root] = [up.0 - down.0, up.1 - down.1].map(|difference| difference / 2e-5);
            let close = |force: f64, slope: f64| (force + slope).abs() < 1e-6 * slope.abs().max(1.0);
            assert!(close(kinetic[s], energy), "{slopes} slopes, kinetic force {s}: {} not {}", kinetic[s], -energy);
            assert!(
                close(determinant[s], log_root),
                "{slopes} slopes, force {s}: {} not {}",
                determinant[s],
                -log_root
            );
        }
    }
}

/// Steps under the metric of a model.
struct Steps {
    integrator: Riemannian<LocationMetric>,
    density: CpuDensity,
    gradient: Vec<f64>,
}

impl Steps {
    fn of(model: &Model) -> Steps {
        let dim = model.dim();
        let mut integrator = Riemannian::new(dim, LocationMetric::new(model));
        integrator.configure(&Tuning::new(vec![0.3; dim], 1.0, 1));
        Steps { integrator, density: CpuDensity::new(model), gradient: vec![0.0; dim] }
    }

    /// The point with these positions and momenta.
    fn begin(&mut self, entries: &[f64]) -> PhasePoint {
        let (position, momentum) = entries.split_at(self.gradient.len());
        let mut point = PhasePoint::zeros(position.len());
        point.position.copy_from_slice(position);
        point.momentum.copy_from_slice(momentum);
        point.log_density = self.density.log_density(position, &mut self.gradient);
        point.gradient.copy_from_slice(&self.gradient);
        self.integrator.begin(StreamKey { seed: 1, chain: 1, transition: 1 }, &mut point);
        point
    }

    fn advance(&mut self, point: &mut PhasePoint, step: f64, count: usize) {
        for _ in 0..count {
            self.integrator.start(step, point);
            let log_density = self.density.log_density(self.integrator.wants(point), &mut self.gradient);
            assert_eq!(self.integrator.give(step, log_density, &self.gradient, point), Advance::Arrived);
        }
    }
}

/// Positions about 0 and momenta of `dim` coordinates.
fn entries(dim: usize) -> Vec<f64> {
    let mut entries = vec![0.0; 2 * dim];
    StreamKey { seed: 1, chain: 1, transition: 1 }.normals(Purpose::Stream, &mut entries);
    entries[..dim].iter_mut().for_each(|entry| *entry *= 0.5);
    entries
}

/// A step there and back is none, and halved steps err a quarter as much.
#[test]
fn riemannian_steps_are_reversible_and_of_second_order() {
    let model = with_slopes(1);
    let mut steps = Steps::of(&model);
    let entries = entries(model.dim());
    let start = steps.begin(&entries);
    let mut point = start.clone();
    steps.advance(&mut point, 0.2, 5);
    assert!(point.position[0] != start.position[0]);
    steps.advance(&mut point, -0.2, 5);
    for (entry, before) in point.position.iter().chain(&*point.momentum).zip(&entries) {
        assert!((entry - before).abs() < 1e-9, "{entry} not {before}");
    }
    let mut error = |step: f64, count| {
        let mut point = start.clone();
        steps.advance(&mut point, step, count);
        (point.energy - start.energy).abs()
    };
    let errors = [error(0.02, 20), error(0.01, 40), error(0.005, 80)];
    for pair in errors.windows(2) {
        assert!((pair[0] / pair[1] - 4.0).abs() < 0.4, "{errors:?}");
    }
}

/// In whitened momenta volume shrinks as the metric grows: |d(q', w') / d(q, w)| = |G(q)|^(1/2) / |G(q')|^(1/2).
#[test]
fn riemannian_steps_preserve_volume() {
    let model = with_few();
    let dim = model.dim();
    let mut steps = Steps::of(&model);
    let at = entries(dim);
    let mut step = |entries: &[f64]| -> Vec<f64> {
        let mut point = steps.begin(entries);
        steps.advance(&mut point, 0.4, 1);
        point.position.iter().chain(&*point.momentum).copied().collect()
    };
    let columns: Vec<Vec<f64>> = (0..2 * dim)
        .map(|i| {
            let mut moved = |by: f64| {
                let mut entries = at.clone();
                entries[i] += by;
                step(&entries)
            };
            let (up, down) = (moved(1e-5), moved(-1e-5));
            up.iter().zip(&down).map(|(up, down)| (up - down) / 2e-5).collect()
        })
        .collect();
    let after = step(&at);
    let mut metric = LocationMetric::new(&model);
    let mut log_determinant = |theta: &[f64]| {
        metric.factorize(theta);
        metric.log_determinant()
    };
    let expected = 0.5 * (log_determinant(&at[..dim]) - log_determinant(&after[..dim]));
    let volume = log_abs_determinant(columns);
    assert!((volume - expected).abs() < 1e-5 && expected.abs() > 0.05, "{volume} not {expected}");
}

/// Three groups and no slope, for a determinant of few rows.
fn with_few() -> Model {
    let labels: Vec<String> = (0..9).map(|i| format!("g{}", i % 3)).collect();
    let outcome = vec![0.1, 1.9, -0.4, 0.7, 0.9, -1.1, 0.3, 1.2, -0.2];
    let data = Dataset::from_columns("test", "g", "y", &[""; 0], &labels, outcome, Vec::new()).unwrap();
    let coordinates = warpnuts::model::Coordinates::parse("centered", &[]).unwrap();
    Model::builder(Arc::new(data)).coordinates(coordinates).build()
}

/// log |det| of a matrix, by elimination with pivots.
fn log_abs_determinant(mut rows: Vec<Vec<f64>>) -> f64 {
    let mut log = 0.0;
    for k in 0..rows.len() {
        let pivot = (k..rows.len()).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs())).unwrap();
        rows.swap(k, pivot);
        log += rows[k][k].abs().ln();
        let (done, rest) = rows.split_at_mut(k + 1);
        for row in rest {
            let factor = row[k] / done[k][k];
            row.iter_mut().zip(&done[k]).skip(k).for_each(|(entry, above)| *entry -= factor * above);
        }
    }
    log
}
