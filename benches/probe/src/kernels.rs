//! The kernels that a driver is asked to compile, for radon and for made-up models.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use warpnuts::data::Dataset;
use warpnuts::density::gpu::DensityShaders;
use warpnuts::engine::device::kernels::{self, DeviceOutput};
use warpnuts::gpu::Target;
use warpnuts::model::{Centering, Coordinates, Likelihood, Model, Scaling};

/// Names of the kernels: transitions of several models, one of them also with one lane for each chain, a log density
/// over groups, and the first pass of a log density over observations.
pub const NAMES: [&str; 11] = [
    "transition-radon",
    "transition-marginal",
    "transition-marginal-alone",
    "transition-3-coefficients",
    "transition-4-coefficients",
    "transition-5-coefficients",
    "transition-340-groups",
    "transition-1000-groups",
    "transition-sums",
    "evaluate",
    "residuals",
];

/// The most doublings of a trajectory.
const MAX_DEPTH: u32 = 10;

/// The source of kernel `name` for this target, and its entry point.
///
/// # Errors
/// If there is no such kernel.
pub fn source(name: &str, target: Target) -> Result<(String, &'static str)> {
    let target = Target { alone: name.ends_with("-alone"), ..target };
    let transition = |model: &Model, output| {
        let shaders = kernels::TransitionShaders::new(model, MAX_DEPTH, output, target);
        (shaders.transition, "transition")
    };
    let all = |model: Model| transition(&model, DeviceOutput::Draws(model.dim()));
    Ok(match name {
        "transition-radon" => all(radon(false)?),
        "transition-marginal" | "transition-marginal-alone" => all(radon(true)?),
        "transition-3-coefficients" => all(made_up(85, 2)?),
        "transition-4-coefficients" => all(made_up(85, 3)?),
        "transition-5-coefficients" => all(made_up(85, 4)?),
        "transition-340-groups" => all(made_up(340, 1)?),
        "transition-1000-groups" => all(made_up(1000, 1)?),
        "transition-sums" => transition(&radon(false)?, DeviceOutput::Sums),
        "evaluate" => (DensityShaders::new(&radon(false)?, target).evaluate, "evaluate"),
        "residuals" => {
            let [residuals, _reduce] = DensityShaders::new(&radon(false)?.over(Likelihood::Observations)?, target)
                .observations
                .context("radon has no shaders over observations")?;
            (residuals, "residuals")
        }
        _ => bail!("there is no kernel {name}"),
    })
}

/// Radon, non-centered or with its effects integrated out.
fn radon(marginal: bool) -> Result<Model> {
    Ok(model(Dataset::radon()?, marginal))
}

/// The non-centered model of `slopes` predictors in `groups` groups of eight rows.
fn made_up(groups: usize, slopes: usize) -> Result<Model> {
    let labels: Vec<String> = (0..groups * 8).map(|i| format!("g{}", i % groups)).collect();
    let column = |k: usize| -> Vec<f64> {
        (0..labels.len()).map(|i| ((i * i + k + 2) as f64).sin() * (i as f64 * (k + 1) as f64).cos()).collect()
    };
    let names: Vec<String> = (0..slopes).map(|k| format!("x{k}")).collect();
    let predictors = (0..slopes).map(|k| column(k + 1)).collect();
    Ok(model(Dataset::from_columns("made up", "g", "y", &names, &labels, column(0), predictors)?, false))
}

fn model(dataset: Dataset, marginal: bool) -> Model {
    let names = dataset.predictor_names();
    let parameterization = match marginal {
        true => Coordinates::Collapsed,
        false => Coordinates::joint(Centering::NonCentered, names.len() + 1),
    };
    let scaling = Scaling::standardizing(&dataset);
    Model::builder(Arc::new(dataset)).coordinates(parameterization).scaling(scaling).build()
}

#[cfg(test)]
mod tests {
    use warpnuts::gpu::EntryPoint;

    use super::*;

    #[test]
    fn every_kernel_has_its_spirv_on_every_kind_of_device() {
        for (subgroup, software) in [(Some(32), false), (Some(8), true), (None, true)] {
            let workgroup = Target::WORKGROUP;
            let whole = subgroup.is_some();
            let target = Target { subgroup, whole, workgroup, int64: !software, software, alone: false };
            for (name, version) in NAMES.iter().flat_map(|name| [(name, (1, 3)), (name, (1, 6))]) {
                let (source, entry) = source(name, target).unwrap();
                let point = EntryPoint::of(&source, entry, &[]).unwrap();
                assert!(point.spirv(version, false).unwrap().len() > 100 && !point.bindings.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn a_thousand_groups_take_a_workgroup() {
        let workgroup = Target::WORKGROUP;
        let subgroup = Some(32);
        let target = Target { subgroup, whole: true, workgroup, int64: true, software: false, alone: false };
        let source = |name| source(name, target).unwrap().0;
        assert!(source("transition-1000-groups").contains("workgroupBarrier"));
        assert!(!source("transition-radon").contains("workgroupBarrier"));
    }
}
