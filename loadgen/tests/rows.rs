//! Each connection has its row of a CSV file: in the path, in headers, in payloads, in what its dialect says.

use std::collections::BTreeSet;

use crate::command::{Stage, adds_up, undisturbed};
use crate::double::{Double, Fault};

const USERS: &str = "user,greeting\nada,good day\n\"b\"\"ob\",hello\ncyd,hi\ndot,moin\neve,unused\n";

const DIALECT: &str = r#"
[[join]]
name = "greet"
send = "{greeting}, I am {user}"
[publish]
send = '{"from":"{user.json}","text":"{message.json}"}'
[receive]
when = { has = "/from" }
message = "/text"
[[heartbeat]]
every = "300ms"
send = "{user} is here"
[leave]
send = "{user} goes"
"#;

fn scenario(url: &str) -> String {
    format!(
        r#"
name = "rows"
settle = "200ms"
drain = "3s"
max_schedule_lag = "1s"
[target]
url = "{url}?as={{user}}"
feed = "users.csv"
dialect = "greeting.toml"
[[connections]]
name = "people"
count = 4
[[publishers]]
name = "people"
from = "members"
every = "100ms"
[[phases]]
name = "steady"
for = "1s"
"#
    )
}

#[test]
fn every_connection_says_its_own_row_in_the_words_of_a_dialect() {
    for client in ["native", "tungstenite"] {
        let (done, heard) = undisturbed(|| {
            let server = Double::start(Fault::None);
            let stage = Stage::new(&scenario(&server.url())).with("users.csv", USERS).with("greeting.toml", DIALECT);
            let done = stage.run(&["--client", client]);
            (done, server.heard())
        });
        let run = done.exits(0).run();
        adds_up(run);
        assert_eq!((run.deliveries.lost, run.deliveries.corrupted, run.publishes.sent), (0, 0, 40));
        // One of the probe's connections was the very first that the double heard, and is left out there.
        let said: Vec<Vec<String>> = heard.into_iter().map(texts).filter(|said| said[0].contains("I am")).collect();
        let mut greeted = BTreeSet::new();
        for of_one in &said {
            let (greeting, user) = of_one[0].split_once(", I am ").unwrap();
            greeted.insert((greeting.to_owned(), user.to_owned()));
            let from = format!("{{\"from\":{},", serde_json::Value::from(user));
            let known = [format!("{user} is here"), format!("{user} goes")];
            assert!(of_one[1..].iter().all(|text| text.starts_with(&from) || known.contains(text)), "{of_one:?}");
        }
        let rows = [("good day", "ada"), ("hello", "b\"ob"), ("hi", "cyd"), ("moin", "dot")];
        assert_eq!(greeted, rows.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
        assert!(said.iter().flatten().filter(|text| text.ends_with("is here")).count() >= 4);
    }
}

fn texts(messages: Vec<Vec<u8>>) -> Vec<String> {
    messages.into_iter().map(|message| String::from_utf8(message).unwrap()).collect()
}

#[test]
fn a_dialect_that_names_no_column_says_which_there_are() {
    let stage = Stage::new(&scenario("ws://127.0.0.1:9001/ws"))
        .with("users.csv", USERS)
        .with("greeting.toml", "[[join]]\nname = \"greet\"\nsend = \"I am {name}\"\n");
    stage.run(&[]).exits(2).says("unknown placeholder {name}: here there is {room}, {id}, {user}, {greeting}");
}
