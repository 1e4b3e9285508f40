//! What a compressor costs, because servers divide their memory by it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use wire::{Context, Deflater, Direction};

/// The system's allocator, counting.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The only test of this file: another thread's allocations would be counted too.
#[test]
fn a_compressor_holds_what_it_is_said_to_hold_and_no_more_once_it_has_worked() {
    let message: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let mut out = Vec::with_capacity(2 * message.len());
    for window_bits in 9..=15 {
        for (context, level) in [(Context::Kept, 1), (Context::Kept, 6), (Context::Fresh, 9)] {
            let before = HELD.load(Ordering::Relaxed);
            let mut deflater = Deflater::new(Direction { context, window_bits }, level);
            deflater.deflate(&message, &mut out);
            let held = HELD.load(Ordering::Relaxed) - before;
            assert_eq!(held, Deflater::memory(window_bits), "{window_bits} bits at level {level}");
            out.clear();
        }
    }
}
