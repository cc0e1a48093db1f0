//! How much each number of a posterior leans on the priors, and how much on the data: power-scaling of either, by
//! importance weights (Kallioinen, Paananen, Bürkner and Vehtari, 2024, "Detecting and diagnosing prior and likelihood
//! sensitivity with power-scaling", Statistics and Computing 34, 57).

use rayon::prelude::*;
use serde::Serialize;

use crate::diagnostics::{PowerScaling, SensitivityDiagnosis};
use crate::predict::{DrawnVariables, Evaluator, Rows, Scratch};

/// What one variable leans on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sensitivity {
    /// The variable.
    pub parameter: String,
    /// Its sensitivity to the priors of the hyperparameters, all together.
    pub prior: f64,
    /// Its sensitivity to the likelihood, given the effects.
    pub likelihood: f64,
}

/// The sensitivities of a posterior.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sensitivities {
    /// Of each variable.
    pub parameters: Vec<Sensitivity>,
    /// The largest k-hat of the weights, of the prior and of the likelihood.
    pub pareto_k: [f64; 2],
}

impl Sensitivity {
    /// What both suggest.
    pub fn diagnosis(&self) -> Option<SensitivityDiagnosis> {
        SensitivityDiagnosis::of(self.prior, self.likelihood)
    }
}

impl Sensitivities {
    /// Of the variables of a run, all of whose draws are in `variables`: the hyperparameters, and all effects if `all`
    /// is set.
    pub fn of(variables: &DrawnVariables, all: bool) -> Sensitivities {
        let (model, layout) = (variables.model(), variables.model().layout());
        let (log_prior, mut named) = (model.log_prior(), vec![0.0; layout.hyperparameters()]);
        let at_draw = |draw: usize| {
            variables.write_draw(draw, &mut named);
            log_prior(&named)
        };
        let log_priors: Vec<f64> = (0..variables.count()).map(at_draw).collect();
        let [prior, likelihood] = [log_priors, log_likelihoods(variables)].map(|log| PowerScaling::of(&log));
        let names = model.names();
        let count = if all { names.len() } else { layout.hyperparameters() };
        let of = |i: usize| {
            let draws = variables.of_variable(i);
            let [prior, likelihood] = [&prior, &likelihood].map(|scaling| scaling.sensitivity(draws));
            Sensitivity { parameter: names[i].clone(), prior, likelihood }
        };
        let largest = |scaling: &PowerScaling| scaling.pareto_k().into_iter().fold(f64::NAN, f64::max);
        let pareto_k = [largest(&prior), largest(&likelihood)];
        Sensitivities { parameters: (0..count).into_par_iter().map(of).collect(), pareto_k }
    }
}

/// The log likelihood of all rows in every draw, given the effects.
fn log_likelihoods(variables: &DrawnVariables) -> Vec<f64> {
    let (rows, evaluator) = (Rows::of_model(variables.model()), Evaluator::new(variables));
    let (outcomes, count) = (variables.model().dataset().outcome(), variables.count());
    let zeros = || vec![0.0; count];
    // A fixed split of the rows, so that the order of the sums does not depend on the number of threads.
    let of_share = |(share, outcomes): (usize, &[f64])| {
        let (mut sum, mut sds, mut densities, mut scratch) = (zeros(), zeros(), zeros(), Scratch::default());
        for (row, outcome) in outcomes.iter().enumerate() {
            let row = share * SHARE + row;
            evaluator.log_densities(&rows, row, *outcome, &mut scratch, &mut sds, &mut densities);
            sum.iter_mut().zip(&densities).for_each(|(sum, density)| *sum += density);
        }
        sum
    };
    let sums: Vec<Vec<f64>> = outcomes.par_chunks(SHARE).enumerate().map(of_share).collect();
    let mut whole = zeros();
    for sum in sums {
        whole.iter_mut().zip(&sum).for_each(|(whole, part)| *whole += part);
    }
    whole
}

/// Rows whose log likelihoods a worker sums.
const SHARE: usize = 1024;
