//! The checkpoint of a run, in a file beside its store until the run is complete.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crc::{CRC_32_ISCSI, Crc, Digest};
use serde_json::{Map, Value};

use super::error::StoreError;
use crate::driver::Checkpoint;

/// The file's name.
pub const CHECKPOINT: &str = "checkpoint";

/// The first bytes of the file.
const MAGIC: &[u8] = b"warpnuts checkpoint 4\n";

static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// A checksum that distinguishes a run from all others, over its settings and its model at the root.
pub fn identity(about: &Map<String, Value>) -> u32 {
    let written = ["settings", "model"].map(|name| about.get(name).map_or(String::new(), Value::to_string));
    CRC.checksum(written.concat().as_bytes())
}

/// Writes the file for the run of this identity, completely or not at all.
pub fn write(folder: &Path, identity: u32, checkpoint: &Checkpoint) -> io::Result<()> {
    let (path, unfinished) = (folder.join(CHECKPOINT), folder.join(format!("{CHECKPOINT}.unfinished")));
    let mut file =
        ChecksummedFile { file: BufWriter::new(File::create(&unfinished)?), sum: CRC.digest(), failure: None };
    file.write_all(MAGIC)?;
    let written = postcard::to_io(&(identity, checkpoint), &mut file).map(drop).map_err(io::Error::other);
    let ChecksummedFile { mut file, sum, failure } = file;
    failure.map_or(written, Err)?;
    file.write_all(&sum.finalize().to_le_bytes())?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&unfinished, &path)
}

/// A file, and the checksum of the bytes written to it.
struct ChecksummedFile {
    file: BufWriter<File>,
    sum: Digest<'static, u32>,
    /// The error of the file, which a serializer drops.
    failure: Option<io::Error>,
}

impl Write for ChecksummedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write(bytes) {
            Ok(written) => {
                self.sum.update(&bytes[..written]);
                Ok(written)
            }
            Err(error) => {
                let kind = error.kind();
                self.failure = Some(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether the file exists.
pub fn exists(folder: &Path) -> bool {
    folder.join(CHECKPOINT).exists()
}

/// Reads the file, if there is one, for the run of this identity; another run's checkpoint would mix draws of two runs
/// in one store.
pub fn read(folder: &Path, identity: u32) -> Result<Option<Checkpoint>, StoreError> {
    let path = folder.join(CHECKPOINT);
    let file = || path.display().to_string();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(reason) => return Err(StoreError::Unreadable { file: file(), reason }),
    };
    let broken = || StoreError::BrokenCheckpoint { file: file() };
    let (bytes, sum) = bytes.split_last_chunk::<4>().ok_or_else(broken)?;
    if CRC.checksum(bytes).to_le_bytes() != *sum {
        return Err(broken());
    }
    let body = bytes.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (theirs, checkpoint): (u32, Checkpoint) = postcard::from_bytes(body).map_err(|_| broken())?;
    if theirs != identity {
        return Err(StoreError::StrangeCheckpoint { file: file(), run: folder.display().to_string() });
    }
    Ok(Some(checkpoint))
}

/// Removes the file, and the unfinished one of a writer that was killed.
pub fn remove(folder: &Path) -> io::Result<()> {
    for name in [CHECKPOINT.to_string(), format!("{CHECKPOINT}.unfinished")] {
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
