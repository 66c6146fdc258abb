//! Finds children by their index without walking there from the first one each time.
//!
//! A tree links siblings and counts nothing. The cursor remembers which child was asked
//! for last, and how many there are, until any link in the tree changes, but by a
//! replacement of that child; so going through children by index takes one step for each.

use crate::node::NodeId;
use crate::tree::Tree;

#[derive(Default)]
pub struct Cursor {
    parent: NodeId,
    /// How often links had changed when the rest was found out.
    links: u64,
    count: Option<usize>,
    at: Option<(usize, NodeId)>,
}

impl Cursor {
    /// Returns how many elements are below *parent*.
    pub fn count(&mut self, tree: &Tree, parent: NodeId) -> usize {
        self.look_at(tree, parent);
        *self
            .count
            .get_or_insert_with(|| forwards(tree, tree.node(parent).first).count())
    }

    /// Returns the element at *index* below *parent*, from the last one if below 0.
    pub fn element(&mut self, tree: &Tree, parent: NodeId, index: isize) -> Option<NodeId> {
        let Ok(index) = usize::try_from(index) else {
            return backwards(tree, tree.node(parent).last).nth(index.unsigned_abs() - 1);
        };
        self.look_at(tree, parent);
        if self.count.is_some_and(|count| index >= count) {
            return None;
        }
        let found = match self.at {
            Some((at, node)) if index >= at => forwards(tree, node).nth(index - at),
            Some((at, node)) if index > at / 2 => backwards(tree, node).nth(at - index),
            _ => forwards(tree, tree.node(parent).first).nth(index),
        }?;
        self.at = Some((index, found));
        Some(found)
    }

    /// Notes that nothing has changed since, but that *node* took the place of the element
    /// that was found last; so setting all children by index takes one step for each too.
    pub fn replaced(&mut self, tree: &Tree, node: NodeId) {
        self.at = self.at.map(|(index, _)| (index, node));
        self.links = tree.links();
    }

    fn look_at(&mut self, tree: &Tree, parent: NodeId) {
        if (self.parent, self.links) != (parent, tree.links()) {
            *self = Cursor {
                parent,
                links: tree.links(),
                ..Cursor::default()
            };
        }
    }
}

/// Returns *from* and the elements after it beside it.
fn forwards(tree: &Tree, from: NodeId) -> impl Iterator<Item = NodeId> {
    let all = std::iter::successors(from.some(), |&id| tree.node(id).next.some());
    all.filter(|&id| tree.kind(id).is_element())
}

/// Returns *from* and the elements before it beside it, the nearest first.
pub fn backwards(tree: &Tree, from: NodeId) -> impl Iterator<Item = NodeId> {
    let all = std::iter::successors(from.some(), |&id| tree.node(id).previous.some());
    all.filter(|&id| tree.kind(id).is_element())
}
