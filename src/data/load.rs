//! Reads a path or a stream of bytes, in any supported format, into a [`Dataset`] or a [`Frame`].

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::frame::Frame;
use super::open::{self, FileFormat, Text};
use super::wanted::{Request, WantedColumn};
use super::{BUILT_IN, Columns, DataError, Dataset, ReadOptions, STANDARD_INPUT, checks, read, text};

/// The built-in survey.
const RADON: &str = include_str!("../../data/radon.csv");

impl Frame {
    /// Reads columns of a file with the options `reading`; the path `-` is standard input.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, and as [`from_reader_with`](Frame::from_reader_with).
    pub fn from_path_with(path: &Path, wanted: &[WantedColumn], reading: &ReadOptions) -> Result<Frame, DataError> {
        let (name, reader) = opened(path)?;
        Frame::from_reader_with(&name, reader, wanted, reading)
    }

    /// Reads columns of a stream in any of the formats that [`Dataset::from_reader_with`] reads.
    ///
    /// A column that is wanted as a value has numbers if all its cells are numbers, and labels if all are words. Rows
    /// that miss a value of any wanted column are left out.
    ///
    /// # Errors
    ///
    /// A [`DataError`] for the first fault, which calls the file `source_name`: for a name that the header lacks
    /// [`DataError::MissingColumn`], and for a column of numbers and words [`DataError::BadCell`].
    pub fn from_reader_with(
        source_name: &str,
        reader: impl Read + Send,
        wanted: &[WantedColumn],
        reading: &ReadOptions,
    ) -> Result<Frame, DataError> {
        frame(&text::one_line(source_name), reader, &Request::of_formula(wanted), reading)
    }

    /// Columns of the Minnesota radon survey, built in; see `data/README.md`.
    ///
    /// # Errors
    ///
    /// As [`from_reader_with`](Frame::from_reader_with).
    pub fn from_built_in(wanted: &[WantedColumn]) -> Result<Frame, DataError> {
        Frame::from_reader_with(BUILT_IN, RADON.as_bytes(), wanted, &ReadOptions::default())
    }
}

impl Dataset {
    /// The Minnesota radon survey, with other columns.
    ///
    /// # Errors
    ///
    /// As [`from_reader`](Dataset::from_reader).
    pub fn from_built_in(columns: &Columns) -> Result<Dataset, DataError> {
        Dataset::from_reader(BUILT_IN, RADON.as_bytes(), columns)
    }

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
        let (name, reader) = opened(path)?;
        Dataset::from_reader_with(&name, reader, columns, reading)
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
        Dataset::of_roles(frame(&file, reader, &Request::of_roles(&columns), reading)?, columns)
    }
}

/// The file at `path`, and its name in messages.
pub(super) fn opened(path: &Path) -> Result<(String, Box<dyn Read + Send>), DataError> {
    if path.as_os_str() == "-" {
        return Ok((STANDARD_INPUT.to_owned(), Box::new(io::stdin())));
    }
    let name = path.display().to_string();
    let file = text::one_line(&name);
    if path.is_dir() {
        return Err(DataError::IsDirectory { file });
    }
    match File::open(path) {
        Ok(opened) => Ok((name, Box::new(opened))),
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => Err(DataError::NotFound { file }),
        Err(reason) if reason.kind() == io::ErrorKind::NotADirectory => {
            let above = path.ancestors().skip(1).find(|above| above.is_file());
            let above = text::one_line(&above.unwrap_or(path).display().to_string());
            Err(DataError::NotADirectory { file, above })
        }
        Err(reason) => Err(DataError::Unreadable { file, reason }),
    }
}

/// Reads the requested columns of a stream that messages call `file`.
fn frame(file: &str, reader: impl Read + Send, request: &Request, reading: &ReadOptions) -> Result<Frame, DataError> {
    let (format, input) = FileFormat::of(reader).map_err(|reason| open::unreadable(file, None, reason))?;
    match format {
        FileFormat::Text | FileFormat::Gzip | FileFormat::Zstd => {
            read::frame(Text::new(file, format, input, reading.encoding)?, request, reading)
        }
        _ => typed_frame(file, format, input, request, reading),
    }
}

/// Reads the requested columns of a file that is no text.
pub(super) fn typed_frame(
    file: &str,
    format: FileFormat,
    input: impl Read,
    request: &Request,
    reading: &ReadOptions,
) -> Result<Frame, DataError> {
    refuse_unreadable(file, format)?;
    columnar_frame(file, format, input, request, reading)
}

/// An error for a file of a format that is never read.
pub(super) fn refuse_unreadable(file: &str, format: FileFormat) -> Result<(), DataError> {
    match format {
        FileFormat::Zip => Err(DataError::Zip { file: file.into() }),
        FileFormat::OldFeather => Err(DataError::OldFeather { file: file.into() }),
        _ => Ok(()),
    }
}

#[cfg(feature = "columnar")]
fn columnar_frame(
    file: &str,
    format: FileFormat,
    input: impl Read,
    request: &Request,
    reading: &ReadOptions,
) -> Result<Frame, DataError> {
    super::columnar::frame(file, format, input, request, reading)
}

#[cfg(not(feature = "columnar"))]
fn columnar_frame(
    file: &str,
    format: FileFormat,
    _: impl Read,
    _: &Request,
    _: &ReadOptions,
) -> Result<Frame, DataError> {
    let format = if format == FileFormat::Parquet { "Parquet" } else { "Arrow" };
    Err(DataError::WithoutColumnar { file: file.into(), format })
}
