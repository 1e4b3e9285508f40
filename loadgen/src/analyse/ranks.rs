//! Ranks, with ties sharing the mean of theirs, and the exact distribution of their sums.

/// Twice the rank of each value, from 2 for the smallest: ties share a mean rank, which doubled is a whole number.
pub(super) fn doubled_ranks(values: &[f64]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut at = 0;
    while at < order.len() {
        let same = order[at..].iter().take_while(|&&i| values[i] == values[order[at]]).count().max(1);
        for &i in &order[at..at + same] {
            // First rank at + 1, last at + same; twice their mean is the sum of the two.
            ranks[i] = (2 * at + 1 + same) as u32;
        }
        at += same;
    }
    ranks
}

/// Sizes of the groups of equal ranks.
pub(super) fn ties(ranks: &[u32]) -> Vec<usize> {
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(<[u32]>::len).collect()
}

/// `ways[s]`: in how many ways some of `weights` (exactly `count` of them, if given) add up to `s`. Exact up to 2^53, and the share of
/// all ways is right beyond.
pub(super) fn sums(weights: &[u32], count: Option<usize>) -> Vec<f64> {
    let total: usize = weights.iter().map(|weight| *weight as usize).sum();
    let layers = count.map_or(1, |count| count + 1);
    let mut ways = vec![vec![0.0; total + 1]; layers];
    ways[0][0] = 1.0;
    for &weight in weights {
        let weight = weight as usize;
        for layer in (0..layers).rev() {
            // Without a count, one layer feeds itself: each weight is in or out.
            let from = match count {
                None => 0,
                Some(_) if layer == 0 => continue,
                Some(_) => layer - 1,
            };
            for sum in (weight..=total).rev() {
                ways[layer][sum] += ways[from][sum - weight];
            }
        }
    }
    ways.swap_remove(layers - 1)
}

/// The two-sided p of `sum` under the distribution of [`sums`]: twice the smaller tail, at most 1.
pub(super) fn two_sided(ways: &[f64], sum: usize) -> f64 {
    let all: f64 = ways.iter().sum();
    let below: f64 = ways[..=sum.min(ways.len() - 1)].iter().sum();
    let above: f64 = ways[sum.min(ways.len())..].iter().sum();
    (2.0 * below.min(above) / all).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        assert_eq!(doubled_ranks(&[3.0, 1.0, 3.0, 2.0]), [7, 2, 7, 4]);
        assert_eq!(ties(&[7, 2, 7, 4]), [1, 1, 2]);
        assert!(doubled_ranks(&[]).is_empty());
    }

    #[test]
    fn sums_are_counted_with_and_without_a_fixed_number_of_terms() {
        assert_eq!(sums(&[1, 2, 3], None), [1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]);
        assert_eq!(sums(&[1, 2, 3], Some(2)), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
    }
}
