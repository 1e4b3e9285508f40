use super::*;
use clap::Parser;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

fn config(args: &[&str]) -> Result<Config, String> {
    let cli = Cli::try_parse_from([&["fanout-server"], args].concat()).map_err(|e| e.to_string())?;
    Config::from_flags(cli.flags).map_err(|e| e.to_string())
}

#[test]
fn the_defaults_are_those_that_the_help_names() {
    let config = config(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:9001");
    assert_eq!((config.room_log, config.log_memory), (4 << 20, 1 << 30));
    assert_eq!(config.ping_interval, Some(54_000_000_000));
    assert_eq!(config.max_per_address, None);
    assert_eq!(config.lag_policy, LagPolicy::Disconnect);
}

#[test]
fn units_are_understood() {
    let config =
        config(&["--flush-delay", "2ms", "--room-log", "64KiB", "--pong-timeout", "0", "--lag-policy", "skip"])
            .unwrap();
    assert_eq!((config.flush_delay, config.room_log, config.pong_timeout), (2_000_000, 65536, None));
    assert_eq!(config.lag_policy, LagPolicy::Skip);
}

#[test]
fn what_is_not_built_is_refused_by_name_and_its_off_value_is_not() {
    for (args, expected) in [
        (&["--shards", "2"], "--shards N > 1: not built yet; use 1"),
        (&["--compression", "shared"], "--compression shared: not built yet; use off"),
        (&["--engine", "textbook"], "--engine textbook: not built yet; use native"),
        (&["--rate", "5"], "--rate 5: not built yet; use 0"),
        (&["--tls-cert", "c.pem"], "--tls-cert c.pem: not built yet; use the server without this flag"),
    ] {
        assert_eq!(config(args).unwrap_err(), expected);
    }
    config(&[
        "--shards",
        "1",
        "--engine",
        "native",
        "--compression",
        "off",
        "--rate",
        "0",
        "--deflate-memory",
        "256MiB",
    ])
    .unwrap();
}

#[test]
fn what_is_out_of_range_says_the_range() {
    assert!(config(&["--room-log", "1KiB"]).unwrap_err().contains("between 4096"));
    assert!(config(&["--lag-policy", "wait"]).unwrap_err().contains("disconnect, skip or latest"));
    assert!(config(&["--max-connections", "99999999"]).unwrap_err().contains("open files"));
    assert!(config(&["--flush-delay", "5"]).unwrap_err().contains("250ms"));
    assert!(config(&["--handshake-timeout", "0s"]).unwrap_err().contains("10s"));
}

#[test]
fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.toml");
    std::fs::write(&path, "room-log = \"1MiB\"\nmax-message = 5000\nping-interval = \"3s\"\ncpus = [0]\n").unwrap();
    let config = config(&["--config", path.to_str().unwrap(), "--room-log", "2MiB"]).unwrap();
    assert_eq!((config.room_log, config.max_message), (2 << 20, 5000));
    assert_eq!(config.ping_interval, Some(3_000_000_000));
    assert_eq!(config.cpus, [0]);
}

#[test]
fn a_file_with_an_unknown_key_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.toml");
    std::fs::write(&path, "room-logs = 5\n").unwrap();
    let error = config(&["--config", path.to_str().unwrap()]).unwrap_err();
    assert!(error.contains("room-logs") && error.contains("room-log"), "{error}");
    assert!(config(&["--config", "/nonexistent.toml"]).unwrap_err().contains("cannot read"));
}
