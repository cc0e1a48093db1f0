//! Other implementations of Vulkan than the machine's, and other widths of the same one, for processes whose
//! environment chooses the driver.

use std::io::Write;
use std::path::Path;

use crate::helpers::gpu::all_shapes;

/// SwiftShader from Debian's chromium: another front end and compiler, subgroups of 4 lanes, and no bound on the
/// iterations of loops.
const SWIFTSHADER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";

/// An implementation on which tests run again.
pub struct Witness {
    /// Environment variables that choose it.
    pub environment: Vec<(&'static str, String)>,
    /// A part of its adapter's name.
    pub adapter: String,
}

/// The installed ones of SwiftShader, and, if [all shapes](all_shapes) are tested, llvmpipe with vectors of these bits.
pub fn witnesses(bits: &[u32]) -> Vec<Witness> {
    let more = bits.iter().filter(|_| all_shapes()).filter_map(|bits| llvmpipe(*bits));
    swiftshader().into_iter().chain(more).collect()
}

/// SwiftShader; prints a note if it is not installed.
fn swiftshader() -> Option<Witness> {
    if !Path::new(SWIFTSHADER).exists() {
        skipped(&format!("SwiftShader is not installed ({SWIFTSHADER} of Debian's chromium)"));
        return None;
    }
    let drivers = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|name| (name, SWIFTSHADER.to_string()));
    let environment = [&drivers[..], &[("WARPNUTS_ADAPTER", "SwiftShader".to_string())]].concat();
    Some(Witness { environment, adapter: "SwiftShader".to_string() })
}

/// Mesa's llvmpipe with vectors of `bits`, and subgroups of as many lanes as a vector has numbers; prints a note if it
/// is not installed.
fn llvmpipe(bits: u32) -> Option<Witness> {
    if !warpnuts::gpu::Adapter::all().iter().any(|adapter| adapter.name().contains("llvmpipe")) {
        skipped("Mesa's llvmpipe is not installed (Debian's mesa-vulkan-drivers)");
        return None;
    }
    let environment = vec![("LP_NATIVE_VECTOR_WIDTH", bits.to_string()), ("WARPNUTS_ADAPTER", "llvmpipe".to_string())];
    Some(Witness { environment, adapter: format!(" {bits} bits)") })
}

/// Prints to the terminal, past the test's captured output, what was not tested.
pub fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}
