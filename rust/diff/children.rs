//! Which children came, went and moved, at the price of those that did.
//!
//! A list is first looked at only where neighbours changed: there what is gone is
//! taken out and what is new put in, however long the list. If more than one child
//! that stays is out of order, both lists are compared as a whole and the longest
//! run that is in order stays where it is. Texts have no names, so wherever one must
//! be named, the page is followed step by step to count what lies before it.

use crate::diff::seats::Seats;
use crate::diff::{Changed, Diff, Touched};
use crate::keyed::staying;
use crate::node::{Kind, NodeId};
use crate::ops::{Before, Op};
use crate::tree::ROOT;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;

impl Diff<'_> {
    pub(super) fn find_touched(&mut self, changed: &Changed) {
        let related = self.old.shares_history(self.new);
        for &id in &changed.new {
            let before = self.old_of(id);
            let is = *self.new.node(id);
            if let Some(before) = before
                && is.kind.is_element()
                && (before != id || !related)
            {
                self.touched.entry(id).or_default().whole = true;
            }
            let Some(parent) = is.parent.some() else {
                continue;
            };
            let was = before.map(|before| self.old.node(before));
            let same_place = was.is_some_and(|was| {
                (was.parent, was.previous, was.next) == (is.parent, is.previous, is.next)
            });
            if (!same_place || before != Some(id)) && self.old_of(parent).is_some() {
                self.touched.entry(parent).or_default().new.push(id);
            }
        }
        for &id in &changed.old {
            let Some(old_parent) = self.old.node(id).parent.some() else {
                continue;
            };
            let Some(parent) = self.new_of(old_parent) else {
                continue;
            };
            if !self.stays(parent, id) {
                self.touched.entry(parent).or_default().gone.push(id);
            }
        }
    }

    pub(super) fn shapes(&mut self) {
        let parents: Vec<NodeId> = self.touched.keys().copied().collect();
        if let [parent] = parents[..] {
            self.queue.push(Reverse((0, parent)));
        } else {
            for parent in parents {
                self.enqueue(parent);
            }
        }
        while let Some(Reverse((_, parent))) = self.queue.pop() {
            let touched = self.touched.remove(&parent).unwrap_or_default();
            self.children(parent, &touched);
        }
        for node in std::mem::take(&mut self.late) {
            self.ops.push(Op::Remove { node });
        }
    }

    /// Queues *parent*, nearest to the root first.
    fn enqueue(&mut self, parent: NodeId) {
        if !self.queued.insert(parent) {
            return;
        }
        let mut path = vec![parent];
        let mut top = parent;
        let mut depth = loop {
            if let Some(&depth) = self.depths.get(&top) {
                break depth;
            }
            match self.new.node(top).parent.some() {
                Some(above) => {
                    top = above;
                    path.push(above);
                }
                None => {
                    self.depths.insert(top, 0);
                    break 0;
                }
            }
        };
        path.pop();
        for &id in path.iter().rev() {
            depth += 1;
            self.depths.insert(id, depth);
        }
        self.queue.push(Reverse((depth, parent)));
    }

    fn children(&mut self, parent: NodeId, touched: &Touched) {
        if self.becomes_text(parent) || self.is_refilled(parent) {
            return;
        }
        if !touched.whole && self.splice_with_one_move(parent, touched) {
            return;
        }
        self.rearrange(parent);
    }

    /// Handles a list in which nothing that stays changed its order, or just one
    /// child did, without looking at all of it.
    fn splice_with_one_move(&mut self, parent: NodeId, touched: &Touched) -> bool {
        /// Somebody dragged a row: it, its old and its new neighbours.
        const TOUCHED_BY_A_MOVE: usize = 8;
        if self.keeps_order(parent, touched) {
            return self.splice(parent, touched);
        }
        if touched.new.len() > TOUCHED_BY_A_MOVE {
            return false;
        }
        for &id in &touched.new {
            if !self.new.kind(id).is_element() || self.stayed(parent, id).is_none() {
                continue;
            }
            self.lifted = Some(id);
            let is_it = self.keeps_order(parent, touched) && self.splice(parent, touched);
            self.lifted = None;
            if is_it {
                return true;
            }
        }
        false
    }

    /// Handles a parent that has nothing but one text now, or nothing at all.
    fn becomes_text(&mut self, parent: NodeId) -> bool {
        let is = *self.new.node(parent);
        let is_text = is.first == is.last
            && (is.first.is_none()
                || self.new.kind(is.first) == Kind::Text && !self.new.data(is.first).is_empty());
        let Some(before) = self.old_of(parent).filter(|_| is_text && parent != ROOT) else {
            return false;
        };
        let was = *self.old.node(before);
        if was.first.is_none() && is.first.is_none() {
            return true;
        }
        if !was.first.is_none() && was.first == was.last && self.old.kind(was.first) == Kind::Text {
            // If the text is the same node, `contents` has compared it.
            let compared = !is.first.is_none() && self.old_of(is.first) == Some(was.first);
            let same = !is.first.is_none() && self.old.data(was.first) == self.new.data(is.first);
            if !compared && !same {
                self.ops.push(Op::Text {
                    node: parent,
                    text: is.first,
                });
            }
            return true;
        }
        let text_stays = is
            .first
            .some()
            .is_some_and(|id| self.stayed(parent, id).is_some());
        let lives_on = |&id: &NodeId| self.old.kind(id).is_element() && !self.is_wholly_gone(id);
        if text_stays || self.old.children(before).any(|id| lives_on(&id)) {
            return false;
        }
        self.ops.push(Op::Text {
            node: parent,
            text: is.first,
        });
        true
    }

    /// Handles a parent whose children are all new, the old ones gone for good.
    fn is_refilled(&mut self, parent: NodeId) -> bool {
        let Some(before) = self.old_of(parent).filter(|_| parent != ROOT) else {
            return false;
        };
        let (was, is) = (*self.old.node(before), *self.new.node(parent));
        if was.first == was.last || is.first.is_none() {
            return false;
        }
        let all_gone = |diff: &Self| {
            diff.old
                .children(before)
                .all(|child| diff.is_wholly_gone(child))
        };
        // Without a common history a text is new by slot, though it may be the same.
        let is_telling = |&id: &NodeId| self.new.kind(id).is_element();
        if !self.old.shares_history(self.new)
            && !self.new.children(parent).any(|id| is_telling(&id))
        {
            return false;
        }
        let all_new = |diff: &Self| {
            diff.new
                .children(parent)
                .all(|id| diff.old_of(id).is_none())
        };
        if !all_new(self) || !all_gone(self) {
            return false;
        }
        let count = self.new.children(parent).count() as u32;
        self.ops.push(Op::Fill {
            node: parent,
            count,
        });
        self.continue_inside(is.first, count);
        true
    }

    /// Says whether the children that stay have the same order as before, looking
    /// only at those whose neighbours changed.
    fn keeps_order(&self, parent: NodeId, touched: &Touched) -> bool {
        let Some(before) = self.old_of(parent) else {
            return false;
        };
        let next_in_old = |mut id: NodeId| {
            while !id.is_none() && !self.stays(parent, id) {
                id = self.old.node(id).next;
            }
            id.some().and_then(|id| self.new_of(id))
        };
        let next_in_new = |mut id: NodeId| {
            while !id.is_none() && self.stayed(parent, id).is_none() {
                id = self.new.node(id).next;
            }
            id.some()
        };
        let first_is_same =
            next_in_old(self.old.node(before).first) == next_in_new(self.new.node(parent).first);
        first_is_same
            && touched.new.iter().all(|&id| match self.stayed(parent, id) {
                Some(was) => {
                    next_in_old(self.old.node(was).next) == next_in_new(self.new.node(id).next)
                }
                None => true,
            })
    }

    /// Takes out and puts in what is gone and new, without looking at the rest of
    /// the list; leaves it alone, and says so, where a text would have to be counted.
    fn splice(&mut self, parent: NodeId, touched: &Touched) -> bool {
        let mut runs = Vec::new();
        for &id in &touched.new {
            if self.stayed(parent, id).is_some() {
                continue;
            }
            let previous = self.new.node(id).previous;
            if !previous.is_none() && self.stayed(parent, previous).is_none() {
                continue; // not the first of its run
            }
            let mut after = id;
            while !after.is_none() && self.stayed(parent, after).is_none() {
                after = self.new.node(after).next;
            }
            match after.some() {
                None => runs.push((id, Before::End)),
                Some(after) if self.new.kind(after).is_element() => {
                    runs.push((id, Before::Element(after)));
                }
                Some(_) => return false,
            }
        }
        if touched
            .gone
            .iter()
            .any(|&id| !self.old.kind(id).is_element())
        {
            return false;
        }
        for &id in &touched.gone {
            self.take_out(id);
        }
        for (first, before) in runs {
            let mut run = Vec::new();
            let mut at = first;
            while !at.is_none() && self.stayed(parent, at).is_none() {
                run.push(at);
                at = self.new.node(at).next;
            }
            self.put_in(parent, &run, before);
        }
        true
    }

    /// Removes an element of the old tree, now or at the end; nothing if it moves.
    /// Says whether it is out of the page now.
    fn take_out(&mut self, id: NodeId) -> bool {
        if self.new_of(id).is_some() {
            return false;
        }
        let gone = self.is_wholly_gone(id);
        if gone {
            self.ops.push(Op::Remove { node: id });
        } else {
            self.late.push(id);
        }
        gone
    }

    /// Puts neighbours that are new to *parent* before *before*: stretches of new
    /// nodes as one insert, elements from elsewhere as moves.
    fn put_in(&mut self, parent: NodeId, run: &[NodeId], before: Before) {
        let mut rest = run;
        while let Some((&id, after)) = rest.split_first() {
            if let Some(was) = self.old_of(id).filter(|_| self.new.kind(id).is_element()) {
                self.moved_away.insert(was);
                self.ops.push(Op::Move {
                    node: id,
                    parent,
                    before,
                });
                rest = after;
                continue;
            }
            let count = rest
                .iter()
                .take_while(|&&id| !self.new.kind(id).is_element() || self.old_of(id).is_none())
                .count();
            self.ops.push(Op::Insert {
                parent,
                before,
                first: id,
                count: count as u32,
            });
            self.continue_inside(id, count as u32);
            rest = &rest[count..];
        }
    }

    /// Queues the new elements, of *count* siblings from *first* on and below, that
    /// have elements of the old tree among their children.
    fn continue_inside(&mut self, first: NodeId, count: u32) {
        let mut top = first;
        for _ in 0..count {
            let mut at = Some(top);
            while let Some(id) = at {
                let is_known = self.new.kind(id).is_element() && self.old_of(id).is_some();
                if is_known {
                    let parent = self.new.node(id).parent;
                    self.enqueue(parent);
                    at = self.new.after_subtree(id, top);
                } else {
                    at = self.new.after_in_preorder(id, top);
                }
            }
            top = self.new.node(top).next;
        }
    }

    /// Compares both lists of children as a whole.
    fn rearrange(&mut self, parent: NodeId) {
        let is_shown = |id: &NodeId| self.new.kind(*id) != Kind::Doctype;
        let target: Vec<NodeId> = self.new.children(parent).filter(is_shown).collect();
        let mut page = self.in_page(parent, &target);
        let places: FxHashMap<NodeId, u32> = (0u32..)
            .zip(&page)
            .filter_map(|(place, item)| item.new.map(|id| (id, place)))
            .collect();
        let known: Vec<u32> = target
            .iter()
            .filter_map(|id| places.get(id).copied())
            .collect();
        let mut stays = staying(&known).into_iter();
        let stable: FxHashSet<NodeId> = target
            .iter()
            .copied()
            .filter(|id| places.contains_key(id) && stays.next() == Some(true))
            .collect();
        self.take_out_of_page(parent, &mut page, &stable);

        let mut after = target.len();
        let mut runs = Vec::new();
        for at in (0..=target.len()).rev() {
            // `target[at..after]` ends before a child that stays, or at the end.
            if at > 0 && !stable.contains(&target[at - 1]) {
                continue;
            }
            if at < after {
                runs.push((at, after));
            }
            after = at.saturating_sub(1);
        }
        let is_counted = stable.iter().any(|&id| !self.new.kind(id).is_element());
        let mut seats =
            is_counted.then(|| Seats::new(page.iter().map(|item| item.new), &target, &stable));
        for (from, to) in runs.into_iter().rev() {
            let before = target.get(to).copied();
            let run = &target[from..to];
            match &mut seats {
                None => self.put_in(parent, run, before.map_or(Before::End, Before::Element)),
                Some(seats) => self.put_in_page(parent, run, before, seats),
            }
        }
    }

    /// Returns what the page has below *parent* when its turn comes.
    fn in_page(&self, parent: NodeId, target: &[NodeId]) -> Vec<Item> {
        let Some(before) = self.old_of(parent) else {
            // A new element: what could be inserted with it is there.
            let inserted = target
                .iter()
                .copied()
                .filter(|&id| !self.new.kind(id).is_element() || self.old_of(id).is_none());
            return inserted
                .map(|id| Item {
                    old: None,
                    new: Some(id),
                    is_out: false,
                })
                .collect();
        };
        let twins = self.twins(before, target);
        self.old
            .children(before)
            .filter(|id| !self.moved_away.contains(id) && self.old.kind(*id) != Kind::Doctype)
            .map(|id| {
                let stays = self
                    .new_of(id)
                    .filter(|&it| self.new.node(it).parent == parent);
                Item {
                    old: Some(id),
                    new: stays.or_else(|| twins.get(&id).copied()),
                    is_out: false,
                }
            })
            .collect()
    }

    /// Finds, in trees that share no history, the texts and comments that are the
    /// same: equal, and equally many after the same element.
    fn twins(&self, before: NodeId, target: &[NodeId]) -> FxHashMap<NodeId, NodeId> {
        let mut twins = FxHashMap::default();
        let mut old_by_place = FxHashMap::default();
        let mut place = (None, 0);
        for id in self.old.children(before) {
            if self.old.kind(id).is_element() {
                place = (Some(id), 0);
            } else {
                place.1 += 1;
                if self.new_of(id).is_none() {
                    old_by_place.insert(place, id);
                }
            }
        }
        let mut place = (None, 0);
        for &id in target {
            if self.new.kind(id).is_element() {
                place = (self.old_of(id), 0);
                continue;
            }
            place.1 += 1;
            if let Some(&was) = old_by_place.get(&place)
                && self.old_of(id).is_none()
                && self.old.kind(was) == self.new.kind(id)
                && self.old.data(was) == self.new.data(id)
            {
                twins.insert(was, id);
            }
        }
        twins
    }

    /// Takes out of the page, last first, what does not stay: elements that are
    /// gone, and texts that would have to move, since they have no name.
    fn take_out_of_page(
        &mut self,
        parent: NodeId,
        page: &mut Vec<Item>,
        stable: &FxHashSet<NodeId>,
    ) {
        for (at, item) in page.iter_mut().enumerate().rev() {
            let Item {
                old: Some(old),
                new,
                ..
            } = *item
            else {
                continue;
            };
            item.is_out = if self.old.kind(old).is_element() {
                new.is_none() && self.take_out(old)
            } else if new.is_some_and(|id| stable.contains(&id)) {
                false
            } else {
                self.ops.push(Op::Cut {
                    parent,
                    index: at as u32,
                });
                true
            };
        }
        page.retain(|item| !item.is_out);
    }

    /// Like `put_in`, keeping track of the page to count texts in it.
    fn put_in_page(
        &mut self,
        parent: NodeId,
        run: &[NodeId],
        before: Option<NodeId>,
        seats: &mut Seats,
    ) {
        let mut rest = run;
        while !rest.is_empty() {
            // An index moves on with every op, so go piece by piece.
            let (piece, after) = rest.split_at(self.piece(rest));
            let at = match before {
                None => Before::End,
                Some(id) if self.new.kind(id).is_element() => Before::Element(id),
                Some(id) => Before::Child(seats.index(id)),
            };
            self.put_in(parent, piece, at);
            piece.iter().for_each(|&id| seats.put(id));
            rest = after;
        }
    }

    /// Returns how many of *run* one op puts in: one that moves, or all that are new.
    fn piece(&self, run: &[NodeId]) -> usize {
        let is_new =
            |id: &&NodeId| !self.new.kind(**id).is_element() || self.old_of(**id).is_none();
        run.iter().take_while(is_new).count().max(1)
    }
}

/// A child in the page while ops are carried out.
#[derive(Clone, Copy)]
struct Item {
    old: Option<NodeId>,
    /// What it is in the new tree, if it stays below this parent.
    new: Option<NodeId>,
    is_out: bool,
}
