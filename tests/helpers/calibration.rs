//! Simulation-based calibration: true parameters are anywhere among the draws, with equal probability.

use std::sync::Arc;

use rayon::prelude::*;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use warpnuts::engine::Progress;
use warpnuts::experiment::{MetricShape, Sampled, Settings, sample};
use warpnuts::model::Model;
use warpnuts::random::{Purpose, StreamKey};

use super::chance;

const BINS: usize = 10;

/// Standard normal numbers and uniform ones, of one simulated data set.
pub struct Source {
    pub key: StreamKey,
}

impl Source {
    pub fn normals(&mut self, count: usize) -> Vec<f64> {
        let mut normals = vec![0.0; count];
        self.key.normals(Purpose::Stream, &mut normals);
        self.key.transition += 1;
        normals
    }

    pub fn uniforms(&mut self) -> [f64; 4] {
        self.key.transition += 1;
        self.key.uniforms(Purpose::Stream, 0)
    }
}

/// A simulated model: its structure, its data, and the true values of all variables.
pub struct Simulated {
    pub model: Model,
    pub truth: Vec<f64>,
}

/// The shares of draws below the truth of the variables that are shown, in a data set (Talts and others 2018).
pub fn places_of(
    Simulated { model, truth }: Simulated,
    shown: &[usize],
    settings: Settings,
    draw: impl Fn(Arc<Model>, Settings) -> Sampled,
) -> Vec<f64> {
    // As the program has it.
    let metric = if model.mixed().is_some() { MetricShape::LowRank } else { MetricShape::Diagonal };
    let sampled = draw(Arc::new(model), Settings { metric, ..settings });
    assert_eq!(sampled.names.len(), truth.len());
    let below = |i: &usize| {
        let values = sampled.draws.variable(*i);
        values.iter().filter(|value| **value < truth[*i]).count() as f64 / values.len() as f64
    };
    shown.iter().map(below).collect()
}

/// For each of so many data sets these shares, on the CPU.
pub fn places(data_sets: u32, shown: &[usize], simulate: impl Fn(u32) -> Simulated + Sync) -> Vec<Vec<f64>> {
    (0..data_sets)
        .into_par_iter()
        .map(|number| {
            let settings = Settings { chains: 2, warmup: 300, draws: 300, thin: 2, threads: 1, ..Settings::default() };
            let settings = Settings { seed: u64::from(number), target_accept: 0.9, ..settings };
            let draw = |model, settings| sample(model, settings, Arc::new(Progress::default())).unwrap();
            places_of(simulate(number), shown, settings, draw)
        })
        .collect()
}

/// What is wrong with the places of a variable, among so many variables: that they are not uniform.
pub fn fault(places: &[f64], variables: usize) -> Option<String> {
    let count = places.len() as f64;
    let mut counts = [0.0; BINS];
    places.iter().for_each(|place| counts[((place * BINS as f64) as usize).min(BINS - 1)] += 1.0);
    let expected = count / BINS as f64;
    let statistic: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum();
    let p = ChiSquared::new(BINS as f64 - 1.0).unwrap().sf(statistic);
    let mean = places.iter().sum::<f64>() / count;
    let z = (mean - 0.5) * (12.0 * count).sqrt();
    if p <= 1e-6 / (2 * variables) as f64 {
        return Some(format!("chi-square {statistic}, {counts:?}"));
    }
    let is_off = z.abs() >= chance::largest(2 * variables);
    is_off.then(|| format!("places are {mean} on average, {z} standard errors off"))
}

/// Calibrates the variables that are shown.
pub fn calibrate(data_sets: u32, shown: &[usize], simulate: impl Fn(u32) -> Simulated + Sync) {
    are_uniform(&places(data_sets, shown, simulate), shown);
}

/// Asserts that the places of all variables are uniform.
pub fn are_uniform(places: &[Vec<f64>], shown: &[usize]) {
    for (at, variable) in shown.iter().enumerate() {
        let of_variable: Vec<f64> = places.iter().map(|places| places[at]).collect();
        let fault = fault(&of_variable, shown.len());
        assert!(fault.is_none(), "{variable}: {}", fault.unwrap_or_default());
    }
}
