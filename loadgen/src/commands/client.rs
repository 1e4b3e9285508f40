//! Which client drives a scenario, and whether it can.

use crate::plan::{ClientEngine, Group, Phase, Plan, PublisherGroup, Via};

/// Why the second client cannot drive a scenario.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unable {
    #[error(
        "the tungstenite client cannot speak permessage-deflate, which `compression` of [[connections]] `{0}` offers: \
         leave --client out, or give --set 'connections.{0}.compression={{offer=\"off\"}}'"
    )]
    Compress(String),
    #[error(
        "the tungstenite client's connections stay as they are, but {0} wants them to leave or come back: leave --client out"
    )]
    Leave(String),
    #[error("the tungstenite client does not know {0}: leave --client out")]
    Unknown(String),
}

/// Gives a scenario its client.
pub(super) fn drive(plan: &mut Plan, client: ClientEngine) -> Result<(), Unable> {
    if client == ClientEngine::Tungstenite {
        if let Some(group) = plan.groups.iter().find(|group| group.compression.is_some()) {
            return Err(Unable::Compress(group.name.clone()));
        }
        if let Some(key) = leaves(plan) {
            return Err(Unable::Leave(key));
        }
        if let Some(key) = only_native(plan) {
            return Err(Unable::Unknown(key));
        }
    }
    plan.client = client;
    Ok(())
}

/// The key that makes connections leave or come back.
fn leaves(plan: &Plan) -> Option<String> {
    let of_group = |group: &Group| {
        let key = if group.churn.is_some() { Some("churn") } else { group.reconnect.map(|_| "reconnect") };
        key.map(|key| format!("`{key}` of [[connections]] `{}`", group.name))
    };
    let of_phase = |phase: &Phase| {
        let key = if phase.at_start.is_some() { Some("at_start") } else { None };
        let key = key.or(phase.connections.as_ref().map(|_| "connections"));
        key.map(|key| format!("`{key}` of [[phases]] `{}`", phase.name))
    };
    plan.groups.iter().find_map(of_group).or_else(|| plan.phases.iter().find_map(of_phase))
}

/// The key that only fanout's own client knows.
fn only_native(plan: &Plan) -> Option<String> {
    let slow = |group: &Group| {
        group.read_bytes_per_s.map(|_| format!("`read_bytes_per_s` of [[connections]] `{}`", group.name))
    };
    let posts = |group: &PublisherGroup| {
        matches!(group.via, Via::Http(_)).then(|| format!("via = \"http\" of [[publishers]] `{}`", group.name))
    };
    plan.groups.iter().find_map(slow).or_else(|| plan.publishers.iter().find_map(posts))
}
