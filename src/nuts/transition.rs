//! The transition of NUTS: a kernel over an integrator.

use super::integrator::{Advance, Integrator, PhasePoint};
use super::kernel::{Kernel, State, Step};
use super::leapfrog::Leapfrog;
use super::statistics::Statistics;
use super::subtree::Subtree;
use super::tuning::{Refinement, Tuning};
use super::weight::Weight;
use crate::faults;
use crate::lanes::Vector;
use crate::random::{Purpose, StreamKey};

/// An energy error above this is a divergence.
pub const MAX_ENERGY_ERROR: f64 = 1000.0;

/// The direction in which a trajectory grows; also the index of the end that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Backward = 0,
    Forward = 1,
}

impl Direction {
    /// The direction that bit `depth` of the random word gives.
    fn of(words: u32, depth: u32) -> Direction {
        if words >> (depth % 32) & 1 == 1 { Direction::Forward } else { Direction::Backward }
    }

    fn opposite(self) -> Direction {
        match self {
            Direction::Backward => Direction::Forward,
            Direction::Forward => Direction::Backward,
        }
    }

    /// `size` with the direction's sign.
    fn step(self, size: f64) -> f64 {
        match self {
            Direction::Backward => -size,
            Direction::Forward => size,
        }
    }
}

/// A NUTS transition; its buffers are made once and reused for every transition.
#[derive(Debug, Clone)]
pub struct Transition<I = Leapfrog> {
    integrator: I,
    max_depth: u32,
    step_size: f64,
    key: StreamKey,
    /// Backward and forward end of the trajectory; while a subtree grows, the moving end is ahead of the tree.
    ends: [PhasePoint; 2],
    moving: Direction,
    directions: u32,
    /// Uniform deviates of up to four leaves.
    leaf_words: [f64; 4],
    /// rho, the sum of all momenta of the tree.
    momentum_sum: Vector,
    /// The tree's momentum where the subtree began.
    near: Vector,
    initial_energy: f64,
    weight: Weight,
    sample: State,
    subtree: Subtree,
    subtree_sample: State,
    subtree_energy: f64,
    subtree_halvings: u32,
    /// Steps made, and their acceptances.
    leaves: u32,
    acceptance_sum: f64,
    statistics: Statistics,
}

impl Transition {
    /// A kernel for `dim` dimensions and trees of up to `max_depth` doublings, at least one, under the identity metric.
    pub fn new(dim: usize, max_depth: u32) -> Transition {
        Transition::over(Leapfrog::new(dim), dim, max_depth)
    }
}

impl<I: Integrator> Transition<I> {
    /// A kernel over the steps of `integrator`, for `dim` dimensions and trees of up to `max_depth` doublings, at least
    /// one.
    pub fn over(integrator: I, dim: usize, max_depth: u32) -> Transition<I> {
        let max_depth = max_depth.max(1);
        Transition {
            integrator,
            max_depth,
            step_size: 1.0,
            key: StreamKey { seed: 0, chain: 0, transition: 0 },
            ends: [PhasePoint::zeros(dim), PhasePoint::zeros(dim)],
            moving: Direction::Backward,
            directions: 0,
            leaf_words: [0.0; 4],
            momentum_sum: Vector::zeros(dim),
            near: Vector::zeros(dim),
            initial_energy: 0.0,
            weight: Weight::ONE,
            sample: State::zeros(dim),
            subtree: Subtree::new(dim, max_depth as usize),
            subtree_sample: State::zeros(dim),
            subtree_energy: 0.0,
            subtree_halvings: 0,
            leaves: 0,
            acceptance_sum: 0.0,
            statistics: Statistics::default(),
        }
    }
}

impl<I: Integrator> Kernel for Transition<I> {
    /// Trees become no deeper than the buffers allow.
    fn configure(&mut self, tuning: &Tuning) {
        self.integrator.configure(tuning);
        self.max_depth = tuning.max_depth.clamp(1, self.subtree.max_depth());
    }

    fn begin(&mut self, key: StreamKey, from: &State, step_size: f64) {
        self.key = key;
        self.step_size = step_size;
        let [backward, forward] = &mut self.ends;
        key.normals(Purpose::Momentum, &mut backward.momentum);
        backward.position.copy_from_slice(&from.position);
        backward.gradient.copy_from_slice(&from.gradient);
        (backward.log_density, backward.log_odds) = (from.log_density, 0.0);
        self.integrator.begin(key, backward);
        forward.copy_from(backward);
        self.momentum_sum.copy_from_slice(&backward.momentum);
        self.initial_energy = backward.energy;
        self.sample.set(&from.position, &from.gradient, from.log_density);
        self.weight = Weight::ONE;
        self.directions = key.words(Purpose::Direction, 0)[0];
        (self.leaves, self.acceptance_sum) = (0, 0.0);
        self.statistics = Statistics { energy: self.initial_energy, step_size, ..Statistics::default() };
        self.start_subtree();
        self.leap();
    }

    fn wants(&self) -> &[f64] {
        self.integrator.wants(&self.ends[self.moving as usize])
    }

    fn give(&mut self, log_density: f64, gradient: &[f64]) -> Step {
        let step = self.moving.step(self.step_size);
        let end = &mut self.ends[self.moving as usize];
        let advance = self.integrator.give(step, log_density, gradient, end);
        self.statistics.n_steps += 1;
        if advance == Advance::Wants {
            return Step::Continue;
        }
        let leaf = self.leaves;
        self.leaves += 1;
        let gain = self.initial_energy - end.energy;
        // A NaN is in no range, so it is a divergence too.
        self.statistics.diverging = advance == Advance::Diverged || !(-MAX_ENERGY_ERROR..f64::INFINITY).contains(&gain);
        self.statistics.irreversible = advance == Advance::Irreversible;
        if self.statistics.diverging || self.statistics.irreversible {
            return self.finish();
        }
        if leaf == 0 {
            self.statistics.halvings = end.halvings;
        }
        let log_weight = gain + end.log_odds;
        let share = self.subtree.weigh(log_weight);
        self.acceptance_sum += share.acceptance;
        if self.leaf_uniform(leaf) * share.total < share.weight {
            let end = &self.ends[self.moving as usize];
            self.subtree_sample.set(&end.position, &end.gradient, end.log_density);
            (self.subtree_energy, self.subtree_halvings) = (end.energy, end.halvings);
        }
        if self.subtree.add(&self.ends[self.moving as usize].momentum) {
            return self.finish();
        }
        if self.subtree.is_complete() {
            let turning = self.join_subtree();
            if turning || self.statistics.tree_depth == self.max_depth {
                self.statistics.reached_max_treedepth = !turning;
                return self.finish();
            }
            self.start_subtree();
        }
        self.leap();
        Step::Continue
    }

    fn sample(&self) -> &State {
        &self.sample
    }

    fn statistics(&self) -> Statistics {
        self.statistics
    }

    fn refinement(&self) -> Option<Refinement> {
        self.integrator.refinement()
    }
}

impl<I: Integrator> Transition<I> {
    /// Chooses the end at which the trajectory is doubled, and starts a subtree there.
    fn start_subtree(&mut self) {
        let depth = self.statistics.tree_depth;
        self.moving = Direction::of(self.directions, depth);
        self.near.copy_from_slice(&self.ends[self.moving as usize].momentum);
        self.subtree.start(depth);
    }

    /// The first half of a step, up to the position at which a gradient is wanted.
    fn leap(&mut self) {
        let end = &mut self.ends[self.moving as usize];
        self.integrator.start(self.moving.step(self.step_size), end);
    }

    /// The uniform deviate that decides whether leaf number `leaf` becomes its subtree's sample.
    fn leaf_uniform(&mut self, leaf: u32) -> f64 {
        if leaf.is_multiple_of(4) {
            self.leaf_words = self.key.uniforms(Purpose::Leaf, leaf / 4);
        }
        self.leaf_words[leaf as usize % 4]
    }

    /// Joins the complete subtree to the tree; returns whether the tree has made a U-turn.
    fn join_subtree(&mut self) -> bool {
        let ratio = self.weight.join(self.subtree.weight());
        let purpose = if faults::is_planted("wrong-stream") { Purpose::Stream } else { Purpose::Join };
        if self.key.uniform(purpose, self.statistics.tree_depth) < ratio {
            std::mem::swap(&mut self.sample, &mut self.subtree_sample);
            (self.statistics.energy, self.statistics.halvings) = (self.subtree_energy, self.subtree_halvings);
        }
        self.statistics.tree_depth += 1;
        let far = &self.ends[self.moving.opposite() as usize].momentum;
        let last = &self.ends[self.moving as usize].momentum;
        self.subtree.join_to(far, &self.near, &mut self.momentum_sum, last)
    }

    fn finish(&mut self) -> Step {
        self.statistics.lp = self.sample.log_density;
        self.statistics.acceptance_rate = self.acceptance_sum / f64::from(self.leaves);
        Step::Done
    }
}
