//! Sentences about data that do not look like the model's, for the terminal and the page.

use super::DRAWS;
use super::bounds::{OutcomeGrid, OutcomePile};
use super::families;
use super::findings::{Findings, NoiseTrend};
use super::noise_by_level::{of_factor, right_side};
use super::power::OutcomeFunction;
use super::residuals::Residuals;
use super::rows::ResidualChecks;
use crate::data::Dataset;
use crate::experiment::Sampled;
use crate::family::Family;
use crate::formula::quoted;
use crate::model::Model;
use crate::predict::DrawnVariables;
use crate::summary::{Advice, RunSummary, counted, number, significant};

/// With fewer draws, no p-value is small enough to say anything.
const LEAST_DRAWS: usize = 200;

/// Numbers in a run's draws that take about a second to read.
const MOST_NUMBERS: usize = 100_000_000;

/// Residuals further away than this, in sds, are named, the furthest first, and no more than so many.
const FAR: f64 = 3.5;
const NAMED: usize = 3;

/// Whether the data of a run can be checked in about a second: it has effects, and draws enough, none of them damaged.
pub fn can_check(sampled: &Sampled) -> bool {
    let draws = &sampled.draws;
    let count = draws.chains() * draws.draws();
    count >= LEAST_DRAWS
        && draws.damage().is_empty()
        && draws.variables() >= sampled.model.layout().dim()
        && count.saturating_mul(draws.variables()) <= MOST_NUMBERS
}

/// The summary of a run, with warnings about its data where these do not look like the model's. They do not mean
/// distrust of its draws, and are not looked for if these are to be distrusted.
pub fn summarize(sampled: &Sampled) -> RunSummary {
    let mut summary = RunSummary::of(sampled);
    if can_check(sampled) && summary.is_trustworthy() && !summary.interrupted {
        let variables = DrawnVariables::of(sampled, DRAWS);
        let said = |variables| sentences(&sampled.model, &ResidualChecks::of(&Residuals::new(variables)));
        summary.warnings.extend(variables.iter().flat_map(said));
    }
    summary
}

/// The sentences about a model and the residuals of its rows.
pub fn sentences(model: &Model, checks: &ResidualChecks) -> Vec<Advice> {
    let data = model.dataset();
    if model.family() != Family::Gaussian {
        return if checks.draws < LEAST_DRAWS { Vec::new() } else { families::sentences(model, checks) };
    }
    // A discrete outcome is warned of already, and is not normal in all these ways.
    if checks.draws < LEAST_DRAWS || data.discrete_outcome().is_some() {
        return Vec::new();
    }
    let piles = OutcomePile::of(data.outcome()).into_iter().map(|pile| of_pile(data, pile));
    let grid = OutcomeGrid::of(data.outcome(), checks.noise).map(|grid| of_grid(data, grid, checks.noise));
    let bounded: Vec<Advice> = piles.chain(grid).collect();
    if bounded.is_empty() { of_noise(model, checks) } else { bounded }
}

/// The sentences about noise.
fn of_noise(model: &Model, checks: &ResidualChecks) -> Vec<Advice> {
    let found = Findings::of(checks);
    let outcome = model.dataset().outcome_name();
    let grows = found.trend == Some(NoiseTrend::Grows);
    let transformed = grows.then(|| transformed(model, checks)).flatten();
    // Skewed noise that grows is mended together.
    let is_skewed = found.is_skewed && transformed.is_none();
    let trend = found.trend.map(|trend| of_trend(outcome, checks, trend, transformed));
    let by_level = found.factors.iter().map(|factor| of_factor(model, factor, true));
    let skew = is_skewed.then(|| of_skew(outcome, checks));
    let tails = found.is_heavy.then(|| of_tails(model, checks));
    trend.into_iter().chain(by_level).chain(skew).chain(tails).collect()
}

fn of_trend(outcome: &str, checks: &ResidualChecks, trend: NoiseTrend, better: Option<Transformed>) -> Advice {
    let [low, high] = checks.noise_of_thirds;
    let (verb, times, [most, least], [much, little]) = match trend {
        NoiseTrend::Grows => ("grows", high / low, ["largest", "smallest"], ["large", "small"]),
        NoiseTrend::Shrinks => ("shrinks", low / high, ["smallest", "largest"], ["small", "large"]),
    };
    let problem = format!(
        "the noise of `{outcome}` {verb} with the fitted values: it is {} times as large in the third of rows with the {most} fitted \
         values as in the third with the {least}, and the model has one noise for all",
        number(times, 1),
    );
    let Some(Transformed { formula, takes_the_place, meaning }) = better else {
        let remedy = format!(
            "read means and slopes as those of the mean, with intervals that are rough; those of predictions are too narrow where \
             fitted values are {much}, and too wide where they are {little}"
        );
        return Advice::about_data("noise-grows", problem, remedy);
    };
    let place = if takes_the_place { "" } else { " in place of --outcome, --group and --predictor" };
    let remedy = format!("use --formula '{formula}'{place}, {meaning}");
    let proposals = if takes_the_place { vec![format!("--formula {formula}")] } else { Vec::new() };
    Advice { proposals, ..Advice::about_data("noise-grows", problem, remedy) }
}

fn of_skew(outcome: &str, checks: &ResidualChecks) -> Advice {
    let skewness = &checks.skewness;
    let (side, other) = if skewness.observed > 0.0 { ("high", "low") } else { ("low", "high") };
    let problem = format!(
        "the noise of `{outcome}` is skewed to {side} values: the skewness of residuals is {}, and between {} and {} in 90 % of \
         replicates",
        number(skewness.observed, 1),
        number(skewness.replicated[0], 1),
        number(skewness.replicated[2], 1),
    );
    let remedy = format!(
        "read means and slopes as those of the mean, and do not predict single rows with this model: it makes too few {side} \
         outcomes, and {other} ones that do not happen"
    );
    Advice::about_data("skewed-noise", problem, remedy)
}

fn of_tails(model: &Model, checks: &ResidualChecks) -> Advice {
    let data = model.dataset();
    let far = far_rows(data, checks);
    let problem = format!(
        "the noise of `{}` has heavier tails than a normal distribution: the excess kurtosis of residuals is {}, and below {} in \
         95 % of replicates{far}",
        data.outcome_name(),
        number(checks.kurtosis.observed, 1),
        number(checks.kurtosis.replicated[2], 1),
    );
    let look = "see whether the rows furthest away are right: they pull the means and slopes of their levels, and make the \
                noise look large, so that intervals are too wide for most rows and too narrow for these";
    // Of known errors no family but the Gaussian has any.
    let Some((rest, takes_the_place)) = right_side(model).filter(|_| data.errors().is_none()) else {
        return Advice::about_data("heavy-tails", problem, look);
    };
    let student = match takes_the_place {
        true => "--family student".to_string(),
        false => format!("--formula '{} ~ {rest}' --family student", quoted(data.outcome_name())),
    };
    let proposals = if takes_the_place { vec![student.clone()] } else { Vec::new() };
    let remedy = format!("{look}; or use {student}, in which such rows count less");
    Advice { proposals, ..Advice::about_data("heavy-tails", problem, remedy) }
}

/// The rows whose residuals are furthest away, by their numbers in the file.
fn far_rows(data: &Dataset, checks: &ResidualChecks) -> String {
    let of_rows = checks.rows.iter().zip(&checks.residuals);
    let mut far: Vec<(usize, f64)> =
        of_rows.map(|(row, residual)| (*row, *residual)).filter(|(_, residual)| residual.abs() >= FAR).collect();
    if far.is_empty() {
        return String::new();
    }
    far.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
    let named: Vec<String> = far
        .iter()
        .take(NAMED)
        .map(|(row, residual)| format!("row {} ({} sds)", data.row_of(*row) + 1, number(*residual, 1)))
        .collect();
    format!("; furthest away {} {}", if named.len() == 1 { "is" } else { "are" }, named.join(", "))
}

/// The same model of a function of the outcome.
struct Transformed {
    formula: String,
    /// Whether the run has a formula, whose place this one takes.
    takes_the_place: bool,
    /// What its effects and its noise are.
    meaning: &'static str,
}

/// `None` if no function makes noise more alike, or if the outcome is one already.
fn transformed(model: &Model, checks: &ResidualChecks) -> Option<Transformed> {
    let data = model.dataset();
    let outcomes: Vec<f64> = checks.rows.iter().map(|row| data.outcome()[*row]).collect();
    let function = OutcomeFunction::of(&outcomes, &checks.fitted)?;
    let meaning = match function {
        OutcomeFunction::Log => "in which effects are factors, and noise is a share of the outcome",
        OutcomeFunction::Sqrt => "in which noise is more alike everywhere, and effects are those of the square root",
    };
    let outcome = quoted(data.outcome_name());
    let (rest, takes_the_place) = right_side(model)?;
    let formula = format!("{}({outcome}) ~ {rest}", function.name());
    // An apostrophe would end the quotes around it.
    (!formula.contains('\'')).then_some(Transformed { formula, takes_the_place, meaning })
}

fn of_pile(data: &Dataset, pile: OutcomePile) -> Advice {
    let (end, beyond) = if pile.is_smallest { ("smallest", "below") } else { ("largest", "above") };
    let value = significant(pile.value);
    let problem = format!(
        "outcome `{}` is {value} in {}, its {end} value, and no other value is so frequent: it looks cut there, and the model has no \
         bound",
        data.outcome_name(),
        counted(pile.rows as u64, "row"),
    );
    let remedy = format!(
        "if values {beyond} {value} were recorded as {value}, read slopes as too flat and the noise as too small; predictions go beyond \
         the bound"
    );
    Advice::about_data("bounded-outcome", problem, remedy)
}

fn of_grid(data: &Dataset, grid: OutcomeGrid, noise: f64) -> Advice {
    let problem = format!(
        "outcome `{}` has only {} values, which are {} or a multiple of it apart, and the noise is {}: outcomes are rounded more \
         coarsely than they vary",
        data.outcome_name(),
        grid.values,
        significant(grid.step),
        significant(noise),
    );
    let remedy = "take finer outcomes if there are any, and do not read the noise as that of the outcome: it is also that of \
                  rounding";
    Advice::about_data("rounded-outcome", problem, remedy)
}
