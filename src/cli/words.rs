//! Options with a few choices: the words, their help, and their meanings.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use warpnuts::data::{Centring, Missing};
use warpnuts::draws::Precision;
use warpnuts::experiment::{EngineChoice, Keep, MetricShape, Sampler};
use warpnuts::family::{Family, Link};
use warpnuts::model::Likelihood;
use warpnuts::predict::NewLevels;

/// A word, its help, and its meaning.
pub type Word<T> = (&'static str, &'static str, T);

/// The predictors whose means are subtracted.
pub const CENTRING: [Word<Centring>; 3] = [
    ("auto", "Those that are far from zero", Centring::Far),
    ("yes", "All of them", Centring::All),
    ("no", "None", Centring::None),
];

/// What happens to rows with missing values.
pub const MISSING: [Word<Missing>; 2] = [
    ("drop", "Leave them out, and say how many", Missing::Drop),
    ("refuse", "End with a list of them", Missing::Refuse),
];

/// The engines, after `auto`, which chooses one.
pub const ENGINES: [Word<EngineChoice>; 4] = [
    ("auto", "Whatever is expected to be faster", EngineChoice::Auto),
    ("cpu", "Trees and densities on the CPU", EngineChoice::Cpu),
    ("gpu-density", "Trees on the CPU, densities on a GPU", EngineChoice::GpuDensity),
    ("gpu", "Whole transitions, or independent draws, on a GPU", EngineChoice::Gpu),
];

/// What was asked for, where it may be left to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<T> {
    /// Whatever suits.
    Auto,
    /// This one, or an error.
    Only(T),
}

impl<T> Asked<T> {
    /// The one asked for, or else `default`.
    pub fn or(self, default: T) -> T {
        match self {
            Asked::Auto => default,
            Asked::Only(one) => one,
        }
    }
}

/// The samplers, after `auto`, which chooses one.
pub const SAMPLERS: [Word<Asked<Sampler>>; 5] = [
    ("auto", "Independent draws where they are certified, else chains", Asked::Auto),
    ("independent", "Independent draws, or an error", Asked::Only(Sampler::Independent)),
    ("nuts", "Chains of the No-U-Turn Sampler", Asked::Only(Sampler::Nuts)),
    ("walnuts", "The same, with steps refined where the energy does not hold", Asked::Only(Sampler::Walnuts)),
    (
        "riemannian",
        "The same, under a metric that follows the scales of centered effects",
        Asked::Only(Sampler::Riemannian),
    ),
];

/// The metrics, after `auto`, which chooses one.
pub const METRICS: [Word<Asked<MetricShape>>; 3] = [
    ("auto", "`low-rank` for formulas, `diagonal` for --group", Asked::Auto),
    ("diagonal", "The sd of each coordinate", Asked::Only(MetricShape::Diagonal)),
    ("low-rank", "The same, and correlations between coordinates", Asked::Only(MetricShape::LowRank)),
];

/// How the likelihood is computed.
pub const LIKELIHOODS: [Word<Likelihood>; 2] =
    [("groups", "", Likelihood::Groups), ("observations", "", Likelihood::Observations)];

/// The precision of stored draws.
pub const PRECISIONS: [Word<Precision>; 3] =
    [("f64", "", Precision::F64), ("f32", "", Precision::F32), ("f16", "", Precision::F16)];

/// What becomes of levels that a run's data do not have.
pub const NEW_LEVELS: [Word<NewLevels>; 3] = [
    (
        "population",
        "Their effects are drawn from the population, the same for all rows of a level",
        NewLevels::Population,
    ),
    ("refuse", "End with the first of them", NewLevels::Refuse),
    ("average", "Their effects are those of the population's mean", NewLevels::Average),
];

/// The stored variables of a draw.
pub const KEEP: [Word<Keep>; 3] = [
    ("all", "Hyperparameters and group effects", Keep::All),
    ("hyper", "Hyperparameters only: mu, sigma, eps", Keep::Hyper),
    ("summary", "No draw, only the table of all variables: for more draws than there is room for", Keep::Summary),
];

/// The families of outcomes.
pub const FAMILIES: [Word<Family>; 8] = [
    ("gaussian", "Numbers", Family::Gaussian),
    ("student", "Numbers, some of them far from the others", Family::Student),
    ("lognormal", "Numbers above 0, whose logarithms are normal", Family::Lognormal),
    ("gamma", "Numbers above 0, whose sd is in proportion to their mean", Family::Gamma),
    ("binomial", "Yes and no, or successes of some trials", Family::Binomial),
    ("bernoulli", "The same as binomial", Family::Binomial),
    ("poisson", "Counts", Family::Poisson),
    ("negbinomial", "Counts that vary more than Poisson's", Family::NegBinomial),
];

/// The links that may be typed.
pub const LINKS: [Word<Link>; 4] = [
    ("logit", "", Link::Logit),
    ("probit", "", Link::Probit),
    ("log", "", Link::Log),
    ("identity", "", Link::Identity),
];

/// A parser that accepts one of these words.
pub fn one_of<T: Copy + Send + Sync + 'static>(words: &'static [Word<T>]) -> impl TypedValueParser<Value = T> {
    let value = |(word, help, _): &Word<T>| {
        let value = PossibleValue::new(*word);
        if help.is_empty() { value } else { value.help(*help) }
    };
    PossibleValuesParser::new(words.iter().map(value)).try_map(|typed| meaning(words, &typed).ok_or("no such word"))
}

/// The meaning of a word.
pub fn meaning<T: Copy>(words: &[Word<T>], typed: &str) -> Option<T> {
    words.iter().find(|(word, ..)| *word == typed).map(|(.., meaning)| *meaning)
}
