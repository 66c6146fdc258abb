//! Finds what leads from one tree to another, at the price of what changed.
//!
//! Pages that two versions share are skipped unseen, and so are siblings whose
//! neighbours are the same: a list is walked as a whole only when its children
//! changed their order among themselves. An element is the same in both trees if
//! its uuid is; trees that share nothing are compared by uuid alone. What a tree
//! hides counts as not there, for a page does not have it.
//!
//! Ops come in an order in which each can be carried out: first strings and
//! attributes, then children from the top of the new tree downwards (so that
//! whatever an op names is in the page by then), then the removal of what held
//! elements that had to be moved out of it; last what is to be called on elements.

mod children;

use crate::node::{Kind, Node, NodeId, PAGE_NODES, Page};
use crate::ops::Op;
use crate::tree::{Calls, ROOT, Tree};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::Cell;
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
        seen_parents: Default::default(),
    };
    let mut changed = Changed::between(old, new);
    if !(old.shows_all() && new.shows_all()) {
        diff.find_touched_unseen(&changed);
        changed.old.retain(|&id| diff.is_shown(Side::Old, id));
        changed.new.retain(|&id| diff.is_shown(Side::New, id));
    }
    diff.contents(&changed);
    diff.find_touched(&changed);
    diff.shapes();
    calls(old.calls(), new, ops);
}

/// Appends the calls of *new* that are not among *old*, in their order.
pub fn calls(old: &Calls, new: &Tree, ops: &mut Vec<Op>) {
    // What is not in the page cannot be focused: such a call is void.
    let is_in_page = |&id: &NodeId| new.is_ancestor_or_self(ROOT, id) && new.is_shown(id);
    for at in new.calls().since(old) {
        let call = &new.calls().as_slice()[at];
        let Some(node) = new.by_uuid(&call.uuid).filter(is_in_page) else {
            continue;
        };
        // Elements of SVG and MathML have no such method.
        if &*call.method == "click" && new.kind(node) != Kind::Html {
            continue;
        }
        let call = at as u32;
        ops.push(Op::Call { node, call });
    }
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
    /// The parent that was last found shown in each tree: siblings are asked in a row.
    seen_parents: [Cell<NodeId>; 2],
}

#[derive(Clone, Copy)]
enum Side {
    Old,
    New,
}

/// Which node of one tree is which of the other.
impl Diff<'_> {
    fn old_of(&self, id: NodeId) -> Option<NodeId> {
        counterpart(self.old, self.new, id).filter(|&id| self.is_shown(Side::Old, id))
    }

    fn new_of(&self, id: NodeId) -> Option<NodeId> {
        counterpart(self.new, self.old, id).filter(|&id| self.is_shown(Side::New, id))
    }

    fn is_shown(&self, side: Side, id: NodeId) -> bool {
        let tree = match side {
            Side::Old => self.old,
            Side::New => self.new,
        };
        if tree.shows_all() || tree.is_hidden(id) {
            return tree.shows_all();
        }
        let parent = tree.node(id).parent;
        let seen = &self.seen_parents[side as usize];
        let is_shown = parent.is_none() || seen.get() == parent || tree.is_shown(parent);
        if is_shown {
            seen.set(parent);
        }
        is_shown
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
            .shown_preorder(top)
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
        let is_only = self.old.only_shown(was.parent) == Some(before) && was.kind == Kind::Text;
        let parent = self.new.node(id).parent;
        let is_only = is_only && parent != ROOT && !self.new.data(id).is_empty();
        self.ops.push(match is_only {
            true => Op::Text {
                node: parent,
                text: id,
            },
            false => Op::Data {
                parent,
                index: index_of(self.old, before),
                data: id,
            },
        });
    }
}

/// Returns how many of its parent's children come before *id*; a doctype is none,
/// as in the page.
fn index_of(tree: &Tree, id: NodeId) -> u32 {
    let before = |&id: &NodeId| tree.previous_shown(id).some();
    let all = std::iter::successors(before(&id), before);
    all.filter(|&id| tree.kind(id) != Kind::Doctype).count() as u32
}
