//! Rows at which a model is evaluated: their columns, and the level that each has of each factor.

use std::collections::HashMap;

use super::PredictError;
use crate::data::{FileBlock, Frame, WantedColumn};
use crate::formula::{Formula, INTERCEPT, Learnt, ModelColumn};
use crate::model::{Mixed, Model, RowColumns};

/// The level that a row has of a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowLevel {
    /// One that the model's data have, by its number.
    Known(u32),
    /// Another one, by the number of its label in [`Rows::new_labels`].
    New(u32),
    /// One of those that the model's data have, but not known which.
    Missing,
    /// None: the effects are those of the population's mean.
    Average,
}

/// What becomes of a level that the model's data do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NewLevels {
    /// Its effects are drawn from the population, one draw for all rows of the level.
    #[default]
    Population,
    /// It is refused.
    Refuse,
    /// Its effects are those of the population's mean.
    Average,
}

/// Rows at which a model is evaluated.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Number of rows.
    pub count: usize,
    /// The data set's predictors, `[predictor][row]`, centred as they are there.
    pub predictors: Vec<Vec<f64>>,
    /// The levels of each factor, `[factor][row]`.
    pub levels: Vec<Vec<RowLevel>>,
    /// The labels of new levels.
    pub new_labels: Vec<String>,
    /// The known part of the linear predictor.
    pub offset: Option<Vec<f64>>,
    /// Weights, by which the variance of an outcome is divided.
    pub weights: Option<Vec<f64>>,
    /// Known standard errors beside sigma.
    pub errors: Option<Vec<f64>>,
    /// Numbers of trials.
    pub trials: Option<Vec<f64>>,
}

impl Rows {
    /// The rows of the model's own data, in the order of its data set.
    pub fn of_model(model: &Model) -> Rows {
        let data = model.dataset();
        let known = |factor| data.level_of_rows(factor).into_iter().map(RowLevel::Known).collect();
        Rows {
            count: data.n_observations(),
            predictors: (0..data.predictor_names().len()).map(|k| data.predictor(k).to_vec()).collect(),
            levels: (0..data.n_factors()).map(known).collect(),
            new_labels: Vec::new(),
            offset: data.offset().map(<[f64]>::to_vec),
            weights: data.weights().map(<[f64]>::to_vec),
            errors: data.errors().map(<[f64]>::to_vec),
            trials: data.trials().map(<[f64]>::to_vec),
        }
    }

    /// The number of trials of a row; 1 if it has none.
    pub fn size(&self, row: usize) -> f64 {
        self.trials.as_ref().map_or(1.0, |trials| trials[row])
    }
}

/// How rows of a file become rows of a model.
#[derive(Debug)]
pub struct RowReader<'a> {
    model: &'a Model,
    /// The formula, and what it learnt; `None` for the shorthand.
    formula: Option<(Formula, &'a Mixed, &'a Learnt)>,
    /// The number of each level, factor by factor.
    levels: Vec<HashMap<&'a str, u32>>,
    new_levels: NewLevels,
    /// The columns that only say how many trials a row has.
    of_trials: Vec<String>,
}

impl<'a> RowReader<'a> {
    /// For rows of `model`.
    ///
    /// # Errors
    /// If the model was stored without what its formula learnt.
    pub fn new(model: &'a Model, new_levels: NewLevels) -> Result<RowReader<'a>, PredictError> {
        let data = model.dataset();
        let formula = match model.mixed() {
            None => None,
            Some(mixed) => {
                let learnt = mixed.learnt.as_ref().ok_or(PredictError::NothingLearnt)?;
                let formula = mixed.parsed().map_err(|_| PredictError::NothingLearnt)?;
                Some((formula, &**mixed, learnt))
            }
        };
        let of_factor = |factor| (0..).zip(data.levels(factor)).map(|(j, level)| (&level[..], j)).collect();
        let of_trials = formula.as_ref().map_or(Vec::new(), |(formula, ..)| formula.trial_columns());
        Ok(RowReader { model, formula, levels: (0..data.n_factors()).map(of_factor).collect(), new_levels, of_trials })
    }

    /// The columns that a file of rows must have.
    pub fn wanted(&self) -> Vec<WantedColumn> {
        let value = |name: &String| WantedColumn { name: name.clone(), as_value: true, as_label: false };
        match &self.formula {
            Some((formula, mixed, learnt)) => {
                let RowColumns { weights, offset, errors, .. } = &mixed.rows;
                let beside = [weights, offset, errors].into_iter().flatten().map(value);
                formula.wanted_elsewhere(learnt).into_iter().chain(beside).collect()
            }
            None => {
                let data = self.model.dataset();
                let group = WantedColumn { as_value: false, as_label: true, ..value(&data.group_name().to_string()) };
                std::iter::once(group).chain(data.predictor_names().iter().map(value)).collect()
            }
        }
    }

    /// The columns that say of which group a row is, and nothing else: a label that is missing there is an unknown one
    /// of those in the model's data.
    pub fn may_miss(&self) -> Vec<String> {
        match &self.formula {
            Some((formula, ..)) => formula.group_columns(),
            None => vec![self.model.dataset().group_name().to_string()],
        }
    }

    /// The columns of numbers with their means in the model's data, and those of words with their levels, all in the
    /// order of [`wanted`](Self::wanted); of a grouping column that is part of a factor neither.
    pub fn columns(&self) -> Vec<(String, ColumnValues<'a>)> {
        let data = self.model.dataset();
        let mean = |values: &[f64]| crate::data::moments::mean(values);
        let of = |WantedColumn { name, .. }: WantedColumn| {
            let factor = (0..data.n_factors()).find(|factor| data.factor_name(*factor) == name);
            let values = match &self.formula {
                Some((_, mixed, learnt)) => {
                    let RowColumns { weights, offset, errors, .. } = &mixed.rows;
                    let beside = |column: &Option<String>| column.as_ref() == Some(&name);
                    match (learnt.means.get(&name), learnt.levels.get(&name)) {
                        // The outcome of one trial.
                        (None, None) if self.of_trials.contains(&name) => ColumnValues::Trials,
                        (Some(mean), _) => ColumnValues::Numbers(*mean),
                        (None, Some(levels)) => ColumnValues::Categories(levels),
                        (None, None) if beside(offset) => ColumnValues::Numbers(data.offset().map_or(0.0, mean)),
                        (None, None) if beside(weights) => ColumnValues::Numbers(data.weights().map_or(1.0, mean)),
                        (None, None) if beside(errors) => {
                            let of_weights = || data.weights().map(|weights| mean(weights).powf(-0.5));
                            ColumnValues::Numbers(data.errors().map(mean).or_else(of_weights).unwrap_or(1.0))
                        }
                        (None, None) => factor.map_or(ColumnValues::Part, |of| ColumnValues::Levels(data.levels(of))),
                    }
                }
                None => match data.predictor_names().iter().position(|predictor| *predictor == name) {
                    Some(k) => ColumnValues::Numbers(mean(data.predictor(k)) + data.predictor_means()[k]),
                    None => ColumnValues::Levels(data.groups()),
                },
            };
            (name, values)
        };
        self.wanted().into_iter().map(of).collect()
    }

    /// The columns beside a formula: weights, offsets, errors.
    pub fn columns_beside(&self) -> Vec<String> {
        let Some((_, mixed, _)) = &self.formula else { return Vec::new() };
        let RowColumns { weights, offset, errors, .. } = &mixed.rows;
        [weights, offset, errors].into_iter().flatten().chain(&self.of_trials).cloned().collect()
    }

    /// The values of a column of numbers at the model's own rows; `None` if they are not known.
    pub fn own_values(&self, name: &str) -> Option<Vec<f64>> {
        let data = self.model.dataset();
        if self.formula.is_some() {
            return data.sources().iter().find(|(source, _)| source == name).map(|(_, values)| values.clone());
        }
        let k = data.predictor_names().iter().position(|predictor| predictor == name)?;
        Some(data.predictor(k).iter().map(|x| x + data.predictor_means()[k]).collect())
    }

    /// Whether the labels of a column are asked for, whatever they look like: it is a factor, or part of one.
    pub fn is_label(&self, name: &str) -> bool {
        self.wanted().iter().any(|column| column.as_label && column.name == name)
    }

    /// The rows of a block.
    ///
    /// # Errors
    /// If an expression is not finite, a level of a categorical column is new, or one of a factor is new and refused.
    pub fn rows(&self, block: &FileBlock) -> Result<Rows, PredictError> {
        let (data, frame) = (self.model.dataset(), &block.frame);
        let mut rows = Rows { count: frame.n_rows(), ..Rows::default() };
        let Some((formula, mixed, learnt)) = &self.formula else {
            let labels = frame.labels(data.group_name()).cloned().unwrap_or_default();
            rows.levels = vec![self.levels_of(0, &labels.levels, &labels.of, frame, &mut rows.new_labels)?];
            for (name, mean) in data.predictor_names().iter().zip(data.predictor_means()) {
                let numbers = frame.numbers(name).unwrap_or_default();
                rows.predictors.push(numbers.iter().map(|number| number - mean).collect());
            }
            return Ok(rows);
        };
        let design = formula.elsewhere(frame, learnt)?;
        let mut columns: HashMap<String, Vec<f64>> = HashMap::new();
        let all = design.terms.iter().flat_map(|term| &term.columns).chain(&design.population).chain(&design.sigma);
        for ModelColumn { name, values } in all.filter(|column| column.name != INTERCEPT) {
            columns.entry(name.clone()).or_insert_with(|| values.clone());
        }
        let of_name = |name: &String| columns.remove(name).ok_or(PredictError::NothingLearnt);
        rows.predictors = data.predictor_names().iter().map(of_name).collect::<Result<_, PredictError>>()?;
        for factor in 0..data.n_factors() {
            let term = design.terms.iter().find(|term| term.factor == data.factor_name(factor));
            let term = term.ok_or(PredictError::NothingLearnt)?;
            let levels = self.levels_of(factor, &term.levels, &term.level_of, frame, &mut rows.new_labels)?;
            rows.levels.push(levels);
        }
        let beside = |name: &Option<String>, what, positive| match name {
            Some(name) => frame.of_rows(name, what, positive).map(Some),
            None => Ok(None),
        };
        let RowColumns { weights, offset, errors, .. } = &mixed.rows;
        rows.trials = design.trials.map(|trials| trials.values);
        if let Some(row) = rows.trials.iter().flatten().position(|n| !(*n >= 0.0 && n.fract() == 0.0)) {
            let (file, place) = (frame.source().to_string(), frame.place(row));
            let value = rows.trials.as_ref().map_or(f64::NAN, |trials| trials[row]);
            return Err(PredictError::Trials { file, place, value });
        }
        rows.offset = beside(offset, "offsets", false)?;
        rows.weights = beside(weights, "weights", true)?;
        let errors = beside(errors, "standard errors", true)?;
        match mixed.rows.has_sigma() {
            true => rows.errors = errors,
            // In the place of sigma, errors are weights of rows whose sigma is 1.
            false => rows.weights = errors.map(|errors| errors.iter().map(|error| error.powi(-2)).collect()),
        }
        Ok(rows)
    }

    /// The rows of the model's own data, with another value of a column in every row: a number, or a level.
    ///
    /// # Errors
    /// If an expression is not finite there, or the store does not have the columns of the file.
    pub fn own_rows_at(&self, column: &str, value: &dyn Fn(f64) -> NewValue<'a>) -> Result<Rows, PredictError> {
        let (data, own) = (self.model.dataset(), Rows::of_model(self.model));
        let Some((_, _, learnt)) = &self.formula else {
            let mut rows = own;
            if let Some(k) = data.predictor_names().iter().position(|name| name == column) {
                let mean = data.predictor_means()[k];
                for x in &mut rows.predictors[k] {
                    if let NewValue::Number(number) = value(*x + mean) {
                        *x = number - mean;
                    }
                }
            }
            return Ok(rows);
        };
        let wanted = self.wanted();
        let (mut numbers, mut labels) = (Vec::new(), Vec::new());
        for WantedColumn { name, as_value, as_label } in &wanted {
            let source = data.sources().iter().find(|(source, _)| source == name).map(|(_, values)| values);
            let is_changed = name == column;
            if learnt.means.contains_key(name) {
                let values = source.ok_or(PredictError::NothingLearnt)?.iter().map(|x| match value(*x) {
                    NewValue::Number(number) if is_changed => number,
                    _ => *x,
                });
                numbers.push((&name[..], values.collect()));
            } else if *as_value {
                // Beside the formula: what is there is not asked for.
                numbers.push((&name[..], vec![1.0; own.count]));
            }
            if let Some(levels) = learnt.levels.get(name) {
                let level = |x: &f64| match value(*x) {
                    NewValue::Level(level) if is_changed => level,
                    _ => levels.get(*x as usize).map_or("", String::as_str),
                };
                labels.push((&name[..], source.ok_or(PredictError::NothingLearnt)?.iter().map(level).collect()));
            } else if *as_label {
                // The levels of factors are those of the data set.
                labels.push((&name[..], vec!["?"; own.count]));
            }
        }
        let block = Frame::from_columns(data.source(), numbers, labels)?.into_block();
        Ok(Rows { predictors: self.rows(&block)?.predictors, ..own })
    }

    /// The level of each row, given the labels of all rows; the empty one is missing.
    fn levels_of(
        &self,
        factor: usize,
        labels: &[String],
        of: &[u32],
        frame: &Frame,
        new_labels: &mut Vec<String>,
    ) -> Result<Vec<RowLevel>, PredictError> {
        let mut meaning = Vec::with_capacity(labels.len());
        for (here, label) in (0..).zip(labels) {
            meaning.push(match (self.levels[factor].get(&label[..]), self.new_levels) {
                _ if label.is_empty() => RowLevel::Missing,
                (Some(known), _) => RowLevel::Known(*known),
                (None, NewLevels::Average) => RowLevel::Average,
                (None, NewLevels::Population) => {
                    new_labels.push(label.clone());
                    RowLevel::New(new_labels.len() as u32 - 1)
                }
                (None, NewLevels::Refuse) => {
                    let place = frame.place(of.iter().position(|level| *level == here).unwrap_or(0));
                    let data = self.model.dataset();
                    let (factor, file) = (data.factor_name(factor).to_string(), frame.source().to_string());
                    return Err(PredictError::NewLevel { file, factor, level: label.clone(), place });
                }
            });
        }
        Ok(of.iter().map(|level| meaning[*level as usize]).collect())
    }
}

/// Another value of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NewValue<'a> {
    /// A number.
    Number(f64),
    /// A level of a categorical column.
    Level(&'a str),
}

/// What a column of new rows may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ColumnValues<'a> {
    /// Numbers; in the model's data this is their mean.
    Numbers(f64),
    /// Numbers of trials.
    Trials,
    /// These words, the reference level first.
    Categories(&'a [String]),
    /// Labels; the model's data have these.
    Levels(&'a [String]),
    /// Labels which, together with those of other columns, are levels of a factor.
    Part,
}
