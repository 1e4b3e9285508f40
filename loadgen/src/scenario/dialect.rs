//! `target.dialect`: a name, or a file.

use std::path::Path;
use std::sync::Arc;

use crate::dialect::{Dialect, NAMES, Names, PLAIN, parse, text_of};
use crate::plan::{Group, PublisherGroup};
use crate::scenario::error::Fault;
use crate::scenario::expand::variable;
use crate::scenario::file::File;
use crate::scenario::keys::nearest;
use crate::scenario::payloads::read;
use crate::scenario::scalar::At;

/// The dialect of a target; `None`: messages as they are. `columns` are those of its feed.
pub(super) fn resolve(key: Option<&At<String>>, columns: &[String], dir: &Path) -> Result<Option<Arc<Dialect>>, Fault> {
    let Some(key) = key.filter(|key| key.value != PLAIN) else { return Ok(None) };
    let text = match text_of(&key.value) {
        Some(text) => text.to_owned(),
        None if key.value.ends_with(".toml") => String::from_utf8(read(key, dir)?)
            .map_err(|_| Fault::at(&key.span, format!("{} is not UTF-8", dir.join(&key.value).display())))?,
        None => return Err(unknown(key)),
    };
    let environment = |name: &str| variable(name).map_err(|missing| missing.to_string());
    let dialect = parse(&text, Names { environment: &environment, columns })
        .map_err(|error| Fault::at(&key.span, format!("the dialect {}, {error}", key.value)))?;
    Ok(Some(Arc::new(dialect)))
}

fn unknown(key: &At<String>) -> Fault {
    let near = nearest(&key.value, NAMES.into_iter()).map(|near| format!("; did you mean `{near}`?"));
    let names = NAMES.map(|name| format!("\"{name}\"")).join(", ");
    Fault::at(&key.span, format!("there is no dialect `{}`{}", key.value, near.unwrap_or_default()))
        .help(format!("write {names}, or the path of a file that ends in .toml; scenarios/dialects has some to copy"))
}

/// Refuses what a dialect cannot carry.
pub(super) fn possible(
    dialect: Option<&Dialect>,
    file: &File,
    groups: &[Group],
    publishers: &[PublisherGroup],
) -> Result<(), Fault> {
    let Some((dialect, key)) = dialect.zip(file.target.dialect.as_ref()) else { return Ok(()) };
    if dialect.publish.is_some() && publishers.iter().any(|group| group.payload.has_binary()) {
        let message =
            format!("the dialect {} wraps messages in text, and some of these payloads are binary", key.value);
        return Err(Fault::at(&key.span, message).help("send text, or use a dialect without [publish]"));
    }
    if !dialect.join.is_empty() && groups.iter().any(|group| group.compression.is_some()) {
        let message = format!(
            "the dialect {} says something to join, which does not go together with an offer of compression yet",
            key.value
        );
        return Err(Fault::at(&key.span, message).help("remove `compression` from the connections"));
    }
    Ok(())
}
