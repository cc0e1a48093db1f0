//! Khronos' validation layer checks all calls of both engines to Vulkan, and reports only known messages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

use crate::helpers::gpu::all_shapes;
use crate::helpers::witness::{Witness, skipped, witnesses};

/// The layer of Debian's chromium, which is newer than Debian's own.
const LAYER: &str = "/usr/lib/chromium/libVkLayer_khronos_validation.so";

/// Known messages, and why each is no fault of this crate.
const KNOWN: [(&str, &str); 1] = [(
    "VUID-StandaloneSpirv-None-10684",
    "wgpu's compiler gives arrays in registers and in a workgroup's memory a layout; tests/shaders.rs has the list of kernels",
)];

/// Runs that together use every kernel, and every output of draws and states: unpacked, in 16 bits, as sums, and
/// through checkpoints.
const RUNS: [&str; 4] = [
    "sample --engine gpu-density --parameterization marginal --chains 5 --warmup 9",
    "sample --engine gpu-density --parameterization centered --chains 5 --warmup 9 --likelihood observations",
    "sample --engine gpu --parameterization marginal --chains 5 --warmup 60 --draw-precision f16 --save-warmup --checkpoint-every 0.01",
    "sample --engine gpu --parameterization marginal --chains 64 --warmup 60 --keep summary",
];

/// Runs the program in `folder` with the words of `line`, on the witness.
fn run(folder: &Path, witness: &Witness, line: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warpnuts"));
    command.current_dir(folder).args(line.split_whitespace()).arg("--allow-software-adapter").arg("--quiet");
    let ran = command.envs(witness.environment.clone()).envs(variables.iter().copied()).output().unwrap();
    assert!(String::from_utf8_lossy(&ran.stdout).contains(&witness.adapter), "{line}: {ran:?}");
    ran
}

/// The layer's messages about a run: their names, and their whole text.
fn messages(witness: &Witness, line: &str, spirv: &str) -> (BTreeSet<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let manifest = format!(
        r#"{{"file_format_version": "1.2.0", "layer": {{"name": "VK_LAYER_KHRONOS_validation", "type": "GLOBAL",
        "library_path": "{LAYER}", "api_version": "1.3.0", "implementation_version": "1", "description": "validation"}}}}"#
    );
    fs::write(path("layer.json"), manifest).unwrap();
    let settings = format!(
        "khronos_validation.validate_sync = true\n\
         khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG\n\
         khronos_validation.report_flags = error,warn,perf\n\
         khronos_validation.log_filename = {}\n",
        path("log.txt")
    );
    fs::write(path("vk_layer_settings.txt"), settings).unwrap();
    let variables = [
        ("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation"),
        ("VK_LAYER_PATH", &path("")),
        ("VK_LAYER_SETTINGS_PATH", &path("vk_layer_settings.txt")),
        ("WARPNUTS_SPIRV", spirv),
    ];
    let ran = run(folder.path(), witness, &format!("{line} --draws 6 --no-report"), &variables);
    assert!([0, 3].contains(&ran.status.code().unwrap()), "{line}: {ran:?}");
    // The layer creates its log at its first message.
    let said = fs::read_to_string(path("log.txt")).unwrap_or_default();
    let names =
        said.lines().filter_map(|line| line.split_once("[ ")?.1.split_once(" ]")).map(|(name, _)| name.to_string());
    (names.collect(), said)
}

#[test]
fn the_validation_layer_has_nothing_to_say_that_is_not_known() {
    if !Path::new(LAYER).exists() {
        return skipped(&format!("Khronos' validation layer is not installed ({LAYER} of Debian's chromium)"));
    }
    for witness in witnesses(&[256]) {
        let mut met = BTreeSet::new();
        for line in RUNS {
            // The calls are the same with the compiler of wgpu; one run shows what its modules are known for.
            if met.is_empty() || all_shapes() {
                let (names, said) = messages(&witness, line, "wgpu");
                let known = |name: &String| KNOWN.iter().any(|(known, _)| known == name);
                assert!(names.iter().all(known) && names.is_empty() == said.is_empty(), "{line}: {said}");
                met.extend(names);
            }
            // SPIR-V of our own has no messages at all.
            let (_, said) = messages(&witness, line, "1.3");
            assert_eq!(said, "", "{line}");
        }
        // The layer was active, and known messages still occur.
        assert!(KNOWN.iter().all(|(name, _)| met.contains(*name)), "{met:?}");
    }
}
