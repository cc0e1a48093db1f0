//! Checks that all programs sample the same posterior: by densities at points, and finally by `sigma_b`. A benchmark of
//! two posteriors would compare nothing.

use std::sync::Arc;

use warpnuts::data::Dataset;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::model::{Centering, Likelihood, Scaling};
use warpnuts::random::{Purpose, StreamKey};

use crate::by_hand::ByHand;
use crate::measured::Measured;
use crate::posterior::Posterior;
use crate::programs::{BASE, Program, model};

const POINTS: u32 = 20;
const TOLERANCE: f64 = 1e-9;
const STANDARD_ERRORS: f64 = 4.0;

/// Compares the hand-written gradient with warpnuts', and differences of log densities, as their constants may differ.
pub fn of_gradients(dataset: &Arc<Dataset>, effect: Centering) -> bool {
    let model = model(dataset, effect, Scaling::identity(dataset));
    let mut worst: f64 = 0.0;
    for likelihood in [Likelihood::Groups, Likelihood::Observations] {
        let mut ours = CpuDensity::new(&model.over(likelihood).unwrap());
        let mut theirs = ByHand::new(dataset, effect, likelihood);
        let mut theta = vec![0.0; theirs.dim()];
        let (mut by_ours, mut by_theirs) = (theta.clone(), theta.clone());
        let mut constant = None;
        for point in 0..POINTS {
            StreamKey { seed: 1, chain: 0, transition: point }.normals(Purpose::Stream, &mut theta);
            let log_density = ours.log_density(&theta, &mut by_ours);
            let apart = theirs.log_density(&theta, &mut by_theirs) - log_density;
            worst = worst.max((apart - *constant.get_or_insert(apart)).abs() / log_density.abs());
            // Relative to the gradient's largest entry, as a small entry is a difference of large numbers.
            let largest = by_ours.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
            for (a, b) in by_ours.iter().zip(&by_theirs) {
                worst = worst.max((a - b).abs() / largest);
            }
        }
    }
    // NaN is not agreement.
    let agreed = worst <= TOLERANCE;
    println!("{effect}: densities and gradients {} at {POINTS} points: relative difference {worst:.1e}", verb(agreed));
    agreed
}

/// Compares each program's mean of `sigma_b`, pooled over the seeds, with the base's mean.
pub fn of_sigma_b(programs: &[Program], measured: &[Vec<Measured>]) -> bool {
    let pooled: Vec<(f64, f64)> = measured.iter().map(|seeds| pooled_mean(seeds)).collect();
    let (base_mean, base_error) = pooled[BASE];
    let mut all_agreed = true;
    for (program, (mean, error)) in programs.iter().zip(&pooled) {
        let apart = (mean - base_mean).abs() / error.hypot(base_error);
        let agreed = apart <= STANDARD_ERRORS;
        all_agreed &= agreed;
        println!(
            "{}: mean of sigma_b {mean:.5} (standard error {error:.5}) {} with {}: {apart:.1} standard errors apart",
            program.name,
            verb(agreed),
            programs[BASE].name
        );
    }
    all_agreed
}

/// Mean over the seeds, and its standard error: from the Monte Carlo errors or from the spread of the seeds, whichever
/// is larger, as chains that mix badly underestimate their errors.
fn pooled_mean(seeds: &[Measured]) -> (f64, f64) {
    let n = seeds.len() as f64;
    let mean = seeds.iter().map(|seed| seed.sigma_b.mean).sum::<f64>() / n;
    let within = seeds.iter().map(|seed| seed.sigma_b.mcse_mean.powi(2)).sum::<f64>().sqrt() / n;
    let squares = seeds.iter().map(|seed| (seed.sigma_b.mean - mean).powi(2)).sum::<f64>();
    let between = (squares / (n - 1.0).max(1.0) / n).sqrt();
    (mean, within.max(between))
}

fn verb(agreed: bool) -> &'static str {
    if agreed { "agree" } else { "DO NOT AGREE" }
}
