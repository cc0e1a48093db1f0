//! The residuals of a row, and those of its replicates, in every draw: standard normal deviates, if the model is right.
//!
//! For Gaussian outcomes they are (y - eta) / sd; for others the normal scores of the probability of a smaller outcome,
//! where equal outcomes are put into a random order (Dunn and Smyth, 1996, "Randomized quantile residuals").

use super::{ROWS, ROWS_OF_FAMILIES};
use crate::diagnostics;
use crate::exact::normal_quantile;
use crate::family::{Family, OutcomeKind};
use crate::predict::{DrawnVariables, Evaluator, Rows, Scratch};
use crate::random::{Purpose, StreamKey, thinned};

/// Rows of a model's own data, whose residuals are evaluated one row at a time.
#[derive(Debug)]
pub struct Residuals<'a> {
    variables: &'a DrawnVariables,
    evaluator: Evaluator<'a>,
    rows: Rows,
    /// The rows that are looked at, ascending.
    chosen: Vec<usize>,
    /// The second dispersion of the family in every draw.
    seconds: Vec<f64>,
    /// The mean of all outcomes, and the number about which linear predictors are.
    centre: f64,
    centre_of_fitted: f64,
}

/// A row's numbers in every draw, in room that the next row takes over.
#[derive(Debug, Clone)]
pub struct RowResiduals {
    scratch: Scratch,
    /// The linear predictor minus [`centre_of_fitted`](Residuals::centre_of_fitted).
    pub fitted: Vec<f64>,
    /// The sd of the noise, in the outcome's unit, or the first dispersion.
    pub sds: Vec<f64>,
    /// The residual.
    pub observed: Vec<f64>,
    /// The residual of the row's replicate: a standard normal deviate.
    pub replicated: Vec<f64>,
}

impl<'a> Residuals<'a> {
    /// Those of the model of `variables`, which have effects: all rows, or [`ROWS`] or [`ROWS_OF_FAMILIES`] of them.
    pub fn new(variables: &'a DrawnVariables) -> Residuals<'a> {
        let (model, data) = (variables.model(), variables.model().dataset());
        let (family, centre) = (model.family(), diagnostics::mean(data.outcome()));
        let rows = if family == Family::Gaussian { ROWS } else { ROWS_OF_FAMILIES };
        Residuals {
            seconds: (0..variables.count()).map(|draw| variables.dispersions(draw)[1]).collect(),
            centre_of_fitted: if family.has_mean_eta() { centre } else { model.scaling().outcome_shift },
            variables,
            evaluator: Evaluator::new(variables),
            rows: Rows::of_model(variables.model()),
            chosen: thinned(data.n_observations(), rows),
            centre,
        }
    }

    /// The draws.
    pub fn variables(&self) -> &'a DrawnVariables {
        self.variables
    }

    /// The rows of the data set that are looked at, ascending.
    pub fn rows(&self) -> &[usize] {
        &self.chosen
    }

    /// For each level of a factor its rows that are looked at.
    pub fn rows_by_level(&self, factor: usize) -> Vec<Vec<usize>> {
        let data = self.variables.model().dataset();
        let mut rows = vec![Vec::new(); data.levels(factor).len()];
        let of_rows = data.level_of_rows(factor);
        self.chosen.iter().for_each(|row| rows[of_rows[*row] as usize].push(*row));
        rows
    }

    /// Number of draws.
    pub fn draws(&self) -> usize {
        self.evaluator.count()
    }

    /// The mean of all outcomes.
    pub fn centre(&self) -> f64 {
        self.centre
    }

    /// The number that is subtracted from the linear predictors of all rows.
    pub fn centre_of_fitted(&self) -> f64 {
        self.centre_of_fitted
    }

    /// Room for a row.
    pub fn room(&self) -> RowResiduals {
        let zeros = || vec![0.0; self.draws()];
        let scratch = Scratch::default();
        RowResiduals { scratch, fitted: zeros(), sds: zeros(), observed: zeros(), replicated: zeros() }
    }

    /// Evaluates a row; its replicates depend on the run's seed and on the row's number, and on nothing else.
    pub fn evaluate(&self, row: usize, room: &mut RowResiduals) {
        let RowResiduals { scratch, fitted, sds, observed, replicated } = room;
        self.evaluator.etas(&self.rows, row, scratch, fitted);
        self.evaluator.sds(&self.rows, row, sds);
        let family = self.variables.model().family();
        let (outcome, size) = (self.variables.model().dataset().outcome()[row], self.rows.size(row));
        let key = self.key(row);
        let has_ties = !matches!(family.outcomes(), OutcomeKind::Real | OutcomeKind::Positive);
        let of_draws = fitted.iter_mut().zip(&*sds).zip(&self.seconds).zip(observed).enumerate();
        for (draw, (((fitted, sd), second), observed)) in of_draws {
            *observed = match family {
                Family::Gaussian => (outcome - *fitted) / sd,
                _ => {
                    let place = if has_ties { key.uniform(Purpose::Ties, draw as u32) } else { 0.0 };
                    normal_score(family.around(&[*sd, *second], outcome, size, *fitted), place)
                }
            };
            *fitted -= self.centre_of_fitted;
        }
        key.normals(Purpose::PredictiveCheck, replicated);
    }

    /// Writes minus the log density of a row that has been evaluated, up to a constant.
    pub fn minus_log_densities(&self, row: usize, room: &RowResiduals, out: &mut [f64]) {
        let family = self.variables.model().family();
        let (outcome, size) = (self.variables.model().dataset().outcome()[row], self.rows.size(row));
        for (draw, out) in out.iter_mut().enumerate() {
            let (sd, z) = (room.sds[draw], room.observed[draw]);
            *out = match family {
                Family::Gaussian => 0.5 * z * z + sd.ln(),
                _ => {
                    let eta = room.fitted[draw] + self.centre_of_fitted;
                    -family.log_density(&[sd, self.seconds[draw]], outcome, size, eta)
                }
            };
        }
    }

    /// The draws in which rows are replicated: where outcomes are not Gaussian, which takes longer, one in five.
    pub fn replicated_draws(&self) -> impl Iterator<Item = usize> + Clone + use<> {
        let is_gaussian = self.variables.model().family() == Family::Gaussian;
        (0..self.draws()).step_by(if is_gaussian { 1 } else { 5 })
    }

    /// The replicate of a row that has been evaluated, minus the mean of all outcomes.
    pub fn replicate(&self, row: usize, room: &RowResiduals, draw: usize) -> f64 {
        let (family, sd, deviate) = (self.variables.model().family(), room.sds[draw], room.replicated[draw]);
        if family == Family::Gaussian {
            return room.fitted[draw] + sd * deviate;
        }
        let eta = room.fitted[draw] + self.centre_of_fitted;
        family.quantile(&[sd, self.seconds[draw]], self.rows.size(row), eta, deviate) - self.centre
    }

    /// The expectation of a row that has been evaluated, in a draw.
    pub fn expectation(&self, row: usize, room: &RowResiduals, draw: usize) -> f64 {
        let eta = room.fitted[draw] + self.centre_of_fitted;
        let dispersions = [room.sds[draw], self.seconds[draw]];
        self.variables.model().family().moments(&dispersions, self.rows.size(row), eta)[0]
    }

    /// The key of a row's random numbers.
    fn key(&self, row: usize) -> StreamKey {
        let number = row as u64;
        StreamKey { seed: self.variables.seed(), chain: (number >> 32) as u32, transition: number as u32 }
    }
}

/// The standard normal deviate with the rank of an outcome, given the probabilities of smaller, equal and larger ones
/// and its place among equal ones.
fn normal_score([smaller, equal, larger]: [f64; 3], place: f64) -> f64 {
    let (below, above) = (smaller + place * equal, larger + (1.0 - place) * equal);
    // By the smaller tail, so that neither end loses digits.
    let rank = |tail: f64| normal_quantile((tail / (below + above)).clamp(f64::MIN_POSITIVE, 0.5));
    if below < above { rank(below) } else { -rank(above) }
}
