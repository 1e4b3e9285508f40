//! What a report is made of: sections, lines and tables.

use super::Colour;

/// Lines longer than this are wrapped.
const WIDTH: usize = 98;

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Tone {
    Good,
    Bad,
    Doubt,
    Heading,
    Aside,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Doubt => "1;33",
            Self::Heading => "1",
            Self::Aside => "2",
        }
    }
}

/// A report under way.
pub(in crate::report) struct Page {
    text: String,
    colour: Colour,
}

impl Page {
    pub(in crate::report) fn new(colour: Colour) -> Self {
        Self { text: String::new(), colour }
    }

    pub(in crate::report) fn into_text(self) -> String {
        self.text
    }

    /// A piece of text in its tone.
    pub(in crate::report) fn tone(&self, tone: Tone, text: &str) -> String {
        match self.colour {
            Colour::Never => text.to_owned(),
            Colour::Always => format!("\x1b[{}m{text}\x1b[0m", tone.code()),
        }
    }

    /// A line from the margin, as it is.
    pub(in crate::report) fn headline(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// Opens a section.
    pub(in crate::report) fn section(&mut self, title: &str) {
        self.text.push('\n');
        let title = self.tone(Tone::Heading, title);
        self.headline(&title);
    }

    /// An indented line, wrapped.
    pub(in crate::report) fn line(&mut self, text: &str) {
        for (i, line) in wrap(text, WIDTH - 4).iter().enumerate() {
            self.headline(&format!("{}{line}", if i == 0 { "  " } else { "    " }));
        }
    }

    /// An explanation: indented, wrapped, subdued.
    pub(in crate::report) fn aside(&mut self, text: &str) {
        for line in wrap(text, WIDTH - 4) {
            let line = self.tone(Tone::Aside, &line);
            self.headline(&format!("  {line}"));
        }
    }

    /// Rows of cells, the first row the column heads: the first column to the left, the others to the right.
    pub(in crate::report) fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for row in rows {
            let mut line = String::from("  ");
            for (column, cell) in row.iter().enumerate() {
                let room = widths[column];
                line += &if column == 0 { format!("{cell:<room$}") } else { format!("  {cell:>room$}") };
            }
            self.headline(&line);
        }
    }

    /// Named facts, the names in one column.
    pub(in crate::report) fn facts(&mut self, facts: &[(&str, String)]) {
        let room = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, fact) in facts {
            for (i, line) in wrap(fact, WIDTH - room - 4).iter().enumerate() {
                let name = if i == 0 { *name } else { "" };
                self.headline(&format!("  {name:<room$}  {line}"));
            }
        }
    }
}

/// Breaks at spaces, except between a number and its unit; a word longer than a line stays whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in words(text) {
        let room = word.chars().count();
        if length > 0 && length + 1 + room > width {
            lines.push(String::new());
            length = 0;
        }
        if let Some(line) = lines.last_mut() {
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += room;
        }
    }
    lines
}

fn words(text: &str) -> Vec<&str> {
    const UNITS: [&str; 9] = ["%", "us", "ms", "s", "B", "KiB", "MiB", "GiB", "min"];
    let mut words: Vec<&str> = Vec::new();
    let mut start = 0;
    for (space, _) in text.char_indices().filter(|(_, c)| *c == ' ').chain([(text.len(), ' ')]) {
        let next = text[(space + 1).min(text.len())..].split(' ').next().unwrap_or("");
        let unit = next.trim_end_matches([',', ';', ':', '.', ')']);
        let number = text[start..space].ends_with(|c: char| c.is_ascii_digit());
        if space < text.len() && number && UNITS.contains(&unit) {
            continue;
        }
        if space > start {
            words.push(&text[start..space]);
        }
        start = space + 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_but_not_before_a_unit() {
        assert_eq!(wrap("took 12 ms in all", 9), ["took", "12 ms in", "all"]);
        assert_eq!(wrap("one averyverylongword two", 6), ["one", "averyverylongword", "two"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn columns_line_up() {
        let mut page = Page::new(Colour::Never);
        page.table(&[vec!["a".into(), "bb".into()], vec!["long".into(), "1".into()]]);
        assert_eq!(page.into_text(), "  a     bb\n  long   1\n");
    }

    #[test]
    fn colour_is_there_only_when_asked_for() {
        assert_eq!(Page::new(Colour::Never).tone(Tone::Bad, "x"), "x");
        assert_eq!(Page::new(Colour::Always).tone(Tone::Bad, "x"), "\x1b[1;31mx\x1b[0m");
    }
}
