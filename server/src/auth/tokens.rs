//! Pure: the file of `--auth-tokens`.
//!
//! ```toml
//! [[token]]
//! token = "a long random text"      # or sha256 = "64 hexadecimal digits", as sha256sum prints them
//! user = "alice"
//! rooms = ["lobby", "team-*"]       # all, if left out
//! ```

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;

use super::digest::Digest;
use super::gate::Grant;
use super::rooms::Rooms;

/// Tokens by their digests; the tokens themselves are not kept.
///
/// Finding one looks at all, each for the same time: a microsecond for every thirty or so. For many thousands of users, use JWT.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    known: Vec<(Digest, Grant)>,
}

/// What is wrong with the file. Says where, and never quotes it: it holds secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TokenFileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: TokenProblem,
}

/// See [`TokenFileError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenProblem {
    /// It is not TOML of this form.
    Form,
    /// Neither `token` nor `sha256`, or both, or an empty one.
    NoToken,
    /// `sha256` is no digest.
    NoDigest,
    /// `user` is empty.
    NoUser,
    /// The token stands in the file before.
    Twice,
}

impl fmt::Display for TokenProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => {
                "not as it should be; each token is a table [[token]] with token = \"...\" (or sha256 = \"...\"), \
                 user = \"...\" and, if not all rooms are meant, rooms = [\"...\", \"team-*\"]"
            }
            Self::NoToken => "give either token = \"...\" or sha256 = \"...\"",
            Self::NoDigest => "sha256 must be 64 hexadecimal digits, as printf %s TOKEN | sha256sum prints them",
            Self::NoUser => "user must not be empty",
            Self::Twice => "this token stands in the file before; each may stand there once",
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<toml::Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    token: Option<String>,
    sha256: Option<String>,
    user: String,
    rooms: Option<Vec<String>>,
}

impl Tokens {
    /// From the file's text.
    ///
    /// # Errors
    /// See [`TokenFileError`].
    pub fn parse(text: &str) -> Result<Self, TokenFileError> {
        let at = |span: Option<Range<usize>>, problem| {
            let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
            TokenFileError { line: before.matches('\n').count() + 1, problem }
        };
        let file: File = toml::from_str(text).map_err(|error| at(error.span(), TokenProblem::Form))?;
        let mut tokens = Self::default();
        for entry in file.token {
            let span = entry.span();
            let problem = |problem| at(Some(span.clone()), problem);
            let Entry { token, sha256, user, rooms } = entry.into_inner();
            let digest = match (token, sha256) {
                (Some(token), None) if !token.is_empty() => Digest::of(&token).ok_or(TokenProblem::NoToken),
                (None, Some(hex)) => Digest::from_hex(&hex).ok_or(TokenProblem::NoDigest),
                _ => Err(TokenProblem::NoToken),
            };
            let digest = digest.map_err(problem)?;
            if user.is_empty() {
                return Err(problem(TokenProblem::NoUser));
            }
            if tokens.known.iter().any(|(known, _)| *known == digest) {
                return Err(problem(TokenProblem::Twice));
            }
            tokens.known.push((digest, Grant { user: Some(Arc::from(user)), rooms: Rooms::new(rooms) }));
        }
        Ok(tokens)
    }

    /// What `token` grants, if it is known. Takes as long for every token.
    #[must_use]
    pub fn find(&self, token: &str) -> Option<&Grant> {
        let digest = Digest::of(token)?;
        let mut found = None;
        for (known, grant) in &self.known {
            if bool::from(known.same(&digest)) {
                found = Some(grant);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gives_its_user_and_rooms() {
        let tokens = Tokens::parse(
            "[[token]]\ntoken = \"sesame\"\nuser = \"ali\"\nrooms = [\"cave\", \"team-*\"]\n\n[[token]]\n\
             sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\nuser = \"bob\"\n",
        )
        .unwrap();
        let ali = tokens.find("sesame").unwrap();
        assert_eq!(ali.user.as_deref(), Some("ali"));
        assert!(ali.rooms.contain("cave") && ali.rooms.contain("team-7") && !ali.rooms.contain("lobby"));
        let bob = tokens.find("abc").unwrap();
        assert_eq!((bob.user.as_deref(), &bob.rooms), (Some("bob"), &Rooms::All));
        assert_eq!(tokens.find("Sesame"), None);
        assert_eq!(tokens.find(""), None);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (text, line, problem) in [
            ("[[token]]\ntoken = \"s\"\n", 1, TokenProblem::Form),
            ("[[token]]\ntoken = \"s\"\nuser = 5\n", 3, TokenProblem::Form),
            ("[[token]]\ntoken = s\nuser = \"u\"\n", 2, TokenProblem::Form),
            ("[[token]]\ntoken = \"s\"\nuser = \"u\"\nroom = []\n", 4, TokenProblem::Form),
            ("[[tokens]]\n", 1, TokenProblem::Form),
            ("\n\n[[token]]\nuser = \"u\"\n", 3, TokenProblem::NoToken),
            ("[[token]]\ntoken = \"\"\nuser = \"u\"\n", 1, TokenProblem::NoToken),
            ("[[token]]\ntoken = \"s\"\nsha256 = \"s\"\nuser = \"u\"\n", 1, TokenProblem::NoToken),
            ("[[token]]\nsha256 = \"abc\"\nuser = \"u\"\n", 1, TokenProblem::NoDigest),
            ("[[token]]\ntoken = \"s\"\nuser = \"\"\n", 1, TokenProblem::NoUser),
            (
                "[[token]]\ntoken = \"s\"\nuser = \"u\"\n[[token]]\ntoken = \"s\"\nuser = \"v\"\n",
                4,
                TokenProblem::Twice,
            ),
        ] {
            assert_eq!(Tokens::parse(text).unwrap_err(), TokenFileError { line, problem }, "{text}");
        }
    }

    #[test]
    fn neither_errors_nor_debug_output_show_a_token() {
        for text in
            ["[[token]]\ntoken = sesame\n", "[[token]]\nuser = \"u\"\ntoken = [\"sesame\"]\n", "token = \"sesame\"\n"]
        {
            let error = Tokens::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sesame"), "{error}");
        }
        let tokens = Tokens::parse("[[token]]\ntoken = \"sesame\"\nuser = \"u\"\n").unwrap();
        assert!(!format!("{tokens:?}").contains("sesame"));
        assert!(tokens.find("sesame").is_some());
    }
}
