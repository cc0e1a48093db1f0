//! Closed forms given the scales: the likelihood, mu, and every effect.
//!
//! Write a, b for beta[0,j], beta[1,j] of group j, e for eps, and n, ybar, xbar, Sxx, Sxy, Syy for the group's size,
//! means and sums about its own means ([`QrGroups`]). With the slope fitted within the group, bhat = Sxy / Sxx, and its
//! residual sum of squares, Srr = Syy - Sxy^2 / Sxx,
//!
//! ```text
//! p(y_j | a, b) = (2 pi e^2)^(-n/2) exp{-[n (ybar - a - xbar b)^2 + Sxx (bhat - b)^2 + Srr] / (2 e^2)}
//! ```
//!
//! so the group makes two independent measurements: bhat ~ Normal(b, e^2 / Sxx) and ybar ~ Normal(a + xbar b, e^2 / n).
//! They enter one after the other by the conjugate rule for a normal mean, and (a, b) is integrated out on the way.
//!
//! **The slope.** A priori b ~ Normal(mu_b, sigma_b^2), so that bhat ~ Normal(mu_b, (e^2 + Sxx sigma_b^2) / Sxx), and
//!
//! ```text
//! b | bhat ~ Normal(mu_b + k (bhat - mu_b), (1 - k) sigma_b^2),    k = Sxx sigma_b^2 / (e^2 + Sxx sigma_b^2)
//! ```
//!
//! **The mean.** Then ybar - k xbar bhat ~ Normal(mu_a + v mu_b, T) with
//!
//! ```text
//! v = (1 - k) xbar,    T = e^2 / n + sigma_a^2 + xbar^2 (1 - k) sigma_b^2
//! a | y, mu = mu_a                   + sigma_a^2 / T              * r, var sigma_a^2 (T - sigma_a^2) / T
//! b | y, mu = mu_b + k (bhat - mu_b) + xbar (1 - k) sigma_b^2 / T * r, var (1 - k) sigma_b^2 (e^2 / n + sigma_a^2) / T
//! r = ybar - k xbar bhat - mu_a - v mu_b
//! ```
//!
//! **mu.** All groups together are a weighted regression of ybar - k xbar bhat on v, with weights 1 / T, and as many
//! measurements bhat of its slope mu_b, with precisions Sxx / (e^2 + Sxx sigma_b^2); the priors of mu_a and mu_b are
//! one more line of each kind. With the weighted mean vbar of v, the height alpha = mu_a + vbar mu_b and mu_b are
//! independent normals, and the residual squares go into the likelihood:
//!
//! ```text
//! p(y | scales) = prod_j (2 pi e^2)^(-n/2) [(n T / e^2) (e^2 + Sxx sigma_b^2) / e^2]^(-1/2)
//!                 / (sd_a sd_b sqrt(precision of alpha * precision of mu_b))
//!                 * exp{-[sum_j Srr / e^2 + sum of the regression's weighted squares] / 2}
//! ```
//!
//! Only sums of positive terms and deviations from means occur. Nothing is divided by sigma, so that sigma = 0 is an
//! ordinary point; no sum x^2 - (sum x)^2 / n occurs, so that calendar years are ordinary predictors. K = 1 has a
//! predictor of zeros: T = e^2 / n + sigma_a^2, and mu_b keeps its prior, Normal(0, 1), which integrates to one.

use std::f64::consts::TAU;

use crate::density::qr::{QrGroups, start};
use crate::model::Model;

/// The scales, in the sampler's units. Those of the effects may be zero, eps may not.
#[derive(Debug, Clone, Copy)]
pub struct Scales {
    /// `sigma[k]`; zero for the slope if the model has none.
    pub sigma: [f64; 2],
    pub eps: f64,
}

/// Sufficient statistics of one group.
#[derive(Debug, Clone)]
struct Group {
    size: f64,
    /// ybar and xbar.
    outcome: f64,
    predictor: f64,
    /// Sxx.
    spread: f64,
    /// bhat; 0 if Sxx is 0.
    slope: f64,
}

/// A group's two lines of the regression for mu.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// ybar - k xbar bhat, v, and 1 / T.
    outcome: f64,
    v: f64,
    weight: f64,
    /// bhat and its precision.
    slope: f64,
    slope_weight: f64,
}

/// mu given the scales: alpha = mu_a + vbar mu_b and mu_b are independent normals.
#[derive(Debug, Clone, Copy)]
pub struct Means {
    vbar: f64,
    alpha: f64,
    alpha_variance: f64,
    mu_b: f64,
    mu_b_variance: f64,
}

/// Mean and variance of a normal.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NormalMoments {
    pub mean: f64,
    pub variance: f64,
}

/// Everything that does not depend on the scales.
#[derive(Debug, Clone)]
pub struct Conditional {
    groups: Vec<Group>,
    observations: f64,
    /// Sum of Srr over all groups.
    rest: f64,
    mu_mean: [f64; 2],
    mu_sd: [f64; 2],
}

impl Conditional {
    /// The statistics of a model with one intercept and at most one slope, in the units of its scaling.
    pub fn new(model: &Model) -> Conditional {
        let (factors, priors, k) = (QrGroups::new(model), model.scaled_priors(), model.layout().coefficients);
        // R is [root, root xbar; 0, sqrt(Sxx)], and w is [root ybar, sqrt(Sxx) bhat], with root = sqrt(n).
        let (rows, column, w) = (factors.rows(0.0), 1 + start(1), 1 + start(k));
        let groups = (0..model.layout().groups).map(|j| {
            let (size, root) = (model.dataset().group_range(j).len() as f64, rows[1][j]);
            let [predictor, length, fitted] =
                if k > 1 { [rows[column][j], rows[column + 1][j], rows[w + 1][j]] } else { [0.0; 3] };
            Group {
                size,
                outcome: rows[w][j] / root,
                predictor: predictor / root,
                spread: length * length,
                slope: if length > 0.0 { fitted / length } else { 0.0 },
            }
        });
        let of_both = |values: &[f64], without: f64| [values[0], values.get(1).copied().unwrap_or(without)];
        Conditional {
            groups: groups.collect(),
            observations: model.dataset().n_observations() as f64,
            rest: factors.rest(),
            mu_mean: of_both(&priors.mu_mean, 0.0),
            mu_sd: of_both(&priors.mu_sd, 1.0),
        }
    }

    /// The largest information of one group about coefficient `k`, in units of 1 / eps^2.
    pub fn largest_information(&self, k: usize) -> f64 {
        let information = |group: &Group| match k {
            0 => group.size,
            _ => group.spread + group.size * group.predictor.powi(2),
        };
        self.groups.iter().map(information).fold(0.0, f64::max)
    }

    /// log p(y | scales), in the sampler's units, and mu given y and the scales.
    pub fn at(&self, scales: &Scales, lines: &mut Vec<Line>) -> (f64, Means) {
        let noise = scales.eps * scales.eps;
        let sigma2 = scales.sigma.map(|sigma| sigma * sigma);
        let [prior_a, prior_b] = self.mu_sd.map(|sd| 1.0 / (sd * sd));

        // The determinant: a product of factors >= 1, whose logarithm is taken before it overflows.
        let (mut log_determinant, mut product) = (0.0, 1.0f64);
        lines.clear();
        let mut precision = prior_a;
        let (mut v_sum, mut outcome_sum) = (0.0, prior_a * self.mu_mean[0]);
        for group in &self.groups {
            let line = group.line(noise, sigma2);
            product *= group.size / (line.weight * noise) * (1.0 + group.spread * sigma2[1] / noise);
            if product > 1e100 {
                log_determinant += product.ln();
                product = 1.0;
            }
            precision += line.weight;
            v_sum += line.weight * line.v;
            outcome_sum += line.weight * line.outcome;
            lines.push(line);
        }
        log_determinant += product.ln();

        let (vbar, alpha) = (v_sum / precision, outcome_sum / precision);
        let mut slope_precision = prior_b + prior_a * vbar * vbar;
        let mut slope_sum = prior_b * self.mu_mean[1] - prior_a * vbar * (self.mu_mean[0] - alpha);
        for line in lines.iter() {
            let deviation = line.v - vbar;
            slope_precision += line.weight * deviation * deviation + line.slope_weight;
            slope_sum += line.weight * deviation * (line.outcome - alpha) + line.slope_weight * line.slope;
        }
        let mu_b = slope_sum / slope_precision;

        // Residuals, not differences of squares.
        let mut squares = self.rest / noise
            + prior_a * (self.mu_mean[0] - alpha + vbar * mu_b).powi(2)
            + prior_b * (self.mu_mean[1] - mu_b).powi(2);
        for line in lines.iter() {
            squares += line.weight * (line.outcome - alpha - (line.v - vbar) * mu_b).powi(2)
                + line.slope_weight * (line.slope - mu_b).powi(2);
        }

        let log_mu = (prior_a / precision).ln() + (prior_b / slope_precision).ln();
        let log_likelihood = 0.5 * (-self.observations * (TAU * noise).ln() - log_determinant + log_mu - squares);
        let means = Means { vbar, alpha, alpha_variance: 1.0 / precision, mu_b, mu_b_variance: 1.0 / slope_precision };
        (log_likelihood, means)
    }

    /// `beta[k,j]` for both k, given y and the scales, with mu integrated out; `means` belong to `scales`.
    #[inline]
    pub fn effects(&self, j: usize, scales: &Scales, means: &Means) -> [NormalMoments; 2] {
        let group = &self.groups[j];
        let noise = scales.eps * scales.eps;
        let [of_a, of_b] = scales.sigma.map(|sigma| sigma * sigma);
        let line = group.line(noise, [of_a, of_b]);
        let (noise, kept) = (noise / group.size, noise / (noise + group.spread * of_b));
        let residual = line.outcome - means.alpha - (line.v - means.vbar) * means.mu_b;
        // Moments of an effect, from its mean at the expected mu, its variance given mu, and its derivatives by alpha
        // and mu_b.
        let moments = |mean: f64, variance: f64, by_alpha: f64, by_mu_b: f64| NormalMoments {
            mean,
            variance: variance + by_alpha.powi(2) * means.alpha_variance + by_mu_b.powi(2) * means.mu_b_variance,
        };
        let left = noise + group.predictor.powi(2) * kept * of_b;
        let (gain, rest) = (of_a * line.weight, left * line.weight);
        let by_mu_b = -(rest * means.vbar + gain * line.v);
        let intercept = moments(means.mu_a() + gain * residual, of_a * rest, rest, by_mu_b);
        let gain = group.predictor * kept * of_b * line.weight;
        let rest = kept * (noise + of_a) * line.weight;
        let fitted = means.mu_b + (1.0 - kept) * (group.slope - means.mu_b);
        let slope = moments(fitted + gain * residual, of_b * rest, -gain, rest + gain * means.vbar);
        [intercept, slope]
    }
}

impl Group {
    /// The lines of the regression for mu, given eps^2 and sigma^2.
    #[inline(always)]
    fn line(&self, noise: f64, [of_a, of_b]: [f64; 2]) -> Line {
        let total = 1.0 / (noise + self.spread * of_b);
        let (k, kept) = (self.spread * of_b * total, noise * total);
        let v = kept * self.predictor;
        let variance = noise / self.size + of_a + v * self.predictor * of_b;
        Line {
            outcome: self.outcome - k * self.predictor * self.slope,
            v,
            weight: 1.0 / variance,
            slope: self.slope,
            slope_weight: self.spread * total,
        }
    }
}

impl Scales {
    /// How many numbers they are.
    pub const WIDTH: usize = 3;

    /// As numbers.
    pub fn numbers(&self) -> [f64; Scales::WIDTH] {
        [self.sigma[0], self.sigma[1], self.eps]
    }

    /// From these numbers.
    pub fn of(numbers: &[f64]) -> Scales {
        Scales { sigma: [numbers[0], numbers[1]], eps: numbers[2] }
    }
}

impl Means {
    /// How many numbers they are.
    pub const WIDTH: usize = 5;

    /// As numbers.
    pub fn numbers(&self) -> [f64; Means::WIDTH] {
        [self.vbar, self.alpha, self.alpha_variance, self.mu_b, self.mu_b_variance]
    }

    /// From these numbers.
    pub fn of(numbers: &[f64]) -> Means {
        let [vbar, alpha, alpha_variance, mu_b, mu_b_variance] = std::array::from_fn(|i| numbers[i]);
        Means { vbar, alpha, alpha_variance, mu_b, mu_b_variance }
    }

    fn mu_a(&self) -> f64 {
        self.alpha - self.vbar * self.mu_b
    }

    /// `mu[k]` given y and the scales.
    pub fn mu(&self, k: usize) -> NormalMoments {
        if k == 0 {
            let variance = self.alpha_variance + self.vbar.powi(2) * self.mu_b_variance;
            NormalMoments { mean: self.mu_a(), variance }
        } else {
            NormalMoments { mean: self.mu_b, variance: self.mu_b_variance }
        }
    }
}
