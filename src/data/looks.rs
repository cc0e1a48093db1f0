//! Text where a number must be: what the text looks like, and how to turn it into a number.

use std::fmt::{self, Display, Formatter};

use super::reading::Decimal;
use super::text::shown;

/// The apparent meaning of a cell that is not a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// `-0,83`: the number with a point.
    DecimalComma(String),
    /// `51,222`: the number with a point for the comma, and without the comma.
    CommaOrThousands(String, String),
    /// `1.5` where a comma is the decimal mark: the number with a comma.
    DecimalPoint(String),
    /// `51,222.00`, `1 234,5`, `1.234,56`: the number without thousands marks, and whether a decimal comma remains.
    Thousands(String, bool),
    /// `51%`: the number without the sign.
    Percentage(String),
    /// `$12`: the number without the sign.
    Currency(String),
    /// `12 kg`: the number without the unit.
    WithUnit(String),
    /// `<0.5`
    Bound,
    /// `TRUE`, `no`
    Truth,
    /// `2021-03-04`
    Date,
    /// `12:30`
    Time,
    /// One of these few words.
    Category(Vec<String>),
    /// Anything else.
    Text,
}

impl Look {
    /// Whether the cell may be the name of a category, rather than a number or a date in another notation.
    pub(super) fn is_word(&self) -> bool {
        matches!(self, Look::Text | Look::Truth | Look::Bound | Look::WithUnit(_))
    }
}

impl Display for Look {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Look::DecimalComma(point) => write!(f, "a number with a decimal comma; add --decimal , or write `{point}`"),
            Look::CommaOrThousands(point, whole) => write!(
                f,
                "a number with a decimal comma, or with commas between thousands; add --decimal , where {point} is meant, or \
                 write `{whole}`"
            ),
            Look::DecimalPoint(comma) => {
                write!(
                    f,
                    "a number with a decimal point, and --decimal , says commas; leave that out, or write `{comma}`"
                )
            }
            Look::Thousands(number, false) => {
                write!(f, "a number with marks between thousands; write `{number}`")
            }
            Look::Thousands(number, true) => {
                write!(
                    f,
                    "a number with marks between thousands and a decimal comma; write `{number}`, and add --decimal ,"
                )
            }
            Look::Percentage(number) => write!(f, "a percentage; write `{number}`, without the sign"),
            Look::Currency(number) => write!(f, "an amount of money; write `{number}`, without the currency"),
            Look::WithUnit(number) => {
                write!(f, "a number with its unit; write `{number}`, and the unit into the column's name")
            }
            Look::Bound => write!(f, "a bound rather than a value; write a number, or leave the cell empty"),
            Look::Truth => write!(f, "a truth value; write 1 for true and 0 for false"),
            Look::Date => {
                write!(f, "a date; write a number in its place, such as days since the first one, or years (2021.17)")
            }
            Look::Time => write!(f, "a time; write a number in its place, such as hours (12.5)"),
            Look::Category(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", shown(word))).collect();
                let [first, others @ ..] = &quoted[..] else { return Ok(()) };
                write!(
                    f,
                    "one of a few categories ({}); make a column of 0 and 1 for each of them but one: for {}, with {first} as \
                     what they are compared with",
                    quoted.join(", "),
                    if others.is_empty() { "each other category".to_string() } else { others.join(" and ") },
                )
            }
            Look::Text => Ok(()),
        }
    }
}

const CURRENCIES: [&str; 10] = ["$", "€", "£", "¥", "₹", "EUR", "USD", "GBP", "CHF", "kr"];

const TRUTHS: [&str; 8] = ["true", "false", "t", "f", "yes", "no", "y", "n"];

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The apparent meaning of `text`, which is not a number with this decimal mark.
pub(super) fn of(text: &str, decimal: Decimal) -> Look {
    if TRUTHS.contains(&text.to_lowercase().as_str()) {
        return Look::Truth;
    }
    if is_date(text) {
        return Look::Date;
    }
    if is_time(text) {
        return Look::Time;
    }
    if let Some(look) = marked(text, decimal) {
        return look;
    }
    if let Some(rest) = text.strip_prefix(['<', '>', '≤', '≥']) {
        return if number(rest.trim_start_matches('=')).is_some() { Look::Bound } else { Look::Text };
    }
    if let Some(number) = text.strip_suffix('%').and_then(number) {
        return Look::Percentage(number);
    }
    let stripped = |sign: &str| text.strip_prefix(sign).or_else(|| text.strip_suffix(sign)).and_then(number);
    if let Some(number) = CURRENCIES.iter().find_map(|sign| stripped(sign)) {
        return Look::Currency(number);
    }
    match number(without_unit(text)) {
        Some(number) if unit(text).is_some() => Look::WithUnit(number),
        _ => Look::Text,
    }
}

/// The unit after a number.
pub(super) fn unit(text: &str) -> Option<&str> {
    let before = without_unit(text);
    let unit = &text[before.len()..];
    (!unit.is_empty() && number(before).is_some()).then_some(unit)
}

fn without_unit(text: &str) -> &str {
    text.trim_end_matches(|c: char| c.is_alphabetic() || "/²³°µ".contains(c))
}

/// A number with any decimal mark and any marks between its thousands, as it must be written.
fn number(text: &str) -> Option<String> {
    let text = text.trim();
    if is_number(text) {
        return Some(text.to_owned());
    }
    match marked(text, Decimal::Point)? {
        Look::DecimalComma(number) | Look::CommaOrThousands(number, _) | Look::Thousands(number, _) => Some(number),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A number with another decimal mark, or with marks between its thousands.
fn marked(text: &str, decimal: Decimal) -> Option<Look> {
    let digits = text.strip_prefix(['+', '-', '−']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || ".,".contains(c)) {
        return None;
    }
    let with_point = text.replace('−', "-").replacen(',', ".", 1);
    // One comma and no point: a decimal comma, unless three digits follow it, which may be thousands.
    if is_number(&with_point) && text.contains(',') {
        let three = digits.split_once(',').is_some_and(|(whole, rest)| {
            (1..=3).contains(&whole.len()) && !whole.starts_with('0') && rest.len() == 3 && !rest.contains(['e', 'E'])
        });
        let whole = text.replace(',', "");
        return Some(if three { Look::CommaOrThousands(with_point, whole) } else { Look::DecimalComma(with_point) });
    }
    if decimal == Decimal::Comma && is_number(text) {
        return Some(Look::DecimalPoint(text.replace('.', ",")));
    }
    if text.starts_with('−') && is_number(&with_point) {
        return Some(Look::Thousands(with_point, false));
    }
    // The last mark is the decimal mark if it is a comma or a point and occurs once.
    let is_mark = |c: char| ",.'’ \u{a0}\u{202f}_".contains(c);
    let last = digits.rfind(is_mark)?;
    let mark = digits[last..].chars().next()?;
    let is_decimal = matches!(mark, ',' | '.') && digits.matches(mark).count() == 1;
    let (whole, fraction) = if is_decimal { digits.split_at(last) } else { (digits, "") };
    let mut groups = whole.split(is_mark);
    let first = groups.next()?;
    let all_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = (1..=3).contains(&first.len()) && all_digits(first) && groups.all(|g| g.len() == 3 && all_digits(g));
    let sign = if text.starts_with(['-', '−']) { "-" } else { "" };
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let comma = mark == ',' && is_decimal;
    (grouped && all_digits(fraction.get(1..).unwrap_or_default()))
        .then(|| Look::Thousands(format!("{sign}{whole}{fraction}"), comma && decimal == Decimal::Point))
}

/// Three numbers with one separator, or a month's name among one or two numbers; a time may follow.
fn is_date(text: &str) -> bool {
    let day = text.split(['T', ' ']).next().unwrap_or(text);
    let numeric = ['-', '/', '.'].iter().any(|sign| {
        let parts: Vec<&str> = day.split(*sign).collect();
        parts.len() == 3
            && parts.iter().all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
            && parts.iter().filter(|part| part.len() > 2).count() <= 1
    });
    let words: Vec<&str> = text.split([' ', '-', '/', ',', '.']).filter(|word| !word.is_empty()).collect();
    let is_month = |word: &&str| {
        let start: String = word.chars().take(3).collect();
        word.chars().all(char::is_alphabetic) && MONTHS.contains(&start.to_lowercase().as_str())
    };
    let months = words.iter().filter(|word| is_month(word)).count();
    let numbers = words.iter().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit())).count();
    numeric || (2..=3).contains(&words.len()) && months == 1 && numbers + 1 == words.len()
}

/// `12:30`, `12:30:15.5`
fn is_time(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    (2..=3).contains(&parts.len())
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}
