//! The coefficients that vary by groups, those of the shorthand and those of a formula's terms alike.

use std::ops::Range;

use crate::data::Dataset;
use crate::model::{Mixed, Model, Role};

/// A coefficient that varies by the levels of a factor.
#[derive(Debug, Clone)]
pub struct VaryingCoefficient {
    /// The name: `b`, or `b[hours]`; of a formula, a column of brms's array, `r_county[,floor]`.
    pub name: String,
    /// The name of its sd over the groups.
    pub sigma: String,
    /// The index of that sd among the named variables.
    pub sigma_at: usize,
    /// The index of its mean among the named variables; `None` for a formula, whose effects are deviations about 0.
    pub mean_at: Option<usize>,
    /// Indices of its effects among the named variables.
    pub effects: Range<usize>,
    /// The factor, by its number in the data set.
    pub factor: usize,
}

/// A factor: its groups are the levels.
#[derive(Debug, Clone)]
pub struct FactorGroups {
    /// The name of the factor.
    pub factor: String,
    /// The names of the groups.
    pub names: Vec<String>,
    /// Observations of each group.
    pub sizes: Vec<usize>,
}

/// A term whose coefficients are correlated.
#[derive(Debug, Clone)]
pub struct CorrelatedTerm {
    /// Its coefficients, among all that vary.
    pub coefficients: Range<usize>,
    /// Names of the correlations of each pair, row by row below the diagonal.
    pub correlations: Vec<String>,
}

/// All coefficients that vary, in the order of their effects among the variables called `names`.
pub fn varying(model: &Model, names: &[String]) -> Vec<VaryingCoefficient> {
    let layout = model.layout();
    let Some(mixed) = model.mixed() else {
        let of = |(k, name)| VaryingCoefficient {
            name,
            sigma: names[layout.sigma(k)].clone(),
            sigma_at: layout.sigma(k),
            mean_at: Some(layout.mu(k)),
            effects: layout.effects(k),
            factor: 0,
        };
        return model.coefficient_names().into_iter().enumerate().map(of).collect();
    };
    let data = model.dataset();
    let blocks = layout.blocks_of(Role::Scale).zip(layout.blocks_of(Role::Effects));
    let of_term = mixed.terms.iter().zip(blocks).flat_map(|(term, (scales, effects))| {
        term.columns.iter().enumerate().map(move |(c, column)| {
            let (factor, column) = (data.factor_name(term.factor), Mixed::column_name(data, *column));
            let sigma_at = scales.named.start + c;
            VaryingCoefficient {
                name: format!("r_{factor}[,{column}]"),
                sigma: names[sigma_at].clone(),
                sigma_at,
                mean_at: None,
                effects: effects.row(c),
                factor: term.factor,
            }
        })
    });
    of_term.collect()
}

/// The terms of a formula whose coefficients are correlated, with the names of their correlations among `names`.
pub fn correlated(model: &Model, names: &[String]) -> Vec<CorrelatedTerm> {
    let Some(mixed) = model.mixed() else { return Vec::new() };
    let mut blocks = model.layout().blocks_of(Role::Correlation);
    let mut first = 0;
    let mut terms = Vec::new();
    for term in &mixed.terms {
        let coefficients = first..first + term.columns.len();
        first = coefficients.end;
        if term.is_correlated()
            && let Some(block) = blocks.next()
        {
            terms.push(CorrelatedTerm { coefficients, correlations: names[block.named.clone()].to_vec() });
        }
    }
    terms
}

/// The groups of every factor, in the order of the data set.
pub fn groups(data: &Dataset) -> Vec<FactorGroups> {
    let of = |factor| {
        let names = data.levels(factor).to_vec();
        let mut sizes = vec![0; names.len()];
        data.level_of_rows(factor).iter().for_each(|level| sizes[*level as usize] += 1);
        FactorGroups { factor: data.factor_name(factor).to_string(), names, sizes }
    };
    (0..data.n_factors()).map(of).collect()
}
