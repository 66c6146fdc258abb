//! Counts what a thread allocates and frees, byte by byte, and what it reads of trees.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Meter;

#[global_allocator]
static METER: Meter = Meter;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
}

fn count(allocated: usize, freed: usize) {
    LIVE.set(LIVE.get() + allocated as isize - freed as isize);
    ALLOCATED.set(ALLOCATED.get() + allocated as u64);
}

// SAFETY: everything is passed on to the system's allocator as it came; counting
// allocates nothing, since the counters are constants until they are set.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // What grows by doubling is counted once, so that powers of two do not show.
        LIVE.set(LIVE.get() + size as isize - layout.size() as isize);
        ALLOCATED.set(ALLOCATED.get() + size.saturating_sub(layout.size()) as u64);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Returns how many bytes this thread holds.
pub fn live() -> isize {
    LIVE.get()
}

/// What something took: both grow with its work, and neither with the machine.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Bytes allocated, freed again or not.
    pub bytes: u64,
    /// Steps that the core counts: nodes looked at, bytes and entries moved.
    pub steps: u64,
}

/// Returns what *run* took.
pub fn measure(run: impl FnOnce()) -> Work {
    let (bytes, steps) = (ALLOCATED.get(), sapwood::work::steps());
    run();
    Work {
        bytes: ALLOCATED.get() - bytes,
        steps: sapwood::work::steps() - steps,
    }
}
