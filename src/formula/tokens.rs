//! A formula as tokens, each with the characters that it spans.

use std::fmt::{self, Display, Formatter};

use crate::data::MAX_MAGNITUDE;

use super::error::{Characters, Located};
use super::fault::{FormulaFault, number_text};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name, as R takes it without backticks.
    Name(String),
    /// A name in backticks.
    Quoted(String),
    Number(f64),
    /// An operator or a punctuation mark; `^` is also written `**`.
    Mark(&'static str),
    End,
}

/// The marks, a mark before those that it begins with.
const MARKS: [(&str, &str); 13] = [
    ("||", "||"),
    ("**", "^"),
    ("~", "~"),
    ("+", "+"),
    ("-", "-"),
    ("*", "*"),
    ("/", "/"),
    ("^", "^"),
    (":", ":"),
    ("(", "("),
    (")", ")"),
    ("|", "|"),
    (",", ","),
];

/// The tokens of a text, the last of which is its end.
pub(super) fn tokens(text: &str) -> Located<Vec<(Token, Characters)>> {
    let text: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = text.get(at) {
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let (token, end) = token(&text, at)?;
        tokens.push((token, Characters { start: at, end }));
        at = end;
    }
    // The end is after the last character that is seen.
    let end = tokens.last().map_or(0, |(_, span)| span.end);
    tokens.push((Token::End, Characters { start: end, end: end + 1 }));
    Ok(tokens)
}

/// The token that begins at a character, and where it ends.
fn token(text: &[char], start: usize) -> Located<(Token, usize)> {
    let rest = &text[start..];
    let digit = |at: usize| rest.get(at).is_some_and(char::is_ascii_digit);
    let marked = |mark: &str| mark.chars().enumerate().all(|(i, c)| rest.get(i) == Some(&c));
    let taken = |while_so: fn(char) -> bool| rest.iter().take_while(|c| while_so(**c)).count();
    match rest[0] {
        '`' => quoted(rest, start),
        first if digit(0) || (first == '.' && digit(1)) => number(rest, start),
        first if in_name(first) => {
            let length = taken(in_name);
            Ok((Token::Name(rest[..length].iter().collect()), start + length))
        }
        first => match MARKS.iter().find(|(written, _)| marked(written)) {
            Some((written, mark)) => Ok((Token::Mark(mark), start + written.len())),
            None => Characters { start, end: start + 1 }
                .fault(FormulaFault::Character { character: first, cure: cure(first, &text[..start]) }),
        },
    }
}

fn quoted(rest: &[char], start: usize) -> Located<(Token, usize)> {
    let Some(length) = rest.iter().skip(1).position(|c| *c == '`') else {
        return Characters { start, end: start + 1 }.fault(FormulaFault::OpenBacktick);
    };
    let end = start + length + 2;
    match length {
        0 => Characters { start, end }.fault(FormulaFault::EmptyName),
        _ => Ok((Token::Quoted(rest[1..=length].iter().collect()), end)),
    }
}

fn number(rest: &[char], start: usize) -> Located<(Token, usize)> {
    let digits = |from: usize| from + rest[from..].iter().take_while(|c| c.is_ascii_digit()).count();
    let mut length = digits(0);
    if rest.get(length) == Some(&'.') {
        length = digits(length + 1);
    }
    if matches!(rest.get(length), Some('e' | 'E')) {
        let signed = length + 1 + usize::from(matches!(rest.get(length + 1), Some('+' | '-')));
        if rest.get(signed).is_some_and(char::is_ascii_digit) {
            length = digits(signed);
        }
    }
    let word = length + rest[length..].iter().take_while(|c| in_name(**c)).count();
    let span = Characters { start, end: start + word };
    let written: String = rest[..word].iter().collect();
    match written.parse::<f64>() {
        Ok(value) if value <= MAX_MAGNITUDE => Ok((Token::Number(value), span.end)),
        Ok(_) => span.fault(FormulaFault::HugeNumber),
        Err(_) => span.fault(FormulaFault::DigitFirst { name: written }),
    }
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

/// Whether a name needs no backticks.
pub(super) fn is_plain(name: &str) -> bool {
    let mut characters = name.chars();
    let first = characters.next();
    first.is_some_and(|c| !c.is_ascii_digit())
        && name.chars().all(in_name)
        && name != "."
        && !(first == Some('.') && characters.next().is_some_and(|c| c.is_ascii_digit()))
}

/// What to write in place of a character after this text.
fn cure(character: char, before: &[char]) -> &'static str {
    let before: String = before.iter().collect();
    match character {
        '=' if before.contains('|') && before.trim_end().ends_with("sigma") => {
            "write `--se` and a column, and `--with-sigma`, outside the formula"
        }
        '"' | '\'' | '´' | '‘' | '’' | '“' | '”' => {
            "write a name that is no plain word in backticks, as in `Reaction time`"
        }
        '−' | '–' | '—' => "write the minus sign of the keyboard, `-`",
        '∼' | '˜' | '～' => "write the tilde of the keyboard, `~`",
        '=' => "write `~` between the outcome and the terms, and options outside the formula",
        '<' | '>' | '!' | '&' => "write what it would compute into a column of the data",
        '%' => "write nested and crossed groups as in `g1/g2` and `g1:g2`",
        '[' | ']' | '{' | '}' => "write parentheses, or a name that has it in backticks",
        _ => "write a name that has it in backticks, as in `Reaction time`",
    }
}

impl Display for Token {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Token::Name(name) | Token::Quoted(name) => write!(f, "`{name}`"),
            Token::Number(number) => write!(f, "`{}`", number_text(*number)),
            Token::Mark(mark) => write!(f, "`{mark}`"),
            Token::End => write!(f, "the end of the formula"),
        }
    }
}
