//! Which web pages may use the server.

use crate::common::Server;
use crate::common::http::request;

#[test]
fn a_client_that_is_no_page_is_not_asked_for_an_origin() {
    assert_eq!(Server::start(&[]).ask("/broadcast/r", &[]).status, 101);
}

#[test]
fn the_servers_own_pages_may_use_it_and_others_are_told_the_flag() {
    let server = Server::start(&[]);
    let here = format!("Host: {}", server.addr);
    for path in ["/broadcast/r", "/echo"] {
        assert_eq!(server.ask(path, &[&here, &format!("Origin: http://{}", server.addr)]).status, 101);
        let refused = server.ask(path, &[&here, "Origin: https://evil.example"]);
        assert_eq!(refused.status, 403);
        assert!(refused.body.contains("--allow-origin https://evil.example"), "{}", refused.body);
        assert_eq!(server.ask(path, &[&here, "Origin: null"]).status, 403);
        assert_eq!(server.ask(path, &[&here, "Origin: http://evil.example:80:80"]).status, 403);
    }
    assert_eq!(server.stats()["refused"]["403"], 6);
    assert_eq!(server.stats_until(|stats| stats["connections"] == 0)["members"], 0);
}

#[test]
fn two_origins_are_none_that_fits() {
    let server = Server::start(&["--allow-origin", "https://good.example"]);
    assert_eq!(server.ask("/echo", &["Origin: https://good.example"]).status, 101);
    assert_eq!(server.ask("/echo", &["Origin: https://good.example", "Origin: https://evil.example"]).status, 403);
    let host = "Host: evil.example";
    assert_eq!(server.ask("/echo", &[host, "Host: x", "Origin: http://evil.example"]).status, 400);
}

#[test]
fn origins_on_the_list_may_use_it_too() {
    let server = Server::start(&["--allow-origin", "https://chat.example,https://*.example.org"]);
    for (origin, status) in [
        ("https://chat.example", 101),
        ("https://a.example.org", 101),
        ("https://example.org", 403),
        ("http://chat.example", 403),
        ("http://x", 101),
    ] {
        assert_eq!(server.ask("/broadcast/r", &[&format!("Origin: {origin}")]).status, status, "{origin}");
    }
    let any = Server::start(&["--allow-origin", "*"]);
    for origin in ["https://anything.example", "null"] {
        assert_eq!(any.ask("/broadcast/r", &[&format!("Origin: {origin}")]).status, 101, "{origin}");
    }
}

/// Before it sends a token to another origin than the page's, a browser asks whether it may.
#[test]
fn a_page_of_another_origin_is_told_that_it_may_send_a_token_and_see_the_cursor() {
    let server = Server::start(&["--allow-origin", "https://good.example"]);
    let ask = |method: &str, path: &str, origin: &str| {
        let headers = format!("Origin: {origin}\r\nAccess-Control-Request-Method: GET\r\n");
        request(server.addr, method, path, &headers, b"")
    };
    for path in ["/sse/r", "/poll/r?after=z.7"] {
        let answer = ask("OPTIONS", path, "https://good.example");
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        for (name, value) in [
            ("access-control-allow-origin", "https://good.example"),
            ("access-control-allow-methods", "get"),
            ("access-control-allow-headers", "authorization, last-event-id"),
            ("access-control-max-age", "7200"),
            ("vary", "origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(ask("OPTIONS", path, "https://evil.example").status, 403);
    }
    assert_eq!(server.stats()["rooms"], 0);
    for path in ["/sse/r", "/poll/r?wait=0"] {
        let answer = ask("GET", path, "https://good.example");
        assert_eq!((answer.status, answer.header("access-control-expose-headers")), (200, Some("fanout-cursor")));
    }
    assert_eq!(ask("OPTIONS", "/stats", "https://good.example").status, 405);
}
