//! The coordinates of a term's effects: for each coefficient, the effects themselves (centered), their offsets from the
//! mean in units of the sd (non-centered), or numbers between (partial); or none, with all effects integrated out
//! (collapsed). On the command line the choice of coordinates is called the parameterization.

use std::fmt;

/// The coordinates of one coefficient's effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Centering {
    /// `effect[k][j] = beta[k,j]`.
    Centered,
    /// `effect[k][j] = (beta[k,j] - mu[k]) / sigma[k]`.
    NonCentered,
    /// Between the two, by a weight for each effect; for the terms of a formula.
    Partial,
}

impl Centering {
    fn parse(text: &str) -> Option<Centering> {
        match text {
            "centered" => Some(Centering::Centered),
            "non-centered" => Some(Centering::NonCentered),
            "partial" => Some(Centering::Partial),
            _ => None,
        }
    }
}

impl fmt::Display for Centering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Centering::Centered => "centered",
            Centering::NonCentered => "non-centered",
            Centering::Partial => "partial",
        })
    }
}

/// The words for effects that are integrated out: the command line's and the literature's.
const MARGINAL: &str = "marginal";
const COLLAPSED: &str = "collapsed";

/// Why a typed parameterization is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoordinatesError {
    /// Neither a known word nor a list.
    #[error(
        "`{0}` is no parameterization; write `centered`, `non-centered`, `marginal` (or `collapsed`), of a formula also `partial`, \
         or one for each coefficient, as `a=centered,b=non-centered`, or for each term of a formula by its factor"
    )]
    Unknown(String),
    /// Partially centered effects without a formula.
    #[error("`partial` is for the terms of a --formula; write `centered`, `non-centered` or `marginal`")]
    PartialOfFormulas,
    /// A list with a word that is not known.
    #[error(
        "`{effect}` in `{name}={effect}` is no parameterization; write `{name}=centered` or `{name}=non-centered`, or of a formula \
         `{name}=partial`"
    )]
    UnknownEffect {
        /// The coefficient, as typed.
        name: String,
        /// The word.
        effect: String,
    },
    /// `marginal` for a single coefficient.
    #[error(
        "`{0}=marginal`: the effects of all coefficients are integrated out together, or none; write `marginal` alone, or \
         `{0}=centered` or `{0}=non-centered`"
    )]
    MarginalAlone(String),
    /// A name that is not a coefficient's.
    #[error("the parameterization names `{name}`, which is no coefficient or term of this model; there is: {known}")]
    NoSuchCoefficient {
        /// The name, as typed.
        name: String,
        /// The names of the coefficients.
        known: String,
    },
    /// A coefficient left out of a list.
    #[error("the parameterization leaves out `{0}`; add `{0}=centered` or `{0}=non-centered`")]
    Missing(String),
    /// A coefficient named twice in a list.
    #[error("the parameterization names `{0}` twice; keep one of the two")]
    Twice(String),
    /// A likelihood that needs effects, where effects are integrated out.
    #[error(
        "--likelihood observations needs every group's effects, and --parameterization marginal integrates them out; leave one of \
         the two out"
    )]
    Collapsed,
    /// A parameterization named twice in a list of several to compare.
    #[error("the parameterization `{0}` is named twice; name each that is to be compared once")]
    Repeated(String),
}

/// How the likelihood is computed given the effects; both ways agree to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Likelihood {
    /// From each group's observations, reduced once to sufficient statistics: the cost does not depend on the number of
    /// observations.
    Groups,
    /// Over every observation, which works for every family.
    Observations,
}

impl fmt::Display for Likelihood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Likelihood::Groups => "groups",
            Likelihood::Observations => "observations",
        })
    }
}

/// The coordinates of a term's effects in theta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coordinates {
    /// Effects are coordinates, beside the hyperparameters.
    Joint {
        /// The centering of each coefficient, the intercept first.
        centering: Vec<Centering>,
        /// How the likelihood is computed given the effects.
        likelihood: Likelihood,
    },
    /// Effects are integrated out, and drawn from their exact conditional normal distribution afterwards.
    Collapsed,
}

impl Coordinates {
    /// The effects of all `coefficients` as coordinates, with the likelihood over groups.
    pub fn joint(centering: Centering, coefficients: usize) -> Coordinates {
        Coordinates::Joint { centering: vec![centering; coefficients], likelihood: Likelihood::Groups }
    }

    /// The effects of a formula's terms as coordinates, with the likelihood over every observation.
    pub fn of_terms(centering: Vec<Centering>) -> Coordinates {
        Coordinates::Joint { centering, likelihood: Likelihood::Observations }
    }

    /// These coordinates, with the likelihood computed as `likelihood` says.
    ///
    /// # Errors
    /// [`CoordinatesError::Collapsed`] if `likelihood` needs effects that are integrated out.
    pub fn over(self, likelihood: Likelihood) -> Result<Coordinates, CoordinatesError> {
        match (self, likelihood) {
            (Coordinates::Joint { centering, .. }, likelihood) => Ok(Coordinates::Joint { centering, likelihood }),
            (Coordinates::Collapsed, Likelihood::Groups) => Ok(Coordinates::Collapsed),
            (Coordinates::Collapsed, Likelihood::Observations) => Err(CoordinatesError::Collapsed),
        }
    }

    /// How the likelihood is computed: collapsed effects are integrated out group by group.
    pub fn likelihood(&self) -> Likelihood {
        match self {
            Coordinates::Joint { likelihood, .. } => *likelihood,
            Coordinates::Collapsed => Likelihood::Groups,
        }
    }

    /// Whether the effects of coefficient `k` are centered.
    pub fn is_centered(&self, k: usize) -> bool {
        self.centering(k) == Some(Centering::Centered)
    }

    /// The centering of the effects of coefficient or term `k`; `None` if they are integrated out.
    pub fn centering(&self, k: usize) -> Option<Centering> {
        match self {
            Coordinates::Joint { centering, .. } => Some(centering[k]),
            Coordinates::Collapsed => None,
        }
    }

    /// The text that is typed to choose these coordinates, given the coefficients' `names`.
    pub fn parameterization(&self, names: &[String]) -> String {
        let centering = match self {
            Coordinates::Joint { centering, .. } => centering,
            Coordinates::Collapsed => return MARGINAL.to_string(),
        };
        if centering.iter().all(|one| *one == centering[0]) {
            return centering[0].to_string();
        }
        let each = names.iter().zip(centering).map(|(name, centering)| format!("{name}={centering}"));
        each.collect::<Vec<_>>().join(",")
    }

    /// Parses `centered`, `non-centered`, `marginal` (or `collapsed`), or a list such as `a=centered,b=non-centered`.
    ///
    /// With several predictors a slope is `b[hours]`, or just `hours`, and `b` means all slopes.
    ///
    /// # Errors
    /// If a word is unknown or for formulas, a name is not a coefficient's, or a coefficient is left out or named
    /// twice.
    pub fn parse(text: &str, predictor_names: &[String]) -> Result<Coordinates, CoordinatesError> {
        let means = |name: &str, k: usize| k > 0 && (name == "b" || predictor_names[k - 1] == name);
        match parse_words(text, &coefficient_names(predictor_names), means)? {
            Some(centering) if centering.contains(&Centering::Partial) => Err(CoordinatesError::PartialOfFormulas),
            Some(centering) => Ok(Coordinates::Joint { centering, likelihood: Likelihood::Groups }),
            None => Ok(Coordinates::Collapsed),
        }
    }

    /// Parses the parameterization of a formula's terms of these `names`: one word for all, or `Subject=centered,...`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_terms(text: &str, names: &[String]) -> Result<Coordinates, CoordinatesError> {
        Ok(parse_words(text, names, |_, _| false)?.map_or(Coordinates::Collapsed, Coordinates::of_terms))
    }

    /// Parses parameterizations separated by commas: `centered,marginal`, `non-centered,a=centered,b=non-centered`;
    /// each with the word after its `@`, as in `centered,centered@walnuts`, if it has one.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and if a parameterization is named twice with the same word.
    pub fn parse_list(text: &str, predictor_names: &[String]) -> Result<Vec<Worded>, CoordinatesError> {
        parse_each(text, &coefficient_names(predictor_names), |text| Coordinates::parse(text, predictor_names))
    }

    /// Parses parameterizations of a formula's terms of these `names`, separated by commas.
    ///
    /// # Errors
    /// As [`parse_list`](Self::parse_list).
    pub fn parse_list_of_terms(text: &str, names: &[String]) -> Result<Vec<Worded>, CoordinatesError> {
        parse_each(text, names, |text| Coordinates::parse_terms(text, names))
    }
}

/// A parameterization, and the word after its `@`.
pub type Worded = (Coordinates, Option<String>);

/// A parameterization and its word, as they are typed.
fn split_word(text: &str) -> (&str, Option<&str>) {
    // A name may contain an `@`, too.
    let after = text.rsplit_once('@').filter(|(_, word)| !word.contains('='));
    after.map_or((text, None), |(text, word)| (text, Some(word.trim())))
}

/// Parses each of several parameterizations separated by commas, with their words.
fn parse_each(
    text: &str,
    names: &[String],
    parse: impl Fn(&str) -> Result<Coordinates, CoordinatesError>,
) -> Result<Vec<Worded>, CoordinatesError> {
    let parse = |text: &str| {
        let (text, word) = split_word(text);
        Ok((parse(text)?, word.map(str::to_string)))
    };
    let incomplete = |text: &str| parse(text).err().unwrap_or(CoordinatesError::Unknown(text.to_string()));
    let mut all: Vec<Worded> = Vec::new();
    // Lists contain commas too: a list ends where it is complete.
    let mut pending: Option<String> = None;
    for part in text.split(',') {
        let alone = split_word(part).0.trim();
        let is_word = is_marginal(alone) || Centering::parse(alone).is_some();
        if let (true, Some(before)) = (is_word, &pending) {
            return Err(incomplete(before));
        }
        let candidate = pending.take().map_or(part.to_string(), |before| format!("{before},{part}"));
        match parse(&candidate) {
            Ok(complete) if all.contains(&complete) => {
                let word = complete.1.map_or(String::new(), |word| format!("@{word}"));
                return Err(CoordinatesError::Repeated(complete.0.parameterization(names) + &word));
            }
            Ok(complete) => all.push(complete),
            Err(_) => pending = Some(candidate),
        }
    }
    pending.map_or(Ok(all), |text| Err(incomplete(&text)))
}

/// Parses a word for all, or a list with a word for each of `names`; `also` says whether a typed name means the k-th
/// too. `None` is for effects that are integrated out.
fn parse_words(
    text: &str,
    names: &[String],
    also: impl Fn(&str, usize) -> bool,
) -> Result<Option<Vec<Centering>>, CoordinatesError> {
    let text = text.trim();
    if let Some(effect) = Centering::parse(text) {
        return Ok(Some(vec![effect; names.len()]));
    }
    if is_marginal(text) {
        return Ok(None);
    }
    let mut chosen = vec![None; names.len()];
    // A predictor's name may contain a comma: a part without a `=` belongs to the part after it.
    let mut pending = String::new();
    for part in text.split(',') {
        pending.push_str(part);
        let Some((name, effect)) = pending.rsplit_once('=') else {
            pending.push(',');
            continue;
        };
        let (name, effect) = (name.trim(), effect.trim());
        let effect = Centering::parse(effect).ok_or_else(|| match effect {
            MARGINAL | COLLAPSED => CoordinatesError::MarginalAlone(name.to_string()),
            _ => CoordinatesError::UnknownEffect { name: name.to_string(), effect: effect.to_string() },
        })?;
        let mut found = false;
        for (k, coefficient) in names.iter().enumerate() {
            if coefficient == name || also(name, k) {
                found = true;
                if chosen[k].replace(effect).is_some() {
                    return Err(CoordinatesError::Twice(coefficient.clone()));
                }
            }
        }
        if !found {
            return Err(CoordinatesError::NoSuchCoefficient { name: name.to_string(), known: names.join(", ") });
        }
        pending.clear();
    }
    if !pending.is_empty() {
        return Err(CoordinatesError::Unknown(text.to_string()));
    }
    let each = chosen.into_iter().zip(names);
    let each = each.map(|(effect, name)| effect.ok_or_else(|| CoordinatesError::Missing(name.clone())));
    each.collect::<Result<_, _>>().map(Some)
}

fn is_marginal(word: &str) -> bool {
    [MARGINAL, COLLAPSED].contains(&word)
}

/// The coefficients' names: `a`, then `b` for one predictor, or `b[name]` for several.
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

    fn parse(text: &str, predictors: &[&str]) -> Result<String, CoordinatesError> {
        let predictors: Vec<String> = predictors.iter().map(|name| name.to_string()).collect();
        let coordinates = Coordinates::parse(text, &predictors)?;
        Ok(coordinates.parameterization(&coefficient_names(&predictors)))
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
            let all = Coordinates::parse_list(text, &predictors)?;
            let names = coefficient_names(&predictors);
            let named = all.into_iter().map(|(one, word)| one.parameterization(&names) + &word.unwrap_or_default());
            Ok(named.collect::<Vec<_>>())
        };
        let mixed = ["a=centered,b=non-centered", "a=non-centered,b=centered"];
        assert_eq!(parse("centered, marginal", &["x"]).unwrap(), ["centered", "marginal"]);
        assert_eq!(parse(&mixed.join(","), &["x"]).unwrap(), mixed);
        assert_eq!(parse("marginal,y, z=centered,a=non-centered,centered", &["y, z"]).unwrap().len(), 3);
        let unknown = |text: &str| Err(CoordinatesError::Unknown(text.into()));
        assert_eq!(parse("centered,marginl", &["x"]), unknown("marginl"));
        assert_eq!(parse("centred,marginal", &["x"]), unknown("centred"));
        assert_eq!(parse("", &["x"]), unknown(""));
        assert_eq!(parse("a=centered,marginal", &["x"]), Err(CoordinatesError::Missing("b".into())));
        let twice = |name: &str| Err(CoordinatesError::Repeated(name.into()));
        assert_eq!(parse("centered,a=centered,b=centered", &["x"]), twice("centered"));
        assert_eq!(parse("collapsed,marginal", &["x"]), twice("marginal"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(parse("centred", &["x"]), Err(CoordinatesError::Unknown("centred".into())));
        let off = CoordinatesError::UnknownEffect { name: "b".into(), effect: "off".into() };
        assert_eq!(parse("a=centered,b=off", &["x"]), Err(off));
        assert_eq!(parse("a=centered,b=marginal", &["x"]), Err(CoordinatesError::MarginalAlone("b".into())));
        assert_eq!(parse("a=centered,b=partial", &["x"]), Err(CoordinatesError::PartialOfFormulas));
        assert_eq!(parse("a=centered", &["x"]), Err(CoordinatesError::Missing("b".into())));
        assert_eq!(parse("a=centered,b=centered,x=centered", &["x"]), Err(CoordinatesError::Twice("b".into())));
        let wrong = CoordinatesError::NoSuchCoefficient { name: "c".into(), known: "a, b".into() };
        assert_eq!(parse("a=centered,c=centered", &["x"]), Err(wrong));
    }
}
