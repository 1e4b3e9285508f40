//! The bare loops against each other, and against a hub of a few lines.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use bare_loops::{Load, Order, Publishing, Reader, Reading, Sender, Tally, connect};
use wire::{Flow, FrameReader, ProtocolError, Role, Rsv1, Rules, accept_key, append_frame};

const SILENT: Publishing = Publishing { publishers: 0, in_flight: 0, payload: 0 };

fn order(seconds: f64, bytes: usize, load: Load) -> Order {
    Order { seconds, bytes, load }
}

/// Runs both loops at once, over `connections`, and returns what each counted.
fn together(connections: usize, bytes: usize) -> (Tally, Tally) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let sending = thread::spawn(move || {
        let mut sender = Sender::accept(&listener, connections).unwrap();
        let tally = sender.run(order(0.1, bytes, Load::Silent)).unwrap();
        (sender, tally)
    });
    let mut reader = Reader::new(connect(addr, None, connections).unwrap(), SILENT, Reading::AsItComes).unwrap();
    let mut received = reader.run(order(0.2, 0, Load::Silent)).unwrap();
    let (_open, sent) = sending.join().unwrap();
    // On a busy machine the sender may have been late: by now, everything is there to be read.
    received.late_bytes += reader.run(order(0.01, 0, Load::Silent)).unwrap().bytes;
    (sent, received)
}

#[test]
fn every_byte_sent_is_read() {
    let (sent, received) = together(20, 132);
    assert!(sent.messages > 0);
    assert_eq!(sent.bytes, received.bytes + received.late_bytes);
    assert_eq!(sent.bytes % 132, 0);
    assert!(received.calls > 0 && received.calls <= sent.calls);
}

#[test]
fn sends_that_do_not_fit_go_on_where_they_stopped() {
    // More than a socket's buffers hold, so a send of it is never whole.
    let (sent, received) = together(3, 20_000_000);
    assert!(sent.partial + sent.would_block > 0, "{sent:?}");
    assert_eq!(sent.bytes, received.bytes + received.late_bytes);
}

#[test]
fn a_sender_in_a_closed_loop_waits_for_its_reader() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let sending = thread::spawn(move || {
        let mut sender = Sender::accept(&listener, 10).unwrap();
        (sender.run(order(0.2, 132, Load::Closed)).unwrap(), sender)
    });
    let publishing = Publishing { publishers: 1, in_flight: 1, payload: 128 };
    let mut reader = Reader::new(connect(addr, None, 10).unwrap(), publishing, Reading::Every(5_000_000)).unwrap();
    let received = reader.run(order(0.1, 0, Load::Closed)).unwrap();
    let (sent, _open) = sending.join().unwrap();
    assert!(received.publishes > 1, "more than the first: {received:?}");
    assert_eq!(sent.messages, received.publishes * 10);
    assert_eq!(sent.bytes, received.bytes + received.late_bytes);
}

/// Upgrades `members` connections and then sends what each of them says to all, until the first one leaves.
fn hub(listener: &TcpListener, members: usize) {
    let mut sockets: Vec<TcpStream> = (0..members).map(|_| accept(listener)).collect();
    let rules = Rules { role: Role::Server, rsv1: Rsv1::Refused, max_frame: 1 << 20 };
    let mut readers: Vec<_> = (0..members).map(|_| FrameReader::new()).collect();
    sockets.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
    let mut buf = vec![0; 1 << 16];
    loop {
        let mut frames = Vec::new();
        for (socket, reader) in sockets.iter_mut().zip(&mut readers) {
            match socket.read(&mut buf) {
                Ok(0) => return,
                Ok(n) => reader
                    .feed::<ProtocolError>(&mut buf[..n], &rules, |header, payload| {
                        append_frame(&mut frames, header.opcode, payload);
                        Ok(Flow::Continue)
                    })
                    .map(drop)
                    .unwrap(),
                Err(_) => thread::yield_now(),
            }
        }
        for socket in &mut sockets {
            socket.set_nonblocking(false).unwrap();
            socket.write_all(&frames).unwrap();
            socket.set_nonblocking(true).unwrap();
        }
    }
}

fn accept(listener: &TcpListener) -> TcpStream {
    let mut socket = listener.accept().unwrap().0;
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        request.push(byte[0] as char);
    }
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = accept_key(key);
    write!(
        socket,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .unwrap();
    socket
}

/// A reader with two publishers and three more members of a hub, in both ways of reading.
fn with_hub(test: impl Fn(&mut Reader)) {
    with_hub_of(Reading::AsItComes, &test);
    with_hub_of(Reading::Every(2_000_000), &test);
}

fn with_hub_of(reading: Reading, test: impl Fn(&mut Reader)) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap();
    let serving = thread::spawn(move || hub(&listener, 5));
    let publishing = Publishing { publishers: 2, in_flight: 4, payload: 128 };
    let sockets = connect(addr, Some("/broadcast/bench"), 5).unwrap();
    let mut reader = Reader::new(sockets, publishing, reading).unwrap();
    test(&mut reader);
    drop(reader);
    serving.join().unwrap();
}

#[test]
fn a_closed_loop_publishes_one_for_each_that_comes_back() {
    with_hub(|reader| {
        for _ in 0..2 {
            let tally = reader.run(order(0.1, 0, Load::Closed)).unwrap();
            assert!(tally.publishes > 8, "more than the first in flight: {tally:?}");
            assert_eq!(tally.bytes + tally.late_bytes, tally.publishes * 5 * 132);
        }
    });
}

#[test]
fn an_open_loop_publishes_what_is_due_and_no_more() {
    with_hub(|reader| {
        let tally = reader.run(order(0.1, 0, Load::Rate(200.0))).unwrap();
        assert_eq!(tally.publishes, 20);
        assert_eq!(tally.bytes + tally.late_bytes, 20 * 5 * 132);
        let silent = reader.run(order(0.02, 0, Load::Silent)).unwrap();
        assert_eq!((silent.publishes, silent.bytes), (0, 0));
    });
}

#[test]
fn publishing_without_publishers_is_refused() {
    let mut reader = Reader::new(Vec::new(), SILENT, Reading::AsItComes).unwrap();
    assert!(reader.run(order(0.1, 0, Load::Closed)).is_err());
}
