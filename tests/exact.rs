//! The exact posterior against brute force, against long runs of the sampler, and against itself.
//!
//! `tests/oracles/textbook.rs`, a module of `src/exact.rs` in its tests, checks the algebra given the scales.

use rand::Rng;
use std::f64::consts::TAU;
use std::sync::{Arc, LazyLock};

use crate::helpers::chance;
use crate::helpers::models;
use rayon::prelude::*;
use warpnuts::data::{Columns, Dataset};
use warpnuts::density::cpu::CpuDensity;
use warpnuts::diagnostics::{Series, Summary};
use warpnuts::engine::Progress;
use warpnuts::exact::{Exact, ExactError};
use warpnuts::experiment::{MetricShape, Sampler, Settings, sample};
use warpnuts::model::{Centering, Coordinates, Likelihood, Model, PriorScales, Priors, Refusal, Scaling};
use warpnuts::random::{Purpose, StreamKey};

/// A model of standardized data.
fn model(dataset: &Arc<Dataset>, priors: Priors, effects: &[Centering]) -> Model {
    let parameterization = Coordinates::Joint { centering: effects.to_vec(), likelihood: Likelihood::Groups };
    models::posterior(dataset.clone(), priors, parameterization, Scaling::standardizing(dataset))
}

fn radon_model() -> Model {
    model(&Arc::new(Dataset::radon().unwrap()), Priors::default(), &[Centering::NonCentered; 2])
}

static RADON: LazyLock<Exact> = LazyLock::new(|| Exact::of(&radon_model()).unwrap());

fn index(exact: &Exact, name: &str) -> usize {
    exact.names().iter().position(|other| other == name).unwrap()
}

/// Approximately standard normal: the sum of twelve uniforms.
fn normals(seed: u64) -> impl FnMut() -> f64 {
    let mut rng = StreamKey { seed, chain: 0, transition: 0 }.stream(Purpose::Stream);
    move || (0..12).map(|_| f64::from(rng.next_u32()) / 2f64.powi(32)).sum::<f64>() - 6.0
}

/// Parameters of simulated data.
struct Truth {
    mu: [f64; 2],
    sigma: [f64; 2],
    eps: f64,
}

/// Groups of these sizes; the predictor, if any, varies within and between groups.
fn simulated(seed: u64, sizes: &[usize], predictor: bool, truth: &Truth) -> Arc<Dataset> {
    let mut normal = normals(seed);
    let (mut labels, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
    for (j, size) in sizes.iter().enumerate() {
        let [a, b] = [0, 1].map(|k| truth.mu[k] + truth.sigma[k] * normal());
        let centre = 0.5 * normal();
        for _ in 0..*size {
            let value = if predictor { centre + normal() } else { 0.0 };
            labels.push(format!("g{j}"));
            x.push(value);
            y.push(a + b * value + truth.eps * normal());
        }
    }
    let (names, x) = if predictor { (vec!["x"], vec![x]) } else { (vec![], vec![]) };
    Arc::new(Dataset::from_columns("simulated", "g", "y", &names, &labels, y, x).unwrap())
}

// --- brute force ---------------------------------------------------------------------------------------------------

/// Log evidence, and mean and sd of every variable: by the trapezoid rule over all log scales, and over mu and effects
/// from the sampler's log density only. Given the scales it is quadratic, so that gradients at the origin and at unit
/// vectors give its integral and moments.
fn brute_force(dataset: &Arc<Dataset>, priors: Priors) -> (f64, Vec<f64>, Vec<f64>) {
    let k = dataset.n_coefficients();
    // Each coefficient in its well-conditioned parameterization, which depends on the size of its sigma.
    let densities: Vec<(Model, CpuDensity)> = (0..1 << k)
        .map(|centered: usize| {
            let effect = |k: usize| if centered >> k & 1 == 1 { Centering::Centered } else { Centering::NonCentered };
            let parameterization =
                Coordinates::Joint { centering: (0..k).map(effect).collect(), likelihood: Likelihood::Groups };
            let model = models::posterior(dataset.clone(), priors, parameterization, Scaling::identity(dataset));
            let density = CpuDensity::new(&model.over(Likelihood::Observations).unwrap());
            (model, density)
        })
        .collect();
    let layout = densities[0].0.layout();
    let (sigma_axis, eps_axis) = ((-18.0f64, 0.3f64, 120), (-4.5f64, 0.12f64, 100));
    let cell = sigma_axis.1.powi(k as i32) * eps_axis.1;
    let inner: Vec<usize> = (0..k).chain(layout.hyperparameters()..layout.dim()).collect();

    let slices: Vec<(f64, Vec<f64>, Vec<f64>)> = (0..sigma_axis.2)
        .into_par_iter()
        .map_init(
            || densities.clone(),
            |densities, slice| {
                let mut sums = (0.0, vec![0.0; layout.dim()], vec![0.0; layout.dim()]);
                for number in 0..(if k == 2 { sigma_axis.2 } else { 1 }) * eps_axis.2 {
                    let mut t = vec![sigma_axis.0 + sigma_axis.1 * f64::from(slice)];
                    if k == 2 {
                        t.push(sigma_axis.0 + sigma_axis.1 * f64::from(number / eps_axis.2));
                    }
                    t.push(eps_axis.0 + eps_axis.1 * f64::from(number % eps_axis.2));
                    let which = (0..k).filter(|k| t[*k] > 0.0).map(|k| 1 << k).sum::<usize>();
                    let (model, density) = &mut densities[which];
                    let Some((log_integral, means, covariance)) = integrate(density, &inner, k, &t) else { continue };
                    let weight = (log_integral + 20.0).exp() * cell;
                    // Named variables are linear in mu and effects.
                    let named = |inner_values: &[f64]| {
                        let mut theta = vec![0.0; layout.dim()];
                        theta[k..2 * k + 1].copy_from_slice(&t);
                        inner.iter().zip(inner_values).for_each(|(i, value)| theta[*i] = *value);
                        let mut named = vec![0.0; layout.dim()];
                        model.constrain(&theta, &mut named);
                        named
                    };
                    let origin = named(&vec![0.0; inner.len()]);
                    let expected = named(&means);
                    let mut variance = vec![0.0; layout.dim()];
                    for column in &covariance {
                        let moved = named(column);
                        variance
                            .iter_mut()
                            .zip(moved.iter().zip(&origin))
                            .for_each(|(v, (a, b))| *v += (a - b).powi(2));
                    }
                    sums.0 += weight;
                    for i in 0..layout.dim() {
                        sums.1[i] += weight * expected[i];
                        sums.2[i] += weight * (variance[i] + expected[i].powi(2));
                    }
                }
                sums
            },
        )
        .collect();
    let total: f64 = slices.iter().map(|slice| slice.0).sum();
    let mean: Vec<f64> = (0..layout.dim()).map(|i| slices.iter().map(|s| s.1[i]).sum::<f64>() / total).collect();
    let square = |i: usize| slices.iter().map(|s| s.2[i]).sum::<f64>() / total;
    let sd = (0..layout.dim()).map(|i| (square(i) - mean[i].powi(2)).sqrt()).collect();
    (total.ln() - 20.0, mean, sd)
}

type Integral = (f64, Vec<f64>, Vec<Vec<f64>>);

/// The log integral over the `inner` coordinates at log scales `t`, their means, and a square root of their covariance.
fn integrate(density: &mut CpuDensity, inner: &[usize], k: usize, t: &[f64]) -> Option<Integral> {
    let n = inner.len();
    let mut theta = vec![0.0; n + t.len()];
    theta[k..2 * k + 1].copy_from_slice(t);
    let mut gradient = vec![0.0; theta.len()];
    let at_origin = density.log_density(&theta, &mut gradient);
    let first: Vec<f64> = inner.iter().map(|i| gradient[*i]).collect();
    // precision = L L'
    let mut l = vec![vec![0.0; n]; n];
    for j in 0..n {
        theta[inner[j]] = 1.0;
        density.log_density(&theta, &mut gradient);
        theta[inner[j]] = 0.0;
        for i in 0..=j {
            l[j][i] = first[i] - gradient[inner[i]];
        }
    }
    for j in 0..n {
        for i in 0..=j {
            let dot: f64 = (0..i).map(|m| l[i][m] * l[j][m]).sum();
            l[j][i] = if i == j { (l[j][j] - dot).sqrt() } else { (l[j][i] - dot) / l[i][i] };
        }
    }
    // Column i of the transposed inverse of L is column i of a square root of the covariance, L'^-1 L^-1.
    let mut inverse: Vec<Vec<f64>> = Vec::new();
    for (i, row) in l.iter().enumerate() {
        let unit = |column: usize| if column == i { 1.0 } else { 0.0 };
        let dot = |column: usize| (0..i).map(|m| row[m] * inverse[m][column]).sum::<f64>();
        inverse.push((0..n).map(|column| (unit(column) - dot(column)) / row[i]).collect());
    }
    let whitened: Vec<f64> = inverse.iter().map(|row| row.iter().zip(&first).map(|(a, b)| a * b).sum()).collect();
    let means = (0..n).map(|i| (0..n).map(|m| inverse[m][i] * whitened[m]).sum()).collect();
    let squares: f64 = whitened.iter().map(|w| w * w).sum();
    let log_root: f64 = (0..n).map(|i| l[i][i].ln()).sum();
    let log_integral = at_origin + 0.5 * squares + 0.5 * n as f64 * TAU.ln() - log_root;
    (log_integral > -60.0).then_some((log_integral, means, inverse))
}

#[track_caller]
fn equals_brute_force(dataset: &Arc<Dataset>) {
    let priors = Priors { mu_sd: 2.0, sigma_scale: 1.5, eps_scale: 0.7 };
    let (log_evidence, mean, sd) = brute_force(dataset, priors);
    let exact = Exact::of(&model(dataset, priors, &vec![Centering::Centered; dataset.n_coefficients()])).unwrap();
    println!("{} points, accuracy {:e}", exact.grid_points(), exact.accuracy());
    println!("log evidence {} {log_evidence}", exact.log_evidence());
    assert!((exact.log_evidence() - log_evidence).abs() < 1e-6, "{} {log_evidence}", exact.log_evidence());
    for (i, name) in exact.names().iter().enumerate() {
        println!("{name} {} {} / {} {}", exact.mean(i), mean[i], exact.sd(i), sd[i]);
        assert!((exact.mean(i) - mean[i]).abs() < 1e-6 * sd[i], "{name}: {} {}", exact.mean(i), mean[i]);
        assert!((exact.sd(i) / sd[i] - 1.0).abs() < 1e-6, "{name}: {} {}", exact.sd(i), sd[i]);
    }
}

#[test]
fn two_groups_equal_brute_force() {
    let y = vec![1.2, 0.4, 2.0, 1.9, -0.3, 0.1, 0.8];
    let labels = ["p", "p", "p", "p", "q", "q", "q"];
    let none: [&str; 0] = [];
    equals_brute_force(&Arc::new(Dataset::from_columns("tiny", "g", "y", &none, &labels, y, vec![]).unwrap()));
}

#[test]
fn two_groups_with_slopes_equal_brute_force() {
    let y = vec![1.2, 0.4, 2.0, 1.9, -0.3, 0.1, 0.8];
    let x = vec![0.5, -0.4, 1.1, 0.7, 1.5, 0.1, 0.9];
    let labels = ["p", "p", "p", "p", "q", "q", "q"];
    equals_brute_force(&Arc::new(Dataset::from_columns("tiny", "g", "y", &["x"], &labels, y, vec![x]).unwrap()));
}

// --- long runs -----------------------------------------------------------------------------------------------------

/// z-scores of a run against the exact posterior, by variable.
struct Scores {
    names: Vec<String>,
    mean: Vec<f64>,
    sd: Vec<f64>,
    below_q05: Vec<f64>,
    below_q95: Vec<f64>,
}

fn scores(model: Model, settings: Settings) -> Scores {
    let exact = Exact::of(&model).unwrap();
    let sampled = sample(Arc::new(model), settings, Arc::new(Progress::default())).unwrap();
    let rows: Vec<[f64; 4]> = (0..exact.names().len())
        .into_par_iter()
        .map(|i| {
            let values = sampled.draws.variable(i);
            let series = Series::new(&values, sampled.draws.chains());
            let summary = Summary::of(series);
            let coverage = |p: f64| {
                let quantile = exact.quantile(i, p);
                let below: Vec<f64> = series.values().iter().map(|x| f64::from(u8::from(*x <= quantile))).collect();
                let below = Series::new(&below, series.chains());
                (below.values().iter().sum::<f64>() / below.values().len() as f64 - p) / Summary::of(below).mcse_mean
            };
            [
                (summary.mean - exact.mean(i)) / summary.mcse_mean,
                (summary.sd - exact.sd(i)) / summary.mcse_sd,
                coverage(0.05),
                coverage(0.95),
            ]
        })
        .collect();
    let column = |c: usize| rows.iter().map(|row| row[c]).collect();
    let [mean, sd, below_q05, below_q95] = [column(0), column(1), column(2), column(3)];
    Scores { names: exact.names().to_vec(), mean, sd, below_q05, below_q95 }
}

/// No z-score is beyond what chance allows, and their root mean square is that of standard normals that are far from
/// independent.
#[track_caller]
fn agree(names: &[String], scores: &[f64], what: &str) {
    let (name, largest) = names.iter().zip(scores).max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap();
    let rms = (scores.iter().map(|z| z * z).sum::<f64>() / scores.len() as f64).sqrt();
    println!("{what}: largest {largest:.2} ({name}), root mean square {rms:.2}");
    assert!(
        largest.abs() < chance::largest(4 * scores.len()),
        "{what} of {name}: {largest:.2} Monte Carlo errors from the truth"
    );
    // A handful of variables may all be close to the truth together.
    let least = if scores.len() < 20 { 0.2 } else { 0.6 };
    assert!((least..1.4).contains(&rms), "{what}: the z-scores' root mean square is {rms:.2}");
}

#[track_caller]
fn the_sampler_agrees(model: Model, settings: Settings) {
    the_scores_agree(&scores(model, settings));
}

#[track_caller]
fn the_scores_agree(scores: &Scores) {
    agree(&scores.names, &scores.mean, "mean");
    agree(&scores.names, &scores.sd, "sd");
    agree(&scores.names, &scores.below_q05, "5 % quantile");
    agree(&scores.names, &scores.below_q95, "95 % quantile");
}

const RUN: Settings = Settings {
    sampler: Sampler::Nuts,
    chains: 16,
    first_chain: 0,
    warmup: 500,
    draws: 1500,
    until: None,
    seed: 11,
    target_accept: 0.9,
    max_tree_depth: 10,
    metric: MetricShape::Diagonal,
    likelihood: Likelihood::Groups,
    keep: warpnuts::experiment::Keep::All,
    thin: 1,
    shard_of: None,
    save_warmup: false,
    log_likelihood: false,
    posterior_predictive: false,
    draw_precision: warpnuts::draws::Precision::F64,
    threads: 2,
};

#[test]
fn a_long_run_on_radon_agrees() {
    the_sampler_agrees(radon_model(), RUN);
}

#[test]
fn a_long_run_on_unbalanced_groups_with_a_continuous_predictor_agrees() {
    let sizes: Vec<usize> = (0..24).map(|j| 1 + (j * j * 7) % 50).collect();
    let data = simulated(3, &sizes, true, &Truth { mu: [1.0, -2.0], sigma: [0.8, 0.5], eps: 1.5 });
    the_sampler_agrees(model(&data, Priors::default(), &[Centering::NonCentered; 2]), RUN);
}

#[test]
fn a_long_run_on_twenty_thousand_observations_agrees() {
    let data = simulated(4, &[200; 100], true, &Truth { mu: [10.0, 3.0], sigma: [2.0, 1.0], eps: 4.0 });
    the_sampler_agrees(model(&data, Priors::default(), &[Centering::Centered; 2]), Settings { draws: 1000, ..RUN });
}

#[test]
fn long_runs_on_intercepts_only_agree() {
    // Six runs: the z-scores of fifteen variables, which share one sigma, say little about their root mean square.
    let data = simulated(5, &[4; 12], false, &Truth { mu: [0.0, 0.0], sigma: [0.3, 0.0], eps: 1.0 });
    let model = model(&data, Priors::default(), &[Centering::NonCentered]);
    let runs: Vec<Scores> = (1..=6).map(|seed| scores(model.clone(), Settings { seed, ..RUN })).collect();
    the_scores_agree(&Scores {
        names: runs.iter().flat_map(|run| run.names.clone()).collect(),
        mean: runs.iter().flat_map(|run| run.mean.clone()).collect(),
        sd: runs.iter().flat_map(|run| run.sd.clone()).collect(),
        below_q05: runs.iter().flat_map(|run| run.below_q05.clone()).collect(),
        below_q95: runs.iter().flat_map(|run| run.below_q95.clone()).collect(),
    });
}

#[test]
fn a_long_run_on_three_groups_agrees() {
    // With three groups, the tails of mu and sigma are so heavy that fourth moments, which errors of sample sds need,
    // are infinite, and errors of means hardly settle. For mu and sigma only quantiles are compared.
    let data = simulated(6, &[9, 14, 6], true, &Truth { mu: [0.5, 1.0], sigma: [1.0, 0.5], eps: 0.7 });
    let model = model(&data, Priors::default(), &[Centering::NonCentered; 2]);
    let hyper = model.layout().hyperparameters();
    let Scores { names, mean, sd, below_q05, below_q95 } = scores(model, Settings { target_accept: 0.98, ..RUN });
    agree(&names, &below_q05, "5 % quantile");
    agree(&names, &below_q95, "95 % quantile");
    agree(&names[hyper..], &mean[hyper..], "mean");
    agree(&names[hyper..], &sd[hyper..], "sd");
}

// --- radon ---------------------------------------------------------------------------------------------------------

#[test]
fn radon_is_known_to_five_digits_and_more() {
    let exact = &*RADON;
    assert_eq!(exact.names().len(), 175);
    assert!(exact.accuracy() < 1e-5, "{}", exact.accuracy());
    // The notebook prints 0.2602, from 10,000 draws with a Monte Carlo error of about 0.004.
    let sigma_b = index(exact, "sigma_b");
    assert!((exact.mean(sigma_b) - 0.2602).abs() < 3.0 * 0.004, "{}", exact.mean(sigma_b));
    let slope = |county: &str| exact.mean(index(exact, &format!("b[{county}]")));
    for (county, notebook) in [("AITKIN", -0.6096), ("MARSHALL", -0.9741), ("REDWOOD", -0.3889)] {
        assert!((slope(county) - notebook).abs() < 0.015, "{county}: {} {notebook}", slope(county));
    }
}

#[test]
fn densities_integrate_to_one_and_are_the_derivatives_of_their_cdfs_and_quantiles_are_the_inverses() {
    let exact = &*RADON;
    for name in ["mu_a", "mu_b", "sigma_a", "sigma_b", "eps", "a[AITKIN]", "b[HENNEPIN]"] {
        let i = index(exact, name);
        let (mean, sd) = (exact.mean(i), exact.sd(i));
        // sigma_b has density down to 0, where Simpson's rule needs no smoothness.
        let low = if name.starts_with("sigma") { (mean - 9.0 * sd).max(0.0) } else { mean - 9.0 * sd };
        let (count, high) = (400, mean + 9.0 * sd);
        let step = (high - low) / f64::from(count);
        let simpson = |f: &dyn Fn(f64) -> f64| {
            let term = |m: i32| {
                let weight = if m == 0 || m == count { 1.0 } else { f64::from(2 + 2 * (m % 2)) };
                weight * f(low + step * f64::from(m))
            };
            (0..=count).map(term).sum::<f64>() * step / 3.0
        };
        let (total, first) = (simpson(&|x| exact.density(i, x)), simpson(&|x| x * exact.density(i, x)));
        assert!((total - 1.0).abs() < 1e-6, "{name}: {total}");
        assert!((first - mean).abs() < 1e-6 * sd, "{name}: {first} {mean}");
        let mut cdf = 0.0;
        for p in [1e-6, 1e-3, 0.05, 0.3, 0.5, 0.8, 0.95, 0.999, 1.0 - 1e-6] {
            let x = exact.quantile(i, p);
            assert!((exact.cdf(i, x) - p).abs() < 1e-10, "{name} {p}: {}", exact.cdf(i, x));
            assert!(exact.cdf(i, x) > cdf);
            cdf = exact.cdf(i, x);
            let h = 1e-3 * sd.min(x.abs());
            let derivative = (exact.cdf(i, x + h) - exact.cdf(i, x - h)) / (2.0 * h);
            // The cdf is exact to 1e-10, and differences are over distances of the size of x.
            let tolerance = 1e-5 * exact.density(i, x) + 1e-7 / sd + 1e-10 / x.abs();
            assert!(
                (derivative - exact.density(i, x)).abs() < tolerance,
                "{name} {p}: {derivative} {}",
                exact.density(i, x)
            );
        }
        let row = exact.summary()[i];
        for (quantile, p) in [(row.q05, 0.05), (row.q50, 0.5), (row.q95, 0.95)] {
            assert!((exact.quantile(i, p) - quantile).abs() < 1e-9 * sd, "{name} {p}");
        }
    }
}

#[test]
fn the_ends_are_what_they_should_be() {
    let exact = &*RADON;
    let (mu, sigma) = (index(exact, "mu_b"), index(exact, "sigma_b"));
    assert_eq!((exact.quantile(mu, 0.0), exact.quantile(mu, 1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    assert_eq!((exact.quantile(sigma, 0.0), exact.quantile(sigma, 1.0)), (0.0, f64::INFINITY));
    assert_eq!((exact.cdf(sigma, 0.0), exact.cdf(sigma, -1.0), exact.density(sigma, -1.0)), (0.0, 0.0, 0.0));
    assert!((exact.cdf(mu, f64::INFINITY) - 1.0).abs() < 1e-12);
    for beyond in [1e9, f64::INFINITY] {
        assert_eq!((exact.cdf(sigma, beyond), exact.density(sigma, beyond)), (1.0, 0.0));
    }
    // The neck: the density of sigma_b has a limit at 0, and is smooth there.
    let (at, near) = (exact.density(sigma, 0.0), exact.density(sigma, 1e-3));
    assert!(at > 0.5 && (near / at - 1.0).abs() < 1e-3, "{at} {near}");
    assert!((exact.cdf(sigma, 1e-5) / (1e-5 * at) - 1.0).abs() < 1e-3);
}

#[track_caller]
fn equal(exact: &Exact, other: &Exact, unit: impl Fn(usize) -> f64) {
    let numbers = |exact: &Exact, i: usize| {
        let row = exact.summary()[i];
        [row.mean, row.sd, row.q05, row.q50, row.q95]
    };
    for (i, name) in exact.names().iter().enumerate() {
        for (a, b) in numbers(exact, i).into_iter().zip(numbers(other, i)) {
            assert!((a - b / unit(i)).abs() < 1e-6 * exact.sd(i), "{name}: {a} {}", b / unit(i));
        }
    }
}

#[test]
fn neither_units_nor_parameterization_matter() {
    let radon = Dataset::radon().unwrap();
    let labels: Vec<&str> =
        (0..radon.n_groups()).flat_map(|j| vec![radon.groups()[j].as_str(); radon.group_range(j).len()]).collect();
    let (per_outcome, per_predictor) = (1e6, 1e-3);
    let moved = |values: &[f64], factor: f64| values.iter().map(|value| value * factor).collect::<Vec<_>>();
    let (y, x) = (moved(radon.outcome(), per_outcome), moved(radon.predictor(0), per_predictor));
    let rescaled = Dataset::from_columns("rescaled", "county", "y", &["x"], &labels, y, vec![x]).unwrap();
    let rescaled = Arc::new(rescaled);
    let unit = [per_outcome, per_outcome / per_predictor];
    let priors = PriorScales {
        mu_sd: unit.map(|unit| 10_000.0 * unit).to_vec(),
        sigma_scale: unit.map(|unit| 5.0 * unit).to_vec(),
        eps_scale: 5.0 * per_outcome,
    };
    let centered = Coordinates::joint(Centering::Centered, rescaled.n_coefficients());
    let scaling = Scaling::identity(&rescaled);
    let model = Model::builder(rescaled).priors(priors).coordinates(centered).scaling(scaling).build();
    let layout = model.layout();
    let exact = Exact::of(&model).unwrap();
    let coefficient = |i: usize| match i {
        i if i < layout.eps() => Some(i % 2),
        i if i == layout.eps() => None,
        i => Some(usize::from(layout.effects(1).contains(&i))),
    };
    equal(&RADON, &exact, |i| coefficient(i).map_or(per_outcome, |k| unit[k]));
    let evidence = exact.log_evidence() + radon.n_observations() as f64 * per_outcome.ln();
    assert!((evidence - RADON.log_evidence()).abs() < 1e-8, "{evidence} {}", RADON.log_evidence());
}

// --- difficult cases, and refusals -----------------------------------------------------------------------------------

#[test]
fn where_all_slopes_are_equal_the_neck_is_integrated() {
    // The same rows in every group, except for the intercept.
    let (groups, rows, mut normal) = (30, 20, normals(8));
    let mut column = |n: usize| (0..n).map(|_| normal()).collect::<Vec<f64>>();
    let (x, noise, intercepts) = (column(rows), column(rows), column(groups));
    let labels: Vec<String> = (0..groups * rows).map(|i| format!("g{}", i / rows)).collect();
    let y = (0..groups * rows).map(|i| intercepts[i / rows] + 2.0 * x[i % rows] + noise[i % rows]).collect();
    let data = Dataset::from_columns("equal", "g", "y", &["x"], &labels, y, vec![x.repeat(groups)]).unwrap();
    let exact = Exact::of(&model(&Arc::new(data), Priors::default(), &[Centering::NonCentered; 2])).unwrap();
    let sigma_b = index(&exact, "sigma_b");
    println!("{} points, accuracy {:e}, {:?}", exact.grid_points(), exact.accuracy(), exact.summary()[sigma_b]);
    assert!(exact.accuracy() < 1e-5);
    let at_zero = exact.density(sigma_b, 0.0);
    assert!((1..100).all(|i| exact.density(sigma_b, 0.002 * f64::from(i)) < at_zero));
    assert!((exact.quantile(sigma_b, 1e-6) * at_zero / 1e-6 - 1.0).abs() < 1e-3);
}

#[test]
fn calendar_years_settle() {
    let near = simulated(9, &[3, 8, 5, 12, 1, 7, 9, 4], true, &Truth { mu: [1.0, 0.5], sigma: [0.5, 0.3], eps: 0.4 });
    let labels: Vec<String> =
        (0..near.n_groups()).flat_map(|j| vec![format!("g{j}"); near.group_range(j).len()]).collect();
    let years = near.predictor(0).iter().map(|x| (2005.0 + 7.0 * x).round()).collect();
    let data = Dataset::from_columns("years", "g", "y", &["year"], &labels, near.outcome().to_vec(), vec![years]);
    let exact = Exact::of(&model(&Arc::new(data.unwrap()), Priors::default(), &[Centering::Centered; 2])).unwrap();
    println!("{} points, accuracy {:e}", exact.grid_points(), exact.accuracy());
    assert!(exact.accuracy() < 1e-5);
}

#[test]
fn two_predictors_are_refused_with_what_to_do_instead() {
    let columns = Columns {
        group: "county".into(),
        outcome: "log_radon".into(),
        predictors: vec!["floor".into(), "Uppm".into()],
    };
    let data = Arc::new(Dataset::from_built_in(&columns).unwrap());
    let error = Exact::of(&model(&data, Priors::default(), &[Centering::Centered; 3])).unwrap_err();
    assert_eq!(error, ExactError::Refused(Refusal::Predictors { predictors: 2 }));
    assert!(error.to_string().contains("warpnuts sample"), "{error}");
}

#[test]
fn a_slope_that_one_group_alone_knows_has_no_standard_deviation() {
    let y = vec![1.2, 0.4, 2.0, 1.9, -0.3, 0.1, 0.8];
    let x = vec![0.5, -0.4, 1.1, 0.7, 0.0, 0.0, 0.0];
    let labels = ["p", "p", "p", "p", "q", "q", "q"];
    let data = Arc::new(Dataset::from_columns("tiny", "g", "y", &["x"], &labels, y, vec![x]).unwrap());
    let error = Exact::of(&model(&data, Priors::default(), &[Centering::Centered; 2])).unwrap_err();
    assert_eq!(error, ExactError::Endless { name: "sigma_b".into() });
}

#[test]
fn a_millionth_of_noise_scales_as_any_other() {
    // Noise a million times smaller scales the posterior of eps.
    let noise = [0.3, -1.1, 0.9, -0.4, 1.6, -0.8, 0.2, -1.3, 0.7, 1.2, -0.5, -0.9];
    let x = [0.5, -0.4, 1.1, 0.7, 0.1, 0.9, -0.2, 0.3, 0.8, 1.3, -0.6, 0.2];
    let eps = [1e-3, 1e-6].map(|size| {
        let line = |i: usize| [1.0 + 2.0 * x[i], 3.0 - 0.5 * x[i]][i / 6] + size * noise[i];
        let labels: Vec<&str> = (0..12).map(|i| ["p", "q"][i / 6]).collect();
        let y = (0..12).map(line).collect();
        let data = Arc::new(Dataset::from_columns("lines", "g", "y", &["x"], &labels, y, vec![x.to_vec()]).unwrap());
        let exact = Exact::of(&model(&data, Priors::default(), &[Centering::Centered; 2])).unwrap();
        let eps = exact.names().iter().position(|name| name == "eps").unwrap();
        [exact.mean(eps) / size, exact.sd(eps) / size]
    });
    for (large, small) in eps[0].iter().zip(eps[1]) {
        assert!((large / small - 1.0).abs() < 1e-3, "{eps:?}");
    }
}

#[test]
fn single_observations_need_not_tell_sigma_from_eps() {
    let labels: Vec<String> = (0..9).map(|j| format!("g{j}")).collect();
    let (none, mut normal): ([&str; 0], _) = ([], normals(10));
    let y = labels.iter().map(|_| normal()).collect();
    let data = Arc::new(Dataset::from_columns("single", "g", "y", &none, &labels, y, vec![]).unwrap());
    let priors = Priors { mu_sd: 10_000.0, sigma_scale: 1.0, eps_scale: 1.0 };
    let exact = Exact::of(&model(&data, priors, &[Centering::Centered])).unwrap();
    println!("{} points, accuracy {:e}", exact.grid_points(), exact.accuracy());
    // Neither the likelihood nor the priors distinguish sigma_a from eps.
    let (sigma, eps) = (exact.summary()[index(&exact, "sigma_a")], exact.summary()[index(&exact, "eps")]);
    for (sigma, eps) in [(sigma.mean, eps.mean), (sigma.sd, eps.sd), (sigma.q05, eps.q05), (sigma.q95, eps.q95)] {
        assert!((sigma - eps).abs() < 1e-6, "{sigma} {eps}");
    }
}
