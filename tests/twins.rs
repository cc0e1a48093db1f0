//! Every shader and its twin in Rust, as listed in shaders/README.md, have the same functions in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The names of all functions in a source, in order.
fn functions(source: &str) -> Vec<&str> {
    let lines = source.lines().map(|line| line.trim_start().trim_start_matches("pub "));
    lines.filter_map(|line| line.strip_prefix("fn ")?.split(['(', '<']).next()).collect()
}

/// Functions of shaders without a function of the same name at the same place in their twins, because WGSL lacks the
/// wide product and sets exponents otherwise, and a device shares work among lanes.
const ALONE: &[(&str, &[&str])] = &[
    ("math.wgsl", &["power_of_two", "excess", "exp_m1", "ln_1p"]),
    ("random.wgsl", &["normals"]),
    ("hierarchy/diagonal.wgsl", &["is_centered", "coefficient"]),
    ("family/gaussian.wgsl", &["family_alone"]),
    ("family/gaussian_with_errors.wgsl", &["family_alone"]),
    ("family/student.wgsl", &["family_alone", "of_degrees", "half_step"]),
    ("family/gamma.wgsl", &["family_alone", "of_shape"]),
    ("family/negbinomial.wgsl", &["family_unit", "family_alone"]),
    ("qr.wgsl", &["qr_rest", "qr_entry"]),
    ("rows/serial.wgsl", &["add_likelihood", "row_number"]),
    ("rows/sums.wgsl", &["add_likelihood"]),
    ("rows/chunks.wgsl", &["residuals"]),
    ("rows/reduce.wgsl", &["reduce"]),
    ("joint.wgsl", &["add_group", "sums_of"]),
    ("priors.wgsl", &["prior"]),
    ("log_density.wgsl", &["alone"]),
    ("named.wgsl", &["named_hyperparameter", "named_coefficient", "is_nan"]),
    ("vectors.wgsl", &["place_among", "place_of_element", "coordinate_of", "number_in"]),
    (
        "leapfrog.wgsl",
        &["leap", "kick_along", "drift_along", "eigenvector_of", "factors_of", "along_four", "by_four", "position_at"],
    ),
    ("chain_density.wgsl", &["hyperparameter"]),
    ("chain_groups.wgsl", &["of_groups"]),
    ("mixed/term.wgsl", &["set_terms", "set_effects", "pull_determinants", "add_to_gradient"]),
    ("mixed/rows.wgsl", &["add_effects", "by_factor", "by_population", "by_means", "family_sum", "by_ratio"]),
    ("mixed/chunk.wgsl", &["add_chunk", "row_of", "row_place", "numbers_of", "entry_of", "eta_of"]),
    ("mixed/all_rows.wgsl", &["keep_slope"]),
    ("mixed/row_sums.wgsl", &["first_part"]),
    (
        "mixed/groups.wgsl",
        &[
            "covariance_of",
            "add_effects",
            "by_factor",
            "residual",
            "by_population",
            "by_means",
            "family_sum",
            "by_ratio",
        ],
    ),
    ("mixed/density.wgsl", &["density_at", "family_here", "place_of_dispersion", "dispersion_of", "log_dispersion_of"]),
    (
        "tree.wgsl",
        &[
            "add_leaf",
            "keep_checkpoint",
            "take_waiting",
            "join_spans",
            "join_subtree",
            "start_subtree",
            "save_end",
            "load_end",
        ],
    ),
    ("moments.wgsl", &["add_moments"]),
    ("output_draws.wgsl", &["record", "write_draw"]),
    (
        "output_sums.wgsl",
        &[
            "record",
            "add_quad",
            "place_of_sums",
            "sampled_coefficient",
            "sampled_hyperparameter",
            "named_in",
            "sampled",
            "add_energy",
        ],
    ),
    ("conditional_effects.wgsl", &["effects_given"]),
    ("nuts.wgsl", &["resume", "suspend", "draw_momentum", "renew_leaf_words", "take_leaf_words", "is_finite"]),
    ("transition.wgsl", &["transition", "load", "save", "next_key", "finish"]),
    ("pool.wgsl", &["pool"]),
    ("states.wgsl", &["take", "place_in_state"]),
];

/// The paths with this ending in a cell of a table.
fn paths<'a>(cell: &'a str, end: &str) -> Vec<&'a str> {
    cell.split([' ', ',', '`']).filter(|word| word.ends_with(end)).collect()
}

/// A function's name in Rust: in WGSL, with one namespace and an `exp` of its own, names have prefixes or suffixes.
fn stem(name: &str) -> &str {
    let modules = [
        "family_",
        "partial_",
        "qr_",
        "cells_",
        "density_",
        "likelihood_",
        "means_",
        "scalar_",
        "variable_",
        "hyper_",
        "group_",
    ];
    let inside = modules.iter().find_map(|module| name.strip_prefix(module));
    inside.unwrap_or(name).trim_end_matches("_of")
}

/// The elements of `these` outside the longest common subsequence of both lists.
fn alone<'a>(these: &[&'a str], those: &[&str]) -> Vec<&'a str> {
    let same = |i: usize, j: usize| stem(these[i]) == those[j] || these[i] == those[j];
    let mut longest = vec![vec![0; those.len() + 1]; these.len() + 1];
    for (i, j) in (0..these.len()).rev().flat_map(|i| (0..those.len()).rev().map(move |j| (i, j))) {
        longest[i][j] = if same(i, j) { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
    }
    let mut left = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < these.len() {
        if j < those.len() && same(i, j) {
            (i, j) = (i + 1, j + 1);
        } else if j == those.len() || longest[i + 1][j] >= longest[i][j + 1] {
            left.push(these[i]);
            i += 1;
        } else {
            j += 1;
        }
    }
    left
}

/// The shaders in a folder and its subfolders, by their paths from `root`.
fn shaders(root: &Path, folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let files = files.iter().map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().to_string());
    let here = files.filter(|path| path.ends_with(".wgsl"));
    here.chain(folders.iter().flat_map(|folder| shaders(root, folder))).collect()
}

#[test]
fn twins_have_the_same_functions_in_the_same_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read =
        |path: String| std::fs::read_to_string(root.join(&path)).unwrap_or_else(|_| panic!("there is no {path}"));
    let mut unnamed = shaders(&root.join("shaders"), &root.join("shaders"));
    let mut exceptions = BTreeMap::from_iter(ALONE.iter().copied());
    let table = read("shaders/README.md".to_string());
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').collect();
        let twin: Vec<String> = paths(cells[3], ".rs").iter().map(|path| read(format!("src/{path}"))).collect();
        let twin: Vec<&str> = twin.iter().flat_map(|source| functions(source)).collect();
        for name in paths(cells[1], ".wgsl") {
            assert!(unnamed.remove(name), "{name} is not there, or stands in the table of shaders/README.md twice");
            if twin.is_empty() {
                continue;
            }
            let source = read(format!("shaders/{name}"));
            let alone = alone(&functions(&source), &twin);
            let expected = exceptions.remove(name).unwrap_or_default();
            assert_eq!(alone, expected, "functions of {name} without a twin at their place in {twin:?}");
        }
    }
    assert!(unnamed.is_empty(), "not in the table of shaders/README.md: {unnamed:?}");
    assert!(exceptions.is_empty(), "no longer there: {exceptions:?}");
}
