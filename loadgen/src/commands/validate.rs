//! `fanout validate`.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::run::complain;
use super::{BAD_SCENARIO, COULD_NOT_RUN, DONE, say};
use crate::analyse::search::Goal;
use crate::capacity::{Effort, Lengths, Objective, Shortened, Survey};
use crate::cli::{Format, ValidateArgs};
use crate::plan::Plan;
use crate::report::numbers::seconds;
use crate::report::outlook::Outlook;
use crate::scenario::capacity::Capacity;
use crate::scenario::{Ab, Changes, Limits, ScenarioError, open};

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
        let said = match (About::of(file, &args.sets, &limits), args.format) {
            (Ok(about), Format::Text) => say(&about.text()),
            (Ok(about), Format::Json) => about.json().iter().try_for_each(|line| say(&format!("{line}\n"))),
            (Err(error), format) => {
                code = BAD_SCENARIO;
                let line = (format == Format::Json).then(|| format!("{}\n", refusal(file, &error)));
                complain(error);
                line.map_or(Ok(()), |line| say(&line))
            }
        };
        if let Err(failed) = said {
            return failed;
        }
    }
    code
}

/// What a file needs as it is and in every variant, and the comparison that it asks for.
struct About {
    outlooks: Vec<Outlook>,
    ab: Option<Ab>,
    search: Option<Search>,
}

/// The capacity search that a file asks for.
struct Search {
    of: Capacity,
    effort: Effort,
}

impl Search {
    fn of(of: Capacity, plan: &Plan, run: Duration) -> Self {
        let (min, max) = of.range;
        let goal = Goal { min, max, width: of.width, grain: of.axis.grain() };
        let survey = Survey { goal, objectives: Objective::of(&plan.thresholds, &[]) };
        Self { of, effort: Effort::of(&survey, &[], Lengths::of(plan, run, Shortened(of.trial))) }
    }

    fn text(&self) -> String {
        let (axis, (low, high)) = (self.of.axis, self.of.range);
        let Effort { short, full, time } = self.effort;
        format!(
            "  capacity: {} to {}: some {short} short and {full} full trials, about {} (--budget ends it in time)\n",
            axis.number(low),
            axis.amount(high),
            seconds(time.as_secs_f64().round())
        )
    }
}

impl About {
    fn of(file: &Path, sets: &[String], limits: &Limits) -> Result<Self, ScenarioError> {
        let name = file.display().to_string();
        let scenario = open(file, Changes { variant: None, sets }, limits)?;
        let mut outlooks = vec![Outlook::of(name.clone(), None, &scenario.plan, limits)];
        for variant in &scenario.variants {
            let plan = open(file, Changes { variant: Some(variant), sets }, limits)?.plan;
            outlooks.push(Outlook::of(name.clone(), Some(variant.clone()), &plan, limits));
        }
        let search = scenario.capacity.map(|capacity| Search::of(capacity, &scenario.plan, outlooks[0].duration()));
        Ok(About { outlooks, ab: scenario.ab, search })
    }

    /// Seconds that the comparison takes.
    fn ab_seconds(&self, ab: &Ab) -> f64 {
        self.outlooks[0].seconds() * 2.0 * f64::from(ab.runs)
    }

    fn text(&self) -> String {
        let mut text: String = self.outlooks.iter().map(Outlook::text).collect();
        if let Some(ab) = &self.ab {
            let length = seconds(self.ab_seconds(ab));
            text += &format!("  ab: b ({}) against a ({}), {} runs each, about {length}\n", ab.b, ab.a, ab.runs);
        }
        text += &self.search.as_ref().map_or_else(String::new, Search::text);
        text
    }

    /// An object a plan; the comparison is in that of the file as it is.
    fn json(&self) -> Vec<Value> {
        let mut all: Vec<Value> = self.outlooks.iter().map(Outlook::json).collect();
        if let Some(ab) = &self.ab {
            let duration_us = (self.ab_seconds(ab) * 1e6) as u64;
            all[0]["ab"] = json!({ "a": ab.a, "b": ab.b, "runs": ab.runs, "duration_us": duration_us });
        }
        if let Some(search) = &self.search {
            let (low, high) = search.of.range;
            let Effort { short, full, time } = search.effort;
            all[0]["capacity"] = json!({
                "axis": search.of.axis.name(),
                "range": [low, high],
                "trials": { "short": short, "full": full },
                "duration_us": time.as_micros() as u64,
            });
        }
        all
    }
}

fn refusal(file: &Path, error: &ScenarioError) -> Value {
    let (line, column) = error.place().unzip();
    json!({
        "file": file.display().to_string(),
        "valid": false,
        "message": error.to_string(),
        "help": error.advice(),
        "in": error.file(),
        "line": line,
        "column": column,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_search_says_how_long_it_takes() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/capacity.toml");
        let limits = Limits { descriptors: 20_000, ports: 28_232 };
        let about = About::of(&file, &[], &limits).unwrap();
        let search = about.search.as_ref().unwrap();
        assert!(search.effort.time > search.effort.full * about.outlooks[0].duration(), "more than its full trials");
        let text = about.text();
        assert!(
            text.contains("  capacity: 10 to 2,000 publishes/s: some 12 short and 4 full trials, about "),
            "{text}"
        );
        let json = about.json();
        assert_eq!((&json[0]["capacity"]["axis"], &json[0]["capacity"]["trials"]["full"]), (&"rate".into(), &4.into()));
        let without = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/quickstart.toml");
        assert!(About::of(&without, &[], &limits).unwrap().search.is_none());
    }
}
