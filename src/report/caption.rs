//! The wording of captions.

/// A sentence for each run, with the run's name before it if there are several.
pub fn each(runs: impl IntoIterator<Item = (String, String)>) -> String {
    let all: Vec<(String, String)> = runs.into_iter().collect();
    match &all[..] {
        [(_, only)] => format!("{}.", capitalized(only)),
        several => {
            several.iter().map(|(name, said)| format!("{}: {said}.", capitalized(name))).collect::<Vec<_>>().join(" ")
        }
    }
}

/// With a capital letter, unless the text begins with a list such as `a=centered`.
fn capitalized(name: &str) -> String {
    if name.split(' ').next().is_some_and(|word| word.contains('=')) {
        return name.to_string();
    }
    let mut characters = name.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

/// A fraction as a percentage with as many digits as needed.
pub fn percent(share: f64) -> String {
    match 100.0 * share {
        percent if percent == 0.0 || percent >= 10.0 => format!("{percent:.0} %"),
        percent if percent >= 0.1 => format!("{percent:.1} %"),
        percent => format!("{percent:.2} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_runs_are_told_apart_and_one_is_not_named() {
        let said = |name: &str| (name.to_string(), "no divergence".to_string());
        assert_eq!(each([said("centered")]), "No divergence.");
        let two = "Centered: no divergence. a=centered,b=non-centered: no divergence.";
        assert_eq!(each([said("centered"), said("a=centered,b=non-centered")]), two);
        assert_eq!([0.0, 0.000_25, 0.0123, 0.5].map(percent), ["0 %", "0.03 %", "1.2 %", "50 %"]);
    }
}
