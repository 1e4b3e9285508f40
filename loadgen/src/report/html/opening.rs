//! The verdict and the sentences behind it: the same as on the terminal.

use maud::{Markup, html};

use crate::report::Verdict;
use crate::report::text::sentences::{Line, opening};
use crate::result::Run;

pub(super) fn section(run: &Run) -> Markup {
    html! {
        header {
            @for line in opening(run) {
                @match line {
                    Line::Verdict(verdict, rest) => h1 class=(class(verdict)) {
                        span class="verdict" { (mark(verdict)) " " (verdict.word()) }
                        " " (rest)
                    },
                    Line::Remark(text) => p class="remark" { (text) },
                    Line::Sentence(text) => p class="sentence" { (text.trim()) },
                }
            }
        }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "good",
        Verdict::Failed => "bad",
        Verdict::Invalid | Verdict::Interrupted => "doubt",
    }
}

/// Told apart without colours.
fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✓",
        Verdict::Failed => "✗",
        Verdict::Invalid | Verdict::Interrupted => "!",
    }
}
