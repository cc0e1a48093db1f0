//! Uphill: L-BFGS (Liu and Nocedal 1989) with the line search of More and Thuente, by the crate `argmin`, begun again from the
//! highest point where it stops too early.

use std::cell::RefCell;

use argmin::core::{CostFunction, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

/// At a mode no entry of the gradient is larger, in the sampler's units.
pub const GRADIENT_TOLERANCE: f64 = 1e-5;

/// Where a search for a mode would stop.
pub const AIM: f64 = 1e-9;

/// Steps that are remembered, steps of a search, and searches.
const MEMORY: usize = 12;
const STEPS: u64 = 500;
const SEARCHES: usize = 20;

/// The highest point that was found, in the sampler's units.
#[derive(Debug, Clone)]
pub struct Maximum {
    pub theta: Vec<f64>,
    pub log_density: f64,
    /// The largest entry of the gradient in size.
    pub gradient: f64,
}

/// The log density, upside down, in such a unit that a search's first step, which is as long as the gradient, is not longer than
/// one.
struct Descent<F> {
    surface: RefCell<F>,
    unit: f64,
    top: RefCell<Maximum>,
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Descent<F> {
    /// Negative log density and gradient; the highest point with a small gradient is kept.
    fn at(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let mut gradient = vec![0.0; theta.len()];
        let log_density = (self.surface.borrow_mut())(theta, &mut gradient);
        let largest = gradient.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
        let mut top = self.top.borrow_mut();
        // Near the top, values differ by rounding only, and gradients tell.
        let rounding = 1e-13 * log_density.abs();
        let higher = log_density > top.log_density + rounding;
        let flatter = (log_density - top.log_density).abs() <= rounding && largest < top.gradient;
        if higher || flatter {
            *top = Maximum { theta: theta.to_vec(), log_density, gradient: largest };
        }
        gradient.iter_mut().for_each(|entry| *entry /= -self.unit);
        (if log_density.is_nan() { f64::INFINITY } else { -log_density / self.unit }, gradient)
    }
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> CostFunction for &Descent<F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, theta: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.at(theta).0)
    }
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Gradient for &Descent<F> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, theta: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        Ok(self.at(theta).1)
    }
}

/// The highest point that a search on `surface` from `start` comes to, which ends where no entry of the gradient is larger than
/// `aim`. The surface is a log density, and writes its gradient.
pub fn maximize(surface: impl FnMut(&[f64], &mut [f64]) -> f64, start: Vec<f64>, aim: f64) -> Maximum {
    let nowhere = Maximum { theta: start.clone(), log_density: f64::NEG_INFINITY, gradient: f64::INFINITY };
    let mut descent = Descent { surface: RefCell::new(surface), unit: 1.0, top: RefCell::new(nowhere) };
    descent.at(&start);
    for _ in 0..SEARCHES {
        let before = descent.top.borrow().clone();
        descent.unit = (before.gradient * (start.len() as f64).sqrt()).max(1.0);
        let search = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(aim / descent.unit);
        let search = search.and_then(|search| search.with_tolerance_cost(0.0));
        if let Ok(search) = search {
            let from = before.theta.clone();
            // What a search says of its end is not needed: every point that it has seen was looked at.
            drop(Executor::new(&descent, search).configure(|state| state.param(from).max_iters(STEPS)).run());
        }
        let now = descent.top.borrow();
        if now.gradient <= aim || (now.log_density <= before.log_density && now.gradient >= before.gradient) {
            break;
        }
    }
    descent.top.into_inner()
}
