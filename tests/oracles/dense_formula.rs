//! The conditional algebra of a formula's model against a textbook's: a dense covariance of all rows, from which every
//! variable is conditioned as it comes.

use std::f64::consts::TAU;
use std::sync::Arc;

use super::conditional::NormalMoments;
use super::formula::posterior;
use super::given::{AxisPoint, MAX_AXES, Workspace};
use super::textbook::{Double, cholesky, dot, solve};
use crate::data::{Dataset, Factor, FileRows};
use crate::model::{Coordinates, Mixed, MixedPriors, MixedTerm, Model, Role, RowColumns, Shape, Spread, VariablePrior};

/// Levels of 1 to 5 rows with weights, two predictors, the second at the population level alone, and these terms.
fn model(terms: Vec<MixedTerm>, weighted: bool, known: bool) -> Model {
    let of: Vec<u32> = [3, 1, 2, 5, 4].iter().enumerate().flat_map(|(j, n)| vec![j as u32; *n]).collect();
    let wave = |i: usize, factor: f64| (factor * (i as f64 + 0.3)).sin();
    let rows = 0..of.len();
    let column = |from: f64, factor: f64| rows.clone().map(|i| from + 2.0 * wave(i, factor)).collect::<Vec<f64>>();
    let outcome = rows.clone().map(|i| 20.0 + 5.0 * wave(i, 1.7) + 3.0 * wave(i, 11.3)).collect();
    let weights = weighted.then(|| rows.clone().map(|i| 1.5 + wave(i, 2.3)).collect());
    let file = FileRows { source: "small".into(), rows: rows.clone().collect(), weights, ..FileRows::default() };
    let factor = Factor { name: "g".into(), levels: (0..5).map(|j| format!("g{j}")).collect(), of };
    let columns = vec![("x".into(), column(1.0, 5.1)), ("z".into(), column(-3.0, 3.9))];
    let data = Dataset::of_formula(file, ("y".into(), outcome), columns, vec![factor]).unwrap();
    let half = |shape, scale| VariablePrior { shape, location: 0.0, scale, half: true };
    let priors = MixedPriors {
        population: [(15.0, 8.0), (1.0, 2.0), (-0.5, 3.0)].map(|(mean, sd)| VariablePrior::normal(mean, sd)).to_vec(),
        scales: terms.iter().map(|term| vec![half(Shape::Normal, 4.0); term.columns.len()]).collect(),
        correlations: vec![1.7; terms.len()],
        dispersions: vec![half(Shape::StudentT(3.0), 6.0)],
    };
    let errors = known.then(|| "se".to_string());
    let rows = RowColumns { errors, ..RowColumns::default() };
    let mixed = Mixed { rows, ..Mixed::new("y ~ ...".into(), vec![0, 1, 2], terms, priors) };
    Model::of_formula(Arc::new(data), Arc::new(mixed), Coordinates::Collapsed, None)
}

/// x of L x = b.
fn solved(l: &[Vec<Double>], b: &[f64]) -> Vec<Double> {
    solve(l, &b.iter().map(|b| Double::from(*b)).collect::<Vec<_>>())
}

/// Checks the density at these sds, correlation and sigma (in the user's units), and all moments there.
fn equals_the_textbook(model: &Model, sds: &[f64], rho: Option<f64>, sigma: Option<f64>) {
    let (data, mixed, layout) = (model.dataset(), model.mixed().unwrap(), model.layout());
    let (n, y, unit) = (data.n_observations(), data.outcome(), model.scaling().outcome_scale);
    let levels = data.level_of_rows(0);
    let x = |k: usize, i: usize| if k == 0 { 1.0 } else { data.predictor(k - 1)[i] };
    // The columns of all terms, and the covariance of a level's coefficients.
    let columns: Vec<usize> = mixed.terms.iter().flat_map(|term| term.columns.clone()).collect();
    let covariance = |c: usize, d: usize| {
        let correlation = if c == d { 1.0 } else { rho.unwrap_or(0.0) };
        correlation * sds[c] * sds[d]
    };
    // The prior of the intercept is at the means of the others.
    let means: Vec<f64> = (0..3).map(|k| (0..n).map(|i| x(k, i)).sum::<f64>() / n as f64).collect();
    let design = |k: usize, i: usize| if k == 0 { 1.0 } else { x(k, i) - means[k] };
    let priors = &mixed.priors.population;
    let with = |i: usize, l: usize| {
        let population: f64 = (0..3).map(|k| design(k, i) * design(k, l) * priors[k].scale.powi(2)).sum();
        let all = columns.iter().enumerate();
        let effects: f64 = all
            .flat_map(|(c, a)| columns.iter().enumerate().map(move |(d, b)| x(*a, i) * x(*b, l) * covariance(c, d)))
            .sum();
        let noise = sigma.unwrap_or(1.0).powi(2) / data.weights().map_or(1.0, |weights| weights[i]);
        population + if levels[i] == levels[l] { effects } else { 0.0 } + if i == l { noise } else { 0.0 }
    };
    let l = cholesky(&(0..n).map(|i| (0..n).map(|m| with(i, m).into()).collect()).collect::<Vec<_>>());
    let expected: Vec<f64> = (0..n).map(|i| (0..3).map(|k| design(k, i) * priors[k].location).sum()).collect();
    let deviation = solved(&l, &(0..n).map(|i| y[i] - expected[i]).collect::<Vec<_>>());
    let log_determinant: f64 = (0..n).map(|i| 2.0 * l[i][i].0.ln()).sum();
    let mut log_density = -0.5 * (n as f64 * TAU.ln() + log_determinant + dot(&deviation, &deviation).0);
    // Priors of the sds, the correlation and sigma, with the Jacobians of logarithms and of atanh.
    let half = |prior: &VariablePrior, value: f64| prior.at(value).0 + prior.constant() + value.ln();
    log_density +=
        sds.iter().zip(mixed.priors.scales.iter().flatten()).map(|(sd, prior)| half(prior, *sd)).sum::<f64>();
    log_density += sigma.map_or(0.0, |sigma| half(&mixed.priors.dispersions[0], sigma));
    if let Some(rho) = rho {
        // (1 + rho) / 2 is Beta(1.7, 1.7).
        let beta = statrs::function::beta::ln_beta(1.7, 1.7) + (2.0 * 1.7 - 1.0) * 2f64.ln();
        log_density += 1.7 * (1.0 - rho * rho).ln() - beta;
    }

    // Axes are logarithms in the sampler's units, and atanh.
    let given = posterior(model, layout.mixed().unwrap());
    let unit_of = |k: &usize| if *k == 0 { unit } else { unit / model.scaling().predictors[k - 1] };
    let mut t: AxisPoint = [0.0; MAX_AXES];
    let logs = sds.iter().zip(&columns).map(|(sd, k)| (sd / unit_of(k)).ln());
    let all = logs.chain(rho.map(f64::atanh)).chain(sigma.map(|sigma| (sigma / unit).ln()));
    t.iter_mut().zip(all).for_each(|(t, value)| *t = value);
    let (ours, known) = given.at(&t, &mut Workspace::default());
    let ours = ours - n as f64 * unit.ln();
    assert!((ours - log_density).abs() < 1e-8, "{sds:?} {rho:?} {sigma:?}: {ours}, not {log_density}");

    // Covariances of each variable with y: b as named, whose intercept is at zero, then the effects.
    let check = |i: usize, ours: NormalMoments, prior: [f64; 2], with_y: Vec<f64>| {
        let with_y = solved(&l, &with_y);
        let mean = prior[0] + dot(&with_y, &deviation).0;
        let sd = (Double::from(prior[1]) - dot(&with_y, &with_y)).sqrt().0;
        let units = layout.units(i);
        let (our_mean, our_sd) = (units.apply(ours.mean), ours.variance.sqrt() * units.unit);
        assert!((our_mean - mean).abs() < 1e-7 * sd, "variable {i}: {our_mean}, not {mean} +- {sd}");
        assert!((our_sd / sd - 1.0).abs() < 1e-7, "variable {i}: {our_sd}, not {sd}");
    };
    let variance = |k: usize| priors[k].scale.powi(2);
    for k in 0..3 {
        let mut functional = [0.0; 3];
        functional[k] = 1.0;
        if k == 0 {
            (functional[1], functional[2]) = (-means[1], -means[2]);
        }
        let mean = (0..3).map(|m| functional[m] * priors[m].location).sum();
        let of_prior = (0..3).map(|m| functional[m].powi(2) * variance(m)).sum();
        let with_y = (0..n).map(|i| (0..3).map(|m| functional[m] * variance(m) * design(m, i)).sum()).collect();
        check(k, given.location(k, &known), [mean, of_prior], with_y);
    }
    for j in 0..5 {
        let mut effects = [NormalMoments::default(); MAX_AXES];
        given.effects(j, &known, &mut effects);
        let rows = layout.blocks_of(Role::Effects).flat_map(|block| (0..block.units.len()).map(|row| block.row(row)));
        for (c, row) in rows.enumerate() {
            let of_row = |i: usize| match levels[i] as usize == j {
                true => columns.iter().enumerate().map(|(d, k)| covariance(c, d) * x(*k, i)).sum(),
                false => 0.0,
            };
            check(row.start + j, effects[c], [0.0, covariance(c, c)], (0..n).map(of_row).collect());
        }
    }
}

fn term(columns: &[usize], spread: Spread) -> MixedTerm {
    MixedTerm { factor: 0, columns: columns.to_vec(), spread }
}

const SDS: [[f64; 2]; 4] = [[3.0, 1.5], [0.01, 4.0], [20.0, 0.02], [1e-6, 1e-6]];

#[test]
fn a_correlated_term_is_the_textbooks_normal() {
    let model = model(vec![term(&[0, 1], Spread::Correlated)], true, false);
    for sds in SDS {
        for rho in [-0.9, 0.0, 0.6, 0.999] {
            equals_the_textbook(&model, &sds, Some(rho), Some(2.5));
        }
    }
    equals_the_textbook(&model, &[3.0, 1.5], Some(0.3), Some(0.2));
}

#[test]
fn independent_terms_of_one_factor_are_too() {
    for sds in SDS {
        let of = |terms| model(terms, false, false);
        equals_the_textbook(&of(vec![term(&[0, 1], Spread::Independent)]), &sds, None, Some(2.5));
        let apart = vec![term(&[0], Spread::Independent), term(&[1], Spread::Independent)];
        equals_the_textbook(&of(apart), &sds, None, Some(0.5));
        let three = vec![term(&[0, 1, 2], Spread::Independent)];
        equals_the_textbook(&of(three), &[sds[0], sds[1], 0.7], None, Some(1.0));
        equals_the_textbook(&of(vec![term(&[0], Spread::Independent)]), &sds[..1], None, Some(1.0));
    }
}

#[test]
fn so_are_terms_beside_known_errors() {
    let correlated = model(vec![term(&[0, 2], Spread::Correlated)], true, true);
    equals_the_textbook(&correlated, &[3.0, 1.5], Some(-0.4), None);
}
