//! `[capacity]`: what `fanout capacity` raises, how far, and how precisely the bound is wanted.

use std::time::Duration;

use crate::capacity::Axis;
use crate::scenario::error::Fault;
use crate::scenario::file::CapacityTable;

/// The search that a scenario file asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// What is raised.
    pub axis: Axis,
    /// Lowest and highest load.
    pub range: (f64, f64),
    /// Goal width, as a share of the lower bound.
    pub width: f64,
    /// Length of the measured phases in short trials.
    pub trial: Duration,
}

/// 5 %.
pub const WIDTH: f64 = 0.05;
/// Length of a short trial.
pub const TRIAL: Duration = Duration::from_secs(10);

pub(super) fn resolve(table: &CapacityTable) -> Result<Capacity, Fault> {
    let axis = table.axis.value.parse::<Axis>().map_err(|e| Fault::at(&table.axis.span, e.to_string()))?;
    let range = range(&table.range.value).map_err(|why| Fault::at(&table.range.span, why))?;
    let width = match &table.width {
        None => WIDTH,
        Some(at) => width(&at.value).map_err(|why| Fault::at(&at.span, why))?,
    };
    let trial = table.trial.as_ref().map_or(TRIAL, |span| span.0);
    Ok(Capacity { axis, range, width, trial })
}

/// Two loads: `1000-19000`.
///
/// # Errors
/// A sentence that says what a range looks like.
pub fn range(text: &str) -> Result<(f64, f64), String> {
    let number = |text: &str| text.trim().replace('_', "").parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
    let both = text.split_once('-').and_then(|(low, high)| Some((number(low)?, number(high)?)));
    match both {
        Some((low, high)) if low <= high => Ok((low, high)),
        Some(_) => Err(format!("`{text}`: the first load must not be above the second")),
        None => Err(format!("`{text}` is not a range of loads above 0, such as \"1000-19000\"")),
    }
}

/// A share: `5%` or `0.05`.
///
/// # Errors
/// A sentence that says what a width looks like.
pub fn width(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|p| p / 100.0),
        None => number(text),
    };
    share
        .filter(|share| (0.001..=1.0).contains(share))
        .ok_or_else(|| format!("`{text}` is not a goal width from 0.1% to 100%, such as \"5%\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_widths_are_read() {
        assert_eq!(range("1000-19000"), Ok((1000.0, 19_000.0)));
        assert_eq!(range("0.5 - 40"), Ok((0.5, 40.0)));
        assert_eq!(width("5%"), Ok(0.05));
        assert_eq!(width("0.1"), Ok(0.1));
    }

    #[test]
    fn what_is_no_range_or_width_is_said() {
        assert_eq!(range("19000-1000").unwrap_err(), "`19000-1000`: the first load must not be above the second");
        assert!(range("0-10").unwrap_err().contains("is not a range of loads above 0"));
        assert!(range("1000").unwrap_err().contains("such as \"1000-19000\""));
        assert!(width("0%").unwrap_err().contains("is not a goal width"));
        assert!(width("wide").unwrap_err().contains("such as \"5%\""));
    }
}
