//! The state of adaptation in warm-up: each chain's step size, by dual averaging, and the moments of each chain's
//! draws, from which the metric is computed.

use bytemuck::{cast_slice, cast_slice_mut};
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::lanes::{Lanes, Vector};
use crate::math::{exp, ln};

/// Dual averaging of the log step size towards a mean acceptance (Hoffman and Gelman 2014, section 3.2).
#[derive(Debug, Clone)]
pub struct StepSize {
    target: f64,
    gain: f64,
    centre: f64,
    error: f64,
    log_step: f64,
    log_mean: f64,
    count: f64,
}

impl StepSize {
    /// t0 of the paper.
    pub const T0: f64 = 10.0;
    /// kappa of the paper.
    pub const KAPPA: f64 = 0.75;

    /// Starts at `step_size`, with `target` for the mean acceptance. `gain` is the paper's 1/gamma: how far an error in
    /// acceptance moves the log step size.
    pub fn new(step_size: f64, target: f64, gain: f64) -> StepSize {
        let log_step = ln(step_size);
        StepSize { target, gain, centre: log_step, error: 0.0, log_step, log_mean: log_step, count: 0.0 }
    }

    /// The step size of the next transition.
    pub fn current(&self) -> f64 {
        exp(self.log_step)
    }

    /// The log of the learned step size, an average over the transitions so far.
    pub fn log_mean(&self) -> f64 {
        self.log_mean
    }

    /// Learns from the acceptance of a transition with the current step size.
    pub fn learn(&mut self, acceptance: f64) {
        self.count += 1.0;
        let weight = 1.0 / (self.count + StepSize::T0);
        self.error += weight * (self.target - acceptance - self.error);
        self.log_step = self.centre - self.gain * self.count.sqrt() * self.error;
        let share = exp(-StepSize::KAPPA * ln(self.count));
        self.log_mean += share * (self.log_step - self.log_mean);
    }
}

/// Running means and sums of squared deviations of positions and gradients, per coordinate (Welford 1962; joined as by
/// Chan, Golub and LeVeque 1983).
#[derive(Debug, Clone)]
pub struct Moments {
    count: f64,
    position: RunningVector,
    gradient: RunningVector,
}

#[derive(Debug, Clone)]
struct RunningVector {
    mean: Vector,
    squares: Vector,
}

impl RunningVector {
    fn new(dim: usize) -> RunningVector {
        RunningVector { mean: Vector::zeros(dim), squares: Vector::zeros(dim) }
    }

    /// Joins the moments of `theirs` values to these moments of `ours` values.
    fn join(&mut self, other: &RunningVector, ours: f64, theirs: f64) {
        let share = theirs / (ours + theirs);
        let pairs = other.mean.iter().zip(&*other.squares);
        for ((mean, squares), (other_mean, other_squares)) in self.mean.iter_mut().zip(&mut *self.squares).zip(pairs) {
            let apart = other_mean - *mean;
            *mean += share * apart;
            *squares += other_squares + apart * apart * ours * share;
        }
    }
}

/// Adds one value per coordinate; `share` is 1 / count, this value counted.
#[multiversion(targets = "simd")]
fn add(values: &[Lanes], share: f64, mean: &mut [Lanes], squares: &mut [Lanes]) {
    let values: &[f64] = cast_slice(values);
    let (mean, squares): (&mut [f64], &mut [f64]) = (cast_slice_mut(mean), cast_slice_mut(squares));
    for ((value, mean), squares) in values.iter().zip(mean).zip(squares) {
        let before = value - *mean;
        *mean += share * before;
        *squares += before * (value - *mean);
    }
}

/// Mean and variance of the coordinates of theta, unconstrained and in the sampler's units, over a window of warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionMoments {
    /// Mean of each coordinate.
    pub mean: Vec<f64>,
    /// Variance of each coordinate.
    pub variance: Vec<f64>,
}

impl Moments {
    /// Moments of no draws, in `dim` dimensions.
    pub fn new(dim: usize) -> Moments {
        Moments { count: 0.0, position: RunningVector::new(dim), gradient: RunningVector::new(dim) }
    }

    /// Moments of `count` draws: means and sums of squared deviations of positions, then of gradients.
    pub fn of_parts(count: f64, [mean, squares, gradient_mean, gradient_squares]: [Vec<f64>; 4]) -> Moments {
        let running = |mean: Vec<f64>, squares: Vec<f64>| RunningVector {
            mean: Vector::from(&mean[..]),
            squares: Vector::from(&squares[..]),
        };
        Moments { count, position: running(mean, squares), gradient: running(gradient_mean, gradient_squares) }
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.position.mean.len()
    }

    /// Removes all draws.
    pub fn clear(&mut self) {
        self.count = 0.0;
        for running in [&mut self.position, &mut self.gradient] {
            running.mean.fill(0.0);
            running.squares.fill(0.0);
        }
    }

    /// Adds a draw.
    pub fn add(&mut self, position: &Vector, gradient: &Vector) {
        self.count += 1.0;
        for (values, running) in [(position, &mut self.position), (gradient, &mut self.gradient)] {
            add(values.lanes(), 1.0 / self.count, running.mean.lanes_mut(), running.squares.lanes_mut());
        }
    }

    /// Adds the draws of another chain.
    pub fn join(&mut self, other: &Moments) {
        if other.count == 0.0 {
            return;
        }
        self.position.join(&other.position, self.count, other.count);
        self.gradient.join(&other.gradient, self.count, other.count);
        self.count += other.count;
    }

    /// Number of draws.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Mean and variance of each coordinate over all draws.
    pub fn spread(&self) -> PositionMoments {
        PositionMoments { mean: self.position.mean.to_vec(), variance: self.position_variance().collect() }
    }

    /// Variance of each coordinate over all draws.
    pub fn position_variance(&self) -> impl Iterator<Item = f64> {
        self.position.squares.iter().map(|squares| squares / (self.count - 1.0))
    }

    /// Variance of each entry of the gradient over all draws.
    pub fn gradient_variance(&self) -> impl Iterator<Item = f64> {
        self.gradient.squares.iter().map(|squares| squares / (self.count - 1.0))
    }
}
