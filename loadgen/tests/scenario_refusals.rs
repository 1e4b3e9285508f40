//! Every scenario that cannot work is refused with one sentence at the place where it is wrong.
//!
//! A case changes one part of a scenario that works and says the place (line, column) and the sentence that follow.

use std::path::Path;

use loadgen::scenario::parse;

use crate::written::{BASE, LIMITS, refusal, refused, scenario_folder};

#[test]
fn the_scenario_that_the_cases_change_is_accepted() {
    parse(Path::new("test.toml"), BASE, &[], &LIMITS).unwrap();
}

#[test]
fn an_error_names_its_file_or_the_override() {
    let dir = scenario_folder();
    let in_file = refusal(dir.path(), &BASE.replace("count = 10", "count = 0"), &[], 28_232);
    assert!(in_file.file().ends_with("test.toml"));
    let in_set = refusal(dir.path(), BASE, &["settle=1s", "connections.phones.count=0"], 28_232);
    assert_eq!((in_set.file(), in_set.place()), ("--set", Some((1, 26))));
}

/// What a newcomer gets wrong: what it is, the part of [`BASE`] that is replaced, and by what.
const MISTAKES: [(&str, &str, &str); 12] = [
    ("a key misspelt", "count = 10", "cuont = 10"),
    ("a key of the top level below a table", "rate = 5", "rate = 5\ndrain = \"1s\""),
    ("a key of another table", "count = 10", "count = 10\nrate = 5"),
    ("a duration without a unit", "for = \"2s\"", "for = 2"),
    ("a unit that does not exist", "for = \"2s\"", "for = \"2 parsecs\""),
    ("text where a number belongs", "count = 10", "count = \"many\""),
    ("a name that is not closed", "name = \"phones\"", "name = \"phones"),
    ("more connections than one process can open", "count = 10", "count = 30000"),
    ("a threshold on nothing", "[[phases]]", "[thresholds]\n\"latency.du.p99\" = \"< 50ms\"\n[[phases]]"),
    ("a threshold without a comparison", "[[phases]]", "[thresholds]\n\"latency.due.p99\" = \"50ms\"\n[[phases]]"),
    ("two of one name", "[[publishers]]", "[[connections]]\nname = \"phones\"\ncount = 1\n[[publishers]]"),
    ("a publisher without a rate", "rate = 5", ""),
];

/// Compares with `refusals.txt`; with UPDATE_SNAPSHOTS set, writes it.
#[test]
fn a_newcomers_mistakes_are_shown_where_they_are() {
    let dir = scenario_folder();
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none());
    let mut shown = String::new();
    for (mistake, from, to) in MISTAKES {
        let error = refusal(dir.path(), &BASE.replace(from, to), &[], 28_232);
        let mut text = String::new();
        handler.render_report(&mut text, &error).unwrap();
        let text = text.replace(&dir.path().display().to_string(), "folder");
        shown.push_str(&format!("== {mistake}\n{}\n\n", text.trim_end()));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/written/refusals.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &shown).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == kept, "{} differs; set UPDATE_SNAPSHOTS to accept this:\n{shown}", path.display());
}

#[test]
fn more_connections_than_ports_are_refused() {
    let error = refusal(scenario_folder().path(), &BASE.replace("count = 10", "count = 19000"), &[], 15_000);
    assert_eq!(error.to_string(), "19001 connections from one source address, but there are 15000 ports for them");
    assert!(error.advice().unwrap().starts_with("add source_ips = "));
}

#[test]
#[rustfmt::skip]
fn keys_that_do_not_exist_name_the_nearest_or_their_place() {
    refused(&[
        ("count = 10", "cuont = 10", &[], (4, 1), "unknown key `cuont` in [[connections]]; did you mean `count`?"),
        ("rate = 5", "rate = 5\ndrain = \"1s\"", &[], (8, 1), "`drain` belongs to the top level, but stands in [[publishers]]: move it to the top"),
        ("rate = 5", "rate = 5\ncount_of = 3\n", &[], (8, 1), "unknown key `count_of` in [[publishers]]; did you mean `count`?"),
        ("count = 10", "count = 10\nrate = 5", &[], (5, 1), "`rate` belongs in [[publishers]], not in [[connections]]"),
        (r#"name = "base""#, r#"nmae = "base""#, &[], (1, 1), "unknown key `nmae` in the top level; did you mean `name`?"),
        ("[[phases]]", "[thresolds]\n\"deliveries.lost\" = \"== 0\"\n[[phases]]", &[], (8, 2), "unknown key `thresolds` in the top level; did you mean `thresholds`?"),
        ("count = 10", "count = 10\ncompression = { offers = \"context\" }", &[], (5, 17), "unknown key `offers` in compression; did you mean `offer`?"),
        ("count = 10", "count = 10\noffer = \"context\"", &[], (5, 1), "`offer` belongs in compression, not in [[connections]]"),
        ("rate = 5", "rate = 5\npayload = { sise = 128 }", &[], (8, 13), "unknown key `sise` in payload; did you mean `size`?"),
        (r#"name = "base""#, "name = \"base\"\n[target]\nulr = \"ws://x\"", &[], (3, 1), "unknown key `ulr` in [target]; did you mean `url`?"),
        ("[[phases]]", "[[phase]]", &[], (8, 3), "unknown key `phase` in the top level; did you mean `phases`?"),
        ("rate = 5", "rate = 5\nzzz = 1", &[], (8, 1), "unknown key `zzz` in [[publishers]]"),
    ]);
}

#[test]
#[rustfmt::skip]
fn compression_that_makes_no_sense_is_refused() {
    refused(&[
        ("count = 10", "count = 10\ncompression = { offer = \"off\", require = true }", &[], (5, 42), "offer = \"off\" offers nothing that could be required"),
        ("count = 10", "count = 10\ncompression = { offer = \"off\", window_bits = 12 }", &[], (5, 46), "offer = \"off\" has no window: remove `window_bits`"),
        ("count = 10", "count = 10\ncompression = { offer = \"gzip\" }", &[], (5, 25), "`gzip` is not an offer of compression: write \"off\" or \"no_context\" or \"context\""),
        ("count = 10", "count = 10\ncompression = { offer = \"context\", window_bits = 16 }", &[], (5, 50), "`16` is no window: write a whole number of bits from 8 to 15"),
        ("count = 10", "count = 10\ncompression = { require = true }", &[], (5, 15), "`offer` is missing"),
        ("count = 10", "count = 10\ninflate = 0.0", &[], (5, 11), "`0` is no share: write \"all\", or a number above 0 and up to 1, such as 0.01"),
        ("count = 10", "count = 10\ninflate = \"some\"", &[], (5, 11), "`some` is no share: write \"all\", or a number above 0 and up to 1, such as 0.01"),
    ]);
}

#[test]
#[rustfmt::skip]
fn leaving_and_coming_back_that_makes_no_sense_is_refused() {
    refused(&[
        ("count = 10", "count = 10\nchurn = { session = \"90s\" }", &[], (5, 9), "`offline` is missing"),
        ("count = 10", "count = 10\nchurn = { offline = \"1s\" }", &[], (5, 9), "`churn` does not say how often connections leave"),
        ("count = 10", "count = 10\nchurn = { session = \"9s\", rate = 5, offline = \"1s\" }", &[], (5, 34), "`rate` does not go together with `session`: keep one of them"),
        ("count = 10", "count = 10\nchurn = { rate = 5, offline = \"3s\" }", &[], (5, 18), "5 leaves a second, each for 3 s, would leave nobody connected"),
        ("count = 10", "count = 10\nchurn = { session = \"9s\", offline = \"5s-1s\" }", &[], (5, 37), "`5s-1s` is not a duration or a range of durations: write \"3s\" or \"1s-5s\""),
        ("count = 10", "count = 10\ninflate = 0.5\nreconnect = { resume = true }", &[], (6, 13), "what a connection missed is known only where every message is looked at"),
        ("count = 10", "count = 10\nreconnect = { jitter = \"some\" }", &[], (5, 24), "`some` is not a jitter: write \"none\" or \"equal\" or \"full\""),
        ("count = 10", "count = 10\nreconnect = { backoff = \"0s-1s\" }", &[], (5, 25), "a wait of nothing stays nothing however often it doubles"),
        ("count = 10", "count = 10\nreconnect = { backof = \"1s\" }", &[], (5, 15), "unknown key `backof` in reconnect; did you mean `backoff`?"),
        (r#"for = "2s""#, "for = \"2s\"\nat_start = { cut = 0 }", &[], (11, 20), "`0` is no share: write a number above 0 and up to 1, such as 0.5"),
        (r#"for = "2s""#, "for = \"2s\"\nat_start = {}", &[], (11, 12), "`at_start` says nothing to be done"),
        (r#"for = "2s""#, "for = \"2s\"\nat_start = { restart = \"SIGTERM\" }", &["target.url=ws://127.0.0.1:1"], (11, 24), "only a server that fanout starts can be restarted: this one has a `url`"),
    ]);
}

#[test]
#[rustfmt::skip]
fn values_that_cannot_be_read_say_what_they_should_look_like() {
    refused(&[
        ("count = 10", "count = 0", &[], (4, 9), "`0` is not a count: write a whole number from 1 to 4294967295"),
        ("count = 10", "count = -5", &[], (4, 9), "`-5` is not a count: write a whole number from 1 to 4294967295"),
        ("count = 10", r#"count = "many""#, &[], (4, 9), "`many` is not a count: write a whole number from 1 to 4294967295"),
        ("count = 10", "count = 99999999999", &[], (4, 9), "`99999999999` is not a count: write a whole number from 1 to 4294967295"),
        ("count = 10", "count = [1]", &[], (4, 9), "expected a whole number, but this is a list"),
        ("rate = 5", "rate = 0", &[], (7, 8), "`0` does not work here: write a number above zero"),
        ("rate = 5", "rate = -1", &[], (7, 8), "`-1` does not work here: write a number above zero"),
        ("rate = 5", "rate = inf", &[], (7, 8), "`inf` does not work here: write a number above zero"),
        ("rate = 5", r#"rate = "fast""#, &[], (7, 8), "`fast` does not work here: write a number above zero"),
        ("rate = 5", r#"every = "20""#, &[], (7, 9), r#"`20` is not a duration: write a number with its unit, such as "250ms", "1.5s" or "2m""#),
        ("rate = 5", r#"every = "0s""#, &[], (7, 9), "`0s` is no time at all: write a duration above zero"),
        (r#"for = "2s""#, r#"for = "0s""#, &[], (10, 7), "`0s` is no time at all: a phase needs a duration above zero"),
        (r#"for = "2s""#, "for = 2", &[], (10, 7), r#"`2` is not a duration: write a number with its unit, such as "250ms", "1.5s" or "2m", or "replay""#),
        (r#"for = "2s""#, r#"for = "2 parsecs""#, &[], (10, 7), r#"`2 parsecs` is not a duration: write a number with its unit, such as "250ms", "1.5s" or "2m", or "replay""#),
        (r#"for = "2s""#, "for = \"2s\"\nload = \"5\"", &[], (11, 8), r#"`5` is not a load: write "5x" for five times the publishers' rates, or "1x-5x" to ramp"#),
        (r#"for = "2s""#, "for = \"2s\"\nload = \"-1x\"", &[], (11, 8), r#"`-1x` is not a load: write "5x" for five times the publishers' rates, or "1x-5x" to ramp"#),
        (r#"name = "base""#, r#"name = "Base Run""#, &[], (1, 8), "`Base Run` is not a name: use a-z, 0-9 and -, in quotes"),
        (r#"name = "base""#, r#"name = """#, &[], (1, 8), "`` is not a name: use a-z, 0-9 and -, in quotes"),
        (r#"name = "base""#, "name = \"base\"\nseed = -1", &[], (2, 8), "`-1` is not a seed: write a whole number from 0 to 9223372036854775807"),
        (r#"name = "base""#, "name = \"base\"\nsettle = \"soon\"", &[], (2, 10), r#"`soon` is not a duration: write a number with its unit, such as "250ms", "1.5s" or "2m""#),
        (r#"name = "base""#, "name = \"base\"\nmode = \"shout\"", &[], (2, 8), r#"`shout` is not a mode: write "broadcast" or "echo" or "observe""#),
        (r#"name = "base""#, "name = \"base\"\ncorrelate = \"magic\"", &[], (2, 13), r#"`magic` is not a way to correlate: write "stamp" or "content""#),
        ("count = 10", "count = 10\nrooms = \"lobby\"", &[], (5, 9), r#"`lobby` is not a number of rooms: for one room of that name write ["lobby"]"#),
        ("count = 10", "count = 10\nrooms = 0", &[], (5, 9), "`0` is not a number of rooms: write a whole number from 1 up"),
        ("count = 10", "count = 10\nrooms = []", &[], (5, 9), "the list of rooms is empty: name one, or leave `rooms` out"),
        ("count = 10", "count = 10\nrooms = [\"a\", \"a\"]", &[], (5, 9), "the room `a` is named twice"),
        ("count = 10", "count = 10\nrooms = [\"\"]", &[], (5, 9), "a room needs a name that is not empty"),
        ("count = 10", "count = 10\nspread = \"random\"", &[], (5, 10), r#"`random` is not a spread: write "even" or "zipf""#),
        ("count = 10", "count = 10\nsource_ips = [\"here\"]", &[], (5, 15), r#"`here` is not an address or a range such as "127.0.0.2-127.0.0.5""#),
        ("count = 10", "count = 10\nsource_ips = [\"127.0.0.2\", \"192.0.2.1\"]", &[], (5, 28), "`192.0.2.1` is no address of this machine, so nothing can connect from it"),
        ("count = 10", "count = 10\nsource_ips = [\"::1\"]", &[], (5, 15), "`::1` cannot reach the server: 127.0.0.1 is of the other IP version"),
        ("count = 10", "count = 10\nramp = 0", &[], (5, 8), "`0` does not work here: write a number above zero"),
        ("rate = 5", "rate = 5\npayload = { size = \"big\" }", &[], (8, 20), r#"`big` is not a size or a range of sizes: write 128, "2KiB" or "128-512""#),
        ("rate = 5", "rate = 5\npayload = { size = 0 }", &[], (8, 20), "`0`: a payload has from 1 byte to 1 GiB"),
        ("rate = 5", "rate = 5\npayload = { size = \"500-100\" }", &[], (8, 20), r#"`500-100` is not a size or a range of sizes: write 128, "2KiB" or "128-512""#),
        ("rate = 5", "rate = 5\npayload = { corpus = \"tweets\" }", &[], (8, 22), r#"`tweets` is not a corpus: write "words" or "chat" or "ticks" or "telemetry" or "game" or "random""#),
        ("rate = 5", "rate = 5\npayload = \"hello\"", &[], (8, 11), r#"expected a table such as { size = 128 }, but this is string "hello""#),
    ]);
}

#[test]
#[rustfmt::skip]
fn what_is_not_toml_is_shown_where_it_breaks() {
    refused(&[
        ("count = 10", "count = ", &[], (4, 9), "this is not TOML: string values must be quoted, expected literal string"),
        (r#"name = "base""#, r#"name = "base"#, &[], (1, 13), r#"this is not TOML: invalid basic string, expected `"`"#),
        ("count = 10", "count = 10\ncount = 11", &[], (5, 1), "this is not TOML: duplicate key"),
        ("count = 10", "count = 10 20", &[], (4, 9), "this is not TOML: string values must be quoted, expected literal string"),
        ("[[phases]]", "[phases]", &[], (8, 2), "`phases` is a list: write [[phases]] with two brackets"),
        ("[[phases]]", "[[target]]\n[[phases]]", &[], (8, 3), "there is only one `target`: write [target] with one bracket"),
    ]);
}

#[test]
#[rustfmt::skip]
fn what_is_missing_is_named() {
    refused(&[
        ("name = \"base\"\n", "", &[], (1, 1), "`name` is missing"),
        ("count = 10\n", "", &[], (2, 1), "`count` is missing"),
        ("name = \"phones\"\n", "", &[], (2, 1), "`name` is missing"),
        ("rate = 5\n", "", &[], (6, 8), "the publishers `source` have no rate"),
        ("for = \"2s\"\n", "", &[], (8, 1), "`for` is missing"),
        ("[[connections]]\nname = \"phones\"\ncount = 10\n", "", &[], (1, 1), "there is no [[connections]]: nobody would receive anything"),
        ("[[phases]]\nname = \"steady\"\nfor = \"2s\"\n", "", &[], (1, 1), "there is no [[phases]]: the run would be over before it began"),
    ]);
}

#[test]
#[rustfmt::skip]
fn keys_that_do_not_go_together_are_refused() {
    refused(&[
        ("rate = 5", "rate = 5\nevery = \"1s\"", &[], (8, 9), "`every` does not go together with `rate`: keep one of them"),
        ("rate = 5", "rate = 5\narrival = \"closed\"", &[], (7, 8), r#"`rate` does not go together with arrival = "closed", which has no due times"#),
        ("rate = 5", "every = \"1s\"\narrival = \"closed\"", &[], (7, 9), r#"`every` does not go together with arrival = "closed", which has no due times"#),
        ("rate = 5", "rate = 5\nin_flight = 3", &[], (8, 13), r#"`in_flight` needs arrival = "closed""#),
        ("rate = 5", "rate = 5\nspeed = 2", &[], (8, 9), "`speed` is for publishers with `replay`, which is missing"),
        ("rate = 5", "rate = 5\nloop = true", &[], (8, 8), "`loop` is for publishers with `replay`, which is missing"),
        ("rate = 5", "rate = 5\nfrom = \"members\"\ncount = 3", &[], (9, 9), "`count` is for separate publishers: here every subscriber sends"),
        ("rate = 5", "rate = 5\nfrom = \"members\"\n[[publishers]]\nname = \"again\"\nrate = 2\nfrom = \"members\"", &[], (12, 8), "the subscribers send for `source` already: they cannot send for `again` as well, each has one schedule"),
        ("[[phases]]", "[[publishers]]\nname = \"loop\"\narrival = \"closed\"\n[[phases]]", &[], (10, 11), "`loop` is a closed loop and `source` has a schedule: together their run would have no latency.due"),
        ("count = 10", "count = 10\nrooms = 2\nroom_size = 5", &[], (6, 13), "`room_size` does not go together with `rooms`: keep one of them"),
        ("rate = 5", "rate = 5\npayload = { template = \"{stamp}\", file = \"x\" }", &[], (8, 42), "`file` does not go together with `template`: keep one of them"),
        ("rate = 5", "rate = 5\npayload = { size = 128, file = \"x\" }", &[], (8, 20), "`size` does not go together with `file`: its messages have their sizes"),
        ("rate = 5", "rate = 5\npayload = { corpus = \"chat\", file = \"x\" }", &[], (8, 22), "`corpus` does not go together with `file`: keep one of them"),
        ("rate = 5", "rate = 5\npayload = { corpus = \"game\", binary = false }", &[], (8, 39), "these payloads are not UTF-8 and cannot be text messages: set binary = true"),
        ("rate = 5", "rate = 5\npayload = { corpus = \"ticks\", size = 128 }", &[], (8, 38), r#"messages of the corpus "ticks" have sizes of their own: remove `size`, or use a template with {text}"#),
        ("rate = 5", "arrival = \"closed\"\n[[phases]]\nname = \"hard\"\nfor = \"1s\"\nload = \"2x\"", &[], (11, 8), "a load multiplies rates, and closed publishers have none: remove `load`"),
        ("[[phases]]", "[target]\nurl = \"ws://127.0.0.1:1\"\nserver = {}\n[[phases]]", &[], (10, 10), "`server` does not go together with `url`: a run has one server"),
        ("[[phases]]", "[target]\nurl = \"ws://127.0.0.1:1\"\nspawn = [\"x\"]\n[[phases]]", &[], (10, 9), "`spawn` does not go together with `url`: a run has one server"),
        ("[[phases]]", "[target]\nspawn = [\"x\", \"{port}\"]\nserver = {}\n[[phases]]", &[], (10, 10), "`server` does not go together with `spawn`: a run has one server"),
        ("[[phases]]", "[target]\nurl = \"ws://127.0.0.1:1\"\npath = \"/x\"\n[[phases]]", &[], (10, 8), "`path` does not go together with `url`: put the path into the url"),
        ("[[phases]]", "[target]\npid = 7\n[[phases]]", &[], (9, 7), "`pid` is for a running server given by `url`; the process of any other is known"),
        ("[[phases]]", "[target]\nready = \"tcp\"\n[[phases]]", &[], (9, 9), "`ready` is for a server started with `spawn`, which is missing"),
        ("[[phases]]", "[target]\ncwd = \"x\"\n[[phases]]", &[], (9, 7), "`cwd` is for a server started with `spawn`, which is missing"),
    ]);
}

#[test]
#[rustfmt::skip]
fn payload_templates_with_unknown_placeholders_or_no_stamp_are_refused() {
    refused(&[
        ("rate = 5", "rate = 5\npayload = { template = '{colour} {stamp}' }", &[], (8, 24), r#"unknown placeholder {colour}: payloads have {text}, {stamp}, {seq}, {publisher}, {room} and {env.NAME}; write \{ for a brace"#),
        ("rate = 5", "rate = 5\npayload = { template = '{text}' }", &[], (8, 24), r#"the template has no {stamp}: add it, or set correlate = "content" at the top"#),
        ("rate = 5", "rate = 5\npayload = { template = '{text} {stamp}', size = 8 }", &[], (8, 49), "a size of 8 bytes is too small: what must be in every message takes up to 19 bytes"),
        ("rate = 5", "rate = 5\npayload = { template = '{env.FANOUT_TEST_NOT_SET} {stamp}' }", &[], (8, 24), "the environment variable FANOUT_TEST_NOT_SET is not set"),
        ("rate = 5", "rate = 5\npayload = { size = 10 }", &[], (8, 20), "a size of 10 bytes is too small: what must be in every message takes up to 18 bytes"),
        ("rate = 5", "rate = 5\npayload = { file = 'none.txt' }", &[], (8, 20), "cannot read DIR/none.txt: No such file or directory (os error 2)"),
    ]);
}

#[test]
#[rustfmt::skip]
fn counts_that_cannot_work_are_refused() {
    refused(&[
        ("count = 10", "count = 10\nrooms = 4", &[], (7, 8), "1 publisher for 4 rooms: 3 rooms would hear nothing"),
        ("count = 10", "count = 3\nrooms = 4", &[], (5, 9), "4 rooms for 3 connections: 1 room would have nobody in them"),
        ("rate = 5", "rate = 5\ncount = 20000", &[], (8, 9), "20010 connections in one room, but a bundled server takes 19500, and a room is on one server"),
        ("count = 10", "count = 19900", &[], (4, 9), "19901 connections in one room, but a bundled server takes 19500, and a room is on one server"),
        ("count = 10", "count = 400000", &[], (4, 9), "400000 connections are more than the 316800 of 16 agents: a process may have 20000 descriptors here, enough for 19800 connections"),
        ("count = 10", "count = 10\n[target]\nservers = 2", &[], (6, 11), "2 servers for 1 rooms: a room is on one server, so some would have none"),
        ("count = 10", "count = 10\n[target]\nservers = 17", &[], (6, 11), "fanout starts at most 16 servers, not 17"),
        ("count = 10", "count = 10\n[target]\nurl = \"ws://127.0.0.1:1\"\nservers = 2", &[], (7, 11), "`servers` does not go together with `url`: only its own server does fanout start more than once"),
        ("rate = 5", "rate = 0.1", &[], (6, 8), "at this rate nothing would be sent before the phases end"),
        ("rate = 5", "rate = 1e12", &[], (6, 8), "each publisher of `source` would send 2000000000000 messages, but sequence numbers end at 4294967295"),
        (r#"for = "2s""#, "for = \"2s\"\nmeasure = false", &[], (9, 8), "no phase is measured: remove `measure = false` from one of them"),
        (r#"for = "2s""#, "for = \"2s\"\nload = \"0x\"", &[], (9, 8), "every phase has a load of 0x: nothing would be sent"),
        (r#"for = "2s""#, r#"for = "40 days""#, &[], (10, 7), "a phase lasts at most 30 days: is its unit right?"),
        (r#"for = "2s""#, "for = \"20 days\"\n[[phases]]\nname = \"more\"\nfor = \"20 days\"", &[], (13, 7), "the phases last more than 30 days together: shorten one"),
        ("count = 10", "count = 10\nrooms = 2\n[target]\npath = \"/all\"", &[], (7, 8), "2 rooms, but the path /all has no {room}: all connections would be in one"),
        (r#"name = "base""#, "name = \"base\"\nmode = \"echo\"", &["connections.phones.rooms=2"], (1, 26), "2 rooms, but the path /echo has no {room}: all connections would be in one"),
        ("[[publishers]]", "[[connections]]\nname = \"phones\"\ncount = 5\n[[publishers]]", &[], (6, 8), "two of [[connections]] have the name `phones`: rename one"),
        ("[[phases]]", "[[phases]]\nname = \"steady\"\nfor = \"1s\"\n[[phases]]", &[], (12, 8), "two of [[phases]] have the name `steady`: rename one"),
        (r#"name = "base""#, "name = \"base\"\nmode = \"echo\"", &["publishers.source.from=separate"], (1, 24), r#"in echo mode the connections themselves send: use from = "members""#),
    ]);
}

#[test]
#[rustfmt::skip]
fn thresholds_on_what_is_not_measured_are_refused() {
    refused(&[
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p98\" = \"< 1ms\"", &[], (12, 1), "unknown metric `latency.due.p98`; did you mean `latency.due.p99`?"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\nlatency.p99 = \"< 1ms\"", &[], (12, 9), "unknown metric `latency.p99`; did you mean `latency.due.p99`?"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"phases.goal.latency.due.p99\" = \"< 1ms\"", &[], (12, 1), "`phases.goal.latency.due.p99`: the scenario has no phase named `goal`; it has `steady`"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"groups.tablets.deliveries.lost\" = \"== 0\"", &[], (12, 1), "`groups.tablets.deliveries.lost`: the scenario has no group of connections named `tablets`; it has `phones`"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p99\" = \"50ms\"", &[], (12, 21), r#"`50ms` does not begin with a comparison: write <, <=, ==, !=, >= or > and a value, such as "< 50ms""#),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p99\" = \"< 50\"", &[], (12, 21), r#"`< 50`: `50` is not a value of latency.due.p99, which is a time with its unit, such as "50ms""#),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"deliveries.lost\" = 0", &[], (12, 1), r#"`deliveries.lost` needs an expression such as "< 50ms", or a list of them"#),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"deliveries.lost\" = []", &[], (12, 1), r#"`deliveries.lost` needs an expression such as "< 50ms", or a list of them"#),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"deliveries.lost\" = { expr = \"== 0\", every = \"1s\" }", &[], (12, 38), "`every` is not a key of a threshold, which has `expr`, `over`, `abort` and `grace`"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"deliveries.lost\" = { expr = \"== 0\", abort = true }", &[], (12, 46), "`deliveries.lost` is known when the run has ended, not while it goes: leave `abort` out"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"connect.p99\" = { expr = \"< 1s\", over = \"1s\" }", &[], (12, 41), "`connect.p99` is known when the run has ended, not while it goes: leave `over` out"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p99\" = { expr = \"< 1s\", over = \"3s\" }", &[], (12, 45), "no window of 3 s fits: `latency.due.p99` is about 2 s in one piece"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p99\" = { expr = \"< 1s\", over = \"1500ms\" }", &[], (12, 45), "`over` is whole seconds, at least \"1s\", not \"1500ms\""),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p99\" = { expr = \"< 1s\", over = 1 }", &[], (12, 38), "`over` of a threshold needs a duration such as \"10s\""),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p99\" = { expr = \"< 1s\", grace = \"1s\" }", &[], (12, 46), "`grace` is for `abort = true`, which is missing"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p99\" = { expr = \"< 1s\", abort = \"yes\" }", &[], (12, 38), "`abort` of a threshold is true or false"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p50\" = { expr = \"< 2 x baseline\", over = \"1s\" }", &[], (12, 55), "a part of a run is not compared with a whole baseline: leave `over` out"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p99\" = \"< 1.1 x baseline\"", &[], (12, 21), "`< 1.1 x baseline`: latency.due.p99 of two single runs differs by more than that by chance: allow at least 1.5 x baseline, or compare ten runs of each with `fanout ab`"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.due.p50\" = \"< baseline x 2\"", &[], (12, 21), "`< baseline x 2`: a baseline is compared with as \"< 1.5 x baseline\" or \"<= baseline\""),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"deliveries.lost\" = \"== 0\"\ndeliveries.lost = \"< 5\"", &[], (13, 12), "`deliveries.lost` is in [thresholds] twice"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"latency.round_trip.p99\" = \"< 1ms\"", &[], (12, 1), r#"`latency.round_trip.p99`: only mode = "echo" and a closed loop (arrival = "closed") measure round trips"#),
        ("rate = 5\n[[phases]]\nname = \"steady\"\nfor = \"2s\"", "arrival = \"closed\"\n[[phases]]\nname = \"steady\"\nfor = \"2s\"\n[thresholds]\n\"latency.due.p99\" = \"< 1ms\"", &[], (12, 1), "`latency.due.p99`: a closed loop has no due times; use latency.sent or latency.round_trip"),
        (r#"for = "2s""#, "for = \"2s\"\n[thresholds]\n\"server.cpu_us_per_delivery\" = \"< 4\"", &["target.url=ws://192.0.2.1:1"], (12, 1), "`server.cpu_us_per_delivery`: the cost of a server at a URL is known only where it runs on this machine: reach it by a loopback address, or give target.pid"),
    ]);
}

#[test]
#[rustfmt::skip]
fn overrides_are_checked_like_the_file_and_shown_in_their_place() {
    refused(&[
        ("", "", &["publishers.source.rate=0"], (1, 24), "`0` does not work here: write a number above zero"),
        ("", "", &["publishers.nobody.rate=5"], (1, 1), "there is no `nobody` among [[publishers]]; it has `source`"),
        ("", "", &["connections.phones.churn=1"], (1, 26), "expected a table such as { session = \"90s\", offline = \"1s-5s\" }, but this is integer `1`"),
        ("", "", &["seed"], (1, 1), "`seed` is not of the form KEY=VALUE"),
        ("", "", &["=5"], (1, 1), "`` is not a key: write it as publishers.NAME.rate"),
        ("", "", &["name.first=x"], (1, 1), "`name` is not a table, so it has no `first`"),
        ("", "", &["connections.phones=3"], (1, 1), "`connections.phones` is a table: name one of its keys"),
        ("", "", &["settle=1s", "drain=never"], (1, 7), r#"`never` is not a duration: write a number with its unit, such as "250ms", "1.5s" or "2m""#),
        ("", "", &["publishers..rate=5"], (1, 1), "`publishers..rate` is not a key: write it as publishers.NAME.rate"),
    ]);
}

#[test]
#[rustfmt::skip]
fn a_replay_that_cannot_be_played_is_refused() {
    refused(&[
        ("rate = 5", r#"replay = "none.jsonl""#, &[], (7, 10), "cannot read DIR/none.jsonl: No such file or directory (os error 2)"),
        ("rate = 5", "replay = \"good.jsonl\"\nrate = 5", &[], (8, 8), "`rate` does not go together with `replay`: the trace says what is sent when"),
        ("rate = 5", "replay = \"good.jsonl\"\npayload = { size = 5 }", &[], (8, 11), "`payload` does not go together with `replay`: the trace says what is sent when"),
        ("rate = 5", r#"replay = "bad.jsonl""#, &[], (7, 10), r#"bad.jsonl, line 2: missing field `room` at column 11; a line is {"at_us":0,"room":"name","text":".."} (or "base64")"#),
        ("rate = 5", "replay = \"good.jsonl\"\n[[publishers]]\nname = \"two\"\nrate = 5", &[], (9, 8), "a replay cannot share its run with other publishers: its messages carry no stamp and are matched by their order"),
        ("rate = 5", "replay = \"good.jsonl\"\nspeed = 0", &[], (8, 9), "`0` does not work here: write a number above zero"),
        ("rate = 5", "replay = \"good.jsonl\"\ncount = 3", &["connections.phones.rooms=replay"], (8, 9), r#"with rooms = "replay" there is one publisher for each of the trace's 2 rooms: remove `count`"#),
        ("rate = 5", "replay = \"good.jsonl\"\nfrom = \"members\"", &[], (8, 8), "a replay is sent by separate publishers: remove `from`"),
        ("rate = 5", r#"replay = "good.jsonl""#, &["correlate=stamp"], (1, 11), "replayed messages carry no stamp and are matched by content: remove `correlate`"),
        ("rate = 5", r#"replay = "good.jsonl""#, &["mode=echo"], (1, 6), r#"a replay needs mode = "broadcast": in echo mode only its publisher would receive it"#),
        ("count = 10", "count = 10\nrooms = \"replay\"", &[], (5, 9), r#"rooms = "replay" needs [[publishers]] with `replay`, whose rooms it takes"#),
        (r#"for = "2s""#, r#"for = "replay""#, &[], (10, 7), r#"for = "replay" needs [[publishers]] with `replay`, whose end it waits for"#),
        ("rate = 5", "replay = \"good.jsonl\"\n[[phases]]\nname = \"again\"\nfor = \"2s\"\n[[phases]]\nname = \"rest\"\nfor = \"replay\"", &[], (13, 7), "the phases before it have already played the whole trace: remove it, or shorten them"),
        ("rate = 5", "replay = \"good.jsonl\"\n[[phases]]\nname = \"rest\"\nfor = \"replay\"\nload = \"0x\"", &[], (10, 7), "with a load of 0x the trace never ends: give the phase a duration"),
    ]);
}

#[test]
#[rustfmt::skip]
fn what_is_wrong_with_a_variant_is_shown_in_the_variant() {
    let at = |text: &'static str| ("for = \"2s\"\n", text);
    for ((part, instead), place, sentence) in [
        (at("for = \"2s\"\n[variants.x]\n\"publishers.source.rats\" = 5\n"), (12, 1), "unknown key `rats` in [[publishers]]; did you mean `rate`?"),
        (at("for = \"2s\"\n[variants.x]\n\"publishers.source.rate\" = \"no\"\n"), (12, 28), "`no` does not work here: write a number above zero"),
        (at("for = \"2s\"\n[variants.x]\nsettle = \"1 parsec\"\n"), (12, 10), "`1 parsec` is not a duration: write a number with its unit, such as \"250ms\", \"1.5s\" or \"2m\""),
        (at("for = \"2s\"\n[variants.x]\n\"publishers.sauce.rate\" = 5\n"), (12, 1), "there is no `sauce` among [[publishers]]; it has `source`"),
        (at("for = \"2s\"\n[variants.x]\ntarget.path = \"/x\"\n"), (12, 1), "a variant replaces single values: put the whole key in quotes, \"target.path\""),
        (at("for = \"2s\"\n[variants.x]\n\"name\" = \"y\"\n"), (12, 1), "a variant cannot change `name`"),
        (at("for = \"2s\"\n[variants.x]\n\"a..b\" = 1\n"), (12, 1), "`a..b` is not a key: write it as \"publishers.NAME.rate\""),
        (at("for = \"2s\"\n[variants.all]\n"), (11, 11), "a variant cannot be named `all`: --variant all means every one"),
        (at("for = \"2s\"\n[variants.\"X Y\"]\n"), (11, 11), "`X Y` is not a name: use a-z, 0-9 and -"),
        (at("for = \"2s\"\n[variants]\nx = 1\n"), (12, 1), "a variant is a table: write [variants.x] and its changes below"),
        (at("for = \"2s\"\n[[variants]]\nx = 1\n"), (11, 3), "variants have names: write [variants.NAME]"),
    ] {
        refused(&[(part, instead, &[], place, sentence)]);
    }
}

#[test]
#[rustfmt::skip]
fn a_comparison_is_of_two_variants_and_known_metrics() {
    const TWO: &str = "for = \"2s\"\n[variants.x]\n[variants.y]\n[ab]\na = \"x\"\n";
    for (rest, place, sentence) in [
        ("b = \"z\"\n", (15, 5), "there is no variant `z`: the file has `x`, `y`"),
        ("b = \"x\"\n", (15, 5), "a and b are both `x`: name two variants"),
        ("b = \"y\"\nrums = 3\n", (16, 1), "unknown key `rums` in [ab]; did you mean `runs`?"),
        ("b = \"y\"\nruns = 0\n", (16, 8), "`0` is not a count: write a whole number from 1 to 4294967295"),
        ("b = \"y\"\nexpect = [\"connect.p98 < 1s\"]\n", (16, 11), "unknown metric `connect.p98`; did you mean `connect.p99`?"),
        ("b = \"y\"\nexpect = [\"connect.p99\"]\n", (16, 11), "`connect.p99` is not an expectation: write METRIC <= 1.05 x a, or of b alone METRIC < 50ms"),
    ] {
        let text: &'static str = Box::leak(format!("{TWO}{rest}").into_boxed_str());
        refused(&[("for = \"2s\"\n", text, &[], place, sentence)]);
    }
}

#[test]
#[rustfmt::skip]
fn a_scenario_that_only_holds_connections_has_no_latency_to_ask_for() {
    const PUBLISHERS: &str = "[[publishers]]\nname = \"source\"\nrate = 5\n";
    refused(&[
        (PUBLISHERS, "[thresholds]\n\"latency.due.p99\" = \"< 1s\"\n", &[], (6, 1), "`latency.due.p99`: nothing is published in this scenario; use connect.p99, connections.closed or server.rss_bytes_per_connection, or add [[publishers]]"),
        (PUBLISHERS, "", &["phases.steady.load=2x"], (1, 20), "a load multiplies rates, and nothing is published: remove `load`"),
        (PUBLISHERS, "", &["mode=echo"], (1, 1), "there is no [[publishers]]: nobody would hear an echo"),
    ]);
}
