//! Sufficient statistics of blocks of rows which share no level of any factor, for effects of several factors that are
//! integrated out: a block holds one level of the coarsest of nested factors, and all levels of crossed ones.
//!
//! With Z = Q R the columns of all effects of a block, its population-level columns X and its outcome y are reduced to
//! W = Q' (X, y), and the sums over blocks of the rest, as those of a group are.

use rayon::prelude::*;

use super::groups::reduce;
use super::rest::Rest;
use crate::model::{MixedMap, Model};

/// The effects of one level in a block.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// The term.
    pub term: usize,
    /// The level of the term's factor.
    pub level: usize,
    /// The first of the effects among those of the block.
    pub start: usize,
}

/// A block: n effects, in pieces.
#[derive(Debug, Clone)]
pub struct RowBlock {
    /// The levels.
    pub pieces: Vec<Piece>,
    /// n.
    pub effects: usize,
    /// The first effect of each effect's piece.
    pub first: Vec<usize>,
    /// R, `[row][column]`, zero below the diagonal.
    pub r: Vec<f64>,
    /// W, `[column][entry]`, the outcome last.
    pub w: Vec<f64>,
}

/// All blocks.
#[derive(Debug, Clone)]
pub struct BlockTable {
    /// The blocks.
    pub blocks: Vec<RowBlock>,
    /// What is left over.
    pub rest: Rest,
}

/// The levels and the rows of each block.
struct Connected {
    /// Term and level of each piece.
    levels: Vec<(usize, usize)>,
    rows: Vec<usize>,
}

/// The sizes n of all blocks of `model`.
pub fn sizes(model: &Model) -> Vec<usize> {
    let columns = columns(model);
    let size = |block: &Connected| block.levels.iter().map(|(term, _)| columns[*term].len()).sum();
    connected(model).iter().map(size).collect()
}

/// The columns of each term.
fn columns(model: &Model) -> Vec<&[usize]> {
    model.mixed().map_or(Vec::new(), |mixed| mixed.terms.iter().map(|term| &term.columns[..]).collect())
}

/// The blocks of rows and levels, in the order of their first rows.
fn connected(model: &Model) -> Vec<Connected> {
    let data = model.dataset();
    let factors: Vec<usize> = model.mixed().map_or(Vec::new(), |mixed| mixed.terms.iter().map(|t| t.factor).collect());
    let levels: Vec<Vec<u32>> = factors.iter().map(|factor| data.level_of_rows(*factor)).collect();
    let Some(anchors) = levels.first() else { return Vec::new() };
    // A forest over the levels of all terms (Tarjan 1975): rows join the levels that they have.
    let mut first = vec![0];
    for factor in &factors {
        first.push(first[first.len() - 1] + data.levels(*factor).len());
    }
    let mut parents: Vec<usize> = (0..first[factors.len()]).collect();
    fn root(parents: &mut [usize], mut node: usize) -> usize {
        while parents[node] != node {
            parents[node] = parents[parents[node]];
            node = parents[node];
        }
        node
    }
    for (levels, first) in levels.iter().zip(&first).skip(1) {
        for (anchor, other) in anchors.iter().zip(levels) {
            let [a, b] = [*anchor as usize, first + *other as usize].map(|node| root(&mut parents, node));
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut blocks: Vec<Connected> = Vec::new();
    let mut numbers = vec![usize::MAX; parents.len()];
    for (row, anchor) in anchors.iter().enumerate() {
        let root = root(&mut parents, *anchor as usize);
        if numbers[root] == usize::MAX {
            numbers[root] = blocks.len();
            blocks.push(Connected { levels: Vec::new(), rows: Vec::new() });
        }
        blocks[numbers[root]].rows.push(row);
    }
    for t in 0..factors.len() {
        for level in 0..first[t + 1] - first[t] {
            let root = root(&mut parents, first[t] + level);
            blocks[numbers[root]].levels.push((t, level));
        }
    }
    blocks
}

impl BlockTable {
    /// The statistics of `model`, whose layout has the map `map`.
    pub fn new(model: &Model, map: &MixedMap) -> BlockTable {
        let (design, data, columns) = (model.design(), model.dataset(), columns(model));
        let population = model.mixed().map_or(&[][..], |mixed| &mixed.population);
        let factors = model.mixed().map_or(Vec::new(), |mixed| mixed.terms.iter().map(|term| term.factor).collect());
        let levels: Vec<Vec<u32>> = factors.iter().map(|factor| data.level_of_rows(*factor)).collect();
        let reduced = connected(model).into_par_iter().map(|Connected { levels: of_block, rows }| {
            let (mut pieces, mut varying) = (Vec::new(), Vec::new());
            for (term, level) in of_block {
                pieces.push(Piece { term, level, start: varying.len() });
                varying.extend(columns[term].iter().map(|k| {
                    let value = |i: &usize| match levels[term][*i] as usize == level {
                        true => design.column(*k, *i) * design.root_weight(*i),
                        false => 0.0,
                    };
                    rows.iter().map(value).collect::<Vec<f64>>()
                }));
            }
            let effects = varying.len();
            let fixed = population.iter().zip(&map.population.centers);
            let fixed = fixed.map(|(k, center)| {
                rows.iter().map(|i| (design.column(*k, *i) - center) * design.root_weight(*i)).collect()
            });
            let outcome = rows.iter().map(|i| design.outcome(*i) * design.root_weight(*i)).collect();
            let group = reduce(varying, fixed.chain([outcome]).collect());
            let mut first = vec![0; effects];
            for piece in &pieces {
                first[piece.start..piece.start + columns[piece.term].len()].fill(piece.start);
            }
            let mut r = vec![0.0; effects * effects];
            for column in 0..effects {
                (0..=column).for_each(|i| r[i * effects + column] = group.numbers[column * (column + 1) / 2 + i]);
            }
            let w = group.numbers[effects * (effects + 1) / 2..].to_vec();
            (RowBlock { pieces, effects, first, r, w }, group.rest)
        });
        let reduced: Vec<(RowBlock, Vec<f64>)> = reduced.collect();
        let parts = reduced.iter().map(|(_, of_block)| of_block);
        let rest = Rest::of(data.n_observations(), population.len(), parts);
        BlockTable { blocks: reduced.into_iter().map(|(block, _)| block).collect(), rest }
    }
}
