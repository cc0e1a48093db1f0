//! One transition as a state machine: it says where it wants a gradient, and is given one, until it yields a draw.

use super::leapfrog::{kick, kick_and_drift, square};
use super::subtree::Subtree;
use super::weight::Weight;
use crate::density::Batch;
use crate::faults;
use crate::lanes::Vector;
use crate::random::{Place, Purpose};

/// An energy error above this is a divergence.
const MAX_ENERGY_ERROR: f64 = 1000.0;

/// A position with what is known there.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Theta, unconstrained, in the sampler's units.
    pub position: Vector,
    /// Gradient of the log density.
    pub gradient: Vector,
    /// Log density, in the sampler's units.
    pub log_density: f64,
}

impl State {
    /// Room for a state of `dim` coordinates.
    pub fn zeros(dim: usize) -> State {
        State { position: Vector::zeros(dim), gradient: Vector::zeros(dim), log_density: f64::NEG_INFINITY }
    }

    /// Becomes a copy of the parts of another.
    pub fn set(&mut self, position: &Vector, gradient: &Vector, log_density: f64) {
        self.position.lanes_mut().copy_from_slice(position.lanes());
        self.gradient.lanes_mut().copy_from_slice(gradient.lanes());
        self.log_density = log_density;
    }
}

/// What a transition tells about itself, under ArviZ's names.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Statistics {
    /// Log density of the draw, unconstrained, in the sampler's units.
    pub lp: f64,
    /// Energy H = -lp + w'w / 2 of the draw in its trajectory.
    pub energy: f64,
    /// Mean over the trajectory of min(1, exp(H0 - H)).
    pub acceptance_rate: f64,
    /// Step size of the leapfrog steps.
    pub step_size: f64,
    /// How often the trajectory was doubled.
    pub tree_depth: u32,
    /// Leapfrog steps taken, and gradients computed.
    pub n_steps: u32,
    /// Whether the energy error exceeded 1000, or the log density was not finite.
    pub diverging: bool,
    /// Whether the trajectory ended because it could not be doubled once more.
    pub reached_max_treedepth: bool,
}

/// What a gradient led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A gradient is wanted at the next position.
    Continue,
    /// The transition is over; its draw is its sample.
    Done,
}

/// One end of the trajectory.
#[derive(Debug, Clone)]
struct End {
    position: Vector,
    momentum: Vector,
    gradient: Vector,
}

impl End {
    fn zeros(dim: usize) -> End {
        End { position: Vector::zeros(dim), momentum: Vector::zeros(dim), gradient: Vector::zeros(dim) }
    }
}

/// A NUTS transition, or the room for one: every buffer is made once and used for transition after transition.
#[derive(Debug, Clone)]
pub struct Transition {
    scale: Vector,
    max_depth: u32,
    step_size: f64,
    place: Place,
    /// Backward and forward end of the trajectory; the one that moves is ahead of the tree while a subtree grows.
    ends: [End; 2],
    /// Which end moves: 0 backwards, 1 forwards.
    moving: usize,
    directions: u32,
    /// Random words of up to four leaves.
    leaf_words: [f64; 4],
    /// rho, the sum of all momenta of the tree.
    momentum_sum: Vector,
    /// The momentum at the end of the tree where the subtree began.
    near: Vector,
    initial_energy: f64,
    weight: Weight,
    sample: State,
    subtree: Subtree,
    subtree_sample: State,
    subtree_energy: f64,
    acceptance_sum: f64,
    statistics: Statistics,
}

impl Transition {
    /// Room for transitions in `dim` dimensions with trees of up to `max_depth` doublings, at least one, under the identity
    /// metric.
    pub fn new(dim: usize, max_depth: u32) -> Transition {
        let max_depth = max_depth.max(1);
        Transition {
            scale: Vector::from(&vec![1.0; dim][..]),
            max_depth,
            step_size: 1.0,
            place: Place { seed: 0, chain: 0, transition: 0 },
            ends: [End::zeros(dim), End::zeros(dim)],
            moving: 0,
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
        }
    }

    /// Sets the diagonal metric of the transitions to come, as the square roots of the inverse metric's entries, which
    /// are the posterior's sds as far as they are known; and their deepest tree, no deeper than there is room for.
    pub fn configure(&mut self, scale: &[f64], max_depth: u32) {
        self.scale.copy_from_slice(scale);
        self.max_depth = max_depth.clamp(1, self.subtree.max_depth());
    }

    /// Starts the transition of `place` at `from`; ends with a draw after some calls of [`give`](Transition::give).
    pub fn begin(&mut self, place: Place, from: &State, step_size: f64) {
        self.place = place;
        self.step_size = step_size;
        let [backward, forward] = &mut self.ends;
        place.normals(Purpose::Momentum, &mut backward.momentum);
        forward.momentum.copy_from_slice(&backward.momentum);
        self.momentum_sum.copy_from_slice(&backward.momentum);
        for end in [backward, forward] {
            end.position.copy_from_slice(&from.position);
            end.gradient.copy_from_slice(&from.gradient);
        }
        self.sample.set(&from.position, &from.gradient, from.log_density);
        self.initial_energy = 0.5 * square(self.momentum_sum.lanes()) - from.log_density;
        self.weight = Weight::ONE;
        self.directions = place.words(Purpose::Direction, 0)[0];
        self.acceptance_sum = 0.0;
        self.statistics = Statistics { energy: self.initial_energy, step_size, ..Statistics::default() };
        self.start_subtree();
        self.leap();
    }

    /// Where a gradient is wanted.
    pub fn wants(&self) -> &[f64] {
        &self.ends[self.moving].position
    }

    /// Takes the log density and its gradient at the position that was wanted.
    pub fn give(&mut self, log_density: f64, gradient: &[f64]) -> Step {
        let end = &mut self.ends[self.moving];
        let step = if self.moving == 1 { self.step_size } else { -self.step_size };
        let scale = self.scale.lanes();
        let kinetic = 0.5 * kick(step, scale, gradient, end.momentum.lanes_mut(), end.gradient.lanes_mut());
        let energy = kinetic - log_density;
        let log_weight = self.initial_energy - energy;
        let leaf = self.statistics.n_steps;
        self.statistics.n_steps += 1;
        // A NaN is in no range, and so a divergence too.
        if !(-MAX_ENERGY_ERROR..f64::INFINITY).contains(&log_weight) {
            self.statistics.diverging = true;
            return self.finish();
        }
        let share = self.subtree.weigh(log_weight);
        self.acceptance_sum += share.acceptance;
        if self.leaf_uniform(leaf) * share.total < share.weight {
            let end = &self.ends[self.moving];
            self.subtree_sample.set(&end.position, &end.gradient, log_density);
            self.subtree_energy = energy;
        }
        if self.subtree.add(&self.ends[self.moving].momentum) {
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

    /// The draw, once the transition is done.
    pub fn sample(&self) -> &State {
        &self.sample
    }

    /// What there is to tell about the transition, once it is done.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Turns towards the end where the trajectory is to be doubled.
    fn start_subtree(&mut self) {
        let depth = self.statistics.tree_depth;
        self.moving = (self.directions >> (depth % 32) & 1) as usize;
        self.near.copy_from_slice(&self.ends[self.moving].momentum);
        self.subtree.start(depth);
    }

    /// The first half of a leapfrog step, up to where a gradient is wanted.
    fn leap(&mut self) {
        let End { position, momentum, gradient } = &mut self.ends[self.moving];
        let step = if self.moving == 1 { self.step_size } else { -self.step_size };
        kick_and_drift(step, self.scale.lanes(), gradient.lanes(), momentum.lanes_mut(), position.lanes_mut());
    }

    /// The uniform deviate that decides whether leaf number `leaf` becomes its subtree's sample.
    fn leaf_uniform(&mut self, leaf: u32) -> f64 {
        if leaf.is_multiple_of(4) {
            self.leaf_words = self.place.uniforms(Purpose::Leaf, leaf / 4);
        }
        self.leaf_words[leaf as usize % 4]
    }

    /// Makes the complete subtree a part of the tree; says whether the tree has made a U-turn.
    fn join_subtree(&mut self) -> bool {
        let ratio = self.weight.join(self.subtree.weight());
        let purpose = if faults::is_planted("wrong-stream") { Purpose::Stream } else { Purpose::Join };
        if self.place.uniform(purpose, self.statistics.tree_depth) < ratio {
            std::mem::swap(&mut self.sample, &mut self.subtree_sample);
            self.statistics.energy = self.subtree_energy;
        }
        self.statistics.tree_depth += 1;
        let far = &self.ends[1 - self.moving].momentum;
        let last = &self.ends[self.moving].momentum;
        self.subtree.join_to(far, &self.near, &mut self.momentum_sum, last)
    }

    fn finish(&mut self) -> Step {
        self.statistics.lp = self.sample.log_density;
        self.statistics.acceptance_rate = self.acceptance_sum / f64::from(self.statistics.n_steps);
        Step::Done
    }
}

/// Transitions that all want a gradient, as the batch of their positions.
pub struct Wanted<'a>(pub &'a [Transition]);

impl Batch for Wanted<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn position(&self, i: usize) -> &[f64] {
        self.0[i].wants()
    }
}
