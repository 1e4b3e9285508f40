//! Where every expected delivery went.

use maud::{Markup, html};

use super::table::{aside, table};
use crate::report::numbers::{count, percent};
use crate::result::Run;

pub(super) fn section(run: &Run) -> Markup {
    let d = &run.deliveries;
    #[allow(clippy::cast_precision_loss)]
    let share = |n: u64| if d.expected > 0 { percent(n as f64 / d.expected as f64) } else { String::new() };
    let mut rows = vec![
        ("expected", d.expected, "every message, for every subscriber that was there when it was published"),
        ("delivered", d.delivered, "arrived intact"),
        ("lost", d.lost, "did not arrive before the drain ended"),
        ("corrupted", d.corrupted, "arrived altered"),
    ];
    let further = [
        ("out of order", d.reordered, "of the delivered: after a later message of the same publisher"),
        ("replayed", d.resumed, "of the delivered: to connections that came back; not in the latencies after due time"),
        ("counted only", d.counted, "of the delivered: frames that were counted and not decompressed"),
        ("duplicated", d.duplicated, "copies of what had arrived before; not in the sum"),
        ("missed", d.missed, "published while a connection was away by plan; not in the sum"),
        ("unaccountable", d.unaccountable, "in flight when a connection left by plan; not in the sum"),
        ("foreign", d.foreign, "what the server itself said; not in the sum"),
        ("ambiguous", d.ambiguous, "not to be told from an equal message"),
    ];
    rows.extend(further.into_iter().filter(|(_, n, _)| *n > 0));
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, n, what)| vec![name.to_owned(), count(n), share(n), what.to_owned()]).collect();
    html! {
        div class="said" { (table(&["", "deliveries", "of expected", ""], &rows)) }
        (aside("expected = delivered + lost + corrupted. Kinds that are not named did not occur."))
    }
}
