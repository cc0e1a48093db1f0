//! Other implementations of Vulkan than the machine's own, and other widths of the same one, for processes that are told by their
//! environment which driver to take.

use std::io::Write;
use std::path::Path;

use crate::helpers::gpu::all_shapes;

/// SwiftShader, which comes with Debian's chromium: a front end and a compiler of its own, subgroups of 4 lanes, and no bound on
/// the turns of loops.
const SWIFTSHADER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";

/// Where something runs again.
pub struct Witness {
    /// What the environment has to say.
    pub environment: Vec<(&'static str, String)>,
    /// A part of its adapter's name.
    pub adapter: String,
}

/// SwiftShader, and llvmpipe with vectors of so many bits where [all shapes](all_shapes) are wanted; those that are installed.
pub fn witnesses(bits: &[u32]) -> Vec<Witness> {
    let more = bits.iter().filter(|_| all_shapes()).filter_map(|bits| llvmpipe(*bits));
    swiftshader().into_iter().chain(more).collect()
}

/// SwiftShader, where it is installed; says so where not.
fn swiftshader() -> Option<Witness> {
    if !Path::new(SWIFTSHADER).exists() {
        skipped(&format!("SwiftShader is not installed ({SWIFTSHADER} of Debian's chromium)"));
        return None;
    }
    let drivers = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|name| (name, SWIFTSHADER.to_string()));
    let environment = [&drivers[..], &[("WARPNUTS_ADAPTER", "SwiftShader".to_string())]].concat();
    Some(Witness { environment, adapter: "SwiftShader".to_string() })
}

/// Mesa's llvmpipe with vectors of so many bits, and so with subgroups of as many lanes as these have numbers; says so where it is not
/// installed.
fn llvmpipe(bits: u32) -> Option<Witness> {
    if !warpnuts::gpu::Adapter::all().iter().any(|adapter| adapter.name().contains("llvmpipe")) {
        skipped("Mesa's llvmpipe is not installed (Debian's mesa-vulkan-drivers)");
        return None;
    }
    let environment = vec![("LP_NATIVE_VECTOR_WIDTH", bits.to_string()), ("WARPNUTS_ADAPTER", "llvmpipe".to_string())];
    Some(Witness { environment, adapter: format!(" {bits} bits)") })
}

/// Says on the terminal, past the test's captured output, what was not tested.
pub fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}
