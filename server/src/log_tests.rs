use super::*;
use proptest::prelude::*;

fn header(len: usize) -> Vec<u8> {
    match len {
        0..=125 => vec![0x82, len as u8],
        126..=0xffff => [&[0x82, 126][..], &(len as u16).to_be_bytes()].concat(),
        _ => [&[0x82, 127][..], &(len as u64).to_be_bytes()].concat(),
    }
}

/// Appends as a room does: grows where it may, evicts where it must. Returns the bytes of the frame.
fn push(log: &mut Log, payload: &[u8]) -> Vec<u8> {
    let header = header(payload.len());
    loop {
        match log.need(header.len() + payload.len()) {
            Need::Nothing => break,
            Need::Grow(to) => log.grow(to),
            Need::Evict(to) => log.evict(to),
        }
    }
    log.append(&header, payload);
    [header, payload.to_vec()].concat()
}

fn bytes(log: &Log, from: u64, to: u64) -> Vec<u8> {
    let (a, b) = log.slices(from, to);
    [a, b].concat()
}

#[test]
fn an_empty_log_holds_nothing_and_allocates_nothing() {
    let log = Log::new(1 << 20);
    assert_eq!((log.capacity(), log.held()), (0, 0));
    assert_eq!(log.slices(0, 0), (&[][..], &[][..]));
    assert_eq!(log.newest(), log.end());
    assert_eq!(log.offset_of(0), Some(0));
    assert_eq!(log.offset_of(1), None);
}

#[test]
fn it_grows_to_its_cap_and_then_evicts_an_eighth_at_frame_boundaries() {
    let mut log = Log::new(8192);
    push(&mut log, &[1; 98]);
    assert_eq!(log.capacity(), FIRST_CAPACITY);
    for _ in 0..81 {
        push(&mut log, &[1; 98]);
    }
    assert_eq!((log.capacity(), log.start().index), (8192, 1000_u64.div_ceil(100) + 1));
    assert_eq!(log.start().offset % 100, 0);
}

#[test]
fn a_large_frame_raises_the_cap_to_eight_of_its_size() {
    let mut log = Log::new(4096);
    push(&mut log, &[7; 70_000]);
    assert!(log.cap() >= 8 * 70_000 && log.cap().is_power_of_two());
    for _ in 0..100 {
        push(&mut log, &[7; 70_000]);
    }
    assert!(log.end().index - log.start().index >= 6);
}

#[test]
fn releasing_frees_the_memory_and_goes_on_counting() {
    let mut log = Log::new(8192);
    push(&mut log, b"one");
    push(&mut log, b"two");
    assert_eq!(log.release(), FIRST_CAPACITY);
    assert_eq!((log.capacity(), log.end().index, log.start()), (0, 2, log.end()));
    push(&mut log, b"three");
    assert_eq!(log.offset_of(2), Some(log.start().offset));
    assert_eq!(bytes(&log, log.start().offset, log.end().offset), b"\x82\x05three");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// The ring holds exactly the newest part of a plain vector of everything, and every search agrees with counting.
    #[test]
    fn the_ring_agrees_with_a_plain_vector(
        cap in prop_oneof![Just(4096_usize), Just(16384), Just(65536)],
        sizes in proptest::collection::vec(prop_oneof![6 => 0_usize..200, 2 => 100_usize..3000, 1 => 60_000_usize..70_000], 1..400),
        release_at in proptest::option::of(0_usize..400),
    ) {
        let mut log = Log::new(cap);
        let mut all = Vec::new();
        let mut starts = Vec::new();
        for (i, size) in sizes.iter().enumerate() {
            if release_at == Some(i) {
                log.release();
            }
            let payload: Vec<u8> = (0..*size).map(|n| (n * 31 + i) as u8).collect();
            starts.push(all.len() as u64);
            let frame = push(&mut log, &payload);
            all.extend_from_slice(&frame);
            let (start, end) = (log.start(), log.end());
            prop_assert_eq!(end, Boundary { index: starts.len() as u64, offset: all.len() as u64 });
            prop_assert_eq!(start.offset, starts[start.index as usize]);
            prop_assert!(log.held() <= log.capacity() && log.capacity() <= log.cap());
            prop_assert_eq!(log.newest().offset, starts[i]);
            prop_assert_eq!(&bytes(&log, log.newest().offset, end.offset), &frame);
        }
        let (start, end) = (log.start(), log.end());
        prop_assert_eq!(&bytes(&log, start.offset, end.offset)[..], &all[start.offset as usize..]);
        for index in 0..=end.index + 1 {
            let expected = if index < start.index { None } else if index == end.index { Some(end.offset) } else { starts.get(index as usize).copied() };
            prop_assert_eq!(log.offset_of(index), expected);
        }
        for offset in (start.offset..=end.offset).step_by(37).chain([end.offset]) {
            let index = starts.partition_point(|s| *s <= offset) - 1;
            let containing = if offset == end.offset { end } else { Boundary { index: index as u64, offset: starts[index] } };
            prop_assert_eq!(log.containing(offset), containing);
            let next = if starts.get(index) == Some(&offset) || offset == end.offset { containing.offset } else { starts.get(index + 1).copied().unwrap_or(end.offset) };
            prop_assert_eq!(log.at_or_after(offset).offset, next);
        }
    }
}

/// An HTTP chunk of `len` bytes.
fn chunk(len: usize, fill: u8) -> Vec<u8> {
    [format!("{len:x}\r\n").as_bytes(), &vec![fill; len], b"\r\n"].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// A log of chunks that grows at both ends holds what a plain list of them holds, and every search agrees with counting.
    #[test]
    fn chunks_are_found_from_both_ends(
        steps in proptest::collection::vec((any::<bool>(), prop_oneof![4 => 0_usize..40, 1 => 200_usize..5000]), 1..300),
    ) {
        let origin = Boundary { index: 500, offset: 1 << 40 };
        let mut log = Log::starting_at(origin, Framing::Chunk, 1 << 16);
        let mut frames: VecDeque<Vec<u8>> = VecDeque::new();
        for (i, (before, len)) in steps.into_iter().enumerate() {
            let frame = chunk(len, i as u8);
            match log.need(frame.len()) {
                Need::Nothing => {}
                Need::Grow(to) => log.grow(to),
                Need::Evict(_) if before => continue,
                Need::Evict(to) => {
                    frames.drain(..(to.index - log.start().index) as usize);
                    log.evict(to);
                }
            }
            if before && log.start().index > 0 {
                log.prepend(&frame);
                frames.push_front(frame);
            } else {
                log.append(&frame, &[]);
                frames.push_back(frame);
            }
            prop_assert_eq!(log.end().index - log.start().index, frames.len() as u64);
            prop_assert_eq!(log.newest().offset + frames.back().unwrap().len() as u64, log.end().offset);
        }
        prop_assert_eq!(bytes(&log, log.start().offset, log.end().offset), frames.iter().flatten().copied().collect::<Vec<_>>());
        let mut at = log.start();
        for frame in &frames {
            prop_assert_eq!(log.offset_of(at.index), Some(at.offset));
            prop_assert_eq!(log.containing(at.offset + frame.len() as u64 - 1), at);
            let next = log.after(at);
            prop_assert_eq!(next.offset - at.offset, frame.len() as u64);
            prop_assert_eq!(log.at_or_after(at.offset + 1), next);
            at = next;
        }
        prop_assert_eq!(at, log.end());
    }
}
