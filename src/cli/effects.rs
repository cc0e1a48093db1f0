//! `warpnuts effects`: effects of columns, shares of variance, pooling, and hypotheses, of a stored run.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use warpnuts::effects::{
    ColumnEffect, Estimate, Hypothesis, PoolingFactor, VarianceShares, column_effects, probability_of_direction,
};
use warpnuts::experiment::Sampled;
use warpnuts::predict::{DrawnVariables, Evaluator, NewLevels, RowReader};
use warpnuts::summary::{self, decimals, number};

use super::{Failure, Outcome, conclude, exact, folder, print, progress, table};

/// The file with everything, in the run's folder.
const FILE: &str = "effects.json";

/// Arguments of `effects`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct EffectsArguments {
    /// Folder of a run, or its store
    #[arg(value_name = "DIR")]
    run: PathBuf,

    /// A column, as in floor, or values to be compared with the first, as in dose=low,high; may be repeated [default:
    /// all columns]
    #[arg(long, value_name = "COLUMN[=VALUES]")]
    of: Vec<String>,

    /// A hypothesis about parameters, as in 'b_floor < -0.5'; may be repeated
    #[arg(long, value_name = "TEXT")]
    hypothesis: Vec<String>,
}

/// Everything, as it is written.
#[derive(Serialize)]
struct Answers {
    effects: Vec<ColumnEffect>,
    coefficients: Vec<Named>,
    shares: Vec<Named>,
    pooling: Vec<Pooled>,
    hypotheses: Vec<Judged>,
}

#[derive(Serialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    estimate: Estimate,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<f64>,
}

#[derive(Serialize)]
struct Pooled {
    parameter: String,
    pooling: f64,
}

#[derive(Serialize)]
struct Judged {
    hypothesis: String,
    /// Left less right.
    difference: Estimate,
    probability: f64,
}

/// Computes, prints, writes.
pub fn run(typed: &EffectsArguments) -> Result<Outcome, Failure> {
    let run = &folder::of_run(&typed.run);
    let sampled = Sampled::open(run).map_err(Failure::input)?;
    progress::obey_interruptions_at_once(exact::NOTHING_WRITTEN.to_string())?;
    let names = sampled.model.names();
    let hypotheses = typed.hypothesis.iter().map(|text| Hypothesis::parse(text, &names));
    let hypotheses = hypotheses.collect::<Result<Vec<Hypothesis>, _>>().map_err(Failure::input)?;
    let variables = DrawnVariables::of(&sampled, usize::MAX).map_err(Failure::input)?;
    conclude::no_damage(&sampled, run)?;
    let reader = RowReader::new(&sampled.model, NewLevels::Average).map_err(Failure::input)?;
    let evaluator = Evaluator::new(&variables);
    let effects = column_effects(&reader, &evaluator, &typed.of).map_err(Failure::input)?;
    let VarianceShares { conditional, marginal, shares } = VarianceShares::of(&variables);
    let named = |name: String, values: &[f64]| Named { name, estimate: Estimate::of(values), direction: None };
    let mut of_variance =
        vec![named("R2".to_string(), &conditional), named("R2 without levels".to_string(), &marginal)];
    of_variance.extend(shares.iter().map(|(factor, share)| named(format!("ICC of {factor}"), share)));
    let coefficient = |i: usize| {
        let draws = variables.of_variable(i);
        Named { direction: Some(probability_of_direction(draws)), ..named(names[i].clone(), draws) }
    };
    let judged = |hypothesis: &Hypothesis| {
        let difference = hypothesis.difference(|i| variables.of_variable(i));
        let probability = hypothesis.probability(&difference);
        Judged { hypothesis: hypothesis.text.clone(), difference: Estimate::of(&difference), probability }
    };
    let answers = Answers {
        effects,
        coefficients: (0..sampled.model.layout().locations()).map(coefficient).collect(),
        shares: of_variance,
        pooling: PoolingFactor::of(&variables)
            .into_iter()
            .map(|PoolingFactor { name, factor }| Pooled { parameter: name, pooling: factor })
            .collect(),
        hypotheses: hypotheses.iter().map(judged).collect(),
    };
    show(&answers, sampled.model.dataset().outcome_name());
    let path = folder::beside(run).join(FILE);
    summary::write_json(&path, &answers).map_err(|error| folder::unwritten(&path, &error))?;
    let trusted = conclude::is_trusted(&sampled, run);
    print(format_args!("Written: {}", path.display()));
    Ok(if trusted { Outcome::Done } else { Outcome::Distrusted })
}

/// Prints all tables that have rows.
fn show(answers: &Answers, outcome: &str) {
    let cells = |estimate: &Estimate| {
        let decimals = decimals(estimate.sd) + 1;
        [estimate.mean, estimate.sd, estimate.q05, estimate.q95].map(|value| number(value, decimals)).to_vec()
    };
    if !answers.effects.is_empty() {
        print(format_args!("Effects on {outcome}: averages over the rows, and at the means of the other columns\n"));
        let row = |effect: &ColumnEffect| {
            let name = vec![format!("{}: {}", effect.column, effect.what)];
            let conditional = cells(&effect.conditional)[..2].to_vec();
            [name, cells(&effect.average), vec![share(effect.direction)], conditional].concat()
        };
        let header = ["", "mean", "sd", "5 %", "95 %", "P(sign)", "at the means", "sd"];
        print(table::of(&header, answers.effects.iter().map(row)));
        print("");
    }
    let named = |Named { name, estimate, direction }: &Named| {
        [vec![name.clone()], cells(estimate), direction.map(share).into_iter().collect()].concat()
    };
    print(table::of(&["", "mean", "sd", "5 %", "95 %", "P(sign)"], answers.coefficients.iter().map(named)));
    print("\nShares of the variance of the outcome, and of levels in what is not explained by columns\n");
    print(table::of(&["", "mean", "sd", "5 %", "95 %"], answers.shares.iter().map(named)));
    print("\nPooling: 0 where every level has its own effect, 1 where all have the same\n");
    let pooled = |Pooled { parameter, pooling }: &Pooled| vec![parameter.clone(), number(*pooling, 2)];
    print(table::of(&["", "pooling"], answers.pooling.iter().map(pooled)));
    if !answers.hypotheses.is_empty() {
        print("\nHypotheses: left less right, and the probability that the sign is right\n");
        let row = |Judged { hypothesis, difference, probability }: &Judged| {
            [vec![hypothesis.clone()], cells(difference), vec![share(*probability)]].concat()
        };
        print(table::of(&["", "mean", "sd", "5 %", "95 %", "probability"], answers.hypotheses.iter().map(row)));
    }
    print("");
}

/// A probability; one that no draw contradicts is not called 1.
fn share(probability: f64) -> String {
    match probability {
        1.0 => "> 0.999".to_string(),
        0.0 => "< 0.001".to_string(),
        some => number(some, 3),
    }
}
