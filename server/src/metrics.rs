//! What `/metrics` says: counters and gauges under the names that Prometheus keeps them by.
//!
//! What belongs to a hot thread has a label `shard`. Durations are in seconds, sizes in bytes.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::prometheus::{Exposition, Kind};
use crate::rate::{Actions, Limited};
use crate::stats::{Counters, Service, ShardReport, Snapshot, seconds};
use crate::variant::{Kind as Form, Volume};

/// Everything as text for Prometheus.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let mut text = Exposition::default();
    server(&mut text, snapshot);
    rooms(&mut text, snapshot);
    compression(&mut text, snapshot);
    slow_members(&mut text, snapshot);
    limits(&mut text, snapshot);
    between_shards(&mut text, snapshot);
    ends(&mut text, snapshot);
    loops(&mut text, snapshot);
    process(&mut text, snapshot);
    text.finish()
}

fn server(text: &mut Exposition, snapshot: &Snapshot) {
    text.family("fanout_build_info", Kind::Gauge, "Always 1; the label says which version runs.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let mut one = |name, kind, help, value: u64| {
        text.family(name, kind, help).sample(&[], value);
    };
    let draining = u64::from(snapshot.service == Service::Draining);
    one("fanout_draining", Kind::Gauge, "Whether the server is closing its connections: 1 or 0.", draining);
    let front = &snapshot.front;
    one(
        "fanout_accepted_connections_total",
        Kind::Counter,
        "Connections accepted, for WebSocket or not.",
        front.accepted,
    );
    one("fanout_accept_errors_total", Kind::Counter, "Failures to accept a connection.", front.accept_errors);
    let help = "Connections that ended or ran out of time before their request was answered.";
    one("fanout_handshake_failures_total", Kind::Counter, help, front.handshake_failures);
    one("fanout_tls_failures_total", Kind::Counter, "TLS handshakes that failed.", front.tls_failures);
    let help = "Connections closed unheard, because too many were waiting to be heard.";
    one("fanout_turned_away_connections_total", Kind::Counter, help, front.turned_away);
    let help = "Requests whose X-Forwarded-For did not tell the client's address.";
    one("fanout_forwarded_unusable_total", Kind::Counter, help, front.forwarded_unusable);
    let help = "Times that certificate, key or tokens were read again.";
    one("fanout_reloads_total", Kind::Counter, help, front.reloads);
    let help = "Times that they could not be, so that those read before stayed in use.";
    one("fanout_reload_failures_total", Kind::Counter, help, front.reload_failures);
    one("fanout_polling", Kind::Gauge, "Long polls that wait or are being answered.", front.polling as u64);
    by(text, "fanout_refused_requests_total", "Upgrades and requests refused.", "status", &front.refused);
}

fn rooms(text: &mut Exposition, snapshot: &Snapshot) {
    let mut gauge = each(snapshot, Kind::Gauge);
    gauge(text, "fanout_connections", "Connections of WebSocket and event streams.", |s| s.connections as u64);
    gauge(text, "fanout_rooms", "Rooms.", |s| s.room_count as u64);
    gauge(text, "fanout_log_bytes", "Memory of the rooms' logs.", |s| s.log_bytes as u64);
    let mut counter = each(snapshot, Kind::Counter);
    counter(text, "fanout_publishes_total", "Messages published.", |s| s.tally.publishes);
    counter(text, "fanout_publish_bytes_total", "Payload bytes published.", |s| s.tally.publish_bytes);
    counter(text, "fanout_deliveries_total", "Whole messages times members that they were sent to.", |s| {
        s.tally.deliveries
    });
    let help = "Writes to members; deliveries divided by sends is messages per send.";
    counter(text, "fanout_sends_total", help, |s| s.tally.sends);
    counter(text, "fanout_sent_bytes_total", "Bytes that those writes took.", |s| s.tally.bytes_sent);
    let help = "Writes of which the kernel took a part or nothing.";
    counter(text, "fanout_partial_sends_total", help, |s| s.tally.partial_writes);
    let mut kinds = BTreeMap::new();
    for (kind, count) in snapshot.shards.iter().flat_map(|(_, shard)| &shard.kinds) {
        *kinds.entry(*kind).or_insert(0) += *count;
    }
    let mut family = text.family("fanout_members", Kind::Gauge, "Members of rooms, by how they receive.");
    for (kind, count) in kinds {
        family.sample(&[("kind", kind)], count);
    }
    let mut family =
        text.family("fanout_flush_messages", Kind::Histogram, "Messages that one flush of a room carried.");
    for (i, shard) in &snapshot.shards {
        let flushes = &shard.tally.flushes;
        let buckets = flushes.cumulative().map(|(bound, below)| (bound as f64, below));
        family.histogram(&[("shard", &i.to_string())], buckets, flushes.sum() as f64, flushes.count());
    }
}

/// What members receive compressed, and the compressors.
fn compression(text: &mut Exposition, snapshot: &Snapshot) {
    let mut volume = |name, help, of: fn(&Volume) -> u64| {
        let sum = |form| snapshot.shards.iter().map(|(_, shard)| of(shard.tally.volumes.of(form))).sum();
        by(text, name, help, "variant", &BTreeMap::from(Form::ALL.map(|form| (form.name(), sum(form)))));
    };
    let help = "Messages made into frames of a variant, once for all its members in a room.";
    volume("fanout_variant_messages_total", help, |volume| volume.messages);
    let help = "Bytes of the plain frames of those messages.";
    volume("fanout_variant_plain_bytes_total", help, |volume| volume.plain_bytes);
    let help = "Bytes of the frames that they were made into.";
    volume("fanout_variant_frame_bytes_total", help, |volume| volume.frame_bytes);
    let help = "Bytes that sockets took, by what members receive.";
    volume("fanout_variant_sent_bytes_total", help, |volume| volume.sent_bytes);
    let mut members = BTreeMap::new();
    for (variant, count) in snapshot.shards.iter().flat_map(|(_, shard)| &shard.variants) {
        *members.entry(*variant).or_insert(0) += *count;
    }
    let mut family = text.family(
        "fanout_variant_members",
        Kind::Gauge,
        "Members of rooms, by what they receive: plain or a form of it.",
    );
    for (variant, count) in members {
        family.sample(&[("variant", variant)], count);
    }
    let mut counter = each(snapshot, Kind::Counter);
    let help = "Messages compressed, once for each compressor.";
    counter(text, "fanout_deflate_messages_total", help, |s| s.deflate.tally.compressed);
    let help = "Messages of rooms with compression left plain because they are under --compression-threshold.";
    counter(text, "fanout_deflate_under_threshold_total", help, |s| s.deflate.tally.under_threshold);
    let help = "Messages left plain because they are larger than a window.";
    counter(text, "fanout_deflate_beyond_window_total", help, |s| s.deflate.tally.beyond_window);
    let help = "Times that a compressor began anew for newcomers.";
    counter(text, "fanout_deflate_resets_total", help, |s| s.deflate.tally.resets);
    let help = "Members that changed from one variant to another.";
    counter(text, "fanout_deflate_moves_total", help, |s| s.deflate.tally.moves);
    let help = "Times that a room was refused a compressor because of --deflate-memory.";
    counter(text, "fanout_deflate_refused_total", help, |s| s.deflate.tally.refused);
    let mut family =
        text.family("fanout_deflate_seconds_total", Kind::Counter, "Time that hot threads spent compressing.");
    for (i, shard) in &snapshot.shards {
        family.sample(&[("shard", &i.to_string())], seconds(shard.deflate.tally.ns));
    }
    let mut gauge = each(snapshot, Kind::Gauge);
    gauge(text, "fanout_deflate_compressors", "Compressors.", |s| s.deflate.compressors as u64);
    gauge(text, "fanout_deflate_memory_bytes", "Memory of compressors.", |s| s.deflate.memory as u64);
    let help = "Memory that compressors may take: this shard's part of --deflate-memory.";
    gauge(text, "fanout_deflate_memory_limit_bytes", help, |s| s.deflate.limit as u64);
}

fn slow_members(text: &mut Exposition, snapshot: &Snapshot) {
    let mut gauge = each(snapshot, Kind::Gauge);
    gauge(text, "fanout_blocked_members", "Members that cannot be written to now.", |s| s.blocked as u64);
    gauge(text, "fanout_split_bytes", "Memory of rests of frames kept for slow members.", |s| s.split_bytes as u64);
    let mut policies = BTreeMap::from([("disconnect", 0)]);
    for (_, shard) in &snapshot.shards {
        *policies.entry("disconnect").or_default() += shard.counters.lagged;
        if shard.lag_policy != "disconnect" {
            *policies.entry(shard.lag_policy).or_default() += shard.tally.skipped_connections;
        }
    }
    let help = "Members that were too slow: closed (disconnect), or first made to lose messages (skip, latest).";
    by(text, "fanout_lagged_members_total", help, "policy", &policies);
    let mut counter = each(snapshot, Kind::Counter);
    counter(text, "fanout_skipped_messages_total", "Messages times members that lost them to the lag policy.", |s| {
        s.tally.skipped_messages
    });
}

/// What limits on what clients send did.
fn limits(text: &mut Exposition, snapshot: &Snapshot) {
    let mut limited = Limited::default();
    for (_, shard) in &snapshot.shards {
        limited.add(&shard.counters.limited);
    }
    let mut actions = |name, help, of: fn(Actions) -> u64| {
        let counts = BTreeMap::from(limited.named().map(|(cause, actions)| (cause, of(actions))));
        by(text, name, help, "cause", &counts);
    };
    let help = "Messages from clients that were not published, by the rate limit they were beyond.";
    actions("fanout_dropped_messages_total", help, |actions| actions.dropped);
    let help = "Messages from clients that had to wait, by the rate limit they were beyond.";
    actions("fanout_delayed_messages_total", help, |actions| actions.delayed);
    let help = "Connections closed, by the rate limit they were beyond.";
    actions("fanout_limited_closes_total", help, |actions| actions.disconnected);
    let refused = summed(snapshot, |counters| &counters.chat.refused);
    let help = "Messages from members of chat rooms that were not taken.";
    by(text, "fanout_chat_refusals_total", help, "reason", &refused);
    let mut counter = each(snapshot, Kind::Counter);
    let help = "Messages about who joined or left a chat room that there was no memory for.";
    counter(text, "fanout_chat_announcements_lost_total", help, |s| s.counters.chat.announcements_lost);
    counter(text, "fanout_control_floods_total", "Connections closed for too many pings and pongs.", |s| {
        s.counters.control_floods
    });
    counter(text, "fanout_slow_messages_total", "Connections closed because a message did not end in time.", |s| {
        s.counters.slow_messages
    });
}

/// Rooms that have members on several shards.
fn between_shards(text: &mut Exposition, snapshot: &Snapshot) {
    let mut gauge = each(snapshot, Kind::Gauge);
    gauge(text, "fanout_room_copies", "Copies of rooms of other shards.", |s| s.copies as u64);
    let help = "Connections that are not read because another shard has no room for what they publish.";
    gauge(text, "fanout_parked_connections", help, |s| s.parked as u64);
    let help = "Bytes that other shards have delivered here and that wait.";
    gauge(text, "fanout_delivery_queue_bytes", help, |s| s.delivery_bytes as u64);
    let help = "Bytes that other shards have published here and that wait.";
    gauge(text, "fanout_publish_queue_bytes", help, |s| s.publish_bytes as u64);
}

fn ends(text: &mut Exposition, snapshot: &Snapshot) {
    let help =
        "Connections that ended, by who closed them; 1006 is without a close frame, 1005 with one that names no code.";
    let mut family = text.family("fanout_closes_total", Kind::Counter, help);
    for (code, count) in summed(snapshot, |counters| &counters.closed) {
        family.sample(&[("by", "server"), ("code", &code.to_string())], count);
    }
    for (code, count) in summed(snapshot, |counters| &counters.closed_by_peer) {
        family.sample(&[("by", "peer"), ("code", &code.to_string())], count);
    }
    let errors = summed(snapshot, |counters| &counters.protocol_errors);
    by(text, "fanout_protocol_errors_total", "Violations of the protocol by clients.", "error", &errors);
    let mut counter = each(snapshot, Kind::Counter);
    counter(text, "fanout_pings_sent_total", "Pings sent to silent clients.", |s| s.counters.pings);
    counter(text, "fanout_pongs_received_total", "Pongs received.", |s| s.counters.pongs);
}

fn loops(text: &mut Exposition, snapshot: &Snapshot) {
    let mut family =
        text.family("fanout_loop_turn_seconds", Kind::Histogram, "How long each turn of a hot thread's loop took.");
    for (i, shard) in &snapshot.shards {
        let turns = &shard.loop_time.turns;
        let buckets = turns.cumulative().map(|(bound, below)| (seconds(bound), below));
        family.histogram(&[("shard", &i.to_string())], buckets, seconds(turns.sum()), turns.count());
    }
    let help = "How long a hot thread slept because nothing was to be done.";
    let mut family = text.family("fanout_loop_asleep_seconds_total", Kind::Counter, help);
    for (i, shard) in &snapshot.shards {
        family.sample(&[("shard", &i.to_string())], seconds(shard.loop_time.asleep));
    }
}

/// Under the names that Prometheus' own clients use.
fn process(text: &mut Exposition, snapshot: &Snapshot) {
    let process = &snapshot.process;
    text.family("process_cpu_seconds_total", Kind::Counter, "CPU time, user and system.").sample(&[], process.cpu_s);
    let mut gauge = |name, help, value: u64| {
        text.family(name, Kind::Gauge, help).sample(&[], value);
    };
    gauge("process_resident_memory_bytes", "Resident memory.", process.rss_bytes);
    gauge("process_open_fds", "Open descriptors.", process.descriptors);
    gauge("process_max_fds", "Descriptors that may be open.", process.max_descriptors);
    text.family("fanout_uptime_seconds", Kind::Gauge, "Time since the start.").sample(&[], snapshot.uptime_s);
}

/// Writes families with one sample a shard.
fn each(
    snapshot: &Snapshot,
    kind: Kind,
) -> impl FnMut(&mut Exposition, &'static str, &str, fn(&ShardReport) -> u64) + use<'_> {
    move |text, name, help, of| {
        let mut family = text.family(name, kind, help);
        for (i, shard) in &snapshot.shards {
            family.sample(&[("shard", &i.to_string())], of(shard));
        }
    }
}

/// Writes one family of counters by one label.
fn by<K: Display>(text: &mut Exposition, name: &'static str, help: &str, label: &str, counts: &BTreeMap<K, u64>) {
    let mut family = text.family(name, Kind::Counter, help);
    for (key, count) in counts {
        family.sample(&[(label, &key.to_string())], count);
    }
}

/// One table of counters, of all shards together.
fn summed<K: Ord + Clone>(snapshot: &Snapshot, of: fn(&Counters) -> &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    let mut sums = BTreeMap::new();
    for (key, count) in snapshot.shards.iter().flat_map(|(_, shard)| of(&shard.counters)) {
        *sums.entry(key.clone()).or_insert(0) += count;
    }
    sums
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
