//! Reads a path or a stream of bytes, in any supported format, into a [`Dataset`].

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::open::{self, FileFormat, Text};
use super::{Columns, DataError, Dataset, FileColumns, ReadOptions, STANDARD_INPUT, checks, read, text};

impl Dataset {
    /// Reads a file with the default options; the path `-` is standard input.
    ///
    /// # Errors
    ///
    /// As [`from_path_with`](Dataset::from_path_with).
    pub fn from_path(path: &Path, columns: &Columns) -> Result<Dataset, DataError> {
        Dataset::from_path_with(path, columns, &ReadOptions::default())
    }

    /// Reads a file with the options `reading`; the path `-` is standard input.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, and as [`from_reader_with`](Dataset::from_reader_with).
    pub fn from_path_with(path: &Path, columns: &Columns, reading: &ReadOptions) -> Result<Dataset, DataError> {
        if path.as_os_str() == "-" {
            return Dataset::from_reader_with(STANDARD_INPUT, io::stdin(), columns, reading);
        }
        let name = path.display().to_string();
        let file = text::one_line(&name);
        if path.is_dir() {
            return Err(DataError::IsDirectory { file });
        }
        match File::open(path) {
            Ok(opened) => Dataset::from_reader_with(&name, opened, columns, reading),
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Err(DataError::NotFound { file }),
            Err(reason) if reason.kind() == io::ErrorKind::NotADirectory => {
                let above = path.ancestors().skip(1).find(|above| above.is_file());
                let above = text::one_line(&above.unwrap_or(path).display().to_string());
                Err(DataError::NotADirectory { file, above })
            }
            Err(reason) => Err(DataError::Unreadable { file, reason }),
        }
    }

    /// Reads a stream with the default options.
    ///
    /// # Errors
    ///
    /// As [`from_reader_with`](Dataset::from_reader_with).
    pub fn from_reader(source_name: &str, reader: impl Read + Send, columns: &Columns) -> Result<Dataset, DataError> {
        Dataset::from_reader_with(source_name, reader, columns, &ReadOptions::default())
    }

    /// Reads text with a header and a line for each observation, also packed by gzip or zstd; or Parquet or Arrow.
    ///
    /// Only the named columns are read. Blank lines, lines that begin with `#` before the header, and whitespace around
    /// names and numbers are ignored. Text is held in memory a few blocks at a time.
    ///
    /// # Errors
    ///
    /// A [`DataError`] for the first fault, which calls the file `source_name`.
    pub fn from_reader_with(
        source_name: &str,
        reader: impl Read + Send,
        columns: &Columns,
        reading: &ReadOptions,
    ) -> Result<Dataset, DataError> {
        let file = text::one_line(source_name);
        let columns = columns.trimmed();
        checks::roles(&file, &columns)?;
        let (format, input) = FileFormat::of(reader).map_err(|reason| open::unreadable(&file, None, reason))?;
        let (table, assumed) = match format {
            FileFormat::Zip => return Err(DataError::Zip { file }),
            FileFormat::OldFeather => return Err(DataError::OldFeather { file }),
            FileFormat::Parquet | FileFormat::Arrow | FileFormat::ArrowStream => {
                (columnar_table(&file, format, input, &columns, reading)?, Vec::new())
            }
            FileFormat::Text | FileFormat::Gzip | FileFormat::Zstd => {
                read::table(Text::new(&file, format, input, reading.encoding)?, &columns, reading)?
            }
        };
        let dataset = Dataset::assemble(file, columns, table)?;
        Ok(Dataset { assumed, ..dataset })
    }
}

#[cfg(feature = "columnar")]
fn columnar_table(
    file: &str,
    format: FileFormat,
    input: impl Read,
    columns: &Columns,
    reading: &ReadOptions,
) -> Result<FileColumns, DataError> {
    super::columnar::table(file, format, input, columns, reading)
}

#[cfg(not(feature = "columnar"))]
fn columnar_table(
    file: &str,
    format: FileFormat,
    _: impl Read,
    _: &Columns,
    _: &ReadOptions,
) -> Result<FileColumns, DataError> {
    let format = if format == FileFormat::Parquet { "Parquet" } else { "Arrow" };
    Err(DataError::WithoutColumnar { file: file.into(), format })
}
