//! A lattice of equal steps that grows from its seeds, layer by layer, to all points whose log density is not
//! negligible; and the search for the mode from which it grows.

use std::collections::HashSet;

use foldhash::fast::FixedState;
use rayon::prelude::*;

use crate::lanes::LANES;

/// A point of a lattice of `A` axes, in steps from its origin.
pub type Index<const A: usize> = [i32; A];

/// A point of the lattice, its importance (a log density), and all else that was computed there.
pub type LatticePoint<const A: usize, T> = (Index<A>, f64, T);

/// The lattice's points whose importance is within `depth` of the largest, if each has a path of neighbours from a
/// seed, in the order of their layers. `evaluate` returns the importance of each of at most [`LANES`] points; `accept`
/// is called with each point taken, and with their number, and can end the search. A thread evaluates `grain` points
/// at least.
///
/// # Errors
/// The error of `accept`.
pub fn grow<const A: usize, W, T: Send, E>(
    axes: usize,
    seeds: impl IntoIterator<Item = Index<A>>,
    depth: f64,
    grain: usize,
    evaluate: impl Fn(&mut W, &[Index<A>]) -> Vec<(f64, T)> + Sync,
    mut accept: impl FnMut(&Index<A>, usize) -> Result<(), E>,
) -> Result<Vec<LatticePoint<A, T>>, E>
where
    W: Default + Send,
{
    let mut seen: HashSet<u128, FixedState> = HashSet::default();
    let mut frontier: Vec<Index<A>> = seeds.into_iter().filter(|index| seen.insert(packed(index))).collect();
    let mut found = Vec::new();
    let mut largest = f64::NEG_INFINITY;
    while !frontier.is_empty() {
        let layer: Vec<(f64, T)> = frontier
            .par_chunks(LANES)
            .with_min_len(grain.div_ceil(LANES))
            .map_init(W::default, |workspace, points| evaluate(workspace, points))
            .flatten_iter()
            .collect();
        largest = layer.iter().fold(largest, |largest, (importance, _)| largest.max(*importance));
        let mut next = Vec::new();
        for (index, (importance, value)) in frontier.iter().zip(layer) {
            if importance <= largest - depth {
                continue;
            }
            found.push((*index, importance, value));
            accept(index, found.len())?;
            for axis in 0..axes {
                for side in [-1, 1] {
                    let mut neighbour = *index;
                    neighbour[axis] += side;
                    if seen.insert(packed(&neighbour)) {
                        next.push(neighbour);
                    }
                }
            }
        }
        frontier = next;
    }
    Ok(found)
}

/// The low bits of each coordinate: a number of its own for every point that a lattice can reach.
#[inline]
fn packed<const A: usize>(index: &Index<A>) -> u128 {
    let bits = (128 / A as u32).min(32);
    let low = u32::MAX >> (32 - bits);
    index.iter().fold(0, |packed, i| packed << bits | u128::from(*i as u32 & low))
}

/// Climbs from `start` to about the mode of `value`, over its first `axes` coordinates, by coordinate search: steps
/// double after a rise and are halved otherwise, until they no longer matter. Also returns, for each axis, the sd of a
/// normal with the same curvature.
pub fn climb<const A: usize>(
    axes: usize,
    mut value: impl FnMut(&[f64; A]) -> f64,
    start: [f64; A],
    mut step: [f64; A],
) -> ([f64; A], [f64; A]) {
    /// A step matters if it changes the log density by more.
    const MATTERS: f64 = 0.05;
    const MAX_ROUNDS: usize = 2000;
    let mut at = start;
    let mut here = value(&at);
    let mut width = [1.0; A];
    for _ in 0..MAX_ROUNDS {
        let mut settled = true;
        for i in 0..axes {
            let moved = |by: f64| {
                let mut u = at;
                u[i] += by;
                u
            };
            let (below, above) = (moved(-step[i]), moved(step[i]));
            let (down, up) = (value(&below), value(&above));
            let bend = (here - down) + (here - up);
            if bend > 0.0 {
                width[i] = step[i] / bend.sqrt();
            }
            if down.max(up) > here {
                settled &= down.max(up) - here < MATTERS;
                (at, here) = if up > down { (above, up) } else { (below, down) };
                step[i] *= 2.0;
            } else {
                let matters = (here - down).max(here - up) > MATTERS;
                settled &= !matters;
                if matters {
                    step[i] *= 0.5;
                }
            }
        }
        if settled {
            break;
        }
    }
    (at, width)
}
