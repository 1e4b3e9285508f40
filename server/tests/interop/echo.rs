//! What goes to `/echo` comes back.

use std::io::Read;

use crate::client::{Event, Message};
use crate::stage::Stage;

/// Each side of the borders between the three ways to write a length (RFC 6455 section 5.2), and the largest message allowed.
const SIZES: [usize; 7] = [0, 1, 125, 126, 65_535, 65_536, 1 << 20];

/// Text of so many bytes, most of them parts of longer characters.
fn text(len: usize) -> Message {
    let mut text: String = "aß€🎉"
        .chars()
        .cycle()
        .scan(0, |sum, next| {
            (*sum + next.len_utf8() <= len).then(|| {
                *sum += next.len_utf8();
                next
            })
        })
        .collect();
    text.extend(std::iter::repeat_n('x', len - text.len()));
    Message::Text(text)
}

/// Every byte there is, again and again, never in step with a mask of four bytes.
fn binary(len: usize) -> Message {
    Message::Binary((0..len).map(|i| (i * 31 + i / 257) as u8).collect())
}

pub fn messages_of_every_size_come_back_unchanged(stage: &Stage) {
    let server = stage.server(&[]);
    let (mut client, _) = stage.connected(server.addr, "/echo");
    for len in SIZES {
        for message in [text(len), binary(len)] {
            client.send(&message);
            assert!(client.next_message() == message, "{len} bytes");
        }
    }
}

pub fn fragments_become_one_message_and_a_ping_between_them_is_answered(stage: &Stage) {
    let server = stage.server(&[]);
    let (mut client, _) = stage.connected(server.addr, "/echo");
    // 1,000 is no multiple of the text's ten bytes a round after a first odd one: frames end inside of characters.
    let Message::Text(uneven) = text(7_003) else { unreachable!("text is text") };
    for message in [Message::Text(format!("x{uneven}")), binary(7_000)] {
        client.fragments(&message, 1_000);
        assert_eq!(client.next(), Event::Pong { data: "between".into() });
        assert!(client.next_message() == message);
    }
}

pub fn a_ping_is_answered_with_its_own_bytes(stage: &Stage) {
    let server = stage.server(&[]);
    let (mut client, _) = stage.connected(server.addr, "/echo");
    for data in ["", "are you there?", &"p".repeat(125)] {
        client.ping(data);
        assert_eq!(client.next(), Event::Pong { data: data.into() });
    }
}

pub fn a_client_that_answers_pings_stays_while_a_silent_one_is_closed(stage: &Stage) {
    let server = stage.server(&["--ping-interval", "300ms", "--pong-timeout", "3s"]);
    let (mut client, _) = stage.connected(server.addr, "/echo");
    // Later than the client, so that the client would have been closed first.
    let mut silent = server.raw("/echo");
    silent.stream.read_to_end(&mut Vec::new()).unwrap();
    client.text("still here");
    assert_eq!(client.next_text(), "still here");
}
