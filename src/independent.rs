//! Independent draws of the scales, sigma\[0..K\] and eps, with mu and all effects integrated out: proposed from a
//! density that is the posterior itself at the nodes of a lattice and multilinear between them, and accepted exactly.
//!
//! What is left of a Gaussian model with one factor are few scales. Their axes bend where a scale is too small to show
//! (`independent/axis.rs`), so that no tail is long; they are rotated and stretched by the curvature at the mode; and a
//! lattice grows from there (`independent/lattice.rs`). The proposal is the multilinear density through its nodes
//! (`independent/cells.rs`), mixed with a little of a density with heavy tails (Hesterberg 1995), so that its support
//! is the posterior's, and the weights, posterior over proposal, are bounded.
//!
//! **Acceptance.** A proposal with weight w is accepted with probability min(1, w / M), where M is above the largest
//! weight of the [`Certificate`]'s points. Where w <= M everywhere, draws are independent and exact. Beyond M, the
//! draws accepted are from min(posterior, M proposal), and a Metropolis-Hastings step corrects this (Tierney 1994,
//! 2.3.4; Chib and Greenberg 1995): a draw with w > M is repeated with probability 1 - M / w, or 1 - w' / w if the next
//! one, w', is beyond M too. So the posterior is stationary whatever the proposal, and a repeated draw is counted.
//!
//! mu is drawn from its conditional normal given the scales; effects, as in every collapsed run, from theirs.

pub mod axis;
mod cells;
mod certificate;
mod density;
pub mod device;
pub mod lattice;
mod proposal;

use crate::density::collapsed::{self, MAX_MEANS};
use crate::mode::Landscape;
use crate::model::{Coordinates, Model, Refusal};
use crate::nuts::adaptation::PositionMoments;
use crate::random::StreamKey;

pub use certificate::{Certificate, Uncertified};
pub use device::effects::DrawnEffects;
pub use device::{DeviceDraws, NotOnDevice};
use proposal::Fitted;
use proposal::about_mode::AboutMode;

/// A proposal for a model's scales, for any number of them.
#[derive(Debug)]
pub struct Proposal {
    fitted: Box<dyn AnyProposal>,
    landscape: Landscape,
}

/// A draw of the hyperparameters.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct IndependentDraw {
    /// Log density at the draw, in the sampler's units.
    pub log_density: f64,
    /// log (w / M): above 0 if the draw is beyond the bound.
    pub excess: f64,
    /// Number of proposals up to the one accepted.
    pub tries: u32,
}

/// Why there are no independent draws.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoProposal {
    /// The model is not admitted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The effects are not integrated out.
    #[error("they need the group effects integrated out, and --parameterization {parameterization} leaves them in")]
    Effects {
        /// The parameterization.
        parameterization: String,
    },
    /// Too many scales.
    #[error("the model has {scales} scales, and their proposal is built for {} at most", MAX_MEANS + 1)]
    Scales {
        /// Number of scales.
        scales: usize,
    },
    /// The scales have no mode, or a lattice over their posterior would have too many nodes.
    #[error(
        "the lattice over the posterior of the scales would be too large: the data say too little of them, or there are too many \
         scales, or groups"
    )]
    Unfit,
    /// The proposal does not fit.
    #[error(transparent)]
    Uncertified(#[from] Uncertified),
}

/// Whether the draws of `model` can be independent, as far as can be said without looking for a proposal.
///
/// # Errors
/// If the effects cannot be integrated out, or there are too many scales.
pub fn admits(model: &Model) -> Result<(), NoProposal> {
    Refusal::unless_shorthand(model, "their proposal", "chains sample it")?;
    collapsed::admits(model)?;
    let scales = model.layout().positive().len();
    if *model.coordinates() != Coordinates::Collapsed {
        return Err(NoProposal::Effects { parameterization: model.parameterization() });
    }
    if scales > MAX_MEANS + 1 { Err(NoProposal::Scales { scales }) } else { Ok(()) }
}

impl Proposal {
    /// The proposal for a collapsed `model`, if it is certified. `landscape` has the modes of the model.
    ///
    /// # Errors
    /// If the model is not admitted, or no proposal fits.
    pub fn certified(model: &Model, landscape: &Landscape) -> Result<Proposal, NoProposal> {
        let proposal = Proposal::new(model, landscape)?;
        proposal.certificate().check()?;
        Ok(proposal)
    }

    /// The proposal for a collapsed `model`, certified or not: its draws are right where its
    /// [certificate](Proposal::certificate) is good.
    ///
    /// # Errors
    /// If the model is not admitted, or its scales have no lattice.
    pub fn new(model: &Model, landscape: &Landscape) -> Result<Proposal, NoProposal> {
        admits(model)?;
        match model.layout().positive().len() {
            2 => boxed(Fitted::<2>::new(model, landscape), landscape),
            3 => boxed(Fitted::<3>::new(model, landscape), landscape),
            4 => boxed(Fitted::<4>::new(model, landscape), landscape),
            5 => boxed(Fitted::<5>::new(model, landscape), landscape),
            6 => boxed(Fitted::<6>::new(model, landscape), landscape),
            scales => Err(NoProposal::Scales { scales }),
        }
    }

    /// The certificate, whether good or not.
    pub fn certificate(&self) -> &Certificate {
        self.fitted.certificate()
    }

    /// The modes from which it was built.
    pub fn landscape(&self) -> &Landscape {
        &self.landscape
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.fitted.nodes()
    }

    /// Mean and variance of mu, log sigma and log eps, in the sampler's units, from the certificate's points.
    pub fn spread(&self) -> &PositionMoments {
        self.fitted.spread()
    }

    /// Makes a draw of mu, log sigma and log eps, in the sampler's units, for each of `keys`, which have one seed, into
    /// `theta`, `[key][coordinate]`: from the posterior where a draw is not beyond the bound.
    pub fn draw(&self, keys: &[StreamKey], theta: &mut [f64], drawn: &mut [IndependentDraw]) {
        self.fitted.draw(keys, theta, drawn);
    }

    /// log (w / M) at `theta`: mu, log sigma and log eps.
    pub fn excess(&self, theta: &[f64]) -> f64 {
        self.fitted.excess(theta)
    }
}

fn boxed<const A: usize>(fitted: Option<Fitted<A>>, landscape: &Landscape) -> Result<Proposal, NoProposal> {
    let fitted = Box::new(fitted.ok_or(NoProposal::Unfit)?);
    Ok(Proposal { fitted, landscape: landscape.clone() })
}

/// A proposal of any number of scales.
trait AnyProposal: std::fmt::Debug + Send + Sync {
    fn certificate(&self) -> &Certificate;
    fn nodes(&self) -> usize;
    fn spread(&self) -> &PositionMoments;
    fn draw(&self, keys: &[StreamKey], theta: &mut [f64], drawn: &mut [IndependentDraw]);
    fn excess(&self, theta: &[f64]) -> f64;
    fn about_mode(&self) -> Option<AboutMode>;
}

impl<const A: usize> AnyProposal for Fitted<A> {
    fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn nodes(&self) -> usize {
        self.nodes
    }

    fn spread(&self) -> &PositionMoments {
        &self.spread
    }

    fn draw(&self, keys: &[StreamKey], theta: &mut [f64], drawn: &mut [IndependentDraw]) {
        Fitted::draw(self, keys, theta, drawn);
    }

    fn excess(&self, theta: &[f64]) -> f64 {
        Fitted::excess(self, theta)
    }

    fn about_mode(&self) -> Option<AboutMode> {
        Fitted::about_mode(self)
    }
}
