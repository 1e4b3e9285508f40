use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::analyse::search::{Bounds, Length, Upper, Verdict};
use crate::capacity::{Axis, Cause, Found, Outcome, Resource, Trial};
use crate::report::sample;
use crate::result::Run;
use crate::way::Way;

/// A run of a server that costs 0.01 cores, 3.6 us a delivery, 6 MiB and 300 bytes a connection, with 6,600 bytes of the kernel's.
pub(crate) fn run(connections: f64, rooms: f64, per_room: f64, noise: f64) -> Run {
    let mut run = sample::good();
    let publishes = per_room * rooms;
    let deliveries = publishes * connections / rooms;
    run.scenario = json!({ "name": "levels", "target": { "path": "/broadcast/{room}", "server": {} } });
    (run.subscribers, run.rooms) = (connections as u64, rooms as u64);
    run.rates.publishes_per_s = publishes;
    run.rates.deliveries_per_s = deliveries;
    run.rates.payload_bytes_per_s = 128.0 * deliveries;
    run.rates.wire_bytes_per_s = 132.0 * deliveries;
    run.compression.negotiated = BTreeMap::from([("off".to_owned(), connections as u64)]);
    let server = run.server.as_mut().unwrap();
    server.cpu_share = (0.01 + 3.6e-6 * deliveries) * (1.0 + noise);
    server.cores = 1;
    server.rss_bytes = (6.0 * 1_048_576.0 + 300.0 * connections) as u64;
    server.rss_idle_bytes = 6 * 1_048_576;
    server.kernel_bytes_per_connection = Some(6600.0);
    run
}

/// The same with a history that all share: a sixth of the bytes for 5 % more CPU.
pub(crate) fn shared(connections: f64) -> Run {
    let mut run = run(connections, 1.0, 10.0, 0.05);
    run.rates.wire_bytes_per_s /= 6.0;
    run.compression.negotiated = BTreeMap::from([("context/15".to_owned(), connections as u64)]);
    run.scenario["target"]["server"]["compression"] = json!("shared");
    run
}

pub(crate) fn source(name: &str, run: Run) -> Source {
    Source { name: name.to_owned(), what: What::Run(Box::new(run)) }
}

/// Runs at six levels from 1,000 to 5,000 connections of one room, 10 publishes/s.
pub(crate) fn levels() -> Vec<Source> {
    let noise = [0.01, -0.012, 0.004, -0.006, 0.011, -0.008];
    let each = [1000.0, 1800.0, 2600.0, 3400.0, 4200.0, 5000.0].into_iter().zip(noise);
    each.map(|(n, noise)| source(&format!("results/levels/{n}"), run(n, 1.0, 10.0, noise))).collect()
}

/// A search over the publish rate with 1,000 connections: 200 publishes/s hold for `latency.due.p99 < 50ms`, and 210 do not.
pub(crate) fn search() -> Source {
    let trial = |load: f64, verdict, length| {
        let run = run(1000.0, 1.0, load, 0.0);
        let verdicts = BTreeMap::from([("latency.due.p99 < 50ms".to_owned(), verdict)]);
        Trial::of(&run, load, length, verdicts, format!("{load}"))
    };
    let mut trials: Vec<Trial> =
        [20.0, 40.0, 80.0, 160.0, 180.0].into_iter().map(|load| trial(load, Verdict::Held, Length::Short)).collect();
    trials.push(trial(200.0, Verdict::Held, Length::Full));
    trials.push(trial(200.0, Verdict::Held, Length::Full));
    trials.push(trial(210.0, Verdict::Broke, Length::Full));
    let costs = crate::capacity::Costs {
        connections: 1000,
        publishes_per_s: 200.0,
        deliveries_per_s: 200_000.0,
        p50: Some(2000.0),
        p99: Some(40_000.0),
        server_cpu_share: Some(0.73),
        cpu_s_per_million_deliveries: Some(3.65),
        memory_bytes_per_1000_connections: Some(6.9e6),
        wire_bytes_per_million_deliveries: Some(1.32e8),
    };
    let found = Found {
        objective: "latency.due.p99 < 50ms".to_owned(),
        thresholds: vec!["latency.due.p99 < 50ms".to_owned(), "deliveries.lost == 0".to_owned()],
        bounds: Bounds { lower: Some(200.0), upper: Upper::Broke(210.0) },
        cause: Some(Cause {
            resource: Resource::ServerCpu,
            figure: "the server was busy for 92 % of a core".to_owned(),
        }),
        costs: Some(costs),
    };
    let outcome = Outcome {
        schema: 1,
        scenario: "knee".to_owned(),
        axis: Axis::Rate,
        range: [10.0, 2000.0],
        width: 0.05,
        complete: true,
        found: vec![found],
        scaling: None,
        trials,
        environment: sample::good().environment,
        target: json!({ "path": "/broadcast/{room}", "server": {} }),
        notes: Vec::new(),
    };
    Source { name: "results/knee/capacity".to_owned(), what: What::Capacity(Box::new(outcome)) }
}

pub(crate) fn wanted(users: f64) -> Wanted {
    Wanted {
        users,
        rooms: None,
        per_room: None,
        per_user: None,
        message_bytes: None,
        compression: None,
        headroom: 0.3,
        machine: None,
        prices: Prices::default(),
    }
}

/// 200,000 users in 500 rooms with 2 messages/s, on machines with 4 cores and 8 GiB.
pub(crate) fn evening() -> Wanted {
    Wanted {
        rooms: Some(500.0),
        per_room: Some(2.0),
        machine: Some(Machine { cores: 4.0, memory_bytes: Some(8.0 * 1_073_741_824.0), link_bytes_per_s: None }),
        prices: Prices { per_hour: Some(0.2), per_gb: Some(0.09) },
        ..wanted(200_000.0)
    }
}

fn near(value: f64, expected: f64, share: f64) -> bool {
    (value / expected - 1.0).abs() < share
}

#[test]
fn six_levels_to_5000_connections_predict_15000_and_say_how_far_that_is() {
    let plan = Sizing::of(&levels(), &wanted(15_000.0), None).unwrap();
    let (cpu, process, kernel) = (plan.cpu.unwrap(), plan.process_bytes.unwrap(), plan.kernel_bytes.unwrap());
    assert!(near(cpu.value, 0.55, 0.03), "{cpu:?}");
    assert!(cpu.interval.unwrap().contains(0.55), "{cpu:?}");
    assert!(near(process.value, 6.0 * 1_048_576.0 + 300.0 * 15_000.0, 0.001), "{process:?}");
    assert!(near(kernel.value, 6600.0 * 15_000.0, 0.001), "{kernel:?}");
    let sent = plan.traffic[0].bytes_per_s.clone().unwrap();
    assert!(near(sent.value, 132.0 * 150_000.0, 0.001), "{sent:?}");
    for figure in [&cpu, &process, &kernel, &sent] {
        let far = figure.basis.far().unwrap_or_else(|| panic!("{figure:?}"));
        assert!(near(far.times, 3.0, 1e-9));
    }
    assert_eq!((plan.servers, plan.evidence.observations.len()), (None, 6));
}

#[test]
fn memory_grows_with_connections_however_few_the_runs() {
    let mut sources = levels();
    sources.retain(|source| !source.name.ends_with("1000") && !source.name.ends_with("2600"));
    let process = Sizing::of(&sources, &wanted(15_000.0), None).unwrap().process_bytes.unwrap();
    assert!(near(process.value, 6.0 * 1_048_576.0 + 300.0 * 15_000.0, 0.001), "{process:?}");
}

#[test]
fn within_the_levels_nothing_is_extrapolated() {
    let plan = |users: f64| Sizing::of(&levels(), &wanted(users), None).unwrap().cpu.unwrap().basis;
    assert_eq!(plan(3400.0), Basis::Measured);
    assert_eq!(plan(3000.0), Basis::Interpolated);
    let Basis::Extrapolated(beyond) = plan(7000.0) else { panic!() };
    assert!(beyond.iter().all(|one| near(one.times, 1.4, 1e-9)) && Basis::Extrapolated(beyond).far().is_none());
}

#[test]
fn servers_are_counted_by_the_cpu_at_which_the_objective_held() {
    let plan = Sizing::of(&[search()], &evening(), Some("latency.due.p99 < 100ms")).unwrap();
    let servers = plan.servers.as_ref().unwrap();
    // 400,000 deliveries/s take 1.44 cores; a server may use 0.73 x 4 x 0.7 = 2.04, and 1.01 GiB are its rooms' and 1.3 GiB the kernel's.
    assert_eq!((servers.count, servers.needs[0].what), (Some(1), Scarce::Cpu), "{servers:?}");
    assert!(near(servers.needs[0].allowed, 0.73 * 4.0 * 0.7, 1e-9) && near(servers.needs[0].figure.value, 1.45, 0.01));
    let memory = servers.needs.iter().find(|need| need.what == Scarce::Memory).unwrap();
    assert!(near(memory.figure.value, 6.3e6 + 6900.0 * 200_000.0 + 1_073_741_824.0, 0.01), "{memory:?}");
    assert!(servers.beyond.iter().any(|one| one.what == "cores" && one.times == 4.0));
    let busier = Wanted { per_room: Some(20.0), ..evening() };
    let servers = Sizing::of(&[search()], &busier, None).unwrap().servers.unwrap();
    // 14.4 cores by 2.04, and no room is divided.
    assert_eq!((servers.count, servers.load.rooms), (Some(8), Some(63.0)), "{servers:?}");
}

#[test]
fn a_law_with_a_peak_bounds_what_one_server_delivers() {
    use crate::analyse::scaling::{Law, Level};
    let Source { name, what: What::Capacity(mut outcome) } = search() else { panic!() };
    // Highest at 223 publishes/s, where one core makes 112,000 deliveries/s.
    let law = Law { rate: 1000.0, contention: 0.0, coherency: 0.000_02 };
    let levels: Vec<Level> = [10.0, 20.0, 40.0, 80.0, 120.0, 160.0, 200.0]
        .map(|load| Level { load, throughput: law.throughput(load) })
        .to_vec();
    let with = |value: f64| [value, value, value];
    outcome.scaling = Some(crate::capacity::Scaling {
        levels,
        rate: with(law.rate),
        contention: with(0.0),
        coherency: with(law.coherency),
        peak: Some(223.6),
        measured_to: 200.0,
    });
    let plan = Sizing::of(&[Source { name, what: What::Capacity(outcome) }], &evening(), None).unwrap();
    let servers = plan.servers.unwrap();
    let need = servers.needs.iter().find(|need| need.what == Scarce::Throughput).unwrap();
    assert!(near(need.allowed, law.throughput(223.6) * 4.0 * 0.7, 0.001), "{need:?}");
    let said = servers.law.unwrap();
    // 313,000 of 400,000 deliveries/s: two servers. 200,000 on four cores are 50,000 on each: 50 publishes/s.
    assert_eq!((servers.count, need.alone), (Some(2), Some(2)));
    assert!(near(said.throughput, law.throughput(50.0) * 4.0, 0.001) && near(said.times, 0.25, 0.001), "{said:?}");
}

#[test]
fn what_a_month_costs_is_servers_and_traffic() {
    let plan = Sizing::of(&[search()], &evening(), None).unwrap();
    let costs = plan.traffic[0].costs.unwrap();
    assert!(near(costs.servers_per_month.unwrap(), 146.0, 1e-9));
    assert!(near(costs.traffic_per_month.unwrap(), 400_000.0 * 132.0 * 730.0 * 3600.0 / 1e9 * 0.09, 1e-6));
    assert!(near(costs.per_month_per_1000_connections, costs.per_month / 200.0, 1e-9));
    assert!(near(costs.per_million_deliveries.unwrap(), costs.per_month / (0.4 * 730.0 * 3600.0), 1e-9));
}

#[test]
fn servers_have_a_price_only_where_their_number_is_known() {
    let costs = |per_gb| {
        let prices = Prices { per_hour: Some(0.2), per_gb };
        Sizing::of(&levels(), &Wanted { prices, ..wanted(15_000.0) }, None).unwrap().traffic[0].costs
    };
    assert_eq!(costs(None), None);
    let traffic = costs(Some(0.09)).unwrap();
    assert_eq!((traffic.servers_per_month, traffic.traffic_per_month), (None, Some(traffic.per_month)));
}

#[test]
fn the_other_ways_that_were_measured_are_set_beside() {
    let mut sources = levels();
    sources.push(source("results/shared", shared(1000.0)));
    let plan = Sizing::of(&sources, &wanted(5000.0), None).unwrap();
    let [off, shared] = &plan.traffic[..] else { panic!("{:?}", plan.traffic) };
    assert_eq!((off.compression, shared.compression), (Way::Off, Way::Shared));
    let bytes = |traffic: &Traffic| traffic.bytes_per_s.as_ref().unwrap().value;
    assert!(near(bytes(off), 6.0 * bytes(shared), 0.001));
    assert!(shared.bytes_per_s.as_ref().unwrap().interval.is_none(), "one run says nothing about noise");
    assert!(shared.bytes_per_s.as_ref().unwrap().basis.far().is_some(), "it was made with a fifth of the connections");
}

#[test]
fn a_room_that_is_too_large_for_a_server_is_said() {
    let wanted = Wanted { rooms: Some(1.0), per_room: Some(200.0), ..evening() };
    let plan = Sizing::of(&[search()], &wanted, None).unwrap();
    assert_eq!((plan.servers.as_ref().unwrap().count, plan.exit_code()), (None, 3));
}

#[test]
fn what_cannot_be_put_together_is_refused_with_what_to_do() {
    let refused = |sources: &[Source], wanted: &Wanted, objective| {
        Sizing::of(sources, wanted, objective).unwrap_err().to_string()
    };
    let mut other = run(1000.0, 1.0, 10.0, 0.0);
    other.environment.cpu = "Another CPU".to_owned();
    assert_eq!(
        refused(&[levels().remove(0), source("results/there", other)], &wanted(5000.0), None),
        "these results are of different machines (processor Example CPU 2.4 GHz in results/levels/1000, Another CPU in results/there): plan \
         from those of one machine"
    );
    let mut textbook = run(1000.0, 1.0, 10.0, 0.0);
    textbook.scenario["target"]["server"]["engine"] = json!("textbook");
    assert!(refused(&[levels().remove(0), source("b", textbook)], &wanted(5000.0), None).contains("different servers"));
    for (key, value) in [("path", json!("/ws/{room}")), ("dialect", json!("chat"))] {
        let mut chat = run(1000.0, 1.0, 10.0, 0.0);
        chat.scenario["target"][key] = value;
        let said = refused(&[levels().remove(0), source("b", chat)], &wanted(5000.0), None);
        assert!(said.contains("different servers") && said.contains("chat") == (key == "dialect"), "{said}");
    }
    let mut plain = run(1000.0, 1.0, 10.0, 0.0);
    plain.scenario["target"]["dialect"] = json!("plain");
    assert!(Sizing::of(&[levels().remove(0), source("b", plain)], &wanted(5000.0), None).is_ok());
    let mut growing = run(1000.0, 1.0, 10.0, 0.0);
    growing.scenario["phases"] =
        json!([{ "name": "low", "connections": null }, { "name": "rise", "connections": 1000 }]);
    assert!(
        refused(&[source("a", growing.clone())], &wanted(1.0), None).contains("a (its phases change its connections)")
    );
    growing.scenario["phases"][1]["connections"] = json!(null);
    assert!(Sizing::of(&[source("a", growing)], &wanted(1000.0), None).is_ok());
    let strict = refused(&[search()], &evening(), Some("latency.due.p99 < 5ms"));
    assert!(
        strict.contains(
            "no load was confirmed for latency.due.p99 < 5ms: there are loads only for latency.due.p99 < 50ms"
        ),
        "{strict}"
    );
    assert!(strict.contains("fanout capacity FILE --slo 'latency.due.p99 < 5ms'"), "{strict}");
    let Source { name, what: What::Capacity(mut outcome) } = search() else { panic!() };
    outcome.found[0].bounds.lower = None;
    let none = refused(&[Source { name, what: What::Capacity(outcome) }], &evening(), None);
    assert!(none.starts_with("no load was confirmed for any objective: these searches found none"), "{none}");
    let mut remote = run(1000.0, 1.0, 10.0, 0.0);
    remote.server = None;
    let unknown = refused(&[source("a", remote.clone())], &evening(), None);
    assert!(unknown.starts_with("none of these results has measured the server's CPU time"), "{unknown}");
    let mut invalid = remote;
    invalid.validity.valid = false;
    assert!(refused(&[source("a", invalid)], &wanted(1.0), None).contains("a (not a valid measurement)"));
    let mut mixed = levels();
    mixed.push(source("b", run(1000.0, 1.0, 20.0, 0.0)));
    assert_eq!(
        refused(&mixed, &wanted(5000.0), None),
        "the results differ in publishes a second in a room (10 to 20): give --rate-per-room or --rate-per-user"
    );
    let with_payload = |bytes: f64| {
        let mut other = run(1000.0, 1.0, 10.0, 0.0);
        other.rates.payload_bytes_per_s = bytes * other.rates.deliveries_per_s;
        [levels(), vec![source("other", other)]].concat()
    };
    let sizes = "the results differ in the mean payload of a message in bytes (128 to 192): give --message-size";
    assert_eq!(refused(&with_payload(192.0), &wanted(5000.0), None), sizes);
    let drawn = Sizing::of(&with_payload(140.0), &wanted(5000.0), None).unwrap();
    assert!(drawn.asked.assumed.iter().any(|said| said.ends_with("as in the results (--message-size sets another)")));
    let shared = Wanted { compression: Some(Way::Shared), ..wanted(5000.0) };
    assert!(refused(&levels(), &shared, None).contains("has measured a server with shared compression"));
    assert!(refused(&levels(), &wanted(5.0), Some("latency.due.p99 < 5ms")).contains("--cores"));
}

#[test]
fn without_the_servers_process_bytes_are_predicted_all_the_same() {
    let mut remote = run(1000.0, 1.0, 10.0, 0.0);
    remote.server = None;
    let plan = Sizing::of(&[source("a", remote)], &wanted(1000.0), None).unwrap();
    assert!(plan.cpu.is_none() && plan.traffic[0].bytes_per_s.is_some());
}

#[test]
fn runs_that_kept_an_objective_allow_as_much_as_they_used() {
    let plan = Sizing::of(&levels(), &Wanted { rooms: Some(10.0), ..evening() }, Some("latency.due.p99 < 1s")).unwrap();
    let by = &plan.servers.as_ref().unwrap().by;
    assert!(!by.limited && by.connections == 5000.0 && near(by.busy.unwrap(), 0.19, 0.02), "{by:?}");
    let missed = Sizing::of(&levels(), &evening(), Some("latency.due.p99 < 1us")).unwrap_err().to_string();
    assert!(missed.starts_with("no load was confirmed for latency.due.p99 < 1us"), "{missed}");
}

#[test]
fn the_strictness_of_objectives_is_understood() {
    let Source { what: What::Capacity(outcome), .. } = search() else { panic!() };
    let confirmed = Confirmed::of_capacity("a", &outcome).remove(0);
    let covers = |text: &str| confirmed.covers(&confirmed::threshold(text).unwrap());
    assert!(covers("latency.due.p99 < 50ms") && covers("latency.due.p99 <= 50ms") && covers("latency.due.p99 < 1s"));
    assert!(!covers("latency.due.p99 < 49ms") && !covers("latency.due.p50 < 50ms"));
    assert!(covers("deliveries.lost == 0") && covers("deliveries.lost < 5"));
}

#[test]
fn searches_and_runs_whose_phases_change_their_connections_are_not_planned_from() {
    let grows = |mut run: Run| {
        run.scenario["phases"] =
            json!([{ "name": "steady", "connections": null }, { "name": "goal", "connections": 5000 }]);
        run
    };
    let Source { name, what: What::Capacity(mut outcome) } = search() else { panic!("a search") };
    let steady = &outcome.trials[0];
    let verdicts = steady.verdicts.clone();
    let of = |run: &Run| Trial::of(run, 20.0, Length::Short, verdicts.clone(), "1".to_owned());
    let (still, moving) = (of(&run(1000.0, 1.0, 20.0, 0.0)), of(&grows(run(1000.0, 1.0, 20.0, 0.0))));
    assert!(Observation::of_trial("search", &still).is_some());
    assert!(Observation::of_trial("search", &moving).is_none());
    // So it is also for one that was read from its file.
    let line = serde_json::to_string(&moving).unwrap();
    assert_eq!(serde_json::from_str::<Trial>(&line).unwrap(), moving);
    outcome.trials.iter_mut().for_each(|trial| trial.moves_connections = true);
    let growing = Source { name, what: What::Capacity(outcome) };
    let refusal = Evidence::of(std::slice::from_ref(&growing), None).unwrap_err().to_string();
    assert!(refusal.contains("results/knee/capacity (its phases change its connections)"), "{refusal}");
    let with_runs: Vec<Source> = levels().into_iter().chain([growing]).collect();
    let evidence = Evidence::of(&with_runs, None).unwrap();
    assert_eq!(evidence.observations.len(), levels().len());
    assert!(evidence.confirmed.iter().all(|confirmed| confirmed.source != "results/knee/capacity"));
    assert_eq!(evidence.notes, ["left out: results/knee/capacity (its phases change its connections)"]);
    assert!(Observation::of_run("run", &grows(run(1000.0, 1.0, 20.0, 0.0))).is_err());
}
