//! Placeholders in a scenario's own strings: `{env.NAME}` is replaced while reading, others wait until the run.

use crate::payload::template::{Piece, pieces};
use crate::scenario::error::Fault;
use crate::scenario::scalar::At;
use crate::secrets::Secrets;

/// Splits a string at its placeholders; those of the environment are literal text afterwards. What they hold is never
/// written to results: those show the string as it stands in the file.
pub(super) fn with_environment(text: &At<String>) -> Result<Vec<Piece>, Fault> {
    pieces(&text.value)
        .into_iter()
        .map(|piece| match &piece {
            Piece::Placeholder(name) => match name.strip_prefix("env.") {
                Some(variable) => environment(variable, text).map(Piece::Literal),
                None => Ok(piece),
            },
            Piece::Literal(_) => Ok(piece),
        })
        .collect()
}

/// The string with its environment filled in; placeholders among `known` stay as they are, others are refused.
pub(super) fn expand(text: &At<String>, known: &[&str]) -> Result<String, Fault> {
    let mut out = String::new();
    for piece in with_environment(text)? {
        match piece {
            Piece::Literal(literal) => out.push_str(&literal),
            Piece::Placeholder(name) if known.contains(&name.as_str()) => {
                out.push('{');
                out.push_str(&name);
                out.push('}');
            }
            Piece::Placeholder(name) => {
                let known: Vec<String> = known.iter().map(|k| format!("{{{k}}}")).collect();
                let known = [known, vec!["{env.NAME}".to_owned()]].concat().join(" and ");
                return Err(Fault::at(
                    &text.span,
                    format!("unknown placeholder {{{name}}}: here there is {known}; write \\{{ for a brace"),
                )
                .help("columns of a CSV file are placeholders in path, url, headers and templates: feed = \"users.csv\" in [target]"));
            }
        }
    }
    Ok(out)
}

/// What of a string comes from the environment; `None` where nothing does.
pub(super) fn secrets(text: &At<String>) -> Result<Option<Secrets>, Fault> {
    let held = pieces(&text.value).into_iter().filter_map(|piece| match piece {
        Piece::Placeholder(name) => name.strip_prefix("env.").map(|variable| environment(variable, text)),
        Piece::Literal(_) => None,
    });
    let held = held.collect::<Result<Vec<_>, _>>()?;
    Ok((!held.is_empty()).then(|| Secrets::of(held)))
}

fn environment(name: &str, text: &At<String>) -> Result<String, Fault> {
    variable(name).map_err(|missing| {
        let fault = Fault::at(&text.span, missing.to_string());
        match missing {
            Missing::NotSet(_) => fault.help(format!("set it before the run: {name}=.. fanout run ..")),
            Missing::NotText(_) => fault,
        }
    })
}

/// Why a variable of the environment cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Missing {
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    #[error("the environment variable {0} is not UTF-8")]
    NotText(String),
}

/// The value of a variable of the environment.
pub(super) fn variable(name: &str) -> Result<String, Missing> {
    std::env::var(name).map_err(|e| match e {
        std::env::VarError::NotPresent => Missing::NotSet(name.to_owned()),
        std::env::VarError::NotUnicode(_) => Missing::NotText(name.to_owned()),
    })
}
