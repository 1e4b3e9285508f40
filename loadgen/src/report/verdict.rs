//! What came of a run, and the exit code that says so.

use crate::result::Run;

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every threshold held, the server refused and dropped nobody, the measurement is valid.
    Passed,
    /// A threshold did not hold, or the server refused or dropped connections.
    Failed,
    /// The load generator could not measure this: the figures say nothing about the server.
    Invalid,
    /// Ctrl-C or SIGTERM cut it short.
    Interrupted,
}

impl Verdict {
    /// Judges a run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        if run.interrupted {
            Self::Interrupted
        } else if !run.validity.valid {
            Self::Invalid
        } else if !run.passed || turned_away(run) > 0 || run.thresholds.iter().any(|threshold| !threshold.pass) {
            Self::Failed
        } else {
            Self::Passed
        }
    }

    /// The word that opens the report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Invalid => "INVALID",
            Self::Interrupted => "INTERRUPTED",
        }
    }

    /// 0 passed, 3 failed, 4 invalid, 130 interrupted.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 3,
            Self::Invalid => 4,
            Self::Interrupted => 130,
        }
    }
}

/// Connections that the server refused, did not answer, or closed before the run ended.
#[must_use]
pub fn turned_away(run: &Run) -> u64 {
    run.connections.refused + run.connections.failed + run.connections.closed
}

/// Whether nothing but the load generator is to blame: the run is invalid, and neither a threshold failed nor was anybody turned away. Only
/// then is nothing hidden by making it again.
#[must_use]
pub fn is_spoiled(run: &Run) -> bool {
    Verdict::of(run) == Verdict::Invalid
        && turned_away(run) == 0
        && run.ended_early.is_none()
        && run.thresholds.iter().all(|threshold| threshold.pass)
}

/// The exit code of one run: 130 interrupted, 4 invalid, 3 failed, 0 passed.
#[must_use]
pub fn exit_code(run: &Run) -> u8 {
    Verdict::of(run).exit_code()
}

/// The exit code over several runs: 130, then 2, 1, 4, 3, 0, whichever comes first.
#[must_use]
pub fn exit_code_of_all(codes: &[u8]) -> u8 {
    [130, 2, 1, 4, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::result::ThresholdResult;

    #[test]
    fn a_good_run_passes() {
        assert_eq!(exit_code(&sample::good()), 0);
    }

    #[test]
    fn a_threshold_that_does_not_hold_fails_the_run() {
        let mut run = sample::good();
        run.thresholds.push(ThresholdResult { pass: false, ..ThresholdResult::default() });
        assert_eq!(exit_code(&run), 3);
    }

    #[test]
    fn a_server_that_refuses_or_drops_connections_fails_the_run() {
        for break_it in [
            |run: &mut Run| run.connections.refused = 1,
            |run: &mut Run| run.connections.failed = 1,
            |run: &mut Run| run.connections.closed = 1,
        ] {
            let mut run = sample::good();
            break_it(&mut run);
            assert_eq!(exit_code(&run), 3);
        }
    }

    #[test]
    fn an_invalid_run_is_neither_passed_nor_failed() {
        let mut run = sample::good();
        run.validity.valid = false;
        run.connections.closed = 1;
        assert_eq!(exit_code(&run), 4);
    }

    #[test]
    fn an_interrupted_run_says_so_whatever_else_happened() {
        let mut run = sample::good();
        run.interrupted = true;
        run.validity.valid = false;
        assert_eq!(exit_code(&run), 130);
    }

    #[test]
    fn over_several_runs_the_gravest_counts() {
        assert_eq!(exit_code_of_all(&[0, 3, 4, 1, 2, 130]), 130);
        assert_eq!(exit_code_of_all(&[0, 3, 4, 1, 2]), 2);
        assert_eq!(exit_code_of_all(&[0, 3, 4, 1]), 1);
        assert_eq!(exit_code_of_all(&[0, 3, 4]), 4);
        assert_eq!(exit_code_of_all(&[0, 3]), 3);
        assert_eq!(exit_code_of_all(&[0, 0]), 0);
        assert_eq!(exit_code_of_all(&[]), 0);
    }

    #[test]
    fn a_run_is_spoiled_where_only_the_load_generator_is_to_blame() {
        let mut run = sample::good();
        assert!(!is_spoiled(&run), "nothing is wrong with it");
        run.validity.valid = false;
        assert!(is_spoiled(&run));
        run.connections.closed = 1;
        assert!(!is_spoiled(&run), "the server closed a connection");
        run.connections.closed = 0;
        run.thresholds.push(ThresholdResult { pass: false, ..ThresholdResult::default() });
        assert!(!is_spoiled(&run), "a threshold failed");
    }
}
