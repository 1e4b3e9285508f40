//! Gets the servers of `scripts/peers` ready, once each, in a folder below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A server that somebody else wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Gorilla,
    NodeWs,
    SocketIo,
    Centrifugo,
}

/// What `target.spawn` and its neighbours are for a peer, or why it cannot be had.
pub fn ready(peer: Peer) -> Result<&'static str, &'static str> {
    static READY: [OnceLock<Result<String, String>>; 4] = [const { OnceLock::new() }; 4];
    READY[peer as usize].get_or_init(|| install(peer)).as_deref().map_err(String::as_str)
}

fn install(peer: Peer) -> Result<String, String> {
    match peer {
        Peer::Gorilla => {
            let home = fresh("gorilla", |home| {
                // The toolchain that is here, and no other one from the network.
                let mut go = Command::new("go");
                let build = go.args(["build", "-mod=readonly", "-o", "hub", "."]);
                output(build.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-buildvcs=false").current_dir(home))
            })?;
            Ok(format!("spawn = [\"{}\", \"--port\", \"{{port}}\"]", home.join("hub").display()))
        }
        Peer::NodeWs => node("node-ws", "hub.js"),
        Peer::SocketIo => node("socketio", "server.js"),
        Peer::Centrifugo => {
            // It takes minutes to build, so somebody else has to: see .ci/run.
            let program =
                std::env::var("FANOUT_CENTRIFUGO").map_err(|_| "FANOUT_CENTRIFUGO names no program".to_owned())?;
            let config = source("centrifugo").join("config.json");
            Ok(format!(
                "spawn = [\"{program}\", \"--config\", \"{}\"]\nenv = {{ CENTRIFUGO_PORT = \"{{port}}\" }}",
                config.display()
            ))
        }
    }
}

fn node(name: &str, program: &str) -> Result<String, String> {
    let home = fresh(name, |home| {
        output(Command::new("node").arg("--version"))?;
        let flags = ["ci", "--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=10000"];
        output(Command::new("npm").args(flags).current_dir(home))
    })?;
    Ok(format!("spawn = [\"node\", \"{}\", \"--port\", \"{{port}}\"]", home.join(program).display()))
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/peers").join(name)
}

/// Copies the source and builds it, unless that was done with the very same source before.
fn fresh(name: &str, build: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(source(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    let stamp = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect::<String>();
    let built = home.join("built-from");
    if fs::read_to_string(&built).is_ok_and(|from| from == stamp) {
        return Ok(home);
    }
    // Nothing of an earlier version shall be left; there may be none.
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).unwrap();
    for file in &files {
        fs::copy(file, home.join(file.file_name().unwrap())).unwrap();
    }
    build(&home)?;
    fs::write(built, stamp).unwrap();
    Ok(home)
}

fn output(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
