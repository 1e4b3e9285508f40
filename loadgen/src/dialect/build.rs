//! From a dialect file to a dialect, or a sentence with the place of what is wrong.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::file::{File, HeartbeatTable, MatchTable, ReceiveTable, SplitWord, StepTable};
use super::join::Step;
use super::matching::Match;
use super::pointer::Pointer;
use super::receive::{Receive, Split};
use super::template::{Names, Occasion, Template};
use super::{Beat, Dialect};
use crate::units;

/// How long a step may take when the file says nothing.
const STEP_WITHIN: Duration = Duration::from_secs(10);

/// What is wrong with a dialect file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct DialectError {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What is wrong, and where in the text.
struct Wrong(Range<usize>, String);

type Checked<T> = Result<T, Wrong>;

/// Reads a dialect file.
///
/// # Errors
/// The first thing that is wrong.
pub fn parse(text: &str, names: Names<'_>) -> Result<Dialect, DialectError> {
    let file =
        toml::from_str::<File>(text).map_err(|error| Wrong(error.span().unwrap_or(0..0), error.message().to_owned()));
    file.and_then(|file| dialect(file, names)).map_err(|Wrong(span, message)| {
        let before = text.get(..span.start).unwrap_or(text);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        DialectError { line: before.matches('\n').count() + 1, column, message }
    })
}

fn dialect(file: File, names: Names<'_>) -> Checked<Dialect> {
    let mut receive = receive(file.receive)?;
    let mut beat = None;
    for heartbeat in file.heartbeat {
        let span = heartbeat.span();
        match heartbeat.into_inner() {
            HeartbeatTable { on: Some(on), answer: Some(answer), every: None, send: None } => {
                receive.answers.push((matching(on)?, answer.into_bytes()));
            }
            HeartbeatTable { on: None, answer: None, every: Some(every), send: Some(send) } => {
                if beat.is_some() {
                    return Err(Wrong(every.span(), "there can be only one heartbeat with `every`".to_owned()));
                }
                beat = Some(Beat { every: span_of(&every)?, send: template(&send, Occasion::Other, names)? });
            }
            _ => {
                let message = "a heartbeat has either `on` and `answer`, or `every` and `send`".to_owned();
                return Err(Wrong(span, message));
            }
        }
    }
    let publish = file.publish.as_ref().map(|table| template(&table.send, Occasion::Publish, names)).transpose()?;
    if let (Some(table), Some(false)) = (&file.publish, publish.as_ref().map(Template::holds_message)) {
        let message = "a publish must hold {message}, or {message.json} inside a JSON string".to_owned();
        return Err(Wrong(table.send.span(), message));
    }
    Ok(Dialect {
        description: file.description,
        path: file.path,
        subprotocol: file.subprotocol,
        join: file.join.into_iter().map(|table| step(table, names)).collect::<Checked<_>>()?,
        publish,
        receive,
        beat,
        leave: file.leave.map(|table| template(&table.send, Occasion::Other, names)).transpose()?,
    })
}

fn step(table: Spanned<StepTable>, names: Names<'_>) -> Checked<Step> {
    let span = table.span();
    let StepTable { name, send, expect, refuse, timeout } = table.into_inner();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(fits) {
        return Err(Wrong(span, format!("`{name}` is not a name for a step: use letters, digits, - and _")));
    }
    if expect.is_none() {
        if send.is_none() {
            return Err(Wrong(span, format!("the step `{name}` neither sends nor expects anything")));
        }
        if refuse.is_some() || timeout.is_some() {
            let message =
                format!("the step `{name}` waits for no answer: give `expect`, or remove `refuse` and `timeout`");
            return Err(Wrong(span, message));
        }
    }
    Ok(Step {
        name,
        send: send.map(|send| template(&send, Occasion::Other, names)).transpose()?,
        expect: expect.map(matching).transpose()?,
        refuse: refuse.map(matching).transpose()?,
        timeout: timeout.map_or(Ok(STEP_WITHIN), |timeout| span_of(&timeout))?,
    })
}

fn receive(table: ReceiveTable) -> Checked<Receive> {
    let list = table.list.as_ref().map(pointer).transpose()?;
    let split = match (table.split, list) {
        (Some(SplitWord::Array), list) => Split::Array(list.unwrap_or_default()),
        (_, Some(_)) => {
            let span = table.list.map_or(0..0, |list| list.span());
            return Err(Wrong(span, "`list` is for split = \"array\"".to_owned()));
        }
        (Some(SplitWord::Lines), None) => Split::Lines,
        (Some(SplitWord::One) | None, None) => Split::One,
    };
    Ok(Receive {
        split,
        prefix: table.prefix,
        when: table.when.map(matching).transpose()?.unwrap_or_default(),
        message: table.message.as_ref().map(pointer).transpose()?,
        answers: Vec::new(),
    })
}

fn matching(table: MatchTable) -> Checked<Match> {
    let is = match (&table.at, table.is) {
        (Some(at), Some(is)) => {
            let span = is.span();
            let value = match is.into_inner() {
                toml::Value::String(text) => text.into(),
                toml::Value::Integer(number) => number.into(),
                toml::Value::Float(number) => number.into(),
                toml::Value::Boolean(truth) => truth.into(),
                _ => return Err(Wrong(span, "`is` must be a text, a number, true or false".to_owned())),
            };
            Some((pointer(at)?, value))
        }
        (None, None) => None,
        (Some(at), None) => {
            return Err(Wrong(
                at.span(),
                "`at` needs `is`; to ask only whether something is there, use `has`".to_owned(),
            ));
        }
        (None, Some(is)) => {
            return Err(Wrong(is.span(), "`is` needs `at`, the JSON pointer to the value".to_owned()));
        }
    };
    let has = table.has.as_ref().map(pointer).transpose()?;
    Ok(Match { text: table.text, begins: table.begins, contains: table.contains, has, is })
}

fn template(text: &Spanned<String>, occasion: Occasion, names: Names<'_>) -> Checked<Template> {
    Template::parse(text.get_ref(), occasion, names).map_err(|error| Wrong(text.span(), error.to_string()))
}

fn pointer(text: &Spanned<String>) -> Checked<Pointer> {
    Pointer::parse(text.get_ref()).map_err(|message| Wrong(text.span(), message))
}

fn span_of(text: &Spanned<String>) -> Checked<Duration> {
    match units::duration(text.get_ref()) {
        Ok(time) if !time.is_zero() => Ok(time),
        Ok(_) => Err(Wrong(text.span(), format!("`{}` is no time at all", text.get_ref()))),
        Err(error) => Err(Wrong(text.span(), error.to_string())),
    }
}
