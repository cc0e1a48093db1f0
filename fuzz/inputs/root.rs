//! The root of a store, changed: an error of one line, or a run that can be read.
//!
//! An input chooses a run by its first byte, and whether to summarize it, which takes most of the time; and by its
//! second whether the rest is a list of edits of the root's text or of its JSON.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use warpnuts::data::{FileRows, Frame};
use warpnuts::draws::{Draws, Precision};
use warpnuts::engine::Progress;
use warpnuts::experiment::{Backend, Interrupted, Keep, Keeping, Sampled, Sampler, Settings, sample_into};
use warpnuts::family::Family;
use warpnuts::formula::Formula;
use warpnuts::model::{Coordinates, Mixed, Model, RowColumns};
use warpnuts::summary::RunSummary;

/// Most edits of a root.
const EDITS: usize = 6;

/// A run, and the text of its root.
struct Run {
    folder: TempDir,
    root: Vec<u8>,
}

/// The runs whose roots are changed, which take some seconds to make.
pub struct Runs([Run; 3]);

impl Runs {
    /// Makes the runs.
    pub fn made() -> Runs {
        let short = Settings { chains: 2, warmup: 20, draws: 6, ..Settings::default() };
        let all = Settings { save_warmup: true, log_likelihood: true, posterior_predictive: true, ..short };
        let independent = Settings { sampler: Sampler::Independent, warmup: 0, keep: Keep::Hyper, ..short };
        Runs([
            made(crossed(), Settings { draw_precision: Precision::F16, ..short }),
            made(grouped("non-centered"), all),
            made(grouped("marginal"), Settings { draw_precision: Precision::F32, ..independent }),
        ])
    }

    /// Reads a run after the edits of the input. Returns whether it can be read.
    pub fn take(&self, input: &[u8]) -> bool {
        let [run, kind, rest @ ..] = input else { return false };
        let Run { folder, root } = &self.0[usize::from(*run) % self.0.len()];
        let changed = if kind % 4 == 0 { spliced(root, Bytes(rest)) } else { edited(root, Bytes(rest)) };
        std::fs::write(folder.path().join("draws.zarr/zarr.json"), changed).expect("the root is written");
        read(folder.path(), *run >= 224)
    }
}

fn frame() -> Frame {
    let of = |value: fn(usize) -> f64| (0..12).map(value).collect::<Vec<f64>>();
    let numbers = vec![
        ("y", of(|i| (i * 7 % 12) as f64 - 3.5)),
        ("x", of(|i| (i % 5) as f64)),
        ("w", of(|i| (i % 3) as f64 + 1.0)),
    ];
    let labels = |among: &[&'static str], each: usize| (0..12).map(|i| among[i / each % among.len()]).collect();
    Frame::from_columns("frame", numbers, vec![("g", labels(&["a", "b"], 6)), ("h", labels(&["c", "d"], 1))])
        .expect("a frame")
}

/// A formula's model of two crossed factors, with all that beside them may be in a store.
fn crossed() -> Model {
    let (frame, formula) = (frame(), Formula::parse("y ~ x + (1 + x | g) + (1 | h)").expect("a formula"));
    let formula = formula.with_sigma("sigma ~ x").expect("a formula of sigma");
    let design = formula.expand(&frame, &[]).expect("a design");
    let weights = frame.numbers("w").map(<[f64]>::to_vec);
    let rows = FileRows { offset: weights.clone(), weights, ..frame.rows() };
    let (dataset, mixed) = Mixed::of_design(&formula, Family::Gaussian, design, rows).expect("a structure");
    let rows = RowColumns { weights: Some("w".into()), offset: Some("w".into()), errors: None, with_sigma: false };
    let coordinates = Coordinates::parse_terms("non-centered", &mixed.term_names(&dataset)).expect("coordinates");
    Model::of_formula(Arc::new(dataset), Arc::new(Mixed { rows, ..mixed }), coordinates, None)
}

/// The shorthand's model.
fn grouped(parameterization: &str) -> Model {
    let frame = frame();
    let [y, x] = ["y", "x"].map(|name| frame.numbers(name).expect("numbers").to_vec());
    let groups = frame.labels("g").expect("labels");
    let groups: Vec<&String> = groups.of.iter().map(|of| &groups.levels[*of as usize]).collect();
    let dataset = warpnuts::data::Dataset::from_columns("frame", "g", "y", &["x"], &groups, y, vec![x]);
    let coordinates = Coordinates::parse(parameterization, &["x".to_string()]).expect("coordinates");
    Model::builder(Arc::new(dataset.expect("a data set"))).coordinates(coordinates).build()
}

fn made(model: Model, settings: Settings) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let keeping = Keeping { folder: folder.path(), interval: Duration::from_secs(3600) };
    sample_into(&keeping, &Backend::Cpu, Arc::new(model), settings, None, Arc::new(Progress::default()))
        .expect("a run");
    let root = std::fs::read(folder.path().join("draws.zarr/zarr.json")).expect("a root");
    Run { folder, root }
}

/// Bytes of an input, one after another; zeros after its end.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    fn one_of<T>(&mut self, all: &[T]) -> Option<usize> {
        let at = self.byte() << 8 | self.byte();
        (!all.is_empty()).then(|| at % all.len())
    }

    /// All to the end of the line.
    fn bytes_of_line(&mut self) -> &'a [u8] {
        let line = self.0.split(|byte| *byte == b'\n').next().unwrap_or_default();
        self.0 = &self.0[(line.len() + 1).min(self.0.len())..];
        line
    }

    fn line(&mut self) -> String {
        String::from_utf8_lossy(self.bytes_of_line()).into_owned()
    }

    fn number(&mut self) -> Value {
        let far =
            [1 << 31, u32::MAX.into(), 1 << 32, 1 << 40, 1 << 53, 1 << 61, 1 << 62, i64::MAX as u64, 1 << 63, u64::MAX];
        let odd = [-1.0, -0.0, 0.5, 1e-320, 1e-160, 1e17, 1e154, 1.7e308];
        match self.byte() {
            small @ 0..128 => json!(small),
            at @ 128..192 => json!(far[at % far.len()]),
            at => json!(odd[at % odd.len()]),
        }
    }
}

/// The pointers to all that is in `json`.
fn pointers(json: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_string());
    match json {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            pointers(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
        }),
        Value::Array(values) => values.iter().enumerate().for_each(|(i, value)| {
            pointers(value, &format!("{at}/{i}"), all);
        }),
        _ => {}
    }
}

/// Puts `new` in the place of every `old`.
fn replace(json: &mut Value, old: &Value, new: &Value) {
    match json {
        value if value == old => *value = new.clone(),
        Value::Object(map) => map.values_mut().for_each(|value| replace(value, old, new)),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, old, new)),
        _ => {}
    }
}

/// Removes what `pointer` points to.
fn remove(json: &mut Value, pointer: &str) {
    let Some((above, name)) = pointer.rsplit_once('/') else { return };
    match json.pointer_mut(above) {
        Some(Value::Object(map)) => {
            map.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(values)) => {
            if let Some(at) = name.parse().ok().filter(|at| *at < values.len()) {
                values.remove(at);
            }
        }
        _ => {}
    }
}

/// The root's text after the edits of an input.
fn spliced(root: &[u8], mut bytes: Bytes) -> Vec<u8> {
    let mut text = root.to_vec();
    for _ in 0..EDITS {
        if bytes.0.is_empty() {
            break;
        }
        let at = (bytes.byte() << 8 | bytes.byte()) % (text.len() + 1);
        let end = (at + bytes.byte()).min(text.len());
        let line = bytes.bytes_of_line();
        text.splice(at..end, line.iter().copied());
    }
    text
}

/// The root after the edits of an input.
fn edited(root: &[u8], mut bytes: Bytes) -> Vec<u8> {
    let mut json: Value = serde_json::from_slice(root).expect("JSON");
    let run = json["attributes"]["warpnuts"].as_str().expect("text");
    json["run"] = serde_json::from_str(run).expect("JSON");
    for _ in 0..EDITS {
        if bytes.0.is_empty() {
            break;
        }
        // The nodes are many, and look alike: half of all edits are of the run.
        let (mut all, mut base) = (Vec::new(), "");
        if bytes.byte().is_multiple_of(2) {
            base = "/run";
        }
        let Some(part) = json.pointer(base) else { break };
        pointers(part, base, &mut all);
        let Some(at) = bytes.one_of(&all) else { break };
        let pointer = all[at].clone();
        let old = json.pointer(&pointer).cloned().unwrap_or_default();
        let plain = [json!(null), json!(true), json!(false), json!([]), json!({}), json!("")];
        let new = match bytes.byte() % 9 {
            0 => {
                remove(&mut json, &pointer);
                continue;
            }
            1 => {
                let new = bytes.number();
                replace(&mut json, &old, &new);
                continue;
            }
            2 => match old {
                Value::Array(mut values) => {
                    values.extend(values.first().cloned());
                    Value::Array(values)
                }
                _ => bytes.number(),
            },
            3 => plain[bytes.byte() % plain.len()].clone(),
            4 => Value::String(bytes.line()),
            5 => serde_json::from_str(&bytes.line()).unwrap_or_default(),
            6 => bytes.one_of(&all).and_then(|other| json.pointer(&all[other]).cloned()).unwrap_or_default(),
            _ => bytes.number(),
        };
        if let Some(place) = json.pointer_mut(&pointer) {
            *place = new;
        }
    }
    if let Some(run) = json.as_object_mut().and_then(|root| root.remove("run"))
        && let Some(place) = json.pointer_mut("/attributes/warpnuts")
    {
        *place = Value::String(run.to_string());
    }
    json.to_string().into_bytes()
}

/// Reads a run as `summary`, `export` and `sample --resume` do. Returns whether it can be read.
fn read(folder: &Path, summarizes: bool) -> bool {
    if let Err(error) = Interrupted::read(folder) {
        let message = error.to_string();
        assert_eq!(message.lines().count(), 1, "{message:?}");
    }
    let Ok(sampled) = Sampled::open(folder) else { return false };
    let Draws::Store(store) = &sampled.draws else { return false };
    for variables in store.variable_ranges() {
        store.read(variables);
    }
    store.part(0..1, 0..store.draws().min(1));
    store.warmup_part(0..1, 0..store.warmup_draws().min(1));
    store.replicates(3);
    if summarizes && store.draws() > 0 {
        RunSummary::of(&sampled);
    }
    store.damage();
    true
}
