//! Where the benchmark runs, and which CPU does what.

use std::fmt;
use std::fs;
use std::io;

/// The machine and the pinning.
pub struct Machine {
    /// CPU of the server and of bare-send.
    pub server_cpu: usize,
    /// CPU of the readers and of the load generator.
    pub reader_cpu: usize,
    /// How many CPUs we may use.
    pub cores: usize,
    /// As the kernel names it.
    pub cpu: String,
    /// Its release.
    pub kernel: String,
    /// Keeps both CPUs from sleeping as long as it lives.
    awake: Option<net::Awake>,
}

impl Machine {
    /// Looks around; the CPUs default to the first two that we may use.
    pub fn new(server_cpu: Option<usize>, reader_cpu: Option<usize>, keep_awake: bool) -> io::Result<Self> {
        let cpus = net::available()?;
        let first = cpus.first().copied().unwrap_or(0);
        let second = cpus.get(1).copied().unwrap_or(first);
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.to_owned()));
        let (server_cpu, reader_cpu) = (server_cpu.unwrap_or(first), reader_cpu.unwrap_or(second));
        Ok(Self {
            server_cpu,
            reader_cpu,
            cores: cpus.len(),
            cpu: cpu.unwrap_or_else(|| "unknown CPU".to_owned()),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            awake: keep_awake.then(|| net::Awake::on(&[server_cpu, reader_cpu])).transpose()?,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server_cpu, reader_cpu, cores, cpu, kernel, awake } = self;
        write!(f, "{cores} cores ({cpu}), Linux {kernel}; senders on CPU {server_cpu}, receivers on CPU {reader_cpu}")?;
        if server_cpu == reader_cpu {
            write!(f, " (the same one: ratios mean little)")?;
        }
        if awake.is_some() {
            write!(f, ", kept awake")?;
        }
        Ok(())
    }
}
