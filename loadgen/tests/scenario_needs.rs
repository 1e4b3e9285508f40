//! What a scenario will need of the machine: connections, ports, memory, time.

use std::time::Duration;

use loadgen::scenario::{INFLATER_BYTES, needs};

use crate::written::{SHORTEST, plan, with_sets};

#[test]
fn needs_count_connections_ports_and_publishes() {
    let plan = with_sets(&["connections.phones.count=1000", "connections.phones.source_ips=[\"127.0.0.2-127.0.0.5\"]"]);
    let needs = needs(&plan);
    assert_eq!((needs.connections, needs.descriptors, needs.ports_per_address), (1001, 1201, 250));
    assert_eq!((needs.publishes, needs.duration), (Some(10), Duration::from_secs(3)));
    assert!(needs.memory_bytes > 16 << 20);
    assert_eq!(needs.inflaters_bytes, 0);
}

#[test]
fn needs_say_what_decompressors_may_take() {
    let of = |offer: &str, inflate: &str| {
        let lines = format!("count = 1000\nrooms = 10\ncompression = {{ offer = \"{offer}\" }}\ninflate = {inflate}");
        needs(&plan(&SHORTEST.replace("count = 10", &lines).replace("rate = 5", "rate = 5\ncount = 10")))
            .inflaters_bytes
    };
    // One a room is needed in any case.
    assert_eq!(of("context", "\"all\""), 990 * INFLATER_BYTES);
    assert_eq!(of("context", "0.05"), 40 * INFLATER_BYTES);
    assert_eq!(of("no_context", "\"all\""), 0);
}

#[test]
fn groups_that_share_source_addresses_share_their_ports() {
    let text = format!(
        "{SHORTEST}[[connections]]\nname = \"b\"\ncount = 9\nsource_ips = [\"127.0.0.1-127.0.0.2\"]\n\
         [[connections]]\nname = \"c\"\ncount = 100\nsource_ips = [\"127.0.0.2\"]\n"
    );
    // 127.0.0.1: the 10 phones, the publisher, and 5 of b; 127.0.0.2: 4 of b, and c.
    assert_eq!(needs(&plan(&text)).ports_per_address, 104);
    assert_eq!(needs(&plan(&text.replace("count = 100", "count = 1"))).ports_per_address, 16);
}

#[test]
fn memory_grows_with_what_is_published() {
    let memory = |sets: &[&str]| needs(&with_sets(sets)).memory_bytes;
    let (few, many) = (memory(&["publishers.source.rate=1000"]), memory(&["publishers.source.rate=2000"]));
    // 2,000 publishes more: the book, the order and the list of the room, the index of that, and the frame of each.
    assert_eq!(many - few, 2000 * (32 + 8 + 64 + 8 + 128 + 10));
    let (much, more) = (memory(&["publishers.source.rate=1000000"]), memory(&["publishers.source.rate=2000000"]));
    assert_eq!(more - much, 2_000_000 * (32 + 8 + 64 + 8), "no more than 64 MiB of frames are kept");
}
