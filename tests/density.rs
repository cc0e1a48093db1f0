//! The CPU's log density against another implementation, against its own other likelihood, against finite differences,
//! and in other units.

use rand::Rng;
use std::sync::Arc;

use warpnuts::data::Dataset;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::density::{Density, Evaluations};
use warpnuts::model::{Centering, Coordinates, Likelihood, Model, Priors, Scaling};
use warpnuts::random::{Purpose, StreamKey};

use crate::helpers::models;
use crate::helpers::reference;

const BOTH: [Likelihood; 2] = [Likelihood::Groups, Likelihood::Observations];

fn parameterization(centered: &[bool]) -> Coordinates {
    let effect = |centered: &bool| if *centered { Centering::Centered } else { Centering::NonCentered };
    Coordinates::Joint { centering: centered.iter().map(effect).collect(), likelihood: Likelihood::Groups }
}

fn evaluate(model: &Model, likelihood: Likelihood, theta: &[f64]) -> (f64, Vec<f64>) {
    let mut density = CpuDensity::new(&model.over(likelihood).unwrap());
    let mut out = Evaluations::with_capacity(1, density.dim());
    density.evaluate(&vec![theta], &mut out).unwrap();
    (out.log_density(0), out.gradient(0).to_vec())
}

fn relative(value: f64, truth: f64) -> f64 {
    (value - truth).abs() / truth.abs().max(1e-6)
}

/// Simulated data of `groups` groups of 1 to 7 rows with `slopes` predictors; `scale` is the unit of the outcome.
fn simulated(groups: usize, slopes: usize, scale: f64) -> Arc<Dataset> {
    let mut rng = StreamKey { seed: 7, chain: groups as u32, transition: slopes as u32 }.stream(Purpose::Stream);
    let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
    let labels: Vec<String> = (0..groups).flat_map(|j| std::iter::repeat_n(format!("g{j}"), 1 + (j * 5) % 7)).collect();
    let outcome = labels.iter().map(|_| scale * (3.0 + uniform())).collect();
    let predictors: Vec<Vec<f64>> =
        (0..slopes).map(|k| labels.iter().map(|_| 10f64.powi(2 * k as i32 - 3) * uniform()).collect()).collect();
    let names = (0..slopes).map(|k| format!("x{k}")).collect::<Vec<_>>();
    Arc::new(Dataset::from_columns("simulated", "g", "y", &names, &labels, outcome, predictors).unwrap())
}

fn position(dim: usize, seed: u64) -> Vec<f64> {
    let mut theta = vec![0.0; dim];
    StreamKey { seed, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
    theta
}

#[test]
fn value_and_every_gradient_entry_equal_numpyro() {
    let cases = reference::cases();
    assert_eq!(cases.len(), 28);
    for case in cases {
        let model = case.model();
        for likelihood in BOTH {
            let (log_density, gradient) = evaluate(&model, likelihood, &case.theta);
            let at = format!("{case} {likelihood:?}");
            assert_eq!(gradient.len(), case.gradient.len(), "{at}");
            let error = relative(log_density, case.log_density);
            assert!(error < 1e-9, "{at}: {log_density} not {}", case.log_density);
            for (i, (entry, truth)) in gradient.iter().zip(&case.gradient).enumerate() {
                assert!(relative(*entry, *truth) < 1e-9, "{at}: gradient[{i}] is {entry} not {truth}");
            }
        }
    }
}

#[test]
fn over_groups_and_over_observations_are_equal() {
    for (groups, slopes) in [(2, 1), (3, 0), (8, 2), (9, 3), (86, 4), (1000, 1), (17, 10)] {
        let dataset = simulated(groups, slopes, 1.0);
        for centered in [true, false] {
            let parameterization = parameterization(&vec![centered; slopes + 1]);
            let scaling = Scaling::standardizing(&dataset);
            let model = models::posterior(dataset.clone(), Priors::default(), parameterization, scaling);
            let theta = position(model.layout().dim(), 3);
            let (grouped, grouped_gradient) = evaluate(&model, Likelihood::Groups, &theta);
            let (observed, observed_gradient) = evaluate(&model, Likelihood::Observations, &theta);
            assert!(relative(grouped, observed) < 1e-9, "J = {groups}, {slopes} slopes: {grouped} {observed}");
            let largest = observed_gradient.iter().fold(1.0, |a: f64, g| a.max(g.abs()));
            for (g, o) in grouped_gradient.iter().zip(&observed_gradient) {
                assert!((g - o).abs() < 1e-9 * o.abs().max(1e-3 * largest), "J = {groups}, {slopes} slopes: {g} {o}");
            }
        }
    }
}

#[test]
fn gradients_are_finite_differences() {
    for (groups, slopes) in [(2, 0), (9, 1), (5, 2), (4, 5)] {
        let dataset = simulated(groups, slopes, 1.0);
        for mixed in [[true, false], [false, true]] {
            let centered: Vec<bool> = (0..=slopes).map(|k| mixed[k % 2]).collect();
            let scaling = Scaling::standardizing(&dataset);
            let model = models::posterior(dataset.clone(), Priors::default(), parameterization(&centered), scaling);
            let theta = position(model.layout().dim(), 5);
            for likelihood in BOTH {
                let (_, gradient) = evaluate(&model, likelihood, &theta);
                for i in 0..theta.len() {
                    let h = 1e-5;
                    let moved = |by: f64| {
                        let mut theta = theta.clone();
                        theta[i] += by;
                        evaluate(&model, likelihood, &theta).0
                    };
                    let difference = (moved(h) - moved(-h)) / (2.0 * h);
                    let error = (gradient[i] - difference).abs();
                    assert!(error < 1e-5 * difference.abs().max(1.0), "gradient[{i}] {} not {difference}", gradient[i]);
                }
            }
        }
    }
}

#[test]
fn scaling_is_an_exact_change_of_variables() {
    for (slopes, scale) in [(0, 1e6), (1, 1.0), (3, 1e-6)] {
        let dataset = simulated(12, slopes, scale);
        for centered in [true, false] {
            let model = |scaling| {
                let parameterization = parameterization(&vec![centered; slopes + 1]);
                models::posterior(dataset.clone(), Priors::default(), parameterization, scaling)
            };
            let plain = model(Scaling::identity(&dataset));
            let scaled = model(Scaling::standardizing(&dataset));
            let theta = position(scaled.layout().dim(), 9);
            let mut named = vec![0.0; theta.len()];
            scaled.constrain(&theta, &mut named);
            let mut back = vec![0.0; theta.len()];
            scaled.unconstrain(&named, &mut back);
            for (back, theta) in back.iter().zip(&theta) {
                assert!((back - theta).abs() < 1e-8, "there and back: {back} {theta}");
            }
            plain.unconstrain(&named, &mut back);
            let in_users_units = evaluate(&plain, Likelihood::Groups, &back).0;
            let moved = evaluate(&scaled, Likelihood::Groups, &theta).0 + scaled.log_density_offset();
            assert!(relative(moved, in_users_units) < 1e-9, "{slopes} slopes: {moved} {in_users_units}");
        }
    }
}

#[test]
fn a_predictor_far_from_zero_does_not_cancel() {
    let near = simulated(20, 1, 1.0);
    let labels: Vec<String> =
        (0..near.n_groups()).flat_map(|j| std::iter::repeat_n(format!("g{j}"), near.group_range(j).len())).collect();
    let shift = 2f64.powi(20);
    let x: Vec<f64> = near.predictor(0).iter().map(|x| (x * 2f64.powi(20)).round() / 2f64.powi(20) + shift).collect();
    let far = Dataset::from_columns("far", "g", "y", &["x"], &labels, near.outcome().to_vec(), vec![x]).unwrap();
    let far = Arc::new(far);
    let centered = parameterization(&[true, true]);
    let model = models::posterior(far.clone(), Priors::default(), centered, Scaling::identity(&far));
    // Intercepts offset the slopes, so that fitted values are near the outcome.
    let mut theta = position(model.layout().dim(), 2);
    for j in 0..far.n_groups() {
        let slope = theta[model.layout().effects(1).start + j];
        theta[model.layout().effects(0).start + j] -= slope * shift;
    }
    let (grouped, _) = evaluate(&model, Likelihood::Groups, &theta);
    let (observed, _) = evaluate(&model, Likelihood::Observations, &theta);
    assert!(relative(grouped, observed) < 1e-9, "{grouped} {observed}");
}

#[test]
fn names_follow_the_notebook() {
    let model = |predictors: &[&str]| {
        let dataset = reference::radon(&predictors.iter().map(|name| name.to_string()).collect::<Vec<_>>());
        let parameterization = Coordinates::joint(Centering::Centered, dataset.n_coefficients());
        let scaling = Scaling::identity(&dataset);
        models::posterior(dataset, Priors::default(), parameterization, scaling).names()
    };
    let one = model(&["floor"]);
    assert_eq!(one[..6], ["mu_a", "mu_b", "sigma_a", "sigma_b", "eps", "a[AITKIN]"]);
    assert_eq!((one.len(), one[90].as_str()), (175, "b[AITKIN]"));
    let two = model(&["floor", "Uppm"]);
    assert_eq!(two[..3], ["mu_a", "mu_b[floor]", "mu_b[Uppm]"]);
    assert_eq!(two[262 - 85], "b[Uppm,AITKIN]");
    assert_eq!(model(&[])[..4], ["mu_a", "sigma_a", "eps", "a[AITKIN]"]);
}
