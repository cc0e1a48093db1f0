//! A subtree as it grows leaf by leaf: the state it would hand over, and O(max depth) checkpoints of momenta in place of
//! the recursion that would check every sub-subtree for a U-turn.
//!
//! After n leaves the checkpoints are the complete sub-subtrees that the binary digits of n name, largest first, as a
//! binary counter has them. A new leaf is a subtree of depth 0; as long as the last checkpoint has its depth, the two
//! are joined, and checked.

use multiversion::multiversion;

use super::weight::{Share, Weight};
use crate::faults;
use crate::lanes::{Lanes, Vector};

/// The momenta of a stretch of trajectory, as far as U-turn checks look at them.
#[derive(Debug, Clone)]
struct Span {
    first: Vector,
    last: Vector,
    /// rho, the sum of all momenta of the stretch.
    sum: Vector,
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
    first: Vector,
    sum: Vector,
}

impl Subtree {
    pub fn new(dim: usize, max_depth: usize) -> Subtree {
        let zeros = || Vector::zeros(dim);
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
    pub fn weigh(&mut self, log_weight: f64) -> Share {
        self.weight.add(log_weight)
    }

    /// Adds the momentum of a new leaf, and says whether a sub-subtree that it completes has made a U-turn.
    pub fn add(&mut self, momentum: &Vector) -> bool {
        let joins = self.leaves.trailing_ones() as usize;
        self.leaves += 1;
        let complete = self.is_complete();
        let Subtree { checkpoints, first, sum, .. } = self;
        if joins == 0 {
            if complete {
                first.lanes_mut().copy_from_slice(momentum.lanes());
                sum.lanes_mut().copy_from_slice(momentum.lanes());
            } else {
                checkpoints[0].first.lanes_mut().copy_from_slice(momentum.lanes());
            }
            return false;
        }
        std::mem::swap(first, &mut checkpoints[0].first);
        let mut turning = join_leaves(first.lanes(), momentum.lanes(), sum.lanes_mut());
        for earlier in &mut checkpoints[1..joins] {
            if turning {
                return true;
            }
            let Span { first: left_first, last: left_last, sum: left_sum } = earlier;
            let left = [&*left_first, left_last, left_sum].map(Vector::lanes);
            turning = join(left, [first.lanes(), momentum.lanes()], sum.lanes_mut());
            std::mem::swap(first, &mut earlier.first);
        }
        if !complete {
            let checkpoint = &mut checkpoints[joins];
            std::mem::swap(first, &mut checkpoint.first);
            std::mem::swap(sum, &mut checkpoint.sum);
            checkpoint.last.lanes_mut().copy_from_slice(momentum.lanes());
        }
        turning
    }

    /// Joins the complete subtree, of which `last` is the newest momentum, to the tree it grew out of, whose momenta are
    /// `far` at its other end and `near` where the subtree began, and whose sum `tree_sum` becomes that of both. Says
    /// whether that is a U-turn.
    pub fn join_to(&self, far: &Vector, near: &Vector, tree_sum: &mut Vector, last: &Vector) -> bool {
        // The three checks are the same read from either end, so the subtree may stand first.
        let subtree = [last, &self.first, &self.sum].map(Vector::lanes);
        join(subtree, [near.lanes(), far.lanes()], tree_sum.lanes_mut())
    }
}

/// Whether two leaves next to each other turn back, u'(u + v) <= 0 or v'(u + v) <= 0, and their sum.
#[multiversion(targets = "simd")]
fn join_leaves(u: &[Lanes], v: &[Lanes], sum: &mut [Lanes]) -> bool {
    let mut along = [Lanes::ZERO; 2];
    for ((u, v), sum) in u.iter().zip(v).zip(sum) {
        *sum = *u + *v;
        along[0] += *u * *sum;
        along[1] += *v * *sum;
    }
    is_turning(&along)
}

/// Whether the join of two stretches of trajectory turns back, by Stan's three checks: the whole from end to end, the
/// left stretch and the right one's first leaf, the left one's last leaf and the right stretch. `left` is the left one's
/// first momentum, its last, and the sum; `right` the right one's first and last; `sum` holds the right one's sum, and
/// then that of both.
#[multiversion(targets = "simd")]
fn join(left: [&[Lanes]; 3], right: [&[Lanes]; 2], sum: &mut [Lanes]) -> bool {
    let mut along = [Lanes::ZERO; 6];
    let (left, right) = (left[0].iter().zip(left[1]).zip(left[2]), right[0].iter().zip(right[1]));
    for ((((left_first, left_last), left_sum), (right_first, right_last)), sum) in left.zip(right).zip(sum) {
        let left_and_one = *left_sum + *right_first;
        let one_and_right = *left_last + *sum;
        *sum += *left_sum;
        along[0] += *sum * *left_first;
        along[1] += *sum * *right_last;
        along[2] += left_and_one * *left_first;
        along[3] += left_and_one * *right_first;
        along[4] += one_and_right * *left_last;
        along[5] += one_and_right * *right_last;
    }
    is_turning(&along[..if faults::is_planted("u-turn-check") { 4 } else { 6 }])
}

/// Whether not all of the sums are positive.
///
/// Never inlined: where the sums are added up in place, their halves and quarters lead a compiler to vectors of two and
/// four in the loops above, at three times the cost.
#[inline(never)]
fn is_turning(along: &[Lanes]) -> bool {
    !along.iter().all(|lanes| lanes.sum() > 0.0)
}
