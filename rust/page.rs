//! Nodes in pages: 32 nodes of 32 bytes, with their texts and attributes beside them.
//!
//! A page is the unit that versions share and that a first write copies, so it
//! holds everything its nodes need and points at nothing but long texts. Texts
//! and attribute lists are only ever appended; what they replaced is waste until
//! the page packs itself. So two pages of which one is a copy of the other,
//! written to later, agree on every node whose 32 bytes are the same, and a page
//! knows which of its slots were written at all: that makes comparing them cheap
//! (see `Page::differing`).

use crate::filter::Filter;
use crate::names::{NameId, Used, known_names as n};
use crate::node::{Kind, Node, Span};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many nodes a page holds, 64 at most. Fewer make a change cheaper, for a page
/// is what it copies, and a tree larger; at 32 a clone with one change costs half of
/// what it does at 64, and a node two bytes more.
pub const PAGE_NODES: usize = 32;
/// A bit for each slot.
const ALL_SLOTS: u64 = u64::MAX >> (u64::BITS as usize - PAGE_NODES);
/// How many attributes one element may have.
pub const ATTRIBUTES_MAX: usize = 256;
/// Texts of this many bytes or more lie outside their page and are shared one by one.
const LARGE_BYTES: usize = 128;
const LARGE: u32 = 1 << 31;
const NO_ATTRIBUTES: u16 = u16::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attribute {
    name: NameId,
    /// Says that the element's list ends here.
    is_last: bool,
    value: Span,
}

/// An element has `ATTRIBUTES_MAX` attributes and cannot take another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyAttributes;

/// `PAGE_NODES` nodes and what belongs to them.
#[derive(Debug)]
pub struct Page {
    nodes: [Node; PAGE_NODES],
    /// Which page this is; no two have the same number.
    number: u64,
    /// The page that this one is a copy of, 0 if none.
    copy_of: u64,
    /// The slots that were written since the page was made, a bit for each.
    written: u64,
    /// A bit for each slot that no node has.
    free: u64,
    attributes: Vec<Attribute>,
    heap: String,
    /// Strings that can grow while nobody shares them.
    large: Vec<Arc<String>>,
    waste_bytes: u32,
    waste_attributes: u32,
    /// Of the tags and classes of its elements, and of some that are gone.
    filter: Filter,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

fn next_number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Clone for Page {
    fn clone(&self) -> Self {
        // A page is copied to be written to: leave room for a string.
        let mut heap = String::with_capacity(self.heap.len() + 48);
        heap.push_str(&self.heap);
        Page {
            nodes: self.nodes,
            number: next_number(),
            copy_of: self.number,
            written: 0,
            attributes: self.attributes.clone(),
            heap,
            large: self.large.clone(),
            ..*self
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        Page {
            nodes: [Node::default(); PAGE_NODES],
            number: next_number(),
            copy_of: 0,
            written: 0,
            free: ALL_SLOTS,
            attributes: Vec::new(),
            heap: String::new(),
            large: Vec::new(),
            waste_bytes: 0,
            waste_attributes: 0,
            filter: Filter::default(),
        }
    }
}

impl Page {
    pub fn node(&self, slot: usize) -> &Node {
        &self.nodes[slot]
    }

    /// Every write to a node goes through here, so that it is known to be written.
    pub fn node_mut(&mut self, slot: usize) -> &mut Node {
        self.written |= 1 << slot;
        &mut self.nodes[slot]
    }

    pub fn nodes(&self) -> &[Node; PAGE_NODES] {
        &self.nodes
    }

    /// Says which tags and classes no element of this page has.
    pub fn filter(&self) -> Filter {
        self.filter
    }

    /// Makes the element at *slot* another one with the same attributes.
    pub fn set_element(&mut self, slot: usize, kind: Kind, name: NameId) {
        self.filter.add_tag(name);
        let node = self.node_mut(slot);
        (node.kind, node.name) = (kind, name);
    }

    /// Returns a slot that no node has.
    pub fn free_slot(&self) -> Option<usize> {
        (self.free != 0).then(|| self.free.trailing_zeros() as usize)
    }

    pub fn is_empty(&self) -> bool {
        self.free == ALL_SLOTS
    }

    /// Takes a slot that no node shall ever have.
    pub fn reserve(&mut self, slot: usize) {
        self.free &= !(1 << slot);
    }

    fn put(&mut self, slot: usize, node: Node) {
        self.reserve(slot);
        *self.node_mut(slot) = node;
    }

    /// Adds all names that nodes here have to *used*.
    pub fn add_names(&self, used: &mut Used) {
        for node in self.nodes.iter().filter(|node| node.kind.is_element()) {
            used.add(node.name);
            for attribute in self.list(node.attributes_at()) {
                used.add(attribute.name);
            }
        }
    }

    /// Makes *slot*, which must be free, an element without attributes.
    pub fn put_element(&mut self, slot: usize, kind: Kind, name: NameId) {
        self.filter.add_tag(name);
        let mut node = Node {
            kind,
            name,
            ..Node::default()
        };
        node.set_attributes_at(NO_ATTRIBUTES);
        self.put(slot, node);
    }

    /// Makes *slot*, which must be free, a text, a comment or a doctype.
    pub fn put_data(&mut self, slot: usize, kind: Kind, data: &str) {
        let span = self.store(data);
        let mut node = Node {
            kind,
            ..Node::default()
        };
        node.set_span(span);
        self.put(slot, node);
    }

    pub fn put_root(&mut self, slot: usize) {
        let node = Node {
            kind: Kind::Root,
            ..Node::default()
        };
        self.put(slot, node);
    }

    /// Gives up what the node at *slot* held.
    pub fn clear(&mut self, slot: usize) {
        let node = self.nodes[slot];
        if node.kind.is_data() {
            self.release(node.span());
        } else if node.kind.is_element() {
            self.release_attributes(node.attributes_at());
        }
        *self.node_mut(slot) = Node::default();
        self.free |= 1 << slot;
        self.pack_if_wasteful();
    }

    pub fn data(&self, slot: usize) -> &str {
        self.string(self.nodes[slot].span())
    }

    pub fn set_data(&mut self, slot: usize, data: &str) {
        self.release(self.nodes[slot].span());
        let span = self.store(data);
        self.node_mut(slot).set_span(span);
        self.pack_if_wasteful();
    }

    /// Appends to a text; cheap when it was the last thing written, or is large and
    /// not shared: then it costs what is appended, however long it is.
    pub fn append_data(&mut self, slot: usize, more: &str) {
        let span = self.nodes[slot].span();
        if span.len & LARGE != 0 {
            Arc::make_mut(&mut self.large[span.at as usize]).push_str(more);
            self.written |= 1 << slot;
            return;
        }
        let is_last = (span.at + span.len) as usize == self.heap.len();
        if is_last && span.len as usize + more.len() < LARGE_BYTES {
            self.heap.push_str(more);
            self.node_mut(slot).set_span(Span {
                len: span.len + more.len() as u32,
                ..span
            });
            return;
        }
        let mut whole = String::with_capacity(self.string(span).len() + more.len());
        whole.push_str(self.string(span));
        whole.push_str(more);
        self.set_data(slot, &whole);
    }

    pub fn attributes(&self, slot: usize) -> impl Iterator<Item = (NameId, &str)> {
        self.list(self.nodes[slot].attributes_at())
            .iter()
            .map(|attribute| (attribute.name, self.string(attribute.value)))
    }

    pub fn attribute(&self, slot: usize, name: NameId) -> Option<&str> {
        let list = self.list(self.nodes[slot].attributes_at());
        let found = list.iter().find(|attribute| attribute.name == name)?;
        Some(self.string(found.value))
    }

    /// Sets one attribute; a name the element has keeps its place in the list.
    pub fn set_attribute(
        &mut self,
        slot: usize,
        name: NameId,
        value: &str,
    ) -> Result<(), TooManyAttributes> {
        let old = self.nodes[slot].attributes_at();
        let mut list = self.list(old).to_vec();
        let at = list.iter().position(|attribute| attribute.name == name);
        if at.is_none() && list.len() == ATTRIBUTES_MAX {
            return Err(TooManyAttributes);
        }
        if let Some(at) = at {
            self.release(list[at].value);
        }
        if name == n::CLASS {
            self.filter.add_classes(value);
        }
        let value = self.store(value);
        match at {
            Some(at) => list[at].value = value,
            None => list.push(Attribute {
                name,
                is_last: false,
                value,
            }),
        }
        self.replace_list(slot, &mut list);
        Ok(())
    }

    /// Removes one attribute; says whether it was there.
    pub fn remove_attribute(&mut self, slot: usize, name: NameId) -> bool {
        let mut list = self.list(self.nodes[slot].attributes_at()).to_vec();
        let Some(at) = list.iter().position(|attribute| attribute.name == name) else {
            return false;
        };
        self.release(list.remove(at).value);
        self.replace_list(slot, &mut list);
        true
    }

    /// Gives a new element its attributes all at once; names must differ.
    pub fn put_attributes<'a>(
        &mut self,
        slot: usize,
        attributes: impl Iterator<Item = (NameId, &'a str)>,
    ) -> Result<(), TooManyAttributes> {
        let start = self.attributes.len();
        for (name, value) in attributes {
            if self.attributes.len() - start == ATTRIBUTES_MAX {
                return Err(TooManyAttributes);
            }
            if name == n::CLASS {
                self.filter.add_classes(value);
            }
            let value = self.store(value);
            self.attributes.push(Attribute {
                name,
                is_last: false,
                value,
            });
        }
        if let Some(last) = self.attributes[start..].last_mut() {
            last.is_last = true;
            self.node_mut(slot).set_attributes_at(start as u16);
        }
        Ok(())
    }

    /// Calls *visit* with every slot whose node differs, string by string.
    ///
    /// Of a page and its copy only slots can differ that one of the two was written to.
    pub fn differing(&self, other: &Page, mut visit: impl FnMut(usize)) {
        /// With more slots than this to look at, a look at both pages as a whole pays.
        const FEW: u32 = 8;
        let is_copy = self.number == other.copy_of || other.number == self.copy_of;
        let mut left = match is_copy {
            true => self.written | other.written,
            false => ALL_SLOTS,
        };
        let continues = left.count_ones() > FEW && self.continues(other);
        while left != 0 {
            let slot = left.trailing_zeros() as usize;
            left &= left - 1;
            let is_same = match continues {
                true => self.nodes[slot] == other.nodes[slot],
                false => self.same_node(other, slot),
            };
            if !is_same {
                visit(slot);
            }
        }
    }

    /// Says whether one page is the other with something appended, so that nodes
    /// with the same 32 bytes have the same strings.
    fn continues(&self, other: &Page) -> bool {
        let heap = self.heap.len().min(other.heap.len());
        let attributes = self.attributes.len().min(other.attributes.len());
        self.heap.as_bytes()[..heap] == other.heap.as_bytes()[..heap]
            && self.attributes[..attributes] == other.attributes[..attributes]
            && self
                .large
                .iter()
                .zip(&other.large)
                .all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// Says whether the node at *slot* is the same in both pages, string by string:
    /// the slow way, for pages of which neither continues the other.
    fn same_node(&self, other: &Page, slot: usize) -> bool {
        let (a, b) = (&self.nodes[slot], &other.nodes[slot]);
        let same_links = (a.parent, a.first, a.last, a.previous, a.next)
            == (b.parent, b.first, b.last, b.previous, b.next);
        if !same_links || (a.kind, a.name, a.marks) != (b.kind, b.name, b.marks) {
            return false;
        }
        if a.kind.is_element() {
            a.stamp() == b.stamp() && self.attributes(slot).eq(other.attributes(slot))
        } else {
            !a.kind.is_data() || self.data(slot) == other.data(slot)
        }
    }

    /// Returns the bytes that this page holds beside what it shares with others.
    pub fn own_bytes(&self) -> usize {
        size_of::<Page>()
            + self.heap.capacity()
            + self.attributes.capacity() * size_of::<Attribute>()
            + self.large.capacity() * size_of::<Arc<String>>()
    }

    fn list(&self, at: u16) -> &[Attribute] {
        if at == NO_ATTRIBUTES {
            return &[];
        }
        let rest = &self.attributes[usize::from(at)..];
        let len = rest
            .iter()
            .position(|attribute| attribute.is_last)
            .map_or(0, |last| last + 1);
        &rest[..len]
    }

    fn replace_list(&mut self, slot: usize, list: &mut [Attribute]) {
        let old = self.nodes[slot].attributes_at();
        self.waste_attributes += self.list(old).len() as u32;
        let start = self.attributes.len();
        for attribute in list.iter_mut() {
            attribute.is_last = false;
        }
        if let Some(last) = list.last_mut() {
            last.is_last = true;
        }
        self.attributes.extend_from_slice(list);
        let at = if list.is_empty() {
            NO_ATTRIBUTES
        } else {
            start as u16
        };
        self.node_mut(slot).set_attributes_at(at);
        self.pack_if_wasteful();
    }

    fn release_attributes(&mut self, at: u16) {
        let list = self.list(at).to_vec();
        self.waste_attributes += list.len() as u32;
        for attribute in list {
            self.release(attribute.value);
        }
    }

    fn string(&self, span: Span) -> &str {
        if span.len & LARGE != 0 {
            return &self.large[span.at as usize];
        }
        &self.heap[span.at as usize..(span.at + span.len) as usize]
    }

    fn store(&mut self, string: &str) -> Span {
        if string.len() >= LARGE_BYTES {
            self.large.push(Arc::new(string.into()));
            return Span {
                at: self.large.len() as u32 - 1,
                len: LARGE,
            };
        }
        let at = self.heap.len() as u32;
        self.heap.push_str(string);
        Span {
            at,
            len: string.len() as u32,
        }
    }

    fn release(&mut self, span: Span) {
        if span.len & LARGE == 0 {
            self.waste_bytes += span.len;
        } else {
            // Gone at once, not at the next packing: it may be megabytes.
            self.large[span.at as usize] = Arc::default();
            self.waste_bytes += size_of::<Arc<String>>() as u32;
        }
    }

    fn pack_if_wasteful(&mut self) {
        let bytes = (self.heap.len() + self.large.len() * size_of::<Arc<String>>()) as u32;
        let attributes = self.attributes.len() as u32;
        // Two elements with full lists must fit behind what is there: indexes have 16 bits.
        let full = self.attributes.len() + 2 * ATTRIBUTES_MAX > usize::from(NO_ATTRIBUTES);
        if self.waste_bytes > bytes / 2 + 256
            || self.waste_attributes > attributes / 2 + 32
            || full && self.waste_attributes > 0
        {
            self.pack();
        }
    }

    fn pack(&mut self) {
        let mut packed = Page {
            nodes: self.nodes,
            attributes: Vec::new(),
            heap: String::new(),
            large: Vec::new(),
            waste_bytes: 0,
            waste_attributes: 0,
            filter: Filter::default(),
            ..*self
        };
        for slot in 0..PAGE_NODES {
            let node = self.nodes[slot];
            if node.kind.is_data() {
                let span = packed.take(self, node.span());
                packed.nodes[slot].set_span(span);
                continue;
            }
            if !node.kind.is_element() {
                continue;
            }
            packed.filter.add_tag(node.name);
            if node.attributes_at() != NO_ATTRIBUTES {
                let start = packed.attributes.len() as u16;
                for attribute in self.list(node.attributes_at()) {
                    if attribute.name == n::CLASS {
                        packed.filter.add_classes(self.string(attribute.value));
                    }
                    let value = packed.take(self, attribute.value);
                    packed.attributes.push(Attribute {
                        value,
                        ..*attribute
                    });
                }
                packed.nodes[slot].set_attributes_at(start);
            }
        }
        *self = packed;
    }

    fn take(&mut self, from: &Page, span: Span) -> Span {
        if span.len & LARGE == 0 {
            return self.store(from.string(span));
        }
        self.large.push(from.large[span.at as usize].clone());
        Span {
            at: self.large.len() as u32 - 1,
            len: LARGE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::known_names as n;

    fn element() -> Page {
        let mut page = Page::default();
        page.put_element(0, Kind::Html, n::BODY);
        page
    }

    #[test]
    fn a_stamp_and_attributes_do_not_touch_each_other() {
        let mut page = element();
        page.node_mut(0).set_stamp((1 << 48) - 1);
        page.set_attribute(0, n::ID, "x").expect("room");
        assert_eq!(page.node(0).stamp(), (1 << 48) - 1);
        page.node_mut(0).set_stamp(7);
        assert_eq!(page.attribute(0, n::ID), Some("x"));
    }

    #[test]
    fn a_million_updates_leave_a_page_small() {
        let mut page = element();
        page.put_data(1, Kind::Text, "0");
        for n in 0..1_000_000 {
            page.set_data(1, if n % 2 == 0 { "odd" } else { "even" });
            page.set_attribute(0, n::CLASS, "on").expect("room");
        }
        assert!(page.own_bytes() < 8192, "{}", page.own_bytes());
        assert_eq!(
            (page.data(1), page.attribute(0, n::CLASS)),
            ("even", Some("on"))
        );
    }

    fn differing(a: &Page, b: &Page) -> Vec<usize> {
        let mut slots = Vec::new();
        a.differing(b, |slot| slots.push(slot));
        slots
    }

    #[test]
    fn a_page_and_its_copy_differ_where_either_was_written_since() {
        let mut page = Page::default();
        for slot in 0..PAGE_NODES {
            page.put_data(slot, Kind::Text, "as it was");
        }
        let page = page.clone();
        let mut copy = page.clone();
        copy.set_data(3, "new");
        assert_eq!(differing(&page, &copy), [3]);
        let mut page = page;
        page.set_data(5, "newer");
        assert_eq!(differing(&page, &copy), [3, 5]);
        assert_eq!(differing(&copy, &page), [3, 5]);
        // Written, but what it says is the same.
        copy.set_data(5, "newer");
        assert_eq!(differing(&page, &copy), [3]);
    }

    #[test]
    fn what_is_appended_to_a_text_is_seen_however_long_the_text() {
        for long in [1, LARGE_BYTES - 1, LARGE_BYTES, 1000] {
            let mut page = Page::default();
            page.put_data(3, Kind::Text, &"x".repeat(long));
            let page = page.clone();
            let mut copy = page.clone();
            copy.append_data(3, "more");
            assert_eq!(differing(&page, &copy), [3], "{long} bytes");
        }
    }

    #[test]
    fn what_went_long_ago_is_no_more_in_the_filter() {
        let mut page = element();
        for n in 0..10_000 {
            let class = format!("c{n}");
            page.set_attribute(0, n::CLASS, &class).expect("room");
        }
        let admitted = (0..10_000).filter(|n| {
            let mut wanted = Filter::default();
            wanted.add_class(&format!("c{n}"));
            page.filter().admits(wanted)
        });
        assert!(admitted.count() < 5_000);
    }

    #[test]
    fn pages_that_are_no_copies_of_each_other_are_compared_as_a_whole() {
        let mut first = Page::default();
        first.put_data(1, Kind::Text, "same");
        let mut second = first.clone();
        let mut third = first.clone();
        second.set_data(1, "second");
        third.put_data(2, Kind::Text, "third");
        assert_eq!(differing(&second, &third), [1, 2]);
        assert_eq!(
            differing(&second.clone().clone(), &second),
            Vec::<usize>::new()
        );
    }

    #[test]
    fn large_texts_are_freed_when_replaced() {
        let mut page = element();
        let large = "x".repeat(1000);
        page.put_data(1, Kind::Text, &large);
        let shared = page.large[0].clone();
        page.set_data(1, "small");
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn an_element_takes_256_attributes_and_no_more() {
        let mut page = element();
        for n in 0..ATTRIBUTES_MAX as u16 {
            page.set_attribute(0, NameId(1000 + n), "v").expect("room");
        }
        assert_eq!(
            page.set_attribute(0, NameId(1), "v"),
            Err(TooManyAttributes)
        );
        assert_eq!(page.set_attribute(0, NameId(1000), "w"), Ok(()));
        assert_eq!(page.attributes(0).count(), ATTRIBUTES_MAX);
    }

    #[test]
    fn a_page_of_full_elements_fits() {
        let mut page = Page::default();
        for slot in 0..PAGE_NODES {
            page.put_element(slot, Kind::Html, n::BODY);
            for n in 0..ATTRIBUTES_MAX as u16 {
                page.set_attribute(slot, NameId(1000 + n), "v")
                    .expect("room");
            }
        }
        assert!((0..PAGE_NODES).all(|slot| page.attributes(slot).count() == ATTRIBUTES_MAX));
    }
}
