//! A model in words: which predictors were centred, and every prior with its origin.

use super::significant;
use crate::data::{Dataset, one_line};
use crate::model::{Model, PriorScales, Priors, Role, Shorthand, Structure};

/// Most names of a list that are shown.
const SHOWN: usize = 4;

/// A model in words, as lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The formula, where the model is a formula's.
    pub formula: Option<String>,
    /// Every prior, with its origin.
    pub priors: String,
    /// The centred predictors, and the meaning of the intercept; `None` if none was centred.
    pub centring: Option<String>,
}

impl Words {
    /// The words for `model`.
    pub fn of(model: &Model) -> Words {
        match model.structure() {
            Structure::Shorthand(Shorthand { priors: scales, .. }) => {
                Words { formula: None, priors: priors(model, scales), centring: centring(model.dataset()) }
            }
            Structure::Formula(mixed) => Words {
                formula: Some(one_line(&format!("formula: {}", mixed.line()))),
                priors: one_line(&format!("priors: {}", mixed.prior_list(model.dataset()).join(", "))),
                centring: None,
            },
        }
    }

    /// All lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.formula.iter().chain(&self.centring).map(String::as_str).chain([self.priors.as_str()])
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

/// `value` with six significant digits, the precision of a mean.
fn rounded(value: f64) -> String {
    let digits = (5.0 - value.abs().log10().floor()).clamp(0.0, 17.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Every prior, sorted by origin; equal priors are listed together.
fn priors(model: &Model, scales: &PriorScales) -> String {
    let notebook = Priors::default();
    let vague = PriorScales::for_data(model.dataset());
    let mut all: Vec<(String, &str, [f64; 3])> = Vec::new();
    for (i, name) in model.names().into_iter().enumerate() {
        let (block, k, _) = model.layout().place(i);
        let (kind, scale) = match block.role {
            Role::Mean => ("Normal(0, ", [scales.mu_sd[k], notebook.mu_sd, vague.mu_sd[k]]),
            Role::Scale => ("HalfCauchy(", [scales.sigma_scale[k], notebook.sigma_scale, vague.sigma_scale[k]]),
            Role::Dispersion => ("HalfCauchy(", [scales.eps_scale, notebook.eps_scale, vague.eps_scale]),
            Role::Effects | Role::Population | Role::Correlation | Role::LogSigma => break,
        };
        all.push((name, kind, scale));
    }
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

/// `value` with three significant digits, without trailing zeros.
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
