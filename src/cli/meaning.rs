//! What was typed, turned into what it means: data that were read and checked, settings that fit into memory.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use warpnuts::data::{Columns, Dataset};
use warpnuts::density::Likelihood;
use warpnuts::experiment::{Keep, Settings};
use warpnuts::machine;
use warpnuts::model::{Model, NarrowPrior, Parameterization, PriorScales, Priors, Scaling};

use super::Failure;
use super::arguments::{DataArguments, KeepArgument, LikelihoodArgument, PriorArguments, RunArguments};

/// Reads and checks the data; warns of predictors far from zero.
pub fn dataset(typed: &DataArguments) -> Result<Arc<Dataset>, Failure> {
    let radon = Columns::radon();
    let named = typed.group.is_some() || typed.outcome.is_some() || !typed.predictors.is_empty();
    let columns = Columns {
        group: typed.group.clone().unwrap_or(radon.group),
        outcome: typed.outcome.clone().unwrap_or(radon.outcome),
        predictors: if typed.data.is_none() && !named { radon.predictors } else { typed.predictors.clone() },
    };
    let dataset = match &typed.data {
        Some(path) => Dataset::from_path(path, &columns),
        None => Dataset::from_built_in(&columns),
    }
    .map_err(Failure::input)?;
    let dataset = if typed.center_predictors { dataset.center_predictors() } else { dataset };
    for far in dataset.far_predictors() {
        eprintln!(
            "warning: predictor `{}` (mean {:.6}, sd {:.3}) is far from zero: its slope and the intercept are tied \
             together, and every sampler is slow on that; --center-predictors cures it, and makes the intercept the \
             outcome expected at the average predictor instead of at zero",
            far.name, far.mean, far.sd
        );
    }
    Ok(Arc::new(dataset))
}

/// The priors: those that were typed, the default ones where they were not.
pub fn priors(typed: &PriorArguments, dataset: &Dataset) -> PriorScales {
    let mut scales = PriorScales::for_data(dataset);
    if let Some(sd) = typed.prior_mu_sd {
        scales.mu_sd.fill(sd);
    }
    if let Some(scale) = typed.prior_sigma_scale {
        scales.sigma_scale.fill(scale);
    }
    if let Some(scale) = typed.prior_eps_scale {
        scales.eps_scale = scale;
    }
    for NarrowPrior { coefficient, prior, expected } in scales.narrow(dataset) {
        let mu = if coefficient == 0 { "mu_a" } else { "mu_b" };
        eprintln!(
            "warning: the prior Normal(0, {prior}) of {mu} is narrow for these data, by which {mu} may be as large as \
             {expected:.3e}; unless that is meant, raise --prior-mu-sd, or leave it out"
        );
    }
    scales
}

/// The model of `dataset`, with the scaling that suits the sampler.
pub fn model(dataset: &Arc<Dataset>, priors: &PriorScales, parameterization: &str) -> Result<Arc<Model>, Failure> {
    let parameterization =
        Parameterization::parse(parameterization, dataset.predictor_names()).map_err(Failure::input)?;
    let scaling = Scaling::standardizing(dataset);
    let model = Model::new(dataset.clone(), Priors::default(), parameterization, scaling);
    Ok(Arc::new(model.with_prior_scales(priors.clone())))
}

/// How to run, refused where it would not fit into memory.
pub fn settings(typed: &RunArguments, model: &Model) -> Result<Settings, Failure> {
    let settings = Settings {
        chains: typed.chains,
        first_chain: typed.first_chain,
        warmup: typed.warmup,
        draws: typed.draws,
        seed: typed.seed,
        target_accept: typed.target_accept,
        max_tree_depth: typed.max_tree_depth,
        likelihood: match typed.likelihood {
            LikelihoodArgument::Groups => Likelihood::Groups,
            LikelihoodArgument::Observations => Likelihood::Observations,
        },
        keep: match typed.keep {
            KeepArgument::All => Keep::All,
            KeepArgument::Hyper => Keep::Hyper,
        },
        threads: typed.threads.map_or_else(machine::threads, usize::from),
    };
    typed
        .first_chain
        .checked_add(typed.chains)
        .context("--first-chain and --chains together are above 4294967295, the largest number of a chain")
        .map_err(Failure::Input)?;
    let needed = settings.memory(model);
    let available = machine::available_memory().map_or(u128::from(u64::MAX), u128::from);
    if needed > available {
        let gigabytes = |bytes: u128| bytes as f64 / 1e9;
        let hint = if settings.keep == Keep::All { ", or keep only the hyperparameters (--keep hyper)" } else { "" };
        return Err(Failure::Input(anyhow!(
            "{} chains of {} draws of {} variables would take {:.1} GB of memory, and {:.1} GB are free; lower --chains \
             or --draws{hint}",
            settings.chains,
            settings.draws,
            settings.variables(model),
            gigabytes(needed),
            gigabytes(available),
        )));
    }
    Ok(settings)
}
