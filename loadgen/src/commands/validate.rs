//! `fanout validate`.

use std::path::Path;

use super::run::complain;
use super::{BAD_SCENARIO, COULD_NOT_RUN, DONE, say};
use crate::cli::ValidateArgs;
use crate::plan::{Plan, TargetKind};
use crate::report::numbers::{bytes, count, seconds};
use crate::scenario::{Changes, INFLATER_BYTES, Limits, ScenarioError, agents_needed, needs, open};

/// Checks scenario files and says what each will need.
pub fn files(args: &ValidateArgs) -> u8 {
    let limits = match Limits::of_this_machine() {
        Ok(limits) => limits,
        Err(error) => {
            eprintln!("cannot read this machine's limits from /proc: {error}");
            return COULD_NOT_RUN;
        }
    };
    let mut code = DONE;
    for file in &args.files {
        match about(file, &args.sets, &limits) {
            Ok(text) => {
                if let Err(failed) = say(&text) {
                    return failed;
                }
            }
            Err(error) => {
                complain(error);
                code = BAD_SCENARIO;
            }
        }
    }
    code
}

/// What the file needs as it is and in every variant, and the comparison that it asks for.
fn about(file: &Path, sets: &[String], limits: &Limits) -> Result<String, ScenarioError> {
    let name = file.display();
    let scenario = open(file, Changes { variant: None, sets }, limits)?;
    let mut text = summary(&name.to_string(), &scenario.plan, limits) + "\n";
    for variant in &scenario.variants {
        let plan = open(file, Changes { variant: Some(variant), sets }, limits)?.plan;
        text += &(summary(&format!("{name} --variant {variant}"), &plan, limits) + "\n");
    }
    if let Some(ab) = &scenario.ab {
        let length = needs(&scenario.plan).duration.as_secs_f64() * 2.0 * f64::from(ab.runs);
        text += &format!("  ab: b ({}) against a ({}), {} runs each, about {}\n", ab.b, ab.a, ab.runs, seconds(length));
    }
    Ok(text)
}

fn summary(file: &str, plan: &Plan, limits: &Limits) -> String {
    let needs = needs(plan);
    let publishes = needs.publishes.map_or("as many as the closed loop manages".to_owned(), count);
    let mut text = format!(
        "{file}: valid\n  {} connections, {} publishes, about {}\n  needs {} of {} descriptors, {} of {} ports of a source address, about {} of memory",
        count(needs.connections.into()),
        publishes,
        seconds(needs.duration.as_secs_f64()),
        count(needs.descriptors),
        count(limits.descriptors),
        count(needs.ports_per_address.into()),
        count(limits.ports.into()),
        bytes(needs.memory_bytes as f64),
    );
    let agents = agents_needed(plan, limits, 1).map_or(0, |force| force.agents);
    if agents > 0 {
        text += &format!("\n  starts {agents} agents, processes that share the connections and have descriptors each");
    }
    if needs.servers > 1 && matches!(plan.target.kind, TargetKind::Bundled { .. }) {
        text += &format!("\n  starts {} servers, each with rooms of its own", needs.servers);
    }
    if needs.inflaters_bytes > 0 {
        text += &format!(
            "\n  compression with context: up to {} more, {} for each connection that does not receive the same bytes as the \
             others of its room",
            bytes(needs.inflaters_bytes as f64),
            bytes(INFLATER_BYTES as f64)
        );
    }
    text
}
