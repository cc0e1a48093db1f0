//! Prior distributions of single variables, as they are typed: `normal(0, 10)`, `half_student_t(3, 0, 5)`, `lkj(2)`.

use std::f64::consts::{LN_2, PI, TAU};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

/// The shape of a distribution about its location, in units of its scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Normal.
    Normal,
    /// Student's t with these degrees of freedom; with one, Cauchy.
    StudentT(f64),
    /// Exponential: the scale is the inverse of the rate.
    Exponential,
    /// Uniform between the location and the location plus the scale.
    Uniform,
    /// Gamma with this shape: the scale is the inverse of the rate.
    Gamma(f64),
    /// Inverse gamma with this shape.
    InverseGamma(f64),
    /// The location and nothing else: the variable is known.
    Constant,
}

/// Degrees of freedom from which Student's t is so near the normal distribution that its formulas lose digits, and
/// Stirling's series none; and from which it is the normal distribution to the last digit.
const LARGE_DF: f64 = 1e5;
const NORMAL_DF: f64 = 1e20;

/// A prior distribution of one variable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VariablePrior {
    /// The shape.
    pub shape: Shape,
    /// The location, in the variable's units.
    pub location: f64,
    /// The scale, in the variable's units; positive.
    pub scale: f64,
    /// Whether only the half above the location is meant.
    pub half: bool,
}

impl VariablePrior {
    /// Normal(mean, sd).
    pub fn normal(mean: f64, sd: f64) -> VariablePrior {
        VariablePrior { shape: Shape::Normal, location: mean, scale: sd, half: false }
    }

    /// Half-Student-t with `df` degrees of freedom, about zero.
    pub fn half_student_t(df: f64, scale: f64) -> VariablePrior {
        VariablePrior { shape: Shape::StudentT(df), location: 0.0, scale, half: true }
    }

    /// The distribution of x' where x = `unit` x' + `shift` has this one.
    pub fn in_units(self, unit: f64, shift: f64) -> VariablePrior {
        VariablePrior { location: (self.location - shift) / unit, scale: self.scale / unit, ..self }
    }

    /// Whether all numbers are finite, and those positive that have to be.
    pub fn is_sound(self) -> bool {
        let df = match self.shape {
            Shape::StudentT(number) | Shape::Gamma(number) | Shape::InverseGamma(number) => number,
            Shape::Normal | Shape::Exponential | Shape::Uniform | Shape::Constant => 1.0,
        };
        self.location.is_finite() && [self.scale, df].iter().all(|number| *number > 0.0 && number.is_finite())
    }

    /// The bounds of a variable that a uniform distribution confines.
    pub fn bounds(self) -> Option<[f64; 2]> {
        (self.shape == Shape::Uniform).then_some([self.location, self.location + self.scale])
    }

    /// Whether the variable is positive under this distribution, or may be taken to be.
    pub fn admits_positive(self) -> bool {
        let from_zero = match self.shape {
            Shape::Exponential | Shape::Uniform | Shape::Gamma(_) | Shape::InverseGamma(_) => true,
            Shape::Constant => self.location > 0.0,
            Shape::Normal | Shape::StudentT(_) => self.half,
        };
        from_zero && self.location >= 0.0
    }

    /// Whether this is a distribution of positive numbers only, or a known number.
    pub fn is_of_dispersions(self) -> bool {
        self.half
            || matches!(self.shape, Shape::Exponential | Shape::Gamma(_) | Shape::InverseGamma(_) | Shape::Constant)
    }

    /// The known value of a variable that is none.
    pub fn known(self) -> Option<f64> {
        (self.shape == Shape::Constant).then_some(self.location)
    }

    /// The log density of a value in the support, without [`constant`](Self::constant), and its derivative.
    #[inline]
    pub fn at(self, x: f64) -> (f64, f64) {
        let z = (x - self.location) / self.scale;
        match self.shape {
            Shape::Normal | Shape::StudentT(NORMAL_DF..) => (-0.5 * z * z, -z / self.scale),
            Shape::StudentT(df) => {
                let square = z * z / df;
                let log = if df < LARGE_DF { crate::math::ln(1.0 + square) } else { square.ln_1p() };
                (-0.5 * (df + 1.0) * log, -(df + 1.0) * z / (df * (1.0 + square) * self.scale))
            }
            Shape::Exponential => (-z, -1.0 / self.scale),
            Shape::Gamma(shape) => ((shape - 1.0) * crate::math::ln(z) - z, (shape - 1.0) / x - 1.0 / self.scale),
            Shape::InverseGamma(shape) => (-(shape + 1.0) * crate::math::ln(z) - 1.0 / z, (1.0 / z - shape - 1.0) / x),
            Shape::Uniform | Shape::Constant => (0.0, 0.0),
        }
    }

    /// The logarithm of the normalising constant.
    pub fn constant(self) -> f64 {
        let of_shape = match self.shape {
            Shape::Normal | Shape::StudentT(NORMAL_DF..) => -0.5 * TAU.ln(),
            Shape::StudentT(df) if df < LARGE_DF => {
                ln_gamma(0.5 * (df + 1.0)) - ln_gamma(0.5 * df) - 0.5 * (df * PI).ln()
            }
            Shape::StudentT(df) => -0.5 * TAU.ln() - 0.25 / df,
            Shape::Gamma(shape) | Shape::InverseGamma(shape) => -ln_gamma(shape),
            Shape::Exponential | Shape::Uniform | Shape::Constant => 0.0,
        };
        of_shape - self.scale.ln() + if self.half { LN_2 } else { 0.0 }
    }
}

impl fmt::Display for VariablePrior {
    /// As it is typed, with numbers to six digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VariablePrior { location, scale, half, .. } = *self;
        let half = if half { "half_" } else { "" };
        let (location, number) = (SixDigits(location), SixDigits(scale));
        match self.shape {
            Shape::Normal => write!(f, "{half}normal({location}, {number})"),
            Shape::StudentT(1.0) => write!(f, "{half}cauchy({location}, {number})"),
            Shape::StudentT(df) => write!(f, "{half}student_t({df}, {location}, {number})"),
            Shape::Exponential => write!(f, "exponential({})", SixDigits(1.0 / scale)),
            Shape::Uniform => write!(f, "uniform({location}, {})", SixDigits(self.location + scale)),
            Shape::Gamma(shape) => write!(f, "gamma({}, {})", SixDigits(shape), SixDigits(1.0 / scale)),
            Shape::InverseGamma(shape) => write!(f, "inv_gamma({}, {number})", SixDigits(shape)),
            Shape::Constant => write!(f, "constant({location})"),
        }
    }
}

/// A number to six significant digits, without trailing zeros.
struct SixDigits(f64);

impl fmt::Display for SixDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = format!("{:.5e}", self.0).parse::<f64>().unwrap_or(self.0);
        match rounded.abs() {
            size if size != 0.0 && !(1e-4..1e9).contains(&size) => write!(f, "{rounded:e}"),
            _ => write!(f, "{rounded}"),
        }
    }
}

/// A prior as it is typed: of a variable, or of a term's correlations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TypedPrior {
    /// Of a variable.
    Variable(VariablePrior),
    /// LKJ(eta), of a correlation matrix.
    Lkj(f64),
}

/// Why a typed prior is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriorError {
    /// Not of the form `name(numbers)`.
    #[error("`{0}` is no distribution; write one with its numbers in parentheses, such as `normal(0, 10)`")]
    NoCall(String),
    /// An unknown distribution.
    #[error(
        "`{0}` is no distribution that is known here; there are normal, student_t, cauchy, uniform, half_normal, half_student_t, \
         half_cauchy, exponential, gamma, inv_gamma, lkj, and constant for a known number"
    )]
    Unknown(String),
    /// A wrong number of numbers.
    #[error("`{name}` takes {expected}, and {found} are given; write `{example}`")]
    Count {
        /// The distribution.
        name: String,
        /// What it takes.
        expected: &'static str,
        /// How many numbers are given.
        found: usize,
        /// How it may be written.
        example: &'static str,
    },
    /// Text where a number should be.
    #[error("`{text}` in `{prior}` is no number; write one, such as 2.5")]
    NoNumber {
        /// The text.
        text: String,
        /// The whole prior.
        prior: String,
    },
    /// A scale or rate that is not positive.
    #[error("{what} in `{prior}` must be positive")]
    NotPositive {
        /// Which number.
        what: &'static str,
        /// The whole prior.
        prior: String,
    },
    /// An interval without width.
    #[error("the bounds in `{0}` have to be in ascending order")]
    NoWidth(String),
    /// A half distribution about something else than zero.
    #[error("`{0}` is for variables above zero, and is cut there: its location has to be 0")]
    HalfElsewhere(String),
}

impl FromStr for TypedPrior {
    type Err = PriorError;

    fn from_str(text: &str) -> Result<TypedPrior, PriorError> {
        let text = text.trim();
        let parts = text.strip_suffix(')').and_then(|open| open.split_once('('));
        let Some((name, numbers)) = parts else { return Err(PriorError::NoCall(text.to_string())) };
        let name = name.trim();
        let number = |part: &str| match part.trim().parse::<f64>() {
            Ok(number) if number.is_finite() && number.abs() <= 1e100 => Ok(number),
            _ => Err(PriorError::NoNumber { text: part.trim().to_string(), prior: text.to_string() }),
        };
        let parts: Vec<&str> = if numbers.trim().is_empty() { Vec::new() } else { numbers.split(',').collect() };
        let numbers = parts.into_iter().map(number).collect::<Result<Vec<f64>, PriorError>>()?;
        let positive = |what, number: f64| match number >= 1e-100 {
            true => Ok(number),
            false => Err(PriorError::NotPositive { what, prior: text.to_string() }),
        };
        let count =
            |expected, example| PriorError::Count { name: name.to_string(), expected, found: numbers.len(), example };
        let half = name.starts_with("half_");
        let whole = |shape, location: f64, scale: f64| -> Result<TypedPrior, PriorError> {
            if half && location != 0.0 {
                return Err(PriorError::HalfElsewhere(name.to_string()));
            }
            Ok(TypedPrior::Variable(VariablePrior { shape, location, scale: positive("the scale", scale)?, half }))
        };
        match (name, &numbers[..]) {
            ("normal" | "half_normal", [location, scale]) => whole(Shape::Normal, *location, *scale),
            ("half_normal", [scale]) => whole(Shape::Normal, 0.0, *scale),
            ("cauchy" | "half_cauchy", [location, scale]) => whole(Shape::StudentT(1.0), *location, *scale),
            ("half_cauchy", [scale]) => whole(Shape::StudentT(1.0), 0.0, *scale),
            ("student_t" | "half_student_t", [df, location, scale]) => {
                whole(Shape::StudentT(positive("the degrees of freedom", *df)?), *location, *scale)
            }
            ("half_student_t", [df, scale]) => {
                whole(Shape::StudentT(positive("the degrees of freedom", *df)?), 0.0, *scale)
            }
            ("exponential", [rate]) => whole(Shape::Exponential, 0.0, 1.0 / positive("the rate", *rate)?),
            ("gamma", [shape, rate]) => {
                whole(Shape::Gamma(positive("the shape", *shape)?), 0.0, 1.0 / positive("the rate", *rate)?)
            }
            ("inv_gamma", [shape, scale]) => whole(Shape::InverseGamma(positive("the shape", *shape)?), 0.0, *scale),
            ("constant", [value]) => whole(Shape::Constant, *value, 1.0),
            ("uniform", [low, high]) if low < high => whole(Shape::Uniform, *low, high - low),
            ("uniform", [_, _]) => Err(PriorError::NoWidth(text.to_string())),
            ("lkj", [eta]) => Ok(TypedPrior::Lkj(positive("eta", *eta)?)),
            ("normal", _) => Err(count("a mean and an sd", "normal(0, 10)")),
            ("cauchy", _) => Err(count("a location and a scale", "cauchy(0, 5)")),
            ("student_t", _) => Err(count("degrees of freedom, a location and a scale", "student_t(3, 0, 10)")),
            ("half_normal", _) => Err(count("a scale", "half_normal(5)")),
            ("half_cauchy", _) => Err(count("a scale", "half_cauchy(5)")),
            ("half_student_t", _) => Err(count("degrees of freedom and a scale", "half_student_t(3, 5)")),
            ("exponential", _) => Err(count("a rate", "exponential(0.1)")),
            ("gamma", _) => Err(count("a shape and a rate", "gamma(2, 0.1)")),
            ("inv_gamma", _) => Err(count("a shape and a scale", "inv_gamma(0.4, 0.3)")),
            ("constant", _) => Err(count("a number", "constant(4)")),
            ("uniform", _) => Err(count("two bounds", "uniform(0, 100)")),
            ("lkj", _) => Err(count("eta", "lkj(2)")),
            _ => Err(PriorError::Unknown(name.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by `fuzz/targets/root.rs`: with many degrees of freedom values were a staircase, and no search for modes
    /// came to its end.
    #[test]
    fn students_t_becomes_normal_without_a_jump() {
        let normal = VariablePrior { shape: Shape::Normal, location: 1.0, scale: 2.0, half: false };
        let student = |df| VariablePrior { shape: Shape::StudentT(df), ..normal };
        let apart = |one: VariablePrior, other: VariablePrior, x: f64| {
            let ((value, slope), (others, its)) = (one.at(x), other.at(x));
            let constants = one.constant() - other.constant();
            [constants, value - others, slope - its].into_iter().fold(0.0, |most: f64, gap| most.max(gap.abs()))
        };
        for x in [-7.0, -0.25, 1.0 + 1e-5, 3.0, 12.0] {
            // (z^4 - 2 z^2 - 1) / (4 df), and the next terms.
            let at_limit = apart(student(LARGE_DF.next_down()), student(LARGE_DF), x);
            assert!(at_limit < 1e-8, "{at_limit} at {x}");
            for df in [1e9, 1e15, 1e100, f64::MAX] {
                let gap = apart(student(df), normal, x);
                assert!(gap < 1e-13 + 1000.0 / df, "{gap} at {x} with {df}");
            }
        }
    }

    #[test]
    fn priors_are_read_as_they_are_shown() {
        for text in [
            "normal(0, 10)",
            "student_t(3, 200, 100)",
            "cauchy(0, 2.5)",
            "half_normal(0, 5)",
            "half_student_t(3, 0, 1.5)",
            "half_cauchy(0, 5)",
            "exponential(0.1)",
            "uniform(0, 200)",
            "gamma(2, 0.1)",
            "inv_gamma(0.4, 0.3)",
            "constant(4)",
        ] {
            match text.parse::<TypedPrior>().unwrap() {
                TypedPrior::Variable(prior) => assert_eq!(prior.to_string(), text),
                TypedPrior::Lkj(_) => panic!("{text}"),
            }
        }
        assert_eq!("half_normal(5)".parse(), "half_normal(0, 5)".parse::<TypedPrior>());
        assert_eq!("lkj(2)".parse(), Ok(TypedPrior::Lkj(2.0)));
    }

    #[test]
    fn what_is_wrong_with_a_prior_is_said() {
        let message = |text: &str| text.parse::<TypedPrior>().unwrap_err().to_string();
        assert!(message("normal").contains("normal(0, 10)"));
        assert!(message("weibull(1, 2)").contains("half_cauchy"));
        assert!(message("gamma(1)").contains("a shape and a rate, and 1 are given"));
        assert!(message("inv_gamma(1, 0)").contains("positive"));
        assert!(message("normal(0)").contains("a mean and an sd, and 1 are given"));
        assert!(message("normal(a, 1)").contains("`a` in `normal(a, 1)`"));
        assert!(message("normal(0, -1)").contains("positive"));
        assert!(message("uniform(2, 1)").contains("ascending"));
        assert!(message("half_normal(1, 1)").contains("location has to be 0"));
    }

    #[test]
    fn densities_integrate_to_one_and_match_their_derivatives() {
        for text in [
            "normal(1, 2)",
            "half_student_t(3, 2)",
            "half_cauchy(1)",
            "exponential(0.5)",
            "student_t(4, 1, 2)",
            "gamma(2, 0.1)",
            "inv_gamma(1.4, 0.3)",
        ] {
            let Ok(TypedPrior::Variable(prior)) = text.parse() else { panic!("{text}") };
            let density = |x: f64| (prior.at(x).0 + prior.constant()).exp();
            // x = t / (1 - t^2) takes (-1, 1) to the line, and (0, 1) to its half.
            let from = if prior.is_of_dispersions() { 0.0 } else { -1.0 };
            let steps = 200_000;
            let width = (1.0 - from) / f64::from(steps);
            let mass: f64 = (0..steps)
                .map(|i| {
                    let t = from + width * (f64::from(i) + 0.5);
                    density(t / (1.0 - t * t)) * (1.0 + t * t) / (1.0 - t * t).powi(2) * width
                })
                .sum();
            assert!((mass - 1.0).abs() < 1e-6, "{text}: {mass}");
            let (x, h) = (1.7, 1e-5);
            let slope = (prior.at(x + h).0 - prior.at(x - h).0) / (2.0 * h);
            assert!((slope - prior.at(x).1).abs() < 1e-8, "{text}");
        }
    }
}
