//! A feed: a CSV file with one row a connection, whose columns are placeholders. No I/O.
//!
//! ```text
//! user,token          path = "/ws/{room}?user={user}"
//! ada,s3cr3t          headers = { Authorization = "Bearer {token}" }
//! bob,hunter2         payload = { template = '{"from":"{user}","text":"{text} {stamp}"}' }
//! ```
//!
//! What the rows hold is never written to results: those show the placeholders.

use crate::payload::template::{Piece, pieces};

/// Placeholders that mean something else, wherever they stand.
const TAKEN: [&str; 8] = ["room", "text", "stamp", "seq", "publisher", "port", "message", "id"];

/// What becomes of connections beyond the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeedEnd {
    /// There must be a row for each.
    #[default]
    Error,
    /// They begin again at the first row.
    Wrap,
}

/// The rows of a feed.
#[derive(Clone)]
pub struct Feed {
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Clone)]
struct Row {
    line: u64,
    values: Vec<String>,
}

/// A feed that cannot be used. What rows hold is never in the sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Not CSV, or rows of different lengths.
    #[error("line {line}: {why}")]
    Row {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// Only a header, or not even that.
    #[error("it has no rows: the first line names the columns, each further line is one connection's")]
    Empty,
    /// A column that no placeholder can name.
    #[error("line 1: the column `{0}` cannot be a placeholder: rename it to a-z, 0-9 and _, a letter first")]
    Name(String),
    /// A column whose placeholder means something else.
    #[error(
        "line 1: the column `{0}` cannot be used, because {{{0}}} means something else: rename it, for example to user_{0}"
    )]
    Taken(String),
    /// Two of one name.
    #[error("line 1: two columns have the name `{0}`: rename one")]
    Twice(String),
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("columns", &self.columns).field("rows", &self.rows.len()).finish()
    }
}

impl Feed {
    /// Reads CSV (RFC 4180) whose first line names the columns.
    ///
    /// # Errors
    /// See [`FeedError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FeedError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(bytes);
        let columns: Vec<String> = reader.headers().map_err(|e| broken(&e))?.iter().map(str::to_owned).collect();
        for (i, column) in columns.iter().enumerate() {
            let placeholder = [Piece::Placeholder(column.clone())];
            if TAKEN.contains(&column.as_str()) || column.starts_with("env.") || column.starts_with("target.") {
                return Err(FeedError::Taken(column.clone()));
            }
            if pieces(&format!("{{{column}}}")) != placeholder {
                return Err(FeedError::Name(column.clone()));
            }
            if columns[..i].contains(column) {
                return Err(FeedError::Twice(column.clone()));
            }
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| broken(&e))?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push(Row { line, values: record.iter().map(str::to_owned).collect() });
        }
        if rows.is_empty() {
            return Err(FeedError::Empty);
        }
        Ok(Self { columns, rows })
    }

    /// The names of its columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Rows, the header aside.
    pub fn rows(&self) -> u32 {
        self.rows.len() as u32
    }

    /// What a column holds for the run's `connection`-th connection, the first row following the last; `None` for a column
    /// that it does not have.
    pub fn value(&self, column: &str, connection: u32) -> Option<&str> {
        let at = self.columns.iter().position(|c| c == column)?;
        self.row(connection).get(at).map(String::as_str)
    }

    /// The row of the run's `connection`-th connection, in the order of the columns.
    pub fn row(&self, connection: u32) -> &[String] {
        &self.rows[connection as usize % self.rows.len()].values
    }

    /// The first line of the file whose value of a column does not do.
    pub fn line_where(&self, column: &str, is_wrong: impl Fn(&str) -> bool) -> Option<u64> {
        let at = self.columns.iter().position(|c| c == column)?;
        self.rows.iter().find(|row| row.values.get(at).is_some_and(|value| is_wrong(value))).map(|row| row.line)
    }
}

fn broken(error: &csv::Error) -> FeedError {
    let line = error.position().map_or(1, csv::Position::line);
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!(
                "it has {len} values, but there are {expected_len} columns; a value with a comma in it needs quotes"
            )
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8: save the file as UTF-8".to_owned(),
        _ => "this is not CSV".to_owned(),
    };
    FeedError::Row { line, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "user,token\nada,s3cr3t\n\"bob, the builder\",hunter2\n";

    #[test]
    fn each_connection_has_its_row_and_the_first_follows_the_last() {
        let feed = Feed::parse(USERS.as_bytes()).unwrap();
        assert_eq!((feed.rows(), feed.columns()), (2, &["user".to_owned(), "token".to_owned()][..]));
        assert_eq!(feed.value("user", 1), Some("bob, the builder"));
        assert_eq!(feed.value("token", 2), Some("s3cr3t"));
        assert_eq!(feed.value("password", 0), None);
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_its_line_and_never_quoted() {
        let said = |text: &str| Feed::parse(text.as_bytes()).unwrap_err().to_string();
        let short = said("user,token\nada,s3cr3t\nbob\n");
        assert_eq!(short, "line 3: it has 1 values, but there are 2 columns; a value with a comma in it needs quotes");
        assert!(said("user\n").starts_with("it has no rows"));
        assert!(said("").starts_with("it has no rows"));
        assert!(said("User Name\nada\n").contains("the column `User Name` cannot be a placeholder"));
        assert!(said("room\nlobby\n").contains("the column `room` cannot be used"));
        assert!(said("user,user\na,b\n").contains("two columns have the name `user`"));
        let latin = Feed::parse(b"user\nzo\xeb\n").unwrap_err().to_string();
        assert_eq!(latin, "line 2: it is not UTF-8: save the file as UTF-8");
    }

    #[test]
    fn a_wrong_value_is_found_by_its_line() {
        let feed = Feed::parse(USERS.as_bytes()).unwrap();
        assert_eq!(feed.line_where("user", |value| value.contains(',')), Some(3));
        assert_eq!(feed.line_where("user", str::is_empty), None);
    }

    #[test]
    fn rows_are_not_shown_by_debug() {
        let shown = format!("{:?}", Feed::parse(USERS.as_bytes()).unwrap());
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}
