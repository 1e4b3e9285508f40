//! `fanout validate`.

use super::run::complain;
use super::{BAD_SCENARIO, COULD_NOT_RUN, DONE, say};
use crate::cli::ValidateArgs;
use crate::plan::Plan;
use crate::report::numbers::{bytes, count, seconds};
use crate::scenario::{Limits, load, needs};

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
        match load(file, &args.sets, &limits) {
            Ok(plan) => {
                if let Err(failed) = say(&format!("{}\n", summary(&file.display().to_string(), &plan, &limits))) {
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

fn summary(file: &str, plan: &Plan, limits: &Limits) -> String {
    let needs = needs(plan);
    let publishes = needs.publishes.map_or("as many as the closed loop manages".to_owned(), count);
    format!(
        "{file}: valid\n  {} connections, {} publishes, about {}\n  needs {} of {} descriptors, {} of {} ports of a source address, about {} of memory",
        count(needs.connections.into()),
        publishes,
        seconds(needs.duration.as_secs_f64()),
        count(needs.descriptors),
        count(limits.descriptors),
        count(needs.ports_per_address.into()),
        count(limits.ports.into()),
        bytes(needs.memory_bytes as f64),
    )
}
