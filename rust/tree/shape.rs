//! Where nodes are in a tree: put in, taken out, copied from another tree.
//!
//! Links of parents and siblings agree before and after each function, and no node
//! is ever its own ancestor.

use crate::names::known_names as n;
use crate::node::{Node, NodeId};
use crate::tree::{EditError, Tree, slot};
use crate::uuid;

impl Tree {
    /// Puts *child*, which is taken from where it is, below *parent*, before
    /// *before* or last.
    pub fn insert(
        &mut self,
        parent: NodeId,
        before: Option<NodeId>,
        child: NodeId,
    ) -> Result<(), EditError> {
        if !self.may_have_children(parent) {
            return Err(EditError::NoChildren);
        }
        if before.is_some_and(|before| self.node(before).parent != parent) {
            return Err(EditError::NotAChild);
        }
        if self.would_be_inside_itself(parent, child) {
            return Err(EditError::Cycle);
        }
        if before == Some(child) {
            return Ok(());
        }
        self.detach(child);
        self.attach(parent, before.unwrap_or(NodeId::NONE), child);
        Ok(())
    }

    /// Says whether *parent* is *child* or below it. Looks upwards from the one and through
    /// the other in step: the shorter way tells.
    fn would_be_inside_itself(&self, parent: NodeId, child: NodeId) -> bool {
        let mut below = self.after_in_preorder(child, child);
        let mut at = parent;
        while at != child {
            at = self.node(at).parent;
            if at.is_none() || below.is_none() {
                return false;
            }
            below = below.and_then(|id| self.after_in_preorder(id, child));
        }
        true
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
        self.links += 1;
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
        self.make_room_for_names(1 + other.attributes(id).count());
        let name = self.intern_one_of_many(other.tag(id))?;
        let mut attributes = Vec::new();
        for (name, value) in other.attributes(id) {
            let is_taken = name == n::UUID && self.by_given(value).is_some();
            if !is_taken {
                let name = self.intern_one_of_many(other.names().get(name))?;
                attributes.push((name, value));
            }
        }
        let copy = self.allocate()?;
        self.page_mut(copy).put_element(slot(copy), node.kind, name);
        self.set_hidden(copy, node.is_hidden());
        self.set_foreign(copy, node.is_foreign());
        // The element this is copied from has no more attributes than fit.
        self.page_mut(copy)
            .put_attributes(slot(copy), attributes.iter().copied())?;
        for (name, value) in attributes {
            if name == n::UUID {
                self.lookup_mut().by_given.add(value, copy.0);
            } else if name == n::ID {
                self.lookup_mut().ids.add(value, copy.0);
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
        self.links += 1;
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
