//! Formats the user's names and cells for messages of one line.

/// The longest piece of a cell or a name that a message repeats, in characters.
const SHOWN: usize = 60;

/// The most column names that a message lists.
const LISTED: usize = 60;

/// The text on one line: control characters are escaped.
pub fn one_line(text: &str) -> String {
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
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => one_line(&text[..end]) + "...",
        None => one_line(text),
    }
}

pub(crate) fn fields(count: usize) -> String {
    counted(count, "field")
}

pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

pub(crate) fn between(min: f64, max: f64) -> String {
    if min == max { format!("every value is {min:?}") } else { format!("every value is between {min:?} and {max:?}") }
}

pub(crate) fn did_you_mean(closest: &Option<String>) -> String {
    closest.as_ref().map_or(String::new(), |name| format!("did you mean `{}`? ", shown(name)))
}

pub(crate) fn listed(columns: &[String]) -> String {
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

pub(crate) fn and(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", shown(name))).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, most)) => format!("{} and {last}", most.join(", ")),
        None => "nothing else".to_owned(),
    }
}

/// The name that was probably meant: at most every third letter differs.
pub(crate) fn closest(header: &[String], name: &str) -> Option<String> {
    let length = name.chars().count();
    let near = length.div_ceil(3).min(length.saturating_sub(1));
    let distance = |candidate: &&String| edits(&candidate.to_lowercase(), &name.to_lowercase());
    header
        .iter()
        .filter(|candidate| !candidate.is_empty())
        .min_by_key(distance)
        .filter(|candidate| distance(candidate) <= near)
        .cloned()
}

/// The Levenshtein distance (1966): the fewest letters to insert, remove or replace to turn one word into another.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}
