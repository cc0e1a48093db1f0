//! Models of formulas, from files.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use warpnuts::data::{Dataset, FileRows, Frame, ReadOptions};
use warpnuts::family::{Family, OutcomeKind};
use warpnuts::formula::{Formula, FormulaDesign};
use warpnuts::model::{CenteringWeights, Coordinates, Mixed, Model, PartialTerm, Scaling};
use warpnuts::random::{Purpose, StreamKey};

use super::common::root;

/// The data set and the structure of a formula, with typed priors, from a file of the repository.
pub fn read(file: &str, formula: &str, priors: &[String]) -> (Arc<Dataset>, Arc<Mixed>) {
    read_rows(file, usize::MAX, formula, priors)
}

/// The same from the first `rows` rows of the file.
pub fn read_rows(file: &str, rows: usize, formula: &str, priors: &[String]) -> (Arc<Dataset>, Arc<Mixed>) {
    changed(file, rows, formula, priors, |_, _| {})
}

/// The same with the design and the rows changed.
pub fn changed(
    file: &str,
    rows: usize,
    formula: &str,
    priors: &[String],
    change: impl Fn(&mut FormulaDesign, &mut FileRows),
) -> (Arc<Dataset>, Arc<Mixed>) {
    of_family(file, rows, formula, Family::Gaussian, priors, change)
}

/// The same with outcomes of a family; a formula of sigma comes after `;`.
pub fn of_family(
    file: &str,
    rows: usize,
    formula: &str,
    family: Family,
    priors: &[String],
    change: impl Fn(&mut FormulaDesign, &mut FileRows),
) -> (Arc<Dataset>, Arc<Mixed>) {
    let path = root().join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().take(rows.saturating_add(1)).collect();
    let (formula, of_sigma) = formula.split_once("; ").map_or((formula, None), |(of_eta, rest)| (of_eta, Some(rest)));
    let formula = Formula::parse(formula).unwrap();
    let formula = match of_sigma {
        Some(text) => formula.with_sigma(text).unwrap(),
        None => formula,
    };
    let (text, wanted) = (lines.join("\n"), formula.wanted());
    let frame = Frame::from_reader_with(file, text.as_bytes(), &wanted, &ReadOptions::default()).unwrap();
    let two_levels = family.outcomes() == OutcomeKind::Successes;
    let (mut design, learnt) = formula.learn(&frame, &[], two_levels).unwrap();
    let mut rows = frame.rows();
    change(&mut design, &mut rows);
    let (dataset, mixed) = Mixed::of_design(&formula, family, design, rows).unwrap();
    let mixed = Mixed { learnt: Some(learnt), ..mixed }.with_priors(&dataset, priors).unwrap();
    (Arc::new(dataset), Arc::new(mixed))
}

/// The numbers of a column of a file of the repository, which has no cells in quotes.
pub fn column(file: &str, name: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let mut lines = text.lines().map(|line| line.split(','));
    let place = lines.next().unwrap().position(|column| column == name).unwrap();
    lines.map(|mut cells| cells.nth(place).unwrap().parse().unwrap()).collect()
}

/// A model in the coordinates that are typed, in the sampler's units.
pub fn model(of: &(Arc<Dataset>, Arc<Mixed>), parameterization: &str) -> Model {
    in_units(of, parameterization, None)
}

/// A model in the coordinates that are typed, in the units of `scaling`; the weights of partially centered effects are
/// anywhere between 0 and 1.
pub fn in_units((dataset, mixed): &(Arc<Dataset>, Arc<Mixed>), typed: &str, scaling: Option<Scaling>) -> Model {
    let coordinates = Coordinates::parse_terms(typed, &mixed.term_names(dataset)).unwrap();
    let model = Model::of_formula(dataset.clone(), mixed.clone(), coordinates, scaling);
    let some = |partial: &PartialTerm| {
        let mut weights = vec![0.0; partial.weights.len()];
        StreamKey { seed: 7, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut weights);
        weights.iter().map(|normal| (0.5 + 0.4 * normal).clamp(0.0, 1.0)).collect()
    };
    let terms = model.layout().mixed().map_or(&[][..], |map| &map.terms).iter();
    let weights = terms.map(|term| term.partial.as_ref().map_or(Vec::new(), some)).collect();
    model.with_weights(CenteringWeights(weights))
}

/// Values of another implementation, by tests/reference/formula_densities.py.
#[derive(Deserialize)]
struct References {
    models: Vec<Reference>,
}

/// A model, and values in several coordinates.
#[derive(Deserialize)]
pub struct Reference {
    pub name: String,
    pub formula: String,
    pub file: String,
    pub first_rows: Option<usize>,
    pub errors: Option<String>,
    #[serde(default)]
    pub family: Family,
    /// The column of known parts of eta.
    pub offset: Option<String>,
    /// The formula of sigma.
    pub sigma_formula: Option<String>,
    /// Above this an outcome is 1, and else 0.
    pub one: Option<String>,
    pub prior_options: Vec<String>,
    pub priors: BTreeMap<String, String>,
    pub systems: BTreeMap<String, System>,
}

impl Reference {
    /// The data set and the structure.
    pub fn read(&self) -> (Arc<Dataset>, Arc<Mixed>) {
        let errors = self.errors.as_ref().map(|name| column(&self.file, name));
        let rows = self.first_rows.unwrap_or(usize::MAX);
        let offset = self.offset.as_ref().map(|name| column(&self.file, name));
        let limit: Option<f64> = self.one.as_ref().map(|one| one.trim_start_matches("> ").parse().unwrap());
        let of_sigma = self.sigma_formula.as_ref().map_or(String::new(), |sigma| format!("; {sigma}"));
        let formula = format!("{}{of_sigma}", self.formula);
        of_family(&self.file, rows, &formula, self.family, &self.prior_options, |design, rows| {
            (rows.errors, rows.offset) = (errors.clone(), offset.clone());
            for outcome in &mut design.outcome.values {
                *outcome = limit.map_or(*outcome, |limit| f64::from(*outcome > limit));
            }
        })
    }
}

/// Values in one parameterization, in the user's units.
#[derive(Deserialize)]
pub struct System {
    pub points: Vec<Vec<f64>>,
    pub log_density: Vec<f64>,
    pub gradient: Vec<Vec<f64>>,
}

/// All of them.
pub fn references() -> Vec<Reference> {
    references_in("tests/reference/formula_densities.json")
}

/// Those of a file; tests/reference/family_densities.py writes another one.
pub fn references_in(file: &str) -> Vec<Reference> {
    let path = root().join(file);
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str::<References>(&text).unwrap().models
}
