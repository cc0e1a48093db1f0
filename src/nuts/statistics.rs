//! Statistics of a transition: the only declaration of their types, of their names in ArviZ, and of their kinds.

/// The kind of number that a statistic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A real number.
    Real,
    /// An integer.
    Count,
    /// Yes or no, as 1 or 0 among other numbers.
    Flag,
}

/// A type of one of the kinds.
trait Number: Copy {
    const KIND: Kind;
    fn to_real(self) -> f64;
    fn of_real(real: f64) -> Self;
}

impl Number for f64 {
    const KIND: Kind = Kind::Real;
    fn to_real(self) -> f64 {
        self
    }
    fn of_real(real: f64) -> f64 {
        real
    }
}

impl Number for u32 {
    const KIND: Kind = Kind::Count;
    fn to_real(self) -> f64 {
        f64::from(self)
    }
    fn of_real(real: f64) -> u32 {
        real as u32
    }
}

impl Number for bool {
    const KIND: Kind = Kind::Flag;
    fn to_real(self) -> f64 {
        f64::from(u8::from(self))
    }
    fn of_real(real: f64) -> bool {
        real == 1.0
    }
}

/// Declares the statistics of a kernel: a struct of their values, and an enum of their names in the order of stores.
macro_rules! statistics {
    ($($(#[$doc:meta])* $name:ident $field:ident: $number:ty,)*) => {
        /// Statistics of a transition, under ArviZ's names.
        #[derive(Debug, Clone, Copy, PartialEq, Default)]
        pub struct Statistics {
            $($(#[$doc])* pub $field: $number,)*
        }

        /// A statistic of a transition.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Statistic {
            $($(#[$doc])* $name,)*
        }

        impl Statistic {
            /// All statistics, in the order of a row of a store.
            pub const ALL: [Statistic; [$(Statistic::$name),*].len()] = [$(Statistic::$name),*];

            /// Those of a sampler that does, or does not, refine its steps.
            pub fn all(refines: bool) -> &'static [Statistic] {
                if refines { &Statistic::ALL } else { &Statistic::ALL[..Statistic::Halvings as usize] }
            }

            /// The name in ArviZ.
            pub fn name(self) -> &'static str {
                match self {
                    $(Statistic::$name => stringify!($field),)*
                }
            }

            /// The kind of number.
            pub fn kind(self) -> Kind {
                match self {
                    $(Statistic::$name => <$number as Number>::KIND,)*
                }
            }

            /// The value in a draw; flags are 0 and 1.
            pub fn of(self, draw: &Statistics) -> f64 {
                match self {
                    $(Statistic::$name => draw.$field.to_real(),)*
                }
            }

            /// All statistics of a draw, in the order of [`ALL`](Statistic::ALL).
            pub fn numbers(draw: &Statistics) -> [f64; Statistic::ALL.len()] {
                [$(draw.$field.to_real()),*]
            }

            /// The statistics of a draw, from numbers in the order of [`ALL`](Statistic::ALL); 0 after the last number.
            pub fn collect(numbers: &[f64]) -> Statistics {
                let number = |statistic: Statistic| numbers.get(statistic as usize).copied().unwrap_or(0.0);
                Statistics { $($field: Number::of_real(number(Statistic::$name)),)* }
            }
        }
    };
}

statistics! {
    /// Log density of the draw, unconstrained, in the sampler's units.
    Lp lp: f64,
    /// Energy H = -lp + w'w / 2 of the draw in its trajectory, and half the metric's log determinant if that varies.
    Energy energy: f64,
    /// Mean over the trajectory of min(1, exp(H0 - H)).
    AcceptanceRate acceptance_rate: f64,
    /// Size of the trajectory's steps, before any halving.
    StepSize step_size: f64,
    /// Number of doublings of the trajectory.
    TreeDepth tree_depth: u32,
    /// Number of leapfrog steps, refused ones included, and of gradients.
    NSteps n_steps: u32,
    /// Whether the energy error exceeded 1000, the log density was not finite, or no refinement made a step hold.
    Diverging diverging: bool,
    /// Whether the trajectory ended at the largest number of doublings.
    ReachedMaxTreedepth reached_max_treedepth: bool,
    /// Halvings of the step that led to the draw; where the draw is the one before, of the transition's first step.
    Halvings halvings: u32,
    /// Whether the trajectory ended at a step whose way back is another.
    Irreversible irreversible: bool,
}
