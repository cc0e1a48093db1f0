//! Autocovariance at every lag, averaged over chains, by the fast Fourier transform.
//!
//! The transform is linear, so the chains' power spectra are added, and only their sum is transformed back: C chains
//! cost C + 1 transforms and not 2C.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use multiversion::multiversion;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::moments::mean;
use super::series::Series;

/// The number of lags that are computed without a transform.
pub(super) const FIRST: usize = 8;

/// A cache of transform plans.
static PLANNER: LazyLock<Mutex<RealFftPlanner<f64>>> = LazyLock::new(|| Mutex::new(RealFftPlanner::new()));

/// The transforms for chains of one length; cheap to clone, and shared by threads.
#[derive(Clone)]
pub(super) struct FftPlan {
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
}

impl FftPlan {
    pub(super) fn new(draws: usize) -> Self {
        // Zero padding after the draws, as long as the draws, so that the ends of a chain do not meet.
        let length = fast_length(2 * draws.max(1));
        let mut planner = PLANNER.lock().unwrap_or_else(PoisonError::into_inner);
        Self { forward: planner.plan_fft_forward(length), inverse: planner.plan_fft_inverse(length) }
    }
}

/// A plan and its buffers.
pub(super) struct Autocovariance {
    plan: FftPlan,
    signal: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    power: Vec<f64>,
    forward_scratch: Vec<Complex<f64>>,
    inverse_scratch: Vec<Complex<f64>>,
}

impl Autocovariance {
    /// A plan and buffers for chains of `draws` draws.
    pub(super) fn of_length(draws: usize) -> Self {
        Self::new(FftPlan::new(draws))
    }

    pub(super) fn new(plan: FftPlan) -> Self {
        let spectrum = plan.forward.make_output_vec();
        Self {
            signal: plan.forward.make_input_vec(),
            power: vec![0.0; spectrum.len()],
            forward_scratch: plan.forward.make_scratch_vec(),
            inverse_scratch: plan.inverse.make_scratch_vec(),
            spectrum,
            plan,
        }
    }

    /// Mean over the chains of sum_i (x_i - m)(x_{i+t} - m) / draws, for every lag t from 0 to draws - 1, where m is
    /// the chain's own mean. The plan must be for chains of this length.
    pub(super) fn of(&mut self, series: Series) -> &[f64] {
        self.begin();
        series.iter().for_each(|chain| self.add(chain));
        self.end(series.chains(), series.draws())
    }

    /// Autocovariance at the first lags only, without a transform: enough for chains that mix well.
    pub(super) fn first(&mut self, series: Series) -> [f64; FIRST] {
        let mut lags = [0.0; FIRST];
        for chain in series.iter() {
            let mean = mean(chain);
            let centred = &mut self.signal[..chain.len()];
            centred.iter_mut().zip(chain).for_each(|(centred, draw)| *centred = draw - mean);
            products(centred, &mut lags);
        }
        lags.map(|lag| lag / series.values().len() as f64)
    }

    /// Clears the sum over chains.
    pub(super) fn begin(&mut self) {
        self.power.fill(0.0);
    }

    /// Autocovariance at every lag of the `chains` chains of `draws` draws added since [`begin`](Self::begin).
    pub(super) fn end(&mut self, chains: usize, draws: usize) -> &[f64] {
        for (frequency, &power) in self.spectrum.iter_mut().zip(&self.power) {
            *frequency = Complex::new(power, 0.0);
        }
        self.plan
            .inverse
            .process_with_scratch(&mut self.spectrum, &mut self.signal, &mut self.inverse_scratch)
            .expect("the plan made these buffers, and a power spectrum is real");
        // The transforms omit the factor 1 / length.
        let scale = 1.0 / (self.signal.len() * chains * draws) as f64;
        let lags = &mut self.signal[..draws];
        lags.iter_mut().for_each(|lag| *lag *= scale);
        lags
    }

    /// Adds the next chain of the series.
    pub(super) fn add(&mut self, chain: &[f64]) {
        let mean = mean(chain);
        let (centred, padding) = self.signal.split_at_mut(chain.len());
        for (centred, draw) in centred.iter_mut().zip(chain) {
            *centred = draw - mean;
        }
        padding.fill(0.0);
        self.plan
            .forward
            .process_with_scratch(&mut self.signal, &mut self.spectrum, &mut self.forward_scratch)
            .expect("the plan made these buffers");
        for (power, frequency) in self.power.iter_mut().zip(&self.spectrum) {
            *power += frequency.norm_sqr();
        }
    }
}

/// Adds the sum of `chain[i] * chain[i + lag]` to each lag, in eight running sums.
#[multiversion(targets = "simd")]
fn products(chain: &[f64], lags: &mut [f64; FIRST]) {
    for (lag, total) in lags.iter_mut().enumerate() {
        let later = &chain[lag.min(chain.len())..];
        let (eights, rest) = later.as_chunks::<8>();
        let (before, before_rest) = chain[..later.len()].as_chunks::<8>();
        let mut lanes = [0.0; 8];
        for (eight, before) in eights.iter().zip(before) {
            for i in 0..8 {
                lanes[i] += eight[i] * before[i];
            }
        }
        let rest: f64 = rest.iter().zip(before_rest).map(|(a, b)| a * b).sum();
        *total += lanes.iter().sum::<f64>() + rest;
    }
}

/// Autocorrelation, averaged over the chains, at every lag from 0 (where it is 1) to draws - 1; empty without draws,
/// `NaN` if draws never change or are not finite.
pub fn autocorrelation(series: Series) -> Vec<f64> {
    if series.values().is_empty() {
        return Vec::new();
    }
    let mut autocovariance = Autocovariance::of_length(series.draws());
    let lags = autocovariance.of(series);
    let variance = if series.is_constant() { f64::NAN } else { lags[0] };
    lags.iter().map(|lag| lag / variance).collect()
}

/// The smallest even number, at least `least`, with no prime factor above 5.
fn fast_length(least: usize) -> usize {
    let is_smooth = |number: &usize| {
        let mut rest = *number;
        for prime in [2, 3, 5] {
            while rest.is_multiple_of(prime) {
                rest /= prime;
            }
        }
        rest == 1
    };
    (least.next_multiple_of(2)..).step_by(2).find(is_smooth).unwrap_or(least)
}
