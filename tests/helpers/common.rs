//! A new folder for every run of the program, and the outcome of the run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;
use tempfile::TempDir;

/// Longer than any run in the tests takes on a busy machine: a run that hangs fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program: that of this build, or what WARPNUTS_PROGRAM names where there is no build.
fn program() -> OsString {
    std::env::var_os("WARPNUTS_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_warpnuts").into())
}

/// The folder of `tests`: the package, or what WARPNUTS_ROOT names where tests have been carried to another machine.
pub fn root() -> PathBuf {
    std::env::var_os("WARPNUTS_ROOT").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).into()
}

/// A folder that is removed after the test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    /// A folder with one file.
    pub fn with(name: &str, contents: impl AsRef<[u8]>) -> Folder {
        let folder = Folder::new();
        fs::write(folder.path(name), contents).unwrap();
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Contents of all files by relative path, and all folders with a slash at the end.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        self.collect(self.0.path(), &mut all);
        all
    }

    fn collect(&self, folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(self.0.path()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                all.insert(name + "/", Vec::new());
                self.collect(&path, all);
            } else {
                all.insert(name, fs::read(&path).unwrap());
            }
        }
    }

    /// `warpnuts` in this folder with the arguments in `line`.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(program());
        command.current_dir(self.0.path()).args(line.split_whitespace()).timeout(PATIENCE);
        command
    }

    /// Runs `warpnuts` with the arguments in `line`.
    pub fn run(&self, line: &str) -> Ran {
        Ran::of(&mut self.command(line))
    }
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().expect("ended by a signal, or by our patience");
        Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
