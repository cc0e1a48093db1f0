//! Whether noise differs between the levels of a factor: Levene's statistic of standardized residuals.
//!
//! The analysis of variance is of the square roots of the residuals' sizes, whose tails are light: heavy tails of the
//! noise alone do not raise its F (Levene, 1960, "Robust tests for equality of variances"). Further statistics say what
//! explains what: where noise differs by level and by the fitted value, F beside the trend, the trend within levels and
//! that between them; where it has heavy tails, those within levels, for a row far away may pull the means and slopes
//! of its level away from all others.

use rayon::prelude::*;

use super::moments::correlation;
use super::residuals::Residuals;
use super::statistics::CheckedStatistic;

/// Levels of fewer rows are left out.
const LEAST_ROWS: usize = 4;

/// Rows that a worker takes at once, or more where a level has more.
const SHARE: usize = 512;

/// Whether noise differs between the levels of a factor.
#[derive(Debug, Clone)]
pub struct FactorNoise {
    /// The factor.
    pub factor: String,
    /// F of the roots of residuals by level.
    pub noise: CheckedStatistic,
    /// F of what a line through the fitted values leaves of them.
    pub beside_trend: CheckedStatistic,
    /// The correlation of the roots with the fitted values within levels.
    pub trend_within: CheckedStatistic,
    /// The same correlation between levels.
    pub trend_between: CheckedStatistic,
    /// The excess kurtosis of residuals that are divided by their level's root mean square.
    pub kurtosis_within: CheckedStatistic,
    /// The level with the least noise, and that with the most.
    pub extremes: [NoisyLevel; 2],
}

/// The noise of a level.
#[derive(Debug, Clone, PartialEq)]
pub struct NoisyLevel {
    /// The level.
    pub level: String,
    /// Its rows.
    pub rows: usize,
    /// Its noise over that of all rows.
    pub ratio: f64,
}

/// For one draw, sums over rows and, about nothing, between levels; `r` are roots of residuals, `e` fitted values.
#[derive(Debug, Clone, Copy, Default)]
struct LevelBreakdown {
    r: f64,
    e: f64,
    rr: f64,
    re: f64,
    ee: f64,
    /// Sums over levels of the products of their sums, each divided by the level's rows.
    between_rr: f64,
    between_re: f64,
    between_ee: f64,
    /// The sum over levels of the fourth powers of residuals that are divided by their level's root mean square.
    fourth: f64,
}

impl LevelBreakdown {
    fn merge(&mut self, other: &LevelBreakdown) {
        let LevelBreakdown { r, e, rr, re, ee, between_rr, between_re, between_ee, fourth } = other;
        self.r += r;
        self.e += e;
        self.rr += rr;
        self.re += re;
        self.ee += ee;
        self.between_rr += between_rr;
        self.between_re += between_re;
        self.between_ee += between_ee;
        self.fourth += fourth;
    }

    /// Sums of products between levels about the mean of all rows: of roots, of roots and fitted values, of these.
    fn between(&self, rows: f64) -> [f64; 3] {
        let about = |a: f64, b: f64| a * b / rows;
        [
            self.between_rr - about(self.r, self.r),
            self.between_re - about(self.r, self.e),
            self.between_ee - about(self.e, self.e),
        ]
    }

    /// F of the roots, and F of what a line leaves of them, of so many rows and levels.
    fn f(&self, rows: f64, levels: f64) -> [f64; 2] {
        let about = |a: f64, b: f64| a * b / rows;
        let (rr, re, ee) =
            (self.rr - about(self.r, self.r), self.re - about(self.r, self.e), self.ee - about(self.e, self.e));
        let [between_rr, between_re, between_ee] = self.between(rows);
        let slope = if correlation(re, rr, ee, self.ee) == 0.0 { 0.0 } else { re / ee };
        let of = |between: f64, all: f64| (between / (levels - 1.0)) / ((all - between) / (rows - levels));
        let left = between_rr - 2.0 * slope * between_re + slope * slope * between_ee;
        [of(between_rr, rr), of(left, rr - slope * re)]
    }

    /// The correlation between levels.
    fn trend_between(&self, rows: f64) -> f64 {
        let [rr, re, ee] = self.between(rows);
        correlation(re, rr, ee, self.ee)
    }

    /// The correlation within levels.
    fn within(&self) -> f64 {
        let [rr, re, ee] = [self.rr - self.between_rr, self.re - self.between_re, self.ee - self.between_ee];
        correlation(re, rr, ee, self.ee)
    }
}

/// The sums of some levels.
struct SomeLevels {
    /// Of the data and of the replicate, draw by draw.
    draws: Vec<[LevelBreakdown; 2]>,
    /// The mean root of each level.
    roots: Vec<f64>,
}

/// Every factor with two levels of enough rows.
pub fn check(residuals: &Residuals) -> Vec<FactorNoise> {
    let factors = residuals.variables().model().dataset().n_factors();
    (0..factors).filter_map(|factor| of_factor(residuals, factor)).collect()
}

fn of_factor(residuals: &Residuals, factor: usize) -> Option<FactorNoise> {
    let data = residuals.variables().model().dataset();
    let of_levels = residuals.rows_by_level(factor).into_iter().enumerate();
    let levels: Vec<(usize, Vec<usize>)> = of_levels.filter(|(_, rows)| rows.len() >= LEAST_ROWS).collect();
    if levels.len() < 2 {
        return None;
    }
    // A fixed split.
    let mut shares: Vec<&[(usize, Vec<usize>)]> = Vec::new();
    let (mut first, mut held) = (0, 0);
    for (i, (_, rows)) in levels.iter().enumerate() {
        held += rows.len();
        if held >= SHARE || i + 1 == levels.len() {
            shares.push(&levels[first..=i]);
            (first, held) = (i + 1, 0);
        }
    }
    let sums: Vec<SomeLevels> = shares.par_iter().map(|share| some_levels(residuals, share)).collect();
    let mut draws = vec![[LevelBreakdown::default(); 2]; residuals.draws()];
    for share in &sums {
        for (sums, others) in draws.iter_mut().zip(&share.draws) {
            sums.iter_mut().zip(others).for_each(|(sums, other)| sums.merge(other));
        }
    }
    let roots: Vec<f64> = sums.into_iter().flat_map(|share| share.roots).collect();
    let rows = levels.iter().map(|(_, rows)| rows.len()).sum::<usize>() as f64;
    let checked = |name: String, of: &dyn Fn(&LevelBreakdown) -> f64| {
        let side = |side: usize| draws.iter().map(|sums| of(&sums[side])).collect::<Vec<f64>>();
        CheckedStatistic::of(name, &side(0), &side(1))
    };
    let (name, count) = (data.factor_name(factor), levels.len() as f64);
    let overall = levels.iter().zip(&roots).map(|((_, rows), root)| rows.len() as f64 * root).sum::<f64>() / rows;
    // How surely a level is away from all rows.
    let score = |i: usize| (roots[i] - overall) * (levels[i].1.len() as f64).sqrt();
    let noisy = |i: usize| NoisyLevel {
        level: data.levels(factor)[levels[i].0].clone(),
        rows: levels[i].1.len(),
        ratio: (roots[i] / overall).powi(2),
    };
    let least = (0..levels.len()).min_by(|a, b| score(*a).total_cmp(&score(*b)))?;
    let most = (0..levels.len()).max_by(|a, b| score(*a).total_cmp(&score(*b)))?;
    Some(FactorNoise {
        factor: name.to_string(),
        noise: checked(format!("noise by {name} (F)"), &|sums| sums.f(rows, count)[0]),
        beside_trend: checked(format!("noise by {name} beside the trend (F)"), &|sums| sums.f(rows, count)[1]),
        trend_within: checked(format!("noise over fitted values within {name}"), &LevelBreakdown::within),
        trend_between: checked(format!("noise over fitted values between {name}"), &|sums| sums.trend_between(rows)),
        kurtosis_within: checked(format!("excess kurtosis within {name}"), &|sums| sums.fourth / rows - 3.0),
        extremes: [noisy(least), noisy(most)],
    })
}

fn some_levels(residuals: &Residuals, share: &[(usize, Vec<usize>)]) -> SomeLevels {
    let mut draws = vec![[LevelBreakdown::default(); 2]; residuals.draws()];
    let mut room = residuals.room();
    // For each draw the level's sums of the data's roots, of the replicate's, and of fitted values.
    let mut own = vec![[0.0; 3]; residuals.draws()];
    // And for either its second and fourth powers.
    let mut powers = vec![[[0.0; 2]; 2]; residuals.draws()];
    let mut roots = Vec::with_capacity(share.len());
    for (_, rows) in share {
        own.fill([0.0; 3]);
        powers.fill([[0.0; 2]; 2]);
        for row in rows {
            residuals.evaluate(*row, &mut room);
            for (draw, (sums, own)) in draws.iter_mut().zip(&mut own).enumerate() {
                let e = room.fitted[draw];
                for (side, sizes) in [&room.observed, &room.replicated].into_iter().enumerate() {
                    let size = sizes[draw].abs();
                    let (root, square) = (size.sqrt(), size * size);
                    powers[draw][side][0] += square;
                    powers[draw][side][1] += square * square;
                    own[side] += root;
                    sums[side].rr += size;
                    sums[side].re += root * e;
                    sums[side].ee += e * e;
                }
                own[2] += e;
            }
        }
        let count = rows.len() as f64;
        for ((sums, own), powers) in draws.iter_mut().zip(&own).zip(&powers) {
            for (side, sums) in sums.iter_mut().enumerate() {
                let [second, fourth] = powers[side];
                sums.fourth += if second > 0.0 { count * count * fourth / (second * second) } else { count };
                sums.r += own[side];
                sums.e += own[2];
                sums.between_rr += own[side] * own[side] / count;
                sums.between_re += own[side] * own[2] / count;
                sums.between_ee += own[2] * own[2] / count;
            }
        }
        roots.push(own.iter().map(|own| own[0]).sum::<f64>() / (count * residuals.draws() as f64));
    }
    SomeLevels { draws, roots }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_is_that_of_an_analysis_of_variance() {
        // Roots 1, 3 and 5, 7, 9 of two levels, fitted values 0, 1 and 2, 3, 6.
        let mut sums = LevelBreakdown::default();
        for level in [&[(1.0, 0.0), (3.0, 1.0)][..], &[(5.0, 2.0), (7.0, 3.0), (9.0, 6.0)]] {
            let [mut r, mut e] = [0.0; 2];
            for (root, fitted) in level {
                (r, e) = (r + root, e + fitted);
                sums.rr += root * root;
                sums.re += root * fitted;
                sums.ee += fitted * fitted;
            }
            let count = level.len() as f64;
            (sums.r, sums.e) = (sums.r + r, sums.e + e);
            sums.between_rr += r * r / count;
            sums.between_re += r * e / count;
            sums.between_ee += e * e / count;
        }
        // Between 2 * (2 - 5)^2 + 3 * (7 - 5)^2 = 30, within 2 + 8 = 10, with 1 and 3 degrees of freedom.
        let [f, beside] = sums.f(5.0, 2.0);
        assert!((f - 9.0).abs() < 1e-12, "{f}");
        // The line has the slope 28 / 21.2. It leaves 40 - 28^2 / 21.2 = 3.0189, and 0.8022 of that between
        // levels: F is 0.8022 / (2.2167 / 3).
        assert!((beside - 1.085_653).abs() < 1e-6, "{beside}");
        // Within levels 9 / sqrt(10 * 9.1667); two means are on a line.
        assert!((sums.within() - 0.940_019).abs() < 1e-6, "{}", sums.within());
        assert!((sums.trend_between(5.0) - 1.0).abs() < 1e-12);
    }
}
