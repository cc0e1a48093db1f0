//! Other implementations of Vulkan than the machine's own, and other widths of the same one: tests of this program run again on
//! them, in a process of their own, for a driver is chosen once a process.

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// SwiftShader, which comes with Debian's chromium: a front end and a compiler of its own, subgroups of 4 lanes, and no bound on
/// the turns of loops.
const SWIFTSHADER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";

/// Says that the tests on it are kept short; see [`is_witness`].
const SHORT: &str = "WARPNUTS_WITNESS";

/// Where tests run again.
pub struct Witness {
    /// What the environment has to say.
    environment: Vec<(&'static str, String)>,
    /// What its adapter must be, in the words of [`devices`](super::devices).
    adapter: String,
}

/// SwiftShader, where it is installed; says so where not.
pub fn swiftshader() -> Option<Witness> {
    if !Path::new(SWIFTSHADER).exists() {
        skipped(&format!("SwiftShader is not installed ({SWIFTSHADER} of Debian's chromium)"));
        return None;
    }
    let drivers = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|name| (name, SWIFTSHADER.to_string()));
    let environment = [&drivers[..], &[("WARPNUTS_ADAPTER", "SwiftShader".to_string())]].concat();
    Some(Witness { environment, adapter: "on SwiftShader".to_string() })
}

/// Mesa's llvmpipe with vectors of so many bits, and so with subgroups of as many lanes as these have numbers; says so where it is not
/// installed.
pub fn llvmpipe(bits: u32) -> Option<Witness> {
    if !warpnuts::gpu::Adapter::all().iter().any(|adapter| adapter.name().contains("llvmpipe")) {
        skipped("Mesa's llvmpipe is not installed (Debian's mesa-vulkan-drivers)");
        return None;
    }
    let lanes = bits / 32;
    let environment = vec![("LP_NATIVE_VECTOR_WIDTH", bits.to_string()), ("WARPNUTS_ADAPTER", "llvmpipe".to_string())];
    Some(Witness { environment, adapter: format!("subgroups Some(({lanes}, {lanes}))") })
}

/// Whether this process is one of a witness, in which tests are kept short.
pub fn is_witness() -> bool {
    std::env::var_os(SHORT).is_some()
}

/// Says on the terminal, past the test's captured output, what was not tested.
pub fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

impl Witness {
    /// Runs `tests` of this program again.
    ///
    /// # Panics
    /// Where one of them fails, is not there, or ran on another adapter.
    pub fn runs(&self, tests: &[&str]) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--nocapture"]).args(tests).env(SHORT, "1").envs(self.environment.clone());
        let output = command.output().unwrap();
        let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success() && told.contains(&self.adapter), "{}: {told}", self.adapter);
        assert!(told.contains(&format!("{} passed; 0 failed", tests.len())), "{tests:?}: {told}");
        print!("{told}");
    }
}
