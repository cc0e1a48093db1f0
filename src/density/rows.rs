//! The likelihood given the effects, over every observation: eta of each row, the family's sums, and the derivatives by
//! the betas. Eight chunks of rows at a time, each of one group, so that no lane waits for the end of another lane's
//! group.

use multiversion::multiversion;

use super::hierarchy::GivenEffects;
use super::hierarchy::diagonal::{At, Diagonal, LevelSums};
use crate::family::Distribution;
use crate::lanes::{LANES, Lanes};
use crate::model::Model;

/// The largest number of rows in a chunk; a larger group has several chunks. This bounds the padding that one large
/// group among small ones costs.
pub const CHUNK: usize = 32;

/// Observations in bundles of eight chunks, the longest first.
#[derive(Debug, Clone)]
pub struct RowTable {
    groups: usize,
    bundles: Vec<RowBundle>,
    /// For each row of each bundle, the intercept's column (1; 0 for padding), the outcome, and the slopes' columns.
    rows: Vec<Lanes>,
    /// Scratch: the betas of each bundle's chunks, then the log likelihood's derivatives by these betas in the family's
    /// unit, [bundle][k].
    betas: Vec<Lanes>,
    /// Scratch: these derivatives summed for each group, [k][j].
    by_beta: Vec<f64>,
}

#[derive(Debug, Clone)]
struct RowBundle {
    groups: [usize; LANES],
    rows: usize,
}

impl RowTable {
    /// The table of `model`, in the units of its scaling.
    pub fn new(model: &Model) -> RowTable {
        let (dataset, layout, design) = (model.dataset(), model.layout(), model.design());
        let mut chunks: Vec<(usize, std::ops::Range<usize>)> = Vec::new();
        for group in 0..layout.groups {
            let rows = dataset.group_range(group);
            let starts = rows.clone().step_by(CHUNK);
            chunks.extend(starts.map(|start| (group, start..rows.end.min(start + CHUNK))));
        }
        chunks.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));

        let mut table = RowTable {
            groups: layout.groups,
            bundles: Vec::new(),
            rows: Vec::new(),
            betas: vec![Lanes::ZERO; chunks.len().div_ceil(LANES) * layout.coefficients],
            by_beta: vec![0.0; layout.coefficients * layout.groups],
        };
        for bundle in chunks.chunks(LANES) {
            let longest = bundle[0].1.len();
            for row in 0..longest {
                let lanes = |value: &dyn Fn(usize) -> f64| {
                    let of =
                        |lane: usize| bundle.get(lane).and_then(|(_, rows)| rows.clone().nth(row)).map_or(0.0, value);
                    Lanes(std::array::from_fn(of))
                };
                table.rows.extend([lanes(&|i| design.column(0, i)), lanes(&|i| design.outcome(i))]);
                table.rows.extend((1..layout.coefficients).map(|k| lanes(&|i| design.column(k, i))));
            }
            let groups = std::array::from_fn(|lane| bundle.get(lane).map_or(bundle[0].0, |(group, _)| *group));
            table.bundles.push(RowBundle { groups, rows: longest });
        }
        table
    }
}

impl<F: Distribution> GivenEffects<F> for &mut RowTable {
    #[inline(always)]
    fn sums<const M: usize>(
        self,
        hierarchy: &Diagonal,
        k: usize,
        at: &At<M>,
        family: &F,
        theta: &[f64],
        gradient: &mut [f64],
    ) -> (LevelSums<M>, F::Sums) {
        for (bundle, betas) in self.bundles.iter().zip(self.betas.chunks_exact_mut(k)) {
            for (i, beta) in betas.iter_mut().enumerate() {
                let effects = &theta[hierarchy.effects(i)];
                *beta = at.coefficients[i].beta(Lanes(bundle.groups.map(|group| effects[group])));
            }
        }
        let own = all_rows::<F, M>(k, family, &self.bundles, &self.rows, &mut self.betas);
        self.by_beta.fill(0.0);
        for (bundle, by_beta) in self.bundles.iter().zip(self.betas.chunks_exact(k)) {
            for (total, by_beta) in self.by_beta.chunks_exact_mut(self.groups).zip(by_beta) {
                for (group, lane) in bundle.groups.iter().zip(by_beta.0) {
                    total[*group] += lane;
                }
            }
        }
        let mut sums = LevelSums::<M>::zero();
        for i in 0..k {
            let (coefficient, effects) = (&at.coefficients[i], hierarchy.effects(i));
            let by_beta = self.by_beta[i * self.groups..(i + 1) * self.groups].chunks(LANES);
            for ((by_beta, effect), gradient) in
                by_beta.zip(theta[effects.clone()].chunks(LANES)).zip(gradient[effects].chunks_mut(LANES))
            {
                let by_beta = Lanes::load(by_beta, 0.0) * family.unit();
                sums.pull(i, coefficient, Lanes::load(effect, coefficient.padding()), by_beta).store(gradient);
            }
        }
        (sums, own)
    }
}

/// The family's sums over all rows; replaces the betas of each bundle by the log likelihood's derivatives by them. A
/// function of its own, from memory to memory: compiled together with the lane-by-lane gathering of betas and
/// scattering of derivatives, the loop would lose its vector instructions.
#[multiversion(targets = "simd")]
fn all_rows<F: Distribution, const M: usize>(
    k: usize,
    family: &F,
    bundles: &[RowBundle],
    rows: &[Lanes],
    betas: &mut [Lanes],
) -> F::Sums {
    let mut own = F::Sums::default();
    let mut rows = rows.chunks_exact(k + 1);
    for (bundle, betas) in bundles.iter().zip(betas.chunks_exact_mut(k)) {
        let mut beta = [Lanes::ZERO; M];
        beta[..k].copy_from_slice(betas);
        let mut by_beta = [Lanes::ZERO; M];
        for row in rows.by_ref().take(bundle.rows) {
            let mut eta = row[0] * beta[0];
            for i in 1..k {
                eta += row[i + 1] * beta[i];
            }
            let by_eta = family.row([row[1], Lanes::ZERO, Lanes::ZERO], eta, row[0], &mut own);
            by_beta[0] += by_eta;
            for i in 1..k {
                by_beta[i] += row[i + 1] * by_eta;
            }
        }
        betas.copy_from_slice(&by_beta[..k]);
    }
    own
}
