//! A hypothesis about parameters, `b_floor < -0.5`, and its probability.

use super::EffectError;
use crate::data::text::{closest, listed};

/// The claim that one sum of multiples of parameters is larger than another.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// As typed.
    pub text: String,
    /// Left less right: a constant, and multiples of variables by their indices.
    pub constant: f64,
    /// The multiples.
    pub multiples: Vec<(usize, f64)>,
    /// Whether the difference is said to be positive.
    pub positive: bool,
}

impl Hypothesis {
    /// Reads a hypothesis about parameters of these names: sums and differences of parameters, of numbers, and of
    /// numbers times parameters, on both sides of `<` or `>`. A name with other characters than letters, digits, `_`,
    /// `.` and brackets stands in backticks.
    ///
    /// # Errors
    /// If it is none, or has a name that is no parameter's.
    pub fn parse(typed: &str, names: &[String]) -> Result<Hypothesis, EffectError> {
        let fault = |problem: String| EffectError::Hypothesis { typed: typed.to_string(), problem };
        let sign = quoted_find(typed, |c| matches!(c, '<' | '>' | '='));
        let Some((place, sign)) = sign else {
            return Err(fault("there is no `<` or `>` in it; write it as in 'b_floor < -0.5'".to_string()));
        };
        if sign == '=' {
            let problem =
                "a number equals another with probability zero; write `<` or `>`, or two hypotheses for a range";
            return Err(fault(problem.to_string()));
        }
        let right = typed[place + 1..].strip_prefix('=').unwrap_or(&typed[place + 1..]);
        let mut hypothesis =
            Hypothesis { text: typed.to_string(), constant: 0.0, multiples: Vec::new(), positive: sign == '>' };
        for (side, factor) in [(&typed[..place], 1.0), (right, -1.0)] {
            if quoted_find(side, |c| matches!(c, '<' | '>' | '=')).is_some() {
                return Err(fault("there are two signs in it; write two hypotheses".to_string()));
            }
            hypothesis.add(side, factor, names).map_err(fault)?;
        }
        if hypothesis.multiples.is_empty() {
            return Err(fault(format!("there is no parameter in it; write one of: {}", listed(names))));
        }
        Ok(hypothesis)
    }

    /// Adds a side, times `factor`.
    fn add(&mut self, side: &str, factor: f64, names: &[String]) -> Result<(), String> {
        let mut rest = side.trim();
        if rest.is_empty() {
            return Err("one side is empty; write a number or parameters on both".to_string());
        }
        let mut sign = 1.0;
        if let Some(after) = rest.strip_prefix(['-', '+']) {
            sign = if rest.starts_with('-') { -1.0 } else { 1.0 };
            rest = after.trim_start();
        }
        loop {
            let (term, after, next) = first_term(rest);
            self.add_term(term.trim(), sign * factor, names)?;
            match next {
                None => return Ok(()),
                Some(sign_of_next) => sign = sign_of_next,
            }
            rest = after.trim_start();
        }
    }

    /// Adds a term: a number, a parameter, or a number times a parameter.
    fn add_term(&mut self, term: &str, factor: f64, names: &[String]) -> Result<(), String> {
        let (mut constant, mut variable) = (factor, None);
        for part in split_outside(term, '*') {
            let part = part.trim();
            if let Ok(number) = part.parse::<f64>()
                && number.is_finite()
            {
                constant *= number;
                continue;
            }
            let name = part.trim_matches('`');
            let Some(i) = names.iter().position(|known| known == name) else {
                return Err(match (part.is_empty(), closest(names, name)) {
                    (true, _) => "a number or a parameter is missing; write it as in 'b_floor < -0.5'".to_string(),
                    (false, Some(close)) => format!("there is no parameter `{name}`; did you mean `{close}`?"),
                    (false, None) => format!("there is no parameter `{name}`; write one of: {}", listed(names)),
                });
            };
            if variable.replace(i).is_some() {
                return Err("parameters are not multiplied with each other; write sums of them".to_string());
            }
        }
        match variable {
            Some(i) => self.multiples.push((i, constant)),
            None => self.constant += constant,
        }
        Ok(())
    }

    /// Left less right in every draw; `of_variable` gives the draws of a variable.
    pub fn difference<'v>(&self, of_variable: impl Fn(usize) -> &'v [f64]) -> Vec<f64> {
        let count = self.multiples.first().map_or(0, |(i, _)| of_variable(*i).len());
        let mut difference = vec![self.constant; count];
        for (i, multiple) in &self.multiples {
            difference.iter_mut().zip(of_variable(*i)).for_each(|(sum, value)| *sum += multiple * value);
        }
        difference
    }

    /// The share of draws in which it holds.
    pub fn probability(&self, difference: &[f64]) -> f64 {
        let holds = difference.iter().filter(|value| (**value > 0.0) == self.positive && **value != 0.0).count();
        holds as f64 / difference.len() as f64
    }
}

/// Calls `visit` for each character outside backticks and brackets, with its place, until it says true.
fn outside(text: &str, mut visit: impl FnMut(usize, char) -> bool) {
    let (mut quoted, mut depth) = (false, 0_u32);
    for (place, c) in text.char_indices() {
        match c {
            '`' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ if quoted || depth > 0 => {}
            _ if visit(place, c) => return,
            _ => {}
        }
    }
}

fn quoted_find(text: &str, is: impl Fn(char) -> bool) -> Option<(usize, char)> {
    let mut found = None;
    outside(text, |place, c| {
        found = is(c).then_some((place, c));
        found.is_some()
    });
    found
}

fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    outside(text, |place, c| {
        if c == separator {
            parts.push(&text[from..place]);
            from = place + c.len_utf8();
        }
        false
    });
    parts.push(&text[from..]);
    parts
}

/// The first term of a sum, the rest, and the sign of the next term, if there is one. A sign after `e` is an
/// exponent's, and one after `*` a factor's.
fn first_term(sum: &str) -> (&str, &str, Option<f64>) {
    let mut found = None;
    let mut before = String::new();
    outside(sum, |place, c| {
        let number = before.trim_end_matches(['e', 'E']);
        let is_exponent = number.len() < before.len()
            && number.rsplit(|c: char| !c.is_ascii_digit() && c != '.').next().is_some_and(|digits| !digits.is_empty());
        let is_factor = before.trim_end().ends_with('*');
        let is_sign = matches!(c, '+' | '-') && place > 0 && !is_exponent && !is_factor;
        before.push(c);
        found = is_sign.then_some((place, if c == '-' { -1.0 } else { 1.0 }));
        found.is_some()
    });
    match found {
        Some((place, sign)) => (&sum[..place], &sum[place + 1..], Some(sign)),
        None => (sum, "", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        let names = ["b_Intercept", "b_floor", "sd_g__x", "r_g[a-b,x]", "b_log(x)", "e"];
        names.map(str::to_string).to_vec()
    }

    fn difference(text: &str) -> f64 {
        let values = [[2.0], [-0.7], [0.5], [10.0], [4.0], [3.0]];
        Hypothesis::parse(text, &names()).unwrap().difference(|i| &values[i])[0]
    }

    #[test]
    fn sides_are_sums_of_multiples() {
        for (text, expected) in [
            ("b_floor < -0.5", -0.2),
            ("b_floor<-0.5", -0.2),
            ("-b_floor > 1e-1", 0.6),
            ("2 * b_Intercept - 3*b_floor + 1 > sd_g__x", 6.6),
            ("r_g[a-b,x] - b_Intercept > 0", 8.0),
            ("`b_log(x)` > 2.5e+0 * b_Intercept", -1.0),
            ("b_Intercept > -2 * -1", 0.0),
            ("b_Intercept * -1 >= 0 - e", 1.0),
            ("0 > b_Intercept - b_Intercept - 1", 1.0),
            ("e-1 > 0", 2.0),
        ] {
            assert!((difference(text) - expected).abs() < 1e-12, "{text}: {}", difference(text));
        }
        let hypothesis = Hypothesis::parse("b_floor < -0.5", &names()).unwrap();
        assert_eq!(hypothesis.probability(&[-1.0, 1.0, -0.1, 0.0]), 0.5);
        assert_eq!(Hypothesis::parse("b_floor > -0.5", &names()).unwrap().probability(&[-1.0, 1.0, -0.1, 0.0]), 0.25);
    }

    #[test]
    fn what_is_no_hypothesis_is_refused() {
        for (text, words) in [
            ("b_floor", "no `<` or `>`"),
            ("b_floor = 0", "probability zero"),
            ("b_flor < 0", "did you mean `b_floor`?"),
            ("nothing < 0", "write one of: b_Intercept"),
            ("1 < 2", "no parameter"),
            ("b_floor <", "one side is empty"),
            ("0 < b_floor < 1", "two signs"),
            ("b_floor * e < 1", "not multiplied"),
            ("b_floor + < 1", "is missing"),
            ("b_floor * < 1", "is missing"),
            ("", "no `<` or `>`"),
        ] {
            let error = Hypothesis::parse(text, &names()).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
