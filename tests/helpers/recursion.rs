//! NUTS as a recursion, the oracle for the state machine: slow, and close to the papers. Hoffman and Gelman (2014) with
//! multinomial sampling and biased progression (Betancourt 2017), with the names of Stan's `base_nuts`.
//!
//! Momenta are whitened as in the machine. A subtree's sample is found leaf by leaf: each leaf replaces the sample with
//! the probability of its share, because random numbers are assigned to leaves in this way.

use warpnuts::nuts::State;
use warpnuts::random::{Purpose, StreamKey};

/// A log density that writes its gradient.
pub type LogDensity<'a> = dyn FnMut(&[f64], &mut [f64]) -> f64 + 'a;

/// A point in phase space, with its gradient and log density.
#[derive(Clone)]
pub struct Point {
    pub position: Vec<f64>,
    pub momentum: Vec<f64>,
    pub gradient: Vec<f64>,
    pub log_density: f64,
}

/// A part of a trajectory in the direction of integration: first and last momentum, and rho, the sum of all momenta.
#[derive(Clone)]
struct Stretch {
    first: Vec<f64>,
    last: Vec<f64>,
    rho: Vec<f64>,
}

impl Stretch {
    fn reversed(self) -> Stretch {
        Stretch { first: self.last, last: self.first, rho: self.rho }
    }
}

/// The first of Stan's criteria that fails at a join.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Turn {
    Whole,
    LeftAndFirstOfRight,
    LastOfLeftAndRight,
}

/// Why a tree stopped growing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Ending {
    Divergence,
    Saturation,
    /// A U-turn inside a subtree.
    TurnInside(Turn),
    /// A U-turn of the whole tree after a join.
    TurnAtJoin(Turn),
}

pub fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(u, v)| u * v).sum()
}

fn plus(u: &[f64], v: &[f64]) -> Vec<f64> {
    u.iter().zip(v).map(|(u, v)| u + v).collect()
}

/// Stan's `compute_criterion` for whitened momenta, which are their own `p_sharp`.
fn goes_on(first: &[f64], last: &[f64], rho: &[f64]) -> bool {
    dot(first, rho) > 0.0 && dot(last, rho) > 0.0
}

/// Joins two parts, the left one earlier, and returns the first of the three criteria that fails.
fn join(left: &Stretch, right: &Stretch) -> (Stretch, Option<Turn>) {
    let rho = plus(&left.rho, &right.rho);
    let turn = if !goes_on(&left.first, &right.last, &rho) {
        Some(Turn::Whole)
    } else if !goes_on(&left.first, &right.first, &plus(&left.rho, &right.first)) {
        Some(Turn::LeftAndFirstOfRight)
    } else if !goes_on(&left.last, &right.last, &plus(&left.last, &right.rho)) {
        Some(Turn::LastOfLeftAndRight)
    } else {
        None
    };
    (Stretch { first: left.first.clone(), last: right.last.clone(), rho }, turn)
}

/// State of a recursive tree.
struct Recursion<'a> {
    log_density: &'a mut LogDensity<'a>,
    scale: &'a [f64],
    key: StreamKey,
    initial_energy: f64,
    leaves: u32,
    acceptance: f64,
    /// Weight, sample and the sample's energy of the growing subtree.
    weight: f64,
    sample: Option<(Point, f64)>,
}

impl Recursion<'_> {
    /// One leapfrog step of size `step`, negative backwards.
    fn leapfrog(&mut self, point: &mut Point, step: f64) {
        for i in 0..self.scale.len() {
            point.momentum[i] += 0.5 * step * self.scale[i] * point.gradient[i];
            point.position[i] += step * self.scale[i] * point.momentum[i];
        }
        point.log_density = (self.log_density)(&point.position, &mut point.gradient);
        for i in 0..self.scale.len() {
            point.momentum[i] += 0.5 * step * self.scale[i] * point.gradient[i];
        }
    }

    /// Adds 2^`depth` leaves after `point`; `Err` if growth ends earlier.
    fn build_tree(&mut self, depth: u32, point: &mut Point, step: f64) -> Result<Stretch, Ending> {
        if depth == 0 {
            self.leapfrog(point, step);
            let leaf = self.leaves;
            self.leaves += 1;
            let energy = 0.5 * dot(&point.momentum, &point.momentum) - point.log_density;
            let error = energy - self.initial_energy;
            if !error.is_finite() || error > 1000.0 {
                return Err(Ending::Divergence);
            }
            let weight = (-error).exp();
            self.weight += weight;
            self.acceptance += weight.min(1.0);
            if self.key.uniform(Purpose::Leaf, leaf) * self.weight < weight {
                self.sample = Some((point.clone(), energy));
            }
            let momentum = point.momentum.clone();
            return Ok(Stretch { first: momentum.clone(), last: momentum.clone(), rho: momentum });
        }
        let first = self.build_tree(depth - 1, point, step)?;
        let second = self.build_tree(depth - 1, point, step)?;
        match join(&first, &second) {
            (whole, None) => Ok(whole),
            (_, Some(turn)) => Err(Ending::TurnInside(turn)),
        }
    }
}

/// The outcome of a transition by recursion.
pub struct RecursionOutcome {
    pub sample: Point,
    pub energy: f64,
    pub acceptance_rate: f64,
    pub tree_depth: u32,
    pub n_steps: u32,
    pub ending: Ending,
}

/// One transition of NUTS, recursively.
pub fn recursive_transition<'a>(
    log_density: &'a mut LogDensity<'a>,
    scale: &'a [f64],
    key: StreamKey,
    from: &State,
    step: f64,
    max_depth: u32,
) -> RecursionOutcome {
    let mut momentum = vec![0.0; scale.len()];
    key.normals(Purpose::Momentum, &mut momentum);
    let start = Point {
        position: from.position.to_vec(),
        momentum: momentum.clone(),
        gradient: from.gradient.to_vec(),
        log_density: from.log_density,
    };
    let initial_energy = 0.5 * dot(&momentum, &momentum) - from.log_density;
    let mut tree =
        Recursion { log_density, scale, key, initial_energy, leaves: 0, acceptance: 0.0, weight: 0.0, sample: None };
    let (mut backward, mut forward) = (start.clone(), start.clone());
    let mut whole = Stretch { first: momentum.clone(), last: momentum.clone(), rho: momentum };
    let (mut sample, mut energy, mut weight, mut depth) = (start, initial_energy, 1.0, 0);
    let ending = loop {
        if depth == max_depth {
            break Ending::Saturation;
        }
        let forwards = key.words(Purpose::Direction, 0)[0] >> depth & 1 == 1;
        (tree.weight, tree.sample) = (0.0, None);
        let (end, signed_step) = if forwards { (&mut forward, step) } else { (&mut backward, -step) };
        let subtree = match tree.build_tree(depth, end, signed_step) {
            Ok(subtree) => subtree,
            Err(ending) => break ending,
        };
        if key.uniform(Purpose::Join, depth) < tree.weight / weight
            && let Some(chosen) = tree.sample.take()
        {
            (sample, energy) = chosen;
        }
        weight += tree.weight;
        depth += 1;
        let (joined, turn) = if forwards { join(&whole, &subtree) } else { join(&subtree.reversed(), &whole) };
        whole = joined;
        if let Some(turn) = turn {
            break Ending::TurnAtJoin(turn);
        }
    };
    let acceptance_rate = tree.acceptance / f64::from(tree.leaves);
    RecursionOutcome { sample, energy, acceptance_rate, tree_depth: depth, n_steps: tree.leaves, ending }
}
