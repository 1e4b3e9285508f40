//! One thread's epoll set, over real sockets on loopback.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;

use net::{Interest, Poller, Ready, Socket, Timeout, Token, Turn, now};

const MS: u64 = 1_000_000;

fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (Socket::from(listener.accept().unwrap().0), peer)
}

/// Waits until one socket event has come and returns it.
fn next(poller: &mut Poller) -> Ready {
    loop {
        if poller.wait(Timeout::Ns(2_000 * MS)).unwrap().events > 0 {
            return poller.ready(0);
        }
    }
}

fn quiet(poller: &mut Poller) {
    assert_eq!(poller.wait(Timeout::Now).unwrap(), Turn::default());
}

#[test]
fn readable_bytes_are_reported_once_until_more_come() {
    let (socket, mut peer) = pair();
    let mut poller = Poller::new(8).unwrap();
    poller.add(socket.as_raw_fd(), Token(7), Interest::Read).unwrap();
    quiet(&mut poller);

    peer.write_all(b"one").unwrap();
    assert_eq!(next(&mut poller), Ready { token: Token(7), readable: true, writable: false, closed: false });
    quiet(&mut poller);

    peer.write_all(b"two").unwrap();
    assert!(next(&mut poller).readable);
    let mut buf = [0; 16];
    assert_eq!(socket.read(&mut buf).unwrap(), 6);
    assert_eq!(&buf[..6], b"onetwo");
    assert_eq!(socket.read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn bytes_that_were_there_before_adding_are_reported() {
    let (socket, mut peer) = pair();
    peer.write_all(b"early").unwrap();
    let mut first = [0];
    while socket.read(&mut first).is_err() {
        thread::yield_now();
    }
    let mut poller = Poller::new(8).unwrap();
    poller.add(socket.as_raw_fd(), Token(0), Interest::ReadWrite).unwrap();
    let ready = next(&mut poller);
    assert!(ready.readable && ready.writable && !ready.closed);
}

#[test]
fn a_full_socket_is_reported_writable_when_the_peer_has_read() {
    let (socket, mut peer) = pair();
    let mut poller = Poller::new(8).unwrap();
    poller.add(socket.as_raw_fd(), Token(3), Interest::ReadWrite).unwrap();
    assert!(next(&mut poller).writable, "a fresh socket has room");

    let block = vec![1_u8; 1 << 16];
    let mut written = 0;
    loop {
        match socket.send(&block) {
            Ok(n) => written += n,
            Err(e) => break assert_eq!(e.kind(), ErrorKind::WouldBlock),
        }
    }
    let reader = thread::spawn(move || {
        peer.read_exact(&mut vec![0; written]).unwrap();
        peer
    });
    let ready = next(&mut poller);
    assert!(ready.writable && ready.token == Token(3));
    reader.join().unwrap();
}

#[test]
fn an_end_of_stream_is_closed_and_readable() {
    let (socket, peer) = pair();
    let mut poller = Poller::new(8).unwrap();
    poller.add(socket.as_raw_fd(), Token(1), Interest::Read).unwrap();
    drop(peer);
    let ready = next(&mut poller);
    assert!(ready.closed && ready.readable);
    assert_eq!(socket.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_reset_is_closed_and_the_read_says_so() {
    let (socket, peer) = pair();
    let mut poller = Poller::new(8).unwrap();
    poller.add(socket.as_raw_fd(), Token(1), Interest::Read).unwrap();
    Socket::from(peer).abort().unwrap();
    assert!(next(&mut poller).closed);
    assert_eq!(socket.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_removed_socket_is_silent() {
    let (socket, mut peer) = pair();
    let mut poller = Poller::new(8).unwrap();
    poller.add(socket.as_raw_fd(), Token(1), Interest::Read).unwrap();
    poller.remove(socket.as_raw_fd()).unwrap();
    peer.write_all(b"x").unwrap();
    let mut buf = [0];
    while socket.read(&mut buf).is_err() {
        thread::yield_now();
    }
    quiet(&mut poller);
    assert!(poller.remove(socket.as_raw_fd()).is_err());
}

#[test]
fn a_wake_before_the_wait_is_not_lost() {
    let mut poller = Poller::new(8).unwrap();
    poller.waker().wake();
    assert_eq!(poller.wait(Timeout::Never).unwrap(), Turn { woken: true, ..Turn::default() });
    quiet(&mut poller);
}

#[test]
fn many_wakes_are_one_and_the_next_one_counts_again() {
    let mut poller = Poller::new(8).unwrap();
    let waker = poller.waker();
    for _ in 0..3 {
        for _ in 0..1_000 {
            waker.clone().wake();
        }
        assert!(poller.wait(Timeout::Never).unwrap().woken);
        quiet(&mut poller);
    }
}

#[test]
fn every_item_put_into_an_inbox_before_its_wake_is_found() {
    let mut poller = Poller::new(8).unwrap();
    let (inbox, items) = std::sync::mpsc::channel();
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (inbox, waker) = (inbox.clone(), poller.waker());
            thread::spawn(move || {
                for i in 0..20_000_u32 {
                    inbox.send(i).unwrap();
                    waker.wake();
                }
            })
        })
        .collect();
    let mut found = 0;
    // A lost wake would leave this blocked with items in the inbox: the timeout makes that a failure, not a hang.
    while found < 80_000 {
        let turn = poller.wait(Timeout::Ns(5_000 * MS)).unwrap();
        assert!(turn.woken, "{found} found, then silence");
        found += items.try_iter().count();
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

#[test]
fn the_timer_fires_once_and_not_early() {
    let mut poller = Poller::new(8).unwrap();
    let due = now() + 3 * MS;
    poller.set_timer(Some(due)).unwrap();
    poller.set_timer(Some(due)).unwrap();
    assert!(poller.wait(Timeout::Never).unwrap().timer);
    assert!(now() >= due);
    quiet(&mut poller);
}

#[test]
fn the_timer_can_be_set_to_the_same_time_again_after_it_fired() {
    let mut poller = Poller::new(8).unwrap();
    let past = Some(1);
    for _ in 0..3 {
        poller.set_timer(past).unwrap();
        assert!(poller.wait(Timeout::Never).unwrap().timer);
    }
    poller.set_timer(Some(0)).unwrap();
    assert!(poller.wait(Timeout::Never).unwrap().timer, "zero is long ago, not unset");
}

#[test]
fn an_unset_or_moved_timer_does_not_fire_at_its_old_time() {
    let mut poller = Poller::new(8).unwrap();
    poller.set_timer(Some(now() + 2 * MS)).unwrap();
    poller.set_timer(None).unwrap();
    assert_eq!(poller.wait(Timeout::Ns(6 * MS)).unwrap(), Turn::default());

    // Already expired, not yet reported, and moved: the expiry is taken back.
    poller.set_timer(Some(1)).unwrap();
    let later = now() + 20 * MS;
    poller.set_timer(Some(later)).unwrap();
    assert!(poller.wait(Timeout::Never).unwrap().timer);
    assert!(now() >= later);
}

#[test]
fn a_timeout_of_nanoseconds_ends_an_idle_wait_not_early() {
    let mut poller = Poller::new(8).unwrap();
    let from = now();
    assert_eq!(poller.wait(Timeout::Ns(1_500_000)).unwrap(), Turn::default());
    assert!(now() - from >= 1_500_000);
}

#[test]
fn wait_does_not_block_while_a_socket_is_to_be_taken_again() {
    let mut poller = Poller::new(8).unwrap();
    let mut list = vec![Token(99)];
    poller.again(Token(4));
    poller.again(Token(5));
    quiet_never(&mut poller);
    quiet_never(&mut poller);
    poller.take_again(&mut list);
    assert_eq!(list, [Token(4), Token(5)]);
    poller.take_again(&mut list);
    assert!(list.is_empty());
}

fn quiet_never(poller: &mut Poller) {
    assert_eq!(poller.wait(Timeout::Never).unwrap(), Turn::default());
}

#[test]
fn what_does_not_fit_into_one_wait_follows_in_the_next() {
    let mut poller = Poller::new(2).unwrap();
    let pairs: Vec<_> = (0..20).map(|_| pair()).collect();
    for (i, (socket, peer)) in pairs.iter().enumerate() {
        poller.add(socket.as_raw_fd(), Token(i as u32), Interest::Read).unwrap();
        let mut peer = peer;
        peer.write_all(b"x").unwrap();
    }
    poller.waker().wake();
    poller.set_timer(Some(1)).unwrap();
    let (mut seen, mut woken, mut timer) = (vec![], 0, 0);
    while seen.len() + woken + timer < pairs.len() + 2 {
        let turn = poller.wait(Timeout::Ns(2_000 * MS)).unwrap();
        assert_ne!(turn, Turn::default(), "{seen:?}");
        woken += usize::from(turn.woken);
        timer += usize::from(turn.timer);
        assert_eq!(poller.iter().count(), turn.events);
        seen.extend(poller.iter().map(|ready| ready.token.0));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    assert_eq!((woken, timer), (1, 1));
}
