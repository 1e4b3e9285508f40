//! Masking (RFC 6455 5.3): every byte from a client is XORed with a four-byte key.

/// Masks `bytes`, or unmasks them: the operation is its own inverse.
///
/// `bytes` begins at the beginning of the payload. Written so that the compiler turns the loop into vector instructions.
pub fn apply_mask(bytes: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, tail) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
}

/// The same for bytes that begin `offset` bytes into the payload, for payloads that are handled in pieces.
pub fn apply_mask_from(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let mut turned = key;
    turned.rotate_left(offset % 4);
    apply_mask(bytes, turned);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn masks_as_the_rfc_shows() {
        let mut bytes = *b"Hello";
        apply_mask(&mut bytes, [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(bytes, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    proptest! {
        #[test]
        fn is_the_byte_by_byte_definition(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), key: [u8; 4], start in 0usize..9,
        ) {
            let start = start.min(bytes.len());
            let mut fast = bytes.clone();
            apply_mask(&mut fast[start..], key);
            for (i, (fast, plain)) in fast[start..].iter().zip(&bytes[start..]).enumerate() {
                prop_assert_eq!(*fast, plain ^ key[i % 4]);
            }
        }

        #[test]
        fn in_pieces_is_the_same_as_at_once(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), key: [u8; 4], cut in 0usize..200,
        ) {
            let mut whole = bytes.clone();
            apply_mask(&mut whole, key);
            let mut pieces = bytes;
            let cut = cut.min(pieces.len());
            let (head, tail) = pieces.split_at_mut(cut);
            apply_mask(head, key);
            apply_mask_from(tail, key, cut);
            prop_assert_eq!(whole, pieces);
        }
    }
}
