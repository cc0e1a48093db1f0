//! The likelihood over observations: eight stretches of rows at a time, each of one group, so that no lane ever waits
//! for another's group to end.

use super::sums::{At, Sums};
use crate::lanes::{LANES, Lanes};
use crate::model::{Layout, Model};

/// The most rows of one group that stand in one lane; larger groups take several lanes. It bounds what one large group
/// among small ones wastes on filling up.
const STRETCH: usize = 32;

/// Observations side by side: bundles of eight stretches, the longest first, filled up with rows that add nothing.
#[derive(Debug, Clone)]
pub struct ObservationTable {
    groups: usize,
    bundles: Vec<Bundle>,
    /// For each row of each bundle: the intercept's column (1, or 0 where the row only fills up), the outcome, and the
    /// slopes' columns.
    rows: Vec<Lanes>,
    /// Scratch: d SS / d beta, up to a factor, [k][j].
    by_beta: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Bundle {
    groups: [usize; LANES],
    rows: usize,
}

impl ObservationTable {
    pub fn new(model: &Model) -> ObservationTable {
        let (dataset, scaling, layout) = (model.dataset(), model.scaling(), model.layout());
        let mut stretches: Vec<(usize, std::ops::Range<usize>)> = Vec::new();
        for group in 0..layout.groups {
            let rows = dataset.group_range(group);
            let starts = rows.clone().step_by(STRETCH);
            stretches.extend(starts.map(|start| (group, start..rows.end.min(start + STRETCH))));
        }
        stretches.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));

        let mut table = ObservationTable {
            groups: layout.groups,
            bundles: Vec::new(),
            rows: Vec::new(),
            by_beta: vec![0.0; layout.coefficients * layout.groups],
        };
        for bundle in stretches.chunks(LANES) {
            let longest = bundle[0].1.len();
            let lane_row = |lane: usize, row: usize| bundle.get(lane).and_then(|(_, rows)| rows.clone().nth(row));
            for row in 0..longest {
                let column = |value: &dyn Fn(usize) -> f64| {
                    Lanes(std::array::from_fn(|lane| lane_row(lane, row).map_or(0.0, value)))
                };
                table.rows.push(column(&|_| 1.0));
                table.rows.push(column(&|i| (dataset.outcome()[i] - scaling.outcome_shift) / scaling.outcome_scale));
                for (k, scale) in scaling.predictors.iter().enumerate() {
                    table.rows.push(column(&|i| dataset.predictor(k)[i] / scale));
                }
            }
            let groups = std::array::from_fn(|lane| bundle.get(lane).map_or(bundle[0].0, |(group, _)| *group));
            table.bundles.push(Bundle { groups, rows: longest });
        }
        table
    }
}

/// Adds up over all observations, then over all groups, and writes the gradient by their effects.
#[inline(always)]
pub fn sums<const M: usize>(
    table: &mut ObservationTable,
    k: usize,
    at: &At<M>,
    theta: &[f64],
    gradient: &mut [f64],
) -> Sums<M> {
    let layout = Layout { coefficients: k, groups: table.groups };
    let mut sums = Sums::<M>::zero();
    table.by_beta.fill(0.0);
    let mut rows = table.rows.chunks_exact(k + 1);
    for bundle in &table.bundles {
        let mut betas = [Lanes::ZERO; M];
        for i in 0..k {
            let effects = &theta[layout.effects(i)];
            betas[i] = at.coefficients[i].beta(Lanes(bundle.groups.map(|group| effects[group])));
        }
        let mut by_beta = [Lanes::ZERO; M];
        for row in rows.by_ref().take(bundle.rows) {
            let mut residual = row[1] - row[0] * betas[0];
            for i in 1..k {
                residual -= row[i + 1] * betas[i];
            }
            sums.residual_squares += residual * residual;
            by_beta[0] += residual;
            for i in 1..k {
                by_beta[i] += row[i + 1] * residual;
            }
        }
        for (total, by_beta) in table.by_beta.chunks_exact_mut(table.groups).zip(by_beta) {
            for (group, lane) in bundle.groups.iter().zip(by_beta.0) {
                total[*group] += lane;
            }
        }
    }
    for i in 0..k {
        let (coefficient, effects) = (&at.coefficients[i], layout.effects(i));
        let by_beta = table.by_beta[i * table.groups..(i + 1) * table.groups].chunks(LANES);
        for ((by_beta, effect), gradient) in
            by_beta.zip(theta[effects.clone()].chunks(LANES)).zip(gradient[effects].chunks_mut(LANES))
        {
            let by_beta = Lanes::load(by_beta, 0.0) * at.precision;
            sums.add(i, coefficient, Lanes::load(effect, coefficient.padding()), by_beta).store(gradient);
        }
    }
    sums
}
