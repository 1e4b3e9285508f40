//! `churn` and `reconnect` of `[[connections]]`, and `at_start` of `[[phases]]`.

use std::time::Duration;

use crate::life::{AtStart, Churn, Jitter, On, Reconnect, Resume, Stop};
use crate::plan::TargetKind;
use crate::scenario::error::Fault;
use crate::scenario::file::{AtStartTable, ConnectionsTable};
use crate::scenario::scalar::At;
use crate::scenario::word::{JitterKey, OnKey, StopKey};

/// Waits when the scenario says nothing.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

pub(super) fn churn(table: &ConnectionsTable) -> Result<Option<Churn>, Fault> {
    let Some(At { value: churn, span }) = &table.churn else { return Ok(None) };
    if table.inflate.is_some_and(|share| share.0 < 1.0) {
        return Err(Fault::at(span, "what a connection missed is known only where every message is looked at")
            .help("remove `inflate`, or remove `churn`"));
    }
    let offline = churn.offline.value.0;
    let session = match (&churn.session, &churn.rate) {
        (Some(session), None) => session.value.0,
        (None, Some(rate)) => {
            // A connection leaves once in every session with its absence.
            let cycle = f64::from(table.count.value.0) / rate.value.0;
            let away = (offline.0 + offline.1).as_secs_f64() / 2.0;
            if cycle <= away {
                let message =
                    format!("{} leaves a second, each for {away} s, would leave nobody connected", rate.value.0);
                return Err(Fault::at(&rate.span, message)
                    .help("lower `rate` or `offline`, or raise the `count` of connections"));
            }
            Duration::try_from_secs_f64(cycle - away).unwrap_or(Duration::MAX)
        }
        (Some(_), Some(rate)) => {
            return Err(Fault::at(&rate.span, "`rate` does not go together with `session`: keep one of them"));
        }
        (None, None) => {
            return Err(Fault::at(span, "`churn` does not say how often connections leave")
                .help("add session = \"90s\", or rate = 50: leaves a second"));
        }
    };
    Ok(Some(Churn { session, offline }))
}

pub(super) fn reconnect(table: &ConnectionsTable) -> Result<Option<Reconnect>, Fault> {
    let Some(At { value: reconnect, span }) = &table.reconnect else { return Ok(None) };
    if table.inflate.is_some_and(|share| share.0 < 1.0) {
        return Err(Fault::at(span, "what a connection missed is known only where every message is looked at")
            .help("remove `inflate`, or remove `reconnect`"));
    }
    if let Some(backoff) = reconnect.backoff.as_ref().filter(|at| at.value.0.0.is_zero()) {
        return Err(Fault::at(&backoff.span, "a wait of nothing stays nothing however often it doubles")
            .help("begin with a little more, such as \"10ms-1s\""));
    }
    Ok(Some(Reconnect {
        on: match reconnect.on.as_ref().map_or(OnKey::Any, |at| at.value) {
            OnKey::Any => On::Any,
            OnKey::Drop => On::Drop,
        },
        backoff: reconnect.backoff.as_ref().map_or(BACKOFF, |at| at.value.0),
        jitter: match reconnect.jitter.as_ref().map_or(JitterKey::Full, |at| at.value) {
            JitterKey::None => Jitter::None,
            JitterKey::Equal => Jitter::Equal,
            JitterKey::Full => Jitter::Full,
        },
        resume: if reconnect.resume.as_ref().is_some_and(|at| at.value) { Resume::Ask } else { Resume::Never },
    }))
}

/// `target` is the server that may have to be restarted.
pub(super) fn at_start(at: &At<AtStartTable>, target: &TargetKind) -> Result<AtStart, Fault> {
    match (&at.value.restart, &at.value.cut) {
        (Some(stop), None) if matches!(target, TargetKind::Url { .. }) => {
            Err(Fault::at(&stop.span, "only a server that fanout starts can be restarted: this one has a `url`")
                .help("use target.spawn or the bundled server, or cut = 0.5 instead of `restart`"))
        }
        (Some(stop), None) => Ok(AtStart::Restart(match stop.value {
            StopKey::Terminate => Stop::Terminate,
            StopKey::Kill => Stop::Kill,
        })),
        (None, Some(share)) => Ok(AtStart::Cut(share.value.0)),
        (Some(_), Some(share)) => {
            Err(Fault::at(&share.span, "`cut` does not go together with `restart`: give each a phase of its own"))
        }
        (None, None) => Err(Fault::at(&at.span, "`at_start` says nothing to be done")
            .help("write { restart = \"SIGTERM\" } or { cut = 0.5 }")),
    }
}
