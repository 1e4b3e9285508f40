//! The plan on the terminal.

use super::tables::{
    COST_HEADS, LEVEL_HEADS, NEED_EXPLAINED, NEED_HEADS, TRAFFIC_HEADS, all_beyond, costs, levels, needs, traffic,
};
use super::words::{answer, granted, one, opening, reckoned, word};
use crate::report::text::page::{Page, Tone};
use crate::report::{Colour, Written};
use crate::sizing::Sizing;

/// The report; `written` names its files, where there are any.
#[must_use]
pub fn render(sizing: &Sizing, written: Option<&Written>, colour: Colour) -> String {
    let mut page = Page::new(colour);
    let tone = if sizing.exit_code() == 0 { Tone::Good } else { Tone::Bad };
    page.headline(&format!("{}  {}", page.tone(tone, word(sizing)), opening(sizing)));
    answer(sizing).iter().for_each(|line| page.line(line));
    page.section(if sizing.asked.load.rooms.is_some() && sizing.servers.is_some() {
        "what the server with most rooms needs"
    } else {
        "what one server needs"
    });
    page.line(&one(&sizing.load));
    tabled(&mut page, &NEED_HEADS, needs(sizing));
    page.aside(NEED_EXPLAINED);
    page.section("bytes out, all servers together");
    tabled(&mut page, &TRAFFIC_HEADS, traffic(sizing));
    let priced = costs(sizing);
    if !priced.is_empty() {
        page.section("cost");
        tabled(&mut page, &COST_HEADS, priced);
    }
    if let Some(servers) = &sizing.servers {
        page.section("how busy a server may be");
        reckoned(servers, sizing.asked.compression).iter().for_each(|line| page.line(line));
    }
    let beyond = all_beyond(sizing);
    if !beyond.is_empty() {
        page.section("beyond what was measured");
        tabled(&mut page, &["", "one server", "measured"], beyond.into_iter().map(Vec::from).collect());
    }
    page.section("measured");
    tabled(&mut page, &LEVEL_HEADS, levels(sizing));
    page.section("taken for granted");
    granted(sizing).iter().chain(&sizing.notes).for_each(|line| page.line(line));
    if let Some(written) = written {
        page.section("files");
        page.line(&format!("{}: {}", written.directory.display(), written.files.join(", ")));
    }
    page.into_text()
}

fn tabled(page: &mut Page, heads: &[&str], rows: Vec<Vec<String>>) {
    let heads = heads.iter().map(|head| (*head).to_owned()).collect();
    page.table(&std::iter::once(heads).chain(rows).collect::<Vec<_>>());
}
