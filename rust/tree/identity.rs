//! By what an element is known: its uuid, for life, its attribute `id`, and whose it is.
//!
//! The indexes hold just the elements that are alive; whoever makes, copies or
//! frees one, or sets its `id`, goes through here.

use crate::names::known_names as n;
use crate::node::{Marks, NodeId};
use crate::tree::{ROOT, Tree, page_of, slot};
use crate::uuid;
use std::sync::Arc;

impl Tree {
    /// Gives every element below the root that lacks a uuid one of its own, in
    /// document order, and every element made from now on as well.
    pub fn stamp_all(&mut self) {
        if self.stamped {
            return;
        }
        self.stamped = true;
        let ids: Vec<NodeId> = self
            .preorder(ROOT)
            .filter(|&id| self.kind(id).is_element())
            .collect();
        let mut without = Vec::with_capacity(ids.len());
        for id in ids {
            if self.stamp(id) == 0 && !self.index_given(id) {
                without.push(id);
            }
        }
        let first = uuid::take(without.len() as u64);
        for (stamp, &id) in (first..).zip(&without) {
            self.node_mut(id).set_stamp(stamp);
        }
        self.lookup_mut().by_stamp.set_run(first, &without);
    }

    /// Gives one element a uuid if it has none.
    pub fn stamp_one(&mut self, id: NodeId) {
        if self.stamp(id) == 0 && !self.index_given(id) {
            self.set_stamp(id, uuid::take(1));
        }
    }

    /// Gives a uuid to *top* and to every element below it that has none.
    pub fn stamp_below(&mut self, top: NodeId) {
        let mut at = Some(top);
        while let Some(id) = at {
            if self.kind(id).is_element() {
                self.stamp_one(id);
            }
            at = self.after_in_preorder(id, top);
        }
    }

    /// Indexes a uuid that was found in HTML; says whether the element has one now.
    fn index_given(&mut self, id: NodeId) -> bool {
        let Some(given) = self.attribute_by_id(id, n::UUID) else {
            return false;
        };
        let given: Box<str> = given.into();
        let known = self.by_given(&given);
        if known == Some(id) {
            return true;
        }
        if let Some(stamp) = uuid::read(&given) {
            // One of ours on its way back, in HTML that somebody saved.
            self.page_mut(id).remove_attribute(slot(id), n::UUID);
            let is_new = self.by_stamp(stamp).is_none();
            if is_new {
                self.set_stamp(id, stamp);
            }
            return is_new;
        }
        // What this process will give one day would then be two elements' uuid.
        if given.is_empty() || known.is_some() || uuid::is_to_come(&given) {
            self.page_mut(id).remove_attribute(slot(id), n::UUID);
            return false;
        }
        self.lookup_mut().by_given.add(&given, id.0);
        true
    }

    /// Says whether a browser told of the element, and not the application. No HTML says
    /// so: whatever its uuid looks like, only `apply_foreign` makes an element foreign.
    pub fn is_foreign(&self, id: NodeId) -> bool {
        self.node(id).is_foreign()
    }

    pub fn set_foreign(&mut self, id: NodeId, is_foreign: bool) {
        if self.is_foreign(id) != is_foreign {
            self.node_mut(id).marks.set(Marks::FOREIGN, is_foreign);
        }
    }

    /// Takes the uuid that a browser made for an element and gives it one of ours.
    pub fn rename(&mut self, id: NodeId) {
        if self.stamp(id) == 0 {
            self.forget_uuid(id);
            self.page_mut(id).remove_attribute(slot(id), n::UUID);
            self.set_stamp(id, uuid::take(1));
        }
    }

    pub(super) fn set_stamp(&mut self, id: NodeId, stamp: u64) {
        self.node_mut(id).set_stamp(stamp);
        self.lookup_mut().by_stamp.set(stamp, id);
    }

    pub(super) fn forget_id(&mut self, id: NodeId) {
        if let Some(value) = self.pages.get(page_of(id)).attribute(slot(id), n::ID) {
            Arc::make_mut(&mut self.lookup).ids.remove(value, id.0);
        }
    }

    pub(super) fn forget_uuid(&mut self, id: NodeId) {
        let stamp = self.stamp(id);
        if stamp != 0 {
            self.lookup_mut().by_stamp.set(stamp, NodeId::NONE);
        } else if let Some(given) = self.pages.get(page_of(id)).attribute(slot(id), n::UUID) {
            Arc::make_mut(&mut self.lookup).by_given.remove(given, id.0);
        }
    }
}
