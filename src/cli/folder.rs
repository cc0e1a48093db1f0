//! The folder of a run: made before the work starts, so that a bad path fails at once, and never one that was there.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::Failure;

/// Where runs go that were not told where.
const RUNS: &str = "runs";

/// Makes the folder `out`, or a new one under `runs/` whose name begins with `command`.
pub fn make(out: Option<&Path>, command: &str) -> Result<PathBuf, Failure> {
    match out {
        Some(path) => {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty());
            let made = above.map_or(Ok(()), make_all).and_then(|()| std::fs::create_dir(path));
            made.map(|()| path.to_path_buf()).map_err(|error| refuse(path, &error))
        }
        None => numbered(command),
    }
}

fn numbered(command: &str) -> Result<PathBuf, Failure> {
    let runs = Path::new(RUNS);
    make_all(runs).map_err(|error| refuse(runs, &error))?;
    for number in 1u32.. {
        let path = runs.join(format!("{command}-{number}"));
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(refuse(&path, &error)),
        }
    }
    Err(Failure::Input(anyhow!("{RUNS} is full; name another folder with --out")))
}

/// Makes `folder` and those above it, where they are not there.
fn make_all(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => io::Error::new(ErrorKind::NotADirectory, format!("{} is a file", folder.display())),
        _ => error,
    })
}

fn refuse(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::Input(match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!("the output folder {path} exists, and nothing is overwritten; name a new one with --out")
        }
        _ => anyhow!("the output folder {path} cannot be made: {error}; name another one with --out"),
    })
}

/// Makes a folder inside a run's.
pub fn inside(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    std::fs::create_dir(&path).map_err(|error| refuse(&path, &error))?;
    Ok(path)
}
