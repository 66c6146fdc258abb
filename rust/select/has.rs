//! Finds out for `:has()` what lies below an element or after it.
//!
//! Whatever is below one node is gone through once, from its end to its beginning:
//! then all that could follow an element is known when it is its turn, and what
//! was found out about it is kept. A query asks from top to bottom, so no element
//! is gone through twice for one selector, however deep the tree.

use crate::node::NodeId;
use crate::select::matching::{Matcher, is_template};
use crate::select::program::{Bits, Relative, Step};
use selectors::parser::Combinator::{Child, Descendant, LaterSibling, NextSibling};

/// What was found out for one relative selector.
#[derive(Debug, Default)]
pub struct Known {
    /// The elements that were gone through.
    asked: Marks,
    /// Those of them that have what is looked for.
    has: Marks,
}

/// A set of nodes.
#[derive(Debug, Default)]
struct Marks(Vec<u64>);

impl Marks {
    fn insert(&mut self, id: NodeId) {
        let (word, bit) = (id.0 as usize / 64, id.0 % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    fn contains(&self, id: NodeId) -> bool {
        let word = self.0.get(id.0 as usize / 64);
        word.is_some_and(|word| word >> (id.0 % 64) & 1 == 1)
    }
}

/// Which steps are done, from here on to the selector's end, by the elements of one
/// list of siblings that were gone through: those after some place.
#[derive(Clone, Copy, Debug, Default)]
struct Behind {
    children: Bits,
    below: Bits,
    next: Bits,
    later: Bits,
}

impl<'a> Matcher<'a> {
    pub fn has_relative(&mut self, relative: &'a Relative, id: NodeId) -> bool {
        let known = &mut self.known[relative.number];
        if known.asked.contains(id) {
            return known.has.contains(id);
        }
        let mut known = std::mem::take(known);
        let parent = self.node(id).parent;
        let top = match relative.is_beside() && !parent.is_none() {
            true => parent,
            false => id,
        };
        self.survey(relative, top, &mut known);
        let has = known.has.contains(id);
        self.known[relative.number] = known;
        has
    }

    /// Goes through *top* and all below it, last ones first.
    fn survey(&mut self, relative: &'a Relative, top: NodeId, known: &mut Known) {
        // One for each list of siblings that is not done yet, `top` alone in the first.
        let mut open = vec![Behind::default()];
        let mut id = top;
        loop {
            while let Some(last) = self.node(id).last.some() {
                open.push(Behind::default());
                id = last;
            }
            // Done with this leaf, and with all that end with it.
            loop {
                let mut inside = match self.node(id).last.some() {
                    Some(_) => open.pop().unwrap_or_default(),
                    None => Behind::default(),
                };
                if is_template(self.node(id)) {
                    inside = Behind::default();
                }
                let beside = open.last_mut().expect("the list of `id` is not done");
                // What is in a foreign element that is none here lies below others.
                beside.below |= inside.below;
                if self.sees(id) {
                    // Of what is beside `top` nothing is known.
                    if id != top || !relative.is_beside() || self.node(id).parent.is_none() {
                        known.asked.insert(id);
                    }
                    self.take(relative, id, inside, beside, known);
                }
                if id == top {
                    return;
                }
                let node = self.node(id);
                if !node.previous.is_none() {
                    id = node.previous;
                    break;
                }
                id = node.parent;
            }
        }
    }

    /// Notes what one element has behind it, and adds it to what those before it have.
    fn take(
        &mut self,
        relative: &'a Relative,
        id: NodeId,
        inside: Behind,
        beside: &mut Behind,
        known: &mut Known,
    ) {
        let is_open = |step: &Step| {
            let around = match step.combinator {
                Some(Child) => inside.children,
                Some(Descendant) => inside.below,
                Some(NextSibling) => beside.next,
                Some(LaterSibling) => beside.later,
                _ => unreachable!("a relative step has a combinator of the tree"),
            };
            around & step.bit != 0
        };
        if is_open(&relative.steps[0]) {
            known.has.insert(id);
        }
        let bits = self.bits(relative.chains, id);
        let mut here = 0;
        for (place, step) in relative.steps.iter().enumerate() {
            let is_open = relative.steps.get(place + 1).is_none_or(is_open);
            if is_open && self.is_compound(&step.compound, id, bits) {
                here |= step.bit;
            }
        }
        beside.children |= here;
        beside.below |= here;
        beside.next = here;
        beside.later |= here;
    }
}
