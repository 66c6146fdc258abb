//! Counts siblings for `:nth-child()` and its kin, each of them once.
//!
//! For each test and parent it is known how far the children were counted. A query
//! asks them in their order, so it counts on from there; whoever asks for one before
//! makes the count begin again.

use crate::names::NameId;
use crate::node::{Kind, NodeId};
use crate::select::matching::{Level, Matcher};
use crate::select::program::Nth;
use rustc_hash::FxHashMap;

/// How far the children of one parent are counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// The last child that was counted, or looked at and found not to count.
    last: NodeId,
    last_counts: bool,
    so_far: Tally,
    /// Of all children, if somebody asked from the end.
    in_all: Option<Tally>,
    /// For `of`: what is known around the child after `last`.
    level: Level,
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
        let mut counts = self
            .counts
            .remove(&key)
            .unwrap_or_else(|| self.begin(nth, id));
        self.count_to(&mut counts, nth, id);
        let found = counts.last_counts && self.is_at_place(&mut counts, nth, id);
        self.counts.insert(key, counts);
        found
    }

    fn is_at_place(&mut self, counts: &mut Counts, nth: &'a Nth, id: NodeId) -> bool {
        let index = self.tallied(&counts.so_far, nth, id);
        let ty = nth.data.ty;
        if !ty.is_from_end() && !ty.is_only() {
            return nth.data.an_plus_b.matches_index(index);
        }
        if counts.in_all.is_none() {
            counts.in_all = Some(self.count_all(nth, id));
        }
        let in_all = counts
            .in_all
            .as_ref()
            .map_or(0, |all| self.tallied(all, nth, id));
        if ty.is_only() {
            return in_all == 1;
        }
        nth.data.an_plus_b.matches_index(in_all - index + 1)
    }

    fn begin(&mut self, nth: &'a Nth, id: NodeId) -> Counts {
        let parent = self.node(id).parent;
        let level = match &nth.of {
            Some(_) => self.level_below(parent, &self.program.chains[..nth.chains]),
            None => Level::default(),
        };
        Counts {
            level,
            ..Counts::default()
        }
    }

    /// Counts on until *id* is counted.
    fn count_to(&mut self, counts: &mut Counts, nth: &'a Nth, id: NodeId) {
        while counts.last != id {
            let next = match counts.last.some() {
                Some(last) => self.node(last).next,
                None => self.first_sibling(id),
            };
            if next.is_none() {
                // It lies before: begin again, keeping what does not depend on it.
                let in_all = counts.in_all.take();
                *counts = self.begin(nth, id);
                counts.in_all = in_all;
            } else {
                self.count(counts, nth, next);
            }
        }
    }

    fn count_all(&mut self, nth: &'a Nth, id: NodeId) -> Tally {
        let mut counts = self.begin(nth, id);
        let mut at = self.first_sibling(id);
        while !at.is_none() {
            self.count(&mut counts, nth, at);
            at = self.node(at).next;
        }
        counts.so_far
    }

    fn count(&mut self, counts: &mut Counts, nth: &'a Nth, id: NodeId) {
        counts.last = id;
        let node = self.node(id);
        if !node.kind.is_element() {
            counts.last_counts = false;
            return;
        }
        counts.last_counts = match &nth.of {
            None => true,
            Some(rules) => {
                let chains = &self.program.chains[..nth.chains];
                let here = self.step(&mut counts.level, id, chains);
                self.is_any(rules, id, here)
            }
        };
        if nth.data.ty.is_of_type() {
            *counts
                .so_far
                .by_type
                .entry((node.kind, node.name))
                .or_default() += 1;
        } else if counts.last_counts {
            counts.so_far.all += 1;
        }
    }

    fn tallied(&self, tally: &Tally, nth: &Nth, id: NodeId) -> i32 {
        if !nth.data.ty.is_of_type() {
            return tally.all;
        }
        let node = self.node(id);
        let own = tally.by_type.get(&(node.kind, node.name));
        own.copied().unwrap_or_default()
    }
}
