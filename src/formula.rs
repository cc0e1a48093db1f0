//! Models as people write them: a formula, as lme4 and brms have it, becomes the columns of a model.
//!
//! `Reaction ~ Days + (1 + Days | Subject)` is parsed without the data, says which columns it wants, and is expanded
//! over the rows of a [`Frame`] into a [`FormulaDesign`]. The meaning is that of R's `terms.formula` and `model.matrix`
//! with treatment contrasts, except where R would go on with less than what was asked for: columns that depend on
//! others, squares of terms and terms taken away in vain are refused.
//!
//! Text to tokens, to expressions, to terms of the population and of groups, to columns: each file knows those before.

mod coding;
mod design;
mod error;
mod expand;
mod fault;
mod groups;
mod learnt;
mod parser;
mod poly;
mod references;
mod roles;
mod sigma;
mod syntax;
mod terms;
mod tokens;
mod values;

use std::fmt::{self, Display, Formatter};

use crate::data::moments::mean;
use crate::data::text::closest;
use crate::data::{Frame, WantedColumn};

pub use design::{DesignColumns, DesignTerm, FormulaDesign, INTERCEPT, MOST_POPULATION, MOST_VARYING, ModelColumn};
pub use error::FormulaError;
pub use fault::{FormulaFault, ReferenceFault};
pub use learnt::Learnt;
pub(crate) use syntax::quoted;

use error::in_formula;
use expand::ColumnNames;
use groups::GroupTerm;
use learnt::Evaluation;
use parser::WrittenFormula;
use references::References;
use sigma::SigmaTerms;
use syntax::{Expression, Mention};
use terms::Terms;

/// A formula with one group-level term or more, checked as far as is possible without data.
///
/// [`Display`] gives its text in one order of terms and without shorthands, which parses to an equal formula.
#[derive(Debug, Clone)]
pub struct Formula {
    text: String,
    outcome: Expression,
    trials: Option<Expression>,
    population: Terms,
    groups: Vec<GroupTerm>,
    sigma: Option<SigmaTerms>,
}

impl Formula {
    /// Parses a formula.
    ///
    /// # Errors
    ///
    /// If it is no formula, or one that makes no sense with any data, with the place in the text.
    pub fn parse(text: &str) -> Result<Formula, FormulaError> {
        let parsed = parser::parse(text).and_then(|WrittenFormula { outcome, trials, terms }| {
            let (population, groups) = groups::split(&terms)?;
            roles::check(&outcome, terms.span, &population, &groups)?;
            Ok(Formula { text: text.to_owned(), outcome, trials, population, groups, sigma: None })
        });
        parsed.map_err(in_formula(text))
    }

    /// With a formula of sigma, as `sigma ~ lab`.
    ///
    /// # Errors
    ///
    /// If it is none, or makes no sense with any data, with the place in its text.
    pub fn with_sigma(self, text: &str) -> Result<Formula, FormulaError> {
        let parsed = SigmaTerms::parse(text).and_then(|sigma| {
            roles::nothing_explains_itself(&self.outcome, sigma.terms.variables.iter())?;
            Ok(sigma)
        });
        let sigma = Some(parsed.map_err(in_formula(text))?);
        Ok(Formula { sigma, ..self })
    }

    /// The formula of sigma, in one order of terms and without shorthands.
    pub fn sigma(&self) -> Option<String> {
        self.sigma.as_ref().map(SigmaTerms::to_string)
    }

    /// The columns it needs, in the order of the text.
    pub fn wanted(&self) -> Vec<WantedColumn> {
        wanted(self.mentions())
    }

    /// Checks that a file has the columns.
    ///
    /// # Errors
    ///
    /// For the first in the text that is missing, with the name that was probably meant.
    pub fn check_columns(&self, header: &[String]) -> Result<(), FormulaError> {
        let of_sigma = self.sigma.iter().map(|sigma| (&sigma.text, sigma.mentions()));
        for (text, mentions) in [(&self.text, self.mentions_of_eta())].into_iter().chain(of_sigma) {
            if let Some(Mention { name, span, .. }) =
                mentions.into_iter().find(|mention| !header.contains(&mention.name))
            {
                let closest = closest(header, &name);
                let fault = FormulaFault::UnknownColumn { column: name, closest, header: header.to_vec() };
                return Err(in_formula(text)((Box::new(fault), span)));
            }
        }
        Ok(())
    }

    /// The columns of the model over the rows of a file. `references` are pairs of a categorical column and its
    /// reference level; other columns have the level that appears first.
    ///
    /// # Errors
    ///
    /// If a column is missing or of the wrong kind, constant or linearly dependent on others, if a value is not finite,
    /// if there are too many columns, or if a reference is none.
    pub fn expand(&self, frame: &Frame, references: &[(String, String)]) -> Result<FormulaDesign, FormulaError> {
        Ok(self.learn(frame, references, false)?.0)
    }

    /// The columns as [`expand`](Self::expand) has them, and what the formula learns from these rows. With `two_levels`
    /// the outcome may be one of two words.
    ///
    /// # Errors
    ///
    /// As [`expand`](Self::expand).
    pub fn learn(
        &self,
        frame: &Frame,
        references: &[(String, String)],
        two_levels: bool,
    ) -> Result<(FormulaDesign, Learnt), FormulaError> {
        self.check_columns(frame.names())?;
        let outcome = two_levels.then_some(&self.outcome);
        let variables = outcome.into_iter().chain(self.variables());
        let references = References::of_variables(references, variables, &self.groups, frame)?;
        let at = Evaluation::learning(frame, references);
        let (trials, terms) = (self.trials.as_ref(), (&self.population, &self.groups[..]));
        let mut names = ColumnNames::default();
        let expanded = expand::expand(&self.outcome, two_levels, trials, terms, &at, &mut names);
        let design = expanded.map_err(in_formula(&self.text))?;
        let design = FormulaDesign { sigma: self.columns_of_sigma(&at, &mut names)?, ..design };
        let mut learnt = at.into_learnt();
        for Mention { name, .. } in self.mentions_of_terms() {
            if let Some(numbers) = frame.numbers(&name) {
                learnt.means.insert(name, mean(numbers));
            }
        }
        Ok((design, learnt))
    }

    /// The columns that it needs at other rows than those of the model: all but the outcome's.
    pub fn wanted_elsewhere(&self, learnt: &Learnt) -> Vec<WantedColumn> {
        let mut all = wanted(self.mentions_of_terms());
        for column in &mut all {
            column.as_label |= learnt.levels.contains_key(&column.name);
            column.as_value = learnt.means.contains_key(&column.name);
        }
        for of_trials in wanted(self.mentions_of_trials()) {
            match all.iter_mut().find(|column| column.name == of_trials.name) {
                Some(known) => known.as_value = true,
                None => all.push(of_trials),
            }
        }
        all
    }

    /// Whether rows have a number of trials.
    pub fn has_trials(&self) -> bool {
        self.trials.is_some()
    }

    /// The columns that only say how many trials a row has.
    pub fn trial_columns(&self) -> Vec<String> {
        let of_terms = self.mentions_of_terms();
        let all = self.mentions_of_trials().into_iter().map(|column| column.name);
        all.filter(|name| of_terms.iter().all(|mention| mention.name != *name)).collect()
    }

    /// The columns that only say which rows are of one group.
    pub fn group_columns(&self) -> Vec<String> {
        let all = self.groups.iter().flat_map(|group| &group.factor).map(|column| column.name.clone());
        let variables = self.mentions_of_variables();
        all.filter(|name| variables.iter().all(|mention| mention.name != *name)).collect()
    }

    /// The columns at other rows than those of the model, which `learnt` is of.
    ///
    /// # Errors
    ///
    /// If a column is missing, a value is not finite, or a categorical column has a level that the model's rows lack.
    pub fn elsewhere(&self, frame: &Frame, learnt: &Learnt) -> Result<DesignColumns, FormulaError> {
        let at = Evaluation::elsewhere(frame, learnt);
        let (trials, mut names) = (self.trials.as_ref(), ColumnNames::default());
        let columns = expand::columns_at(trials, (&self.population, &self.groups), &at, &mut names);
        let columns = columns.map_err(in_formula(&self.text))?;
        Ok(DesignColumns { sigma: self.columns_of_sigma(&at, &mut names)?, ..columns })
    }

    /// The columns of log sigma.
    fn columns_of_sigma(&self, at: &Evaluation, names: &mut ColumnNames) -> Result<Vec<ModelColumn>, FormulaError> {
        let Some(SigmaTerms { text, terms }) = &self.sigma else { return Ok(Vec::new()) };
        if at.known().is_none() {
            roles::no_group_is_a_number(terms, &self.groups, at.frame).map_err(in_formula(text))?;
        }
        expand::columns_of(terms, at, names).map_err(in_formula(text))
    }

    /// Every mention of a column: those of eta in the order of the text, then those of sigma.
    fn mentions(&self) -> Vec<Mention> {
        let of_sigma = self.sigma.iter().flat_map(SigmaTerms::mentions);
        self.mentions_of_eta().into_iter().chain(of_sigma).collect()
    }

    /// The mentions of columns but those of sigma, in the order of the text.
    fn mentions_of_eta(&self) -> Vec<Mention> {
        let mut mentions = Vec::new();
        self.outcome.mentions(&mut mentions);
        mentions.extend(self.mentions_of_trials());
        let variables = self.variables_of_eta();
        mentions.extend(in_order(variables, self.groups.iter().flat_map(|group| group.factor.clone())));
        mentions
    }

    /// The mentions of columns in the number of trials.
    fn mentions_of_trials(&self) -> Vec<Mention> {
        let mut mentions = Vec::new();
        self.trials.iter().for_each(|trials| trials.mentions(&mut mentions));
        mentions
    }

    /// The mentions of columns after `~`, in the order of the texts.
    fn mentions_of_terms(&self) -> Vec<Mention> {
        let of_groups = self.groups.iter().flat_map(|group| group.factor.clone());
        let of_sigma = self.sigma.iter().flat_map(SigmaTerms::mentions);
        in_order(self.variables_of_eta(), of_groups).into_iter().chain(of_sigma).collect()
    }

    /// The mentions of columns that are variables of terms.
    fn mentions_of_variables(&self) -> Vec<Mention> {
        in_order(self.variables(), std::iter::empty())
    }

    /// The variables of all terms.
    fn variables(&self) -> impl Iterator<Item = &Expression> {
        let of_sigma = self.sigma.iter().flat_map(|sigma| &sigma.terms.variables);
        self.variables_of_eta().chain(of_sigma)
    }

    /// The variables of all terms but those of sigma.
    fn variables_of_eta(&self) -> impl Iterator<Item = &Expression> {
        let varying = self.groups.iter().flat_map(|group| &group.varying.variables);
        self.population.variables.iter().chain(varying)
    }
}

/// The mentions of columns in `variables`, and `others`, in the order of the text.
fn in_order<'a>(
    variables: impl Iterator<Item = &'a Expression>,
    others: impl Iterator<Item = Mention>,
) -> Vec<Mention> {
    let mut mentions = Vec::new();
    variables.for_each(|expression| expression.mentions(&mut mentions));
    mentions.extend(others);
    mentions.sort_by_key(|mention| mention.span.start);
    mentions
}

/// What is wanted of the columns that are mentioned, each once.
fn wanted(mentions: Vec<Mention>) -> Vec<WantedColumn> {
    let mut wanted: Vec<WantedColumn> = Vec::new();
    for Mention { name, as_label, .. } in mentions {
        match wanted.iter_mut().find(|known| known.name == name) {
            Some(known) => {
                known.as_label |= as_label;
                known.as_value |= !as_label;
            }
            None => wanted.push(WantedColumn { name, as_value: !as_label, as_label }),
        }
    }
    wanted
}

impl Display for Formula {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.outcome)?;
        self.trials.iter().try_for_each(|trials| write!(f, " | trials({trials})"))?;
        write!(f, " ~ {}", self.population)?;
        self.groups.iter().try_for_each(|group| write!(f, " + {group}"))
    }
}

/// Two formulas are equal if their texts in one order and without shorthands are.
impl PartialEq for Formula {
    fn eq(&self, other: &Formula) -> bool {
        self.to_string() == other.to_string() && self.sigma() == other.sigma()
    }
}
