//! Modes against brute force, and the centered density's rise without end against theory.

use std::sync::Arc;

use crate::helpers::models;
use warpnuts::data::{Columns, Dataset};
use warpnuts::density::conditional::ConditionalEffects;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::mode::{self, GRADIENT_TOLERANCE, NoMode};
use warpnuts::model::{Coordinates, Model, Priors, Scaling};

fn model(dataset: &Arc<Dataset>, parameterization: &str) -> Model {
    let parameterization = Coordinates::parse(parameterization, dataset.predictor_names()).unwrap();
    models::posterior(dataset.clone(), Priors::default(), parameterization, Scaling::standardizing(dataset))
}

/// Seven groups of three to five rows, with different means.
fn heights() -> Arc<Dataset> {
    let wave = |i: usize, f: f64| (f * (i as f64 + 0.5)).sin();
    let of_row: Vec<usize> = (0..7).flat_map(|j| vec![j; 3 + j % 3]).collect();
    let labels: Vec<String> = of_row.iter().map(|j| format!("g{j}")).collect();
    let y = of_row.iter().enumerate().map(|(i, j)| 4.0 + 1.2 * wave(*j, 2.1) + 0.9 * wave(i, 7.7)).collect();
    let none: [&str; 0] = [];
    Arc::new(Dataset::from_columns("heights", "g", "y", &none, &labels, y, vec![]).unwrap())
}

fn radon(predictors: &[&str]) -> Arc<Dataset> {
    let predictors = predictors.iter().map(|name| name.to_string()).collect();
    let columns = Columns { group: "county".into(), outcome: "log_radon".into(), predictors };
    Arc::new(Dataset::from_built_in(&columns).unwrap())
}

/// Log density of `model` in the sampler's units, and the largest absolute entry of its gradient.
fn at(model: &Model, theta: &[f64]) -> (f64, f64) {
    let mut gradient = vec![0.0; theta.len()];
    let value = CpuDensity::new(model).log_density(theta, &mut gradient);
    (value, gradient.iter().fold(0.0, |largest, entry| largest.max(entry.abs())))
}

/// The highest point of a grid over mu, log sigma and log eps; `value` is never -inf.
fn grid(mut value: impl FnMut([f64; 3]) -> f64) -> ([f64; 3], f64) {
    let mut best = ([f64::NAN; 3], f64::NEG_INFINITY);
    for mu in (-20..=20).map(|i| 0.05 * f64::from(i)) {
        for log_sigma in (-70..=30).map(|i| 0.1 * f64::from(i)) {
            for log_eps in (-30..=20).map(|i| 0.1 * f64::from(i)) {
                let here = value([mu, log_sigma, log_eps]);
                if here > best.1 {
                    best = ([mu, log_sigma, log_eps], here);
                }
            }
        }
    }
    best
}

#[track_caller]
fn stands_at(mode: &[f64], height: f64, (place, grid): ([f64; 3], f64)) {
    assert!(height >= grid && height < grid + 0.1, "{height} {grid}");
    for (mode, place) in mode.iter().zip(place) {
        assert!((mode - place).abs() < 0.15, "{mode:?} {place:?}");
    }
}

#[test]
fn the_marginal_mode_is_where_brute_force_finds_it() {
    let dataset = heights();
    let marginal = model(&dataset, "marginal");
    let mode = mode::marginal(&model(&dataset, "centered")).unwrap();
    let (height, gradient) = at(&marginal, &mode.theta);
    assert!(gradient < GRADIENT_TOLERANCE && (gradient - mode.gradient).abs() < 1e-12, "{gradient}");
    assert!((height + marginal.log_density_offset() - mode.log_density).abs() < 1e-9);
    stands_at(&mode.theta, height, grid(|theta| at(&marginal, &theta).0));
}

#[test]
fn the_non_centered_mode_is_where_brute_force_finds_it() {
    // The maximum over all offsets, given the hyperparameters, is their conditional mean.
    let dataset = heights();
    let non_centered = model(&dataset, "non-centered");
    let mode = mode::non_centered(&non_centered).unwrap();
    let (height, gradient) = at(&non_centered, &mode.theta);
    assert!(gradient < GRADIENT_TOLERANCE, "{gradient}");
    let mut conditional = ConditionalEffects::new(&non_centered);
    let mut density = CpuDensity::new(&non_centered);
    let (mut theta, mut named) = (vec![0.0; non_centered.dim()], vec![0.0; non_centered.dim()]);
    let mut unused = theta.clone();
    let found = grid(|hyperparameters| {
        theta[..3].copy_from_slice(&hyperparameters);
        non_centered.constrain(&theta, &mut named);
        conditional.mean(&mut named);
        non_centered.unconstrain(&named, &mut theta);
        density.log_density(&theta, &mut unused)
    });
    stands_at(&mode.theta, height, found);
}

#[test]
fn radons_modes_have_no_gradient_and_are_far_apart() {
    let dataset = radon(&["floor"]);
    let non_centered = model(&dataset, "non-centered");
    let [joint, marginal] = [mode::non_centered(&non_centered), mode::marginal(&non_centered)].map(Result::unwrap);
    assert!(at(&non_centered, &joint.theta).1 < 1e-6 && at(&model(&dataset, "marginal"), &marginal.theta).1 < 1e-6);
    assert_eq!((joint.named.len(), marginal.named.len(), marginal.theta.len()), (175, 175, 5));
    let sigma_b = [&joint, &marginal].map(|mode| mode.named[3]);
    assert!(sigma_b[0] > 4.0 && (0.2..0.4).contains(&sigma_b[1]), "{sigma_b:?}");
}

#[test]
fn the_centered_density_rises_by_the_groups_less_one_without_end() {
    for (dataset, groups) in [(radon(&["floor"]), 85.0), (radon(&["floor", "Uppm"]), 85.0), (heights(), 7.0)] {
        let non_centered = model(&dataset, "non-centered");
        let marginal = mode::marginal(&non_centered).unwrap();
        let path = mode::path(&non_centered, &marginal);
        assert!(path.is_unbounded, "{path:?}");
        assert_eq!(path.rise_without_end, groups - 1.0);
        let (first, last) = (&path.points[0], path.points.last().unwrap());
        assert!((last.rise - (groups - 1.0)).abs() < 1e-3, "{last:?}");
        assert!(last.sigma < 1e-8 * first.sigma && last.spread < 1e-12 && first.spread > 0.01, "{path:?}");
        assert!(path.points.windows(2).all(|pair| pair[1].log_density > pair[0].log_density));
    }
}

#[test]
fn a_paths_points_are_as_high_as_a_centered_density_can_be_there() {
    // Given sigma_b, neither mu nor any effect nor another scale could be improved.
    let dataset = radon(&["floor"]);
    let centered = model(&dataset, "centered");
    let marginal = mode::marginal(&centered).unwrap();
    let path = mode::path(&centered, &marginal);
    let start = &path.points[0];
    assert_eq!((path.coefficient, path.sigma.as_str()), (1, "sigma_b"));
    let mut theta = vec![0.0; centered.dim()];
    centered.unconstrain(&marginal.named, &mut theta);
    let (height, _) = at(&centered, &theta);
    assert!((height + centered.log_density_offset() - start.log_density).abs() < 1e-6);
    assert!((marginal.named[3] - start.sigma).abs() < 1e-9);
    let layout = centered.layout();
    let mut gradient = vec![0.0; theta.len()];
    CpuDensity::new(&centered).log_density(&theta, &mut gradient);
    for i in layout.effects(0).chain(layout.effects(1)) {
        assert!(gradient[i].abs() < 1e-6, "effect {i}: {}", gradient[i]);
    }
}

#[test]
fn where_every_observation_can_be_met_there_is_no_non_centered_mode() {
    let labels: Vec<String> = (0..12).map(|j| format!("g{j}")).collect();
    let y = (0..12).map(|i| (1.7 * f64::from(i)).sin()).collect();
    let none: [&str; 0] = [];
    let data = Arc::new(Dataset::from_columns("single", "g", "y", &none, &labels, y, vec![]).unwrap());
    let error = mode::non_centered(&model(&data, "non-centered")).unwrap_err();
    assert_eq!(error, NoMode::Runaway { name: "eps".into() });
    assert!(mode::marginal(&model(&data, "non-centered")).is_ok());
    assert_eq!(model(&data, "non-centered").parameterization(), "non-centered");
}
