//! One thing that the doctor looked at.

use serde::Serialize;

/// What it means for the load that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does not stand in the way.
    Fine,
    /// It allows less than was asked for, or makes figures worse.
    Low,
    /// It could not be read here.
    Unknown,
}

/// One thing that the doctor looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is: a few words.
    pub name: &'static str,
    /// What was found.
    pub value: String,
    /// What that allows, or what it does to figures.
    pub allows: String,
    /// Connections that it allows one load generator; `None` where it limits something else, or nothing.
    pub connections: Option<u64>,
    /// What it means for the load that was asked for.
    pub verdict: Verdict,
    /// The command that lifts it; `None` where there is nothing to lift.
    pub lift: Option<String>,
}

impl Finding {
    /// Something that could not be read: in a container or a sandbox, or on another kernel.
    pub(super) fn unknown(name: &'static str) -> Self {
        Finding {
            name,
            value: "not known".to_owned(),
            allows: "it cannot be read here".to_owned(),
            connections: None,
            verdict: Verdict::Unknown,
            lift: None,
        }
    }
}
