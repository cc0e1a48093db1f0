//! Sigma by a formula of its own (`--sigma-formula 'sigma ~ lab'`). Log densities by another implementation are among
//! those of families.

use std::sync::Arc;

use warpnuts::data::{Dataset, Factor, FileRows};
use warpnuts::density::cpu;
use warpnuts::draws::Pointwise;
use warpnuts::experiment::{self, EngineChoice};
use warpnuts::family::Family;
use warpnuts::model::{
    Coordinates, Mixed, MixedPriors, MixedTerm, Model, NoCollapse, Refusal, Role, Scaling, Shape, SigmaFormula, Spread,
    VariablePrior,
};
use warpnuts::random::{Purpose, StreamKey};

use crate::helpers::calibration::{self, Simulated, Source};
use crate::helpers::common::{Folder, root};
use crate::helpers::formulas;
use crate::helpers::running::kill;
use crate::helpers::stored::{done, same_bytes, summary};
use crate::mixed::evaluate;

const HSB: &str = "tests/cases/15b-hsb82.csv";
const CROSSED: &str = "mAch ~ cses + (1 + cses | school) + (1 | sector)";

/// More rows than are worked on together, with weights; the last vector of rows has padding.
fn several(rows: usize, family: Family) -> (Arc<Dataset>, Arc<Mixed>) {
    let formula = format!("{CROSSED}; sigma ~ sector * minority + I(cses^2)");
    formulas::of_family(HSB, rows, &formula, family, &[], |_, rows| {
        rows.weights = Some((0..rows.rows.len()).map(|i| 0.5 + (i as f64 * 0.37).sin().powi(2)).collect());
    })
}

#[test]
fn every_row_has_the_sigma_of_its_columns() {
    for (family, rows) in [(Family::Gaussian, 7181), (Family::Student, 1003)] {
        let of = several(rows, family);
        let (data, mixed) = (&of.0, &of.1);
        let sigma = mixed.sigma.as_ref().unwrap();
        assert_eq!(sigma.formula, "sigma ~ 1 + sector + minority + I(cses^2) + sector:minority");
        for typed in ["non-centered", "centered", "partial"] {
            let model = formulas::in_units(&of, typed, Some(Scaling::identity(data)));
            let mut theta = vec![0.0; model.dim()];
            StreamKey { seed: 21, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
            theta.iter_mut().for_each(|entry| *entry *= 0.3);
            let mut named = vec![0.0; model.layout().dim()];
            model.constrain(&theta, &mut named);
            let place = |name: &str| model.names().iter().position(|own| own == name).unwrap();
            let at = |name: &str| named[place(&format!("b_sigma_{name}"))];
            let nu = if family == Family::Student { named[place("nu")] } else { f64::NAN };
            let mut pointwise = vec![0.0; 2 * rows];
            Pointwise::new(Arc::new(model.clone()), 5, 0, true, true).write(0, 3, &named, &mut pointwise);
            let (log_likelihoods, replicates) = pointwise.split_at(rows);
            let mut etas = vec![0.0; rows];
            let levels: Vec<Vec<u32>> = mixed.terms.iter().map(|term| data.level_of_rows(term.factor)).collect();
            mixed.etas(data, model.layout(), &named, &levels, &mut etas);
            let column = |name: &str| {
                let k = data.predictor_names().iter().position(|own| own == name);
                data.predictor(k.unwrap_or_else(|| panic!("no {name}: {:?}", data.predictor_names())))
            };
            let mut deviates = vec![0.0; rows];
            StreamKey { seed: 5, chain: 0, transition: 3 }.normals(Purpose::Replicate, &mut deviates);
            for i in 0..rows {
                let log = at("Intercept")
                    + ["sector[Catholic]", "minority", "I(cses^2)", "sector[Catholic]:minority"]
                        .map(|name| at(name) * column(name)[i])
                        .iter()
                        .sum::<f64>();
                let sd = log.exp() / data.weights().unwrap()[i].sqrt();
                let truth = family.log_density(&[sd, nu], data.outcome()[i], 1.0, etas[i]);
                let own = log_likelihoods[i];
                assert!((own - truth).abs() < 1e-10 * truth.abs().max(1.0), "{family:?}, {i}: {own} {truth}");
                let drawn = family.quantile(&[sd, nu], 1.0, etas[i], deviates[i]);
                assert!((replicates[i] - drawn).abs() < 1e-9 * drawn.abs().max(1.0), "{family:?}, {i}");
            }
            // Where all rows' sum is another by one coefficient, the density is.
            let sum = |named: &[f64]| {
                let mut all = vec![0.0; rows];
                Pointwise::new(Arc::new(model.clone()), 5, 0, true, false).write(0, 3, named, &mut all);
                all.iter().sum::<f64>()
            };
            let (value, gradient) = evaluate(&model, &theta);
            let block = model.layout().blocks_of(Role::LogSigma).next().unwrap();
            assert_eq!((block.theta.len(), block.units.len()), (5, 5));
            let size = gradient.iter().fold(1.0, |size: f64, entry| size.max(entry.abs()));
            for block in model.layout().blocks() {
                for i in [block.theta.start, (block.theta.start + block.theta.end) / 2, block.theta.end - 1] {
                    let moved = |step: f64| {
                        let mut moved = theta.clone();
                        moved[i] += step;
                        moved
                    };
                    let central = |h: f64| (evaluate(&model, &moved(h)).0 - evaluate(&model, &moved(-h)).0) / (2.0 * h);
                    let slope = (4.0 * central(5e-4) - central(1e-3)) / 3.0;
                    let role = block.role;
                    assert!((slope - gradient[i]).abs() < 1e-7 * size, "{typed}, {role:?}: {slope} {}", gradient[i]);
                    if role == Role::LogSigma {
                        let mut there = named.clone();
                        let moved = moved(0.2);
                        model.constrain(&moved, &mut there);
                        let log_prior = model.log_prior();
                        let likelihood = sum(&there) - sum(&named) + log_prior(&there) - log_prior(&named);
                        let density = evaluate(&model, &moved).0 - value;
                        let most = 1e-9 * value.abs();
                        assert!((density - likelihood).abs() < most, "{typed}, {i}: {density} {likelihood}");
                    }
                }
            }
        }
    }
}

#[test]
fn effects_stay_coordinates_and_are_partially_centered() {
    let of = several(600, Family::Gaussian);
    let model = formulas::model(&of, "non-centered");
    assert_eq!(cpu::admits(&model), Ok(()));
    assert_eq!(cpu::admits(&model.collapsed()), Err(Refusal::NotCollapsed(NoCollapse::SigmaFormula)));
    let (coordinates, why) = experiment::suited_to_formula(&of.0, &of.1, EngineChoice::Auto);
    assert!(matches!(coordinates, Coordinates::Joint { .. }), "{coordinates:?}");
    assert!(why.starts_with("each effect is between centered and non-centered"), "{why}");
}

/// The scale of the outcome is no part of the answer, with an intercept, with a coefficient for each level, or without
/// either.
#[test]
fn units_are_an_exact_change_of_variables() {
    for sigma in ["sigma ~ Days", "sigma ~ 0 + factor(Days)", "sigma ~ 0 + Days"] {
        let formula = format!("Reaction ~ Days + (1 | Subject); {sigma}");
        let of = formulas::read("tests/cases/01-sleepstudy.csv", &formula, &[]);
        let user = formulas::in_units(&of, "non-centered", Some(Scaling::identity(&of.0)));
        let scaled = formulas::model(&of, "non-centered");
        let mut theta = vec![0.0; user.dim()];
        StreamKey { seed: 3, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut theta);
        let (value, _) = evaluate(&user, &theta);
        let (mut named, mut there) = (vec![0.0; user.layout().dim()], vec![0.0; scaled.dim()]);
        user.constrain(&theta, &mut named);
        scaled.unconstrain(&named, &mut there);
        let other = evaluate(&scaled, &there).0 + scaled.log_density_offset();
        assert!((value - other).abs() < 1e-9 * value.abs(), "{sigma}: {value} {other}");
        // Log sigma is 0 in the sampler's units where sigma is the outcome's sd.
        let block = scaled.layout().blocks_of(Role::LogSigma).next().unwrap().clone();
        there[block.theta.clone()].fill(0.0);
        scaled.constrain(&there, &mut named);
        let own = named[block.named.start];
        let expected = if sigma == "sigma ~ 0 + Days" { 0.0 } else { scaled.scaling().outcome_scale.ln() };
        assert!((own - expected).abs() < 1e-12, "{sigma}: {own} {expected}");
    }
}

/// Data whose parameters are drawn from their priors: `y ~ x + (1 | g)` with `sigma ~ x`, or with a sigma for each of
/// two kinds of rows.
pub(crate) fn simulate(family: Family, number: u32, parameterizations: &[&str]) -> Simulated {
    let mut source = Source { key: StreamKey { seed: 31, chain: number, transition: 0 } };
    let (levels, rows) = (6, 36);
    let by_kind = number / 2 % 2 == 1;
    let x: Vec<f64> = (0..rows).map(|i| f64::from((i * 7 % 5) as u32) / 2.0 - 1.0).collect();
    let kind: Vec<f64> = (0..rows).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
    let center = |values: &[f64]| values.iter().sum::<f64>() / rows as f64;
    let hyper = source.normals(5);
    let b = [0.5 + 0.8 * hyper[0], 0.6 * hyper[1]];
    let sd = 0.7 * hyper[2].abs();
    let of_sigma = [-0.5 + 0.6 * hyper[3], 0.7 * hyper[4]];
    let z = source.normals(levels);
    // The sum of two exponential numbers is Gamma(2).
    let nu = -10.0 * source.uniforms()[..2].iter().map(|u| u.ln()).sum::<f64>();
    let deviates = source.normals(rows);
    let of: Vec<u32> = (0..rows as u32).map(|i| i % levels as u32).collect();
    let effects: Vec<f64> = z.iter().map(|z| sd * z).collect();
    let log_sigma = |i: usize| match by_kind {
        // A coefficient of each of two columns, one of which is 1.
        true => [of_sigma[0] * (1.0 - kind[i]), of_sigma[1] * kind[i]].iter().sum::<f64>(),
        false => of_sigma[0] + of_sigma[1] * (x[i] - center(&x)),
    };
    let outcome = (0..rows).map(|i| {
        let eta = b[0] + b[1] * (x[i] - center(&x)) + effects[of[i] as usize];
        family.quantile(&[log_sigma(i).exp(), nu], 1.0, eta, deviates[i])
    });
    let outcome: Vec<f64> = outcome.collect();
    let other: Vec<f64> = kind.iter().map(|kind| 1.0 - kind).collect();
    let factor = Factor { name: "g".into(), levels: (0..levels).map(|j| format!("g{j}")).collect(), of };
    let file = FileRows { source: "small".into(), rows: (0..rows).collect(), ..FileRows::default() };
    let columns = [("x", &x), ("kind[a]", &other), ("kind[b]", &kind)];
    let columns = columns.map(|(name, values)| (name.to_string(), values.clone())).to_vec();
    let dataset = Dataset::of_formula(file, ("y".into(), outcome), columns, vec![factor]).unwrap();
    let terms = vec![MixedTerm { factor: 0, columns: vec![0], spread: Spread::Independent }];
    let half = VariablePrior { shape: Shape::Normal, location: 0.0, scale: 0.7, half: true };
    let of_nu = VariablePrior { shape: Shape::Gamma(2.0), location: 0.0, scale: 10.0, half: false };
    let has_nu = family == Family::Student;
    let priors = MixedPriors {
        population: vec![VariablePrior::normal(0.5, 0.8), VariablePrior::normal(0.0, 0.6)],
        scales: vec![vec![half]],
        correlations: vec![2.0],
        dispersions: [half, of_nu].into_iter().take(family.dispersions().len()).collect(),
    };
    let (text, columns) = if by_kind { ("sigma ~ 0 + kind", vec![2, 3]) } else { ("sigma ~ 1 + x", vec![0, 1]) };
    let priors_of_sigma = vec![VariablePrior::normal(-0.5, 0.6), VariablePrior::normal(0.0, 0.7)];
    let sigma = SigmaFormula::new(text.into(), columns, &dataset, 1.0);
    assert_eq!(sigma.of_level, [by_kind; 2]);
    let sigma = Some(SigmaFormula { priors: priors_of_sigma, ..sigma });
    let mixed = Mixed { family, sigma, ..Mixed::new("y ~ x + (1 | g)".into(), vec![0, 1], terms, priors) };
    let typed = parameterizations[number as usize / 2 % parameterizations.len()];
    let coordinates = Coordinates::parse_terms(typed, &mixed.term_names(&dataset)).unwrap();
    let to_zero = if by_kind { 0.0 } else { of_sigma[1] * center(&x) };
    let truth = [b[0] - b[1] * center(&x), b[1], sd, of_sigma[0] - to_zero, of_sigma[1]].into_iter();
    let truth = truth.chain(has_nu.then_some(nu)).chain(effects).collect();
    Simulated { model: Model::of_formula(Arc::new(dataset), Arc::new(mixed), coordinates, None), truth }
}

#[test]
fn true_parameters_of_sigma_are_anywhere_among_the_draws() {
    for family in [Family::Gaussian, Family::Student] {
        let shown: Vec<usize> = (0..5 + family.dispersions().len()).collect();
        calibration::calibrate(500, &shown, |number| {
            simulate(family, number, &["non-centered", "centered", "partial"])
        });
    }
}

/// The orthodontic distances of Potthoff and Roy (1964), whose noise differs by sex: Pinheiro and Bates (2000,
/// "Mixed-Effects Models in S and S-PLUS", 5.1) give 24.97, 0.784, -2.32, -0.305 and sds of 1.855 and 0.157, with a
/// sigma of boys of 1.630, and of girls 0.409 times as much; nlme 3.1-162 gives the same.
#[test]
fn the_noise_of_boys_and_girls_is_as_published() {
    let folder = Folder::new();
    let data = root().join("tests/families/orthodont.csv").display().to_string();
    let line = format!("sample --data {data} --formula distance~Sex*I(age-11)+(1+I(age-11)|Subject)");
    let sizes = "--chains 4 --warmup 600 --draws 2500 --no-report";
    done(&folder, &format!("{line} --sigma-formula sigma~Sex {sizes} --out fit"));
    let found = summary(&folder, "fit");
    let published = [
        ("b_Intercept", 24.969, 0.17),
        ("b_Sex[Female]", -2.321, 0.25),
        ("b_I(age - 11)", 0.7844, 0.033),
        ("b_Sex[Female]:I(age - 11)", -0.3048, 0.04),
        ("sd_Subject__Intercept", 1.855, 0.15),
        // Its interval is from 0.07 to 0.36.
        ("sd_Subject__I(age - 11)", 0.1565, 0.05),
        ("b_sigma_Intercept", 1.6296_f64.ln(), 0.05),
        ("b_sigma_Sex[Female]", 0.40885_f64.ln(), 0.08),
    ];
    for (name, estimate, most) in published {
        let of = |what: &str| found["parameters"][name][what].as_f64().unwrap_or_else(|| panic!("no {name}"));
        assert!((of("mean") - estimate).abs() < most, "{name}: {} for {estimate}", of("mean"));
        assert!(of("mcse_mean") < 0.1 * of("sd"), "{name}");
    }
}

#[test]
fn a_run_is_resumed_with_its_formula_of_sigma_and_predicts_by_it() {
    let data = root().join(HSB).display().to_string();
    let folder = Folder::new();
    let of = format!("--data {data} --formula mAch~cses+(1|school) --sigma-formula sigma~sector");
    let line = format!("sample {of} --chains 4 --warmup 100 --draws 300 --log-likelihood --quiet --no-report");
    done(&folder, &format!("{line} --out whole"));
    kill(&folder, &format!("{line} --checkpoint-every 0.02 --out killed"), "draws 60");
    let formula = format!("--data {data} --formula mAch~cses+(1|school)");
    let other = folder.run(&format!("sample --resume killed {formula} --sigma-formula sigma~cses"));
    assert_eq!(other.code, 2);
    assert!(other.stderr.contains("--sigma-formula 'sigma ~ 1 + cses', there "), "{}", other.stderr);
    let other = folder.run(&format!("sample --resume killed {formula}"));
    assert_eq!(other.code, 2);
    done(&folder, &format!("sample --resume killed --quiet --no-report {formula} --sigma-formula sigma~1+sector"));
    same_bytes(&folder, "whole", "killed");
    let told = summary(&folder, "whole");
    assert_eq!(told["formula"]["formula"], "mAch ~ 1 + cses + (1 | school) --sigma-formula 'sigma ~ 1 + sector'");
    let mean = |name: &str| told["parameters"][name]["mean"].as_f64().unwrap();
    done(&folder, "report whole");
    done(&folder, "loo whole");
    // New rows have the sigma of their columns.
    std::fs::write(folder.path("new.csv"), "school,cses,sector\nnew,0,Public\nnew,0,Catholic\n").unwrap();
    let ran = done(&folder, "predict whole --data new.csv --out -");
    let mut lines = ran.stdout.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let place = lines.next().unwrap().iter().position(|name| *name == "outcome_sd").unwrap();
    let sds: Vec<f64> = lines.map(|cells| cells[place].parse().unwrap()).collect();
    assert_eq!(sds.len(), 2);
    let between = mean("sd_school__Intercept").powi(2);
    for (sd, log) in sds.iter().zip([0.0, mean("b_sigma_sector[Catholic]")]) {
        let expected = (between + (2.0 * (mean("b_sigma_Intercept") + log)).exp()).sqrt();
        assert!((sd / expected - 1.0).abs() < 0.08, "{sds:?}: {sd} {expected}");
    }
    let rows = folder.run("predict whole --data new.csv --out - --new-levels refuse");
    assert_eq!(rows.code, 2, "{rows:?}");
}

#[test]
fn a_formula_of_sigma_mends_noise_that_differs_by_level() {
    let folder = Folder::new();
    let mut normals = vec![0.0; 208];
    StreamKey { seed: 40, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let sigma = [0.1, 0.5, 2.0, 2.0];
    let rows: String = (0..200)
        .map(|i| {
            let y = 10.0 + normals[200 + i % 4] + sigma[i % 4] * normals[i];
            format!("lab{},{y},{}\n", i % 4, ["am", "pm"][i / 4 % 2])
        })
        .collect();
    std::fs::write(folder.path("labs.csv"), format!("lab,y,half\n{rows}")).unwrap();
    // Only runs that are trusted have their data looked at.
    let line = "sample --data labs.csv --formula y~1+(1|lab) --target-accept 0.95 --no-report --quiet";
    let trusted = |options: &str| {
        let ran = folder.run(&format!("{line} {options}"));
        assert_eq!(ran.code, 0, "{options}: {ran:?}");
    };
    let kinds = |out: &str| -> Vec<String> {
        let warnings = summary(&folder, out)["warnings"].as_array().unwrap().clone();
        let kind = |warning: &serde_json::Value| warning["kind"].as_str().unwrap().to_string();
        warnings.iter().map(kind).filter(|kind| kind.contains("noise") || kind == "heavy-tails").collect()
    };
    trusted("--out one");
    assert_eq!(kinds("one"), ["noise-by-level"]);
    let told = summary(&folder, "one");
    let warning = told["warnings"].as_array().unwrap().iter().find(|one| one["kind"] == "noise-by-level").unwrap();
    assert_eq!(warning["proposals"][0], "--sigma-formula sigma ~ lab");
    let remedy = "use --sigma-formula 'sigma ~ lab', by which each level has its own sigma";
    assert!(warning["remedy"].as_str().unwrap().starts_with(remedy), "{warning}");
    // A formula that has another column gets this one beside it.
    trusted("--sigma-formula sigma~half --out other");
    let told_of_other = summary(&folder, "other");
    let other =
        told_of_other["warnings"].as_array().unwrap().iter().find(|one| one["kind"] == "noise-by-level").unwrap();
    assert_eq!(other["proposals"][0], "--sigma-formula sigma ~ 1 + half + lab");
    assert!(other["problem"].as_str().unwrap().ends_with("which its formula of sigma does not have"), "{other}");
    trusted("--sigma-formula sigma~0+lab --out own");
    assert_eq!(kinds("own"), [""; 0]);
    let told = summary(&folder, "own");
    for (k, truth) in sigma.iter().enumerate() {
        let of = |what: &str| told["parameters"][format!("b_sigma_lab[lab{k}]")][what].as_f64().unwrap();
        assert!((of("mean") - truth.ln()).abs() < 3.0 * of("sd") && of("sd") < 0.15, "lab{k}: {}", of("mean"));
    }
}

#[test]
fn bad_formulas_of_sigma_are_refused() {
    let folder = Folder::with(
        "few.csv",
        "g,y,x,k,lab,n,w\na,1,1,0,u,1,1\na,2,2,1,v,1,2\na,2.5,2,1,v,1,2\nb,3,1,0,u,2,3\nb,5,2,1,v,2,5\nb,6.1,1,1,v,2,5\nc,4,3,0,u,3,4\nc,1,1,1,u,3,1\n",
    );
    let refused = [
        (
            "y~x+(1|g) --sigma-formula sigm~lab",
            "which is called sigma; write it as in `sigma ~ lab`\n  sigm~lab\n  ^^^^",
        ),
        ("y~x+(1|g) --sigma-formula log(sigma)~lab", "which is called sigma"),
        ("y~x+(1|g) --sigma-formula sigma|trials(n)~lab", "which is called sigma"),
        (
            "y~x+(1|g) --sigma-formula sigma~(1|lab)",
            "sigma has no group-level terms; write the column as a term of its own, as in `sigma ~ lab`",
        ),
        ("y~x+(1|g) --sigma-formula sigma~0", "there is nothing that sigma depends on"),
        (
            "y~x+(1|g) --sigma-formula sigma~labb",
            "there is no column `labb`; did you mean `lab`?\n  sigma~labb\n        ^^^^",
        ),
        ("y~x+(1|g) --sigma-formula sigma~y", "`y` is the outcome and cannot explain itself"),
        ("y~x+(1|n) --sigma-formula sigma~n", "write `factor(n)` for a sigma of each level, or `I(n)`"),
        ("y~x+(1|g) --sigma-formula sigma~lab --se x", "cannot be used with"),
        (
            "k~x+(1|g) --family binomial --sigma-formula sigma~lab",
            "--sigma-formula says how the sd of a row differs, and outcomes are binomial",
        ),
        (
            "y~x+(1|g) --sigma-formula sigma~lab --prior sigma~half_normal(1)",
            "there is no `sigma` in this model; write one of b_Intercept, Intercept, b, b_x, sd, sd_g, sd_g__Intercept, b_sigma_Intercept, b_sigma, b_sigma_lab[v]",
        ),
        ("y~x+(1|g) --sigma-formula sigma~lab --prior b_sigma~half_normal(1)", "write one of all numbers"),
        ("y~x+(1|g) --sigma-formula sigma~lab --parameterization marginal", "sigma has a formula; use partial"),
        (
            "w~1+(1|g) --sigma-formula sigma~lab",
            "explain outcome `w` to within rounding in the 4 rows that have the sigma of row 2",
        ),
    ];
    for (typed, message) in refused {
        let ran = folder.run(&format!("sample --data few.csv --formula {typed}"));
        assert_eq!(ran.code, 2, "{typed}: {ran:?}");
        assert!(ran.stderr.contains(message), "{typed}: {}", ran.stderr);
    }
    // Each group's own line fits all of its rows, whatever sigma depends on.
    let rows: String = (0..18)
        .map(|i| {
            let (g, x) = (i / 6, i % 6);
            format!(
                "{},{},{x},{}\n",
                ["a", "b", "c"][g],
                1.5 * g as f64 + [0.3, -1.1, 2.0][g] * x as f64,
                ["u", "v"][i % 2]
            )
        })
        .collect();
    std::fs::write(folder.path("perfect.csv"), format!("g,y,x,lab\n{rows}")).unwrap();
    let ran = folder.run("sample --data perfect.csv --formula y~x+(1+x|g) --sigma-formula sigma~lab");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("explain outcome `y` to within rounding: there is no noise"), "{}", ran.stderr);
    let ran = folder.run("sample --data few.csv --group g --outcome y --sigma-formula sigma~lab");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--sigma-formula goes with a formula"), "{}", ran.stderr);
    let ran = folder.run("map --data few.csv --formula y~x+(1|g) --sigma-formula sigma~x");
    assert_eq!(ran.code, 2);
    let message = "a search for modes integrates out effects, where rows have the variance sigma^2 over their weights, and here \
                   sigma has a formula; sample it instead";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
    let ran = folder.run("exact --data few.csv --formula y~x+(1|g) --sigma-formula sigma~x");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("sigma of this one has a formula"), "{}", ran.stderr);
}
