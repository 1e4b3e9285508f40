//! What is secret gets into nothing that fanout leaves or says: what the environment and a feed hold, headers that authenticate, the user
//! info and the query of a URL. Whatever becomes of the run.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::command::{Done, Stage};
use crate::double::{Double, Fault};
use flate2::read::GzDecoder;

/// Parts of all secrets that no encoding changes.
const SECRETS: [&str; 9] = [
    "env4711",
    "env4712",
    "env4713",
    "row4714",
    "cookie4715",
    "pass4716",
    "query4717",
    "bearer4718",
    // "foo:pass4716" in base64.
    "Zm9vOnBhc3M0NzE2",
];
/// What the user has written himself.
const INPUTS: [&str; 3] = ["scenario.toml", "users.csv", "words.toml"];

/// The first part of a scenario, with a secret wherever there can be one.
fn secretive(url: &str, more: &str) -> Stage {
    let url = url
        .replace("ws://", "ws://foo:pass4716@")
        .replace("/broadcast/{room}", "/broadcast/{room}?key=query4717&as={secret}");
    let stage = Stage::new(&format!(
        r#"
name = "secretive"
settle = "100ms"
drain = "300ms"
max_schedule_lag = "1s"
[target]
url = "{url}"
feed = "users.csv"
feed_end = "wrap"
dialect = "words.toml"
headers = {{ X-Token = "{{env.FIRST}}", X-User = "{{secret}}", Cookie = "cookie4715", Proxy-Authorization = "Bearer bearer4718" }}
[[connections]]
name = "phones"
count = 4
[[publishers]]
name = "speaker"
rate = 10
payload = {{ template = "{{env.SECOND}} {{secret}} {{stamp}}" }}
{more}
"#
    ));
    surrounded(stage).with(
        "words.toml",
        "[[join]]\nname = \"login\"\nsend = \"{secret} {env.THIRD}\"\n[receive]\nwhen = { contains = \"~\" }\n",
    )
}

fn surrounded(stage: Stage) -> Stage {
    stage
        .with("users.csv", "secret\nrow4714-a b\nrow4714/c\n")
        .having("FIRST", "env4711")
        .having("SECOND", "env4712")
        .having("THIRD", "env4713")
}

const STEADY: &str = "[[phases]]\nname = \"steady\"\nfor = \"500ms\"\n";

/// Every file below a folder but what the user wrote, as it is and unpacked.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if !path.file_name().is_some_and(|name| INPUTS.iter().any(|input| name == *input)) {
            let bytes = std::fs::read(&path).unwrap();
            let mut unpacked = Vec::new();
            if bytes.starts_with(&[0x1f, 0x8b]) && GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).is_ok() {
                all.push((path.clone(), unpacked));
            }
            all.push((path, bytes));
        }
    }
    all
}

fn tells_nothing(stage: &Stage, done: &Done) {
    let said = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
    let mut all = files(stage.directory.path());
    all.extend([said("stdout", &done.stdout), said("stderr", &done.stderr)]);
    for (place, bytes) in &all {
        let text = String::from_utf8_lossy(bytes);
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {}:\n{text}", place.display());
        }
    }
}

#[test]
fn a_good_run_and_what_is_made_of_it_afterwards() {
    let server = Double::start(Fault::None);
    let stage = secretive(&server.url(), STEADY);
    let done = stage.run_json(&[]);
    assert!(done.run().deliveries.delivered > 0, "{}", done.stderr);
    assert!(files(stage.directory.path()).len() >= 6, "there is something to look at");
    tells_nothing(&stage, &done);
    for arguments in [
        &["report", "out", "--text"][..],
        &["report", "out", "--md"],
        &["report", "out", "--json"],
        &["report", "out", "--html", "-o", "again.html"],
        &["compare", "out", "out"],
        &["trend", "."],
        &["merge", "out", "out", "--sequential", "--out", "merged"],
        &["validate", "scenario.toml"],
        &["validate", "scenario.toml", "--format", "json"],
    ] {
        let done = stage.go(arguments).wait();
        assert!(!(done.stdout.clone() + &done.stderr).trim().is_empty(), "{arguments:?} said nothing");
        tells_nothing(&stage, &done);
    }
}

#[test]
fn changes_that_are_given_with_a_command_and_shown_again() {
    let server = Double::start(Fault::None);
    let url = server.url().replace("ws://", "ws://foo:pass4716@") + "?key=query4717";
    let text = format!(
        "name = \"plain\"\nsettle = \"100ms\"\nmax_schedule_lag = \"1s\"\n[[connections]]\nname = \"phones\"\ncount = 4\n[[publishers]]\nname = \"speaker\"\nrate = 10\n{STEADY}[thresholds]\n\"deliveries.lost\" = \"== 0\"\n"
    );
    let (url, cookie) = (format!("target.url={url}"), "target.headers.Cookie=cookie4715");
    let stage = Stage::new(&text);
    let search =
        ["capacity", "scenario.toml", "--axis", "rate", "--range", "10-20", "--budget", "0s", "--out", "search"];
    let done = stage.go(&[&search[..], &["--set", &url, "--set", cookie]].concat()).wait();
    done.exits(4).says(
        "--set 'target.headers.Cookie=**********' --resume search (where there are stars, put in what they hide)",
    );
    tells_nothing(&stage, &done);
    let pair = ["ab", "scenario.toml", "--runs", "1", "--out", "pair", "--a", &url, "--b", cookie, "--set", &url];
    let done = stage.go(&pair).wait();
    assert!(stage.directory.path().join("pair/comparison.html").is_file(), "{}", done.stderr);
    tells_nothing(&stage, &done);
}

#[test]
fn runs_that_fail_in_every_way() {
    for fault in [
        Fault::Refuse { after: 0, status: 403 },
        Fault::Refuse { after: 3, status: 403 },
        Fault::Parrot { after: 0 },
        Fault::Parrot { after: 3 },
        Fault::Mute,
        Fault::HangUp,
        Fault::Close { at: 2, every: 2 },
        Fault::Die { at: 2 },
    ] {
        let server = Double::start(fault);
        let stage = secretive(&server.url(), STEADY);
        let done = stage.run(&[]);
        assert_ne!(done.code, 0, "{fault:?}");
        tells_nothing(&stage, &done);
    }
}

#[test]
fn what_a_server_repeats_of_a_request_is_not_repeated_by_us() {
    let server = Double::start(Fault::Parrot { after: 0 });
    let done = secretive(&server.url(), STEADY).run(&[]);
    // It repeats the whole request, and the part that is no secret helps.
    done.exits(1).says("it said: GET /broadcast/r0?[redacted]");
}

#[test]
fn a_threshold_that_fails_and_a_run_that_is_interrupted() {
    let server = Double::start(Fault::None);
    let stage = secretive(&server.url(), &format!("{STEADY}[thresholds]\n\"deliveries.delivered\" = \"== 0\"\n"));
    let done = stage.run(&[]);
    done.exits(3);
    tells_nothing(&stage, &done);
    let stage = secretive(&server.url(), &STEADY.replace("500ms", "60s"));
    let mut going = stage.start(&[]);
    going.until_said("steady");
    going.signal("INT");
    let done = going.wait();
    done.exits(130);
    assert!(done.run.is_some());
    tells_nothing(&stage, &done);
}

#[test]
fn scenarios_that_are_refused() {
    for more in [
        "[[phases]]\nname = \"steady\"\nfor = \"soon\"\n",
        "",
        "[[phases]]\nname = \"x\"\nfor = \"1s\"\nlod = \"2x\"\n",
    ] {
        let stage = secretive("ws://127.0.0.1:1/broadcast/{room}", more);
        for arguments in [&["validate", "scenario.toml"][..], &["run", "scenario.toml"]] {
            let done = stage.go(arguments).wait();
            assert_eq!(done.code, 2, "{}", done.stderr);
            tells_nothing(&stage, &done);
        }
    }
}

#[test]
fn lines_beside_the_one_that_is_wrong() {
    let stage = secretive("ws://127.0.0.1:1/broadcast/{room}", STEADY);
    let path = stage.directory.path().join("scenario.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for (right, wrong) in [("dialect = \"words.toml\"", "dialect = 3"), ("feed = \"users.csv\"", "fed = 1")] {
        std::fs::write(&path, text.replace(right, wrong)).unwrap();
        let done = stage.go(&["validate", "scenario.toml", "--format", "json"]).wait();
        assert_eq!(done.code, 2, "{}", done.stderr);
        assert!(done.stderr.contains("scenario.toml:"), "the place is shown: {}", done.stderr);
        tells_nothing(&stage, &done);
    }
}

#[test]
fn publishers_over_http() {
    let scenario = |room: &str, url: &str| {
        surrounded(Stage::new(&format!(
            r#"
name = "posting"
settle = "100ms"
drain = "300ms"
max_schedule_lag = "1s"
[target]
feed = "users.csv"
feed_end = "wrap"
[[connections]]
name = "phones"
count = 2
[[publishers]]
name = "api"
rate = 20
via = "http"
url = "http://foo:pass4716@{url}/publish/{room}?key=query4717"
headers = {{ Cookie = "cookie4715", X-Token = "{{env.FIRST}}", X-User = "{{secret}}" }}
body = '{{message}} {{secret}} {{env.SECOND}}'
[[phases]]
name = "steady"
for = "500ms"
"#
        )))
    };
    for (room, url, code) in
        [("{room}", "{target.admin}", 0), ("no/such/place", "{target.admin}", 1), ("{room}", "127.0.0.1:1", 1)]
    {
        let stage = scenario(room, url);
        let done = stage.run(&[]);
        done.exits(code);
        tells_nothing(&stage, &done);
    }
}

/// The bundled server with flags from the environment, which it needs to let anybody in.
fn flagged(flags: &str) -> Stage {
    let stage = Stage::new(&format!(
        r#"
name = "flagged"
settle = "100ms"
drain = "3s"
max_schedule_lag = "1s"
[target]
server = {{ {flags} }}
headers = {{ Authorization = "Bearer {{env.SECOND}}", Origin = "https://{{env.FIRST}}.test" }}
[[connections]]
name = "phones"
count = 3
[[publishers]]
name = "speaker"
rate = 20
[[phases]]
name = "steady"
for = "2s"
"#
    ));
    std::fs::create_dir(stage.directory.path().join("env4713")).unwrap();
    std::fs::write(
        stage.directory.path().join("env4713/scenario.toml"),
        "[[token]]\ntoken = \"env4712-bearer-of-this-test-1234567\"\nuser = \"ada\"\n",
    )
    .unwrap();
    stage.having("FIRST", "env4711").having("SECOND", "env4712-bearer-of-this-test-1234567").having("THIRD", "env4713")
}

/// Every process whose command line, or whose environment, holds this.
fn processes(file: &str, text: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let holds = |pid: &String| {
        let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(text)
    };
    all.filter(|name| name.bytes().all(|b| b.is_ascii_digit())).filter(holds).collect()
}

#[test]
fn flags_of_the_bundled_server_come_from_the_environment_and_stay_there() {
    let stage = flagged(
        "allow_origin = \"https://{env.FIRST}.test\", auth_tokens = \"{env.THIRD}/scenario.toml\", shards = 1, log = \"debug\"",
    );
    let mut going = stage.start(&[]);
    going.until_said("steady");
    let allowed = "https://env4711.test";
    assert_eq!(processes("cmdline", allowed), [""; 0], "a command line is everybody's to read");
    assert!(!processes("environ", &format!("FANOUT_ALLOW_ORIGIN={allowed}")).is_empty(), "the server has it");
    let done = going.wait();
    done.exits(0);
    assert_eq!((done.run().deliveries.delivered, done.run().deliveries.lost), (120, 0));
    let server = &done.run().scenario["target"]["server"];
    assert_eq!(server["allow_origin"], "https://{env.FIRST}.test", "as it stands in the file");
    tells_nothing(&stage, &done);
}

#[test]
fn what_the_bundled_server_says_of_such_a_flag_is_shown_without_its_value() {
    for flags in [
        "max_message = \"{env.FIRST}\"",
        "allow_origin = \"{env.FIRST}\"",
        "auth_tokens = \"{env.FIRST}/none.toml\"",
        "lag_policy = \"{env.FIRST}\"",
    ] {
        let stage = flagged(flags);
        let done = stage.run(&[]);
        done.exits(1).says("ended with exit status 2 before it was ready; it said:").says("[redacted]");
        tells_nothing(&stage, &done);
    }
    let spawn = "[target]\nspawn = [\"sh\", \"-c\", \"echo no {env.FIRST} >&2; exit 7\", \"{port}\"]\nready = \"/up/{env.SECOND}\"\n\
        env = { TOKEN = \"{env.THIRD}\" }\n";
    let text = std::fs::read_to_string(flagged("shards = 1").directory.path().join("scenario.toml")).unwrap();
    let (start, end) = (text.find("[target]").unwrap(), text.find("[[connections]]").unwrap());
    let stage = surrounded(Stage::new(&(text[..start].to_owned() + spawn + &text[end..])));
    let done = stage.run(&[]);
    done.exits(1).says("it said: no [redacted]");
    tells_nothing(&stage, &done);
}
