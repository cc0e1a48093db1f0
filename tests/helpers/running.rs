//! The program while it runs: held or killed at a named point (see `src/faults.rs`), and sent signals.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::{JoinHandle, spawn};

use crate::helpers::common::{Folder, Ran};

/// The program's message when it is held.
const HELD: &str = "held: ";

/// `warpnuts` in the folder, with a fault in addition to those of the whole suite.
fn command(folder: &Folder, line: &str, fault: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warpnuts"));
    command.current_dir(folder.path(".")).args(line.split_whitespace());
    let planted = std::env::var("WARPNUTS_FAULT").unwrap_or_default();
    command.env("WARPNUTS_FAULT", format!("{planted}, {fault}"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The outcome of `warpnuts` with this fault.
pub fn planted(folder: &Folder, line: &str, fault: &str) -> Ran {
    Ran::of(&mut assert_cmd::Command::from_std(command(folder, line, fault)))
}

/// Runs `warpnuts` until it is killed at `at` (a point and a number).
///
/// # Panics
/// If it ends otherwise.
pub fn kill(folder: &Folder, line: &str, at: &str) {
    let ended = command(folder, line, &format!("kill {at}")).output().unwrap();
    assert!(ended.status.code().is_none(), "{line} did not die at {at}: {ended:?}");
}

/// The program, held at a point.
pub struct Held {
    child: Child,
    stderr: JoinHandle<String>,
}

impl Held {
    /// Starts `warpnuts` in the folder, and returns when it is held at `at` (a point and a number).
    ///
    /// # Panics
    /// If it ends before.
    pub fn start(folder: &Folder, line: &str, at: &str) -> Held {
        let mut child = command(folder, line, &format!("hold {at}")).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, is_held) = channel();
        let stderr = spawn(move || {
            let mut said = String::new();
            for line in stderr.lines().map(Result::unwrap) {
                if line.starts_with(HELD) {
                    sender.send(()).unwrap();
                } else {
                    said += &(line + "\n");
                }
            }
            said
        });
        let held = Held { child, stderr };
        if is_held.recv().is_err() {
            panic!("{line} did not come to {at}: {:?}", held.ended());
        }
        held
    }

    /// The outcome after this signal, to which the program must react with an exit code.
    pub fn signal(self, which: &str) -> Ran {
        assert!(Command::new("kill").args([which, &self.child.id().to_string()]).status().unwrap().success());
        self.ended()
    }

    fn ended(self) -> Ran {
        let output = self.child.wait_with_output().unwrap();
        let code = output.status.code().expect("ended by the signal itself");
        Ran { code, stdout: String::from_utf8(output.stdout).unwrap(), stderr: self.stderr.join().unwrap() }
    }
}
