//! Writes ops as the browser reads them, and reads them back.
//!
//! The format is in docs/protocol.md: one flat JSON array. `encode` writes it
//! straight into a buffer; `apply` carries it out on a tree, exactly as the client
//! does on the page, and is what the laws are proved with.

use crate::names::known_names as n;
use crate::node::{Kind, NodeId};
use crate::ops::{Before, Op};
use crate::tree::{EditError, ROOT, Tree};
use serde_json::Value;
use std::fmt;

const TEXT: u64 = 0;
const DATA: u64 = 1;
const SET: u64 = 2;
const DROP: u64 = 3;
const PROPERTY: u64 = 4;
const INSERT: u64 = 5;
const REMOVE: u64 = 6;
const CUT: u64 = 7;
const MOVE: u64 = 8;
const REPLACE: u64 = 9;
const FILL: u64 = 10;

const TEXT_NODE: i64 = -1;
const COMMENT_NODE: i64 = -2;

/// Appends the ops, each operand with a comma before it, to *out*.
pub fn encode(old: &Tree, new: &Tree, ops: &[Op], out: &mut String) {
    let mut encoder = Encoder {
        old,
        new,
        out,
        last_stamp: 0,
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
        new: tree,
        out,
        last_stamp: 0,
    };
    let is_sent = |id: &NodeId| tree.kind(*id) != Kind::Doctype;
    let nodes: Vec<NodeId> = tree.children(ROOT).filter(is_sent).collect();
    encoder.number(FILL);
    encoder.raw("0");
    encoder.number(nodes.len() as u64);
    for id in nodes {
        encoder.nodes(ROOT, id, 1);
    }
}

struct Encoder<'a, 'out> {
    old: &'a Tree,
    new: &'a Tree,
    out: &'out mut String,
    /// The stamp before, which a new element's need not repeat if it is one more.
    last_stamp: u64,
}

impl Encoder<'_, '_> {
    fn op(&mut self, op: &Op) {
        self.last_stamp = 0;
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
                self.nodes(node, new.node(node).first, count);
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
                    at = self.new.after_subtree(id, top);
                    continue;
                }
                let above = if id == top {
                    parent
                } else {
                    self.new.node(id).parent
                };
                let is_whole = self.node(above, id);
                at = match is_whole {
                    true => self.new.after_subtree(id, top),
                    false => self.new.after_in_preorder(id, top),
                };
            }
            top = self.new.node(top).next;
        }
    }

    fn is_known(&self, id: NodeId) -> bool {
        self.new.kind(id).is_element() && self.old.counterpart(self.new, id).is_some()
    }

    /// Writes one node; says whether that was all of it, children included.
    fn node(&mut self, parent: NodeId, id: NodeId) -> bool {
        let kind = self.new.kind(id);
        if !kind.is_element() {
            self.raw(if kind == Kind::Text { "-1" } else { "-2" });
            self.string(self.new.data(id));
            return true;
        }
        self.tag(parent, id);
        let stamp = self.new.stamp(id);
        if stamp != 0 && stamp == self.last_stamp + 1 {
            self.raw("0");
        } else {
            self.id(self.new, id);
        }
        if stamp != 0 {
            self.last_stamp = stamp;
        }
        if self.new.attributes(id).any(|(name, _)| name != n::UUID) {
            self.attributes(id);
        }
        let node = self.new.node(id);
        if node.first == node.last
            && let Some(only) = node.first.some()
            && self.new.kind(only) == Kind::Text
        {
            self.string(self.new.data(only));
            return true;
        }
        let children = self
            .new
            .children(id)
            .filter(|&child| !self.is_known(child))
            .count();
        self.number(children as u64);
        false
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
pub fn write_number(mut number: u64, out: &mut String) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend(digits[start..].iter().map(|&digit| char::from(digit)));
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

/// Why ops could not be carried out, and at which operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyErrorKind {
    /// Not a JSON array, or it ends inside an op.
    Malformed,
    /// An id or index that the tree does not have.
    Unknown,
    Edit(EditError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplyError {
    pub kind: ApplyErrorKind,
    pub operand: usize,
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ApplyErrorKind::Malformed => write!(f, "not an op")?,
            ApplyErrorKind::Unknown => write!(f, "no such element or child")?,
            ApplyErrorKind::Edit(error) => write!(f, "{error}")?,
        }
        write!(f, ", at operand {}", self.operand)
    }
}

impl std::error::Error for ApplyError {}

/// Carries out *ops*, a JSON array as `encode` writes it, on *tree*.
///
/// After an error the tree holds what the ops before it did.
pub fn apply(tree: &mut Tree, ops: &str) -> Result<(), ApplyError> {
    let malformed = ApplyError {
        kind: ApplyErrorKind::Malformed,
        operand: 0,
    };
    let operands: Vec<Value> = serde_json::from_str(ops).map_err(|_| malformed)?;
    let mut applier = Applier {
        tree,
        operands,
        at: 0,
        last_stamp: 0,
    };
    while applier.at < applier.operands.len() {
        let done = applier.op();
        done.map_err(|kind| ApplyError {
            kind,
            operand: applier.at.saturating_sub(1),
        })?;
    }
    Ok(())
}

type Applied<T> = Result<T, ApplyErrorKind>;

impl From<EditError> for ApplyErrorKind {
    fn from(error: EditError) -> Self {
        ApplyErrorKind::Edit(error)
    }
}

struct Applier<'a> {
    tree: &'a mut Tree,
    operands: Vec<Value>,
    at: usize,
    last_stamp: u64,
}

/// How a wire id names an element.
enum Id {
    Stamp(u64),
    Given(String),
}

impl Applier<'_> {
    fn op(&mut self) -> Applied<()> {
        self.last_stamp = 0;
        match self.number()? {
            TEXT => {
                let id = self.known()?;
                let text = self.string()?;
                self.tree.remove_children(id);
                self.tree.set_text(id, &text)?;
            }
            DATA => {
                let parent = self.known()?;
                let child = self.child(parent)?;
                let data = self.string()?;
                self.tree.set_data(child, &data);
            }
            SET => {
                let (id, name, value) = (self.known()?, self.string()?, self.string()?);
                self.tree.set_attribute(id, &name, &value)?;
            }
            DROP => {
                let (id, name) = (self.known()?, self.string()?);
                self.tree.remove_attribute(id, &name);
            }
            PROPERTY => {
                let (id, name, value) = (self.known()?, self.string()?, self.next()?);
                self.tree
                    .set_attribute(id, &format!(".{name}"), &value.to_string())?;
            }
            INSERT => {
                let parent = self.known()?;
                let before = self.before(parent)?;
                let count = self.number()?;
                self.nodes(parent, before, count)?;
            }
            REMOVE => {
                let id = self.known()?;
                self.tree.remove(id);
            }
            CUT => {
                let parent = self.known()?;
                let child = self.child(parent)?;
                self.tree.remove(child);
            }
            MOVE => {
                let (id, parent) = (self.known()?, self.known()?);
                let before = self.before(parent)?;
                self.tree.insert(parent, before, id)?;
            }
            REPLACE => self.replace()?,
            FILL => {
                let id = self.known()?;
                let children: Vec<NodeId> = self.tree.children(id).collect();
                for child in children {
                    // A page keeps its doctype.
                    if self.tree.kind(child) != Kind::Doctype {
                        self.tree.remove(child);
                    }
                }
                let count = self.number()?;
                self.nodes(id, None, count)?;
            }
            _ => return Err(ApplyErrorKind::Malformed),
        }
        Ok(())
    }

    fn replace(&mut self) -> Applied<()> {
        let id = self.known()?;
        let parent = self.tree.node(id).parent;
        let (kind, tag) = self.tag(parent)?;
        let names: Vec<String> = self
            .tree
            .attributes(id)
            .map(|(name, _)| self.tree.names().get(name).to_owned())
            .filter(|name| name != "uuid")
            .collect();
        for name in names {
            self.tree.remove_attribute(id, &name);
        }
        self.tree.set_kind_and_tag(id, kind, &tag)?;
        self.attributes(id)
    }

    fn nodes(&mut self, parent: NodeId, before: Option<NodeId>, count: u64) -> Applied<()> {
        // Parents whose children are still to come, and how many.
        let mut open = vec![(parent, before, count)];
        while let Some((parent, before, left)) = open.pop() {
            if left == 0 {
                continue;
            }
            open.push((parent, before, left - 1));
            if self.operands.get(self.at).is_some_and(Value::is_number) {
                let kind = match self.next()?.as_i64() {
                    Some(TEXT_NODE) => Kind::Text,
                    Some(COMMENT_NODE) => Kind::Comment,
                    _ => return Err(ApplyErrorKind::Malformed),
                };
                let data = self.string()?;
                let id = self.tree.create_data(kind, &data)?;
                self.tree.insert(parent, before, id)?;
                continue;
            }
            let (kind, tag) = self.tag(parent)?;
            let id = match self.next()? {
                Value::Number(number) if number.as_u64() == Some(0) => {
                    Id::Stamp(self.last_stamp + 1)
                }
                value => id(value)?,
            };
            if let Id::Stamp(stamp) = id {
                self.last_stamp = stamp;
            }
            let element = match id {
                Id::Stamp(stamp) => self.tree.create_stamped(kind, &tag, stamp)?,
                Id::Given(uuid) => self.tree.create_given(kind, &tag, &uuid)?,
            };
            self.tree.insert(parent, before, element)?;
            if self.operands.get(self.at).is_some_and(Value::is_array) {
                self.attributes(element)?;
            }
            match self.next()? {
                Value::String(text) => self.tree.set_text(element, &text)?,
                Value::Number(count) => {
                    let count = count.as_u64().ok_or(ApplyErrorKind::Malformed)?;
                    open.push((element, None, count));
                }
                _ => return Err(ApplyErrorKind::Malformed),
            }
        }
        Ok(())
    }

    fn tag(&mut self, parent: NodeId) -> Applied<(Kind, String)> {
        let tag = self.string()?;
        Ok(match tag.split_once(' ') {
            Some(("svg", tag)) => (Kind::Svg, tag.to_owned()),
            Some(("math", tag)) => (Kind::MathMl, tag.to_owned()),
            Some((_, tag)) => (Kind::Html, tag.to_owned()),
            None => (self.tree.kind_inside(parent, &tag), tag),
        })
    }

    fn attributes(&mut self, id: NodeId) -> Applied<()> {
        let Value::Array(list) = self.next()? else {
            return Err(ApplyErrorKind::Malformed);
        };
        for pair in list.chunks(2) {
            let [Value::String(name), value] = pair else {
                return Err(ApplyErrorKind::Malformed);
            };
            match value {
                Value::String(value) if !name.starts_with('.') => {
                    self.tree.set_attribute(id, name, value)?;
                }
                value => self.tree.set_attribute(id, name, &value.to_string())?,
            }
        }
        Ok(())
    }

    fn known(&mut self) -> Applied<NodeId> {
        let value = self.next()?;
        self.find(value)
    }

    fn find(&self, value: Value) -> Applied<NodeId> {
        let found = match id(value)? {
            Id::Stamp(0) => Some(ROOT),
            Id::Stamp(stamp) => self.tree.by_stamp(stamp),
            Id::Given(uuid) => self.tree.by_uuid(&uuid),
        };
        found.ok_or(ApplyErrorKind::Unknown)
    }

    fn before(&mut self, parent: NodeId) -> Applied<Option<NodeId>> {
        let value = self.next()?;
        match value.as_i64() {
            Some(0) => Ok(None),
            Some(negative) if negative < 0 => {
                let index = negative.unsigned_abs() as usize - 1;
                self.tree
                    .children(parent)
                    .nth(index)
                    .map(Some)
                    .ok_or(ApplyErrorKind::Unknown)
            }
            _ => self.find(value).map(Some),
        }
    }

    fn child(&mut self, parent: NodeId) -> Applied<NodeId> {
        let index = self.number()? as usize;
        let child = self
            .tree
            .children(parent)
            .nth(index)
            .ok_or(ApplyErrorKind::Unknown)?;
        if self.tree.kind(child).is_element() {
            return Err(ApplyErrorKind::Unknown);
        }
        Ok(child)
    }

    fn number(&mut self) -> Applied<u64> {
        self.next()?.as_u64().ok_or(ApplyErrorKind::Malformed)
    }

    fn string(&mut self) -> Applied<String> {
        match self.next()? {
            Value::String(string) => Ok(string),
            _ => Err(ApplyErrorKind::Malformed),
        }
    }

    fn next(&mut self) -> Applied<Value> {
        let value = self
            .operands
            .get_mut(self.at)
            .ok_or(ApplyErrorKind::Malformed)?;
        self.at += 1;
        Ok(value.take())
    }
}

fn id(value: Value) -> Applied<Id> {
    match value {
        Value::String(uuid) => Ok(Id::Given(uuid)),
        Value::Number(number) => number
            .as_u64()
            .map(Id::Stamp)
            .ok_or(ApplyErrorKind::Malformed),
        _ => Err(ApplyErrorKind::Malformed),
    }
}
