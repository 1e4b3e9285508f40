//! The page around a report: one file, nothing loaded from anywhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Light, dark and paper.
const STYLE: &str = include_str!("style.css");
/// Shows values at once where they are pointed at or touched, and opens what is folded before printing. The page says everything without it.
const SCRIPT: &str = include_str!("script.js");

/// A part of a report: its anchor, its heading, and what it says; `None`: there is nothing to say.
pub(super) type Part = (&'static str, &'static str, Option<Markup>);

/// A whole page: what opens it, then its parts.
pub(super) fn page(title: &str, opening: &Markup, parts: Vec<Part>) -> String {
    let parts = parts
        .into_iter()
        .filter_map(|(anchor, heading, content)| Some((anchor.to_owned(), heading.to_owned(), content?)));
    chapters(title, opening, parts.collect())
}

/// A whole page of parts whose headings are not known beforehand: anchor, heading, content.
pub(super) fn chapters(title: &str, opening: &Markup, parts: Vec<(String, String, Markup)>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Nothing may be loaded, whatever got into the page.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "fanout " (env!("CARGO_PKG_VERSION")) };
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (opening)
                    nav { @for (anchor, heading, _) in &parts { a href={ "#" (anchor) } { (heading) } " " } }
                    @for (anchor, heading, content) in &parts {
                        section id=(anchor) { h2 { (heading) } (content) }
                    }
                    footer { "Written by fanout " (env!("CARGO_PKG_VERSION")) ". Times in us are microseconds; KiB and MiB are 1,024 and 1,048,576 bytes." }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}
