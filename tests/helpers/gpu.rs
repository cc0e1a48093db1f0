//! The devices that GPU tests run on: the machine's adapter, software included, with and without subgroups.

use std::sync::{Arc, OnceLock};

use warpnuts::gpu::{Adapter, Gpu, Switches};
use warpnuts::model::{Coordinates, Model};

/// Whether tests cover every shape of a model and every driver, although software takes long to compile for some: on
/// real GPUs, and with `WARPNUTS_ALL_SHAPES=1`. Otherwise a few shapes are tested.
pub fn all_shapes() -> bool {
    std::env::var_os("WARPNUTS_ALL_SHAPES").is_some_and(|set| set == "1")
        || devices().is_some_and(|devices| !devices[0].adapter().is_software())
}

/// The devices, and for a collapsed model one more, on which each chain has a single lane.
pub fn devices_of(model: &Model) -> Vec<Arc<Gpu>> {
    let devices = devices().unwrap_or_default();
    let first = devices.first().filter(|_| *model.coordinates() == Coordinates::Collapsed);
    devices.iter().cloned().chain(first.map(|_| alone())).collect()
}

/// The depth of trees that kernels of most tests have room for, so that tests of the same model share them.
pub const DEPTH: u32 = 10;

/// The first device with a lane for each chain.
pub fn alone() -> Arc<Gpu> {
    static ALONE: OnceLock<Arc<Gpu>> = OnceLock::new();
    let open = || {
        let gpu = &devices().expect("tests on a GPU are wanted")[0];
        Gpu::open_with(gpu.adapter().clone(), Switches { alone: Some(0), ..gpu.switches() }).unwrap()
    };
    ALONE.get_or_init(open).clone()
}

/// The device with subgroups, if it has them, and without; `None` if GPU tests are switched off. Prints the adapter.
///
/// # Panics
/// If there is no adapter: tests that need one must not pass by not running.
pub fn devices() -> Option<&'static [Arc<Gpu>]> {
    static DEVICES: OnceLock<Option<Vec<Arc<Gpu>>>> = OnceLock::new();
    let open = || {
        if std::env::var_os("WARPNUTS_NO_GPU").is_some_and(|set| set == "1") {
            eprintln!("skipped: WARPNUTS_NO_GPU=1 says that nothing is to run on a GPU");
            return None;
        }
        let adapter = Adapter::choose(std::env::var("WARPNUTS_ADAPTER").ok().as_deref(), true).unwrap_or_else(|error| {
            panic!("{error}\nInstall Mesa's Vulkan driver (apt-get install mesa-vulkan-drivers) to run these tests, or set WARPNUTS_NO_GPU=1 to skip them.")
        });
        eprintln!(
            "on {} ({}, {}), subgroups {:?}",
            adapter.name(),
            adapter.backend(),
            adapter.driver(),
            adapter.subgroups()
        );
        // Subgroups of fewer than 8 lanes are not used, so that both devices would be the same.
        let both =
            if adapter.subgroups().is_some_and(|(smallest, _)| smallest >= 8) { &[true, false][..] } else { &[false] };
        let open = |subgroups: &bool| {
            let switches = Switches { subgroups: *subgroups, ..Switches::from_env().unwrap() };
            Gpu::open_with(adapter.clone(), switches).unwrap()
        };
        Some(both.iter().map(open).collect())
    };
    DEVICES.get_or_init(open).as_deref()
}
