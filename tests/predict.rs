//! Predictions: against closed forms and quadrature, for levels that were there and others; formulas at other rows; and
//! the command with its files and refusals.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, LazyLock};

use statrs::distribution::{ContinuousCDF, Normal};
use warpnuts::data::{Columns, Dataset, FileBlock, Frame, ReadOptions};
use warpnuts::engine::Progress;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Sampled, Sampler, Settings, sample};
use warpnuts::formula::{Formula, ModelColumn};
use warpnuts::model::Model;
use warpnuts::predict::{
    Answer, Answerer, DrawnVariables, Evaluator, NewLevels, RowAnswers, RowLevel, RowReader, Rows, Scratch,
};

use crate::helpers::chance::{self, largest};
use crate::helpers::common::{Folder, Ran, root};
use crate::helpers::formulas;
use crate::helpers::python::python;

/// The probabilities of quantiles in these tests.
const PROBABILITIES: [f64; 5] = [0.005, 0.05, 0.5, 0.95, 0.995];

/// Independent draws of a model that is integrated out.
fn independent(dataset: Dataset) -> Sampled {
    let model = Arc::new(Model::builder(Arc::new(dataset)).build().collapsed());
    let settings = Settings { sampler: Sampler::Independent, seed: 11, ..Settings::default() };
    sample(model, settings, Arc::new(Progress::default())).unwrap()
}

static RADON: LazyLock<Sampled> = LazyLock::new(|| independent(Dataset::radon().unwrap()));

fn block(numbers: Vec<(&str, Vec<f64>)>, labels: Vec<(&str, Vec<&str>)>) -> FileBlock<'static> {
    Frame::from_columns("rows", numbers, labels).unwrap().into_block()
}

/// The answers for all rows.
fn answers(variables: &DrawnVariables, rows: &Rows) -> Vec<RowAnswers> {
    let evaluator = Evaluator::new(variables);
    let mut answerer = Answerer::new(&evaluator, &PROBABILITIES);
    (0..rows.count).map(|row| answerer.answer(rows, row)).collect()
}

#[test]
fn levels_that_were_there_and_new_ones_have_the_exact_moments() {
    let variables = DrawnVariables::of(&RADON, usize::MAX).unwrap();
    let exact = Exact::of(&RADON.model).unwrap();
    let at = |name: &str| {
        let i = exact.names().iter().position(|other| other == name).unwrap();
        (exact.mean(i), exact.sd(i))
    };
    let square = |(mean, sd): (f64, f64)| mean * mean + sd * sd;
    let reader = RowReader::new(&RADON.model, NewLevels::Population).unwrap();
    let labels = vec![("county", vec!["LAC QUI PARLE", "ANOKA", "NEWTOWN"])];
    let rows = reader.rows(&block(vec![("floor", vec![0.0; 3])], labels)).unwrap();
    let found = answers(&variables, &rows);
    let of_new = (square(at("sigma_a")) + at("mu_a").1.powi(2)).sqrt();
    let expected = [at("a[LAC QUI PARLE]"), at("a[ANOKA]"), (at("mu_a").0, of_new)];
    let count = variables.count() as f64;
    let limit = largest(9);
    for (RowAnswers { expectation, outcome }, (mean, sd)) in found.iter().zip(expected) {
        assert!((expectation.mean - mean).abs() < limit * sd / count.sqrt(), "{expectation:?} for {mean}");
        // The sd of a distribution near the normal has an error of sd / sqrt(2 n); heavier tails of a new level, twice.
        assert!((expectation.sd / sd - 1.0).abs() < limit * 2.0 / (2.0 * count).sqrt(), "{expectation:?} for {sd}");
        let of_outcome = (sd * sd + square(at("eps"))).sqrt();
        assert!((outcome.sd / of_outcome - 1.0).abs() < limit / (2.0 * count).sqrt(), "{outcome:?} for {of_outcome}");
        assert_eq!(outcome.mean, expectation.mean);
    }
    // At another value of the predictor, by the draws themselves.
    let rows = reader.rows(&block(vec![("floor", vec![0.7])], vec![("county", vec!["ANOKA"])])).unwrap();
    let i = |name: &str| RADON.names.iter().position(|other| other == name).unwrap();
    let (a, b) = (RADON.draws.variable(i("a[ANOKA]")), RADON.draws.variable(i("b[ANOKA]")));
    let etas: Vec<f64> = a.iter().zip(b.iter()).map(|(a, b)| a + 0.7 * b).collect();
    let found = &answers(&variables, &rows)[0].expectation;
    assert!((found.mean - warpnuts::diagnostics::mean(&etas)).abs() < 1e-12);
    assert!((found.sd - warpnuts::diagnostics::sd(&etas)).abs() < 1e-12);
}

/// The distribution functions of the expectation and of an outcome of a new level, by quadrature over both scales; the
/// mean is normal given them. For a model of intercepts, with the notebook's priors.
struct NewLevel {
    /// Mass, mean and variance of the expectation, and of the noise, at each pair of scales.
    parts: Vec<[f64; 4]>,
}

impl NewLevel {
    fn of(dataset: &Dataset) -> NewLevel {
        let priors = warpnuts::model::Priors::default();
        let y = dataset.outcome();
        let groups: Vec<(f64, f64)> = (0..dataset.n_groups())
            .map(|j| {
                let own = &y[dataset.group_range(j)];
                (own.len() as f64, own.iter().sum::<f64>() / own.len() as f64)
            })
            .collect();
        let within: f64 = (0..dataset.n_groups())
            .map(|j| y[dataset.group_range(j)].iter().map(|y| (y - groups[j].1).powi(2)).sum::<f64>())
            .sum();
        let free = (y.len() - groups.len()) as f64;
        let scale = (within / free).sqrt();
        let half_cauchy = |x: f64, c: f64| -(x / c).powi(2).ln_1p();
        let mut parts = Vec::new();
        for i in 0..600 {
            for j in 0..300 {
                // The logarithms of both scales are on a grid, and the density has their Jacobians.
                let sigma = scale * (-12.0 + 20.0 * f64::from(i) / 600.0).exp();
                let eps = scale * (-1.5 + 3.0 * f64::from(j) / 300.0).exp();
                let mut log = half_cauchy(sigma, priors.sigma_scale) + half_cauchy(eps, priors.eps_scale);
                log += sigma.ln() + eps.ln() - free * eps.ln() - 0.5 * within / (eps * eps);
                let (mut precision, mut first) = (priors.mu_sd.powi(-2), 0.0);
                for (size, mean) in &groups {
                    let variance = sigma * sigma + eps * eps / size;
                    log -= 0.5 * (variance.ln() + mean * mean / variance);
                    precision += 1.0 / variance;
                    first += mean / variance;
                }
                log += 0.5 * (first * first / precision - precision.ln());
                parts.push([log, first / precision, 1.0 / precision + sigma * sigma, eps * eps]);
            }
        }
        let most = parts.iter().map(|part| part[0]).fold(f64::NEG_INFINITY, f64::max);
        parts.iter_mut().for_each(|part| part[0] = (part[0] - most).exp());
        let mass: f64 = parts.iter().map(|part| part[0]).sum();
        parts.iter_mut().for_each(|part| part[0] /= mass);
        parts.retain(|part| part[0] > 1e-12);
        NewLevel { parts }
    }

    /// P(expectation < x), and P(outcome < x) with `noise`.
    fn cdf(&self, x: f64, noise: bool) -> f64 {
        let of = |[mass, mean, variance, noise_variance]: &[f64; 4]| {
            let variance = variance + if noise { *noise_variance } else { 0.0 };
            mass * Normal::standard().cdf((x - mean) / variance.sqrt())
        };
        self.parts.iter().map(of).sum()
    }
}

#[test]
fn quantiles_of_a_new_level_are_those_of_the_quadrature() {
    let columns = Columns { group: "Batch".into(), outcome: "Yield".into(), predictors: Vec::new() };
    let dataset = Dataset::from_path(&root().join("tests/cases/02-dyestuff.csv"), &columns).unwrap();
    let exact = NewLevel::of(&dataset);
    let sampled = independent(dataset);
    let variables = DrawnVariables::of(&sampled, usize::MAX).unwrap();
    let reader = RowReader::new(&sampled.model, NewLevels::Population).unwrap();
    let rows = reader.rows(&block(Vec::new(), vec![("Batch", vec!["G"])])).unwrap();
    let RowAnswers { expectation, outcome } = answers(&variables, &rows).remove(0);
    let limit = largest(10);
    for (Answer { quantiles, .. }, noise) in [(&expectation, false), (&outcome, true)] {
        for (quantile, p) in quantiles.iter().zip(PROBABILITIES) {
            let error = (p * (1.0 - p) / variables.count() as f64).sqrt();
            let z = (exact.cdf(*quantile, noise) - p) / error;
            assert!(z.abs() < limit, "P(< {quantile}) is {z:.1} standard errors from {p}; noise: {noise}");
        }
    }
    // The quadrature itself, and that it is no normal distribution that would do.
    let normal = Normal::new(expectation.mean, expectation.sd).unwrap();
    let error = (0.005 * 0.995 / variables.count() as f64).sqrt();
    let p = exact.cdf(normal.inverse_cdf(0.005), false);
    assert!((p - 0.005).abs() > limit * error, "any distribution would do: {p}");
}

#[test]
fn a_missing_label_is_any_of_those_that_were_there() {
    let variables = DrawnVariables::of(&RADON, usize::MAX).unwrap();
    let count = variables.count();
    let evaluator = Evaluator::new(&variables);
    let levels = RADON.model.dataset().n_groups();
    let of = |level: RowLevel, row: Option<u64>| {
        let rows = Rows { count: 1, predictors: vec![vec![0.0]], levels: vec![vec![level]], ..Rows::default() };
        let mut etas = vec![0.0; count];
        evaluator.etas(&rows, 0, &mut Scratch::of_row(row), &mut etas);
        etas
    };
    let all: Vec<Vec<f64>> = (0..levels as u32).map(|level| of(RowLevel::Known(level), None)).collect();
    for row in [None, Some(7)] {
        let unknown = of(RowLevel::Missing, row);
        // Every draw is that of some level in the same draw, and each level is as frequent as the others.
        let mut times = vec![0.0; levels];
        for (draw, eta) in unknown.iter().enumerate() {
            let level = all.iter().position(|level| level[draw] == *eta);
            times[level.unwrap_or_else(|| panic!("draw {draw} is of no level"))] += 1.0;
        }
        let expected = count as f64 / levels as f64;
        let chi_squared: f64 = times.iter().map(|times| (times - expected).powi(2) / expected).sum();
        assert!(chi_squared < 200.0, "{chi_squared} of {levels} levels");
        assert_eq!(
            row.is_none(),
            times.iter().all(|times| (times - expected).abs() < 1.0),
            "shared by all rows: evenly"
        );
    }
    let average = of(RowLevel::Average, None);
    let mu = RADON.draws.variable(0);
    assert!(average.iter().zip(mu.iter()).all(|(average, mu)| (average - mu).abs() < 1e-12));
}

/// A run of a formula of sleepstudy: correlated effects.
static SLEEPSTUDY: LazyLock<Sampled> = LazyLock::new(|| {
    let of = formulas::read("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", &[]);
    let settings = Settings { seed: 5, ..Settings::default() };
    sample(Arc::new(formulas::model(&of, "marginal")), settings, Arc::new(Progress::default())).unwrap()
});

#[test]
fn new_levels_of_a_formula_have_the_covariance_of_the_population() {
    let variables = DrawnVariables::of(&SLEEPSTUDY, usize::MAX).unwrap();
    let evaluator = Evaluator::new(&variables);
    let count = variables.count();
    let i = |name: &str| SLEEPSTUDY.names.iter().position(|other| other == name).unwrap();
    let draws = |name: &str| SLEEPSTUDY.draws.variable(i(name)).into_owned();
    let (b0, b1) = (draws("b_Intercept"), draws("b_Days"));
    let (s0, s1) = (draws("sd_Subject__Intercept"), draws("sd_Subject__Days"));
    let rho = draws("cor_Subject__Intercept__Days");
    let mut scratch = Scratch::default();
    let mut etas = |days: f64, label: &str| {
        let level = RowLevel::New(0);
        let rows = Rows {
            count: 1,
            predictors: vec![vec![days]],
            levels: vec![vec![level]],
            new_labels: vec![label.to_string()],
            ..Rows::default()
        };
        let mut etas = vec![0.0; count];
        evaluator.etas(&rows, 0, &mut scratch, &mut etas);
        etas
    };
    let (start, later) = (etas(0.0, "new"), etas(3.0, "new"));
    // Effects in units of their sds, which are standard normal, and correlated as in each draw.
    let (mut sums, mut last) = ([0.0; 5], 0.0);
    for draw in 0..count {
        let first = (start[draw] - b0[draw]) / s0[draw];
        let second = ((later[draw] - start[draw]) / 3.0 - b1[draw]) / s1[draw];
        let left = (second - rho[draw] * first) / (1.0 - rho[draw] * rho[draw]).sqrt();
        let terms = [first, left, first * first - 1.0, left * left - 1.0, first * left];
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        last = left;
    }
    assert!(last.is_finite());
    let errors = [1.0, 1.0, 2.0_f64.sqrt(), 2.0_f64.sqrt(), 1.0].map(|sd| sd * (count as f64).sqrt());
    for (sum, error) in sums.iter().zip(errors) {
        assert!((sum / error).abs() < largest(5), "{sums:?}");
    }
    // A level has one vector of effects wherever it stands, and another level another one.
    let again = etas(0.0, "new");
    assert_eq!(start, again);
    let other = etas(0.0, "other");
    let correlation: f64 =
        (0..count).map(|draw| (start[draw] - b0[draw]) / s0[draw] * ((other[draw] - b0[draw]) / s0[draw])).sum();
    assert!((correlation / (count as f64).sqrt()).abs() < largest(1), "two levels hang together: {correlation}");
}

#[test]
fn the_rows_of_the_model_are_replicated_as_its_store_does() {
    // The linear predictor at the model's own rows, read from the file again, is that of its data set.
    let variables = DrawnVariables::of(&SLEEPSTUDY, 100).unwrap();
    assert!((80..=100).contains(&variables.count()) && variables.chains().len() == 16, "{}", variables.count());
    let evaluator = Evaluator::new(&variables);
    let own = Rows::of_model(&SLEEPSTUDY.model);
    let mut etas = vec![0.0; variables.count()];
    let (data, mixed) = (SLEEPSTUDY.model.dataset(), SLEEPSTUDY.model.mixed().unwrap());
    let levels: Vec<Vec<u32>> = mixed.terms.iter().map(|term| data.level_of_rows(term.factor)).collect();
    let mut named = vec![0.0; SLEEPSTUDY.names.len()];
    let mut expected = vec![0.0; own.count];
    for row in [0, 17, 179] {
        evaluator.etas(&own, row, &mut Scratch::default(), &mut etas);
        for (draw, eta) in etas.iter().enumerate() {
            variables.write_draw(draw, &mut named);
            mixed.etas(data, SLEEPSTUDY.model.layout(), &named, &levels, &mut expected);
            assert!((eta - expected[row]).abs() < 1e-9, "row {row}, draw {draw}");
        }
    }
    // Evenly spaced draws of every chain, the last one among them.
    let spacing: Vec<u32> = variables.draws().windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(spacing.iter().all(|step| *step == spacing[0]) && variables.draws().last() == Some(&999));
}

const ROWS: &str = "y,x,z,dose,g,h
1.5,1,10,low,a,u
2.5,2,30,high,a,v
0.5,3,20,mid,b,u
4.5,4,50,low,b,v
3.5,5,70,high,c,u
6.5,7,40,mid,c,v
5.5,6,60,low,d,u
7.5,9,90,high,d,v
8.5,8,80,mid,a,u
";

fn frame(rows: &str, formula: &Formula) -> Frame {
    Frame::from_reader_with("t.csv", rows.as_bytes(), &formula.wanted(), &ReadOptions::default()).unwrap()
}

#[test]
fn a_formula_means_the_same_at_other_rows() {
    let references = [("dose".to_string(), "mid".to_string())];
    for text in [
        "y ~ x + (1 | g)",
        "y ~ center(x) + scale(z) + (1 | g)",
        "y ~ poly(x, 3) + (1 | g)",
        "y ~ log(x) * dose + (1 | g)",
        "y ~ 0 + dose + dose:center(z) + (1 | g)",
        "y ~ factor(x) + (1 | g)",
        "y ~ I(scale(x)^2) + sqrt(z) + (1 + center(x) | g/h)",
        "log(y) ~ dose + (0 + dose | h)",
    ] {
        let formula = Formula::parse(text).unwrap();
        let references = if text.contains("dose") { &references[..] } else { &[] };
        let (design, learnt) = formula.learn(&frame(ROWS, &formula), references, false).unwrap();
        // What was learnt is stored as text.
        let learnt = serde_json::from_str(&serde_json::to_string(&learnt).unwrap()).unwrap();
        // The same rows without the outcome and in another order, by themselves and together.
        let mut lines: Vec<String> = ROWS.lines().map(|line| line.split_once(',').unwrap().1.to_string()).collect();
        lines[1..].reverse();
        for from in 1..lines.len() {
            for to in [from + 1, lines.len()] {
                let some = [&lines[..1], &lines[from..to]].concat().join("\n");
                let wanted = formula.wanted_elsewhere(&learnt);
                assert!(wanted.iter().all(|column| column.name != "y"));
                let frame = Frame::from_reader_with("new.csv", some.as_bytes(), &wanted, &ReadOptions::default());
                let here = formula.elsewhere(&frame.unwrap(), &learnt).unwrap();
                let same = |here: &[ModelColumn], there: &[ModelColumn]| {
                    assert_eq!(here.len(), there.len(), "{text}");
                    for (here, there) in here.iter().zip(there) {
                        assert_eq!(here.name, there.name);
                        for (row, value) in here.values.iter().enumerate() {
                            let there = there.values[ROWS.lines().count() - 1 - (from + row)];
                            assert!((value - there).abs() < 1e-13, "{text}: {} is {value}, not {there}", here.name);
                        }
                    }
                };
                same(&here.population, &design.population);
                for (here, there) in here.terms.iter().zip(&design.terms) {
                    assert_eq!(here.factor, there.factor);
                    same(&here.columns, &there.columns);
                    for (row, level) in here.level_of.iter().enumerate() {
                        let there = &there.levels[there.level_of[ROWS.lines().count() - 1 - (from + row)] as usize];
                        assert_eq!(&here.levels[*level as usize], there);
                    }
                }
            }
        }
    }
}

/// A folder with a run `r` of `ROWS`.
fn with_run(formula: &str, options: &str) -> Folder {
    let folder = Folder::with("t.csv", ROWS);
    let ran = folder.run(&format!(
        "sample --data t.csv --formula {formula} --chains 4 --draws 250 --no-report --quiet --out r {options}"
    ));
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    folder
}

/// The rows of a table, each by the names of its columns.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} in {row:?}"))
}

#[test]
fn the_table_has_the_files_columns_beside_the_answers() {
    let folder = with_run("y~log(x)+dose+(1|g)", "");
    let new = "note;x;dose;g\n\"a;b\";2,5;high;a\nold;;low;a\n\"say \"\"x\"\"\";1e0;mid;\nnew;4;low;zz\n\nnew again;4;low;zz\n";
    std::fs::write(folder.path("new.csv"), new).unwrap();
    let ran = folder.run("predict r --data new.csv --decimal , --out - --quantiles 0.9,0.025");
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let table = rows(&ran.stdout);
    let header =
        "note,x,dose,g,mean,expectation_sd,expectation_q2.5,expectation_q90,outcome_sd,outcome_q2.5,outcome_q90";
    assert_eq!(ran.stdout.lines().next().unwrap(), header);
    assert_eq!(
        table.iter().map(|row| &row["note"][..]).collect::<Vec<_>>(),
        ["a;b", "old", "say \"x\"", "new", "new again"]
    );
    assert_eq!(table[0]["x"], "2,5", "the input's cells are as they are");
    assert!(table[1].iter().all(|(column, cell)| ["note", "dose", "g"].contains(&&column[..]) || cell.is_empty()));
    assert_eq!(number(&table[3], "mean"), number(&table[4], "mean"), "one level, one draw of its effects");
    for row in [&table[0], &table[2], &table[3]] {
        let of = |column| number(row, column);
        assert!(of("expectation_q2.5") < of("mean") && of("mean") < of("expectation_q90"), "{row:?}");
        assert!(of("outcome_q2.5") < of("expectation_q2.5") && of("outcome_sd") > of("expectation_sd"), "{row:?}");
    }
    for words in
        ["1 row without an answer", "2 rows with a level that the run's data do not have", "1 row without a label"]
    {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    // Into a file, which is not overwritten; the terminal shows its beginning.
    let ran = folder.run("predict r --data new.csv --decimal ,");
    assert!(ran.stdout.contains("Written: r/predictions.csv") && ran.stdout.contains("outcome_q95"), "{ran:?}");
    let written = std::fs::read_to_string(folder.path("r/predictions.csv")).unwrap();
    assert_eq!(rows(&written).len(), 5);
    let ran = folder.run("predict r --data new.csv --decimal ,");
    assert!(ran.code == 2 && ran.stderr.contains("--force"), "{ran:?}");
    assert!([0, 3].contains(&folder.run("predict r --data new.csv --decimal , --force").code));
    assert_eq!(std::fs::read_to_string(folder.path("r/predictions.csv")).unwrap(), written);
}

#[test]
fn rows_do_not_depend_on_those_around_them() {
    let folder = with_run("y~x+(1|g)", "");
    let line = |i: usize| format!("{},{},{}", i, (i * 7919 % 1000) as f64 / 100.0, ["a", "b", "new", "", "c"][i % 5]);
    // Of several blocks of the reader.
    let all: Vec<String> = (0..60_000).map(line).collect();
    std::fs::write(folder.path("all.csv"), format!("i,x,g\n{}\n", all.join("\n"))).unwrap();
    std::fs::write(folder.path("one.csv"), format!("i,x,g\n{}\n", all[59_122])).unwrap();
    let predict = |options: &str| {
        let ran = folder.run(&format!("predict r --draws 40 --out - {options}"));
        assert!([0, 3].contains(&ran.code), "{ran:?}");
        ran.stdout
    };
    let whole = predict("--data all.csv");
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(lines.len(), 60_001);
    for (i, line) in lines[1..].iter().enumerate() {
        assert!(line.starts_with(&format!("{i},")), "line {i} is {line}");
    }
    assert_eq!(predict("--data one.csv").lines().nth(1).unwrap(), lines[59_123]);
    let threads = folder.command("predict r --draws 40 --out - --data all.csv").env("RAYON_NUM_THREADS", "1").output();
    assert!(threads.unwrap().stdout == whole.as_bytes(), "the number of threads matters");
}

#[test]
fn a_grid_has_all_combinations() {
    let folder = with_run("y~z*dose+(1|g)", "");
    let ran = folder.run("predict r --at z=10,mean --at dose=all --out -");
    let table = rows(&ran.stdout);
    let cells: Vec<[&str; 3]> = table.iter().map(|row| ["z", "dose", "g"].map(|column| &row[column][..])).collect();
    assert_eq!(
        cells,
        [
            ["10", "low", "(new)"],
            ["10", "high", "(new)"],
            ["10", "mid", "(new)"],
            ["50", "low", "(new)"],
            ["50", "high", "(new)"],
            ["50", "mid", "(new)"],
        ]
    );
    assert!(ran.stderr.contains("g is not in --at"), "{ran:?}");
    let known = rows(&folder.run("predict r --at g=all --at z=20 --at dose=high --out -").stdout);
    assert_eq!(known.iter().map(|row| &row["g"][..]).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    let average = rows(&folder.run("predict r --at g=q --at z=20 --at dose=high --out - --new-levels average").stdout);
    let spread = |row| number(row, "expectation_sd");
    assert!(spread(&average[0]) < spread(&table[1]), "without the effects' own sd");
}

#[test]
fn a_column_of_numbers_may_be_a_factor_too() {
    let folder = Folder::with("t.csv", std::fs::read(root().join("tests/cases/01-sleepstudy.csv")).unwrap());
    let line =
        "sample --data t.csv --formula Reaction~Days+(1|Days)+(1|Subject) --chains 4 --draws 250 --no-report --out r";
    assert!([0, 3].contains(&folder.run(line).code));
    let ran = folder.run("predict r --at Days=0,20 --at Subject=308 --out -");
    let table = rows(&ran.stdout);
    assert_eq!(table.iter().map(|row| &row["Days"][..]).collect::<Vec<_>>(), ["0", "20"], "{ran:?}");
    assert!(
        ran.stderr.contains("1 row with a level that the run's data do not have") || ran.stderr.is_empty(),
        "{ran:?}"
    );
    std::fs::write(folder.path("new.csv"), "Days,Subject\n0,308\n20,308\n").unwrap();
    let of_file = rows(&folder.run("predict r --data new.csv --out -").stdout);
    for (one, other) in table.iter().zip(&of_file) {
        assert_eq!(number(one, "mean"), number(other, "mean"));
    }
    let ran = folder.run("effects r");
    assert!([0, 3].contains(&ran.code) && ran.stdout.contains("Days: slope"), "{ran:?}");
    // 1,100 x 1,100 rows.
    let many = (0..1100).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    let ran = folder.run(&format!("predict r --at Days={many} --at Subject={many} --out -"));
    assert!(ran.code == 2 && ran.stderr.contains("1210000 combinations"), "{}", ran.stderr);
}

#[test]
fn weights_offsets_and_errors_are_columns_of_new_rows() {
    let rows_of = |name: &str| {
        ROWS.lines()
            .zip(1..)
            .map(|(line, i)| match i {
                1 => format!("{line},{name}\n"),
                i => format!("{line},{}\n", i % 3 + 1),
            })
            .collect::<String>()
    };
    for (option, what) in [("weights", "w"), ("offset", "w"), ("se", "w")] {
        let folder = Folder::with("t.csv", rows_of(what));
        let line = format!(
            "sample --data t.csv --formula y~x+(1|g) --{option} w --chains 4 --draws 250 --no-report --quiet --out r"
        );
        assert!([0, 3].contains(&folder.run(&line).code));
        std::fs::write(folder.path("new.csv"), "x,g,w\n2,a,1\n2,a,4\n").unwrap();
        let table = rows(&folder.run("predict r --data new.csv --out -").stdout);
        let noise = |row| (number(row, "outcome_sd").powi(2) - number(row, "expectation_sd").powi(2)).sqrt();
        let (mean, ratio) =
            (number(&table[1], "mean") - number(&table[0], "mean"), noise(&table[1]) / noise(&table[0]));
        let expected = match option {
            "weights" => (0.0, 0.5),
            "offset" => (3.0, 1.0),
            _ => (0.0, 4.0),
        };
        assert!((mean - expected.0).abs() < 1e-5 && (ratio - expected.1).abs() < 1e-4, "{option}: {mean}, {ratio}");
        std::fs::write(folder.path("new.csv"), "x,g\n2,a\n").unwrap();
        let ran = folder.run("predict r --data new.csv --out -");
        assert!(ran.code == 2 && ran.stderr.contains("`w`"), "{ran:?}");
    }
}

#[test]
fn the_prior_predicts_as_its_moments_say() {
    let priors = "--prior Intercept=normal(3,2) --prior b=normal(1,0.5) --prior sd=exponential(2) --prior sigma=exponential(0.5)";
    let priors = priors
        .replace("Intercept=", "Intercept~")
        .replace("b=", "b~")
        .replace("sd=", "sd~")
        .replace("sigma=", "sigma~");
    let folder = with_run("y~x+(1|g)", &priors);
    std::fs::write(folder.path("new.csv"), "x,g\n7,a\n7,zz\n7,\n").unwrap();
    let ran = folder.run("predict r --data new.csv --prior --draws 200000 --out -");
    assert_eq!(ran.code, 0, "{ran:?}");
    let mean_of_x = 5.0;
    for row in rows(&ran.stdout) {
        // The mean of the squares of an exponential variable of this rate is 2 / rate^2.
        let variance = 4.0 + (7.0 - mean_of_x) * (7.0 - mean_of_x) * 0.25 + 2.0 / 4.0;
        let mean = 3.0 + (7.0 - mean_of_x);
        let (count, limit) = (200_000_f64, largest(9));
        assert!((number(&row, "mean") - mean).abs() < limit * (variance / count).sqrt(), "{row:?}");
        assert!((number(&row, "expectation_sd") / variance.sqrt() - 1.0).abs() < limit * 1.5 / count.sqrt(), "{row:?}");
        let of_outcome = (variance + 2.0 / 0.25).sqrt();
        assert!((number(&row, "outcome_sd") / of_outcome - 1.0).abs() < limit * 2.0 / count.sqrt(), "{row:?}");
    }
}

#[test]
fn the_priors_correlations_are_lkj() {
    // Under LKJ(eta) of three variables, each correlation is Beta(eta + 1/2, eta + 1/2) between -1 and 1.
    let of = formulas::read(
        "tests/cases/01-sleepstudy.csv",
        "Reaction ~ Days + (1 + Days + I(Days^2) | Subject)",
        &["cor ~ lkj(1.5)".to_string()],
    );
    let variables = DrawnVariables::of_prior(&Arc::new(formulas::model(&of, "non-centered")), 3, 20_000);
    let names = variables.model().names();
    let places: Vec<usize> = (0..names.len()).filter(|i| names[*i].starts_with("cor_")).collect();
    assert_eq!(places.len(), 3);
    let beta = statrs::distribution::Beta::new(2.0, 2.0).unwrap();
    for i in places {
        let mut draws = variables.of_variable(i).to_vec();
        draws.sort_by(f64::total_cmp);
        let count = draws.len() as f64;
        let distance = draws.iter().enumerate().map(|(rank, draw)| {
            let p = beta.cdf(0.5 * (draw + 1.0));
            (p - rank as f64 / count).abs().max((p - (rank + 1) as f64 / count).abs())
        });
        let most = distance.fold(0.0, f64::max) * count.sqrt();
        assert!(most < chance::kolmogorov_smirnov(3), "{}: {most}", names[i]);
    }
}

/// Opens a store of predictions and prints what is in it.
const READ: &str = "
import json, sys, warnings
warnings.simplefilter('ignore')
import arviz as az, xarray as xr
tree = xr.open_datatree(sys.argv[1], engine='zarr')
data = az.InferenceData(predictions=tree['predictions'].to_dataset()).predictions
noise = data['y'] - data['y_expectation']
print(json.dumps({
    'dims': [list(data[name].dims) for name in ('y', 'y_expectation')],
    'shape': list(data['y'].shape),
    'rows': [int(row) for row in data['obs_id'].values],
    'draws': [int(draw) for draw in data['draw'].values],
    'mean': [float(mean) for mean in data['y_expectation'].mean(('chain', 'draw'))],
    'noise': [float(sd) for sd in noise.std(('chain', 'draw'))],
    'together': float(xr.corr(noise[:, :, 0], noise[:, :, 1])),
    'missing': int(data['y'].isnull().sum()),
}))
";

#[test]
fn all_draws_are_a_group_that_arviz_opens() {
    let Some(python) = python() else { return };
    let folder = with_run("y~x+(1|g)", "");
    let lines: String =
        (0..3000).map(|i| format!("{},{}\n", f64::from(i % 9), ["a", "new", ""][i as usize % 3])).collect();
    // A row without an answer has no draws.
    std::fs::write(folder.path("new.csv"), format!("x,g\n,a\n{lines}")).unwrap();
    let ran = folder.run("predict r --data new.csv --save-draws");
    assert!([0, 3].contains(&ran.code) && ran.stdout.contains("r/predictions.zarr"), "{ran:?}");
    let output = Command::new(python).args(["-c", READ]).arg(folder.path("r/predictions.zarr")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["shape"], serde_json::json!([4, 250, 3000]));
    assert_eq!(found["dims"][0], serde_json::json!(["chain", "draw", "obs_id"]));
    assert_eq!(found["rows"][0], 3, "the line of the file");
    assert_eq!((&found["missing"], &found["draws"][249]), (&0.into(), &249.into()));
    let table = rows(&std::fs::read_to_string(folder.path("r/predictions.csv")).unwrap());
    for i in [0, 2999] {
        let (row, mean) = (&table[i + 1], found["mean"][i].as_f64().unwrap());
        assert!((number(row, "mean") - mean).abs() < 0.2 * number(row, "expectation_sd"), "row {i}: {mean}, {row:?}");
        let noise = (number(row, "outcome_sd").powi(2) - number(row, "expectation_sd").powi(2)).sqrt();
        // Monte Carlo error of an sd from a thousand draws.
        assert!((found["noise"][i].as_f64().unwrap() / noise - 1.0).abs() < largest(2) / (2000.0_f64).sqrt());
    }
    assert!(found["together"].as_f64().unwrap().abs() < largest(1) / 1000.0_f64.sqrt(), "rows have noise of their own");
    let ran = folder.run("predict r --data new.csv --save-draws --force");
    assert!(ran.code == 2 && ran.stderr.contains("is there already"), "{ran:?}");
}

#[test]
fn a_run_of_the_shorthand_a_merged_one_and_a_thinned_one_predict() {
    let folder = Folder::new();
    let sample = "sample --chains 4 --draws 200 --no-report --quiet --sampler nuts --thin 2";
    for shard in 1..=2 {
        assert!([0, 3].contains(&folder.run(&format!("{sample} --shard {shard}/2 --out part{shard}")).code));
    }
    assert!([0, 3].contains(&folder.run("merge merged part1 part2").code));
    let predict = |run: &str| folder.run(&format!("predict {run} --at floor=0,1 --at county=AITKIN,elsewhere --out -"));
    let tables = ["merged", "part1", "part2"].map(|run| rows(&predict(run).stdout));
    // Of a county that was there; how often a new one is drawn depends on the number of draws.
    let [merged, one, other] = &tables;
    for ((merged, one), other) in merged.iter().zip(one).zip(other).take(2) {
        let [merged, one, other] = [merged, one, other].map(|row| number(row, "mean"));
        assert!((merged - 0.5 * (one + other)).abs() < 1e-6, "all draws of both: {merged} of {one}, {other}");
        assert!((one - other).abs() > 1e-6, "the shards have draws of their own");
    }
    // What else comes after the fit takes a merged run, thinned, as well.
    for (command, words) in [
        ("loo merged --quiet", "each predicted by all others"),
        ("sensitivity merged", "mu_a"),
        ("effects merged", "ICC of county"),
    ] {
        let ran = folder.run(command);
        assert!([0, 3].contains(&ran.code) && ran.stdout.contains(words), "{command}: {ran:?}");
    }
    // Without effects, only the prior predicts.
    assert!(
        [0, 3].contains(&folder.run("sample --chains 4 --draws 50 --no-report --quiet --keep hyper --out hyper").code)
    );
    let ran = predict("hyper");
    assert!(ran.code == 2 && ran.stderr.contains("--keep hyper"), "{ran:?}");
    assert_eq!(folder.run("predict hyper --at floor=0 --prior --out -").code, 0);
}

/// What is refused: the words after `predict r`, the file, and words of the message.
const REFUSED: [(&str, &str, &[&str]); 18] = [
    ("--data new.csv", "z,dose,g\n1,low,a\n", &["new.csv", "`x`"]),
    ("--data new.csv", "x,dose,g\n1,low,a\n2,huge,a\n", &["`dose` is `huge` at line 3", "low, high, mid", "^^^^"]),
    ("--data new.csv", "x,dose,g\n1,low,a\nten,low,a\n", &["new.csv, line 3", "`x`", "ten"]),
    ("--data new.csv", "x,dose,g\n1,low,a\n-2,low,a\n", &["`log(x)` is not a number at line 3", "`x` is -2"]),
    (
        "--data new.csv --new-levels refuse",
        "x,dose,g\n1,low,a\n1,low,zz\n",
        &["new.csv, line 3", "`zz`", "no level of g"],
    ),
    ("--data new.csv", "x,dose,g,mean\n1,low,a,5\n", &["new.csv", "`mean`", "rename"]),
    ("--data nowhere.csv", "", &["nowhere.csv"]),
    ("--data new.csv", "x,dose,g\n", &["new.csv", "no observation"]),
    ("--data new.csv --missing refuse", "x,dose,g\n1,low,a\n,low,a\n", &["new.csv", "line 3", "`x`"]),
    ("--data new.csv --out -", "x,dose,g\n1,low,a\n2,low\n", &["new.csv, line 3: 2 fields"]),
    ("--data new.csv --out t.csv/x.csv", "x,dose,g\n1,low,a\n", &["t.csv/x.csv", "cannot be written"]),
    ("--data new.csv --quantiles 0.5,1.5", "x,dose,g\n1,low,a\n", &["--quantiles", "`1.5` is no probability"]),
    ("", "", &["--data", "--at"]),
    ("--at xx=1", "", &["--at xx=1", "did you mean `x`?"]),
    ("--at dose=huge", "", &["no level `huge`", "low, high, mid"]),
    ("--at x=ten", "", &["`ten` is none", "x=0,1"]),
    ("--at x=1 --at x=2", "", &["`x` is there twice"]),
    ("--at x", "", &["floor=0,1"]),
];

#[test]
fn what_cannot_be_predicted_is_refused_in_a_sentence() {
    let folder = with_run("y~log(x)+dose+(1|g)", "");
    for (line, file, words) in REFUSED {
        std::fs::write(folder.path("new.csv"), file).unwrap();
        let before = folder.contents();
        let ran: Ran = folder.run(&format!("predict r {line}"));
        assert_eq!((ran.code, &ran.stdout[..]), (2, ""), "{line}: {ran:?}");
        words.iter().for_each(|word| assert!(ran.stderr.contains(word), "{line}: no `{word}` in {}", ran.stderr));
        assert!(folder.contents() == before, "{line} has written something");
    }
    let ran = folder.run("predict t.csv --at x=1");
    assert!(ran.code == 2, "{ran:?}");
    // A run that an earlier version wrote does not say what its formula means elsewhere.
    let root = folder.path("r/draws.zarr/zarr.json");
    let text = std::fs::read_to_string(&root).unwrap();
    let without = text.replace("learnt", "forgotten");
    assert_ne!(text, without);
    std::fs::write(&root, without).unwrap();
    let ran = folder.run("predict r --at x=1");
    assert!(ran.code == 2 && ran.stderr.contains("sample again"), "{ran:?}");
}

#[cfg(feature = "columnar")]
mod columnar {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Date32Array, Float64Array, StringArray};

    use super::{rows, with_run};
    use crate::helpers::columnar::files;

    /// Rows in several blocks, with columns beside those of the model, one of a type with days, and values missing.
    #[test]
    fn rows_of_files_with_types_have_all_columns_and_the_answers_of_text() {
        let folder = with_run("y~x+(1|g)", "");
        let count = 40_000;
        let note = |i: usize| (i % 5 != 2).then(|| format!("row \"{i}\""));
        let x = |i: usize| (i % 7 != 3 || i < 19_000).then_some((i * 7919 % 1000) as f64 / 8.0 + 0.5);
        let label =
            |i: usize| [Some("a"), Some("b"), Some(if i < 30_000 { "b" } else { "new" }), None, Some("c")][i % 5];
        let columns: [(&str, ArrayRef); 5] = [
            ("note", Arc::new((0..count).map(note).collect::<StringArray>())),
            ("day", Arc::new((0..count).map(|i| Some(i as i32 % 3)).collect::<Date32Array>())),
            ("x", Arc::new((0..count).map(x).collect::<Float64Array>())),
            ("g", Arc::new((0..count).map(label).collect::<StringArray>())),
            ("is", Arc::new((0..count).map(|i| Some(i.is_multiple_of(2))).collect::<BooleanArray>())),
        ];
        let line = |i: usize| {
            let note = note(i).map_or(String::new(), |note| format!("\"{}\"", note.replace('"', "\"\"")));
            let x = x(i).map_or(String::new(), |x| format!("{x:?}"));
            format!("{note},1970-01-0{},{x},{},{}\n", i % 3 + 1, label(i).unwrap_or_default(), i.is_multiple_of(2))
        };
        let text = "note,day,x,g,is\n".to_string() + &(0..count).map(line).collect::<String>();
        std::fs::write(folder.path("new.csv"), text).unwrap();
        let predict =
            |file: &str, options: &str| folder.run(&format!("predict r --draws 40 --data {file} --out - {options}"));
        let expected = predict("new.csv", "");
        assert!([0, 3].contains(&expected.code) && rows(&expected.stdout).len() == count, "{}", expected.stderr);
        for (format, bytes) in files(&columns) {
            std::fs::write(folder.path("new.bin"), bytes).unwrap();
            let found = predict("new.bin", "");
            assert_eq!(found.stderr, expected.stderr, "{format}");
            assert!(found.stdout == expected.stdout, "{format}: {}", found.stdout.lines().nth(1).unwrap_or_default());
            // Rows are counted through all blocks.
            let first =
                |is: &dyn Fn(usize) -> bool| format!("row {} (counted from 0)", (0..count).find(|i| is(*i)).unwrap());
            let refused = predict("new.bin", "--new-levels refuse");
            assert!(refused.code == 2 && refused.stderr.contains(&first(&|i| label(i) == Some("new"))), "{refused:?}");
            let refused = predict("new.bin", "--missing refuse");
            assert!(refused.code == 2 && refused.stderr.contains(&first(&|i| x(i).is_none())), "{refused:?}");
        }
    }
}
