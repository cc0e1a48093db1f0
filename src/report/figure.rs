//! A figure: its numbers, and in words what to look for and what this run shows.

use serde::Serialize;
use serde_json::Value;

/// What the page draws.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Unique on the page, and the name of its files.
    pub id: String,
    /// The function of the page that draws it.
    pub kind: &'static str,
    /// Its heading.
    pub title: String,
    /// One sentence: what to look for.
    pub look: String,
    /// What this run shows, in numbers.
    pub shows: String,
    /// The numbers.
    pub data: Value,
}

impl Figure {
    /// A figure of its `kind`, of which there is one on the page.
    pub fn new(kind: &'static str, title: impl Into<String>, data: impl Serialize) -> Figure {
        // Only maps without string keys, and numbers too large for JSON, can fail, and there are none.
        let data = serde_json::to_value(data).unwrap_or_default();
        Figure { id: kind.to_string(), kind, title: title.into(), look: String::new(), shows: String::new(), data }
    }

    /// The same with an id of its own.
    pub fn called(self, id: impl Into<String>) -> Figure {
        Figure { id: id.into(), ..self }
    }

    /// The same with a caption.
    pub fn captioned(self, look: impl Into<String>, shows: impl Into<String>) -> Figure {
        Figure { look: look.into(), shows: shows.into(), ..self }
    }
}
