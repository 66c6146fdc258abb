//! Which children came, went and moved, at the price of those that did.
//!
//! A list is first looked at only where neighbours changed: there what is gone is
//! taken out and what is new put in, however long the list. If more than one child
//! that stays is out of order, both lists are compared as a whole and the longest
//! run that is in order stays where it is. Texts have no names, so wherever one must
//! be named, the page is followed step by step to count what lies before it.

use crate::diff::waiting::Waiting;
use crate::diff::{Changed, Diff, Touched};
use crate::keyed::staying;
use crate::node::{Kind, Node, NodeId};
use crate::ops::{Before, Op};
use crate::tree::ROOT;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::ops::Range;

impl Diff<'_> {
    /// Finds the children that may have other neighbours in the page because hidden
    /// ones between them went elsewhere: nothing need have changed in them themselves.
    pub(super) fn find_touched_unseen(&mut self, changed: &Changed) {
        /// As many hidden siblings in a row are passed over for each that changed.
        const PASSED_MAX: usize = 16;
        for &id in &changed.new {
            let is = *self.new.node(id);
            let was = self.old.get(id);
            let links = |node: &Node| (node.parent, node.previous, node.next);
            let is_here = was.is_some_and(|was| was.is_hidden() && links(was) == links(&is));
            if !is.is_hidden() || is_here || is.parent.is_none() {
                continue;
            }
            if !self.new_shown.has(is.parent) || self.old_of(is.parent).is_none() {
                continue;
            }
            if self.is_alike(is.parent) {
                continue;
            }
            let neighbours: [fn(&Node) -> NodeId; 2] = [|node| node.previous, |node| node.next];
            for neighbour in neighbours {
                let mut at = neighbour(&is);
                let mut passed = 0;
                while !at.is_none() && self.new.is_hidden(at) && passed < PASSED_MAX {
                    at = neighbour(self.new.node(at));
                    passed += 1;
                }
                if at.is_none() {
                    continue;
                }
                let is_far = self.new.is_hidden(at);
                let stayed = !is_far && self.stayed(is.parent, at).is_some();
                let touched = self.touched.entry(is.parent).or_default();
                touched.whole |= is_far;
                if stayed {
                    touched.new.push(at);
                }
            }
        }
    }

    pub(super) fn find_touched(&mut self, changed: &Changed) {
        let related = self.old.shares_history(self.new);
        for &id in &changed.new {
            let before = self.old_of(id);
            let is = *self.new.node(id);
            if let Some(before) = before
                && is.kind.is_element()
                && (before != id || !related)
                && !self.is_alike(id)
            {
                self.touched.entry(id).or_default().whole = true;
            }
            let Some(parent) = is.parent.some().filter(|&it| !self.is_alike(it)) else {
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
            let Some(parent) = self.new_of(old_parent).filter(|&it| !self.is_alike(it)) else {
                continue;
            };
            if !self.stays(parent, id) {
                self.touched.entry(parent).or_default().gone.push(id);
            }
        }
        if !self.new.shows_all() {
            // Those beside a hidden one may have been found twice.
            for touched in self.touched.values_mut() {
                touched.new.sort_unstable();
                touched.new.dedup();
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
        let first = self.new.first_shown(parent);
        let is_text = first.is_none()
            || self.new.only_shown(parent).is_some()
                && self.new.kind(first) == Kind::Text
                && !self.new.data(first).is_empty();
        let Some(before) = self.old_of(parent).filter(|_| is_text && parent != ROOT) else {
            return false;
        };
        if first == self.old.first_shown(before) && first.is_none() {
            return true;
        }
        let op = Op::Text {
            node: parent,
            text: first,
        };
        let only_old = self.old.only_shown(before);
        if let Some(was) = only_old.filter(|&was| self.old.kind(was) == Kind::Text) {
            // If the text is the same node, `contents` has compared it.
            let compared = !first.is_none() && self.old_of(first) == Some(was);
            let same = !first.is_none() && self.old.data(was) == self.new.data(first);
            if !compared && !same {
                self.ops.push(op);
            }
            return true;
        }
        let text_stays = !first.is_none() && self.stayed(parent, first).is_some();
        let lives_on = |id: NodeId| self.old.kind(id).is_element() && !self.is_wholly_gone(id);
        if text_stays || self.old.shown_children(before).any(lives_on) {
            return false;
        }
        self.ops.push(op);
        true
    }

    /// Handles a parent whose children are all new, the old ones gone for good.
    fn is_refilled(&mut self, parent: NodeId) -> bool {
        let Some(before) = self.old_of(parent).filter(|_| parent != ROOT) else {
            return false;
        };
        let first = self.new.first_shown(parent);
        let had_one = self.old.only_shown(before).is_some();
        if had_one || self.old.first_shown(before).is_none() || first.is_none() {
            return false;
        }
        let all_gone = |diff: &Self| {
            diff.old
                .shown_children(before)
                .all(|child| diff.is_wholly_gone(child))
        };
        // Without a common history a text is new by slot, though it may be the same.
        let is_telling = |&id: &NodeId| self.new.kind(id).is_element();
        if !self.old.shares_history(self.new)
            && !self.new.shown_children(parent).any(|id| is_telling(&id))
        {
            return false;
        }
        let all_new = |diff: &Self| {
            diff.new
                .shown_children(parent)
                .all(|id| diff.old_of(id).is_none())
        };
        if !all_new(self) || !all_gone(self) {
            return false;
        }
        let count = self.new.shown_children(parent).count() as u32;
        self.ops.push(Op::Fill {
            node: parent,
            count,
        });
        self.continue_inside(first, count);
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
                id = self.old.next_shown(id);
            }
            id.some().and_then(|id| self.new_of(id))
        };
        let next_in_new = |mut id: NodeId| {
            while !id.is_none() && self.stayed(parent, id).is_none() {
                id = self.new.next_shown(id);
            }
            id.some()
        };
        let first_is_same =
            next_in_old(self.old.first_shown(before)) == next_in_new(self.new.first_shown(parent));
        first_is_same
            && touched.new.iter().all(|&id| match self.stayed(parent, id) {
                Some(was) => {
                    next_in_old(self.old.next_shown(was)) == next_in_new(self.new.next_shown(id))
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
            let previous = self.new.previous_shown(id);
            if !previous.is_none() && self.stayed(parent, previous).is_none() {
                continue; // not the first of its run
            }
            let mut after = id;
            while !after.is_none() && self.stayed(parent, after).is_none() {
                after = self.new.next_shown(after);
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
                at = self.new.next_shown(at);
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
                    at = self.new.after_shown_subtree(id, top);
                } else {
                    at = self.new.after_shown(id, top);
                }
            }
            top = self.new.next_shown(top);
        }
    }

    /// Compares both lists of children as a whole.
    fn rearrange(&mut self, parent: NodeId) {
        let target: Vec<NodeId> = self.new.shown_children(parent).collect();
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
        let is_counted = stable.iter().any(|&id| !self.new.kind(id).is_element());
        let mut counted = is_counted.then(|| Counted::new(&page, &stable));

        let mut from = 0;
        while from < target.len() {
            if stable.contains(&target[from]) {
                from += 1;
                continue;
            }
            let unstable = |id: &&NodeId| !stable.contains(id);
            let to = from + target[from..].iter().take_while(unstable).count();
            match &mut counted {
                Some(counted) => self.put_in_counted(parent, &target, from..to, counted),
                None => {
                    let before = target.get(to).copied();
                    let before = before.map_or(Before::End, Before::Element);
                    self.put_in(parent, &target[from..to], before);
                }
            }
            from = to;
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
                })
                .collect();
        };
        let twins = self.twins(before, target);
        self.old
            .shown_children(before)
            .filter(|id| !self.moved_away.contains(id))
            .map(|id| {
                let stays = self
                    .new_of(id)
                    .filter(|&it| self.new.node(it).parent == parent);
                Item {
                    old: Some(id),
                    new: stays.or_else(|| twins.get(&id).copied()),
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
        for id in self.old.shown_children(before) {
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
        let mut outs = FxHashSet::default();
        for at in (0..page.len()).rev() {
            let Item {
                old: Some(old),
                new,
            } = page[at]
            else {
                continue;
            };
            let is_out = if self.old.kind(old).is_element() {
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
            if is_out {
                outs.insert(old);
            }
        }
        page.retain(|item| item.old.is_none_or(|old| !outs.contains(&old)));
    }

    /// Puts `target[run]` in before what follows it there, as `put_in` does, counting
    /// what comes before a text that stays.
    fn put_in_counted(
        &mut self,
        parent: NodeId,
        target: &[NodeId],
        run: Range<usize>,
        counted: &mut Counted,
    ) {
        let mut from = run.start;
        while from < run.end {
            // An index moves on with every op, so go piece by piece.
            let to = from + self.piece(&target[from..run.end]);
            let before = match target.get(run.end) {
                None => Before::End,
                Some(&id) if self.new.kind(id).is_element() => Before::Element(id),
                Some(id) => {
                    let waiting = counted.waiting.before(counted.positions[id]);
                    Before::Child(from as u32 + waiting)
                }
            };
            self.put_in(parent, &target[from..to], before);
            if let Some(&position) = counted.positions.get(&target[from]) {
                counted.waiting.leave(position);
            }
            from = to;
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
}

/// Where in the page those stand that stay below their parent, and which of them all
/// are still to leave their place.
struct Counted {
    positions: FxHashMap<NodeId, usize>,
    waiting: Waiting,
}

impl Counted {
    fn new(page: &[Item], stable: &FxHashSet<NodeId>) -> Counted {
        let at = |(position, item): (usize, &Item)| Some((item.new?, position));
        let is_stable = |item: &Item| item.new.is_some_and(|id| stable.contains(&id));
        Counted {
            positions: page.iter().enumerate().filter_map(at).collect(),
            waiting: Waiting::new(page.iter().map(|item| !is_stable(item))),
        }
    }
}
