//! Says what is wrong with a selector, where, and how to mend it.
//!
//! The parser tells what it missed but not where. The place is found by asking
//! which beginnings of the text could still become a selector: the first token
//! that no ending makes good is the one to point at.

use crate::select::grammar::{self, BYTES_MAX, NESTING_MAX, Problem};
use crate::select::program::STEPS_MAX;
use cssparser::ParseErrorKind;
use selectors::parser::SelectorParseErrorKind as Kind;
use std::borrow::Cow;
use std::fmt;

/// States and parts that live in a browser only.
const BROWSER_STATES: &[&str] = &[
    "active",
    "autofill",
    "blank",
    "buffering",
    "current",
    "default",
    "defined",
    "dir",
    "focus",
    "focus-visible",
    "focus-within",
    "fullscreen",
    "future",
    "hover",
    "in-range",
    "indeterminate",
    "invalid",
    "local-link",
    "modal",
    "muted",
    "open",
    "out-of-range",
    "past",
    "paused",
    "picture-in-picture",
    "playing",
    "popover-open",
    "seeking",
    "stalled",
    "target",
    "target-within",
    "user-invalid",
    "user-valid",
    "valid",
    "visited",
    "volume-locked",
];
/// How much of a long selector is shown on either side of the place.
const SHOWN: usize = 40;

/// A text that is not a selector, and the character at which that shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectorError {
    /// What is wrong, and how to mend it.
    pub message: String,
    /// In characters from the start, not bytes.
    pub offset: usize,
    /// The line of the selector with that place, and below it a caret.
    pub excerpt: String,
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SelectorError {
            message,
            offset,
            excerpt,
        } = self;
        write!(f, "{message}, at character {offset}:\n{excerpt}")
    }
}

impl std::error::Error for SelectorError {}

impl SelectorError {
    pub fn too_long(text: &str) -> SelectorError {
        let message = format!(
            "the selector has {} bytes, more than {BYTES_MAX}: ask in several queries",
            text.len()
        );
        SelectorError::at(message, text, BYTES_MAX)
    }

    pub fn too_deep(text: &str, byte: usize) -> SelectorError {
        let message = format!("brackets are nested more than {NESTING_MAX} deep");
        SelectorError::at(message, text, byte)
    }

    /// *text* has something else at *offset*, in characters, where the selector has a
    /// surrogate without its other half.
    pub fn lone_surrogate(text: &str, offset: usize) -> SelectorError {
        let byte = text.char_indices().nth(offset);
        let message = "half of a pair of surrogates is no character".into();
        SelectorError::at(message, text, byte.map_or(text.len(), |(byte, _)| byte))
    }

    /// The place is added by `in_text`.
    pub fn too_many_steps() -> SelectorError {
        SelectorError {
            message: format!(
                "more than {STEPS_MAX} elements are joined by combinators: ask in several queries"
            ),
            ..SelectorError::default()
        }
    }

    /// Adds the place to an error of the whole text.
    pub fn in_text(self, text: &str) -> SelectorError {
        SelectorError::at(self.message, text, 0)
    }

    /// Explains why *text* was refused with *error*.
    pub fn explain(text: &str, error: &cssparser::ParseError<Problem>) -> SelectorError {
        let byte = place(text);
        let message = message(&text[..byte], &text[byte..], &error.kind);
        SelectorError::at(message, text, byte)
    }

    fn at(message: String, text: &str, byte: usize) -> SelectorError {
        let byte = (0..=byte).rev().find(|&at| text.is_char_boundary(at));
        let byte = byte.unwrap_or(0);
        let before = &text[..byte];
        SelectorError {
            message,
            offset: before.chars().count(),
            excerpt: excerpt(before, &text[byte..]),
        }
    }
}

/// Returns the line in which *before* ends and *after* begins, with a caret below.
fn excerpt(before: &str, after: &str) -> String {
    let line = before.rsplit('\n').next().unwrap_or("");
    let rest = after.split('\n').next().unwrap_or("");
    let is_cut = line.chars().count() > SHOWN;
    let start: String = match is_cut {
        true => line.chars().skip(line.chars().count() - SHOWN).collect(),
        false => line.to_owned(),
    };
    let start = start.replace('\t', " ");
    let dots = if is_cut { "…" } else { "" };
    let end: String = rest.chars().take(SHOWN).collect();
    let more = if end.len() < rest.len() { "…" } else { "" };
    let indent = " ".repeat(start.chars().count() + dots.chars().count());
    format!("  {dots}{start}{end}{more}\n  {indent}^")
}

/// Returns the byte at which the first token begins that cannot stand where it does.
fn place(text: &str) -> usize {
    let ends = token_ends(text);
    let mut bad = ends.partition_point(|&end| may_become_selector(&text[..end]));
    let start = |bad: usize| if bad == 0 { 0 } else { ends[bad - 1] };
    if bad == ends.len() {
        let is_name_alone = bad > 1 && text[..start(bad - 1)].ends_with(':');
        if !is_name_alone {
            return text.trim_end_matches(':').len();
        }
        // A pseudo-class that lacks its arguments.
        bad -= 1;
    }
    // What follows a colon is told with the colon.
    text[..start(bad)].trim_end_matches(':').len()
}

/// Says whether some ending makes a selector of *start*; brackets close themselves.
fn may_become_selector(start: &str) -> bool {
    const ENDS: &[&str] = &[
        "", "x", " x", "root", "1", "=x", "|x", "(x", "(1", "*/x", "**/x",
    ];
    ENDS.iter()
        .any(|end| grammar::parse(&format!("{start}{end}")).is_ok())
}

/// Returns where the tokens of *text* end, those in brackets as well.
fn token_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut start = 0;
    while start < text.len() {
        start += token_bytes(&text[start..]);
        ends.push(start);
    }
    ends
}

/// Returns how many bytes the first token has: a word, a string, a space or a sign.
fn token_bytes(text: &str) -> usize {
    let mut chars = text.char_indices();
    let Some((_, first)) = chars.next() else {
        return 0;
    };
    if first == '"' || first == '\'' {
        let end = text[1..].find([first, '\n']);
        return end.map_or(text.len(), |end| end + 2);
    }
    if !is_word(first) {
        return first.len_utf8();
    }
    let mut is_escaped = first == '\\';
    for (at, char) in chars {
        if !is_escaped && !is_word(char) {
            return at;
        }
        is_escaped = !is_escaped && char == '\\';
    }
    text.len()
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || !char.is_ascii() || matches!(char, '-' | '_' | '\\')
}

/// Says what is wrong with a selector that is fine up to *rest*.
fn message(before: &str, rest: &str, kind: &ParseErrorKind<Problem>) -> String {
    if rest.starts_with(':') {
        return of_pseudo(rest);
    }
    let found = &rest[..token_bytes(rest)];
    if found.trim().is_empty() {
        return at_end(before, kind).into();
    }
    let found = &*cut(found);
    match kind {
        ParseErrorKind::Custom(Problem(Kind::ClassNeedsIdent)) => {
            format!("a class name is missing before {found:?}: write .name")
        }
        ParseErrorKind::Custom(Problem(Kind::ExpectedNamespace)) => {
            "a namespace prefix has no meaning here: write *|name or just name".into()
        }
        _ if found.starts_with(|first: char| first.is_ascii_digit()) => format!(
            "{found:?} cannot stand here; \
             a name that begins with a digit is written \\3{} {}, or quoted in [id=\"…\"]",
            &found[..1],
            &found[1..]
        ),
        _ => format!("{found:?} cannot stand here"),
    }
}

fn of_pseudo(rest: &str) -> String {
    let colons = rest.len() - rest.trim_start_matches(':').len();
    let name = &rest[colons..];
    let name = &name[..token_bytes(name)];
    let shown = &*cut(&rest[..colons + name.len()]);
    let lower = name.to_ascii_lowercase();
    let is_old_pseudo_element = selectors::parser::is_css2_pseudo_element(&lower);
    if colons > 1 || is_old_pseudo_element {
        return format!(
            "{shown} is a pseudo-element, which is no element of the tree: \
             select the element itself"
        );
    }
    if name.is_empty() || !name.starts_with(is_word) {
        return "the name of a pseudo-class is missing after the colon".into();
    }
    if BROWSER_STATES.contains(&&*lower) {
        return format!(
            "{shown} is known only in a browser: select by attributes or classes instead"
        );
    }
    let may_follow = [
        format!(":{lower}"),
        format!(":{lower}(x)"),
        format!(":{lower}(1)"),
    ];
    match may_follow.map(|text| grammar::parse(&text).is_ok()) {
        [true, ..] => format!("{shown} cannot stand here or takes no arguments"),
        [_, false, false] => format!("there is no pseudo-class {shown}"),
        _ if lower == "has" => format!("{shown} cannot stand in another :has()"),
        _ => format!("{shown} needs arguments: write {shown}(…)"),
    }
}

/// Returns as much of a token as is shown.
fn cut(token: &str) -> Cow<'_, str> {
    match token.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &token[..end]).into(),
        None => token.into(),
    }
}

/// Says what is missing where the selector, or what a space separates of it, ends.
fn at_end(before: &str, kind: &ParseErrorKind<Problem>) -> &'static str {
    match kind {
        _ if before.ends_with('#') => "an id is missing after the hash: write #name",
        ParseErrorKind::Custom(Problem(Kind::EmptySelector)) => {
            "a selector is missing: write a tag, .class, #id or *"
        }
        ParseErrorKind::Custom(Problem(Kind::DanglingCombinator)) => {
            "an element is missing after the combinator: write a tag, .class, #id or *"
        }
        _ if before.trim_end().ends_with('[') => {
            "the name of an attribute is missing: write [name] or [name=\"value\"]"
        }
        _ if before.trim_end().ends_with('=') => "the value is missing: write [name=\"value\"]",
        _ if before.ends_with('.') => "a class name is missing after the dot: write .name",
        _ => "something is missing here",
    }
}
