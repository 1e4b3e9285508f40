//! `/poll/{room}?after=GENERATION.INDEX&wait=25s&limit=100`.

use std::time::Duration;

use super::query::{NotAParameter, limit, parameter, parsed};
use crate::received::Received;

/// How long a poll waits unless it says otherwise.
const DEFAULT_WAIT: Duration = Duration::from_secs(25);
/// The longest: proxies cut off what is silent for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Messages in one answer unless it says otherwise, and at most.
const DEFAULT_LIMIT: usize = 100;
const HIGHEST_LIMIT: usize = 1000;

/// What a long poll wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// The last message that it has; from now on, without.
    pub after: Option<Received>,
    /// How long to wait for a message.
    pub wait: Duration,
    /// At most so many messages.
    pub limit: u64,
}

impl Poll {
    pub(super) fn parse(query: Option<&str>) -> Result<Self, NotAParameter> {
        Ok(Self {
            after: parsed(query, "after")?,
            wait: wait(query)?,
            limit: limit(query, DEFAULT_LIMIT, HIGHEST_LIMIT)? as u64,
        })
    }
}

fn wait(query: Option<&str>) -> Result<Duration, NotAParameter> {
    let Some(text) = parameter(query, "wait") else { return Ok(DEFAULT_WAIT) };
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    match humantime::parse_duration(&text) {
        Ok(wait) => Ok(wait.min(LONGEST_WAIT)),
        Err(problem) => {
            Err(NotAParameter::new("wait", &text, &format!("{problem}; use a duration such as 25s, at most 60s")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resume::ResumePoint;

    #[test]
    fn everything_can_be_left_out() {
        let poll = Poll { after: None, wait: Duration::from_secs(25), limit: 100 };
        assert_eq!(Poll::parse(None), Ok(poll.clone()));
        assert_eq!(Poll::parse(Some("x=1")), Ok(poll));
    }

    #[test]
    fn what_is_too_much_is_cut_and_what_is_wrong_is_refused_with_its_name() {
        let after = Some(Received::all_before(ResumePoint { generation: 35, index: 8 }));
        assert_eq!(
            Poll::parse(Some("after=z.7&wait=2h&limit=5000")),
            Ok(Poll { after, wait: Duration::from_secs(60), limit: 1000 })
        );
        assert_eq!(Poll::parse(Some("wait=0")).unwrap().wait, Duration::ZERO);
        for (query, start) in [
            ("after=7", "after=7: "),
            ("wait=soon", "wait=soon: "),
            ("limit=0", "limit=0: "),
            ("limit=-1", "limit=-1: "),
        ] {
            let error = Poll::parse(Some(query)).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
