//! How files are read: guesses, options, missing values, and many blocks read as one file.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use warpnuts::data::{Centring, Columns, DataError, Dataset, Decimal, Delimiter, MISSING_LABELS, Missing, ReadOptions};

fn columns(group: &str, outcome: &str, predictors: &[&str]) -> Columns {
    Columns {
        group: group.into(),
        outcome: outcome.into(),
        predictors: predictors.iter().map(|&name| name.into()).collect(),
    }
}

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

/// A file of tests/cases with the columns `site`, `y` and `x`.
fn of_case(name: &str, reading: &ReadOptions) -> Result<Dataset, DataError> {
    let text = fs::read(case(name)).unwrap();
    Dataset::from_reader_with("t.csv", &text[..], &columns("site", "y", &["x"]), reading)
}

fn read_with(text: impl AsRef<[u8]>, reading: &ReadOptions) -> Result<Dataset, DataError> {
    Dataset::from_reader_with("t.csv", text.as_ref(), &columns("g", "y", &["x"]), reading)
}

fn read(text: impl AsRef<[u8]>) -> Result<Dataset, DataError> {
    read_with(text, &ReadOptions::default())
}

fn accepted(result: Result<Dataset, DataError>) -> Dataset {
    result.unwrap_or_else(|error| panic!("refused: {error}"))
}

/// The message of a refusal, always one line.
fn refused(result: Result<Dataset, DataError>) -> String {
    let message = result.expect_err("should have been refused").to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

/// Every row that a model uses, in the order of the file.
fn rows_of(data: &Dataset) -> Vec<(usize, String, f64, Vec<f64>)> {
    let mut rows: Vec<_> = (0..data.n_groups())
        .flat_map(|group| data.group_range(group).map(move |i| (group, i)))
        .map(|(group, i)| {
            let x = (0..data.predictor_names().len()).map(|k| data.predictor(k)[i]).collect();
            (data.row_of(i), data.groups()[group].clone(), data.outcome()[i], x)
        })
        .collect();
    rows.sort_by_key(|row| row.0);
    rows
}

fn labelled(labels: &[&str]) -> ReadOptions {
    ReadOptions { missing_labels: labels.iter().map(|label| label.to_string()).collect(), ..ReadOptions::default() }
}

const GOOD: &str = "g,y,x\na,1,2\nb,3,5\nb,4,9\n";

// Missing values

#[test]
fn rows_that_miss_a_value_are_left_out_and_counted_once_for_each_column() {
    let data = accepted(read("g,note,y,x\na,,1,2\nb,,NA,5\n,,3,NaN\nb,,4,9\nc,NA,5,.\na,,6,7\nb,,?,-\n"));
    let rows: Vec<_> = rows_of(&data).into_iter().map(|(row, group, y, _)| (row, group, y)).collect();
    assert_eq!(rows, [(0, "a".to_string(), 1.0), (3, "b".to_string(), 4.0), (5, "a".to_string(), 6.0)]);
    assert_eq!(data.left_out().rows, 4);
    assert_eq!(data.left_out().to_string(), "1 of g, 2 of y, 3 of x");
    // A group without rows is left out.
    assert_eq!(data.groups(), ["a", "b"]);
    assert!(accepted(read(GOOD)).left_out().is_empty());
}

#[test]
fn each_of_the_usual_words_and_an_empty_cell_mean_that_a_value_is_missing() {
    for word in MISSING_LABELS.iter().chain(&["", "  ", "\"\"", "nan", "\" NA \""]) {
        let data = accepted(read(format!("g,y,x\na,1,2\nb,{word},5\nb,4,9\na,2,{word}\n")));
        assert_eq!(data.left_out().to_string(), "1 of y, 1 of x", "{word}");
    }
    for word in MISSING_LABELS.iter().chain(&[""]) {
        let data = accepted(read(format!("g,y,x\na,1,2\n{word},3,5\nb,4,9\n")));
        assert_eq!((data.groups().len(), data.left_out().to_string()), (2, "1 of g".to_string()), "{word}");
    }
}

#[test]
fn a_list_of_words_replaces_the_usual_ones() {
    let text = "g,y,x\nNA,1,2\nb,-999,5\nb,4,9\nNA,-999.0,1\nb,7,8\n";
    let data = accepted(read_with(text, &labelled(&["-999"])));
    assert_eq!(
        (data.groups(), data.left_out().to_string()),
        (&["NA".to_string(), "b".to_string()][..], "2 of y".to_string())
    );
    let data = accepted(read_with(text, &labelled(&[""])));
    assert_eq!((data.n_observations(), data.groups()[0].as_str()), (5, "NA"));
    assert!(
        refused(read_with("g,y,x\na,1,2\nb,NA,5\nb,4,9\n", &labelled(&[""]))).contains("line 3: column `y` has `NA`")
    );
    assert!(refused(read_with("g,y,x\na,1,2\nb,NaN,5\nb,4,9\n", &labelled(&[""]))).contains("not a finite number"));
}

#[test]
fn all_gaps_are_refused_at_once_where_that_is_asked_for() {
    let refusing = ReadOptions { missing: Missing::Refuse, ..ReadOptions::default() };
    assert_eq!(
        refused(read_with("g,y,x\na,1,2\n\nb,NA,5\n,3,\nb,4,9\n", &refusing)),
        "t.csv: 2 rows miss a value (1 of g, 1 of y, 1 of x), which --missing refuse refuses: line 4, `y` has `NA`; line 5, `g` is \
         empty; line 5, `x` is empty; fill them in, remove the rows, or leave them out with --missing drop"
    );
    // Beyond the first block too, and in a message of few lines.
    let many = format!("g,y,x\n{}b,,1\n", "a,1.25,2\nb,NA,3\n".repeat(40_000));
    let told = refused(read_with(&many, &refusing));
    assert!(told.starts_with("t.csv: 40001 rows miss a value (40001 of y), which"), "{told}");
    assert!(told.contains("line 21, `y` has `NA`; and 39991 more;") && !told.contains("line 23"), "{told}");
    assert_eq!(read_with(GOOD, &refusing).unwrap(), accepted(read(GOOD)));
}

#[test]
fn nothing_left_is_an_error_that_says_so() {
    assert_eq!(
        refused(read("g,y,x\na,NA,2\nb,1,\n,4,9\n")),
        "t.csv: every row misses a value (1 of g, 1 of y, 1 of x); fill them in, leave out the column, or say which words mean that \
         a value is missing (--missing-labels)"
    );
    let told = refused(read("g,y,x\na,1,2\na,2,5\nb,NA,9\n"));
    assert!(told.starts_with(
        "t.csv: column `g` has one group only, `a`, in the rows that miss no value (1 row left out: 1 of y)"
    ));
}

#[test]
fn a_group_that_is_a_predictor_too_is_one_cell() {
    let text = "g,y\n1,5\n2,6\nNA,7\n2,8\n";
    let read = |missing| {
        let reading = ReadOptions { missing, ..ReadOptions::default() };
        Dataset::from_reader_with("t.csv", text.as_bytes(), &columns("g", "y", &["g"]), &reading)
    };
    assert_eq!(accepted(read(Missing::Drop)).left_out().to_string(), "1 of g");
    assert!(refused(read(Missing::Refuse)).contains("refuses: line 4, `g` has `NA`; fill"));
}

#[test]
fn a_mark_for_missing_values_is_seen_where_it_stands_far_outside() {
    let read = |y: &[&str]| {
        let rows: Vec<String> = y.iter().enumerate().map(|(i, y)| format!("{},{y},{}\n", i % 3, i * i % 7)).collect();
        accepted(read(format!("g,y,x\n{}", rows.concat())))
    };
    let marks = |y: &[&str]| {
        let found = read(y).sentinels();
        found.iter().map(|mark| (mark.column.clone(), mark.value, mark.rows, mark.others)).collect::<Vec<_>>()
    };
    let y = |value: f64, rows, others| vec![("y".to_string(), value, rows, others)];
    assert_eq!(marks(&["1", "-3.5", "-999", "9", "4", "-999.0", "2"]), y(-999.0, 2, [-3.5, 9.0]));
    assert_eq!(marks(&["0", "1", "99", "1", "0", "99", "99"]), y(99.0, 3, [0.0, 1.0]));
    assert_eq!(marks(&["1e3", "-1e30", "-1e30", "9", "4", "7", "2"]), y(-1e30, 2, [2.0, 1000.0]));
    let two = marks(&["1", "-99", "-88", "-88", "4", "-99", "2"]);
    assert_eq!(two.iter().map(|mark| mark.1).collect::<Vec<_>>(), [-88.0, -99.0]);
    // A single value is an outlier; ages reach 99; 500 is no usual mark; of two values neither is a mark.
    for none in [
        ["1", "-3.5", "-999", "9", "4", "1", "2"],
        ["71", "80", "99", "91", "65", "99", "88"],
        ["1", "-3.5", "500", "9", "4", "500", "2"],
        ["0", "99", "0", "99", "99", "0", "0"],
    ] {
        assert_eq!(marks(&none), [], "{none:?}");
    }
    // Also in a predictor that was centred.
    let data = accepted(self::read("g,y,x\na,1,2.5\nb,3,-999\nb,4,9\na,6,-999\n")).centered(Centring::All);
    assert_eq!(
        data.sentinels().iter().map(|mark| (mark.column.as_str(), mark.value)).collect::<Vec<_>>(),
        [("x", -999.0)]
    );
}

// Options

#[test]
fn a_decimal_comma_is_read_where_it_is_said_and_labels_keep_theirs() {
    let comma = ReadOptions { decimal: Decimal::Comma, ..ReadOptions::default() };
    let data = accepted(read_with("g;y;x\na,1;1,5;2\nb;-,25;5e-1\na.1;3;+9,0\n", &comma));
    assert_eq!(data.groups(), ["a,1", "b", "a.1"]);
    assert_eq!((data.outcome(), data.predictor(0)), (&[1.5, -0.25, 3.0][..], &[2.0, 0.5, 9.0][..]));
    // A header whose names have more commas than there are semicolons.
    let names = columns("g", "y, m, log", &["x, of, course"]);
    let text = "g;y, m, log;x, of, course\na;1,5;2\nb;2;3,5\n";
    let read = |reading| Dataset::from_reader_with("t.csv", text.as_bytes(), &names, reading);
    assert_eq!(accepted(read(&comma)).predictor(0), [2.0, 3.5]);
    // With commas between fields, decimal commas need quotes.
    assert_eq!(accepted(read_with("g,y,x\na,\"1,5\",2\nb,\"2,5\",\"3\"\n", &comma)).outcome(), [1.5, 2.5]);
    let told = refused(read_with("g,y,x\na,1,5,2\nb,2,5,3\nb,2,6,4\n", &comma));
    assert!(
        told.contains("with --decimal , a comma cannot separate fields too: put double quotes around the numbers"),
        "{told}"
    );
    // A point is then no decimal mark.
    let told = refused(read_with("g;y;x\na;1.5;2\nb;2;3\n", &comma));
    assert!(told.contains("has `1.5` where a number must be: that looks like a number with a decimal point"), "{told}");
    let told = refused(read_with("g;y;x\na;1.234,5;2\nb;2;3\n", &comma));
    assert!(told.ends_with("a number with marks between thousands; write `1234,5`"), "{told}");
    assert!(refused(read_with("g;y;x\na;1,2,3;2\nb;2;3\n", &comma)).contains("`1,2,3` where a number must be"));
}

#[test]
fn fields_are_separated_by_what_is_said() {
    let by = |typed: &str| ReadOptions { delimiter: typed.parse().unwrap(), ..ReadOptions::default() };
    let good = accepted(read(GOOD));
    assert_eq!(accepted(read_with(GOOD.replace(',', "|"), &by("|"))), good);
    assert_eq!(accepted(read_with(GOOD.replace(',', "\t"), &by("tab"))), good);
    assert_eq!(accepted(read_with(GOOD.replace(',', "\t"), &by("\\t"))), good);
    let spaced = "  g   y \t x\r\n a 1    2 \n\n\"b\"\t3 5\nb 4 9";
    assert_eq!(accepted(read_with(spaced, &by("space"))), good);
    let data = accepted(read_with("g y x\n\"a b\" 1 2\nc\"d 3 5\n", &by("space")));
    assert_eq!(data.groups(), ["a b", "c\"d"]);
    assert!(
        refused(read_with("g y x\na 1 2\nb 3\n", &by("space"))).contains("line 3: 2 fields where the header has 3")
    );
    // More commas than separators.
    let text = "g;y;x;a,b,c,d\na;1;2;0\nb;3;5;0\nb;4;9;0\n";
    assert!(refused(read(text)).starts_with("column `g` is not in t.csv"));
    assert_eq!(accepted(read_with(text, &by(";"))), good);
    for wrong in ["", "ab", "\"", "1", "a", ".", "-", "\n", "é"] {
        assert!(wrong.parse::<Delimiter>().is_err(), "{wrong:?}");
    }
}

#[test]
fn text_is_in_the_encoding_that_is_said_or_marked() {
    let encoding = |name: &str| ReadOptions { encoding: name.parse().unwrap(), ..ReadOptions::default() };
    let text = "g,y,x\nZ\u{fc}rich,1,2\nK\u{f6}ln,3,5\nK\u{f6}ln,4,9\n";
    let wanted = accepted(read(text));
    let latin1: Vec<u8> = text.chars().map(|c| c as u8).collect();
    for name in ["latin1", "ISO-8859-1", "windows-1252", "cp1252"] {
        assert_eq!(accepted(read_with(&latin1, &encoding(name))), wanted, "{name}");
    }
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    for (mark, bytes) in [([0xff, 0xfe], &little), ([0xfe, 0xff], &big)] {
        let marked = [&mark[..], bytes].concat();
        assert_eq!(accepted(read(&marked)), wanted);
        assert_eq!(accepted(read_with(&marked, &encoding("utf-16"))), wanted);
        assert_eq!(accepted(read_with(&marked, &encoding("latin1"))), wanted);
    }
    assert_eq!(accepted(read_with(&little, &encoding("utf-16"))), wanted);
    assert_eq!(accepted(read_with(&big, &encoding("utf-16be"))), wanted);
    assert_eq!(accepted(read_with(text, &encoding("utf-8"))), wanted);
    // A file declared as UTF-8 is not repaired.
    assert!(refused(read_with(&latin1, &encoding("utf-8"))).contains("in windows-1252 it says `Z\u{fc}rich`"));
    assert!("latin-99".parse::<warpnuts::data::Encoding>().is_err());
}

// Odd cells

#[test]
fn what_stands_for_a_number_is_named_with_a_cure() {
    for (cell, words) in [
        ("\"51,222.00\"", "looks like a number with marks between thousands; write `51222.00`"),
        ("1 234.5", "looks like a number with marks between thousands; write `1234.5`"),
        ("\"1 234,5\"", "marks between thousands and a decimal comma; write `1234,5`, and add --decimal ,"),
        ("\"1.234,56\"", "marks between thousands and a decimal comma; write `1234,56`, and add --decimal ,"),
        ("1'234", "write `1234`"),
        ("\"-1,234,567\"", "write `-1234567`"),
        ("1\u{a0}234", "write `1234`"),
        ("\"0,77\"", "looks like a number with a decimal comma; add --decimal , or write `0.77`"),
        ("\"51,222\"", "add --decimal , where 51.222 is meant, or write `51222`"),
        ("51%", "looks like a percentage; write `51`, without the sign"),
        ("$12", "looks like an amount of money; write `12`"),
        ("12.5 EUR", "looks like an amount of money; write `12.5`"),
        ("\"$1,234.50\"", "looks like an amount of money; write `1234.50`"),
        ("12 kg", "looks like a number with its unit; write `12`"),
        ("<0.5", "looks like a bound rather than a value"),
        ("TRUE", "looks like a truth value; write 1 for true and 0 for false"),
        ("false", "looks like a truth value"),
        ("2021-03-04", "looks like a date; write a number in its place, such as days since the first one"),
        ("2021-03-04T12:30:00Z", "looks like a date"),
        ("3/4/2021", "looks like a date"),
        ("4.3.2021", "looks like a date"),
        ("4 Mar 2021", "looks like a date"),
        ("12:30", "looks like a time"),
        ("1.2.3.4", "remove the row or fill in a number, or add it to --missing-labels"),
        ("unknown", "remove the row or fill in a number, or add it to --missing-labels"),
        ("0x1F", "remove the row or fill in a number"),
        ("1_000", "write `1000`"),
        ("--5", "remove the row or fill in a number"),
    ] {
        let message = refused(read(format!("g,y,x\na,1,2\nb,{cell},5\nb,4,9\n")));
        assert!(message.starts_with("t.csv, line 3: column `y` has `") && message.contains(words), "{cell}: {message}");
    }
}

#[test]
fn a_word_among_a_few_is_a_category() {
    let message = refused(Dataset::from_path(&case("10-factor.csv"), &columns("site", "y", &["dose"])));
    let words = "has `low` where a number must be: that looks like one of a few categories (`low`, `mid`, `high`); make a column of \
                 0 and 1 for each of them but one: for `mid` and `high`, with `low` as what they are compared with";
    assert!(message.ends_with(words), "{message}");
    // A single word among numbers is an error.
    assert!(refused(read("g,y,x\na,1,2\nb,tall,5\nb,4,9\n")).contains("remove the row or fill in a number"));
}

// Blocks

/// Rows for several blocks; a block may end inside a cell.
fn long(row: impl Fn(usize) -> String) -> String {
    let rows = (0..60_000).map(row);
    std::iter::once("g,note,y,x\n".to_string()).chain(rows).collect()
}

fn plain(i: usize) -> String {
    format!("s{},,{},{}\n", i * i % 997, (i * 7919) % 1009, i % 13)
}

#[test]
fn blocks_are_read_as_one_file() {
    let text = long(plain);
    assert!(text.len() > 2 << 18);
    let data = accepted(read(&text));
    let rows = rows_of(&data);
    assert_eq!(rows.len(), 60_000);
    for (i, (row, group, y, x)) in rows.into_iter().enumerate() {
        assert_eq!(
            (row, group, y, x[0]),
            (i, format!("s{}", i * i % 997), ((i * 7919) % 1009) as f64, (i % 13) as f64)
        );
    }
    let mut first: Vec<String> = Vec::new();
    (0..1000).map(|i| format!("s{}", i * i % 997)).for_each(|label| {
        if !first.contains(&label) {
            first.push(label);
        }
    });
    assert_eq!(data.groups()[..first.len()], first);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let text = long(|i| if i % 1000 == 7 { "s1,,NA,3\n".to_string() } else { plain(i) });
    let bad = long(|i| if [30_001, 50_000].contains(&i) { "s1,,tall,3\n".to_string() } else { plain(i) });
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (accepted(read(&text)), refused(read(&bad))))
    };
    let one = with(1);
    assert_eq!(one.0.left_out().rows, 60);
    assert!(one.1.starts_with("t.csv, line 30003: column `y` has `tall`"), "{}", one.1);
    for threads in [2, 3, 8] {
        assert_eq!(with(threads), one);
    }
}

#[test]
fn a_block_never_ends_in_quotes() {
    // Notes of many lines that look like rows; quotes, literal and doubled, around the ends of blocks.
    let note = "s9,,1,2\n".repeat(37) + "\"\"quoted\"\",\n";
    let text = long(|i| match i % 5 {
        0 if i % 100 == 0 => format!("\"s{i}\",\"{note}\",{i},1\n"),
        1 => format!("s\"1,5\" tall,{i},{}\n", i % 7),
        _ => format!("\"s, {}\",\"a \"\"b\"\"\",{i},{}\n", i % 10, i % 7),
    });
    assert!(text.len() > 6 << 18);
    let data = accepted(read(&text));
    let rows = rows_of(&data);
    assert_eq!(rows.len(), 60_000);
    for (i, (row, group, y, _)) in rows.into_iter().enumerate() {
        let wanted = match i % 5 {
            0 if i % 100 == 0 => format!("s{i}"),
            1 => "s\"1".to_string(),
            _ => format!("s, {}", i % 10),
        };
        assert_eq!((row, group, y), (i, wanted, i as f64));
    }
}

#[test]
fn a_line_is_counted_past_blocks_blank_lines_and_lines_in_quotes() {
    let text = long(|i| match i {
        55_555 => "s1,,tall,3\n".to_string(),
        i if i % 3 == 0 => format!("s1,\"two\nlines\",{i},{}\r\n\r\n", i % 5),
        i => plain(i),
    });
    let line = 1 + text[..text.find("tall").unwrap()].matches('\n').count();
    let message = refused(read(&text));
    assert!(message.starts_with(&format!("t.csv, line {line}: column `y` has `tall`")), "{line}: {message}");
    // An open quote in a late block is reported where it was opened.
    let open = long(|i| if i == 50_000 { "s1,\"open,1,2\n".to_string() } else { plain(i) });
    assert!(refused(read(&open)).starts_with("t.csv, line 50002: a double quote is opened and never closed"));
}

#[test]
fn a_row_that_does_not_end_is_not_gathered_for_ever() {
    let endless = std::io::repeat(b'a').take(1 << 40);
    let text = Cursor::new("g,y,x\na,1,2\n\"b").chain(endless);
    let message = refused(Dataset::from_reader("t.csv", text, &columns("g", "y", &["x"])));
    assert!(
        message.starts_with("t.csv, line 3: a row goes on for more than 16 MB; close the double quote"),
        "{message}"
    );
    let message =
        refused(Dataset::from_reader("t.csv", std::io::repeat(b'a').take(1 << 40), &columns("g", "y", &["x"])));
    assert!(message.starts_with("column `g` is not in t.csv"), "{message}");
}

// Compressed files

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

#[test]
fn compressed_files_are_read_whatever_they_are_called() {
    let text = long(plain);
    let (plain, gzip, zstd) =
        (accepted(read(&text)), gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 1).unwrap());
    assert_eq!(accepted(read(&gzip)), plain);
    assert_eq!(accepted(read(&zstd)), plain);
    // Concatenated archives, as by `cat`.
    let (begin, end) = text.as_bytes().split_at(text.len() / 2);
    assert_eq!(accepted(read([self::gzip(begin), self::gzip(end)].concat())), plain);
    let latin1: Vec<u8> = "g,y,x\nZ\u{fc}rich,1,2\nb,3,5\n".chars().map(|c| c as u8).collect();
    let reading = ReadOptions { encoding: "latin1".parse().unwrap(), ..ReadOptions::default() };
    assert_eq!(accepted(read_with(self::gzip(&latin1), &reading)).groups()[0], "Z\u{fc}rich");
    // Truncated or altered.
    for (packed, format) in [(&gzip, "gzip"), (&zstd, "zstd")] {
        let mut altered = packed.clone();
        let middle = altered.len() / 2;
        altered[middle..middle + 40].fill(0x55);
        for damaged in [&packed[..middle], &packed[..packed.len() - 3], &packed[..5], &altered] {
            let message = refused(read(damaged));
            assert!(message.starts_with(&format!("t.csv cannot be unpacked ({format}): ")), "{message}");
            assert!(message.ends_with("; copy or pack it again"), "{message}");
        }
    }
}

// Files with types

#[cfg(feature = "columnar")]
mod columnar {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int64Array,
        StringArray,
    };

    use super::*;
    use arrow_ipc::writer::IpcWriteOptions;
    use arrow_ipc::{CompressionType, root_as_footer};

    use crate::helpers::columnar::{arrow, files};

    fn labels() -> ArrayRef {
        let labels: DictionaryArray<Int32Type> =
            vec![Some("b"), Some("a"), None, Some("b"), Some("a")].into_iter().collect();
        Arc::new(labels)
    }

    #[test]
    fn numbers_of_any_type_and_dictionaries_of_labels() {
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("1.5"), Some("2"), Some("3"), None, Some(" 7 ")]));
        let decimal = Decimal128Array::from(vec![150, 200, 300, 400, 700]).with_precision_and_scale(9, 2).unwrap();
        let kinds: [(ArrayRef, usize); 5] = [
            (Arc::new(Float64Array::from(vec![Some(1.5), Some(2.0), Some(3.0), None, Some(7.0)])), 2),
            (Arc::new(Float64Array::from(vec![1.5, 2.0, 3.0, f64::NAN, 7.0])), 2),
            (Arc::new(Float32Array::from(vec![Some(1.5), Some(2.0), Some(3.0), None, Some(7.0)])), 2),
            (text, 2),
            (Arc::new(decimal), 1),
        ];
        let x: ArrayRef = Arc::new(Int64Array::from(vec![5, 6, 7, 8, 10]));
        for (y, missing) in kinds {
            for (format, bytes) in files(&[("unused", x.clone()), ("y", y.clone()), ("g", labels()), ("x", x.clone())])
            {
                let data = accepted(read(&bytes));
                assert_eq!(data.groups(), ["b", "a"], "{format}");
                assert_eq!(data.left_out().rows, missing, "{format}");
                let rows: Vec<_> = rows_of(&data).into_iter().map(|(row, group, y, x)| (row, group, y, x[0])).collect();
                assert_eq!(rows[..2], [(0, "b".to_string(), 1.5, 5.0), (1, "a".to_string(), 2.0, 6.0)], "{format}");
                assert_eq!(rows.last(), Some(&(4, "a".to_string(), 7.0, 10.0)), "{format}");
            }
        }
        // Integers are labels, too.
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![9007199254740993_i64, 9007199254740992, 1, 1, 1]));
        for (_, bytes) in
            files(&[("g", ids.clone()), ("y", x.clone()), ("x", Arc::new(Int64Array::from(vec![1, 0, 2, 2, 2])))])
        {
            assert_eq!(accepted(read(&bytes)).groups(), ["9007199254740993", "9007199254740992", "1"]);
        }
    }

    #[test]
    fn other_types_say_what_they_are() {
        let x: ArrayRef = Arc::new(Int64Array::from(vec![5, 6, 7, 8, 10]));
        let refused_outcome = |y: ArrayRef, words: &str| {
            for (format, bytes) in files(&[("g", labels()), ("y", y.clone()), ("x", x.clone())]) {
                let message = refused(read(&bytes));
                assert!(message.contains("column `y` ") && message.contains(words), "{format}: {message}");
            }
        };
        refused_outcome(
            Arc::new(BooleanArray::from(vec![true, false, true, true, false])),
            "write 1 for true and 0 for false",
        );
        refused_outcome(
            Arc::new(Date32Array::from(vec![18000, 1, 2, 3, 4])),
            "has `2019-04-14` where a number must be: that looks like a date",
        );
        refused_outcome(
            Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0, f64::INFINITY])),
            "row 4 (counted from 0)",
        );
        refused_outcome(
            Arc::new(StringArray::from(vec!["1", "2", "3", "12 kg", "4"])),
            "row 3 (counted from 0): column `y` has `12 kg`",
        );
    }

    #[test]
    fn damage_and_columns_that_are_not_there() {
        let x: ArrayRef = Arc::new(Int64Array::from((0..500).map(|i| i * i % 71).collect::<Vec<i64>>()));
        for (format, bytes) in files(&[("g", x.clone()), ("z", x.clone()), ("xx", x.clone())]) {
            let message = refused(read(&bytes));
            assert!(message.starts_with("column `y` is not in t.csv; it has: g, z, xx"), "{format}: {message}");
        }
        for (format, bytes) in files(&[("g", x.clone()), ("y", x.clone()), ("x", x.clone())]) {
            let message = refused(read(&bytes[..bytes.len() / 2]));
            assert!(message.starts_with(&format!("t.csv cannot be read as {format}: ")), "{message}");
        }
        assert!(refused(read(b"FEA1\0\0\0\0")).contains("Feather file of version 1"));
    }

    /// Found by `fuzz/targets/columnar.rs`: the library takes the memory that a compressed buffer claims.
    #[test]
    fn a_buffer_that_claims_more_than_the_memory_is_refused() {
        let column = |of: fn(i64) -> i64| Arc::new(Int64Array::from((0..500).map(of).collect::<Vec<i64>>()));
        let columns: [(&str, ArrayRef); 3] =
            [("g", column(|i| i % 7)), ("y", column(|i| i * i % 71)), ("x", column(|i| i % 50))];
        for compression in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
            let options = IpcWriteOptions::default().try_with_compression(Some(compression)).unwrap();
            for bytes in arrow(&columns, &options) {
                assert_eq!(accepted(read(&bytes)).n_observations(), 500);
                // 250 numbers in each batch of each column.
                let length = 2000_i64.to_le_bytes();
                let places: Vec<usize> = (0..bytes.len() - 8).filter(|at| bytes[*at..at + 8] == length).collect();
                assert!(places.len() >= 6, "{compression:?}");
                let mut refusals = 0;
                for at in places {
                    let mut changed = bytes.clone();
                    changed[at..at + 8].copy_from_slice(&(1_i64 << 50).to_le_bytes());
                    if let Err(error) = read(&changed) {
                        refusals += usize::from(error.to_string().contains("claims to be 1125899906842624 bytes long"));
                        refused(Err(error));
                    }
                }
                assert_eq!(refusals, 6, "{compression:?}");
            }
        }
    }

    /// Found by `fuzz/targets/columnar.rs`: the library takes a message to be as long as the footer says, not as the
    /// message says.
    #[test]
    fn claims_are_looked_for_where_the_footer_says_that_buffers_begin() {
        let x: ArrayRef = Arc::new(Int64Array::from((0..500).map(|i| i * i % 71).collect::<Vec<i64>>()));
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
        let [mut file, _] = arrow(&[("g", x.clone()), ("y", x.clone()), ("x", x)], &options);
        let end = file.len() - 10;
        let start = end - u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize;
        let footer = file[start..end].to_vec();
        let block = *root_as_footer(&footer).unwrap().recordBatches().unwrap().get(0);
        let (at, length) = (block.offset(), block.metaDataLength());
        let listed = [&at.to_le_bytes()[..], &length.to_le_bytes()].concat();
        let place = start + footer.windows(listed.len()).position(|bytes| bytes == listed).unwrap();
        let claim = at as usize + length as usize + 8;
        file[place + 8..place + 12].copy_from_slice(&(length + 8).to_le_bytes());
        file[claim..claim + 8].copy_from_slice(&i64::MAX.to_le_bytes());
        for length_of_message in [None, Some(0), Some(4), Some(i32::MAX)] {
            if let Some(length) = length_of_message {
                file[at as usize + 4..][..4].copy_from_slice(&length.to_le_bytes());
            }
            // Other buffers are moved, too, and claim what they happen to say, but nothing more than this.
            let message = refused(read(&file));
            assert!(message.contains("claims to be 9223372036854775807 bytes long"), "{message}");
        }
    }

    /// Found by `fuzz/targets/columnar.rs`: the library fills the memory that a block claims with zeros, then reads.
    #[test]
    fn a_block_that_ends_after_the_file_is_refused() {
        let x: ArrayRef = Arc::new(Int64Array::from(vec![5, 6, 7, 8, 10]));
        let [file, _] = arrow(&[("g", labels()), ("y", x.clone()), ("x", x)], &IpcWriteOptions::default());
        accepted(read(&file));
        let mut refusals = Vec::new();
        for at in 8..file.len() - 8 {
            let mut changed = file.clone();
            // A bit of four billion, where a length is.
            changed[at] ^= 1;
            if let Err(error) = read(&changed) {
                let message = refused(Err(error));
                if message.contains("a part of it ends at byte 42949") {
                    refusals.push((at, message));
                }
            }
        }
        // Where a dictionary and two batches begin, their lengths, and the number of batches, to which one is added.
        assert_eq!(refusals.len(), 7, "{refusals:?} of {}", file.len());
    }

    /// Found by `fuzz/targets/columnar.rs`: the library panics at buffers that are said to lie outside of the file.
    #[test]
    fn a_changed_byte_of_an_arrow_file_gives_an_error_or_data() {
        let x: ArrayRef = Arc::new(Int64Array::from(vec![5, 6, 7, 8, 10]));
        let mut broken = 0;
        for (format, bytes) in files(&[("g", labels()), ("y", x.clone()), ("x", x.clone())]) {
            if format != "Arrow" {
                continue;
            }
            for at in 8..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 0x80;
                if let Err(error) = read(&changed) {
                    broken += usize::from(error.to_string().contains("offset of the new Buffer cannot exceed"));
                    refused(Err(error));
                }
            }
        }
        assert!(broken > 0, "no change made the library panic");
    }
}

// Files as users have them

/// The 48 rows that most of the cases have, from the simplest file.
fn plainest() -> Dataset {
    accepted(of_case("06-tab.tsv", &ReadOptions::default()))
}

#[test]
fn cases_that_say_the_same_are_read_as_the_same() {
    let wanted = rows_of(&plainest());
    assert_eq!(wanted.len(), 48);
    for name in [
        "08-crlf-bom-quoted.csv",
        "09b-na-unused.csv",
        "12c-index.csv",
        "12d-rownames-R.csv",
        "13-trailing.csv",
        "13b-trailing-noheader.csv",
        "13c-comment-blank.csv",
        "13d-spaces.csv",
    ] {
        assert_eq!(rows_of(&accepted(of_case(name, &ReadOptions::default()))), wanted, "{name}");
    }
    let spaced = ReadOptions { delimiter: Delimiter::Blanks, ..ReadOptions::default() };
    assert_eq!(rows_of(&accepted(of_case("06b-whitespace.dat", &spaced))), wanted);
    let message = refused(of_case("06b-whitespace.dat", &ReadOptions::default()));
    assert!(
        message
            .ends_with("it has: site x y (its header has one field; if blanks separate them, add --delimiter space)")
    );
    let german = accepted(Dataset::from_path(&case("05c-semicolon-point.csv"), &columns("Ort", "y", &["x"])));
    let numbers =
        |rows: &[(usize, String, f64, Vec<f64>)]| rows.iter().map(|row| (row.2, row.3[0])).collect::<Vec<_>>();
    assert_eq!(numbers(&rows_of(&german)), numbers(&wanted));
}

#[test]
fn a_german_export_is_read_as_its_error_proposes() {
    let path = case("05-semicolon-latin1.csv");
    let asked = columns("Ort", "Gr\u{f6}\u{df}e", &["Fl\u{e4}che"]);
    let message = refused(Dataset::from_path(&path, &asked));
    assert!(message.contains(
        "in windows-1252 it says: Ort;Fl\u{e4}che;Gr\u{f6}\u{df}e; if that is right add --encoding windows-1252"
    ));
    let encoding = "windows-1252".parse().unwrap();
    let message = refused(Dataset::from_path_with(&path, &asked, &ReadOptions { encoding, ..ReadOptions::default() }));
    assert!(
        message.contains("has `51,222` where a number must be") && message.contains("add --decimal ,"),
        "{message}"
    );
    let both = ReadOptions { encoding, decimal: Decimal::Comma, ..ReadOptions::default() };
    let data = accepted(Dataset::from_path_with(&path, &asked, &both));
    assert_eq!((data.groups()[0].as_str(), data.groups()[1].as_str()), ("S\u{e3}o Paulo", "Z\u{fc}rich"));
    assert_eq!(data.outcome()[..2], [51.222, 58.951]);
}

#[test]
fn names_of_rows_are_taken_for_such_only_where_they_are() {
    let data = accepted(of_case("12d-rownames-R.csv", &ReadOptions::default()));
    assert_eq!(data.assumed().len(), 1);
    assert!(
        data.assumed()[0]
            .contains("one field more than its header: the first is taken for their names, as R writes them")
    );
    assert!(plainest().assumed().is_empty());
    // A decimal comma between commas looks like names of rows, but names are not repeated.
    let torn = refused(read("g,y,x\na,1,5,2\nb,2,5,3\nb,2,6,4\n"));
    assert!(torn.starts_with("t.csv, line 2: 4 fields where the header has 3 (separator: comma)"), "{torn}");
    // A single line that is too long does not make the others too short.
    assert!(refused(read("g,y,x\na,1,2,5\nb,3,5\n")).starts_with("t.csv, line 2: 4 fields"));
    assert!(refused(read("g,y,x\n1,a,1,2\n2,b,3,5\n3,b,4\n")).starts_with("t.csv, line 2: 4 fields"));
    assert!(refused(read("g,y,x\na,1,2,\nb,3,5\n")).starts_with("t.csv, line 3: 3 fields"));
}

#[test]
fn missing_values_in_the_cases() {
    let data = accepted(of_case("09-na.csv", &ReadOptions::default()));
    assert_eq!((data.n_observations(), data.left_out().to_string()), (44, "1 of site, 2 of y, 1 of x".to_string()));
    let data = accepted(of_case("14-group-na.csv", &ReadOptions::default()));
    assert!(!data.groups().contains(&"NA".to_string()) && data.left_out().rows > 3);
    let named = accepted(of_case("14-group-na.csv", &labelled(&[""])));
    assert!(named.groups().contains(&"NA".to_string()) && named.left_out().is_empty());
    assert_eq!(named.n_observations(), data.n_observations() + data.left_out().rows);
    let data = accepted(of_case("14b-group-empty.csv", &ReadOptions::default()));
    assert!(!data.groups().contains(&String::new()) && data.left_out().rows > 0);
    accepted(Dataset::from_path(&case("30-orange.csv"), &columns("Tree", "circumference", &["age"])));
}

#[test]
fn labels_stay_as_they_are_written() {
    let groups = |name: &str| accepted(of_case(name, &ReadOptions::default())).groups().to_vec();
    let has = |name: &str, labels: &[&str]| {
        let groups = groups(name);
        labels
            .iter()
            .for_each(|label| assert!(groups.contains(&label.to_string()), "{name}: {label} is not in {groups:?}"));
    };
    has("04-leadingzeros.csv", &["03", "007", "01", "1", "1.0"]);
    has("14e-huge-ids.csv", &["9007199254740992", "9007199254740993"]);
    has("14f-1-vs-1.0.csv", &["1", "1.0"]);
    has("14h-odd-labels.csv", &["a,b]", "=cmd|x"]);
    assert!(groups("14g-newline-label.csv").iter().any(|label| label.contains('\n') || label.contains('"')));
    assert!(groups("14c-group-case.csv").len() > 8);
}

#[test]
fn cases_that_are_refused_say_why_and_what_to_do() {
    for (name, words) in [
        ("12b-dup.csv", &["line 1: 2 columns are called `x`; rename all but one"][..]),
        ("13e-ragged.csv", &["line 22: 2 fields where the header has 3 (separator: comma); complete the line"]),
        ("13f-noheader.csv", &["it has: s03, 0.77, 51.222 (which look like data: put a line with the names"]),
        ("13g-empty.csv", &["t.csv is empty; it needs a header"]),
        ("13h-headeronly.csv", &["has a header and no observation; add a line"]),
        ("13i-oldmac.csv", &["ends its lines with bare carriage returns; save it with line feeds"]),
    ] {
        let message = refused(of_case(name, &ReadOptions::default()));
        words.iter().for_each(|words| assert!(message.contains(words), "{name}: {message}"));
    }
    let message = refused(Dataset::from_path(&case("12c-index.csv"), &columns("sites", "y", &[])));
    assert!(message.ends_with("did you mean `site`? it has: (no name), site, x, y"), "{message}");
}

// Ten more odd files

#[test]
fn ugly_files() {
    let good = accepted(read(GOOD));
    let same = |text: &str| assert_eq!(rows_of(&accepted(read(text))), rows_of(&good), "{text:?}");
    let wrong = |text: &str, words: &str| {
        let message = refused(read(text));
        assert!(message.contains(words), "{text:?}: {message}");
    };
    // 1: a comment with commas, quotes and a name of the header; 2: a header that begins with the comment sign.
    same("# exported 3, \"x, y\", from the lab's 5\" screen\n#\n\ng,y,x\na,1,2\nb,3,5\nb,4,9\n");
    wrong("#g,y,x\na,1,2\nb,3,5\n", "column `g` is not in t.csv; it has: #g, y, x");
    // 3: a comment below the header.
    wrong(
        "g,y,x\na,1,2\n# second day, afternoon\nb,3,5\n",
        "line 3: 2 fields where the header has 3 (separator: comma); remove the line: comments",
    );
    // 4: everything quoted, CRLF, BOM, a blank after each cell, and a last line without an end.
    same("\u{feff}\"g\" ,\"y\" ,\"x\" \r\n\"a\" ,\"1\" ,\"2\" \r\n\"b\",\"3\",\"5\"\r\n\r\n\"b\",\" 4\",\"9 \"");
    // 5: R's write.table: quoted names of rows, with blanks between fields.
    let table = ReadOptions { delimiter: Delimiter::Blanks, ..ReadOptions::default() };
    let text = "\"g\" \"y\" \"x\"\n\"1\" \"a\" 1 2\n\"2\" \"b\" 3 5\n\"3\" \"b\" 4 9\n";
    assert_eq!(rows_of(&accepted(read_with(text, &table))), rows_of(&good));
    // 6: a footer, as in spreadsheets.
    wrong("g,y,x\na,1,2\nb,3,5\nTotal,4,\n,,\nb\n", "line 6: 1 field where the header has 3");
    // 7: a title above the header.
    wrong("Results of 2021\ng,y,x\na,1,2\n", "it has: Results of 2021 (its header has one field; if blanks");
    // 8: no-break spaces around numbers and labels.
    same("g,y,x\na\u{a0},\u{a0}1,2\nb,3\u{2009},5\n\u{a0}b,4,9\n");
    // 9: a minus sign that is not ASCII.
    wrong("g,y,x\na,\u{2212}1.5,2\nb,3,5\n", "has `\u{2212}1.5` where a number must be");
    wrong("g,y,x\na,\u{2212}1.5,2\nb,3,5\n", "write `-1.5`");
    // 10: the end-of-file mark of DOS.
    wrong("g,y,x\na,1,2\nb,3,5\nb,4,9\n\u{1a}", "line 5: 1 field where the header has 3");
}
