//! The tables of a formula's model for mixed/tables.wgsl.

use super::mixed_partial::{PredictorRow, numbers_of_partial, places_of_partial, predictor_rows};
use super::mixed_rows::table_of_rows;
use super::mixed_shape::{MixedShape, ShapedFactor, ShapedTerm};
use super::mixed_sigma::sums_of_sigma;
use super::rough_fit::RoughFit;
use super::tables::Reference;
use crate::density::mixed::{GroupTable, HyperPrior, HyperPriors, constant};
use crate::family::AboutCentre;
use crate::gpu::shared_struct;
use crate::model::{Centering, MixedMap, Model, Scalar, Shape, TermMap};

/// In the place of the list of a factor by which the rows are sorted.
const NO_LIST: u32 = u32::MAX;

/// Sweeps over all columns in a rough fit.
const SWEEPS: usize = 20;

shared_struct! {
    /// A hyperparameter: its map from theta, and its prior.
    pub struct HyperRow {
        /// The map: the number of its kind in mixed/hyper.wgsl.
        pub map: u32,
        /// The shape of the prior, likewise.
        pub shape: u32,
        /// The lower bound of an interval.
        pub low: f32,
        /// The width of an interval.
        pub width: f32,
        /// The location of the prior.
        pub location: f32,
        /// The scale of the prior.
        pub scale: f32,
        /// Degrees of freedom, or the exponent of a partial correlation.
        pub df: f32,
    }
}

shared_struct! {
    /// A term.
    pub struct TermRow {
        /// Number of columns.
        pub columns: u32,
        /// Number of levels.
        pub levels: u32,
        /// Index of the first sd in theta.
        pub scales: u32,
        /// Index of the first partial correlation in theta.
        pub partials: u32,
        /// Index of the first effect in theta.
        pub effects: u32,
        /// 1 if the coefficients are correlated.
        pub correlated: u32,
        /// How the effects are centered: the number of the kind in mixed/term.wgsl.
        pub centering: u32,
        /// Index of the first entry of Lambda among those of all terms.
        pub square: u32,
        /// Index of the derivative by that entry among a lane's sums.
        pub triangle: u32,
        /// The first column.
        pub first_column: u32,
        /// Where the weights of partially centered effects are, `[column][level]`.
        pub weights: u32,
    }
}

shared_struct! {
    /// The sd of a column.
    pub struct ScaleRow {
        /// The term.
        pub term: u32,
        /// The number of the column among the term's.
        pub row: u32,
    }
}

shared_struct! {
    /// A column of a term.
    pub struct ColumnRow {
        /// The index of its first effect among the effects of all terms.
        pub effects: u32,
        /// The factor.
        pub factor: u32,
        /// The index of its first sum over a chunk of rows among those of all columns.
        pub sums: u32,
        /// The place of its entry among a row's numbers; 0 if it is 1 in all rows.
        pub entry: u32,
    }
}

shared_struct! {
    /// A factor.
    pub struct FactorRow {
        /// Where the table lists the numbers of all rows, level by level; `NO_LIST` if that is their order.
        pub order: u32,
        /// Where it lists the first row of each chunk.
        pub starts: u32,
        /// Number of chunks.
        pub chunks: u32,
        /// Where it lists the first chunk of each level.
        pub levels: u32,
        /// The first column of its terms.
        pub first_column: u32,
        /// Number of columns of its terms.
        pub columns: u32,
    }
}

/// The tables of a formula's model on a device, and the constant that its log densities omit.
#[derive(Debug, Clone)]
pub struct MixedTables {
    /// Words of the structure `Fixed`.
    pub fixed: Vec<u32>,
    /// Words of the table of rows, or of groups.
    pub likelihood: Vec<u32>,
    /// Added by the host to a log density of the device.
    pub constant: f64,
}

impl MixedTables {
    /// The tables of `model`, whose layout has the map `map`.
    pub fn of(model: &Model, map: &MixedMap, shape: &MixedShape) -> MixedTables {
        let priors = HyperPriors::new(model, map);
        let rows = shape.likelihood();
        // Normal outcomes are counted as they were before they are merged.
        let observations = match model.family().is_normal() {
            true => model.dataset().n_observations(),
            false => rows.of.len(),
        } as f64;
        let fit = RoughFit::of(model, map, rows);
        // Each row that is merged has no residual from which the reference noise would be subtracted.
        let within = rows.within - (observations - rows.of.len() as f64) * fit.centre;
        let log_dispersions = fit.log_dispersions;
        let [log_eps, second] = log_dispersions.map(|log| log as f32);
        let reference = Reference { log_eps, noise: fit.centre as f32, observations: observations as f32, second };
        let about = AboutCentre { log_dispersions, centre: fit.centre, rows: observations, counts: &rows.counts };
        let of_family = match model.dataset().errors() {
            Some(_) => constant_with_errors(model, &about),
            None => model.family().device_constant(&about),
        };
        let noise = fit.centre;
        let mut fixed = words(&[reference]);
        let rows: Vec<HyperRow> = priors.iter().map(|(scalar, prior)| hyper_row(*scalar, prior)).collect();
        fixed.extend(words(&rows));
        fixed.extend(words(&term_rows(map, shape)));
        let scale = |t: usize| (0..map.terms[t].columns).map(move |row| ScaleRow { term: t as u32, row: row as u32 });
        fixed.extend(words(&(0..map.terms.len()).flat_map(scale).collect::<Vec<_>>()));
        let columns = shape.columns.iter().zip(&shape.row.entries).map(|(at, entry)| ColumnRow {
            effects: (map.terms[at.term].row(at.column).start - shape.hyper) as u32,
            factor: at.factor as u32,
            sums: at.sums as u32,
            entry: *entry as u32,
        });
        fixed.extend(words(&columns.collect::<Vec<_>>()));
        fixed.extend(words(&factor_rows(shape)));
        fixed.extend(weights(map, shape));
        fixed.extend(words(&predictor_rows(map, shape, partial_at(shape))));
        fixed.extend(bits(&numbers_of_partial(map)));
        let of_sigma = sums_of_sigma(model, &fit);
        fixed.extend(bits(&of_sigma.concat()));
        fixed.extend(bits(&[within]));
        let base = map.log_sigma.as_ref().map_or(0.0, |map| map.base);
        let of_scales = observations * base + of_sigma.iter().map(|[sum, at]| sum * at).sum::<f64>();
        let likelihood = if shape.is_collapsed() {
            let groups = GroupTable::new(model, map);
            let weight = (0..model.dataset().n_observations()).map(|i| model.design().root_weight(i).powi(2)).sum();
            fixed.extend(bits(&rest(&groups, noise * observations, weight)));
            bits(&numbers_of(&groups))
        } else {
            fixed.extend(bits(&shape.likelihood().tail_counts()));
            table_of_rows(model, map, shape)
        };
        let omitted: f64 = priors.iter().map(|(scalar, prior)| omitted(*scalar, prior)).sum();
        let constant = constant(model, &priors, shape.likelihood()) + of_family + omitted - of_scales;
        MixedTables { fixed, likelihood, constant }
    }
}

/// What a device omits of the log likelihood of rows with known errors: that of the reference, if its squares were
/// `centre` times the variances.
fn constant_with_errors(model: &Model, about: &AboutCentre) -> f64 {
    let noise = (2.0 * about.log_dispersions[0]).exp();
    let of_row = |i: usize| about.centre + (noise + model.design().known_variance(i)).ln();
    -0.5 * (0..model.dataset().n_observations()).map(of_row).sum::<f64>()
}

/// Where the words of `Fixed` after its reference begin: terms, sds, columns, factors, weights, predictors, numbers of
/// partially centered effects and of log sigma, the squares within rows that are merged, and the rest.
pub fn places(shape: &MixedShape) -> [(&'static str, usize); 11] {
    let lengths = [
        shape.hyper * WORDS_OF[0],
        shape.terms.len() * WORDS_OF[1],
        shape.columns.len() * WORDS_OF[2],
        shape.columns.len() * WORDS_OF[3],
        shape.factors.len() * WORDS_OF[4],
        shape.columns.len() * shape.population,
        shape.predictors * WORDS_OF[5],
        shape.partial,
        2 * shape.sigma,
        1,
    ];
    // The tables of rows have counts in the place of the rest.
    let mut end = 0;
    let ends = lengths.map(|length| {
        end += length;
        end
    });
    let names = [
        "TERMS_AT",
        "SCALES_AT",
        "COLUMNS_AT",
        "FACTORS_AT",
        "WEIGHTS_AT",
        "PREDICTORS_AT",
        "PARTIAL_AT",
        "SIGMA_AT",
        "WITHIN_AT",
        "REST_AT",
        "COUNTS_AT",
    ];
    std::array::from_fn(|i| (names[i], ends[i.min(ends.len() - 1)]))
}

/// Words of each kind of row, which mixed/tables.wgsl counts.
const WORDS_OF: [usize; 6] = [
    size_of::<HyperRow>() / 4,
    size_of::<TermRow>() / 4,
    size_of::<ScaleRow>() / 4,
    size_of::<ColumnRow>() / 4,
    size_of::<FactorRow>() / 4,
    size_of::<PredictorRow>() / 4,
];
const _: () = assert!(matches!(WORDS_OF, [7, 11, 2, 4, 6, 3]));

fn words<T: bytemuck::NoUninit>(rows: &[T]) -> Vec<u32> {
    bytemuck::cast_slice(rows).to_vec()
}

fn bits(numbers: &[f64]) -> Vec<u32> {
    numbers.iter().map(|number| (*number as f32).to_bits()).collect()
}

fn hyper_row(scalar: Scalar, prior: &HyperPrior) -> HyperRow {
    let (map, [low, width]) = match scalar {
        Scalar::Identity => (0, [0.0; 2]),
        Scalar::Exp => (1, [0.0; 2]),
        Scalar::Interval { low, width } => (2, [low, width]),
        Scalar::Tanh => (3, [0.0; 2]),
    };
    let row = HyperRow { map, low: low as f32, width: width as f32, scale: 1.0, df: 1.0, ..HyperRow::default() };
    match prior {
        HyperPrior::Variable(prior) => {
            let (shape, df) = match prior.shape {
                Shape::Normal => (0, 1.0),
                // Where 32 bits do not tell them apart.
                Shape::StudentT(df) if df > 1e9 => (0, 1.0),
                Shape::StudentT(df) => (1, df),
                Shape::Exponential => (2, 1.0),
                Shape::Uniform | Shape::Constant => (3, 1.0),
                Shape::Gamma(shape) => (5, shape),
                Shape::InverseGamma(shape) => (6, shape),
            };
            HyperRow { shape, location: prior.location as f32, scale: prior.scale as f32, df: df as f32, ..row }
        }
        HyperPrior::Partial(alpha) => HyperRow { shape: 4, df: *alpha as f32, ..row },
    }
}

/// What a device omits from a hyperparameter's log density: the constant of the Jacobian's logarithm.
fn omitted(scalar: Scalar, prior: &HyperPrior) -> f64 {
    match (scalar, prior) {
        (Scalar::Interval { width, .. }, _) => width.ln(),
        (Scalar::Tanh, HyperPrior::Partial(alpha)) => alpha * 4.0_f64.ln(),
        (Scalar::Tanh | Scalar::Identity | Scalar::Exp, _) => 0.0,
    }
}

/// The place of the numbers of partially centered effects among the words of `Fixed`.
fn partial_at(shape: &MixedShape) -> usize {
    places(shape).into_iter().find(|(name, _)| *name == "PARTIAL_AT").map_or(0, |(_, at)| at)
}

fn term_rows(map: &MixedMap, shape: &MixedShape) -> Vec<TermRow> {
    let partial = places_of_partial(map, partial_at(shape));
    let row = |((term, shaped), weights): ((&TermMap, &ShapedTerm), usize)| TermRow {
        columns: term.columns as u32,
        levels: term.levels as u32,
        scales: term.scales as u32,
        partials: term.partials.unwrap_or(0) as u32,
        effects: term.effects as u32,
        correlated: term.partials.is_some().into(),
        centering: match term.centering {
            None | Some(Centering::NonCentered) => 0,
            Some(Centering::Centered) => 1,
            Some(Centering::Partial) => 2,
        },
        square: shaped.square as u32,
        triangle: shaped.triangle as u32,
        first_column: shaped.first_column as u32,
        weights: weights as u32,
    };
    map.terms.iter().zip(&shape.terms).zip(partial).map(row).collect()
}

fn factor_rows(shape: &MixedShape) -> Vec<FactorRow> {
    let mut end = 0;
    let row = |factor: &ShapedFactor| {
        let chunks = &factor.chunks;
        let mut place = |length: usize| {
            end += length;
            (end - length) as u32
        };
        FactorRow {
            order: if chunks.order.is_empty() { NO_LIST } else { place(chunks.order.len()) },
            starts: place(chunks.starts.len()),
            chunks: chunks.chunks() as u32,
            levels: place(chunks.levels.len()),
            first_column: factor.first_column as u32,
            columns: factor.columns as u32,
        }
    };
    shape.factors.iter().map(row).collect()
}

/// The weight of each population-level coefficient in the mean of each column's effects, if they are centered.
fn weights(map: &MixedMap, shape: &MixedShape) -> Vec<u32> {
    let mut all = Vec::new();
    let mut unit = vec![0.0; map.hyperparameters()];
    for at in &shape.columns {
        for k in 0..shape.population {
            unit.fill(0.0);
            unit[k] = 1.0;
            all.push(map.terms[at.term].mean(at.column, &unit));
        }
    }
    bits(&all)
}

/// Number after number, those of all groups.
fn numbers_of(groups: &GroupTable) -> Vec<f64> {
    let (q, population) = (groups.columns, groups.population);
    let triangle = (0..q).flat_map(|c| (0..=c).map(move |i| (true, i, c)));
    let others = (0..=population).flat_map(|k| (0..q).map(move |i| (false, i, k)));
    let mut all = Vec::new();
    for (is_r, i, k) in triangle.chain(others) {
        let start = all.len();
        for bundle in groups.bundles() {
            let lanes = if is_r { bundle.r(i, k) } else { bundle.w(i, k) };
            all.extend(lanes.0);
        }
        all.truncate(start + groups.groups);
    }
    all
}

/// The rest about coefficients near its minimum, minus `noise`; the coefficients; half the derivatives, with the sign
/// turned; and half the second derivatives. `weight` is that of all rows.
fn rest(groups: &GroupTable, noise: f64, weight: f64) -> Vec<f64> {
    let (p, products) = (groups.population, groups.rest.products());
    let product = |k: usize, l: usize| products[k * (p + 1) + l];
    let mut at = vec![0.0; p];
    let residual = |at: &[f64], k: usize| product(k, p) - (0..p).map(|l| product(k, l) * at[l]).sum::<f64>();
    for _ in 0..SWEEPS * p {
        // Columns that are constant within groups are left with rounding errors.
        for k in (0..p).filter(|k| product(*k, *k) > 1e-8 * weight) {
            at[k] += residual(&at, k) / product(k, k);
        }
    }
    at.iter_mut().for_each(|b| *b = f64::from(*b as f32));
    let left: Vec<f64> = (0..p).map(|k| residual(&at, k)).collect();
    let moved: f64 = at.iter().enumerate().map(|(k, b)| b * (product(k, p) + left[k])).sum();
    let second = (0..p).flat_map(|k| (0..p).map(move |l| product(k, l)));
    [product(p, p) - moved - noise].into_iter().chain(at.iter().copied()).chain(left).chain(second).collect()
}
