//! What a CI sees of a run: exit codes, the files that it shows, baselines, several runs, and the script that its job calls.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::{Done, FANOUT, Stage, read, run_in, small, undisturbed};
use crate::double::{Double, Fault, Whose};

/// What every run leaves.
const FILES: [&str; 6] = ["run.json", "summary.md", "junit.xml", "latency.hlog", "intervals.csv", "metrics.om"];

/// A second against a server, judged by counts, which do not depend on how busy its machine is.
fn gate(target: &str) -> String {
    let thresholds = "[thresholds]\n\"deliveries.lost\" = [\"== 0\", \"<= baseline\"]\n\
                      \"phases.steady.deliveries.corrupted\" = \"== 0\"\n";
    small("gate", 200, target) + thresholds
}

fn at(double: &Double) -> String {
    gate(&format!("url = \"{}\"", double.url()))
}

/// A valid run of a server with this fault, compared with the run in `baseline`.
fn compared(fault: Fault, baseline: &Path) -> (Done, Stage) {
    let baseline = baseline.display().to_string();
    let (done, (stage, _)) = undisturbed(|| {
        let double = Double::start(fault);
        let stage = Stage::new(&at(&double));
        let done = stage.run(&["--baseline", &baseline]);
        (done, (stage, double))
    });
    (done, stage)
}

#[test]
fn a_good_build_passes_and_one_that_drops_messages_is_red_everywhere() {
    let (good, (base, _)) = undisturbed(|| {
        let stage = Stage::new(&at(&Double::start(Fault::None)));
        let double = Double::start(Fault::None);
        std::fs::write(stage.directory.path().join("scenario.toml"), at(&double)).unwrap();
        (stage.run(&[]), (stage, double))
    });
    good.exits(0);
    let skipped = &good.run().thresholds[1];
    assert!(skipped.skipped && skipped.why.as_deref() == Some("no --baseline was given"));
    if good.code == 0 {
        assert!(read(base.out().join("junit.xml")).contains("<skipped message=\"no --baseline was given\""));
    }

    let (again, _) = compared(Fault::None, &base.out());
    again.exits(0);
    assert!(again.run().thresholds.iter().all(|t| t.pass && !t.skipped), "{:?}", again.run().thresholds);

    let fault = Fault::Drop { every: 50, whose: Whose::Everybody };
    let (bad, stage) = compared(fault, &base.out());
    bad.exits(3);
    let lost = &bad.run().thresholds[1];
    assert_eq!((lost.value, lost.baseline, lost.limit, lost.pass), (Some(40.0), Some(0.0), Some(0.0), false));
    // What a busy machine made invalid is no failure of the server's, and says so instead.
    if bad.code == 3 {
        let junit = read(stage.out().join("junit.xml"));
        assert!(junit.contains("failures=\"2\" errors=\"0\""), "{junit}");
        let message = "message=\"deliveries.lost &lt;= baseline: it was 40; baseline 0, so the limit is 0\"";
        assert!(junit.contains("name=\"run: deliveries.lost &lt;= baseline\"") && junit.contains(message), "{junit}");
        assert!(bad.stdout.contains("failed: deliveries.lost <= baseline, it was 40"), "{}", bad.stdout);
    }
    let summary = read(stage.out().join("summary.md"));
    assert!(summary.contains("| **FAILED** | deliveries.lost &lt;= baseline | 40 | 0 | 0 |"), "{summary}");
    assert!(summary.contains("| held | phases.steady.deliveries.corrupted == 0 | 0 | 0 |  |"), "{summary}");
}

#[test]
fn one_message_in_a_thousand_that_is_lost_is_red_everywhere() {
    let scenario = |double: &Double| at(double).replace("rate = 200", "rate = 1000");
    let run = |fault, flags: &[&str]| {
        undisturbed(|| {
            let double = Double::start(fault);
            let stage = Stage::new(&scenario(&double));
            (stage.run(flags), (stage, double))
        })
    };
    let (good, (base, _)) = run(Fault::None, &[]);
    good.exits(0);
    let baseline = base.out().display().to_string();
    let (bad, (stage, _)) =
        run(Fault::Drop { every: 1000, whose: Whose::Everybody }, &["--baseline", baseline.as_str()]);
    bad.exits(3);
    assert_eq!((bad.run().deliveries.expected, bad.run().deliveries.lost), (10_000, 10), "0.1 %");
    // What a busy machine made invalid is no failure of the server's, and says so instead.
    if bad.code == 3 {
        let junit = read(stage.out().join("junit.xml"));
        let message = "message=\"deliveries.lost &lt;= baseline: it was 10; baseline 0, so the limit is 0\"";
        assert!(junit.contains("failures=\"2\" errors=\"0\"") && junit.contains(message), "{junit}");
    }
    let summary = read(stage.out().join("summary.md"));
    assert!(summary.contains("| **FAILED** | deliveries.lost &lt;= baseline | 10 | 0 | 0 |"), "{summary}");
}

#[test]
fn the_gate_shuts_on_a_build_that_is_5_ms_late() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/ci-gate.toml");
    let gate = read(path).replace("for = \"3s\"", "for = \"100ms\"").replace("for = \"12s\"", "for = \"5s\"");
    let gate = gate.replace("max_schedule_lag = \"10ms\"", "max_schedule_lag = \"2s\"");
    let stage = Stage::new(&gate);
    let late = stage.run(&["--variant", "late"]);
    let run = run_in(&stage.out().join("late")).unwrap();
    let broken: Vec<_> = run.thresholds.iter().filter(|t| !t.pass).collect();
    let median = broken.iter().find(|t| t.expr == "< 4ms").unwrap_or_else(|| panic!("{broken:?}"));
    // A server that holds messages for 5 ms delivers none earlier, on whatever machine.
    assert!(median.value.unwrap() >= 5000.0 && median.limit == Some(4000.0), "{median:?}");
    let summary = read(stage.out().join("late/summary.md"));
    let row = summary.lines().find(|line| line.contains("| latency.due.p50 &lt; 4ms |")).unwrap();
    assert!(row.starts_with("| **FAILED** |") && row.contains("| 4 ms |"), "{row}");
    let junit = read(stage.out().join("late/junit.xml"));
    let red = late.code == 3 && junit.contains("<failure message=\"latency.due.p50 &lt; 4ms: it was ");
    assert!(red || late.code == 4, "{}: {junit}", late.code);
}

#[test]
fn a_run_that_only_its_machine_spoiled_is_made_again_and_the_report_says_so() {
    // Nobody sends within a microsecond.
    let hasty = small("hasty", 50, "server = { shards = 1 }").replace("\"2s\"", "\"1us\"");
    let stage = Stage::new(&hasty);
    let done = stage.run(&["--retries", "2"]);
    done.exits(4);
    let run = run_in(&stage.out()).unwrap();
    assert_eq!(run.invalid_before.len(), 2);
    assert!(run.invalid_before.iter().all(|before| before.reasons[0].rule == "schedule-lag"));
    let summary = read(stage.out().join("summary.md"));
    assert!(summary.contains("attempt 2 of 3 was not valid: fanout sent publishes late"), "{summary}");

    let stage = Stage::new(&format!("{hasty}[thresholds]\n\"publishes.sent\" = \"== 0\"\n"));
    stage.run(&["--retries", "2"]).exits(4);
    assert!(run_in(&stage.out()).unwrap().invalid_before.is_empty(), "a threshold failed: that is for people to see");
}

#[test]
fn every_file_is_written_and_read_by_tools_that_are_not_ours() {
    let (done, stage) = undisturbed(|| {
        let stage = Stage::new(&gate("server = { shards = 1 }"));
        (stage.run(&[]), stage)
    });
    done.exits(0);
    for name in FILES {
        assert!(!read(stage.out().join(name)).is_empty(), "{name}");
    }
    let seconds = read(stage.out().join("intervals.csv")).lines().count() - 1;
    assert_eq!(seconds, done.run().intervals.len());
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/read.py");
    match Command::new(python()).arg(reader).current_dir(stage.out()).output() {
        Ok(read) => {
            let said = String::from_utf8_lossy(&read.stdout);
            assert!(read.status.success(), "{said}{}", String::from_utf8_lossy(&read.stderr));
            assert!(said.contains("read junit.xml") && said.contains("read intervals.csv"), "{said}");
            print!("{said}");
        }
        Err(_) => println!("skipped: no python3"),
    }
}

/// Python with the readers that are not ours, installed below the target folder; without them where they cannot be had.
fn python() -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/requirements.txt");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readers");
    let (python, built) = (home.join("bin/python"), home.join("built-from"));
    if std::fs::read_to_string(&built).is_ok_and(|from| from == read(&requirements)) {
        return python;
    }
    // Nothing of an earlier version shall be left; there may be none.
    let _ = std::fs::remove_dir_all(&home);
    let done = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:"]);
    install.args(["--retries=0", "--timeout=10", "-r"]).arg(&requirements);
    let installed = done(Command::new("python3").args(["-m", "venv"]).arg(&home)) && done(&mut install);
    if !installed {
        return "python3".into();
    }
    std::fs::copy(&requirements, built).unwrap();
    python
}

#[test]
fn a_missing_baseline_fails_only_where_it_is_required() {
    let scenario = gate("server = { shards = 1 }");
    let run = |flags: &[&str]| undisturbed(|| (Stage::new(&scenario).run(flags), ())).0;
    let absent = run(&["--baseline", "absent"]);
    absent.exits(0);
    assert!(absent.run().thresholds[1].why.as_ref().unwrap().starts_with("cannot read absent"));
    let required = run(&["--baseline", "absent", "--require-baseline"]);
    required.exits(3);
    assert!(!required.run().thresholds[1].pass && required.run().thresholds[0].pass);
    let said = required.stdout.contains("failed: deliveries.lost <= baseline, cannot read absent");
    assert!(said || required.code == 4, "{}", required.stdout);
}

#[test]
fn a_threshold_that_stays_broken_ends_the_run() {
    // The server holds messages for 0.5 s, so a window is late whatever the machine does.
    let scenario = gate("server = { flush_delay = \"500ms\" }").replace("for = \"1s\"", "for = \"55s\"")
        + "\"latency.due.p50\" = { expr = \"< 50ms\", over = \"2s\", abort = true, grace = \"1s\" }\n\
           \"latency.due.p90\" = { expr = \"< 55s\", over = \"1s\", abort = true }\n";
    let stage = Stage::new(&scenario);
    let done = stage.run(&[]);
    let run = done.run();
    assert!(run.phases["steady"].length_s < 50.0, "{:?}", run.ended_early);
    let why = run.ended_early.as_ref().unwrap();
    assert!(why.starts_with("threshold latency.due.p50 < 50ms is broken and has `abort`: it was "), "{why}");
    let [broken, held] = &run.thresholds[3..] else { panic!("{:?}", run.thresholds) };
    assert!(!broken.pass && broken.broken.is_some() && broken.over_s == Some(2), "{broken:?}");
    assert!(held.pass && held.value.is_some(), "{held:?}");
    assert_eq!(run.deliveries.lost, 0, "what was on its way is no loss");
    if run.validity.valid {
        done.exits(3);
        assert!(read(stage.out().join("junit.xml")).contains("<failure message=\"threshold latency.due.p50"));
    }
}

#[test]
fn several_runs_have_folders_and_a_summary_of_their_own() {
    let stage = Stage::new(&gate("server = { shards = 1 }").replace("for = \"1s\"", "for = \"300ms\""));
    let summary = stage.directory.path().join("job.md");
    let mut command = Command::new(FANOUT);
    command.args(["run", "scenario.toml", "--runs", "3", "--format", "json", "--baseline", "results/gate/latest"]);
    let output = command.current_dir(stage.directory.path()).env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 3, "a line for each run, and nothing else");
    let latest = stage.directory.path().join("results/gate/latest");
    for folder in ["01", "02", "03"] {
        FILES.iter().for_each(|name| assert!(latest.join(folder).join(name).exists(), "{folder}/{name}"));
    }
    let text = read(latest.join("summary.md"));
    assert!(text.contains(": gate, 3 runs\n") && text.contains("| latency.due.p50 |"), "{text}");
    assert_eq!(read(&summary), format!("{text}\n"), "the job summary has it once");
    let junit = read(latest.join("junit.xml"));
    for run in ["01", "02", "03"] {
        assert!(junit.contains(&format!("<testsuite name=\"gate/{run}\"")), "{junit}");
        let case = format!("<testcase name=\"run: deliveries.lost == 0\" classname=\"gate.{run}\">");
        assert_eq!(junit.matches(&case).count(), 1, "{junit}");
    }
    let first: serde_json::Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    let why = first["baseline"]["unused"].as_str().unwrap();
    assert!(why.starts_with("cannot read results/gate/latest"), "looked for before `latest` moves: {why}");
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scripts/ci/run.sh")
}

/// The script of the CI files as a step of a job calls it.
fn step(stage: &Stage, arguments: &[&str]) -> Command {
    let here = stage.directory.path();
    let mut command = Command::new(script());
    command.args(arguments).current_dir(here).env("FANOUT", FANOUT).env("CI", "true");
    command.env("GITHUB_STEP_SUMMARY", here.join("job.md")).env("GITHUB_OUTPUT", here.join("output"));
    command
}

#[test]
fn a_step_of_a_job_has_the_exit_code_a_summary_and_an_output() {
    let double = Double::start(Fault::Drop { every: 50, whose: Whose::Everybody });
    let stage = Stage::new(&at(&double));
    let output = step(&stage, &["scenario.toml"]).env("FANOUT_BASELINE", "no-such-folder").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no baseline at no-such-folder"), "{said}");
    let here = stage.directory.path();
    let job = read(here.join("job.md"));
    assert_eq!(job, read(here.join("fanout-results/summary.md")) + "\n");
    assert_eq!(read(here.join("output")), "results=fanout-results\n");
    if output.status.code() != Some(4) {
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(job.contains("| **FAILED** | deliveries.lost == 0 | 40 | 0 |"), "{job}");
    }
    assert_eq!(step(&stage, &[]).output().unwrap().status.code(), Some(2));
    assert_eq!(step(&stage, &["absent.toml"]).output().unwrap().status.code(), Some(2));
    assert!(step(&stage, &["scenario.toml", "--no-summary"]).output().is_ok());
    assert_eq!(read(here.join("job.md")), job, "nothing was added");
}

#[test]
fn a_job_that_is_cancelled_leaves_its_results() {
    let stage = Stage::new(&gate("server = { shards = 1 }").replace("for = \"1s\"", "for = \"50s\""));
    let here = stage.directory.path();
    let log = std::fs::File::create(here.join("log")).unwrap();
    let mut child = step(&stage, &["scenario.toml"]).stdout(std::process::Stdio::null()).stderr(log).spawn().unwrap();
    let since = Instant::now();
    while !read(here.join("log")).contains("steady") {
        assert!(since.elapsed() < Duration::from_secs(40), "{}", read(here.join("log")));
        std::thread::sleep(Duration::from_millis(20));
    }
    // As GitHub does it, only sooner: to the step's process, which must be fanout itself by now.
    let kill = |name: &str| Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(kill("-INT").success());
    std::thread::sleep(Duration::from_millis(50));
    kill("-TERM");
    let asked = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(5), "took {:?}", asked.elapsed());
    let results = here.join("fanout-results");
    FILES.iter().for_each(|name| assert!(results.join(name).exists(), "{name}"));
    assert!(read(here.join("job.md")).starts_with("## INTERRUPTED: gate"));
    assert!(read(results.join("junit.xml")).contains("errors=\"1\""));
}
