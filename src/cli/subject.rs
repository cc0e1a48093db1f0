//! What is modelled, as it is typed: data with the shorthand's priors, or a formula.

use std::sync::Arc;

use warpnuts::data::{Dataset, one_line};
use warpnuts::experiment::{self, EngineChoice};
use warpnuts::model::{Coordinates, Likelihood, Mixed, Model, PriorScales, RowColumns};
use warpnuts::summary::advice;

use super::arguments::{DataArguments, PriorArguments, RunArguments};
use super::{Failure, complain, formula, resolve};

/// The data, the model, and why it has its parameterization if none was typed.
pub struct Problem {
    pub dataset: Arc<Dataset>,
    pub model: Arc<Model>,
    pub why: Option<String>,
}

/// What is modelled: data, with the shorthand's priors or a formula's structure.
pub enum Subject {
    Shorthand(Arc<Dataset>, PriorScales),
    Formula(Arc<Dataset>, Arc<Mixed>),
}

impl Subject {
    /// Reads and checks the data.
    pub fn read(data: &DataArguments, priors: &PriorArguments) -> Result<Subject, Failure> {
        let Some(text) = &data.formula else {
            data.refuse_options_of_formulas(&priors.priors)?;
            let dataset = resolve::dataset(data)?;
            let priors = resolve::priors(priors, &dataset);
            return Ok(Subject::Shorthand(dataset, priors));
        };
        let rows = RowColumns {
            weights: data.weights.clone(),
            offset: data.offset.clone(),
            errors: data.se.clone(),
            with_sigma: data.with_sigma,
        };
        let (dataset, mixed) =
            formula::read(data, (text, data.sigma_formula.as_deref()), data.family()?, rows, &priors.priors)?;
        resolve::note(&dataset);
        if let Some([zero, one]) = &mixed.outcome_levels {
            let outcome = dataset.outcome_name();
            complain(format_args!(
                "note: {outcome} is 1 where it is `{}`, and 0 where it is `{}`",
                one_line(one),
                one_line(zero)
            ));
        }
        Ok(Subject::Formula(dataset, mixed))
    }

    /// The data.
    pub fn dataset(&self) -> &Arc<Dataset> {
        match self {
            Subject::Shorthand(dataset, _) | Subject::Formula(dataset, _) => dataset,
        }
    }

    /// Warns of problems with data and priors, for commands that print no summary of a run.
    pub fn warn(&self) {
        match self {
            Subject::Shorthand(dataset, priors) => resolve::warn(dataset, priors),
            Subject::Formula(dataset, mixed) => {
                let coordinates = Coordinates::Collapsed;
                let model = Model::of_formula(dataset.clone(), mixed.clone(), coordinates, None);
                resolve::say(advice::of_formula(&model, mixed));
            }
        }
    }

    /// The model in the parameterization that is typed.
    pub fn model(&self, parameterization: &str) -> Result<Arc<Model>, Failure> {
        match self {
            Subject::Shorthand(dataset, priors) => resolve::model(dataset, priors, parameterization),
            Subject::Formula(dataset, mixed) => {
                let coordinates = Coordinates::parse_terms(parameterization, &mixed.term_names(dataset));
                let coordinates = coordinates.map_err(Failure::input)?;
                Ok(Arc::new(Model::of_formula(dataset.clone(), mixed.clone(), coordinates, None)))
            }
        }
    }

    /// The coordinates that suit the data, and the reason in a few words.
    pub fn suited(&self, likelihood: Likelihood) -> (Coordinates, &'static str) {
        match self {
            Subject::Shorthand(dataset, _) => experiment::suited(dataset, likelihood),
            Subject::Formula(dataset, mixed) => experiment::suited_to_formula(dataset, mixed, EngineChoice::Auto),
        }
    }

    /// The model in the parameterization that was typed, or suits the data and the engine that was typed.
    pub fn problem(self, parameterization: &str, run: &RunArguments, engine: EngineChoice) -> Result<Problem, Failure> {
        let (dataset, mixed) = match &self {
            Subject::Shorthand(dataset, priors) => {
                let (model, why) = resolve::suited_model(dataset, priors, parameterization, run)?;
                return Ok(Problem { dataset: dataset.clone(), model, why });
            }
            Subject::Formula(dataset, mixed) => (dataset, mixed),
        };
        if parameterization.trim() != resolve::AUTO {
            let model = self.model(parameterization)?;
            return Ok(Problem { dataset: dataset.clone(), model, why: None });
        }
        let (coordinates, reason) = experiment::suited_to_formula(dataset, mixed, engine);
        let model = Arc::new(Model::of_formula(dataset.clone(), mixed.clone(), coordinates, None));
        let why = Some(format!("parameterization {}: {reason}", model.parameterization()));
        Ok(Problem { dataset: dataset.clone(), model, why })
    }

    /// The model in each of several parameterizations.
    pub fn models(&self, parameterizations: &str, run: &RunArguments) -> Result<Vec<resolve::WordedModel>, Failure> {
        match self {
            Subject::Shorthand(dataset, priors) => resolve::models(dataset, priors, parameterizations, run),
            Subject::Formula(dataset, mixed) => {
                let all = Coordinates::parse_list_of_terms(parameterizations, &mixed.term_names(dataset));
                let model = |coordinates| Model::of_formula(dataset.clone(), mixed.clone(), coordinates, None);
                let all = all.map_err(Failure::input)?.into_iter();
                Ok(all.map(|(coordinates, word)| (Arc::new(model(coordinates)), word)).collect())
            }
        }
    }
}
