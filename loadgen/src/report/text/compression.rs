//! What was agreed on, what it saved, and what decompressing cost.

use super::page::Page;
use crate::report::numbers::{bytes, count, percent, plural, significant};
use crate::result::{Compression, Run};

/// The heads of the table.
pub(in crate::report) const HEADS: [&str; 6] = ["", "agreed on", "payload", "as plain frames", "received", "ratio"];
/// What they mean.
pub(in crate::report) const EXPLAINED: &str = "agreed on: connections by what the server agreed to (standalone: each message by itself; context: messages refer to \
     earlier ones; bits of its window); ratio: bytes as plain frames / bytes received, both with frame headers";

pub(super) fn write(page: &mut Page, run: &Run) {
    if !is_agreed_on(run) {
        return;
    }
    page.section("compression");
    let mut all = vec![HEADS.map(str::to_owned).to_vec()];
    all.extend(rows(run));
    page.table(&all);
    page.aside(EXPLAINED);
    remarks(run).iter().for_each(|remark| page.line(remark));
}

/// Whether any connection has it.
pub(in crate::report) fn is_agreed_on(run: &Run) -> bool {
    run.compression.negotiated.keys().any(|agreed| agreed != "off")
}

/// By group, where there are several, and in all.
pub(in crate::report) fn rows(run: &Run) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    if run.groups.len() > 1 {
        rows.extend(run.groups.iter().map(|(name, figures)| row(name, &figures.compression)));
    }
    rows.push(row("all", &run.compression));
    rows
}

/// What decompressing cost, and what was not decompressed.
pub(in crate::report) fn remarks(run: &Run) -> Vec<String> {
    let own = &run.loadgen;
    let mut cost = format!("decompressed {} here", plural(own.inflated, "message"));
    if own.cpu_s > 0.0 {
        let share = percent(own.inflate_cpu_s / own.cpu_s);
        cost += &format!(", {} s of CPU = {share} of fanout's own", significant(own.inflate_cpu_s, 2));
    }
    let mut remarks = vec![format!("{cost}; connections that received the same bytes share the work")];
    if run.deliveries.counted > 0 {
        #[allow(clippy::cast_precision_loss)]
        let size = bytes(run.compression.counted_bytes as f64);
        let counted = count(run.deliveries.counted);
        remarks.push(format!(
            "{counted} of the deliveries ({size}) were counted by their frames and not decompressed: whether those were intact and \
             in order is not known, and latencies, payload and ratio are those of the others"
        ));
    }
    remarks
}

#[allow(clippy::cast_precision_loss)]
fn row(name: &str, compression: &Compression) -> Vec<String> {
    let agreed = compression.negotiated.iter().map(|(what, n)| format!("{what} {}", count(*n)));
    vec![
        name.to_owned(),
        agreed.collect::<Vec<_>>().join(", "),
        bytes(compression.payload_bytes as f64),
        bytes(compression.plain_bytes as f64),
        bytes(compression.wire_bytes as f64),
        compression.ratio.map_or("-".to_owned(), |ratio| significant(ratio, 3)),
    ]
}
