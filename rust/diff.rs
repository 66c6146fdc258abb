//! Finds what leads from one tree to another, at the price of what changed.
//!
//! Pages that two versions share are skipped unseen, and so are siblings whose
//! neighbours are the same: a list is walked as a whole only when its children
//! changed their order among themselves. An element is the same in both trees if
//! its uuid is; trees that share nothing are compared by uuid alone.
//!
//! Ops come in an order in which each can be carried out: first strings and
//! attributes, then children from the top of the new tree downwards (so that
//! whatever an op names is in the page by then), last the removal of what held
//! elements that had to be moved out of it.

mod children;
mod seats;

use crate::node::{Kind, Node, NodeId, PAGE_NODES, Page};
use crate::ops::Op;
use crate::tree::{ROOT, Tree};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Appends the ops that make *new* out of *old* to *ops*.
///
/// Both trees must be stamped, or every element counts as another one.
pub fn diff(old: &Tree, new: &Tree, ops: &mut Vec<Op>) {
    if old.same_version(new) {
        return;
    }
    let mut diff = Diff {
        old,
        new,
        ops,
        touched: FxHashMap::default(),
        moved_away: FxHashSet::default(),
        lifted: None,
        late: Vec::new(),
        depths: FxHashMap::default(),
        queue: BinaryHeap::new(),
        queued: FxHashSet::default(),
        indexes: FxHashMap::default(),
    };
    let changed = Changed::between(old, new);
    diff.contents(&changed);
    diff.find_touched(&changed);
    diff.shapes();
}

/// The nodes whose slots differ, on each side.
struct Changed {
    old: Vec<NodeId>,
    new: Vec<NodeId>,
}

impl Changed {
    fn between(old: &Tree, new: &Tree) -> Changed {
        let names_agree = old.names().agree(new.names());
        let related = names_agree && old.shares_history(new);
        let mut changed = Changed {
            old: Vec::new(),
            new: Vec::new(),
        };
        old.pages().differing(new.pages(), |number, before, after| {
            let both = before.zip(after).filter(|_| related);
            let continues = both.is_some_and(|(before, after)| before.continues(after));
            for slot in 0..PAGE_NODES {
                let (a, b) = (node(before, slot), node(after, slot));
                if a.kind == Kind::Free && b.kind == Kind::Free {
                    continue;
                }
                let is_same = match both {
                    Some(_) if continues => a == b,
                    Some((before, after)) => before.same_node(after, slot),
                    None => false,
                };
                if is_same {
                    continue;
                }
                let id = NodeId((number * PAGE_NODES + slot) as u32);
                if a.kind != Kind::Free {
                    changed.old.push(id);
                }
                if b.kind != Kind::Free {
                    changed.new.push(id);
                }
            }
        });
        changed
    }
}

fn node(page: Option<&Page>, slot: usize) -> Node {
    page.map_or_else(Node::default, |page| *page.node(slot))
}

/// What is known of a parent's children before looking at them all.
#[derive(Default)]
struct Touched {
    /// Children in the new tree that are new there or have other neighbours.
    new: Vec<NodeId>,
    /// Children in the old tree that are not below this parent any more.
    gone: Vec<NodeId>,
    /// Says that neighbours tell nothing and both lists must be compared.
    whole: bool,
}

struct Diff<'a> {
    old: &'a Tree,
    new: &'a Tree,
    ops: &'a mut Vec<Op>,
    /// By parent in the new tree.
    touched: FxHashMap<NodeId, Touched>,
    /// Elements, by their place in the old tree, that an op already took elsewhere.
    moved_away: FxHashSet<NodeId>,
    /// A child that is looked at as if it came from elsewhere: the one that moves.
    lifted: Option<NodeId>,
    /// Elements of the old tree to remove when all else is done.
    late: Vec<NodeId>,
    depths: FxHashMap<NodeId, u32>,
    queue: BinaryHeap<Reverse<(u32, NodeId)>>,
    queued: FxHashSet<NodeId>,
    /// By parent in the old tree: nothing when one child was counted, all its texts and
    /// comments with their indexes when more were.
    indexes: FxHashMap<NodeId, FxHashMap<NodeId, u32>>,
}

/// Which node of one tree is which of the other.
impl Diff<'_> {
    fn old_of(&self, id: NodeId) -> Option<NodeId> {
        counterpart(self.old, self.new, id)
    }

    fn new_of(&self, id: NodeId) -> Option<NodeId> {
        counterpart(self.new, self.old, id)
    }

    /// Returns where in the old tree the child *id* of *parent* was, if below the same parent.
    fn stayed(&self, parent: NodeId, id: NodeId) -> Option<NodeId> {
        let before = self.old_of(id).filter(|_| Some(id) != self.lifted)?;
        let old_parent = self.old.node(before).parent.some()?;
        (self.new_of(old_parent) == Some(parent)).then_some(before)
    }

    /// Says whether the old child *id* of what is *parent* now is still below it.
    fn stays(&self, parent: NodeId, id: NodeId) -> bool {
        let after = self.new_of(id).filter(|&after| Some(after) != self.lifted);
        after.is_some_and(|after| self.new.node(after).parent == parent)
    }

    /// Says whether nothing below the old node *top* lives on anywhere.
    fn is_wholly_gone(&self, top: NodeId) -> bool {
        !self
            .old
            .preorder(top)
            .any(|id| self.old.kind(id).is_element() && self.new_of(id).is_some())
    }
}

/// Returns what *id* of *other* is in *tree*: by uuid for elements, by slot and
/// parent for texts and comments, which have none.
fn counterpart(tree: &Tree, other: &Tree, id: NodeId) -> Option<NodeId> {
    let node = other.node(id);
    if node.kind == Kind::Root {
        return Some(ROOT);
    }
    let same_slot = tree.get(id);
    if node.kind.is_element() {
        let stamp = node.stamp();
        if stamp != 0 && same_slot.is_some_and(|it| it.kind.is_element() && it.stamp() == stamp) {
            return Some(id);
        }
        return tree.counterpart(other, id);
    }
    let there = same_slot.filter(|it| it.kind == node.kind && tree.shares_history(other))?;
    let (mine, theirs) = (there.parent.some()?, node.parent.some()?);
    let same_parent = match other.kind(theirs) {
        Kind::Root => mine == ROOT,
        _ => tree.kind(mine).is_element() && counterpart(tree, other, theirs) == Some(mine),
    };
    same_parent.then_some(id)
}

/// Strings, attributes and tags.
impl Diff<'_> {
    fn contents(&mut self, changed: &Changed) {
        for &id in &changed.new {
            let Some(before) = self.old_of(id) else {
                continue;
            };
            let kind = self.new.kind(id);
            if kind.is_element() {
                self.element(before, id);
            } else if kind.is_data() && self.old.data(before) != self.new.data(id) {
                self.data(before, id);
            }
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
            let spelled = new.names().get(name);
            let before = old.attribute(before, spelled);
            // The value of a handler's attribute is not in the page.
            let same = before == Some(value) || before.is_some() && spelled.starts_with("_on");
            if !same && spelled != "uuid" {
                self.ops.push(Op::SetAttribute { node: id, name });
            }
        }
        for (name, _) in old.attributes(before) {
            let spelled = old.names().get(name);
            if new.attribute(id, spelled).is_none() && spelled != "uuid" {
                self.ops.push(Op::DropAttribute { node: id, name });
            }
        }
    }

    fn data(&mut self, before: NodeId, id: NodeId) {
        let was = self.old.node(before);
        let is_only = was.previous.is_none() && was.next.is_none() && was.kind == Kind::Text;
        let parent = self.new.node(id).parent;
        let is_only = is_only && parent != ROOT && !self.new.data(id).is_empty();
        let op = match is_only {
            true => Op::Text {
                node: parent,
                text: id,
            },
            false => Op::Data {
                parent,
                index: self.index_in_old(before),
                data: id,
            },
        };
        self.ops.push(op);
    }

    /// Returns the index of a text or comment among its parent's children. One is found
    /// by counting; if a second one is asked for, all are counted, once.
    fn index_in_old(&mut self, id: NodeId) -> u32 {
        let parent = self.old.node(id).parent;
        let Some(indexes) = self.indexes.get_mut(&parent) else {
            self.indexes.insert(parent, FxHashMap::default());
            return index_of(self.old, id);
        };
        if indexes.is_empty() {
            let counted = self.old.children(parent);
            let counted = counted.filter(|&id| self.old.kind(id) != Kind::Doctype);
            let counted = counted.zip(0..);
            indexes.extend(counted.filter(|(id, _)| self.old.kind(*id).is_data()));
        }
        indexes[&id]
    }
}

/// Returns how many of its parent's children come before *id*; a doctype is none,
/// as in the page.
fn index_of(tree: &Tree, id: NodeId) -> u32 {
    let before = |&id: &NodeId| tree.node(id).previous.some();
    let all = std::iter::successors(tree.node(id).previous.some(), before);
    all.filter(|&id| tree.kind(id) != Kind::Doctype).count() as u32
}
