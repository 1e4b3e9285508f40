//! Tells whoever watches where a run is: the dashboard on a terminal, a line a second elsewhere, and the live page.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::live::alarm::{Alarm, Severity};
use crate::live::line::line;
use crate::live::scene::{Scene, Update};
use crate::live::serve::Page;
use crate::live::snapshot::{Outline, Snapshot};
use crate::live::terminal::{Screen, Wish, is_ours};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// The whole terminal.
    Dashboard,
    /// A line for every update.
    Lines,
}

impl ProgressMode {
    /// The dashboard on a terminal of our own that is large enough; plain lines without one, and where `CI` or `NO_COLOR` is set, or `TERM`
    /// is `dumb`.
    #[must_use]
    pub fn detect() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self::choose(!dumb && std::io::stderr().is_terminal() && is_ours(), is_set)
    }

    fn choose(terminal: bool, set: impl Fn(&str) -> bool) -> Self {
        if terminal && !set("CI") && !set("NO_COLOR") { Self::Dashboard } else { Self::Lines }
    }
}

/// Whether a variable of the environment is set to anything: an empty `NO_COLOR` forbids nothing (no-color.org).
pub fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Shows one run after the other. Cheap for a thread that shares a core with a worker: a line formatted an update, or a message to a
/// thread that lets all others go first.
#[derive(Debug)]
pub struct Progress {
    mode: ProgressMode,
    screen: Option<Screen>,
    /// What lines tell of: without a screen, alarms are said once.
    scene: Scene,
    page: Option<Page>,
    voice: Voice,
    /// Which of several runs comes next, or goes.
    part: String,
}

/// Says things from other tasks, wherever they are shown at the time.
#[derive(Debug, Clone, Default)]
pub struct Voice {
    /// The screen while there is one; asked once a sentence.
    screen: Arc<Mutex<Option<Sender<Update>>>>,
}

impl Progress {
    /// Nothing is shown before the first run begins. With a `page`, it is told everything as well.
    #[must_use]
    pub fn new(mode: ProgressMode, page: Option<Page>) -> Self {
        Self { mode, screen: None, scene: Scene::default(), page, voice: Voice::default(), part: String::new() }
    }

    /// Says which of several runs comes next, such as `block 3 of 10: b (shared)`, and more, which is said only once.
    pub fn announce(&mut self, part: String, more: &str) {
        write_line(&format!("{part}{more}"));
        self.part = part;
    }

    /// The run that comes next has no name beside the scenario's.
    pub fn announce_nothing(&mut self) {
        self.part.clear();
    }

    /// A run begins.
    pub fn begin(&mut self, outline: Outline) {
        let outline = Outline { part: self.part.clone(), ..outline };
        if self.mode == ProgressMode::Dashboard {
            // A terminal that refuses gets lines.
            self.screen = Screen::open().ok();
            self.voice.speak_to(self.screen.as_ref().map(Screen::updates));
        }
        self.tell(Update::Begin(Box::new(outline)));
    }

    /// Shows where the run is; meant to be called once a second.
    pub fn update(&mut self, snapshot: Snapshot) {
        if self.screen.is_none() {
            write_line(&line(&snapshot));
        }
        self.tell(Update::Second(Box::new(snapshot)));
    }

    /// Says something once.
    pub fn note(&mut self, sentence: &str) {
        if self.screen.is_none() {
            write_line(sentence);
        }
        self.tell(Update::Said(sentence.to_owned()));
    }

    /// The run is over: takes the dashboard away, so that the report stands alone.
    pub fn finish(&mut self) {
        self.tell(Update::Ended);
        self.voice.speak_to(None);
        self.screen = None;
    }

    /// What somebody at the terminal wants; waits for ever where there is nobody.
    pub async fn wish(&mut self) -> Wish {
        match &mut self.screen {
            Some(screen) => screen.wish().await,
            None => std::future::pending().await,
        }
    }

    /// For other tasks.
    pub fn voice(&self) -> Voice {
        self.voice.clone()
    }

    fn tell(&mut self, update: Update) {
        if let Some(page) = &mut self.page {
            page.tell(update.clone());
        }
        match &self.screen {
            Some(screen) => {
                if screen.updates().send(update).is_err() {
                    // Its terminal has gone, or a panic has taken it back: from now on there are lines.
                    self.voice.speak_to(None);
                    self.screen = None;
                }
            }
            None => self.scene.take(update).iter().for_each(|alarm| write_line(&said(alarm))),
        }
    }
}

impl Voice {
    /// Says a sentence: in the log of the dashboard, or on stderr.
    pub fn say(&self, sentence: &str) {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = screen.as_ref().is_some_and(|screen| screen.send(Update::Said(sentence.to_owned())).is_ok());
        drop(screen);
        if !shown {
            write_line(sentence);
        }
    }

    fn speak_to(&self, screen: Option<Sender<Update>>) {
        *self.screen.lock().unwrap_or_else(PoisonError::into_inner) = screen;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// An alarm as a line.
fn said(alarm: &Alarm) -> String {
    let word = if alarm.severity == Severity::Note { "note" } else { "warning" };
    format!("{word}: {}", alarm.text)
}

/// A closed stderr must not end a run: what is measured still goes to its files.
fn write_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dashboard_is_shown_only_on_a_terminal_that_nothing_forbids() {
        assert_eq!(ProgressMode::choose(true, |_| false), ProgressMode::Dashboard);
        assert_eq!(ProgressMode::choose(false, |_| false), ProgressMode::Lines);
        assert_eq!(ProgressMode::choose(true, |name| name == "CI"), ProgressMode::Lines);
        assert_eq!(ProgressMode::choose(true, |name| name == "NO_COLOR"), ProgressMode::Lines);
    }
}
