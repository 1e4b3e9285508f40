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
