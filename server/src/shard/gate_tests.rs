//! Who waits at a gate, under the schedules that shuttle thinks of.

use std::sync::Arc;

use shuttle::sync::mpsc::channel;
use shuttle::thread;

use super::*;

const LETTERS: usize = 4;

/// Putters fill a queue and one thread empties it; whoever finds the gate closed sleeps until it is named.
fn putters_and_a_taker(putters: usize) {
    let gate = Arc::new(Gate::new(Marks { high: 1, low: 1 }));
    let (sender, queue) = channel();
    let mut wakes = Vec::new();
    let mut threads = Vec::new();
    for shard in 0..putters {
        let (gate, sender) = (Arc::clone(&gate), sender.clone());
        let (wake, woken) = channel();
        wakes.push(wake);
        threads.push(thread::spawn(move || {
            for _ in 0..LETTERS {
                while !gate.is_open_to(shard) {
                    woken.recv().unwrap();
                }
                gate.put(1);
                sender.send(()).unwrap();
            }
        }));
    }
    for _ in 0..putters * LETTERS {
        queue.recv().unwrap();
        let mask = gate.take(1);
        for (shard, wake) in wakes.iter().enumerate().filter(|(shard, _)| mask & (1 << shard) != 0) {
            // It may have found the gate open itself and be done.
            let _ = (shard, wake.send(()));
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(gate.queued(), 0);
}

#[test]
fn nobody_who_waits_is_forgotten() {
    shuttle::check_random(|| putters_and_a_taker(3), 2000);
    shuttle::check_pct(|| putters_and_a_taker(3), 1000, 3);
}
