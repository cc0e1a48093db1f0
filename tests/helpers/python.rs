//! The Python of tests, with ArviZ and Khronos' tools for SPIR-V installed.

use std::path::{Path, PathBuf};

/// A Python that has the packages of tests/requirements.txt; `None` with `WARPNUTS_NO_PYTHON=1`.
pub fn python() -> Option<PathBuf> {
    if std::env::var("WARPNUTS_NO_PYTHON").is_ok_and(|value| value == "1") {
        println!("skipped: WARPNUTS_NO_PYTHON=1");
        return None;
    }
    let named = std::env::var_os("WARPNUTS_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python"));
    assert!(
        python.exists(),
        "{} is not there: scripts/test makes it, a virtual environment with what tests/requirements.txt lists; or name \
         another with WARPNUTS_PYTHON, or skip these tests with WARPNUTS_NO_PYTHON=1",
        python.display()
    );
    Some(python)
}
