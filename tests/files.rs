//! Data files through the program: options, messages about rows that were left out, and where these are kept.

use serde_json::Value;

use crate::helpers::common::{Folder, Ran};

/// Rows of six groups: two rows miss an outcome, one misses a label, and one misses two values.
fn gappy() -> String {
    let wave = |i: u32| f64::from((i * 7919) % 101) / 25.0;
    let rows = (0..48).map(|i| match i {
        7 | 20 => format!("g{},NA,{:.2}\n", i % 6, wave(3 * i)),
        11 => format!(",{:.2},{:.2}\n", wave(i), wave(3 * i)),
        30 => format!("g{},.,null\n", i % 6),
        _ => format!("g{},{:.2},{:.2}\n", i % 6, wave(i) + wave(i % 6), wave(3 * i)),
    });
    std::iter::once("site,y,x\n".to_string()).chain(rows).collect()
}

const COLUMNS: &str = "--group site --outcome y --predictor x";

/// A run as small as possible, whatever its draws are worth.
const TINY: &str = "--chains 2 --warmup 20 --draws 10";

fn ran(ran: Ran) -> Ran {
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    ran
}

fn json(folder: &Folder, path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path(path)).unwrap()).unwrap()
}

fn refuses(folder: &Folder, line: &str, words: &[&str]) {
    let before = folder.contents();
    let ran = folder.run(line);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line}: {ran:?}");
    words.iter().for_each(|words| assert!(ran.stderr.contains(words), "{line}: {}", ran.stderr));
    assert!(folder.contents() == before, "{line}: something was written");
}

#[test]
fn rows_left_out_are_told_on_the_terminal_in_the_summary_and_in_the_report_and_the_store_knows_them() {
    let folder = Folder::with("t.csv", gappy());
    let told = ran(folder.run(&format!("sample --data t.csv {COLUMNS} {TINY} --log-likelihood --out run")));
    let note = "note: 4 of 48 rows are left out, for they miss a value: 1 of site, 3 of y, 1 of x (--missing refuse lists them)\n";
    assert!(told.stderr.starts_with(note), "{told:?}");
    let wanted = serde_json::json!({"rows": 4, "missing": [
        {"column": "site", "rows": 1}, {"column": "y", "rows": 3}, {"column": "x", "rows": 1}
    ]});
    let data = &json(&folder, "run/summary.json")["data"];
    assert_eq!((&data["left_out"], &data["observations"]), (&wanted, &Value::from(44)));
    let row = "[\"left out\",\"4 rows without a value: 1 of site, 3 of y, 1 of x\"]";
    let page = || std::fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(page().contains(row));
    // Quantities of each observation are kept only for rows in use, with their row numbers in the file.
    for array in ["log_likelihood/y", "observed_data/y", "constant_data/row"] {
        let shape = &json(&folder, &format!("run/draws.zarr/{array}/zarr.json"))["shape"];
        assert_eq!(shape.as_array().unwrap().last(), Some(&Value::from(44)), "{array}");
    }
    std::fs::remove_file(folder.path("run/report.html")).unwrap();
    ran(folder.run("report run"));
    assert!(page().contains(row));
    let store = warpnuts::draws::store::Store::open(&folder.path("run/draws.zarr")).unwrap();
    let model = store.model();
    let mut rows: Vec<usize> = (0..44).map(|i| model.dataset().row_of(i)).collect();
    rows.sort();
    assert_eq!(rows, (0..48).filter(|row| ![7, 11, 20, 30].contains(row)).collect::<Vec<_>>());
    assert_eq!(serde_json::to_value(model.dataset().left_out()).unwrap(), wanted);
}

#[test]
fn a_file_without_gaps_has_nothing_to_tell() {
    let folder =
        Folder::with("t.csv", gappy().replace(",NA,", ",1,").replace(",.,null", ",1,2").replace("\n,", "\ng5,"));
    let told = ran(folder.run(&format!("sample --data t.csv {COLUMNS} {TINY} --out run")));
    assert!(!told.stderr.contains("note"), "{told:?}");
    assert_eq!(json(&folder, "run/summary.json")["data"]["left_out"]["rows"], 0);
    assert!(!std::fs::read_to_string(folder.path("run/report.html")).unwrap().contains("\"left out\""));
}

#[test]
fn every_command_that_takes_data_takes_how_they_are_written() {
    let folder = Folder::with("t.csv", gappy());
    let refuse = format!("--data t.csv {COLUMNS} --missing refuse --out out");
    let words = [
        "error: t.csv: 4 rows miss a value (1 of site, 3 of y, 1 of x)",
        "line 9, `y` has `NA`; line 13, `site` is empty",
    ];
    for command in ["sample", "compare", "exact", "map", "verify", "bench"] {
        refuses(&folder, &format!("{command} {refuse}"), &words);
    }
    refuses(
        &folder,
        &format!("sample --data t.csv {COLUMNS} --missing-labels= --out out"),
        &["line 9: column `y` has `NA`"],
    );
    refuses(
        &folder,
        &format!("sample --data t.csv {COLUMNS} --delimiter 12"),
        &["--delimiter", "write `tab`, `space`"],
    );
    refuses(&folder, &format!("sample --data t.csv {COLUMNS} --decimal ;"), &["--decimal", "write a comma or a point"]);
    refuses(
        &folder,
        &format!("sample --data t.csv {COLUMNS} --encoding klingon"),
        &["--encoding", "write utf-8, latin1"],
    );
    refuses(&folder, "sample --missing refuse", &["--data"]);
}

#[test]
fn standard_input_is_read_as_it_is_said_to_be_and_resumed_so() {
    let folder = Folder::with("t.csv", gappy());
    let line = |data: &str, out: &str| format!("sample --data {data} {COLUMNS} {TINY} --out {out} --no-report");
    ran(folder.run(&line("t.csv", "plain")));
    // In the format of a German program: UTF-16, decimal commas, and -999 for missing values.
    let german =
        gappy().replace(",NA,", ",-999,").replace(",.,null", ",-999,-999.0").replace(',', ";").replace('.', ",");
    let bytes: Vec<u8> = german.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let options = "--decimal , --encoding utf-16 --missing-labels -999";
    ran(Ran::of(folder.command(&format!("{} {options}", line("-", "german"))).write_stdin(bytes.clone())));
    let summary = |run: &str| std::fs::read_to_string(folder.path(&format!("{run}/summary.csv"))).unwrap();
    assert_eq!(summary("plain"), summary("german"));
    std::fs::write(folder.path("german.csv"), bytes).unwrap();
    let columns = format!("--data german.csv {options}");
    let resumed = folder.run(&format!("sample --resume german {columns}"));
    assert!(resumed.code == 0 && resumed.stderr.contains("is complete"), "{resumed:?}");
    refuses(&folder, "sample --resume german --data german.csv --encoding utf-16", &["german.csv"]);
}

#[test]
fn a_mark_for_missing_values_is_warned_of_and_its_remedy_helps() {
    let folder = Folder::with("t.csv", gappy().replace(",NA,", ",-999,"));
    let told = ran(folder.run(&format!("sample --data t.csv {COLUMNS} {TINY} --out run")));
    assert!(
        told.stdout.contains("warning: column `y` has -999 in 2 rows, and everything else lies between"),
        "{told:?}"
    );
    let warnings = json(&folder, "run/summary.json")["warnings"].to_string();
    assert!(warnings.contains("column `y` has -999 in 2 rows"), "{warnings}");
    let remedy = "--missing-labels \"NA,NaN,N/A,n/a,#N/A,null,NULL,.,?,-,-999\"";
    assert!(told.stdout.contains(remedy), "{told:?}");
    let told =
        ran(folder.run(&format!("sample --data t.csv {COLUMNS} {TINY} --out cured {}", remedy.replace('"', ""))));
    assert!(told.stderr.starts_with("note: 4 of 48 rows are left out") && !told.stdout.contains("-999"), "{told:?}");
}

#[test]
fn names_of_rows_are_told_of() {
    let text: String = gappy()
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("{line}\n") } else { format!("{i},{line}\n") })
        .collect();
    let folder = Folder::with("t.csv", text);
    let told = ran(folder.run(&format!("sample --data t.csv {COLUMNS} {TINY} --out run --no-report")));
    assert!(told.stderr.starts_with("note: the rows of t.csv have one field more than its header"), "{told:?}");
}
