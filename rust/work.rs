//! Counts the steps that the core takes, in builds with debug assertions.
//!
//! Tests compare the counts of an input and of one twice as large: unlike a time, a
//! count is the same on every machine. A step is a node looked at or written to, or an
//! entry of something that grows with the tree. In other builds nothing is counted.

#[cfg(debug_assertions)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts *count* steps.
#[inline(always)]
pub fn step(count: usize) {
    #[cfg(debug_assertions)]
    STEPS.set(STEPS.get() + count as u64);
    #[cfg(not(debug_assertions))]
    let _ = count;
}

/// Returns how many steps this thread has taken; always 0 where they are not counted.
pub fn steps() -> u64 {
    #[cfg(debug_assertions)]
    return STEPS.get();
    #[cfg(not(debug_assertions))]
    0
}
