//! The layout: which block of variables stands where in theta and among the named variables, and how the one is made of
//! the other. Whoever needs an offset, a shape or a role asks here.

use std::ops::Range;

use super::coordinates::{Centering, Coordinates};
use super::scaling::Scaling;
use crate::family::Family;

/// What a block's variables are in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Means of coefficients over the levels of a factor.
    Mean,
    /// Standard deviations of coefficients over the levels of a factor.
    Scale,
    /// Dispersions of the family.
    Dispersion,
    /// Coefficients of each level.
    Effects,
}

impl Role {
    /// What the names of variables of this role begin with; effects are named as their coefficient, dispersions by the family.
    pub fn prefix(self) -> &'static str {
        match self {
            Role::Mean => "mu_",
            Role::Scale => "sigma_",
            Role::Dispersion | Role::Effects => "",
        }
    }

    /// The role of a coefficient's variable by its name, as stores and Stan's files have it: `mu_b`, `sigma_b[hours]`,
    /// `a[AITKIN]`, `b.17`, and the whole arrays `a` and `b`.
    pub fn of_name(name: &str) -> Option<Role> {
        let roles = [Role::Mean, Role::Scale].into_iter().find(|role| name.starts_with(role.prefix()));
        let is_effect = || matches!(name.split(['[', '.']).next(), Some("a" | "b"));
        roles.or_else(|| is_effect().then_some(Role::Effects))
    }
}

/// What numbers the variables of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The coefficients of a term, the intercept first.
    Coefficient,
    /// The family's dispersions.
    Dispersion,
    /// The levels of a term's factor.
    Level,
}

/// value = unit x number + shift: from the sampler's units to the user's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// The user's unit of one of the sampler's; positive.
    pub unit: f64,
    /// The user's value where the sampler's is 0.
    pub shift: f64,
}

impl Affine {
    /// In the user's units.
    #[inline]
    pub fn apply(self, number: f64) -> f64 {
        number * self.unit + self.shift
    }

    /// In the sampler's units.
    #[inline]
    pub fn invert(self, value: f64) -> f64 {
        (value - self.shift) / self.unit
    }
}

/// How a block's entries in theta become variables in the sampler's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// They are the variables.
    Identity,
    /// They are the logarithms of variables.
    Exp,
    /// As the centering of each coefficient says: the variables, or their offsets from the mean in units of the scale.
    Centering,
}

/// Variables that belong together: rows of coefficients (or of dispersions), each with as many variables as there are levels,
/// or with one.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// What they are in the model.
    pub role: Role,
    /// What numbers them, the slowest first: rows, and the variables of a row where there are several.
    pub axes: &'static [Axis],
    /// Where they stand in theta; nowhere where they are integrated out.
    pub theta: Range<usize>,
    /// Where they stand among the named variables.
    pub named: Range<usize>,
    /// What makes them of theta.
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

    /// The same row's entries in theta.
    fn theta_row(&self, k: usize) -> Range<usize> {
        let length = self.theta.len() / self.units.len().max(1);
        self.theta.start + k * length..self.theta.start + (k + 1) * length
    }
}

/// The blocks of a model: means, then scales and dispersions side by side, and effects last.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// K, the number of coefficients that vary by level, the intercept included.
    pub coefficients: usize,
    /// J, the number of levels of the factor: the groups.
    pub groups: usize,
    blocks: [Block; 4],
    centering: Vec<Centering>,
}

impl Layout {
    /// Of a term of as many coefficients as `scaling` is for, over `groups` levels, and a family's dispersions.
    pub(super) fn new(groups: usize, family: Family, coordinates: &Coordinates, scaling: &Scaling) -> Layout {
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
        let blocks = [
            block(Role::Mean, &[Axis::Coefficient], Transform::Identity, of_coefficients.clone()),
            block(Role::Scale, &[Axis::Coefficient], Transform::Exp, unshifted),
            block(Role::Dispersion, &[Axis::Dispersion], Transform::Exp, vec![dispersion; family.dispersions().len()]),
            block(Role::Effects, &[Axis::Coefficient, Axis::Level], Transform::Centering, of_coefficients),
        ];
        Layout { coefficients, groups, blocks, centering }
    }

    /// All blocks, in their order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The block of a role.
    pub fn block(&self, role: Role) -> &Block {
        match role {
            Role::Mean => &self.blocks[0],
            Role::Scale => &self.blocks[1],
            Role::Dispersion => &self.blocks[2],
            Role::Effects => &self.blocks[3],
        }
    }

    /// The number of named variables.
    pub fn dim(&self) -> usize {
        self.block(Role::Effects).named.end
    }

    /// The number of coordinates of theta.
    pub fn theta_dim(&self) -> usize {
        self.block(Role::Effects).theta.end
    }

    /// The number of leading variables that are no effects, in theta as among the named ones.
    pub fn hyperparameters(&self) -> usize {
        self.block(Role::Effects).named.start
    }

    /// Scales and dispersions, whose logarithms stand in theta: the positive hyperparameters.
    pub fn positive(&self) -> Range<usize> {
        self.block(Role::Scale).named.start..self.block(Role::Dispersion).named.end
    }

    /// Index of `mu[k]`.
    pub fn mu(&self, k: usize) -> usize {
        self.block(Role::Mean).named.start + k
    }

    /// Index of `log sigma[k]` in theta, of `sigma[k]` among the named variables.
    pub fn sigma(&self, k: usize) -> usize {
        self.block(Role::Scale).named.start + k
    }

    /// Index of `log eps` in theta, of `eps` among the named variables; for a family without dispersions, of nothing.
    pub fn eps(&self) -> usize {
        self.block(Role::Dispersion).named.start
    }

    /// Indices of `beta[k, 0..J]` among the named variables, and of what stands for them in theta, unless they are integrated
    /// out.
    pub fn effects(&self, k: usize) -> Range<usize> {
        self.block(Role::Effects).row(k)
    }

    /// The block of named variable `i`, which of its rows `i` stands in, and where in that row.
    pub fn place(&self, i: usize) -> (&Block, usize, usize) {
        let block = self.blocks.iter().find(|block| block.named.contains(&i)).unwrap_or(&self.blocks[3]);
        let length = block.row(0).len().max(1);
        let offset = i - block.named.start;
        (block, offset / length, offset % length)
    }

    /// From the sampler's units to the user's, of named variable `i`.
    pub fn units(&self, i: usize) -> Affine {
        let (block, row, _) = self.place(i);
        block.units[row]
    }

    /// The named variables, in the user's units, at a position `theta`; as many leading ones as `named` has room for (all, or
    /// the hyperparameters only). Effects that are integrated out are left as they are.
    pub fn constrain(&self, theta: &[f64], named: &mut [f64]) {
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
                }
            }
        }
    }

    /// The position at which the named variables, in the user's units, have the values `named`: all of them, or those that are
    /// not integrated out.
    pub fn unconstrain(&self, named: &[f64], theta: &mut [f64]) {
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
                }
            }
        }
    }

    /// From theta to the user's units, of effects of coefficient `k`, whose own units are `units`.
    fn effect_units(&self, k: usize, units: Affine, named: impl Fn(usize) -> f64) -> Affine {
        match self.centering.get(k) {
            None | Some(Centering::Centered) => units,
            Some(Centering::NonCentered) => Affine { unit: named(self.sigma(k)), shift: named(self.mu(k)) },
        }
    }
}

/// Maps numbers onto as many others.
fn write(from: &[f64], to: &mut [f64], map: impl Fn(f64) -> f64) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = map(*from));
}
