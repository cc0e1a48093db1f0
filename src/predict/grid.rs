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
    /// The columns for which a value was chosen, and the value.
    pub chosen: Vec<(String, String)>,
}

/// The values of a column.
enum GridValues {
    Numbers(Vec<f64>),
    Labels(Vec<String>),
}

impl RowGrid {
    /// The grid of what was `typed`, `floor=0,1` or `county=all`, in the order of the model's columns, of which the
    /// last changes first. Columns that are not named have one value: numbers their mean in the model's data, words
    /// their reference level, a factor a new level.
    ///
    /// # Errors
    /// If there is no such column or level, a word stands for a number, or there are too many rows.
    pub fn of(reader: &RowReader, typed: &[String]) -> Result<RowGrid, PredictError> {
        let columns = reader.columns();
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let fault = |typed: &str, problem: String| PredictError::Grid { typed: typed.to_string(), problem };
        let mut named: Vec<(&str, &str, &str)> = Vec::new();
        for text in typed {
            let Some((name, values)) = text.split_once('=') else {
                return Err(fault(text, "write a column and its values, as in floor=0,1 or county=all".to_string()));
            };
            let name = name.trim();
            if !names.iter().any(|known| known == name) {
                let meant = match closest(&names, name) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("write one of: {}", listed(&names)),
                };
                return Err(fault(text, format!("the model has no column `{name}`; {meant}")));
            }
            if named.iter().any(|(known, ..)| *known == name) {
                return Err(fault(text, format!("`{name}` is there twice; write all its values in one --at")));
            }
            named.push((name, values, text));
        }
        let (mut all, mut chosen, mut rows) = (Vec::new(), Vec::new(), 1_usize);
        for (name, known) in columns {
            let values = match named.iter().find(|(typed, ..)| *typed == name) {
                Some((_, values, text)) => read(values, known, &name).map_err(|problem| fault(text, problem))?,
                None => {
                    let (values, what) = unnamed(known);
                    chosen.push((name.clone(), what));
                    values
                }
            };
            let count = match &values {
                GridValues::Numbers(numbers) => numbers.len(),
                GridValues::Labels(labels) => labels.len(),
            };
            rows = rows.saturating_mul(count);
            all.push((name, values, count));
        }
        if rows > MOST {
            let problem = format!("these are {rows} combinations, and a grid has up to {MOST}; write fewer values");
            return Err(fault(&typed.join(" "), problem));
        }
        let (mut numbers, mut labels) = (Vec::new(), Vec::new());
        let mut repeats = rows;
        for (name, values, count) in &all {
            repeats /= count;
            let place = |row: usize| row / repeats % count;
            match values {
                GridValues::Numbers(of) => numbers.push((&name[..], (0..rows).map(|row| of[place(row)]).collect())),
                GridValues::Labels(of) => labels.push((&name[..], (0..rows).map(|row| &of[place(row)][..]).collect())),
            }
        }
        let frame = Frame::from_columns("the grid", numbers, labels)?.in_order_of(&names);
        Ok(RowGrid { frame, chosen })
    }
}

/// The value of a column that is not named, in the grid and in words.
fn unnamed(known: ColumnValues) -> (GridValues, String) {
    match known {
        ColumnValues::Numbers(mean) => (GridValues::Numbers(vec![mean]), format!("its mean, {mean}")),
        ColumnValues::Categories(levels) => {
            (GridValues::Labels(levels[..1].to_vec()), format!("its reference level, {}", levels[0]))
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
    match known {
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
