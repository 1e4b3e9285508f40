//! `feed`: the CSV file with one row a connection.

use std::path::Path;
use std::sync::Arc;

use crate::feed::Feed;
use crate::plan::Plan;
use crate::scenario::error::{Fault, counted};
use crate::scenario::file::TargetTable;
use crate::scenario::payloads;
use crate::scenario::word::FeedEndKey;

/// Reads the feed that a scenario names.
pub(super) fn read(table: &TargetTable, dir: &Path) -> Result<Option<Arc<Feed>>, Fault> {
    let Some(file) = &table.feed else {
        return match &table.feed_end {
            Some(end) => Err(Fault::at(&end.span, "`feed_end` is for a `feed`, which is missing").help(
                "add feed = \"users.csv\": a CSV file with one row a connection, whose first line names the columns",
            )),
            None => Ok(None),
        };
    };
    let bytes = payloads::read(file, dir)?;
    let feed = Feed::parse(&bytes).map_err(|e| Fault::at(&file.span, format!("{}, {e}", file.value)))?;
    Ok(Some(Arc::new(feed)))
}

/// Refuses a feed that ends before the connections do, unless it is to begin again.
pub(super) fn enough(plan: &Plan, table: &TargetTable) -> Result<(), Fault> {
    let (Some(feed), Some(file)) = (&plan.feed, &table.feed) else { return Ok(()) };
    let wraps = table.feed_end.as_ref().is_some_and(|end| end.value == FeedEndKey::Wrap);
    let connections = plan.connections();
    if wraps || feed.rows() >= connections {
        return Ok(());
    }
    let rows = counted(feed.rows(), "row");
    let whose = match connections - plan.subscribers() {
        0 => String::new(),
        own => format!(" ({own} of them by publishers)"),
    };
    Err(Fault::at(&file.span, format!("{} has {rows} for {}{whose}", file.value, counted(connections, "connection")))
        .help("add rows, lower `count`, or let it begin again with feed_end = \"wrap\""))
}
