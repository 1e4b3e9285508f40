//! Numbers as people read them: thousands separated, and the unit that keeps them short.

/// A count with its thousands separated: `1,500,000`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number, as it is shown, with its unit: `1 room`, `50 rooms`.
#[must_use]
pub fn with_unit(shown: &str, [one, many]: [&str; 2]) -> String {
    format!("{shown} {}", if shown == "1" { one } else { many })
}

/// A count with a noun whose plural has an s: `1 room`, `50 rooms`.
#[must_use]
pub fn plural(n: u64, noun: &str) -> String {
    with_unit(&count(n), [noun, &format!("{noun}s")])
}

/// What copies at subscribers are called.
pub const DELIVERIES: [&str; 2] = ["delivery", "deliveries"];
/// What a message handed to the server is called, by the second.
pub const PUBLISHES_PER_S: [&str; 2] = ["publish/s", "publishes/s"];
/// What a copy of it at a subscriber is called, by the second.
pub const DELIVERIES_PER_S: [&str; 2] = ["delivery/s", "deliveries/s"];

/// `1 publish/s`, `250 publishes/s`.
#[must_use]
pub fn publishes_per_s(per_s: f64) -> String {
    with_unit(&rate(per_s), PUBLISHES_PER_S)
}

/// `1 delivery/s`, `25,000 deliveries/s`.
#[must_use]
pub fn deliveries_per_s(per_s: f64) -> String {
    with_unit(&rate(per_s), DELIVERIES_PER_S)
}

/// A rate: whole numbers, and one decimal below ten.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn rate(per_s: f64) -> String {
    if per_s > 0.0 && per_s < 9.95 { trim(format!("{per_s:.1}")) } else { count(per_s.max(0.0).round() as u64) }
}

/// A duration given in microseconds, to two digits, in the unit that suits it: `85 us`, `0.81 ms`, `12 ms`, `1.2 s`.
#[must_use]
pub fn duration_us(us: f64) -> String {
    duration(us, 2)
}

/// The same to three digits, for tables.
#[must_use]
pub fn duration_us_exact(us: f64) -> String {
    duration(us, 3)
}

fn duration(us: f64, digits: i32) -> String {
    // Each unit is left where rounding would carry into the next.
    if us < 99.5 {
        if us < 0.5 { "<1 us".to_owned() } else { format!("{us:.0} us") }
    } else if us < 999_500.0 {
        format!("{} ms", significant(us / 1e3, digits))
    } else {
        format!("{} s", significant(us / 1e6, digits))
    }
}

/// A share as a percentage: `38 %`, `1.2 %`, `0.0013 %`; never rounded to 0 % or 100 % when it is neither.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 {
        "0 %".to_owned()
    } else if percent > 99.0 && percent < 100.0 {
        let missing = 100.0 - percent;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let decimals = (1.0 - missing.log10().floor()).clamp(1.0, 9.0) as usize;
        format!("{} %", trim(format!("{percent:.decimals$}")))
    } else {
        format!("{} %", significant(percent, 2))
    }
}

/// A size: `312 B`, `48.2 MiB`.
#[must_use]
pub fn bytes(size: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = size.max(0.0);
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{value:.0} B") } else { format!("{} {}", significant(value, 3), UNITS[unit]) }
}

/// Seconds as people write them: `0.2 s`, `60 s`, `5 min 30 s`.
#[must_use]
pub fn seconds(s: f64) -> String {
    if s < 120.0 {
        return format!("{} s", trim(format!("{s:.1}")));
    }
    let whole = s.round();
    let (minutes, rest) = ((whole / 60.0).floor(), whole % 60.0);
    if rest == 0.0 { format!("{minutes:.0} min") } else { format!("{minutes:.0} min {rest:.0} s") }
}

/// `digits` significant digits, but every digit before the point; no trailing zeros.
#[must_use]
pub fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let decimals = (digits - 1 - value.abs().log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.decimals$}");
    match text.split_once('.') {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        None if value > 0.0 => count(value.round() as u64),
        _ => trim(text),
    }
}

fn trim(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 7, 999, 1000, 25_000, 1_500_000].map(count), ["0", "7", "999", "1,000", "25,000", "1,500,000"]);
    }

    #[test]
    fn durations_choose_their_unit() {
        assert_eq!(
            [0.0, 85.0, 99.4, 99.6, 800.0, 812.0, 3400.0, 12_340.0, 123_456.0, 999_600.0, 1_240_000.0, 61e6]
                .map(duration_us),
            [
                "<1 us", "85 us", "99 us", "0.1 ms", "0.8 ms", "0.81 ms", "3.4 ms", "12 ms", "123 ms", "1 s", "1.2 s",
                "61 s"
            ]
        );
        assert_eq!([812.3, 12_340.0, 1_240_000.0].map(duration_us_exact), ["0.812 ms", "12.3 ms", "1.24 s"]);
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing_or_all() {
        assert_eq!(
            [0.0, 0.000_013, 0.012, 0.384, 0.999, 0.999_999, 1.0, 2.5].map(percent),
            ["0 %", "0.0013 %", "1.2 %", "38 %", "99.9 %", "99.9999 %", "100 %", "250 %"]
        );
    }

    #[test]
    fn sizes_choose_their_unit() {
        assert_eq!(
            [0.0, 312.0, 1024.0, 50_550_000.0, 25.8e9].map(bytes),
            ["0 B", "312 B", "1 KiB", "48.2 MiB", "24 GiB"]
        );
    }

    #[test]
    fn rates_have_a_decimal_only_when_small() {
        assert_eq!([0.0, 0.5, 9.96, 250.0, 25_000.4].map(rate), ["0", "0.5", "10", "250", "25,000"]);
    }

    #[test]
    fn long_times_are_in_minutes() {
        assert_eq!([0.21, 60.0, 119.0, 180.0, 330.0].map(seconds), ["0.2 s", "60 s", "119 s", "3 min", "5 min 30 s"]);
        assert_eq!([179.4, 179.6, 239.9].map(seconds), ["2 min 59 s", "3 min", "4 min"], "never 60 s beside minutes");
    }

    #[test]
    fn one_of_a_thing_has_its_singular() {
        assert_eq!(
            [0.0, 0.98, 1.0, 20.0].map(publishes_per_s),
            ["0 publishes/s", "1 publish/s", "1 publish/s", "20 publishes/s"]
        );
        assert_eq!([1.0, 1.5].map(deliveries_per_s), ["1 delivery/s", "1.5 deliveries/s"]);
        assert_eq!([0, 1, 1000].map(|n| plural(n, "room")), ["0 rooms", "1 room", "1,000 rooms"]);
    }
}
