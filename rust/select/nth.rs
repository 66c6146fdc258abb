//! Counts siblings for `:nth-child()` and its kin, each of them once.
//!
//! For each test and parent it is known how far the children were counted. Whoever
//! asks for them in their order counts on from there; once one is asked for that lies
//! before, or from the end, all are counted, and the place of each is kept.

use crate::names::NameId;
use crate::node::{Kind, NodeId};
use crate::select::matching::Matcher;
use crate::select::program::Nth;
use rustc_hash::FxHashMap;

/// How far the children of one parent are counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// The last child that was counted, or looked at and found not to count.
    last: NodeId,
    last_counts: bool,
    so_far: Tally,
    /// The place of each child that counts, if all are counted.
    places: Option<FxHashMap<NodeId, i32>>,
}

#[derive(Debug, Default)]
struct Tally {
    all: i32,
    /// Only kept for tests that ask for types.
    by_type: FxHashMap<(Kind, NameId), i32>,
}

impl<'a> Matcher<'a> {
    pub fn is_nth(&mut self, nth: &'a Nth, id: NodeId) -> bool {
        let key = (nth.number, self.node(id).parent);
        let mut counts = self.counts.remove(&key).unwrap_or_default();
        let ty = nth.data.ty;
        let needs_all = ty.is_from_end() || ty.is_only();
        if counts.places.is_none() && (needs_all || !self.count_to(&mut counts, nth, id)) {
            counts = self.count_all(nth, id);
        }
        let place = match &counts.places {
            Some(places) => places.get(&id).copied(),
            None => counts.last_counts.then(|| self.tallied(&counts, nth, id)),
        };
        let is_it = |place| match self.tallied(&counts, nth, id) {
            in_all if ty.is_only() => in_all == 1,
            in_all if ty.is_from_end() => nth.data.an_plus_b.matches_index(in_all - place + 1),
            _ => nth.data.an_plus_b.matches_index(place),
        };
        let found = place.is_some_and(is_it);
        self.counts.insert(key, counts);
        found
    }

    /// Counts on until *id* is counted; says no if it lies before.
    fn count_to(&mut self, counts: &mut Counts, nth: &'a Nth, id: NodeId) -> bool {
        while counts.last != id {
            let next = match counts.last.some() {
                Some(last) => self.node(last).next,
                None => self.first_sibling(id),
            };
            if next.is_none() {
                return false;
            }
            self.count(counts, nth, next);
        }
        true
    }

    fn count_all(&mut self, nth: &'a Nth, id: NodeId) -> Counts {
        let (mut counts, mut places) = (Counts::default(), FxHashMap::default());
        let mut at = self.first_sibling(id);
        while !at.is_none() {
            self.count(&mut counts, nth, at);
            if counts.last_counts {
                places.insert(at, self.tallied(&counts, nth, at));
            }
            at = self.node(at).next;
        }
        counts.places = Some(places);
        counts
    }

    fn count(&mut self, counts: &mut Counts, nth: &'a Nth, id: NodeId) {
        counts.last = id;
        let node = self.node(id);
        if !self.is_seen(node) {
            counts.last_counts = false;
            return;
        }
        counts.last_counts = match &nth.of {
            None => true,
            Some(rules) => {
                let here = self.bits(nth.chains, id);
                self.is_any(rules, id, here)
            }
        };
        if nth.data.ty.is_of_type() {
            let by_type = &mut counts.so_far.by_type;
            *by_type.entry((node.kind, node.name)).or_default() += 1;
        } else if counts.last_counts {
            counts.so_far.all += 1;
        }
    }

    fn tallied(&self, counts: &Counts, nth: &Nth, id: NodeId) -> i32 {
        if !nth.data.ty.is_of_type() {
            return counts.so_far.all;
        }
        let node = self.node(id);
        let own = counts.so_far.by_type.get(&(node.kind, node.name));
        own.copied().unwrap_or_default()
    }
}
