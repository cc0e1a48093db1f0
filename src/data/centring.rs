//! The origin of a predictor: predictors that lie far from zero are centered before a model is made.
//!
//! With independent intercepts and slopes the model depends on the origin: with a calendar year as predictor, the
//! intercept is the outcome in the year 0, its spread over the groups is the slopes' times two thousand, and there may
//! be a second mode where all slopes are equal. Such a model is seldom meant.

use super::Dataset;
use super::moments::{mean, sd};

/// A predictor whose mean lies further from zero than this many of its standard deviations is far.
const FAR: f64 = 3.0;

/// Which predictors are centered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Centring {
    /// Predictors far from zero.
    #[default]
    Far,
    /// All predictors.
    All,
    /// No predictor.
    None,
}

/// A predictor far from zero, as it is in the data set.
#[derive(Debug, Clone, PartialEq)]
pub struct FarPredictor {
    /// The predictor's column.
    pub name: String,
    /// The mean over all observations.
    pub mean: f64,
    /// The standard deviation over all observations.
    pub sd: f64,
}

impl Dataset {
    /// Subtracts from each predictor that `centring` selects its mean over all observations, and records the mean.
    ///
    /// The intercept is then the outcome expected where such a predictor is at its mean, not at zero.
    pub fn centered(self, centring: Centring) -> Dataset {
        self.subtract_means(|_, values, mean| match centring {
            Centring::Far => is_far(mean, sd(values, mean)),
            Centring::All => true,
            Centring::None => false,
        })
    }

    /// Centers the predictors that `other`, with the same columns, has centered.
    pub fn centered_as(self, other: &Dataset) -> Dataset {
        self.subtract_means(|k, _, _| other.predictor_means.get(k).is_some_and(|mean| *mean != 0.0))
    }

    fn subtract_means(mut self, is_wanted: impl Fn(usize, &[f64], f64) -> bool) -> Dataset {
        for (k, (values, subtracted)) in self.predictors.iter_mut().zip(&mut self.predictor_means).enumerate() {
            let mean = mean(values);
            if is_wanted(k, values, mean) {
                values.iter_mut().for_each(|value| *value -= mean);
                *subtracted += mean;
            }
        }
        self
    }

    /// The predictors whose mean is more than three standard deviations from zero.
    pub fn far_predictors(&self) -> Vec<FarPredictor> {
        let named = self.columns.predictors.iter().zip(&self.predictors);
        named
            .map(|(name, values)| {
                let mean = mean(values);
                let sd = sd(values, mean);
                let name = name.clone();
                FarPredictor { name, mean, sd }
            })
            .filter(|predictor| is_far(predictor.mean, predictor.sd))
            .collect()
    }
}

fn is_far(mean: f64, sd: f64) -> bool {
    mean.abs() > FAR * sd
}
