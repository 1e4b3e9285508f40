//! Parameters of a URL's query.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value}: {problem}")]
pub struct NotAParameter {
    name: &'static str,
    value: String,
    problem: String,
}

impl NotAParameter {
    pub(super) fn new(name: &'static str, value: &str, problem: &impl ToString) -> Self {
        Self { name, value: value.chars().take(64).collect(), problem: problem.to_string() }
    }
}

/// The first value of a parameter, percent-decoded.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query.into_iter().flat_map(|query| query.split('&'));
    let value = pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// A parameter that is a value of type `T`.
pub(super) fn parsed<T: FromStr<Err: ToString>>(
    query: Option<&str>,
    name: &'static str,
) -> Result<Option<T>, NotAParameter> {
    parameter(query, name)
        .map(|value| value.parse().map_err(|problem: T::Err| NotAParameter::new(name, &value, &problem)))
        .transpose()
}

/// `limit`: a whole number from 1 on; larger ones than `most` are `most`.
pub(super) fn limit(query: Option<&str>, default: usize, most: usize) -> Result<usize, NotAParameter> {
    let Some(value) = parameter(query, "limit") else { return Ok(default) };
    match value.parse::<usize>() {
        Ok(limit) if limit > 0 => Ok(limit.min(most)),
        _ => Err(NotAParameter::new("limit", &value, &format!("use a whole number from 1 to {most}"))),
    }
}
