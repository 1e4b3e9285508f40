//! Growing a byte vector without ever holding much more than was received, nor more than a limit allows.

/// A first allocation of this many bytes (if the limit allows them) saves growing step by step through the small sizes.
const FIRST: usize = 512;

/// Appends `more`, growing by doubling so that the cost of many small appends stays linear.
///
/// The capacity is never grown beyond `limit`, which is what the peer announced or what we permit, except to hold
/// bytes that are already here. Memory is taken as bytes arrive, so announcing a large frame costs us nothing.
pub(crate) fn append_within(bytes: &mut Vec<u8>, more: &[u8], limit: usize) {
    let wanted = bytes.len() + more.len();
    if wanted > bytes.capacity() {
        let grown = bytes.capacity().saturating_mul(2).max(FIRST).min(limit).max(wanted);
        bytes.reserve_exact(grown - bytes.len());
    }
    bytes.extend_from_slice(more);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn memory_follows_what_arrived_and_never_exceeds_the_limit(
            pieces in proptest::collection::vec(0usize..3000, 0..40), limit in 0usize..50_000,
        ) {
            let mut bytes = Vec::new();
            let mut reallocations = 0;
            for piece in pieces {
                let piece = piece.min(limit - bytes.len());
                let before = bytes.capacity();
                append_within(&mut bytes, &vec![7; piece], limit);
                reallocations += usize::from(bytes.capacity() != before);
                prop_assert!(bytes.capacity() <= limit);
                prop_assert!(bytes.capacity() <= FIRST.max(2 * bytes.len()));
            }
            prop_assert!(reallocations <= 9, "grows by doubling, 512 to 50,000 in 8 steps");
        }
    }

    #[test]
    fn what_is_already_here_is_kept_whatever_the_limit() {
        let mut bytes = Vec::new();
        append_within(&mut bytes, &[7; 100], 0);
        assert_eq!((bytes.len(), bytes.capacity()), (100, 100));
    }
}
