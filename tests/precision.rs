//! Draws kept in 32 and in 16 bits against the same draws in 64 bits.

use std::sync::Arc;

use warpnuts::data::Dataset;
use warpnuts::draws::{Precision, location_scales};
use warpnuts::engine::Progress;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Sampled, Settings, sample};
use warpnuts::model::{Coordinates, Model, Priors, Scaling};
use warpnuts::summary::RunSummary;

use crate::helpers::models;
use crate::helpers::moved;

fn run(model: &Arc<Model>, draw_precision: Precision) -> Sampled {
    let settings = Settings { chains: 4, warmup: 300, draws: 500, draw_precision, seed: 8, ..Settings::default() };
    sample(model.clone(), settings, Arc::new(Progress::default())).unwrap()
}

#[test]
fn sixteen_bits_keep_draws_to_a_thousandth_of_their_sd() {
    for (parameterization, shift, stretch) in [
        ("non-centered", 0.0, 1.0),
        ("centered", 0.0, 1.0),
        ("a=centered,b=non-centered", -3e7, 1e4),
        ("marginal", 0.0, 1.0),
    ] {
        let model = moved::radon(parameterization, shift, stretch);
        let (whole, half) = (run(&model, Precision::F64), run(&model, Precision::F16));
        let summary = RunSummary::of(&whole);
        let (mut worst, mut squares) = (0.0f64, 0.0);
        for (i, parameter) in summary.parameters.0.iter().enumerate() {
            let (mean, sd) = (parameter.summary.mean, parameter.summary.sd);
            for (exact, kept) in whole.draws.variable(i).iter().zip(&*half.draws.variable(i)) {
                let (error, from_mean) = ((exact - kept).abs() / sd, (exact - mean).abs() / sd);
                squares += error * error;
                // Half a unit of 11 bits of the distance from the mean, which warm-up knows to a third of an sd.
                let bound = 2f64.powi(-11) * (from_mean + 0.34);
                assert!(error < bound, "{}: {error} at {from_mean}", parameter.name);
                if from_mean < 1.7 {
                    worst = worst.max(error);
                }
            }
        }
        let rms = (squares / (whole.draws.variables() * 2000) as f64).sqrt();
        println!("{parameterization}: root mean square {rms:.2e} sds, largest within 1.7 sds {worst:.2e}");
        assert!(worst < 1e-3 && rms < 3e-4, "{worst} {rms}");
        assert!(rms > 1e-5, "nothing was rounded: {rms}");
        // Summaries hardly change.
        let kept = RunSummary::of(&half);
        for (a, b) in summary.parameters.0.iter().zip(&kept.parameters.0) {
            let (a, b) = (a.summary, b.summary);
            assert!((a.mean - b.mean).abs() < 2e-4 * a.sd && (a.sd / b.sd - 1.0).abs() < 1e-3);
            assert!((a.ess_bulk / b.ess_bulk - 1.0).abs() < 0.05, "{} {}", a.ess_bulk, b.ess_bulk);
        }
    }
}

#[test]
fn thirty_two_bits_round_to_their_last() {
    let model = moved::radon("non-centered", 0.0, 1.0);
    let (whole, half) = (run(&model, Precision::F64), run(&model, Precision::F32));
    for (exact, kept) in whole.draws.values().iter().zip(&half.draws.values()) {
        assert_eq!(f64::from(*exact as f32), *kept);
    }
}

#[test]
fn units_are_the_posteriors_in_any_parameterization() {
    let dataset = Arc::new(Dataset::radon().unwrap());
    for parameterization in ["centered", "non-centered", "a=centered,b=non-centered", "marginal"] {
        let parameterization = Coordinates::parse(parameterization, dataset.predictor_names()).unwrap();
        let scaling = Scaling::standardizing(&dataset);
        let model = Arc::new(models::posterior(dataset.clone(), Priors::default(), parameterization, scaling));
        let exact = Exact::of(&model).unwrap();
        // Warm-up's own error is in it: 300 transitions of a centered model know sigma_b to a seventh of an sd.
        let settings = Settings { draws: 1, ..Settings::default() };
        let spread = sample(model.clone(), settings, Arc::new(Progress::default())).unwrap().run.spread.unwrap();
        let mut worst = (0.0, "");
        for ((name, truth), unit) in exact.names().iter().zip(exact.summary()).zip(location_scales(&model, &spread)) {
            let off = (unit.mean - truth.mean) / truth.sd;
            if f64::abs(off) > f64::abs(worst.0) {
                worst = (off, name);
            }
            assert!(off.abs() < 0.34, "{name}: {unit:?}, not {truth:?}");
            assert!((0.6..1.6).contains(&(unit.sd / truth.sd)), "{name}: {unit:?}, not {truth:?}");
        }
        println!("{}: the mean of {} is off by {:.3} sds", model.parameterization(), worst.1, worst.0);
    }
}
