//! Formatting of numbers with as many digits as their errors give meaning to.

/// Number of decimals that shows two digits of `error`.
pub fn decimals(error: f64) -> usize {
    if error > 0.0 && error.is_finite() { (1.0 - error.log10().floor()).clamp(0.0, 12.0) as usize } else { 4 }
}

/// `value` with this many decimals, or in scientific notation where that would be long.
pub fn number(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        "-".to_string()
    } else if value.abs() >= 1e9 || decimals > 9 {
        format!("{value:.4e}")
    } else {
        format!("{value:.decimals$}")
    }
}

/// `value` with three significant digits, in scientific notation where that would be long.
pub fn significant(value: f64) -> String {
    if value.is_nan() {
        return "-".to_string();
    }
    let magnitude = value.abs().log10().floor();
    match magnitude {
        _ if value == 0.0 => "0".to_string(),
        m if (-4.0..6.0).contains(&m) => format!("{value:.*}", (2.0 - m).max(0.0) as usize),
        _ => format!("{value:.2e}"),
    }
}

/// A value and its limit, with enough digits to differ: `1.0102, above 1.01`.
pub fn beyond(value: f64, limit: f64) -> String {
    let side = if value > limit { "above" } else { "below" };
    let shown = |value: f64, digits: usize| {
        let decimals = (digits as f64 - 1.0 - value.abs().log10().floor()).clamp(0.0, 17.0) as usize;
        format!("{value:.decimals$}")
    };
    let limit = (1..=17).map(|digits| shown(limit, digits)).find(|text| text.parse() == Ok(limit)).unwrap_or_default();
    let apart = |text: &String| {
        text.parse::<f64>().is_ok_and(|rounded| {
            let bound: f64 = limit.parse().unwrap_or(f64::NAN);
            if value > bound { rounded > bound } else { rounded < bound }
        })
    };
    let value = (3..=17).map(|digits| shown(value, digits)).find(apart).unwrap_or_else(|| value.to_string());
    format!("{value}, {side} {limit}")
}

/// `1 chain`, `16 chains`.
pub fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_what_they_know() {
        assert_eq!(decimals(0.0123), 3);
        assert_eq!(decimals(1.5), 1);
        assert_eq!(decimals(1234.0), 0);
        assert_eq!(number(1.23456, 3), "1.235");
        assert_eq!(number(f64::NAN, 3), "-");
        assert_eq!(number(1.5e-9, 11), "1.5000e-9");
        assert_eq!(significant(0.34449), "0.344");
        assert_eq!(significant(0.000123456), "0.000123");
        assert_eq!(significant(55729.5), "55730");
        assert_eq!(significant(-1.5e-9), "-1.50e-9");
        assert_eq!(significant(0.0), "0");
    }

    #[test]
    fn a_limit_is_shown_to_be_passed() {
        assert_eq!(beyond(1.0102, 1.01), "1.0102, above 1.01");
        assert_eq!(beyond(1.010_000_4, 1.01), "1.0100004, above 1.01");
        assert_eq!(beyond(3.57, 1.01), "3.57, above 1.01");
        assert_eq!(beyond(399.96, 400.0), "399.96, below 400");
        assert_eq!(beyond(12.4, 400.0), "12.4, below 400");
        assert_eq!(beyond(0.2999, 0.3), "0.2999, below 0.3");
        assert_eq!(beyond(0.12345, 0.3), "0.123, below 0.3");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!((counted(1, "chain"), counted(0, "draw")), ("1 chain".to_string(), "0 draws".to_string()));
    }
}
