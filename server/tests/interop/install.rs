//! Gets the clients ready, once each, in a folder below the target folder.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::client::Kind;

/// The command line that starts a client; more arguments may follow it.
pub type Recipe = Vec<OsString>;

/// The client, or why there is none. A client that `FANOUT_INTEROP` names must be there.
pub fn ready(kind: Kind) -> Result<&'static Recipe, &'static str> {
    static READY: [OnceLock<Result<Recipe, String>>; 4] = [const { OnceLock::new() }; 4];
    let outcome = READY[kind as usize].get_or_init(|| {
        let outcome = install(kind).map_err(|why| format!("{}: {why}", kind.name()));
        let wanted = std::env::var("FANOUT_INTEROP").unwrap_or_default();
        assert!(outcome.is_ok() || !wanted.split(',').any(|name| name == kind.name()), "{outcome:?}");
        outcome
    });
    outcome.as_ref().map_err(String::as_str)
}

fn install(kind: Kind) -> Result<Recipe, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/clients").join(kind.name());
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop").join(kind.name());
    match kind {
        Kind::Node => {
            fresh(&source, &home, |home| {
                let flags = ["ci", "--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=10000"];
                output(Command::new("npm").args(flags).current_dir(home))
            })?;
            Ok(vec![program("node")?.into(), home.join("client.js").into()])
        }
        Kind::Python => {
            let python = home.join("venv/bin/python");
            fresh(&source, &home, |home| {
                output(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(home))?;
                let flags = ["-m", "pip", "install", "--quiet", "--require-hashes", "--retries=0", "--timeout=10"];
                output(Command::new(&python).args(flags).args(["-r", "requirements.txt"]).current_dir(home))
            })?;
            Ok(vec![python.into(), home.join("client.py").into()])
        }
        Kind::Go => {
            fresh(&source, &home, |home| {
                // The toolchain that is here, and no other one from the network.
                let mut go = Command::new("go");
                output(
                    go.args(["build", "-mod=readonly", "-o", "client", "."])
                        .env("GOTOOLCHAIN", "local")
                        .current_dir(home),
                )
            })?;
            Ok(vec![home.join("client").into()])
        }
        Kind::Browser => {
            let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
            let browser = names.iter().find_map(|name| program(name).ok()).ok_or("no Chromium in PATH")?;
            Ok(vec![program("node")?.into(), source.join("bridge.js").into(), browser.into()])
        }
    }
}

/// Copies the source and builds it, unless that was done with the very same source before.
fn fresh(source: &Path, home: &Path, build: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    let mut files: Vec<PathBuf> = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    let stamp = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect::<String>();
    let built = home.join("built-from");
    if fs::read_to_string(&built).is_ok_and(|from| from == stamp) {
        return Ok(());
    }
    // Nothing of an earlier version shall be left; there may be none.
    let _ = fs::remove_dir_all(home);
    fs::create_dir_all(home).unwrap();
    for file in &files {
        fs::copy(file, home.join(file.file_name().unwrap())).unwrap();
    }
    build(home)?;
    fs::write(built, stamp).unwrap();
    Ok(())
}

fn output(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Where a program is.
fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("no {name} in PATH"))
}
