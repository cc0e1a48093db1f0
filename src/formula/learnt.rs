//! What a formula learns from the rows that it is expanded over: centres, scales, polynomials and levels. With these it
//! means the same at other rows.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::poly::Polynomials;
use super::references::References;
use crate::data::Frame;

/// What a formula knows of the rows of a model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Learnt {
    /// What is subtracted and then divided by in each `center(x)` and `scale(x)`, by its text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) scales: BTreeMap<String, [f64; 2]>,
    /// The polynomials of each `poly(x, degree)`, by its text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) polynomials: BTreeMap<String, Polynomials>,
    /// The levels of each categorical column, the reference level first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<String, Vec<String>>,
    /// The mean of each column of numbers, in the units of the file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub means: BTreeMap<String, f64>,
}

impl Learnt {
    /// The columns of `frame` that the formula's terms mention, except those that only say of which group a row is:
    /// their numbers, or the numbers of their levels.
    pub fn sources(&self, frame: &Frame) -> Vec<(String, Vec<f64>)> {
        let numbers = self.means.keys().filter_map(|name| Some((name.clone(), frame.numbers(name)?.to_vec())));
        let categories = self.levels.iter().filter_map(|(name, levels)| {
            let labels = frame.labels(name)?;
            let number = |level: &String| levels.iter().position(|known| known == level).unwrap_or(0) as f64;
            let numbers: Vec<f64> = labels.levels.iter().map(number).collect();
            Some((name.clone(), labels.of.iter().map(|of| numbers[*of as usize]).collect()))
        });
        numbers.chain(categories).collect()
    }
}

/// Rows at which expressions are evaluated: those from which a formula learns, or others.
pub(super) struct Evaluation<'a> {
    pub frame: &'a Frame,
    /// What was learnt from the rows of the model; `None` at these rows themselves.
    known: Option<&'a Learnt>,
    references: Option<References<'a>>,
    learnt: RefCell<Learnt>,
}

impl<'a> Evaluation<'a> {
    /// At the rows of the model, from which the formula learns.
    pub fn learning(frame: &'a Frame, references: References<'a>) -> Evaluation<'a> {
        Evaluation { frame, known: None, references: Some(references), learnt: RefCell::default() }
    }

    /// At other rows.
    pub fn elsewhere(frame: &'a Frame, known: &'a Learnt) -> Evaluation<'a> {
        Evaluation { frame, known: Some(known), references: None, learnt: RefCell::default() }
    }

    /// What was learnt from the rows of the model, if these are others.
    pub fn known(&self) -> Option<&'a Learnt> {
        self.known
    }

    /// The reference level of a column, if there is an option.
    pub fn reference(&self, column: &str) -> Option<&str> {
        self.references.as_ref().and_then(|references| references.of(column))
    }

    /// Whether a column is one of numbers.
    pub fn is_numeric(&self, column: &str) -> bool {
        match self.known {
            Some(known) => known.means.contains_key(column),
            None => self.frame.numbers(column).is_some(),
        }
    }

    /// Changes what is learnt.
    pub fn learn(&self, change: impl FnOnce(&mut Learnt)) {
        change(&mut self.learnt.borrow_mut());
    }

    /// What was learnt here.
    pub fn into_learnt(self) -> Learnt {
        self.learnt.into_inner()
    }
}
