//! Sockets and the machine under them: everything in fanout that talks to the Linux kernel directly.
//!
//! Hot threads (a shard of the server, a worker of the load generator) own one [`Poller`] each and block in it:
//!
//! ```text
//!   sockets (edge-triggered) ─┐
//!   waker   (an eventfd)      ├─ Poller::wait ─► Turn { woken, timer, events } ─► ready(0..events)
//!   timer   (a timerfd)      ─┘                                                 └► take_again
//! ```
//!
//! The other modules are small and independent: the clock, a four-byte [`Socket`], listening, dialling from chosen source
//! addresses, descriptor and port limits, CPU pinning, memory that processes share, and what `/proc` and `sock_diag` say about processes
//! and their sockets. All `unsafe` of the project lives in
//! this crate, in thin wrappers over libc, each with the reason it is sound. Nothing here knows about WebSocket.
#[cfg(not(target_os = "linux"))]
compile_error!("fanout needs Linux: it is built on epoll, eventfd, timerfd and /proc");

mod awake;
mod clock;
mod cpu;
mod dial;
mod limits;
mod listener;
mod poller;
mod process;
mod processes;
mod queues;
mod socket;
mod sys;
mod timer;
mod tls;
mod waker;
mod words;

pub use awake::Awake;
pub use clock::{clock_error, now, own_cpu, process_cpu, thread_cpu};
pub use cpu::{available, pin_child, pin_thread, step_back};
pub use dial::{DialError, dial, dial_with_buffer};
pub use limits::{
    Descriptors, descriptors, descriptors_of, ephemeral_ports, is_local, open_descriptors, raise_descriptors,
};
pub use listener::{ListenError, ListenOptions, listen};
pub use poller::{Interest, Poller, Ready, Timeout, Token, Turn};
pub use process::{
    Memory, Signal, context_switches, die_with_parent, kernel_memory, memory, owns_terminal, signal, signal_group,
    tcp_memory, tcp_retransmits, threads, trim_heap,
};
pub use processes::{Parentage, listening_on, processes};
pub use queues::{Queues, queues};
pub use socket::{Socket, discard_fd, read_fd, send_fd, send2_fd};
pub use timer::Timer;
pub use tls::Tls;
pub use waker::Waker;
pub use words::SharedWords;
