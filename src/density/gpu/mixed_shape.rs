//! The shape of a formula's model on a device: the order of its columns, the chunks of its rows, and the places of all
//! numbers in the memory that the lanes of a chain share.

use super::factor_chunks::FactorChunks;
use super::row_shape::RowShape;
use super::tables::{Meeting, Team};
use crate::density::mixed::LikelihoodRows;
use crate::family::MOST_DISPERSIONS;
use crate::gpu::{ShaderHeader, Target};
use crate::model::correlation::pairs;
use crate::model::{Coordinates, DispersionAt, MixedMap, Model};

/// Bytes of a workgroup's memory that every device has.
const NEAR: usize = 16 << 10;

/// Numbers of each vector that a lane holds, unless a workgroup has too few lanes.
const SLOTS_PER_LANE: usize = 32;

/// Number of sums over rows with known errors, of family/gaussian_with_errors.wgsl.
const SUMS_WITH_ERRORS: usize = 2;

/// The fewest and the most lanes of a chain.
const LANES: [usize; 2] = [32, 256];

/// So many rows are shared by several workgroups, where a log density may have several passes; and the most of them.
const MANY_ROWS: usize = 1 << 15;
const MOST_WORKGROUPS: usize = 1 << 10;

/// A factor: its terms' columns are neighbours.
#[derive(Debug, Clone)]
pub struct ShapedFactor {
    /// The rows by its levels; none where effects are integrated out.
    pub chunks: FactorChunks,
    /// The first column, and the number of columns, of all its terms.
    pub first_column: usize,
    pub columns: usize,
}

/// A column of a term.
#[derive(Debug, Clone, Copy)]
pub struct ShapedColumn {
    /// The term, and the number of the column among the term's.
    pub term: usize,
    pub column: usize,
    /// The place of the factor.
    pub factor: usize,
    /// The first of its sums over chunks of rows among those of all columns.
    pub sums: usize,
}

/// A term.
#[derive(Debug, Clone, Copy)]
pub struct ShapedTerm {
    /// The first of its columns.
    pub first_column: usize,
    /// The first entry of Lambda among those of all terms.
    pub square: usize,
    /// The first of a lane's sums of the derivatives by Lambda, row by row.
    pub triangle: usize,
}

/// The shape of a formula's model.
#[derive(Debug, Clone)]
pub struct MixedShape {
    pub factors: Vec<ShapedFactor>,
    pub columns: Vec<ShapedColumn>,
    pub terms: Vec<ShapedTerm>,
    /// The numbers of a row.
    pub row: RowShape,
    /// Number of population-level columns.
    pub population: usize,
    /// Number of levels of the factor where effects are integrated out, else 0.
    pub groups: usize,
    /// Number of hyperparameters.
    pub hyper: usize,
    dim: usize,
    /// The rows of the likelihood.
    likelihood: LikelihoodRows,
    dispersions: Vec<DispersionAt>,
    family_sums: usize,
    /// The most columns of a term.
    most_columns: usize,
    /// Number of entries of Lambda of all terms.
    squares: usize,
    /// Number of sums over chunks of rows.
    sums: usize,
    /// The first of a lane's sums of the derivatives by the columns' means, and the number of all its sums.
    part_means: usize,
    parts: usize,
    /// Predictors of levels, of all terms.
    pub predictors: usize,
    /// Numbers of partially centered effects: weights, and predictors of levels.
    pub partial: usize,
    /// The coefficients of log sigma: their number, the first among the hyperparameters, and the base of log sigma.
    pub sigma: usize,
    first_sigma: usize,
    base_of_sigma: f64,
}

impl MixedShape {
    /// The shape of `model`, whose layout has the map `map`.
    pub fn new(model: &Model, map: &MixedMap) -> MixedShape {
        let data = model.dataset();
        let is_collapsed = *model.coordinates() == Coordinates::Collapsed;
        let likelihood = LikelihoodRows::of(model);
        let of_terms: Vec<usize> =
            model.mixed().map_or(Vec::new(), |mixed| mixed.terms.iter().map(|t| t.factor).collect());
        let mut numbers: Vec<usize> = Vec::new();
        for factor in &of_terms {
            if !numbers.contains(factor) {
                numbers.push(*factor);
            }
        }
        let population = map.population.centers.len();
        let has_errors = data.errors().is_some();
        let family_sums = if has_errors { SUMS_WITH_ERRORS } else { model.family().device_sums() as usize };
        let (mut factors, mut columns, mut sums) = (Vec::new(), Vec::new(), 0);
        let mut terms = vec![ShapedTerm { first_column: 0, square: 0, triangle: 0 }; map.terms.len()];
        for (place, number) in numbers.iter().enumerate() {
            let of_rows = data.level_of_rows(*number);
            let rows = if is_collapsed { &[][..] } else { &likelihood.of };
            let rows: Vec<u32> = rows.iter().map(|row| of_rows[*row]).collect();
            let chunks = FactorChunks::new(&rows, data.levels(*number).len());
            let first_column = columns.len();
            for (t, term) in map.terms.iter().enumerate().filter(|(t, _)| of_terms[*t] == *number) {
                terms[t].first_column = columns.len();
                for column in 0..term.columns {
                    columns.push(ShapedColumn { term: t, column, factor: place, sums });
                    sums += chunks.chunks();
                }
            }
            factors.push(ShapedFactor { chunks, first_column, columns: columns.len() - first_column });
        }
        let of_columns = |at: &ShapedColumn| model.mixed().map_or(0, |mixed| mixed.terms[at.term].columns[at.column]);
        let of_columns: Vec<usize> = columns.iter().map(of_columns).collect();
        let first = factors.iter().map(|factor: &ShapedFactor| factor.chunks.words()).sum();
        let row = RowShape::new(model, &likelihood, &of_columns, factors.len(), first);
        let (mut squares, mut end) = (0, 1 + family_sums + population);
        for (term, map) in terms.iter_mut().zip(&map.terms) {
            (term.square, term.triangle) = (squares, end);
            squares += map.columns * map.columns;
            end += pairs(map.columns) + map.columns;
        }
        let partial = map.terms.iter().filter_map(|map| Some((map, map.partial.as_ref()?)));
        let log_sigma = map.log_sigma.as_ref();
        let sigma = log_sigma.map_or(0, |map| map.places().len());
        let predictors = partial.clone().map(|(_, partial)| partial.predictors.len()).sum();
        MixedShape {
            groups: if is_collapsed { numbers.first().map_or(0, |number| data.levels(*number).len()) } else { 0 },
            population,
            hyper: map.hyperparameters(),
            dim: model.dim(),
            likelihood,
            dispersions: map.dispersions.clone(),
            family_sums,
            most_columns: map.terms.iter().map(|term| term.columns).max().unwrap_or(0),
            squares,
            sums,
            part_means: end,
            parts: (end + if is_collapsed { 0 } else { columns.len() + predictors + sigma }).next_multiple_of(4),
            sigma,
            first_sigma: log_sigma.map_or(0, |map| map.first),
            base_of_sigma: log_sigma.map_or(0.0, |map| map.base),
            predictors,
            partial: partial.map(|(map, partial)| partial.weights.len() + partial.predictors.len() * map.levels).sum(),
            factors,
            columns,
            terms,
            row,
        }
    }

    /// Whether effects are integrated out.
    pub fn is_collapsed(&self) -> bool {
        self.groups > 0
    }

    /// The rows of the likelihood.
    pub fn likelihood(&self) -> &LikelihoodRows {
        &self.likelihood
    }

    /// The place of each block in the memory that the lanes share, then its length.
    fn places(&self) -> [(&'static str, usize); 11] {
        let effects = self.dim - self.hyper;
        let lengths = [
            ("AT_THETA", self.dim),
            ("AT_GRADIENT", self.dim),
            ("AT_VALUES", self.hyper),
            ("AT_SLOPES", self.hyper),
            ("AT_UNITS", self.squares),
            ("AT_FACTORS", self.squares),
            ("AT_MEANS", self.columns.len()),
            ("AT_TOTALS", self.parts),
            ("AT_EFFECTS", effects),
            ("AT_SUMS", self.sums),
            ("SCRATCH", 0),
        ];
        let mut end = 0;
        lengths.map(|(name, length)| {
            end += length;
            (name, end - length)
        })
    }

    /// Numbers of that memory.
    pub fn scratch(&self) -> usize {
        self.places()[10].1
    }

    /// Whether that memory is a workgroup's own.
    pub fn is_near(&self, team: Team) -> bool {
        let exchanged = 4 * team.lanes as usize + 4;
        size_of::<f32>() * (self.scratch() + exchanged) <= NEAR
    }

    /// The lanes that share a chain: a workgroup. Compilers of software adapters take long for wide ones.
    pub fn team(&self, target: Target) -> Team {
        let fit = self.dim.div_ceil(SLOTS_PER_LANE);
        let busy = match (target.software, self.is_collapsed()) {
            (true, _) => 0,
            (false, true) => self.groups.div_ceil(2),
            (false, false) => (self.likelihood.of.len() / 16).max((self.dim - self.hyper) / 4),
        };
        let lanes = fit.max(busy).next_power_of_two().clamp(LANES[0], LANES[1]);
        Team { lanes: lanes as u32, teams: 1, meeting: Meeting::Workgroup }
    }

    /// Number of sums of a lane.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// The number of workgroups that share the rows of each position, if there are many.
    pub fn row_groups(&self, team: Team) -> Option<u32> {
        let chunks = self.factors.iter().map(|factor| factor.chunks.chunks()).max().unwrap_or(0);
        let workgroups = chunks.div_ceil(team.lanes as usize).clamp(1, MOST_WORKGROUPS);
        (!self.is_collapsed() && self.row.rows >= MANY_ROWS).then_some(workgroups as u32)
    }

    /// The place of a dispersion among the hyperparameters, or their number if it is known.
    fn place_of_dispersion(&self, d: usize) -> usize {
        match self.dispersions.get(d) {
            Some(DispersionAt::Variable(place)) => *place,
            Some(DispersionAt::Known(_) | DispersionAt::OfRows) | None => self.hyper,
        }
    }

    /// The constants of shaders.
    pub fn header(&self, team: Team, row_groups: Option<u32>) -> ShaderHeader {
        let numbers = [
            ("ROW_GROUPS", row_groups.unwrap_or(1) as usize),
            ("POPULATION", self.population),
            ("HYPER", self.hyper),
            ("TERMS", self.terms.len()),
            ("SCALES", self.columns.len()),
            ("COLUMNS", self.columns.len()),
            ("MOST_COLUMNS", self.most_columns),
            ("FACTORS", self.factors.len()),
            ("GROUPS", self.groups),
            ("PART_POPULATION", 1 + self.family_sums),
            ("PART_MEANS", self.part_means),
            ("PART_PREDICTORS", self.part_means + self.columns.len()),
            ("PART_SIGMA", self.part_means + self.columns.len() + self.predictors),
            ("PARTS", self.parts),
            ("SIGMA", self.sigma),
            ("FIRST_SIGMA", self.first_sigma),
            ("PREDICTORS", self.predictors),
            ("FIRST_DISPERSION", self.place_of_dispersion(0)),
            ("SECOND_DISPERSION", self.place_of_dispersion(1)),
            ("DISPERSION", 0),
            ("DISPERSIONS", self.dispersions.len()),
            ("DISPERSION_ROOM", MOST_DISPERSIONS),
            ("FAMILY_SUMS", self.family_sums),
            ("SUMS", MOST_DISPERSIONS),
            ("COUNTS", self.likelihood.tail_counts().len()),
            ("DIM", self.dim),
            // Vectors of chains deal all coordinates alike to the lanes.
            ("HYPERPARAMETERS", self.dim),
            ("EFFECTS", 0),
            ("J", 0),
            ("K", 0),
        ];
        let known = |d: usize| self.dispersions.get(d).and_then(|dispersion| dispersion.known()).unwrap_or(1.0);
        let header = self.row.header(team.header(ShaderHeader::default()));
        let header = header.real("KNOWN_FIRST", known(0)).real("KNOWN_SECOND", known(1));
        let header = header.real("SIGMA_BASE", self.base_of_sigma);
        numbers.into_iter().chain(self.places()).fold(header, |header, (name, value)| header.number(name, value as u32))
    }

    /// The most loop iterations of a lane in a log density, or in a pass of it.
    pub fn turns(&self, team: Team, row_groups: Option<u32>) -> u32 {
        let lanes = team.lanes as usize;
        let (p, q, scales) = (self.population, self.columns.len(), self.columns.len().div_ceil(lanes));
        let one = self.most_columns;
        let parts = self.parts + self.parts / 4 * (lanes.ilog2() as usize + 2);
        let of_means = q + self.predictors;
        let terms = scales * (one * (2 * one + 6) + q * (p + 1)) + (p + 1).div_ceil(lanes) * (of_means + 4);
        let terms = terms + self.sigma;
        let mut turns = 2 * self.hyper.div_ceil(lanes) + 2 * self.dim.div_ceil(lanes) + parts + terms;
        if self.is_collapsed() {
            let square = q * (q + 2);
            let factorize = q * (2 * square + 3);
            let group = factorize + q * (p + 4) + (q + 2) * square + p * (q + 2) + q * (q + 1) * (q + 2);
            turns += self.groups.div_ceil(lanes) * group + 2 * q * square + p * (p + 2) * 2;
        }
        turns += self.likelihood.tail_counts().len().div_ceil(lanes);
        let (mut of_rows, sharing) = (0, lanes * row_groups.unwrap_or(1) as usize);
        for factor in self.factors.iter().filter(|_| !self.is_collapsed()) {
            let chunks = &factor.chunks;
            let row = 2 * (p + 1) + q + 2 * self.sigma + factor.columns + 4;
            of_rows += chunks.chunks().div_ceil(sharing) * (chunks.longest * row + 2 * factor.columns + p + 6);
            let (levels, columns) = (chunks.levels.len().div_ceil(lanes), factor.columns);
            turns += levels * columns * (chunks.most() + 3 * columns + 12) + levels * columns * columns;
            // Partially centered: the means of a level, and what of them its effects need, for either pass.
            turns += levels * columns * (3 * self.predictors + 2 * columns + 4);
        }
        let turns = match row_groups {
            Some(workgroups) => of_rows.max(turns + (workgroups as usize).div_ceil(lanes) * (self.parts + 2)),
            None => turns + of_rows,
        };
        turns as u32
    }
}
