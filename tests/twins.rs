//! Every shader and its twin in Rust, as the table in shaders/README.md names them, have the same functions in the same order.

use std::collections::BTreeSet;
use std::path::Path;

/// The names of all functions in a source, in order, by the word before them.
fn functions(source: &str) -> Vec<&str> {
    let lines = source.lines().map(|line| line.trim_start().trim_start_matches("pub "));
    lines.filter_map(|line| line.strip_prefix("fn ")?.split(['(', '<']).next()).collect()
}

/// Functions of shaders whose twins in Rust, as the table in shaders/README.md names them, have no function of the same name at the
/// same place: WGSL lacks the wide product and sets exponents otherwise, and a device shares work out among lanes.
const ALONE: &[(&str, &[&str])] = &[
    ("math.wgsl", &["power_of_two"]),
    ("random.wgsl", &["normals"]),
    ("coefficient.wgsl", &["is_centered", "coefficient", "coefficient_of_scale"]),
    ("log_density.wgsl", &["add_up", "is_among", "prior_of", "noise", "excess_of", "scale_prior", "mu_prior"]),
    ("with_effects.wgsl", &["add_group"]),
    ("marginal.wgsl", &["add_group"]),
    ("rotated.wgsl", &["rest", "entry"]),
    ("groups.wgsl", &["group_residual_squares"]),
    ("observations.wgsl", &["group_residual_squares"]),
    ("rows.wgsl", &["group_residual_squares", "column"]),
    ("residuals.wgsl", &["residuals"]),
    ("fold.wgsl", &["fold"]),
    ("vectors.wgsl", &["place_of", "coordinate_of"]),
    ("leapfrog.wgsl", &["leap", "hyperparameter"]),
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
    ("leaving.wgsl", &["add_moments", "write_hyperparameters"]),
    ("recording.wgsl", &["leave", "write_draw"]),
    ("summing.wgsl", &["leave", "add_sample", "sampled_hyperparameter", "add_to", "add_energy"]),
    (
        "transition.wgsl",
        &[
            "transition",
            "load",
            "save",
            "draw_momentum",
            "finish",
            "take_words",
            "take_leaf_words",
            "direction",
            "join_uniform",
            "is_finite",
        ],
    ),
    ("pool.wgsl", &["pool"]),
    ("states.wgsl", &["take", "place_of_number"]),
    ("pack.wgsl", &["pack", "offset", "named", "scale_of", "is_nan", "half_of", "rounded"]),
];

/// The paths in a cell of a table that end like this.
fn paths<'a>(cell: &'a str, end: &str) -> Vec<&'a str> {
    cell.split([' ', ',', '`']).filter(|word| word.ends_with(end)).collect()
}

/// Whether all of `these` are among `those`, in the same order; WGSL has an `exp` of its own, and so an `exp_of`.
fn are_in_order(these: &[&str], those: &[&str]) -> bool {
    let mut those = those.iter();
    these.iter().all(|this| those.any(|that| *that == this.trim_end_matches("_of")))
}

#[test]
fn twins_have_the_same_functions_in_the_same_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: String| std::fs::read_to_string(root.join(path)).unwrap();
    let mut shaders: BTreeSet<String> = std::fs::read_dir(root.join("shaders"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".wgsl"))
        .collect();
    let table = read("shaders/README.md".to_string());
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    for row in rows {
        let cells: Vec<&str> = row.split(" |").collect();
        let twin: Vec<String> = paths(cells[2], ".rs").iter().map(|path| read(format!("src/{path}"))).collect();
        let twin: Vec<&str> = twin.iter().flat_map(|source| functions(source)).collect();
        for name in paths(cells[0], ".wgsl") {
            assert!(shaders.remove(name), "{name} is not there, or stands in the table twice");
            let alone = ALONE.iter().find(|(shader, _)| *shader == name).map_or(&[][..], |(_, alone)| alone);
            let source = read(format!("shaders/{name}"));
            let names = functions(&source);
            assert!(alone.iter().all(|alone| names.contains(alone)), "{name} has not all of {alone:?}");
            let without =
                |alone: &[&str]| names.iter().filter(|name| !alone.contains(name)).copied().collect::<Vec<_>>();
            if !twin.is_empty() {
                assert!(are_in_order(&without(alone), &twin), "{name}: {names:?} without {alone:?}, and {twin:?}");
            }
            for other in alone {
                let fewer: Vec<&str> = alone.iter().filter(|name| *name != other).copied().collect();
                assert!(!are_in_order(&without(&fewer), &twin), "{name}: `{other}` has a twin");
            }
        }
    }
    assert!(shaders.is_empty(), "not in the table of shaders/README.md: {shaders:?}");
}
