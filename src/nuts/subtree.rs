//! A subtree as it grows leaf by leaf, with O(max depth) checkpoints of momenta in place of the recursion that would
//! check every sub-subtree for a U-turn.
//!
//! After n leaves the checkpoints are the complete sub-subtrees named by the binary digits of n, largest first, as in a
//! binary counter. A new leaf is a subtree of depth 0; while the last checkpoint has the depth of the newest subtree,
//! the two are joined and checked.

use multiversion::multiversion;

use super::weight::{Share, Weight};
use crate::faults;
use crate::lanes::{Lanes, Vector};

/// The momenta of a part of a trajectory, as far as U-turn checks need them.
#[derive(Debug, Clone)]
struct Span {
    first: Vector,
    last: Vector,
    /// rho, the sum of all momenta of the part.
    sum: Vector,
}

/// A subtree under construction; its buffers are made once.
#[derive(Debug, Clone)]
pub struct Subtree {
    checkpoints: Vec<Span>,
    /// The subtree is complete with 2^depth leaves.
    depth: u32,
    leaves: u32,
    weight: Weight,
    /// The first momentum and the sum of the complete sub-subtree that ends in the newest leaf. Its last momentum is
    /// the newest.
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

    /// The deepest tree that the buffers allow.
    pub fn max_depth(&self) -> u32 {
        self.checkpoints.len() as u32
    }

    /// Starts an empty subtree, complete with 2^`depth` leaves; `depth` is below `max_depth`.
    pub fn start(&mut self, depth: u32) {
        self.depth = depth;
        self.leaves = 0;
        self.weight = Weight::ZERO;
    }

    /// Whether the subtree has all its leaves.
    pub fn is_complete(&self) -> bool {
        self.leaves == 1 << self.depth
    }

    /// Total weight of the leaves.
    pub fn weight(&self) -> Weight {
        self.weight
    }

    /// Adds a new leaf's weight; returns its share, the probability with which the leaf becomes the subtree's sample.
    pub fn weigh(&mut self, log_weight: f64) -> Share {
        self.weight.add(log_weight)
    }

    /// Adds a new leaf's momentum; returns whether a sub-subtree that the leaf completes has made a U-turn.
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

    /// Joins the complete subtree to the tree that it extends; returns whether they make a U-turn. `last` is the
    /// subtree's newest momentum, `near` the tree's where the subtree began, `far` the tree's at the other end;
    /// `tree_sum` becomes the sum of both.
    pub fn join_to(&self, far: &Vector, near: &Vector, tree_sum: &mut Vector, last: &Vector) -> bool {
        // The three checks are the same from either end, so the subtree may come first.
        let subtree = [last, &self.first, &self.sum].map(Vector::lanes);
        join(subtree, [near.lanes(), far.lanes()], tree_sum.lanes_mut())
    }
}

/// Whether two adjacent leaves turn back, u'(u + v) <= 0 or v'(u + v) <= 0; `sum` becomes u + v.
#[multiversion(targets = "simd")]
fn join_leaves(u: &[Lanes], v: &[Lanes], sum: &mut [Lanes]) -> bool {
    let mut dots = [Lanes::ZERO; 2];
    for ((u, v), sum) in u.iter().zip(v).zip(sum) {
        *sum = *u + *v;
        dots[0] += *u * *sum;
        dots[1] += *v * *sum;
    }
    is_turning(&dots)
}

/// Whether the join of two parts of a trajectory turns back, by Stan's three checks: the whole from end to end; the
/// left part with the right part's first leaf; the left part's last leaf with the right part. `left` is the left part's
/// first momentum, last momentum and sum; `right` the right part's first and last; `sum` holds the right part's sum,
/// and then the sum of both.
#[multiversion(targets = "simd")]
fn join(left: [&[Lanes]; 3], right: [&[Lanes]; 2], sum: &mut [Lanes]) -> bool {
    let mut dots = [Lanes::ZERO; 6];
    let (left, right) = (left[0].iter().zip(left[1]).zip(left[2]), right[0].iter().zip(right[1]));
    for ((((left_first, left_last), left_sum), (right_first, right_last)), sum) in left.zip(right).zip(sum) {
        let left_and_one = *left_sum + *right_first;
        let one_and_right = *left_last + *sum;
        *sum += *left_sum;
        dots[0] += *sum * *left_first;
        dots[1] += *sum * *right_last;
        dots[2] += left_and_one * *left_first;
        dots[3] += left_and_one * *right_first;
        dots[4] += one_and_right * *left_last;
        dots[5] += one_and_right * *right_last;
    }
    is_turning(&dots[..if faults::is_planted("u-turn-check") { 4 } else { 6 }])
}

/// Whether any of the sums is not positive.
///
/// Never inlined: with the sums added up in place, their halves and quarters would lead the compiler to vectors of two
/// and four in the loops above, at three times the cost.
#[inline(never)]
fn is_turning(dots: &[Lanes]) -> bool {
    !dots.iter().all(|lanes| lanes.sum() > 0.0)
}
