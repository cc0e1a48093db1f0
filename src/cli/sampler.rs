//! The choice of the sampler: independent draws where they are certified, else chains of the No-U-Turn Sampler.

use std::sync::Arc;
use std::time::Instant;

use anyhow::anyhow;
use warpnuts::experiment::{EngineChoice, Known, Sampler};
use warpnuts::independent::{Certificate, NoProposal, Proposal};
use warpnuts::mode::Landscape;
use warpnuts::model::Model;

use super::Failure;
use super::words::Word;

/// The sampler asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplerChoice {
    /// Independent draws where they are certified, else chains.
    Auto,
    /// This one, or an error.
    Only(Sampler),
}

/// The samplers, after `auto`, which chooses one.
pub const SAMPLERS: [Word<SamplerChoice>; 3] = [
    ("auto", "Independent draws where they are certified, else chains", SamplerChoice::Auto),
    ("independent", "Independent draws, or an error", SamplerChoice::Only(Sampler::Independent)),
    ("nuts", "Chains of the No-U-Turn Sampler", SamplerChoice::Only(Sampler::Nuts)),
];

/// The ids of options that only chains understand.
const OF_CHAINS: [&str; 8] = [
    "warmup",
    "target_accept",
    "max_tree_depth",
    "thin",
    "metric_from",
    "save_warmup",
    "adapter",
    "allow_software_adapter",
];

/// The proposal of independent draws of `model`, or none for chains, and why; `typed` are the ids of the options that
/// were typed.
pub fn choose(
    asked: SamplerChoice,
    typed: &[String],
    engine: EngineChoice,
    model: &Model,
) -> Result<(Option<Known>, Option<String>), Failure> {
    if asked == SamplerChoice::Only(Sampler::Nuts) {
        return Ok((None, None));
    }
    let on_device = matches!(engine, EngineChoice::GpuDensity | EngineChoice::Gpu).then_some("engine");
    let of_chains = on_device.or(OF_CHAINS.into_iter().find(|id| typed.iter().any(|typed| typed == id)));
    if let Some(id) = of_chains {
        let option = format!("--{}", id.replace('_', "-"));
        return match asked {
            SamplerChoice::Only(_) => Err(Failure::Input(anyhow!(
                "{option} is about chains, and independent draws need none; leave it out, or use --sampler nuts"
            ))),
            SamplerChoice::Auto => Ok((None, Some(format!("sampler nuts: {option} is about chains")))),
        };
    }
    match propose(model) {
        Ok((proposal, why)) => Ok((Some(proposal), Some(why))),
        Err(no) if asked != SamplerChoice::Auto => {
            Err(Failure::Input(anyhow!("draws of this model cannot be independent: {no}; use --sampler nuts")))
        }
        Err(no) => Ok((None, Some(format!("sampler nuts: draws cannot be independent: {no}")))),
    }
}

/// The proposal of independent draws of `model`, and its certificate in words.
pub fn propose(model: &Model) -> Result<(Known, String), NoProposal> {
    let began = Instant::now();
    let proposal = Proposal::certified(model, &Landscape::of(model))?;
    let why = certified(proposal.certificate());
    Ok((Known::Proposal(Arc::new(proposal), began.elapsed()), why))
}

fn certified(Certificate { efficiency, largest, k_hat, .. }: &Certificate) -> String {
    format!(
        "sampler independent: no chains; {largest:.2} proposals a draw, certified with an efficiency of {efficiency:.2} and a Pareto \
         k of {k_hat:.1}"
    )
}
