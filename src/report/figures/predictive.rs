//! The posterior predictive check: outcomes drawn from the posterior, beside the observed outcomes.

use serde_json::json;

use crate::diagnostics::{mean, sd};
use crate::report::figure::Figure;
use crate::report::kde::{DensityGrid, Sorted};
use crate::report::run::POINTS;
use crate::report::thin::evenly;
use crate::summary::{number, significant};

/// The numbers of replicates that are drawn, and whose statistics are compared.
const DRAWN: usize = 40;
const COMPARED: usize = 2000;

/// Outcomes drawn from the posterior.
#[derive(Debug, Clone, PartialEq)]
pub struct Replicates {
    /// The run that made the replicates.
    pub run: String,
    /// The outcome's name.
    pub outcome: String,
    /// The N observed outcomes, in the user's unit.
    pub observed: Vec<f64>,
    /// `[replicate][observation]`: any number of replicates with N observations each.
    pub replicates: Vec<f64>,
}

/// A statistic of a data set.
type TestStatistic = fn(&Sorted) -> f64;

/// The statistics that are compared between replicates and observed outcomes.
const STATISTICS: [(&str, TestStatistic); 4] = [
    ("smallest", |sorted| sorted.quantile(0.0)),
    ("mean", |sorted| mean(sorted.values())),
    ("sd", |sorted| sd(sorted.values())),
    ("largest", |sorted| sorted.quantile(1.0)),
];

/// Densities, and the fraction of replicates above the observed statistics; `None` without replicates.
pub fn figure(check: &Replicates) -> Option<Figure> {
    let size = check.observed.len();
    let all: Vec<&[f64]> = check.replicates.chunks_exact(size.max(1)).collect();
    if all.is_empty() || size == 0 {
        return None;
    }
    let observed = Sorted::new(&check.observed);
    let replicates: Vec<Sorted> = evenly(all.len(), COMPARED).into_iter().map(|i| Sorted::new(all[i])).collect();
    let grid = replicates.iter().map(|sorted| sorted.grid(false)).fold(observed.grid(false), DensityGrid::union);
    let drawn: Vec<_> =
        evenly(replicates.len(), DRAWN).into_iter().map(|i| replicates[i].density(grid, POINTS)).collect();
    let statistics: Vec<_> = STATISTICS
        .iter()
        .map(|(name, statistic)| {
            let truth = statistic(&observed);
            let values = replicates.iter().map(statistic);
            let above = values.clone().filter(|value| *value > truth).count() as f64;
            let ties = values.filter(|value| *value == truth).count() as f64;
            (*name, truth, (above + 0.5 * ties) / replicates.len() as f64)
        })
        .collect();
    let said: Vec<String> = statistics
        .iter()
        .map(|(name, truth, share)| {
            format!("{name} {} ({} of replicates are above)", significant(*truth), number(*share, 2))
        })
        .collect();
    let data = json!({
        "x": check.outcome, "run": check.run, "observed": observed.density(grid, POINTS), "replicates": drawn,
    });
    Some(Figure::new("predictive", format!("Posterior predictive check of {}", check.outcome), data).of_checks().captioned(
        "Data drawn from the posterior (thin lines) should look like those observed (thick); a share near 0 or 1 says that the \
         model does not make such data.",
        format!("{} replicates, {}. Observed: {}.", replicates.len(), check.run, said.join(", ")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, StreamKey};

    #[test]
    fn replicates_of_the_same_kind_are_around_the_observed() {
        let mut values = vec![0.0; 200 * 101];
        StreamKey { seed: 3, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut values);
        let (observed, replicates) = values.split_at(200);
        let mut check = Replicates {
            run: "non-centered".into(),
            outcome: "y".into(),
            observed: observed.to_vec(),
            replicates: replicates.to_vec(),
        };
        let alike = figure(&check).unwrap();
        assert_eq!(alike.data["replicates"].as_array().unwrap().len(), DRAWN);
        assert!(alike.shows.starts_with("100 replicates, non-centered. Observed: smallest "), "{}", alike.shows);
        check.replicates.iter_mut().for_each(|value| *value += 10.0);
        let shifted = figure(&check).unwrap().shows;
        assert!(shifted.contains("(1.00 of replicates are above), sd"), "{shifted}");
        check.replicates.clear();
        assert!(figure(&check).is_none());
    }
}
