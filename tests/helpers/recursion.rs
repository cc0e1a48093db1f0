//! NUTS as a recursion, the oracle for the state machine: slow, and close to the papers. Hoffman and Gelman (2014) with
//! multinomial sampling and biased progression (Betancourt 2017), with the names of Stan's `base_nuts`.
//!
//! Momenta are whitened as in the machine. A subtree's sample is found leaf by leaf: each leaf replaces the sample with
//! the probability of its share, because random numbers are assigned to leaves in this way.

use warpnuts::nuts::{Kernel, State, Statistics, Step};
use warpnuts::random::{Purpose, StreamKey};

/// A log density that writes its gradient.
pub type LogDensity<'a> = dyn FnMut(&[f64], &mut [f64]) -> f64 + 'a;

/// A transition of a kernel, from begin to end.
pub fn run(
    kernel: &mut impl Kernel,
    log_density: &mut LogDensity,
    key: StreamKey,
    from: &State,
    step: f64,
) -> Statistics {
    let mut gradient = vec![0.0; from.position.len()];
    kernel.begin(key, from, step);
    loop {
        let value = log_density(kernel.wants(), &mut gradient);
        if kernel.give(value, &gradient) == Step::Done {
            return kernel.statistics();
        }
    }
}

/// The state at a position.
pub fn state(position: &[f64], log_density: &mut LogDensity) -> State {
    let mut state = State::zeros(position.len());
    let mut gradient = vec![0.0; position.len()];
    state.log_density = log_density(position, &mut gradient);
    state.position.copy_from_slice(position);
    state.gradient.copy_from_slice(&gradient);
    state
}

/// Neal's funnel: the first coordinate is the log variance of all others, and Normal(0, 3^2).
pub fn funnel(position: &[f64], gradient: &mut [f64]) -> f64 {
    let v = position[0];
    let precision = (-v).exp();
    let others = &position[1..];
    let squares = dot(others, others) * precision;
    gradient[0] = -v / 9.0 - 0.5 * others.len() as f64 + 0.5 * squares;
    for (gradient, q) in gradient[1..].iter_mut().zip(others) {
        *gradient = -q * precision;
    }
    -v * v / 18.0 - 0.5 * others.len() as f64 * v - 0.5 * squares
}

/// A point in phase space, with its gradient and log density, and the log of its weight beyond exp(-H).
#[derive(Clone)]
pub struct Point {
    pub position: Vec<f64>,
    pub momentum: Vec<f64>,
    pub gradient: Vec<f64>,
    pub log_density: f64,
    pub log_odds: f64,
}

impl Point {
    pub fn at(position: &[f64], momentum: &[f64], log_density: &mut LogDensity) -> Point {
        let mut gradient = vec![0.0; position.len()];
        let value = log_density(position, &mut gradient);
        let (position, momentum) = (position.to_vec(), momentum.to_vec());
        Point { position, momentum, gradient, log_density: value, log_odds: 0.0 }
    }

    pub fn energy(&self) -> f64 {
        0.5 * dot(&self.momentum, &self.momentum) - self.log_density
    }

    /// One leapfrog step of size `step`, negative backwards.
    fn leapfrog(&mut self, log_density: &mut LogDensity, scale: &[f64], step: f64) {
        let kicks = self.momentum.iter_mut().zip(&self.gradient).zip(scale);
        for (((p, gradient), scale), q) in kicks.zip(&mut self.position) {
            *p += 0.5 * step * scale * gradient;
            *q += step * scale * *p;
        }
        self.log_density = log_density(&self.position, &mut self.gradient);
        for ((p, gradient), scale) in self.momentum.iter_mut().zip(&self.gradient).zip(scale) {
            *p += 0.5 * step * scale * gradient;
        }
    }
}

/// The rules of a macro step of WALNUTS: the tolerance, and whether a step may take one halving more than its level.
#[derive(Clone, Copy)]
pub struct Rules {
    pub tolerance: f64,
    pub random: bool,
}

/// The most halvings of a step that is no finer than needed.
pub const MOST_HALVINGS: u32 = 10;

impl Rules {
    /// The end of 2^`halvings` leapfrogs that make a step from a point, and whether all energies are within the
    /// tolerance.
    fn try_level(
        &self,
        log_density: &mut LogDensity,
        scale: &[f64],
        from: &Point,
        step: f64,
        halvings: u32,
    ) -> (Point, bool) {
        let mut point = from.clone();
        let mut energies = vec![from.energy()];
        for _ in 0..1 << halvings {
            point.leapfrog(log_density, scale, step / f64::from(1 << halvings));
            energies.push(point.energy());
        }
        let highest = energies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = energies.iter().copied().fold(f64::INFINITY, f64::min);
        (point, energies.iter().all(|energy| energy.is_finite()) && highest - lowest <= self.tolerance)
    }

    /// The smallest number of halvings with which a step from a point holds the energy.
    pub fn level(&self, log_density: &mut LogDensity, scale: &[f64], from: &Point, step: f64) -> Option<u32> {
        (0..=MOST_HALVINGS).find(|halvings| self.try_level(log_density, scale, from, step, *halvings).1)
    }

    /// The probability with which a step of this level takes so many halvings.
    fn probability(&self, level: Option<u32>, halvings: u32) -> f64 {
        match level {
            Some(level) if level == halvings => {
                if self.random {
                    2.0 / 3.0
                } else {
                    1.0
                }
            }
            Some(level) if level + 1 == halvings && self.random => 1.0 / 3.0,
            _ => 0.0,
        }
    }

    /// The end of a step from a point, and its halvings; `finer` is asked once if there is a choice.
    pub fn step(
        &self,
        log_density: &mut LogDensity,
        scale: &[f64],
        from: &Point,
        step: f64,
        finer: impl FnOnce() -> bool,
    ) -> Result<(Point, u32), Ending> {
        let level = self.level(log_density, scale, from, step).ok_or(Ending::Divergence)?;
        let halvings = level + u32::from(self.random && finer());
        let (mut end, _) = self.try_level(log_density, scale, from, step, halvings);
        if !end.energy().is_finite() {
            return Err(Ending::Divergence);
        }
        let back = self.level(log_density, scale, &end, -step);
        let [there, back] = [Some(level), back].map(|level| self.probability(level, halvings));
        if back == 0.0 {
            return Err(Ending::Irreversible);
        }
        end.log_odds = from.log_odds + (back / there).ln();
        Ok((end, halvings))
    }
}

/// A part of a trajectory in the direction of integration: first and last momentum, and rho, the sum of all momenta.
#[derive(Clone)]
pub struct Stretch {
    first: Vec<f64>,
    last: Vec<f64>,
    rho: Vec<f64>,
}

impl Stretch {
    pub fn of(momentum: &[f64]) -> Stretch {
        let all = || momentum.to_vec();
        Stretch { first: all(), last: all(), rho: all() }
    }

    pub fn reversed(self) -> Stretch {
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
    /// A step whose way back is another.
    Irreversible,
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
pub fn join(left: &Stretch, right: &Stretch) -> (Stretch, Option<Turn>) {
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
    rules: Option<Rules>,
    initial_energy: f64,
    leaves: u32,
    acceptance: f64,
    /// Weight, sample and the sample's energy of the growing subtree.
    weight: f64,
    sample: Option<(Point, f64)>,
}

impl Recursion<'_> {
    /// Adds 2^`depth` leaves after `point`; `Err` if growth ends earlier.
    fn build_tree(&mut self, depth: u32, point: &mut Point, step: f64) -> Result<Stretch, Ending> {
        if depth == 0 {
            let leaf = self.leaves;
            self.leaves += 1;
            match self.rules {
                None => point.leapfrog(self.log_density, self.scale, step),
                Some(rules) => {
                    let finer = || self.key.uniform(Purpose::Halving, leaf) > 2.0 / 3.0;
                    *point = rules.step(self.log_density, self.scale, point, step, finer)?.0;
                }
            }
            let energy = point.energy();
            let error = energy - self.initial_energy;
            if !error.is_finite() || error > 1000.0 {
                return Err(Ending::Divergence);
            }
            let weight = (point.log_odds - error).exp();
            self.weight += weight;
            self.acceptance += weight.min(1.0);
            if self.key.uniform(Purpose::Leaf, leaf) * self.weight < weight {
                self.sample = Some((point.clone(), energy));
            }
            return Ok(Stretch::of(&point.momentum));
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

/// One transition of NUTS, recursively; by the `rules` of WALNUTS, if there are any.
pub fn recursive_transition<'a>(
    log_density: &'a mut LogDensity<'a>,
    scale: &'a [f64],
    key: StreamKey,
    from: &State,
    step: f64,
    max_depth: u32,
    rules: Option<Rules>,
) -> RecursionOutcome {
    let mut momentum = vec![0.0; scale.len()];
    key.normals(Purpose::Momentum, &mut momentum);
    let start = Point {
        position: from.position.to_vec(),
        momentum: momentum.clone(),
        gradient: from.gradient.to_vec(),
        log_density: from.log_density,
        log_odds: 0.0,
    };
    let initial_energy = 0.5 * dot(&momentum, &momentum) - from.log_density;
    let mut tree = Recursion {
        log_density,
        scale,
        key,
        rules,
        initial_energy,
        leaves: 0,
        acceptance: 0.0,
        weight: 0.0,
        sample: None,
    };
    let (mut backward, mut forward) = (start.clone(), start.clone());
    let mut whole = Stretch::of(&momentum);
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
