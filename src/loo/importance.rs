//! Every row predicted by all others, by importance sampling: draws of the posterior given all rows are weighted.

use rayon::prelude::*;

use crate::diagnostics::{LooObservation, PsisLoo, Series, relative_efficiency};
use crate::predict::{DrawnVariables, Evaluator, Rows, Scratch};

/// What importance sampling says of each row, in the order of the data set. `variables` has every draw of the run.
pub fn by_importance(variables: &DrawnVariables) -> Vec<LooObservation> {
    let (model, count) = (variables.model(), variables.count());
    let chains = variables.chains().len();
    let all: Vec<Series> = (0..model.layout().dim()).map(|i| Series::new(variables.of_variable(i), chains)).collect();
    let reff = relative_efficiency(&all);
    let (rows, evaluator) = (Rows::of_model(model), Evaluator::new(variables));
    let outcomes = model.dataset().outcome();
    let room = || (PsisLoo::new(reff), Scratch::default(), vec![0.0; count], vec![0.0; count]);
    let of_row = |(psis, scratch, sds, densities): &mut (PsisLoo, Scratch, Vec<f64>, Vec<f64>), row: usize| {
        evaluator.log_densities(&rows, row, outcomes[row], scratch, sds, densities);
        psis.observation(densities)
    };
    (0..rows.count).into_par_iter().map_init(room, of_row).collect()
}
