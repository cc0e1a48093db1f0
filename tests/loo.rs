//! Rows that are left out: importance sampling against ArviZ, refits against quadrature; and the commands `loo` and
//! `sensitivity` with what they refuse.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::Value;
use warpnuts::data::Dataset;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::engine::Progress;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Sampled, Settings, sample};
use warpnuts::loo::{LeftOutSets, Refit, Refits};
use warpnuts::model::{Centering, Model};
use warpnuts::predict::{DrawnVariables, Evaluator, Rows, Scratch};

use crate::helpers::chance::{is_near_one, largest};
use crate::helpers::common::{Folder, Ran, root};
use crate::helpers::formulas;
use crate::helpers::python::python;

/// Refits that begin at quantiles of the exact posterior.
fn refits(model: &Model, exact: &Exact) -> Refits {
    let of = |i: usize| [0.1, 0.35, 0.65, 0.9].map(|p| exact.quantile(i, p)).to_vec();
    let draws: Vec<Vec<f64>> = (0..model.layout().hyperparameters()).map(of).collect();
    Refits::new(model, 1, &draws).unwrap()
}

/// log p(rows of `leaves` | the others), by quadrature: the difference of two evidences.
fn exact_elpd(model: &Model, exact: &Exact, leaves: &[bool]) -> f64 {
    let rest = model.of_rows(Arc::new(model.dataset().without(leaves).unwrap()));
    exact.log_evidence() - Exact::of(&rest).unwrap().log_evidence()
}

fn leaving(rows: usize, set: &[usize]) -> Vec<bool> {
    (0..rows).map(|row| set.contains(&row)).collect()
}

fn radon() -> Model {
    Model::builder(Arc::new(Dataset::radon().unwrap())).build().collapsed()
}

fn sleepstudy(parameterization: &str) -> Model {
    let of = formulas::read("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", &[]);
    formulas::model(&of, parameterization)
}

#[test]
fn leaving_one_county_out_is_exact_for_all_85() {
    let model = radon();
    let exact = Exact::of(&model).unwrap();
    let sets = LeftOutSets::levels(model.dataset(), "county").unwrap();
    assert_eq!(sets.sets.len(), 85);
    let refitted = sets.refitted(&refits(&model, &exact), || ()).unwrap();
    let rows = model.dataset().n_observations();
    let of_county = |(set, Refit { elpd, error, rhat }): (&Vec<usize>, &Refit)| {
        assert!(*rhat < 1.05 && (1e-4..0.1).contains(error), "{rhat}, {error}");
        (elpd - exact_elpd(&model, &exact, &leaving(rows, set))) / error
    };
    let scores: Vec<f64> = sets.sets.par_iter().zip(&refitted).map(of_county).collect();
    let most = scores.iter().fold(0.0, |most: f64, score| most.max(score.abs()));
    assert!(most < largest(85), "{most} standard errors");
    is_near_one((scores.iter().map(|z| z * z).sum::<f64>() / 85.0).sqrt(), "counties");
}

#[test]
fn leaving_rows_and_folds_out_of_a_formula_is_exact() {
    let model = sleepstudy("marginal");
    let exact = Exact::of(&model).unwrap();
    let refits = refits(&model, &exact);
    let rows = model.dataset().n_observations();
    let close = |Refit { elpd, error, .. }: &Refit, expected: f64, what: &str| {
        assert!(
            (elpd - expected).abs() < largest(6) * error && *error < 0.2,
            "{what}: {elpd} +- {error} for {expected}"
        );
    };
    // The rows of the largest residuals, of which draws given all rows say little.
    let sets = LeftOutSets::rows([59, 56, 0]);
    for (set, refit) in sets.sets.iter().zip(sets.refitted(&refits, || ()).unwrap()) {
        close(&refit, exact_elpd(&model, &exact, &leaving(rows, set)), "a row");
    }
    // A row of a fold is predicted by the other folds, not by the rest of its own.
    let folds = LeftOutSets::folds(model.dataset(), 6, 1).unwrap();
    let mut all: Vec<usize> = folds.sets.concat();
    all.sort_unstable();
    assert_eq!(all, (0..rows).collect::<Vec<_>>(), "each row is in one fold");
    assert!(folds.sets.iter().all(|fold| fold.len() == 30));
    let one = LeftOutSets { sets: vec![folds.sets[2].clone()], factor: None };
    let refitted = one.refitted(&refits, || ()).unwrap();
    assert_eq!(refitted.len(), 30);
    let fold = &folds.sets[2];
    let without =
        |leaves: &[bool]| Exact::of(&model.of_rows(Arc::new(model.dataset().without(leaves).unwrap()))).unwrap();
    let rest = without(&leaving(rows, fold)).log_evidence();
    for unit in [0, 17, 29] {
        let others: Vec<usize> = fold.iter().copied().filter(|row| *row != fold[unit]).collect();
        close(&refitted[unit], without(&leaving(rows, &others)).log_evidence() - rest, "a row of a fold");
    }
}

#[test]
fn the_rest_of_a_data_set_is_the_data_set_of_the_rest() {
    // The same log density as that of a model of the remaining rows, read from a file, with the priors of the whole.
    let model = sleepstudy("marginal");
    let data = model.dataset();
    let leaves: Vec<bool> = (0..180).map(|row| row % 7 == 3 || data.group_range(4).contains(&row)).collect();
    let rest = model.of_rows(Arc::new(data.without(&leaves).unwrap()));
    assert_eq!(
        (rest.dataset().n_groups(), rest.dataset().n_observations()),
        (17, 180 - leaves.iter().filter(|l| **l).count())
    );
    for j in 0..17 {
        let group = &rest.dataset().groups()[j];
        let whole = data.groups().iter().position(|other| other == group).unwrap();
        let kept = data.group_range(whole).filter(|row| !leaves[*row]);
        for (here, there) in rest.dataset().group_range(j).zip(kept) {
            assert_eq!(rest.dataset().outcome()[here], data.outcome()[there]);
            assert_eq!(rest.dataset().predictor(0)[here], data.predictor(0)[there]);
            assert_eq!(rest.dataset().row_of(here), data.row_of(there));
        }
    }
    assert!(data.without(&[true; 180]).is_none());
    // Log densities add up over the rows, whichever are left out first, only if priors and units stay those of the
    // whole.
    let theta: Vec<f64> = (0..model.dim()).map(|i| 0.3 * (i as f64 - 2.0)).collect();
    let mut gradient = vec![0.0; model.dim()];
    let mut at = |model: &Model| CpuDensity::new(model).log_density(&theta, &mut gradient);
    let twice =
        rest.of_rows(Arc::new(rest.dataset().without(&leaving(rest.dataset().n_observations(), &[5, 6])).unwrap()));
    let mut both = leaves.clone();
    let left: Vec<usize> = (0..180).filter(|row| !leaves[*row]).collect();
    [5, 6].iter().for_each(|i| both[left[*i]] = true);
    let at_once = model.of_rows(Arc::new(data.without(&both).unwrap()));
    assert!((at(&twice) - at(&at_once)).abs() < 1e-9);
    assert!((at(&model) - at(&rest)).abs() > 1.0);
}

/// A run in memory of correlated effects.
fn run(parameterization: &str, draws: u32) -> Sampled {
    let settings = Settings { seed: 3, chains: 4, draws, ..Settings::default() };
    sample(Arc::new(sleepstudy(parameterization)), settings, Arc::new(Progress::default())).unwrap()
}

#[test]
fn prior_likelihood_and_effects_make_the_log_density() {
    let sampled = run("marginal", 50);
    let variables = DrawnVariables::of(&sampled, usize::MAX).unwrap();
    let model = sampled.model.joint(Centering::NonCentered);
    let mut density = CpuDensity::new(&model);
    let (rows, evaluator) = (Rows::of_model(&model), Evaluator::new(&variables));
    let count = variables.count();
    let mut log_likelihood = vec![0.0; count];
    let (mut sds, mut densities) = (vec![0.0; count], vec![0.0; count]);
    for row in 0..rows.count {
        let y = model.dataset().outcome()[row];
        evaluator.log_densities(&rows, row, y, &mut Scratch::default(), &mut sds, &mut densities);
        log_likelihood.iter_mut().zip(&densities).for_each(|(sum, density)| *sum += density);
    }
    let (mut named, mut theta) = (vec![0.0; model.layout().dim()], vec![0.0; model.dim()]);
    let mut gradient = vec![0.0; model.dim()];
    let (hyperparameters, log_prior) = (model.layout().hyperparameters(), model.log_prior());
    let mut left = |draw: usize| {
        variables.write_draw(draw, &mut named);
        model.unconstrain(&named, &mut theta);
        let whole = density.log_density(&theta, &mut gradient);
        // b_Intercept, b_Days, two sds, their correlation, sigma: Jacobians of logarithms and of the hyperbolic
        // tangent.
        let jacobian = named[2].ln() + named[3].ln() + (1.0 - named[4] * named[4]).ln() + named[5].ln();
        let effects: f64 = theta[hyperparameters..].iter().map(|z| -0.5 * z * z).sum();
        whole - log_likelihood[draw] - log_prior(&named[..hyperparameters]) - effects - jacobian
    };
    let first = left(0);
    for draw in 1..count {
        assert!((left(draw) - first).abs() < 1e-7, "draw {draw}: {} for {first}", left(draw));
    }
}

/// The lines of `loo.csv`, by what was left out.
fn table(folder: &Folder, run: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.path(run).join("loo.csv")).unwrap();
    let rows = reader.deserialize().map(|row: Result<BTreeMap<String, String>, _>| row.unwrap());
    rows.map(|row| (row["left_out"].clone(), row)).collect()
}

/// What ArviZ says of a stored run.
const ARVIZ: &str = "
import json, sys, warnings
warnings.simplefilter('ignore')
import arviz as az, xarray as xr
tree = xr.open_datatree(sys.argv[1], engine='zarr')
groups = {name: tree[name].to_dataset() for name in ('posterior', 'log_likelihood', 'sample_stats', 'constant_data')}
data = az.InferenceData(**groups)
loo = az.loo(data, pointwise=True)
print(json.dumps({
    'rows': [int(row) + 1 for row in data.constant_data['row'].values],
    'elpd': loo.loo_i.values.tolist(), 'k': loo.pareto_k.values.tolist(),
    'sum': float(loo.elpd_loo), 'se': float(loo.se), 'p': float(loo.p_loo),
}))
";

#[test]
fn importance_sampling_of_a_stored_run_is_arvizs() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let line = "sample --chains 4 --draws 400 --sampler nuts --log-likelihood --no-report --quiet --out r";
    assert!([0, 3].contains(&folder.run(line).code));
    let ran = folder.run("loo r --quiet");
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let output = Command::new(python).args(["-c", ARVIZ]).arg(folder.path("r/draws.zarr")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let arviz: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = table(&folder, "r");
    assert_eq!(lines.len(), 919);
    let (mut compared, mut given_all) = (0, 0.0);
    for i in 0..919 {
        let line = &lines[&arviz["rows"][i].to_string()];
        let k: f64 = line["pareto_k"].parse().unwrap();
        assert!((k - arviz["k"][i].as_f64().unwrap()).abs() < 1e-6, "{line:?}");
        given_all += line["p"].parse::<f64>().unwrap() + line["elpd"].parse::<f64>().unwrap();
        if line["method"] == "psis" {
            let elpd: f64 = line["elpd"].parse().unwrap();
            assert!((elpd - arviz["elpd"][i].as_f64().unwrap()).abs() < 1e-6, "{line:?}");
            compared += 1;
        } else {
            assert!(k > 0.6, "no need to fit again: {line:?}");
        }
    }
    assert!(compared > 900, "{compared}");
    // The log density given all rows does not depend on how a row was left out.
    let expected = arviz["sum"].as_f64().unwrap() + arviz["p"].as_f64().unwrap();
    assert!((given_all - expected).abs() < 1e-5, "{given_all} for {expected}");
}

/// Draws of a run with `options`, of the same file.
fn sampled(folder: &Folder, name: &str, formula: &str, options: &str) {
    let data = root().join("tests/cases/01-sleepstudy.csv");
    let line = format!(
        "sample --data {} --formula {formula} --chains 4 --draws 500 --no-report --quiet --out {name} {options}",
        data.display()
    );
    let ran = folder.run(&line);
    assert!([0, 3].contains(&ran.code), "{ran:?}");
}

#[test]
fn several_runs_are_compared_and_a_small_difference_is_called_nothing() {
    let folder = Folder::new();
    sampled(&folder, "slopes", "Reaction~Days+(1+Days|Subject)", "");
    sampled(&folder, "again", "Reaction~Days+(1+Days|Subject)", "--seed 2");
    sampled(&folder, "constant", "Reaction~1+(1|Subject)", "");
    let ran = folder.run("loo constant slopes again --quiet");
    assert_eq!(ran.code, 0, "{ran:?}");
    let order: Vec<&str> = ran
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| folder.path(name).is_dir())
        .take(3)
        .collect();
    assert_eq!(order[2], "constant", "{}", ran.stdout);
    let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("predicts as well") && words.contains("is nothing"), "{words}");
    assert!(words.contains("constant predicts worse, by"), "{words}");
    for run in ["slopes", "again", "constant"] {
        assert_eq!(table(&folder, run).len(), 180);
    }
    // By subject: levels with their names, and fewer units than standard errors are good for.
    let ran = folder.run("loo slopes constant --by Subject --quiet");
    assert!(ran.code == 0 && ran.stdout.contains("With 18 units"), "{ran:?}");
    let lines = table(&folder, "slopes");
    assert!(lines.len() == 18 && lines["335"]["rows"] == "10" && lines["335"]["method"] == "refit", "{lines:?}");
    let ran = folder.run("loo slopes --folds 5 --quiet");
    assert!(ran.code == 0 && ran.stdout.contains("180 rows in 5 folds"), "{ran:?}");
    let folds: f64 = table(&folder, "slopes").values().map(|line| line["elpd"].parse::<f64>().unwrap()).sum();
    let ran = folder.run("loo slopes --exact --quiet");
    assert!(ran.code == 0 && ran.stdout.contains("180 refits"), "{ran:?}");
    let exact: f64 = table(&folder, "slopes").values().map(|line| line["elpd"].parse::<f64>().unwrap()).sum();
    // Fewer rows predict about as well.
    assert!((exact - folds).abs() < 30.0 && exact != folds, "{folds}, {exact}");
    assert!(folder.run("loo slopes --quiet").stdout.contains("beyond: predicted exactly"), "{ran:?}");
}

#[test]
fn what_cannot_be_left_out_is_refused_in_a_sentence() {
    let folder = Folder::new();
    sampled(&folder, "r", "Reaction~Days+(1+Days|Subject)", "");
    sampled(&folder, "hyper", "Reaction~Days+(1+Days|Subject)", "--keep hyper");
    let text = std::fs::read_to_string(root().join("tests/cases/01-sleepstudy.csv")).unwrap();
    std::fs::write(folder.path("fewer.csv"), text.lines().take(101).collect::<Vec<_>>().join("\n")).unwrap();
    std::fs::write(folder.path("other.csv"), text.replacen("249.56", "249.57", 1)).unwrap();
    for file in ["fewer", "other"] {
        let line =
            format!("sample --data {file}.csv --formula Reaction~Days+(1|Subject) --chains 2 --draws 50 --out {file}");
        assert!([0, 3].contains(&folder.run(&line).code));
    }
    let errors =
        "sample --data t.csv --formula y~1+(1|g) --se se --with-sigma --chains 4 --draws 200 --out errors --quiet";
    let rows = "y,g,se\n1,a,1\n2,a,2\n3,b,1\n5,b,1\n4,c,2\n7,c,1\n90,d,0.1\n2,d,0.1\n".to_string();
    std::fs::write(folder.path("t.csv"), rows).unwrap();
    assert!([0, 3].contains(&folder.run(errors).code));
    let refused: [(&str, &[&str]); 11] = [
        ("loo", &["DIR"]),
        ("loo nowhere", &["nowhere"]),
        ("loo fewer.csv", &["fewer.csv"]),
        ("loo r fewer", &["180 rows, another 100", "the same data"]),
        ("loo r other", &["row 1 of the file is 249.56 in one and 249.57 in another"]),
        ("loo r --by Days", &["--by Days", "write one of: Subject"]),
        ("loo r --by subject", &["did you mean `Subject`?"]),
        ("loo r --by Subject --exact", &["cannot be used with"]),
        ("loo r --folds 1", &["1 is not in 2.."]),
        ("loo r --folds 181", &["--folds 181", "180 rows"]),
        ("loo hyper", &["--keep hyper"]),
    ];
    std::fs::create_dir(folder.path("empty")).unwrap();
    let sensitivity: [(&str, &[&str]); 10] = [
        ("sensitivity", &["DIR"]),
        ("sensitivity nowhere", &["nowhere"]),
        ("sensitivity empty", &["empty"]),
        ("sensitivity fewer.csv", &["fewer.csv"]),
        ("sensitivity r fewer", &["unexpected argument 'fewer'"]),
        ("sensitivity r --prior", &["unexpected argument '--prior'"]),
        ("sensitivity r --all=yes", &["unexpected value 'yes'"]),
        ("sensitivity r/summary.json", &["summary.json"]),
        ("sensitivity r/draws.zarr/posterior", &["posterior"]),
        ("sensitivity hyper", &["--keep hyper"]),
    ];
    let exact: [(&str, &[&str]); 1] =
        [("loo errors --exact", &["integrates out effects, where rows have", "leave --exact"])];
    for (line, words) in refused.into_iter().chain(sensitivity).chain(exact) {
        let before = folder.contents();
        let ran: Ran = folder.run(line);
        assert_eq!((ran.code, &ran.stdout[..]), (2, ""), "{line}: {ran:?}");
        words.iter().for_each(|word| assert!(ran.stderr.contains(word), "{line}: no `{word}` in {}", ran.stderr));
        assert!(folder.contents() == before, "{line} has written something");
    }
    // What needs no effects is done without them; what cannot be refitted is warned of.
    assert_eq!(folder.run("loo hyper --by Subject --quiet").code, 0);
    let ran = folder.run("loo errors --quiet");
    assert!(ran.code == 3 && ran.stderr.contains("is not reliable"), "{ran:?}");
}

#[test]
fn a_posterior_that_leans_on_its_prior_is_named() {
    let folder = Folder::new();
    sampled(&folder, "wide", "Reaction~Days+(1+Days|Subject)", "");
    let ran = folder.run("sensitivity wide");
    assert!(ran.code == 0 && ran.stdout.contains("No posterior leans on its prior."), "{ran:?}");
    // Where the prior and the data disagree; and where the data say nothing.
    sampled(&folder, "narrow", "Reaction~Days+(1+Days|Subject)", "--prior b_Days~normal(0,2)");
    let ran = folder.run("sensitivity narrow");
    let line = |name: &str| ran.stdout.lines().find(|line| line.starts_with(&format!(" {name} "))).unwrap();
    assert!(line("b_Days").contains("potential strong prior / weak likelihood"), "{ran:?}");
    assert!(ran.stdout.contains("b_Days leans on the prior more than on the data"), "{ran:?}");
    assert!(
        line("sd_Subject__Days").contains("potential prior-data conflict"),
        "it is wide because the prior is wrong"
    );
    assert!(!line("sigma").contains("potential"), "{ran:?}");
    let written: Value =
        serde_json::from_slice(&std::fs::read(folder.path("narrow/sensitivity.json")).unwrap()).unwrap();
    assert_eq!(written["parameters"].as_array().unwrap().len(), 6);
    let ran = folder.run("sensitivity narrow --all");
    assert!(ran.stdout.contains("r_Subject[308,Days]"), "{ran:?}");
    let few = "y,g\n1,a\n2,a\n2.5,b\n3.5,b\n";
    std::fs::write(folder.path("few.csv"), few).unwrap();
    let line = "sample --data few.csv --formula y~1+(1|g) --chains 4 --draws 500 --no-report --quiet --out few";
    assert!([0, 3].contains(&folder.run(line).code));
    let ran = folder.run("sensitivity few");
    assert!(ran.stdout.contains("leans on the prior"), "{ran:?}");
}
