//! What a scenario means when it says little, and what each key changes.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use loadgen::plan::{Arrival, Compression, Correlate, Declined, From, Inflate, Mode, Plan, TargetKind};
use loadgen::scenario::{Quick, needs, parse, quick};
use loadgen::thresholds::Bound;
use wire::{Context, Offer};

use crate::written::{LIMITS, SHORTEST, plan, render, with_sets};

#[test]
fn the_shortest_scenario_has_every_default() {
    let plan = plan(SHORTEST);
    assert_eq!((plan.name.as_str(), plan.description.as_str(), plan.seed), ("short", "", 1));
    assert_eq!((plan.settle, plan.drain), (Duration::from_millis(500), Duration::from_secs(5)));
    assert_eq!((plan.mode, plan.correlate, plan.max_schedule_lag), (Mode::Broadcast, Correlate::Stamp, None));
    assert!(matches!(&plan.target.kind, TargetKind::Bundled { flags, .. } if flags.is_empty()));
    assert_eq!(plan.target.path, "/broadcast/{room}");
    assert!(plan.target.headers.is_empty() && plan.target.subprotocols.is_empty());
    assert_eq!(plan.rooms, ["r0"]);
    assert_eq!(plan.groups[0].rooms, [0; 10]);
    assert_eq!((plan.groups[0].ramp, plan.groups[0].source_ips.len()), (2000.0, 0));
    assert_eq!(plan.publishers[0].from, From::Separate(vec![0]));
    assert!(matches!(plan.publishers[0].arrival, Arrival::Uniform { rate: 5.0 }));
    assert_eq!(render(&plan, 0, 0, 3).len(), 128);
    assert!(plan.publishers[0].payload.carries_stamp() && !plan.publishers[0].payload.is_binary(0, 0));
    assert_eq!((plan.phases[0].measure, plan.phases[0].load), (true, (1.0, 1.0)));
    assert_eq!((plan.length(), plan.subscribers()), (Duration::from_secs(2), 10));
    assert!(plan.thresholds.is_empty());
}

#[test]
fn every_key_of_the_top_level_is_read() {
    let plan = plan(&format!(
        "description = \"d\"\nseed = 42\nsettle = \"1s\"\ndrain = \"0s\"\nmax_schedule_lag = \"2ms\"\n\
         mode = \"broadcast\"\ncorrelate = \"content\"\n{SHORTEST}"
    ));
    assert_eq!((plan.description.as_str(), plan.seed), ("d", 42));
    assert_eq!((plan.settle, plan.drain), (Duration::from_secs(1), Duration::ZERO));
    assert_eq!(plan.max_schedule_lag, Some(Duration::from_millis(2)));
    assert_eq!(plan.correlate, Correlate::Content);
    assert!(!plan.publishers[0].payload.carries_stamp());
}

#[test]
fn echo_mode_sends_from_the_connections_to_the_echo_path() {
    let plan = plan(&format!("mode = \"echo\"\n{SHORTEST}"));
    assert_eq!((plan.mode, plan.target.path.as_str()), (Mode::Echo, "/echo"));
    assert_eq!(plan.publishers[0].from, From::Members { group: 0 });
}

#[test]
fn connections_are_spread_evenly_over_numbered_named_or_sized_rooms() {
    let numbered = with_sets(&["connections.phones.rooms=4", "publishers.source.count=4"]);
    assert_eq!(numbered.rooms, ["r0", "r1", "r2", "r3"]);
    assert_eq!(numbered.groups[0].rooms, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]);
    assert_eq!(numbered.publishers[0].from, From::Separate(vec![0, 1, 2, 3]));
    let named = with_sets(&["connections.phones.rooms=[\"ADA/XBT\", \"köln\"]", "publishers.source.count=3"]);
    assert_eq!(named.rooms, ["ADA/XBT", "köln"]);
    assert_eq!(named.publishers[0].from, From::Separate(vec![0, 1, 0]));
    let sized = with_sets(&["connections.phones.room_size=4", "publishers.source.count=3"]);
    assert_eq!(sized.rooms.len(), 3);
    let zipf =
        with_sets(&["connections.phones.rooms=2", "connections.phones.spread=zipf", "publishers.source.count=2"]);
    assert_eq!(zipf.groups[0].rooms.iter().filter(|room| **room == 0).count(), 7);
}

#[test]
fn groups_share_rooms_of_the_same_name() {
    let plan = plan(&SHORTEST.replace(
        "[[publishers]]",
        "rooms = [\"a\", \"b\"]\n[[connections]]\nname = \"slow\"\ncount = 3\nrooms = [\"c\", \"b\"]\n[[publishers]]\ncount = 3",
    ));
    assert_eq!(plan.rooms, ["a", "b", "c"]);
    assert_eq!(plan.groups[1].rooms, [2, 1, 2]);
}

#[test]
fn source_addresses_are_listed_one_by_one() {
    let plan = with_sets(&["connections.phones.source_ips=[\"127.0.0.2-127.0.0.4\", \"127.0.0.9\"]"]);
    let all: Vec<String> = plan.groups[0].source_ips.iter().map(ToString::to_string).collect();
    assert_eq!(all, ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.9"]);
}

#[test]
fn every_is_for_each_publisher_and_rate_for_all_together() {
    let plan = plan(&SHORTEST.replace("rate = 5", "from = \"members\"\nevery = \"2s\""));
    assert!(matches!(plan.publishers[0].arrival, Arrival::Uniform { rate: 5.0 }));
    assert_eq!(plan.publishers[0].from.count(&plan.groups), 10);
}

#[test]
fn when_the_members_of_several_groups_send_they_share_the_rate() {
    let plan =
        plan(&SHORTEST.replace(
            "[[publishers]]",
            "[[connections]]\nname = \"slow\"\ncount = 30\n[[publishers]]\nfrom = \"members\"",
        ));
    let names: Vec<&str> = plan.publishers.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["source-phones", "source-slow"]);
    assert!(matches!(plan.publishers[0].arrival, Arrival::Uniform { rate: 1.25 }));
    assert!(matches!(plan.publishers[1].arrival, Arrival::Uniform { rate: 3.75 }));
    assert_eq!((plan.first_publisher(1), plan.publishers[1].from.clone()), (10, From::Members { group: 1 }));
}

#[test]
fn arrivals_are_uniform_poisson_or_closed() {
    let poisson = with_sets(&["publishers.source.arrival=poisson"]);
    assert!(matches!(poisson.publishers[0].arrival, Arrival::Poisson { rate: 5.0 }));
    let closed = |extra: &str| plan(&SHORTEST.replace("rate = 5", &format!("arrival = \"closed\"\n{extra}")));
    assert!(matches!(closed("").publishers[0].arrival, Arrival::Closed { in_flight: 1 }));
    assert!(matches!(closed("in_flight = 64").publishers[0].arrival, Arrival::Closed { in_flight: 64 }));
}

#[test]
fn groups_of_publishers_do_not_share_their_poisson_times() {
    let plan = plan(&SHORTEST.replace(
        "[[phases]]",
        "arrival = \"poisson\"\n[[publishers]]\nname = \"other\"\nrate = 5\narrival = \"poisson\"\n[[phases]]",
    ));
    let first = |group: usize| plan.pacer(group).schedule(0).unwrap().peek();
    assert_ne!(first(0), first(1));
}

#[test]
fn payloads_are_made_as_asked() {
    let payload = |table: &str| plan(&SHORTEST.replace("rate = 5", &format!("rate = 5\npayload = {table}")));
    assert_eq!(render(&payload("{ size = 64 }"), 0, 0, 1).len(), 64);
    assert_eq!(render(&payload("{ size = \"2KiB\", corpus = \"random\" }"), 0, 0, 1).len(), 2048);
    assert!(payload("{ corpus = \"game\" }").publishers[0].payload.is_binary(0, 0));
    assert!(payload("{ binary = true }").publishers[0].payload.is_binary(0, 0));
    let chat = render(
        &payload("{ template = '{\"content\":\"{text} {stamp}\"}', size = \"128-512\", corpus = \"chat\" }"),
        0,
        0,
        1,
    );
    assert!((128..=512).contains(&chat.len()));
    serde_json::from_slice::<serde_json::Value>(&chat).unwrap();
    let room = render(&payload("{ template = '{room} {seq} \\{x} {stamp}' }"), 0, 0, 7);
    assert!(room.starts_with(b"r0 7 {x} "), "{}", String::from_utf8_lossy(&room));
}

#[test]
fn phases_ramp_and_need_not_be_measured() {
    let plan =
        plan(&format!("{SHORTEST}measure = false\n[[phases]]\nname = \"goal\"\nfor = \"1.5s\"\nload = \"1x-5x\"\n"));
    assert_eq!(plan.phases[1].load, (1.0, 5.0));
    assert!(!plan.phases[0].measure && plan.phases[1].measure);
    assert_eq!(plan.length(), Duration::from_millis(3500));
}

#[test]
fn thresholds_may_be_quoted_dotted_lists_or_tables() {
    let plan = plan(&format!(
        "{SHORTEST}[thresholds]\n\"latency.due.p99\" = [\"< 50ms\", \"> 1us\"]\ndeliveries.lost = \"== 0\"\n\
         \"phases.steady.latency.sent.p50\" = {{ expr = \"< 80ms\" }}\n\"groups.phones.deliveries.lost_share\" = \"<= 5%\"\n"
    ));
    let all: Vec<(&str, &str, f64)> =
        plan.thresholds.iter().map(|t| (t.metric.as_str(), t.text.as_str(), t.value().unwrap())).collect();
    assert_eq!(
        all,
        [
            ("latency.due.p99", "< 50ms", 50_000.0),
            ("latency.due.p99", "> 1us", 1.0),
            ("deliveries.lost", "== 0", 0.0),
            ("phases.steady.latency.sent.p50", "< 80ms", 80_000.0),
            ("groups.phones.deliveries.lost_share", "<= 5%", 0.05),
        ]
    );
}

#[test]
fn thresholds_may_look_at_windows_end_a_run_and_name_a_baseline() {
    let plan = plan(&format!(
        "{SHORTEST}[thresholds]\n\"latency.due.p99\" = [{{ expr = \"< 80ms\", over = \"1s\", abort = true, grace = \"5s\" }}, \"< 2 x baseline\"]\n\
         rates.deliveries_per_s = {{ expr = \"> 0\", abort = true }}\n"
    ));
    let all: Vec<_> = plan.thresholds.iter().map(|t| (t.bound, t.over_s, t.abort)).collect();
    assert_eq!(
        all,
        [
            (Bound::Value(80_000.0), Some(1), Some(Duration::from_secs(5))),
            (Bound::TimesBaseline(2.0), None, None),
            (Bound::Value(0.0), None, Some(Duration::ZERO)),
        ]
    );
    let resolved = &plan.resolved["thresholds"][0];
    assert_eq!((resolved["over"].as_str(), resolved["grace"].as_str()), (Some("1s"), Some("5s")));
}

#[test]
fn a_set_replaces_adds_and_finds_elements_by_name() {
    let plan = with_sets(&[
        "publishers.source.rate=50",
        "connections.phones.count = 20",
        "name=other",
        "target.path=/ws/{room}",
        "phases.steady.load=1x-2x",
        "thresholds.deliveries.lost=\"== 0\"",
        "thresholds.deliveries.lost=< 5",
    ]);
    assert!(matches!(plan.publishers[0].arrival, Arrival::Uniform { rate: 50.0 }));
    assert_eq!((plan.groups[0].count, plan.name.as_str(), plan.target.path.as_str()), (20, "other", "/ws/{room}"));
    assert_eq!(plan.phases[0].load, (1.0, 2.0));
    assert_eq!(plan.thresholds.len(), 1);
    assert_eq!(plan.thresholds[0].text, "< 5");
}

#[test]
fn a_replay_takes_its_rooms_times_and_bytes_from_the_trace() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(dir.path().join("t.jsonl")).unwrap();
    for (at, room) in [(0, "a"), (500_000, "b/c"), (1_000_000, "a")] {
        writeln!(file, "{{\"at_us\":{at},\"room\":\"{room}\",\"text\":\"{room}{at}\"}}").unwrap();
    }
    let text = |rooms: &str| {
        format!(
            "name = \"r\"\n[[connections]]\nname = \"c\"\ncount = 4\n{rooms}[[publishers]]\nname = \"p\"\nreplay = \"t.jsonl\"\n\
             speed = 2.0\n[[phases]]\nname = \"all\"\nfor = \"replay\"\n"
        )
    };
    let parsed = |rooms: &str| parse(&dir.path().join("s.toml"), &text(rooms), &[], &LIMITS).unwrap();
    let plan = parsed("rooms = \"replay\"\n");
    assert_eq!(plan.rooms, ["a", "b/c"]);
    assert_eq!((plan.correlate, plan.groups[0].rooms.clone()), (Correlate::Content, vec![0, 1, 0, 1]));
    assert_eq!(plan.publishers[0].from, From::Separate(vec![0, 1]));
    // 1 s of trace and a mean gap of a third of a second, at twice the speed.
    assert_eq!(plan.length().as_millis(), 666);
    assert_eq!(render(&plan, 0, 0, 1), b"a1000000");
    assert_eq!(render(&plan, 0, 1, 0), b"b/c500000");
    assert_eq!(plan.pacer(0).schedule(1).unwrap().peek(), Some(250_000_000));
    assert_eq!(needs(&plan).publishes, Some(3));

    let one_room = parsed("");
    assert_eq!(one_room.publishers[0].from, From::Separate(vec![0]));
    let sent: Vec<_> = (0..3).map(|seq| render(&one_room, 0, 0, seq)).collect();
    assert_eq!(sent, [&b"a0"[..], b"b/c500000", b"a1000000"]);
}

#[test]
fn compression_is_off_unless_it_is_offered() {
    assert_eq!((plan(SHORTEST).groups[0].compression, plan(SHORTEST).groups[0].inflate), (None, 1.0));
    let with = |lines: &str| plan(&SHORTEST.replace("count = 10", &format!("count = 1000\n{lines}")));
    let offered = |lines: &str| with(lines).groups[0].compression;
    let (kept, fresh) = (Context::Kept, Context::Fresh);
    assert_eq!(offered("compression = { offer = \"off\", require = false }"), None);
    assert_eq!(
        offered("compression = { offer = \"context\" }"),
        Some(Compression { offer: Offer { context: kept, window_bits: None }, declined: Declined::Plain })
    );
    assert_eq!(
        offered("compression = { offer = \"no_context\", require = true, window_bits = 12 }"),
        Some(Compression { offer: Offer { context: fresh, window_bits: Some(12) }, declined: Declined::Failed })
    );
    let plan = with("compression = { offer = \"context\" }\ninflate = 0.01");
    let verified = (0..1000).filter(|&i| plan.groups[0].inflate(i) == Inflate::Verify).count();
    assert!(verified.abs_diff(10) <= 1 && plan.groups[0].inflate(0) == Inflate::Verify, "{verified}");
    assert_eq!(plan.resolved["connections"][0]["compression"]["offer"], "context");
}

#[test]
fn quick_makes_the_scenario_of_its_flags() {
    let flags = Quick {
        url: Some("ws://127.0.0.1:9001/ws/{room}".into()),
        connections: 1000,
        rooms: 4,
        rate: 50.0,
        duration: Duration::from_secs(90),
        size: "128-512".into(),
        mode: Mode::Broadcast,
    };
    let plan = quick(&flags, &["settle=1s".to_owned()], &LIMITS).unwrap();
    assert_eq!((plan.name.as_str(), plan.subscribers(), plan.rooms.len()), ("quick", 1000, 4));
    assert_eq!((plan.length(), plan.settle), (Duration::from_secs(90), Duration::from_secs(1)));
    assert!(matches!(plan.publishers[0].arrival, Arrival::Uniform { rate: 50.0 }));
    let echo = quick(&Quick { mode: Mode::Echo, ..Quick::default() }, &[], &LIMITS).unwrap();
    assert_eq!((echo.mode, echo.subscribers()), (Mode::Echo, 100));
}

#[test]
fn the_same_file_gives_the_same_plan() {
    let text = SHORTEST.replace("rate = 5", "rate = 5\narrival = \"poisson\"");
    let (a, b) = (plan(&text), plan(&text));
    assert_eq!(a.resolved, b.resolved);
    assert_eq!(a.pacer(0).schedule(0).unwrap().peek(), b.pacer(0).schedule(0).unwrap().peek());
    assert_eq!(render(&a, 0, 0, 9), render(&b, 0, 0, 9));
    let other = plan(&format!("seed = 2\n{text}"));
    assert_ne!(render(&a, 0, 0, 9), render(&other, 0, 0, 9));
}

#[test]
fn the_resolved_scenario_has_every_default() {
    let resolved = plan(SHORTEST).resolved;
    assert_eq!(resolved["settle_us"], 500_000);
    assert_eq!(resolved["connections"][0]["ramp"], 2000.0);
    assert_eq!(resolved["publishers"][0]["arrival"], "uniform");
    assert_eq!(resolved["publishers"][0]["payload"]["mean_bytes"], 128);
    assert_eq!(resolved["phases"][0]["for_us"], 2_000_000);
    assert_eq!(resolved["target"]["path"], "/broadcast/{room}");
}

#[test]
fn publishers_are_shown_with_what_their_own_table_says() {
    let second = "[[connections]]\nname = \"fast\"\ncount = 2\n[[publishers]]\nname = \"source-fast\"\nrate = 1\n";
    let text = SHORTEST.replace("rate = 5", "every = \"2s\"\npayload = { size = 300 }") + second;
    let shown = |plan: Plan| plan.resolved["publishers"].as_array().unwrap().clone();
    let apart = shown(plan(&text));
    assert_eq!((&apart[1]["name"], &apart[1]["every_us"]), (&"source-fast".into(), &serde_json::Value::Null));
    assert_eq!((&apart[0]["every_us"], &apart[1]["payload"]["mean_bytes"]), (&2_000_000.into(), &128.into()));
    assert!(apart[1]["payload"]["size"].is_null(), "{apart:?}");
    // Members of both groups, and others of nearly the same name before them.
    let members = text
        .replace("name = \"source-fast\"", "name = \"source-fast-x\"\nfrom = \"members\"")
        .replace("rate = 1\n", "rate = 1\npayload = { size = 500 }\n");
    let members = shown(plan(&members));
    let sizes: Vec<_> = members.iter().map(|one| (one["name"].as_str().unwrap(), &one["payload"]["size"][0])).collect();
    assert_eq!(
        sizes,
        [("source", &300.into()), ("source-fast-x-phones", &500.into()), ("source-fast-x-fast", &500.into())]
    );
}

#[test]
fn a_variant_changes_what_it_names_and_overrides_come_after_it() {
    let text = format!(
        "{SHORTEST}\n[variants.slow]\n\"publishers.source.rate\" = 2\n\"target.server\" = {{ shards = 1 }}\n\"thresholds.deliveries.lost\" = \"== 0\"\n[variants.fast]\n"
    );
    let read = |variant: Option<&str>, sets: &[String]| {
        loadgen::scenario::read(Path::new("test.toml"), &text, loadgen::scenario::Changes { variant, sets }, &LIMITS)
            .unwrap()
    };
    let slow = read(Some("slow"), &[]);
    assert_eq!(slow.variants, ["slow", "fast"]);
    assert!(matches!(slow.plan.publishers[0].arrival, Arrival::Uniform { rate } if rate == 2.0));
    assert_eq!((slow.plan.thresholds.len(), slow.plan.resolved["variant"].as_str()), (1, Some("slow")));
    let plain = read(None, &[]);
    assert!(plain.plan.thresholds.is_empty() && plain.plan.resolved.get("variant").is_none() && plain.ab.is_none());
    let set = read(Some("slow"), &["publishers.source.rate=7".to_owned()]);
    assert!(matches!(set.plan.publishers[0].arrival, Arrival::Uniform { rate } if rate == 7.0));
}

#[test]
fn without_publishers_connections_are_only_held() {
    let plan = plan(&SHORTEST.replace("[[publishers]]\nname = \"source\"\nrate = 5\n", ""));
    assert!(plan.publishers.is_empty());
    assert_eq!(needs(&plan).publishes, Some(0));
}
