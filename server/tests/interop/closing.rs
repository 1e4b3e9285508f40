//! How connections end, and which do not begin.

use crate::client::{Event, Kind, Message};
use crate::stage::Stage;

pub fn the_code_of_a_client_comes_back(stage: &Stage) {
    let server = stage.server(&[]);
    let mut client = stage.client();
    for (code, reason) in [(1000, "done"), (3000, ""), (4999, "grüße")] {
        client.connect(&stage.url(server.addr, "/broadcast/r"));
        client.close(Some(code), reason);
        assert_eq!(client.next_close().0, code);
    }
    client.connect(&stage.url(server.addr, "/broadcast/r"));
    client.close(None, "");
    let empty = match stage.kind {
        Kind::Python => 1000,
        Kind::Node | Kind::Go | Kind::Browser => 1005,
    };
    assert_eq!(client.next_close().0, empty);
}

pub fn the_server_says_why_it_closes(stage: &Stage) {
    let mut server = stage.server(&["--max-message", "1000", "--drain", "100ms"]);
    let mut client = stage.client();

    client.connect(&stage.url(server.addr, "/echo"));
    client.send(&Message::Binary(vec![1; 2_000]));
    let (code, reason) = client.next_close();
    assert!(code == 1009 && !reason.is_empty(), "{code} {reason}");

    client.connect(&stage.url(server.addr, "/broadcast/r?resume=no.0"));
    let (code, reason) = client.next_close();
    assert!(code == 4001 && !reason.is_empty(), "{code} {reason}");

    client.connect(&stage.url(server.addr, "/broadcast/r"));
    server.terminate();
    let (code, reason) = client.next_close();
    assert!(code == 1001 && !reason.is_empty(), "{code} {reason}");
    assert!(server.wait().success());
}

pub fn what_is_no_room_is_refused(stage: &Stage) {
    let server = stage.server(&[]);
    let mut client = stage.client();
    let status = (stage.kind != Kind::Browser).then_some(404);
    assert_eq!(client.try_connect(&stage.url(server.addr, "/broadcast/")), Event::Refused { status });
    // And the next attempt is as good as a first.
    client.connect(&stage.url(server.addr, "/broadcast/r"));
}
