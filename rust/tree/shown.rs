//! What of a tree is shown: all but hidden elements and whatever is inside of them, and
//! the doctype, which a page keeps as it came.
//!
//! Whoever renders, compares or sends a tree walks it with these functions, whoever
//! works on it with the plain ones: a hidden element keeps its place, its uuid and
//! its handlers. A tree that hides nothing is walked as fast as if this were not there.

use crate::node::{Kind, Marks, Node, NodeId};
use crate::tree::{ROOT, Tree};
use rustc_hash::FxHashMap;
use std::cell::RefCell;

impl Tree {
    pub fn is_hidden(&self, id: NodeId) -> bool {
        self.node(id).is_hidden()
    }

    /// Hides an element, with all below it, or shows it again.
    pub fn set_hidden(&mut self, id: NodeId, is_hidden: bool) {
        debug_assert!(self.kind(id).is_element());
        if self.is_hidden(id) != is_hidden {
            self.node_mut(id).marks.set(Marks::HIDDEN, is_hidden);
            self.hidden = self.hidden + u32::from(is_hidden) - u32::from(!is_hidden);
        }
    }

    /// Says whether nothing in the tree is hidden.
    pub fn shows_all(&self) -> bool {
        self.hidden == 0
    }

    /// Says whether neither *id* nor anything above it is hidden.
    pub fn is_shown(&self, id: NodeId) -> bool {
        let up = std::iter::successors(Some(id), |&id| self.node(id).parent.some());
        self.shows_all() || up.into_iter().all(|id| !self.is_hidden(id))
    }

    /// Returns the first child that is shown if *parent* is; none may be.
    pub fn first_shown(&self, parent: NodeId) -> NodeId {
        self.onwards(self.node(parent).first, parent)
    }

    /// Returns the nearest sibling after *id* that is shown if its parent is.
    pub fn next_shown(&self, id: NodeId) -> NodeId {
        let node = self.node(id);
        self.onwards(node.next, node.parent)
    }

    /// Returns the nearest sibling before *id* that is shown if its parent is.
    pub fn previous_shown(&self, id: NodeId) -> NodeId {
        let node = self.node(id);
        let (mut id, parent) = (node.previous, node.parent);
        while self.is_passed_over(id, parent) {
            id = self.node(id).previous;
        }
        id
    }

    fn onwards(&self, mut id: NodeId, parent: NodeId) -> NodeId {
        while self.is_passed_over(id, parent) {
            id = self.node(id).next;
        }
        id
    }

    /// Says whether the child *id* of *parent* is one, and not shown even if that is.
    fn is_passed_over(&self, id: NodeId, parent: NodeId) -> bool {
        // Only the root has a doctype.
        !id.is_none()
            && (parent == ROOT && self.kind(id) == Kind::Doctype
                || !self.shows_all() && self.is_hidden(id))
    }

    /// Returns the only child that is shown; none if there are more or none.
    pub fn only_shown(&self, parent: NodeId) -> Option<NodeId> {
        let Node { first, last, .. } = *self.node(parent);
        if first == last {
            return first.some().filter(|&id| !self.is_passed_over(id, parent));
        }
        let only = self.onwards(first, parent).some()?;
        self.next_shown(only).is_none().then_some(only)
    }

    pub fn shown_children(&self, parent: NodeId) -> impl Iterator<Item = NodeId> {
        let next = |&id: &NodeId| self.next_shown(id).some();
        std::iter::successors(self.first_shown(parent).some(), next)
    }

    /// Walks *top* and what is shown below it, parents first.
    pub fn shown_preorder(&self, top: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(top), move |&id| self.after_shown(id, top))
    }

    /// Returns the node after *id* when walking what is shown of *top*, parents first.
    pub fn after_shown(&self, id: NodeId, top: NodeId) -> Option<NodeId> {
        let first = self.first_shown(id).some();
        first.or_else(|| self.after_shown_subtree(id, top))
    }

    /// Like `after_shown`, skipping what is below *id*.
    pub fn after_shown_subtree(&self, mut id: NodeId, top: NodeId) -> Option<NodeId> {
        while id != top {
            if let Some(next) = self.next_shown(id).some() {
                return Some(next);
            }
            id = self.node(id).parent;
        }
        None
    }
}

/// Says of many nodes of one tree whether they are shown, going no way up twice.
pub struct Shown<'a> {
    tree: &'a Tree,
    known: RefCell<FxHashMap<NodeId, bool>>,
}

impl<'a> Shown<'a> {
    pub fn of(tree: &'a Tree) -> Shown<'a> {
        Shown {
            tree,
            known: RefCell::default(),
        }
    }

    /// Says whether neither *id* nor anything above it is hidden.
    pub fn has(&self, id: NodeId) -> bool {
        if self.tree.shows_all() {
            return true;
        }
        let mut known = self.known.borrow_mut();
        let mut way = Vec::new();
        let mut at = id;
        let is_shown = loop {
            if at.is_none() {
                break true;
            }
            if let Some(&is_shown) = known.get(&at) {
                break is_shown;
            }
            way.push(at);
            if self.tree.is_hidden(at) {
                break false;
            }
            at = self.tree.node(at).parent;
        };
        known.extend(way.into_iter().map(|id| (id, is_shown)));
        is_shown
    }
}
