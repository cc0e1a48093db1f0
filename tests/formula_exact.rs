//! The exact posterior of formulas: against the shorthand's, against runs, against its own limits, and where modes are.
//!
//! `tests/oracles/dense_formula.rs`, a module of `src/exact.rs` in its tests, checks the algebra given the scales.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use warpnuts::data::{Columns, Dataset};
use warpnuts::engine::Progress;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Settings, sample};
use warpnuts::mode::{self, Landscape};
use warpnuts::model::{Centering, Model};
use warpnuts::summary::RunSummary;
use warpnuts::verify::Verification;

use crate::helpers::common::Folder;
use crate::helpers::schools::{SCHOOLS, eight_schools};
use crate::helpers::{chance, formulas};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
const SLEEPSTUDY: &str = "tests/cases/01-sleepstudy.csv";
const GRUNFELD: &str = "tests/cases/36-grunfeld.csv";

fn model(file: &str, formula: &str, priors: &[&str]) -> Model {
    let priors: Vec<String> = priors.iter().map(|prior| prior.to_string()).collect();
    formulas::model(&formulas::read(file, formula, &priors), "marginal")
}

fn sleepstudy(term: &str, priors: &[&str]) -> Model {
    model(SLEEPSTUDY, &format!("Reaction ~ Days + ({term} Subject)"), priors)
}

static CORRELATED: LazyLock<Exact> = LazyLock::new(|| Exact::of(&sleepstudy("1 + Days |", &[])).unwrap());

fn index(exact: &Exact, name: &str) -> usize {
    exact.names().iter().position(|other| other == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn an_independent_formula_has_the_shorthands_posterior() {
    let columns = Columns { group: "Subject".into(), outcome: "Reaction".into(), predictors: vec!["Days".into()] };
    let dataset = Arc::new(Dataset::from_path(SLEEPSTUDY.as_ref(), &columns).unwrap());
    // The shorthand's priors of these data, whose unit is larger than 5.
    let priors = warpnuts::model::PriorScales::for_data(&dataset);
    let typed: Vec<String> = vec![
        format!("b_Days ~ normal(0, {})", priors.mu_sd[1]),
        format!("Intercept ~ normal(0, {})", priors.mu_sd[0]),
        format!("sd_Subject__Intercept ~ half_cauchy({})", priors.sigma_scale[0]),
        format!("sd_Subject__Days ~ half_cauchy({})", priors.sigma_scale[1]),
        format!("sigma ~ half_cauchy({})", priors.eps_scale),
    ];
    let shorthand = Exact::of(&Model::builder(dataset).priors(priors).build()).unwrap();
    let of = formulas::read(SLEEPSTUDY, "Reaction ~ Days + (1 + Days || Subject)", &typed);
    let exact = Exact::of(&formulas::model(&of, "marginal")).unwrap();
    assert!(exact.is_settled() && shorthand.is_settled());
    let pairs = [
        ("b_Intercept", "mu_a"),
        ("b_Days", "mu_b"),
        ("sd_Subject__Intercept", "sigma_a"),
        ("sd_Subject__Days", "sigma_b"),
        ("sigma", "eps"),
    ];
    for (ours, theirs) in pairs {
        let (i, j) = (index(&exact, ours), index(&shorthand, theirs));
        let (row, truth) = (exact.summary()[i], shorthand.summary()[j]);
        let numbers = [row.mean, row.sd, row.q05, row.q50, row.q95];
        let truths = [truth.mean, truth.sd, truth.q05, truth.q50, truth.q95];
        for (number, truth_of) in numbers.into_iter().zip(truths) {
            // The prior of the intercept is at the mean of Days here, and at 0 there.
            assert!((number - truth_of).abs() < 2e-4 * truth.sd, "{ours}: {row:?}, not {truth:?}");
        }
    }
    let both = [index(&exact, "b_Intercept"), index(&exact, "r_Subject[308,Intercept]")]
        .map(|i| exact.mean(i))
        .iter()
        .sum::<f64>();
    let a = index(&shorthand, "a[308]");
    assert!((both - shorthand.mean(a)).abs() < 2e-4 * shorthand.sd(a));
    assert!((exact.log_evidence() - shorthand.log_evidence()).abs() < 1e-3);
}

#[test]
fn the_likelier_no_correlation_is_the_nearer_are_the_two_posteriors() {
    let independent = Exact::of(&sleepstudy("1 + Days ||", &[])).unwrap();
    let apart = |correlated: &Exact| {
        let names = independent.names().iter().enumerate();
        let all = names.map(|(i, name)| {
            (independent.mean(i) - correlated.mean(index(correlated, name))).abs() / independent.sd(i)
        });
        all.fold(0.0, f64::max)
    };
    let sure = Exact::of(&sleepstudy("1 + Days |", &["cor ~ lkj(1e5)"])).unwrap();
    assert!(apart(&sure) < 2e-3, "{}", apart(&sure));
    assert!(apart(&CORRELATED) > 0.02, "{}", apart(&CORRELATED));
}

#[test]
fn a_correlations_distribution_is_one() {
    let i = index(&CORRELATED, "cor_Subject__Intercept__Days");
    assert_eq!([-1.0, 1.0].map(|end| CORRELATED.cdf(i, end)), [0.0, 1.0]);
    assert_eq!([0.0, 1.0].map(|p| CORRELATED.quantile(i, p)), [-1.0, 1.0]);
    assert_eq!([-1.1, 1.1].map(|beyond| CORRELATED.density(i, beyond)), [0.0, 0.0]);
    let (steps, mut mass, mut mean) = (4000, 0.0, 0.0);
    for step in 0..steps {
        let x = (2.0 * f64::from(step) + 1.0) / f64::from(steps) - 1.0;
        mass += CORRELATED.density(i, x) * 2.0 / f64::from(steps);
        mean += x * CORRELATED.density(i, x) * 2.0 / f64::from(steps);
        assert!((CORRELATED.cdf(i, x + 1.0 / f64::from(steps)) - mass).abs() < 1e-4, "{x}");
    }
    assert!((mass - 1.0).abs() < 1e-5 && (mean - CORRELATED.mean(i)).abs() < 1e-4, "{mass} {mean}");
    for p in [0.01, 0.3, 0.9] {
        assert!((CORRELATED.cdf(i, CORRELATED.quantile(i, p)) - p).abs() < 1e-9);
    }
}

/// Every variable of a run against the exact posterior.
fn verify(model: Model, exact: &Exact, settings: Settings) -> Verification {
    let sampled = sample(Arc::new(model), settings, Arc::new(Progress::default())).unwrap();
    let verification = Verification::of(&sampled, &RunSummary::of(&sampled), exact);
    println!(
        "largest {:.2} ({}), rms {:.2}",
        verification.largest, verification.largest_of, verification.root_mean_square
    );
    assert_eq!(verification.left_out, Vec::<String>::new());
    verification
}

#[track_caller]
fn stands(verification: &Verification, variables: usize) {
    assert_eq!((verification.scores.len(), verification.compared), (variables, 4 * variables));
    assert!(verification.largest.abs() < chance::largest(4 * variables), "{}", verification.largest_of);
    chance::is_near_one(verification.root_mean_square, &verification.largest_of);
}

#[test]
fn runs_of_a_correlated_term_stand_in_all_coordinates() {
    for (seed, parameterization) in [(1, "marginal"), (2, "non-centered"), (3, "centered")] {
        let of = formulas::read(SLEEPSTUDY, "Reaction ~ Days + (1 + Days | Subject)", &[]);
        let settings = Settings { draws: 2000, target_accept: 0.9, seed, ..Settings::default() };
        stands(&verify(formulas::model(&of, parameterization), &CORRELATED, settings), 42);
    }
}

#[test]
fn a_run_of_independent_terms_stands_and_of_weighted_rows_too() {
    let settings = Settings { draws: 2000, target_accept: 0.9, seed: 4, ..Settings::default() };
    let independent = sleepstudy("1 + Days ||", &[]);
    stands(&verify(independent.clone(), &Exact::of(&independent).unwrap(), settings), 41);
    let weighted = model("tests/cases/42-weights.csv", "ybar ~ x + (1 | site)", &[]);
    let exact = Exact::of(&weighted).unwrap();
    let variables = exact.names().len();
    stands(&verify(weighted, &exact, settings), variables);
}

#[test]
fn a_run_under_another_prior_falls() {
    // The prior of correlations moves the correlation, and hardly anything else.
    let other = sleepstudy("1 + Days |", &["cor ~ lkj(1)"]);
    let verification = verify(other, &CORRELATED, Settings { draws: 4000, seed: 5, ..Settings::default() });
    assert!(verification.biased, "{} of {}", verification.largest, verification.limit);
    assert!(verification.largest_of.contains("cor_Subject"), "{}", verification.largest_of);
}

#[test]
fn grunfelds_two_modes_are_found_and_weighed() {
    let model = model(GRUNFELD, "inv ~ year + (1 + year || firm)", &[]);
    let landscape = Landscape::of(&model);
    assert_eq!(landscape.peaks.len(), 2, "{landscape:?}");
    let exact = Exact::of(&model).unwrap();
    // In the smaller mode all slopes are equal.
    let slope = index(&exact, "sd_firm__year");
    let [large, small] = [0, 1].map(|i| landscape.peaks[i].named[slope]);
    assert!(large > 10.0 && small < 1.0, "{large} {small}");
    let share = exact.cdf(slope, 2.0);
    assert!((0.5..2.0).contains(&(landscape.share(1) / share)), "{}, not {share}", landscape.share(1));
    // Drawn from where the mass is, but stuck in two modes: that is said.
    let sampled = sample(Arc::new(model), Settings::default(), Arc::new(Progress::default())).unwrap();
    let run = RunSummary::of(&sampled);
    assert!(!run.is_trustworthy() && run.warnings.iter().any(|warning| warning.kind == "modes"), "{:?}", run.warnings);
    assert_eq!(run.modes.len(), 2);
    let row = run.parameters.get("sd_firm__year").unwrap();
    assert!((row.mean / exact.mean(slope) - 1.0).abs() < 0.2, "{}, not {}", row.mean, exact.mean(slope));
}

#[test]
fn ordinary_formulas_have_one_mode_whose_mass_is_nearly_the_evidence() {
    let correlated = sleepstudy("1 + Days |", &[]);
    let student = sleepstudy("1 + Days |", &["b ~ student_t(3, 0, 50)", "sigma ~ uniform(0, 500)"]);
    let nested = model("tests/cases/27-pastes.csv", "strength ~ 1 + (1 | batch/cask)", &[]);
    let centered = model(GRUNFELD, "inv ~ center(year) + (1 + center(year) || firm)", &[]);
    for model in [&correlated, &student, &nested, &centered] {
        let landscape = Landscape::of(model);
        assert_eq!(landscape.peaks.len(), 1, "{landscape:?}");
        assert!(landscape.peaks[0].gradient < 1e-6, "{}", landscape.peaks[0].gradient);
    }
    for (model, exact) in [(&correlated, &*CORRELATED), (&centered, &Exact::of(&centered).unwrap())] {
        let peak = &Landscape::of(model).peaks[0];
        let constant = 0.5 * peak.theta.len() as f64 * std::f64::consts::TAU.ln();
        let units = -(model.dataset().n_observations() as f64) * model.scaling().outcome_scale.ln();
        let apart = peak.log_mass + constant + units - exact.log_evidence();
        assert!(apart.abs() < 0.7, "{apart}");
    }
    // Too many effects hang together, and nothing is searched for.
    let crossed = model("tests/cases/25-insteval.csv", "y ~ 1 + (1 | s) + (1 | d)", &[]);
    assert!(mode::admits(&crossed).is_err() && Landscape::of(&crossed).peaks.is_empty());
}

#[test]
fn the_centered_density_of_a_correlated_term_rises_without_end() {
    let model = sleepstudy("1 + Days |", &[]);
    let marginal = mode::marginal(&model).unwrap();
    let path = mode::path(&model, &marginal);
    assert!(path.is_unbounded && path.rise_without_end == 17.0, "{path:?}");
    assert!(path.sigma.starts_with("sd_Subject__"), "{}", path.sigma);
    // The non-centered density has a mode, which the centered density of the same model has not.
    let found = mode::non_centered(&model).unwrap();
    assert!(found.gradient < mode::GRADIENT_TOLERANCE && found.named.len() == 42);
    assert!(model.joint(Centering::NonCentered).dim() == 42);
}

#[test]
fn verbs_take_formulas() {
    let folder = Folder::new();
    let data = format!("--data {CASES}/01-sleepstudy.csv");
    let formula = "--formula Reaction~Days+(1+Days||Subject)";
    let ran = folder.run(&format!("verify {data} {formula} --quiet --no-report --out verified"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("sd_Subject__Days") && !ran.stdout.contains("r_Subject[308"), "{}", ran.stdout);
    let ran = folder.run(&format!("exact {data} {formula} --out exact"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let read =
        |file: &str| serde_json::from_str::<Value>(&std::fs::read_to_string(folder.path(file)).unwrap()).unwrap();
    let mean = read("exact/exact.json")["parameters"]["b_Days"]["mean"].as_f64().unwrap();
    assert!((mean - 10.4547).abs() < 1e-3, "{mean}");
    let ran = folder.run(&format!("map {data} {formula} --quiet --out map"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Centered, as sd_Subject__"), "{}", ran.stdout);
    assert!(read("map/map.json")["centered"]["is_unbounded"].as_bool().unwrap());
    let ran =
        folder.run(&format!("bench {data} {formula} --engine cpu --chains 4 --budget 1s --quiet --no-report --out b"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let bench = read("b/bench.json");
    assert_eq!(bench["models"][0]["formula"], "Reaction ~ 1 + Days + (1 + Days || Subject)");
    assert!(bench["timings"][0]["gradients_per_second"]["median"].as_f64().unwrap() > 0.0, "{bench}");
    let few = "--chains 4 --warmup 300 --draws 300";
    let ran = folder.run(&format!("compare {data} {formula} --quiet --no-report {few} --out compared"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("\nexact "), "{}", ran.stdout);
}

#[test]
fn known_errors_leave_one_axis() {
    let folder = Folder::with("schools.csv", SCHOOLS);
    let line = "--data schools.csv --formula effect~1+(1|school) --se error";
    let ran = folder.run(&format!("verify {line} --quiet --no-report --out verified"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = std::fs::read_to_string(folder.path("verified/verification.json")).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let exact = |i: usize| told["scores"][i]["exact_mean"].as_f64().unwrap();
    assert_eq!(told["scores"].as_array().unwrap().len(), 10);
    for (i, truth) in eight_schools().into_iter().enumerate() {
        assert!((exact(i) / truth - 1.0).abs() < 1e-3, "{told}");
    }
}

#[test]
fn what_has_no_exact_posterior_is_refused_by_name() {
    let folder = Folder::new();
    let sleepstudy = format!("--data {CASES}/01-sleepstudy.csv --formula Reaction~Days+(1+Days||Subject)");
    let pastes = format!("--data {CASES}/27-pastes.csv --formula strength~1+(1|batch/cask)");
    let hsb = format!("--data {CASES}/15b-hsb82.csv --formula mAch~cses+(1+cses+minrty|school)");
    let beside = format!("--data {CASES}/44-several-effects.csv --formula effect~1+(1|study) --se se --with-sigma");
    for (line, priors, why) in [
        (&pastes, "", "this one has 2 factors"),
        (&hsb, "", "this one has 7"),
        (&beside, "", "rows of this one have known errors beside sigma"),
        (&sleepstudy, "b_Days~student_t(3,0,10)", "the prior of b_Days is student_t(3, 0, 10)"),
        (&sleepstudy, "sigma~uniform(0,100)", "an sd has the prior uniform(0, 100)"),
    ] {
        let prior = if priors.is_empty() { String::new() } else { format!("--prior {priors}") };
        let ran = folder.run(&format!("exact {line} {prior} --out exact"));
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert!(ran.stderr.contains(why), "{line}: {}", ran.stderr);
        assert!(!folder.path("exact").exists());
    }
}
