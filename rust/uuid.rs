//! Gives elements their uuids: a per-process prefix and a counter.
//!
//! A node holds only the counter (48 bits, a *stamp*); the string is made when
//! somebody asks. A stamp is never given twice in a process, and the prefix,
//! drawn at random when the process starts, keeps processes apart. Uuids found
//! in HTML are not stamps: they stay attributes of their element.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many characters of a stamped uuid are the prefix.
pub const PREFIX_LEN: usize = 4;

const STAMP_MAX: u64 = (1 << 48) - 1;
static NEXT: AtomicU64 = AtomicU64::new(1);

static PREFIX: LazyLock<String> = LazyLock::new(|| {
    // RandomState is seeded by the operating system: 64 bits are plenty for four letters.
    let mut random = RandomState::new().hash_one("sapwood");
    let mut prefix = String::new();
    for _ in 0..PREFIX_LEN {
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        prefix.push(char::from(letters[(random % 52) as usize]));
        random /= 52;
    }
    prefix
});

/// Returns the four letters that every uuid of this process begins with.
pub fn prefix() -> &'static str {
    &PREFIX
}

/// Takes *count* consecutive stamps and returns the first.
pub fn take(count: u64) -> u64 {
    let first = NEXT.fetch_add(count, Ordering::Relaxed);
    assert!(
        first + count <= STAMP_MAX,
        "a process has at most 2^48 elements in its life"
    );
    first
}

/// Appends the uuid of *stamp* to *out*.
pub fn write(stamp: u64, out: &mut String) {
    out.push_str(prefix());
    write_base36(stamp, out);
}

/// Returns the stamp that *uuid* stands for, or `None` if this process never gave it.
pub fn read(uuid: &str) -> Option<u64> {
    spelled(uuid).filter(|&stamp| is_given(stamp))
}

/// Says whether this process may give *uuid* one day.
pub fn is_to_come(uuid: &str) -> bool {
    spelled(uuid).is_some_and(|stamp| !is_given(stamp))
}

/// Says whether *uuid* looks like one that a browser makes: `~` and 13 to 63 of `[0-9a-z]`.
pub fn is_made(uuid: &str) -> bool {
    uuid.strip_prefix('~').is_some_and(|rest| {
        let is_made = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
        (13..64).contains(&rest.len()) && rest.bytes().all(is_made)
    })
}

/// Says whether this process gave *stamp* to an element.
pub fn is_given(stamp: u64) -> bool {
    (1..NEXT.load(Ordering::Relaxed)).contains(&stamp)
}

fn spelled(uuid: &str) -> Option<u64> {
    let digits = uuid.strip_prefix(prefix())?;
    let canonical = !digits.is_empty()
        && digits.len() < 11
        && !digits.starts_with('0')
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    canonical.then(|| u64::from_str_radix(digits, 36).ok())?
}

fn write_base36(mut number: u64, out: &mut String) {
    let mut digits = [0u8; 13];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize];
        number /= 36;
        if number == 0 {
            break;
        }
    }
    out.extend(digits[start..].iter().map(|&b| char::from(b)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_stamp_reads_back() {
        for _ in 0..100 {
            let stamp = take(37);
            let mut uuid = String::new();
            write(stamp, &mut uuid);
            assert_eq!(read(&uuid), Some(stamp));
        }
    }

    #[test]
    fn what_a_browser_makes_is_told_by_its_form() {
        assert!(is_made("~0123456789abc") && is_made(&format!("~{}", "z".repeat(63))));
        for other in [
            "",
            "~",
            "~0123456789ab",
            "0123456789abcd",
            "~0123456789abC",
            "~é0123456789abc",
        ] {
            assert!(!is_made(other), "{other}");
        }
        assert!(!is_made(&format!("~{}", "z".repeat(64))));
    }

    #[test]
    fn what_this_process_never_gave_is_no_stamp() {
        let far = format!("{}zzzzzzzz", prefix());
        let padded = format!("{}01", prefix());
        for uuid in ["", "a", prefix(), &far, &padded, "uuid-of-somebody-else"] {
            assert_eq!(read(uuid), None, "{uuid}");
            assert_eq!(is_to_come(uuid), uuid == far, "{uuid}");
        }
    }
}
