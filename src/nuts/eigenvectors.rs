//! The eigenvectors of a metric, learnt from draws of a window of warm-up and their gradients.
//!
//! In units in which every coordinate and its gradient entry spread alike, C and G are the covariances of draws and of
//! gradients. The matrix A with A G A = C, their geometric mean, minimizes the Fisher divergence between the posterior
//! and normal distributions with covariance A (Seyboldt, Carlson and Carpenter 2026). For a normal posterior it is the
//! covariance itself, exactly, from as many draws as there are coordinates. Eigenvectors of A are kept if their
//! eigenvalues are far from 1.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::low_rank::LowRank;

/// Correlations are learnt among so many leading coordinates, hyperparameters first: the work grows with the cube.
const MOST_COORDINATES: usize = 512;

/// Iterations after which a search for eigenvalues is given up: ordinarily there are about two for each.
const MOST_ITERATIONS: usize = 100 * MOST_COORDINATES;

/// Number of snapshots from which the eigenvectors of few coordinates are learnt.
const FEWEST_SNAPSHOTS: usize = 1000;

/// The number of snapshots from which the eigenvectors of `dim` coordinates are learnt.
pub fn snapshots_wanted(dim: usize) -> usize {
    (2 * dim.min(MOST_COORDINATES)).max(FEWEST_SNAPSHOTS)
}

/// An eigenvector is kept if its eigenvalue is larger than this, or smaller than its inverse.
const FAR_FROM_ONE: f64 = 1.5;

/// Covariances are regularized towards the identity as if so many draws had been seen.
const PRIOR_DRAWS: f64 = 5.0;

/// States of chains in a phase of warm-up: positions and the gradients there, `[state][coordinate]`.
#[derive(Debug, Clone, Default)]
pub struct Snapshots {
    /// Theta, unconstrained, in the sampler's units.
    pub positions: Vec<f64>,
    /// Gradients of the log density.
    pub gradients: Vec<f64>,
}

impl Snapshots {
    /// Adds a state.
    pub fn add(&mut self, position: &[f64], gradient: &[f64]) {
        self.positions.extend_from_slice(position);
        self.gradients.extend_from_slice(gradient);
    }

    /// Adds the states of another.
    pub fn join(&mut self, other: &Snapshots) {
        self.add(&other.positions, &other.gradients);
    }
}

/// At most `most` eigenvectors of the metric whose diagonal is `scale`, those with eigenvalues farthest from 1 first:
/// none if there are too few states, or numbers that are not finite.
pub fn learn(scale: &[f64], snapshots: &Snapshots, most: usize) -> LowRank {
    learnt(scale, snapshots, most).unwrap_or_default()
}

fn learnt(scale: &[f64], snapshots: &Snapshots, most: usize) -> Option<LowRank> {
    let dim = scale.len();
    let size = dim.min(MOST_COORDINATES);
    let draws = snapshots.positions.len() / dim.max(1);
    if most == 0 || draws < 2 {
        return None;
    }
    let of_draws = covariance(draws, size, |draw, i| snapshots.positions[draw * dim + i] / scale[i]);
    let of_gradients = covariance(draws, size, |draw, i| snapshots.gradients[draw * dim + i] * scale[i]);
    let (values, vectors) = eigen(geometric_mean(of_gradients, &of_draws)?)?;
    let far = |i: &usize| values[*i].ln().abs();
    let mut order: Vec<usize> = (0..size).filter(|i| values[*i] > 0.0 && far(i) > FAR_FROM_ONE.ln()).collect();
    order.sort_by(|a, b| far(b).total_cmp(&far(a)));
    order.truncate(most);
    let entry = |i: usize, row: usize| if row < size { vectors[(row, i)] } else { 0.0 };
    Some(LowRank {
        eigenvectors: order.iter().flat_map(|i| (0..dim).map(move |row| entry(*i, row))).collect(),
        eigenvalues: order.iter().map(|i| values[*i]).collect(),
    })
}

/// The covariance of `draws` draws of `size` numbers, regularized.
fn covariance(draws: usize, size: usize, number: impl Fn(usize, usize) -> f64) -> DMatrix<f64> {
    let mut apart = DMatrix::from_fn(size, draws, |i, draw| number(draw, i));
    let means = apart.column_mean();
    apart.column_iter_mut().for_each(|mut draw| draw -= &means);
    let sums = &apart * apart.transpose() + DMatrix::from_diagonal_element(size, size, PRIOR_DRAWS);
    sums / (draws as f64 - 1.0 + PRIOR_DRAWS)
}

/// The symmetric A with A G A = C: with G = L L', A = L'^-1 (L' C L)^(1/2) L^-1.
fn geometric_mean(g: DMatrix<f64>, c: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let upper = g.cholesky()?.unpack().transpose();
    let (values, mut root) = eigen(&upper * c * upper.transpose())?;
    // A root of A: its product with its transpose is symmetric to the last bit.
    for (mut vector, value) in root.column_iter_mut().zip(&values) {
        vector *= value.max(0.0).sqrt().sqrt();
    }
    upper.solve_upper_triangular_mut(&mut root).then(|| &root * root.transpose())
}

/// Eigenvalues and eigenvectors of a symmetric matrix.
fn eigen(matrix: DMatrix<f64>) -> Option<(DVector<f64>, DMatrix<f64>)> {
    let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::try_new(matrix, f64::EPSILON, MOST_ITERATIONS)?;
    eigenvalues.iter().all(|value| value.is_finite()).then_some((eigenvalues, eigenvectors))
}
