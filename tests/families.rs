//! Families of outcomes: densities against another implementation and against their definitions, posteriors against
//! published fits and by simulation-based calibration, runs that are stored, resumed and predicted from.

use std::sync::Arc;

use serde_json::Value;
use statrs::distribution::{
    Binomial, Continuous, ContinuousCDF, Discrete, DiscreteCDF, Gamma, LogNormal, NegativeBinomial, Normal, Poisson,
    StudentsT,
};

use warpnuts::data::{Dataset, Factor, FileRows};
use warpnuts::density::cpu;
use warpnuts::draws::Pointwise;
use warpnuts::family::Family;
use warpnuts::model::{Coordinates, Mixed, MixedPriors, MixedTerm, Model, Scaling, Shape, Spread, VariablePrior};
use warpnuts::random::{Purpose, StreamKey};

use crate::helpers::calibration::{self, Simulated, Source};
use crate::helpers::common::Folder;
use crate::helpers::formulas::{self, references_in};
use crate::helpers::running::kill;
use crate::helpers::stored::{done, same_bytes, summary};
use crate::mixed::{apart, equals, evaluate};

pub(crate) const FAMILIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/families");

#[test]
fn value_and_every_gradient_entry_of_all_families_equal_numpyro() {
    let references = references_in("tests/reference/family_densities.json");
    let mut seen: Vec<Family> = references.iter().map(|reference| reference.family).collect();
    seen.dedup();
    assert!(Family::ALL.iter().filter(|family| **family != Family::Gaussian).all(|family| seen.contains(family)));
    references.into_iter().for_each(equals);
}

/// A family at some dispersions, beside another implementation of its density and distribution function.
struct Witnessed {
    family: Family,
    dispersions: [f64; 2],
    size: f64,
    outcomes: Vec<f64>,
    log_density: fn(&Witnessed, f64, f64) -> f64,
    cdf: fn(&Witnessed, f64, f64) -> f64,
}

fn witnesses() -> Vec<Witnessed> {
    fn binomial(of: &Witnessed, share: f64) -> Binomial {
        Binomial::new(share, of.size as u64).unwrap()
    }
    fn negative(of: &Witnessed, eta: f64) -> NegativeBinomial {
        let shape = of.dispersions[0];
        NegativeBinomial::new(shape, shape / (shape + eta.exp())).unwrap()
    }
    fn gamma(of: &Witnessed, eta: f64) -> Gamma {
        Gamma::new(of.dispersions[0], of.dispersions[0] / eta.exp()).unwrap()
    }
    let counts = || vec![0.0, 1.0, 2.0, 7.0, 40.0, 400.0];
    vec![
        Witnessed {
            family: Family::Gaussian,
            dispersions: [0.7, 1.0],
            size: 1.0,
            outcomes: vec![-3.0, 0.1, 2.5],
            log_density: |of, y, eta| Normal::new(eta, of.dispersions[0]).unwrap().ln_pdf(y),
            cdf: |of, y, eta| Normal::new(eta, of.dispersions[0]).unwrap().cdf(y),
        },
        Witnessed {
            family: Family::Student,
            dispersions: [0.7, 3.4],
            size: 1.0,
            outcomes: vec![-30.0, 0.1, 2.5],
            log_density: |of, y, eta| StudentsT::new(eta, of.dispersions[0], of.dispersions[1]).unwrap().ln_pdf(y),
            cdf: |of, y, eta| StudentsT::new(eta, of.dispersions[0], of.dispersions[1]).unwrap().cdf(y),
        },
        Witnessed {
            family: Family::Lognormal,
            dispersions: [0.7, 1.0],
            size: 1.0,
            outcomes: vec![1e-3, 0.8, 30.0],
            log_density: |of, y, eta| LogNormal::new(eta, of.dispersions[0]).unwrap().ln_pdf(y),
            cdf: |of, y, eta| LogNormal::new(eta, of.dispersions[0]).unwrap().cdf(y),
        },
        Witnessed {
            family: Family::Gamma,
            dispersions: [2.3, 1.0],
            size: 1.0,
            outcomes: vec![1e-3, 0.8, 30.0],
            log_density: |of, y, eta| gamma(of, eta).ln_pdf(y),
            cdf: |of, y, eta| gamma(of, eta).cdf(y),
        },
        Witnessed {
            family: Family::Binomial,
            dispersions: [1.0; 2],
            size: 30.0,
            outcomes: vec![0.0, 1.0, 11.0, 29.0, 30.0],
            log_density: |of, k, eta| binomial(of, 1.0 / (1.0 + (-eta).exp())).ln_pmf(k as u64),
            cdf: |of, k, eta| binomial(of, 1.0 / (1.0 + (-eta).exp())).cdf(k as u64),
        },
        Witnessed {
            family: Family::Probit,
            dispersions: [1.0; 2],
            size: 30.0,
            outcomes: vec![0.0, 1.0, 11.0, 29.0, 30.0],
            log_density: |of, k, eta| binomial(of, Normal::standard().cdf(eta)).ln_pmf(k as u64),
            cdf: |of, k, eta| binomial(of, Normal::standard().cdf(eta)).cdf(k as u64),
        },
        Witnessed {
            family: Family::Poisson,
            dispersions: [1.0; 2],
            size: 1.0,
            outcomes: counts(),
            log_density: |_, k, eta| Poisson::new(eta.exp()).unwrap().ln_pmf(k as u64),
            cdf: |_, k, eta| Poisson::new(eta.exp()).unwrap().cdf(k as u64),
        },
        Witnessed {
            family: Family::NegBinomial,
            dispersions: [1.7, 1.0],
            size: 1.0,
            outcomes: counts(),
            log_density: |of, k, eta| negative(of, eta).ln_pmf(k as u64),
            cdf: |of, k, eta| negative(of, eta).cdf(k as u64),
        },
    ]
}

#[test]
fn densities_moments_and_quantiles_are_those_of_the_definitions() {
    for witness in witnesses() {
        let Witnessed { family, dispersions, size, outcomes, log_density, cdf } = &witness;
        for eta in [-2.5, -0.3, 0.0, 0.9, 2.8] {
            for outcome in outcomes {
                let [smaller, equal, larger] = family.around(dispersions, *outcome, *size, eta);
                let truth = cdf(&witness, *outcome, eta);
                assert!((smaller + equal - truth).abs() < 1e-9, "{family:?} {outcome} at {eta}: {smaller} {truth}");
                assert!((smaller + equal + larger - 1.0).abs() < 1e-9, "{family:?} {outcome} at {eta}: {larger}");
                let value = family.log_density(dispersions, *outcome, *size, eta);
                let truth = log_density(&witness, *outcome, eta);
                assert!(apart(value, truth) < 1e-9, "{family:?} {outcome} at {eta}: {value} {truth}");
            }
            // Quantiles at equal distances have the moments, and the ranks that they were asked for.
            let steps = 40_000;
            let deviate = |i: usize| Normal::standard().inverse_cdf((i as f64 + 0.5) / steps as f64);
            let (mut sum, mut squares) = (0.0, 0.0);
            let [mean, variance] = family.moments(dispersions, *size, eta);
            for i in 0..steps {
                let outcome = family.quantile(dispersions, *size, eta, deviate(i));
                (sum, squares) = (sum + outcome, squares + (outcome - mean).powi(2));
                if i % 4000 == 1999 {
                    let rank = (i as f64 + 0.5) / steps as f64;
                    let at = cdf(&witness, outcome, eta);
                    let is_count = !matches!(family.outcomes(), warpnuts::family::OutcomeKind::Real)
                        && family.outcomes() != warpnuts::family::OutcomeKind::Positive;
                    let before = if is_count && outcome > 0.0 { cdf(&witness, outcome - 1.0, eta) } else { at };
                    let before = if is_count && outcome == 0.0 { 0.0 } else { before };
                    let fits = before <= rank + 1e-6 && rank <= at + 1e-6;
                    assert!(fits, "{family:?} at {eta}: {outcome} has {before}..{at}, not {rank}");
                }
            }
            let steps = steps as f64;
            assert!((sum / steps - mean).abs() < 0.01 * variance.sqrt(), "{family:?} at {eta}: {} {mean}", sum / steps);
            // A tenth of the variance of t is beyond the last quantile.
            let tolerance = if *family == Family::Student { 0.2 } else { 0.02 };
            assert!((squares / steps / variance - 1.0).abs() < tolerance, "{family:?} at {eta}: {squares} {variance}");
        }
    }
}

/// A data set `y ~ x + (1 | g)` of a family.
pub(crate) fn small(
    family: Family,
    outcome: Vec<f64>,
    x: Vec<f64>,
    of: Vec<u32>,
    trials: Option<Vec<f64>>,
) -> (Dataset, Mixed) {
    let rows = outcome.len();
    let levels = 1 + *of.iter().max().unwrap() as usize;
    let factor = Factor { name: "g".into(), levels: (0..levels).map(|j| format!("g{j}")).collect(), of };
    let file = FileRows { source: "small".into(), rows: (0..rows).collect(), trials, ..FileRows::default() };
    let dataset = Dataset::of_formula(file, ("y".into(), outcome), vec![("x".into(), x)], vec![factor]).unwrap();
    let terms = vec![MixedTerm { factor: 0, columns: vec![0], spread: Spread::Independent }];
    let half = VariablePrior { shape: Shape::Normal, location: 0.0, scale: 0.7, half: true };
    let gamma = |shape, scale| VariablePrior { shape: Shape::Gamma(shape), location: 0.0, scale, half: false };
    let dispersions = family.dispersions().iter().map(|name| match *name {
        "sigma" => half,
        "nu" => gamma(2.0, 10.0),
        _ => gamma(2.0, 2.0),
    });
    let priors = MixedPriors {
        population: vec![VariablePrior::normal(0.5, 0.8), VariablePrior::normal(0.0, 0.6)],
        scales: vec![vec![half]],
        correlations: vec![2.0],
        dispersions: dispersions.collect(),
    };
    (dataset, Mixed { family, ..Mixed::new("y ~ x + (1 | g)".into(), vec![0, 1], terms, priors) })
}

/// Data whose parameters are drawn from the priors of [`small`].
pub(crate) fn simulate(family: Family, number: u32, parameterizations: &[&str]) -> Simulated {
    let mut source = Source { key: StreamKey { seed: 22, chain: number, transition: 0 } };
    let (levels, rows) = (6, 36);
    // A predictor of a few values, so that rows merge.
    let x: Vec<f64> = (0..rows).map(|i| f64::from((i * 7 % 5) as u32) / 2.0 - 1.0).collect();
    let center = x.iter().sum::<f64>() / rows as f64;
    let hyper = source.normals(3);
    let b = [0.5 + 0.8 * hyper[0], 0.6 * hyper[1]];
    let sd = 0.7 * hyper[2].abs();
    let z = source.normals(levels);
    // The sum of two exponential numbers is Gamma(2).
    let gammas: Vec<f64> = (0..2).map(|_| -source.uniforms()[..2].iter().map(|u| u.ln()).sum::<f64>()).collect();
    let noise = 0.7 * source.normals(1)[0].abs();
    let dispersions: Vec<f64> = family
        .dispersions()
        .iter()
        .map(|name| match *name {
            "sigma" => noise,
            "nu" => 10.0 * gammas[0],
            _ => 2.0 * gammas[1],
        })
        .collect();
    let of: Vec<u32> = (0..rows as u32).map(|i| i % levels as u32).collect();
    let trials: Vec<f64> = (0..rows).map(|i| (1 + i % 4) as f64).collect();
    let has_trials = matches!(family, Family::Binomial | Family::Probit);
    let deviates = source.normals(rows);
    let effects: Vec<f64> = z.iter().map(|z| sd * z).collect();
    let outcome = (0..rows).map(|i| {
        // The prior of the intercept is at the mean of x.
        let eta = b[0] + b[1] * (x[i] - center) + effects[of[i] as usize];
        let at: Vec<f64> = dispersions.iter().copied().chain([1.0, 1.0]).take(2).collect();
        family.quantile(&at, if has_trials { trials[i] } else { 1.0 }, eta, deviates[i])
    });
    let outcome = outcome.collect();
    let (dataset, mixed) = small(family, outcome, x, of, has_trials.then_some(trials));
    let typed = parameterizations[number as usize % parameterizations.len()];
    let coordinates = Coordinates::parse_terms(typed, &mixed.term_names(&dataset)).unwrap();
    let model = Model::of_formula(Arc::new(dataset), Arc::new(mixed), coordinates, None);
    let truth = [b[0] - b[1] * center, b[1], sd].into_iter().chain(dispersions).chain(effects).collect();
    Simulated { model, truth }
}

/// Data sets of each family.
const DATA_SETS: u32 = 500;

fn calibrate(family: Family) {
    let coordinates: &[&str] = match family {
        Family::Lognormal => &["marginal", "non-centered", "centered", "partial"],
        _ => &["non-centered", "centered", "partial"],
    };
    // b, the sd, dispersions, and an effect.
    let shown: Vec<usize> = (0..4 + family.dispersions().len()).collect();
    calibration::calibrate(DATA_SETS, &shown, |number| simulate(family, number, coordinates));
}

#[test]
fn true_parameters_of_real_outcomes_are_anywhere_among_the_draws() {
    [Family::Student, Family::Lognormal, Family::Gamma].into_iter().for_each(calibrate);
}

#[test]
fn true_parameters_of_yes_and_no_are_anywhere_among_the_draws() {
    [Family::Binomial, Family::Probit].into_iter().for_each(calibrate);
}

#[test]
fn true_parameters_of_counts_are_anywhere_among_the_draws() {
    [Family::Poisson, Family::NegBinomial].into_iter().for_each(calibrate);
}

/// A test of the test: logit where the data are of probit, and Poisson where they vary more.
#[test]
fn a_wrong_family_is_found_by_calibration() {
    for (true_family, wrong) in [(Family::Probit, Family::Binomial), (Family::NegBinomial, Family::Poisson)] {
        let places = calibration::places(200, &[1, 2], |number| {
            let Simulated { model, truth } = simulate(true_family, number, &["non-centered"]);
            let mixed = Arc::unwrap_or_clone(model.mixed().unwrap().clone());
            let priors = MixedPriors { dispersions: Vec::new(), ..mixed.priors.clone() };
            let mixed = Mixed { family: wrong, priors, ..mixed };
            let data = Arc::new(model.dataset().clone());
            let truth = [&truth[..3], &truth[3 + true_family.dispersions().len()..]].concat();
            Simulated { model: Model::of_formula(data, Arc::new(mixed), model.coordinates().clone(), None), truth }
        });
        let found = (0..2).filter_map(|k| {
            let of_variable: Vec<f64> = places.iter().map(|places| places[k]).collect();
            calibration::fault(&of_variable, 2)
        });
        assert!(found.count() > 0, "{wrong:?} for {true_family:?}");
    }
}

#[test]
fn rows_merge_to_sums_and_the_density_stays_what_it_was() {
    let rows = 240;
    let x: Vec<f64> = (0..rows).map(|i| f64::from(i % 3)).collect();
    let of: Vec<u32> = (0..rows).map(|i| (i / 7 % 5) as u32).collect();
    let counts = |most: usize| (0..rows as usize).map(|i| (i * i % (most + 1)) as f64).collect::<Vec<f64>>();
    for family in [Family::Binomial, Family::Probit, Family::Poisson, Family::Gaussian, Family::Lognormal] {
        let has_trials = matches!(family, Family::Binomial | Family::Probit);
        let trials = has_trials.then(|| vec![3.0; rows as usize]);
        let counts = |most| match family {
            Family::Lognormal => counts(most).iter().map(|count| count + 0.5).collect(),
            _ => counts(most),
        };
        let (dataset, mixed) = small(family, counts(3), x.clone(), of.clone(), trials.clone());
        // Another predictor in every row, of no weight, keeps rows apart.
        let apart_x: Vec<f64> = x.iter().enumerate().map(|(i, x)| x * (1.0 + 1e-13 * i as f64)).collect();
        let (apart_data, apart_mixed) = small(family, counts(3), apart_x, of.clone(), trials);
        let model = |data, mixed| {
            let coordinates = Coordinates::of_terms(vec![warpnuts::model::Centering::NonCentered]);
            Model::of_formula(Arc::new(data), Arc::new(mixed), coordinates, None)
        };
        let [merged, whole] = [model(dataset, mixed), model(apart_data, apart_mixed)];
        assert_eq!(cpu::likelihood_rows(&merged), 15, "{family:?}");
        assert!(cpu::likelihood_rows(&whole) > 150, "{family:?}");
        let theta: Vec<f64> = (0..merged.dim()).map(|i| (i as f64 * 0.7).sin()).collect();
        let [(one, of_one), (other, of_other)] = [evaluate(&merged, &theta), evaluate(&whole, &theta)];
        assert!(apart(one, other) < 1e-11, "{family:?}: {one} {other}");
        of_one.iter().zip(&of_other).for_each(|(one, other)| assert!(apart(*one, *other) < 1e-9, "{one} {other}"));
    }
}

/// Rows with weights are merged by them; where most rows differ, where effects are integrated out, where errors are
/// known and where sigma has a formula, all of them stay.
#[test]
fn normal_rows_merge_to_means_where_they_are_in_the_likelihood() {
    let file = "tests/cases/15b-hsb82.csv";
    let weights = |rows: usize| (0..rows).map(|i| 0.5 + (i as f64 * 0.37).sin().powi(2)).collect::<Vec<f64>>();
    let of = |formula: &str, weighted: bool, errors: bool| {
        formulas::changed(file, 2000, formula, &[], |_, rows| {
            rows.weights = weighted.then(|| weights(rows.rows.len()));
            rows.errors = errors.then(|| weights(rows.rows.len()));
        })
    };
    let rows = |of: &(Arc<Dataset>, Arc<Mixed>), typed: &str| cpu::likelihood_rows(&formulas::model(of, typed));
    let plain = of("mAch ~ minority + (1 | school)", false, false);
    let weighted = of("mAch ~ minority + (1 | school)", true, false);
    assert!(rows(&plain, "centered") < 100 && rows(&plain, "centered") == rows(&weighted, "partial"));
    assert_eq!(rows(&plain, "marginal"), 2000);
    assert_eq!(rows(&of("mAch ~ cses + (1 | school)", false, false), "centered"), 2000);
    assert_eq!(rows(&of("mAch ~ minority + (1 | school)", false, true), "centered"), 2000);
    assert_eq!(rows(&of("mAch ~ minority + (1 | school); sigma ~ minority", false, false), "centered"), 2000);
    // The density of all rows, by their definition.
    for of in [plain, weighted] {
        let model = formulas::in_units(&of, "centered", Some(Scaling::identity(&of.0)));
        let at = |size: f64| {
            let mut theta = vec![0.0; model.dim()];
            StreamKey { seed: 2, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
            theta.iter_mut().for_each(|entry| *entry *= size);
            // The same effects and prior, and another sigma.
            theta[3] += 1.0;
            theta
        };
        let log_likelihood = |theta: &[f64]| {
            let mut named = vec![0.0; model.layout().dim()];
            model.constrain(theta, &mut named);
            let mut all = vec![0.0; 2000];
            Pointwise::new(Arc::new(model.clone()), 5, 0, true, false).write(0, 3, &named, &mut all);
            all.iter().sum::<f64>()
        };
        let one = at(0.4);
        let mut other = one.clone();
        other[3] += 0.3;
        // Log sigma has a prior and a Jacobian of its own.
        let prior = |theta: &[f64]| {
            let mut named = vec![0.0; model.layout().hyperparameters()];
            model.constrain(theta, &mut named);
            model.log_prior()(&named) + theta[3]
        };
        let difference = evaluate(&model, &other).0 - evaluate(&model, &one).0;
        let truth = log_likelihood(&other) - log_likelihood(&one) + prior(&other) - prior(&one);
        assert!(apart(difference, truth) < 1e-10, "{difference} {truth}");
    }
}

#[test]
fn log_densities_are_sound_at_the_ends() {
    // Far from all outcomes a log likelihood is a line in eta, or falls faster, and nothing is lost or not a number.
    for (family, trials) in [(Family::Binomial, true), (Family::Probit, true), (Family::Binomial, false)] {
        let trials = trials.then(|| vec![5.0; 4]);
        let outcome = if trials.is_some() { vec![0.0, 5.0, 2.0, 3.0] } else { vec![0.0, 1.0, 1.0, 0.0] };
        let (dataset, mixed) = small(family, outcome, vec![0.0, 1.0, 2.0, 4.0], vec![0, 1, 0, 1], trials);
        let coordinates = Coordinates::of_terms(vec![warpnuts::model::Centering::NonCentered]);
        let model = Model::of_formula(Arc::new(dataset), Arc::new(mixed), coordinates, None);
        for b in [-600.0, -40.0, -8.0, 8.0, 40.0, 600.0] {
            let mut theta = vec![0.0; model.dim()];
            theta[0] = b;
            let (value, gradient) = evaluate(&model, &theta);
            assert!(value.is_finite() && gradient.iter().all(|entry| entry.is_finite()), "{family:?} {b}: {value}");
            let h = 1e-4 * b.abs();
            let at = |step: f64| {
                let mut moved = theta.clone();
                moved[0] += step;
                evaluate(&model, &moved).0
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            assert!(apart(slope, gradient[0]) < 1e-5, "{family:?} {b}: {slope} {}", gradient[0]);
        }
    }
}

/// A published or maximum-likelihood fit: the command, and for each variable the estimate and how far the mean may be.
struct Fit {
    line: &'static str,
    estimates: &'static [(&'static str, f64, f64)],
}

/// Fixed effects within a third of their standard errors; sds, whose posterior means are above their estimates, within
/// a sd of the posterior or so. Estimates are those of lme4 1.1-31 (`glmer`, by 25 quadrature points where one
/// factor has one column) and glmmTMB 1.1.5, of seeds those of Breslow and Clayton (1993).
const FITS: [Fit; 10] = [
    Fit {
        line: "cbpp.csv --family binomial --formula incidence|trials(size)~factor(period)+(1|herd)",
        estimates: &[
            ("b_Intercept", -1.3992, 0.08),
            ("b_factor(period)[2]", -0.9914, 0.1),
            ("b_factor(period)[3]", -1.1278, 0.1),
            ("b_factor(period)[4]", -1.5795, 0.14),
            ("sd_herd__Intercept", 0.6475, 0.15),
        ],
    },
    Fit {
        line: "cbpp.csv --family binomial --link probit --formula incidence|trials(size)~factor(period)+(1|herd)",
        estimates: &[
            ("b_Intercept", -0.8320, 0.04),
            ("b_factor(period)[2]", -0.5263, 0.05),
            ("b_factor(period)[3]", -0.6148, 0.06),
            ("b_factor(period)[4]", -0.7975, 0.07),
            ("sd_herd__Intercept", 0.3397, 0.08),
        ],
    },
    Fit {
        line: "epil.csv --family poisson --formula y~lbase*trt+lage+V4+(1|subject)",
        estimates: &[
            ("b_Intercept", 1.8328, 0.04),
            ("b_lbase", 0.8834, 0.05),
            ("b_trt[progabide]", -0.3343, 0.05),
            ("b_lage", 0.4806, 0.12),
            ("b_V4", -0.1598, 0.02),
            ("b_lbase:trt[progabide]", 0.3388, 0.07),
            ("sd_subject__Intercept", 0.5024, 0.06),
        ],
    },
    Fit {
        line: "epil.csv --family negbinomial --formula y~lbase*trt+lage+V4+(1|subject)",
        estimates: &[
            ("b_Intercept", 1.8407, 0.04),
            ("b_lbase", 0.8837, 0.05),
            ("b_V4", -0.1173, 0.03),
            ("b_lbase:trt[progabide]", 0.3380, 0.07),
            ("sd_subject__Intercept", 0.464, 0.07),
            ("shape", 7.42, 0.9),
        ],
    },
    Fit {
        line: "salamanders.csv --family negbinomial --formula count~mined+(1|site)",
        estimates: &[
            // With `yes`, the first in the file, as the reference level.
            ("b_Intercept", -1.474, 0.08),
            ("b_mined[no]", 2.258, 0.1),
            ("sd_site__Intercept", 0.5247, 0.14),
            ("shape", 0.639, 0.05),
        ],
    },
    Fit {
        line: "salamanders.csv --family poisson --formula count~mined+(1|site)",
        estimates: &[("b_Intercept", -1.505, 0.08), ("b_mined[no]", 2.264, 0.1), ("sd_site__Intercept", 0.5759, 0.14)],
    },
    Fit {
        line: "grouseticks.csv --family poisson --formula TICKS~factor(YEAR)+cHEIGHT+(1|BROOD)+(1|INDEX)+(1|LOCATION) \
               --parameterization non-centered",
        estimates: &[
            ("b_Intercept", 0.3728, 0.08),
            ("b_factor(YEAR)[96]", 1.1804, 0.09),
            ("b_factor(YEAR)[97]", -0.9787, 0.1),
            ("b_cHEIGHT", -0.0238, 0.0015),
            ("sd_INDEX__Intercept", 0.5415, 0.04),
            ("sd_BROOD__Intercept", 0.7500, 0.12),
            ("sd_LOCATION__Intercept", 0.5287, 0.15),
        ],
    },
    Fit {
        line: "contraception.csv.gz --family binomial --formula use~age+I(age^2)+urban+factor(livch)+(1|district)",
        estimates: &[
            // With three children and more as the reference level, which the first woman has.
            ("b_age", 0.0035, 0.003),
            ("b_I(age^2)", -0.0046, 0.0003),
            ("b_urban[N]", -0.6973, 0.04),
            ("b_factor(livch)[0]", -0.9150, 0.06),
            ("sd_district__Intercept", 0.4752, 0.05),
        ],
    },
    Fit {
        line: "seeds.csv --family binomial --formula r|trials(n)~x1*x2+(1|plate)",
        estimates: &[
            ("b_Intercept", -0.542, 0.06),
            ("b_x1", 0.077, 0.1),
            ("b_x2", 1.339, 0.09),
            ("b_x1:x2", -0.825, 0.14),
            ("sd_plate__Intercept", 0.313, 0.07),
        ],
    },
    Fit {
        line: "surgical.csv --family binomial --formula deaths|trials(n)~1+(1|hospital)",
        estimates: &[("b_Intercept", -2.544, 0.06), ("sd_hospital__Intercept", 0.3577, 0.16)],
    },
];

/// The mean of a variable in `summary.json`.
fn mean(summary: &Value, name: &str) -> f64 {
    summary["parameters"][name]["mean"].as_f64().unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn published_fits_are_found_again() {
    let folder = Folder::new();
    for (i, Fit { line, estimates }) in FITS.iter().enumerate() {
        let sizes = "--chains 4 --warmup 600 --draws 2500 --quiet --no-report";
        let ran = folder.run(&format!("sample --data {FAMILIES}/{line} {sizes} --out {i}"));
        // Locations of grouse have two or three broods each: effective draws are few, and a warning says so.
        assert_eq!(ran.code, if line.contains("LOCATION") { 3 } else { 0 }, "{line}: {ran:?}");
        let found = summary(&folder, &i.to_string());
        for (name, estimate, most) in *estimates {
            let mean = mean(&found, name);
            assert!((mean - estimate).abs() < *most, "{line}: {name} is {mean}, not {estimate}");
        }
    }
}

#[test]
fn verbal_aggression_is_found_again() {
    let folder = Folder::new();
    let formula = "--formula r2~Anger+Gender+btype+situ+mode+(1|id)+(1|item)";
    let sizes = "--chains 4 --warmup 300 --draws 300 --quiet --no-report --out run";
    let ran = done(&folder, &format!("sample --data {FAMILIES}/verbagg.csv.gz --family binomial {formula} {sizes}"));
    assert!(ran.stderr.contains("note: r2 is 1 where it is `Y`, and 0 where it is `N`"), "{}", ran.stderr);
    let found = summary(&folder, "run");
    // lme4 1.1-31, `glmer` by Laplace's approximation; the intercept there is a man's.
    for (name, estimate, most) in [
        ("b_Anger", 0.0574, 0.006),
        ("b_Gender[F]", -0.3213, 0.07),
        ("b_btype[scold]", -1.0587, 0.07),
        ("b_btype[shout]", -2.1021, 0.08),
        ("b_situ[self]", -1.0529, 0.06),
        ("b_mode[do]", -0.7067, 0.06),
        ("sd_id__Intercept", 1.3394, 0.05),
        ("sd_item__Intercept", 0.3420, 0.12),
    ] {
        let mean = mean(&found, name);
        assert!((mean - estimate).abs() < most, "{name} is {mean}, not {estimate}");
    }
}

#[test]
fn runs_of_families_are_resumed_and_joined_bit_by_bit() {
    let folder = Folder::new();
    let binomial = format!(
        "--data {FAMILIES}/cbpp.csv --family binomial --formula incidence|trials(size)~factor(period)+(1|herd) --quiet \
         --no-report"
    );
    let counts = format!(
        "--data {FAMILIES}/epil.csv --family negbinomial --formula y~V4+(1|subject) --offset lbase --quiet --no-report"
    );
    for (name, of) in [("binomial", binomial), ("counts", counts)] {
        let line = format!("sample {of} --chains 4 --warmup 100 --draws 1000 --log-likelihood --posterior-predictive");
        done(&folder, &format!("{line} --threads 1 --out {name}"));
        done(&folder, &format!("{line} --threads 2 --out {name}-threads"));
        same_bytes(&folder, name, &format!("{name}-threads"));
        kill(&folder, &format!("{line} --checkpoint-every 0.01 --out {name}-killed"), "draws 300");
        done(&folder, &format!("sample --resume {name}-killed --quiet --no-report"));
        same_bytes(&folder, name, &format!("{name}-killed"));
        let other = format!("sample --resume {name}-killed --family poisson --formula y~V4+(1|subject)");
        assert_eq!(folder.run(&other).code, 2);
        // Shards have the draws of the whole.
        done(&folder, &format!("{line} --shard 1/2 --out {name}-1"));
        done(&folder, &format!("{line} --shard 2/2 --out {name}-2"));
        done(&folder, &format!("merge {name}-both {name}-1 {name}-2"));
        let both = summary(&folder, &format!("{name}-both"));
        assert_eq!(both["settings"]["chains"], 4);
    }
}

#[test]
fn what_needs_normal_outcomes_is_refused() {
    let folder = Folder::new();
    let model = format!("--data {FAMILIES}/cbpp.csv --family binomial --formula incidence|trials(size)~1+(1|herd)");
    for (command, message) in [
        ("map", "a search for modes integrates out effects, where outcomes, or their logarithms, are normal"),
        ("exact", "outcomes of this one are binomial"),
        ("verify", "outcomes of this one are binomial"),
        ("sample --parameterization marginal", "this model's are binomial; use partial, non-centered or centered"),
    ] {
        let ran = folder.run(&format!("{command} {model}"));
        assert_eq!(ran.code, 2, "{command}: {ran:?}");
        assert!(ran.stderr.contains(message), "{command}: {}", ran.stderr);
        assert!(folder.contents().is_empty(), "{command}");
    }
}

#[test]
fn what_a_family_cannot_have_is_refused() {
    let text = "g,y,k,n,w,z\na,1,1,2,1,0.5\na,0,2,2,1,2\nb,1,0,1,2,-1\nb,0,1,1,1,0\nb,2,5,4,1,3\n";
    let folder = Folder::with("d.csv", text);
    let words = "g,y,z\na,yes,1\na,no,2\nb,maybe,3\nb,no,4\n";
    std::fs::write(folder.path("w.csv"), words).unwrap();
    for (options, message) in [
        (
            "--family binomial --formula y~1+(1|g)",
            "d.csv, line 6, column y: 2 is no outcome of --family binomial: without trials",
        ),
        (
            "--family binomial --formula k|trials(n)~1+(1|g)",
            "d.csv, line 6, column k: 5 is no outcome of --family binomial",
        ),
        ("--family binomial --formula k|trials(z)~1+(1|g)", "d.csv, line 2: 0.5 in trials(z) is no number of trials"),
        (
            "--family poisson --formula k|trials(n)~1+(1|g)",
            "trials(n) are of --family binomial, and this is --family poisson",
        ),
        ("--formula k|trials(n)~1+(1|g)", "trials(n) are of --family binomial, and this is --family gaussian"),
        ("--family poisson --formula z~1+(1|g)", "d.csv, line 2, column z: 0.5 is no outcome of --family poisson"),
        (
            "--family negbinomial --formula z~1+(1|g)",
            "d.csv, line 2, column z: 0.5 is no outcome of --family negbinomial",
        ),
        ("--family gamma --formula z~1+(1|g)", "d.csv, line 4, column z: -1 is no outcome of --family gamma"),
        ("--family lognormal --formula z~1+(1|g)", "d.csv, line 4, column z: -1 is no outcome of --family lognormal"),
        ("--family poisson --formula y~1+(1|g) --weights w", "write the logarithm of an exposure into a column"),
        ("--family poisson --formula y~1+(1|g) --se w", "--se says how the sd of a row differs"),
        ("--family poisson --formula y~1+(1|g) --link logit", "--family poisson has the link log"),
        ("--family poisson --formula y~1+(1|g) --parameterization marginal", "this model's are poisson"),
        ("--family poisson --group g --outcome y", "--family goes with a formula"),
        ("--weights w --group g --outcome y", "--weights goes with a formula"),
        ("--prior sd~half_normal(1) --group g --outcome y", "--prior goes with a formula"),
        ("--family weibull --formula y~1+(1|g)", "negbinomial"),
        ("--family poisson --formula y~1+(1|g) --prior sigma~normal(0,1)", "there is no `sigma` in this model"),
        ("--family student --formula z~1+(1|g) --prior nu~normal(3,1)", "sds and sigma are positive"),
        ("--family binomial --formula k|weights(n)~1+(1|g)", "--weights n"),
        ("--family binomial --formula k|trials(n,g)~1+(1|g)", "`trials` takes 1 argument"),
    ] {
        let ran = folder.run(&format!("sample --data d.csv {options} --quiet --out out"));
        assert_eq!(ran.code, 2, "{options}: {ran:?}");
        assert!(ran.stderr.contains(message), "{options}: {}", ran.stderr);
        assert!(!folder.path("out").exists(), "{options}");
    }
    for (options, message) in [
        ("--family binomial", "the outcome has two values, and `y` has 3: yes, no, maybe"),
        ("--family poisson", "the outcome must be numbers"),
    ] {
        let ran = folder.run(&format!("sample --data w.csv {options} --formula y~z+(1|g) --quiet --out out"));
        assert_eq!(ran.code, 2, "{options}: {ran:?}");
        assert!(ran.stderr.contains(message), "{options}: {}", ran.stderr);
    }
}

#[test]
fn words_and_truth_values_are_outcomes_of_yes_and_no() {
    let rows = |word: &dyn Fn(usize) -> &'static str| {
        (0..60).map(|i| format!("{},{}\n", ["a", "b", "c"][i % 3], word(i))).collect::<String>()
    };
    let is_one = |i: usize| i * i % 7 < 3;
    let folder = Folder::with("numbers.csv", format!("g,y\n{}", rows(&|i| if is_one(i) { "1" } else { "0" })));
    for (name, [zero, one]) in [("truth", ["FALSE", "TRUE"]), ("words", ["alive", "dead"])] {
        let text = format!("g,y\n{}", rows(&|i| if is_one(i) { one } else { zero }));
        std::fs::write(folder.path(&format!("{name}.csv")), text).unwrap();
    }
    let line = "--formula y~1+(1|g) --family bernoulli --chains 2 --warmup 200 --draws 200 --quiet --no-report";
    let mean_of = |file: &str, options: &str, out: &str| {
        done(&folder, &format!("sample --data {file}.csv {line} {options} --out {out}"));
        mean(&summary(&folder, out), "b_Intercept")
    };
    let numbers = mean_of("numbers", "", "numbers");
    assert_eq!(mean_of("truth", "", "truth"), numbers);
    assert_eq!(mean_of("words", "", "words"), numbers);
    let turned = mean_of("words", "--reference y=dead", "turned");
    assert!((turned + numbers).abs() < 0.25, "{turned} {numbers}");
}

#[test]
fn predictions_are_on_the_scale_of_outcomes() {
    let folder = Folder::new();
    let line = "--chains 4 --warmup 500 --draws 500 --quiet --no-report";
    let formula = "--family binomial --formula incidence|trials(size)~factor(period)+(1|herd)";
    done(&folder, &format!("sample --data {FAMILIES}/cbpp.csv {formula} {line} --out run"));
    let table = |options: &str| {
        let ran = done(&folder, &format!("predict run --out - {options}"));
        let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_string).collect()).collect();
        let place = |name: &str| header.iter().position(|column| column == name).unwrap();
        let (mean, sd, low) = (place("mean"), place("outcome_sd"), place("outcome_q5"));
        rows.iter().map(|row| [mean, sd, low].map(|i| row[i].parse::<f64>().unwrap())).collect::<Vec<[f64; 3]>>()
    };
    // One trial of an average herd.
    let one = table("--at period=1,2,3,4 --new-levels average");
    assert_eq!(one.len(), 4);
    let inverse = |eta: f64| 1.0 / (1.0 + (-eta).exp());
    let intercept = mean(&summary(&folder, "run"), "b_Intercept");
    assert!((one[0][0] - inverse(intercept)).abs() < 0.01, "{} {intercept}", one[0][0]);
    // Ten trials: ten times the mean, and outcomes are whole numbers.
    let ten = table("--at size=10 --at period=1,2,3,4 --new-levels average");
    for (one, ten) in one.iter().zip(&ten) {
        assert!((ten[0] / one[0] - 10.0).abs() < 1e-5);
        assert_eq!(ten[2].fract(), 0.0);
        assert!(ten[1] > (10.0 * one[0] * (1.0 - one[0])).sqrt());
    }
    // The file's own rows: sums of expectations are those of outcomes.
    let all = table(&format!("--data {FAMILIES}/cbpp.csv"));
    let cases: f64 = formulas::column("tests/families/cbpp.csv", "incidence").iter().sum();
    let expected: f64 = all.iter().map(|row| row[0]).sum();
    assert!((expected - cases).abs() < 3.0, "{expected} {cases}");
    let effects = done(&folder, "effects run");
    assert!(effects.stdout.contains("period"), "{}", effects.stdout);
    let loo = done(&folder, "loo run");
    assert!(loo.stdout.contains("elpd"), "{}", loo.stdout);
}
