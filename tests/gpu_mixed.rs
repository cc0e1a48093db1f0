//! Formulas on the device: log densities and gradients against the CPU's, runs against the CPU's runs, and what is
//! refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use warpnuts::data::Dataset;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::density::gpu::{DensityShaders, DeviceModel};
use warpnuts::density::{Density, Evaluations};
use warpnuts::diagnostics::summary_of;
use warpnuts::engine::device::{Compiled, DevicePlan};
use warpnuts::engine::host::Chains;
use warpnuts::engine::{Keep, Progress};
use warpnuts::experiment::{
    Backend, EngineChoice, Sampled, Settings, choose, is_admitted, sample, sample_on, sample_summed, suited_to_formula,
};
use warpnuts::family::Family;
use warpnuts::gpu::Gpu;
use warpnuts::model::{Coordinates, Mixed, Model, Scaling};
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::RunSummary;

use crate::helpers::formulas::{self, Reference, System, references};
use crate::helpers::{chance, gpu};

pub(crate) type Formula = (Arc<Dataset>, Arc<Mixed>);

/// Positions as the device gets them: in 32 bits.
fn rounded(theta: &[f64]) -> Vec<f64> {
    theta.iter().map(|coordinate| f64::from(*coordinate as f32)).collect()
}

/// Log densities and gradients at all positions.
fn evaluate(density: &mut dyn Density, at: &[Vec<f64>]) -> Vec<(f64, Vec<f64>)> {
    let mut out = Evaluations::with_capacity(at.len(), density.dim());
    density.evaluate(&at.to_vec(), &mut out).unwrap();
    (0..at.len()).map(|i| (out.log_density(i), out.gradient(i).to_vec())).collect()
}

/// The device's density against the CPU's. A log density adds up as many terms as there are rows and effects, most of
/// them about a reference; each term is rounded to 24 bits. A derivative is a difference of such sums: its error is
/// relative to itself, or to the largest derivative where it is small.
pub(crate) fn agrees(gpu: &Arc<Gpu>, model: &Model, at: &[Vec<f64>], name: &str) {
    let truth = evaluate(&mut CpuDensity::new(model), at);
    let device = DeviceModel::new(gpu.clone(), model).unwrap();
    let there = evaluate(&mut device.density(at.len()).unwrap(), at);
    let (mut of_density, mut of_gradient) = (0.0f64, 0.0f64);
    for ((truth, by), (there, by_there)) in truth.iter().zip(&there) {
        let error = (there - truth).abs() / truth.abs().max(1000.0);
        assert!(error < 2e-6, "{name}: {there}, not {truth}");
        of_density = of_density.max(error);
        let largest = by.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
        for (i, (there, truth)) in by_there.iter().zip(by).enumerate() {
            let error = (there - truth).abs() / truth.abs().max(0.1 * largest);
            assert!(error < 5e-5, "{name}: gradient[{i}] is {there}, not {truth}");
            of_gradient = of_gradient.max(error);
        }
    }
    eprintln!("{name}: {of_density:.1e}, {of_gradient:.1e}, {}", device.team());
}

/// Random positions of a size that is usual in the sampler's units.
pub(crate) fn random(model: &Model, count: u32) -> Vec<Vec<f64>> {
    let position = |transition| {
        let mut theta = vec![0.0; model.dim()];
        StreamKey { seed: 21, chain: 0, transition }.normals(Purpose::Stream, &mut theta);
        theta.iter().map(|entry| f64::from((0.5 * entry) as f32)).collect()
    };
    (0..count).map(position).collect()
}

/// The device's density against the CPU's at the points of a reference, and elsewhere.
pub(crate) fn agrees_at_points(gpu: &Arc<Gpu>, of: &Formula, name: &str, systems: BTreeMap<String, System>) {
    for (system, System { points, .. }) in systems {
        let user = formulas::in_units(of, &system, Some(Scaling::identity(&of.0)));
        let scaled = formulas::model(of, &system);
        let position = |point: &Vec<f64>| {
            let mut named = vec![0.0; user.layout().dim()];
            user.constrain(point, &mut named);
            let mut theta = vec![0.0; scaled.dim()];
            scaled.unconstrain(&named, &mut theta);
            rounded(&theta)
        };
        let at: Vec<Vec<f64>> = points.iter().map(position).collect();
        agrees(gpu, &scaled, &at, &format!("{name}, {system}"));
        agrees(gpu, &scaled, &random(&scaled, 4), &format!("{name}, {system}, elsewhere"));
    }
}

#[test]
fn at_numpyros_points_formulas_on_the_device_agree_with_f64() {
    let Some(devices) = gpu::devices() else { return };
    let mut with_errors = 0;
    for reference in references() {
        let of = reference.read();
        let Reference { name, systems, errors, .. } = reference;
        with_errors += u32::from(errors.is_some());
        agrees_at_points(&devices[0], &of, &name, systems);
    }
    assert!(with_errors > 0);
}

/// A formula with everything in it: correlated and independent terms, two factors, bounded priors.
fn everything() -> Formula {
    let priors =
        ["sigma ~ uniform(0, 30)", "b_cses ~ uniform(-20, 20)", "sd_school ~ exponential(0.3)", "b ~ cauchy(0, 9)"];
    let formula = "mAch ~ meanses * cses + (1 + cses + meanses | school) + (0 + cses || sector)";
    formulas::read("tests/cases/15b-hsb82.csv", formula, &priors.map(str::to_string))
}

#[test]
fn formulas_of_every_kind_on_the_device_agree_with_f64() {
    let Some(devices) = gpu::devices() else { return };
    let check = |of: &Formula, typed: &str, name: &str| {
        let model = formulas::model(of, typed);
        agrees(&devices[0], &model, &random(&model, 5), &format!("{name}, {typed}"));
    };
    for typed in ["non-centered", "centered", "partial", "school=partial,sector=non-centered"] {
        check(&everything(), typed, "everything");
    }
    let sleepstudy = "tests/cases/01-sleepstudy.csv";
    let several = "Reaction ~ Days + (1 | Subject) + (1 | Days) + (0 + Days | Subject)";
    check(&formulas::read(sleepstudy, several, &[]), "non-centered", "terms of a factor apart");
    let bare = formulas::read(sleepstudy, "Reaction ~ 0 + (1 + Days || Subject)", &[]);
    for typed in ["centered", "partial", "marginal"] {
        check(&bare, typed, "no population level");
    }
    let weighted =
        formulas::changed(sleepstudy, usize::MAX, "Reaction ~ Days + (1 + Days | Subject)", &[], |_, rows| {
            let count = rows.rows.len();
            rows.weights = Some((0..count).map(|i| 0.5 + (i as f64 * 0.37).sin().powi(2)).collect());
            rows.offset = Some((0..count).map(|i| (i as f64).cos()).collect());
        });
    for typed in ["non-centered", "centered", "partial", "marginal"] {
        check(&weighted, typed, "weights and an offset");
    }
    // More numbers than a workgroup's memory holds.
    let large =
        formulas::read_rows("tests/cases/25-insteval.csv", 3000, "y ~ service + (1 | s) + (1 + service | d)", &[]);
    for typed in ["s=centered,d=non-centered", "partial"] {
        check(&large, typed, "3000 rows");
    }
}

/// Many rows, none like another, in passes: of one factor and of two, the second of which sorts them or not; with few
/// levels and many; with what all rows have in common, and with weights, offsets and formulas of sigma.
#[test]
fn rows_that_workgroups_share_agree_with_f64() {
    let Some(devices) = gpu::devices() else { return };
    let file = "tests/cases/25-insteval.csv";
    let check = |formula: &str, family: Family, typed: &str, changed: bool| {
        let of = formulas::of_family(file, 34_000, formula, family, &[], |design, rows| {
            let column = design.population.last_mut().unwrap();
            column.values.iter_mut().enumerate().for_each(|(i, x)| *x += 1e-4 * i as f64);
            if family == Family::NegBinomial {
                design.outcome.values.iter_mut().enumerate().for_each(|(i, y)| *y *= (i % 4) as f64);
            }
            if changed {
                let count = rows.rows.len();
                rows.weights = family.is_normal().then(|| (0..count).map(|i| 0.5 + (i % 5) as f64).collect());
                rows.offset = Some((0..count).map(|i| (i as f64).cos()).collect());
            }
        });
        let model = formulas::model(&of, typed);
        assert!(DensityShaders::new(&model, devices[0].target()).rows.is_some());
        let at = random(&model, 3);
        agrees(&devices[0], &model, &at, &format!("{formula}, {}", family.name()));
        // The bits of a position depend on no other, and on no order of workgroups.
        let device = DeviceModel::new(devices[0].clone(), &model).unwrap();
        let together = evaluate(&mut device.density(3).unwrap(), &at);
        let mut alone = device.density(1).unwrap();
        let one_by_one: Vec<_> = at.iter().flat_map(|at| evaluate(&mut alone, std::slice::from_ref(at))).collect();
        assert!(together == one_by_one, "{formula}");
    };
    check("y ~ lectage_n + (1 | s)", Family::Gaussian, "centered", false);
    check("y ~ lectage_n + (1 | d) + (1 + service01 | studage)", Family::Gaussian, "partial", true);
    check("service01 ~ lectage_n + (1 | s) + (1 | d)", Family::Binomial, "partial", false);
    check("y ~ service01 + lectage_n + (0 + service01 | studage)", Family::Poisson, "non-centered", true);
    check("y ~ lectage_n + (1 | dept) + (1 | lectage) + (1 | studage)", Family::NegBinomial, "non-centered", false);
    check("y ~ lectage_n + (1 | s) + (1 | d); sigma ~ service01", Family::Student, "non-centered", false);
}

#[test]
fn known_errors_on_the_device_agree_with_f64() {
    let Some(devices) = gpu::devices() else { return };
    let formula = "Reaction ~ Days + (1 | Subject)";
    let (dataset, mixed) = formulas::changed("tests/cases/01-sleepstudy.csv", usize::MAX, formula, &[], |_, rows| {
        rows.weights = Some((0..rows.rows.len()).map(|i| (20.0 + (i % 7) as f64).powi(-2)).collect());
    });
    let mut mixed = Mixed::clone(&mixed);
    mixed.rows.errors = Some("se".to_string());
    let of = (dataset, Arc::new(mixed));
    for typed in ["non-centered", "marginal"] {
        let model = formulas::model(&of, typed);
        assert_eq!(model.layout().hyperparameters(), 3);
        agrees(&devices[0], &model, &random(&model, 5), typed);
    }
    // Beside sigma, from a hundredth of the noise to a hundred times as much, in a workgroup's memory and elsewhere.
    let with_errors = |rows: usize, formula: &str| {
        formulas::changed("tests/cases/15b-hsb82.csv", rows, formula, &[], |_, rows| {
            rows.errors = Some((0..rows.rows.len()).map(|i| 6.0 * 10f64.powf(2.0 * (i as f64 * 0.7).sin())).collect());
        })
    };
    for (rows, formula) in [(300, "mAch ~ cses + (1 + cses | school)"), (7185, "mAch ~ (1 | school) + (1 | sector)")] {
        for typed in ["non-centered", "centered", "partial"] {
            let model = formulas::model(&with_errors(rows, formula), typed);
            agrees(&devices[0], &model, &random(&model, 5), &format!("{formula}, {typed}"));
            for engine in [EngineChoice::GpuDensity, EngineChoice::Gpu] {
                let allowed = choose(engine, None, true, &Arc::new(model.clone()), &Settings::default());
                assert!(allowed.is_ok() || rows > 300, "{formula}, {typed}: {:?}", allowed.err());
            }
        }
    }
}

pub(crate) fn run(backend: &Backend, model: &Arc<Model>, settings: Settings) -> Sampled {
    sample_on(backend, model.clone(), settings, Arc::new(Progress::default())).unwrap()
}

pub(crate) fn backends(gpu: &Arc<Gpu>) -> [Backend; 2] {
    [Backend::GpuDensity { gpu: gpu.clone(), fall_back: false }, Backend::Gpu { gpu: gpu.clone(), fall_back: false }]
}

/// Means of every variable agree with the CPU's in other coordinates, within Monte Carlo errors.
#[test]
fn runs_of_formulas_on_the_device_have_the_cpus_posterior() {
    let Some(devices) = gpu::devices() else { return };
    let correlated = formulas::read("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", &[]);
    let crossed = "strength ~ 1 + (1 | batch) + (1 | cask)";
    let crossed = formulas::read("tests/cases/27-pastes.csv", crossed, &["sd ~ exponential(0.5)".to_string()]);
    let settings = Settings { chains: 32, warmup: 300, draws: 60, target_accept: 0.9, ..Settings::default() };
    for (of, typed) in [(&correlated, "marginal"), (&correlated, "non-centered"), (&crossed, "non-centered")] {
        let truth = formulas::model(of, if typed == "marginal" { "non-centered" } else { "marginal" });
        let truth =
            sample(Arc::new(truth), Settings { chains: 8, warmup: 500, draws: 1000, ..settings }, Arc::default());
        let truth = RunSummary::of(&truth.unwrap());
        let model = Arc::new(formulas::model(of, typed));
        for backend in backends(&devices[0]) {
            let there = run(&backend, &model, settings);
            assert_eq!((there.run.failure.is_none(), there.run.draws), (true, 60));
            let there = RunSummary::of(&there);
            // The remedy that integrates effects out is one that the engine takes, or names another engine.
            let elsewhere = if of.1.terms.len() > 1 { " --engine cpu" } else { "" };
            let remedy = there.formula.as_ref().and_then(|formula| formula.collapses_by);
            assert_eq!(remedy, Some(format!("--parameterization marginal{elsewhere}").as_str()));
            let scores: Vec<f64> = truth
                .parameters
                .0
                .iter()
                .zip(&there.parameters.0)
                .map(|(a, b)| (a.summary.mean - b.summary.mean) / a.summary.mcse_mean.hypot(b.summary.mcse_mean))
                .collect();
            let largest = scores.iter().fold(0.0, |most: f64, score| most.max(score.abs()));
            eprintln!("{}, {typed}: largest {largest:.2} of {}", backend.name(), scores.len());
            assert_eq!(scores.len(), model.layout().dim());
            assert!(largest < chance::largest(6 * scores.len()), "{}, {typed}: {largest}", backend.name());
        }
    }
}

#[test]
fn runs_of_formulas_repeat_bit_for_bit_whatever_is_kept() {
    let Some(devices) = gpu::devices() else { return };
    let of = formulas::read("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", &[]);
    let settings = Settings { chains: 8, warmup: 60, draws: 20, ..Settings::default() };
    for typed in ["marginal", "centered"] {
        let model = Arc::new(formulas::model(&of, typed));
        for backend in backends(&devices[0]) {
            let [one, other] = [(); 2].map(|()| run(&backend, &model, settings));
            assert!(one.draws.values() == other.draws.values(), "{}, {typed}", backend.name());
            let hyper = run(&backend, &model, Settings { keep: Keep::Hyper, ..settings });
            let kept = hyper.draws.values();
            assert!(*kept == one.draws.values()[..kept.len()], "{}, {typed}", backend.name());
            let settings = Settings { keep: Keep::Summary, ..settings };
            let summed = sample_summed(&backend, model.clone(), settings, None, Arc::default()).unwrap();
            for (i, parameter) in RunSummary::of(&one).parameters.0.iter().enumerate() {
                let (ours, theirs) = (summary_of(&summed.draws, i).mean, parameter.summary.mean);
                let error = (ours - theirs).abs() / parameter.summary.sd;
                assert!(error < 1e-6, "{}, {typed}, {}: {ours} {theirs}", backend.name(), parameter.name);
            }
        }
    }
}

#[test]
fn what_no_device_does_of_formulas_is_refused_by_name() {
    let Some(devices) = gpu::devices() else { return };
    let crossed = formulas::read("tests/cases/27-pastes.csv", "strength ~ 1 + (1 | batch) + (1 | cask)", &[]);
    let model = Arc::new(formulas::model(&crossed, "marginal"));
    for (engine, name) in [(EngineChoice::GpuDensity, "gpu-density"), (EngineChoice::Gpu, "gpu")] {
        // Before a device is looked for.
        let said = choose(engine, Some("no such device"), false, &model, &Settings::default()).unwrap_err().to_string();
        for words in [&format!("the engine {name} "), "one factor", "--parameterization partial", "--engine cpu"] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    // Where nothing is typed, effects are coordinates there.
    let one = formulas::read("tests/cases/27-pastes.csv", "strength ~ 1 + (1 | batch)", &[]);
    use EngineChoice::{Auto, Cpu, Gpu as OnGpu, GpuDensity};
    for (engine, is_marginal) in [(Auto, true), (Cpu, true), (GpuDensity, false), (OnGpu, false)] {
        let (coordinates, why) = suited_to_formula(&crossed.0, &crossed.1, engine);
        assert_eq!(coordinates == Coordinates::Collapsed, is_marginal, "{engine:?}: {why}");
        assert_eq!(suited_to_formula(&one.0, &one.1, engine).0, Coordinates::Collapsed);
        assert_eq!(is_admitted(&model, engine), is_marginal, "{engine:?}");
        assert!(is_admitted(&formulas::model(&crossed, "partial"), engine), "{engine:?}");
    }
    assert!(DeviceModel::new(devices[0].clone(), &model).unwrap_err().to_string().contains("one factor"));
    let settings = Settings { draws: 1_000_000, ..Settings::default() };
    let choice = choose(EngineChoice::Auto, None, false, &model, &settings).unwrap();
    assert_eq!((choice.backend.name(), choice.reason.contains("several factors")), ("cpu", true), "{}", choice.reason);
    // So many rows, none like another, that a lane's loops would be cut short on a software adapter.
    let (file, formula) = ("tests/cases/25-insteval.csv", "y ~ service + (1 | studage) + (1 | lectage)");
    let long = formulas::changed(file, usize::MAX, formula, &[], |design, _| {
        design.population[1].values.iter_mut().enumerate().for_each(|(i, x)| *x += 1e-9 * i as f64);
    });
    let long = formulas::model(&long, "non-centered");
    let chains = Chains { seed: 1, first: 0, count: 1, per_superchain: 1 };
    let plan = DevicePlan { chains, max_depth: 5, keep: Keep::All, rank: 0 };
    if devices[0].adapter().is_software() {
        let said = Compiled::new(&devices[0], &long, &plan).unwrap_err().to_string();
        assert!(said.contains("is software") && said.contains("use --engine cpu"), "{said}");
    }
}

/// More rows than a device has room for do not become fewer with fewer chains.
#[test]
fn a_table_that_is_too_large_has_its_own_remedy() {
    let Some(devices) = gpu::devices() else { return };
    if devices[0].adapter().is_software() {
        let words = vec![0u32; devices[0].largest_binding() as usize / 4 + 1];
        let said = devices[0].table("the table of rows", &words).unwrap_err().to_string();
        assert!(said.ends_with("; use --engine cpu") && said.contains("the table of rows"), "{said}");
    }
}
