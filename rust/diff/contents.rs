//! What nodes say that both trees have: strings, attributes, tags.
//!
//! Ops for these come before all others, so whatever they name is where it was in
//! the old tree. Names of two versions are compared by number, those of strangers by
//! how they are spelled.

use crate::names::NameId;
use crate::node::{Kind, NodeId};
use crate::ops::Op;
use crate::tree::{ROOT, Tree};
use rustc_hash::FxHashMap;

/// Compares node by node.
pub(super) struct Contents<'a, 'ops> {
    old: &'a Tree,
    new: &'a Tree,
    ops: &'ops mut Vec<Op>,
    /// Indexes among their siblings, of children that were counted as a whole.
    places: FxHashMap<NodeId, u32>,
}

impl<'a, 'ops> Contents<'a, 'ops> {
    pub fn new(old: &'a Tree, new: &'a Tree, ops: &'ops mut Vec<Op>) -> Self {
        Contents {
            old,
            new,
            ops,
            places: FxHashMap::default(),
        }
    }

    /// Appends what makes *id* of what was *before* in the old tree.
    pub fn compare(&mut self, before: NodeId, id: NodeId) {
        let kind = self.new.kind(id);
        if kind.is_element() {
            self.element(before, id);
        } else if kind.is_data() && self.old.data(before) != self.new.data(id) {
            self.data(before, id);
        }
    }

    fn element(&mut self, before: NodeId, id: NodeId) {
        let (old, new) = (self.old, self.new);
        let (was, is) = (old.node(before), new.node(id));
        if was.kind != is.kind || !new.names().same(is.name, old.names(), was.name) {
            self.ops.push(Op::Replace { node: id });
            return;
        }
        for (name, value) in new.attributes(id) {
            let before = counterpart(new, name, old).and_then(|it| old.attribute_by_id(before, it));
            let is_same = before == Some(value) || before.is_some() && is_private(new, name);
            if !is_same && !is_uuid(name) {
                self.ops.push(Op::SetAttribute { node: id, name });
            }
        }
        for (name, _) in old.attributes(before) {
            let after = counterpart(old, name, new).and_then(|it| new.attribute_by_id(id, it));
            if after.is_none() && !is_uuid(name) {
                self.ops.push(Op::DropAttribute { node: id, name });
            }
        }
    }

    fn data(&mut self, before: NodeId, id: NodeId) {
        let was = self.old.node(before);
        let is_only = self.old.only_shown(was.parent) == Some(before) && was.kind == Kind::Text;
        let parent = self.new.node(id).parent;
        let is_only = is_only && parent != ROOT && !self.new.data(id).is_empty();
        let op = match is_only {
            true => Op::Text {
                node: parent,
                text: id,
            },
            false => Op::Data {
                parent,
                index: self.index_of(before),
                data: id,
            },
        };
        self.ops.push(op);
    }

    /// Returns how many of its parent's children come before *id* in the old page.
    /// All are counted at once if they are many, so that many changed texts side by
    /// side cost no more each than a few.
    fn index_of(&mut self, id: NodeId) -> u32 {
        const FEW: usize = 16;
        if let Some(&place) = self.places.get(&id) {
            return place;
        }
        let old = self.old;
        let before = |&id: &NodeId| old.previous_shown(id).some();
        let mut all = std::iter::successors(before(&id), before);
        let near = all.by_ref().take(FEW).count();
        if all.next().is_none() {
            return near as u32;
        }
        let siblings = old.shown_children(old.node(id).parent);
        self.places.extend(siblings.zip(0..));
        self.places[&id]
    }
}

/// Returns what the name *name* of *tree* is in *other*.
fn counterpart(tree: &Tree, name: NameId, other: &Tree) -> Option<NameId> {
    match tree.shares_names(other) {
        true => Some(name),
        false => other.names().find(tree.names().get(name)),
    }
}

/// Says whether an attribute's value stays on the server: that of a handler does.
fn is_private(tree: &Tree, name: NameId) -> bool {
    tree.names().get(name).starts_with("_on")
}

fn is_uuid(name: NameId) -> bool {
    name == crate::names::known_names::UUID
}
