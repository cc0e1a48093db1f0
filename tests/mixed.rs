//! Log densities of formulas: against another implementation, in other units, against finite differences, and with the
//! effects integrated out against the density that has them.

use warpnuts::density::conditional::ConditionalEffects;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::model::{Model, Role, Scaling};
use warpnuts::random::{Purpose, StreamKey};

use crate::helpers::formulas::{self, Reference, System, references};

pub(crate) fn evaluate(model: &Model, theta: &[f64]) -> (f64, Vec<f64>) {
    let mut gradient = vec![0.0; theta.len()];
    (CpuDensity::new(model).log_density(theta, &mut gradient), gradient)
}

/// The distance of two numbers, relative to the larger of the second and 1.
pub(crate) fn apart(value: f64, truth: f64) -> f64 {
    (value - truth).abs() / truth.abs().max(1.0)
}

#[test]
fn value_and_every_gradient_entry_equal_numpyro() {
    let references = references();
    assert!(references.len() >= 11);
    references.into_iter().for_each(equals);
}

/// Asserts that log densities and gradients are those of a reference, in the user's units and in the sampler's.
pub(crate) fn equals(reference: Reference) {
    let of = reference.read();
    let Reference { name, priors, systems, .. } = reference;
    for listed in of.1.prior_list(&of.0) {
        let (variable, prior) = listed.split_once(" ~ ").unwrap();
        assert!(priors.contains_key(variable) || prior.starts_with("constant"), "{name}: {variable} ~ {prior}");
    }
    for (system, System { points, log_density, gradient }) in systems {
        let user = formulas::in_units(&of, &system, Some(Scaling::identity(&of.0)));
        let scaled = formulas::model(&of, &system);
        assert!(points.len() >= 5);
        for ((point, log_density), gradient) in points.iter().zip(&log_density).zip(&gradient) {
            let (value, derivatives) = evaluate(&user, point);
            assert!(apart(value, *log_density) < 1e-9, "{name}, {system}: {value} {log_density}");
            for (i, (derivative, truth)) in derivatives.iter().zip(gradient).enumerate() {
                assert!(apart(*derivative, *truth) < 1e-9, "{name}, {system}, {i}: {derivative} {truth}");
            }
            // The same point in the sampler's units.
            let mut named = vec![0.0; user.layout().dim()];
            user.constrain(point, &mut named);
            let mut theta = vec![0.0; scaled.dim()];
            scaled.unconstrain(&named, &mut theta);
            let (value, _) = evaluate(&scaled, &theta);
            let value = value + scaled.log_density_offset();
            assert!(apart(value, *log_density) < 1e-8, "{name}, {system}, scaled: {value} {log_density}");
        }
    }
}

/// A formula with everything in it: correlated and independent terms, two factors, bounded priors.
fn everything() -> (std::sync::Arc<warpnuts::data::Dataset>, std::sync::Arc<warpnuts::model::Mixed>) {
    let priors =
        ["sigma ~ uniform(0, 30)", "b_cses ~ uniform(-20, 20)", "sd_school ~ exponential(0.3)", "b ~ cauchy(0, 9)"];
    let priors = priors.map(str::to_string);
    formulas::read(
        "tests/cases/15b-hsb82.csv",
        "mAch ~ meanses * cses + (1 + cses + meanses | school) + (0 + cses || sector)",
        &priors,
    )
}

#[test]
fn gradients_are_finite_differences_of_every_block() {
    let of = everything();
    for parameterization in ["non-centered", "centered", "partial", "school=centered,sector=partial"] {
        let model = formulas::model(&of, parameterization);
        let mut theta = vec![0.0; model.dim()];
        StreamKey { seed: 5, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
        theta.iter_mut().for_each(|entry| *entry *= 0.5);
        let (_, gradient) = evaluate(&model, &theta);
        for block in model.layout().blocks() {
            assert!(!block.theta.is_empty());
            for i in [block.theta.start, (block.theta.start + block.theta.end) / 2, block.theta.end - 1] {
                let at = |step: f64| {
                    let mut moved = theta.clone();
                    moved[i] += step;
                    evaluate(&model, &moved).0
                };
                // Richardson's extrapolation of central differences.
                let central = |h: f64| (at(h) - at(-h)) / (2.0 * h);
                let slope = (4.0 * central(5e-4) - central(1e-3)) / 3.0;
                let size = gradient.iter().fold(1.0, |size: f64, entry| size.max(entry.abs()));
                let role = block.role;
                assert!(
                    (slope - gradient[i]).abs() < 1e-7 * size,
                    "{parameterization}, {role:?}, {i}: {slope} {}",
                    gradient[i]
                );
            }
        }
        assert_eq!(model.layout().blocks_of(Role::Correlation).count(), 1);
        assert_eq!(model.layout().blocks_of(Role::Effects).count(), 2);
    }
}

#[test]
fn theta_and_the_named_variables_are_maps_of_each_other() {
    let of = everything();
    for parameterization in ["non-centered", "centered", "partial"] {
        let model = formulas::model(&of, parameterization);
        let mut theta = vec![0.0; model.dim()];
        StreamKey { seed: 6, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
        let (mut named, mut back) = (vec![0.0; model.layout().dim()], vec![0.0; model.dim()]);
        model.constrain(&theta, &mut named);
        model.unconstrain(&named, &mut back);
        for (entry, back) in theta.iter().zip(&back) {
            assert!((entry - back).abs() < 1e-9, "{parameterization}: {entry} {back}");
        }
        assert_eq!(model.names().len(), named.len());
    }
}

/// log |A| of a symmetric, positive definite matrix.
fn log_determinant(mut a: Vec<Vec<f64>>) -> f64 {
    let mut sum = 0.0;
    for k in 0..a.len() {
        let pivot = a[k][k];
        assert!(pivot > 0.0);
        sum += pivot.ln();
        for i in k + 1..a.len() {
            let factor = a[i][k] / pivot;
            let above = a[k].clone();
            a[i].iter_mut().zip(&above).for_each(|(entry, above)| *entry -= factor * above);
        }
    }
    sum
}

/// The effects of a Gaussian model are normal given the rest: the density with them at their mode, and its curvature
/// there, give the density without them.
#[test]
fn a_density_without_effects_is_the_integral_of_the_density_with_them() {
    let priors = ["sd ~ exponential(1)".to_string()];
    let models = [
        ("27-pastes.csv", usize::MAX, "strength ~ 1 + (1 | batch/cask)"),
        ("25-insteval.csv", 90, "y ~ service01 + (1 | s) + (1 + service01 | d)"),
        ("01-sleepstudy.csv", usize::MAX, "Reaction ~ Days + (1 + Days | Subject)"),
        ("01-sleepstudy.csv", 60, "Reaction ~ 1 + (1 | Subject) + (0 + poly(Days, 8) || Subject)"),
    ];
    for (file, rows, formula) in models {
        let of = formulas::read_rows(&format!("tests/cases/{file}"), rows, formula, &priors);
        let (joint, collapsed) = (formulas::model(&of, "centered"), formulas::model(&of, "marginal"));
        let hyperparameters = joint.layout().hyperparameters();
        assert_eq!(collapsed.dim(), hyperparameters);
        let mut theta = vec![0.0; collapsed.dim()];
        StreamKey { seed: 11, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
        theta.iter_mut().for_each(|entry| *entry *= 0.4);
        let (log_density, gradient) = evaluate(&collapsed, &theta);
        let mut named = vec![0.0; joint.layout().dim()];
        collapsed.constrain(&theta, &mut named[..hyperparameters]);
        ConditionalEffects::new(&collapsed).mean(&mut named);
        let mut whole = vec![0.0; joint.dim()];
        joint.unconstrain(&named, &mut whole);
        let (at_mode, slopes) = evaluate(&joint, &whole);
        let effects = hyperparameters..joint.dim();
        for i in effects.clone() {
            assert!(slopes[i].abs() < 1e-8, "{formula}, {i}: {}", slopes[i]);
        }
        let curvature = effects.clone().map(|i| {
            let mut moved = whole.clone();
            moved[i] += 1.0;
            let (_, there) = evaluate(&joint, &moved);
            effects.clone().map(|k| slopes[k] - there[k]).collect()
        });
        let curvature: Vec<Vec<f64>> = curvature.collect();
        let size = curvature.len() as f64;
        let integral = at_mode + 0.5 * size * std::f64::consts::TAU.ln() - 0.5 * log_determinant(curvature);
        assert!(apart(log_density, integral) < 1e-9, "{formula}: {log_density} {integral}");
        for i in 0..theta.len() {
            let at = |step: f64| {
                let mut moved = theta.clone();
                moved[i] += step;
                evaluate(&collapsed, &moved).0
            };
            let central = |h: f64| (at(h) - at(-h)) / (2.0 * h);
            let slope = (4.0 * central(5e-4) - central(1e-3)) / 3.0;
            assert!(apart(slope, gradient[i]) < 1e-6, "{formula}, {i}: {slope} {}", gradient[i]);
        }
    }
}

#[test]
fn effects_that_are_integrated_out_are_drawn_from_their_conditional_distribution() {
    let of = formulas::read("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", &[]);
    let (joint, collapsed) = (formulas::model(&of, "centered"), formulas::model(&of, "marginal"));
    let mut theta = vec![0.0; collapsed.dim()];
    StreamKey { seed: 8, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
    theta.iter_mut().for_each(|entry| *entry *= 0.3);
    let mut named = vec![0.0; joint.layout().dim()];
    let hyperparameters = joint.layout().hyperparameters();
    collapsed.constrain(&theta, &mut named[..hyperparameters]);
    let mut effects = ConditionalEffects::new(&collapsed);
    effects.mean(&mut named);
    let mut whole = vec![0.0; joint.dim()];
    joint.unconstrain(&named, &mut whole);
    let (_, gradient) = evaluate(&joint, &whole);
    // The density of the effects is normal: its mean is its mode.
    for (i, entry) in gradient[hyperparameters..].iter().enumerate() {
        assert!(entry.abs() < 1e-9, "{i}: {entry}");
    }
    // And draws have its covariance: the second derivatives are those of a quadratic form.
    let (mut draw, draws) = (vec![0.0; named.len()], 20_000);
    let subject = 3;
    let (mut sums, mut squares) = ([0.0; 2], [0.0; 3]);
    for transition in 0..draws {
        draw[..hyperparameters].copy_from_slice(&named[..hyperparameters]);
        effects.draw(&StreamKey { seed: 1, chain: 0, transition }, &mut draw);
        let mut at = vec![0.0; joint.dim()];
        joint.unconstrain(&draw, &mut at);
        let off: [f64; 2] = std::array::from_fn(|c| {
            let i = hyperparameters + c * 18 + subject;
            at[i] - whole[i]
        });
        (sums[0], sums[1]) = (sums[0] + off[0], sums[1] + off[1]);
        squares[0] += off[0] * off[0];
        squares[1] += off[0] * off[1];
        squares[2] += off[1] * off[1];
    }
    let curvature = |c: usize, d: usize| {
        let mut moved = whole.clone();
        moved[hyperparameters + d * 18 + subject] += 1.0;
        -evaluate(&joint, &moved).1[hyperparameters + c * 18 + subject]
    };
    let [a, b, d] = [curvature(0, 0), curvature(0, 1), curvature(1, 1)];
    let determinant = a * d - b * b;
    let truth = [d / determinant, -b / determinant, a / determinant];
    for ((square, truth), error) in squares.iter().zip(truth).zip([truth[0], (truth[0] * truth[2]).sqrt(), truth[2]]) {
        let estimate = square / f64::from(draws);
        // Five standard errors of a variance.
        assert!((estimate - truth).abs() < 5.0 * error * (2.0 / f64::from(draws)).sqrt(), "{estimate} {truth}");
    }
    for (sum, variance) in sums.iter().zip([truth[0], truth[2]]) {
        assert!((sum / f64::from(draws)).abs() < 5.0 * (variance / f64::from(draws)).sqrt());
    }
}

#[test]
fn a_rows_variance_is_divided_by_its_weight() {
    let formula = "Reaction ~ Days + (1 + Days | Subject)";
    let weight = |i: usize| 0.5 + (i as f64 * 0.37).sin().powi(2);
    // The default prior of sigma is as wide as the weights are large.
    let priors = ["sigma ~ half_normal(50)".to_string()];
    let plain = formulas::read("tests/cases/01-sleepstudy.csv", formula, &priors);
    let weighted = formulas::changed("tests/cases/01-sleepstudy.csv", usize::MAX, formula, &priors, |_, rows| {
        rows.weights = Some((0..rows.rows.len()).map(weight).collect());
    });
    let in_order: Vec<f64> = (0..180).map(|i| weight(weighted.0.row_of(i))).collect();
    assert_eq!(weighted.0.weights(), Some(&in_order[..]));
    for parameterization in ["non-centered", "centered"] {
        let [one, other] =
            [&plain, &weighted].map(|of| formulas::in_units(of, parameterization, Some(Scaling::identity(&of.0))));
        let mut theta = vec![0.0; one.dim()];
        StreamKey { seed: 12, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
        (theta[0], theta[5]) = (298.0, 3.0);
        let mut named = vec![0.0; one.layout().dim()];
        one.constrain(&theta, &mut named);
        let (mut etas, levels) = (vec![0.0; 180], vec![plain.0.level_of_rows(0)]);
        plain.1.etas(&plain.0, one.layout(), &named, &levels, &mut etas);
        let sigma = named[5];
        let rows = plain.0.outcome().iter().zip(&etas).zip(&in_order);
        let difference =
            rows.map(|((y, eta), w)| 0.5 * w.ln() - 0.5 * (w - 1.0) * ((y - eta) / sigma).powi(2)).sum::<f64>();
        let found = evaluate(&other, &theta).0 - evaluate(&one, &theta).0;
        assert!(apart(found, difference) < 1e-9, "{parameterization}: {found} {difference}");
    }
    // Integrated out, the same model in other coordinates: its effects' conditional means are the mode given the rest.
    let [joint, collapsed] = ["centered", "marginal"].map(|typed| formulas::model(&weighted, typed));
    let mut named = vec![0.0; joint.layout().dim()];
    collapsed.constrain(&[0.1, 0.2, -0.3, -0.5, 0.2, -0.9], &mut named[..6]);
    ConditionalEffects::new(&collapsed).mean(&mut named);
    let mut whole = vec![0.0; joint.dim()];
    joint.unconstrain(&named, &mut whole);
    assert!(evaluate(&joint, &whole).1[6..].iter().all(|slope| slope.abs() < 1e-9));
}

#[test]
fn an_offset_is_what_is_known_of_the_outcome() {
    let formula = "Reaction ~ Days + (1 + Days | Subject)";
    let known = |i: usize| 30.0 * (i as f64 * 0.37).sin();
    let of = |change: &dyn Fn(&mut warpnuts::formula::FormulaDesign, &mut warpnuts::data::FileRows)| {
        formulas::changed("tests/cases/01-sleepstudy.csv", usize::MAX, formula, &[], change)
    };
    let with_offset = of(&|_, rows| rows.offset = Some((0..rows.rows.len()).map(known).collect()));
    let subtracted = of(&|design, _| design.outcome.values.iter_mut().enumerate().for_each(|(i, y)| *y -= known(i)));
    for parameterization in ["marginal", "non-centered", "centered"] {
        let [one, other] = [&with_offset, &subtracted].map(|of| formulas::model(of, parameterization));
        let mut theta = vec![0.0; one.dim()];
        StreamKey { seed: 13, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
        let ((value, slopes), (truth, true_slopes)) = (evaluate(&one, &theta), evaluate(&other, &theta));
        assert!(apart(value, truth) < 1e-12, "{parameterization}: {value} {truth}");
        assert!(slopes.iter().zip(&true_slopes).all(|(a, b)| apart(*a, *b) < 1e-10), "{parameterization}");
    }
}
