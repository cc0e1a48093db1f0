//! A figure: its numbers, and a caption that says what to look for and what the run shows.

use serde::Serialize;
use serde_json::Value;

/// The sections of the page that have figures.
const FIGURES: &str = "figures";
const CHECKS: &str = "checks";

/// A figure of the page.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Unique on the page, and the name of the figure's files.
    pub id: String,
    /// The function of the page that draws the figure.
    pub kind: &'static str,
    /// The section of the page.
    pub section: &'static str,
    /// The heading.
    pub title: String,
    /// One sentence: what to look for.
    pub look: String,
    /// The results of this run, in numbers.
    pub shows: String,
    /// The numbers.
    pub data: Value,
}

impl Figure {
    /// The only figure of its `kind` on the page: `kind` is also the id.
    pub fn new(kind: &'static str, title: impl Into<String>, data: impl Serialize) -> Figure {
        // Fails only for maps without string keys and numbers too large for JSON; there are neither.
        let data = serde_json::to_value(data).unwrap_or_default();
        Figure {
            id: kind.to_string(),
            kind,
            section: FIGURES,
            title: title.into(),
            look: String::new(),
            shows: String::new(),
            data,
        }
    }

    /// This figure with an id of its own.
    pub fn called(self, id: impl Into<String>) -> Figure {
        Figure { id: id.into(), ..self }
    }

    /// This figure in the section of checks.
    pub fn of_checks(self) -> Figure {
        Figure { section: CHECKS, ..self }
    }

    /// This figure with a caption.
    pub fn captioned(self, look: impl Into<String>, shows: impl Into<String>) -> Figure {
        Figure { look: look.into(), shows: shows.into(), ..self }
    }
}
