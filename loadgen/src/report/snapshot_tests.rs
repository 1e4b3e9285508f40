//! What reports look like is kept beside the tests, and compared.

use std::path::Path;

/// Compares each text with `REPORT/snapshots/NAME.END`; with UPDATE_SNAPSHOTS set, writes them.
pub fn kept(report: &str, name: &str, texts: &[(&str, String)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report").join(report).join("snapshots");
    for (end, text) in texts {
        let path = folder.join(format!("{name}.{end}"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(*text == kept, "{} differs; set UPDATE_SNAPSHOTS to accept this:\n{text}", path.display());
    }
}

/// No line is wider than so many characters, or ends in spaces.
pub fn fits(text: &str, width: usize) {
    for line in text.lines() {
        assert!(line.chars().count() <= width, "too wide: {line}");
        assert_eq!(line.trim_end(), line, "spaces at the end");
    }
}
