//! A formula of sigma, `sigma ~ lab`: the terms of its logarithm.

use std::fmt::{self, Display, Formatter};

use super::error::Located;
use super::fault::FormulaFault;
use super::groups;
use super::parser::{self, WrittenFormula};
use super::syntax::{Form, Mention};
use super::terms::Terms;

/// The name before `~`.
const SIGMA: &str = "sigma";

/// The terms of log sigma.
#[derive(Debug, Clone)]
pub(super) struct SigmaTerms {
    pub text: String,
    pub terms: Terms,
}

impl SigmaTerms {
    pub fn parse(text: &str) -> Located<SigmaTerms> {
        let WrittenFormula { outcome, trials, terms } = parser::parse(text)?;
        if !matches!(&outcome.form, Form::Column(name) if name == SIGMA) {
            return outcome.span.fault(FormulaFault::NotSigma);
        }
        if let Some(trials) = trials {
            return trials.span.fault(FormulaFault::NotSigma);
        }
        let (population, of_groups) = groups::split(&terms)?;
        if let Some(group) = of_groups.first() {
            return group.span.fault(FormulaFault::SigmaByGroup { factor: group.name() });
        }
        if !population.intercept && population.terms.is_empty() {
            return terms.span.fault(FormulaFault::NothingOfSigma);
        }
        Ok(SigmaTerms { text: text.to_owned(), terms: population })
    }

    /// Every mention of a column, in the order of the text.
    pub fn mentions(&self) -> Vec<Mention> {
        let mut mentions = Vec::new();
        self.terms.variables.iter().for_each(|expression| expression.mentions(&mut mentions));
        mentions.sort_by_key(|mention| mention.span.start);
        mentions
    }
}

impl Display for SigmaTerms {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{SIGMA} ~ {}", self.terms)
    }
}
