//! The radon posterior as a user of nuts-rs would write it for this model: f64, the user's units, no constants.
//!
//! theta = mu_a, mu_b, log sigma_a, log sigma_b, log eps, one number a county for the intercepts, one for the slopes.

use warpnuts::data::Dataset;
use warpnuts::model::{Centering, Likelihood, Priors};

use crate::posterior::Posterior;

const HYPERPARAMETERS: usize = 5;

#[derive(Clone)]
pub struct ByHand {
    effect: Centering,
    likelihood: Likelihood,
    priors: Priors,
    /// The homes of each county.
    homes: Vec<Vec<Home>>,
    n_homes: f64,
    counties: Vec<County>,
    /// Sum of the squared outcomes of all homes.
    radon_squares: f64,
    /// Intermediate results, one a county.
    slots: Vec<Slot>,
}

/// One observation.
#[derive(Clone, Copy)]
struct Home {
    floor: f64,
    radon: f64,
}

/// Sufficient statistics of a county's homes: their number, and sums over them.
#[derive(Clone, Copy, Default)]
struct County {
    homes: f64,
    floor: f64,
    floor_squares: f64,
    radon: f64,
    radon_floor: f64,
}

/// A county's coefficients, and the sums over its homes of the residual, and of the residual times the floor.
#[derive(Clone, Copy, Default)]
struct Slot {
    a: f64,
    b: f64,
    residual: f64,
    residual_floor: f64,
}

impl County {
    fn of(homes: &[Home]) -> County {
        let sum = |term: fn(&Home) -> f64| homes.iter().map(term).sum();
        County {
            homes: homes.len() as f64,
            floor: sum(|home| home.floor),
            floor_squares: sum(|home| home.floor * home.floor),
            radon: sum(|home| home.radon),
            radon_floor: sum(|home| home.radon * home.floor),
        }
    }
}

impl ByHand {
    pub fn new(dataset: &Dataset, effect: Centering, likelihood: Likelihood) -> ByHand {
        let home = |i: usize| Home { floor: dataset.predictor(0)[i], radon: dataset.outcome()[i] };
        let homes: Vec<Vec<Home>> =
            (0..dataset.n_groups()).map(|county| dataset.group_range(county).map(home).collect()).collect();
        let counties: Vec<County> = homes.iter().map(|homes| County::of(homes)).collect();
        ByHand {
            effect,
            likelihood,
            priors: Priors::default(),
            radon_squares: dataset.outcome().iter().map(|radon| radon * radon).sum(),
            slots: vec![Slot::default(); counties.len()],
            n_homes: dataset.n_observations() as f64,
            homes,
            counties,
        }
    }

    /// Fills in the sums over each county's homes; returns the residual sum of squares.
    fn over_counties(&mut self) -> f64 {
        let mut squares = self.radon_squares;
        for (slot, county) in self.slots.iter_mut().zip(&self.counties) {
            slot.residual = county.radon - county.homes * slot.a - county.floor * slot.b;
            slot.residual_floor = county.radon_floor - county.floor * slot.a - county.floor_squares * slot.b;
            squares -= slot.a * (county.radon + slot.residual) + slot.b * (county.radon_floor + slot.residual_floor);
        }
        squares
    }

    /// Like `over_counties`, home by home.
    fn over_homes(&mut self) -> f64 {
        let mut squares = 0.0;
        for (slot, homes) in self.slots.iter_mut().zip(&self.homes) {
            let (mut sum, mut floor_sum, mut square_sum) = (0.0, 0.0, 0.0);
            for home in homes {
                let residual = home.radon - slot.a - slot.b * home.floor;
                sum += residual;
                floor_sum += residual * home.floor;
                square_sum += residual * residual;
            }
            slot.residual = sum;
            slot.residual_floor = floor_sum;
            squares += square_sum;
        }
        squares
    }
}

impl Posterior for ByHand {
    fn dim(&self) -> usize {
        HYPERPARAMETERS + 2 * self.counties.len()
    }

    fn log_density(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let counties = self.counties.len() as f64;
        let (hyper, effects) = theta.split_at(HYPERPARAMETERS);
        let (effect_a, effect_b) = effects.split_at(self.counties.len());
        let (by_hyper, by_effects) = gradient.split_at_mut(HYPERPARAMETERS);
        let (by_effect_a, by_effect_b) = by_effects.split_at_mut(self.counties.len());
        let [mu_a, mu_b] = [hyper[0], hyper[1]];
        let [sigma_a, sigma_b, eps] = [hyper[2], hyper[3], hyper[4]].map(f64::exp);

        let (from_a, times_a, from_b, times_b) = match self.effect {
            Centering::Centered => (0.0, 1.0, 0.0, 1.0),
            Centering::NonCentered | Centering::Partial => (mu_a, sigma_a, mu_b, sigma_b),
        };
        for ((slot, a), b) in self.slots.iter_mut().zip(effect_a).zip(effect_b) {
            slot.a = from_a + times_a * a;
            slot.b = from_b + times_b * b;
        }
        let squares = match self.likelihood {
            Likelihood::Groups => self.over_counties(),
            Likelihood::Observations => self.over_homes(),
        };
        let precision = 1.0 / (eps * eps);
        let mut log_density = -0.5 * precision * squares - self.n_homes * hyper[4];

        // Derivatives by mu and by log sigma, for each coefficient.
        let (mut by_mu_a, mut by_mu_b, mut by_sigma_a, mut by_sigma_b) = (0.0, 0.0, 0.0, 0.0);
        let mut effect_squares = 0.0;
        let effects = effect_a.iter().zip(effect_b).zip(by_effect_a.iter_mut().zip(by_effect_b));
        match self.effect {
            Centering::NonCentered | Centering::Partial => {
                for (slot, ((a, b), (by_a, by_b))) in self.slots.iter().zip(effects) {
                    let (by_beta_a, by_beta_b) = (slot.residual * precision, slot.residual_floor * precision);
                    by_mu_a += by_beta_a;
                    by_mu_b += by_beta_b;
                    by_sigma_a += by_beta_a * a;
                    by_sigma_b += by_beta_b * b;
                    effect_squares += a * a + b * b;
                    *by_a = by_beta_a * sigma_a - a;
                    *by_b = by_beta_b * sigma_b - b;
                }
                by_sigma_a *= sigma_a;
                by_sigma_b *= sigma_b;
                log_density -= 0.5 * effect_squares;
            }
            Centering::Centered => {
                let (precision_a, precision_b) = (1.0 / (sigma_a * sigma_a), 1.0 / (sigma_b * sigma_b));
                for (slot, ((a, b), (by_a, by_b))) in self.slots.iter().zip(effects) {
                    let (from_a, from_b) = ((a - mu_a) * precision_a, (b - mu_b) * precision_b);
                    by_mu_a += from_a;
                    by_mu_b += from_b;
                    by_sigma_a += from_a * (a - mu_a);
                    by_sigma_b += from_b * (b - mu_b);
                    *by_a = slot.residual * precision - from_a;
                    *by_b = slot.residual_floor * precision - from_b;
                }
                log_density -= 0.5 * (by_sigma_a + by_sigma_b) + counties * (hyper[2] + hyper[3]);
                by_sigma_a -= counties;
                by_sigma_b -= counties;
            }
        }

        let mu_precision = 1.0 / (self.priors.mu_sd * self.priors.mu_sd);
        log_density -= 0.5 * mu_precision * (mu_a * mu_a + mu_b * mu_b);
        by_hyper[0] = by_mu_a - mu_precision * mu_a;
        by_hyper[1] = by_mu_b - mu_precision * mu_b;
        // Half-Cauchy priors, and the Jacobians of the logarithms.
        let scales = [self.priors.sigma_scale, self.priors.sigma_scale, self.priors.eps_scale];
        let by_likelihood = [by_sigma_a, by_sigma_b, precision * squares - self.n_homes];
        for (i, s) in [sigma_a, sigma_b, eps].into_iter().enumerate() {
            let q = (s / scales[i]).powi(2);
            log_density += hyper[2 + i] - q.ln_1p();
            by_hyper[2 + i] = by_likelihood[i] + 1.0 - 2.0 * q / (1.0 + q);
        }
        log_density
    }

    fn constrain(&self, theta: &[f64], named: &mut [f64]) {
        named.copy_from_slice(theta);
        for scale in &mut named[2..HYPERPARAMETERS] {
            *scale = scale.exp();
        }
        if self.effect == Centering::NonCentered {
            let (hyper, effects) = named.split_at_mut(HYPERPARAMETERS);
            let (a, b) = effects.split_at_mut(self.counties.len());
            for (effects, mu, sigma) in [(a, hyper[0], hyper[2]), (b, hyper[1], hyper[3])] {
                for effect in effects {
                    *effect = mu + sigma * *effect;
                }
            }
        }
    }
}
