//! Reads character references: `&amp;`, `&#38;`, `&#x26;`.
//!
//! The table of names is html5ever's. It holds every beginning of a name as well, so
//! the longest name that a text begins with is found by making it longer until it is
//! not in the table; no name is longer than 32 bytes, so that much is looked at.

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// Where a reference stands; the rules for a missing semicolon differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Text,
    Attribute,
}

/// Appends *written* to *out*, references replaced by what they stand for.
pub(super) fn decode(written: &str, place: Place, out: &mut String) {
    let mut done = 0;
    while let Some(found) = memchr::memchr(b'&', &written.as_bytes()[done..]) {
        let at = done + found;
        out.push_str(&written[done..at]);
        done = match read(&written[at + 1..], place) {
            Some((len, first, second)) => {
                out.push(first);
                out.extend(second);
                at + 1 + len
            }
            None => {
                out.push('&');
                at + 1
            }
        };
    }
    out.push_str(&written[done..]);
}

/// Reads the reference whose ampersand stands before *rest*: its length without that,
/// and the one or two characters it stands for.
fn read(rest: &str, place: Place) -> Option<(usize, char, Option<char>)> {
    match rest.as_bytes().first()? {
        b'#' => numeric(rest).map(|(len, found)| (len, found, None)),
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => named(rest, place),
        _ => None,
    }
}

/// "Named character reference state".
fn named(rest: &str, place: Place) -> Option<(usize, char, Option<char>)> {
    let bytes = rest.as_bytes();
    let mut longest = None;
    for len in 1..=bytes.len() {
        if !bytes[len - 1].is_ascii() {
            break;
        }
        match NAMED_ENTITIES.get(&rest[..len]) {
            Some((0, _)) => {}
            Some(&found) => longest = Some((len, found)),
            None => break,
        }
    }
    let (len, (first, second)) = longest?;
    let is_historical = place == Place::Attribute
        && bytes[len - 1] != b';'
        && matches!(
            bytes.get(len),
            Some(b'=' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
        );
    if is_historical {
        return None;
    }
    let second = char::from_u32(second).filter(|&second| second != '\0');
    Some((len, char::from_u32(first)?, second))
}

/// "Numeric character reference state" and those after it.
fn numeric(rest: &str) -> Option<(usize, char)> {
    let (start, base) = match rest.as_bytes().get(1) {
        Some(b'x' | b'X') => (2, 16),
        _ => (1, 10),
    };
    let digits = rest[start..]
        .bytes()
        .take_while(|&byte| char::from(byte).is_digit(base));
    let mut number = 0u32;
    let mut len = start;
    for digit in digits {
        let digit = char::from(digit).to_digit(base).unwrap_or(0);
        number = number.saturating_mul(base).saturating_add(digit);
        len += 1;
    }
    if len == start {
        return None;
    }
    if rest.as_bytes().get(len) == Some(&b';') {
        len += 1;
    }
    let found = match number {
        0 => '\u{fffd}',
        0x80..=0x9f => C1_REPLACEMENTS[(number - 0x80) as usize]
            .or(char::from_u32(number))
            .unwrap_or('\u{fffd}'),
        _ => char::from_u32(number).unwrap_or('\u{fffd}'),
    };
    Some((len, found))
}
