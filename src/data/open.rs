//! Turns the bytes of a file into UTF-8 text, decompressed where necessary.

use std::io::{self, BufReader, Cursor, Read};

use encoding_rs_io::DecodeReaderBytesBuilder;

use super::DataError;
use super::reading::Encoding;

/// The format of a file, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFormat {
    /// Text, or an unknown format.
    Text,
    Gzip,
    Zstd,
    Parquet,
    /// Arrow's file of record batches, Feather's second version.
    Arrow,
    /// Arrow's stream of record batches.
    ArrowStream,
    /// Feather's first version.
    OldFeather,
    /// A zip archive, the format of most spreadsheets.
    Zip,
}

/// The number of bytes that identify a format.
const MAGIC: u64 = 6;

/// A stream with its first bytes put back in front.
type Whole<R> = io::Chain<Cursor<Vec<u8>>, R>;

impl FileFormat {
    /// Detects the format from the first bytes, and returns the whole stream.
    pub fn of<R: Read>(mut input: R) -> io::Result<(FileFormat, Whole<R>)> {
        let mut first = Vec::new();
        input.by_ref().take(MAGIC).read_to_end(&mut first)?;
        let format = match first[..] {
            [0x1f, 0x8b, ..] => FileFormat::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => FileFormat::Zstd,
            [b'P', b'A', b'R', b'1', ..] => FileFormat::Parquet,
            [b'A', b'R', b'R', b'O', b'W', b'1'] => FileFormat::Arrow,
            [0xff, 0xff, 0xff, 0xff, ..] => FileFormat::ArrowStream,
            [b'F', b'E', b'A', b'1', ..] => FileFormat::OldFeather,
            [b'P', b'K', 3, 4, ..] => FileFormat::Zip,
            _ => FileFormat::Text,
        };
        Ok((format, Cursor::new(first).chain(input)))
    }

    /// The name of the compression, if there is one.
    fn packed(self) -> Option<&'static str> {
        match self {
            FileFormat::Gzip => Some("gzip"),
            FileFormat::Zstd => Some("zstd"),
            _ => None,
        }
    }
}

/// A stream of text, with names for error messages.
pub(super) struct Text<'a> {
    pub input: Box<dyn Read + Send + 'a>,
    file: &'a str,
    packed: Option<&'static str>,
}

impl<'a> Text<'a> {
    /// Decompresses `input`, which has this format, and converts it to UTF-8.
    pub fn new(
        file: &'a str,
        format: FileFormat,
        input: impl Read + Send + 'a,
        encoding: Encoding,
    ) -> Result<Text<'a>, DataError> {
        let packed = format.packed();
        let input: Box<dyn Read + Send> = match format {
            FileFormat::Gzip => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, input)))
            }
            FileFormat::Zstd => Box::new(zstd::Decoder::new(input).map_err(|reason| unreadable(file, packed, reason))?),
            _ => Box::new(input),
        };
        let mut decoder = DecodeReaderBytesBuilder::new();
        decoder.encoding(encoding.0).bom_override(true).strip_bom(true).utf8_passthru(true);
        Ok(Text { input: Box::new(decoder.build(input)), file, packed })
    }

    /// The name of the compression, if there is one.
    pub fn packed(&self) -> Option<&'static str> {
        self.packed
    }

    /// The file's name in messages.
    pub fn file(&self) -> &'a str {
        self.file
    }
}

/// The error for a failed read.
pub(super) fn unreadable(file: &str, packed: Option<&'static str>, reason: io::Error) -> DataError {
    match packed {
        Some(format) => DataError::Damaged { file: file.into(), format, reason },
        None => DataError::Unreadable { file: file.into(), reason },
    }
}
