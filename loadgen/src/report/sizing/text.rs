//! The plan on the terminal.

use super::glossary;
use super::tables::{
    BEYOND_HEADS, COST_HEADS, LEVEL_HEADS, TRAFFIC_HEADS, all_beyond, costs, levels, need_explained, need_heads, needs,
    traffic,
};
use super::words::{answer, fitted, granted, one, opening, reckoned, word};
use crate::report::text::page::{Page, Tone};
use crate::report::{Colour, Written};
use crate::sizing::Sizing;

/// The report; `written` names its files, where there are any.
#[must_use]
pub fn render(sizing: &Sizing, written: Option<&Written>, colour: Colour) -> String {
    let mut page = Page::new(colour);
    let tone = match (sizing.exit_code(), sizing.far()) {
        (0, None) => Tone::Good,
        (0, Some(_)) => Tone::Doubt,
        _ => Tone::Bad,
    };
    page.headline(&format!("{}  {}", page.tone(tone, word(sizing)), opening(sizing)));
    answer(sizing).iter().for_each(|line| page.line(line));
    page.section(if sizing.asked.load.rooms.is_some() && sizing.servers.is_some() {
        "what the server with most rooms needs"
    } else {
        "what one server needs"
    });
    page.line(&one(&sizing.load));
    tabled(&mut page, &need_heads(sizing), needs(sizing));
    page.aside(need_explained(sizing));
    fitted(sizing).iter().for_each(|line| page.line(line));
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
        tabled(&mut page, &BEYOND_HEADS, beyond.into_iter().map(Vec::from).collect());
    }
    page.section("measured");
    tabled(&mut page, &LEVEL_HEADS, levels(sizing));
    page.section("taken for granted");
    granted(sizing).iter().chain(&sizing.notes).for_each(|line| page.line(line));
    page.section("words");
    let words = glossary::words(sizing).into_iter();
    page.facts(&words.map(|(word, meaning)| (word, meaning.to_owned())).collect::<Vec<_>>());
    if let Some(written) = written {
        page.section("files");
        page.line(&format!("{}: {}", written.directory.display(), written.files.join(", ")));
    }
    page.into_text()
}

fn tabled(page: &mut Page, heads: &[&str], rows: Vec<Vec<String>>) {
    let [upper, lower] = folded(heads, &rows);
    let upper = upper.iter().any(|head| !head.is_empty()).then_some(upper);
    page.table(&upper.into_iter().chain([lower]).chain(rows).collect::<Vec<_>>());
}

/// Heads on two lines, where they are wider than what stands below them.
fn folded(heads: &[&str], rows: &[Vec<String>]) -> [Vec<String>; 2] {
    let halves = heads.iter().enumerate().map(|(column, head)| {
        let widest = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        if head.len() <= widest.unwrap_or(0) + 3 {
            return (String::new(), (*head).to_owned());
        }
        let longer = |at: &usize| (*at).max(head.len() - at - 1);
        let at = head.match_indices(' ').map(|(at, _)| at).min_by_key(longer);
        at.map_or((String::new(), (*head).to_owned()), |at| (head[..at].to_owned(), head[at + 1..].to_owned()))
    });
    let (upper, lower) = halves.unzip();
    [upper, lower]
}
