//! Roots of stores.

#![no_main]

#[path = "../inputs/root.rs"]
mod root;

static RUNS: std::sync::LazyLock<root::Runs> = std::sync::LazyLock::new(root::Runs::made);

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    RUNS.take(input);
});
