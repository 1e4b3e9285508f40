//! Event streams: rooms for those who only listen, by plain HTTP.

use std::ops::Range;

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::cable::Cable;
use crate::client::{Client, Event, Kind, Message};
use crate::stage::Stage;

/// The next event; its id, the kind and the bytes of the message.
fn next(listener: &mut Client) -> (String, Message) {
    match listener.next() {
        Event::Streamed { id, name, data } if name == "message" => (id, Message::Text(data)),
        Event::Streamed { id, name, data } if name == "binary" => {
            (id, Message::Binary(BASE64_STANDARD.decode(data).unwrap()))
        }
        other => panic!("{}: an event was due, not {other:?}", listener.kind.name()),
    }
}

fn listen(listener: &mut Client, url: &str, last: Option<&str>) {
    listener.stream(url, last);
    assert!(matches!(listener.next(), Event::Open { .. }));
}

pub fn an_event_stream_carries_what_the_room_hears(stage: &Stage) {
    let server = stage.server(&[]);
    let mut listener = stage.client();
    listen(&mut listener, &stage.page(server.addr, "/sse/r"), None);
    let (mut writer, cursor) = stage.connected(server.addr, "/broadcast/r");
    let messages = [
        Message::Text("grüße \u{1f389}".into()),
        Message::Text("first\nsecond\n\nfourth".into()),
        Message::Text(": no comment\nid: 7".into()),
        Message::Text(" a space before".into()),
        Message::Text(String::new()),
        Message::Text("x".repeat(100_000)),
        Message::Binary((0..=255).collect()),
        Message::Binary(vec![]),
    ];
    for (n, message) in messages.iter().enumerate() {
        writer.send(message);
        let (id, heard) = next(&mut listener);
        assert!(heard == *message, "message {n}");
        assert!(id.ends_with(&format!(".{n}")), "{id}");
        if let Some(cursor) = &cursor {
            assert_eq!(id.split('.').next(), cursor.split('.').next());
        }
    }
    // All ends of lines are one to the grammar of event streams.
    writer.send(&Message::Text("one\r\ntwo\rthree".into()));
    assert_eq!(next(&mut listener).1, Message::Text("one\ntwo\nthree".into()));
}

pub fn a_stream_that_was_cut_goes_on_after_its_last_event(stage: &Stage) {
    let server = stage.server(&[]);
    let cable = Cable::to(server.addr);
    let url = stage.page(cable.addr, "/sse/r");
    let (mut writer, _) = stage.connected(server.addr, "/broadcast/r");
    let mut listener = stage.client();
    listen(&mut listener, &url, None);
    let mut publish = |texts: Range<u32>| {
        for n in texts {
            writer.text(&n.to_string());
            // In the log, then.
            assert_eq!(writer.next_text(), n.to_string());
        }
    };
    publish(0..5);
    let mut heard = 0;
    for (gone, back) in [(5, 10), (15, 16), (21, 30)] {
        let last = hear(&mut listener, heard..gone);
        cable.cut();
        assert_eq!(listener.next(), Event::Ended);
        publish(gone..back);
        match stage.kind {
            // By itself.
            Kind::Browser => assert!(matches!(listener.next(), Event::Open { .. })),
            Kind::Node | Kind::Python | Kind::Go => listen(&mut listener, &url, Some(&last)),
        }
        publish(back..back + 5);
        heard = gone;
    }
    hear(&mut listener, heard..35);
}

/// Reads these texts, and returns the last one's id.
fn hear(listener: &mut Client, texts: Range<u32>) -> String {
    let mut last = String::new();
    for n in texts {
        let (id, message) = next(listener);
        assert_eq!(message, Message::Text(n.to_string()));
        last = id;
    }
    last
}
