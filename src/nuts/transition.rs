//! The transition of NUTS: a kernel over an integrator.

use std::marker::PhantomData;

use super::integrator::{Integrator, Leapfrog, PhasePoint};
use super::kernel::{Kernel, State, Step};
use super::leapfrog::square;
use super::statistics::Statistics;
use super::subtree::Subtree;
use super::tuning::Tuning;
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
    scale: Vector,
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
    acceptance_sum: f64,
    statistics: Statistics,
    integrator: PhantomData<I>,
}

impl Transition {
    /// A kernel for `dim` dimensions and trees of up to `max_depth` doublings, at least one, under the identity metric.
    pub fn new(dim: usize, max_depth: u32) -> Transition {
        let max_depth = max_depth.max(1);
        Transition {
            scale: Vector::from(&vec![1.0; dim][..]),
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
            acceptance_sum: 0.0,
            statistics: Statistics::default(),
            integrator: PhantomData,
        }
    }
}

impl<I: Integrator> Kernel for Transition<I> {
    /// Trees become no deeper than the buffers allow.
    fn configure(&mut self, tuning: &Tuning) {
        self.scale.copy_from_slice(&tuning.scale);
        self.max_depth = tuning.max_depth.clamp(1, self.subtree.max_depth());
    }

    fn begin(&mut self, key: StreamKey, from: &State, step_size: f64) {
        self.key = key;
        self.step_size = step_size;
        let [backward, forward] = &mut self.ends;
        key.normals(Purpose::Momentum, &mut backward.momentum);
        forward.momentum.copy_from_slice(&backward.momentum);
        self.momentum_sum.copy_from_slice(&backward.momentum);
        for end in [backward, forward] {
            end.position.copy_from_slice(&from.position);
            end.gradient.copy_from_slice(&from.gradient);
        }
        self.sample.set(&from.position, &from.gradient, from.log_density);
        self.initial_energy = 0.5 * square(self.momentum_sum.lanes()) - from.log_density;
        self.weight = Weight::ONE;
        self.directions = key.words(Purpose::Direction, 0)[0];
        self.acceptance_sum = 0.0;
        self.statistics = Statistics { energy: self.initial_energy, step_size, ..Statistics::default() };
        self.start_subtree();
        self.leap();
    }

    fn wants(&self) -> &[f64] {
        &self.ends[self.moving as usize].position
    }

    fn give(&mut self, log_density: f64, gradient: &[f64]) -> Step {
        let end = &mut self.ends[self.moving as usize];
        let kinetic = 0.5 * I::end(self.moving.step(self.step_size), self.scale.lanes(), gradient, end);
        let energy = kinetic - log_density;
        let log_weight = self.initial_energy - energy;
        let leaf = self.statistics.n_steps;
        self.statistics.n_steps += 1;
        // A NaN is in no range, so it is a divergence too.
        if !(-MAX_ENERGY_ERROR..f64::INFINITY).contains(&log_weight) {
            self.statistics.diverging = true;
            return self.finish();
        }
        let share = self.subtree.weigh(log_weight);
        self.acceptance_sum += share.acceptance;
        if self.leaf_uniform(leaf) * share.total < share.weight {
            let end = &self.ends[self.moving as usize];
            self.subtree_sample.set(&end.position, &end.gradient, log_density);
            self.subtree_energy = energy;
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
        I::start(self.moving.step(self.step_size), self.scale.lanes(), end);
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
            self.statistics.energy = self.subtree_energy;
        }
        self.statistics.tree_depth += 1;
        let far = &self.ends[self.moving.opposite() as usize].momentum;
        let last = &self.ends[self.moving as usize].momentum;
        self.subtree.join_to(far, &self.near, &mut self.momentum_sum, last)
    }

    fn finish(&mut self) -> Step {
        self.statistics.lp = self.sample.log_density;
        self.statistics.acceptance_rate = self.acceptance_sum / f64::from(self.statistics.n_steps);
        Step::Done
    }
}
