//! The server with clients that are not ours: Node's `ws`, Python's `websockets`, Go's `gorilla/websocket`, and a headless browser; and two
//! crates that decompress (`decoders`).
//!
//! Each client is a small program (`clients/`, with the language that it speaks) that this driver installs from pinned versions and
//! starts. A test is a case, run against one client over one transport, so that its name says which combination failed. Where a
//! client cannot be had (no tool, no registry, no browser) its tests say "skipped" and pass, unless `FANOUT_INTEROP` names it:
//!
//! ```text
//! FANOUT_INTEROP=node,python,go,browser cargo test -p server --test interop
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

#[path = "../common/mod.rs"]
mod common;

mod cable;
mod certificates;
mod chat;
mod client;
mod closing;
mod decoders;
mod echo;
mod install;
mod rooms;
mod sse;
mod stage;

use client::Kind;
use stage::{Stage, Transport};

/// Runs a case, or says why it cannot be run.
fn run(kind: Kind, transport: Transport, case: fn(&Stage)) {
    match install::ready(kind) {
        Ok(_) => case(&Stage::new(kind, transport)),
        Err(why) => println!("skipped: {why}"),
    }
}

macro_rules! suite {
    ($($module:ident: $kind:ident over $transport:ident { $($file:ident :: $case:ident)+ })+) => {$(
        mod $module {
            use crate::{Kind, Transport, run};
            $(
                #[test]
                fn $case() {
                    run(Kind::$kind, Transport::$transport, crate::$file::$case);
                }
            )+
        }
    )+};
}

suite! {
    node: Node over Plain {
        echo::messages_of_every_size_come_back_unchanged
        echo::fragments_become_one_message_and_a_ping_between_them_is_answered
        echo::a_ping_is_answered_with_its_own_bytes
        echo::a_client_that_answers_pings_stays_while_a_silent_one_is_closed
        closing::the_code_of_a_client_comes_back
        closing::the_server_says_why_it_closes
        closing::what_is_no_room_is_refused
        rooms::a_client_that_was_cut_misses_nothing_and_gets_nothing_twice
        chat::what_one_member_says_all_members_hear_alike
        chat::coming_and_going_is_announced
        chat::nonsense_is_answered_to_its_sender_only
        chat::a_member_that_was_cut_goes_on_by_the_seq_it_saw_last
        chat::a_room_is_not_both_chat_and_broadcast
        sse::an_event_stream_carries_what_the_room_hears
        sse::a_stream_that_was_cut_goes_on_after_its_last_event
    }
    node_tls: Node over Tls {
        echo::messages_of_every_size_come_back_unchanged
        closing::the_server_says_why_it_closes
        rooms::a_client_that_was_cut_misses_nothing_and_gets_nothing_twice
        chat::a_member_that_was_cut_goes_on_by_the_seq_it_saw_last
        sse::an_event_stream_carries_what_the_room_hears
        sse::a_stream_that_was_cut_goes_on_after_its_last_event
    }
    python: Python over Plain {
        echo::messages_of_every_size_come_back_unchanged
        echo::fragments_become_one_message_and_a_ping_between_them_is_answered
        echo::a_ping_is_answered_with_its_own_bytes
        echo::a_client_that_answers_pings_stays_while_a_silent_one_is_closed
        closing::the_code_of_a_client_comes_back
        closing::the_server_says_why_it_closes
        closing::what_is_no_room_is_refused
        rooms::a_client_that_was_cut_misses_nothing_and_gets_nothing_twice
        chat::what_one_member_says_all_members_hear_alike
        chat::coming_and_going_is_announced
        chat::nonsense_is_answered_to_its_sender_only
        chat::a_member_that_was_cut_goes_on_by_the_seq_it_saw_last
        chat::a_room_is_not_both_chat_and_broadcast
        sse::an_event_stream_carries_what_the_room_hears
        sse::a_stream_that_was_cut_goes_on_after_its_last_event
    }
    python_tls: Python over Tls {
        echo::messages_of_every_size_come_back_unchanged
        closing::the_server_says_why_it_closes
        rooms::a_client_that_was_cut_misses_nothing_and_gets_nothing_twice
        chat::a_member_that_was_cut_goes_on_by_the_seq_it_saw_last
        sse::an_event_stream_carries_what_the_room_hears
        sse::a_stream_that_was_cut_goes_on_after_its_last_event
    }
    go: Go over Plain {
        echo::messages_of_every_size_come_back_unchanged
        echo::fragments_become_one_message_and_a_ping_between_them_is_answered
        echo::a_ping_is_answered_with_its_own_bytes
        echo::a_client_that_answers_pings_stays_while_a_silent_one_is_closed
        closing::the_code_of_a_client_comes_back
        closing::the_server_says_why_it_closes
        closing::what_is_no_room_is_refused
        rooms::a_client_that_was_cut_misses_nothing_and_gets_nothing_twice
        chat::what_one_member_says_all_members_hear_alike
        chat::coming_and_going_is_announced
        chat::nonsense_is_answered_to_its_sender_only
        chat::a_member_that_was_cut_goes_on_by_the_seq_it_saw_last
        chat::a_room_is_not_both_chat_and_broadcast
        sse::an_event_stream_carries_what_the_room_hears
        sse::a_stream_that_was_cut_goes_on_after_its_last_event
    }
    go_tls: Go over Tls {
        echo::messages_of_every_size_come_back_unchanged
        closing::the_server_says_why_it_closes
        rooms::a_client_that_was_cut_misses_nothing_and_gets_nothing_twice
        chat::a_member_that_was_cut_goes_on_by_the_seq_it_saw_last
        sse::an_event_stream_carries_what_the_room_hears
        sse::a_stream_that_was_cut_goes_on_after_its_last_event
    }
    // A page sees no pings, cannot fragment, and does not get at the headers of the answer: it resumes by the seq of chat messages.
    browser: Browser over Plain {
        echo::messages_of_every_size_come_back_unchanged
        echo::a_client_that_answers_pings_stays_while_a_silent_one_is_closed
        closing::the_code_of_a_client_comes_back
        closing::the_server_says_why_it_closes
        closing::what_is_no_room_is_refused
        chat::what_one_member_says_all_members_hear_alike
        chat::coming_and_going_is_announced
        chat::nonsense_is_answered_to_its_sender_only
        chat::a_member_that_was_cut_goes_on_by_the_seq_it_saw_last
        sse::an_event_stream_carries_what_the_room_hears
        sse::a_stream_that_was_cut_goes_on_after_its_last_event
    }
    browser_tls: Browser over Tls {
        echo::messages_of_every_size_come_back_unchanged
        closing::the_server_says_why_it_closes
        chat::a_member_that_was_cut_goes_on_by_the_seq_it_saw_last
        sse::an_event_stream_carries_what_the_room_hears
        sse::a_stream_that_was_cut_goes_on_after_its_last_event
    }
}

#[test]
fn all_kinds_of_clients_in_one_room_see_one_order() {
    rooms::all_kinds_see_one_order(Transport::Plain);
}

#[test]
fn all_kinds_of_clients_in_one_room_see_one_order_over_tls() {
    rooms::all_kinds_see_one_order(Transport::Tls);
}

#[test]
fn all_kinds_of_clients_share_the_history_of_a_room_that_they_join_at_any_time() {
    rooms::all_kinds_share_their_rooms_history();
}
