//! `warpnuts::data::Frame`: columns by name, typed by what is in them.

use std::path::Path;

use warpnuts::data::{DataError, Decimal, Frame, Labels, Missing, ReadOptions, WantedColumn};

/// Names followed by `=` are wanted as values, by `~` as labels, by `=~` as both.
fn wanted(names: &str) -> Vec<WantedColumn> {
    let column = |name: &str| WantedColumn {
        name: name.trim_end_matches(['=', '~']).to_string(),
        as_value: name.contains('='),
        as_label: name.contains('~'),
    };
    names.split_whitespace().map(column).collect()
}

fn read_with(text: impl AsRef<[u8]>, names: &str, reading: &ReadOptions) -> Result<Frame, DataError> {
    Frame::from_reader_with("t.csv", text.as_ref(), &wanted(names), reading)
}

fn read(text: impl AsRef<[u8]>, names: &str) -> Result<Frame, DataError> {
    read_with(text, names, &ReadOptions::default())
}

fn accepted(result: Result<Frame, DataError>) -> Frame {
    result.unwrap_or_else(|error| panic!("refused: {error}"))
}

/// The message of a refusal, always one line.
fn refused(result: Result<Frame, DataError>) -> String {
    let message = result.expect_err("should have been refused").to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

fn case(name: &str, names: &str) -> Frame {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    accepted(Frame::from_path_with(&path, &wanted(names), &ReadOptions::default()))
}

/// The label of each row.
fn written(labels: Option<&Labels>) -> Vec<&str> {
    let labels = labels.expect("the column has labels");
    labels.of.iter().map(|of| labels.levels[*of as usize].as_str()).collect()
}

// Types

#[test]
fn a_column_of_numbers_has_numbers_and_one_of_words_has_labels() {
    let text = "y,dose,when\n1.5,low,late\n-2,high,early\n 3e2 ,low,late\n";
    let frame = accepted(read(text, "y= dose= when~"));
    assert_eq!((frame.source(), frame.n_rows()), ("t.csv", 3));
    assert_eq!((frame.numbers("y"), frame.labels("y")), (Some(&[1.5, -2.0, 300.0][..]), None));
    assert_eq!(frame.numbers("dose"), None);
    let dose = frame.labels("dose").unwrap();
    assert_eq!((&dose.levels[..], &dose.of[..]), (&["low".to_string(), "high".to_string()][..], &[0, 1, 0][..]));
    assert_eq!(written(frame.labels(" when")), ["late", "early", "late"]);
}

#[test]
fn labels_stay_as_they_are_written() {
    let frame = accepted(read("g,y\n01,1\n1,2\n 1.0 ,3\n1,4\n1_000,5\n51%,6\n2021-03-04,7\n", "g~ y="));
    assert_eq!(written(frame.labels("g")), ["01", "1", "1.0", "1", "1_000", "51%", "2021-03-04"]);
    assert_eq!(frame.numbers("g"), None);
    // As a number too, and for two parts of a formula.
    let frame = accepted(read("g,y\n01,1\n1,2\n 1.0 ,3\n+2,2\n", "g~ y= g="));
    assert_eq!(written(frame.labels("g")), ["01", "1", "1.0", "+2"]);
    assert_eq!(frame.numbers("g"), Some(&[1.0, 1.0, 1.0, 2.0][..]));
    // Words wanted both ways are there once.
    let frame = accepted(read("g,y\nb,1\na,2\nb,3\n", "g=~ y="));
    assert_eq!((written(frame.labels("g")), frame.numbers("g")), (vec!["b", "a", "b"], None));
}

#[test]
fn truth_values_are_words() {
    for [yes, no] in [["true", "false"], ["TRUE", "FALSE"], ["yes", "no"], ["T", "F"]] {
        let frame = accepted(read(format!("x,y\n{no},1\n{yes},2\n{no},3\n"), "x= y="));
        assert_eq!((written(frame.labels("x")), frame.numbers("x")), (vec![no, yes, no], None));
    }
}

#[test]
fn words_may_begin_with_numbers() {
    for words in [["2seater", "compact", "suv"], ["1st", "2nd", "3rd"], ["3A", "3B", "10A"], ["<30", "30-39", ">=40"]] {
        let frame = accepted(read(format!("x\n{}\n", words.join("\n")), "x="));
        assert_eq!(written(frame.labels("x")), words);
    }
}

#[test]
fn a_few_words_among_numbers_are_refused_and_named() {
    let message = refused(read("y,x\n1,2\n2,tall\n3,4\n", "y= x="));
    assert_eq!(
        message,
        "t.csv, line 3: column `x` has `tall` where 2 of 3 values are numbers; remove the row or fill in a number, add it to \
         --missing-labels if it means that there is none, or write factor() around the column's name if its values are \
         categories"
    );
    // The first of several; the look of what has one; half is not fewer.
    assert!(refused(read("x\n1\n2\nb\n3\na\n", "x=")).starts_with("t.csv, line 4: column `x` has `b` where 3 of 5"));
    assert!(refused(read("x\nb\n1\n", "x=")).starts_with("t.csv, line 2: column `x` has `b` where 1 of 2"));
    let with_unit = refused(read("x\n1\n2\n12 kg\n", "x="));
    assert!(with_unit.contains("line 4: column `x` has `12 kg` where a number must be: that looks like a number with"));
    assert!(refused(read("x\n1\n0\nTRUE\n", "x=")).ends_with("a truth value; write 1 for true and 0 for false"));
    assert!(refused(read("x\n1\n1\n<0.5\n", "x=")).contains("that looks like a bound"));
    // The remedies that the message names.
    let labels = ReadOptions { missing_labels: vec!["tall".into()], ..ReadOptions::default() };
    assert_eq!(accepted(read_with("y,x\n1,2\n2,tall\n3,4\n", "y= x=", &labels)).numbers("x"), Some(&[2.0, 4.0][..]));
    assert_eq!(written(accepted(read("y,x\n1,2\n2,tall\n3,4\n", "y= x~")).labels("x")), ["2", "tall", "4"]);
}

#[test]
fn a_few_numbers_among_words_are_refused_and_named() {
    assert_eq!(
        refused(read("y,x\n1,a\n2,b\n3, 04 \n4,5\n5,a\n", "y= x=")),
        "t.csv, line 4: column `x` has `04` where 3 of 5 values are words; remove the row, fill in a word, or write factor() \
         around the column's name if its values are categories"
    );
}

#[test]
fn what_stands_for_a_number_or_a_date_is_no_word() {
    for (cell, look) in [
        ("\"51,222.00\"", "a number with marks between thousands"),
        ("\"0,77\"", "a number with a decimal comma"),
        ("51%", "a percentage"),
        ("$12", "an amount of money"),
        ("2021-03-04", "a date"),
        ("12:30", "a time"),
    ] {
        for other in ["7", "word"] {
            let message = refused(read(format!("y,x\n1,{other}\n2,{cell}\n3,{other}\n"), "y= x="));
            assert!(message.starts_with("t.csv, line 3: column `x` has `"), "{message}");
            assert!(message.contains(&format!("where a number must be: that looks like {look}")), "{message}");
        }
    }
    // Nothing but numbers with one unit.
    let message = refused(read("x\n12 kg\n13.5 kg\n12 kg\n", "x="));
    assert!(message.starts_with("t.csv, line 2: column `x` has `12 kg` where a number must be"), "{message}");
    assert_eq!(written(accepted(read("x\n12 kg\n13.5 lb\n12 kg\n", "x=")).labels("x")), ["12 kg", "13.5 lb", "12 kg"]);
}

#[test]
fn cells_of_no_use_to_anyone_are_refused_as_ever() {
    let at = |cell: &str| refused(read(format!("y,x\n1,2\n2,{cell}\n"), "y= x="));
    assert!(at("inf").starts_with("t.csv, line 3: column `x` has `inf`, not a finite number"));
    assert!(at("1e151").starts_with("t.csv, line 3: column `x` has `1e151`, beyond 1e150 in size"));
    for names in ["y= x=", "y= x~"] {
        let message = refused(read(b"y,x\n1,a\n2,Z\xfcrich\n", names));
        assert!(message.starts_with("t.csv, line 3: column `x` is not UTF-8; in windows-1252"), "{message}");
    }
}

// Missing values

#[test]
fn rows_that_miss_a_value_of_any_column_are_left_out_and_counted() {
    let text = "g,note,dose,y\nc,,low,1\nb,,NA,2\na,,high,3\n,x,mid,4\nb,x,mid,\n.,,,\na,,low,7\n";
    let frame = accepted(read(text, "y= dose= g~"));
    assert_eq!((frame.left_out().rows, frame.left_out().to_string()), (4, "2 of y, 2 of dose, 2 of g".to_string()));
    assert_eq!(frame.numbers("y"), Some(&[1.0, 3.0, 7.0][..]));
    // Levels are those of the rows that are left.
    assert_eq!(frame.labels("g").unwrap().levels, ["c", "a"]);
    assert_eq!(frame.labels("dose").unwrap().levels, ["low", "high"]);
    assert_eq!((0..3).map(|row| frame.row_of_file(row)).collect::<Vec<_>>(), [0, 2, 6]);
    assert_eq!((0..3).map(|row| frame.place(row)).collect::<Vec<_>>(), ["line 2", "line 4", "line 8"]);
    let refusing = ReadOptions { missing: Missing::Refuse, ..ReadOptions::default() };
    let message = refused(read_with(text, "y= dose= g~", &refusing));
    assert!(
        message.starts_with("t.csv: 4 rows miss a value (2 of y, 2 of dose, 2 of g), which --missing"),
        "{message}"
    );
    assert!(
        message.contains("line 3, `dose` has `NA`; line 5, `g` is empty; line 6, `y` is empty; line 7, `y` is empty;")
    );
}

#[test]
fn rows_that_are_left_out_do_not_decide_what_a_column_is() {
    let frame = accepted(read("y,x\n1,2\nNA,tall\n3,4\n", "y= x="));
    assert_eq!(frame.numbers("x"), Some(&[2.0, 4.0][..]));
    let frame = accepted(read("y,x\n1,b\nNA,7\n3,a\n", "y= x="));
    assert_eq!(written(frame.labels("x")), ["b", "a"]);
}

#[test]
fn nothing_left_is_an_error() {
    assert!(refused(read("y,x\n", "y= x=")).contains("has a header and no observation"));
    assert!(refused(read("y,x\n1,\n,2\n", "y= x=")).starts_with("t.csv: every row misses a value (1 of y, 1 of x)"));
}

// Places

#[test]
fn a_row_knows_its_line_past_blank_lines_quotes_and_blocks() {
    // Five rows on seven lines or eight, for several blocks.
    let block = |i: usize| match i % 5 {
        0 => format!("{i},\"two\nlines\",a\n"),
        1 => format!("\n{i},,b\r\n\n"),
        2 => format!("NA,,word{i}\n"),
        _ => format!("{i},,c\n"),
    };
    let text: String = std::iter::once("# made\ny,note,x\n".to_string()).chain((0..60_000).map(block)).collect();
    assert!(text.len() > 2 << 18);
    let lines: Vec<&str> = text.split('\n').collect();
    let frame = accepted(read(&text, "y= x="));
    assert_eq!((frame.n_rows(), frame.left_out().rows), (48_000, 12_000));
    for (row, y) in frame.numbers("y").unwrap().iter().enumerate() {
        let line: usize = frame.place(row).strip_prefix("line ").unwrap().parse().unwrap();
        assert!(lines[line - 1].starts_with(&format!("{y},")), "row {row}: line {line} is {}", lines[line - 1]);
        assert_eq!(frame.row_of_file(row) as f64, *y);
    }
}

#[test]
fn blocks_and_threads_change_nothing() {
    let row = |i: usize| format!("s{},{},w{}\n", i * i % 997, (i * 7919) % 1009, i * 31 % 12);
    let text: String = std::iter::once("g,y,x\n".to_string()).chain((0..60_000).map(row)).collect();
    assert!(text.len() > 2 << 18);
    let with = |threads: usize, text: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read(text, "y= x= g~"))
    };
    let one = accepted(with(1, &text));
    assert_eq!(one.n_rows(), 60_000);
    for (i, (g, x)) in written(one.labels("g")).iter().zip(written(one.labels("x"))).enumerate() {
        assert_eq!((*g, x), (&format!("s{}", i * i % 997)[..], &format!("w{}", i * 31 % 12)[..]));
    }
    assert_eq!(one.labels("x").unwrap().levels[..3], ["w0", "w7", "w2"]);
    assert_eq!(accepted(with(3, &text)), one);
    // A number in a late block, where it is rarer than words; the numbers of an early block are not forgotten.
    let late = format!("{text}s4,5,17\n");
    let message = refused(with(2, &late));
    assert!(
        message.starts_with("t.csv, line 60002: column `x` has `17` where 60000 of 60001 values are words"),
        "{message}"
    );
    let numbers = text.replace(",w", ",") + "s4,5,w17\n";
    let message = refused(with(2, &numbers));
    assert!(
        message.starts_with("t.csv, line 60002: column `x` has `w17` where 60000 of 60001 values are"),
        "{message}"
    );
}

// Names

#[test]
fn a_name_that_is_not_there_is_told_with_all_that_are() {
    let error = read("Reaction,Days, Subject \n1,2,3\n", "Reaction= days= Subject~").unwrap_err();
    let DataError::MissingColumn { column, closest, columns, .. } = error else { panic!("{error}") };
    assert_eq!((column.as_str(), closest.as_deref()), ("days", Some("Days")));
    assert_eq!(columns, ["Reaction", "Days", "Subject"]);
    let frame = accepted(read("Reaction,Days, Subject \n1,2,3\n", "Days="));
    assert_eq!((frame.names(), frame.labels("Subject")), (&columns[..], None));
    assert!(refused(read("x,y,x\n1,2,3\n", "x=")).contains("2 columns are called `x`; rename all but one"));
}

// Sources

#[test]
fn the_built_in_survey_has_uranium_by_county() {
    let frame = accepted(Frame::from_built_in(&wanted("log_radon= floor= Uppm= county~ county_code=")));
    assert_eq!((frame.n_rows(), frame.source()), (919, "radon.csv (built in)"));
    let county = frame.labels("county").unwrap();
    assert_eq!(county.levels.len(), 85);
    let mut by_county = vec![None; 85];
    for (of, uppm) in county.of.iter().zip(frame.numbers("Uppm").unwrap()) {
        assert_eq!(by_county[*of as usize].get_or_insert(*uppm), uppm);
    }
    assert_eq!(by_county[0], Some(0.502054));
    let codes = frame.numbers("county_code").unwrap();
    assert!(county.of.iter().zip(codes).all(|(of, code)| f64::from(*of) == *code));
}

#[test]
fn the_cases() {
    let sleep = case("01-sleepstudy.csv", "Reaction= Days= Subject~");
    assert_eq!((sleep.n_rows(), sleep.labels("Subject").unwrap().levels.len()), (180, 18));
    let dose = case("10-factor.csv", "y= dose= site~");
    assert_eq!(dose.labels("dose").unwrap().levels, ["low", "mid", "high"]);
    let pastes = case("27-pastes.csv", "strength= batch~ cask~");
    assert_eq!((pastes.n_rows(), pastes.labels("batch").unwrap().levels.len()), (60, 10));
    let schools = case("15b-hsb82.csv", "mAch= meanses= cses= sector= school~");
    assert_eq!(
        (schools.labels("sector").unwrap().levels.len(), schools.labels("school").unwrap().levels.len()),
        (2, 160)
    );
    let ratings = case("25-insteval.csv", "y= service= s~ d~");
    assert_eq!(ratings.n_rows(), 73_421);
    assert_eq!((ratings.labels("s").unwrap().levels.len(), ratings.labels("d").unwrap().levels.len()), (2972, 1128));
    let named = case("12d-rownames-R.csv", "y= x= site~");
    assert_eq!((named.assumed().len(), named.names()), (1, &["site", "x", "y"].map(String::from)[..]));
}

#[test]
fn options_hold() {
    let german = ReadOptions {
        decimal: Decimal::Comma,
        encoding: "latin1".parse().unwrap(),
        delimiter: ";".parse().unwrap(),
        ..ReadOptions::default()
    };
    let text = b"Ort;H\xf6he;Art\nK\xf6ln;1,5;gro\xdf\nK\xf6ln;-2;klein\n";
    let frame = accepted(read_with(text, "H\u{f6}he= Art= Ort~", &german));
    assert_eq!(frame.numbers("H\u{f6}he"), Some(&[1.5, -2.0][..]));
    assert_eq!(written(frame.labels("Art")), ["gro\u{df}", "klein"]);
    let packed = zstd::encode_all(&text[..], 1).unwrap();
    assert_eq!(accepted(read_with(packed, "H\u{f6}he= Art= Ort~", &german)), frame);
}

#[test]
fn columns_in_memory() {
    let frame =
        Frame::from_columns("made", vec![("y", vec![1.0, 2.0])], vec![("g", vec!["b ", "a"]), ("y", vec!["1", "02"])]);
    let frame = accepted(frame);
    assert_eq!((frame.n_rows(), frame.names()), (2, &["y", "g"].map(String::from)[..]));
    assert_eq!((frame.numbers("y"), written(frame.labels("y"))), (Some(&[1.0, 2.0][..]), vec!["1", "02"]));
    assert_eq!((written(frame.labels("g")), frame.place(1)), (vec!["b", "a"], "row 1 (counted from 0)".to_string()));
    let made = |y: &[f64], g: &[&'static str]| {
        refused(Frame::from_columns("made", vec![("y", y.into())], vec![("g", g.into())]))
    };
    assert_eq!(made(&[1.0], &["a", "b"]), "made: column `g` has 2 values where the first has 1; give one for each row");
    assert!(made(&[1.0, f64::NAN], &["a", "b"]).starts_with("made, row 1 (counted from 0): column `y` has `NaN`"));
    assert!(
        made(&[1.0, 1e151], &["a", "b"]).starts_with("made, row 1 (counted from 0): column `y` has `1e151`, beyond")
    );
    assert!(made(&[1.0, 2.0], &["a", " "]).starts_with("made, row 1 (counted from 0): column `g` is empty"));
    assert!(made(&[], &[]).contains("no observation"));
    let twice = Frame::from_columns("made", vec![("y", vec![1.0]), ("y", vec![2.0])], vec![]);
    assert!(refused(twice).contains("2 columns are called `y`"));
}

#[cfg(feature = "columnar")]
mod columnar {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int64Array, StringArray};

    use super::*;
    use crate::helpers::columnar::files;

    #[test]
    fn types_in_the_file_are_values_and_labels() {
        let treated: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(false)]));
        let dose: DictionaryArray<Int32Type> = vec!["low", "high", "mid", "low"].into_iter().collect();
        let text: ArrayRef = Arc::new(StringArray::from(vec!["1.5", " 02", "3", "4"]));
        let columns: [(&str, ArrayRef); 5] = [
            ("unused", treated.clone()),
            ("treated", treated),
            ("dose", Arc::new(dose)),
            ("id", Arc::new(Int64Array::from(vec![9007199254740993, 1, 1, 2]))),
            ("t", text),
        ];
        for (_, bytes) in files(&columns) {
            let frame = accepted(read(bytes, "t=~ treated= dose= id=~"));
            assert_eq!(frame.names(), ["unused", "treated", "dose", "id", "t"]);
            assert_eq!(written(frame.labels("treated")), ["true", "false", "false"]);
            assert_eq!(written(frame.labels("dose")), ["low", "high", "low"]);
            assert_eq!(written(frame.labels("id")), ["9007199254740993", "1", "2"]);
            assert_eq!(frame.numbers("id"), Some(&[9007199254740992.0, 1.0, 2.0][..]));
            assert_eq!(
                (frame.numbers("t"), written(frame.labels("t"))),
                (Some(&[1.5, 2.0, 4.0][..]), vec!["1.5", "02", "4"])
            );
            assert_eq!(
                (frame.left_out().to_string(), frame.place(2)),
                ("1 of treated".into(), "row 3 (counted from 0)".into())
            );
        }
    }

    #[test]
    fn faults_are_named_by_their_rows() {
        let of = |x: ArrayRef| files(&[("x", x)]).into_iter().map(|(_, bytes)| refused(read(bytes, "x=")));
        for message in of(Arc::new(Date32Array::from(vec![18000, 1, 2, 3]))) {
            assert!(
                message.contains("column `x` has `2019-04-14` where a number must be: that looks like a date"),
                "{message}"
            );
        }
        for message in of(Arc::new(StringArray::from(vec!["1", "2", "3", "tall"]))) {
            assert!(
                message.starts_with("t.csv, row 3 (counted from 0): column `x` has `tall` where 3 of 4 values are"),
                "{message}"
            );
        }
        for message in of(Arc::new(Float64Array::from(vec![1.0, 2.0, f64::INFINITY, 3.0]))) {
            assert!(
                message.starts_with("t.csv, row 2 (counted from 0): column `x` has `inf`, not a finite"),
                "{message}"
            );
        }
    }
}
