//! An observed feed: what its messages say of themselves, and how far clocks can be trusted.

use super::page::Page;
use crate::report::numbers::{count, duration_us, plural};
use crate::result::{ClockBound, Observed, Run};

pub(super) fn write(page: &mut Page, run: &Run) {
    let Some(observe) = &run.observe else { return };
    page.section("the feed itself");
    let mut facts =
        vec![("messages", format!("{}, each counted once however many received it", count(observe.messages)))];
    facts.extend(sequence(observe).map(|text| ("sequence", text)));
    facts.extend(observe.clock.as_ref().map(|_| ("timestamps", timestamps(observe))));
    facts.extend(observe.clock.as_ref().map(|clock| ("clock", bound(clock))));
    page.facts(&facts);
}

fn sequence(observe: &Observed) -> Option<String> {
    if observe.numbered == 0 {
        return None;
    }
    Some(match (observe.gaps, observe.went_back) {
        (0, 0) => "no gap".to_owned(),
        (gaps, 0) => {
            format!("{}, {} that nobody here received", plural(gaps, "gap"), plural(observe.gap_messages, "message"))
        }
        (gaps, back) => format!(
            "{}, {} that nobody here received; {} no higher than the one before",
            plural(gaps, "gap"),
            plural(observe.gap_messages, "message"),
            plural(back, "number")
        ),
    })
}

fn timestamps(observe: &Observed) -> String {
    let mut text =
        format!("in {} of {}", count(observe.timed + observe.implausible), plural(observe.messages, "message"));
    if observe.implausible > 0 {
        text += &format!("; {} are more than a minute from our clock, and in no latency", count(observe.implausible));
    }
    if observe.ahead > 0 {
        text += &format!(
            "; {} are later than their arrival, by up to {}: the clocks differ by that at least",
            count(observe.ahead),
            duration_us(observe.ahead_most_us as f64)
        );
    }
    text
}

fn bound(clock: &ClockBound) -> String {
    let step = match clock.step_us {
        step if step > 0.0 => {
            format!("; the timestamp counts {} each, so latencies are up to that much too long", duration_us(step))
        }
        _ => String::new(),
    };
    format!("{}; nothing is subtracted{step}", clock.words)
}
