//! Where the run was measured.

use maud::{Markup, html};

use super::table::facts;
use crate::report::numbers::count;
use crate::report::text::costs::{of_environment, of_machine};
use crate::result::{Environment, Run};

pub(super) fn section(run: &Run) -> Markup {
    let e = &run.environment;
    let limits: Vec<String> =
        e.limits.iter().map(|(name, n)| format!("{} {}", name.replace('_', " "), count(*n))).collect();
    let versions: Vec<String> = e.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let mut all = of_machine(run);
    all.push(("limits", limits.join(", ")));
    all.push(("versions", versions.join(", ")));
    all.push((
        "git",
        e.git.clone().map_or_else(String::new, |revision| format!("{revision} (of the working directory)")),
    ));
    html! { (facts(&all)) }
}

/// The machine, the server and fanout, of what several runs came to.
pub(super) fn machine(e: &Environment) -> Markup {
    facts(&of_environment(e))
}
