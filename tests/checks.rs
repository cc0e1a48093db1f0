//! Predictive checks: by hand, calibrated on data of sound models, and with faults that each raise their own warning.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};
use warpnuts::checks::{self, CheckedStatistic, DRAWS, ROWS, ResidualChecks, Residuals, by_level};
use warpnuts::data::{Dataset, Frame};
use warpnuts::diagnostics;
use warpnuts::engine::Progress;
use warpnuts::experiment::{Keep, Sampled, Sampler, Settings, sample};
use warpnuts::family::Family;
use warpnuts::formula::Formula;
use warpnuts::model::{Mixed, Model};
use warpnuts::predict::DrawnVariables;
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::Advice;

use crate::helpers::browser::{Look, open};
use crate::helpers::chance::kolmogorov_smirnov;
use crate::helpers::common::{Folder, Ran};
use crate::helpers::{formulas, pages};

/// What makes the noise of a row: its group, its expectation, a normal and a uniform deviate.
type NoiseOfRow = fn(usize, f64, f64, f64) -> f64;

/// A model's own noise.
const SOUND: NoiseOfRow = |_, _, z, _| z;

/// Student's t with two degrees of freedom.
const HEAVY: NoiseOfRow = |_, _, z, u| z / (-u.ln()).sqrt();

/// Exponential.
const SKEWED: NoiseOfRow = |_, _, _, u| -u.ln() - 1.0;

/// Ten times as much in one group.
const ONE_GROUP: NoiseOfRow = |group, _, z, _| if group == 3 { 10.0 * z } else { z };

/// Proportional to the square of the expectation.
const GROWING: NoiseOfRow = |_, expected, z, _| 0.003 * expected * expected * z;

/// Labels, predictor and outcome of simulated rows: groups of so many rows.
struct Simulated {
    labels: Vec<String>,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Simulated {
    fn new(seed: u64, [groups, rows]: [usize; 2], noise: NoiseOfRow) -> Simulated {
        let key = |chain: u32| StreamKey { seed, chain, transition: 0 };
        let normals = |chain: u32, count: usize| {
            let mut all = vec![0.0; count];
            key(chain).normals(Purpose::Stream, &mut all);
            all
        };
        let count = groups * rows;
        let (means, slopes) = (normals(0, groups), normals(1, groups));
        let (x, z) = (normals(2, count), normals(3, count));
        let y = (0..count).map(|row| {
            let group = row / rows;
            let expected = 24.0 + 4.0 * means[group] + (4.0 + 0.5 * slopes[group]) * x[row];
            expected + noise(group, expected, z[row], key(4).uniform(Purpose::Stream, row as u32))
        });
        Simulated { labels: (0..count).map(|row| format!("g{}", row / rows)).collect(), y: y.collect(), x }
    }

    fn dataset(&self) -> Dataset {
        let x = vec![self.x.clone()];
        Dataset::from_columns("simulated", "g", "y", &["x"], &self.labels, self.y.clone(), x).unwrap()
    }

    fn csv(&self) -> String {
        let rows = self.labels.iter().zip(self.x.iter().zip(&self.y));
        "g,x,y\n".to_string() + &rows.map(|(g, (x, y))| format!("{g},{x},{y}\n")).collect::<String>()
    }
}

fn settings(seed: u64) -> Settings {
    Settings { sampler: Sampler::Independent, chains: 1, draws: 500, seed, ..Settings::default() }
}

/// Independent draws of the shorthand, or chains where they cannot be had.
fn sampled(dataset: Dataset, seed: u64) -> Sampled {
    let model = Arc::new(Model::builder(Arc::new(dataset)).build().collapsed());
    let independent = sample(model.clone(), settings(seed), Arc::new(Progress::default()));
    independent.unwrap_or_else(|_| chains(model, seed))
}

/// Four chains of a model whose effects are integrated out.
fn chains(model: Arc<Model>, seed: u64) -> Sampled {
    let settings = Settings { chains: 4, warmup: 300, draws: 400, seed, ..Settings::default() };
    sample(model, settings, Arc::new(Progress::default())).unwrap()
}

fn said(sampled: &Sampled) -> Vec<Advice> {
    checks::sentences(&sampled.model, &checked(sampled))
}

fn kinds(sampled: &Sampled) -> Vec<&'static str> {
    said(sampled).iter().map(|advice| advice.kind).collect()
}

fn checked(sampled: &Sampled) -> ResidualChecks {
    ResidualChecks::of(&Residuals::new(&DrawnVariables::of(sampled, DRAWS).unwrap()))
}

/// Transforms of the rows of a run, in some of its draws.
fn transforms(sampled: &Sampled, draws: usize) -> Vec<f64> {
    checks::transforms(&Residuals::new(&DrawnVariables::of(sampled, draws).unwrap()))
}

/// The largest distance of the distribution of `values` from the uniform, times sqrt(n).
fn distance(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let of = |(i, u): (usize, &f64)| (u - i as f64 / n).max((i + 1) as f64 / n - u);
    sorted.iter().enumerate().map(of).fold(0.0, f64::max) * n.sqrt()
}

#[test]
fn transforms_are_uniform_where_the_model_is_sound_and_not_otherwise() {
    let sound = sampled(Simulated::new(1, [20, 100], SOUND).dataset(), 2);
    let found = distance(&transforms(&sound, 300));
    assert!(found < kolmogorov_smirnov(1), "{found}");
    let heavy = sampled(Simulated::new(1, [20, 100], HEAVY).dataset(), 2);
    let found = distance(&transforms(&heavy, 300));
    assert!(found > kolmogorov_smirnov(1), "{found}");
}

/// Groups of four rows, each of which pulls its group towards itself: what a model says of a row that it has seen is
/// not what it would say otherwise.
#[test]
fn a_row_has_the_transform_of_a_model_that_has_not_seen_it() {
    let simulated = Simulated::new(5, [30, 4], SOUND);
    let draws = |dataset: Dataset| {
        let model = Arc::new(Model::builder(Arc::new(dataset)).build().collapsed());
        sample(model, Settings { draws: 8000, ..settings(3) }, Arc::new(Progress::default())).unwrap()
    };
    // The probability of a smaller outcome of a row, in each draw of a run.
    let smaller = |run: &Sampled, row: usize| -> Vec<f64> {
        let of = |name: &str| run.draws.variable(run.names.iter().position(|other| other == name).unwrap());
        let label = &simulated.labels[row];
        let [a, b, eps] = [format!("a[{label}]"), format!("b[{label}]"), "eps".to_string()].map(|name| of(&name));
        let x = simulated.x[row] - run.model.dataset().predictor_means()[0];
        let z = |draw: usize| (simulated.y[row] - a[draw] - b[draw] * x) / eps[draw];
        (0..eps.len()).map(|draw| Normal::standard().cdf(z(draw))).collect()
    };
    let whole = draws(simulated.dataset());
    let found = transforms(&whole, 8000);
    let mut moved = 0;
    for row in (0..120).step_by(15) {
        let mut rest = Simulated { labels: simulated.labels.clone(), x: simulated.x.clone(), y: simulated.y.clone() };
        rest.labels.remove(row);
        rest.x.remove(row);
        rest.y.remove(row);
        let without = smaller(&draws(rest.dataset()), row);
        let expected = diagnostics::mean(&without);
        // Independent draws on one side, and weighted ones on the other.
        let error = 2.0 * diagnostics::sd(&without) / (8000.0f64).sqrt();
        assert!((found[row] - expected).abs() < 4.0 * error, "row {row}: {} and {expected} +- {error}", found[row]);
        let seen = diagnostics::mean(&smaller(&whole, row));
        moved += usize::from((seen - expected).abs() > 8.0 * error);
    }
    assert!(moved >= 4, "{moved} of 8 rows");
}

#[test]
fn a_row_of_two_has_the_transform_of_hand() {
    // Two groups of two rows: with one draw, Phi((y - a) / eps) of that draw.
    let data =
        Dataset::from_columns("four", "g", "y", &[""; 0], &["a", "a", "b", "b"], vec![1.0, 2.0, 4.0, 6.5], vec![]);
    let run = sampled(data.unwrap(), 3);
    let one = DrawnVariables::of(&run, 1).unwrap();
    let of = |name: &str| one.of_variable(run.names.iter().position(|other| other == name).unwrap())[0];
    let normal = Normal::standard();
    let expected = [("a[a]", 1.0), ("a[a]", 2.0), ("a[b]", 4.0), ("a[b]", 6.5)]
        .map(|(effect, y)| normal.cdf((y - of(effect)) / of("eps")));
    let found = checks::transforms(&Residuals::new(&one));
    assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{found:?}");
}

#[test]
fn each_fault_is_found_by_its_own_check() {
    let cases =
        [(HEAVY, "heavy-tails"), (SKEWED, "skewed-noise"), (ONE_GROUP, "noise-by-level"), (GROWING, "noise-grows")];
    let found: Vec<(&str, Vec<Advice>)> = (0..40u64)
        .into_par_iter()
        .map(|i| {
            let (noise, kind) = cases[i as usize % 4];
            (kind, said(&sampled(Simulated::new(100 + i, [12, 25], noise).dataset(), i)))
        })
        .collect();
    let mut caught: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (kind, said) in &found {
        let [own, other] = caught.entry(kind).or_default();
        *own += said.iter().filter(|advice| advice.kind == *kind).count();
        *other += said.iter().filter(|advice| advice.kind != *kind).count();
        if *kind == "noise-by-level" {
            let [Advice { problem, remedy, proposals, distrust, .. }] = &said[..] else { panic!("{said:?}") };
            assert!(problem.contains("between the levels of `g`") && problem.contains("times that of all rows in g3"));
            assert!(remedy.contains("holds without g3") && proposals.is_empty() && !distrust, "{remedy}");
        }
    }
    for (kind, [own, other]) in caught {
        assert!(own == 10 && other == 0, "{kind}: {own} of 10, and {other} others");
    }
}

#[test]
fn the_statistics_of_each_fault_are_its_own() {
    let of = |noise| checked(&sampled(Simulated::new(7, [12, 25], noise).dataset(), 7));
    // Whether the data have more than the model makes: skewness, its middle, kurtosis, trend, levels, and levels beside
    // the trend.
    let above = |checks: &ResidualChecks| {
        let ResidualChecks { skewness, middle, kurtosis, trend, factors, .. } = checks;
        [skewness, middle, kurtosis, trend, &factors[0].noise, &factors[0].beside_trend].map(CheckedStatistic::is_above)
    };
    let sound = of(SOUND);
    assert_eq!(above(&sound), [false; 6]);
    assert!(sound.statistics().iter().all(|statistic| !statistic.is_below()), "{sound:?}");
    assert!((sound.sd.observed - 1.0).abs() < 0.05 && (0.9..1.1).contains(&sound.noise), "{}", sound.noise);
    let [heavy, skewed, one, growing] = [HEAVY, SKEWED, ONE_GROUP, GROWING].map(of);
    assert_eq!(above(&heavy)[2..], [true, false, false, false]);
    assert_eq!((above(&skewed)[..2].to_vec(), &above(&skewed)[3..]), (vec![true; 2], &[false; 3][..]));
    assert_eq!((above(&one)[1], above(&one)[4], above(&one)[5]), (false, true, true));
    assert_eq!(one.factors[0].extremes[1].level, "g3");
    assert_eq!((above(&growing)[1], above(&growing)[3], above(&growing)[5]), (false, true, false));
    let [low, high] = growing.noise_of_thirds;
    let [low_of_sound, high_of_sound] = sound.noise_of_thirds;
    assert!(high > 1.5 * low && (0.75..1.33).contains(&(high_of_sound / low_of_sound)), "{growing:?}");
}

/// Of 2,100 data sets like these none had anything said of it (docs/trust.md); these are 200.
#[test]
fn sound_models_are_left_alone() {
    let shapes = [[12, 25], [30, 4], [5, 60], [40, 10], [25, 2]];
    let alarms: Vec<(u64, Vec<&str>)> = (0..200u64)
        .into_par_iter()
        .map(|i| (i, kinds(&sampled(Simulated::new(1000 + i, shapes[i as usize % 5], SOUND).dataset(), i))))
        .filter(|(_, kinds)| !kinds.is_empty())
        .collect();
    assert!(alarms.is_empty(), "{alarms:?}");
}

/// p-values of sound models are uniform or nearer to 1/2 (Meng 1994): of 60, at most 6 are beyond 5 % at either end.
#[test]
fn p_values_of_sound_models_are_not_in_the_tails() {
    let all: Vec<ResidualChecks> = (0..60u64)
        .into_par_iter()
        .map(|i| checked(&sampled(Simulated::new(3000 + i, [10, 12], SOUND).dataset(), i)))
        .collect();
    for k in 0..all[0].statistics().len() {
        let p: Vec<f64> = all.iter().map(|checks| checks.statistics()[k].p).collect();
        let name = &all[0].statistics()[k].name;
        let beyond = p.iter().filter(|p| !(0.05..=0.95).contains(*p)).count();
        let mean = diagnostics::mean(&p);
        assert!(beyond <= 6 && (0.3..0.7).contains(&mean), "{name}: {beyond} of 60, mean {mean}");
    }
}

#[test]
fn weights_and_known_errors_are_part_of_the_noise() {
    // Noise of different size in each row, which weights and errors say; without them it is a fault.
    let count = 400;
    let mut normals = vec![0.0; 2 * count];
    StreamKey { seed: 21, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let labels: Vec<String> = (0..count).map(|row| format!("g{}", row % 10)).collect();
    let sds: Vec<f64> = (0..count).map(|row| if row % 10 < 5 { 0.3 } else { 3.0 }).collect();
    let y: Vec<f64> = (0..count).map(|row| normals[row % 10] + sds[row] * normals[count + row]).collect();
    let formula = Formula::parse("y ~ 1 + (1 | g)").unwrap();
    let run = |weights: bool, errors: bool| {
        let numbers = vec![("y", y.clone())];
        let frame =
            Frame::from_columns("rows", numbers, vec![("g", labels.iter().map(String::as_str).collect())]).unwrap();
        let (design, learnt) = formula.learn(&frame, &[], false).unwrap();
        let mut rows = frame.rows();
        rows.weights = weights.then(|| sds.iter().map(|sd| sd.powi(-2)).collect());
        rows.errors = errors.then(|| sds.clone());
        let (dataset, mixed) = Mixed::of_design(&formula, Family::Gaussian, design, rows).unwrap();
        let mixed = Mixed { learnt: Some(learnt), ..mixed }.with_priors(&dataset, &[]).unwrap();
        // Known errors beside sigma cannot be integrated out.
        let parameterization = if errors { "non-centered" } else { "marginal" };
        chains(Arc::new(formulas::model(&(Arc::new(dataset), Arc::new(mixed)), parameterization)), 5)
    };
    assert_eq!(kinds(&run(false, false)), ["noise-by-level"]);
    for run in [run(true, false), run(false, true)] {
        assert_eq!(kinds(&run), [""; 0]);
        let found = distance(&transforms(&run, 300));
        assert!(found < kolmogorov_smirnov(1), "{found}");
    }
}

#[test]
fn levels_furthest_from_their_replicates_come_first() {
    let run = sampled(Simulated::new(7, [12, 25], ONE_GROUP).dataset(), 7);
    let levels = by_level(&Residuals::new(&DrawnVariables::of(&run, DRAWS).unwrap()), 0, 5);
    assert_eq!((levels.len(), &levels[0].level[..], levels[0].rows), (5, "g3", 25));
    let names: Vec<&str> = levels[0].statistics.iter().map(|statistic| &statistic.name[..]).collect();
    assert_eq!(names, ["mean", "sd", "smallest", "largest"]);
    let data = run.model.dataset();
    let j = data.groups().iter().position(|group| group == "g3").unwrap();
    let own = &data.outcome()[data.group_range(j)];
    let [mean, sd, least, most] = &levels[0].statistics[..] else { panic!("four statistics") };
    assert!((mean.observed - diagnostics::mean(own)).abs() < 1e-12);
    assert!((sd.observed - diagnostics::sd(own)).abs() < 1e-12 && sd.p == 0.0 && sd.observed > sd.replicated[2]);
    assert_eq!(least.observed, own.iter().copied().fold(f64::INFINITY, f64::min));
    assert_eq!(most.observed, own.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    assert!(levels.windows(2).all(|pair| pair[0].distance() >= pair[1].distance()));
    // Replicates have the noise of the model beside the level's line, and the mean of 25 rows that noise and its own.
    let of = |name: &str| run.draws.variable(run.names.iter().position(|other| other == name).unwrap());
    let (eps, slope) = (diagnostics::mean(&of("eps")), diagnostics::mean(&of("b[g3]")));
    let expected = eps.hypot(slope * diagnostics::sd(&data.predictor(0)[data.group_range(j)]));
    assert!((0.93..1.07).contains(&(sd.replicated[1] / expected)), "{sd:?}, {expected}");
    let width = mean.replicated[2] - mean.replicated[0];
    assert!((1.2..1.6).contains(&(width / (3.29 * eps / 5.0))), "{width}, {eps}");
}

#[test]
fn neither_threads_nor_other_rows_change_a_replicate() {
    let run = sampled(Simulated::new(9, [40, 30], SKEWED).dataset(), 9);
    let variables = DrawnVariables::of(&run, DRAWS).unwrap();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let residuals = Residuals::new(&variables);
        let all = || {
            (
                format!("{:?}", ResidualChecks::of(&residuals)),
                by_level(&residuals, 0, 9),
                checks::transforms(&residuals),
            )
        };
        pool.install(all)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn bounds_and_rounding_are_said_instead_of_their_consequences() {
    let mut cut = Simulated::new(11, [12, 25], SOUND);
    cut.y.iter_mut().for_each(|y| *y = y.max(24.0));
    let found = said(&sampled(cut.dataset(), 11));
    let [Advice { kind: "bounded-outcome", problem, .. }] = &found[..] else { panic!("{found:?}") };
    let rows = cut.y.iter().filter(|y| **y == 24.0).count();
    assert!(problem.contains(&format!("is 24.0 in {rows} rows, its smallest value")), "{problem}");
    let mut rounded = Simulated::new(11, [12, 25], SOUND);
    rounded.y.iter_mut().for_each(|y| *y = 2.5 * (*y / 2.5).round() + 0.5);
    let found = said(&sampled(rounded.dataset(), 11));
    let [Advice { kind: "rounded-outcome", problem, .. }] = &found[..] else { panic!("{found:?}") };
    assert!(problem.contains("which are 2.50 or a multiple of it apart"), "{problem}");
    // To a digit that is finer than the noise, nothing is said.
    let mut fine = Simulated::new(11, [12, 25], SOUND);
    fine.y.iter_mut().for_each(|y| *y = (2.0 * *y).round() / 2.0);
    assert_eq!(kinds(&sampled(fine.dataset(), 11)), [""; 0]);
}

/// Radon in a home is measured by a count of few decays, which makes low values uncertain: their logarithms have a long
/// lower tail, with homes 4 sds below their county, where the furthest of 919 normal deviates are at 3.3. Sleepstudy's
/// subjects 308 and 332 have days that are 100 ms away from their lines.
#[test]
fn radon_and_sleepstudy_have_heavy_tails() {
    let radon = sampled(Dataset::radon().unwrap(), 1);
    let found = said(&radon);
    let [Advice { kind: "heavy-tails", problem, .. }] = &found[..] else { panic!("{found:?}") };
    assert!(
        problem.contains("the excess kurtosis of residuals is 1.1, and below 0.3 in 95 % of replicates"),
        "{problem}"
    );
    assert!(problem.contains("row 107") && problem.contains("row 145"), "{problem}");
    let of = formulas::read("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", &[]);
    let sleep = chains(Arc::new(formulas::model(&of, "marginal")), 1);
    let found = said(&sleep);
    let [Advice { kind: "heavy-tails", problem, .. }] = &found[..] else { panic!("{found:?}") };
    // Subject 332 on day 6, whose reaction is the largest of all.
    assert!(problem.contains("furthest away are row 57 (5.") && problem.contains("row 60"), "{problem}");
    let checks = checked(&sleep);
    let row = (0..180).max_by(|a, b| checks.residuals[*a].abs().total_cmp(&checks.residuals[*b].abs())).unwrap();
    let subject = of.0.level_of_rows(0)[row] as usize;
    assert_eq!((&of.0.levels(0)[subject][..], of.0.row_of(row) + 1), ("332", 57));
    // The subjects differ in their noise by less than that explains.
    assert!(checks.skewness.p > 0.01 && checks.trend.p > 0.01, "{checks:?}");
}

/// Groups of 20 whose outcome is a function of a normal one.
fn outcome_of(function: fn(f64) -> f64) -> Simulated {
    let mut simulated = Simulated::new(31, [15, 20], |_, _, z, _| 2.0 * z);
    simulated.y.iter_mut().for_each(|y| *y = function(*y));
    simulated
}

/// What `sample` prints, and the warnings of its summary.
fn warnings(folder: &Folder, out: &str, line: &str, formula: &[&str]) -> (String, Vec<serde_json::Value>) {
    let mut command = folder.command(&format!("sample --data y.csv --no-report --seed 4 --out {out} {line}"));
    let ran = Ran::of(command.args(formula));
    assert_eq!(ran.code, 0, "{ran:?}");
    let summary = std::fs::read(folder.path(out).join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    (ran.stdout, summary["warnings"].as_array().unwrap().clone())
}

#[test]
fn a_proposed_function_of_the_outcome_helps_and_no_exit_code_changes() {
    let functions: [fn(f64) -> f64; 2] = [|y| (0.2 * y).exp(), |y| (y - 10.0).powi(2)];
    for (function, name) in functions.into_iter().zip(["log", "sqrt"]) {
        let folder = Folder::with("y.csv", outcome_of(function).csv());
        let formula = ["--formula", "y ~ 1 + x + (1 | g)"];
        let (stdout, found) = warnings(&folder, "a", "", &formula);
        let [warning] = &found[..] else { panic!("{name}: {found:?}") };
        assert_eq!((&warning["kind"], &warning["distrust"]), (&"noise-grows".into(), &false.into()));
        let [problem, remedy] = ["problem", "remedy"].map(|key| warning[key].as_str().unwrap());
        let said = format!("warning: {problem}.\n  What to do: {remedy}.");
        assert!(stdout.contains(&said), "{stdout}");
        let (option, better) = warning["proposals"][0].as_str().unwrap().split_once(' ').unwrap();
        assert_eq!((option, better), ("--formula", &*format!("{name}(y) ~ 1 + x + (1 | g)")));
        assert_eq!(warnings(&folder, "b", "", &[option, better]).1, [""; 0], "{name}");
        // The shorthand has the same remedy, in words, for its three options.
        let (_, found) = warnings(&folder, "c", "--group g --outcome y --predictor x", &[]);
        let remedy = found.iter().find(|warning| warning["kind"] == "noise-grows").unwrap()["remedy"].as_str().unwrap();
        let better = format!("{name}(y) ~ 1 + x + (1 + x || g)");
        let place = format!("use --formula '{better}' in place of --outcome, --group and --predictor");
        assert!(remedy.starts_with(&place), "{remedy}");
        assert_eq!(warnings(&folder, "d", "", &["--formula", &better]).1, [""; 0], "{name}");
        // `summary` says it again, and nothing is said without effects.
        let again = folder.run("summary a");
        assert!(again.code == 0 && again.stdout.contains(&said), "{again:?}");
        assert_eq!(warnings(&folder, "e", "--keep hyper", &formula).1, [""; 0]);
    }
}

#[test]
fn a_proposed_formula_writes_names_as_formulas_do_and_no_function_of_a_function() {
    let outcome = outcome_of(|y| (0.2 * y).exp());
    let folder = Folder::with("y.csv", outcome.csv().replacen("g,x,y", "g,x,my y", 1));
    let remedy = |found: &[serde_json::Value]| {
        let grows = found.iter().find(|warning| warning["kind"] == "noise-grows");
        grows.unwrap_or_else(|| panic!("{found:?}"))["remedy"].as_str().unwrap().to_string()
    };
    let (_, found) = warnings(&folder, "a", "--group g --predictor x", &["--outcome", "my y"]);
    let better = "log(`my y`) ~ 1 + x + (1 + x || g)";
    assert!(remedy(&found).starts_with(&format!("use --formula '{better}' in place of")), "{}", remedy(&found));
    assert_eq!(warnings(&folder, "b", "", &["--formula", better]).1, [""; 0]);
    let (_, found) = warnings(&folder, "c", "", &["--formula", "exp(log(`my y`)) ~ 1 + x + (1 | g)"]);
    assert!(remedy(&found).starts_with("read means and slopes"), "{}", remedy(&found));
}

#[test]
fn no_check_where_it_cannot_be_made() {
    let simulated = Simulated::new(7, [12, 25], HEAVY);
    let run = |change: fn(&mut Settings)| {
        let model = Arc::new(Model::builder(Arc::new(simulated.dataset())).build().collapsed());
        let mut settings = settings(7);
        change(&mut settings);
        sample(model, settings, Arc::new(Progress::default())).unwrap()
    };
    let said = |run: &Sampled| -> Vec<&str> {
        checks::summarize(run).warnings.iter().map(|advice| advice.kind).filter(|kind| *kind == "heavy-tails").collect()
    };
    let whole = run(|settings| settings.draws = 600);
    assert!(checks::can_check(&whole) && said(&whole) == ["heavy-tails"]);
    let no_effects = run(|settings| (settings.keep, settings.draws) = (Keep::Hyper, 600));
    assert!(!checks::can_check(&no_effects) && said(&no_effects).is_empty());
    let few = run(|settings| settings.draws = 150);
    assert!(!checks::can_check(&few) && said(&few).is_empty() && kinds(&few).is_empty());
}

#[test]
fn of_many_rows_some_are_looked_at_and_a_fault_is_found() {
    let run = sampled(Simulated::new(7, [50, 600], HEAVY).dataset(), 7);
    let found = checked(&run);
    assert_eq!((found.rows.len(), found.fitted.len()), (ROWS, ROWS));
    assert!(found.rows.is_sorted() && found.rows[0] < 3 && found.rows[ROWS - 1] >= 29_997);
    assert_eq!(kinds(&run), ["heavy-tails"]);
    assert_eq!(kinds(&sampled(Simulated::new(7, [50, 600], SOUND).dataset(), 7)), [""; 0]);
}

#[test]
fn the_page_has_the_numbers_of_the_checks() {
    let folder = Folder::new();
    let page = pages::run(&folder, "sample --seed 7");
    let found = open(&page, &Look::default());
    let run = Sampled::open(&folder.path("out")).unwrap();
    let csv = |id: &str| -> Vec<Vec<String>> {
        let text = pages::figure(&found, id)["csv"].as_str().unwrap().to_string();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.records().map(|record| record.unwrap().iter().map(str::to_string).collect()).collect()
    };
    let bars: Vec<usize> = csv("check-transforms").iter().map(|row| row[2].parse().unwrap()).collect();
    let mut expected = vec![0; bars.len()];
    transforms(&run, DRAWS).iter().for_each(|u| expected[(u * bars.len() as f64) as usize] += 1);
    assert_eq!(bars, expected);
    let checks = checked(&run);
    let rows = csv("check-statistics");
    assert_eq!(rows.len(), checks.statistics().len());
    for (row, statistic) in rows.iter().zip(checks.statistics()) {
        assert_eq!(row[0], statistic.name);
        let numbers: Vec<f64> = row[1..].iter().map(|number| number.parse().unwrap()).collect();
        let [low, middle, high] = statistic.replicated;
        for (number, expected) in numbers.iter().zip([statistic.observed, low, middle, high, statistic.p]) {
            assert!((number - expected).abs() < 1e-9, "{row:?}");
        }
    }
    // Each of 40 counties four times, or once if it has one home.
    let levels = csv("check-levels");
    let mut counties: Vec<&str> = levels.iter().map(|row| &row[1][..]).collect();
    counties.dedup();
    assert!(counties.len() == 40 && levels.len() > 120, "{} rows", levels.len());
    let residuals = csv("check-residuals");
    let of_floor: Vec<f64> =
        residuals.iter().filter(|row| row[0] == "floor").map(|row| row[2].parse().unwrap()).collect();
    assert_eq!(of_floor.len(), 919);
    assert!((diagnostics::sd(&of_floor) - 0.70).abs() < 0.02, "{}", diagnostics::sd(&of_floor));
    let said = found["data"]["summary"]["warnings"].to_string();
    assert!(said.contains("heavier tails"), "{said}");
}
