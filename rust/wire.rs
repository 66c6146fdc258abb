//! Writes ops as the browser reads them.
//!
//! The format is in docs/protocol.md: one flat JSON array, written straight into a
//! buffer. `apply` reads it.

use crate::names::known_names as n;
use crate::node::{Kind, NodeId};
use crate::ops::{Before, Op};
use crate::tree::{ROOT, Shown, Tree};
use std::ops::Range;

pub(crate) const TEXT: u64 = 0;
pub(crate) const DATA: u64 = 1;
pub(crate) const SET: u64 = 2;
pub(crate) const DROP: u64 = 3;
pub(crate) const PROPERTY: u64 = 4;
pub(crate) const INSERT: u64 = 5;
pub(crate) const REMOVE: u64 = 6;
pub(crate) const CUT: u64 = 7;
pub(crate) const MOVE: u64 = 8;
pub(crate) const REPLACE: u64 = 9;
pub(crate) const FILL: u64 = 10;
pub(crate) const CALL: u64 = 11;

pub(crate) const TEXT_NODE: i64 = -1;
pub(crate) const COMMENT_NODE: i64 = -2;

/// Appends the ops, each operand with a comma before it, to *out*.
pub fn encode(old: &Tree, new: &Tree, ops: &[Op], out: &mut String) {
    let mut encoder = Encoder {
        old,
        old_shown: Shown::of(old),
        new,
        out,
        last_stamp: 0,
        last_tag: 0..0,
    };
    for op in ops {
        encoder.op(op);
    }
}

/// Appends the one op that fills a page with *tree*, whatever it held.
pub fn encode_whole(tree: &Tree, out: &mut String) {
    let empty = Tree::default();
    let mut encoder = Encoder {
        old: &empty,
        old_shown: Shown::of(&empty),
        new: tree,
        out,
        last_stamp: 0,
        last_tag: 0..0,
    };
    let count = tree.shown_children(ROOT).count() as u32;
    encoder.number(FILL);
    encoder.raw("0");
    encoder.number(u64::from(count));
    encoder.nodes(ROOT, tree.first_shown(ROOT), count);
}

struct Encoder<'a, 'out> {
    old: &'a Tree,
    old_shown: Shown<'a>,
    new: &'a Tree,
    out: &'out mut String,
    /// The stamp before, which a new element's need not repeat if it is one more.
    last_stamp: u64,
    /// Where the tag of the element before was written.
    last_tag: Range<usize>,
}

impl Encoder<'_, '_> {
    fn op(&mut self, op: &Op) {
        self.last_stamp = 0;
        self.last_tag = 0..0;
        let (old, new) = (self.old, self.new);
        match *op {
            Op::Text { node, text } => {
                self.number(TEXT);
                self.id(new, node);
                self.string(text.some().map_or("", |id| new.data(id)));
            }
            Op::Data {
                parent,
                index,
                data,
            } => {
                self.number(DATA);
                self.id(new, parent);
                self.number(u64::from(index));
                self.string(new.data(data));
            }
            Op::SetAttribute { node, name } => {
                let spelled = new.names().get(name);
                let value = new.attribute_by_id(node, name).unwrap_or("");
                match spelled.strip_prefix('.') {
                    Some(property) => {
                        self.number(PROPERTY);
                        self.id(new, node);
                        self.string(property);
                        self.raw(value);
                    }
                    None => {
                        self.number(SET);
                        self.id(new, node);
                        self.string(spelled);
                        self.string(shown(spelled, value));
                    }
                }
            }
            Op::DropAttribute { node, name } => {
                self.number(DROP);
                self.id(new, node);
                self.string(old.names().get(name));
            }
            Op::Insert {
                parent,
                before,
                first,
                count,
            } => {
                self.number(INSERT);
                self.id(new, parent);
                self.before(before);
                self.number(u64::from(count));
                self.nodes(parent, first, count);
            }
            Op::Remove { node } => {
                self.number(REMOVE);
                self.id(old, node);
            }
            Op::Cut { parent, index } => {
                self.number(CUT);
                self.id(new, parent);
                self.number(u64::from(index));
            }
            Op::Move {
                node,
                parent,
                before,
            } => {
                self.number(MOVE);
                self.id(new, node);
                self.id(new, parent);
                self.before(before);
            }
            Op::Replace { node } => {
                self.number(REPLACE);
                self.id(new, node);
                self.explicit_tag(node);
                self.attributes(node);
            }
            Op::Fill { node, count } => {
                self.number(FILL);
                self.id(new, node);
                self.number(u64::from(count));
                self.nodes(node, new.first_shown(node), count);
            }
            Op::Call { node, call } => {
                let call = &new.calls().as_slice()[call as usize];
                self.number(CALL);
                self.id(new, node);
                self.string(&call.method);
                self.raw(&call.arguments);
            }
        }
    }

    fn before(&mut self, before: Before) {
        match before {
            Before::End => self.raw("0"),
            Before::Element(id) => self.id(self.new, id),
            Before::Child(index) => {
                self.out.push_str(",-");
                write_number(u64::from(index) + 1, self.out);
            }
        }
    }

    /// Writes *count* siblings from *first* on, in preorder, without the elements
    /// that the old tree has too: those move in later.
    fn nodes(&mut self, parent: NodeId, first: NodeId, count: u32) {
        let mut top = first;
        for _ in 0..count {
            let mut at = Some(top);
            while let Some(id) = at {
                if self.is_known(id) {
                    at = self.new.after_shown_subtree(id, top);
                    continue;
                }
                let above = if id == top {
                    parent
                } else {
                    self.new.node(id).parent
                };
                let is_whole = self.node(above, id);
                at = match is_whole {
                    true => self.new.after_shown_subtree(id, top),
                    false => self.new.after_shown(id, top),
                };
            }
            top = self.new.next_shown(top);
        }
    }

    fn is_known(&self, id: NodeId) -> bool {
        let counterpart = || self.old.counterpart(self.new, id);
        self.new.kind(id).is_element() && counterpart().is_some_and(|id| self.old_shown.has(id))
    }

    /// Writes one node; says whether that was all of it, children included.
    fn node(&mut self, parent: NodeId, id: NodeId) -> bool {
        let kind = self.new.kind(id);
        if !kind.is_element() {
            self.raw(if kind == Kind::Text { "-1" } else { "-2" });
            self.string(self.new.data(id));
            return true;
        }
        self.tag_and_id(parent, id);
        if self.new.attributes(id).any(|(name, _)| name != n::UUID) {
            self.attributes(id);
        }
        if let Some(only) = self.new.only_shown(id)
            && self.new.kind(only) == Kind::Text
        {
            self.string(self.new.data(only));
            return true;
        }
        let children = self
            .new
            .shown_children(id)
            .filter(|&child| !self.is_known(child))
            .count();
        self.number(children as u64);
        false
    }

    /// Writes as little as tells the browser: nothing but a 0 for one more of the
    /// same tag with the next stamp, and a 0 in place of any next stamp.
    fn tag_and_id(&mut self, parent: NodeId, id: NodeId) {
        let stamp = self.new.stamp(id);
        let is_next = stamp != 0 && stamp == self.last_stamp + 1;
        if stamp != 0 {
            self.last_stamp = stamp;
        }
        let start = self.out.len();
        self.tag(parent, id);
        let is_same = self.out[start..] == self.out[self.last_tag.clone()];
        if is_next && is_same {
            self.out.truncate(start);
            return self.raw("0");
        }
        self.last_tag = start..self.out.len();
        if is_next {
            self.raw("0");
        } else {
            self.id(self.new, id);
        }
    }

    fn tag(&mut self, parent: NodeId, id: NodeId) {
        let tag = self.new.tag(id);
        if self.new.kind(id) == self.new.kind_inside(parent, tag) {
            self.string(tag);
        } else {
            self.explicit_tag(id);
        }
    }

    fn explicit_tag(&mut self, id: NodeId) {
        self.out.push_str(match self.new.kind(id) {
            Kind::Svg => ",\"svg ",
            Kind::MathMl => ",\"math ",
            _ => ",\"html ",
        });
        write_escaped(self.new.tag(id), self.out);
        self.out.push('"');
    }

    fn attributes(&mut self, id: NodeId) {
        let start = self.out.len();
        for (name, value) in self.new.attributes(id) {
            if name == n::UUID {
                continue;
            }
            let spelled = self.new.names().get(name);
            self.string(spelled);
            if spelled.starts_with('.') {
                self.raw(value)
            } else {
                self.string(shown(spelled, value))
            }
        }
        // The first operand's comma makes way for the bracket.
        self.out.insert(start, ',');
        if self.out.len() > start + 1 {
            self.out.replace_range(start + 1..start + 2, "[");
        } else {
            self.out.push('[');
        }
        self.out.push(']');
    }

    fn id(&mut self, tree: &Tree, id: NodeId) {
        if id == ROOT {
            return self.raw("0");
        }
        match tree.stamp(id) {
            0 => self.string(tree.attribute_by_id(id, n::UUID).unwrap_or("")),
            stamp => self.number(stamp),
        }
    }

    fn number(&mut self, number: u64) {
        self.out.push(',');
        write_number(number, self.out);
    }

    fn string(&mut self, string: &str) {
        self.out.push_str(",\"");
        write_escaped(string, self.out);
        self.out.push('"');
    }

    fn raw(&mut self, json: &str) {
        self.out.push(',');
        self.out.push_str(json);
    }
}

/// Returns what the browser may see of an attribute's value.
fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if name.starts_with("_on") { "" } else { value }
}

/// Appends a number in decimal.
pub fn write_number(number: u64, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// Appends *string* as it stands between the quotes of a JSON string (RFC 8259, 7).
pub fn write_escaped(string: &str, out: &mut String) {
    let mut done = 0;
    for (at, byte) in string.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&string[done..at]);
        done = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            _ => {
                out.push_str(if byte < 16 { "\\u000" } else { "\\u001" });
                out.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
            }
        }
    }
    out.push_str(&string[done..]);
}
