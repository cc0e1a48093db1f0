//! The files of a store: each is written under another name first, so that nobody ever finds half a file, even if the
//! writer is killed. Files are renamed together, once all are on the disk: waiting for each alone would take longer
//! than a short run.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use zarrs::filesystem::FilesystemStore;
use zarrs::storage::byte_range::ByteRangeIterator;
use zarrs::storage::{
    Bytes, MaybeBytesIterator, OffsetBytesIterator, ReadableStorageTraits, StorageError, StoreKey, StorePrefix,
    WritableStorageTraits,
};

use crate::faults;

/// Suffix of an unfinished file's name.
const UNFINISHED: &str = ".unfinished";

/// Number of files that are waited for at once.
const TOGETHER: usize = 16;

/// A folder whose files are complete or absent.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    inner: FilesystemStore,
    /// Files that are written but not renamed.
    waiting: Mutex<BTreeSet<StoreKey>>,
}

impl Files {
    /// The files in `folder`.
    pub fn new(folder: &Path) -> io::Result<Files> {
        let inner = FilesystemStore::new(folder).map_err(io::Error::other)?;
        Ok(Files { folder: folder.to_path_buf(), inner, waiting: Mutex::default() })
    }

    /// The path of a file.
    pub fn path(&self, key: &StoreKey) -> PathBuf {
        self.inner.key_to_fspath(key)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file, which [`settle`](Self::settle) renames.
    pub fn write(&self, key: &str, bytes: Vec<u8>) -> io::Result<()> {
        let key = StoreKey::new(key).map_err(io::Error::other)?;
        self.set(&key, bytes.into()).map_err(to_io)
    }

    /// Waits until all written files are on the disk, and then renames them.
    ///
    /// # Errors
    /// If the file system refuses; files that are not renamed yet are never renamed.
    pub fn settle(&self) -> io::Result<()> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let files: Vec<(PathBuf, PathBuf)> = (waiting.iter().map(|key| (self.path(key), key)))
            .map(|(path, key)| Ok((self.path(&unfinished(key)?), path)))
            .collect::<Result<_, StorageError>>()
            .map_err(to_io)?;
        let share = files.len().div_ceil(TOGETHER).max(1);
        std::thread::scope(|scope| {
            let shares: Vec<_> = files.chunks(share).map(|share| scope.spawn(|| synced(share))).collect();
            shares.into_iter().try_for_each(|share| match share.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?;
        files.iter().try_for_each(|(unfinished, path)| {
            faults::point("before-rename");
            std::fs::rename(unfinished, path)
        })
    }

    /// Removes the unfinished files of a writer that was killed.
    pub fn remove_unfinished(&self) -> io::Result<()> {
        remove_unfinished(&self.folder)
    }
}

/// Starts copying a file to the disk, so that the wait at the end is shorter; nothing depends on it.
fn begin_sync(file: &File) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call touches no memory, and the file is open.
    unsafe {
        libc::sync_file_range(std::os::fd::AsRawFd::as_raw_fd(file), 0, 0, libc::SYNC_FILE_RANGE_WRITE);
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = file;
}

/// Waits until these unfinished files are on the disk.
fn synced(files: &[(PathBuf, PathBuf)]) -> io::Result<()> {
    files.iter().try_for_each(|(unfinished, _)| OpenOptions::new().write(true).open(unfinished)?.sync_all())
}

/// The unfinished name of a file.
fn unfinished(key: &StoreKey) -> Result<StoreKey, StorageError> {
    Ok(StoreKey::new(format!("{key}{UNFINISHED}"))?)
}

fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_unfinished(&entry.path())?;
        } else if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The operating system's error inside a storage error.
pub fn to_io(error: StorageError) -> io::Error {
    match error {
        StorageError::IOError(error) => {
            let raw = error.raw_os_error().map(io::Error::from_raw_os_error);
            raw.unwrap_or_else(|| io::Error::new(error.kind(), error.to_string()))
        }
        other => io::Error::other(other.to_string()),
    }
}

impl ReadableStorageTraits for Files {
    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        self.inner.get_partial_many(key, byte_ranges)
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        self.inner.size_key(key)
    }

    fn supports_get_partial(&self) -> bool {
        self.inner.supports_get_partial()
    }
}

impl WritableStorageTraits for Files {
    fn set(&self, key: &StoreKey, value: Bytes) -> Result<(), StorageError> {
        let path = self.path(&unfinished(key)?);
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above)?;
        }
        let mut file = File::create(path)?;
        file.write_all(&value)?;
        begin_sync(&file);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Ok(())
    }

    fn set_partial_many(&self, key: &StoreKey, values: OffsetBytesIterator) -> Result<(), StorageError> {
        self.inner.set_partial_many(key, values)
    }

    fn erase(&self, key: &StoreKey) -> Result<(), StorageError> {
        self.inner.erase(key)
    }

    fn erase_prefix(&self, prefix: &StorePrefix) -> Result<(), StorageError> {
        self.inner.erase_prefix(prefix)
    }

    fn supports_set_partial(&self) -> bool {
        false
    }
}
