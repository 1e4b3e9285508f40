//! What a part of a frame must be like. All that is said of it must hold.

use super::pointer::{Pointer, string};

/// What a part of a frame must be like; the default is like anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Match {
    /// It is this text.
    pub text: Option<String>,
    /// It begins with this text.
    pub begins: Option<String>,
    /// This text stands in it.
    pub contains: Option<String>,
    /// It is JSON in which this stands somewhere.
    pub has: Option<Pointer>,
    /// It is JSON in which this stands there.
    pub is: Option<(Pointer, serde_json::Value)>,
}

impl Match {
    /// Whether a part is like this.
    pub fn fits(&self, part: &[u8]) -> bool {
        let text = self.text.as_ref().is_none_or(|text| part == text.as_bytes());
        text && self.begins.as_ref().is_none_or(|text| part.starts_with(text.as_bytes()))
            && self.contains.as_ref().is_none_or(|text| holds(part, text.as_bytes()))
            && self.has.as_ref().is_none_or(|pointer| pointer.find(part).is_some())
            && self
                .is
                .as_ref()
                .is_none_or(|(pointer, value)| pointer.find(part).is_some_and(|found| same(found, value)))
    }
}

fn holds(part: &[u8], text: &[u8]) -> bool {
    text.is_empty() || part.windows(text.len()).any(|here| here == text)
}

fn same(found: &[u8], value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => string(found).is_some_and(|found| found == *text),
        other => serde_json::from_slice::<serde_json::Value>(found).is_ok_and(|found| found == *other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_said_must_hold() {
        let part = br#"{"id":2,"type":"ok \u00e9","subscribe":{}}"#;
        let pointer = |text| Pointer::parse(text).unwrap();
        let id = |n: i64| Match { is: Some((pointer("/id"), n.into())), ..Match::default() };
        assert!(Match::default().fits(part) && Match::default().fits(b""));
        assert!(id(2).fits(part) && !id(3).fits(part));
        assert!(Match { has: Some(pointer("/subscribe")), ..id(2) }.fits(part));
        assert!(!Match { has: Some(pointer("/error")), ..id(2) }.fits(part));
        assert!(Match { is: Some((pointer("/type"), "ok é".into())), ..Match::default() }.fits(part));
        assert!(Match { contains: Some("subscribe".to_owned()), ..id(2) }.fits(part));
        assert!(Match { begins: Some("{".to_owned()), ..Match::default() }.fits(part));
        assert!(!Match { begins: Some("[".to_owned()), ..Match::default() }.fits(part));
        assert!(Match { text: Some("2".to_owned()), ..Match::default() }.fits(b"2"));
        assert!(!Match { text: Some("2".to_owned()), ..Match::default() }.fits(b"21"));
    }
}
