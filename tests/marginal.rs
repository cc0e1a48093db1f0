//! The collapsed log density against the joint density, integrated over all effects; against finite differences; and
//! against independent algebra. Draws of effects against their conditional normal, and one run against another.

use rand::Rng;
use std::f64::consts::TAU;
use std::sync::Arc;

use crate::helpers::chance;
use crate::helpers::models;
use warpnuts::data::Dataset;
use warpnuts::density::conditional::ConditionalEffects;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::engine::Progress;
use warpnuts::experiment::{Keep, Sampled, Settings, sample};
use warpnuts::model::{Centering, Coordinates, Model, Priors, Scaling};
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::RunSummary;

/// Groups of 1 to 7 rows with `slopes` predictors; the first predictor is constant in the second group.
fn simulated(groups: usize, slopes: usize) -> Arc<Dataset> {
    let mut rng = StreamKey { seed: 17, chain: groups as u32, transition: slopes as u32 }.stream(Purpose::Stream);
    let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
    let of_row: Vec<usize> = (0..groups).flat_map(|j| std::iter::repeat_n(j, 1 + (j * 5) % 7)).collect();
    let labels: Vec<String> = of_row.iter().map(|j| format!("g{j}")).collect();
    let mut predictors: Vec<Vec<f64>> =
        (0..slopes).map(|_| labels.iter().map(|_| 2.0 * uniform() - 0.7).collect()).collect();
    if let Some(first) = predictors.first_mut() {
        first.iter_mut().zip(&of_row).filter(|(_, j)| **j == 1).for_each(|(x, _)| *x = 0.25);
    }
    let outcome = (0..labels.len()).map(|i| predictors.iter().map(|x| x[i]).sum::<f64>() + 2.0 * uniform()).collect();
    let names: Vec<String> = (0..slopes).map(|k| format!("x{k}")).collect();
    Arc::new(Dataset::from_columns("simulated", "g", "y", &names, &labels, outcome, predictors).unwrap())
}

fn model(dataset: &Arc<Dataset>, parameterization: &str) -> Model {
    let parameterization = Coordinates::parse(parameterization, dataset.predictor_names()).unwrap();
    let priors = Priors { mu_sd: 3.0, sigma_scale: 2.0, eps_scale: 1.5 };
    models::posterior(dataset.clone(), priors, parameterization, Scaling::standardizing(dataset))
}

fn evaluate(model: &Model, theta: &[f64]) -> (f64, Vec<f64>) {
    let mut gradient = vec![0.0; theta.len()];
    let value = CpuDensity::new(model).log_density(theta, &mut gradient);
    (value, gradient)
}

/// mu, log sigma and log eps of no special values; `log_sigma` is added to every second log sigma.
fn hyperparameters(k: usize, log_sigma: f64, log_eps: f64) -> Vec<f64> {
    let wave = |i: usize| (1.3 * i as f64 + 0.4).sin();
    let mu = (0..k).map(|i| 0.6 * wave(i));
    let sigma = (0..k).map(|i| 0.5 * wave(i + 7) + if i % 2 == 1 { log_sigma } else { 0.0 });
    mu.chain(sigma).chain([log_eps]).collect()
}

/// Ordinary scales, slopes that hardly vary, large scales, and hardly any noise.
const SCALES: [(f64, f64); 4] = [(0.0, -0.3), (-18.0, -0.3), (3.0, 0.5), (0.0, -4.0)];

/// Groups and slopes for every compiled kernel: one, two and three coefficients, up to eight, and more.
const SHAPES: [(usize, usize); 6] = [(9, 0), (9, 1), (8, 2), (5, 4), (4, 7), (3, 9)];

/// The joint density of non-centered effects at `theta`'s hyperparameters is a constant times a normal density: log of
/// its integral, its mean, and a square root of its covariance (by column), from gradients only.
fn integrate(joint: &Model, hyper: &[f64]) -> (f64, Vec<f64>, Vec<Vec<f64>>) {
    let n = joint.dim() - hyper.len();
    let at = |effects: &[f64]| evaluate(joint, &[hyper, effects].concat());
    let (value, gradient) = at(&vec![0.0; n]);
    let first = &gradient[hyper.len()..];
    let mut l = vec![vec![0.0; n]; n];
    for j in 0..n {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        let moved = at(&unit).1;
        for i in 0..=j {
            l[j][i] = first[i] - moved[hyper.len() + i];
        }
    }
    for j in 0..n {
        for i in 0..=j {
            let dot: f64 = (0..i).map(|m| l[i][m] * l[j][m]).sum();
            l[j][i] = if i == j { (l[j][j] - dot).sqrt() } else { (l[j][i] - dot) / l[i][i] };
        }
    }
    let mut inverse: Vec<Vec<f64>> = Vec::new();
    for (i, row) in l.iter().enumerate() {
        let dot = |c: usize| (0..i).map(|m| row[m] * inverse[m][c]).sum::<f64>();
        inverse.push((0..n).map(|c| (if c == i { 1.0 } else { 0.0 } - dot(c)) / row[i]).collect());
    }
    let whitened: Vec<f64> = inverse.iter().map(|row| row.iter().zip(first).map(|(a, b)| a * b).sum()).collect();
    let mean: Vec<f64> = (0..n).map(|i| (0..n).map(|m| inverse[m][i] * whitened[m]).sum()).collect();
    let log_root: f64 = (0..n).map(|i| l[i][i].ln()).sum();
    let squares: f64 = whitened.iter().map(|w| w * w).sum();
    (value + 0.5 * squares + 0.5 * n as f64 * TAU.ln() - log_root, mean, inverse)
}

#[test]
fn it_is_the_joint_density_integrated_over_all_effects() {
    for (groups, slopes) in SHAPES {
        let dataset = simulated(groups, slopes);
        let (marginal, joint) = (model(&dataset, "marginal"), model(&dataset, "non-centered"));
        assert_eq!(marginal.dim(), 2 * slopes + 3);
        for (log_sigma, log_eps) in SCALES {
            let theta = hyperparameters(slopes + 1, log_sigma, log_eps);
            let (value, _) = evaluate(&marginal, &theta);
            let (integral, ..) = integrate(&joint, &theta);
            let error = (value - integral).abs();
            assert!(error < 1e-8 * integral.abs().max(1.0), "{groups} {slopes} {log_sigma}: {value} not {integral}");
            assert_eq!(marginal.log_density_offset(), joint.log_density_offset());
        }
    }
}

#[test]
fn its_gradient_is_that_of_finite_differences() {
    for (groups, slopes) in SHAPES {
        let marginal = model(&simulated(groups, slopes), "marginal");
        for (log_sigma, log_eps) in SCALES {
            let theta = hyperparameters(slopes + 1, log_sigma, log_eps);
            let (_, gradient) = evaluate(&marginal, &theta);
            let size = gradient.iter().fold(1.0, |size: f64, entry| size.max(entry.abs()));
            for i in 0..theta.len() {
                let h = 1e-5;
                let moved = |by: f64| {
                    let mut theta = theta.clone();
                    theta[i] += by;
                    evaluate(&marginal, &theta).0
                };
                let difference = (moved(h) - moved(-h)) / (2.0 * h);
                let error = (gradient[i] - difference).abs();
                assert!(error < 1e-6 * size, "{groups} {slopes} {log_sigma}: [{i}] {} not {difference}", gradient[i]);
            }
        }
    }
}

/// Each group as independent measurements of its slope and of its height; see `exact/conditional.rs`.
fn by_two_measurements(dataset: &Dataset, mu: [f64; 2], sigma: [f64; 2], eps: f64) -> f64 {
    let log_normal = |x: f64, variance: f64| -0.5 * ((TAU * variance).ln() + x * x / variance);
    let [of_a, of_b] = sigma.map(|sigma| sigma * sigma);
    let noise = eps * eps;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let of_group = |j: usize| {
        let rows = dataset.group_range(j);
        let n = rows.len() as f64;
        let (x, y) = (&dataset.predictor(0)[rows.clone()], &dataset.outcome()[rows]);
        let (xbar, ybar) = (mean(x), mean(y));
        let pairs = || x.iter().zip(y).map(|(x, y)| (x - xbar, y - ybar));
        let sxx: f64 = pairs().map(|(x, _)| x * x).sum();
        let slope = if sxx > 0.0 { pairs().map(|(x, y)| x * y).sum::<f64>() / sxx } else { 0.0 };
        let rest: f64 = pairs().map(|(x, y)| (y - slope * x).powi(2)).sum();
        let kept = noise / (noise + sxx * of_b);
        let height = ybar - xbar * (mu[1] + (1.0 - kept) * (slope - mu[1])) - mu[0];
        let mut log_density = log_normal(height, noise / n + of_a + xbar * xbar * kept * of_b);
        let mut left = n - 1.0;
        if sxx > 0.0 {
            // The Jacobian from slope and height to the outcome: a rotation, and the lengths of its two directions.
            log_density += log_normal(slope - mu[1], noise / sxx + of_b) - 0.5 * sxx.ln();
            left -= 1.0;
        }
        log_density - 0.5 * n.ln() - 0.5 * (left * (TAU * noise).ln() + rest / noise)
    };
    (0..dataset.n_groups()).map(of_group).sum()
}

#[test]
fn a_predictor_far_from_zero_does_not_cancel() {
    let near = simulated(20, 1);
    let labels: Vec<String> =
        (0..near.n_groups()).flat_map(|j| vec![format!("g{j}"); near.group_range(j).len()]).collect();
    for shift in [0.0, 2000.0, 2f64.powi(20)] {
        let x: Vec<f64> = near.predictor(0).iter().map(|x| (x * 1024.0).round() / 1024.0 + shift).collect();
        let data = Dataset::from_columns("far", "g", "y", &["x"], &labels, near.outcome().to_vec(), vec![x]).unwrap();
        let data = Arc::new(data);
        let model =
            models::posterior(data.clone(), Priors::default(), Coordinates::Collapsed, Scaling::identity(&data));
        for sigma in [[0.5f64, 0.3], [1e-8, 1e-8], [0.5, 1e-8], [1e-8, 5.0]] {
            let (mu_b, eps) = (0.7, 0.4f64);
            let mu = [1.2 - mu_b * shift, mu_b];
            let theta = [mu[0], mu[1], sigma[0].ln(), sigma[1].ln(), eps.ln()];
            let half_cauchy = |s: f64| (2.0 / (std::f64::consts::PI * 5.0)).ln() - (s / 5.0).powi(2).ln_1p() + s.ln();
            let priors: f64 = sigma.iter().chain([&eps]).map(|s| half_cauchy(*s)).sum::<f64>()
                + mu.iter().map(|mu| -0.5 * (TAU.ln() + (mu / 1e4).powi(2)) - 1e4f64.ln()).sum::<f64>();
            let expected = by_two_measurements(&data, mu, sigma, eps) + priors;
            let (value, _) = evaluate(&model, &theta);
            // mu_a + mu_b x loses digits by cancellation: some 1e-10 of an eps at most.
            let error = (value - expected).abs();
            assert!(error < 1e-7 * expected.abs(), "{shift} {sigma:?}: {value} not {expected}");
        }
    }
}

/// Every named variable at `theta`, with `effects` of a non-centered model.
fn named(joint: &Model, hyper: &[f64], effects: &[f64]) -> Vec<f64> {
    let mut named = vec![0.0; joint.layout().dim()];
    joint.constrain(&[hyper, effects].concat(), &mut named);
    named
}

#[test]
fn conditional_means_are_those_of_the_joint_density() {
    for (groups, slopes) in SHAPES {
        let dataset = simulated(groups, slopes);
        let (marginal, joint) = (model(&dataset, "marginal"), model(&dataset, "non-centered"));
        for (log_sigma, log_eps) in SCALES {
            let hyper = hyperparameters(slopes + 1, log_sigma, log_eps);
            let (_, mean, _) = integrate(&joint, &hyper);
            let expected = named(&joint, &hyper, &mean);
            let mut ours = vec![f64::NAN; expected.len()];
            marginal.constrain(&hyper, &mut ours);
            assert!(ours[hyper.len()..].iter().all(|effect| effect.is_nan()), "a marginal position knows no effects");
            ConditionalEffects::new(&marginal).mean(&mut ours);
            for (i, (ours, expected)) in ours.iter().zip(&expected).enumerate() {
                assert!((ours - expected).abs() < 1e-8, "{groups} {slopes} {log_sigma} [{i}]: {ours} not {expected}");
            }
        }
    }
}

/// Means and covariances of up to 171 pairs of effects in three models, in their standard errors.
#[test]
fn drawn_effects_have_the_conditional_mean_and_covariance() {
    const DRAWS: u32 = 40_000;
    let limit = chance::largest(3 * (18 + 171));
    for (groups, slopes) in [(9, 1), (4, 2), (3, 4)] {
        let dataset = simulated(groups, slopes);
        let (marginal, joint) = (model(&dataset, "marginal"), model(&dataset, "non-centered"));
        let hyper = hyperparameters(slopes + 1, 0.0, -0.3);
        let (_, mean, root) = integrate(&joint, &hyper);
        let zero = named(&joint, &hyper, &vec![0.0; mean.len()]);
        let mean = named(&joint, &hyper, &mean);
        let columns: Vec<Vec<f64>> = root.iter().map(|column| named(&joint, &hyper, column)).collect();
        let covariance = |u: usize, v: usize| {
            columns.iter().map(|column| (column[u] - zero[u]) * (column[v] - zero[v])).sum::<f64>()
        };
        let effects = hyper.len()..mean.len();
        let mut sampler = ConditionalEffects::new(&marginal);
        let mut row = vec![0.0; mean.len()];
        marginal.constrain(&hyper, &mut row);
        let mut sums = vec![vec![0.0; mean.len()]; mean.len()];
        let mut first = vec![0.0; mean.len()];
        for transition in 0..DRAWS {
            sampler.draw(&StreamKey { seed: 3, chain: 1, transition }, &mut row);
            let deviation: Vec<f64> = row.iter().zip(&mean).map(|(row, mean)| row - mean).collect();
            for u in effects.clone() {
                first[u] += deviation[u];
                sums[u].iter_mut().zip(&deviation).for_each(|(sum, other)| *sum += deviation[u] * other);
            }
        }
        let n = f64::from(DRAWS);
        let mut squares = Vec::new();
        for u in effects.clone() {
            let z = first[u] / (covariance(u, u) * n).sqrt();
            assert!(z.abs() < limit, "{groups} {slopes}: mean of {u} is off by {z}");
            for (v, sum) in sums[u].iter().enumerate().take(u + 1).skip(effects.start) {
                let expected = covariance(u, v);
                let error = ((covariance(u, u) * covariance(v, v) + expected * expected) / n).sqrt();
                let z = (sum / n - expected) / error;
                assert!(z.abs() < limit, "{groups} {slopes}: covariance of {u} and {v} is off by {z}");
                squares.push(z * z);
            }
        }
        let rms = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
        assert!((0.6..1.4).contains(&rms), "{groups} {slopes}: root mean square {rms}");
    }
}

fn run(model: Model, settings: Settings) -> Sampled {
    sample(Arc::new(model), settings, Arc::new(Progress::default())).unwrap()
}

#[test]
fn draws_do_not_depend_on_threads_and_hyperparameters_not_on_what_is_kept() {
    let model = model(&simulated(11, 1), "marginal");
    let settings = Settings { chains: 5, warmup: 60, draws: 700, threads: 1, ..Settings::default() };
    let one = run(model.clone(), settings);
    let three = run(model.clone(), Settings { threads: 3, ..settings });
    assert_eq!(one.draws.values(), three.draws.values());
    assert_eq!(one.draws.variables(), 5 + 22);
    let hyper = run(model.clone(), Settings { keep: Keep::Hyper, ..settings });
    assert_eq!(hyper.draws.variables(), 5);
    assert_eq!(hyper.draws.values(), &one.draws.values()[..hyper.draws.values().len()]);
    // A shard draws the same effects as the whole.
    let shard = run(model, Settings { first_chain: 2, chains: 3, ..settings });
    let lengths = |sampled: &Sampled| sampled.draws.variable(0).len();
    assert_eq!(lengths(&shard), 2100);
    // Warm-up pools over chains, so that draws are equal only without warm-up.
    let cold = Settings { warmup: 0, draws: 3, ..settings };
    let (whole, shard) = (
        run(shard.model.as_ref().clone(), cold),
        run(shard.model.as_ref().clone(), Settings { first_chain: 2, chains: 3, ..cold }),
    );
    for i in 0..whole.draws.variables() {
        assert_eq!(whole.draws.variable(i)[6..], *shard.draws.variable(i));
    }
}

/// Means and sds of 97 variables in two runs, in Monte Carlo errors.
#[test]
fn three_coefficients_are_sampled_as_without_integrating() {
    let dataset = simulated(30, 2);
    let settings = Settings { chains: 8, draws: 2000, target_accept: 0.9, ..Settings::default() };
    let uniform = |effect| Coordinates::joint(effect, dataset.n_coefficients());
    let joint = models::posterior(
        dataset.clone(),
        Priors::default(),
        uniform(Centering::NonCentered),
        Scaling::standardizing(&dataset),
    );
    let marginal =
        models::posterior(dataset.clone(), Priors::default(), Coordinates::Collapsed, Scaling::standardizing(&dataset));
    let [joint, marginal] = [joint, marginal].map(|model| RunSummary::of(&run(model, settings)));
    assert!(marginal.is_trustworthy() && joint.is_trustworthy(), "{:?} {:?}", marginal.warnings, joint.warnings);
    let mut squares = Vec::new();
    for (ours, theirs) in marginal.parameters.0.iter().zip(&joint.parameters.0) {
        assert_eq!(ours.name, theirs.name);
        let (ours, theirs, name) = (&ours.summary, &theirs.summary, &ours.name);
        for (what, a, b, error) in [
            ("mean", ours.mean, theirs.mean, ours.mcse_mean.hypot(theirs.mcse_mean)),
            ("sd", ours.sd, theirs.sd, ours.mcse_sd.hypot(theirs.mcse_sd)),
        ] {
            let z = (a - b) / error;
            assert!(z.abs() < chance::largest(2 * 97), "{what} of {name}: {z} standard errors");
            squares.push(z * z);
        }
    }
    let rms = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
    assert!((0.6..1.4).contains(&rms), "root mean square {rms}");
    // Without a funnel, steps are fewer and longer.
    assert!(marginal.leapfrogs_per_draw < 0.7 * joint.leapfrogs_per_draw);
}
