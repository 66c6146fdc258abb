//! Where new nodes go: to slots of nodes that are gone, then to pages never used.
//!
//! One page is open: nodes go there, and what is freed opens its page, so that what
//! replaces something comes to where that was. When the open page is full, the first
//! other page with a free slot is opened. A page that is closed while it is empty is
//! given up; it counts as one whose slots are all free.

use crate::node::NodeId;
use crate::page::PAGE_NODES;
use crate::tree::{EditError, NODES_MAX, Tree, page_of, slot};
use std::sync::Arc;

/// Which pages have free slots, but for the open one.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    /// A bit for each page.
    pages: Arc<Vec<u64>>,
    /// No word before this one has a bit.
    first: u32,
    /// Pages from here on were never used, but perhaps for the open one.
    end: u32,
}

impl Room {
    /// Returns a page with room, to be opened in place of one that is *full*.
    fn take(&mut self, full: u32) -> u32 {
        self.end = self.end.max(full + 1);
        let words = self.pages.iter().skip(self.first as usize);
        let empty = words.take_while(|word| **word == 0).count() as u32;
        self.first += empty;
        match self.pages.get(self.first as usize) {
            Some(word) => {
                let page = self.first * u64::BITS + word.trailing_zeros();
                self.remove(page);
                page
            }
            None => self.end,
        }
    }

    fn add(&mut self, page: u32) {
        self.end = self.end.max(page + 1);
        let word = page / u64::BITS;
        let pages = Arc::make_mut(&mut self.pages);
        if pages.len() <= word as usize {
            pages.resize(word as usize + 1, 0);
        }
        pages[word as usize] |= 1 << (page % u64::BITS);
        self.first = self.first.min(word);
    }

    fn remove(&mut self, page: u32) {
        let (word, bit) = ((page / u64::BITS) as usize, 1 << (page % u64::BITS));
        if self.pages.get(word).is_some_and(|word| word & bit != 0) {
            Arc::make_mut(&mut self.pages)[word] &= !bit;
        }
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
            self.hidden -= u32::from(self.node(id).is_hidden());
        }
        self.page_mut(id).clear(slot(id));
        self.len -= 1;
        let page = page_of(id) as u32;
        if page != self.open {
            self.close_page();
            self.lookup_mut().room.remove(page);
            self.open = page;
        }
    }

    /// Notes what room the open page has, now that another one is to be opened.
    fn close_page(&mut self) {
        let open = self.open;
        let page = self.pages.get_if_any(open as usize);
        if page.is_none_or(|page| page.free_slot().is_some()) {
            if page.is_none_or(|page| page.is_empty()) {
                self.pages.remove(open as usize);
            }
            self.lookup_mut().room.add(open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::ROOT;
    use proptest::prelude::*;

    /// Fails unless the tree knows just those pages that have free slots.
    fn check(tree: &Tree) {
        let room = &tree.lookup.room;
        for number in 0..room.end.max(tree.open + 1) {
            let page = tree.pages.get_if_any(number as usize);
            let has_room = page.is_none_or(|page| page.free_slot().is_some());
            let word = room.pages.get((number / u64::BITS) as usize).unwrap_or(&0);
            let is_known = word >> (number % u64::BITS) & 1 == 1;
            assert_eq!(is_known, has_room && number != tree.open, "page {number}");
            assert!(page.is_none_or(|page| number == tree.open || !page.is_empty()));
        }
        let word = room.pages.iter().position(|word| *word != 0);
        assert!(word.is_none_or(|word| word >= room.first as usize));
    }

    proptest! {
        #[test]
        fn every_page_with_room_is_known_and_none_is_empty(
            steps in prop::collection::vec((0usize..400, any::<bool>(), 0u8..20), 1..60)
        ) {
            let mut tree = Tree::default();
            let (mut texts, mut kept) = (Vec::new(), Vec::new());
            for (count, is_new, keep) in steps {
                for n in 0..count {
                    if is_new {
                        let text = tree.create_text("text").expect("room");
                        tree.append(ROOT, text).expect("new");
                        texts.push(text);
                    } else if !texts.is_empty() {
                        // From all over the place.
                        let at = n * 61_027 % texts.len();
                        tree.remove(texts.swap_remove(at));
                    }
                }
                if keep == 0 {
                    kept.push((tree.clone(), texts.len() + 1));
                }
                prop_assert_eq!(tree.preorder(ROOT).count(), texts.len() + 1);
                check(&tree);
            }
            for (version, len) in kept {
                prop_assert_eq!(version.preorder(ROOT).count(), len);
                check(&version);
            }
        }
    }
}
