//! The layout: each block's range in theta and among the named variables, and the transform between the two. All
//! offsets, shapes and roles in theta come from here.

use std::ops::Range;
use std::sync::Arc;

use super::affine::Affine;
use super::coordinates::{Centering, Coordinates};
use super::correlation::pairs;
use super::mixed_map::{MixedMap, MixedUnits};
use super::scaling::Scaling;

/// The role of a block's variables in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Means of coefficients over the levels of a factor.
    Mean,
    /// Population-level coefficients of a formula.
    Population,
    /// Standard deviations of coefficients over the levels of a factor.
    Scale,
    /// Correlations of the coefficients of one level.
    Correlation,
    /// Coefficients of the logarithm of sigma.
    LogSigma,
    /// Dispersions of the family.
    Dispersion,
    /// Coefficients of each level.
    Effects,
}

impl Role {
    /// The prefix of names of variables of this role; effects are named after coefficients, dispersions by the family.
    pub fn prefix(self) -> &'static str {
        match self {
            Role::Mean => "mu_",
            Role::Scale => "sigma_",
            Role::Population | Role::Correlation | Role::LogSigma | Role::Dispersion | Role::Effects => "",
        }
    }

    /// The role of a coefficient's variable, from its name in stores and in Stan's files: `mu_b`, `sigma_b[hours]`,
    /// `a[AITKIN]`, `b.17`, and the whole arrays `a` and `b`.
    pub fn of_name(name: &str) -> Option<Role> {
        let roles = [Role::Mean, Role::Scale].into_iter().find(|role| name.starts_with(role.prefix()));
        let is_effect = || matches!(name.split(['[', '.']).next(), Some("a" | "b"));
        roles.or_else(|| is_effect().then_some(Role::Effects))
    }
}

/// An axis of a block's variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The coefficients of a term, the intercept first.
    Coefficient,
    /// The family's dispersions.
    Dispersion,
    /// The levels of a term's factor.
    Level,
    /// The pairs of a term's coefficients, row by row below the diagonal.
    Pair,
}

/// The map from a block's entries in theta to variables in the sampler's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// Entries are the variables.
    Identity,
    /// Entries are the logarithms of the variables.
    Exp,
    /// By each coefficient's centering, entries are the variables or their offsets from the mean in units of the scale.
    Centering,
    /// By the map of a formula's model, [`MixedMap`].
    Mixed,
}

/// Variables that belong together: rows of coefficients (or of dispersions), each with one variable, or one for each
/// level.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The variables' role in the model.
    pub role: Role,
    /// The axes, the slowest first: rows, then the variables of a row if there are several.
    pub axes: &'static [Axis],
    /// The range in theta; empty if the variables are integrated out.
    pub theta: Range<usize>,
    /// The range among the named variables.
    pub named: Range<usize>,
    /// The map from theta to the variables.
    pub transform: Transform,
    /// The units of each row.
    pub units: Vec<Affine>,
}

impl Block {
    /// The named variables of row `k`.
    pub fn row(&self, k: usize) -> Range<usize> {
        let length = self.named.len() / self.units.len().max(1);
        self.named.start + k * length..self.named.start + (k + 1) * length
    }

    /// The entries of row `k` in theta.
    fn theta_row(&self, k: usize) -> Range<usize> {
        let length = self.theta.len() / self.units.len().max(1);
        self.theta.start + k * length..self.theta.start + (k + 1) * length
    }
}

/// A coefficient that varies by the levels of a factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoefficientPlace {
    /// The index of its standard deviation among the named variables, and in theta.
    pub scale: usize,
    /// The indices of its effects among the named variables.
    pub effects: Range<usize>,
}

/// The blocks of a model. Of the shorthand's: means, scales, dispersions, effects; of a formula's: population-level
/// coefficients, scales term by term, correlations term by term, coefficients of log sigma, dispersions, effects term
/// by term.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// K, the number of coefficients that vary by level, the intercept included; 0 for a formula, whose terms differ.
    pub coefficients: usize,
    /// J, the number of levels of the factor: the groups; of a formula, of the first factor.
    pub groups: usize,
    blocks: Vec<Block>,
    /// The number of leading variables before the effects.
    hyperparameters: usize,
    centering: Vec<Centering>,
    mixed: Option<Arc<MixedMap>>,
}

impl Layout {
    /// The layout of a term over `groups` levels, with the coefficients of `scaling`, and eps.
    pub(super) fn new(groups: usize, coordinates: &Coordinates, scaling: &Scaling) -> Layout {
        let coefficients = scaling.predictors.len() + 1;
        let of_coefficients: Vec<Affine> = (0..coefficients)
            .map(|k| Affine { unit: scaling.coefficient_unit(k), shift: scaling.coefficient_shift(k) })
            .collect();
        let unshifted = of_coefficients.iter().map(|map| Affine { shift: 0.0, ..*map }).collect();
        let dispersion = Affine { unit: scaling.outcome_scale, shift: 0.0 };
        let centering = match coordinates {
            Coordinates::Joint { centering, .. } => centering.clone(),
            Coordinates::Collapsed => Vec::new(),
        };
        let mut end = 0;
        let mut block = |role, axes: &'static [Axis], transform, units: Vec<Affine>| {
            let levels = if axes.contains(&Axis::Level) { groups } else { 1 };
            let named = end..end + levels * units.len();
            end = named.end;
            let is_sampled = role != Role::Effects || !centering.is_empty();
            let theta = if is_sampled { named.clone() } else { named.start..named.start };
            Block { role, axes, theta, named, transform, units }
        };
        let blocks = vec![
            block(Role::Mean, &[Axis::Coefficient], Transform::Identity, of_coefficients.clone()),
            block(Role::Scale, &[Axis::Coefficient], Transform::Exp, unshifted),
            block(Role::Dispersion, &[Axis::Dispersion], Transform::Exp, vec![dispersion]),
            block(Role::Effects, &[Axis::Coefficient, Axis::Level], Transform::Centering, of_coefficients),
        ];
        let hyperparameters = blocks[3].named.start;
        Layout { coefficients, groups, blocks, hyperparameters, centering, mixed: None }
    }

    /// The layout of a formula's model, with the rows of each block in the units of `units`.
    pub(super) fn of_formula(groups: usize, map: MixedMap, units: &MixedUnits) -> Layout {
        let mut blocks: Vec<Block> = Vec::new();
        let mut end = 0;
        let mut block = |role, axes: &'static [Axis], units: Vec<Affine>, levels: usize, is_sampled: bool| {
            let named = end..end + levels * units.len();
            end = named.end;
            let theta = if is_sampled { named.clone() } else { named.start..named.start };
            blocks.push(Block { role, axes, theta, named, transform: Transform::Mixed, units });
        };
        let unshifted = |unit: &f64| Affine { unit: *unit, shift: 0.0 };
        block(Role::Population, &[Axis::Coefficient], map.population.units.clone(), 1, true);
        for columns in &units.columns {
            block(Role::Scale, &[Axis::Coefficient], columns.iter().map(unshifted).collect(), 1, true);
        }
        for term in map.terms.iter().filter(|term| term.partials.is_some()) {
            block(
                Role::Correlation,
                &[Axis::Pair],
                vec![Affine { unit: 1.0, shift: 0.0 }; pairs(term.columns)],
                1,
                true,
            );
        }
        if let Some(sigma) = &map.log_sigma {
            block(Role::LogSigma, &[Axis::Coefficient], sigma.coefficients.units.clone(), 1, true);
        }
        let dispersions: Vec<Affine> = map.free_dispersions().map(|(_, unit)| unshifted(&unit)).collect();
        if !dispersions.is_empty() {
            block(Role::Dispersion, &[Axis::Dispersion], dispersions, 1, true);
        }
        for (term, columns) in map.terms.iter().zip(&units.columns) {
            let units = columns.iter().map(unshifted).collect();
            let is_sampled = term.centering.is_some();
            block(Role::Effects, &[Axis::Coefficient, Axis::Level], units, term.levels, is_sampled);
        }
        let hyperparameters = map.hyperparameters();
        Layout { coefficients: 0, groups, blocks, hyperparameters, centering: Vec::new(), mixed: Some(Arc::new(map)) }
    }

    /// The map between theta and the variables of a formula's model; `None` for the shorthand.
    pub fn mixed(&self) -> Option<&Arc<MixedMap>> {
        self.mixed.as_ref()
    }

    /// All blocks, in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The first block of a role; a model of the shorthand has one of each but [`Role::Population`] and
    /// [`Role::Correlation`].
    ///
    /// # Panics
    /// If the model has no such block.
    pub fn block(&self, role: Role) -> &Block {
        let found = self.blocks.iter().find(|block| block.role == role);
        found.unwrap_or_else(|| panic!("no block of {role:?} in this model"))
    }

    /// The blocks of a role.
    pub fn blocks_of(&self, role: Role) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.role == role)
    }

    /// The number of named variables.
    pub fn dim(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.named.end)
    }

    /// The number of coordinates of theta.
    pub fn theta_dim(&self) -> usize {
        self.blocks.iter().map(|block| block.theta.len()).sum()
    }

    /// The number of leading variables before the effects, in theta and among the named variables.
    pub fn hyperparameters(&self) -> usize {
        self.hyperparameters
    }

    /// Whether named variable `i` is positive: a scale or a dispersion.
    pub fn is_positive(&self, i: usize) -> bool {
        matches!(self.place(i).0.role, Role::Scale | Role::Dispersion)
    }

    /// The indices of the positive hyperparameters, scales and dispersions.
    pub fn positive_indices(&self) -> impl Iterator<Item = usize> {
        let positive = self.blocks.iter().filter(|block| matches!(block.role, Role::Scale | Role::Dispersion));
        positive.flat_map(|block| block.named.clone())
    }

    /// The number of means or population-level coefficients, which are the first variables.
    pub fn locations(&self) -> usize {
        self.blocks[0].named.len()
    }

    /// The coefficients that vary by level, in the order of the scales.
    pub fn varying(&self) -> Vec<CoefficientPlace> {
        let scales = self.blocks_of(Role::Scale).flat_map(|block| block.named.clone());
        let effects = self.blocks_of(Role::Effects).flat_map(|block| (0..block.units.len()).map(|row| block.row(row)));
        scales.zip(effects).map(|(scale, effects)| CoefficientPlace { scale, effects }).collect()
    }

    /// The range of the positive hyperparameters of the shorthand, scales and dispersions, whose logarithms are in
    /// theta.
    pub fn positive(&self) -> Range<usize> {
        self.block(Role::Scale).named.start..self.block(Role::Dispersion).named.end
    }

    /// Index of `mu[k]`, in theta and among the named variables.
    pub fn mu(&self, k: usize) -> usize {
        self.block(Role::Mean).named.start + k
    }

    /// Index of `log sigma[k]` in theta, of `sigma[k]` among the named variables.
    pub fn sigma(&self, k: usize) -> usize {
        self.block(Role::Scale).named.start + k
    }

    /// Index of `log eps` in theta, of `eps` among the named variables, in a model of the shorthand.
    pub fn eps(&self) -> usize {
        self.block(Role::Dispersion).named.start
    }

    /// Indices of `beta[k, 0..J]` among the named variables, and of their coordinates in theta unless effects are
    /// integrated out.
    pub fn effects(&self, k: usize) -> Range<usize> {
        self.block(Role::Effects).row(k)
    }

    /// The block of named variable `i`, the row of `i` in the block, and the index of `i` in the row.
    pub fn place(&self, i: usize) -> (&Block, usize, usize) {
        let block =
            self.blocks.iter().find(|block| block.named.contains(&i)).unwrap_or(&self.blocks[self.blocks.len() - 1]);
        let length = block.row(0).len().max(1);
        let offset = i - block.named.start;
        (block, offset / length, offset % length)
    }

    /// The map of named variable `i` from the sampler's units to the user's.
    pub fn units(&self, i: usize) -> Affine {
        let (block, row, _) = self.place(i);
        block.units[row]
    }

    /// Writes the named variables, in the user's units, at the position `theta`: as many leading ones as `named` has
    /// room for (all, or the hyperparameters only). Effects that are integrated out are not written.
    pub fn constrain(&self, theta: &[f64], named: &mut [f64]) {
        if let Some(mixed) = &self.mixed {
            return mixed.constrain(theta, named);
        }
        let room = named.len();
        for block in self.blocks.iter().filter(|block| block.named.end <= room) {
            for (k, units) in block.units.iter().enumerate() {
                let theta = &theta[block.theta_row(k)];
                match block.transform {
                    Transform::Identity => write(theta, &mut named[block.row(k)], |number| units.apply(number)),
                    Transform::Exp => {
                        write(theta, &mut named[block.row(k)], |number| crate::math::exp(number) * units.unit)
                    }
                    Transform::Centering if theta.is_empty() => {}
                    Transform::Centering => {
                        let Affine { unit, shift } = self.effect_units(k, *units, |i| named[i]);
                        write(theta, &mut named[block.row(k)], |number| shift + number * unit);
                    }
                    Transform::Mixed => {}
                }
            }
        }
    }

    /// Writes the position at which the named variables, in the user's units, have the values `named`: all variables,
    /// or those that are not integrated out.
    pub fn unconstrain(&self, named: &[f64], theta: &mut [f64]) {
        if let Some(mixed) = &self.mixed {
            return mixed.unconstrain(named, theta);
        }
        for block in self.blocks.iter().filter(|block| !block.theta.is_empty()) {
            for (k, units) in block.units.iter().enumerate() {
                let (named_row, theta) = (&named[block.row(k)], &mut theta[block.theta_row(k)]);
                match block.transform {
                    Transform::Identity => write(named_row, theta, |value| units.invert(value)),
                    Transform::Exp => write(named_row, theta, |value| (value / units.unit).ln()),
                    Transform::Centering => {
                        let units = self.effect_units(k, *units, |i| named[i]);
                        write(named_row, theta, |value| units.invert(value));
                    }
                    Transform::Mixed => {}
                }
            }
        }
    }

    /// The map from theta to the user's units of the effects of coefficient `k`, which has the units `units`.
    fn effect_units(&self, k: usize, units: Affine, named: impl Fn(usize) -> f64) -> Affine {
        match self.centering.get(k) {
            None | Some(Centering::Centered) => units,
            Some(Centering::NonCentered | Centering::Partial) => {
                Affine { unit: named(self.sigma(k)), shift: named(self.mu(k)) }
            }
        }
    }
}

/// Writes `map` of each number in `from` to `to`.
fn write(from: &[f64], to: &mut [f64], map: impl Fn(f64) -> f64) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = map(*from));
}
