use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;
use crate::report::sample;

fn arrivals() -> ArrivalLog {
    ArrivalLog::new(Duration::from_secs(1_763_640_963))
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_gets_a_directory_of_its_own_and_latest_points_to_it() {
    let root = tempfile::tempdir().unwrap();
    let run = sample::good();
    let written = write(&run, "chat-peak", &arrivals(), &Place::Under(root.path().into())).unwrap();
    assert_eq!(written.directory, root.path().join("chat-peak/20251120T121603Z"));
    let files = ["intervals.csv", "junit.xml", "latency.hlog", "metrics.om", "report.html", "run.json", "summary.md"];
    assert_eq!(names(&written.directory), files);
    assert_eq!(written.note, None);
    let latest = root.path().join("chat-peak/latest");
    assert_eq!(fs::read_link(&latest).unwrap(), Path::new("20251120T121603Z"));
    assert_eq!(fs::read_to_string(latest.join("run.json")).unwrap(), json::document(&run));
    assert_eq!(names(&root.path().join("chat-peak")), ["20251120T121603Z", "latest"], "nothing else is left");
}

#[test]
fn runs_of_the_same_second_do_not_overwrite_each_other() {
    let root = tempfile::tempdir().unwrap();
    let place = Place::Under(root.path().into());
    for _ in 0..3 {
        write(&sample::good(), "x", &arrivals(), &place).unwrap();
    }
    let directory = root.path().join("x");
    assert_eq!(names(&directory), ["20251120T121603Z", "20251120T121603Z-2", "20251120T121603Z-3", "latest"]);
    assert_eq!(fs::read_link(directory.join("latest")).unwrap(), Path::new("20251120T121603Z-3"));
}

#[test]
fn others_may_read_a_runs_directory() {
    let root = tempfile::tempdir().unwrap();
    let made_here = root.path().join("made-here");
    fs::create_dir(&made_here).unwrap();
    let written = write(&sample::good(), "x", &arrivals(), &Place::Under(root.path().into())).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&written.directory), mode(&made_here));
}

#[test]
fn a_chosen_directory_keeps_what_else_is_in_it() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("a/b");
    let place = Place::Exactly(out.clone());
    write(&sample::lost(), "x", &arrivals(), &place).unwrap();
    fs::write(out.join("notes.txt"), "mine").unwrap();
    let written = write(&sample::good(), "x", &arrivals(), &place).unwrap();
    assert_eq!(written.directory, out);
    let kept = names(&out).into_iter().filter(|name| !written.files.contains(&name.as_str())).collect::<Vec<_>>();
    assert_eq!(kept, ["notes.txt"], "nothing else is left");
    assert_eq!(fs::read_to_string(out.join("run.json")).unwrap(), json::document(&sample::good()));
}

#[test]
fn a_latest_that_is_a_directory_is_left_alone_and_said() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("x/latest/mine")).unwrap();
    let written = write(&sample::good(), "x", &arrivals(), &Place::Under(root.path().into())).unwrap();
    assert!(written.note.unwrap().contains("latest"));
    assert_eq!(names(&root.path().join("x/latest")), ["mine"]);
    let files = ["intervals.csv", "junit.xml", "latency.hlog", "metrics.om", "report.html", "run.json", "summary.md"];
    assert_eq!(names(&written.directory), files);
}

#[test]
fn a_file_in_the_way_is_named() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("results");
    fs::write(&file, "").unwrap();
    for place in [Place::Under(file.clone()), Place::Exactly(file.clone())] {
        let error = place.check("x").unwrap_err();
        assert!(matches!(error, FilesError::NotADirectory { .. }), "{error:?}");
        assert!(error.to_string().contains("--out"));
        assert!(write(&sample::good(), "x", &arrivals(), &place).is_err());
    }
}

#[test]
fn a_place_that_can_be_written_to_passes_the_check_and_stays_clean() {
    let root = tempfile::tempdir().unwrap();
    Place::Under(root.path().into()).check("x").unwrap();
    assert_eq!(names(&root.path().join("x")), [""; 0]);
}

#[test]
fn a_full_disk_is_said_with_what_to_do() {
    // Every write to this device fails as a full disk does.
    let error = write_file(Path::new("/dev/full"), b"run").unwrap_err();
    assert!(matches!(error, FilesError::Full { .. }), "{error:?}");
    let sentence = error.to_string();
    assert!(sentence.contains("full") && sentence.contains("--out DIR"), "{sentence}");
}

#[test]
fn what_the_system_refuses_is_said_with_what_to_do() {
    // By error number: a test that runs as root may write anywhere.
    let error = |number| FilesError::new(Path::new("x"), io::Error::from_raw_os_error(number));
    assert!(matches!(error(libc::EACCES), FilesError::NotAllowed { .. }));
    assert!(matches!(error(libc::EROFS), FilesError::NotAllowed { .. }));
    assert!(matches!(error(libc::ENOSPC), FilesError::Full { .. }));
    assert!(matches!(error(libc::EDQUOT), FilesError::Full { .. }));
    assert!(matches!(error(libc::EIO), FilesError::Other { .. }));
}

#[test]
fn nothing_is_left_of_an_attempt_that_failed() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    // A directory where run.json has to go: the move fails after everything was prepared.
    fs::create_dir_all(out.join("run.json/mine")).unwrap();
    assert!(write(&sample::good(), "x", &arrivals(), &Place::Exactly(out.clone())).is_err());
    assert_eq!(names(&out), ["run.json"]);
    assert_eq!(names(&out.join("run.json")), ["mine"]);
}

#[test]
fn the_directory_is_named_after_the_start_in_utc() {
    assert_eq!(stamp("2025-11-20T12:16:03Z"), "20251120T121603Z");
    assert_eq!(stamp("2025-11-20T13:16:03.250+01:00"), "20251120T121603Z");
    assert_eq!(stamp("../no time"), "notime");
}
