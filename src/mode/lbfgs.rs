//! Maximization by L-BFGS (Liu and Nocedal 1989) with the line search of Moré and Thuente, from the crate `argmin`;
//! restarted from the highest point if it stops too early.

use std::cell::{Cell, RefCell};

use argmin::core::{CostFunction, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

/// At a mode no entry of the gradient is larger in size, in the sampler's units.
pub const GRADIENT_TOLERANCE: f64 = 1e-5;

/// Tolerance of a search: the largest absolute entry of the gradient.
pub const AIM: f64 = 1e-9;

/// Steps that L-BFGS remembers, most steps of a search, and most searches.
const MEMORY: usize = 12;
const STEPS: u64 = 500;
const SEARCHES: usize = 20;

/// Most evaluations of all searches from a start: line searches have no end of their own where gradients are wrong.
const EVALUATIONS: usize = 20_000;

/// The highest point found, in the sampler's units.
#[derive(Debug, Clone)]
pub struct Maximum {
    pub theta: Vec<f64>,
    pub log_density: f64,
    /// Largest absolute entry of the gradient.
    pub gradient: f64,
}

/// The negative log density, scaled so that a search's first step, which is the gradient, is no longer than one.
struct Descent<F> {
    surface: RefCell<F>,
    unit: f64,
    top: RefCell<Maximum>,
    left: Cell<usize>,
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Descent<F> {
    /// Scaled negative log density and its gradient, while evaluations are left. Records the highest point so far.
    fn at(&self, theta: &[f64]) -> Result<(f64, Vec<f64>), argmin::core::Error> {
        self.left.set(self.left.get().checked_sub(1).ok_or_else(|| argmin::core::Error::msg("no evaluation is left"))?);
        let mut gradient = vec![0.0; theta.len()];
        let log_density = (self.surface.borrow_mut())(theta, &mut gradient);
        let largest = gradient.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
        let mut top = self.top.borrow_mut();
        // Near the maximum, values differ by rounding only, and the smaller gradient decides.
        let rounding = 1e-13 * log_density.abs();
        let higher = log_density > top.log_density + rounding;
        let flatter = (log_density - top.log_density).abs() <= rounding && largest < top.gradient;
        if higher || flatter {
            *top = Maximum { theta: theta.to_vec(), log_density, gradient: largest };
        }
        gradient.iter_mut().for_each(|entry| *entry /= -self.unit);
        Ok((if log_density.is_nan() { f64::INFINITY } else { -log_density / self.unit }, gradient))
    }
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> CostFunction for &Descent<F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, theta: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        self.at(theta).map(|(cost, _)| cost)
    }
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Gradient for &Descent<F> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, theta: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        self.at(theta).map(|(_, gradient)| gradient)
    }
}

/// The highest point that a search on `surface` from `start` finds. The search ends when no entry of the gradient is
/// larger in size than `aim`. `surface` returns a log density, and writes its gradient.
pub fn maximize(surface: impl FnMut(&[f64], &mut [f64]) -> f64, start: Vec<f64>, aim: f64) -> Maximum {
    search_within(EVALUATIONS, surface, start, aim)
}

/// The same in so many evaluations at most.
fn search_within(
    evaluations: usize,
    surface: impl FnMut(&[f64], &mut [f64]) -> f64,
    start: Vec<f64>,
    aim: f64,
) -> Maximum {
    let nowhere = Maximum { theta: start.clone(), log_density: f64::NEG_INFINITY, gradient: f64::INFINITY };
    let (surface, left) = (RefCell::new(surface), Cell::new(evaluations));
    let mut descent = Descent { surface, unit: 1.0, top: RefCell::new(nowhere), left };
    drop(descent.at(&start));
    for _ in 0..SEARCHES {
        let before = descent.top.borrow().clone();
        descent.unit = (before.gradient * (start.len() as f64).sqrt()).max(1.0);
        let search = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(aim / descent.unit);
        let search = search.and_then(|search| search.with_tolerance_cost(0.0));
        if let Ok(search) = search {
            let from = before.theta.clone();
            // The search's result is not needed: `Descent` has recorded the best of all points evaluated.
            drop(Executor::new(&descent, search).configure(|state| state.param(from).max_iters(STEPS)).run());
        }
        let now = descent.top.borrow();
        if now.gradient <= aim || (now.log_density <= before.log_density && now.gradient >= before.gradient) {
            break;
        }
    }
    descent.top.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by `fuzz/targets/root.rs`: where gradients are wrong, line searches went on for minutes.
    #[test]
    fn a_search_ends_when_no_evaluation_is_left() {
        // Rosenbrock's valley, upside down.
        let search = |most: usize| {
            let mut evaluations = 0;
            let valley = |theta: &[f64], gradient: &mut [f64]| {
                evaluations += 1;
                let (across, along) = (theta[1] - theta[0] * theta[0], 1.0 - theta[0]);
                gradient[0] = 400.0 * theta[0] * across + 2.0 * along;
                gradient[1] = -200.0 * across;
                -100.0 * across * across - along * along
            };
            let top = search_within(most, valley, vec![-1.2, 1.0], AIM);
            (evaluations, top)
        };
        let (all, top) = search(EVALUATIONS);
        assert!(all > 30 && top.gradient <= AIM && top.theta.iter().all(|x| (x - 1.0).abs() < 1e-9), "{all}: {top:?}");
        let (few, so_far) = search(20);
        assert!(few == 20 && so_far.log_density > -24.2 && so_far.log_density < top.log_density, "{few}: {so_far:?}");
    }
}
