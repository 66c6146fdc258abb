//! Where each child is among its siblings in the page, while ops are carried out.
//!
//! Before each child that stays come first the old ones that did not leave yet, then
//! the new ones in their order; all these seats are known beforehand, and a Fenwick
//! tree counts those that are taken, so an index costs O(log n) and not O(n). Source:
//! Fenwick, "A new data structure for cumulative frequency tables", Software: Practice
//! and Experience 24 (1994).

use crate::node::NodeId;
use crate::work::step;
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) struct Seats {
    /// How many of the seats before, as far back as the lowest bit says, are taken.
    taken: Vec<u32>,
    /// Where a child of the new tree has its place.
    last: FxHashMap<NodeId, usize>,
    /// Where a child that will move among its siblings is until then.
    first: FxHashMap<NodeId, usize>,
}

impl Seats {
    /// Seats those who are in the page, each as what it is in the new tree if it will
    /// stay below this parent, and keeps places for those of *target*. Who is *stable*
    /// is in both, in the same order.
    pub fn new(
        page: impl Iterator<Item = Option<NodeId>>,
        target: &[NodeId],
        stable: &FxHashSet<NodeId>,
    ) -> Seats {
        let mut seats = Seats {
            taken: vec![0],
            last: FxHashMap::default(),
            first: FxHashMap::default(),
        };
        let mut coming = target.iter().copied().peekable();
        for item in page {
            let is_stable = item.is_some_and(|id| stable.contains(&id));
            if !is_stable {
                let seat = seats.add(1);
                seats.first.extend(item.map(|id| (id, seat)));
                continue;
            }
            while let Some(id) = coming.next_if(|id| Some(*id) != item) {
                let seat = seats.add(0);
                seats.last.insert(id, seat);
            }
            let seat = seats.add(1);
            seats.last.extend(coming.next().map(|id| (id, seat)));
        }
        for id in coming {
            let seat = seats.add(0);
            seats.last.insert(id, seat);
        }
        seats
    }

    /// Returns how many are before the place of *id*.
    pub fn index(&self, id: NodeId) -> u32 {
        let (mut seat, mut count) = (self.last[&id] - 1, 0);
        while seat > 0 {
            step(1);
            count += self.taken[seat];
            seat &= seat - 1;
        }
        count
    }

    /// Puts *id* in its place, from wherever it was.
    pub fn put(&mut self, id: NodeId) {
        if let Some(seat) = self.first.remove(&id) {
            self.change(seat, |count| count - 1);
        }
        self.change(self.last[&id], |count| count + 1);
    }

    fn add(&mut self, taken: u32) -> usize {
        let seat = self.taken.len();
        let mut count = taken;
        let mut before = seat - 1;
        while before > seat & (seat - 1) {
            step(1);
            count += self.taken[before];
            before &= before - 1;
        }
        self.taken.push(count);
        seat
    }

    fn change(&mut self, mut seat: usize, change: impl Fn(u32) -> u32) {
        while let Some(count) = self.taken.get_mut(seat) {
            step(1);
            *count = change(*count);
            seat += seat & seat.wrapping_neg();
        }
    }
}
