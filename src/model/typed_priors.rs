//! The priors of a formula's model: the defaults for its data, and those that are typed in their place.

use super::mixed::{Mixed, MixedPriors, MixedTerm};
use super::prior::{PriorError, Shape, TypedPrior, VariablePrior};
use super::scaling::Scaling;
use crate::data::Dataset;
use crate::data::moments::mean as mean_of;
use crate::family::Family;
use crate::formula::INTERCEPT;

/// The degrees of freedom of the default priors of sds.
const DEGREES: f64 = 3.0;

/// The default prior of a population-level coefficient has this many times the sd that its units suggest.
const WIDTH: f64 = 2.5;

/// Eta of the default prior of correlations.
const ETA: f64 = 2.0;

impl MixedPriors {
    /// Proper, weakly informative priors: for the intercept, at the means of the predictors, Normal(mean(y), 2.5
    /// sd(y)); for other population-level coefficients Normal(0, 2.5 sd(y) / sd(x)), as in rstanarm and Bambi; for sds
    /// and sigma half-Student-t with 3 degrees of freedom and scale sd(y) / sd(x), as in brms; LKJ(2) for correlations.
    /// Outcomes of a lognormal family are logarithms here.
    ///
    /// Where eta is on the scale of a logarithm, a logit or a probit, 1 stands in the place of sd(y), the link of the
    /// mean of y in that of its mean, and sds have the scale 2.5, as in brms. Nu has Gamma(2, 0.1) (Juárez and Steel
    /// 2010), the shape of a negative binomial InvGamma(0.4, 0.3), and that of a gamma Gamma(0.01, 0.01), as in brms.
    pub fn for_data(dataset: &Dataset, family: Family, population: &[usize], terms: &[MixedTerm]) -> MixedPriors {
        let typical = Scaling::of_family(dataset, family);
        let width = if family.is_location_scale() { 1.0 } else { WIDTH };
        let scale = |column: &usize| VariablePrior::half_student_t(DEGREES, width * typical.coefficient_unit(*column));
        let mean = |column: &usize| {
            VariablePrior::normal(
                if *column == 0 { typical.outcome_shift } else { 0.0 },
                WIDTH * typical.coefficient_unit(*column),
            )
        };
        let of_dispersion = |family, name: &str| match (family, name) {
            (_, "nu") => VariablePrior { shape: Shape::Gamma(2.0), location: 0.0, scale: 10.0, half: false },
            (Family::NegBinomial, _) => {
                VariablePrior { shape: Shape::InverseGamma(0.4), location: 0.0, scale: 0.3, half: false }
            }
            (Family::Gamma, _) => VariablePrior { shape: Shape::Gamma(0.01), location: 0.0, scale: 100.0, half: false },
            _ => VariablePrior::half_student_t(DEGREES, MixedPriors::typical_sigma(dataset, family)),
        };
        MixedPriors {
            population: population.iter().map(mean).collect(),
            scales: terms.iter().map(|term| term.columns.iter().map(scale).collect()).collect(),
            correlations: vec![ETA; terms.len()],
            dispersions: family.dispersions().iter().map(|name| of_dispersion(family, name)).collect(),
        }
    }

    /// A sigma that suits the outcome: the sd of a row of weight 1.
    pub fn typical_sigma(dataset: &Dataset, family: Family) -> f64 {
        Scaling::of_family(dataset, family).outcome_scale * dataset.weights().map_or(1.0, mean_of).sqrt()
    }
}

/// Why a typed prior does not go with a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriorTarget {
    /// A name of nothing.
    #[error("--prior `{typed}`: there is no `{target}` in this model; write one of {known}")]
    Unknown {
        /// The whole option.
        typed: String,
        /// What it names.
        target: String,
        /// What could be named.
        known: String,
    },
    /// Not a name and a distribution, a distribution that does not go with the variable, or a second one of a name.
    #[error("--prior `{typed}`: {problem}")]
    Unfit {
        /// The whole option.
        typed: String,
        /// What is wrong.
        problem: String,
    },
}

/// The rank of a name in `--prior`: a class, a factor, or one variable; later ranks go before earlier ones.
const RANKS: usize = 3;

impl Mixed {
    /// The names that `--prior` may have of each variable, from class to name, in the order of the layout's
    /// hyperparameters: population, scales, correlations of a term together, coefficients of log sigma, dispersion.
    fn prior_names(&self, dataset: &Dataset) -> Vec<[String; RANKS]> {
        let name = |column: &usize| Mixed::column_name(dataset, *column).to_string();
        let mut all: Vec<[String; RANKS]> = Vec::new();
        for column in &self.population {
            let full = format!("b_{}", name(column));
            all.push(if *column == 0 {
                [full.clone(), INTERCEPT.to_string(), full]
            } else {
                ["b".to_string(), full.clone(), full]
            });
        }
        for term in &self.terms {
            let factor = format!("sd_{}", dataset.factor_name(term.factor));
            all.extend(
                term.columns
                    .iter()
                    .map(|column| ["sd".to_string(), factor.clone(), format!("{factor}__{}", name(column))]),
            );
        }
        for term in self.terms.iter().filter(|term| term.is_correlated()) {
            let factor = format!("cor_{}", dataset.factor_name(term.factor));
            all.push(["cor".to_string(), factor.clone(), factor]);
        }
        for column in self.sigma.iter().flat_map(|sigma| &sigma.columns) {
            let full = format!("b_sigma_{}", name(column));
            all.push(if *column == 0 {
                [full.clone(), full.clone(), full]
            } else {
                ["b_sigma".into(), full.clone(), full]
            });
        }
        let names = self.family.dispersions().iter().enumerate();
        let estimated = names.filter(|(d, _)| *d > 0 || self.has_first_dispersion());
        all.extend(estimated.map(|(_, name)| std::array::from_fn(|_| name.to_string())));
        all
    }

    /// Puts typed priors, as `sd_Subject ~ half_cauchy(0, 5)`, in the place of others: those of a class (`b`, `sd`,
    /// `cor`, `sigma`) before those of a factor, and these before those of one variable.
    ///
    /// # Errors
    /// If a prior cannot be read, names nothing, or does not go with what it names.
    pub fn with_priors(mut self, dataset: &Dataset, typed: &[String]) -> Result<Mixed, PriorTarget> {
        let names = self.prior_names(dataset);
        let mut read: Vec<(usize, String, TypedPrior, &String)> = Vec::new();
        for text in typed {
            let malformed = |problem: String| PriorTarget::Unfit { typed: text.clone(), problem };
            let (target, prior) = text.split_once('~').ok_or_else(|| {
                malformed("a name and a distribution go on either side of `~`; write `sd_g ~ half_normal(5)`".into())
            })?;
            let target = target.trim();
            let prior = prior.parse().map_err(|error: PriorError| malformed(error.to_string()))?;
            let rank = (0..RANKS).find(|rank| names.iter().any(|names| names[*rank] == target));
            let mut correlations = names.iter().map(|[.., name]| name).filter(|name| name.starts_with("cor_"));
            let together = correlations.find(|name| target.starts_with(&format!("{name}__")));
            if let (None, Some(name)) = (rank, together) {
                return Err(malformed(format!(
                    "the correlations of a term have one prior together; write `{name} ~ {}`",
                    text.split_once('~').map_or("lkj(2)", |(_, prior)| prior.trim())
                )));
            }
            let rank = rank.ok_or_else(|| {
                let mut known: Vec<&str> = Vec::new();
                for name in names.iter().flatten().map(String::as_str) {
                    if !known.contains(&name) {
                        known.push(name);
                    }
                }
                let known = known.join(", ");
                PriorTarget::Unknown { typed: text.clone(), target: target.to_string(), known }
            })?;
            read.push((rank, target.to_string(), prior, text));
        }
        for (place, (_, target, _, text)) in read.iter().enumerate() {
            if read[..place].iter().any(|(_, before, ..)| before == target) {
                let problem = "the same name has a prior already; keep one of the two".to_string();
                return Err(PriorTarget::Unfit { typed: (*text).clone(), problem });
            }
        }
        read.sort_by_key(|(rank, ..)| *rank);
        for (_, target, prior, text) in &read {
            let unfit = |problem: &str| PriorTarget::Unfit { typed: (*text).clone(), problem: problem.to_string() };
            for place in (0..names.len()).filter(|place| names[*place].contains(target)) {
                self.set_prior(place, *prior).map_err(unfit)?;
            }
        }
        Ok(self)
    }

    /// Sets the prior at a place of [`prior_names`](Self::prior_names).
    fn set_prior(&mut self, place: usize, prior: TypedPrior) -> Result<(), &'static str> {
        let (population, terms) = (self.population.len(), &self.terms);
        let scales: Vec<(usize, usize)> =
            terms.iter().enumerate().flat_map(|(t, term)| (0..term.columns.len()).map(move |c| (t, c))).collect();
        let correlated: Vec<usize> = (0..terms.len()).filter(|t| terms[*t].is_correlated()).collect();
        let variable = match prior {
            TypedPrior::Variable(prior) => Some(prior),
            TypedPrior::Lkj(_) => None,
        };
        const LKJ: &str = "lkj is for correlations, as in `cor ~ lkj(2)`";
        let of_coefficient = |prior: Option<VariablePrior>| match prior.ok_or(LKJ)? {
            prior if prior.is_of_dispersions() => Err(
                "half and exponential distributions are for sds and sigma, gamma and inv_gamma for these, nu and shape, and \
                 constant for sigma, nu and shape; write one of all numbers, such as `normal(0, 10)`, or `uniform(0, 10)`",
            ),
            prior => Ok(prior),
        };
        if place < population {
            self.priors.population[place] = of_coefficient(variable)?;
            return Ok(());
        }
        let after_scales = (place - population).checked_sub(scales.len());
        if let Some(term) = after_scales.and_then(|after| correlated.get(after)) {
            let TypedPrior::Lkj(eta) = prior else {
                return Err("correlations have an lkj prior, as in `cor ~ lkj(2)`");
            };
            self.priors.correlations[*term] = eta;
            return Ok(());
        }
        let after_correlations = after_scales.and_then(|after| after.checked_sub(correlated.len()));
        if let (Some(after), Some(sigma)) = (after_correlations, &mut self.sigma)
            && let Some(own) = sigma.priors.get_mut(after)
        {
            *own = of_coefficient(variable)?;
            return Ok(());
        }
        let mut prior = variable.ok_or(LKJ)?;
        if prior.location == 0.0 && prior.bounds().is_none() && !prior.admits_positive() {
            // An sd's Normal(0, s) is cut at zero, as in brms.
            prior.half = true;
        }
        if !prior.admits_positive() {
            return Err("sds and sigma are positive; write a distribution above zero, such as `half_normal(5)`");
        }
        match scales.get(place - population) {
            Some((_, _)) if prior.known().is_some() => {
                return Err("sds of effects are estimated; write a distribution, such as `half_normal(5)`");
            }
            Some((term, column)) => self.priors.scales[*term][*column] = prior,
            None => {
                let of_sigma = self.sigma.as_ref().map_or(0, |sigma| sigma.columns.len());
                let after = place - population - scales.len() - correlated.len() - of_sigma;
                let first = usize::from(!self.has_first_dispersion());
                self.priors.dispersions[first + after] = prior;
            }
        }
        Ok(())
    }

    /// Every prior, with the name of what it is of, as it is typed: `b_Days ~ normal(0, 10)`.
    pub fn prior_list(&self, dataset: &Dataset) -> Vec<String> {
        let names = self.prior_names(dataset);
        let MixedPriors { population, scales, correlations, dispersions } = &self.priors;
        let estimated = dispersions.iter().skip(usize::from(!self.has_first_dispersion()));
        let of_sigma = self.sigma.iter().flat_map(|sigma| &sigma.priors);
        let correlated = self.terms.iter().zip(correlations).filter(|(term, _)| term.is_correlated());
        let variables = population.iter().chain(scales.iter().flatten()).map(VariablePrior::to_string);
        let texts = variables
            .chain(correlated.map(|(_, eta)| format!("lkj({eta})")))
            .chain(of_sigma.chain(estimated).map(VariablePrior::to_string));
        names.iter().zip(texts).map(|([.., name], text)| format!("{name} ~ {text}")).collect()
    }
}
