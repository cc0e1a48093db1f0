//! The folder of a run: made before the work starts, so that a bad path fails at once, and never one that was there; and
//! found again, whether it or the store in it was typed.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use warpnuts::draws::store::STORE;

use super::Failure;

/// Where runs go that were not told where.
const RUNS: &str = "runs";

/// Makes the folder `out`, or a new one under `runs/` whose name begins with `command`.
pub fn make(out: Option<&Path>, command: &str) -> Result<PathBuf, Failure> {
    match out {
        Some(path) => make_new(path).map(|()| path.to_path_buf()).map_err(|error| refuse(path, &error, " with --out")),
        None => numbered(command),
    }
}

/// How to name a folder that has no option of its own.
const TYPED: &str = " before the shards: `warpnuts merge OUT SHARD...`";

/// Refuses a folder that has no option of its own and is there already.
pub fn refuse_typed(path: &Path) -> Result<(), Failure> {
    if path.exists() { Err(refuse(path, &ErrorKind::AlreadyExists.into(), TYPED)) } else { Ok(()) }
}

/// Makes such a folder.
pub fn make_typed(path: &Path) -> Result<(), Failure> {
    make_new(path).map_err(|error| refuse(path, &error, TYPED))
}

/// Makes a folder, and those above it where they are not there.
fn make_new(path: &Path) -> io::Result<()> {
    make_above(path)?;
    std::fs::create_dir(path)
}

/// Makes the folders above `path`, where they are not there.
pub fn make_above(path: &Path) -> io::Result<()> {
    path.parent().filter(|above| !above.as_os_str().is_empty()).map_or(Ok(()), make_all)
}

/// The folder of the run that was typed, or whose store was typed; a store that is in no run's folder stays itself.
pub fn of_run(typed: &Path) -> PathBuf {
    let beside = beside(typed);
    match (beside.join(STORE).canonicalize(), typed.canonicalize()) {
        (Ok(store), Ok(typed)) if store == typed => beside,
        _ => typed.to_path_buf(),
    }
}

/// Where the files go that are made of a run that was typed, or of a store: never into a store.
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

/// Makes `folder` and those above it, where they are not there.
fn make_all(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => io::Error::new(ErrorKind::NotADirectory, format!("{} is a file", folder.display())),
        _ => error,
    })
}

/// Says why a folder cannot be made, and `how` to name another.
fn refuse(path: &Path, error: &io::Error, how: &str) -> Failure {
    let path = path.display();
    Failure::Input(match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!("the output folder {path} exists, and nothing is overwritten; name a new one{how}")
        }
        _ => anyhow!("the output folder {path} cannot be made: {error}; name another one{how}"),
    })
}

/// Why a command failed whose results could not be written; its folder, which it has made itself, goes if nothing is in it.
pub fn unwritten(file: &Path, error: &io::Error) -> Failure {
    if let Some(folder) = file.parent() {
        drop(std::fs::remove_dir(folder));
    }
    Failure::Run(anyhow!(
        "{} could not be written: {error}; make room, or name another folder with --out",
        file.display()
    ))
}

/// Makes a folder inside a run's.
pub fn inside(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    std::fs::create_dir(&path).map_err(|error| refuse(&path, &error, " with --out"))?;
    Ok(path)
}
