//! The element tree: a value with cheap versions.
//!
//! Cloning a tree takes a version of it and costs a few reference counts; writing
//! to either side then copies only the pages written to. Every change of a tree
//! goes through this file, which keeps three things true: links of siblings and
//! parents agree, no node is its own ancestor, and the index knows every uuid.
//! All walks are loops; nothing here recurses.

use crate::ids::Ids;
use crate::index::Index;
use crate::names::{NameId, Names, NamesFull, known_names as n};
use crate::node::{Kind, Node, NodeId, PAGE_NODES, Page, TooManyAttributes};
use crate::pages::Pages;
use crate::uuid;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The node above all others; it has no name, no attributes and no parent.
pub const ROOT: NodeId = NodeId(1);
/// How many nodes a tree may have.
pub const NODES_MAX: u32 = 1 << 28;

/// What a tree cannot be made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditError {
    /// A node would become its own ancestor.
    Cycle,
    /// `before` is not a child of the parent.
    NotAChild,
    /// Texts, comments and doctypes have no children.
    NoChildren,
    TooManyNodes,
    TooManyAttributes,
    TooManyNames,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EditError::Cycle => "an element cannot go into itself or into its own descendant",
            EditError::NotAChild => "the node to insert before is not a child of this parent",
            EditError::NoChildren => "only elements have children",
            EditError::TooManyNodes => "a tree has at most 268,435,456 nodes",
            EditError::TooManyAttributes => "an element has at most 256 attributes",
            EditError::TooManyNames => "a tree has at most 65,535 different names",
        })
    }
}

impl std::error::Error for EditError {}

impl From<NamesFull> for EditError {
    fn from(_: NamesFull) -> Self {
        EditError::TooManyNames
    }
}

impl From<TooManyAttributes> for EditError {
    fn from(_: TooManyAttributes) -> Self {
        EditError::TooManyAttributes
    }
}

/// A tree of elements, texts and comments below one root.
#[derive(Clone)]
pub struct Tree {
    pages: Pages,
    names: Names,
    by_stamp: Index,
    /// Uuids that are not ours: found in HTML, or of another process.
    by_given: Arc<HashMap<Box<str>, NodeId>>,
    /// Elements by their attribute `id`.
    ids: Ids,
    /// Slots from here on were never used.
    end: u32,
    /// Slots to use again, chained by their `next`.
    free: NodeId,
    len: u32,
    /// Says whether every element has a uuid, and new ones get theirs at once.
    stamped: bool,
    /// The same for all versions of one tree: their slots mean the same nodes.
    history: Arc<()>,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a tree of {} nodes", self.len)
    }
}

impl Default for Tree {
    fn default() -> Self {
        let mut tree = Tree {
            pages: Pages::default(),
            names: Names::default(),
            by_stamp: Index::default(),
            by_given: Arc::default(),
            ids: Ids::default(),
            end: ROOT.0 + 1,
            free: NodeId::NONE,
            len: 1,
            stamped: false,
            history: Arc::default(),
        };
        tree.page_mut(ROOT).put_root(slot(ROOT));
        tree
    }
}

/// Reading.
impl Tree {
    pub fn node(&self, id: NodeId) -> &Node {
        self.page(id).node(slot(id))
    }

    /// Returns the node at *id* unless that slot is free or was never used.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        let is_used = id.0 < self.end;
        is_used
            .then(|| self.node(id))
            .filter(|node| node.kind != Kind::Free)
    }

    pub fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind
    }

    /// Returns the tag of an element.
    pub fn tag(&self, id: NodeId) -> &str {
        self.names.get(self.node(id).name)
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Returns how many nodes there are, the root included.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len == 1
    }

    /// Returns the string of a text, a comment or a doctype.
    pub fn data(&self, id: NodeId) -> &str {
        debug_assert!(self.kind(id).is_data());
        self.page(id).data(slot(id))
    }

    pub fn attributes(&self, id: NodeId) -> impl Iterator<Item = (NameId, &str)> {
        debug_assert!(self.kind(id).is_element());
        self.page(id).attributes(slot(id))
    }

    pub fn attribute(&self, id: NodeId, name: &str) -> Option<&str> {
        self.attribute_by_id(id, self.names.find(name)?)
    }

    pub fn attribute_by_id(&self, id: NodeId, name: NameId) -> Option<&str> {
        debug_assert!(self.kind(id).is_element());
        self.page(id).attribute(slot(id), name)
    }

    pub fn children(&self, parent: NodeId) -> impl Iterator<Item = NodeId> {
        let first = self.node(parent).first.some();
        std::iter::successors(first, |&id| self.node(id).next.some())
    }

    /// Returns the first element of *from* and the siblings after it.
    pub fn first_element(&self, from: NodeId) -> Option<NodeId> {
        let all = std::iter::successors(from.some(), |&id| self.node(id).next.some());
        all.into_iter().find(|&id| self.kind(id).is_element())
    }

    pub fn child_elements(&self, parent: NodeId) -> Vec<NodeId> {
        self.children(parent)
            .filter(|&id| self.kind(id).is_element())
            .collect()
    }

    /// Walks *top* and all below it, parents first.
    pub fn preorder(&self, top: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(top), move |&id| self.after_in_preorder(id, top))
    }

    /// Returns the node after *id* when walking *top*, parents first.
    pub fn after_in_preorder(&self, id: NodeId, top: NodeId) -> Option<NodeId> {
        let first = self.node(id).first;
        if !first.is_none() {
            Some(first)
        } else {
            self.after_subtree(id, top)
        }
    }

    /// Like `after_in_preorder`, skipping what is below *id*.
    pub fn after_subtree(&self, mut id: NodeId, top: NodeId) -> Option<NodeId> {
        while id != top {
            let node = self.node(id);
            if !node.next.is_none() {
                return Some(node.next);
            }
            id = node.parent;
        }
        None
    }

    pub fn is_ancestor_or_self(&self, above: NodeId, id: NodeId) -> bool {
        let mut at = id;
        while at != above {
            at = self.node(at).parent;
            if at.is_none() {
                return false;
            }
        }
        true
    }

    /// Returns the element's stamp, 0 if its uuid is not one of ours or it has none yet.
    pub fn stamp(&self, id: NodeId) -> u64 {
        self.node(id).stamp()
    }

    /// Returns the element's uuid, `None` in a tree that was not stamped.
    pub fn uuid(&self, id: NodeId) -> Option<String> {
        match self.stamp(id) {
            0 => self.attribute_by_id(id, n::UUID).map(str::to_owned),
            stamp => {
                let mut uuid = String::new();
                uuid::write(stamp, &mut uuid);
                Some(uuid)
            }
        }
    }

    pub fn by_uuid(&self, uuid: &str) -> Option<NodeId> {
        match uuid::read(uuid) {
            Some(stamp) => self.by_stamp(stamp),
            None => self.by_given.get(uuid).copied(),
        }
    }

    pub fn by_stamp(&self, stamp: u64) -> Option<NodeId> {
        self.by_stamp.get(stamp).some()
    }

    /// Returns the elements whose attribute `id` is *id*, in no order, wherever they are.
    pub fn with_id(&self, id: &str) -> impl Iterator<Item = NodeId> {
        let is_it = move |&node: &NodeId| self.attribute_by_id(node, n::ID) == Some(id);
        self.ids.candidates(id).filter(is_it)
    }

    /// Returns the first element of the document whose attribute `id` is *id*.
    pub fn by_id(&self, id: &str) -> Option<NodeId> {
        let is_placed = |&node: &NodeId| self.is_ancestor_or_self(ROOT, node);
        let placed: Vec<NodeId> = self.with_id(id).filter(is_placed).collect();
        match placed[..] {
            [] => None,
            [only] => Some(only),
            _ => self.preorder(ROOT).find(|node| placed.contains(node)),
        }
    }

    /// Returns the element of this tree that has the uuid of *id* in *other*.
    pub fn counterpart(&self, other: &Tree, id: NodeId) -> Option<NodeId> {
        match other.stamp(id) {
            0 => self
                .by_given
                .get(other.attribute_by_id(id, n::UUID)?)
                .copied(),
            stamp => self.by_stamp(stamp),
        }
    }

    /// Returns all texts below *id*, joined.
    pub fn text(&self, id: NodeId) -> String {
        let mut out = String::new();
        for id in self.preorder(id) {
            if self.kind(id) == Kind::Text {
                out.push_str(self.data(id));
            }
        }
        out
    }

    pub fn is_stamped(&self) -> bool {
        self.stamped
    }

    /// Says whether nothing was written since these two versions parted.
    pub fn same_version(&self, other: &Tree) -> bool {
        self.pages.same(&other.pages)
    }

    /// Says whether both are versions of one tree, so that a slot that was not
    /// used again holds the same node in both.
    pub fn shares_history(&self, other: &Tree) -> bool {
        Arc::ptr_eq(&self.history, &other.history)
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Returns how many pages, and bytes of them, no other version shares.
    pub fn own_pages(&self) -> (usize, usize) {
        self.pages.own()
    }

    fn page(&self, id: NodeId) -> &Page {
        self.pages.get(page_of(id))
    }
}

/// Events and fields.
impl Tree {
    /// Returns the elements from *target* upwards that have attribute *name*, with
    /// its value; none at all if what was meant is disabled.
    pub fn listeners(&self, target: NodeId, name: &str) -> Vec<(NodeId, String)> {
        let Some(name) = self.names.find(name) else {
            return Vec::new();
        };
        if self.is_in_disabled(target) {
            return Vec::new();
        }
        let heard = |id| Some((id, self.attribute_by_id(id, name)?.to_owned()));
        self.upwards(target).filter_map(heard).collect()
    }

    /// Walks from an element to the topmost above it.
    fn upwards(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let up = std::iter::successors(id.some(), |&id| self.node(id).parent.some());
        up.take_while(|&id| id != ROOT)
    }

    fn is_in_disabled(&self, id: NodeId) -> bool {
        self.upwards(id).any(|id| self.is_disabled(id))
    }

    fn is_disabled(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.kind == Kind::Html
            && self.attribute_by_id(id, n::DISABLED).is_some()
            && matches!(
                self.tag(id),
                "button" | "fieldset" | "input" | "optgroup" | "option" | "select" | "textarea"
            )
    }

    /// Returns the property that *value*, in JSON, would set if the user changed the
    /// field *id* so; `None` if that is no field, or not one a user can change so.
    pub fn field_property(&self, id: NodeId, value: &str) -> Option<&'static str> {
        let node = self.node(id);
        if node.kind != Kind::Html || self.is_in_disabled(id) {
            return None;
        }
        let is_input = node.name == n::INPUT;
        let input_type = self
            .attribute_by_id(id, n::TYPE)
            .unwrap_or("")
            .to_ascii_lowercase();
        let is_tick = is_input && matches!(&*input_type, "checkbox" | "radio");
        let is_file = is_input && input_type == "file";
        let is_many = node.name == n::SELECT && self.attribute_by_id(id, n::MULTIPLE).is_some();
        match value.as_bytes().first()? {
            b't' | b'f' if is_tick => Some(".checked"),
            b'[' if is_file || is_many => Some(".value"),
            b'"' if is_tick || is_file || is_many || input_type == "hidden" => None,
            b'"' if is_input || matches!(node.name, n::TEXTAREA | n::SELECT) => Some(".value"),
            _ => None,
        }
    }
}

/// Making nodes.
impl Tree {
    /// Makes an element outside of the tree; *name* is as HTML parsing would give it.
    pub fn create_element(&mut self, kind: Kind, name: &str) -> Result<NodeId, EditError> {
        let name = self.names.intern(name)?;
        self.create_element_by_id(kind, name)
    }

    pub(crate) fn create_element_by_id(
        &mut self,
        kind: Kind,
        name: NameId,
    ) -> Result<NodeId, EditError> {
        debug_assert!(kind.is_element());
        let id = self.allocate()?;
        self.page_mut(id).put_element(slot(id), kind, name);
        if self.stamped {
            self.set_stamp(id, uuid::take(1));
        }
        Ok(id)
    }

    /// Makes an element that is known elsewhere by this stamp, which must be free here.
    pub(crate) fn create_stamped(
        &mut self,
        kind: Kind,
        name: &str,
        stamp: u64,
    ) -> Result<NodeId, EditError> {
        let name = self.names.intern(name)?;
        let id = self.allocate()?;
        self.page_mut(id).put_element(slot(id), kind, name);
        self.set_stamp(id, stamp);
        Ok(id)
    }

    /// Makes an element with a uuid that is not one of ours.
    pub(crate) fn create_given(
        &mut self,
        kind: Kind,
        name: &str,
        uuid: &str,
    ) -> Result<NodeId, EditError> {
        let name = self.names.intern(name)?;
        let id = self.allocate()?;
        self.page_mut(id).put_element(slot(id), kind, name);
        self.page_mut(id).set_attribute(slot(id), n::UUID, uuid)?;
        Arc::make_mut(&mut self.by_given).insert(uuid.into(), id);
        Ok(id)
    }

    pub fn create_text(&mut self, text: &str) -> Result<NodeId, EditError> {
        self.create_data(Kind::Text, text)
    }

    /// Makes a text, a comment or a doctype outside of the tree.
    pub fn create_data(&mut self, kind: Kind, data: &str) -> Result<NodeId, EditError> {
        debug_assert!(kind.is_data());
        let id = self.allocate()?;
        self.page_mut(id).put_data(slot(id), kind, data);
        Ok(id)
    }

    fn allocate(&mut self) -> Result<NodeId, EditError> {
        let id = match self.free.some() {
            Some(id) => {
                self.free = self.node(id).next;
                id
            }
            None if self.end == NODES_MAX => return Err(EditError::TooManyNodes),
            None => {
                self.end += 1;
                NodeId(self.end - 1)
            }
        };
        self.len += 1;
        Ok(id)
    }

    fn release(&mut self, id: NodeId) {
        if self.kind(id).is_element() {
            self.forget_uuid(id);
            self.forget_id(id);
        }
        let free = self.free;
        let page = self.page_mut(id);
        page.clear(slot(id));
        page.node_mut(slot(id)).next = free;
        self.free = id;
        self.len -= 1;
    }

    fn page_mut(&mut self, id: NodeId) -> &mut Page {
        self.pages.get_mut(page_of(id))
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.page_mut(id).node_mut(slot(id))
    }
}

/// Changing the tree's shape.
impl Tree {
    /// Puts *child*, which is taken from where it is, below *parent*, before
    /// *before* or last.
    pub fn insert(
        &mut self,
        parent: NodeId,
        before: Option<NodeId>,
        child: NodeId,
    ) -> Result<(), EditError> {
        let kind = self.kind(parent);
        if !kind.is_element() && kind != Kind::Root {
            return Err(EditError::NoChildren);
        }
        if before.is_some_and(|before| self.node(before).parent != parent) {
            return Err(EditError::NotAChild);
        }
        let may_be_above = child == parent || !self.node(child).first.is_none();
        if may_be_above && self.is_ancestor_or_self(child, parent) {
            return Err(EditError::Cycle);
        }
        if before == Some(child) {
            return Ok(());
        }
        self.detach(child);
        self.attach(parent, before.unwrap_or(NodeId::NONE), child);
        Ok(())
    }

    pub fn append(&mut self, parent: NodeId, child: NodeId) -> Result<(), EditError> {
        self.insert(parent, None, child)
    }

    /// Takes *id* out of its parent; it and all below it stay alive.
    pub fn detach(&mut self, id: NodeId) {
        let Node {
            parent,
            previous,
            next,
            ..
        } = *self.node(id);
        if parent.is_none() {
            return;
        }
        self.link(parent, previous, next);
        let node = self.node_mut(id);
        node.parent = NodeId::NONE;
        node.previous = NodeId::NONE;
        node.next = NodeId::NONE;
    }

    /// Takes *id* and all below it out of the tree for good.
    pub fn remove(&mut self, top: NodeId) {
        self.detach(top);
        let mut id = top;
        loop {
            // Go down to a leaf, free it, go on with what is beside or above it.
            while let Some(first) = self.node(id).first.some() {
                id = first;
            }
            let Node { parent, next, .. } = *self.node(id);
            self.release(id);
            if id == top {
                return;
            }
            if next.is_none() {
                self.node_mut(parent).first = NodeId::NONE;
                id = parent;
            } else {
                id = next;
            }
        }
    }

    pub fn remove_children(&mut self, parent: NodeId) {
        while let Some(child) = self.node(parent).first.some() {
            self.remove(child);
        }
    }

    /// Copies *top* of *other*, and all below it, into this tree, outside of its
    /// parents. An element keeps its uuid unless this tree has it already.
    /// *placed* hears of every node and its copy, parents first.
    pub fn adopt(
        &mut self,
        other: &Tree,
        top: NodeId,
        mut placed: impl FnMut(NodeId, NodeId),
    ) -> Result<NodeId, EditError> {
        let copy = self.copy_node(other, top)?;
        placed(top, copy);
        // `at` and `to` go through both trees in step.
        let (mut at, mut to) = (top, copy);
        loop {
            let mut next = other.node(at).first;
            if next.is_none() {
                while at != top && other.node(at).next.is_none() {
                    at = other.node(at).parent;
                    to = self.node(to).parent;
                }
                if at == top {
                    return Ok(copy);
                }
                next = other.node(at).next;
                to = self.node(to).parent;
            }
            let made = match self.copy_node(other, next) {
                Ok(made) => made,
                Err(error) => {
                    self.remove(copy);
                    return Err(error);
                }
            };
            self.attach(to, NodeId::NONE, made);
            placed(next, made);
            (at, to) = (next, made);
        }
    }

    fn copy_node(&mut self, other: &Tree, id: NodeId) -> Result<NodeId, EditError> {
        let node = *other.node(id);
        if !node.kind.is_element() {
            return self.create_data(node.kind, other.data(id));
        }
        let name = self.names.intern(other.tag(id))?;
        let copy = self.allocate()?;
        self.page_mut(copy).put_element(slot(copy), node.kind, name);
        for (name, value) in other.attributes(id) {
            let copied = self.names.intern(other.names.get(name));
            let name = copied.inspect_err(|_| self.release(copy))?;
            let taken = name == n::UUID && self.by_given.contains_key(value);
            if taken {
                continue;
            }
            // The element this is copied from has no more attributes than fit.
            self.page_mut(copy).set_attribute(slot(copy), name, value)?;
            if name == n::UUID {
                Arc::make_mut(&mut self.by_given).insert(value.into(), copy);
            } else if name == n::ID {
                self.ids.add(value, copy);
            }
        }
        let stamp = node.stamp();
        if stamp != 0 && self.by_stamp(stamp).is_none() {
            self.set_stamp(copy, stamp);
        } else if self.stamped && self.attribute_by_id(copy, n::UUID).is_none() {
            self.set_stamp(copy, uuid::take(1));
        }
        Ok(copy)
    }

    /// Links *child*, which has no parent, before *next* or last below *parent*.
    fn attach(&mut self, parent: NodeId, next: NodeId, child: NodeId) {
        let previous = if next.is_none() {
            self.node(parent).last
        } else {
            self.node(next).previous
        };
        let node = self.node_mut(child);
        node.parent = parent;
        node.previous = previous;
        node.next = next;
        if !previous.is_none() {
            self.node_mut(previous).next = child;
        }
        if !next.is_none() {
            self.node_mut(next).previous = child;
        }
        if previous.is_none() || next.is_none() {
            let above = self.node_mut(parent);
            if previous.is_none() {
                above.first = child;
            }
            if next.is_none() {
                above.last = child;
            }
        }
    }

    /// Makes *previous* and *next* neighbours below *parent*; none means an end.
    fn link(&mut self, parent: NodeId, previous: NodeId, next: NodeId) {
        if previous.is_none() {
            self.node_mut(parent).first = next;
        } else {
            self.node_mut(previous).next = next;
        }
        if next.is_none() {
            self.node_mut(parent).last = previous;
        } else {
            self.node_mut(next).previous = previous;
        }
    }
}

/// Changing what nodes say.
impl Tree {
    /// Sets the string of a text, a comment or a doctype.
    pub fn set_data(&mut self, id: NodeId, data: &str) {
        if self.data(id) != data {
            self.page_mut(id).set_data(slot(id), data);
        }
    }

    pub(crate) fn append_data(&mut self, id: NodeId, more: &str) {
        self.page_mut(id).append_data(slot(id), more);
    }

    /// Makes *text* the only child of *parent*; an empty one leaves no child.
    pub fn set_text(&mut self, parent: NodeId, text: &str) -> Result<(), EditError> {
        let Node {
            first, last, kind, ..
        } = *self.node(parent);
        if !kind.is_element() && kind != Kind::Root {
            return Err(EditError::NoChildren);
        }
        let is_one_text = !first.is_none() && first == last && self.kind(first) == Kind::Text;
        if is_one_text && !text.is_empty() {
            self.set_data(first, text);
            return Ok(());
        }
        self.remove_children(parent);
        if !text.is_empty() {
            let child = self.create_text(text)?;
            self.append(parent, child)?;
        }
        Ok(())
    }

    pub fn set_attribute(&mut self, id: NodeId, name: &str, value: &str) -> Result<(), EditError> {
        debug_assert!(name != "uuid", "a uuid is for life");
        let name = self.names.intern(name)?;
        if self.attribute_by_id(id, name) == Some(value) {
            return Ok(());
        }
        if name == n::ID {
            self.forget_id(id);
        }
        self.page_mut(id).set_attribute(slot(id), name, value)?;
        if name == n::ID {
            self.ids.add(value, id);
        }
        Ok(())
    }

    /// Removes an attribute; says whether it was there.
    pub fn remove_attribute(&mut self, id: NodeId, name: &str) -> bool {
        debug_assert!(name != "uuid", "a uuid is for life");
        let found = self
            .names
            .find(name)
            .filter(|&name| self.attribute_by_id(id, name).is_some());
        found.is_some_and(|name| self.page_mut(id).remove_attribute(slot(id), name))
    }

    /// Makes a tree for a parser to write; `finish` must follow before anything else.
    pub(crate) fn building() -> Tree {
        let mut tree = Tree::default();
        tree.pages.build();
        tree
    }

    pub(crate) fn finish(&mut self) {
        self.pages.finish();
    }

    /// Gives a new element its attributes; no name may come twice.
    pub(crate) fn put_attributes<'a>(
        &mut self,
        id: NodeId,
        attributes: impl Iterator<Item = (NameId, &'a str)>,
    ) -> Result<(), EditError> {
        self.page_mut(id).put_attributes(slot(id), attributes)?;
        if let Some(value) = self.pages.get(page_of(id)).attribute(slot(id), n::ID) {
            self.ids.add(value, id);
        }
        Ok(())
    }

    pub(crate) fn intern(&mut self, name: &str) -> Result<NameId, EditError> {
        Ok(self.names.intern(name)?)
    }

    /// Makes the element another one with the same uuid, attributes and children.
    pub fn set_kind_and_tag(&mut self, id: NodeId, kind: Kind, tag: &str) -> Result<(), EditError> {
        debug_assert!(kind.is_element());
        let name = self.names.intern(tag)?;
        let node = self.node(id);
        if (node.kind, node.name) != (kind, name) {
            let node = self.node_mut(id);
            (node.kind, node.name) = (kind, name);
        }
        Ok(())
    }

    /// Returns the namespace that HTML parsing gives to *tag* inside of *parent*.
    pub fn kind_inside(&self, parent: NodeId, tag: &str) -> Kind {
        let node = self.node(parent);
        let is_html_point =
            node.kind == Kind::Svg && matches!(node.name, n::FOREIGN_OBJECT | n::DESC | n::TITLE);
        match (node.kind, tag) {
            (Kind::Svg | Kind::MathMl, _) if !is_html_point => node.kind,
            (_, "svg") => Kind::Svg,
            (_, "math") => Kind::MathMl,
            _ => Kind::Html,
        }
    }

    /// Gives elements that were made alone, as HTML, and then put inside of SVG or
    /// MathML, the namespace they have there.
    pub fn settle_namespaces(&mut self, top: NodeId) -> Result<(), EditError> {
        let mut at = Some(top);
        while let Some(id) = at {
            let node = *self.node(id);
            if node.kind == Kind::Html {
                let tag = self.tag(id).to_owned();
                let kind = self.kind_inside(node.parent, &tag);
                if kind == Kind::Html && id == top {
                    return Ok(());
                }
                self.set_kind_and_tag(id, kind, &tag)?;
            }
            at = self.after_in_preorder(id, top);
        }
        Ok(())
    }

    /// Joins texts that lie side by side and drops empty ones, as in a page that
    /// was parsed.
    pub fn normalize(&mut self) {
        let mut at = Some(ROOT);
        while let Some(id) = at {
            let node = *self.node(id);
            if node.kind != Kind::Text {
                at = self.after_in_preorder(id, ROOT);
                continue;
            }
            if !node.next.is_none() && self.kind(node.next) == Kind::Text {
                let more = self.data(node.next).to_owned();
                self.append_data(id, &more);
                self.remove(node.next);
                continue;
            }
            at = self.after_in_preorder(id, ROOT);
            if self.data(id).is_empty() {
                self.remove(id);
            }
        }
    }
}

/// Uuids.
impl Tree {
    /// Gives every element below the root that lacks a uuid one of its own, in
    /// document order, and every element made from now on as well.
    pub fn stamp_all(&mut self) {
        if self.stamped {
            return;
        }
        self.stamped = true;
        let ids: Vec<NodeId> = self
            .preorder(ROOT)
            .filter(|&id| self.kind(id).is_element())
            .collect();
        let mut next = uuid::take(ids.len() as u64);
        for id in ids {
            if self.stamp(id) == 0 && !self.index_given(id) {
                self.set_stamp(id, next);
                next += 1;
            }
        }
    }

    /// Gives one element a uuid if it has none.
    pub fn stamp_one(&mut self, id: NodeId) {
        if self.stamp(id) == 0 && !self.index_given(id) {
            self.set_stamp(id, uuid::take(1));
        }
    }

    /// Gives a uuid to *top* and to every element below it that has none.
    pub fn stamp_below(&mut self, top: NodeId) {
        let mut at = Some(top);
        while let Some(id) = at {
            if self.kind(id).is_element() {
                self.stamp_one(id);
            }
            at = self.after_in_preorder(id, top);
        }
    }

    /// Indexes a uuid that was found in HTML; says whether the element has one now.
    fn index_given(&mut self, id: NodeId) -> bool {
        let Some(given) = self.attribute_by_id(id, n::UUID) else {
            return false;
        };
        let given: Box<str> = given.into();
        if self.by_given.get(&given) == Some(&id) {
            return true;
        }
        if let Some(stamp) = uuid::read(&given) {
            // One of ours on its way back, in HTML that somebody saved.
            self.page_mut(id).remove_attribute(slot(id), n::UUID);
            let is_new = self.by_stamp(stamp).is_none();
            if is_new {
                self.set_stamp(id, stamp);
            }
            return is_new;
        }
        if given.is_empty() || self.by_given.contains_key(&given) {
            self.page_mut(id).remove_attribute(slot(id), n::UUID);
            return false;
        }
        Arc::make_mut(&mut self.by_given).insert(given, id);
        true
    }

    fn set_stamp(&mut self, id: NodeId, stamp: u64) {
        self.node_mut(id).set_stamp(stamp);
        self.by_stamp.set(stamp, id);
    }

    fn forget_id(&mut self, id: NodeId) {
        if let Some(value) = self.pages.get(page_of(id)).attribute(slot(id), n::ID) {
            self.ids.remove(value, id);
        }
    }

    fn forget_uuid(&mut self, id: NodeId) {
        let stamp = self.stamp(id);
        if stamp != 0 {
            self.by_stamp.set(stamp, NodeId::NONE);
        } else if let Some(given) = self.attribute_by_id(id, n::UUID).map(Box::<str>::from)
            && self.by_given.get(&given) == Some(&id)
        {
            Arc::make_mut(&mut self.by_given).remove(&given);
        }
    }
}

fn page_of(id: NodeId) -> usize {
    id.0 as usize / PAGE_NODES
}

fn slot(id: NodeId) -> usize {
    id.0 as usize % PAGE_NODES
}
