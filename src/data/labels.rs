//! Group labels, numbered in order of first appearance.

use std::collections::HashMap;

/// Stores each label once.
#[derive(Default)]
pub(super) struct GroupIndex {
    numbers: HashMap<String, usize, foldhash::fast::RandomState>,
    names: Vec<String>,
}

impl GroupIndex {
    /// The label's number; a new number for a new label.
    pub fn index_of(&mut self, label: &str) -> usize {
        if let Some(&index) = self.numbers.get(label) {
            return index;
        }
        let index = self.names.len();
        self.numbers.insert(label.to_owned(), index);
        self.names.push(label.to_owned());
        index
    }

    /// All labels, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn into_names(self) -> Vec<String> {
        self.names
    }
}
