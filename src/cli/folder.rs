//! The folder of a run: created before the work starts, so that a bad path fails at once, and never reused; and found
//! again by its own path or its store's.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use warpnuts::draws::store::STORE;

use super::Failure;

/// The folder of runs without `--out`.
const RUNS: &str = "runs";

/// Makes the folder `out`, or a new one under `runs/` whose name begins with `command`.
pub fn make(out: Option<&Path>, command: &str) -> Result<PathBuf, Failure> {
    match out {
        Some(path) => make_new(path).map(|()| path.to_path_buf()).map_err(|error| refuse(path, &error, " with --out")),
        None => numbered(command),
    }
}

/// How to name a folder that is typed without an option.
const TYPED: &str = " before the shards: `warpnuts merge OUT SHARD...`";

/// Refuses a folder that is typed without an option and exists.
pub fn refuse_typed(path: &Path) -> Result<(), Failure> {
    if path.exists() { Err(refuse(path, &ErrorKind::AlreadyExists.into(), TYPED)) } else { Ok(()) }
}

/// Makes a folder that is typed without an option.
pub fn make_typed(path: &Path) -> Result<(), Failure> {
    make_new(path).map_err(|error| refuse(path, &error, TYPED))
}

/// Makes a new folder, and the missing ones above it.
fn make_new(path: &Path) -> io::Result<()> {
    make_above(path)?;
    std::fs::create_dir(path)
}

/// Makes the missing folders above `path`.
pub fn make_above(path: &Path) -> io::Result<()> {
    path.parent().filter(|above| !above.as_os_str().is_empty()).map_or(Ok(()), make_all)
}

/// The folder of a run, if it or its store was typed; a store outside a run's folder stays itself.
pub fn of_run(typed: &Path) -> PathBuf {
    let beside = beside(typed);
    match (beside.join(STORE).canonicalize(), typed.canonicalize()) {
        (Ok(store), Ok(typed)) if store == typed => beside,
        _ => typed.to_path_buf(),
    }
}

/// The folder for files made from a run or a store that was typed: never inside a store.
pub fn beside(typed: &Path) -> PathBuf {
    match (typed.join("zarr.json").exists(), typed.file_name(), typed.parent()) {
        (false, ..) => typed.to_path_buf(),
        (true, Some(_), Some(above)) if above.as_os_str().is_empty() => PathBuf::from("."),
        (true, Some(_), Some(above)) => above.to_path_buf(),
        (true, ..) => typed.join(".."),
    }
}

fn numbered(command: &str) -> Result<PathBuf, Failure> {
    let runs = Path::new(RUNS);
    make_all(runs).map_err(|error| refuse(runs, &error, " with --out"))?;
    for number in 1u32.. {
        let path = runs.join(format!("{command}-{number}"));
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(refuse(&path, &error, " with --out")),
        }
    }
    Err(Failure::Input(anyhow!("{RUNS} is full; name another folder with --out")))
}

/// Makes `folder` and the missing ones above it.
fn make_all(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => io::Error::new(ErrorKind::NotADirectory, format!("{} is a file", folder.display())),
        _ => error,
    })
}

/// Why a folder cannot be made, and `how` to name another.
fn refuse(path: &Path, error: &io::Error, how: &str) -> Failure {
    let path = path.display();
    Failure::Input(match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!("the output folder {path} exists, and nothing is overwritten; name a new one{how}")
        }
        _ => anyhow!("the output folder {path} cannot be made: {error}; name another one{how}"),
    })
}

/// The failure of a command whose results could not be written; removes the folder that it made, if empty.
pub fn unwritten(file: &Path, error: &io::Error) -> Failure {
    if let Some(folder) = file.parent() {
        drop(std::fs::remove_dir(folder));
    }
    Failure::Run(anyhow!(
        "{} could not be written: {error}; make room, or name another folder with --out",
        file.display()
    ))
}

/// Makes a folder inside a run's folder.
pub fn inside(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    std::fs::create_dir(&path).map_err(|error| refuse(&path, &error, " with --out"))?;
    Ok(path)
}
