//! Warnings in words: what is wrong with a run, how one sees it, what to do.

use serde::Serialize;

use super::{EBFMI_LIMIT, RunSummary, counted, significant};
use crate::data::{Dataset, MISSING_LABELS};
use crate::model::PriorScales;

/// R-hat above this says that chains do not agree (Vehtari et al. 2021).
const RHAT_LIMIT: f64 = 1.01;

/// Fewer effective draws than this, and R-hat and the error bars themselves cannot be relied on (Vehtari et al. 2021).
const ESS_LIMIT: f64 = 400.0;

/// More divergences than this share of the draws, and a region has been missed.
const DIVERGENCE_LIMIT: f64 = 1e-3;

/// More trajectories cut off than this share of the draws, and the sampler walks where it should swing.
const TREE_DEPTH_LIMIT: f64 = 0.05;

/// Mean acceptance so far below the target says that the step size was not found.
const ACCEPTANCE_TOLERANCE: f64 = 0.15;

/// More chains than this share with a small E-BFMI are no accident.
const EBFMI_SHARE: f64 = 0.02;

/// Nested R-hat may exceed what independent chains would give by so much, squared.
const NESTED_TOLERANCE: f64 = 0.02;

/// After a shorter warm-up, the means of a scale may be further off than their errors say, alike in all chains and without a
/// trend, so that no diagnostic sees it: on radon, non-centered, over 24 seeds of 64 or 256 chains of 50 draws, sigma_b's was off by 1.3
/// to 1.5 times its error (root mean square) after 60 transitions, 1.2 to 1.3 times after 100, and 0.9 times after 150 and
/// more. The three phases of Stan's warm-up need as many. Where effects are integrated out, 40 were enough (benches/results/warmup.md).
const SHORT_WARMUP: u32 = 150;

/// Something to know before using the draws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What is wrong, in numbers.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether the draws should not be trusted until it is done.
    pub distrust: bool,
}

/// What in the data makes sampling slow, or contradicts the priors.
pub fn of_data(dataset: &Dataset, priors: &PriorScales) -> Vec<Advice> {
    let far = dataset.far_predictors().into_iter().map(|far| Advice {
        problem: format!(
            "predictor `{}` (mean {}, sd {}) is far from zero: its slope and the intercept are tied together, and every \
             sampler is slow on that",
            far.name,
            significant(far.mean),
            significant(far.sd),
        ),
        remedy: "use --center-predictors, which makes the intercept the outcome expected at the average predictor \
                 instead of at zero"
            .to_string(),
        distrust: false,
    });
    let narrow = priors.narrow(dataset).into_iter().map(|narrow| Advice {
        problem: format!(
            "the prior Normal(0, {}) of {} is narrow for these data, by which it may be as large as {}",
            significant(narrow.prior),
            narrow.name,
            significant(narrow.expected),
        ),
        remedy: "unless that is meant, raise --prior-mu-sd, or leave it out".to_string(),
        distrust: false,
    });
    let marks = dataset.sentinels().into_iter().map(|mark| {
        let (value, [least, most]) = (mark.value, mark.others.map(significant));
        Advice {
            problem: format!(
                "column `{}` has {value} in {} rows, and everything else lies between {least} and {most}: {value} looks like a mark \
                 for missing values",
                mark.column, mark.rows,
            ),
            remedy: format!(
                "if it is one, add it to the words that mean that (--missing-labels \"{},{value}\"), which leaves those rows out; \
                 if it was measured, all is well",
                MISSING_LABELS.join(","),
            ),
            distrust: false,
        }
    });
    far.chain(narrow).chain(marks).collect()
}

/// Goes through everything that may be wrong with a run.
pub(super) fn advise(run: &RunSummary) -> Vec<Advice> {
    let mut all = Vec::new();
    let mut say = |distrust: bool, problem: String, remedy: &str| {
        all.push(Advice { problem, remedy: remedy.to_string(), distrust });
    };
    let draws = run.total_draws();
    let share = |count: u64| count as f64 / draws.max(1) as f64;
    let reparameterize = match run.parameterization.as_str() {
        "non-centered" => {
            "raise --target-accept (to 0.95, say), or try --parameterization centered if groups are large"
        }
        "marginal" => "raise --target-accept (to 0.95, say)",
        _ => "use --parameterization non-centered, or raise --target-accept (to 0.95, say)",
    };

    if run.interrupted {
        let planned = u64::from(run.settings.draws) * u64::from(run.settings.chains);
        say(
            false,
            format!("the run was interrupted after {draws} of {planned} draws"),
            "what is shown describes the draws there are; run it again for the rest",
        );
    }
    if run.divergences > 0 {
        say(
            share(run.divergences) > DIVERGENCE_LIMIT,
            format!(
                "{} of {draws} transitions diverged: the sampler lost its way where the posterior is narrow, and what \
                 lies there is missing from the draws",
                run.divergences
            ),
            reparameterize,
        );
    }
    if let Some(rhat) = &run.max_nested_rhat {
        let limit = nested_limit(run);
        if rhat.value > limit {
            say(
                true,
                format!(
                    "nested R-hat of {} is {:.3} (it should be below {limit:.3}): the chains still remember where they \
                     started",
                    rhat.parameter, rhat.value
                ),
                "run a longer --warmup",
            );
        }
    } else if let Some(rhat) = run.max_rhat.as_ref().filter(|rhat| rhat.value > RHAT_LIMIT) {
        say(
            true,
            format!(
                "R-hat of {} is {:.3} (it should be below {RHAT_LIMIT}): the chains have not been to the same places",
                rhat.parameter, rhat.value
            ),
            "run longer (--warmup, --draws); if that does not help, change the --parameterization",
        );
    }
    if run.settings.warmup < SHORT_WARMUP && run.parameterization != "marginal" {
        say(
            false,
            format!(
                "a warm-up of {} is short: means may be further off than their error bars say, in all chains alike, \
                 which R-hat cannot see",
                counted(u64::from(run.settings.warmup), "transition")
            ),
            "take a --warmup of at least 150 before you rely on them",
        );
    }
    let kinds = [("bulk", &run.min_ess_bulk), ("tail", &run.min_ess_tail)];
    let smallest = kinds
        .into_iter()
        .filter_map(|(kind, ess)| ess.as_ref().map(|ess| (kind, ess)))
        .min_by(|a, b| a.1.value.total_cmp(&b.1.value));
    if smallest.is_none() && run.max_nested_rhat.is_none() {
        say(
            true,
            format!("{} a chain is too little to say anything about convergence", counted(run.draws as u64, "draw")),
            "take at least 4 --draws, better 1000",
        );
    }
    if (draws as f64) < ESS_LIMIT {
        say(
            true,
            format!(
                "there are only {}, where means and error bars need {ESS_LIMIT:.0} effective ones",
                counted(draws as u64, "draw")
            ),
            "take more --draws or more --chains",
        );
    } else if let Some((kind, ess)) = smallest.filter(|(_, ess)| ess.value < ESS_LIMIT) {
        say(
            true,
            format!(
                "the {draws} draws of {} are worth only {:.0} independent ones ({kind} ESS; it should be above \
                 {ESS_LIMIT:.0}): its mean, its quantiles and their error bars are uncertain",
                ess.parameter, ess.value
            ),
            "take more --draws or more --chains; if that does not help, change the --parameterization",
        );
    }
    if run.settings.chains == 1 {
        say(
            false,
            "one chain alone cannot show that it has missed something (there is no R-hat)".to_string(),
            "run at least 4 --chains",
        );
    }
    if share(run.reached_max_treedepth) > TREE_DEPTH_LIMIT {
        say(
            false,
            format!(
                "{} of {draws} trajectories were cut off at {}: the draws are valid, but cost more than they need",
                run.reached_max_treedepth,
                counted(u64::from(run.settings.max_tree_depth), "doubling")
            ),
            "raise --max-tree-depth, or look for a predictor far from zero (--center-predictors)",
        );
    }
    if run.e_bfmi.chains_below_limit as f64 > EBFMI_SHARE * f64::from(run.settings.chains) {
        say(
            false,
            format!(
                "{} of {} chains cross energies slowly (smallest E-BFMI {:.2}; it should be above {EBFMI_LIMIT}): tails \
                 are explored badly",
                run.e_bfmi.chains_below_limit, run.settings.chains, run.e_bfmi.min
            ),
            reparameterize,
        );
    }
    if run.acceptance < run.settings.target_accept - ACCEPTANCE_TOLERANCE {
        say(
            false,
            format!(
                "mean acceptance is {:.2}, far below the {:.2} aimed at: warm-up was too short to find the step size",
                run.acceptance, run.settings.target_accept
            ),
            "run a longer --warmup",
        );
    }
    all
}

/// What nested R-hat may be: K superchains of M chains that have forgotten their start give sqrt(1 + 1/M) on average,
/// with a relative spread of sqrt(2/(K-1)) in the 1/M; four of these, for the largest of many variables.
fn nested_limit(run: &RunSummary) -> f64 {
    let size = f64::from(run.chains_per_superchain);
    let superchains = f64::from(run.settings.chains) / size;
    (1.0 + (1.0 + 4.0 * (2.0 / (superchains - 1.0)).sqrt()) / size + NESTED_TOLERANCE).sqrt()
}
