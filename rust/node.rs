//! One node: 32 bytes that name others by their place and never by a pointer.
//!
//! What a node says, its strings and attributes, lies in its page (`page`); the node
//! knows where. Its last eight bytes are read in one of two ways, by its kind.

use crate::names::NameId;

/// A node's place in its tree: a slot number, 0 for none.
///
/// Slots are used again after their node is gone; a uuid never is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    pub const NONE: NodeId = NodeId(0);

    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Returns `None` for the number that stands for no node.
    pub fn some(self) -> Option<NodeId> {
        (self.0 != 0).then_some(self)
    }
}

/// What a node is; the three kinds of element are the namespaces HTML knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    #[default]
    Free,
    Root,
    /// A child of the root.
    Doctype,
    Comment,
    Text,
    Html,
    Svg,
    MathMl,
}

impl Kind {
    pub fn is_element(self) -> bool {
        matches!(self, Kind::Html | Kind::Svg | Kind::MathMl)
    }

    /// Says whether the node carries a string: a text, a comment, a doctype.
    pub fn is_data(self) -> bool {
        matches!(self, Kind::Text | Kind::Comment | Kind::Doctype)
    }
}

/// One node: its links, what it is, and where its page keeps the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node {
    pub parent: NodeId,
    pub first: NodeId,
    pub last: NodeId,
    pub previous: NodeId,
    pub next: NodeId,
    /// The tag of an element.
    pub name: NameId,
    pub kind: Kind,
    pub(crate) marks: Marks,
    /// Data: the offset of the string. Element: the low half of the stamp.
    pub(crate) low: u32,
    /// Data: the length of the string. Element: 16 bits of stamp, 16 of attribute index.
    pub(crate) high: u32,
}

/// What an element is marked as, a bit for each, for there is no room for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    /// The element is not shown, nor anything inside of it.
    pub(crate) const HIDDEN: Marks = Marks(1);
    /// The element is what a browser told of, see `apply_foreign`.
    pub(crate) const FOREIGN: Marks = Marks(2);

    pub(crate) fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    pub(crate) fn set(&mut self, mark: Marks, is_set: bool) {
        self.0 = self.0 & !mark.0 | if is_set { mark.0 } else { 0 };
    }
}

impl Node {
    pub fn is_hidden(&self) -> bool {
        self.marks.has(Marks::HIDDEN)
    }

    pub fn is_foreign(&self) -> bool {
        self.marks.has(Marks::FOREIGN)
    }

    /// Returns the number behind an element's uuid; 0 if it has none of ours.
    pub fn stamp(&self) -> u64 {
        debug_assert!(self.kind.is_element());
        u64::from(self.low) | u64::from(self.high & 0xffff) << 32
    }

    pub fn set_stamp(&mut self, stamp: u64) {
        debug_assert!(self.kind.is_element() && stamp < 1 << 48);
        self.low = stamp as u32;
        self.high = self.high & 0xffff_0000 | (stamp >> 32) as u32;
    }

    pub(crate) fn attributes_at(&self) -> u16 {
        (self.high >> 16) as u16
    }

    pub(crate) fn set_attributes_at(&mut self, index: u16) {
        self.high = self.high & 0xffff | u32::from(index) << 16;
    }

    pub(crate) fn span(&self) -> Span {
        Span {
            at: self.low,
            len: self.high,
        }
    }

    pub(crate) fn set_span(&mut self, span: Span) {
        self.low = span.at;
        self.high = span.len;
    }
}

/// A string of a page: a stretch of its heap, or one of its large texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) at: u32,
    pub(crate) len: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_32_bytes() {
        assert_eq!(size_of::<Node>(), 32);
    }
}
