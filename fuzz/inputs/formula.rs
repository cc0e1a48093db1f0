//! Formulas: an error, or a formula whose text parses to itself, and the same columns from both.
//!
//! An input is a formula and, after a zero byte, references: `dose=high`, one a line.

use std::sync::{Arc, LazyLock};

use warpnuts::data::Frame;
use warpnuts::experiment::{EngineChoice, suited_to_formula};
use warpnuts::family::Family;
use warpnuts::formula::Formula;
use warpnuts::model::{Mixed, Model};

/// Numbers, words and truth values; `x2` is `x` beyond an offset, and `one` is constant.
static FRAME: LazyLock<Frame> = LazyLock::new(|| {
    let of = |value: fn(usize) -> f64| (0..24).map(value).collect::<Vec<f64>>();
    let among = |words: &[&'static str], each: usize| (0..24).map(|i| words[i / each % words.len()]).collect();
    let numbers = vec![
        ("y", of(|i| (i * 7 % 24) as f64 - 3.5)),
        ("x", of(|i| (i % 6) as f64)),
        ("x2", of(|i| (i % 6) as f64 + 1e6)),
        ("z", of(|i| (i * i % 11) as f64 / 4.0)),
        ("count", of(|i| (i * 5 % 7) as f64 + 1.0)),
        ("one", of(|_| 1.0)),
        ("large", of(|i| 1e149 * (1.0 + (i % 5) as f64))),
        ("a b", of(|i| (i as f64).sqrt())),
        ("größe", of(|i| (i % 2) as f64)),
    ];
    let labels = vec![
        ("dose", among(&["low", "mid", "high"], 1)),
        ("flag", among(&["true", "false"], 3)),
        ("school", among(&["A", "B", "C", "D"], 6)),
        ("class", among(&["1", "2"], 2)),
        ("g 1", among(&["a", "b", "c", "d", "e"], 1)),
        ("same", among(&["only"], 1)),
        ("count", among(&["1", "6", "4", "2", "7", "5", "3"], 1)),
    ];
    Frame::from_columns("frame", numbers, labels).expect("a frame")
});

/// Parses the input, and makes a model of it. Returns whether there is one.
pub fn take(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let (text, references) = text.split_once('\0').unwrap_or((&text, ""));
    let references: Vec<(String, String)> =
        references.lines().filter_map(|line| line.split_once('=')).map(|(c, level)| (c.into(), level.into())).collect();
    // After a semicolon, a formula of sigma.
    let parse = |text: &str| match text.split_once(';') {
        Some((of_eta, of_sigma)) => Formula::parse(of_eta).and_then(|formula| formula.with_sigma(of_sigma)),
        None => Formula::parse(text),
    };
    let formula = match parse(text) {
        Ok(formula) => formula,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    let written = |formula: &Formula| match formula.sigma() {
        Some(of_sigma) => format!("{formula};{of_sigma}"),
        None => formula.to_string(),
    };
    let again = parse(&written(&formula)).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(written(&formula), written(&again), "{text:?}");
    let design = formula.expand(&FRAME, &references);
    let of_again = again.expand(&FRAME, &references);
    let (design, of_again) = match (design, of_again) {
        (Ok(design), Ok(of_again)) => (design, of_again),
        (Err(error), Err(_)) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
        (one, other) => panic!("{text:?}: {:?}, {:?}", one.err(), other.err()),
    };
    assert_eq!(design, of_again, "{text:?}");
    let Ok((dataset, mixed)) = Mixed::of_design(&formula, Family::Gaussian, design, FRAME.rows()) else { return false };
    mixed.check(&dataset).expect("what is made is sound");
    let (dataset, mixed) = (Arc::new(dataset), Arc::new(mixed));
    let (coordinates, _) = suited_to_formula(&dataset, &mixed, EngineChoice::Auto);
    let model = Model::of_formula(dataset, mixed, coordinates, None);
    assert!(model.names().len() >= model.layout().hyperparameters());
    true
}
