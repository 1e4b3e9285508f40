//! `fanout record`.

use super::run::{complain, limits, runtime};
use super::{BAD_SCENARIO, COULD_NOT_RUN, DONE, say};
use crate::cli::RecordArgs;
use crate::plan::{Plan, TargetKind};
use crate::progress::Voice;
use crate::recording::{Feed, Order, RoomOf, record};
use crate::request::Requests;
use crate::scenario::{Listening, listening};

/// The room of a feed that has no rooms.
const ONLY_ROOM: &str = "feed";

/// Records a feed into a file.
pub fn feed(args: &RecordArgs) -> u8 {
    let limits = match limits() {
        Ok(limits) => limits,
        Err(code) => return code,
    };
    if args.url.contains("{room}") && args.rooms.is_empty() {
        eprintln!("the url has {{room}}: name the rooms with --room, once for each");
        return BAD_SCENARIO;
    }
    if args.url.starts_with("wss:") {
        eprintln!(
            "a recording cannot speak TLS in this version: record from a ws:// address, such as a proxy's that ends TLS"
        );
        return BAD_SCENARIO;
    }
    let rooms = if args.rooms.is_empty() { vec![ONLY_ROOM.to_owned()] } else { args.rooms.clone() };
    let wanted = Listening {
        url: args.url.clone(),
        rooms,
        headers: args.headers.clone(),
        subprotocols: args.subprotocols.clone(),
    };
    match listening(&wanted, &limits) {
        Ok(plan) => carry_out(plan, args),
        Err(error) => {
            complain(error);
            BAD_SCENARIO
        }
    }
}

fn carry_out(plan: Plan, args: &RecordArgs) -> u8 {
    let TargetKind::Url { endpoints, .. } = &plan.target.kind else {
        eprintln!("a recording needs the url of a running server");
        return BAD_SCENARIO;
    };
    let Some(endpoint) = endpoints.first() else {
        eprintln!("the url has no address to record from");
        return BAD_SCENARIO;
    };
    let address = endpoint.address;
    let requests = Requests::new(&plan, endpoints);
    let order = Order {
        feed: Feed { address, tls: plan.target.tls.clone(), requests, hello: args.send.clone() },
        rooms: plan.rooms,
        room_of: args.room_at.clone().map_or(RoomOf::Connection, RoomOf::Message),
        file: args.output.clone(),
        rotation: args.rotate,
        length: args.length,
        max_bytes: args.max_bytes,
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    match runtime.block_on(record(order, &Voice::default())) {
        Ok(summary) => say(&summary.text()).map_or_else(|code| code, |()| DONE),
        Err(error) => {
            eprintln!("{error}");
            COULD_NOT_RUN
        }
    }
}
