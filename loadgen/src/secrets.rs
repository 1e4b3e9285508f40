//! Pure: what is nobody's to see, taken out of what servers and requests say.

use std::fmt;

/// Stands for what was taken out.
pub const REDACTED: &str = "[redacted]";
/// What is shorter hides nothing, and stands in every text.
const LEAST: usize = 3;

/// Texts that are not to be shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    /// Of these texts those that hide anything.
    pub fn of(texts: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = texts.into_iter().filter(|text| text.len() >= LEAST).collect();
        // The longest first: one may be a part of another.
        secrets.sort_by(|a, b| (b.len(), a).cmp(&(a.len(), b)));
        secrets.dedup();
        Secrets(secrets)
    }

    /// The text without them.
    pub fn out_of(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }

    /// These and those.
    #[must_use]
    pub fn and(self, others: &Secrets) -> Self {
        Self::of(self.0.into_iter().chain(others.0.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        Secrets::of(texts.iter().map(|text| (*text).to_owned()))
    }

    #[test]
    fn the_whole_of_a_secret_goes_also_where_another_is_a_part_of_it() {
        let secrets = secrets(&["hunter", "Bearer hunter2", "hunter2", "hunter"]);
        assert_eq!(secrets.out_of("a: Bearer hunter2, b: hunter2"), "a: [redacted], b: [redacted]");
        assert_eq!(format!("{secrets:?}"), "Secrets(3)");
    }

    #[test]
    fn what_is_too_short_to_hide_anything_stays() {
        assert_eq!(secrets(&["2", ""]), Secrets::default());
        assert_eq!(secrets(&["2"]).and(&secrets(&["abc"])).out_of("2 abc"), "2 [redacted]");
    }
}
