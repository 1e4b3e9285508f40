//! Text with placeholders: `{name}` where the name matches `[a-z_][A-Za-z0-9_.]*`.
//!
//! `\{` is a literal brace, and braces that cannot open a placeholder (JSON's) are left alone.

/// A part of a text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Taken as it is.
    Literal(String),
    /// The name between the braces.
    Placeholder(String),
}

/// Splits a text at its placeholders. Neighbouring literals are one piece, and none is empty.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '\\']) {
        literal.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("\\{") {
            literal.push('{');
            rest = after;
        } else if let Some(name) = placeholder(rest) {
            if !literal.is_empty() {
                found.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            found.push(Piece::Placeholder(name.to_owned()));
            rest = &rest[name.len() + 2..];
        } else {
            // Both `{` and `\` are one byte long.
            literal.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        found.push(Piece::Literal(literal));
    }
    found
}

/// The name of the placeholder with which a text begins.
fn placeholder(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('{')?;
    let end = inner.find('}')?;
    let name = &inner[..end];
    let opens = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let goes_on = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    (opens && goes_on).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Piece::{Literal, Placeholder};

    #[test]
    fn placeholders_are_found_and_json_is_left_alone() {
        assert_eq!(
            pieces(r#"{"type":"chat","to":{"id":7},"content":"{text} {stamp}"}"#),
            [
                Literal(r#"{"type":"chat","to":{"id":7},"content":""#.into()),
                Placeholder("text".into()),
                Literal(" ".into()),
                Placeholder("stamp".into()),
                Literal("\"}".into())
            ]
        );
    }

    #[test]
    fn a_backslash_makes_a_brace_literal() {
        assert_eq!(pieces(r"\{text} \n {"), [Literal(r"{text} \n {".into())]);
    }

    #[test]
    fn names_have_the_documented_form() {
        assert_eq!(pieces("{env.API_KEY2}"), [Placeholder("env.API_KEY2".into())]);
        for text in ["{}", "{Text}", "{1a}", "{a b}", "{a", "{ü}"] {
            assert_eq!(pieces(text), [Literal(text.into())], "{text}");
        }
        assert!(pieces("").is_empty());
    }
}
