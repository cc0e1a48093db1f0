//! A file of data: a data set, or an error of one line.
//!
//! An input is a byte of options, a line of column names, and the file.

use warpnuts::data::{Centring, Columns, Dataset, Decimal, Delimiter, Frame, Missing, ReadOptions, WantedColumn};

/// Most columns that are wanted.
const MOST: usize = 6;

/// The columns of the line: names between tabs, of which each ends in `=` if it is wanted as a value, in `~` if as a
/// label, or in both.
fn wanted(names: &str) -> Vec<WantedColumn> {
    let column = |name: &str| WantedColumn {
        name: name.trim_end_matches(['=', '~']).to_string(),
        as_value: !name.ends_with('~') || name.ends_with("=~"),
        as_label: name.ends_with('~'),
    };
    names.split('\t').take(MOST).map(column).collect()
}

/// The options in a byte.
fn reading(byte: u8) -> ReadOptions {
    let delimiters = [Delimiter::Guessed, Delimiter::Blanks, Delimiter::Byte(b';'), Delimiter::Byte(b'|')];
    let encodings = ["utf-8", "windows-1252", "utf-16", "shift_jis"];
    ReadOptions {
        delimiter: delimiters[usize::from(byte & 3)],
        decimal: if byte & 4 == 0 { Decimal::Point } else { Decimal::Comma },
        missing: if byte & 8 == 0 { Missing::Drop } else { Missing::Refuse },
        encoding: encodings[usize::from(byte >> 4 & 3)].parse().expect("browsers know it"),
        ..ReadOptions::default()
    }
}

/// A message is one line.
fn is_one_line(error: impl std::fmt::Display) {
    let message = error.to_string();
    assert_eq!(message.lines().count(), 1, "{message:?}");
}

/// Whether a file is one of Parquet or Arrow.
pub fn is_columnar(file: &[u8]) -> bool {
    [&b"PAR1"[..], b"ARROW1", &[0xff; 4]].iter().any(|magic| file.starts_with(magic))
}

/// Reads the input as columns of a formula, and as a data set of groups, if its file is wanted. Returns whether there
/// is such a data set.
pub fn take(input: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> bool {
    let Some((options, rest)) = input.split_first() else { return false };
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return false };
    let (names, file) = (String::from_utf8_lossy(&rest[..end]), &rest[end + 1..]);
    if !is_wanted(file) {
        return false;
    }
    let (wanted, reading) = (wanted(&names), reading(*options));
    match Frame::from_reader_with("file", file, &wanted, &reading) {
        Ok(frame) => {
            assert!(frame.n_rows() > 0);
            for name in frame.names() {
                let lengths = [frame.numbers(name).map(<[f64]>::len), frame.labels(name).map(|labels| labels.of.len())];
                assert!(lengths.iter().flatten().all(|length| *length == frame.n_rows()));
                assert!(frame.numbers(name).into_iter().flatten().all(|number| number.is_finite()));
            }
            let rows = frame.rows().rows;
            assert!(rows.len() == frame.n_rows() && rows.iter().enumerate().all(|(i, of)| *of == frame.row_of_file(i)));
            frame.place(frame.n_rows() - 1);
        }
        Err(error) => is_one_line(error),
    }
    let mut names = wanted.into_iter().map(|column| column.name);
    let (Some(group), Some(outcome)) = (names.next(), names.next()) else { return false };
    let columns = Columns { group, outcome, predictors: names.collect() };
    match Dataset::from_reader_with("file", file, &columns, &reading) {
        Ok(dataset) => {
            dataset.sentinels();
            dataset.design();
            let centered = dataset.clone().centered(Centring::Far);
            assert_eq!(centered.n_observations(), dataset.n_observations());
            true
        }
        Err(error) => {
            is_one_line(error);
            false
        }
    }
}
