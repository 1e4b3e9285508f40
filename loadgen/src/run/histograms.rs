//! What percentiles were made of, by the path of the figure: with these, runs can be merged exactly.

use std::collections::BTreeMap;

use super::account::Scope;
use super::outcome::Outcome;
use crate::plan::Plan;
use crate::record::Counts;
use crate::recorder::PhaseSlot;

/// HdrHistogram V2 in base64, by name; empty ones are left out, but for the two that always stand there.
pub fn histograms(plan: &Plan, o: &Outcome, measured: &[usize]) -> BTreeMap<String, String> {
    let all_groups: Vec<usize> = (0..plan.groups.len()).collect();
    let all_phases = (0..plan.phases.len()).map(|p| (format!("phases.{}.", plan.phases[p].name), vec![p]));
    let scope = |phases: &[usize], groups: &[usize]| {
        o.account.merged(&Scope { phases: phases.to_vec(), groups: groups.to_vec(), seconds: 0.0 })
    };
    let unscheduled = o.account.is_unscheduled();
    let mut all = Histograms::default();
    let top = scope(measured, &all_groups);
    all.keep("sent".to_owned(), &top.sent);
    if !unscheduled {
        all.keep("due".to_owned(), &top.due);
    }
    all.put("connect", &o.tally.connect);
    all.put("connect_tcp", &o.tally.tcp);
    all.put("connect_upgrade", &o.tally.upgrade);
    all.put("read_age", &of_phases(o, measured, |p| &p.read_age));
    for (name, phases) in std::iter::once((String::new(), measured.to_vec())).chain(all_phases) {
        all.put(&format!("{name}schedule_lag"), &of_phases(o, &phases, |p| &p.schedule_lag));
        all.put(&format!("{name}latency.round_trip"), &of_phases(o, &phases, |p| &p.round_trip));
        if !name.is_empty() {
            let of_phase = scope(&phases, &all_groups);
            all.put(&format!("{name}latency.due"), &of_phase.due);
            all.put(&format!("{name}latency.sent"), &of_phase.sent);
        }
    }
    for (group, i) in plan.groups.iter().zip(0..) {
        let of_group = scope(measured, &[i]);
        all.put(&format!("groups.{}.latency.due", group.name), &of_group.due);
        all.put(&format!("groups.{}.latency.sent", group.name), &of_group.sent);
    }
    all.0
}

#[derive(Default)]
struct Histograms(BTreeMap<String, String>);

impl Histograms {
    fn put(&mut self, name: &str, counts: &Counts) {
        if !counts.is_empty() {
            self.keep(name.to_owned(), counts);
        }
    }

    fn keep(&mut self, name: String, counts: &Counts) {
        self.0.insert(name, counts.to_base64_v2());
    }
}

fn of_phases(o: &Outcome, phases: &[usize], figure: fn(&PhaseSlot) -> &Counts) -> Counts {
    let mut sum = Counts::new();
    phases.iter().filter_map(|&p| o.account.total.phase_of(p)).for_each(|p| sum.merge(figure(p)));
    sum
}
