//! The goal of a run that ends once its draws are precise: its words, its measure, and the places where it is judged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::diagnostics::Summary;

/// With a smaller ESS, R-hat and Monte Carlo errors are not reliable themselves (Vehtari et al. 2021).
pub const ESS_LIMIT: f64 = 400.0;

/// The fewest draws of each chain that are judged: of fewer, autocorrelations are hardly known.
const FEWEST_DRAWS: u32 = 100;

/// The most draws, in multiples of those that a goal needs if each draw is worth one: a draw may be worth a twentieth.
const MOST: f64 = 20.0;

/// The fewest draws of each chain that are the most of a run.
const FEWEST_MOST: f64 = 1000.0;

/// The most effective draws: one chain of so many, times [`MOST`], has fewer transitions than are counted.
const LARGEST_ESS: f64 = 1e8;

/// Rounding that is not held against a run.
const ROUNDING: f64 = 1e-9;

/// The goal of a run, which is to hold for every variable that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Goal {
    /// A bulk and a tail ESS of at least so many draws.
    Ess(f64),
    /// A Monte Carlo standard error of the mean of at most so many posterior sds.
    Mcse(f64),
}

impl Goal {
    /// The effective draws of the mean that the goal asks for.
    pub fn effective_draws(self) -> f64 {
        match self {
            Goal::Ess(ess) => ess,
            Goal::Mcse(error) => (error * error).recip(),
        }
    }

    /// Draws of each of `chains` chains that the goal needs if each draw is worth one.
    fn draws(self, chains: u32) -> f64 {
        (self.effective_draws() * (1.0 - ROUNDING) / f64::from(chains)).ceil()
    }

    /// Whether `chains` chains of `draws` draws can reach the goal, if each draw is worth one.
    pub fn is_within(self, chains: u32, draws: u32) -> bool {
        self.draws(chains) <= f64::from(draws)
    }

    /// A sensible limit on the draws of each of `chains` chains: twenty times those that the goal needs if each draw is
    /// worth one, and at least 1000.
    pub fn most(self, chains: u32) -> u32 {
        (MOST * self.draws(chains)).max(FEWEST_MOST) as u32
    }

    /// The first number of draws of each of `chains` chains, above `draws`, at which the goal is judged. The first of
    /// all is what the goal needs if each draw is worth one, or 100; each is half as large again as the one before, so
    /// that the draws that are judged are at most three times those of the run.
    pub fn place_after(self, chains: u32, draws: u32) -> u32 {
        let mut place = (self.draws(chains) as u32).max(FEWEST_DRAWS);
        while place <= draws {
            place = place.saturating_add(place.div_ceil(2));
        }
        place
    }

    /// The name of the measure of a variable's precision, and the variable's precision in it.
    pub fn measure(self, row: &Summary) -> (&'static str, f64) {
        match self {
            Goal::Ess(_) if row.ess_tail < row.ess_bulk => ("tail ESS", row.ess_tail),
            Goal::Ess(_) => ("bulk ESS", row.ess_bulk),
            Goal::Mcse(_) => ("MCSE over sd", row.mcse_mean / row.sd),
        }
    }

    /// The share of the goal that a variable has reached, in effective draws: 1 and more where it has, `NaN` where
    /// nothing is known.
    pub fn share(self, row: &Summary) -> f64 {
        let (_, value) = self.measure(row);
        let share = match self {
            Goal::Ess(ess) => value / ess,
            Goal::Mcse(error) => (error / value).powi(2),
        };
        share * (1.0 + ROUNDING)
    }
}

impl fmt::Display for Goal {
    /// As typed: `ess=10000`, `mcse=0.01sd`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Goal::Ess(ess) => write!(f, "ess={ess}"),
            Goal::Mcse(error) => write!(f, "mcse={error}sd"),
        }
    }
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Goal, String> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
        let [smallest_error, largest_error] = [LARGEST_ESS, ESS_LIMIT].map(|ess| ess.sqrt().recip());
        match text.split_once('=') {
            Some(("ess", value)) => match number(value) {
                None => Err("write a number of effective draws, such as ess=10000".to_string()),
                Some(ess) if ess < ESS_LIMIT => Err(format!(
                    "write {ESS_LIMIT} effective draws or more: of fewer, an effective sample size is not known itself"
                )),
                Some(ess) if ess > LARGEST_ESS => Err(format!("write {LARGEST_ESS} effective draws or fewer")),
                Some(ess) => Ok(Goal::Ess(ess)),
            },
            Some(("mcse", value)) => match value.trim().strip_suffix("sd").map(number) {
                None => Err("write the error in posterior sds of each variable, such as mcse=0.01sd".to_string()),
                Some(None) => Err("write a positive number of posterior sds, such as mcse=0.01sd".to_string()),
                Some(Some(error)) if error > largest_error => Err(format!(
                    "write {largest_error}sd or less: a larger error needs fewer than {ESS_LIMIT} effective draws, and is \
                     not known itself"
                )),
                Some(Some(error)) if error < smallest_error => Err(format!("write {smallest_error}sd or more")),
                Some(Some(error)) => Ok(Goal::Mcse(error)),
            },
            _ => Err("write ess=NUMBER or mcse=NUMBERsd, such as ess=10000 or mcse=0.01sd".to_string()),
        }
    }
}

impl TryFrom<String> for Goal {
    type Error = String;

    fn try_from(text: String) -> Result<Goal, String> {
        text.parse()
    }
}

impl From<Goal> for String {
    fn from(goal: Goal) -> String {
        goal.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_written_as_it_is_read() {
        for text in ["ess=400", "ess=10000", "ess=1234.5", "mcse=0.05sd", "mcse=0.01sd", "mcse=0.0025sd"] {
            assert_eq!(text.parse::<Goal>().unwrap().to_string(), text);
        }
        for text in ["", "ess", "ess=", "ess=-1", "ess=10", "ess=nan", "ess=inf", "ess=400sd", "mcse=0.01", "mcse=sd"] {
            assert!(text.parse::<Goal>().is_err(), "{text}");
        }
        for text in ["mcse=0sd", "mcse=-0.01sd", "mcse=0.06sd", "mcse=1e-9sd", "rhat=1.01", "ESS=1000", "10000"] {
            assert!(text.parse::<Goal>().is_err(), "{text}");
        }
    }

    #[test]
    fn places_grow_by_half_from_what_is_needed_at_least() {
        let places = |goal: Goal, chains: u32| {
            std::iter::successors(Some(0), move |draws| Some(goal.place_after(chains, *draws))).skip(1).take(4)
        };
        assert!(places(Goal::Ess(10_000.0), 16).eq([625, 938, 1407, 2111]));
        assert!(places(Goal::Mcse(0.01), 16).eq([625, 938, 1407, 2111]));
        assert!(places(Goal::Ess(400.0), 16).eq([100, 150, 225, 338]));
        // From any number of draws the same places.
        assert!((0..2000).all(|draws| [625, 938, 1407, 2111].contains(&Goal::Ess(1e4).place_after(16, draws))));
        assert_eq!([1, 16, 1 << 24].map(|chains| Goal::Ess(1e4).most(chains)), [200_000, 12_500, 1000]);
        assert!(Goal::Mcse(0.01).is_within(16, 625) && !Goal::Mcse(0.01).is_within(16, 624));
    }

    #[test]
    fn independent_draws_reach_a_goal_at_its_first_place() {
        let goals =
            [Goal::Ess(400.0), Goal::Ess(1_234.000_000_5), Goal::Ess(1e8), Goal::Mcse(0.01), Goal::Mcse(0.0033)];
        for (goal, chains) in goals.into_iter().flat_map(|goal| [1, 3, 4, 16, 10_000].map(|chains| (goal, chains))) {
            let draws = goal.place_after(chains, 0);
            let size = f64::from(draws) * f64::from(chains);
            let row = Summary { sd: 2.0, mcse_mean: 2.0 / size.sqrt(), ess_bulk: size, ess_tail: size, ..Summary::NAN };
            assert!(goal.is_within(chains, draws) && goal.share(&row) >= 1.0, "{goal}, {chains}: {}", goal.share(&row));
        }
    }
}
