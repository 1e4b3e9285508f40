//! The dashboard's thread: owns the screen, draws what it is told, and reads the keys.
//!
//! Whatever ends the run, the terminal is left as it was found: by the end of the thread, by a panic anywhere, and by a signal, which
//! ends the run in order.

use std::io::{self, Stderr, Write as _, stderr};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::dashboard::{Ending, Help, View, draw, fits};
use super::scene::{Scene, Update};

/// Keys are seen at once; what is told, after this at most.
const LOOK: Duration = Duration::from_millis(200);

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// End the run now.
    End,
    /// Skip what is left of this phase.
    NextPhase,
}

/// Whether the alternate screen is shown: what a panic has to undo.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// A terminal that shows a run.
#[derive(Debug)]
pub struct Screen {
    updates: Sender<Update>,
    wishes: UnboundedReceiver<Wish>,
    thread: Option<JoinHandle<()>>,
}

/// Whether the terminal is large enough, and ours to draw on: a program in the background would be stopped for touching it.
#[must_use]
pub fn is_ours() -> bool {
    net::owns_terminal() && size().is_ok_and(|(columns, rows)| fits(columns, rows))
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When the terminal refuses; it is then as it was.
    pub fn open() -> io::Result<Self> {
        restore_on_panic();
        let terminal = enter().inspect_err(|_| restore())?;
        let (updates, told) = channel();
        let (wish, wishes) = unbounded_channel();
        let thread = std::thread::Builder::new().name("dashboard".to_owned()).spawn(move || {
            let _ = net::step_back();
            show(terminal, &told, &wish);
        });
        let thread = thread.inspect_err(|_| restore())?;
        Ok(Screen { updates, wishes, thread: Some(thread) })
    }

    /// Where to tell what happens. After the end, nobody listens.
    pub fn updates(&self) -> Sender<Update> {
        self.updates.clone()
    }

    /// The next wish; waits for ever once the screen is gone.
    pub async fn wish(&mut self) -> Wish {
        match self.wishes.recv().await {
            Some(wish) => wish,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.updates.send(Update::Ended);
        if let Some(thread) = self.thread.take() {
            // A panic has been printed, and the terminal is restored.
            let _ = thread.join();
        }
    }
}

fn enter() -> io::Result<Terminal<CrosstermBackend<Stderr>>> {
    enable_raw_mode()?;
    SHOWN.store(true, Ordering::SeqCst);
    execute!(stderr(), EnterAlternateScreen, Hide)?;
    Terminal::new(CrosstermBackend::new(stderr()))
}

fn restore() {
    if SHOWN.swap(false, Ordering::SeqCst) {
        // Nobody can be told that this failed.
        let _ = execute!(stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
    });
}

/// Draws and reads until the run has ended.
fn show(mut terminal: Terminal<CrosstermBackend<Stderr>>, told: &Receiver<Update>, wish: &UnboundedSender<Wish>) {
    let (mut scene, mut view) = (Scene::default(), View::default());
    let mut changed = true;
    // Another thread's panic has given the terminal back.
    while SHOWN.load(Ordering::SeqCst) {
        loop {
            match told.try_recv() {
                Ok(update) => {
                    scene.take(update);
                    changed = true;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => scene.ended = true,
            }
            if scene.ended {
                break;
            }
        }
        if scene.ended {
            break;
        }
        if std::mem::take(&mut changed)
            && terminal.draw(|frame| draw(&scene, view, frame.area(), frame.buffer_mut())).is_err()
        {
            // The terminal is gone; the run goes on.
            break;
        }
        match next(LOOK) {
            Ok(None) => {}
            Ok(Some(Event::Key(key))) => {
                changed = true;
                view = press(view, key, wish);
            }
            Ok(Some(_)) => changed = true,
            Err(_) => break,
        }
    }
    restore();
    // What was said would be gone with the screen.
    let mut out = stderr().lock();
    for entry in scene.log.iter().filter(|entry| entry.kind.is_none()) {
        let _ = writeln!(out, "{}", entry.text);
    }
}

fn next(within: Duration) -> io::Result<Option<Event>> {
    if event::poll(within)? { event::read().map(Some) } else { Ok(None) }
}

/// What a key does.
fn press(view: View, key: KeyEvent, wish: &UnboundedSender<Wish>) -> View {
    if key.kind == KeyEventKind::Release {
        return view;
    }
    let wishes = |what| {
        // A run that has ended wants nothing any more.
        let _ = wish.send(what);
    };
    let closed = View { help: Help::Hidden, ..view };
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
            wishes(Wish::End);
            View { ending: Ending::Asked, ..closed }
        }
        _ if view.help == Help::Shown => closed,
        KeyCode::Char('q') => {
            wishes(Wish::End);
            View { ending: Ending::Asked, ..closed }
        }
        KeyCode::Char('n') => {
            wishes(Wish::NextPhase);
            view
        }
        KeyCode::Char('?' | 'h') => View { help: Help::Shown, ..view },
        _ => view,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(view: View, key: KeyEvent) -> (View, Option<Wish>) {
        let (send, mut receive) = unbounded_channel();
        (press(view, key, &send), receive.try_recv().ok())
    }

    fn key(c: char) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
    }

    #[test]
    fn keys_ask_for_the_end_and_for_the_next_phase() {
        let start = View::default();
        let ending = View { ending: Ending::Asked, ..start };
        assert_eq!(pressed(start, key('q')), (ending, Some(Wish::End)));
        assert_eq!(pressed(ending, key('q')), (ending, Some(Wish::End)), "a second one is a second wish");
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(pressed(start, interrupt), (ending, Some(Wish::End)));
        assert_eq!(pressed(start, key('n')), (start, Some(Wish::NextPhase)));
        assert_eq!(pressed(start, key('c')), (start, None));
    }

    #[test]
    fn any_key_leaves_the_help_and_does_nothing_else() {
        let help = View { help: Help::Shown, ..View::default() };
        assert_eq!(pressed(View::default(), key('?')), (help, None));
        assert_eq!(pressed(help, key('q')), (View::default(), None));
    }
}
