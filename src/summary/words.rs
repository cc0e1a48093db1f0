//! What a reader has to know of a model before its numbers: which predictors were centred, what every prior is and where it came
//! from.

use super::significant;
use crate::data::Dataset;
use crate::model::{Model, PriorScales, Priors};

/// The names of a list that are shown before it is cut short.
const SHOWN: usize = 4;

/// A model in words, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Every prior, and where it came from.
    pub priors: String,
    /// Which predictors were centred, and what the intercept then means.
    pub centring: Option<String>,
}

impl Words {
    /// Of `model`.
    pub fn of(model: &Model) -> Words {
        Words { priors: priors(model), centring: centring(model.dataset()) }
    }

    /// The lines there are.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.centring.iter().map(String::as_str).chain([self.priors.as_str()])
    }
}

/// `centred: year at 1944.5; ...`
fn centring(dataset: &Dataset) -> Option<String> {
    let centred: Vec<(&String, f64)> =
        (dataset.predictor_names().iter().zip(dataset.predictor_means().iter().copied()))
            .filter(|(_, mean)| *mean != 0.0)
            .collect();
    let at = |sign: &str| centred.iter().map(|(name, mean)| format!("{name}{sign}{}", rounded(*mean))).collect();
    let (listed, equations): (Vec<String>, Vec<String>) = (at(" at "), at(" = "));
    (!centred.is_empty()).then(|| {
        format!(
            "centred: {}, so that mu_a and a[...] are the outcome expected where {} (--center-predictors no leaves zero where it \
             is)",
            listed.join(", "),
            equations.join(" and ")
        )
    })
}

/// Six digits, which are as many as a mean is read to.
fn rounded(value: f64) -> String {
    let digits = (5.0 - value.abs().log10().floor()).clamp(0.0, 17.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Every prior, sorted by where it came from; those alike together.
fn priors(model: &Model) -> String {
    let (scales, notebook) = (model.priors(), Priors::default());
    let vague = PriorScales::for_data(model.dataset());
    let names = model.coefficient_names();
    let mut all: Vec<(String, &str, [f64; 3])> = Vec::new();
    for (k, name) in names.iter().enumerate() {
        all.push((format!("mu_{name}"), "Normal(0, ", [scales.mu_sd[k], notebook.mu_sd, vague.mu_sd[k]]));
    }
    for (k, name) in names.iter().enumerate() {
        let scale = [scales.sigma_scale[k], notebook.sigma_scale, vague.sigma_scale[k]];
        all.push((format!("sigma_{name}"), "HalfCauchy(", scale));
    }
    all.push(("eps".to_string(), "HalfCauchy(", [scales.eps_scale, notebook.eps_scale, vague.eps_scale]));
    let origin = |[scale, default, for_data]: [f64; 3]| match scale {
        scale if scale == default => "by default",
        scale if scale == for_data => "widened for these data",
        _ => "as typed",
    };
    let described = ["by default", "widened for these data", "as typed"].into_iter().filter_map(|from| {
        let mut alike: Vec<(Vec<&str>, String)> = Vec::new();
        for (name, family, scale) in all.iter().filter(|(.., scale)| origin(*scale) == from) {
            let distribution = format!("{family}{})", short(scale[0]));
            match alike.last_mut() {
                Some((names, before)) if *before == distribution => names.push(name),
                _ => alike.push((vec![name], distribution)),
            }
        }
        let described = alike.iter().map(|(names, distribution)| format!("{} ~ {distribution}", listed(names)));
        let described = described.collect::<Vec<_>>().join(", ");
        (!described.is_empty()).then(|| format!("{from}: {described}"))
    });
    format!("priors: {}", described.collect::<Vec<_>>().join("; "))
}

/// Three digits, without zeros that say nothing.
fn short(value: f64) -> String {
    let text = significant(value);
    if text.contains('.') && !text.contains('e') {
        return text.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    text
}

fn listed(names: &[&str]) -> String {
    match names.len() {
        0..=SHOWN => names.join(", "),
        many => format!("{} and {} more", names[..SHOWN - 1].join(", "), many - SHOWN + 1),
    }
}
