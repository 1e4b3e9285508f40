//! The words of a plan, for who meets them first here.

use crate::sizing::Sizing;

/// Those that this plan needs.
pub(in crate::report) fn words(sizing: &Sizing) -> Vec<(&'static str, &'static str)> {
    let mut words = vec![
        (
            "publish, delivery",
            "a publish is one message handed to a server; a delivery is one copy of it at one user. In a room of 1,000 users each publish \
             becomes 1,000 deliveries",
        ),
        ("measured, interpolated", "as in a run or trial that was given, or between two of them"),
        (
            "EXTRAPOLATED 3 times",
            "reckoned, not measured: the plan has 3 times as much as the most that was measured, or a third of the least. In capital letters \
             where it is more than twice: measure nearer to the plan before money depends on it",
        ),
        (
            "memory of the kernel",
            "what the operating system holds for the connections, beside the memory of the server's process",
        ),
    ];
    if sizing.kept_bytes.is_some() {
        words.push((
            "memory of rooms' history",
            "the last messages of each room, which the server keeps for who comes late or comes back",
        ));
    }
    if let Some(servers) = &sizing.servers {
        words.push((
            "headroom",
            "the share of each machine that is to stay free, for peaks and for what is not in the figures",
        ));
        if servers.law.is_some() {
            words.push((
                "Universal Scalability Law",
                "a curve of throughput against load (Gunther), fitted to the trials of a search: it bends where work waits for other work",
            ));
        }
    }
    words
}
