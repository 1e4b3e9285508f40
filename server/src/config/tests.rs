use super::*;
use clap::Parser;
use wire::Sharing;

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
fn a_server_that_nobody_could_connect_to_is_refused() {
    let error = config(&["--max-connections", "0"]).unwrap_err();
    assert!(error.starts_with("--max-connections 0: nobody could ever connect"), "{error}");
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
fn there_are_as_many_shards_as_cpus_unless_said_otherwise() {
    let count = |given, cpus| shards(given, cpus).ok();
    assert_eq!((count(None, 0), count(None, 3), count(None, 100)), (Some(1), Some(3), Some(64)));
    assert_eq!(
        (count(Some(2), 1), count(Some(64), 0), count(Some(0), 4), count(Some(65), 4)),
        (Some(2), Some(64), None, None)
    );
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
    let expected = "--redis URL: not built yet; use the server without this flag";
    assert_eq!(config(&["--redis", "redis://x"]).unwrap_err(), expected);
    config(&["--shards", "1", "--engine", "native"]).unwrap();
}

#[test]
fn clients_that_offer_compression_share_histories_unless_said_otherwise() {
    let compression = |args: &[&str]| config(args).map(|config| config.compression);
    let defaults = Compression { sharing: Some(Sharing::Shared), threshold: 64, level: 6, memory: 256 << 20 };
    assert_eq!(compression(&[]), Ok(defaults));
    assert_eq!(compression(&["--compression", "off", "--deflate-memory", "0"]).map(|c| c.sharing), Ok(None));
    let standalone = compression(&["--compression", "standalone", "--compression-threshold", "0"]).unwrap();
    assert_eq!((standalone.sharing, standalone.threshold), (Some(Sharing::Standalone), 0));
    for (args, expected) in [
        (["--compression", "on"], "--compression on: use off, standalone or shared"),
        (["--compression-level", "0"], "--compression-level 0: use a number from 1"),
        (["--compression-level", "10"], "--compression-level 10: use a number from 1"),
        (["--deflate-memory", "300KiB"], "--deflate-memory 307200: must be between 380032 and"),
    ] {
        let error = compression(&args).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    // A compressor for each shard is the least.
    assert!(compression(&["--deflate-memory", "1MiB", "--shards", "3"]).is_err());
}

#[test]
fn the_textbook_hub_refuses_by_name_what_it_would_ignore() {
    let textbook = |args: &[&str]| config(&[&["--engine", "textbook"], args].concat());
    assert_eq!(textbook(&[]).unwrap().engine, Engine::Textbook);
    textbook(&["--shards", "1", "--compression", "off", "--rate", "0", "--max-message", "2MiB", "--drain", "1s"])
        .unwrap();
    for (flag, value) in [("--lag-policy", "skip"), ("--room-log", "1MiB"), ("--flush-delay", "5ms")] {
        let expected = format!("{flag} means nothing to --engine textbook; leave it out, or use --engine native");
        assert_eq!(textbook(&[flag, value]).unwrap_err(), expected);
        config(&["--engine", "native", flag, value]).unwrap();
    }
    assert_eq!(config(&["--engine", "fast"]).unwrap_err(), "--engine fast: use native or textbook");
}

#[test]
fn what_the_textbook_hub_obeys_are_flags() {
    use clap::CommandFactory;
    let command = Cli::command();
    let known: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    assert!(crate::config::engine::TEXTBOOK.iter().all(|flag| known.contains(flag)));
}

#[test]
fn what_is_out_of_range_says_the_range() {
    assert!(config(&["--room-log", "1KiB"]).unwrap_err().contains("between 4096"));
    assert!(config(&["--lag-policy", "wait"]).unwrap_err().contains("disconnect, skip or latest"));
    assert!(config(&["--max-connections", "99999999"]).unwrap_err().contains("open files"));
    assert!(config(&["--shards", "65"]).unwrap_err().contains("between 1 and 64"));
    assert_eq!(
        config(&["--spread-above", "0"]).unwrap_err(),
        "--spread-above 0: a room's first member has to be somewhere; use at least 1"
    );
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

#[test]
fn flags_that_need_each_other_say_so() {
    for (args, expected) in [
        (&["--tls-cert", "c.pem"][..], "--tls-cert c.pem: needs --tls-key too"),
        (&["--tls-key", "k.pem"], "--tls-key k.pem: needs --tls-cert too"),
        (
            &["--auth-anonymous", "allow"],
            "--auth-anonymous allow: means nothing without --auth-tokens or --auth-jwt-key",
        ),
        (&["--auth-jwt-issuer", "me"], "--auth-jwt-issuer me: means nothing without --auth-jwt-key"),
        (&["--auth-jwt-audience", "us"], "--auth-jwt-audience us: means nothing without --auth-jwt-key"),
        (&["--auth-tokens", "t", "--auth-anonymous", "yes"], "--auth-anonymous yes: use allow or refuse"),
        (
            &["--allow-origin", "example.com"],
            "--allow-origin example.com: use an origin without a path, such as https://",
        ),
        (&["--trusted-proxies", "17"], "--trusted-proxies 17: must be the number of proxies"),
    ] {
        let error = config(args).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn origins_may_be_listed_in_one_flag_or_several() {
    let one = config(&["--allow-origin", "https://a.example, http://b.example:3000"]).unwrap().security;
    let several =
        config(&["--allow-origin", "https://a.example", "--allow-origin", "http://b.example:3000"]).unwrap().security;
    assert_eq!(one, several);
    assert_ne!(one.origins, Security::default().origins);
}

#[test]
fn rates_are_off_unless_asked_for() {
    assert_eq!(config(&[]).unwrap().rates.anonymous, None);
    let off = ["--rate", "0", "--byte-rate", "0", "--room-rate", "0", "--control-rate", "0"];
    assert_eq!(config(&off).unwrap().rates, Rates::default());
}

#[test]
fn what_limits_nothing_without_a_rate_is_refused() {
    for (flag, value, rate) in [
        ("--burst", "5", "--rate"),
        ("--burst-user", "5", "--rate"),
        ("--burst-user", "5", "--rate-user"),
        ("--room-burst", "5", "--room-rate"),
        ("--byte-burst", "5", "--byte-rate"),
        ("--rate-policy", "delay", "--rate"),
        ("--rate-policy", "delay", "--rate-user"),
        ("--rate-policy", "delay", "--byte-rate"),
    ] {
        let error = config(&[flag, value]).unwrap_err();
        assert!(
            error.starts_with(&format!("{flag} {value}: limits nothing without ")) && error.contains(rate),
            "{error}"
        );
        config(&[flag, value, rate, "0"]).unwrap_err();
        config(&[flag, value, rate, "7"]).unwrap();
    }
    config(&["--rate", "5", "--rate-user", "0", "--burst-user", "5"]).unwrap_err();
}

#[test]
fn control_frames_are_limited_unless_that_is_turned_off() {
    let control = |args: &[&str]| config(args).unwrap().rates.control.map(|rate| rate.to_string());
    assert_eq!(control(&[]).as_deref(), Some("100/s, burst 200"));
    assert_eq!(control(&["--control-rate", "0.1"]).as_deref(), Some("0.1/s, burst 1"));
    assert_eq!(control(&["--control-rate", "0"]), None);
}

#[test]
fn users_have_the_rate_of_others_unless_they_are_given_their_own() {
    let rates = |args: &[&str]| {
        let rates = config(args).unwrap().rates;
        [rates.anonymous, rates.user].map(|rate| rate.map(|rate| rate.to_string()))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(rates(&["--rate", "0.5"]), [some("0.5/s, burst 20"), some("0.5/s, burst 20")]);
    assert_eq!(rates(&["--rate", "5", "--burst-user", "9"]), [some("5/s, burst 20"), some("5/s, burst 9")]);
    assert_eq!(rates(&["--rate", "5", "--rate-user", "0"]), [some("5/s, burst 20"), None]);
    assert_eq!(rates(&["--rate-user", "7", "--burst", "3"]), [None, some("7/s, burst 3")]);
}

#[test]
fn bursts_of_bytes_and_of_rooms_are_a_seconds_worth() {
    let rates = config(&["--byte-rate", "64KiB", "--room-rate", "0.5"]).unwrap().rates;
    let [bytes, room] = [rates.bytes, rates.room].map(|rate| rate.unwrap().to_string());
    assert_eq!((bytes.as_str(), room.as_str()), ("65536/s, burst 65536", "0.5/s, burst 1"));
}

#[test]
fn what_is_no_rate_is_refused_with_what_would_be_one() {
    for (args, expected) in [
        (["--rate=-1"], "--rate -1: use a number of messages a second from 0.001 to 1000000, or 0 for no limit"),
        (["--rate=NaN"], "--rate NaN: use a number"),
        (["--rate=inf"], "--rate inf: use a number"),
        (["--rate-user=1e-9"], "--rate-user 0.000000001: use a number"),
        (["--room-rate=1e9"], "--room-rate 1000000000: use a number"),
        (["--burst=0"], "--burst 0: no message could ever pass; use 1 or more"),
        (["--room-burst=0"], "--room-burst 0: no message"),
        (["--byte-burst=0"], "--byte-burst 0: must be between 1 and"),
        (
            ["--rate-policy=wait"],
            "--rate-policy wait: no rate policy is called \"wait\"; use drop, disconnect or delay",
        ),
        (["--rate-by=room"], "--rate-by room: rates cannot be counted by \"room\"; use connection, address or user"),
    ] {
        let error = config(&args).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn an_admin_address_that_others_reach_needs_a_token() {
    for loopback in ["127.0.0.1:0", "127.9.9.9:0", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
        assert!(config(&["--admin", loopback]).unwrap().admin_token.is_none());
    }
    for reachable in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = config(&["--admin", reachable]).unwrap_err();
        assert!(
            error.starts_with(&format!("--admin {reachable}: ")) && error.contains("--admin-token FILE"),
            "{error}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let path = path.to_str().unwrap();
    assert!(config(&["--admin", "0.0.0.0:0", "--admin-token", path]).unwrap_err().contains("cannot read it"));
    std::fs::write(path, "too short\n").unwrap();
    assert!(config(&["--admin", "127.0.0.1:0", "--admin-token", path]).unwrap_err().contains("one line"));
    std::fs::write(path, "0123456789abcdef\n").unwrap();
    assert!(config(&["--admin", "0.0.0.0:0", "--admin-token", path]).unwrap().admin_token.is_some());
    assert!(config(&["--admin-token", path]).unwrap_err().contains("--admin ADDR"));
}

#[test]
fn the_example_file_can_be_used_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/fanout-server.toml");
    let config = config(&["--config", path]).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:9001");
    assert_eq!(config.admin.unwrap().to_string(), "127.0.0.1:9002");
}
