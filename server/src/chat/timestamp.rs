//! Points in time as text: RFC 3339 in UTC, with milliseconds.

use std::fmt::Write;

/// The last instant of the year 9999, in milliseconds since 1970: RFC 3339 has no years of five digits.
const LAST: u64 = 253_402_300_799_999;
/// How long the text is up to and with the point before the milliseconds.
const TO_POINT: usize = 20;

/// Formats times. The text of the last second is kept, so that most calls write three digits.
#[derive(Debug, Clone)]
pub struct Calendar {
    second: Option<u64>,
    text: String,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { second: None, text: String::with_capacity(TO_POINT + 4) }
    }
}

impl Calendar {
    /// `unix_ms`, milliseconds since 1970, as in `2026-11-20T16:28:21.123Z`: always 24 characters (RFC 3339 section 5.6).
    pub fn format(&mut self, unix_ms: u64) -> &str {
        let unix_ms = unix_ms.min(LAST);
        let (second, millisecond) = (unix_ms / 1000, unix_ms % 1000);
        if self.second != Some(second) {
            self.second = Some(second);
            let (year, month, day) = civil(second / 86_400);
            let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
            self.text.clear();
            // Writing to a string cannot fail, here and below.
            let _ = write!(self.text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.");
        }
        self.text.truncate(TO_POINT);
        let _ = write!(self.text, "{millisecond:03}Z");
        &self.text
    }
}

/// Year, month and day of a day counted from 1970-01-01, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years are
/// counted from 1 March, so that the leap day is a year's last, in eras of 400 years, which are all equally long.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn oracle(unix_ms: u64) -> String {
        let time = jiff::Timestamp::from_millisecond(unix_ms as i64).unwrap();
        time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }

    proptest! {
        #[test]
        fn every_time_is_written_as_a_calendar_library_writes_it(times in proptest::collection::vec(0..=LAST - 86_400_000, 1..20)) {
            let mut calendar = Calendar::default();
            for time in times {
                for time in [time, time + 1, time + 999] {
                    prop_assert_eq!(calendar.format(time), oracle(time));
                }
            }
        }
    }

    #[test]
    fn the_edges_of_the_calendar_are_right() {
        let mut calendar = Calendar::default();
        assert_eq!(calendar.format(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(calendar.format(951_782_400_001), "2000-02-29T00:00:00.001Z");
        assert_eq!(calendar.format(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
