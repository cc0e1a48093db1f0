//! Warnings about a run, its data and its priors: the problem in numbers, and the remedy.

use super::{Advice, EBFMI_LIMIT, RunSummary, beyond, counted, design, significant};
use crate::data::{Dataset, MISSING_LABELS};
use crate::experiment::ESS_LIMIT;
use crate::experiment::diagnosis::{RHAT_LIMIT, nested_limit};
use crate::model::{Likelihood, Mixed, Model, PriorScales};

/// A larger share of divergent draws means that a region has been missed.
const DIVERGENCE_LIMIT: f64 = 1e-3;

/// With a larger share of trajectories cut off, the sampler moves like a random walk.
const TREE_DEPTH_LIMIT: f64 = 0.05;

/// A mean acceptance this far below its target means that warm-up did not find the step size.
const ACCEPTANCE_TOLERANCE: f64 = 0.15;

/// A larger share of chains with a small E-BFMI is not due to chance.
const EBFMI_SHARE: f64 = 0.02;

/// After a shorter warm-up, the mean of a scale may be further off than its Monte Carlo error, in all chains alike and
/// without a trend, so that no diagnostic shows it. On radon, non-centered, over 24 seeds of 64 or 256 chains of 50
/// draws, sigma_b's mean was off by 1.3 to 1.5 times its error (root mean square) after 60 transitions, 1.2 to 1.3
/// times after 100, and 0.9 times after 150 and more, the minimum of Stan's three phases. Collapsed, 40 were enough
/// (benches/results/warmup.md).
const SHORT_WARMUP: u32 = 150;

/// Warnings about data that make sampling slow, contradict the priors, or leave parameters unidentified.
pub fn of_data(dataset: &Dataset, priors: &PriorScales) -> Vec<Advice> {
    let far = dataset.far_predictors().into_iter().map(|far| Advice {
        kind: "far-predictor",
        problem: format!(
            "predictor `{}` (mean {}, sd {}) is far from zero, and is not centred: its slope and the intercept are tied together, \
             and the model is another one than with a zero that lies among the data",
            far.name,
            significant(far.mean),
            significant(far.sd),
        ),
        remedy: "unless zero means what you want, use --center-predictors yes, which makes the intercept the outcome expected at \
                 the average predictor"
            .to_string(),
        proposals: vec!["--center-predictors yes".to_string()],
        distrust: false,
    });
    let narrow = priors.narrow(dataset).into_iter().map(|narrow| {
        let wide = format!("--prior-mu-sd {}", rounded_up(100.0 * narrow.expected));
        Advice {
            kind: "narrow-prior",
            problem: format!(
                "the prior Normal(0, {}) of {} is narrow for these data, by which it may be as large as {}",
                significant(narrow.prior),
                narrow.name,
                significant(narrow.expected),
            ),
            remedy: format!("unless that is meant, use {wide}, or leave --prior-mu-sd out"),
            proposals: vec![wide],
            distrust: false,
        }
    });
    far.chain(narrow).chain(sentinels(dataset)).chain(design::advice(dataset)).collect()
}

/// Warnings about data that leave parameters of a formula unidentified.
pub fn of_formula(model: &Model, mixed: &Mixed) -> Vec<Advice> {
    sentinels(model.dataset()).chain(design::of_formula(model, mixed)).collect()
}

/// Warnings about values that look like marks for missing ones.
fn sentinels(dataset: &Dataset) -> impl Iterator<Item = Advice> {
    dataset.sentinels().into_iter().map(|mark| {
        let (value, [least, most]) = (mark.value, mark.others.map(significant));
        let labels = format!("{},{value}", MISSING_LABELS.join(","));
        Advice {
            kind: "sentinel",
            problem: format!(
                "column `{}` has {value} in {} rows, and everything else lies between {least} and {most}: {value} looks like a mark \
                 for missing values",
                mark.column, mark.rows,
            ),
            remedy: format!(
                "if it is one, add it to the words that mean that (--missing-labels \"{labels}\"), which leaves those rows out; \
                 if it was measured, all is well",
            ),
            proposals: vec![format!("--missing-labels {labels}")],
            distrust: false,
        }
    })
}

/// What other coordinates are good for.
const NO_FUNNEL: &str = "with all group effects integrated out there is no funnel left";
const LESS_OF_A_FUNNEL: &str = "each effect is then sampled as its own rows say, which flattens funnels";

/// Remedies for a run, as options of `sample`.
struct Ways<'a> {
    run: &'a RunSummary,
}

impl Ways<'_> {
    /// Effects integrated out, or partially centered where that is not possible, unless they already are; and what that
    /// is good for.
    fn without_funnel(&self) -> Option<(String, &'static str)> {
        if self.run.parameterization == "marginal" {
            return None;
        }
        if let Some(formula) = &self.run.formula {
            let is_partial = self.run.parameterization == "partial";
            let partial = (!is_partial).then_some(("--parameterization partial", LESS_OF_A_FUNNEL));
            let best = formula.collapses_by.map(|options| (options, NO_FUNNEL)).or(partial);
            return best.map(|(options, why)| (options.to_string(), why));
        }
        let likelihood = match self.run.settings.likelihood {
            Likelihood::Groups => "",
            Likelihood::Observations => " --likelihood groups",
        };
        Some((format!("--parameterization marginal{likelihood}"), NO_FUNNEL))
    }

    /// The remedy for chains that do not cross between modes: a closer zero, if a predictor is far from zero.
    fn one_mode(&self) -> (Vec<String>, &'static str) {
        match self.run.warnings.iter().find(|advice| advice.kind == "far-predictor") {
            Some(far) => (far.proposals.clone(), "chains seldom cross between modes, and a zero far away makes modes"),
            None => (
                Vec::new(),
                "chains seldom cross between modes, and no more draws will change that: look at each mode by itself",
            ),
        }
    }

    /// A target acceptance whose distance to 1 is a quarter of the present one.
    fn smaller_steps(&self) -> String {
        let target = 1.0 - (1.0 - self.run.settings.target_accept) / 4.0;
        format!("--target-accept {}", (target * 1e4).round() / 1e4)
    }

    /// `factor` times the draws of each chain, and at least as many as diagnostics need.
    fn more_draws(&self, factor: f64) -> String {
        const ENOUGH: f64 = 1000.0;
        format!("--draws {}", rounded_up((f64::from(self.run.settings.draws) * factor).max(ENOUGH)))
    }

    fn longer_warmup(&self) -> String {
        format!("--warmup {}", rounded_up(f64::from(self.run.settings.warmup.max(SHORT_WARMUP)) * 2.0))
    }
}

/// `a`, `a, or b`.
fn either(ways: &[String]) -> String {
    ways.join(", or ")
}

/// The smallest of 1, 2, 5, 10, 20, ... that is at least `value`.
fn rounded_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|round| *round >= value * (1.0 - 1e-9)).unwrap_or(value)
}

/// All warnings about a run.
pub(super) fn advise(run: &RunSummary) -> Vec<Advice> {
    let mut all = Vec::new();
    let mut say = |kind: &'static str, distrust: bool, problem: String, why: &str, ways: Vec<String>| {
        let remedy = match (why, &ways[..]) {
            (why, []) => why.to_string(),
            ("", ways) => format!("use {}", either(ways)),
            (why, ways) => format!("use {}: {why}", either(ways)),
        };
        all.push(Advice { kind, problem, remedy, proposals: ways, distrust });
    };
    let ways = Ways { run };
    let draws = run.total_draws();
    let share = |count: u64| count as f64 / draws.max(1) as f64;
    let or_marginal = |way: String| ways.without_funnel().map_or((vec![way], ""), |(way, why)| (vec![way], why));

    let has_chains = run.has_chains();

    if run.interrupted {
        let planned = u64::from(run.settings.draws) * u64::from(run.settings.chains);
        say(
            "interrupted",
            false,
            format!("the run was interrupted after {draws} of {planned} draws"),
            "what is shown describes the draws there are; `warpnuts sample --resume` goes on with the rest",
            Vec::new(),
        );
    }
    let modes = super::modes::advice(run);
    if let Some(minor) = modes.as_ref().filter(|advice| advice.distrust) {
        // A mode of negligible mass explains all other symptoms.
        all.push(minor.clone());
        return all;
    }
    let far_zero = run.formula.is_some() && run.warnings.iter().any(|advice| advice.kind == "far-predictor");
    let or_marginal = |way: String| match &modes {
        None if far_zero => {
            (Vec::new(), "center the predictor far from zero that is warned of: a zero far away makes modes")
        }
        None => or_marginal(way),
        Some(_) => ways.one_mode(),
    };
    if run.divergences > 0 {
        let (proposals, why) = or_marginal(ways.smaller_steps());
        say(
            "divergences",
            share(run.divergences) > DIVERGENCE_LIMIT,
            format!(
                "{} of {draws} transitions diverged: the sampler lost its way where the posterior is narrow, and what \
                 lies there is missing from the draws",
                run.divergences
            ),
            why,
            proposals,
        );
    }
    if let Some(rhat) = &run.max_nested_rhat {
        let limit = nested_limit(run.settings.chains, run.chains_per_superchain);
        if rhat.value > limit {
            say(
                "nested-rhat",
                true,
                format!(
                    "nested R-hat of {} is {}: the chains still remember where they started",
                    rhat.parameter,
                    beyond(rhat.value, limit)
                ),
                "",
                vec![ways.longer_warmup()],
            );
        }
    } else if let Some(rhat) = run.max_rhat.as_ref().filter(|rhat| has_chains && rhat.value > RHAT_LIMIT) {
        let longer = format!("{} {}", ways.longer_warmup(), ways.more_draws(4.0));
        let (proposals, why) = or_marginal(longer);
        say(
            "rhat",
            true,
            format!(
                "R-hat of {} is {}: the chains have not been to the same places",
                rhat.parameter,
                beyond(rhat.value, RHAT_LIMIT)
            ),
            why,
            proposals,
        );
    }
    if run.settings.warmup < SHORT_WARMUP && run.parameterization != "marginal" {
        say(
            "short-warmup",
            false,
            format!(
                "a warm-up of {} is short: means may be further off than their error bars say, in all chains alike, \
                 which R-hat cannot see",
                counted(u64::from(run.settings.warmup), "transition")
            ),
            "",
            vec![format!("--warmup {SHORT_WARMUP}")],
        );
    }
    let kinds = [("bulk", &run.min_ess_bulk), ("tail", &run.min_ess_tail)];
    let smallest = kinds
        .into_iter()
        .filter_map(|(kind, ess)| ess.as_ref().map(|ess| (kind, ess)))
        .min_by(|a, b| a.1.value.total_cmp(&b.1.value));
    if has_chains && smallest.is_none() && run.max_nested_rhat.is_none() {
        say(
            "too-short",
            true,
            format!("{} a chain is too little to say anything about convergence", counted(run.draws as u64, "draw")),
            "",
            vec!["--draws 1000".to_string()],
        );
    }
    if (draws as f64) < ESS_LIMIT {
        let enough = rounded_up(10.0 * ESS_LIMIT / f64::from(run.settings.chains)).max(100.0);
        say(
            "few-draws",
            true,
            format!(
                "there are only {}, where means and error bars need {ESS_LIMIT:.0} effective ones",
                counted(draws as u64, "draw")
            ),
            "",
            vec![format!("--draws {enough}")],
        );
    } else if let Some((kind, ess)) = smallest.filter(|(_, ess)| ess.value < ESS_LIMIT) {
        let (proposals, why) = or_marginal(ways.more_draws((2.0 * ESS_LIMIT / ess.value).max(2.0)));
        say(
            "ess",
            true,
            format!(
                "the {draws} draws of {} are worth only {} independent ones ({kind} ESS): its mean, its quantiles and their \
                 error bars are uncertain",
                ess.parameter,
                beyond(ess.value, ESS_LIMIT)
            ),
            why,
            proposals,
        );
    }
    if let Some(until) = run.until.as_ref().filter(|until| !until.reached && !run.interrupted) {
        let (proposals, why) = or_marginal(ways.more_draws((2.0 / until.share).max(2.0)));
        say("goal", false, until.missed(run.draws), why, proposals);
    }
    if has_chains && run.settings.chains == 1 {
        say(
            "one-chain",
            false,
            "one chain alone cannot show that it has missed something (there is no R-hat)".to_string(),
            "",
            vec!["--chains 4".to_string()],
        );
    }
    if share(run.reached_max_treedepth) > TREE_DEPTH_LIMIT {
        const DEEP: u32 = 10;
        let deeper = format!("--max-tree-depth {}", (run.settings.max_tree_depth + 3).min(20));
        let (proposals, why) =
            if run.settings.max_tree_depth < DEEP { (vec![deeper], "") } else { or_marginal(deeper) };
        say(
            "tree-depth",
            false,
            format!(
                "{} of {draws} trajectories were cut off at {}: the draws are valid, but cost more than they need",
                run.reached_max_treedepth,
                counted(u64::from(run.settings.max_tree_depth), "doubling")
            ),
            why,
            proposals,
        );
    }
    if has_chains && run.e_bfmi.chains_below_limit as f64 > EBFMI_SHARE * f64::from(run.settings.chains) {
        let (proposals, why) = match ways.without_funnel() {
            Some((way, why)) => (vec![way], why),
            None => {
                (Vec::new(), "look at the tail ESS: where it is above 400, the tails have been covered all the same")
            }
        };
        say(
            "energy",
            false,
            format!(
                "{} of {} chains cross energies slowly (smallest E-BFMI {}): tails are explored badly",
                run.e_bfmi.chains_below_limit,
                run.settings.chains,
                beyond(run.e_bfmi.min, EBFMI_LIMIT)
            ),
            why,
            proposals,
        );
    }
    // Steps that are refined are tuned to the share that needs no refinement.
    let tunes_acceptance = has_chains && !run.settings.sampler.refines();
    if tunes_acceptance && run.acceptance < run.settings.target_accept - ACCEPTANCE_TOLERANCE {
        say(
            "acceptance",
            false,
            format!(
                "mean acceptance is {:.2}, far below the {:.2} aimed at: warm-up was too short to find the step size",
                run.acceptance, run.settings.target_accept
            ),
            "",
            vec![ways.longer_warmup()],
        );
    }
    all.extend(modes);
    all
}
