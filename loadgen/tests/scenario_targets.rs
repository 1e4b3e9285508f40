//! What a scenario's `[target]` means, and what goes to it beside connections: rows of a feed, publishes over HTTP.

use std::path::Path;
use std::time::Duration;

use loadgen::http::Destination;
use loadgen::plan::{Ready, TargetKind, Via};
use loadgen::scenario::parse;

use crate::written::{LIMITS, SHORTEST, plan, render, with_sets};

#[test]
fn the_bundled_server_gets_its_flags() {
    let plan = plan(&format!(
        "{SHORTEST}[target]\npath = \"/ws/{{room}}\"\nserver = {{ lag_policy = \"skip\", shards = 1, flush-delay = \"0ms\" }}\n"
    ));
    let TargetKind::Bundled { flags, .. } = &plan.target.kind else { panic!() };
    let flags: Vec<(String, &str)> = flags.iter().map(|flag| (flag.argument(), flag.value.as_str())).collect();
    let flags: Vec<(&str, &str)> = flags.iter().map(|(n, v)| (n.as_str(), *v)).collect();
    assert_eq!(flags, [("--flush-delay", "0ms"), ("--lag-policy", "skip"), ("--shards", "1")]);
    assert_eq!(plan.target.path, "/ws/{room}");
}

#[test]
fn a_spawned_server_is_started_in_its_folder_with_its_environment() {
    let target = |extra: &str| {
        plan(&format!("{SHORTEST}[target]\nspawn = [\"node\", \"hub.js\", \"--port\", \"{{port}}\"]\n{extra}"))
            .target
            .kind
    };
    let TargetKind::Spawn { command, ready, ready_timeout, env, cwd, .. } =
        target("ready = \"line:up on {port}\"\nready_timeout = \"3s\"\nenv = { A = \"1\" }\ncwd = \"hub\"\n")
    else {
        panic!()
    };
    assert_eq!(command, ["node", "hub.js", "--port", "{port}"]);
    assert_eq!((ready, ready_timeout), (Ready::Line("up on {port}".into()), Duration::from_secs(3)));
    assert_eq!((env, cwd.unwrap()), (vec![("A".into(), "1".into())], Path::new("here/hub").into()));
    assert!(
        matches!(target(""), TargetKind::Spawn { ready: Ready::Tcp, cwd: None, ready_timeout, .. } if ready_timeout.as_secs() == 10)
    );
    assert!(
        matches!(target("ready = \"/healthz\"\n"), TargetKind::Spawn { ready: Ready::Http(p), .. } if p == "/healthz")
    );
}

#[test]
fn a_url_is_taken_apart_and_its_secrets_stay_out_of_results() {
    let plan = plan(&format!(
        "{SHORTEST}[target]\nurl = \"ws://me:p%40ss@127.0.0.1:9001/ws/{{room}}?token={{env.CARGO_PKG_NAME}}\"\npid = 7\n\
         headers = {{ Cookie = \"a=secret\", X-App = \"{{env.CARGO_PKG_NAME}}\" }}\n"
    ));
    let TargetKind::Url { endpoints, pid } = &plan.target.kind else { panic!() };
    assert_eq!((endpoints[0].host.as_str(), *pid), ("127.0.0.1:9001", Some(7)));
    assert_eq!(endpoints[0].address.to_string(), "127.0.0.1:9001");
    assert_eq!(plan.target.path, "/ws/{room}?token=loadgen");
    assert_eq!(plan.target.shown_path, "/ws/{room}?[redacted]");
    let basic = ("Authorization".to_owned(), "Basic bWU6cEBzcw==".to_owned());
    assert!(plan.target.headers.contains(&basic), "{:?}", plan.target.headers);
    assert!(plan.target.headers.contains(&("X-App".to_owned(), "loadgen".to_owned())));
    let shown = plan.resolved.to_string();
    for secret in ["loadgen", "p%40ss", "secret", "token", "bWU6"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("ws://[redacted]@127.0.0.1:9001/ws/{room}?[redacted]"), "{shown}");
}

#[test]
fn a_url_needs_no_port_and_localhost_prefers_ipv4() {
    let plan = with_sets(&["target.url=ws://localhost/live"]);
    let TargetKind::Url { endpoints, .. } = &plan.target.kind else { panic!() };
    assert_eq!(endpoints[0].host, "localhost");
    assert_eq!(endpoints[0].address.to_string(), "127.0.0.1:80");
    assert_eq!(plan.target.path, "/live");
}

#[test]
fn several_addresses_share_the_connections_in_turn_or_by_room() {
    let urls = "[target]\nurl = [\"ws://127.0.0.1:9001/ws/{room}\", \"ws://127.0.0.1:9002/ws/{room}\"]\n";
    let in_turn = plan(&format!("{SHORTEST}{urls}"));
    assert_eq!((in_turn.target.endpoints(), in_turn.target.path.as_str()), (2, "/ws/{room}"));
    assert_eq!((0..4).map(|c| in_turn.target.endpoint(0, c)).collect::<Vec<_>>(), [0, 1, 0, 1]);
    let by_room = plan(&format!("{SHORTEST}{urls}assign = \"room\"\n"));
    assert_eq!((0..4).map(|room| by_room.target.endpoint(room, 7)).collect::<Vec<_>>(), [0, 1, 0, 1]);
    assert_eq!(by_room.resolved["target"]["assign"], "room");
}

#[test]
fn every_connection_has_its_row_of_the_feed_and_results_have_none() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("users.csv"), "user,token\nada,s3cr3t\n\"b\"\"b\",hunter2\n").unwrap();
    let text = SHORTEST.replace(
        "rate = 5",
        "rate = 5\nfrom = \"members\"\npayload = { template = '{\"by\":\"{user}\",\"id\":\"{stamp}\"}' }",
    ) + "[target]\nfeed = \"users.csv\"\nfeed_end = \"wrap\"\npath = \"/ws/{user}\"\nheaders = { Authorization = \"Bearer {token}\", X-Token = \"{token}\" }\n";
    let plan = parse(&dir.path().join("test.toml"), &text, &[], &LIMITS).unwrap();
    let said = |publisher| String::from_utf8(render(&plan, 0, publisher, 0)).unwrap();
    assert!(said(0).starts_with(r#"{"by":"ada","#), "{}", said(0));
    assert!(said(3).starts_with(r#"{"by":"b\"b","#), "{}", said(3));
    assert_eq!(plan.target.path, "/ws/{user}");
    let shown = plan.resolved.to_string();
    assert!(!shown.contains("s3cr3t") && !shown.contains("hunter2"), "{shown}");
    assert_eq!(plan.resolved["target"]["feed"]["rows"], 2);
}

#[test]
fn publishers_over_http_post_the_message_to_the_bundled_server_or_anywhere() {
    let text = SHORTEST.replace("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://{target.admin}/publish/{room}\"");
    let bundled = plan(&text);
    assert!(bundled.needs_admin());
    let elsewhere = plan(&text.replace("{target.admin}", "me:secret@127.0.0.1:8000"));
    let Via::Http(route) = &elsewhere.publishers[0].via else { panic!() };
    let to = Destination::Address { host: "127.0.0.1:8000".to_owned(), address: ([127, 0, 0, 1], 8000).into() };
    assert_eq!((&route.to, route.path.as_str(), route.method.as_str()), (&to, "/publish/{room}", "POST"));
    assert_eq!(route.headers, [("Authorization".to_owned(), "Basic bWU6c2VjcmV0".to_owned())]);
    assert_eq!(elsewhere.resolved["publishers"][0]["url"], "http://[redacted]@127.0.0.1:8000/publish/{room}");
}
