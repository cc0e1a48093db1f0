//! Labels of rows, numbered in order of first appearance.

use std::collections::HashMap;

/// The label of each row. Labels stay as they are written: `01` and `1` are two.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// The different labels, in order of first appearance.
    pub levels: Vec<String>,
    /// The index of each row's label in `levels`.
    pub of: Vec<u32>,
}

/// Labels with an index, so that each is stored once.
#[derive(Default)]
pub(super) struct LabelIndex {
    numbers: HashMap<String, u32, foldhash::fast::RandomState>,
    labels: Labels,
}

impl LabelIndex {
    /// No labels yet, with capacity for `rows` rows.
    pub fn with_capacity(rows: usize) -> LabelIndex {
        let labels = Labels { levels: Vec::new(), of: Vec::with_capacity(rows) };
        LabelIndex { labels, ..LabelIndex::default() }
    }

    /// Adds the label of the next row.
    pub fn push(&mut self, label: &str) {
        let number = self.number_of(label);
        self.labels.of.push(number);
    }

    /// Adds the labels of the next rows.
    pub fn append(&mut self, rows: Labels) {
        // In order of first appearance in these rows, and so in all rows.
        let numbers: Vec<u32> = rows.levels.iter().map(|label| self.number_of(label)).collect();
        self.labels.of.extend(rows.of.iter().map(|of| numbers[*of as usize]));
    }

    /// Whether a row has this label.
    pub fn contains(&self, label: &str) -> bool {
        self.numbers.contains_key(label)
    }

    pub fn into_labels(mut self) -> Labels {
        self.labels.of.shrink_to_fit();
        self.labels
    }

    /// The label's number; a new number for a new label.
    fn number_of(&mut self, label: &str) -> u32 {
        if let Some(&number) = self.numbers.get(label) {
            return number;
        }
        // No memory holds 2^32 different labels.
        let number = self.labels.levels.len() as u32;
        self.numbers.insert(label.to_owned(), number);
        self.labels.levels.push(label.to_owned());
        number
    }
}
