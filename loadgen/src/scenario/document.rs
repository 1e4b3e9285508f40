//! The TOML text, a variant of it and the `--set`s as one tree whose nodes know their place.
//!
//! Places of a `--set` lie behind the end of the file's text, one line each, so that a single number tells which source
//! it is in:
//!
//! ```text
//! name = "x"\nseed = 1\n  publishers.members.rate=50\n  target.url=ws://..\n
//! └────── the file ─────┘  └─────── first --set ────┘
//! ```

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use crate::scenario::error::{Fault, ScenarioError};
use crate::scenario::{set, variants};

/// A parsed scenario with its overrides applied.
pub(super) struct Document<'a> {
    source: Source<'a>,
    table: Spanned<DeTable<'a>>,
}

/// The texts that a place can be in.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
    pub sets: &'a [String],
}

impl<'a> Source<'a> {
    /// Where the text of each `--set` begins.
    fn starts(&self) -> impl Iterator<Item = (usize, &'a String)> {
        let mut next = self.text.len() + 1;
        self.sets.iter().map(move |set| {
            let start = next;
            next += set.len() + 1;
            (start, set)
        })
    }

    /// Gives a fault its file, line and column.
    pub fn error(&self, fault: Fault) -> ScenarioError {
        // What is missing has no place of its own: the file begins without it.
        let span = fault.span.clone().unwrap_or(0..0);
        match self.starts().filter(|(start, _)| *start <= span.start).last() {
            Some((start, set)) => {
                let span = span.start - start..span.end.saturating_sub(start);
                ScenarioError::new("--set", set, Fault { span: Some(span), ..fault })
            }
            None => ScenarioError::new(self.file, self.text, Fault { span: Some(span), ..fault }),
        }
    }
}

impl<'a> Document<'a> {
    /// With the changes of `variant` made first, if one is given, then those of each `--set`.
    pub fn parse(source: Source<'a>, variant: Option<&str>) -> Result<Self, ScenarioError> {
        let mut table = DeTable::parse(source.text).map_err(|e| {
            let fault = fault(&e);
            source.error(Fault { message: format!("this is not TOML: {}", fault.message), ..fault })
        })?;
        if let Some(variant) = variant {
            variants::apply(table.get_mut(), variant).map_err(|fault| source.error(fault))?;
        }
        for (start, text) in source.starts() {
            set::apply(table.get_mut(), text, start).map_err(|fault| source.error(fault))?;
        }
        Ok(Self { source, table })
    }

    pub fn table(&self) -> &DeTable<'a> {
        self.table.get_ref()
    }

    pub fn deserialize<T: serde::de::DeserializeOwned>(self) -> Result<T, ScenarioError> {
        let source = self.source;
        T::deserialize(Deserializer::from(self.table)).map_err(|e| source.error(fault(&e)))
    }
}

/// What the parser or serde says, as one sentence in the words of this project.
fn fault(error: &toml::de::Error) -> Fault {
    let message = error.message().trim().replace('\n', "; ");
    let message = if let Some(field) = message.strip_prefix("missing field ") {
        format!("{field} is missing")
    } else if let Some((found, expected)) =
        message.strip_prefix("invalid type: ").and_then(|m| m.split_once(", expected "))
    {
        let found = match found {
            "map" => "a table",
            "sequence" => "a list",
            other => other,
        };
        format!(
            "expected {}, but this is {found}",
            expected.replace("a sequence", "a list").replace("a map", "a table")
        )
    } else {
        message
    };
    // The whole document is no place to point at.
    let span: Option<Range<usize>> = error.span().filter(|span| !span.is_empty() || span.start > 0);
    Fault { span, message, help: None }
}
