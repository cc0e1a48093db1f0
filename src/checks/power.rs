//! The function of a positive outcome whose noise is most alike everywhere: Box and Cox (1964), "An analysis of
//! transformations", Journal of the Royal Statistical Society B 26, 211-252.

/// Functions that a formula has, besides none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeFunction {
    Sqrt,
    Log,
}

/// Rows of a bin.
const ROWS_OF_A_BIN: usize = 20;

/// A function is named if the log likelihood gains this much by it: the 95 % limit of a chi-squared variate with one
/// degree of freedom, halved.
const GAIN: f64 = 1.92;

impl OutcomeFunction {
    /// For `outcomes` with these fitted values: the likelihood is that of a one-way layout, rows of about equal fitted
    /// values being a group, so that it does not matter on which scale these were fitted. `None` if the outcome itself
    /// does as well, or if an outcome is not positive.
    pub fn of(outcomes: &[f64], fitted: &[f64]) -> Option<OutcomeFunction> {
        if outcomes.len() < 2 * ROWS_OF_A_BIN || outcomes.iter().any(|outcome| *outcome <= 0.0) {
            return None;
        }
        let mut order: Vec<usize> = (0..fitted.len()).collect();
        order.sort_by(|a, b| fitted[*a].total_cmp(&fitted[*b]));
        let logs: f64 = outcomes.iter().map(|outcome| outcome.ln()).sum();
        let log_likelihood = |function: Option<OutcomeFunction>| {
            let squares: f64 = order
                .chunks(ROWS_OF_A_BIN)
                .map(|rows| {
                    let values = rows.iter().map(|row| apply(function, outcomes[*row]));
                    let mean = values.clone().sum::<f64>() / rows.len() as f64;
                    values.map(|value| (value - mean).powi(2)).sum::<f64>()
                })
                .sum();
            (power(function) - 1.0) * logs - 0.5 * outcomes.len() as f64 * squares.ln()
        };
        let gain = |function| log_likelihood(Some(function)) - log_likelihood(None);
        let gains = [OutcomeFunction::Sqrt, OutcomeFunction::Log].map(|function| (function, gain(function)));
        let (best, gain) = gains.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (gain > GAIN).then_some(best)
    }

    /// As a formula has it.
    pub fn name(self) -> &'static str {
        match self {
            OutcomeFunction::Sqrt => "sqrt",
            OutcomeFunction::Log => "log",
        }
    }
}

fn power(function: Option<OutcomeFunction>) -> f64 {
    match function {
        None => 1.0,
        Some(OutcomeFunction::Sqrt) => 0.5,
        Some(OutcomeFunction::Log) => 0.0,
    }
}

/// Scaled so that its slope is 1 at 1, as those of the likelihoods that are compared.
fn apply(function: Option<OutcomeFunction>, outcome: f64) -> f64 {
    match function {
        None => outcome,
        Some(OutcomeFunction::Sqrt) => 2.0 * outcome.sqrt(),
        Some(OutcomeFunction::Log) => outcome.ln(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, StreamKey};

    #[test]
    fn the_function_is_found_by_which_outcomes_are_normal() {
        let mut deviates = vec![0.0; 600];
        StreamKey { seed: 1, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut deviates);
        let fitted: Vec<f64> = (0..600).map(|i| 4.0 + f64::from(i) / 150.0).collect();
        let normal: Vec<f64> = fitted.iter().zip(&deviates).map(|(fitted, z)| fitted + 0.5 * z).collect();
        let of = |function: fn(f64) -> f64| {
            let outcomes: Vec<f64> = normal.iter().map(|y| function(*y)).collect();
            OutcomeFunction::of(&outcomes, &fitted)
        };
        assert_eq!(of(|y| y), None);
        assert_eq!(of(|y| y * y), Some(OutcomeFunction::Sqrt));
        assert_eq!(of(f64::exp), Some(OutcomeFunction::Log));
        // In any unit, and only where all are positive.
        assert_eq!(of(|y| 1e-6 * y.exp()), Some(OutcomeFunction::Log));
        assert_eq!(of(|y| y.exp() - 30.0), None);
    }
}
