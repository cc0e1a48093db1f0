//! Independent draws: they are the exact posterior's, whatever the proposal, and do not depend on how they are made.

use std::sync::Arc;

use crate::helpers::chance;
use crate::helpers::common::{Folder, root};
use crate::helpers::running::{kill, planted};
use crate::helpers::stored::{done, same_bytes, summary};
use rayon::prelude::*;
use warpnuts::data::{Centring, Columns, Dataset};
use warpnuts::density::cpu::CpuDensity;
use warpnuts::diagnostics::{Series, Summary};
use warpnuts::engine::Progress;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Keep, Sampled, Sampler, Settings, sample};
use warpnuts::independent::{IndependentDraw, NoProposal, Proposal};
use warpnuts::mode::Landscape;
use warpnuts::model::{Model, PriorScales};
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::RunSummary;
use warpnuts::verify::Verification;

/// The collapsed model of a case, with the default priors.
pub fn case(file: &str, group: &str, outcome: &str, predictors: &[&str], centring: Centring) -> Arc<Model> {
    let columns = Columns {
        group: group.to_string(),
        outcome: outcome.to_string(),
        predictors: predictors.iter().map(|name| name.to_string()).collect(),
    };
    let path = root().join("tests/cases").join(file);
    of(Dataset::from_path(&path, &columns).unwrap().centered(centring))
}

pub fn of(dataset: Dataset) -> Arc<Model> {
    let priors = PriorScales::for_data(&dataset);
    Arc::new(Model::builder(Arc::new(dataset)).priors(priors).build())
}

/// `groups` groups of `rows` rows, with an intercept and `slopes` slopes that vary.
pub fn simulated(groups: usize, rows: usize, slopes: usize) -> Arc<Model> {
    let n = groups * rows;
    let mut normals = vec![0.0; groups * (slopes + 1) + n * (slopes + 1)];
    StreamKey { seed: 23, chain: groups as u32, transition: slopes as u32 }.normals(Purpose::Stream, &mut normals);
    let (effects, rest) = normals.split_at(groups * (slopes + 1));
    let (noise, x) = rest.split_at(n);
    let labels: Vec<String> = (0..n).map(|i| format!("g{}", i / rows)).collect();
    let y = |i: usize| {
        let effect = |k: usize| 0.4 * effects[k * groups + i / rows];
        1.0 + effect(0) + (0..slopes).map(|k| (0.5 + effect(k + 1)) * x[k * n + i]).sum::<f64>() + 0.8 * noise[i]
    };
    let names: Vec<String> = (0..slopes).map(|k| format!("x{k}")).collect();
    let predictors = x.chunks_exact(n).map(<[f64]>::to_vec).collect();
    of(Dataset::from_columns("simulated", "g", "y", &names, &labels, (0..n).map(y).collect(), predictors).unwrap())
}

/// Groups with the same predictor in another order, so many that they are more than one row of the closed form.
pub fn balanced(groups: usize) -> Arc<Model> {
    const X: [f64; 5] = [0.1, 0.7, 1.9, 2.3, 3.1];
    let n = groups * X.len();
    let mut normals = vec![0.0; 2 * groups + n];
    StreamKey { seed: 31, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let (effects, noise) = normals.split_at(2 * groups);
    let (group, x) = (|i: usize| i / X.len(), |i: usize| X[(i + i / X.len()) % X.len()]);
    let y = |i: usize| 1.0 + 0.4 * effects[group(i)] + (0.5 + 0.3 * effects[groups + group(i)]) * x(i) + noise[i];
    let labels: Vec<String> = (0..n).map(|i| group(i).to_string()).collect();
    let predictors = vec![(0..n).map(x).collect()];
    of(Dataset::from_columns("balanced", "g", "y", &["x"], &labels, (0..n).map(y).collect(), predictors).unwrap())
}

pub fn proposal(model: &Model) -> Proposal {
    Proposal::certified(model, &Landscape::of(model)).unwrap()
}

fn draws(model: &Arc<Model>, settings: Settings) -> Sampled {
    sample(model.clone(), Settings { sampler: Sampler::Independent, ..settings }, Arc::new(Progress::default()))
        .unwrap()
}

/// All variables of a run against the exact posterior, in standard errors of independent draws.
#[test]
fn draws_are_the_exact_posteriors() {
    let cases = [
        of(Dataset::radon().unwrap()),
        case("01-sleepstudy.csv", "Subject", "Reaction", &["Days"], Centring::Far),
        case("02-dyestuff.csv", "Batch", "Yield", &[], Centring::Far),
        case("03-dyestuff2.csv", "Batch", "Yield", &[], Centring::Far),
        case("16-two-per-group.csv", "id", "y", &["T"], Centring::Far),
        case("17-singletons.csv", "g", "y", &[], Centring::Far),
        case("17-singletons.csv", "g", "y", &["x"], Centring::Far),
        case("17b-half-singletons.csv", "g", "y", &["x"], Centring::Far),
        simulated(6, 3, 1),
        simulated(3, 8, 1),
        simulated(2, 25, 1),
    ];
    for (number, model) in cases.iter().enumerate() {
        let exact = Exact::of(model).unwrap();
        let sampled =
            draws(model, Settings { chains: 8, draws: 15_000, seed: 40 + number as u64, ..Settings::default() });
        let summary = RunSummary::of(&sampled);
        assert_eq!(summary.repeated, Some(0), "{number}");
        let verification = Verification::of(&sampled, &summary, &exact);
        let Verification { largest, largest_of, root_mean_square, compared, .. } = &verification;
        println!("{number}: {compared} scores, largest {largest:.2} ({largest_of}), rms {root_mean_square:.2}");
        assert!(*compared >= 3 * model.layout().hyperparameters(), "{number}: {compared}");
        assert!(!verification.biased, "{number}: {verification:?}");
    }
}

/// A draw of `dim` coordinates for each key.
fn drawn(proposal: &Proposal, dim: usize, keys: &[StreamKey]) -> (Vec<Vec<f64>>, Vec<IndependentDraw>) {
    let mut thetas = vec![0.0; keys.len() * dim];
    let mut drawn = vec![IndependentDraw::default(); keys.len()];
    proposal.draw(keys, &mut thetas, &mut drawn);
    (thetas.chunks_exact(dim).map(<[f64]>::to_vec).collect(), drawn)
}

/// Four, five and six scales have no exact posterior here, and are held against weighted draws from a wide normal.
#[test]
fn more_scales_are_drawn_as_importance_sampling_weighs_them() {
    for slopes in [2, 3, 4] {
        let model = simulated(30, 40, slopes);
        let (k, scales) = (slopes + 1, slopes + 2);
        let landscape = Landscape::of(&model);
        let proposal = Proposal::certified(&model, &landscape).unwrap();
        println!("{slopes} slopes: {} nodes, {:?}", proposal.nodes(), proposal.certificate());
        assert!(proposal.certificate().efficiency > 0.8, "{:?}", proposal.certificate());
        let count = 200_000u32;
        let keys: Vec<StreamKey> = (0..count).map(|chain| StreamKey { seed: 8, chain, transition: 0 }).collect();
        let (mut ours, _) = drawn(&proposal, k + scales, &keys);
        ours.iter_mut().for_each(|theta| theta[k..].iter_mut().for_each(|log_scale| *log_scale = log_scale.exp()));
        // Student's t with three degrees of freedom about the moments of these draws, wider than they are, so that a
        // wrong draw would be seen; of the scales themselves, whose logarithms have tails that no t covers. The weights
        // have the density of `CpuDensity`, which shares nothing with `Proposal`.
        let moments = |rows: &[Vec<f64>], weights: &[f64]| {
            let total: f64 = weights.iter().sum();
            let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
            let mean = |i: usize| rows.iter().zip(weights).map(|(row, weight)| weight * row[i]).sum::<f64>() / total;
            let means: Vec<f64> = (0..k + scales).map(mean).collect();
            let variance = |i: usize| {
                rows.iter().zip(weights).map(|(row, weight)| weight * (row[i] - means[i]).powi(2)).sum::<f64>() / total
            };
            (means.clone(), (0..k + scales).map(variance).collect::<Vec<f64>>(), total * total / squares)
        };
        let (means, variances, _) = moments(&ours, &vec![1.0; ours.len()]);
        let theirs: Vec<(Vec<f64>, f64)> = (0..4 * count)
            .into_par_iter()
            .map_init(
                || CpuDensity::new(&model),
                |density, chain| {
                    let mut normals = vec![0.0; k + scales + 3];
                    StreamKey { seed: 9, chain, transition: 0 }.normals(Purpose::Stream, &mut normals);
                    let (normals, chi) = normals.split_at(k + scales);
                    let stretch = 1.15 * (3.0 / chi.iter().map(|x| x * x).sum::<f64>()).sqrt();
                    let row: Vec<f64> =
                        (0..k + scales).map(|i| means[i] + stretch * variances[i].sqrt() * normals[i]).collect();
                    let square: f64 = (0..k + scales).map(|i| (row[i] - means[i]).powi(2) / variances[i]).sum::<f64>()
                        / 1.15f64.powi(2);
                    let log_t = -0.5 * (3.0 + (k + scales) as f64) * (square / 3.0).ln_1p();
                    let mut theta = row.clone();
                    theta[k..].iter_mut().for_each(|scale| *scale = scale.ln());
                    // Density of the scales: a scale that is not positive has none.
                    let jacobian: f64 = theta[k..].iter().sum();
                    let mut gradient = vec![0.0; theta.len()];
                    let log_density = match jacobian.is_nan() {
                        true => f64::NEG_INFINITY,
                        false => density.log_density(&theta, &mut gradient) - jacobian,
                    };
                    (row, log_density - log_t)
                },
            )
            .collect();
        let top = theirs.iter().map(|(_, weight)| *weight).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = theirs.iter().map(|(_, weight)| (weight - top).exp()).collect();
        let rows: Vec<Vec<f64>> = theirs.into_iter().map(|(row, _)| row).collect();
        let (weighed, spreads, effective) = moments(&rows, &weights);
        println!("   {effective:.0} effective weighted draws");
        assert!(effective > 5_000.0, "{effective}");
        for i in 0..k + scales {
            // Of the mean, and of the variance as of a tail of few groups: kurtosis is allowed to be 9.
            let error = (variances[i] / f64::from(count) + spreads[i] / effective).sqrt();
            let z = (means[i] - weighed[i]) / error;
            let ratio = (variances[i] / spreads[i]).ln() / (8.0 / f64::from(count) + 8.0 / effective).sqrt();
            println!("   {i}: mean {z:.2}, variance {ratio:.2}");
            // A self-normalized mean of heavy weights is no normal: twice what chance allows one.
            assert!(z.abs() < 1.3 * chance::largest(60) && ratio.abs() < chance::largest(60), "{i}: {z} {ratio}");
        }
    }
}

#[test]
fn the_log_density_of_a_draw_is_the_models_and_its_weight_is_known_afterwards() {
    let few = [of(Dataset::radon().unwrap()), simulated(9, 5, 0), simulated(20, 20, 2), simulated(30, 40, 4)];
    for model in few.into_iter().chain([balanced(700), simulated(700, 3, 0)]) {
        let (proposal, mut density) = (proposal(&model), CpuDensity::new(&model));
        let mut gradient = vec![0.0; model.dim()];
        let keys: Vec<StreamKey> = (0..500).map(|chain| StreamKey { seed: 4, chain, transition: 7 }).collect();
        let (thetas, drawings) = drawn(&proposal, model.dim(), &keys);
        for (theta, drawn) in thetas.iter().zip(drawings) {
            let log_density = density.log_density(theta, &mut gradient);
            assert!((drawn.log_density - log_density).abs() < 1e-9 * log_density.abs(), "{drawn:?} {log_density}");
            let excess = proposal.excess(theta);
            assert!((drawn.excess - excess).abs() < 1e-8, "{drawn:?} {excess}");
        }
    }
}

#[test]
fn draws_depend_on_their_place_alone() {
    let model = simulated(7, 5, 1);
    let settings = Settings { chains: 6, draws: 500, threads: 1, seed: 12, ..Settings::default() };
    let one = draws(&model, settings);
    assert_eq!(one.draws.values(), draws(&model, Settings { threads: 3, ..settings }).draws.values());
    // A part of the chains, fewer draws, and no effects.
    let shard = draws(&model, Settings { first_chain: 2, chains: 3, ..settings });
    let shorter = draws(&model, Settings { draws: 123, ..settings });
    let hyper = draws(&model, Settings { keep: Keep::Hyper, ..settings });
    for i in 0..one.draws.variables() {
        let whole = one.draws.variable(i).into_owned();
        assert_eq!(whole[2 * 500..5 * 500], *shard.draws.variable(i));
        for chain in 0..6 {
            assert_eq!(whole[chain * 500..][..123], shorter.draws.variable(i)[chain * 123..][..123]);
        }
        assert!(i >= hyper.draws.variables() || whole == *hyper.draws.variable(i));
    }
}

#[test]
fn a_killed_run_ends_with_the_bytes_of_one_that_was_not() {
    let folder = Folder::new();
    let line = "sample --sampler independent --chains 4 --draws 20000 --keep hyper --quiet --no-report";
    done(&folder, &format!("{line} --out whole"));
    for (at, run) in [("draws 16", "early"), ("draws 3000", "late")] {
        kill(&folder, &format!("{line} --checkpoint-every 0 --out {run}"), at);
        let resumed = folder.run(&format!("sample --resume {run} --quiet"));
        assert_eq!(resumed.code, 0, "{resumed:?}");
        same_bytes(&folder, "whole", run);
    }
}

/// The title of a figure of a page.
const GROWTH: &str = "Effective sample size over draws";

/// A proposal that is wrong is refused, or corrected; without the correction, the run is found biased.
#[test]
fn a_wrong_proposal_is_refused_or_corrected() {
    let line = "verify --sampler independent --chains 16 --draws 20000 --keep hyper --quiet --no-report --out";
    let folder = Folder::new();
    for (fault, code) in [
        ("proposal-shifted", 2),
        ("proposal-narrow", 2),
        ("proposal-nudged", 0),
        ("proposal-hole", 2),
        ("proposal-low-bound", 0),
        ("proposal-low-bound, proposal-uncorrected", 3),
    ] {
        let run = fault.replace([',', ' '], "-");
        let ran = planted(&folder, &format!("{line} {run}"), fault);
        println!("{fault}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, code, "{fault}: {ran:?}");
        match code {
            2 => assert!(ran.stderr.contains("their proposal") && !folder.path(&run).exists(), "{ran:?}"),
            3 => assert!(ran.stdout.contains("biased beyond doubt"), "{ran:?}"),
            _ => assert!(ran.stdout.contains("Nothing is wrong that so many draws could show"), "{ran:?}"),
        }
        let repeated = (code == 0).then(|| summary(&folder, &run)["repeated"].as_u64().unwrap());
        assert_eq!(
            repeated.is_some_and(|repeated| repeated > 100),
            fault == "proposal-low-bound",
            "{fault}: {repeated:?}"
        );
    }
}

#[test]
fn the_error_of_a_mean_is_that_of_independent_draws_where_none_is_repeated() {
    let folder = Folder::new();
    let line = "sample --sampler independent --chains 8 --draws 2000 --quiet --no-report --out";
    for (run, fault) in [("sound", ""), ("faulty", "proposal-low-bound")] {
        let ran = planted(&folder, &format!("{line} {run}"), fault);
        assert_eq!(ran.code, 0, "{ran:?}");
        let (summary, sampled) = (summary(&folder, run), Sampled::open(&folder.path(run)).unwrap());
        let is_repeated = summary["repeated"].as_u64().unwrap() > 0;
        assert_eq!(is_repeated, run == "faulty", "{}", summary["repeated"]);
        for (i, name) in sampled.names.iter().enumerate() {
            let values = sampled.draws.variable(i);
            let autocorrelated = Summary::of(Series::new(&values, 8));
            let moment = |power| values.iter().map(|x| (x - autocorrelated.mean).powi(power)).sum::<f64>() / 16_000.0;
            // The variance of (x - mean)^2 over n is that of the variance, whose root is the sd.
            let mcse_sd = ((moment(4) - moment(2).powi(2)) / 16_000.0).sqrt() / (2.0 * moment(2).sqrt());
            let mcse_mean = autocorrelated.sd / 16_000f64.sqrt();
            let independent = Summary { mcse_mean, mcse_sd, ess_bulk: 16_000.0, ess_tail: 16_000.0, ..autocorrelated };
            let expected = if is_repeated { autocorrelated } else { independent };
            for (field, expected, other) in [
                ("mcse_mean", expected.mcse_mean, if is_repeated { independent } else { autocorrelated }.mcse_mean),
                ("mcse_sd", expected.mcse_sd, if is_repeated { independent } else { autocorrelated }.mcse_sd),
                ("ess_bulk", expected.ess_bulk, if is_repeated { independent } else { autocorrelated }.ess_bulk),
                ("ess_tail", expected.ess_tail, if is_repeated { independent } else { autocorrelated }.ess_tail),
                ("rhat", expected.rhat, f64::NAN),
                ("q05", expected.q05, f64::NAN),
            ] {
                let here = summary["parameters"][name][field].as_f64().unwrap();
                assert!((here / expected - 1.0).abs() < 1e-10, "{run}, {name}: {field} {here} and not {expected}");
                assert_ne!(expected, other, "{name}");
            }
        }
        let says = if is_repeated { "smallest bulk ESS 1" } else { "\nESS 16000: every draw counts (" };
        assert!(ran.stdout.contains(says), "{ran:?}");
        let page = folder.run(&format!("report {run}"));
        assert_eq!(page.code, 0, "{page:?}");
        let has_growth = std::fs::read_to_string(folder.path(run).join("report.html")).unwrap().contains(GROWTH);
        assert_eq!(has_growth, is_repeated, "{run}");
    }
}

/// Sums of draws know what the draws themselves say.
#[test]
fn summed_draws_have_the_errors_of_independent_ones_where_none_is_repeated() {
    let folder = Folder::new();
    let line = "sample --sampler independent --chains 64 --draws 300 --quiet --no-report";
    for (run, fault) in [("sound", ""), ("faulty", "proposal-low-bound")] {
        for (keep, out) in [("all", "kept"), ("summary", "summed")] {
            let ran = planted(&folder, &format!("{line} --keep {keep} --out {run}-{out}"), fault);
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        let [kept, summed] = ["kept", "summed"].map(|out| summary(&folder, &format!("{run}-{out}")));
        assert_eq!(kept["repeated"], summed["repeated"]);
        assert_eq!(kept["repeated"] == 0, run == "sound");
        for name in kept["parameters"].as_object().unwrap().keys() {
            let [kept, summed] = [&kept, &summed].map(|all| {
                let row = &all["parameters"][name];
                ["mcse_mean", "ess_bulk", "ess_tail", "mcse_sd"].map(|field| row[field].as_f64().unwrap())
            });
            // The spread over 64 chains gives an error to 9 %.
            assert!((summed[3] / kept[3] - 1.0).abs() < 0.5, "{name}: {summed:?}, {kept:?}");
            if run == "sound" {
                assert!((summed[0] / kept[0] - 1.0).abs() < 1e-9, "{name}: {summed:?}, {kept:?}");
                assert_eq!((summed[1], summed[2], kept[1], kept[2]), (19_200.0, 19_200.0, 19_200.0, 19_200.0));
            } else {
                assert!(summed[1] != 19_200.0 && summed[2] != 19_200.0, "{name}: {summed:?}");
            }
        }
    }
}

/// The lattice of a model with few groups has more nodes than are allowed where each costs 20 times as much.
#[test]
fn a_proposal_that_would_be_too_much_work_is_refused() {
    let few = proposal(&simulated(100, 6, 3)).nodes();
    assert!(few > 500_000_000 / (2000 * 16), "{few}");
    let model = simulated(2000, 6, 3);
    let refused = Proposal::certified(&model, &Landscape::of(&model)).unwrap_err();
    assert_eq!(refused, NoProposal::Unfit);
    assert!(refused.to_string().contains("too many scales, or groups"), "{refused}");
}

#[test]
fn auto_says_what_it_takes_and_why() {
    let folder = Folder::new();
    let run = |options: &str| folder.run(&format!("sample --quiet --no-report --chains 4 --draws 250 {options}"));
    let taken = run("");
    assert!(
        taken.code == 0
            && taken.stdout.contains("sampler independent: no chains; a certified proposal, with an efficiency of 0."),
        "{taken:?}"
    );
    // Without effects the data are not held against replicates, of which radon has heavier tails.
    let clean = run("--keep hyper");
    assert!(clean.stdout.contains("No warnings: the draws are independent"), "{clean:?}");
    assert!(taken.stdout.contains("independent draws: 1.") && !taken.stdout.contains("step size"), "{taken:?}");
    for (option, why) in [
        ("--warmup 300", "sampler nuts: --warmup is about chains"),
        ("--thin 2", "sampler nuts: --thin is about chains"),
        ("--parameterization non-centered", "sampler nuts: draws cannot be independent: they need the group effects"),
        ("--sampler nuts", "leapfrogs a draw"),
    ] {
        let chains = run(option);
        assert!(chains.stdout.contains(why) && chains.stdout.contains("leapfrogs a draw"), "{option}: {chains:?}");
        let refused = run(&format!("{option} --sampler independent"));
        assert!(refused.code == 2 && refused.stderr.contains("--sampler"), "{option}: {refused:?}");
    }
}

/// Simulation-based calibration (Talts and others 2018): true parameters are anywhere among the draws, with equal
/// chances.
#[test]
fn true_parameters_are_anywhere_among_the_draws() {
    const DATA_SETS: u32 = 600;
    const DRAWS: u32 = 99;
    let (groups, rows) = (6, 3);
    let places: Vec<Option<Vec<f64>>> = (0..DATA_SETS)
        .into_par_iter()
        .map(|chain| {
            let key = StreamKey { seed: 77, chain, transition: 0 };
            let mut normals = vec![0.0; 2 + 2 * groups + 2 * groups * rows];
            key.normals(Purpose::Stream, &mut normals);
            let scales: Vec<f64> =
                (20..23).map(|i| (std::f64::consts::FRAC_PI_2 * key.uniform(Purpose::Start, i)).tan()).collect();
            let (hyper, rest) = normals.split_at(2);
            let (effects, rest) = rest.split_at(2 * groups);
            let (noise, x) = rest.split_at(groups * rows);
            let effect = |k: usize, j: usize| hyper[k] + scales[k] * effects[k * groups + j];
            let y = |i: usize| effect(0, i / rows) + effect(1, i / rows) * x[i] + scales[2] * noise[i];
            let labels: Vec<String> = (0..groups * rows).map(|i| format!("g{}", i / rows)).collect();
            let y = (0..groups * rows).map(y).collect();
            let dataset = Dataset::from_columns("simulated", "g", "y", &["x"], &labels, y, vec![x.to_vec()]).ok()?;
            let priors = PriorScales { mu_sd: vec![1.0; 2], sigma_scale: vec![1.0; 2], eps_scale: 1.0 };
            let model = Model::builder(Arc::new(dataset)).priors(priors).build();
            let proposal = Proposal::certified(&model, &Landscape::of(&model)).ok()?;
            let truth = [hyper[0], hyper[1], scales[0], scales[1], scales[2]];
            let mut below = vec![0.0; 5];
            let mut named = vec![0.0; model.layout().dim()];
            let keys: Vec<StreamKey> = (0..DRAWS).map(|transition| StreamKey { seed: 78, chain, transition }).collect();
            for theta in &drawn(&proposal, 5, &keys).0 {
                model.constrain(theta, &mut named);
                below.iter_mut().zip(named.iter().zip(truth)).for_each(|(below, (drawn, truth))| {
                    *below += if *drawn < truth { 1.0 } else { 0.0 };
                });
            }
            Some(below)
        })
        .collect();
    let refused = places.iter().filter(|places| places.is_none()).count();
    println!("{refused} data sets without independent draws");
    assert!(refused <= DATA_SETS as usize / 50, "{refused}");
    let places: Vec<&Vec<f64>> = places.iter().flatten().collect();
    for variable in 0..5 {
        // Ranks 0..=99 in ten bins; chi-square of nine degrees of freedom is above 50 with a chance of 1e-7.
        let mut counts = [0.0; 10];
        places.iter().for_each(|place| counts[(place[variable] / 10.0) as usize] += 1.0);
        let expected = places.len() as f64 / 10.0;
        let chi: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum();
        println!("{variable}: {counts:?} {chi:.1}");
        assert!(chi < 50.0, "{variable}: {counts:?}");
    }
}

#[test]
fn models_that_leave_effects_in_or_have_too_many_scales_are_refused() {
    let many = simulated(12, 15, 5);
    let refused = Proposal::certified(&many, &Landscape::of(&many));
    assert!(matches!(refused, Err(NoProposal::Scales { scales: 7 })), "{refused:?}");
    let joint = many.joint(warpnuts::model::Centering::Centered);
    assert!(matches!(Proposal::certified(&joint, &Landscape::of(&many)), Err(NoProposal::Effects { .. })));
    // A mode that the cells do not reach: its mass is missing.
    let model = of(Dataset::radon().unwrap());
    let landscape = Landscape::of(&model);
    let mut two = landscape.clone();
    let mut other = two.peaks[0].clone();
    other.theta.iter_mut().skip(2).for_each(|log_scale| *log_scale += 8.0);
    two.peaks.push(other);
    let refused = Proposal::certified(&model, &two);
    assert!(matches!(refused, Err(NoProposal::Uncertified(_))), "{refused:?}");
}

/// Investments over calendar years that are not centred: two modes, of which one is all the mass.
#[test]
fn modes_apart_are_reached_or_refused() {
    let model = case("36-grunfeld.csv", "firm", "inv", &["year"], Centring::None);
    let landscape = Landscape::of(&model);
    assert!(landscape.is_split());
    match Proposal::certified(&model, &landscape) {
        Ok(proposal) => {
            let exact = Exact::of(&model).unwrap();
            println!("{} nodes, {:?}", proposal.nodes(), proposal.certificate());
            let sampled = draws(&model, Settings { chains: 8, draws: 10_000, ..Settings::default() });
            let verification = Verification::of(&sampled, &RunSummary::of(&sampled), &exact);
            assert!(!verification.biased, "{verification:?}");
        }
        Err(no) => println!("{no}"),
    }
}
