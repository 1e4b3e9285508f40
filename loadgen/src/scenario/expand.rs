//! Placeholders in a scenario's own strings: `{env.NAME}` is replaced while reading, others wait until the run.

use crate::payload::template::{Piece, pieces};
use crate::scenario::error::Fault;
use crate::scenario::scalar::At;

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

fn environment(variable: &str, text: &At<String>) -> Result<String, Fault> {
    std::env::var(variable).map_err(|e| match e {
        std::env::VarError::NotPresent => {
            Fault::at(&text.span, format!("the environment variable {variable} is not set"))
                .help(format!("set it before the run: {variable}=.. fanout run .."))
        }
        std::env::VarError::NotUnicode(_) => {
            Fault::at(&text.span, format!("the environment variable {variable} is not UTF-8"))
        }
    })
}
