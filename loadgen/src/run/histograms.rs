//! What percentiles were made of, by the path of the figure: with these, runs can be merged exactly.

use std::collections::BTreeMap;

use super::account::Scope;
use super::outcome::Outcome;
use super::spreads::Spreads;
use crate::plan::Plan;
use crate::record::Counts;
use crate::recorder::PhaseSlot;

/// HdrHistogram V2 in base64, by name; empty ones are left out, but for the two that always stand there.
pub fn histograms(plan: &Plan, o: &Outcome, measured: &[usize], spreads: &Spreads) -> BTreeMap<String, String> {
    let all_groups: Vec<usize> = (0..plan.groups.len()).collect();
    let all_phases = (0..plan.phases.len()).map(|p| (format!("phases.{}.", plan.phases[p].name), vec![p]));
    let scope =
        |phases: &[usize], groups: &[usize]| Scope { phases: phases.to_vec(), groups: groups.to_vec(), seconds: 0.0 };
    let mut all = Histograms::default();
    let top = o.account.merged(&scope(measured, &all_groups));
    all.keep("sent".to_owned(), &top.sent);
    if !o.account.is_unscheduled() {
        all.keep("due".to_owned(), &top.due);
    } else {
        // Of an observed feed this is the time since the message's own timestamp.
        all.put("observe.latency", &top.due);
    }
    all.put("connect", &o.tally.connect);
    all.put("connect_tcp", &o.tally.tcp);
    all.put("connect_tls", &o.tally.tls);
    all.put("connect_upgrade", &o.tally.upgrade);
    all.put("connect_join", &o.tally.join);
    all.put("http.answer", &o.tally.answer);
    all.put("read_age", &of_phases(o, measured, |p| &p.read_age));
    spreads.each().into_iter().for_each(|(name, counts)| all.put(&format!("spread.{name}"), counts));
    for (name, phases) in std::iter::once((String::new(), measured.to_vec())).chain(all_phases) {
        all.put(&format!("{name}schedule_lag"), &of_phases(o, &phases, |p| &p.schedule_lag));
        all.put(&format!("{name}latency.round_trip"), &of_phases(o, &phases, |p| &p.round_trip));
        all.part(o, &name, &scope(&phases, &all_groups));
    }
    for (group, i) in plan.groups.iter().zip(0..) {
        all.part(o, &format!("groups.{}.", group.name), &scope(measured, &[i]));
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

    /// What whole runs, phases and groups have alike.
    fn part(&mut self, o: &Outcome, name: &str, scope: &Scope) {
        let of_part = o.account.merged(scope);
        if !name.is_empty() {
            self.put(&format!("{name}latency.due"), &of_part.due);
            self.put(&format!("{name}latency.sent"), &of_part.sent);
        }
        self.put(&format!("{name}latency.resumed"), &of_part.resumed);
        let absences = o.account.absences(scope);
        if absences.returned > 0 {
            self.keep(format!("{name}reconnect.first"), &absences.first);
            self.keep(format!("{name}reconnect.back"), &absences.back);
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
