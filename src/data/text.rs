//! Formats the user's names and cells for messages of one line.

/// The longest piece of a cell or a name that a message repeats, in characters.
const SHOWN: usize = 60;

/// The most column names that a message lists.
const LISTED: usize = 60;

/// The text on one line: control characters are escaped.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// The text on one line, cut after `SHOWN` characters.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => one_line(&text[..end]) + "...",
        None => one_line(text),
    }
}

pub(super) fn fields(count: usize) -> String {
    counted(count, "field")
}

pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

pub(super) fn between(min: f64, max: f64) -> String {
    if min == max { format!("every value is {min:?}") } else { format!("every value is between {min:?} and {max:?}") }
}

pub(super) fn did_you_mean(closest: &Option<String>) -> String {
    closest.as_ref().map_or(String::new(), |name| format!("did you mean `{}`? ", shown(name)))
}

pub(super) fn listed(columns: &[String]) -> String {
    let unnamed = |name: &String| match name.as_str() {
        "" => "(no name)".to_owned(),
        name => shown(name),
    };
    let names: Vec<String> = columns.iter().take(LISTED).map(unnamed).collect();
    let more = columns.len().saturating_sub(LISTED);
    match more {
        0 => names.join(", "),
        _ => format!("{}, and {more} more", names.join(", ")),
    }
}

pub(super) fn and(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", shown(name))).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, most)) => format!("{} and {last}", most.join(", ")),
        None => "nothing else".to_owned(),
    }
}
