//! Bytes, and what compression made of them.

use maud::{Markup, html};

use super::table::{aside, facts, table};
use crate::report::numbers::{bytes, significant};
use crate::report::text::compression::{EXPLAINED, HEADS, is_agreed_on, remarks, rows};
use crate::result::Run;

pub(super) fn section(run: &Run) -> Markup {
    let c = &run.compression;
    #[allow(clippy::cast_precision_loss)]
    let size = |n: u64| if n > 0 { bytes(n as f64) } else { String::new() };
    html! {
        @if is_agreed_on(run) {
            div class="worded" { (table(&HEADS, &rows(run))) }
            (aside(EXPLAINED))
            @for remark in remarks(run) { p { (remark) } }
        } @else {
            (facts(&[
                ("payload", size(c.payload_bytes)),
                ("received", size(c.wire_bytes)),
                ("compression", "no connection agreed on any".to_owned()),
                ("headers", overhead(c.payload_bytes, c.wire_bytes)),
            ]))
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn overhead(payload: u64, wire: u64) -> String {
    match wire.checked_sub(payload) {
        Some(headers) if payload > 0 => {
            format!("{} % of the payload on top of it", significant(headers as f64 / payload as f64 * 100.0, 2))
        }
        _ => String::new(),
    }
}
