//! `fanout report`, `fanout trend` and the pages that runs leave, as a user meets them. How the pages look is tested in a browser, by eye.

use crate::command::{Done, Stage, read};

/// As the first version wrote it.
const OLD: &str = include_str!("../src/report/old_runs/2026-11-20.json");

/// The old run in `NAME/run.json`, each with a name that sorts after the one before.
fn stage(names: &[&str]) -> Stage {
    let stage = Stage::new("");
    for name in names {
        let directory = stage.directory.path().join("runs").join(name);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("run.json"), OLD).unwrap();
    }
    stage
}

fn go(stage: &Stage, arguments: &[&str]) -> Done {
    stage.go(arguments).wait()
}

fn file(stage: &Stage, name: &str) -> String {
    read(stage.directory.path().join(name))
}

#[test]
fn a_run_leaves_a_page_beside_its_figures() {
    let stage = Stage::new(
        "name = \"paged\"\nsettle = \"50ms\"\nmax_schedule_lag = \"1s\"\n[[connections]]\nname = \"all\"\ncount = 3\n\
         [[publishers]]\nname = \"one\"\nrate = 20\n[[phases]]\nname = \"steady\"\nfor = \"1500ms\"\n",
    );
    let done = stage.run(&[]);
    let (page, run) = (file(&stage, "out/report.html"), file(&stage, "out/run.json"));
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "{done:?}");
    assert!(page.contains("3 subscribers in 1 room") && page.contains("class=\"heat\""));
    assert!(run.contains("\"arrivals\": \""), "every second has its histogram");
}

#[test]
fn an_old_run_is_reported_again_in_every_form() {
    let stage = stage(&["one"]);
    let done = go(&stage, &["report", "runs/one"]);
    done.exits(0);
    assert_eq!(done.stdout, "runs/one/report.html\n");
    assert!(file(&stage, "runs/one/report.html").contains("PASSED"));
    assert!(go(&stage, &["report", "runs/one/run.json", "--text"]).stdout.starts_with("PASSED  broadcast-1k"));
    assert!(go(&stage, &["report", "runs", "--md"]).stdout.starts_with("## PASSED: broadcast-1k"));
    assert!(go(&stage, &["report", "runs", "--json"]).stdout.contains("\"schema\": 1"));
    go(&stage, &["report", "runs", "--html", "-o", "page.html"]).exits(0);
    assert!(file(&stage, "page.html").contains("broadcast-1k"));
    assert!(go(&stage, &["report", "runs", "--html", "-o", "-"]).stdout.starts_with("<!DOCTYPE html>"));
}

#[test]
fn what_is_no_single_run_is_refused_with_what_to_do() {
    let stage = stage(&["one", "two"]);
    go(&stage, &["report", "runs"]).exits(1).says("there are 2 runs in runs: name the directory of one");
    go(&stage, &["report", "nowhere"]).exits(1).says("nowhere");
    go(&stage, &["report", "runs/one", "-o", "missing/page.html"]).exits(1).says("write elsewhere with -o FILE");
    go(&stage, &["report", "runs/one", "--html", "--text"]).exits(2);
}

#[test]
fn a_trend_reads_the_runs_below_a_directory() {
    let stage = stage(&["one", "two", "three"]);
    let done = go(&stage, &["trend", "runs", "--out", "trend"]);
    done.exits(0);
    assert!(done.stdout.starts_with("broadcast-1k: 3 valid runs from 2026-11-20"), "{}", done.stdout);
    assert!(done.stdout.contains("too few to tell a change from noise"));
    assert!(
        file(&stage, "trend/trend.html").contains("latency.due.p99")
            && file(&stage, "trend/trend.json").contains("\"schema\": 1")
    );
    go(&stage, &["trend", "nowhere"]).exits(1).says("nowhere");
}

/// Schema 1 stays readable for ever: every command that takes old runs takes this one.
#[test]
fn an_old_run_can_be_compared_merged_and_planned_from() {
    let stage = stage(&["one", "two"]);
    let done = go(&stage, &["compare", "runs/one", "runs/two", "--out", "compared"]);
    done.exits(0);
    assert!(done.stdout.contains("one run against one: a tripwire"), "{}", done.stdout);
    assert!(file(&stage, "compared/comparison.json").contains("\"design\": \"tripwire\""));
    let done = go(&stage, &["merge", "--sequential", "runs/one", "runs/two", "--out", "merged"]);
    done.exits(0);
    assert!(file(&stage, "merged/run.json").contains("\"delivered\": 2000000"), "{}", done.stdout);
    let done = go(&stage, &["plan", "runs", "--users", "1000", "--format", "json"]);
    done.exits(0);
    let plan: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        (&plan["cpu"]["basis"], plan["evidence"]["observations"].as_array().map(Vec::len)),
        (&"measured".into(), Some(2))
    );
}

#[test]
fn a_plan_is_written_in_every_form_and_refused_with_what_to_do() {
    let stage = stage(&["one", "two"]);
    let done = go(&stage, &["plan", "runs", "--users", "3000", "--price-per-gb", "0.1", "--out", "planned"]);
    done.exits(0);
    assert!(done.stdout.starts_with("PREDICTED  what one server needs for 3,000 users in 1 room"), "{}", done.stdout);
    assert!(done.stdout.contains("EXTRAPOLATED 3 times: connections 3,000"), "{}", done.stdout);
    for name in ["plan.json", "plan.html", "plan.md", "plan.txt"] {
        assert!(file(&stage, &format!("planned/{name}")).contains("connections"), "{name}");
    }
    go(&stage, &["plan", "runs", "--users", "9", "--cores", "4", "--objective", "latency.due.p99 < 1us"])
        .exits(2)
        .says("no load was confirmed for latency.due.p99 < 1us");
    go(&stage, &["plan", "runs", "--users", "0"]).exits(2).says("is not a number above 0");
    go(&stage, &["plan", "nowhere", "--users", "9"]).exits(1).says("nowhere");
    go(&stage, &["plan", "runs", "--users", "9", "--memory", "8GB"]).exits(2).says("--cores");
    go(&stage, &["plan", "runs", "--users", "9", "--price-per-hour", "0.1"]).exits(2).says("--cores");
}

/// A search as the version before left it: two trials of full length held at the end of the range.
fn ended() -> Stage {
    let stage = Stage::new(
        "name = \"room\"\n[[connections]]\nname = \"all\"\ncount = 3\n[[publishers]]\nname = \"one\"\nrate = 20\n\
         [[phases]]\nname = \"steady\"\nfor = \"1s\"\n[thresholds]\n\"deliveries.lost\" = \"== 0\"\n",
    );
    let trial = |length: &str| {
        format!(
            "{{\"load\":10.0,\"length\":\"{length}\",\"verdicts\":{{\"the thresholds of the file\":\"held\"}},\
             \"started\":\"2026-11-21T12:00:00Z\",\"took_s\":1.0,\"run\":\"\",\"connections\":10,\"publishes_per_s\":20.0,\
             \"deliveries_per_s\":200.0,\"wire_bytes_per_s\":1.0,\"lost_share\":0.0,\"p50\":900.0,\"p99\":2000.0,\
             \"server_cpu_share\":0.1,\"server_rss_bytes\":1,\"kernel_bytes_per_connection\":1.0,\"loadgen_cpu_share\":0.1,\
             \"cause\":null,\"rooms\":1}}\n"
        )
    };
    let search = stage.directory.path().join("search");
    std::fs::create_dir_all(&search).unwrap();
    std::fs::write(search.join("trials.jsonl"), ["short", "full", "full"].map(trial).concat()).unwrap();
    stage
}

const RESUMED: [&str; 7] = ["capacity", "scenario.toml", "--axis", "connections", "--range", "10-10", "--resume"];

#[test]
fn a_search_that_has_ended_is_not_gone_on_with_but_said_to_have_ended() {
    let stage = ended();
    let done = go(&stage, &[&RESUMED[..], &["search", "--keep-awake"]].concat());
    done.exits(0)
        .says("search holds a search that has ended")
        .says("To search anew: fanout capacity scenario.toml --axis");
    let answer = "the server holds at least 10 members of one room at 20 publishes/s with nothing lost";
    assert!(done.stdout.contains(answer), "{}", done.stdout);
    // Its report can be written again without it.
    let again = go(&stage, &["report", "search"]);
    assert_eq!((again.code, &*again.stdout), (0, "search/capacity.html\n"), "{}", again.stderr);
    assert!(file(&stage, "search/capacity.html").contains(answer));
    assert!(go(&stage, &["report", "search", "--md"]).stdout.starts_with("# FOUND: capacity of room"));
}

#[test]
fn what_is_no_search_or_another_one_is_refused_with_what_to_give() {
    let stage = ended();
    go(&stage, &[&RESUMED[..], &["nowhere"]].concat()).exits(1).says("no search is there (trials.jsonl is missing)");
    go(&stage, &[&RESUMED[..], &["search"]].concat()).exits(0);
    let rate = ["capacity", "scenario.toml", "--axis", "rate", "--range", "10-20", "--resume", "search"];
    go(&stage, &rate)
        .exits(1)
        .says("it is a search over connections, and not over rate: give --axis connections again");
    let other = [
        "capacity",
        "scenario.toml",
        "--axis",
        "connections",
        "--range",
        "10-10",
        "--set",
        "name=hall",
        "--resume",
        "search",
    ];
    go(&stage, &other).exits(1).says("it is a search of room, and this file is hall: give that of room");
    std::fs::remove_file(stage.directory.path().join("search/trials.jsonl")).unwrap();
    go(&stage, &[&RESUMED[..], &["search"]].concat()).exits(1).says("it has the report of a search and not its trials");
}

#[test]
fn where_searches_lie_below_one_is_to_be_named() {
    let stage = ended();
    go(&stage, &[&RESUMED[..], &["search"]].concat()).exits(0);
    go(&stage, &["report", "."]).exits(1).says("there is a capacity search in .: name its directory, ./search");
}

#[test]
fn a_search_that_was_cut_off_has_no_report_yet_and_the_message_says_how_to_go_on() {
    let stage = ended();
    let said = go(&stage, &["report", "search"]);
    said.exits(1).says("before it could write its report: go on with it by fanout capacity FILE --resume search");
}

#[test]
fn of_a_comparison_or_a_plan_the_page_to_open_is_named() {
    for page in ["runs/comparison.html", "runs/plan.html"] {
        let stage = stage(&["one", "two"]).with(page, "");
        go(&stage, &["report", "runs"]).exits(1).says(&format!("its report is {page}, to be opened in a browser"));
    }
}
