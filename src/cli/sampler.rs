//! The choice of the sampler: independent draws where they are certified, else chains of the No-U-Turn Sampler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use warpnuts::experiment::{Backend, EngineChoice, Sampler};
use warpnuts::gpu::{Adapter, Gpu};
use warpnuts::independent::{Certificate, DeviceDraws, NoProposal, NotOnDevice, Proposal, device};
use warpnuts::mode::Landscape;
use warpnuts::model::Model;

use super::Failure;
use super::arguments::EngineArguments;
use super::words::{Asked, SAMPLERS};

/// The sampler of this name, after an `@`, whose chains adapt their steps to each place.
pub fn local(word: &str) -> Result<Sampler, Failure> {
    let samplers = SAMPLERS.into_iter().filter_map(|(name, _, choice)| match choice {
        Asked::Only(sampler) if sampler.is_local() => Some((name, sampler)),
        _ => None,
    });
    let known: Vec<(&str, Sampler)> = samplers.collect();
    let names = || known.iter().map(|(name, _)| format!("`@{name}`")).collect::<Vec<_>>().join(", ");
    known.iter().find(|(name, _)| *name == word).map(|(_, sampler)| *sampler).ok_or_else(|| {
        Failure::Input(anyhow!(
            "`@{word}` is no sampler to compare with; after a parameterization there may be {}",
            names()
        ))
    })
}

/// The ids of options that only chains understand.
const OF_CHAINS: [&str; 7] =
    ["warmup", "target_accept", "max_tree_depth", "metric", "thin", "metric_from", "save_warmup"];

/// The ids of options about devices, and the engines of independent draws that understand each; with others they are
/// about chains.
const OF_DEVICES: [(&str, &[EngineChoice]); 2] =
    [("adapter", &[EngineChoice::Gpu, EngineChoice::Auto]), ("allow_software_adapter", &[EngineChoice::Gpu])];

/// The sampler of a run, and why it was chosen, if there was a choice.
pub struct ChosenSampler {
    pub sampler: Sampler,
    /// For independent draws.
    pub independent: Option<CertifiedDraws>,
    pub why: Option<String>,
}

/// The proposal of independent draws, and where they are made.
pub struct CertifiedDraws {
    pub proposal: Arc<Proposal>,
    /// The time in which it was found.
    pub time: Duration,
    /// None if that is still to be chosen.
    pub backend: Option<Backend>,
}

/// Chains of the No-U-Turn Sampler, and why.
fn chains(why: Option<String>) -> ChosenSampler {
    ChosenSampler { sampler: Sampler::Nuts, independent: None, why }
}

/// The sampler for `model`; `typed` are the ids of the options that were typed.
pub fn choose(
    asked: Asked<Sampler>,
    typed: &[String],
    engine: &EngineArguments,
    model: &Model,
) -> Result<ChosenSampler, Failure> {
    if let Asked::Only(sampler) = asked
        && sampler.has_chains()
    {
        return Ok(ChosenSampler { sampler, ..chains(None) });
    }
    if model.mixed().is_some() && asked == Asked::Auto {
        return Ok(chains(None));
    }
    let by_gradients = (engine.engine == EngineChoice::GpuDensity).then_some("engine gpu-density");
    let of_devices = OF_DEVICES.into_iter().filter(|(_, engines)| !engines.contains(&engine.engine)).map(|(id, _)| id);
    let of_chains =
        by_gradients.or(OF_CHAINS.into_iter().chain(of_devices).find(|id| typed.iter().any(|typed| typed == id)));
    if let Some(id) = of_chains {
        let option = format!("--{}", id.replace('_', "-"));
        return match asked {
            Asked::Only(_) => Err(Failure::Input(anyhow!(
                "{option} is about chains, and independent draws need none; leave it out, or use --sampler nuts"
            ))),
            Asked::Auto => Ok(chains(Some(format!("sampler nuts: {option} is about chains")))),
        };
    }
    let refused = |no: String, remedy: &str| match asked {
        Asked::Only(_) => Err(Failure::Input(anyhow!("draws of this model cannot be independent: {no}; use {remedy}"))),
        Asked::Auto => Ok(chains(Some(format!("sampler nuts: draws cannot be independent: {no}")))),
    };
    let on_device = engine.engine == EngineChoice::Gpu;
    const OTHERS: &str = "--engine cpu or --sampler nuts";
    if let Some(Err(no)) = on_device.then(|| device::admits(model)) {
        return refused(no.to_string(), OTHERS);
    }
    let (proposal, time, why) = match propose(model) {
        Ok(proposed) => proposed,
        Err(no) => return refused(no.to_string(), "--sampler nuts"),
    };
    let made_on = |backend, proposal| {
        let independent = Some(CertifiedDraws { proposal, time, backend });
        Ok(ChosenSampler { sampler: Sampler::Independent, independent, why: Some(why) })
    };
    if !on_device {
        return made_on((engine.engine == EngineChoice::Cpu).then_some(Backend::Cpu), proposal);
    }
    let gpu = open(engine)?;
    // Whether the device's draws are precise shows when it makes some.
    match DeviceDraws::new(gpu.clone(), proposal.clone()) {
        Err(NotOnDevice::Device(error)) => Err(Failure::input(error)),
        Err(no) => refused(no.to_string(), OTHERS),
        Ok(_) => made_on(Some(Backend::Gpu { gpu, fall_back: false }), proposal),
    }
}

/// The device that was asked for.
fn open(typed: &EngineArguments) -> Result<Arc<Gpu>, Failure> {
    let adapter = Adapter::choose(typed.adapter.as_deref(), typed.allow_software_adapter).map_err(Failure::input)?;
    Gpu::open(adapter).map_err(Failure::input)
}

/// The proposal of independent draws of `model`, the time in which it was found, and its certificate in words.
pub fn propose(model: &Model) -> Result<(Arc<Proposal>, Duration, String), NoProposal> {
    let began = Instant::now();
    let proposal = Proposal::certified(model, &Landscape::of(model))?;
    let why = certified(proposal.certificate());
    Ok((Arc::new(proposal), began.elapsed(), why))
}

fn certified(Certificate { efficiency, largest, k_hat, .. }: &Certificate) -> String {
    format!(
        "sampler independent: no chains; a certified proposal, with an efficiency of {efficiency:.2}, a largest weight of \
         {largest:.2} times the mean and a Pareto k of {k_hat:.1}"
    )
}
