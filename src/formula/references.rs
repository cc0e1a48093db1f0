//! The reference levels of categorical columns, by option.

use crate::data::Frame;
use crate::data::text::closest;

use super::error::FormulaError;
use super::fault::ReferenceFault;
use super::groups::GroupTerm;
use super::syntax::{Expression, Form, Mention};

/// Columns and their reference levels; where there is none, it is the level that appears first.
pub(super) struct References<'a>(&'a [(String, String)]);

impl<'a> References<'a> {
    /// Checks that each is the level of a column that the terms take as categorical.
    pub fn of_variables<'v>(
        references: &'a [(String, String)],
        variables: impl Iterator<Item = &'v Expression>,
        groups: &[GroupTerm],
        frame: &Frame,
    ) -> Result<References<'a>, FormulaError> {
        let (mut categorical, mut numeric): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for variable in variables {
            match &variable.form {
                Form::Factor(column) => categorical.push(column.name.clone()),
                Form::Column(name) if frame.numbers(name).is_none() => categorical.push(name.clone()),
                _ => {
                    let mut mentions = Vec::new();
                    variable.mentions(&mut mentions);
                    numeric.extend(mentions.into_iter().map(|mention| mention.name));
                }
            }
        }
        let groups: Vec<&Mention> = groups.iter().flat_map(|group| &group.factor).collect();
        for (k, (column, level)) in references.iter().enumerate() {
            let labels = frame.labels(column).filter(|_| categorical.contains(column));
            let fault = match labels {
                Some(labels) if labels.levels.contains(level) => {
                    match references[..k].iter().find(|(earlier, _)| earlier == column) {
                        Some((_, other)) => ReferenceFault::Twice { other: other.clone() },
                        None => continue,
                    }
                }
                Some(labels) => {
                    ReferenceFault::NoLevel { closest: closest(&labels.levels, level), levels: labels.levels.clone() }
                }
                None if numeric.contains(column) => ReferenceFault::Numbers { column: column.clone() },
                None if groups.iter().any(|group| group.name == *column) => ReferenceFault::Grouping,
                None if categorical.is_empty() => ReferenceFault::NoCategorical,
                None => ReferenceFault::NoColumn { closest: closest(&categorical, column), columns: categorical },
            };
            return Err(FormulaError::Reference { column: column.clone(), level: level.clone(), fault });
        }
        Ok(References(references))
    }

    /// The reference level of a column, if there is an option.
    pub fn of(&self, column: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, level)| &level[..])
    }
}
