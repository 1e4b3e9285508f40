//! What is wrong with a scenario, and where.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use crate::scenario::redact;

/// What is wrong with a scenario: a sentence, the place in the file (or in a `--set`), and often what to do.
///
/// `Display` is the sentence; as a [`miette::Diagnostic`] it shows the line as well.
#[derive(Debug)]
pub struct ScenarioError(Box<Details>);

#[derive(Debug)]
struct Details {
    message: String,
    help: Option<String>,
    source: NamedSource<String>,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    span: Range<usize>,
    line: usize,
    column: usize,
}

impl ScenarioError {
    /// About a whole file, such as one that cannot be read.
    pub(super) fn whole(file: &str, message: String) -> Self {
        Self(Box::new(Details { message, help: None, source: NamedSource::new(file, String::new()), place: None }))
    }

    pub(super) fn new(file: &str, text: &str, fault: Fault) -> Self {
        let place = fault.span.map(|span| {
            let start = span.start.min(text.len());
            let before = text.get(..start).unwrap_or(text);
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            Place {
                span: start..span.end.clamp(start, text.len()),
                line: before.matches('\n').count() + 1,
                column: before[line_start..].chars().count() + 1,
            }
        });
        // The line is shown with its neighbours, whatever they hold.
        let source = NamedSource::new(file, redact::masked(text)).with_language("TOML");
        Self(Box::new(Details { message: fault.message, help: fault.help, source, place }))
    }

    /// The file, or `--set`.
    pub fn file(&self) -> &str {
        self.0.source.name()
    }

    /// Line and column, counted from 1; `None` when it is about the file as a whole.
    pub fn place(&self) -> Option<(usize, usize)> {
        self.0.place.as_ref().map(|place| (place.line, place.column))
    }

    /// What to do, where that is not in the sentence itself.
    pub fn advice(&self) -> Option<&str> {
        self.0.help.as_deref()
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ScenarioError {}

impl Diagnostic for ScenarioError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.place.as_ref().map(|_| &self.0.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.0.place.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::at(place.span.clone(), "here"))))
    }
}

/// An error before the file and its text are known.
#[derive(Debug)]
pub(super) struct Fault {
    pub span: Option<Range<usize>>,
    pub message: String,
    pub help: Option<String>,
}

impl Fault {
    pub fn at(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { span: Some(span.clone()), message: message.into(), help: None }
    }

    /// About something that is not in the file.
    pub fn missing(message: impl Into<String>) -> Self {
        Self { span: None, message: message.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// `1 room`, `2 rooms`.
pub(super) fn counted(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
