//! Echo mode over several addresses: everybody hears himself alone, wherever he is connected, and every count is that of one address.

use crate::command::server::Server;
use crate::command::{Done, Stage, adds_up, counts, undisturbed};
use crate::double::{Double, Fault};

fn scenario(target: &str) -> String {
    format!(
        r#"
name = "callers"
mode = "echo"
settle = "100ms"
drain = "3s"
max_schedule_lag = "1s"
[target]
{target}
[[connections]]
name = "callers"
count = 7
[[connections]]
name = "others"
count = 4
[[publishers]]
name = "callers"
every = "100ms"
payload = {{ size = "20-2000" }}
[[phases]]
name = "steady"
for = "1s"
"#
    )
}

fn measured(target: &str, flags: &[&str]) -> Done {
    let (done, ()) = undisturbed(|| (Stage::new(&scenario(target)).run_json(flags), ()));
    done.exits(0);
    adds_up(done.run());
    done
}

/// How many connections each server has by its own account.
fn at_each(done: &Done) -> Vec<u64> {
    let stats = done.run().server.as_ref().and_then(|server| server.stats.clone()).unwrap();
    stats.as_array().unwrap().iter().map(|of_one| of_one["connections"].as_u64().unwrap()).collect()
}

#[test]
fn connections_take_turns_at_the_addresses_and_all_is_counted_as_at_one() {
    let servers = [&[]; 3].map(|flags| Server::start(flags));
    let one = measured(&format!("url = \"{}\"", servers[0].url("/echo")), &[]);
    let d = &one.run().deliveries;
    assert_eq!((d.expected, d.delivered, d.foreign, d.duplicated), (110, 110, 0, 0));
    let list = servers.each_ref().map(|server| server.url("/echo"));
    for flags in [&[][..], &["--client", "tungstenite"], &["--agents", "2"]] {
        let done = measured(&format!("url = {list:?}"), flags);
        let run = done.run();
        assert_eq!(counts(run).2, counts(one.run()).2, "{flags:?}");
        assert_eq!((run.publishes.due, run.publishes.sent), (110, 110));
        assert_eq!(run.latency.round_trip.as_ref().map(|q| q.count), Some(110));
        let opened: Vec<u64> = servers.iter().map(|s| run.connections.addresses[&s.address].opened).collect();
        assert_eq!(opened, [4, 4, 3], "{flags:?}");
        assert_eq!(at_each(&done), [4, 4, 3], "{flags:?}");
        let by_group = |name: &str| run.groups[name].deliveries.delivered;
        assert_eq!((by_group("callers"), by_group("others")), (70, 40));
    }
}

#[test]
fn several_bundled_servers_share_callers_who_are_all_in_one_room() {
    let done = measured("servers = 2", &[]);
    assert_eq!((done.run().deliveries.expected, done.run().deliveries.delivered), (110, 110));
    assert_eq!(at_each(&done), [6, 5]);
    assert!(done.run().notes.iter().any(|note| note.starts_with("2 servers, each with connections of its own")));
    let none = Stage::new(&scenario("servers = 12")).run(&[]);
    none.exits(2).says("12 servers for 11 connections: some would have none");
}

#[test]
fn an_address_that_does_not_answer_is_named_before_the_run() {
    let (good, mute) = (Server::start(&[]), Double::start(Fault::Mute));
    let here = good.url("/broadcast/{room}");
    let done = Stage::new(&scenario(&format!("url = [\"{here}\", \"{}\"]", mute.url()))).run(&[]);
    let there = mute.url().replace("{room}", "r0");
    done.exits(1).says(&format!("nobody received it: a message published to {there} had not come back"));
}
