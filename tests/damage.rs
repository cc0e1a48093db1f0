//! Stores that differ from what was written: damaged, edited, truncated, moved, or no stores at all. The fault is named
//! in one line, and nothing is changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::helpers::common::{Folder, Ran};
use crate::helpers::stored::{self, done, same_bytes, summary};
#[cfg(target_os = "linux")]
use std::process::Command;

use serde_json::{Value, json};

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// All that is in a folder, with the length of each file and when it was written last: what has changed a folder has
/// left a trace there.
fn traces(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let about = entry.metadata().unwrap();
        if about.is_dir() {
            all.append(&mut traces(&entry.path()));
        }
        all.insert(entry.path(), (about.len(), about.modified().unwrap()));
    }
    all
}

#[test]
fn what_is_no_store_or_a_damaged_one_is_named() {
    let folder = Folder::with("uneven.csv", "a,b\n1,2\n3\n");
    done(&folder, "sample --chains 2 --warmup 100 --draws 50 --out run");
    let refused = |line: &str, words: &[&str]| {
        let before = traces(folder.path(".").as_path());
        let ran = folder.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line}: {ran:?}");
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{line}: {words:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{line}: {}", ran.stderr);
        assert!(traces(folder.path(".").as_path()) == before, "{line} has changed something");
    };
    let all_refuse = |run: &str, words: &[&str]| {
        for line in [
            format!("summary {run}"),
            format!("verify {run}"),
            format!("sample --resume {run}"),
            format!("export {run} --format csv --out no.csv"),
            format!("merge no {run}"),
            format!("sample --metric-from {run}"),
        ] {
            refused(&line, words);
        }
    };
    all_refuse("nowhere", &["nowhere", "does not exist"]);
    std::fs::create_dir(folder.path("empty")).unwrap();
    all_refuse("empty", &["empty is no store of draws; name the folder of a run"]);
    let root = |run: &str| folder.path(run).join("draws.zarr/zarr.json");
    let changed = |run: &str, change: &dyn Fn(&mut Value)| {
        copy(&folder.path("run"), &folder.path(run));
        edit(&root(run), change);
    };
    changed("foreign", &|root| root["attributes"] = json!({"other": "{}"}));
    // A killed merge leaves an attribute that a finished merge removes.
    done(&folder, "merge merged run");
    assert!(!std::fs::read_to_string(root("merged")).unwrap().contains("merging"));
    copy(&folder.path("run"), &folder.path("killed"));
    let about = std::fs::read_to_string(root("killed")).unwrap();
    std::fs::write(root("killed"), about.replace(r#"{\"version\""#, r#"{\"merging\":true,\"version\""#)).unwrap();
    for line in ["summary killed", "sample --resume killed", "export killed --format csv", "merge no killed"] {
        refused(
            line,
            &["killed/draws.zarr is of a merge that did not come to its end; remove the folder, and merge again"],
        );
    }
    std::fs::create_dir_all(folder.path("unbegun/draws.zarr/posterior")).unwrap();
    for run in ["unbegun", "unbegun/draws.zarr"] {
        all_refuse(run, &["has nothing to be read yet", "remove the folder, and sample again"]);
    }
    all_refuse("foreign", &["foreign/draws.zarr is a Zarr store, but not one that warpnuts has written"]);
    all_refuse("run/draws.zarr/posterior", &["run/draws.zarr/posterior is a part of a store; name the store"]);
    changed("future", &|root| root["run"]["format"] = json!(3));
    all_refuse("future", &["is a store of format 3, and this version of warpnuts reads format 2"]);
    changed("past", &|root| root["attributes"]["warpnuts"] = json!({"format": 1, "version": "0.0.9"}));
    all_refuse("past", &["is a store of format 1", "read it with the version that wrote it (0.0.9)"]);
    changed("short", &|root| root["run"]["draws"] = json!(40));
    all_refuse("short", &["the shape of posterior/mu_a does not go with the model", "damaged"]);
    copy(&folder.path("run"), &folder.path("torn"));
    let text = std::fs::read(root("torn")).unwrap();
    std::fs::write(root("torn"), &text[..text.len() / 2]).unwrap();
    all_refuse("torn", &["torn/draws.zarr/zarr.json, line ", "column ", "the store is damaged"]);
    changed("other-data", &|root| root["run"]["model"]["checksum"] = json!("0"));
    all_refuse("other-data", &["its data are not those that were sampled"]);

    // Edited settings.
    for (run, setting, value) in [
        ("unthinned", "thin", json!(0)),
        ("chainless", "first_chain", json!(5)),
        ("certain", "target_accept", json!(1.5)),
    ] {
        changed(run, &|root| root["run"]["settings"][setting] = value.clone());
        for line in [format!("summary {run}"), format!("sample --resume {run}"), format!("merge no {run}")] {
            refused(&line, &["the settings of the run do not go with its draws", "damaged"]);
        }
    }
    for run in [
        "foreign",
        "merged",
        "killed",
        "future",
        "past",
        "short",
        "torn",
        "other-data",
        "unthinned",
        "chainless",
        "certain",
    ] {
        std::fs::remove_dir_all(folder.path(run)).unwrap();
    }

    // A flipped bit, a truncated chunk, a missing chunk: each is named, and the rest is summarized on request.
    let chunk = |run: &str| folder.path(run).join("draws.zarr/posterior/sigma_a/c/0/0");
    for run in ["turned", "cut", "blank"] {
        copy(&folder.path("run"), &folder.path(run));
        let mut bytes = std::fs::read(chunk(run)).unwrap();
        match run {
            "turned" => bytes[300] ^= 4,
            "cut" => bytes.truncate(400),
            _ => bytes.clear(),
        }
        std::fs::write(chunk(run), bytes).unwrap();
    }
    copy(&folder.path("run"), &folder.path("gone"));
    std::fs::remove_file(chunk("gone")).unwrap();
    copy(&folder.path("gone"), &folder.path("folder"));
    std::fs::create_dir(chunk("folder")).unwrap();
    for run in ["turned", "cut", "blank", "gone", "folder"] {
        let problem = if run == "folder" { "there is a folder in the place of the chunk" } else { "the chunk is " };
        let file = format!("{run}/draws.zarr/posterior/sigma_a/c/0/0: {problem}");
        refused(&format!("summary {run}"), &[&file, "--skip-damaged"]);
        refused(&format!("verify {run}"), &[&file, &format!("`warpnuts summary {run} --skip-damaged`")]);
        refused(&format!("report {run}"), &[&file]);
        refused(&format!("export {run} --format csv --out no.csv"), &[&file]);
        refused(&format!("export {run} --format cmdstan-csv --out no"), &[&file]);
        refused(&format!("merge no {run}"), &[&file, "sample that shard again"]);
        let ran = folder.run(&format!("summary {run} --skip-damaged"));
        assert!(ran.stderr.contains(&file) && ran.stderr.contains("what is in it is left empty"), "{ran:?}");
        let row = |name: &str| ran.stdout.lines().find(|line| line.starts_with(&format!(" {name} "))).unwrap();
        assert_eq!(row("sigma_a").split_whitespace().nth(1), Some("-"), "{}", ran.stdout);
        let mean: f64 = row("mu_a").split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!((mean - 1.49).abs() < 0.1, "{mean}");
    }
    // Nor does a summary need the adaptation.
    for array in ["metric_sd", "position_mean"] {
        let run = format!("without-{array}");
        copy(&folder.path("run"), &folder.path(&run));
        std::fs::write(folder.path(&run).join(format!("draws.zarr/adaptation/{array}/c/0")), b"no chunk").unwrap();
        let file = format!("{run}/draws.zarr/adaptation/{array}/c/0: the chunk is damaged (");
        for line in ["summary", "verify", "report", "sample --out no --metric-from", "merge no"] {
            refused(&format!("{line} {run}"), &[&file]);
        }
        let [whole, rest] =
            ["summary run".to_string(), format!("summary {run} --skip-damaged")].map(|line| folder.run(&line));
        assert!(rest.stderr.contains(&file) && rest.stderr.contains("what is in it is left empty"), "{rest:?}");
        let [whole, rest] = [whole, rest].map(|ran| ran.stdout.split_once("mean").unwrap().1.replace("without-", ""));
        assert_eq!(whole, rest);
    }
    refused("summary uneven.csv", &["uneven.csv, line 3", "1 fields, and 2 columns"]);
    std::fs::write(folder.path("word.csv"), "chain,draw,x\n0,0,1\n0,1,y\n").unwrap();
    refused("summary word.csv", &["word.csv, line 3, column 3: `y` is no number"]);
    refused("summary run/summary.csv", &["run/summary.csv is a summary, and has no draws; name the folder of its run"]);
    for file in ["summary.json", "report.html", "draws.zarr/zarr.json"] {
        refused(
            &format!("summary run/{file}"),
            &[&format!("run/{file} has no draws (line 2"), "or the folder of a run"],
        );
    }

    // Damaged data are refused as a whole.
    copy(&folder.path("run"), &folder.path("rowless"));
    let row = folder.path("rowless/draws.zarr/constant_data/row/c/0");
    std::fs::write(&row, b"no chunk").unwrap();
    let words = ["rowless/draws.zarr/constant_data/row/c/0: the chunk is damaged (", "can still be read by xarray"];
    all_refuse("rowless", &words);
    refused("summary rowless --skip-damaged", &words);
    std::fs::remove_file(row).unwrap();
    all_refuse("rowless", &["rowless/draws.zarr/constant_data/row/c/0: the chunk is missing; the store is damaged"]);
}

/// `warpnuts` without root's capabilities to read everything; `None` if they cannot be dropped.
#[cfg(target_os = "linux")]
fn run_unprivileged(folder: &Folder, line: &str) -> Option<Ran> {
    let mut plain = Command::new("setpriv");
    plain.args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", env!("CARGO_BIN_EXE_warpnuts")]);
    let output = plain.args(line.split_whitespace()).current_dir(folder.path(".")).output().ok()?;
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (!stderr.starts_with("setpriv: ")).then(|| Ran { code: output.status.code().unwrap(), stdout, stderr })
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_without_permission_is_named() {
    use std::fs::{File, Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    done(&folder, "sample --chains 2 --warmup 20 --draws 10 --out run");
    for file in ["zarr.json", "constant_data/row/c/0", "posterior/mu_a/c/0/0"] {
        let path = folder.path("run/draws.zarr").join(file);
        set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
        for line in ["summary run", "report run", "export run --format csv --out no.csv", "merge no run", "verify run"]
        {
            let ran = match File::open(&path) {
                Ok(_) => run_unprivileged(&folder, line),
                Err(_) => Some(folder.run(line)),
            };
            let Some(ran) = ran else { return println!("skipped: root may read anything, and there is no setpriv") };
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line}: {ran:?}");
            assert!(ran.stderr.contains(&format!("run/draws.zarr/{file}")), "{line}: {}", ran.stderr);
            assert!(ran.stderr.contains("Permission denied"), "{line}: {}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 1, "{line}: {}", ran.stderr);
            assert!(!folder.path("no").exists() && !folder.path("no.csv").exists(), "{line} has left something");
        }
        set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    }
    assert_ne!(folder.run("summary run").code, 2);
}

/// Edits the root of a store: `run` is its attribute about the run, a JSON text, and `nodes` are the metadata of all
/// arrays and groups.
fn edit(root: &Path, change: impl Fn(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&std::fs::read(root).unwrap()).unwrap();
    json["run"] = serde_json::from_str(json["attributes"]["warpnuts"].as_str().unwrap()).unwrap();
    json["nodes"] = json["consolidated_metadata"]["metadata"].take();
    let attributes = json["attributes"].clone();
    let told = json["run"].clone();
    change(&mut json);
    let [run, nodes] = ["run", "nodes"].map(|part| json.as_object_mut().unwrap().remove(part).unwrap());
    if json["attributes"] == attributes && run != told {
        json["attributes"]["warpnuts"] = json!(run.to_string());
    }
    json["consolidated_metadata"]["metadata"] = nodes;
    std::fs::write(root, json.to_string()).unwrap();
}

#[test]
fn what_makes_no_sense_at_the_root_is_refused() {
    let folder = Folder::new();
    done(&folder, "sample --chains 2 --warmup 20 --draws 10 --out run");
    let root = folder.path("run/draws.zarr/zarr.json");
    let whole = std::fs::read(&root).unwrap();
    let most = u64::MAX;
    let beyond = 1u64 << 63;
    let run = [
        ("/run/draws", json!(-1)),
        ("/run/draws", json!(most)),
        ("/run/extent/chains", json!(0)),
        ("/run/extent/chains", json!(most)),
        ("/run/extent/draws", json!(most)),
        ("/run/extent/warmup", json!(most)),
        ("/run/extent/first_chain", json!(1u64 << 32)),
        ("/run/extent/first_chain", json!(u32::MAX)),
        ("/run/extent/variables", json!(0)),
        ("/run/extent/variables", json!(most)),
        ("/run/extent/precision", json!("f8")),
        ("/run/settings/chains", json!(0)),
        ("/run/settings/draws", json!(1.5)),
        ("/run/settings/thin", json!(-1)),
        ("/run/model/parameterization", json!("sideways")),
        ("/run/model/predictors", json!([])),
        ("/run/model/priors/eps_scale", json!(0)),
        ("/run/model/priors/mu_sd", json!([1, -1])),
        ("/run/model/priors/sigma_scale", json!([1])),
    ];
    let nodes = ["posterior~1mu_a", "posterior~1a", "constant_data~1county", "constant_data~1row"].map(|node| {
        let dimensions = if node == "posterior~1a" { 3 } else { 2 - usize::from(node.starts_with("constant")) };
        let chunk = format!("/nodes/{node}/chunk_grid/configuration/chunk_shape");
        let data_type = if node.ends_with("county") { "float64" } else { "bool" };
        [
            (chunk.clone(), json!(vec![0; dimensions])),
            (chunk.clone(), json!(vec![beyond; dimensions])),
            (chunk, json!(vec![1; dimensions + 1])),
            (format!("/nodes/{node}/data_type"), json!(data_type)),
            (format!("/nodes/{node}/data_type"), json!("float8")),
            (format!("/nodes/{node}/dimension_names"), json!([])),
            (format!("/nodes/{node}"), Value::Null),
        ]
    });
    let shapes = [
        ("/nodes/posterior~1mu_a/shape", json!([beyond, beyond])),
        ("/nodes/posterior~1mu_a/data_type", json!("int64")),
        ("/nodes/posterior~1mu_a/attributes", json!({"scale_factor": 0, "add_offset": 0})),
        ("/nodes/sample_stats~1n_steps/data_type", json!("float64")),
        ("/attributes/warpnuts", json!("{")),
        ("/attributes/warpnuts", json!(7)),
        ("/nodes", json!({})),
    ];
    let named = run.iter().chain(&shapes).map(|(pointer, value)| (pointer.to_string(), value.clone()));
    for (pointer, value) in named.chain(nodes.into_iter().flatten()) {
        std::fs::write(&root, &whole).unwrap();
        edit(&root, |json| *json.pointer_mut(&pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone());
        let ran = folder.run("summary run");
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{pointer} {value}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{pointer} {value}: {}", ran.stderr);
        assert!(ran.stderr.contains("run/draws.zarr"), "{pointer} {value}: {}", ran.stderr);
    }
    // A negative step size is refused.
    std::fs::write(&root, &whole).unwrap();
    edit(&root, |json| json["nodes"]["adaptation"]["attributes"]["step_size"] = json!(-1));
    let ran = folder.run("sample --metric-from run --chains 1 --warmup 5 --draws 2 --out no");
    assert!(ran.code == 2 && ran.stderr.contains("its step size and metric are no widths"), "{ran:?}");
    assert!(!folder.path("no").exists());
}

/// Memory was once taken for all draws that a root claims, and for all coordinates of its metric.
#[test]
fn a_root_that_claims_more_than_there_is_is_refused_without_taking_memory_for_it() {
    let folder = Folder::new();
    done(&folder, "sample --chains 2 --warmup 20 --draws 10 --out run");
    let root = folder.path("run/draws.zarr/zarr.json");
    let whole = std::fs::read(&root).unwrap();
    let refused = |change: &dyn Fn(&mut Value), words: &str| {
        std::fs::write(&root, &whole).unwrap();
        edit(&root, change);
        let ran = folder.run("summary run");
        assert_eq!((ran.code, ran.stderr.lines().count()), (2, 1), "{words}: {ran:?}");
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    };
    let drawn = |root: &mut Value, change: &dyn Fn(&mut Value)| {
        let nodes = root["nodes"].as_object_mut().unwrap().values_mut();
        nodes.filter(|node| node.pointer("/dimension_names/1") == Some(&json!("draw"))).for_each(change);
    };
    let many = 1u64 << 31;
    for (axis, name) in ["chains", "draws"].into_iter().enumerate() {
        let claimed = |root: &mut Value| {
            root["run"]["extent"][name] = json!(many);
            root["run"]["settings"][name] = json!(many);
            if name == "draws" {
                root["run"][name] = json!(many);
            }
            drawn(root, &|node| node["shape"][axis] = json!(many));
        };
        refused(&claimed, "most of its chunks are missing");
        let in_a_chunk = |root: &mut Value| {
            claimed(root);
            drawn(root, &|node| node["chunk_grid"]["configuration"]["chunk_shape"][axis] = json!(many >> 6));
        };
        refused(&in_a_chunk, "does not go with the model");
    }
    let metric = |root: &mut Value| {
        let metric = &mut root["nodes"]["adaptation/metric_sd"];
        metric["shape"] = json!([1u64 << 60]);
        metric["chunk_grid"]["configuration"]["chunk_shape"] = json!([1]);
    };
    refused(&metric, "the shape of adaptation/metric_sd does not go with the model");
    for shape in [json!([]), json!([1u64 << 60])] {
        let eigenvalues = |root: &mut Value| {
            let mut array = root["nodes"]["adaptation/metric_sd"].clone();
            array["chunk_grid"]["configuration"]["chunk_shape"] = json!(vec![1; shape.as_array().unwrap().len()]);
            array["dimension_names"] = json!(vec!["eigenvector"; shape.as_array().unwrap().len()]);
            array["shape"] = shape.clone();
            root["nodes"]["adaptation/metric_eigenvalues"] = array;
        };
        refused(&eigenvalues, "the shape of adaptation/metric_eigenvalues does not go with the model");
    }
}

#[test]
fn a_run_may_be_named_by_its_store() {
    let folder = Folder::new();
    done(&folder, "sample --chains 2 --warmup 20 --draws 10 --no-report --out runs/run");
    let store = stored::store(&folder, "runs/run");
    // The times of a run are in a file beside the store.
    assert_eq!(done(&folder, "summary runs/run/draws.zarr").stdout, done(&folder, "summary runs/run").stdout);
    assert_eq!(done(&folder, "report runs/run/draws.zarr").stdout, "Written: runs/run/report.html\n");
    assert_eq!(done(&folder, "export runs/run/draws.zarr --format csv").stdout, "Written: runs/run/draws.csv\n");
    let inside = folder.path("runs/run/draws.zarr");
    for line in ["report .", "export . --format csv --force", "export . --format cmdstan-csv"] {
        assert_eq!(Ran::of(folder.command(line).current_dir(&inside)).code, 0, "{line}");
    }
    assert!(folder.path("runs/run/cmdstan/draws-2.csv").exists());
    assert!(stored::store(&folder, "runs/run") == store, "something was written into the store");
    done(&folder, "merge merged runs/run/draws.zarr");
    same_bytes(&folder, "runs/run", "merged");
    assert_eq!(summary(&folder, "runs/run")["parameters"], summary(&folder, "merged")["parameters"]);

    // A store without its run's folder can be read, but not resumed.
    copy(&inside, &folder.path("alone.zarr"));
    done(&folder, "summary alone.zarr");
    let refused = |line: &str, words: &str| {
        let ran = folder.run(line);
        assert!(ran.code == 2 && ran.stderr.contains(words), "{line}: {ran:?}");
    };
    refused(
        "sample --resume alone.zarr",
        "alone.zarr is a store alone, and where its chains stood is in the folder of its run",
    );
    // A folder of runs is neither a run nor a comparison.
    for line in ["summary runs", "report runs", "verify runs"] {
        refused(line, "runs is no run, but has one; name that: runs/run");
    }
    for i in 0..6 {
        std::fs::create_dir_all(folder.path("runs").join(format!("s{i}/draws.zarr"))).unwrap();
    }
    let words = "runs has several runs; name the folder of one of them: runs/run, runs/s0, runs/s1, runs/s2, runs/s3, or one of 2 more";
    refused("report runs", words);
}
