//! A subtree as it grows leaf by leaf: the state it would hand over, and O(max depth) checkpoints of momenta in place of
//! the recursion that would check every sub-subtree for a U-turn.
//!
//! After n leaves the checkpoints are the complete sub-subtrees that the binary digits of n name, largest first, as a
//! binary counter has them. A new leaf is a subtree of depth 0; as long as the last checkpoint has its depth, the two
//! are joined, and checked.

use multiversion::multiversion;

use super::weight::Weight;
use crate::lanes::{LANES, Lanes};

/// The momenta of a stretch of trajectory, as far as U-turn checks look at them.
#[derive(Debug, Clone)]
struct Span {
    first: Vec<f64>,
    last: Vec<f64>,
    /// rho, the sum of all momenta of the stretch.
    sum: Vec<f64>,
}

/// A subtree under construction; every buffer is made once.
#[derive(Debug, Clone)]
pub struct Subtree {
    checkpoints: Vec<Span>,
    /// It is complete with 2^depth leaves.
    depth: u32,
    leaves: u32,
    weight: Weight,
    /// Of the complete sub-subtree that ends in the newest leaf: the momentum it begins with, and the sum. It ends with
    /// the newest momentum.
    first: Vec<f64>,
    sum: Vec<f64>,
}

impl Subtree {
    pub fn new(dim: usize, max_depth: usize) -> Subtree {
        let zeros = || vec![0.0; dim];
        let span = || Span { first: zeros(), last: zeros(), sum: zeros() };
        Subtree {
            checkpoints: (0..max_depth).map(|_| span()).collect(),
            depth: 0,
            leaves: 0,
            weight: Weight::ZERO,
            first: zeros(),
            sum: zeros(),
        }
    }

    /// The depth there is room for.
    pub fn max_depth(&self) -> u32 {
        self.checkpoints.len() as u32
    }

    /// Starts anew, without a leaf, to be complete with 2^`depth`; `depth` is below the `max_depth` it was made for.
    pub fn start(&mut self, depth: u32) {
        self.depth = depth;
        self.leaves = 0;
        self.weight = Weight::ZERO;
    }

    /// Whether all its leaves are there.
    pub fn is_complete(&self) -> bool {
        self.leaves == 1 << self.depth
    }

    /// Weight of all leaves.
    pub fn weight(&self) -> Weight {
        self.weight
    }

    /// Weighs a new leaf, and returns its share: the probability with which it becomes the subtree's sample.
    pub fn weigh(&mut self, log_weight: f64) -> f64 {
        self.weight.add(log_weight)
    }

    /// Adds the momentum of a new leaf, and says whether a sub-subtree that it completes has made a U-turn.
    pub fn add(&mut self, momentum: &[f64]) -> bool {
        let joins = self.leaves.trailing_ones() as usize;
        self.leaves += 1;
        let complete = self.is_complete();
        let Subtree { checkpoints, first, sum, .. } = self;
        if joins == 0 {
            if complete {
                first.copy_from_slice(momentum);
                sum.copy_from_slice(momentum);
            } else {
                checkpoints[0].first.copy_from_slice(momentum);
            }
            return false;
        }
        std::mem::swap(first, &mut checkpoints[0].first);
        let mut turning = join_leaves(first, momentum, sum);
        for earlier in &mut checkpoints[1..joins] {
            if turning {
                return true;
            }
            turning = join(&earlier.first, &earlier.last, &earlier.sum, first, momentum, sum);
            std::mem::swap(first, &mut earlier.first);
        }
        if !complete {
            let checkpoint = &mut checkpoints[joins];
            std::mem::swap(first, &mut checkpoint.first);
            std::mem::swap(sum, &mut checkpoint.sum);
            checkpoint.last.copy_from_slice(momentum);
        }
        turning
    }

    /// Joins the complete subtree, of which `last` is the newest momentum, to the tree it grew out of, whose momenta are
    /// `far` at its other end and `near` where the subtree began, and whose sum `tree_sum` becomes that of both. Says
    /// whether that is a U-turn.
    pub fn join_to(&self, far: &[f64], near: &[f64], tree_sum: &mut [f64], last: &[f64]) -> bool {
        // The three checks are the same read from either end, so the subtree may stand first.
        join(last, &self.first, &self.sum, near, far, tree_sum)
    }
}

/// Whether two leaves next to each other turn back, u'(u + v) <= 0 or v'(u + v) <= 0, and their sum.
#[multiversion(targets = "simd")]
fn join_leaves(u: &[f64], v: &[f64], sum: &mut [f64]) -> bool {
    let mut along = [Lanes::ZERO; 2];
    for start in (0..sum.len()).step_by(LANES) {
        let end = sum.len().min(start + LANES);
        let load = |from: &[f64]| Lanes::load(&from[start..end], 0.0);
        let (u, v) = (load(u), load(v));
        let both = u + v;
        along[0] += u * both;
        along[1] += v * both;
        both.store(&mut sum[start..end]);
    }
    is_turning(along)
}

/// Whether the join of two stretches of trajectory turns back, by Stan's three checks: the whole from end to end, the
/// left stretch and the right one's first leaf, the left one's last leaf and the right stretch. `sum` holds the right
/// stretch's sum of momenta, and then that of both.
#[multiversion(targets = "simd")]
fn join(
    left_first: &[f64],
    left_last: &[f64],
    left_sum: &[f64],
    right_first: &[f64],
    right_last: &[f64],
    sum: &mut [f64],
) -> bool {
    let mut along = [Lanes::ZERO; 6];
    for start in (0..sum.len()).step_by(LANES) {
        let end = sum.len().min(start + LANES);
        let load = |from: &[f64]| Lanes::load(&from[start..end], 0.0);
        let (left_first, left_last, left_sum) = (load(left_first), load(left_last), load(left_sum));
        let (right_first, right_last, right_sum) = (load(right_first), load(right_last), load(sum));
        let both = left_sum + right_sum;
        along[0] += both * left_first;
        along[1] += both * right_last;
        let left_and_one = left_sum + right_first;
        along[2] += left_and_one * left_first;
        along[3] += left_and_one * right_first;
        let one_and_right = left_last + right_sum;
        along[4] += one_and_right * left_last;
        along[5] += one_and_right * right_last;
        both.store(&mut sum[start..end]);
    }
    is_turning(along)
}

/// Whether not all of the sums are positive.
#[inline(always)]
fn is_turning<const N: usize>(along: [Lanes; N]) -> bool {
    !along.iter().all(|lanes| lanes.sum() > 0.0)
}
