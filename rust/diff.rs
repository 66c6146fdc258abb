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
mod contents;
mod waiting;

use crate::diff::contents::Contents;
use crate::node::{Kind, Node, NodeId};
use crate::ops::Op;
use crate::page::{PAGE_NODES, Page};
use crate::tree::{Calls, ROOT, Shown, Tree};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Appends the ops that make *new* out of *old* to *ops*.
///
/// Both trees must be stamped, or every element counts as another one. A node that was
/// detached must be in its tree again, or removed.
pub fn diff(old: &Tree, new: &Tree, ops: &mut Vec<Op>) {
    if old.same_version(new) {
        return;
    }
    let mut changed = Changed::between(old, new);
    let mut contents = Contents::new(old, new, ops);
    for &id in &changed.settled {
        contents.compare(id, id);
    }
    if !(changed.old.is_empty() && changed.new.is_empty()) {
        shapes(old, new, &mut changed, ops);
    }
    calls(old.calls(), new, ops);
}

/// Appends the ops for all nodes that are not settled.
fn shapes(old: &Tree, new: &Tree, changed: &mut Changed, ops: &mut Vec<Op>) {
    let mut diff = Diff {
        old,
        new,
        ops,
        alike: FxHashSet::default(),
        touched: FxHashMap::default(),
        moved_away: FxHashSet::default(),
        lifted: None,
        late: Vec::new(),
        depths: FxHashMap::default(),
        queue: BinaryHeap::new(),
        queued: FxHashSet::default(),
        old_shown: Shown::of(old),
        new_shown: Shown::of(new),
    };
    diff.find_alike(changed);
    if !(old.shows_all() && new.shows_all()) {
        diff.find_touched_unseen(changed);
        changed.old.retain(|id| diff.old_shown.has(*id));
        changed.new.retain(|id| diff.new_shown.has(*id));
    }
    diff.contents(changed);
    diff.find_touched(changed);
    diff.shapes();
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

/// The nodes whose slots differ.
#[derive(Default)]
struct Changed {
    /// Those that are in their places as before, among the same neighbours.
    settled: Slots,
    /// All others, on each side.
    old: Slots,
    new: Slots,
}

type Slots = SmallVec<[NodeId; 8]>;

impl Changed {
    fn between(old: &Tree, new: &Tree) -> Changed {
        let names_agree = old.names().agree(new.names());
        let related = names_agree && old.shares_history(new);
        let mut changed = Changed::default();
        let shows_all = old.shows_all() && new.shows_all();
        old.pages().differing(new.pages(), |number, before, after| {
            let mut put = |slot: usize| {
                let id = NodeId((number * PAGE_NODES + slot) as u32);
                let is_used = |it: &Node| !matches!(it.kind, Kind::Free | Kind::Doctype);
                let used = |page: &'_ Page| Some(*page.node(slot)).filter(is_used);
                let (was, is) = (before.and_then(used), after.and_then(used));
                if let (Some(was), Some(is)) = (was, is)
                    && related
                    && shows_all
                    && is_settled(old, &was, new, &is)
                {
                    changed.settled.push(id);
                    return;
                }
                if was.is_some() {
                    changed.old.push(id);
                }
                if is.is_some() {
                    changed.new.push(id);
                }
            };
            match before.zip(after).filter(|_| related) {
                Some((before, after)) => before.differing(after, put),
                None => (0..PAGE_NODES).for_each(&mut put),
            }
        });
        changed
    }
}

/// Says whether two nodes in the same slot are one, with the same neighbours.
fn is_settled(old: &Tree, was: &Node, new: &Tree, is: &Node) -> bool {
    let links = |node: &Node| (node.parent, node.previous, node.next);
    let same = |a: &Node, b: &Node| match a.kind {
        Kind::Root => b.kind == Kind::Root,
        _ => a.kind.is_element() && b.kind.is_element() && a.stamp() != 0 && a.stamp() == b.stamp(),
    };
    if links(was) != links(is) {
        return false;
    }
    if is.kind.is_data() {
        // A text has no name of its own: it is the same if its parent is.
        let parents = was.parent.some().map(|id| (old.node(id), new.node(id)));
        return was.kind == is.kind && parents.is_some_and(|(was, is)| same(was, is));
    }
    same(was, is)
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
    /// Parents in the new tree whose children read as before.
    alike: FxHashSet<NodeId>,
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
    old_shown: Shown<'a>,
    new_shown: Shown<'a>,
}

/// Which node of one tree is which of the other.
impl Diff<'_> {
    fn old_of(&self, id: NodeId) -> Option<NodeId> {
        counterpart(self.old, self.new, id).filter(|&id| self.old_shown.has(id))
    }

    fn new_of(&self, id: NodeId) -> Option<NodeId> {
        counterpart(self.new, self.old, id).filter(|&id| self.new_shown.has(id))
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

    /// Finds the lists whose texts only changed slots, as when they were taken out and put
    /// in again: a text, which has no name, counts as what was in its slot, and would
    /// be changed and moved for nothing.
    fn find_alike(&mut self, changed: &Changed) {
        if !self.old.shares_history(self.new) {
            return;
        }
        let is_gone = |id: &&NodeId| self.old.kind(**id).is_data() && !self.is_in_place(**id);
        let gone = changed.old.iter().filter(is_gone);
        let left: FxHashSet<NodeId> = gone.map(|&id| self.old.node(id).parent).collect();
        let mut seen = FxHashSet::default();
        for &id in &changed.new {
            let parent = self.seems_alike(id, &left);
            if let Some(parent) = parent.filter(|&parent| seen.insert(parent))
                && self.reads_alike(parent)
            {
                self.alike.insert(parent);
            }
        }
    }

    /// Returns the parent whose list *id* gives a reason to look at; *left* are those, in
    /// the old tree, that a text left.
    fn seems_alike(&self, id: NodeId, left: &FxHashSet<NodeId>) -> Option<NodeId> {
        let is = self.new.node(id);
        if is.kind.is_element() {
            return self.old_of(id).filter(|&was| was != id).map(|_| id);
        }
        let parent = is.parent.some().filter(|_| is.kind.is_data())?;
        if !self.is_in_place(id) {
            let before = self.old_of(parent);
            return before.filter(|it| left.contains(it)).map(|_| parent);
        }
        let was = self.old.node(id);
        let is_between_others = was.previous != is.previous && was.next != is.next;
        let same_links = (was.previous, was.next) == (is.previous, is.next);
        let says_other = || self.old.data(id) != self.new.data(id);
        (is_between_others || !same_links && says_other()).then_some(parent)
    }

    /// Says whether a slot has a text of the same kind below the same parent in both trees.
    fn is_in_place(&self, id: NodeId) -> bool {
        let both = self.old.get(id).zip(self.new.get(id));
        both.is_some_and(|(was, is)| (was.kind, was.parent) == (is.kind, is.parent))
    }

    fn reads_alike(&self, parent: NodeId) -> bool {
        let Some(before) = self.old_of(parent) else {
            return false;
        };
        let is_same = |was: NodeId, is: NodeId| match self.new.kind(is) {
            kind if kind.is_element() => self.old_of(is) == Some(was),
            kind => self.old.kind(was) == kind && self.old.data(was) == self.new.data(is),
        };
        let mut old = self.old.shown_children(before);
        let mut new = self.new.shown_children(parent);
        loop {
            match (old.next(), new.next()) {
                (None, None) => return true,
                (Some(was), Some(is)) if is_same(was, is) => {}
                _ => return false,
            }
        }
    }

    fn is_alike(&self, parent: NodeId) -> bool {
        !self.alike.is_empty() && self.alike.contains(&parent)
    }

    fn contents(&mut self, changed: &Changed) {
        let is_compared = |id: &NodeId| {
            let node = self.new.node(*id);
            node.kind.is_element() || !self.is_alike(node.parent)
        };
        let both = changed.new.iter().filter(|id| is_compared(id));
        let both = both.filter_map(|&id| Some((self.old_of(id)?, id)));
        let both: Vec<_> = both.collect();
        let mut contents = Contents::new(self.old, self.new, self.ops);
        for (before, id) in both {
            contents.compare(before, id);
        }
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
