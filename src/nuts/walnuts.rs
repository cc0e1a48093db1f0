//! Macro steps whose leapfrogs follow the curvature: the within-orbit adaptive leapfrog of WALNUTS (Bou-Rabee,
//! Carpenter, Kleppe and Liu 2026, JMLR 27(113), arXiv 2506.18746).
//!
//! A macro step of time h is made by 2^k leapfrogs of h / 2^k. The level of a point, in a direction, is the smallest k
//! for which all energies of the step, from its start to its end, range over no more than the tolerance. A step has the
//! level of its start, or (variant R2P, with probability 1/3) the next level. A trajectory has to look the same from
//! each of its points. So the level of the step's end is searched for too, backward, and the end's weight has the ratio
//! of the probabilities of this k for the step back and for the step there. Where that of the step back is zero, the
//! trajectory ends.
//!
//! Energies at the ends alone would do as well, but agree by chance where leapfrogs are far too coarse: in the funnel
//! of centered radon's sigma_b three quarters of the trajectories then ended at a step whose way back was another.

use super::integrator::{Advance, Integrator, PhasePoint};
use super::leapfrog::Leapfrog;
use super::tuning::{Refinement, Tuning};
use crate::faults;
use crate::random::{Purpose, StreamKey};

/// The highest level, with leapfrogs of a thousandth of the macro step.
const HIGHEST_LEVEL: u32 = 10;

/// The probability with which a random step has the level of its start, rather than the next one.
const LOWER: f64 = 2.0 / 3.0;

/// The choice of a step's number of halvings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halving {
    /// The level of its start.
    Least,
    /// The level of its start, or the next one: fewer trajectories end because the way back is another.
    Random,
}

/// The reason why leapfrogs are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// To find the level of the step's start.
    There,
    /// To make the step with the next level.
    Finer,
    /// To find out whether the level of the step's end is lower.
    Back,
}

/// Macro steps under a metric that stays as it is.
#[derive(Debug, Clone)]
pub struct Walnuts {
    leapfrog: Leapfrog,
    halving: Halving,
    tolerance: f64,
    key: StreamKey,
    attempt: Attempt,
    /// The point that makes the leapfrogs, the halvings of their step, and how many are left.
    moving: PhasePoint,
    halvings: u32,
    left: u32,
    /// The lowest and the highest energy in the attempt; NaN if one was not finite.
    reached: [f64; 2],
    /// The step's end, while the level there is searched for.
    end: PhasePoint,
    /// Whether the energy holds over the step, and the probability of its number of halvings.
    holds: bool,
    there: f64,
    /// Number of macro steps since the trajectory began, and of those that start at points of level 0.
    steps: u32,
    whole: u32,
    /// The lowest and the highest energy since then.
    range: [f64; 2],
}

impl Walnuts {
    /// Macro steps of `dim` coordinates under the identity metric, whatever happens to the energy.
    pub fn new(dim: usize, halving: Halving) -> Walnuts {
        Walnuts {
            leapfrog: Leapfrog::new(dim),
            halving,
            tolerance: f64::INFINITY,
            key: StreamKey { seed: 0, chain: 0, transition: 0 },
            attempt: Attempt::There,
            moving: PhasePoint::zeros(dim),
            halvings: 0,
            left: 0,
            reached: [0.0; 2],
            end: PhasePoint::zeros(dim),
            holds: false,
            there: LOWER,
            steps: 0,
            whole: 0,
            range: [0.0; 2],
        }
    }

    /// Begins the leapfrogs of an attempt at the moving point.
    fn depart(&mut self, attempt: Attempt, step: f64, halvings: u32) -> Advance {
        (self.attempt, self.halvings, self.left) = (attempt, halvings, 1 << halvings);
        self.reached = [self.moving.energy; 2];
        self.leapfrog.depart(halved(step, halvings), &mut self.moving);
        Advance::Wants
    }

    /// Whether the energy holds in the leapfrogs so far.
    fn holds(&self) -> bool {
        let [lowest, highest] = self.reached;
        // A NaN is no difference within the tolerance.
        highest - lowest <= self.tolerance
    }

    /// Decides on the step that the moving point has made from `point` with the level of `point`, or a higher one.
    fn found(&mut self, step: f64, point: &mut PhasePoint) -> Advance {
        self.whole += u32::from(self.halvings == 0);
        let random = || self.key.uniform(Purpose::Halving, self.steps - 1);
        if self.halving == Halving::Random && random() > LOWER {
            self.moving.copy_from(point);
            return self.depart(Attempt::Finer, step, self.halvings + 1);
        }
        (self.holds, self.there) = (true, LOWER);
        self.look_back(step, point)
    }

    /// Keeps the moving point as the step's end, and begins to look for the level there.
    fn look_back(&mut self, step: f64, point: &mut PhasePoint) -> Advance {
        std::mem::swap(&mut self.moving, &mut self.end);
        self.end.halvings = self.halvings;
        if self.halvings == 0 || faults::is_planted("way-back-unseen") {
            return self.arrive(LOWER, point);
        }
        self.moving.copy_from(&self.end);
        self.depart(Attempt::Back, -step, 0)
    }

    /// Decides after leapfrogs on the way back, which has fewer halvings than the way there.
    fn looked_back(&mut self, step: f64, point: &mut PhasePoint) -> Advance {
        let next = self.halvings + 1;
        match (self.holds(), next == self.end.halvings) {
            (true, true) if self.halving == Halving::Random => self.arrive(1.0 - LOWER, point),
            (true, _) => Advance::Irreversible,
            (false, true) if self.holds && next <= HIGHEST_LEVEL => self.arrive(LOWER, point),
            (false, true) => Advance::Irreversible,
            (false, false) => {
                self.moving.copy_from(&self.end);
                self.depart(Attempt::Back, -step, next)
            }
        }
    }

    /// Ends the step; `back` is the probability that the step back has as many halvings.
    fn arrive(&mut self, back: f64, point: &mut PhasePoint) -> Advance {
        if !faults::is_planted("odds-forgotten") {
            self.end.log_odds += (back / self.there).ln();
        }
        let [lowest, highest] = self.range;
        self.range = [lowest.min(self.end.energy), highest.max(self.end.energy)];
        std::mem::swap(point, &mut self.end);
        Advance::Arrived
    }
}

/// The size of leapfrogs of so many halvings of a step.
fn halved(step: f64, halvings: u32) -> f64 {
    step / f64::from(1u32 << halvings)
}

impl Integrator for Walnuts {
    fn configure(&mut self, tuning: &Tuning) {
        self.leapfrog.configure(tuning);
        self.tolerance = tuning.tolerance;
    }

    fn begin(&mut self, key: StreamKey, point: &mut PhasePoint) {
        self.leapfrog.begin(key, point);
        (self.key, self.steps, self.whole) = (key, 0, 0);
        self.range = [point.energy; 2];
    }

    fn start(&mut self, step: f64, point: &mut PhasePoint) {
        self.steps += 1;
        self.moving.copy_from(point);
        self.depart(Attempt::There, step, 0);
    }

    fn wants<'a>(&'a self, _: &'a PhasePoint) -> &'a [f64] {
        &self.moving.position
    }

    fn give(&mut self, step: f64, log_density: f64, gradient: &[f64], point: &mut PhasePoint) -> Advance {
        let small = halved(if self.attempt == Attempt::Back { -step } else { step }, self.halvings);
        self.leapfrog.arrive(small, log_density, gradient, &mut self.moving);
        self.left -= 1;
        let energy = self.moving.energy;
        let [lowest, highest] = self.reached;
        self.reached = if energy.is_finite() { [lowest.min(energy), highest.max(energy)] } else { [f64::NAN; 2] };
        let goes_on = if self.attempt == Attempt::Finer { energy.is_finite() } else { self.holds() };
        if self.left > 0 && goes_on {
            self.leapfrog.depart(small, &mut self.moving);
            return Advance::Wants;
        }
        let holds = self.holds();
        match self.attempt {
            Attempt::There if holds => self.found(step, point),
            Attempt::There if self.halvings == HIGHEST_LEVEL => Advance::Diverged,
            Attempt::There => {
                self.moving.copy_from(point);
                self.depart(Attempt::There, step, self.halvings + 1)
            }
            Attempt::Finer if !energy.is_finite() => Advance::Diverged,
            Attempt::Finer => {
                (self.holds, self.there) = (holds, 1.0 - LOWER);
                self.look_back(step, point)
            }
            Attempt::Back => self.looked_back(step, point),
        }
    }

    fn refinement(&self) -> Option<Refinement> {
        let [lowest, highest] = self.range;
        let whole = f64::from(self.whole) / f64::from(self.steps.max(1));
        Some(Refinement { whole, energy_range: highest - lowest })
    }
}
