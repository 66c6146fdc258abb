//! Where new nodes go: slots of nodes that are gone, then pages that were never used.
//!
//! One page is open: nodes go there, and what is freed opens its page, so that what
//! replaces something comes to where that was. Every other page with a free slot is
//! either known here or has been given up because it was empty.

use crate::index::Index;
use crate::node::{NodeId, PAGE_NODES};
use crate::tree::{EditError, NODES_MAX, Tree, page_of, slot};

/// Pages with free slots, but for the open one.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    /// Those that have some nodes.
    partial: Numbers,
    /// Those that were given up.
    vacant: Numbers,
    /// Of the pages from here on only the open one was ever used.
    end: u32,
}

impl Room {
    /// Returns a page with room, to be opened in place of one that is *full*.
    fn take(&mut self, full: u32) -> u32 {
        self.end = self.end.max(full + 1);
        let known = self.partial.any().or_else(|| self.vacant.any());
        let page = known.unwrap_or(self.end);
        self.partial.remove(page);
        self.vacant.remove(page);
        page
    }
}

/// A set of page numbers that versions share.
#[derive(Clone, Debug, Default)]
struct Numbers(Index);

impl Numbers {
    fn any(&self) -> Option<u32> {
        self.0.any().map(|number| number as u32)
    }

    fn add(&mut self, number: u32) {
        self.0.set(u64::from(number), NodeId(1));
    }

    fn remove(&mut self, number: u32) {
        self.0.set(u64::from(number), NodeId::NONE);
    }
}

impl Tree {
    /// Takes a free slot; the caller puts a node there.
    pub(super) fn allocate(&mut self) -> Result<NodeId, EditError> {
        loop {
            let page = self.pages.get_if_any(self.open as usize);
            // A page that is not there has all its slots.
            if let Some(slot) = page.map_or(Some(0), |page| page.free_slot()) {
                self.len += 1;
                return Ok(NodeId(self.open * PAGE_NODES as u32 + slot as u32));
            }
            let full = self.open;
            let open = self.lookup_mut().room.take(full);
            if open >= NODES_MAX / PAGE_NODES as u32 {
                return Err(EditError::TooManyNodes);
            }
            self.open = open;
        }
    }

    /// Frees the slot of a node that has no neighbours any more.
    pub(super) fn release(&mut self, id: NodeId) {
        if self.kind(id).is_element() {
            self.forget_uuid(id);
            self.forget_id(id);
        }
        self.page_mut(id).clear(slot(id));
        self.len -= 1;
        let page = page_of(id) as u32;
        if page != self.open {
            self.close_page();
            self.lookup_mut().room.partial.remove(page);
            self.open = page;
        }
    }

    /// Notes what room the open page has, now that another one is to be opened.
    fn close_page(&mut self) {
        let open = self.open;
        let Some(page) = self.pages.get_if_any(open as usize) else {
            return;
        };
        let (is_empty, is_full) = (page.is_empty(), page.free_slot().is_none());
        let room = &mut self.lookup_mut().room;
        room.end = room.end.max(open + 1);
        if is_empty {
            room.vacant.add(open);
            self.pages.remove(open as usize);
        } else if !is_full {
            room.partial.add(open);
        }
    }
}
