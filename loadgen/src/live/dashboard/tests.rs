use std::path::Path;
use std::time::Duration;

use super::*;
use crate::live::scene::Update;
use crate::live::snapshot::{Arrived, Connections, Outline, Second, Side, Snapshot, Stretch, Totals};

/// What the cells say, a line a row, without the spaces at the ends.
fn text(scene: &Scene, view: View, (width, height): (u16, u16)) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    draw(scene, view, area, &mut buf);
    let row = |y| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned() + "\n";
    (0..height).map(row).collect()
}

/// Compares with `snapshots/NAME.txt`; with UPDATE_SNAPSHOTS set, writes it.
fn check(name: &str, scene: &Scene, view: View, size: (u16, u16)) {
    let text = text(scene, view, size);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/live/dashboard/snapshots");
    let path = folder.join(name).with_extension("txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == kept, "{} differs; set UPDATE_SNAPSHOTS to accept this:\n{text}", path.display());
}

fn begin() -> Scene {
    let phase = |name: &str, seconds, measure| Stretch { name: name.to_owned(), seconds, measure };
    let mut scene = Scene::default();
    scene.take(Update::Begin(Box::new(Outline {
        name: "chat-peak".to_owned(),
        part: String::new(),
        target: "bundled ws://127.0.0.1:9001".to_owned(),
        subscribers: 5000,
        rooms: 50,
        phases: vec![phase("warm-up", 5.0, false), phase("steady", 60.0, true), phase("spike", 20.0, true)],
        server_cores: Some(1),
        loadgen_cores: 1,
    })));
    scene
}

/// The scene after some seconds; `latency` gives p50 and p99 of each, microseconds.
fn after(seconds: u32, latency: impl Fn(f64) -> (f64, f64)) -> Scene {
    let mut scene = begin();
    for second in 1..=seconds {
        let t = f64::from(second);
        let (p50, p99) = latency(t);
        let all = u64::from(second) * 25_000;
        scene.take(Update::Second(Box::new(Snapshot {
            phase: if second <= 5 { "warm-up" } else { "steady" }.to_owned(),
            elapsed: Duration::from_secs(second.into()),
            total: Some(Duration::from_secs(85)),
            connections: Connections { asked: 5050, open: 5050, ..Connections::default() },
            second: Second {
                publishes_asked_per_s: Some(250.0),
                publishes_per_s: 250.0,
                deliveries_per_s: 25_000.0 + 1500.0 * (t / 4.0).sin(),
                bytes_per_s: 3_300_000.0,
                p50: Some(p50),
                p99: Some(p99),
                schedule_lag_p99: Some(20.0),
                read_age_p99: Some(45.0),
            },
            arrived: Arrived { p50: Some(812.0), p99: Some(12_340.0), max: Some(41_000.0) },
            totals: Totals { due: all / 100, sent: all / 100, delivered: all, ..Totals::default() },
            outstanding: Some(120),
            most_schedule_lag_us: 1234.0,
            server: Some(Side {
                cpu_share: Some(0.38),
                rss_bytes: Some(11_500_000),
                descriptors: Some(5064),
                threads: Some(3),
                send_queue_bytes: Some(120_000),
                send_queue_max_bytes: Some(1400),
                ..Side::default()
            }),
            loadgen: Side {
                cpu_share: Some(0.22),
                rss_bytes: Some(14_000_000),
                descriptors: Some(5060),
                threads: Some(5),
                ..Side::default()
            },
            ..Snapshot::default()
        })));
    }
    scene
}

fn good() -> Scene {
    after(36, |t| (700.0 + 200.0 * (t / 5.0).sin(), 9000.0 + 6000.0 * (t / 7.0).cos()))
}

/// The good scene, in which the server has closed connections and lost deliveries.
fn bad() -> Scene {
    let mut scene = good();
    scene.take(Update::Said("server: out of room for more".to_owned()));
    let mut snapshot = scene.now.clone().unwrap();
    snapshot.elapsed += Duration::from_secs(1);
    snapshot.connections = Connections { asked: 5050, open: 5030, closed: 17, refused: 3, ..Connections::default() };
    snapshot.lost = 18_000;
    snapshot.second.publishes_per_s = 212.0;
    if let Some(server) = &mut snapshot.server {
        server.cpu_share = Some(0.993);
    }
    scene.take(Update::Second(Box::new(snapshot)));
    scene
}

#[test]
fn a_good_run_on_a_small_terminal() {
    check("good-80x24", &good(), View::default(), (80, 24));
}

#[test]
fn a_good_run_on_a_large_terminal() {
    check("good-160x50", &good(), View::default(), (160, 50));
}

#[test]
fn what_is_wrong_is_said_even_on_the_smallest_terminal() {
    check("bad-80x24", &bad(), View::default(), (80, 24));
    check("bad-72x18", &bad(), View::default(), LEAST);
    let text = text(&bad(), View::default(), LEAST);
    assert!(text.contains("closed 17") && text.contains("18,000") && text.contains("something is wrong"), "{text}");
}

#[test]
fn while_connecting_the_bar_shows_how_many_are_in() {
    let mut scene = begin();
    scene.take(Update::Second(Box::new(Snapshot {
        phase: "connecting".to_owned(),
        elapsed: Duration::from_millis(1400),
        connections: Connections { asked: 5050, open: 2400, opening: 210, ..Connections::default() },
        ..Snapshot::default()
    })));
    check("connecting-80x24", &scene, View::default(), (80, 24));
}

#[test]
fn before_anything_is_known_there_are_empty_frames() {
    check("starting-80x24", &begin(), View::default(), (80, 24));
}

#[test]
fn help_lies_over_the_rest_and_an_end_is_acknowledged() {
    check("help-80x24", &good(), View { help: Help::Shown, ..View::default() }, (80, 24));
    let ending = View { ending: Ending::Asked, ..View::default() };
    assert!(text(&good(), ending, (80, 24)).contains("ending: what was measured is being written"));
}

#[test]
fn a_terminal_made_too_small_says_what_fits() {
    check("small-40x10", &bad(), View::default(), (40, 10));
}

#[test]
fn every_size_can_be_drawn() {
    let scene = bad();
    for width in [1, 2, 20, 71, 72, 73, 97, 120, 300] {
        for height in [1, 2, 10, 17, 18, 23, 25, 35, 37, 80] {
            text(&scene, View { help: Help::Shown, ..View::default() }, (width, height));
        }
    }
}
