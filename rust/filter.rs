//! A few bits that tell which tags and classes cannot be among some elements.
//!
//! A Bloom filter (Bloom 1970) of two words, a bit in each for every tag and class: what
//! was added is always admitted; what was not seldom is, as long as there are not many.
//! Nothing can be taken out, so a filter is made anew when enough is gone.

use crate::names::NameId;
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// What some elements may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter([u64; 2]);

impl Filter {
    pub fn add_tag(&mut self, name: NameId) {
        let mut hasher = FxHasher::default();
        hasher.write_u16(name.0);
        self.add(hasher);
    }

    pub fn add_class(&mut self, class: &str) {
        let mut hasher = FxHasher::default();
        hasher.write(class.as_bytes());
        self.add(hasher);
    }

    /// Adds the words of an attribute `class`.
    pub fn add_classes(&mut self, value: &str) {
        for class in value.split_ascii_whitespace() {
            self.add_class(class);
        }
    }

    /// Says whether all that was added to *wanted* may have been added here.
    pub fn admits(self, wanted: Filter) -> bool {
        let [low, high] = wanted.0;
        self.0[0] & low == low && self.0[1] & high == high
    }

    fn add(&mut self, hasher: FxHasher) {
        let hash = hasher.finish();
        self.0[0] |= 1 << (hash & 63);
        self.0[1] |= 1 << (hash >> 6 & 63);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_classes(classes: &str) -> Filter {
        let mut filter = Filter::default();
        filter.add_classes(classes);
        filter
    }

    #[test]
    fn what_was_added_is_admitted() {
        let mut filter = of_classes("a\tb  price");
        filter.add_tag(NameId(7));
        for class in ["", "a", "b", "price", "b a"] {
            assert!(filter.admits(of_classes(class)), "{class}");
        }
        let mut tag = Filter::default();
        tag.add_tag(NameId(7));
        assert!(filter.admits(tag));
    }

    #[test]
    fn what_was_not_added_is_seldom_admitted() {
        let filter = of_classes("row cell price selected active");
        let admitted = (0..1000).filter(|n| filter.admits(of_classes(&format!("other{n}"))));
        assert!(admitted.count() < 30);
        let tags = (0..500).filter(|&n| {
            let mut tag = Filter::default();
            tag.add_tag(NameId(n));
            filter.admits(tag)
        });
        assert!(tags.count() < 15);
    }
}
