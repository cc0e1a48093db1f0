//! What a transition tells about itself: the one declaration of its numbers, of their names in ArviZ, and of their
//! kinds.

/// How a statistic is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A real number.
    Real,
    /// An integer.
    Count,
    /// Yes or no, 1 and 0 among other numbers.
    Flag,
}

/// A number of one of the kinds.
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

/// Declares the statistics of a kernel: a struct of them, and an enum of their names in the order in which stores have
/// them.
macro_rules! statistics {
    ($($(#[$doc:meta])* $name:ident $field:ident: $number:ty,)*) => {
        /// What a transition tells about itself, under ArviZ's names.
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
            /// All of them, in the order in which they lie in a row of a store.
            pub const ALL: [Statistic; [$(Statistic::$name),*].len()] = [$(Statistic::$name),*];

            /// ArviZ's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Statistic::$name => stringify!($field),)*
                }
            }

            /// How it is written down.
            pub fn kind(self) -> Kind {
                match self {
                    $(Statistic::$name => <$number as Number>::KIND,)*
                }
            }

            /// Its value in a draw; flags are 0 and 1.
            pub fn of(self, draw: &Statistics) -> f64 {
                match self {
                    $(Statistic::$name => draw.$field.to_real(),)*
                }
            }

            /// All of a draw, in the order of [`ALL`](Statistic::ALL).
            pub fn numbers(draw: &Statistics) -> [f64; Statistic::ALL.len()] {
                [$(draw.$field.to_real()),*]
            }

            /// All of a draw, from numbers in the order of [`ALL`](Statistic::ALL).
            pub fn collect(numbers: &[f64]) -> Statistics {
                Statistics { $($field: Number::of_real(numbers[Statistic::$name as usize]),)* }
            }
        }
    };
}

statistics! {
    /// Log density of the draw, unconstrained, in the sampler's units.
    Lp lp: f64,
    /// Energy H = -lp + w'w / 2 of the draw in its trajectory.
    Energy energy: f64,
    /// Mean over the trajectory of min(1, exp(H0 - H)).
    AcceptanceRate acceptance_rate: f64,
    /// Step size of the leapfrog steps.
    StepSize step_size: f64,
    /// How often the trajectory was doubled.
    TreeDepth tree_depth: u32,
    /// Leapfrog steps taken, and gradients computed.
    NSteps n_steps: u32,
    /// Whether the energy error exceeded 1000, or the log density was not finite.
    Diverging diverging: bool,
    /// Whether the trajectory ended because it could not be doubled once more.
    ReachedMaxTreedepth reached_max_treedepth: bool,
}
