//! Grids of rows that are asked for by values of columns: all combinations of them.

use super::PredictError;
use super::rows::{ColumnValues, RowReader};
use crate::data::Frame;
use crate::data::text::{closest, listed};

/// Most rows of a grid.
const MOST: usize = 1 << 20;

/// The label of a level that stands for none in the model's data.
const NEW: &str = "(new)";

/// All combinations of values of columns.
#[derive(Debug, Clone)]
pub struct RowGrid {
    /// The rows.
    pub frame: Frame,
    /// The columns that are not named, and in words where they stand: at a mean, at a reference level.
    pub chosen: Vec<(String, String)>,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum GridValues {
    /// Of a column of numbers.
    Numbers(Vec<f64>),
    /// Of words, or of a factor.
    Labels(Vec<String>),
}

impl GridValues {
    /// The values as labels.
    fn texts(&self) -> Vec<String> {
        match self {
            GridValues::Numbers(numbers) => numbers.iter().map(f64::to_string).collect(),
            GridValues::Labels(labels) => labels.clone(),
        }
    }

    fn count(&self) -> usize {
        match self {
            GridValues::Numbers(numbers) => numbers.len(),
            GridValues::Labels(labels) => labels.len(),
        }
    }
}

/// Divides `floor=0,1` after the name of a column, which may have the sign, too; without the sign after it, there are
/// no values.
pub fn column_and_values<'t>(typed: &'t str, names: &[String]) -> (&'t str, Option<&'t str>) {
    let is_column = |text: &str| names.iter().any(|name| name == text.trim());
    let parts = || typed.match_indices('=').map(|(at, sign)| (&typed[..at], Some(&typed[at + sign.len()..])));
    let named = std::iter::once((typed, None)).chain(parts()).find(|(name, _)| is_column(name));
    named.or_else(|| parts().next()).unwrap_or((typed, None))
}

impl RowGrid {
    /// The grid of what was `typed`, `floor=0,1` or `county=all`, as [`at`](Self::at) has it.
    ///
    /// # Errors
    /// If there is no such column or level, a word stands for a number, or there are too many rows.
    pub fn of(reader: &RowReader, typed: &[String]) -> Result<RowGrid, PredictError> {
        let columns = reader.columns();
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let fault = |typed: &str, problem: String| PredictError::Grid { typed: typed.to_string(), problem };
        let mut named: Vec<(String, GridValues)> = Vec::new();
        for text in typed {
            let (name, Some(values)) = column_and_values(text, &names) else {
                return Err(fault(text, "write a column and its values, as in floor=0,1 or county=all".to_string()));
            };
            let Some((name, known)) = columns.iter().find(|(known, _)| known == name.trim()) else {
                let meant = match closest(&names, name.trim()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("write one of: {}", listed(&names)),
                };
                return Err(fault(text, format!("the model has no column `{}`; {meant}", name.trim())));
            };
            if named.iter().any(|(other, _)| other == name) {
                return Err(fault(text, format!("`{name}` is there twice; write all its values in one --at")));
            }
            let values = read(values, *known, name).map_err(|problem| fault(text, problem))?;
            named.push((name.clone(), values));
        }
        RowGrid::at(reader, named)
    }

    /// All combinations of these values of columns, in the order of the model's columns; values of the last one change
    /// first. Columns that are not named have one value: numbers their mean in the model's data, words their reference
    /// level, a factor a new level.
    ///
    /// # Errors
    /// If there are too many rows.
    pub fn at(reader: &RowReader, mut named: Vec<(String, GridValues)>) -> Result<RowGrid, PredictError> {
        let (mut all, mut chosen) = (Vec::new(), Vec::new());
        for (name, known) in reader.columns() {
            let values = match named.iter().position(|(other, _)| *other == name) {
                Some(place) => named.swap_remove(place).1,
                None => {
                    let (values, what) = unnamed(known);
                    chosen.push((name.clone(), what));
                    values
                }
            };
            all.push((name, values));
        }
        let rows = all.iter().map(|(_, values)| values.count()).fold(1, usize::saturating_mul);
        if rows > MOST {
            return Err(PredictError::LargeGrid { rows, most: MOST });
        }
        let (mut numbers, mut labels) = (Vec::new(), Vec::new());
        let mut repeats = rows;
        // A column of numbers may be a factor as well, whose labels these are.
        let texts: Vec<Vec<String>> = all.iter().map(|(_, values)| values.texts()).collect();
        for ((name, values), texts) in all.iter().zip(&texts) {
            repeats /= values.count();
            let places = (0..rows).map(|row| row / repeats % values.count());
            if let GridValues::Numbers(of) = values {
                numbers.push((&name[..], places.clone().map(|place| of[place]).collect()));
            }
            if matches!(values, GridValues::Labels(_)) || reader.is_label(name) {
                labels.push((&name[..], places.map(|place| &texts[place][..]).collect()));
            }
        }
        let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
        let frame = Frame::from_columns("the grid", numbers, labels)?.in_order_of(&names);
        Ok(RowGrid { frame, chosen })
    }
}

/// The value of a column that is not named, in the grid and in words.
fn unnamed(known: ColumnValues) -> (GridValues, String) {
    match known {
        ColumnValues::Numbers(mean) => (GridValues::Numbers(vec![mean]), format!("at its mean, {mean}")),
        ColumnValues::Trials => (GridValues::Numbers(vec![1.0]), "1: the outcome is that of one trial".to_string()),
        ColumnValues::Categories(levels) => {
            (GridValues::Labels(levels[..1].to_vec()), format!("at its reference level, {}", levels[0]))
        }
        ColumnValues::Levels(_) | ColumnValues::Part => {
            (GridValues::Labels(vec![NEW.to_string()]), "a new level".to_string())
        }
    }
}

/// The values that were typed for a column.
fn read(typed: &str, known: ColumnValues, name: &str) -> Result<GridValues, String> {
    let words: Vec<&str> = typed.split(',').map(str::trim).collect();
    let all = words == ["all"];
    let known = if known == ColumnValues::Trials { ColumnValues::Numbers(1.0) } else { known };
    match known {
        ColumnValues::Trials => Ok(GridValues::Numbers(vec![1.0])),
        ColumnValues::Numbers(mean) => {
            let number = |word: &&str| match (word.parse::<f64>(), *word) {
                (Ok(number), _) if number.abs() <= crate::data::MAX_MAGNITUDE => Ok(number),
                (_, "mean") => Ok(mean),
                _ => {
                    Err(format!("`{name}` has numbers, and `{word}` is none; write numbers, as in {name}=0,1, or mean"))
                }
            };
            words.iter().map(number).collect::<Result<_, String>>().map(GridValues::Numbers)
        }
        ColumnValues::Categories(levels) | ColumnValues::Levels(levels) if all => {
            Ok(GridValues::Labels(levels.to_vec()))
        }
        // A label may have a comma in it.
        ColumnValues::Categories(levels) | ColumnValues::Levels(levels) if levels.iter().any(|l| l == typed.trim()) => {
            Ok(GridValues::Labels(vec![typed.trim().to_string()]))
        }
        ColumnValues::Categories(levels) => {
            let unknown = words.iter().find(|word| !levels.iter().any(|level| level == *word));
            match unknown {
                Some(word) => Err(format!("`{name}` has no level `{word}`; write all, or some of: {}", listed(levels))),
                None => Ok(GridValues::Labels(words.iter().map(ToString::to_string).collect())),
            }
        }
        ColumnValues::Levels(_) | ColumnValues::Part if words.iter().any(|word| word.is_empty()) => {
            Err(format!("`{name}` has an empty label; write all, or labels, as in {name}=label"))
        }
        ColumnValues::Part if all => {
            Err(format!("the levels are those of several columns together; write labels, as in {name}=label"))
        }
        ColumnValues::Levels(_) | ColumnValues::Part => {
            Ok(GridValues::Labels(words.iter().map(ToString::to_string).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_columns_name_may_have_the_sign_that_values_come_after() {
        let names = ["dose".to_string(), "is=high".to_string()];
        assert_eq!(column_and_values("dose=0,1", &names), ("dose", Some("0,1")));
        assert_eq!(column_and_values("is=high=0,1", &names), ("is=high", Some("0,1")));
        assert_eq!(column_and_values("is=high", &names), ("is=high", None));
        assert_eq!(column_and_values("dos=0=1", &names), ("dos", Some("0=1")));
        assert_eq!(column_and_values("dose", &names), ("dose", None));
    }
}
