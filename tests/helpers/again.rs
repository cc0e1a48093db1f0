//! Tests that run again on another driver, each time in a new process, because a process chooses its driver once.

use std::process::Command;

use crate::helpers::witness::Witness;

/// The variable that makes tests short.
const SHORT: &str = "WARPNUTS_SHORT_TESTS";

/// Whether this process repeats tests, and makes them short.
pub fn is_again() -> bool {
    std::env::var_os(SHORT).is_some()
}

/// Runs `tests` of a module again; `module` is its `module_path!()`.
///
/// # Panics
/// If one of them fails, is missing, or ran on another adapter.
pub fn again(witness: &Witness, module: &str, tests: &[&str]) {
    let module = module.split_once("::").expect("a module of the suite").1;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture"])
        .args(tests.iter().map(|test| format!("{module}::{test}")))
        .env(SHORT, "1")
        .envs(witness.environment.clone());
    let output = command.output().unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && told.contains(&witness.adapter), "{}: {told}", witness.adapter);
    assert!(told.contains(&format!("{} passed; 0 failed", tests.len())), "{tests:?}: {told}");
    print!("{told}");
}
