//! A data set without some of its rows: levels that have no row left are gone, everything else is as it was.

use super::Dataset;
use super::factors::Factor;

impl Dataset {
    /// The data set without the rows for which `leaves` says so, in its order; `None` without a row that stays.
    ///
    /// # Panics
    /// If `leaves` does not have an entry for each row.
    pub fn without(&self, leaves: &[bool]) -> Option<Dataset> {
        assert_eq!(leaves.len(), self.n_observations());
        let stays: Vec<usize> = (0..leaves.len()).filter(|i| !leaves[*i]).collect();
        let of = |values: &[f64]| stays.iter().map(|i| values[*i]).collect::<Vec<f64>>();
        let mut starts = vec![0];
        let mut groups = Vec::new();
        for j in 0..self.n_groups() {
            let count = self.group_range(j).filter(|i| !leaves[*i]).count();
            if count > 0 {
                groups.push(self.groups()[j].clone());
                starts.push(starts[starts.len() - 1] + count);
            }
        }
        let factor = |factor: &Factor| {
            let mut numbers = vec![None; factor.levels.len()];
            let mut levels = Vec::new();
            let of = stays.iter().map(|i| {
                let level = factor.of[*i] as usize;
                *numbers[level].get_or_insert_with(|| {
                    levels.push(factor.levels[level].clone());
                    levels.len() as u32 - 1
                })
            });
            let of = of.collect();
            Factor { name: factor.name.clone(), levels, of }
        };
        (!stays.is_empty()).then(|| Dataset {
            source: self.source.clone(),
            columns: self.columns.clone(),
            groups,
            starts,
            rows: stays.iter().map(|i| self.rows[*i]).collect(),
            left_out: self.left_out.clone(),
            assumed: self.assumed.clone(),
            outcome: of(&self.outcome),
            predictors: self.predictors.iter().map(|column| of(column)).collect(),
            predictor_means: self.predictor_means.clone(),
            factors: self.factors.iter().map(factor).collect(),
            weights: self.weights.as_deref().map(of),
            offset: self.offset.as_deref().map(of),
            errors: self.errors.as_deref().map(of),
            trials: self.trials.as_deref().map(of),
            sources: self.sources.iter().map(|(name, values)| (name.clone(), of(values))).collect(),
        })
    }
}
