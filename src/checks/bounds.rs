//! Outcomes that no normal distribution makes: many that are equal to the smallest or the largest, and few values far
//! apart.

/// Fewer equal outcomes are no pile.
const LEAST_ROWS: usize = 5;

/// Nor are those that are a smaller share of all.
const SHARE: f64 = 0.03;

/// Nor those that are not so many times as frequent as any other value.
const TIMES: usize = 3;

/// A part of a step up to which a gap may miss a multiple of it.
const ROUNDING: f64 = 1e-6;

/// Outcomes that are all equal to the smallest or the largest, and more of them than of any other value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutcomePile {
    /// The outcome.
    pub value: f64,
    /// Its rows.
    pub rows: usize,
    /// Whether it is the smallest, rather than the largest.
    pub is_smallest: bool,
}

/// Outcomes that are all a whole number of steps apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutcomeGrid {
    /// The step, in the outcome's unit.
    pub step: f64,
    /// Number of different outcomes.
    pub values: usize,
}

/// The different outcomes, ascending, with their rows.
fn counts(outcomes: &[f64]) -> Vec<(f64, usize)> {
    let mut sorted = outcomes.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len())).collect()
}

impl OutcomePile {
    /// The piles at both ends.
    pub fn of(outcomes: &[f64]) -> Vec<OutcomePile> {
        let counts = counts(outcomes);
        let [(least, at_least), inside @ .., (most, at_most)] = &counts[..] else { return Vec::new() };
        let elsewhere = inside.iter().map(|(_, rows)| *rows).max().unwrap_or(0);
        let is_pile = |rows: usize| {
            rows >= LEAST_ROWS && rows as f64 >= SHARE * outcomes.len() as f64 && rows >= TIMES * elsewhere.max(1)
        };
        let ends = [(*least, *at_least, true), (*most, *at_most, false)];
        let piles = ends.into_iter().filter(|(_, rows, _)| is_pile(*rows));
        piles.map(|(value, rows, is_smallest)| OutcomePile { value, rows, is_smallest }).collect()
    }
}

impl OutcomeGrid {
    /// The widest grid of all outcomes whose step is at least `noise`; `None` if there is none, or no value twice.
    pub fn of(outcomes: &[f64], noise: f64) -> Option<OutcomeGrid> {
        let counts = counts(outcomes);
        let gaps = || counts.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let step = gaps().fold(f64::INFINITY, f64::min);
        let is_multiple = |gap: f64| (gap / step - (gap / step).round()).abs() < ROUNDING * (gap / step);
        let found = counts.len() < outcomes.len() && step >= noise && step.is_finite() && gaps().all(is_multiple);
        found.then_some(OutcomeGrid { step, values: counts.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn piles_are_at_the_ends_and_above_all_others() {
        let rising: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(OutcomePile::of(&rising), []);
        let cut: Vec<f64> = rising.iter().map(|y| y.max(10.0)).collect();
        assert_eq!(OutcomePile::of(&cut), [OutcomePile { value: 10.0, rows: 11, is_smallest: true }]);
        let above: Vec<f64> = rising.iter().map(|y| y.min(90.0)).collect();
        assert_eq!(OutcomePile::of(&above), [OutcomePile { value: 90.0, rows: 10, is_smallest: false }]);
        // Rounded outcomes are as frequent elsewhere.
        let rounded: Vec<f64> = cut.iter().map(|y| (y / 10.0).floor()).collect();
        assert_eq!(OutcomePile::of(&rounded), []);
        assert_eq!(OutcomePile::of(&rising[..2]), []);
        assert_eq!(OutcomePile::of(&[]), []);
    }

    #[test]
    fn a_grid_has_whole_steps_no_finer_than_the_noise() {
        let outcomes = [0.5, 1.0, 1.0, 2.5, 4.0];
        assert_eq!(OutcomeGrid::of(&outcomes, 0.4), Some(OutcomeGrid { step: 0.5, values: 4 }));
        assert_eq!(OutcomeGrid::of(&outcomes, 0.6), None);
        assert_eq!(OutcomeGrid::of(&[0.5, 1.0, 1.0, 2.6], 0.1), None);
        assert_eq!(OutcomeGrid::of(&[0.5, 1.0, 2.5], 0.1), None, "no value is there twice");
    }
}
