//! The page at `/`, in a headless Chromium.
//!
//! Needs chromium and chromedriver (Debian: chromium, chromium-driver); says so and passes where one of them is missing.

use std::sync::{Mutex, PoisonError};

use crate::common::Server;
use crate::driver::{Driver, Page};
use crate::line::Line;
use serde_json::{Value, json};

const OPEN: &str = "document.getElementById('room').dataset.state === 'open'";
/// What was said, in the order shown; without what is still on its way.
const SAID: &str = "[...document.querySelectorAll('.said:not(.pending) > p')].map(p => p.textContent)";

/// Browsers need most of a small machine: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Runs a test with this many browsers, if there are any.
fn with_pages<const N: usize>(test: impl FnOnce([Page<'_>; N])) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let driver = match Driver::start() {
        Ok(driver) => driver,
        Err(why) => return println!("skipped: {why}"),
    };
    let pages: Vec<_> = (0..N).map_while(|_| driver.open()).collect();
    match pages.try_into() {
        Ok(pages) => test(pages),
        Err(_) => println!("skipped: chromedriver finds no browser"),
    }
}

fn say(page: &Page, text: &str) {
    page.type_into("#text", text);
    page.type_into("#text", "\u{e007}");
}

fn has_said(page: &Page, count: usize) {
    page.until(&format!("document.querySelectorAll('.said:not(.pending)').length >= {count}"));
}

/// Does not wait for the page to try by itself, which it may be doing at this moment.
fn try_now(page: &Page) {
    page.get("document.getElementById('now').click()");
}

fn tells(page: &Page, text: &str) {
    let text = json!(text);
    page.until(&format!("[...document.querySelectorAll('.told')].some(line => line.textContent.includes({text}))"));
}

#[test]
fn two_people_join_a_room_and_talk() {
    with_pages(|[alice, bob]| {
        let server = Server::start(&[]);
        alice.go(&format!("http://{}/", server.addr));
        alice.clear("#name");
        alice.type_into("#name", "tea & cake/1");
        alice.click("#join button");
        alice.until(OPEN);
        // The address leads the other one into the same room.
        bob.go(alice.get("location.href").as_str().unwrap());
        bob.until(OPEN);
        for page in [&alice, &bob] {
            page.until("document.getElementById('members').textContent === '2 members'");
            assert_eq!(page.get("document.getElementById('title').textContent"), "tea & cake/1");
            let negotiated = page.get("document.getElementById('extensions').textContent");
            assert_eq!(negotiated, "permessage-deflate; client_no_context_takeover");
        }
        let markup = "<b onclick=alert(1)>bold</b> <script>alert(1)</script> & \"quotes\"";
        say(&alice, markup);
        has_said(&bob, 1);
        say(&bob, "hello");
        has_said(&alice, 2);
        for (page, own) in [(&alice, markup), (&bob, "hello")] {
            has_said(page, 2);
            assert_eq!(page.get(SAID), json!([markup, "hello"]));
            assert_eq!(page.get("document.querySelector('.said.own p').textContent"), own);
            assert_eq!(page.get("document.querySelectorAll('.said.own').length"), 1);
            assert_eq!(page.get("document.querySelectorAll('.said b').length"), 2, "the two names, and no markup");
            assert_eq!(page.complaints(), [""; 0], "nothing is refused by the page's policy, nothing is missing");
        }
        let alices = alice.get("document.getElementById('me').textContent");
        assert_eq!(bob.get("document.querySelector('.said:not(.own) b').textContent"), alices);
        alice.click("#leave");
        bob.until("document.getElementById('members').textContent === '1 member'");
        assert_eq!(alice.get("document.getElementById('lobby').hidden"), false);
    });
}

#[test]
fn a_dropped_connection_comes_back_and_misses_nothing_and_shows_nothing_twice() {
    with_pages(|[alice, bob]| {
        let server = Server::start(&[]);
        let line = Line::to(server.addr);
        alice.go(&format!("http://{}/#general", server.addr));
        bob.go(&format!("http://{}/#general", line.addr));
        for page in [&alice, &bob] {
            page.until(OPEN);
        }
        say(&alice, "0");
        say(&bob, "from bob");
        has_said(&alice, 2);
        has_said(&bob, 2);
        for round in 0..3 {
            line.cut();
            bob.until("document.getElementById('room').dataset.state === 'waiting'");
            for n in 0..5 {
                say(&alice, &format!("{round}.{n}"));
                has_said(&alice, 2 + round * 5 + n + 1);
            }
            line.mend();
            try_now(&bob);
            has_said(&bob, 2 + (round + 1) * 5);
            bob.until(OPEN);
        }
        say(&bob, "back");
        has_said(&alice, 18);
        has_said(&bob, 18);
        assert_eq!(bob.get(SAID), alice.get(SAID));
        assert_eq!(bob.get("document.getElementById('missed').textContent"), "0");
        assert_eq!(bob.get("document.getElementById('reconnects').textContent"), "3");
        // Under its new name it still knows its own from before.
        assert_eq!(
            bob.get("[...document.querySelectorAll('.own p')].map(p => p.textContent)"),
            json!(["from bob", "back"])
        );
    });
}

#[test]
fn what_was_said_into_a_breaking_connection_is_never_lost_silently() {
    with_pages(|[bob]| {
        let server = Server::start(&[]);
        let line = Line::to(server.addr);
        let mut alice = server.connect("/ws/general");
        bob.go(&format!("http://{}/#general", line.addr));
        bob.until(OPEN);
        line.mute();
        say(&bob, "lost");
        bob.until("document.querySelectorAll('.pending').length === 1");
        line.cut();
        bob.until("document.getElementById('room').dataset.state === 'waiting'");
        line.mend();
        bob.until("document.querySelectorAll('.failed button').length === 1");
        bob.click(".failed button");
        has_said(&bob, 1);
        assert_eq!(bob.get(SAID), json!(["lost"]));
        alice.text(r#"{"type":"chat","content":"end"}"#);
        let mut heard = Vec::new();
        while heard.last().is_none_or(|content| content != "end") {
            let message: Value = serde_json::from_str(&alice.next_text()).unwrap();
            if message["type"] == "chat" {
                heard.push(message["content"].clone());
            }
        }
        assert_eq!(heard, ["lost", "end"], "once");
    });
}

#[test]
fn a_restarted_server_is_found_again_and_the_gap_is_told() {
    with_pages(|[alice, bob]| {
        let mut server = Server::start(&["--drain", "0s"]);
        let addr = server.addr.to_string();
        for page in [&alice, &bob] {
            page.go(&format!("http://{addr}/#general"));
            page.until(OPEN);
        }
        bob.become_phone(390, 844);
        say(&alice, "before");
        has_said(&bob, 1);
        server.terminate();
        server.wait();
        bob.until("document.getElementById('room').dataset.state === 'waiting'");
        assert_eq!(bob.get("document.getElementById('send').disabled"), true);
        let _again = Server::start_on(&addr, &[]);
        for page in [&alice, &bob] {
            page.until(OPEN);
            tells(page, "Some messages were missed.");
            tells(page, "Connected again, as");
            page.until("document.getElementById('members').textContent === '2 members'");
        }
        say(&alice, "after");
        has_said(&bob, 2);
        assert_eq!(bob.get(SAID), json!(["before", "after"]));
        assert_eq!(bob.get("document.documentElement.scrollWidth <= 390"), true, "nothing sticks out on a phone");
    });
}

#[test]
fn who_cannot_get_in_is_told_why_and_tries_again() {
    with_pages(|[page]| {
        let server = Server::start(&[]);
        let plain = server.connect("/broadcast/feed");
        page.go(&format!("http://{}/#feed", server.addr));
        page.until("document.getElementById('why').textContent.includes('does not let us in')");
        drop(plain);
        try_now(&page);
        page.until(OPEN);
    });
}
