//! An array of pages that versions share: a radix tree, copied on write.
//!
//! Cloning costs a few reference counts. The first write after it copies one page
//! and the branches above it; all else stays shared, and whoever compares two
//! versions skips whatever is the same allocation. Fan-out is small because
//! copying a branch costs one reference count per child.
//!
//! The page that was written last is held in hand, outside of the branches, where
//! it leaves a hole: what writes the same page again, as a parser does or a counter
//! that counts, goes through no branch at all.

use crate::page::Page;
use crate::work::step;
use smallvec::SmallVec;
use std::sync::Arc;

const FAN_OUT: usize = 8;
const FAN_OUT_BITS: u32 = FAN_OUT.trailing_zeros();

/// Pages by number.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    root: Child,
    /// How many levels of branches lie above the pages.
    height: u32,
    in_hand: Option<InHand>,
    /// While a tree is built that nobody shares yet: its pages, in a row.
    building: Vec<Page>,
}

#[derive(Clone, Debug)]
struct InHand {
    number: usize,
    page: Arc<Page>,
}

#[derive(Clone, Debug, Default)]
enum Child {
    #[default]
    Empty,
    Branch(Arc<Branch>),
    Page(Arc<Page>),
}

type Branch = [Child; FAN_OUT];

impl Pages {
    /// Returns page *number*, which must have been written to and not removed.
    pub fn get(&self, number: usize) -> &Page {
        self.get_if_any(number)
            .unwrap_or_else(|| panic!("there is no page {number}"))
    }

    pub fn get_if_any(&self, number: usize) -> Option<&Page> {
        step(1);
        match self.building.get(number) {
            Some(page) => Some(page),
            None => self.find(number).map(|page| &**page),
        }
    }

    fn find(&self, number: usize) -> Option<&Arc<Page>> {
        if let Some(in_hand) = &self.in_hand
            && in_hand.number == number
        {
            return Some(&in_hand.page);
        }
        if number >> (self.height * FAN_OUT_BITS) != 0 {
            return None;
        }
        let mut child = &self.root;
        for level in (0..self.height).rev() {
            match child {
                Child::Branch(branch) => child = &branch[digit(number, level)],
                _ => return None,
            }
        }
        match child {
            Child::Page(page) => Some(page),
            _ => None,
        }
    }

    /// Returns all pages by number, for whoever will look at many nodes.
    pub fn all(&self) -> Vec<Option<&Page>> {
        if !self.building.is_empty() {
            return self.building.iter().map(Some).collect();
        }
        let mut all = Vec::new();
        let mut put = |number: usize, page| {
            if all.len() <= number {
                all.resize(number + 1, None);
            }
            all[number] = Some(page);
        };
        let mut stack = vec![(self.height, 0, &self.root)];
        while let Some((level, number, child)) = stack.pop() {
            match child {
                Child::Branch(branch) => {
                    let below = |digit| number << FAN_OUT_BITS | digit;
                    let children = branch.iter().enumerate();
                    stack.extend(children.map(|(digit, it)| (level - 1, below(digit), it)));
                }
                Child::Page(page) => put(number, &**page),
                Child::Empty => {}
            }
        }
        if let Some(InHand { number, page }) = &self.in_hand {
            put(*number, page);
        }
        all
    }

    /// Returns page *number* for writing: made if it is new, copied if it is shared.
    pub fn get_mut(&mut self, number: usize) -> &mut Page {
        step(1);
        if self.building.is_empty() {
            return self.get_shared_mut(number);
        }
        if number >= self.building.len() {
            self.building.resize_with(number + 1, Page::default);
        }
        &mut self.building[number]
    }

    /// Begins to build: until `finish`, pages are written without looking whether
    /// anybody shares them. Only for a tree that is not cloned meanwhile.
    pub fn build(&mut self) {
        let all = std::mem::take(self);
        self.building.push(
            all.find(0)
                .map_or_else(Page::default, |page| Page::clone(page)),
        );
    }

    pub fn is_building(&self) -> bool {
        !self.building.is_empty()
    }

    /// Hangs what was built into the branches.
    pub fn finish(&mut self) {
        for (number, page) in std::mem::take(&mut self.building).into_iter().enumerate() {
            *self.place(number) = Child::Page(Arc::new(page));
        }
    }

    /// Gives up page *number*, and the branches that held nothing else.
    pub fn remove(&mut self, number: usize) {
        if let Some(page) = self.building.get_mut(number) {
            *page = Page::default();
        }
        if self.in_hand.as_ref().is_some_and(|it| it.number == number) {
            self.in_hand = None;
        }
        // The level below the lowest branch that holds something else.
        let mut cut = self.height;
        let mut at = &self.root;
        for level in (0..self.height).rev() {
            let Child::Branch(branch) = at else { break };
            let is_shared = |(place, child): (usize, &Child)| {
                place != digit(number, level) && !matches!(child, Child::Empty)
            };
            if branch.iter().enumerate().any(is_shared) {
                cut = level;
            }
            at = &branch[digit(number, level)];
        }
        let mut child = &mut self.root;
        for level in (cut..self.height).rev() {
            match child {
                Child::Branch(branch) => child = &mut Arc::make_mut(branch)[digit(number, level)],
                _ => return,
            }
        }
        *child = Child::Empty;
    }

    /// Calls *visit* with every page.
    pub fn each(&self, mut visit: impl FnMut(&Page)) {
        if let Some(in_hand) = &self.in_hand {
            visit(&in_hand.page);
        }
        let mut stack = vec![&self.root];
        while let Some(child) = stack.pop() {
            match child {
                Child::Branch(branch) => stack.extend(branch.iter()),
                Child::Page(page) => visit(page),
                Child::Empty => {}
            }
        }
    }

    fn get_shared_mut(&mut self, number: usize) -> &mut Page {
        let is_in_hand = self.in_hand.as_ref().is_some_and(|it| it.number == number);
        if !is_in_hand {
            if let Some(InHand { number, page }) = self.in_hand.take() {
                *self.place(number) = Child::Page(page);
            }
            let page = match std::mem::take(self.place(number)) {
                Child::Page(page) => page,
                _ => Arc::default(),
            };
            self.in_hand = Some(InHand { number, page });
        }
        let in_hand = self.in_hand.as_mut().expect("taken above");
        Arc::make_mut(&mut in_hand.page)
    }

    /// Returns where page *number* hangs, with every branch above it our own.
    fn place(&mut self, number: usize) -> &mut Child {
        while number >> (self.height * FAN_OUT_BITS) != 0 {
            if !matches!(self.root, Child::Empty) {
                let mut branch = Branch::default();
                branch[0] = std::mem::take(&mut self.root);
                self.root = Child::Branch(Arc::new(branch));
            }
            self.height += 1;
        }
        let mut child = &mut self.root;
        for level in (0..self.height).rev() {
            if matches!(child, Child::Empty) {
                *child = Child::Branch(Arc::default());
            }
            match child {
                Child::Branch(branch) => child = &mut Arc::make_mut(branch)[digit(number, level)],
                _ => unreachable!("pages lie below all branches"),
            }
        }
        child
    }

    /// Says whether the two are one version: nothing was written since they parted.
    pub fn same(&self, other: &Pages) -> bool {
        let same_in_hand = match (&self.in_hand, &other.in_hand) {
            (Some(a), Some(b)) => a.number == b.number && Arc::ptr_eq(&a.page, &b.page),
            (None, None) => true,
            _ => false,
        };
        same_in_hand && self.height == other.height && same(&self.root, &other.root)
    }

    /// Calls *visit* with every page that is not shared, by number; a side that
    /// lacks it gives `None`. Costs what differs, not what there is.
    pub fn differing<'a>(
        &'a self,
        other: &'a Pages,
        mut visit: impl FnMut(usize, Option<&'a Page>, Option<&'a Page>),
    ) {
        let same_branches = self.height == other.height && same(&self.root, &other.root);
        let in_hand = [&self.in_hand, &other.in_hand];
        if let [Some(mine), Some(theirs)] = in_hand
            && same_branches
            && mine.number == theirs.number
        {
            // Mostly nothing but the page in hand was written.
            if !Arc::ptr_eq(&mine.page, &theirs.page) {
                visit(mine.number, Some(&mine.page), Some(&theirs.page));
            }
            return;
        }
        let mut numbers = SmallVec::<[usize; 8]>::new();
        if !same_branches {
            self.differing_places(other, &mut numbers);
        }
        numbers.extend(in_hand.into_iter().flatten().map(|in_hand| in_hand.number));
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let (mine, theirs) = (self.find(number), other.find(number));
            let is_shared = match (mine, theirs) {
                (Some(mine), Some(theirs)) => Arc::ptr_eq(mine, theirs),
                (None, None) => true,
                _ => false,
            };
            if !is_shared {
                visit(number, mine.map(|page| &**page), theirs.map(|page| &**page));
            }
        }
    }

    /// Appends the numbers of the pages that hang in different places to *numbers*.
    fn differing_places<'a>(&'a self, other: &'a Pages, numbers: &mut SmallVec<[usize; 8]>) {
        const EMPTY: &Child = &Child::Empty;
        let height = self.height.max(other.height);
        let mut stack = vec![(height, 0, &self.root, &other.root)];
        while let Some((level, number, mine, theirs)) = stack.pop() {
            if same(mine, theirs) {
                continue;
            }
            if level == 0 {
                numbers.push(number);
                continue;
            }
            for digit in 0..FAN_OUT {
                let below = |child: &'a Child, height: u32| match child {
                    // A lower tree hangs below digit 0 of the levels it lacks.
                    _ if level > height && number == 0 => {
                        if digit == 0 {
                            child
                        } else {
                            EMPTY
                        }
                    }
                    Child::Branch(branch) => &branch[digit],
                    _ => EMPTY,
                };
                let (mine, theirs) = (below(mine, self.height), below(theirs, other.height));
                stack.push((level - 1, number << FAN_OUT_BITS | digit, mine, theirs));
            }
        }
    }

    /// Returns how many pages and bytes of them no other version shares.
    pub fn own(&self) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        let mut add = |page: &Arc<Page>| {
            if Arc::strong_count(page) == 1 {
                count += 1;
                bytes += page.own_bytes();
            }
        };
        if let Some(in_hand) = &self.in_hand {
            add(&in_hand.page);
        }
        let mut branches = 0;
        let mut stack = vec![&self.root];
        while let Some(child) = stack.pop() {
            match child {
                Child::Branch(branch) if Arc::strong_count(branch) == 1 => {
                    branches += size_of::<Branch>();
                    stack.extend(branch.iter());
                }
                Child::Page(page) => add(page),
                _ => {}
            }
        }
        (count, bytes + branches)
    }
}

fn digit(number: usize, level: u32) -> usize {
    number >> (level * FAN_OUT_BITS) & (FAN_OUT - 1)
}

fn same(a: &Child, b: &Child) -> bool {
    match (a, b) {
        (Child::Empty, Child::Empty) => true,
        (Child::Branch(a), Child::Branch(b)) => Arc::ptr_eq(a, b),
        (Child::Page(a), Child::Page(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(count: usize) -> Pages {
        let mut pages = Pages::default();
        for number in 0..count {
            pages.get_mut(number).put_root(0);
        }
        pages
    }

    fn differing(a: &Pages, b: &Pages) -> Vec<usize> {
        let mut numbers = Vec::new();
        a.differing(b, |number, _, _| numbers.push(number));
        numbers
    }

    #[test]
    fn only_what_was_written_differs() {
        for count in [1, 8, 9, 64, 600] {
            let old = grown(count);
            let mut new = old.clone();
            assert!(new.same(&old) && differing(&old, &new).is_empty());
            new.get_mut(count / 2).put_root(1);
            assert_eq!(differing(&old, &new), [count / 2]);
        }
    }

    #[test]
    fn a_version_that_grew_differs_by_what_it_grew() {
        for (small, large) in [(0, 3), (1, 2), (1, 9), (8, 9), (7, 70), (64, 513)] {
            let old = grown(small);
            let mut new = old.clone();
            for number in small..large {
                new.get_mut(number);
            }
            assert_eq!(differing(&old, &new), (small..large).collect::<Vec<_>>());
            assert_eq!(differing(&new, &old), (small..large).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_page_written_again_and_again_stays_comparable() {
        let mut new = grown(100);
        for number in [5, 5, 70, 5, 70, 70] {
            let old = new.clone();
            new.get_mut(number).put_root(2);
            assert_eq!(differing(&old, &new), [number]);
            assert_eq!(differing(&new, &old), [number]);
            assert!(!new.same(&old));
        }
    }

    #[test]
    fn all_pages_come_in_order_wherever_the_one_in_hand_is() {
        for count in [1, 2, 8, 9, 65] {
            let mut pages = grown(count);
            for number in 0..count {
                pages.get_mut(number).put_root(2);
                let all = pages.all();
                assert_eq!(all.len(), count);
                let is_it = |n: usize| all[n].is_some_and(|page| std::ptr::eq(page, pages.get(n)));
                assert!((0..count).all(is_it), "{number} of {count}");
            }
        }
    }

    #[test]
    fn removed_pages_leave_nothing_behind() {
        for count in [1, 8, 9, 64, 600] {
            let mut pages = grown(count);
            let old = pages.clone();
            for number in (1..count).rev() {
                pages.remove(number);
                assert!(pages.get_if_any(number).is_none());
            }
            assert_eq!(differing(&old, &pages), (1..count).collect::<Vec<_>>());
            pages.get(0);
            pages.remove(0);
            assert_eq!(pages.own(), (0, 0));
            assert!(matches!(pages.root, Child::Empty));
            pages.get_mut(count - 1).put_root(0);
            assert!((0..count - 1).all(|number| pages.get_if_any(number).is_none()));
        }
    }

    #[test]
    fn a_write_copies_one_page() {
        let old = grown(600);
        let mut new = old.clone();
        assert_eq!(new.own(), (0, 0));
        new.get_mut(300).put_root(1);
        let (count, bytes) = new.own();
        assert_eq!(count, 1);
        assert!(bytes < 4096, "{bytes}");
    }
}
