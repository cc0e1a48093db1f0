//! The names of variables, and the arrays that they form: the notebook's for the shorthand, brms's for a formula.

use std::ops::Range;

use super::coordinates::coefficient_names;
use super::layout::{Axis, Layout, Role};
use super::mixed::{Mixed, MixedTerm};
use super::{Array, ArrayAxis};
use crate::data::Dataset;

/// The sd of the shorthand's outcomes.
const EPS: &str = "eps";

/// The names of the shorthand's variables, in order.
pub(super) fn of_shorthand(dataset: &Dataset, layout: &Layout) -> Vec<String> {
    let coefficients = coefficient_names(dataset.predictor_names());
    let dispersions = vec![EPS.to_string()];
    let mut names = Vec::with_capacity(layout.dim());
    for block in layout.blocks() {
        let (rows, prefix) = match block.axes {
            [Axis::Dispersion, ..] => (&dispersions, ""),
            _ => (&coefficients, block.role.prefix()),
        };
        for row in rows {
            if block.axes.contains(&Axis::Level) {
                let stem = row.strip_suffix(']').map_or(format!("{prefix}{row}["), |stem| format!("{prefix}{stem},"));
                names.extend(dataset.groups().iter().map(|group| format!("{stem}{group}]")));
            } else {
                names.push(format!("{prefix}{row}"));
            }
        }
    }
    names
}

/// The arrays of the shorthand's variables, intercept and slopes apart.
pub(super) fn arrays_of_shorthand(layout: &Layout) -> Vec<Array> {
    let many = layout.coefficients > 2;
    let mut all = Vec::new();
    for block in layout.blocks() {
        let mut array = |name: String, by_predictor: bool, rows: Range<usize>| {
            let variables: Vec<usize> = rows.flat_map(|k| block.row(k)).collect();
            if !variables.is_empty() {
                let by_level = block.axes.contains(&Axis::Level);
                let axes = [by_predictor.then_some(ArrayAxis::Predictor), by_level.then_some(ArrayAxis::Levels(0))];
                all.push(Array { name, axes: axes.into_iter().flatten().collect(), variables });
            }
        };
        if let [Axis::Dispersion, ..] = block.axes {
            array(EPS.to_string(), false, 0..1);
        } else {
            array(format!("{}a", block.role.prefix()), false, 0..1);
            array(format!("{}b", block.role.prefix()), many, 1..layout.coefficients);
        }
    }
    all
}

/// The names of a term's columns.
pub(super) fn columns(dataset: &Dataset, term: &MixedTerm) -> Vec<String> {
    term.columns.iter().map(|column| Mixed::column_name(dataset, *column).to_string()).collect()
}

/// The names of a formula's variables that are not effects, in order.
fn hyperparameters(dataset: &Dataset, mixed: &Mixed) -> Vec<String> {
    let population = mixed.population.iter().map(|column| format!("b_{}", Mixed::column_name(dataset, *column)));
    let mut names: Vec<String> = population.collect();
    for term in &mixed.terms {
        let factor = dataset.factor_name(term.factor);
        names.extend(columns(dataset, term).iter().map(|column| format!("sd_{factor}__{column}")));
    }
    for term in mixed.terms.iter().filter(|term| term.is_correlated()) {
        let (factor, columns) = (dataset.factor_name(term.factor), columns(dataset, term));
        for i in 1..columns.len() {
            names.extend((0..i).map(|j| format!("cor_{factor}__{}__{}", columns[j], columns[i])));
        }
    }
    let of_sigma = mixed.sigma.iter().flat_map(|sigma| &sigma.columns);
    names.extend(of_sigma.map(|column| format!("b_sigma_{}", Mixed::column_name(dataset, *column))));
    names.extend(mixed.free_dispersions().map(|d| mixed.family.dispersions()[d].to_string()));
    names
}

/// The names of a formula's variables, in order.
pub(super) fn of_formula(dataset: &Dataset, mixed: &Mixed) -> Vec<String> {
    let mut names = hyperparameters(dataset, mixed);
    for term in &mixed.terms {
        let factor = dataset.factor_name(term.factor);
        for column in columns(dataset, term) {
            names.extend(dataset.levels(term.factor).iter().map(|level| format!("r_{factor}[{level},{column}]")));
        }
    }
    names
}

/// The arrays of a formula's variables: one for each hyperparameter, and one for each term, by level and column.
pub(super) fn arrays_of_formula(dataset: &Dataset, mixed: &Mixed, layout: &Layout) -> Vec<Array> {
    let names = hyperparameters(dataset, mixed);
    let single = |(i, name): (usize, String)| Array { name, axes: Vec::new(), variables: vec![i] };
    let mut all: Vec<Array> = names.into_iter().enumerate().map(single).collect();
    for (t, (term, block)) in mixed.terms.iter().zip(layout.blocks_of(Role::Effects)).enumerate() {
        all.push(Array {
            name: format!("r_{}", mixed.term_name(dataset, t)),
            axes: vec![ArrayAxis::Columns(t), ArrayAxis::Levels(term.factor)],
            variables: block.named.clone().collect(),
        });
    }
    all
}
