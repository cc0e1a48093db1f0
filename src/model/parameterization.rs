//! The parameterization: for each coefficient, whether its group effects are sampled themselves (centered) or as
//! offsets from their mean in units of their sd (non-centered); or all of them integrated out (marginal).

use std::fmt;

/// How one coefficient's group effects stand in theta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `effect[k][j] = beta[k,j]`.
    Centered,
    /// `effect[k][j] = (beta[k,j] - mu[k]) / sigma[k]`.
    NonCentered,
}

impl Effect {
    fn parse(text: &str) -> Option<Effect> {
        match text {
            "centered" => Some(Effect::Centered),
            "non-centered" => Some(Effect::NonCentered),
            _ => None,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Effect::Centered => "centered",
            Effect::NonCentered => "non-centered",
        })
    }
}

/// The word for all effects integrated out, and the literature's other one.
const MARGINAL: &str = "marginal";
const COLLAPSED: &str = "collapsed";

/// What is wrong with a parameterization that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterizationError {
    /// None of the three words, nor a list.
    #[error(
        "`{0}` is no parameterization; write `centered`, `non-centered`, `marginal` (or `collapsed`), or one for each coefficient, as \
         `a=centered,b=non-centered`"
    )]
    Unknown(String),
    /// A list with a word that is neither centered nor non-centered.
    #[error("`{effect}` in `{name}={effect}` is no parameterization; write `{name}=centered` or `{name}=non-centered`")]
    UnknownEffect {
        /// The coefficient, as it was typed.
        name: String,
        /// The word.
        effect: String,
    },
    /// `marginal` for one coefficient.
    #[error(
        "`{0}=marginal`: the effects of all coefficients are integrated out together, or none; write `marginal` alone, or \
         `{0}=centered` or `{0}=non-centered`"
    )]
    MarginalAlone(String),
    /// A name that is no coefficient's.
    #[error("the parameterization names `{name}`, which is no coefficient; there is: {known}")]
    NoSuchCoefficient {
        /// What was typed.
        name: String,
        /// The coefficients there are.
        known: String,
    },
    /// A coefficient left out of a list.
    #[error("the parameterization leaves out `{0}`; add `{0}=centered` or `{0}=non-centered`")]
    Missing(String),
    /// A coefficient named twice in a list.
    #[error("the parameterization names `{0}` twice; keep one of the two")]
    Twice(String),
    /// The same parameterization twice where several are to be compared.
    #[error("the parameterization `{0}` is named twice; name each that is to be compared once")]
    Repeated(String),
}

/// Centered or not, coefficient by coefficient; or marginal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameterization {
    /// None where they are integrated out.
    effects: Vec<Effect>,
    names: Vec<String>,
}

impl Parameterization {
    /// The same for the intercept and every slope of `predictor_names`.
    pub fn uniform(effect: Effect, predictor_names: &[String]) -> Parameterization {
        Parameterization::of(vec![effect; predictor_names.len() + 1], predictor_names)
    }

    /// One effect for the intercept, then one for each slope of `predictor_names`.
    pub fn of(effects: Vec<Effect>, predictor_names: &[String]) -> Parameterization {
        Parameterization { effects, names: coefficient_names(predictor_names) }
    }

    /// No effect in theta: all are integrated out, and drawn from their exact conditional normal afterwards.
    pub fn marginal(predictor_names: &[String]) -> Parameterization {
        Parameterization::of(Vec::new(), predictor_names)
    }

    /// Reads `centered`, `non-centered`, `marginal` (or `collapsed`), or a list such as `a=centered,b=non-centered`.
    ///
    /// With several predictors a slope is `b[hours]`, or just `hours`, and `b` stands for all of them.
    ///
    /// # Errors
    /// A word that is neither, a name that is no coefficient's, a coefficient left out or named twice.
    pub fn parse(text: &str, predictor_names: &[String]) -> Result<Parameterization, ParameterizationError> {
        let text = text.trim();
        if let Some(effect) = Effect::parse(text) {
            return Ok(Parameterization::uniform(effect, predictor_names));
        }
        if is_marginal(text) {
            return Ok(Parameterization::marginal(predictor_names));
        }
        let names = coefficient_names(predictor_names);
        let mut chosen = vec![None; names.len()];
        // A predictor's own name may hold a comma: a part without a `=` belongs to the one after it.
        let mut pending = String::new();
        for part in text.split(',') {
            pending.push_str(part);
            let Some((name, effect)) = pending.rsplit_once('=') else {
                pending.push(',');
                continue;
            };
            let (name, effect) = (name.trim(), effect.trim());
            let effect = Effect::parse(effect).ok_or_else(|| match effect {
                MARGINAL | COLLAPSED => ParameterizationError::MarginalAlone(name.to_string()),
                _ => ParameterizationError::UnknownEffect { name: name.to_string(), effect: effect.to_string() },
            })?;
            let mut found = false;
            for (k, coefficient) in names.iter().enumerate() {
                let is_predictor = k > 0 && predictor_names[k - 1] == name;
                if coefficient == name || is_predictor || (name == "b" && k > 0) {
                    found = true;
                    if chosen[k].replace(effect).is_some() {
                        return Err(ParameterizationError::Twice(coefficient.clone()));
                    }
                }
            }
            if !found {
                return Err(ParameterizationError::NoSuchCoefficient {
                    name: name.to_string(),
                    known: names.join(", "),
                });
            }
            pending.clear();
        }
        if !pending.is_empty() {
            return Err(ParameterizationError::Unknown(text.to_string()));
        }
        let effects = chosen
            .iter()
            .zip(&names)
            .map(|(effect, name)| effect.ok_or_else(|| ParameterizationError::Missing(name.clone())))
            .collect::<Result<_, _>>()?;
        Ok(Parameterization { effects, names })
    }

    /// Reads several, separated by commas: `centered,marginal`, `non-centered,a=centered,b=non-centered`.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse), and a parameterization that is named twice.
    pub fn parse_list(text: &str, predictor_names: &[String]) -> Result<Vec<Parameterization>, ParameterizationError> {
        let mut all: Vec<Parameterization> = Vec::new();
        // Commas stand inside lists too: a list ends where it is complete.
        let mut pending: Option<String> = None;
        for part in text.split(',') {
            let is_word = is_marginal(part.trim()) || Effect::parse(part.trim()).is_some();
            if let (true, Some(incomplete)) = (is_word, &pending) {
                return Err(incomplete_list(incomplete, predictor_names));
            }
            let candidate = pending.take().map_or(part.to_string(), |before| format!("{before},{part}"));
            match Parameterization::parse(&candidate, predictor_names) {
                Ok(complete) if all.contains(&complete) => {
                    return Err(ParameterizationError::Repeated(complete.to_string()));
                }
                Ok(complete) => all.push(complete),
                Err(_) => pending = Some(candidate),
            }
        }
        pending.map_or(Ok(all), |incomplete| Err(incomplete_list(&incomplete, predictor_names)))
    }

    /// One a coefficient, the intercept first; none where they are integrated out.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// Whether coefficient `k` is centered.
    pub fn is_centered(&self, k: usize) -> bool {
        self.effects.get(k) == Some(&Effect::Centered)
    }

    /// Whether all effects are integrated out.
    pub fn is_marginal(&self) -> bool {
        self.effects.is_empty()
    }
}

impl fmt::Display for Parameterization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_marginal() {
            return f.write_str(MARGINAL);
        }
        if self.effects.iter().all(|effect| *effect == self.effects[0]) {
            return self.effects[0].fmt(f);
        }
        for (k, (name, effect)) in self.names.iter().zip(&self.effects).enumerate() {
            write!(f, "{}{name}={effect}", if k == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn is_marginal(word: &str) -> bool {
    [MARGINAL, COLLAPSED].contains(&word)
}

/// What is wrong with text that is no parameterization.
fn incomplete_list(text: &str, predictor_names: &[String]) -> ParameterizationError {
    Parameterization::parse(text, predictor_names).err().unwrap_or(ParameterizationError::Unknown(text.to_string()))
}

/// `a`, then `b` where there is one predictor, `b[name]` where there are more.
pub(super) fn coefficient_names(predictor_names: &[String]) -> Vec<String> {
    let slopes = predictor_names.iter().map(|name| match predictor_names.len() {
        1 => "b".to_string(),
        _ => format!("b[{name}]"),
    });
    std::iter::once("a".to_string()).chain(slopes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, predictors: &[&str]) -> Result<String, ParameterizationError> {
        let predictors: Vec<String> = predictors.iter().map(|name| name.to_string()).collect();
        Parameterization::parse(text, &predictors).map(|parameterization| parameterization.to_string())
    }

    #[test]
    fn one_word_is_for_every_coefficient() {
        assert_eq!(parse("centered", &["x"]).unwrap(), "centered");
        assert_eq!(parse("a=non-centered, b=non-centered", &["x"]).unwrap(), "non-centered");
        assert_eq!(parse(" marginal", &["x", "y"]).unwrap(), "marginal");
        assert_eq!(parse("collapsed", &["x"]).unwrap(), "marginal");
    }

    #[test]
    fn slopes_are_named_by_letter_by_predictor_or_both() {
        let mixed = "a=centered,b[x]=non-centered,b[y, z]=centered";
        assert_eq!(parse(mixed, &["x", "y, z"]).unwrap(), mixed);
        assert_eq!(parse("x=non-centered,y, z=centered,a=centered", &["x", "y, z"]).unwrap(), mixed);
        assert_eq!(
            parse("b=centered,a=non-centered", &["x", "y"]).unwrap(),
            "a=non-centered,b[x]=centered,b[y]=centered"
        );
    }

    #[test]
    fn a_list_ends_where_it_is_complete() {
        let parse = |text: &str, predictors: &[&str]| {
            let predictors: Vec<String> = predictors.iter().map(|name| name.to_string()).collect();
            let all = Parameterization::parse_list(text, &predictors)?;
            Ok(all.iter().map(|one| one.to_string()).collect::<Vec<_>>())
        };
        let mixed = ["a=centered,b=non-centered", "a=non-centered,b=centered"];
        assert_eq!(parse("centered, marginal", &["x"]).unwrap(), ["centered", "marginal"]);
        assert_eq!(parse(&mixed.join(","), &["x"]).unwrap(), mixed);
        assert_eq!(parse("marginal,y, z=centered,a=non-centered,centered", &["y, z"]).unwrap().len(), 3);
        let unknown = |text: &str| Err(ParameterizationError::Unknown(text.into()));
        assert_eq!(parse("centered,marginl", &["x"]), unknown("marginl"));
        assert_eq!(parse("centred,marginal", &["x"]), unknown("centred"));
        assert_eq!(parse("", &["x"]), unknown(""));
        assert_eq!(parse("a=centered,marginal", &["x"]), Err(ParameterizationError::Missing("b".into())));
        let twice = ParameterizationError::Repeated("centered".into());
        assert_eq!(parse("centered,a=centered,b=centered", &["x"]), Err(twice));
        let twice = ParameterizationError::Repeated("marginal".into());
        assert_eq!(parse("collapsed,marginal", &["x"]), Err(twice));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(parse("centred", &["x"]), Err(ParameterizationError::Unknown("centred".into())));
        let off = ParameterizationError::UnknownEffect { name: "b".into(), effect: "off".into() };
        assert_eq!(parse("a=centered,b=off", &["x"]), Err(off));
        let alone = ParameterizationError::MarginalAlone("b".into());
        assert_eq!(parse("a=centered,b=marginal", &["x"]), Err(alone));
        assert_eq!(parse("a=centered", &["x"]), Err(ParameterizationError::Missing("b".into())));
        assert_eq!(parse("a=centered,b=centered,x=centered", &["x"]), Err(ParameterizationError::Twice("b".into())));
        let known = "a, b".to_string();
        let wrong = ParameterizationError::NoSuchCoefficient { name: "c".into(), known };
        assert_eq!(parse("a=centered,c=centered", &["x"]), Err(wrong));
    }
}
