//! The command line of a search, for people to give again.

use std::path::Path;

use crate::cli::{CapacityArgs, Client};
use crate::commands::shell::quoted;
use crate::run::KeepAwake;
use crate::scenario::masked;

/// As it was given, but for where results go, how long it may take, and what is secret; with a directory, to take the search there up again.
pub(super) fn command_line(args: &CapacityArgs, resume: Option<&Path>) -> String {
    let drive = &args.conduct.drive;
    let mut words = vec!["fanout capacity".to_owned(), quoted(&args.file.display().to_string())];
    let mut flag = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("--{name} {}", quoted(&value))));
    };
    flag("axis", args.axis.clone());
    flag("range", args.range.clone());
    flag("width", args.width.clone());
    flag("variant", args.variant.clone());
    args.slo.iter().for_each(|slo| flag("slo", Some(slo.clone())));
    let sets: Vec<String> = args.conduct.sets.iter().map(|set| masked(set)).collect();
    sets.iter().for_each(|set| flag("set", Some(set.clone())));
    flag("trial", args.trial.map(|trial| humantime::format_duration(trial).to_string()));
    flag("client", (drive.client != Client::Native).then(|| drive.client.name().to_owned()));
    flag("workers", drive.workers.map(|n| n.to_string()));
    flag("agents", drive.agents.map(|n| n.to_string()));
    flag("resume", resume.map(|directory| directory.display().to_string()));
    match drive.keep_awake {
        Some(KeepAwake::Own) => words.push("--keep-awake".to_owned()),
        Some(KeepAwake::All) => words.push("--keep-awake=all".to_owned()),
        None => {}
    }
    let line = words.join(" ");
    if sets == args.conduct.sets { line } else { line + " (where there are stars, put in what they hide)" }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parsed(words: &[&str]) -> CapacityArgs {
        match Cli::try_parse_from(words).unwrap().command {
            Command::Capacity(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_search_is_taken_up_again_with_everything_that_its_trials_depend_on() {
        let args = parsed(&[
            "fanout",
            "capacity",
            "my file.toml",
            "--axis",
            "rate",
            "--range",
            "10-2000",
            "--width",
            "3%",
            "--variant",
            "off",
            "--slo",
            "latency.due.p99 < 50ms",
            "--set",
            "name=it's",
            "--trial",
            "90s",
            "--client",
            "tungstenite",
            "--workers",
            "1",
            "--agents",
            "2",
            "--keep-awake=all",
            "--budget",
            "10m",
            "--out",
            "there",
        ]);
        assert_eq!(
            command_line(&args, Some(Path::new("there"))),
            "fanout capacity 'my file.toml' --axis rate --range 10-2000 --width 3% --variant off --slo 'latency.due.p99 < 50ms' \
             --set 'name=it'\\''s' --trial '1m 30s' --client tungstenite --workers 1 --agents 2 --resume there --keep-awake=all"
        );
        assert_eq!(command_line(&parsed(&["fanout", "capacity", "a.toml"]), None), "fanout capacity a.toml");
    }
    #[test]
    fn what_is_secret_in_a_change_is_not_shown_again() {
        let args = parsed(&["fanout", "capacity", "a.toml", "--set", "target.url=ws://me:pw@h/ws?key=1"]);
        assert_eq!(
            command_line(&args, None),
            "fanout capacity a.toml --set 'target.url=ws://*****@h/ws?*****' (where there are stars, put in what they hide)"
        );
    }
}
