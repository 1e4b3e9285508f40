//! JSON pointers (RFC 6901) that find a value in a text without building a tree: the answer is a piece of the text itself.
//!
//! What is walked over is not checked further than is needed to walk on; in what is no JSON nothing is found, or nonsense that matches
//! nothing.

use std::borrow::Cow;

/// Where in a JSON text a value stands: `/push/pub/data`, `/4/body`. Empty: the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// A sentence on what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Some(tokens) = text.strip_prefix('/') else {
            return Err(format!("`{text}` is not a JSON pointer: it begins with /, such as \"/push/pub/data\""));
        };
        Ok(Self(tokens.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect()))
    }

    /// The value's text, without the space around it.
    pub fn find<'j>(&self, json: &'j [u8]) -> Option<&'j [u8]> {
        let mut at = past_space(json, 0);
        for token in &self.0 {
            at = match json.get(at)? {
                b'{' => member(json, at, token)?,
                b'[' => element(json, at, token)?,
                _ => return None,
            };
        }
        let end = past_value(json, at)?;
        (end > at).then(|| &json[at..end])
    }
}

/// What a value's text stands for where it is a string.
pub fn string(value: &[u8]) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.contains(&b'\\') {
        return serde_json::from_slice::<String>(value).ok().map(Cow::Owned);
    }
    std::str::from_utf8(inner).ok().map(Cow::Borrowed)
}

/// The texts of an array's elements; none of what is no array.
pub fn elements(array: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    if array.first() != Some(&b'[') {
        return found;
    }
    let mut at = past_space(array, 1);
    while let Some(end) = past_value(array, at).filter(|end| *end > at) {
        found.push(&array[at..end]);
        match next_of(array, end) {
            Some(next) => at = next,
            None => break,
        }
    }
    found
}

/// Where the value of a member begins.
fn member(json: &[u8], object: usize, name: &str) -> Option<usize> {
    let mut at = past_space(json, object + 1);
    loop {
        let end = past_string(json, at)?;
        let here = string(&json[at..end])? == name;
        let colon = past_space(json, end);
        if json.get(colon) != Some(&b':') {
            return None;
        }
        let value = past_space(json, colon + 1);
        if here {
            return Some(value);
        }
        at = next_of(json, past_value(json, value)?)?;
    }
}

/// Where an element begins.
fn element(json: &[u8], array: usize, index: &str) -> Option<usize> {
    let mut left: usize = index.parse().ok()?;
    let mut at = past_space(json, array + 1);
    while left > 0 {
        at = next_of(json, past_value(json, at)?)?;
        left -= 1;
    }
    Some(at)
}

/// The beginning of what follows a value that ended at `end`, if anything does.
fn next_of(json: &[u8], end: usize) -> Option<usize> {
    let comma = past_space(json, end);
    (json.get(comma) == Some(&b',')).then(|| past_space(json, comma + 1))
}

fn past_space(json: &[u8], from: usize) -> usize {
    let space = json.get(from..).unwrap_or_default().iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
    from + space.count()
}

fn past_string(json: &[u8], from: usize) -> Option<usize> {
    if json.get(from) != Some(&b'"') {
        return None;
    }
    let mut at = from + 1;
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn past_value(json: &[u8], from: usize) -> Option<usize> {
    match json.get(from)? {
        b'"' => past_string(json, from),
        b'{' | b'[' => {
            let (mut at, mut depth) = (from, 0u32);
            loop {
                match json.get(at)? {
                    b'"' => {
                        at = past_string(json, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        _ => {
            let ends = |b: &u8| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
            Some(json[from..].iter().position(ends).map_or(json.len(), |n| from + n))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find<'j>(pointer: &str, json: &'j str) -> Option<&'j str> {
        Pointer::parse(pointer).unwrap().find(json.as_bytes()).map(|found| std::str::from_utf8(found).unwrap())
    }

    #[test]
    fn a_value_is_found_as_it_stands_in_the_text() {
        let json = r#" {"a" : {"b":[1, "two\"]", {"c~/d": null}]}, "":7 , "e" : 1.50 } "#;
        assert_eq!(find("/a/b/0", json), Some("1"));
        assert_eq!(find("/a/b/1", json), Some(r#""two\"]""#));
        assert_eq!(find("/a/b/2/c~0~1d", json), Some("null"));
        assert_eq!(find("/", json), Some("7"));
        assert_eq!(find("/e", json), Some("1.50"));
        assert_eq!(find("", json), Some(json.trim()));
        for missing in ["/b", "/a/b/3", "/a/b/x", "/a/b/0/c", "/e/0"] {
            assert_eq!(find(missing, json), None, "{missing}");
        }
    }

    #[test]
    fn names_with_escapes_are_compared_by_what_they_mean() {
        assert_eq!(find("/größe", r#"{"gr\u00f6\u00dfe":1}"#), Some("1"));
    }

    #[test]
    fn nothing_is_found_in_what_is_no_json() {
        for text in ["", "{", "{\"a\"", "{\"a\":", "[", "hello", "{\"a\" 1}", "{a:1}", "\"", "{\"a\":\"", "{]"] {
            for pointer in ["/a", "/0", "/1"] {
                assert_eq!(find(pointer, text), None, "{pointer} in {text}");
            }
        }
        assert!(elements(b"{}").is_empty());
        assert!(elements(b"[").is_empty());
    }

    #[test]
    fn a_pointer_begins_with_a_slash() {
        assert_eq!(
            Pointer::parse("data").unwrap_err(),
            "`data` is not a JSON pointer: it begins with /, such as \"/push/pub/data\""
        );
    }

    #[test]
    fn the_elements_of_an_array_are_pieces_of_it() {
        assert_eq!(elements(b"[ 1 ,\"a,b\",{\"c\":[2]} ]"), [&b"1"[..], b"\"a,b\"", b"{\"c\":[2]}"]);
        assert!(elements(b"[]").is_empty());
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            ".{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("[ab/~\"\\\\]{0,3}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Every pointer into a value.
    fn pointers(value: &serde_json::Value, at: &str, all: &mut Vec<String>) {
        all.push(at.to_owned());
        match value {
            serde_json::Value::Array(items) => {
                (0..).zip(items).for_each(|(i, item)| pointers(item, &format!("{at}/{i}"), all));
            }
            serde_json::Value::Object(map) => map.iter().for_each(|(name, item)| {
                pointers(item, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
            }),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn the_same_is_found_as_in_the_parsed_tree(value in json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let mut all = Vec::new();
            pointers(&value, "", &mut all);
            for pointer in all {
                let found = find(&pointer, &text).map(|found| serde_json::from_str::<serde_json::Value>(found).unwrap());
                prop_assert_eq!(found.as_ref(), value.pointer(&pointer), "{} in {}", pointer, text);
            }
        }

        #[test]
        fn no_text_brings_it_down(bytes in prop::collection::vec(any::<u8>(), 0..64), pointer in "(/[a0-2]?){0,4}") {
            let _ = Pointer::parse(&pointer).unwrap().find(&bytes);
            let _ = elements(&bytes);
        }
    }
}
