//! Which commit is being built, for the results of benchmarks: `WARPNUTS_COMMIT`, where this is a checkout and the build
//! is for release. Others need not be built again after every commit.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("PROFILE").is_none_or(|profile| profile != "release") {
        return;
    }
    for what in ["src", "shaders", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={what}");
    }
    if let Some(commit) = commit() {
        println!("cargo::rustc-env=WARPNUTS_COMMIT={commit}");
    }
}

/// The commit, with a plus behind it where files were changed since.
fn commit() -> Option<String> {
    // A copy inside of some other repository is none of its commits.
    let root = git(&["rev-parse", "--show-toplevel"])?;
    let package = std::env::var_os("CARGO_MANIFEST_DIR")?;
    if Path::new(&root).canonicalize().ok()? != Path::new(&package).canonicalize().ok()? {
        return None;
    }
    println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    let commit = git(&["rev-parse", "HEAD"])?;
    Some(if changed { commit + "+" } else { commit })
}

/// What git prints; `None` where there is no git, or it refuses.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_string())
}
