//! Tables: the first column names the row, the others are figures.

use maud::{Markup, html};

/// A table that scrolls sideways where the screen is too narrow for it.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        div class="scroll" {
            table {
                @if heads.iter().any(|head| !head.is_empty()) {
                    thead { tr { @for head in heads { th scope="col" { (head) } } } }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                @if column == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Named facts; those without a text are left out.
pub(super) fn facts(facts: &[(&str, String)]) -> Markup {
    html! {
        dl class="facts" {
            @for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
                dt { (name) }
                dd { (fact) }
            }
        }
    }
}

/// Words and what they mean.
pub(super) fn glossary(words: &[(&str, &str)]) -> Markup {
    html! { dl class="glossary" { @for (word, meaning) in words { dt { (word) } dd { (meaning) "." } } } }
}

/// An explanation below a table or a chart.
pub(super) fn aside(text: &str) -> Markup {
    html! { p class="reading" { (text) } }
}
