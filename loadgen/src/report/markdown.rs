//! What every Markdown report is written with.

use std::fmt::Write as _;

/// A table. Cells are escaped already.
pub fn table(text: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    // Writing into a String cannot fail, here and below.
    let _ = writeln!(text, "| {} |", heads.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(heads.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
}

/// Text without what Markdown and HTML would take for markup: a name of the scenario cannot become a link or an image.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '\n' | '\r' => out.push(' '),
            '|' | '*' | '`' | '_' | '[' | ']' | '\\' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Text that is shown as it is, inside `<pre>`.
pub fn preformatted(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(escaped("a|b <img> [x](y) `c` *d*\ne"), "a\\|b &lt;img> \\[x\\](y) \\`c\\` \\*d\\* e");
        assert_eq!(preformatted("</pre> & more"), "&lt;/pre&gt; &amp; more");
    }

    #[test]
    fn a_table_has_heads_and_rows() {
        let mut text = String::new();
        table(&mut text, &["", "was"], [vec!["held".to_owned(), "1".to_owned()]].into_iter());
        assert_eq!(text, "|  | was |\n|---|---|\n| held | 1 |\n");
    }
}
