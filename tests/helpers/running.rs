//! The program while it runs, and signals to it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::helpers::common::Folder;

/// `warpnuts` in the folder, while it runs.
pub fn start(folder: &Folder, line: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warpnuts"));
    command.current_dir(folder.path(".")).args(line.split_whitespace());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until `come`, or until the program has ended.
pub fn wait_until(child: &mut Child, come: impl Fn() -> bool) {
    while !come() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(unix)]
pub fn signal(child: &Child, which: &str) {
    assert!(Command::new("kill").args([which, &child.id().to_string()]).status().unwrap().success());
}
