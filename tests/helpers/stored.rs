//! Runs of the program with a store, and the store's contents.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::helpers::common::{Folder, Ran};

/// The contents of `summary.json`.
pub fn summary(folder: &Folder, run: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path(run).join("summary.json")).unwrap()).unwrap()
}

/// The files of a store, by their paths in it.
pub fn store(folder: &Folder, run: &str) -> BTreeMap<String, Vec<u8>> {
    let prefix = format!("{run}/draws.zarr/");
    let all = folder.contents().into_iter();
    all.filter_map(|(path, bytes)| Some((path.strip_prefix(&prefix)?.to_string(), bytes))).collect()
}

/// Asserts that two stores have the same files with the same bytes; names the files that differ.
pub fn same_bytes(folder: &Folder, one: &str, other: &str) {
    let (one, other) = (store(folder, one), store(folder, other));
    assert!(one.len() > 30, "there is hardly anything in the store");
    let names: Vec<&String> = one.keys().chain(other.keys()).collect();
    let differing: Vec<_> = names.into_iter().filter(|name| one.get(*name) != other.get(*name)).collect();
    assert!(differing.is_empty(), "these differ: {differing:?}");
}

/// Runs `warpnuts` to its end, whether its draws are trustworthy or not.
pub fn done(folder: &Folder, line: &str) -> Ran {
    let ran = folder.run(line);
    assert!([0, 3].contains(&ran.code), "{line}: {ran:?}");
    ran
}

/// Asserts that two shards of the run of a line, merged, have the summary of the whole.
pub fn shards_are_the_whole(folder: &Folder, line: &str) {
    for shard in 1..=2 {
        done(folder, &format!("{line} --shard {shard}/2 --out part{shard}"));
    }
    done(folder, &format!("{line} --out together"));
    done(folder, "merge merged part1 part2");
    let [together, merged] = ["together", "merged"].map(|run| summary(folder, run)["parameters"].clone());
    assert_eq!(together, merged);
}
