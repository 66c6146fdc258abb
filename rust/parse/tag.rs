//! Reads the inside of a tag: its name and its attributes.
//!
//! This is the standard's tokenization from "tag name state" to "self-closing start
//! tag state", as one pass over bytes. Whatever is read is checked against the budget
//! at once, so that no list or name is ever longer than it may be.

use crate::parse::{Budget, Excess, ParseErrorKind, reference};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, LocalName, QualName, ns};
use rustc_hash::FxHashMap;

const SPACE: u8 = 1;
/// Ends the name of a tag.
const TAG_NAME_END: u8 = 2;
/// Ends the name of an attribute.
const NAME_END: u8 = 4;
/// Ends a value without quotes.
const VALUE_END: u8 = 8;
/// Is not what it says in a name: an upper-case letter or a NUL.
const CHANGES: u8 = 16;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'\t' | b'\n' | 0x0c | b' ' => SPACE | TAG_NAME_END | NAME_END | VALUE_END,
            b'>' => TAG_NAME_END | NAME_END | VALUE_END,
            b'/' => TAG_NAME_END | NAME_END,
            b'=' => NAME_END,
            b'A'..=b'Z' | 0 => CHANGES,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

/// Says whether *byte* may follow the name in a tag.
pub(super) fn ends_tag_name(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & TAG_NAME_END != 0
}

/// How many names are remembered: few, since a stranger may choose them so that they
/// collide.
pub(super) const SEEN_MAX: usize = 512;

/// Names that came before, by how they are written.
pub(super) struct SeenNames<'a>(FxHashMap<&'a str, LocalName>);

impl<'a> SeenNames<'a> {
    pub(super) fn new() -> Self {
        SeenNames(FxHashMap::default())
    }

    fn get(&mut self, written: &'a str) -> LocalName {
        if let Some(name) = self.0.get(written) {
            return name.clone();
        }
        let name = if written
            .bytes()
            .any(|byte| CLASSES[usize::from(byte)] & CHANGES != 0)
        {
            LocalName::from(written.to_ascii_lowercase().replace('\0', "\u{fffd}"))
        } else {
            LocalName::from(written)
        };
        if self.0.len() < SEEN_MAX {
            self.0.insert(written, name.clone());
        }
        name
    }
}

/// A place in the text, and what reading a tag from there needs.
pub(super) struct TagReader<'a, 'r> {
    pub html: &'a str,
    /// The same text, as html5ever shares it.
    pub source: &'r StrTendril,
    pub at: usize,
    pub names: &'r mut SeenNames<'a>,
    pub budget: &'r Budget,
}

impl<'a> TagReader<'a, '_> {
    pub(super) fn tag_name(&mut self) -> Result<LocalName, Excess> {
        let start = self.at;
        self.skip_until(TAG_NAME_END);
        self.name(start)
    }

    /// Reads attributes up to the end of the tag and says whether the tag closes
    /// itself; `None` if the text ends inside of it. Without *attributes* there is
    /// nothing to keep: end tags may have any, and they mean nothing.
    pub(super) fn attributes(
        &mut self,
        mut attributes: Option<&mut Vec<Attribute>>,
    ) -> Result<Option<bool>, Excess> {
        let mut is_self_closing = false;
        loop {
            self.skip_space();
            match self.peek() {
                None => return Ok(None),
                Some(b'>') => {
                    self.at += 1;
                    return Ok(Some(is_self_closing));
                }
                Some(b'/') => {
                    self.at += 1;
                    is_self_closing = self.peek() == Some(b'>');
                }
                Some(_) => {
                    if !self.attribute(attributes.as_deref_mut())? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Reads one attribute; says whether the text goes on after it.
    fn attribute(&mut self, attributes: Option<&mut Vec<Attribute>>) -> Result<bool, Excess> {
        let start = self.at;
        // An equals sign that comes first is part of the name.
        self.at += 1;
        self.skip_until(NAME_END);
        let (html, end) = (self.html, self.at);
        self.skip_space();
        let value = match self.peek() {
            Some(b'=') => {
                self.at += 1;
                self.skip_space();
                match self.value() {
                    Some(value) => value,
                    None => return Ok(false),
                }
            }
            Some(_) => (0, 0),
            None => return Ok(false),
        };
        let Some(attributes) = attributes else {
            return Ok(true);
        };
        if end - start > self.budget.name_bytes {
            return Err((ParseErrorKind::NameBytes, self.budget.name_bytes));
        }
        if value.1 - value.0 > self.budget.value_bytes {
            return Err((ParseErrorKind::ValueBytes, self.budget.value_bytes));
        }
        let name = self.names.get(&html[start..end]);
        // The first of a name counts.
        if attributes.iter().all(|known| known.name.local != name) {
            if attributes.len() == self.budget.attributes {
                return Err((ParseErrorKind::Attributes, self.budget.attributes));
            }
            attributes.push(Attribute {
                name: QualName::new(None, ns!(), name),
                value: self.decoded(value),
            });
        }
        Ok(true)
    }

    /// Reads what stands after an equals sign and returns where it begins and ends.
    fn value(&mut self) -> Option<(usize, usize)> {
        let quote = self.peek()?;
        if quote == b'"' || quote == b'\'' {
            let start = self.at + 1;
            let len = memchr::memchr(quote, &self.html.as_bytes()[start..])?;
            self.at = start + len + 1;
            return Some((start, start + len));
        }
        let start = self.at;
        self.skip_until(VALUE_END);
        self.peek()?;
        Some((start, self.at))
    }

    fn decoded(&self, (start, end): (usize, usize)) -> StrTendril {
        let written = &self.html[start..end];
        if memchr::memchr2(b'&', 0, written.as_bytes()).is_none() {
            return self.source.subtendril(start as u32, (end - start) as u32);
        }
        let mut value = String::with_capacity(written.len());
        reference::decode(written, reference::Place::Attribute, &mut value);
        StrTendril::from(value.replace('\0', "\u{fffd}"))
    }

    fn name(&mut self, start: usize) -> Result<LocalName, Excess> {
        if self.at - start > self.budget.name_bytes {
            return Err((ParseErrorKind::NameBytes, self.budget.name_bytes));
        }
        let html = self.html;
        Ok(self.names.get(&html[start..self.at]))
    }

    fn peek(&self) -> Option<u8> {
        self.html.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        let rest = &self.html.as_bytes()[self.at..];
        let is_space = |byte: &u8| CLASSES[usize::from(*byte)] & SPACE != 0;
        self.at += rest.iter().take_while(|byte| is_space(byte)).count();
    }

    fn skip_until(&mut self, ends: u8) {
        let rest = &self.html.as_bytes()[self.at..];
        let is_end = |byte: &u8| CLASSES[usize::from(*byte)] & ends != 0;
        self.at += rest.iter().position(is_end).unwrap_or(rest.len());
    }
}
