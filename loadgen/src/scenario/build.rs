//! Puts the parts of a scenario together to one plan and checks what concerns several of them.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use crate::plan::{ClientEngine, Correlate, Mode, Origin, Plan, TargetKind};
use crate::scenario::ab::Ab;
use crate::scenario::capacity::Capacity;
use crate::scenario::document::{Document, Source};
use crate::scenario::error::{Fault, ScenarioError};
use crate::scenario::file::File;
use crate::scenario::limits::Limits;
use crate::scenario::measured::Measured;
use crate::scenario::possible::{counts_possible, possible};
use crate::scenario::publishers::{Replay, Scene};
use crate::scenario::scalar::At;
use crate::scenario::value::Name;
use crate::scenario::word::{CorrelateKey, ModeKey};
use crate::scenario::{
    ab, capacity, dialect, feeds, groups, keys, observe, phases, publishers, resolved, servers, target, tls, variants,
};

/// A scenario file, read and checked.
#[derive(Debug)]
pub struct Scenario {
    /// What a run does.
    pub plan: Plan,
    /// The names of its variants, in the order of the file.
    pub variants: Vec<String>,
    /// The comparison that it asks for.
    pub ab: Option<Ab>,
    /// The capacity search that it asks for.
    pub capacity: Option<Capacity>,
}

/// What is changed before a file is read: a variant first, then overrides.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes<'a> {
    /// The name of a variant of the file; `None`: the file as it is.
    pub variant: Option<&'a str>,
    /// Overrides of the form `publishers.members.rate=50`.
    pub sets: &'a [String],
}

/// Reads a scenario file.
///
/// # Errors
/// A file that cannot be read, and everything that [`read`] refuses.
pub fn open(path: &Path, changes: Changes<'_>, limits: &Limits) -> Result<Scenario, ScenarioError> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        ScenarioError::whole(&path.display().to_string(), format!("cannot read {}: {e}", path.display()))
    })?;
    read(path, &text, changes, limits)
}

/// Reads a scenario whose text is given; `path` names it in errors, and other files are relative to it.
///
/// Reads the environment (`{env.NAME}`), the files that the scenario names, and the address of its host; nothing else.
///
/// # Errors
/// The first thing that is wrong, with its place, in a variant that is not asked for too.
pub fn read(path: &Path, text: &str, changes: Changes<'_>, limits: &Limits) -> Result<Scenario, ScenarioError> {
    let file_name = path.display().to_string();
    let source = Source { file: &file_name, text, sets: changes.sets };
    let fault = |fault| source.error(fault);
    let as_written = Document::parse(Source { sets: &[], ..source }, None)?;
    let variants = variants::names(as_written.table()).map_err(fault)?;
    for variant in &variants {
        checked(source, Some(variant))?;
    }
    let file = checked(source, changes.variant)?;
    let dir = path.parent().unwrap_or(Path::new(""));
    let origin = Origin {
        path: path.to_owned(),
        text: text.to_owned(),
        variant: changes.variant.map(str::to_owned),
        sets: changes.sets.to_vec(),
    };
    let mut plan = build(&file, dir, limits, origin).map_err(fault)?;
    if let (Some(variant), Some(resolved)) = (changes.variant, plan.resolved.as_object_mut()) {
        resolved.insert("variant".to_owned(), variant.into());
    }
    let ab = file.ab.as_ref().map(|table| ab::resolve(table, &variants, &Measured::by(&plan))).transpose();
    let capacity = file.capacity.as_ref().map(capacity::resolve).transpose().map_err(fault)?;
    Ok(Scenario { ab: ab.map_err(fault)?, capacity, plan, variants })
}

/// With every key known and every value of its kind.
fn checked(source: Source<'_>, variant: Option<&str>) -> Result<File, ScenarioError> {
    let document = Document::parse(source, variant)?;
    keys::check(document.table()).map_err(|fault| source.error(fault))?;
    document.deserialize()
}

/// The plan of a scenario file, without a variant.
///
/// # Errors
/// As [`open`].
pub fn load(path: &Path, sets: &[String], limits: &Limits) -> Result<Plan, ScenarioError> {
    open(path, Changes { variant: None, sets }, limits).map(|scenario| scenario.plan)
}

/// The plan of a scenario whose text is given, without a variant.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, text: &str, sets: &[String], limits: &Limits) -> Result<Plan, ScenarioError> {
    read(path, text, Changes { variant: None, sets }, limits).map(|scenario| scenario.plan)
}

fn build(file: &File, dir: &Path, limits: &Limits, origin: Origin) -> Result<Plan, Fault> {
    let mode = match file.mode.as_ref().map(|at| at.value) {
        Some(ModeKey::Echo) => Mode::Echo,
        Some(ModeKey::Observe) => Mode::Observe,
        Some(ModeKey::Broadcast) | None => Mode::Broadcast,
    };
    unique("[[connections]]", file.connections.iter().map(|t| &t.name))?;
    unique("[[publishers]]", file.publishers.iter().map(|t| &t.name))?;
    unique("[[phases]]", file.phases.iter().map(|t| &t.name))?;
    let feed = feeds::read(&file.target, dir)?;
    let target = target::resolve(&file.target, mode, dir, feed.as_deref())?;
    counts_possible(file, limits)?;
    let seed = file.seed.map_or(1, |seed| seed.0);
    let replay = publishers::replay(&file.publishers, dir)?;
    if let (Mode::Echo, Some(_), Some(key)) = (mode, &replay, &file.mode) {
        return Err(Fault::at(
            &key.span,
            "a replay needs mode = \"broadcast\": in echo mode only its publisher would receive it",
        ));
    }
    let observe = observe::resolve(file, mode, &target.kind)?;
    let correlate = if observe.is_some() { Correlate::Observed } else { correlate(file, replay.as_ref())? };
    let counts: Vec<u32> = file.connections.iter().map(|table| table.count.value.0).collect();
    let rooms_of_trace = groups::replays(&file.connections)?;
    let trace = replay.as_ref().map(|replay| replay.trace.as_ref());
    let groups = groups::resolve(&file.connections, &phases::most(&file.phases, &counts), trace, seed, target.ip())?;
    let names_room = target.dialect.as_ref().is_some_and(|dialect| dialect.names_room());
    if groups.rooms.len() > 1 && !names_room && !target.path.contains("{room}") {
        return Err(no_room_in_path(file, groups.rooms.len(), &target.path));
    }
    let scene = Scene {
        dir,
        seed,
        mode,
        correlate,
        rooms: &groups.rooms,
        groups: &groups.groups,
        rooms_of_trace,
        target: &target,
        tls: file.target.tls.as_ref(),
        feed: feed.as_ref(),
    };
    let publishers = publishers::resolve(&file.publishers, replay.as_ref(), &scene)?;
    tls::needed(&file.target, &target, &publishers)?;
    let trace_length = replay
        .as_ref()
        .map(|r| Duration::try_from_secs_f64(r.trace.length_us() as f64 / 1e6 / r.speed).unwrap_or(Duration::MAX));
    dialect::possible(target.dialect.as_deref(), file, &groups.groups, &publishers)?;
    let phases = phases::resolve(&file.phases, &counts, trace_length, &target.kind)?;
    let mut plan = Plan {
        name: file.name.value.0.clone(),
        description: file.description.clone(),
        seed,
        settle: file.settle.map_or(Duration::from_millis(500), |t| t.0),
        drain: file.drain.map_or(Duration::from_secs(5), |t| t.0),
        mode,
        correlate,
        observe,
        max_schedule_lag: file.max_schedule_lag.map(|t| t.0),
        target,
        client: ClientEngine::Native,
        rooms: groups.rooms,
        groups: groups.groups,
        publishers,
        phases,
        feed,
        thresholds: Vec::new(),
        resolved: serde_json::Value::Null,
        origin,
    };
    if let TargetKind::Bundled { .. } = plan.target.kind {
        let divided = servers::divide(&plan, file, limits)?;
        if let TargetKind::Bundled { division, .. } = &mut plan.target.kind {
            *division = divided;
        }
    }
    plan.thresholds = file.thresholds.resolve(&Measured::by(&plan))?;
    possible(&plan, file, limits)?;
    feeds::enough(&plan, &file.target)?;
    plan.resolved = resolved::resolved(&plan, file);
    Ok(plan)
}

fn correlate(file: &File, replay: Option<&Replay>) -> Result<Correlate, Fault> {
    match (&file.correlate, replay) {
        (Some(At { value: CorrelateKey::Stamp, span }), Some(_)) => {
            Err(Fault::at(span, "replayed messages carry no stamp and are matched by content: remove `correlate`"))
        }
        (_, Some(_)) | (Some(At { value: CorrelateKey::Content, .. }), None) => Ok(Correlate::Content),
        (Some(At { value: CorrelateKey::Stamp, .. }) | None, None) => Ok(Correlate::Stamp),
    }
}

fn unique<'n>(table: &str, names: impl Iterator<Item = &'n At<Name>>) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(&name.value.0) {
            return Err(Fault::at(&name.span, format!("two of {table} have the name `{}`: rename one", name.value.0)));
        }
    }
    Ok(())
}

fn no_room_in_path(file: &File, rooms: usize, path: &str) -> Fault {
    let given = file.target.url.as_ref().map(|at| &at.span).or(file.target.path.as_ref().map(|at| &at.span));
    let rooms_key = file
        .connections
        .iter()
        .find_map(|t| t.rooms.as_ref().map(|at| &at.span).or(t.room_size.as_ref().map(|at| &at.span)));
    let message = format!(
        "{rooms} rooms, but the path {} has no {{room}}: all connections would be in one",
        crate::scenario::redact::url(path)
    );
    let fault =
        given.or(rooms_key).map_or_else(|| Fault::missing(message.clone()), |span| Fault::at(span, message.clone()));
    fault.help("put {room} where the server expects the room's name, or use one room")
}
