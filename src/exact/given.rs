//! What the grid needs of a model: a density over its axes, with all else integrated out, and normal distributions of
//! all else given a point.

use super::conditional::{Line, NormalMoments};
use crate::lanes::Lanes;

/// Most axes of a grid: two sds, their correlation and sigma, or as many other scales.
pub const MAX_AXES: usize = 4;

/// A point by axis, padded with zeros: in t, the logarithms of scales and the inverse hyperbolic tangents of partial
/// correlations; or in u (`exact/axis.rs`).
pub type AxisPoint = [f64; MAX_AXES];

/// The variable of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisVariable {
    /// The standard deviation of a coefficient over levels. As it goes to 0, the likelihood has a limit.
    Spread,
    /// The standard deviation of the residuals, whose likelihood vanishes at 0.
    Noise,
    /// A partial correlation.
    Correlation,
}

/// Buffers, so that an evaluation allocates nothing but its result.
#[derive(Debug, Default)]
pub struct Workspace {
    /// A line for each group of the shorthand's model.
    pub lines: Vec<Line>,
    /// The hyperparameters of a formula's model.
    pub values: Vec<f64>,
    /// Its normal equations, and its whitened rows, of eight levels each.
    pub lanes: Vec<Lanes>,
}

/// What is known at a point of the grid, besides its density.
pub type KnownAtPoint = Box<[f64]>;

/// A posterior which is normal given a point of the axes, in the sampler's units.
pub trait GivenAxes: std::fmt::Debug + Send + Sync {
    /// The variable of each axis, in the order of the hyperparameters after the means or population-level coefficients.
    fn axes(&self) -> &[AxisVariable];

    /// Numbers of [`KnownAtPoint`].
    fn width(&self) -> usize;

    /// log p(t | y) + log p(y); -inf if it is NaN.
    fn at(&self, t: &AxisPoint, workspace: &mut Workspace) -> (f64, KnownAtPoint);

    /// The log scale of the axis of a [`AxisVariable::Spread`] about which its neck begins, where the axes have `t`.
    fn neck(&self, axis: usize, t: &AxisPoint) -> f64;

    /// Mean or population-level coefficient `k`, given y and a point.
    fn location(&self, k: usize, known: &[f64]) -> NormalMoments;

    /// All effects of level `j`, given y and a point, in the order of [`varying`](crate::model::Layout::varying).
    fn effects(&self, j: usize, known: &[f64], effects: &mut [NormalMoments; MAX_AXES]);
}
