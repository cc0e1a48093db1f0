//! Input that `warpnuts` refuses before anything is written, in one line that says where the problem is and what to
//! change; and odd data that it accepts as they are.

use crate::helpers::common::{Folder, Ran};
use crate::helpers::gpu;

/// Columns of the small files in these tests.
const COLUMNS: &str = "--data t.csv --group g --outcome y --predictor x";

/// A file without faults.
const GOOD: &str = "g,y,x\na,1,2\na,2.5,7\nb,3,5\nb,4,9\n";

/// A run as small as possible. It ends with code 0 if the draws are enough, and with 3 if not.
const TINY: &str = "--chains 2 --warmup 20 --draws 10 --out out";

/// `line` ends with code 2, leaves the folder unchanged, prints nothing to stdout, and `words` to stderr.
fn refuses(folder: &Folder, line: &str, words: &[&str]) -> String {
    let before = folder.contents();
    let ran = folder.run(line);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line}: {ran:?}");
    assert_eq!(folder.contents(), before, "{line} has written something");
    assert!(!ran.stderr.contains("panicked"), "{line}: {}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{line}: `{word}` is missing from: {}", ran.stderr);
    }
    ran.stderr
}

/// `line` is refused with a message of one line.
fn refuses_in_one_line(folder: &Folder, line: &str, words: &[&str]) {
    let message = refuses(folder, line, words);
    assert!(message.starts_with("error: ") && message.ends_with('\n'), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

/// `sample` and `compare` refuse these arguments in one line.
fn both_refuse(folder: &Folder, arguments: &str, words: &[&str]) {
    for subcommand in ["sample", "compare"] {
        refuses_in_one_line(folder, &format!("{subcommand} {arguments}"), words);
    }
}

/// `sample` and `compare` refuse these data.
fn data_are_refused(csv: impl AsRef<[u8]>, words: &[&str]) {
    both_refuse(&Folder::with("t.csv", csv), COLUMNS, words);
}

/// `sample` and `compare` refuse these arguments; messages of the parser have several lines.
fn usage_is_refused(arguments: &str, words: &[&str]) {
    for subcommand in ["sample", "compare"] {
        let message = refuses(&Folder::new(), &format!("{subcommand} {arguments}"), words);
        assert!(message.starts_with("error: "), "{message}");
    }
}

/// `sample` and `compare` refuse this cell as an outcome.
fn outcome_is_refused(cell: &str, words: &[&str]) {
    data_are_refused(format!("g,y,x\na,1,2\nb,{cell},5\nb,4,9\n"), &[&["t.csv, line 3: column `y` "], words].concat());
}

// Files

#[test]
fn a_missing_file() {
    both_refuse(&Folder::new(), COLUMNS, &["t.csv does not exist; check the path"]);
}

#[test]
fn a_file_below_a_file() {
    let folder = Folder::with("t.csv", GOOD);
    let words = ["t.csv/deep/x.csv cannot be there: `t.csv` is a file, not a directory; check the path"];
    both_refuse(&folder, "--data t.csv/deep/x.csv --group g --outcome y", &words);
}

#[test]
fn a_directory_in_the_place_of_a_file() {
    let arguments = "--data . --group g --outcome y";
    both_refuse(&Folder::new(), arguments, &[". is a directory; name a CSV file"]);
}

#[test]
fn an_empty_file() {
    data_are_refused("", &["t.csv is empty; it needs a header"]);
    data_are_refused("\n \n\r\n", &["t.csv is empty; it needs a header"]);
}

#[test]
fn a_header_and_nothing_else() {
    data_are_refused("g,y,x\n", &["t.csv has a header and no observation; add a line"]);
}

#[test]
fn a_spreadsheet() {
    data_are_refused(b"PK\x03\x04\0\0\0\0g,y,x\n", &["t.csv is not UTF-8 text, but a spreadsheet", "save it as CSV"]);
}

#[test]
fn nothing_on_standard_input() {
    let arguments = "--data - --group g --outcome y";
    both_refuse(&Folder::new(), arguments, &["standard input is empty; it needs a header"]);
}

// Columns

#[test]
fn a_missing_column_and_the_near_one() {
    let folder = Folder::with("t.csv", "school,score,hours\na,1,2\nb,3,5\n");
    let arguments = "--data t.csv --group school --outcome scores";
    let words = ["column `scores` is not in t.csv", "did you mean `score`?", "it has: school, score, hours"];
    both_refuse(&folder, arguments, &words);
}

#[test]
fn a_missing_column_of_the_built_in_survey() {
    let words = ["column `flor` is not in radon.csv (built in)", "did you mean `floor`?", "county, "];
    both_refuse(&Folder::new(), "--predictor flor", &words);
}

#[test]
fn a_column_that_occurs_twice() {
    data_are_refused("g,y,x,x\na,1,2,2\nb,3,5,5\n", &["t.csv, line 1: 2 columns are called `x`; rename"]);
}

#[test]
fn a_column_in_two_roles() {
    let folder = Folder::with("t.csv", GOOD);
    let twice = |roles: &str, words: &str| {
        let words = ["t.csv: column ", "is asked for twice", words, "give it one role"];
        both_refuse(&folder, &format!("--data t.csv {roles}"), &words);
    };
    twice("--group g --outcome y --predictor y", "`y` is asked for twice, as outcome and as predictor");
    twice("--group g --outcome g", "`g` is asked for twice, as group and as outcome");
}

#[test]
fn a_predictor_named_twice() {
    let words = ["t.csv: predictor `x` is named twice; name it once"];
    both_refuse(&Folder::with("t.csv", GOOD), &format!("{COLUMNS} --predictor x"), &words);
}

// Cells

#[test]
fn text_where_a_number_must_be() {
    outcome_is_refused("tall", &["has `tall` where a number must be", "fill in a number"]);
}

#[test]
fn no_finite_number() {
    for cell in ["inf", "-inf"] {
        outcome_is_refused(cell, &[&format!("has `{cell}`, not a finite number"), "fill in a number"]);
    }
    outcome_is_refused("1e999", &["has `1e999`, beyond", "rescale the column"]);
}

#[test]
fn a_decimal_comma() {
    let csv = "g;y;x\na;1;2\nb;3,5;5\n";
    let words = ["t.csv, line 3: column `y` has `3,5` where a number must be", "add --decimal , or write `3.5`"];
    data_are_refused(csv, &words);
}

#[test]
fn a_bad_predictor_behind_a_cell_of_several_lines_and_a_blank_line() {
    let csv = "g,note,y,x\na,\"three\nlines\nlong\",1,2\n\nb,none,3,many\n";
    data_are_refused(csv, &["t.csv, line 6: column `x` has `many` where a number must be"]);
}

#[test]
fn a_group_that_is_left_alone() {
    let words = ["t.csv: column `g` has one group only, `a`, in the rows that miss no value (2 rows left out: 2 of g)"];
    data_are_refused("g,y,x\na,1,2\n,3,5\n,4,6\n", &words);
    let words = ["t.csv: every row misses a value (1 of g, 2 of y)", "--missing-labels"];
    data_are_refused("g,y,x\n,1,2\na,NA,5\nb,-,6\n", &words);
}

#[test]
fn another_encoding() {
    data_are_refused(b"g,y,x\na,1,2\nM\xfcnchen,3,5\n", &["t.csv, line 3: column `g` is not UTF-8", "add --encoding"]);
}

#[test]
fn a_row_of_another_length() {
    let words = ["t.csv, line 3: 2 fields where the header has 3 (separator: comma); complete the line"];
    data_are_refused("g,y,x\na,1,2\nb,3\n", &words);
    data_are_refused("g,y,x\na,1,2\nb,3,5,7,9\n", &["t.csv, line 3: 5 fields where the header has 3"]);
}

#[test]
fn a_quote_that_is_never_closed() {
    data_are_refused("g,y,x\na,1,2\n\"b,3,5\nc,4,9\n", &["t.csv, line 3: a double quote is opened and never closed"]);
}

// Whole columns

#[test]
fn a_single_group() {
    let words = ["t.csv: column `g` has one group only, `a`", "choose another column"];
    data_are_refused("g,y,x\na,1,2\na,3,5\n", &words);
}

#[test]
fn an_outcome_that_does_not_vary() {
    let words = ["t.csv: outcome `y` does not vary (every value is 7.0); choose another column"];
    data_are_refused("g,y,x\na,7,2\nb,7,5\n", &words);
}

#[test]
fn a_predictor_that_does_not_vary() {
    let words = ["t.csv: predictor `x` does not vary (every value is 2.0)", "leave it out"];
    data_are_refused("g,y,x\na,1,2\nb,3,2\n", &words);
}

#[test]
fn collinear_predictors() {
    let folder = Folder::with("t.csv", "g,y,f,c\na,1,32,0\na,2,50,10\nb,3,68,20\nb,4,212,100\n");
    let words = ["t.csv: predictor `f` is a linear combination of the intercept and `c`; leave one of them out"];
    both_refuse(&folder, "--data t.csv --group g --outcome y --predictor c --predictor f", &words);
}

// Settings

#[test]
fn numbers_of_chains_and_draws_that_are_none() {
    for flag in ["--chains", "--draws"] {
        for value in ["0", "-1", "many", "1.5", "99999999999"] {
            usage_is_refused(&format!("{flag} {value}"), &[flag]);
        }
    }
}

#[test]
fn a_warmup_a_seed_or_threads_that_are_none() {
    for line in ["--warmup -1", "--warmup long", "--seed -1", "--seed lucky", "--threads 0", "--threads all"] {
        usage_is_refused(line, &[line.split(' ').next().unwrap()]);
    }
}

#[test]
fn a_target_that_is_no_fraction() {
    for value in ["0", "1", "-0.5", "80", "nan", "inf", "high"] {
        usage_is_refused(&format!("--target-accept {value}"), &["--target-accept", "a number between 0 and 1"]);
    }
}

#[test]
fn a_prior_without_a_width() {
    for flag in ["--prior-mu-sd", "--prior-sigma-scale", "--prior-eps-scale"] {
        for value in ["0", "-1", "nan", "inf", "1e999", "wide"] {
            usage_is_refused(&format!("{flag} {value}"), &[flag, "a positive number"]);
        }
    }
}

#[test]
fn a_tree_without_doublings_or_with_a_million_leaves() {
    for value in ["0", "-1", "99", "deep"] {
        usage_is_refused(&format!("--max-tree-depth {value}"), &["--max-tree-depth"]);
    }
}

#[test]
fn more_draws_than_memory_holds() {
    let words = ["10000000 chains of 1000000 draws would take", "GB of memory", "lower --chains or --draws"];
    both_refuse(&Folder::new(), "--chains 10000000 --draws 1000000", &words);
}

#[test]
fn more_draws_than_the_disk_holds() {
    // Three terabytes, and two gigabytes for each variable.
    let line = "sample --chains 200 --draws 1000000 --log-likelihood --posterior-predictive";
    let words =
        ["the draws would take up to 3,", "GB are free", "lower --chains or --draws", "or name a folder elsewhere"];
    refuses_in_one_line(&Folder::new(), line, &[words.as_slice(), &["--keep hyper", "--draw-precision f32"]].concat());
    // An option that is already used is not proposed.
    let message = refuses(&Folder::new(), &format!("{line} --draw-precision f32"), &["the draws would take up to 1,"]);
    assert!(!message.contains("--draw-precision"), "{message}");
}

#[test]
fn chains_beyond_the_last_number() {
    usage_is_refused("--first-chain 4294967295 --chains 2", &["--first-chain"]);
    usage_is_refused("--first-chain -1", &["--first-chain"]);
}

#[test]
fn data_without_a_group_or_an_outcome() {
    let folder = Folder::with("t.csv", GOOD);
    for (arguments, words) in [
        ("--data t.csv", ["--group", "--outcome"]),
        ("--data t.csv --group g", ["--outcome", "required"]),
        ("--data t.csv --outcome y", ["--group", "required"]),
    ] {
        refuses(&folder, &format!("sample {arguments}"), &words);
        refuses(&folder, &format!("compare {arguments}"), &words);
    }
}

#[test]
fn a_command_that_there_is_not() {
    refuses(&Folder::new(), "sampel", &["sampel", "sample"]);
    refuses(&Folder::new(), "sample --chain 4", &["--chain", "--chains"]);
    refuses(&Folder::new(), "compare --parameterization centered", &["--parameterizations"]);
    refuses(&Folder::new(), "", &["Usage", "sample", "compare"]);
}

// Parameterizations

#[test]
fn a_parameterization_that_is_misspelt() {
    for typed in ["centred", "noncentered", "a,b", "centered,non-centered"] {
        let typed_and = format!("`{typed}` is no parameterization");
        let words = [typed_and.as_str(), "write `centered`, `non-centered`, `marginal`", "`a=centered,b=non-centered`"];
        refuses_in_one_line(&Folder::new(), &format!("sample --parameterization {typed}"), &words);
    }
    let words = ["`centred` in `a=centred` is no parameterization", "write `a=centered` or `a=non-centered`"];
    refuses_in_one_line(&Folder::new(), "sample --parameterization a=centred,b=centered", &words);
    for (typed, wrong) in [("centered,marginl", "marginl"), ("non-centred,centered", "non-centred")] {
        let words = [format!("`{wrong}` is no parameterization")];
        let line = format!("compare --parameterizations {typed}");
        refuses_in_one_line(&Folder::new(), &line, &words.each_ref().map(String::as_str));
    }
}

#[test]
fn a_parameterization_compared_with_itself() {
    let words = ["`centered` is named twice; name each that is to be compared once"];
    refuses_in_one_line(&Folder::new(), "compare --parameterizations centered,marginal,centered", &words);
    let words = ["`independent` is named twice"];
    refuses_in_one_line(&Folder::new(), "compare --parameterizations independent,marginal,independent", &words);
    let words = ["`indep` is no parameterization; write `centered`", "or `independent` for draws without chains"];
    refuses_in_one_line(&Folder::new(), "compare --parameterizations marginal,indep", &words);
}

#[test]
fn marginal_for_one_coefficient_only() {
    let words =
        ["`a=marginal`: the effects of all coefficients are integrated out together, or none", "`marginal` alone"];
    refuses_in_one_line(&Folder::new(), "sample --parameterization a=marginal,b=centered", &words);
}

#[test]
fn marginal_models_that_software_would_not_finish() {
    let Some(devices) = gpu::devices() else { return };
    if !devices[0].adapter().is_software() {
        return println!("skipped: this adapter ends no loops");
    }
    let columns = |row: usize| (0..12).map(|k| format!(",{}", ((row * (k + 2)) as f64).sin())).collect::<String>();
    let names: String = (0..12).map(|k| format!(",x{k}")).collect();
    let rows = (0..1020).map(|row| format!("G{},{}{}\n", row % 85, (row as f64).cos(), columns(row)));
    let folder = Folder::with("wide.csv", format!("g,y{names}\n{}", rows.collect::<String>()));
    let predictors: String = (0..12).map(|k| format!(" --predictor x{k}")).collect();
    let words = ["is software", "iterations of loops", "use --engine cpu, or fewer predictors"];
    for engine in ["gpu", "gpu-density"] {
        let run = format!(
            "--data wide.csv --group g --outcome y{predictors} --engine {engine} --allow-software-adapter {TINY}"
        );
        refuses_in_one_line(&folder, &format!("sample --parameterization marginal {run}"), &words);
        refuses_in_one_line(&folder, &format!("compare --parameterizations non-centered,marginal {run}"), &words);
    }
}

#[test]
fn groups_whose_rows_software_would_not_walk_along() {
    let Some(devices) = gpu::devices() else { return };
    if !devices[0].adapter().is_software() {
        return println!("skipped: this adapter ends no loops");
    }
    let rows = (0..12_000).map(|row| format!("G{},{},{}\n", row % 2, (row as f64).cos(), (row as f64 * 0.3).sin()));
    let folder = Folder::with("long.csv", format!("g,y,x\n{}", rows.collect::<String>()));
    let run =
        format!("--data long.csv --group g --outcome y --predictor x --engine gpu --allow-software-adapter {TINY}");
    let words = ["is software", "iterations of loops", "use --likelihood groups, or --engine cpu"];
    refuses_in_one_line(&folder, &format!("sample --likelihood observations {run}"), &words);
    // The proposal helps.
    assert_ne!(folder.run(&format!("sample --likelihood groups {run} --no-report")).code, 2);
}

#[test]
fn switches_of_the_environment_with_values_that_they_cannot_have() {
    if gpu::devices().is_none() {
        return;
    }
    let folder = Folder::new();
    for (line, name) in [
        ("devices".to_string(), "WARPNUTS_SPIRV"),
        (format!("sample --engine gpu --allow-software-adapter {TINY}"), "WARPNUTS_CHECKED"),
        (format!("sample --engine gpu-density --allow-software-adapter {TINY}"), "WARPNUTS_WORKGROUP"),
    ] {
        let ran = Ran::of(folder.command(&line).env(name, "perhaps"));
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().count()), (2, "", 1), "{line}: {ran:?}");
        assert!(ran.stderr.contains(&format!("{name} is `perhaps`; it can be ")), "{ran:?}");
        assert!(folder.contents().is_empty(), "{line}");
    }
    // Switches that are set are shown.
    let ran = Ran::of(folder.command("devices").env("WARPNUTS_SPIRV", "1.3").env("WARPNUTS_CHECKED", "1"));
    assert!(ran.code == 0 && ran.stdout.contains("SPIR-V 1.3, indices and loops checked"), "{ran:?}");
}

#[test]
fn marginal_over_observations() {
    let words = ["--likelihood observations", "marginal integrates them out", "leave one of the two out"];
    refuses_in_one_line(&Folder::new(), "sample --parameterization marginal --likelihood observations", &words);
    let line = "compare --parameterizations centered,marginal --likelihood observations";
    refuses_in_one_line(&Folder::new(), line, &words);
}

#[test]
fn a_parameterization_that_is_incomplete() {
    let words = ["leaves out `b`", "add `b=centered` or `b=non-centered`"];
    refuses_in_one_line(&Folder::new(), "sample --parameterization a=centered", &words);
}

#[test]
fn a_parameterization_of_something_else() {
    let words = ["names `c`, which is no coefficient or term of this model; there is: a, b"];
    refuses_in_one_line(&Folder::new(), "sample --parameterization a=centered,c=centered", &words);
}

#[test]
fn a_parameterization_that_names_a_coefficient_twice() {
    let words = ["names `b` twice; keep one"];
    refuses_in_one_line(&Folder::new(), "sample --parameterization a=centered,b=centered,floor=centered", &words);
}

// Folders of runs

#[test]
fn folders_that_verify_cannot_read() {
    let wave = |i: u32| f64::from((i * 7919) % 101) / 25.0;
    let lines: Vec<String> =
        (0..48).map(|i| format!("{},{},{}\n", i / 6, wave(i) + wave(i / 6), wave(5 * i + 1))).collect();
    let data = format!("g,y,x\n{}", lines.concat());
    let folder = Folder::with("t.csv", &data);
    let made = folder.run(&format!("sample {COLUMNS} --chains 1 --warmup 5 --draws 3 --out run"));
    assert_eq!(made.code, 3, "{made:?}");
    std::fs::create_dir(folder.path("empty")).unwrap();
    let verify = |line: &str, words: &[&str]| refuses_in_one_line(&folder, &format!("verify {line} --out out"), words);
    verify("nowhere", &["nowhere does not exist; name the folder of a run"]);
    verify("t.csv", &["t.csv is no store of draws; name the folder of a run"]);
    verify("empty", &["empty is no store of draws; name the folder of a run"]);
    refuses(&folder, "verify run --chains 4 --out out", &["cannot be used with", "--chains"]);
    verify("run", &["run has 3 draws of each chain, too few to verify anything", "with 4 --draws or more"]);
}

#[test]
fn a_comparison_is_no_run_and_two_predictors_are_too_many() {
    let folder = Folder::new();
    let tiny = "--chains 1 --warmup 5 --draws 8";
    folder.run(&format!("compare {tiny} --out both"));
    let words = [
        "both has several runs; name the folder of one of them: both/centered, both/independent, both/marginal, both/non-centered",
    ];
    refuses_in_one_line(&folder, "verify both", &words);
    folder.run(&format!("sample --predictor floor --predictor Uppm {tiny} --out two"));
    refuses_in_one_line(&folder, "verify two", &["at most one predictor", "warpnuts sample"]);
}

#[test]
fn what_may_have_been_meant_is_named() {
    let folder = Folder::with("t.csv", "g,y,x\n1,1,2\n1,2.5,7\n2,3,5\n2,4,9\n");
    let tiny = "--chains 1 --warmup 5 --draws 8 --no-report";
    for run in ["a", "b"] {
        folder.run(&format!("sample {tiny} --out runs/{run}"));
    }
    folder.run("sample --keep summary --chains 64 --warmup 50 --draws 5 --out sums/run");
    let every = |path: &str, words: &[&str]| {
        for line in ["summary", "report", "verify", "export --format csv --out no", "merge no", "sample --resume"] {
            refuses_in_one_line(&folder, &format!("{line} {path}"), words);
        }
    };
    every("runs", &["runs has several runs; name the folder of one of them: runs/a, runs/b"]);
    every("runs/aa", &["runs/aa does not exist; name the folder of a run", "such as runs/a, runs/b"]);
    every("runs/a/draws.zarr/posterior/a/c", &["is a part of a run, and not all of it; name its folder: runs/a"]);
    every("sums/run", &["sums/run has a summary and no draws (`--keep summary` keeps none)", "--keep hyper"]);
    every("sums", &["sums has a summary and no draws"]);
    for line in ["report", "verify", "export --format csv --out no", "merge no"] {
        refuses_in_one_line(&folder, &format!("{line} runs/a/summary.csv"), &["name its folder: runs/a"]);
    }
    refuses_in_one_line(&folder, "summary runs/a/summary.csv", &["has no draws; name the folder of its run: runs/a"]);
    refuses_in_one_line(&folder, "summary sums/run/summary.csv", &["is a summary, and has no draws; name the folder"]);
    // A file of numbers is not a file of draws.
    let words = ["t.csv has no draws, for it has no column `chain` or `lp__`", "`warpnuts sample --data t.csv`"];
    refuses_in_one_line(&folder, "summary t.csv", &words);
}

// Output folders

#[test]
fn an_output_folder_that_exists() {
    let folder = Folder::with("t.csv", GOOD);
    std::fs::create_dir(folder.path("old")).unwrap();
    for old in ["old", "old/", "./old", ".", "t.csv"] {
        both_refuse(&folder, &format!("--out {old}"), &[old, "exists, and nothing is overwritten", "--out"]);
    }
}

#[test]
fn an_output_folder_below_a_file() {
    let folder = Folder::with("t.csv", GOOD);
    for below in ["t.csv/out", "t.csv/runs/out"] {
        both_refuse(&folder, &format!("--out {below}"), &[below, "cannot be made", "--out"]);
    }
}

#[test]
fn runs_that_is_a_file() {
    both_refuse(&Folder::with("runs", "not a folder"), "", &["runs cannot be made", "--out"]);
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_folder_where_the_system_allows_none() {
    both_refuse(&Folder::new(), "--out /proc/nope/out", &["/proc/nope/out cannot be made", "--out"]);
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written() {
    let tiny = "--chains 64 --warmup 50 --draws 5 --keep summary --quiet";
    let mixed = "centered,non-centered,marginal,a=centered,b=non-centered,a=non-centered,b=centered";
    let commands = [
        // comparison.json is larger than the files of each run.
        (&*format!("compare {COLUMNS} {tiny} --parameterizations {mixed}"), "comparison.json", 15),
        ("exact", "exact.json", 0),
        ("map", "map.json", 0),
        ("bench --chains 1 --engine cpu --budget 1s", "bench.csv", 0),
        (&format!("sample {tiny}"), "summary.json", 0),
    ];
    for (line, file, blocks) in commands {
        let folder = Folder::with("t.csv", GOOD);
        // The limit of a file's size, in blocks of 512 bytes, simulates a full disk.
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {line} --out out");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_warpnuts")]).current_dir(folder.path("."));
        let ran = command.output().unwrap();
        let stderr = String::from_utf8(ran.stderr).unwrap();
        let told: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error")).collect();
        let words = format!("error: out/{file} could not be written: File too large (os error 27); make room, or name");
        assert!(ran.status.code() == Some(1) && told.len() == 1 && told[0].starts_with(&words), "{line}: {stderr}");
        let left: Vec<String> = folder.contents().into_keys().filter(|name| !name.ends_with('/')).collect();
        let runs = left.iter().filter(|name| name.ends_with("/summary.json")).count();
        assert!(left.len() == 1 + 2 * runs && runs == if blocks == 0 { 0 } else { 5 }, "{line} has left {left:?}");
        assert_eq!(folder.path("out").exists(), runs > 0, "{line}");
    }
}

#[cfg(unix)]
#[test]
fn an_output_folder_without_permission() {
    use std::fs::{Permissions, create_dir, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    create_dir(folder.path("locked")).unwrap();
    set_permissions(folder.path("locked"), Permissions::from_mode(0o555)).unwrap();
    if create_dir(folder.path("locked/tried")).is_ok() {
        println!("skipped: this user may write anywhere (root), and no folder is locked to it");
        return;
    }
    let words = ["locked/out cannot be made", "--out"];
    both_refuse(&folder, "--out locked/out", &words);
    refuses_in_one_line(&folder, "sample --out locked/deep/out", &["locked/deep/out cannot be made", "--out"]);
}

#[test]
fn bad_data_leave_no_output_folder() {
    let folder = Folder::with("t.csv", "g,y,x\na,1,2\nb,oops,5\n");
    both_refuse(&folder, &format!("{COLUMNS} --out out"), &["line 3"]);
    refuses_in_one_line(&folder, "sample --out out --parameterization off", &["`off`"]);
    both_refuse(&folder, "--out out --chains 1000000 --draws 1000000", &["GB"]);
}

// Accepted as it is

/// The program ends without complaint, whether the few draws are trustworthy or not.
fn accepted(ran: &Ran) {
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    assert_eq!(ran.stderr, "");
}

/// The summary of the draws, and the names of the variables, from `csv` with these columns.
fn summary_of(csv: impl AsRef<[u8]>, columns: &[&str]) -> (String, Vec<String>) {
    let folder = Folder::with("t.csv", csv);
    accepted(&Ran::of(folder.command(&format!("sample --data t.csv {TINY}")).args(columns)));
    let table = String::from_utf8(folder.contents()["out/summary.csv"].clone()).unwrap();
    let names = csv::Reader::from_reader(table.as_bytes()).records().map(|row| row.unwrap()[0].to_owned()).collect();
    (table, names)
}

/// `csv` gives the same draws as `GOOD`.
fn means_the_same(csv: impl AsRef<[u8]>) {
    let columns = ["--group", "g", "--outcome", "y", "--predictor", "x"];
    assert_eq!(summary_of(csv, &columns), summary_of(GOOD, &columns));
}

#[test]
fn a_byte_order_mark() {
    means_the_same([b"\xef\xbb\xbf", GOOD.as_bytes()].concat());
}

#[test]
fn lines_that_end_as_on_windows() {
    means_the_same(GOOD.replace('\n', "\r\n"));
}

#[test]
fn semicolons_and_tabs() {
    means_the_same(GOOD.replace(',', ";"));
    means_the_same(GOOD.replace(',', "\t"));
}

#[test]
fn blanks_blank_lines_and_quotes() {
    means_the_same("\n g , y,x \n\n a,\"1\",2\na,2.5 , 7\n\n\"b\",3,5\nb,+4.0e0,9");
}

#[test]
fn an_unnamed_column_of_row_numbers() {
    means_the_same(",g,y,x\n0,a,1,2\n1,a,2.5,7\n2,b,3,5\n3,b,4,9\n");
}

#[test]
fn columns_that_nobody_asked_for() {
    means_the_same("x,note,y,g,note\n2,,1,a,NaN\n7,\"a\nb\",2.5,a,\n5,inf,3,b,\n9,-,4,b,\n");
}

#[test]
fn standard_input() {
    let folder = Folder::new();
    let line = format!("sample --data - --group g --outcome y --predictor x {TINY}");
    accepted(&Ran::of(folder.command(&line).write_stdin(GOOD)));
    let columns = ["--group", "g", "--outcome", "y", "--predictor", "x"];
    let from_file = summary_of(GOOD, &columns).0;
    assert_eq!(folder.contents()["out/summary.csv"], from_file.as_bytes());
}

#[test]
fn commas_and_quotes_in_names() {
    let csv =
        "\"the \"\"group\"\", named\",y,\"x, of course\"\n\"a, \"\"b\"\"\",1,2\n\"a, \"\"b\"\"\",2.5,7\nc,3,5\nc,4,9\n";
    let columns = ["--group", "the \"group\", named", "--outcome", "y", "--predictor", "x, of course"];
    let effects = ["a[a, \"b\"]", "a[c]", "b[a, \"b\"]", "b[c]"];
    assert_eq!(summary_of(csv, &columns).1[5..], effects);
}

#[test]
fn no_predictor_at_all() {
    let names = summary_of(GOOD, &["--group", "g", "--outcome", "y"]).1;
    assert_eq!(names, ["mu_a", "sigma_a", "eps", "a[a]", "a[b]"]);
}

#[test]
fn groups_of_one_row() {
    let csv = "g,y,x\na,1,2\nb,2.5,7\nc,3,5\nd,4,9\n";
    let names = summary_of(csv, &["--group", "g", "--outcome", "y", "--predictor", "x"]).1;
    assert_eq!(names[5..9], ["a[a]", "a[b]", "a[c]", "a[d]"]);
}

#[test]
fn a_group_that_is_a_predictor_too() {
    let csv = "g,y\n1,1\n1,2.5\n2,3\n5,4\n";
    let names = summary_of(csv, &["--group", "g", "--outcome", "y", "--predictor", "g"]).1;
    assert_eq!(names[..5], ["mu_a", "mu_b", "sigma_a", "sigma_b", "eps"]);
}
