//! `warpnuts::data`: what is read, what is refused, and the messages.

use std::io::{self, Read};
use std::path::Path;

use warpnuts::data::{Centring, Columns, DataError, Dataset, MAX_COEFFICIENTS};

fn columns(group: &str, outcome: &str, predictors: &[&str]) -> Columns {
    Columns {
        group: group.into(),
        outcome: outcome.into(),
        predictors: predictors.iter().map(|&name| name.into()).collect(),
    }
}

/// Reads a file called t.csv, by default with group `g`, outcome `y` and predictor `x`.
fn read(csv: impl AsRef<[u8]>) -> Result<Dataset, DataError> {
    read_as(csv, &columns("g", "y", &["x"]))
}

fn read_as(csv: impl AsRef<[u8]>, columns: &Columns) -> Result<Dataset, DataError> {
    Dataset::from_reader("t.csv", csv.as_ref(), columns)
}

fn accepted(csv: impl AsRef<[u8]>) -> Dataset {
    read(csv).unwrap_or_else(|error| panic!("refused: {error}"))
}

/// The message of a refusal, always one line.
fn message(result: Result<Dataset, DataError>) -> String {
    let message = result.expect_err("should have been refused").to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

fn refused(csv: impl AsRef<[u8]>) -> String {
    message(read(csv))
}

/// The message if this cell is the outcome in line 3.
fn refused_outcome(cell: &str) -> String {
    refused(format!("g,y,x\na,1,2\nb,{cell},5\nb,4,9\n"))
}

fn radon() -> Dataset {
    Dataset::radon().unwrap()
}

const GOOD: &str = "g,y,x\na,1,2\nb,3,5\nb,4,9\n";

// Radon

#[test]
fn radon_has_919_homes_in_85_counties() {
    let radon = radon();
    assert_eq!((radon.n_observations(), radon.n_groups(), radon.n_coefficients()), (919, 85, 2));
    assert_eq!(radon.source(), "radon.csv (built in)");
    assert_eq!((radon.group_name(), radon.outcome_name()), ("county", "log_radon"));
    assert_eq!(radon.predictor_names(), ["floor"]);
}

#[test]
fn radon_begins_with_the_four_homes_of_aitkin() {
    let radon = radon();
    assert_eq!(radon.groups()[..3], ["AITKIN", "ANOKA", "BECKER"]);
    assert_eq!(radon.groups()[84], "YELLOW MEDICINE");
    assert_eq!(radon.group_range(0), 0..4);
    assert_eq!(radon.outcome()[..2], [0.8329091229351041, 0.8329091229351041]);
    assert_eq!(radon.predictor(0)[..4], [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn radon_has_the_moments_that_python_finds() {
    // statistics.fmean and statistics.stdev over csv.DictReader; the sum of `floor` is a count of homes.
    let radon = radon();
    let n = radon.n_observations() as f64;
    let mean = radon.outcome().iter().sum::<f64>() / n;
    let squares: f64 = radon.outcome().iter().map(|y| (y - mean).powi(2)).sum();
    assert!((mean - 1.2647792371410602).abs() < 1e-13, "{mean}");
    assert!(((squares / (n - 1.0)).sqrt() - 0.8193549690153694).abs() < 1e-13);
    assert_eq!(radon.predictor(0).iter().sum::<f64>(), 153.0);
}

#[test]
fn radon_county_code_is_the_order_of_first_appearance() {
    let csv = include_bytes!("../data/radon.csv");
    let radon = read_as(csv, &columns("county", "log_radon", &["county_code"])).unwrap();
    for j in 0..radon.n_groups() {
        let codes = &radon.predictor(0)[radon.group_range(j)];
        assert!(codes.iter().all(|&code| code == j as f64), "{}: {codes:?}", radon.groups()[j]);
    }
}

// Accepted files

#[test]
fn groups_keep_the_order_of_first_appearance() {
    let data = accepted("g,y,x\nzebra,1,2\nant,3,5\nzebra,4,9\nbee,1,1\n");
    assert_eq!(data.groups(), ["zebra", "ant", "bee"]);
}

#[test]
fn rows_are_sorted_by_group_and_keep_the_order_of_the_file_within_it() {
    let data = accepted("g,y,x\nb,1,10\na,2,20\nb,3,35\na,4,40\nb,5,50\n");
    assert_eq!(data.outcome(), [1.0, 3.0, 5.0, 2.0, 4.0]);
    assert_eq!(data.predictor(0), [10.0, 35.0, 50.0, 20.0, 40.0]);
    assert_eq!((data.group_range(0), data.group_range(1)), (0..3, 3..5));
}

#[test]
fn a_sorted_observation_knows_its_row_in_the_file() {
    let data = accepted("g,y,x\nb,1,10\n\na,2,20\nb,3,35\na,4,40\nb,5,50\n");
    let rows: Vec<usize> = (0..5).map(|i| data.row_of(i)).collect();
    assert_eq!(rows, [0, 2, 4, 1, 3]);
}

#[test]
fn columns_in_memory_and_in_a_file_make_the_same_dataset() {
    let labels = ["a", "b", " b "].map(String::from);
    let (y, x) = (vec![1.0, 3.0, 4.0], vec![vec![2.0, 5.0, 9.0]]);
    let data = Dataset::from_columns("t.csv", "g", "y", &["x"], &labels, y, x).unwrap();
    assert_eq!(data, accepted(GOOD));
}

#[test]
fn a_file_is_read_from_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("homes.csv");
    std::fs::write(&path, GOOD).unwrap();
    let data = Dataset::from_path(&path, &columns("g", "y", &["x"])).unwrap();
    assert_eq!(data.source(), path.display().to_string());
    assert_eq!(data.outcome(), [1.0, 3.0, 4.0]);
}

#[test]
fn no_predictor_at_all_is_a_model_of_intercepts() {
    let data = read_as(GOOD, &columns("g", "y", &[])).unwrap();
    assert_eq!((data.n_coefficients(), data.predictor_names().len()), (1, 0));
}

#[test]
fn groups_of_one_row_are_fine() {
    assert_eq!(accepted("g,y,x\na,1,2\nb,3,5\nc,4,9\n").n_groups(), 3);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    assert_eq!(accepted(format!("\u{feff}{GOOD}")), accepted(GOOD));
    assert_eq!(accepted(format!("\u{feff}{}", GOOD.replacen('g', "\"g\"", 1))), accepted(GOOD));
    let odd = "\u{feff}\"g;;;\",y,x\na,1,2\nb,3,5\n";
    assert!(read_as(odd, &columns("g;;;", "y", &["x"])).is_ok());
}

#[test]
fn windows_line_ends_change_nothing() {
    assert_eq!(accepted(GOOD.replace('\n', "\r\n")), accepted(GOOD));
    assert_eq!(accepted("\"g\",\"y\",\"x\"\r\n\"a\",1,\"2\"\r\n\r\nb,3,5\r\nb,4,\"9\"\r\n"), accepted(GOOD));
}

#[test]
fn a_file_may_end_without_a_line_end_or_with_blank_ones() {
    assert_eq!(accepted(GOOD.trim_end()), accepted(GOOD));
    assert_eq!(accepted(format!("\n\n{GOOD}\n  \n\r\n\n")), accepted(GOOD));
}

#[test]
fn semicolons_and_tabs_separate_as_well_as_commas() {
    assert_eq!(accepted(GOOD.replace(',', ";")), accepted(GOOD));
    assert_eq!(accepted(GOOD.replace(',', "\t")), accepted(GOOD));
}

#[test]
fn a_separator_inside_a_quoted_name_does_not_count() {
    let data = read_as("\"y, in \"\"pCi/L\"\", log\";g;x\n1;a;2\n3;b;5\n", &columns("g", "y, in \"pCi/L\", log", &[]));
    assert_eq!(data.unwrap().outcome_name(), "y, in \"pCi/L\", log");
}

#[test]
fn quoted_names_may_contain_commas_and_quotes() {
    let data = accepted("g,y,x\n\"Lac qui Parle, MN\",1,2\n\"the \"\"Range\"\"\",3,5\n");
    assert_eq!(data.groups(), ["Lac qui Parle, MN", "the \"Range\""]);
}

#[test]
fn a_quoted_header_may_span_lines() {
    let data = read_as("g,\"log\nradon\",x\na,1,2\nb,3,5\n", &columns("g", "log\nradon", &["x"])).unwrap();
    assert_eq!(data.outcome(), [1.0, 3.0]);
}

#[test]
fn blanks_around_names_labels_and_numbers_mean_nothing() {
    let data = read_as(" g , y,x \na, 1 ,2\n b,3,\t5\nb ,4,9\n", &columns("g ", "y", &[" x"])).unwrap();
    assert_eq!(data, accepted(GOOD));
}

#[test]
fn an_unnamed_column_and_columns_of_no_use_are_passed_over() {
    let bytes = b",g,note,y,note,x\n0,a,\xff\xfe,1,,2\n1,b,NaN,3,,5\n2,b,,4,,9\n";
    assert_eq!(accepted(bytes), accepted(GOOD));
}

#[test]
fn the_group_may_be_a_predictor_where_its_labels_are_numbers() {
    let data = read_as("g,y\n1,5\n2,6\n2,8\n", &columns("g", "y", &["g"])).unwrap();
    assert_eq!((data.groups()[1].as_str(), data.predictor(0)), ("2", &[1.0, 2.0, 2.0][..]));
}

#[test]
fn numbers_are_read_to_the_last_digit() {
    let data = accepted("g,y,x\na,0.1,1e3\nb,-2.2250738585072014e-308,.5\nb,+3.,1E-2\n");
    assert_eq!(data.outcome(), [0.1, -2.2250738585072014e-308, 3.0]);
    assert_eq!(data.predictor(0), [1000.0, 0.5, 0.01]);
}

// Centring

#[test]
fn centring_subtracts_the_overall_mean_and_remembers_it() {
    let data = accepted("g,y,x\na,1,2\nb,3,4\nb,4,9\n");
    assert_eq!(data.predictor_means(), [0.0]);
    let centered = data.clone().centered(Centring::All);
    assert_eq!((centered.predictor(0), centered.predictor_means()), (&[-3.0, -1.0, 4.0][..], &[5.0][..]));
    assert_eq!(centered.outcome(), data.outcome());
    assert_eq!(centered.clone().centered(Centring::All), centered);
}

#[test]
fn a_calendar_year_is_far_until_it_is_centered() {
    let data = read_as("g,y,year,x\na,1,2001,1\nb,3,2002,5\nb,4,2003,2\n", &columns("g", "y", &["x", "year"])).unwrap();
    let far = data.far_predictors();
    assert_eq!(far.len(), 1);
    assert_eq!((far[0].name.as_str(), far[0].mean, far[0].sd), ("year", 2002.0, 1.0));
    assert!(data.centered(Centring::Far).far_predictors().is_empty());
}

// Not files of data

#[test]
fn a_missing_file_is_named() {
    let result = Dataset::from_path(Path::new("no/such.csv"), &Columns::radon());
    assert_eq!(message(result), "no/such.csv does not exist; check the path (`-` reads standard input)");
}

#[test]
fn a_directory_is_not_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let message = message(Dataset::from_path(folder.path(), &Columns::radon()));
    assert_eq!(message, format!("{} is a directory; name a CSV file in it", folder.path().display()));
}

#[test]
fn a_disk_that_fails_says_why() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is on fire"))
        }
    }
    let columns = columns("g", "y", &["x"]);
    let at_once = message(Dataset::from_reader("t.csv", Broken, &columns));
    let later = message(Dataset::from_reader("t.csv", GOOD.as_bytes().chain(Broken), &columns));
    assert_eq!(at_once, "t.csv cannot be read: the disk is on fire; check its permissions and the disk it is on");
    assert_eq!(later, at_once);
}

#[test]
fn an_empty_file_says_what_it_needs() {
    let told = "t.csv is empty; it needs a header with the names of the columns, and a line for each observation";
    for empty in ["", "\n", "\r\n \r\n", "\u{feff}"] {
        assert_eq!(refused(empty), told, "{empty:?}");
    }
}

#[test]
fn a_header_alone_is_not_enough() {
    let told = "t.csv has a header and no observation; add a line for each observation";
    assert_eq!(refused("g,y,x"), told);
    assert_eq!(refused("g,y,x\r\n\r\n"), told);
}

#[test]
fn a_file_that_is_not_text_says_so() {
    let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(refused(utf16), "t.csv is not UTF-8 text, but UTF-16 by its looks; add --encoding utf-16le");
    let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(refused(utf16), "t.csv is not UTF-8 text, but UTF-16 by its looks; add --encoding utf-16be");
    assert_eq!(
        refused(b"PK\x03\x04\x14\x00\x06\x00"),
        "t.csv is not UTF-8 text, but a spreadsheet or a zip archive; save it as CSV, or unpack it"
    );
    assert_eq!(refused(b"\x7fELF\x02\x01\x01\x00,\n"), "t.csv is not UTF-8 text; save it as CSV in UTF-8");
}

#[test]
fn bare_carriage_returns_are_refused() {
    let told = "t.csv ends its lines with bare carriage returns; save it with line feeds (LF or CRLF)";
    assert_eq!(refused(GOOD.replace('\n', "\r")), told);
}

// Columns

#[test]
fn a_missing_column_lists_those_there_are() {
    let told = message(read_as(",county,\"log\nradon\"\n1,a,2\n", &columns("county", "outcome", &[])));
    assert_eq!(told, "column `outcome` is not in t.csv; it has: (no name), county, log\\nradon");
}

#[test]
fn a_misspelt_column_is_told_the_closest() {
    let ask = |outcome: &str| {
        let csv = include_bytes!("../data/radon.csv");
        message(read_as(csv, &columns("county", outcome, &[])))
    };
    assert!(ask("flor").starts_with("column `flor` is not in t.csv; did you mean `floor`? it has: (no name), idnum, "));
    assert!(ask("LogRadon").contains("did you mean `log_radon`?"));
    assert!(ask("uppm").contains("did you mean `Uppm`?"));
    assert!(!ask("temperature").contains("did you mean"));
}

#[test]
fn a_header_of_one_field_says_what_separates() {
    let told = refused("g|y|x\na|1|2\n");
    let wanted = "column `g` is not in t.csv; it has: g|y|x (its header has one field; if | separates them, add --delimiter '|')";
    assert_eq!(told, wanted);
    assert_eq!(
        refused("y\n1\n2\n"),
        "column `g` is not in t.csv; it has: y (its header has one field: separate them by commas, semicolons or tabs)"
    );
}

#[test]
fn a_long_header_is_listed_in_part() {
    let header: Vec<String> = (0..100).map(|k| format!("column{k}")).collect();
    assert!(refused(header.join(",")).ends_with("column58, column59, and 40 more"));
}

#[test]
fn a_used_name_may_not_occur_twice_in_the_header() {
    assert_eq!(refused("\ng,y,x,y\na,1,2,3\n"), "t.csv, line 2: 2 columns are called `y`; rename all but one");
}

#[test]
fn a_column_has_one_role() {
    let ask = |group, outcome, predictors: &[&str]| message(read_as(GOOD, &columns(group, outcome, predictors)));
    let twice = |column, first, second| {
        format!("t.csv: column `{column}` is asked for twice, as {first} and as {second}; give it one role")
    };
    assert_eq!(ask("g", "y", &["x", "x"]), "t.csv: predictor `x` is named twice; name it once");
    assert_eq!(ask("g", "y", &["x", " y"]), twice("y", "outcome", "predictor"));
    assert_eq!(ask("y", "y", &["x"]), twice("y", "group", "outcome"));
}

#[test]
fn a_group_of_words_is_no_predictor() {
    let told = message(read_as(GOOD, &columns("g", "y", &["g"])));
    assert!(told.starts_with("t.csv, line 2: column `g` has `a` where a number must be"), "{told}");
}

#[test]
fn no_more_predictors_than_the_engines_hold() {
    let names: Vec<String> = (1..MAX_COEFFICIENTS).map(|k| format!("x{k}")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    // 63 predictors are accepted, so that the message is about the missing column.
    assert!(message(read_as(GOOD, &columns("g", "y", &names))).starts_with("column `x1` is not in"));
    names.push("x");
    assert_eq!(
        message(read_as(GOOD, &columns("g", "y", &names))),
        "t.csv: 64 predictors are too many; name at most 63 (64 coefficients with the intercept)"
    );
}

// Cells

#[test]
fn text_where_a_number_must_be_is_repeated() {
    assert_eq!(
        refused_outcome("tall"),
        "t.csv, line 3: column `y` has `tall` where a number must be; remove the row or fill in a number, or add it to \
         --missing-labels if it means that there is none"
    );
}

#[test]
fn a_long_or_broken_cell_is_shown_in_part_and_on_one_line() {
    assert!(refused_outcome("\"two\nlines\"").contains("has `two\\nlines` where"));
    let long = "x".repeat(1000);
    assert!(refused_outcome(&long).contains(&format!("`{}...`", &long[..60])));
}

#[test]
fn what_is_not_finite_is_refused() {
    for cell in ["inf", "-inf", "Infinity"] {
        let told =
            format!("t.csv, line 3: column `y` has `{cell}`, not a finite number; remove the row or fill in a number");
        assert_eq!(refused_outcome(cell), told);
    }
}

#[test]
fn what_overflows_when_squared_is_refused() {
    for cell in ["1e999", "-1e999", "1.1e150"] {
        let told = format!(
            "t.csv, line 3: column `y` has `{cell}`, beyond 1e150 in size; remove the row or rescale the column"
        );
        assert_eq!(refused_outcome(cell), told);
    }
    assert_eq!(accepted("g,y,x\na,1,2\nb,-1e150,5\n").outcome()[1], -1e150);
}

#[test]
fn another_encoding_is_named_by_its_cell() {
    let told = "add --encoding windows-1252, or else the encoding it is in";
    assert_eq!(
        refused(b"g,y,x\na,1,2\nL\xfcbeck,3,5\n"),
        format!(
            "t.csv, line 3: column `g` is not UTF-8; in windows-1252 it says `L\u{fc}beck`: if that is right {told}"
        )
    );
    let told = refused(b"g,y,x\na,1,2\nb,3,\xff\n");
    assert!(told.starts_with("t.csv, line 3: column `x` is not UTF-8; in windows-1252 it says `\u{ff}`"), "{told}");
}

#[test]
fn a_line_with_a_field_too_few_or_too_many_is_named() {
    let told = |found| {
        format!(
            "t.csv, line 3: {found} where the header has 3 (separator: comma); \
             complete the line, or put double quotes around a field with a comma in it"
        )
    };
    assert_eq!(refused("g,y,x\na,1,2\nb,3\n"), told("2 fields"));
    assert_eq!(refused("g,y,x\na,1,2\nb\n"), told("1 field"));
    assert_eq!(refused("g,y,x\na,1,2\nb,0,83,5\n"), told("4 fields"));
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_rest() {
    let csv = "g,y,x,note\na,1,2,\nb,3,5,\"so\nb,4,9,fine\nb,5,6,\n";
    let told = "t.csv, line 3: a double quote is opened and never closed; close it, or remove it";
    assert_eq!(refused(csv), told);
    assert_eq!(refused(csv.trim_end()), told);
    assert_eq!(refused("g,y,\"x\na,1,2\n"), told.replace("line 3", "line 1"));
}

// Line numbers are those of an editor

#[test]
fn a_line_is_counted_past_blank_lines() {
    assert!(refused("\ng,y,x\n\n\na,1,2\n\nb,oh,3\n").starts_with("t.csv, line 7: column `y`"));
}

#[test]
fn a_line_is_counted_past_windows_line_ends() {
    assert!(refused("g,y,x\r\na,1,2\r\n\r\nb,oh,3\r\n").starts_with("t.csv, line 4: column `y`"));
}

#[test]
fn a_line_is_counted_past_quoted_line_ends() {
    let csv = "g,y,x,note\na,1,2,\"one\ntwo\nthree\"\nb,oh,3,\"four\nfive\"\n";
    assert!(refused(csv).starts_with("t.csv, line 5: column `y`"));
    assert!(refused(csv.replace('\n', "\r\n")).starts_with("t.csv, line 5: column `y`"));
    // A cell after a quoted line end is in the later line.
    assert!(refused("note,g,y,x\n\"one\ntwo\",b,oh,3\n").starts_with("t.csv, line 3: column `y`"));
    assert!(refused("g,\"a\nb\",y,x\nb,,oh,3").starts_with("t.csv, line 3: column `y`"));
}

#[test]
fn a_line_is_counted_past_the_reader_s_buffer() {
    let csv = format!("g,y,x\n{}b,oh,3\n", "a,1,2\n".repeat(50_000));
    assert!(refused(csv).starts_with("t.csv, line 50002: column `y`"));
}

// Columns as a whole

#[test]
fn one_group_is_not_a_hierarchy() {
    assert_eq!(
        refused("g,y,x\na,1,2\na,3,5\n"),
        "t.csv: column `g` has one group only, `a`; a hierarchical model needs two or more, choose another column"
    );
}

#[test]
fn an_outcome_that_does_not_vary_is_refused() {
    let told = |y| refused(format!("g,y,x\na,1,2\nb,{y},5\n"));
    assert_eq!(told("1"), "t.csv: outcome `y` does not vary (every value is 1.0); choose another column");
    assert_eq!(
        told("1.0000000000001"),
        "t.csv: outcome `y` does not vary (every value is between 1.0 and 1.0000000000001); choose another column"
    );
    accepted("g,y,x\na,1,2\nb,1.00000000001,5\n");
}

#[test]
fn a_predictor_that_does_not_vary_is_the_intercept() {
    assert_eq!(
        refused("g,y,x\na,1,7\nb,2,7\n"),
        "t.csv: predictor `x` does not vary (every value is 7.0), which is what the intercept is for; leave it out"
    );
    assert!(refused("g,y,x\na,1,1e-200\nb,2,2e-200\n").contains("(every value is between 1e-200 and 2e-200)"));
}

#[test]
fn a_predictor_in_other_units_is_refused() {
    let csv = "g,y,celsius,floor,fahrenheit\na,1,10.1,0,50.18\na,2,-3,1,26.6\nb,2,21,0,69.8\nb,5,35.5,1,95.9\n";
    let result = read_as(csv, &columns("g", "y", &["celsius", "floor", "fahrenheit"]));
    assert_eq!(
        message(result),
        "t.csv: predictor `fahrenheit` is a linear combination of the intercept and `celsius`; leave one of them out"
    );
}

#[test]
fn an_indicator_for_every_category_is_one_too_many() {
    let csv = "g,y,x,red,green,blue\na,1,3,1,0,0\na,2,8,0,1,0\nb,5,2,0,0,1\nb,4,4,0,1,0\nb,7,9,1,0,0\n";
    let message = message(read_as(csv, &columns("g", "y", &["red", "x", "green", "blue"])));
    assert_eq!(
        message,
        "t.csv: predictor `blue` is a linear combination of the intercept and `red` and `green`; leave one of them out"
    );
    assert!(read_as(csv, &columns("g", "y", &["red", "x", "green"])).is_ok());
}

/// Two predictors of very different size in many blocks of rows, and a third that is within `apart` of their sum.
fn nearly_collinear(apart: f64) -> Result<Dataset, DataError> {
    let n = 5_000;
    let wave = |speed: f64| (0..n).map(|i| (speed * i as f64).sin()).collect::<Vec<f64>>();
    let small: Vec<f64> = wave(0.37).iter().map(|x| 1e-40 * x).collect();
    let large: Vec<f64> = wave(1.13).iter().map(|x| 1e+40 * (x + 3.0)).collect();
    let other = wave(2.71);
    let third = (0..n).map(|i| 1e40 * small[i] + 1e-40 * large[i] + apart * other[i]).collect();
    let labels: Vec<String> = (0..n).map(|i| format!("g{}", i % 7)).collect();
    let names = ["small", "large", "third"];
    Dataset::from_columns("t.csv", "g", "y", &names, &labels, wave(0.9), vec![small, large, third])
}

#[test]
fn collinear_means_to_eight_digits() {
    assert!(nearly_collinear(1e-6).is_ok());
    assert_eq!(
        message(nearly_collinear(1e-10)),
        "t.csv: predictor `third` is a linear combination of the intercept and `small` and `large`; leave one of them out"
    );
}

#[test]
fn a_difference_in_two_rows_among_thousands_is_a_difference() {
    let n = 5_000;
    for different in [0, 2_500, 4_998] {
        let x: Vec<f64> = (0..n).map(|i| (0.37 * f64::from(i)).sin()).collect();
        let mut z = x.clone();
        // Means stay equal, so that all other rows also agree when centred.
        z[different] += 1.0;
        z[different + 1] -= 1.0;
        let labels: Vec<String> = (0..n).map(|i| format!("g{}", i % 7)).collect();
        let y = (0..n).map(f64::from).collect();
        assert!(Dataset::from_columns("t.csv", "g", "y", &["x", "z"], &labels, y, vec![x, z]).is_ok());
    }
}

// Columns in memory

#[test]
fn columns_in_memory_are_checked_like_a_file() {
    let ask = |labels: [&str; 3], y: [f64; 3], x: [f64; 3]| {
        message(Dataset::from_columns("simulated", "g", "y", &["x"], &labels, y.into(), vec![x.into()]))
    };
    let (g, y, x) = (["a", "b", "b"], [1.0, 3.0, 4.0], [2.0, 5.0, 9.0]);
    assert_eq!(
        ask(g, [1.0, f64::NAN, 4.0], x),
        "simulated, row 1 (counted from 0): column `y` has `NaN`, not a finite number; remove the row or fill in a number"
    );
    assert!(
        ask(g, y, [2.0, 1e200, 9.0]).starts_with("simulated, row 1 (counted from 0): column `x` has `1e200`, beyond")
    );
    assert!(ask(["a", "", "b"], y, x).starts_with("simulated, row 1 (counted from 0): column `g` is empty"));
    assert!(ask(["a"; 3], y, x).contains("one group only"));
    assert!(ask(g, y, [2.0; 3]).contains("does not vary"));
}

#[test]
fn columns_in_memory_must_be_of_one_length() {
    let ask = |names: &[&str], y: Vec<f64>, x: Vec<Vec<f64>>| {
        message(Dataset::from_columns("simulated", "g", "y", names, &["a", "b"], y, x))
    };
    assert_eq!(
        ask(&["x"], vec![1.0, 2.0], vec![vec![1.0]]),
        "simulated: column `x` has 1 values for 2 group labels; give one for each"
    );
    assert!(ask(&["x"], vec![1.0], vec![vec![1.0, 2.0]]).contains("column `y` has 1 values"));
    assert_eq!(
        ask(&[], vec![1.0, 2.0], vec![vec![1.0, 2.0]]),
        "simulated: 1 predictors come with 0 names; give one for each"
    );
}

#[test]
fn no_row_at_all_is_refused() {
    let none: [&str; 0] = [];
    assert!(message(Dataset::from_columns("t", "g", "y", &none, &none, vec![], vec![])).contains("no observation"));
}
