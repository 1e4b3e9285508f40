use hdrhistogram::Histogram;
use proptest::prelude::*;

use super::*;

fn hdr() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_US, 3).unwrap()
}

fn counts(values: &[u64]) -> Counts {
    let mut counts = Counts::new();
    values.iter().for_each(|&value| counts.record(value));
    counts
}

/// Values of every magnitude, not only large ones.
fn value() -> impl Strategy<Value = u64> {
    (0_u32..=27).prop_flat_map(|bits| 0..(1_u64 << bits))
}

proptest! {
    #[test]
    fn percentiles_are_those_of_hdrhistogram(values in prop::collection::vec(value(), 1..400)) {
        let ours = counts(&values);
        let mut theirs = hdr();
        values.iter().for_each(|&value| theirs.record(value).unwrap());
        // Shares that are exact in binary, so that both count the same rank.
        for q in [0.25, 0.5, 0.75, 0.875, 0.9375, 0.984_375, 1.0] {
            let ours = ours.percentile(q).unwrap();
            prop_assert!(theirs.equivalent(ours, theirs.value_at_quantile(q)), "{q}: {ours}");
        }
        prop_assert_eq!(ours.count(), theirs.len());
        prop_assert!(theirs.equivalent(ours.max().unwrap(), theirs.max()));
        prop_assert!(theirs.equivalent(ours.min().unwrap(), theirs.min()));
    }

    #[test]
    fn slots_are_those_of_hdrhistogram(values in prop::collection::vec(value(), 1..100)) {
        let mut theirs = hdr();
        values.iter().for_each(|&value| theirs.record(value).unwrap());
        prop_assert_eq!(counts(&values).to_hdr(), theirs);
        for value in values {
            let slot = slot_of(value);
            prop_assert_eq!(lowest_of(slot), hdr().lowest_equivalent(value));
            prop_assert_eq!(highest_of(slot), hdr().highest_equivalent(value));
        }
    }

    #[test]
    fn percentiles_are_within_a_thousandth_of_the_sorted_values(
        mut values in prop::collection::vec(value(), 1..400), thousandths in 1_usize..=1000,
    ) {
        let measured = counts(&values).percentile(thousandths as f64 / 1000.0).unwrap();
        values.sort_unstable();
        let exact = values[(values.len() * thousandths).div_ceil(1000) - 1];
        prop_assert!(measured >= exact && measured - exact <= exact / 1000, "{measured} for {exact}");
    }

    #[test]
    fn merging_is_recording_all_in_one(
        left in prop::collection::vec(0..2 * MAX_US, 0..200), right in prop::collection::vec(value(), 0..200),
    ) {
        let mut merged = counts(&left);
        merged.merge(&counts(&right));
        let all = counts(&[left, right].concat());
        prop_assert_eq!(&merged.slots, &all.slots);
        prop_assert_eq!((merged.count, merged.sum, merged.max, merged.clamped), (all.count, all.sum, all.max, all.clamped));
    }

    #[test]
    fn recording_n_times_is_recording_once_n_times(value in 0..2 * MAX_US, n in 0_u64..50) {
        let mut at_once = Counts::new();
        at_once.record_n(value, n);
        let one_by_one = counts(&vec![value; n as usize]);
        prop_assert_eq!(&at_once.slots, &one_by_one.slots);
        prop_assert_eq!((at_once.count, at_once.sum, at_once.max, at_once.clamped),
            (one_by_one.count, one_by_one.sum, one_by_one.max, one_by_one.clamped));
    }

    #[test]
    fn a_reset_leaves_nothing_behind(values in prop::collection::vec(0..2 * MAX_US, 0..100)) {
        let mut counts = counts(&values);
        counts.reset();
        prop_assert!(counts.slots.iter().all(|&n| n == 0));
        prop_assert_eq!((counts.count, counts.sum, counts.max, counts.clamped), (0, 0, 0, 0));
    }

    #[test]
    fn the_quantiles_are_the_percentiles(values in prop::collection::vec(value(), 0..300), missing in 0_u64..20) {
        let counts = counts(&values);
        let expected = counts.count() + missing;
        let quantiles = counts.quantiles(Some(expected));
        for (q, value) in [(0.5, quantiles.p50), (0.9, quantiles.p90), (0.95, quantiles.p95), (0.99, quantiles.p99),
            (0.999, quantiles.p999), (0.9999, quantiles.p9999)] {
            prop_assert_eq!(value, counts.percentile_of(q, expected).map(|us| us as f64));
        }
        prop_assert_eq!(quantiles.count, expected);
    }

    #[test]
    fn base64_holds_every_count(values in prop::collection::vec(value(), 0..200)) {
        let counts = counts(&values);
        prop_assert_eq!(from_base64_v2(&counts.to_base64_v2()).unwrap(), counts.to_hdr());
    }
}

#[test]
fn missing_deliveries_are_later_than_everything() {
    let counts = counts(&(1..=98).collect::<Vec<_>>());
    assert_eq!(counts.percentile_of(0.5, 100), Some(50));
    assert_eq!(counts.percentile_of(0.98, 100), Some(98));
    assert_eq!(counts.percentile_of(0.99, 100), None);
    let quantiles = counts.quantiles(Some(100));
    assert_eq!((quantiles.p95, quantiles.p99, quantiles.max), (Some(95.0), None, None));
    assert_eq!((quantiles.count, quantiles.mean), (100, Some(49.5)));
}

#[test]
fn losing_the_slowest_never_improves_a_percentile() {
    let all = counts(&(1..=1000).collect::<Vec<_>>());
    let without_the_slowest = counts(&(1..=900).collect::<Vec<_>>());
    assert_eq!(all.percentile_of(0.5, 1000), without_the_slowest.percentile_of(0.5, 1000));
    assert_eq!(without_the_slowest.percentile_of(0.99, 1000), None);
}

#[test]
fn nothing_recorded_has_no_percentiles() {
    let counts = Counts::new();
    assert_eq!((counts.percentile(0.5), counts.percentile_of(0.5, 10)), (None, None));
    assert_eq!((counts.max(), counts.min(), counts.mean()), (None, None, None));
    assert_eq!(counts.quantiles(None), Quantiles::default());
}

#[test]
fn ranks_are_exact_where_floating_point_is_not() {
    let counts = counts(&(1..=100).collect::<Vec<_>>());
    for percent in 1..=100_u32 {
        assert_eq!(counts.percentile(f64::from(percent) / 100.0), Some(u64::from(percent)));
    }
}

#[test]
fn values_above_the_range_are_clamped_and_counted() {
    let counts = counts(&[1, MAX_US, MAX_US + 1, u64::MAX]);
    assert_eq!((counts.count(), counts.clamped(), counts.max()), (4, 2, Some(MAX_US)));
}

#[test]
fn the_mean_is_exact() {
    let mut counts = Counts::new();
    counts.record_n(3_000_001, 3);
    counts.record(3_000_005);
    assert_eq!(counts.mean(), Some(3_000_002.0));
}

#[test]
fn a_percentile_never_exceeds_the_maximum() {
    assert_eq!(counts(&[1_000_001]).percentile(1.0), Some(1_000_001));
}

#[test]
fn the_range_holds_a_minute_in_150_kilobytes() {
    const { assert!(MAX_US >= 60_000_000 && SLOTS * size_of::<u64>() <= 150_000) }
    assert_eq!(slot_of(MAX_US), SLOTS - 1);
}

#[test]
fn text_that_is_no_histogram_is_refused() {
    assert!(matches!(from_base64_v2("***"), Err(HdrError::Base64(_))));
    assert!(matches!(from_base64_v2("aGVsbG8="), Err(HdrError::Format(_))));
}
