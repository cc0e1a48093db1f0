//! The identity of a run: everything that its draws depend on, to compare runs.

use super::{Goal, Interrupted, Sampled, Settings};
use crate::model::{Model, PriorScales};

/// Everything that the draws of a run depend on, and the choice of draws and variables to keep. Runs of different
/// chains of one experiment have equal identities.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Checksum of the data; see [`Dataset::checksum`](crate::data::Dataset::checksum).
    pub data: String,
    /// The column of groups.
    pub group: String,
    /// The column of the outcome.
    pub outcome: String,
    /// The columns of predictors.
    pub predictors: Vec<String>,
    /// Whether each predictor was centred.
    pub centred: Vec<bool>,
    /// `centered`, `non-centered`, one of these for each coefficient, or `marginal`.
    pub parameterization: String,
    /// Scales of the shorthand's priors, in the user's units.
    pub priors: Option<PriorScales>,
    /// The formula, and all its priors, where the model is a formula's.
    pub formula: Option<[String; 2]>,
    /// The settings of the run.
    pub settings: Settings,
    /// The engine: `cpu`, `gpu-density` or `gpu`.
    pub engine: String,
}

/// A difference between two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The option that sets it, without leading dashes; empty if several options set it together.
    pub option: &'static str,
    /// Its description, in the plural.
    pub what: &'static str,
    /// Its value in the first run, as it would be typed.
    pub ours: String,
    /// Its value in the second run.
    pub theirs: String,
}

impl Identity {
    fn of(model: &Model, settings: &Settings, engine: &str) -> Identity {
        let data = model.dataset();
        Identity {
            data: data.checksum(),
            group: data.group_name().to_string(),
            outcome: data.outcome_name().to_string(),
            predictors: data.predictor_names().to_vec(),
            centred: data.predictor_means().iter().map(|mean| *mean != 0.0).collect(),
            parameterization: model.parameterization(),
            priors: model.shorthand().map(|shorthand| shorthand.priors.clone()),
            formula: model.mixed().map(|mixed| [mixed.line(), mixed.prior_list(data).join(", ")]),
            settings: *settings,
            engine: engine.to_string(),
        }
    }

    /// All differences between this run and another.
    pub fn differences(&self, other: &Identity) -> Vec<Difference> {
        // No `..`: whoever adds a field decides here whether two runs may differ in it.
        let Identity { data, group, outcome, predictors, centred, parameterization, priors, formula, settings, engine } =
            self;
        let Settings {
            chains: _,
            first_chain: _,
            shard_of: _,
            threads: _,
            sampler,
            warmup,
            draws,
            until,
            seed,
            target_accept,
            max_tree_depth,
            metric,
            likelihood,
            keep,
            thin,
            save_warmup,
            log_likelihood,
            posterior_predictive,
            draw_precision,
        } = settings;
        let theirs = &other.settings;
        let mut all = Vec::new();
        let mut compare = |option, what, ours: &dyn ToString, theirs: &dyn ToString| {
            let (ours, theirs) = (ours.to_string(), theirs.to_string());
            if ours != theirs {
                all.push(Difference { option, what, ours, theirs });
            }
        };
        let kept = |is_kept: bool| if is_kept { "with" } else { "without" };
        compare("data", "the data", data, &other.data);
        compare("group", "the groups", group, &other.group);
        compare("outcome", "the outcomes", outcome, &other.outcome);
        compare("predictor", "the predictors", &predictors.join(","), &other.predictors.join(","));
        compare("center-predictors", "the centred predictors", &some(centred), &some(&other.centred));
        compare("parameterization", "the parameterizations", parameterization, &other.parameterization);
        let [ours, theirs_too] = [priors, &other.priors].map(|priors| {
            let scale = |of: fn(&PriorScales) -> String| priors.as_ref().map_or(String::new(), of);
            [
                scale(|all| scales(&all.mu_sd)),
                scale(|all| scales(&all.sigma_scale)),
                scale(|all| all.eps_scale.to_string()),
            ]
        });
        for (k, option) in ["prior-mu-sd", "prior-sigma-scale", "prior-eps-scale"].into_iter().enumerate() {
            compare(option, "the priors", &ours[k], &theirs_too[k]);
        }
        let [text, of_formula] = formula.clone().unwrap_or_default();
        let [their_text, of_theirs] = other.formula.clone().unwrap_or_default();
        compare("formula", "the formulas", &text, &their_text);
        compare("prior", "the priors", &of_formula, &of_theirs);
        compare("sampler", "the samplers", sampler, &theirs.sampler);
        compare("seed", "the seeds", seed, &theirs.seed);
        compare("draws", "the numbers of draws", draws, &theirs.draws);
        let goal = |until: &Option<Goal>| until.map_or("none".to_string(), |goal| goal.to_string());
        compare("until", "--until", &goal(until), &goal(&theirs.until));
        compare("thin", "--thin", thin, &theirs.thin);
        compare("warmup", "the lengths of warm-up", warmup, &theirs.warmup);
        compare("target-accept", "--target-accept", target_accept, &theirs.target_accept);
        compare("max-tree-depth", "--max-tree-depth", max_tree_depth, &theirs.max_tree_depth);
        compare("metric", "--metric", metric, &theirs.metric);
        compare("likelihood", "--likelihood", likelihood, &theirs.likelihood);
        compare("draw-precision", "--draw-precision", draw_precision, &theirs.draw_precision);
        compare("keep", "what was kept", keep, &theirs.keep);
        compare("save-warmup", "what was kept", &kept(*save_warmup), &kept(theirs.save_warmup));
        compare("log-likelihood", "what was kept", &kept(*log_likelihood), &kept(theirs.log_likelihood));
        compare(
            "posterior-predictive",
            "what was kept",
            &kept(*posterior_predictive),
            &kept(theirs.posterior_predictive),
        );
        let superchains = [settings, theirs].map(Settings::chains_per_superchain);
        compare("", "the superchains", &superchains[0], &superchains[1]);
        compare("engine", "the engines", engine, &other.engine);
        all
    }
}

/// Scales of a prior; a single number if all coefficients have the same scale.
fn scales(all: &[f64]) -> String {
    match all {
        [first, rest @ ..] if rest.iter().all(|scale| scale == first) => first.to_string(),
        _ => format!("{all:?}"),
    }
}

/// Which predictors are centred; a single word if all or none are.
fn some(centred: &[bool]) -> String {
    match (centred.contains(&true), centred.contains(&false)) {
        (true, false) => "yes".to_string(),
        (false, _) => "no".to_string(),
        (true, true) => format!("{centred:?}"),
    }
}

impl Sampled {
    /// The identity of this run.
    pub fn identity(&self) -> Identity {
        Identity::of(&self.model, &self.settings, &self.engine)
    }
}

impl Interrupted {
    /// The identity of this run.
    pub fn identity(&self) -> Identity {
        Identity::of(self.store.model(), &self.settings, &self.engine)
    }
}
