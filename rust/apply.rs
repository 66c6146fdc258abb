//! Carries out ops as they come over the wire, exactly as the client does on a page.
//!
//! It knows nothing but the bytes and the tree it changes, so the laws of the diff
//! are proved with it, wire format included.

use crate::names::{is_attribute_name, is_tag, known_names as n};
use crate::node::{Kind, NodeId};
use crate::tree::{EditError, ROOT, Tree, holds_only_text};
use crate::uuid;
use crate::wire::{
    CALL, COMMENT_NODE, CUT, DATA, DROP, FILL, INSERT, MOVE, PROPERTY, REMOVE, REPLACE, SET, TEXT,
    TEXT_NODE,
};
use serde_json::Value;
use std::fmt;

/// Why ops could not be carried out, and at which operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyErrorKind {
    /// Not a JSON array.
    NotJson,
    /// No op, or one that ends too soon.
    Malformed,
    /// An id or index that the tree does not have.
    Unknown,
    /// The document, of which an element is made, removed or moved.
    Document,
    /// A tag or the name of an attribute that no HTML could have.
    Name,
    /// A new element by a uuid that another one has, or that was never given.
    Uuid,
    /// Something foreign for an ignored subtree, or for what a template holds.
    LeftAlone,
    /// Something foreign so deep that a parser would put it elsewhere.
    Deep,
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
            ApplyErrorKind::NotJson => return write!(f, "the ops are not a JSON array"),
            ApplyErrorKind::Malformed => write!(f, "not an op")?,
            ApplyErrorKind::Unknown => write!(f, "no such element or child")?,
            ApplyErrorKind::Document => write!(f, "the document is no element")?,
            ApplyErrorKind::Name => write!(f, "not a name in HTML")?,
            ApplyErrorKind::Uuid => {
                write!(
                    f,
                    "a new element with a uuid that is taken or not of this process"
                )?;
            }
            ApplyErrorKind::LeftAlone => write!(f, "what stands here is left alone")?,
            ApplyErrorKind::Deep => write!(f, "nothing foreign comes so deep")?,
            ApplyErrorKind::Edit(error) => write!(f, "{error}")?,
        }
        write!(f, ", at operand {}", self.operand)
    }
}

impl std::error::Error for ApplyError {}

/// How many elements are inside each other at most where one is foreign, as in a parser.
const FOREIGN_DEPTH_MAX: usize = 512;
/// No foreign element brings a tree more different names than these; the others are for
/// what the application makes.
const FOREIGN_NAMES_MAX: usize = 16_384;

/// Carries out *ops*, a JSON array as `encode` writes it, on *tree*.
///
/// After an error the tree holds what the ops before it did. New elements with ids that a
/// browser made are foreign: ops do not say what was, and what undoes a change must not
/// make a stranger's elements the application's.
pub fn apply(tree: &mut Tree, ops: &str) -> Result<(), ApplyError> {
    carry_out(tree, ops, false)
}

/// Like `apply`, for ops that insert elements that a stranger made: they are foreign from
/// then on. None comes into one that holds text alone, such as a script, where it would be
/// rendered as a part of it, nor into one that is to be left alone, hidden, or too deep;
/// none has a handler, and none is a script. All other ops are refused.
pub fn apply_foreign(tree: &mut Tree, ops: &str) -> Result<(), ApplyError> {
    carry_out(tree, ops, true)
}

fn carry_out(tree: &mut Tree, ops: &str, is_foreign: bool) -> Result<(), ApplyError> {
    let not_json = ApplyError {
        kind: ApplyErrorKind::NotJson,
        operand: 0,
    };
    let operands: Vec<Value> = serde_json::from_str(ops).map_err(|_| not_json)?;
    let mut applier = Applier {
        tree,
        is_foreign,
        operands,
        at: 0,
        last_stamp: 0,
        last_tag: String::new(),
        deepest: usize::MAX,
        counted: None,
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
    is_foreign: bool,
    operands: Vec<Value>,
    at: usize,
    last_stamp: u64,
    last_tag: String,
    /// How deep below what it is inserted into an element may be.
    deepest: usize,
    /// A child that was counted, its parent and its index: the next one that is asked
    /// for is near it. Forgotten when lists change in another way.
    counted: Option<(NodeId, NodeId, usize)>,
}

/// How a wire id names an element.
enum Id {
    Stamp(u64),
    Given(String),
}

impl Applier<'_> {
    fn op(&mut self) -> Applied<()> {
        self.last_stamp = 0;
        self.last_tag.clear();
        let op = self.number()?;
        if self.is_foreign && op != INSERT {
            return Err(ApplyErrorKind::Malformed);
        }
        if !matches!(op, DATA | CUT | SET | DROP | PROPERTY) {
            self.counted = None;
        }
        match op {
            TEXT => {
                let id = self.element()?;
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
                let (id, name, value) = (self.element()?, self.string()?, self.string()?);
                self.set(id, &name, &value)?;
            }
            DROP => {
                let (id, name) = (self.element()?, self.string()?);
                if name == "uuid" {
                    return Err(ApplyErrorKind::Name);
                }
                self.tree.remove_attribute(id, &name);
            }
            PROPERTY => {
                let (id, name, value) = (self.element()?, self.string()?, self.next()?);
                self.set_property(id, &format!(".{name}"), &value)?;
            }
            INSERT => {
                let parent = self.known()?;
                let before = self.before(parent)?;
                let count = self.number()?;
                if self.is_foreign {
                    self.deepest = self.room_for_foreign(parent, before)?;
                }
                self.nodes(parent, before, count)?;
            }
            REMOVE => {
                let id = self.element()?;
                self.tree.remove(id);
            }
            CUT => {
                let parent = self.known()?;
                let child = self.child(parent)?;
                self.counted = self.counted.and_then(|(_, _, index)| {
                    let before = self.tree.previous_shown(child).some()?;
                    Some((parent, before, index - 1))
                });
                self.tree.remove(child);
            }
            MOVE => {
                let (id, parent) = (self.element()?, self.known()?);
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
            CALL => {
                let (id, method, arguments) = (self.element()?, self.string()?, self.next()?);
                self.tree.call(id, &method, &arguments.to_string());
            }
            _ => return Err(ApplyErrorKind::Malformed),
        }
        Ok(())
    }

    fn replace(&mut self) -> Applied<()> {
        let id = self.element()?;
        let parent = self.tree.node(id).parent;
        let written = self.string()?;
        let (kind, tag) = self.kind_and_tag(parent, &written)?;
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
            let leaf = match self.operands.get(self.at).and_then(Value::as_i64) {
                Some(TEXT_NODE) => Some(Kind::Text),
                Some(COMMENT_NODE) => Some(Kind::Comment),
                Some(0) if !self.last_tag.is_empty() => None,
                Some(_) => return Err(ApplyErrorKind::Malformed),
                None => None,
            };
            if let Some(kind) = leaf {
                if self.is_foreign && open.len() == 1 {
                    return Err(ApplyErrorKind::Malformed);
                }
                self.at += 1;
                let data = self.string()?;
                let id = self.tree.create_data(kind, &data)?;
                self.tree.insert(parent, before, id)?;
                continue;
            }
            let (written, id) = match self.next()? {
                Value::String(tag) => (tag, self.next()?),
                same => (self.last_tag.clone(), same),
            };
            let id = match id {
                Value::Number(number) if number.as_u64() == Some(0) => {
                    Id::Stamp(self.last_stamp + 1)
                }
                value => id_of(value)?,
            };
            if self.is_foreign && self.holds_only_text(parent) {
                return Err(EditError::OnlyText.into());
            }
            if open.len() > self.deepest {
                return Err(ApplyErrorKind::Deep);
            }
            let (kind, tag) = self.kind_and_tag(parent, &written)?;
            if self.is_foreign && tag.eq_ignore_ascii_case("script") {
                return Err(ApplyErrorKind::Name);
            }
            self.check_room_for_name(&tag)?;
            self.last_tag = written;
            if let Id::Stamp(stamp) = id {
                self.last_stamp = stamp;
            }
            if !self.is_free(&id) {
                return Err(ApplyErrorKind::Uuid);
            }
            let is_made = match &id {
                Id::Stamp(_) => false,
                Id::Given(uuid) => uuid::is_made(uuid),
            };
            if self.is_foreign && !is_made {
                return Err(ApplyErrorKind::Uuid);
            }
            let element = match id {
                Id::Stamp(stamp) => self.tree.create_stamped(kind, &tag, stamp)?,
                Id::Given(uuid) => self.tree.create_given(kind, &tag, &uuid)?,
            };
            self.tree.insert(parent, before, element)?;
            self.tree.set_foreign(element, is_made);
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

    fn kind_and_tag(&self, parent: NodeId, written: &str) -> Applied<(Kind, String)> {
        let (kind, tag) = match written.split_once(' ') {
            Some(("svg", tag)) => (Kind::Svg, tag),
            Some(("math", tag)) => (Kind::MathMl, tag),
            Some(("html", tag)) => (Kind::Html, tag),
            _ => (self.tree.kind_inside(parent, written), written),
        };
        match is_tag(tag) {
            true => Ok((kind, tag.to_owned())),
            false => Err(ApplyErrorKind::Name),
        }
    }

    fn holds_only_text(&self, parent: NodeId) -> bool {
        let node = self.tree.node(parent);
        node.kind.is_element() && holds_only_text(node.kind, node.name)
    }

    /// Returns how deep something foreign may go in *parent*, unless it is nothing of which
    /// a browser tells.
    fn room_for_foreign(&self, parent: NodeId, before: Option<NodeId>) -> Applied<usize> {
        if before.is_some_and(|id| self.tree.is_hidden(id)) {
            return Err(ApplyErrorKind::Unknown);
        }
        let up = |&id: &NodeId| self.tree.node(id).parent.some();
        let ignore = self.tree.names().find("data-sapwood-ignore");
        let is_ignored = |id| ignore.is_some_and(|it| self.tree.attribute_by_id(id, it).is_some());
        let mut room = FOREIGN_DEPTH_MAX;
        for id in std::iter::successors(Some(parent), up) {
            let node = self.tree.node(id);
            if !node.kind.is_element() {
                break;
            }
            if node.is_hidden() {
                return Err(ApplyErrorKind::Unknown);
            }
            if node.name == n::TEMPLATE || is_ignored(id) {
                return Err(ApplyErrorKind::LeftAlone);
            }
            room = room.checked_sub(1).ok_or(ApplyErrorKind::Deep)?;
        }
        Ok(room)
    }

    /// Refuses a foreign name that is new when there are many.
    fn check_room_for_name(&self, name: &str) -> Applied<()> {
        let names = self.tree.names();
        match self.is_foreign && names.own() >= FOREIGN_NAMES_MAX && names.find(name).is_none() {
            true => Err(EditError::TooManyNames.into()),
            false => Ok(()),
        }
    }

    /// Says whether a new element can be known by *id*.
    fn is_free(&self, id: &Id) -> bool {
        match id {
            Id::Stamp(stamp) => uuid::is_given(*stamp) && self.tree.by_stamp(*stamp).is_none(),
            Id::Given(uuid) => {
                let is_ours = uuid::read(uuid).is_some() || uuid::is_to_come(uuid);
                !uuid.is_empty() && !is_ours && self.tree.by_uuid(uuid).is_none()
            }
        }
    }

    fn set(&mut self, id: NodeId, name: &str, value: &str) -> Applied<()> {
        if !is_attribute_name(name) || name == "uuid" || name.starts_with('.') {
            return Err(ApplyErrorKind::Name);
        }
        if !self.is_foreign {
            return Ok(self.tree.set_attribute(id, name, value)?);
        }
        // As a parser has it; SVG has capitals.
        let name = match self.tree.kind(id) {
            Kind::Html => &name.to_ascii_lowercase(),
            _ => name,
        };
        let acts = name.trim_start_matches('_').to_ascii_lowercase();
        if acts.starts_with("on") {
            return Err(ApplyErrorKind::Name);
        }
        self.check_room_for_name(name)?;
        Ok(self.tree.set_attribute(id, name, value)?)
    }

    fn set_property(&mut self, id: NodeId, name: &str, value: &Value) -> Applied<()> {
        match is_attribute_name(name) && !self.is_foreign {
            true => Ok(self.tree.set_attribute(id, name, &value.to_string())?),
            false => Err(ApplyErrorKind::Name),
        }
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
                value if name.starts_with('.') => self.set_property(id, name, value)?,
                Value::String(value) => self.set(id, name, value)?,
                _ => return Err(ApplyErrorKind::Malformed),
            }
        }
        Ok(())
    }

    fn known(&mut self) -> Applied<NodeId> {
        let value = self.next()?;
        self.find(value)
    }

    fn element(&mut self) -> Applied<NodeId> {
        match self.known()? {
            ROOT => Err(ApplyErrorKind::Document),
            id => Ok(id),
        }
    }

    fn find(&self, value: Value) -> Applied<NodeId> {
        let found = match id_of(value)? {
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
                let child = self.nth(parent, index);
                self.counted = None;
                child.map(Some).ok_or(ApplyErrorKind::Unknown)
            }
            _ => self.find(value).map(Some),
        }
    }

    /// Returns the child at *index*, as the page counts.
    fn nth(&mut self, parent: NodeId, index: usize) -> Option<NodeId> {
        let known = self.counted.filter(|it| it.0 == parent);
        let (mut child, mut at) = match known {
            Some((_, child, at)) => (child, at),
            None => (self.tree.first_shown(parent).some()?, 0),
        };
        while at < index {
            child = self.tree.next_shown(child).some()?;
            at += 1;
        }
        while at > index {
            child = self.tree.previous_shown(child).some()?;
            at -= 1;
        }
        self.counted = Some((parent, child, at));
        Some(child)
    }

    fn child(&mut self, parent: NodeId) -> Applied<NodeId> {
        let index = self.number()? as usize;
        let child = self.nth(parent, index).ok_or(ApplyErrorKind::Unknown)?;
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

fn id_of(value: Value) -> Applied<Id> {
    match value {
        Value::String(uuid) => Ok(Id::Given(uuid)),
        Value::Number(number) => number
            .as_u64()
            .map(Id::Stamp)
            .ok_or(ApplyErrorKind::Malformed),
        _ => Err(ApplyErrorKind::Malformed),
    }
}
