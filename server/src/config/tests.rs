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
fn a_duration_beyond_all_clocks_is_a_long_one_that_can_be_added_to_a_clock() {
    let config = config(&["--handshake-timeout", "500000000000years"]).unwrap();
    assert!(config.handshake_timeout > Duration::from_secs(86_400));
    assert!(std::time::Instant::now().checked_add(config.handshake_timeout).is_some());
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
    let error = config(&["--log", "server=loud"]).unwrap_err();
    assert!(error.starts_with("--log server=loud: ") && error.contains("server=debug"), "{error}");
}

#[test]
fn a_client_must_be_pinged_before_it_can_be_given_up() {
    let times = |ping, pong| {
        config(&["--ping-interval", ping, "--pong-timeout", pong])
            .map(|config| (config.ping_interval, config.pong_timeout))
    };
    assert_eq!(times("1s", "2s"), Ok((Some(1_000_000_000), Some(2_000_000_000))));
    assert_eq!(times("2s", "0"), Ok((Some(2_000_000_000), None)));
    assert_eq!(times("0", "2s"), Ok((None, Some(2_000_000_000))));
    for ping in ["2s", "3s"] {
        let error = times(ping, "2s").unwrap_err();
        assert!(
            error.starts_with(&format!("--ping-interval {ping}: must be shorter than --pong-timeout, which is 2s"))
        );
    }
    assert!(config(&["--pong-timeout", "30s"]).unwrap_err().starts_with("--ping-interval 54s: "));
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
