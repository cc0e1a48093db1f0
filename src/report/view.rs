//! The view that all figures of a report share: the coefficient, the group, and how many numbers of a run are shown.

use super::Options;
use super::coefficients::{self, CorrelatedTerm, FactorGroups, VaryingCoefficient};
use crate::diagnostics::Summary;
use crate::experiment::{Keep, Sampled};
use crate::summary::RunSummary;

/// The notebook's group, in the order of the data: radon's TRAVERSE, of four homes.
const NOTEBOOKS_GROUP: usize = 75;

/// The budget of numbers for a figure's lines, all runs together.
const NUMBERS: usize = 60_000;

/// The shared view.
#[derive(Debug, Clone)]
pub struct View {
    /// The coefficient that is shown, among all that vary.
    pub coefficient: usize,
    /// All coefficients that vary by group, in the order of their effects.
    pub coefficients: Vec<VaryingCoefficient>,
    /// The terms whose coefficients are correlated.
    pub correlated: Vec<CorrelatedTerm>,
    /// The groups of each factor.
    pub factors: Vec<FactorGroups>,
    /// Whether the model is a formula's: effects are deviations about 0, where they are whole coefficients otherwise.
    pub of_formula: bool,
    /// The group whose effect is shown against sigma.
    pub group: usize,
    /// Why this group.
    pub why_group: String,
    /// The name of this group's effect: `b[YELLOW MEDICINE]`, `b[hours,North]`, or `r_county[AITKIN,floor]`.
    pub effect_of_group: String,
    /// Whether group effects are stored.
    pub has_effects: bool,
    /// The budget of numbers for a figure's lines, for one run.
    pub numbers: usize,
}

impl View {
    /// The view of the first run, used for all runs.
    pub fn of(sampled: &Sampled, summary: &RunSummary, options: &Options) -> View {
        let model = &sampled.model;
        let names = model.names();
        let coefficients = coefficients::varying(model, &names);
        let of_formula = model.mixed().is_some();
        let asked = options.funnel_group;
        // The coefficient whose sd has the smallest ESS: of the factor that was asked for, and a slope if the shorthand
        // has one.
        let slopes = if of_formula || coefficients.len() == 1 { 0 } else { 1 };
        let ess = |coefficient: &VaryingCoefficient| {
            let row: Option<&Summary> = summary.parameters.get(&coefficient.sigma);
            row.map_or(f64::INFINITY, |row| row.ess_bulk)
        };
        let is_of_asked = |k: &usize| asked.is_none_or(|group| coefficients[*k].factor == group.factor);
        let of_asked = (slopes..coefficients.len()).filter(is_of_asked);
        let coefficient = of_asked.min_by(|a, b| ess(&coefficients[*a]).total_cmp(&ess(&coefficients[*b])));
        let coefficient = coefficient.unwrap_or(0);
        let VaryingCoefficient { factor, effects, .. } = &coefficients[coefficient];
        let factors = coefficients::groups(model.dataset());
        let sizes = &factors[*factor].sizes;
        let (group, why_group) = match asked {
            Some(group) if group.factor == *factor && group.level < sizes.len() => {
                (group.level, "asked for".to_string())
            }
            _ if !of_formula && sizes.len() > NOTEBOOKS_GROUP => {
                (NOTEBOOKS_GROUP, format!("number {NOTEBOOKS_GROUP}, as in the notebook"))
            }
            _ => {
                let smallest = (0..sizes.len()).min_by_key(|j| sizes[*j]).unwrap_or(0);
                let why = match sizes.iter().all(|size| *size == sizes[smallest]) {
                    true => "the first, for all have as many",
                    false => "the one with the fewest observations",
                };
                (smallest, why.to_string())
            }
        };
        View {
            effect_of_group: names[effects.start + group].clone(),
            coefficient,
            correlated: coefficients::correlated(model, &names),
            coefficients,
            factors,
            of_formula,
            group,
            why_group,
            has_effects: sampled.settings.keep == Keep::All,
            numbers: NUMBERS / options.runs.max(1),
        }
    }

    /// The coefficient that is shown.
    pub fn shown(&self) -> &VaryingCoefficient {
        &self.coefficients[self.coefficient]
    }

    /// The groups by which the coefficient that is shown varies.
    pub fn groups(&self) -> &FactorGroups {
        &self.factors[self.shown().factor]
    }

    /// Whether the coefficient that is shown is correlated with others.
    pub fn is_correlated(&self) -> bool {
        self.correlated.iter().any(|term| term.coefficients.contains(&self.coefficient))
    }

    /// `slopes` or `intercepts`; `deviations` of a formula's.
    pub fn effects_word(&self) -> &'static str {
        match self.coefficient {
            _ if self.of_formula => "deviations",
            0 => "intercepts",
            _ => "slopes",
        }
    }
}
