//! The lock of a run's folder: one process at a time, because two would overwrite each other's files.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The locked file; after a process was killed, its file is there but not locked.
const LOCK: &str = "lock";

/// A folder that is this process's until the lock is dropped.
#[derive(Debug)]
pub struct Lock {
    run: PathBuf,
    file: File,
}

impl Lock {
    /// Locks a run's folder.
    pub fn acquire(run: &Path) -> io::Result<Lock> {
        let file = File::create(run.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { run: run.to_path_buf(), file }),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!("another process is writing into {}; let it end first", run.display()),
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub fn run(&self) -> &Path {
        &self.run
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Best before unlocking: nobody else can have locked it yet. If either fails, the end of the process unlocks
        // the file.
        drop(std::fs::remove_file(self.run.join(LOCK)));
        drop(self.file.unlock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = Lock::acquire(folder.path()).unwrap();
        let refused = Lock::acquire(folder.path()).unwrap_err();
        assert!(refused.to_string().contains("another process is writing into"), "{refused}");
        drop(held);
        drop(Lock::acquire(folder.path()).unwrap());
        assert!(!folder.path().join(LOCK).exists());
    }
}
