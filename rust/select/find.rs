//! Decides which elements a query asks, and in which order.
//!
//! If each selector of the list names an id or a uuid, the indexes know whom to ask.
//! If tags and classes are rare, only pages are looked through whose filters admit
//! one of them. Otherwise the tree is walked, below the element whose id the
//! selector begins with if it has one. Whatever is found is in document order, below
//! `top`, and not inside of a `template`.

use crate::filter::Filter;
use crate::node::NodeId;
use crate::page::PAGE_NODES;
use crate::select::Selector;
use crate::select::matching::{Matcher, is_template};
use crate::select::program::{Compound, Program, Rule, Test};
use crate::tree::{ROOT, Tree};
use rustc_hash::FxHashSet;
use selectors::attr::{AttrSelectorOperator, ParsedCaseSensitivity};
use selectors::parser::Combinator;

/// Looking through pages pays if no more than one in so many is admitted.
const SCAN_ONE_IN: usize = 8;
/// How many elements are asked one by one if that needs all that is above them.
const ONE_BY_ONE_MAX: usize = 16;
/// How many nodes are walked before anything else is tried.
const WALK_FIRST: usize = 256;

/// What the index can tell before any element is asked.
#[derive(Clone, Debug)]
pub struct Hints {
    /// For each selector of the list what its match is known by; empty if one is not.
    keys: Vec<Key>,
    /// The id of an element that all matches are below.
    below_id: Option<Box<str>>,
}

#[derive(Clone, Debug)]
enum Key {
    Id(Box<str>),
    Uuid(Box<str>),
}

impl Hints {
    pub fn of(program: &Program) -> Hints {
        let keys = program
            .rules
            .iter()
            .map(|rule| subject(program, rule).tests.iter().find_map(key));
        let keys: Option<Vec<Key>> = keys.collect();
        let below_id = match program.rules[..] {
            [Rule::Chain { number, .. }] => below_id(program, number),
            _ => None,
        };
        Hints {
            keys: keys.unwrap_or_default(),
            below_id,
        }
    }
}

/// Returns what a match itself has to be.
fn subject<'a>(program: &'a Program, rule: &'a Rule) -> &'a Compound {
    match rule {
        Rule::Alone(compound) => compound,
        Rule::Chain { number, .. } => {
            let steps = &program.chains[*number].steps;
            &steps[steps.len() - 1].compound
        }
    }
}

fn key(test: &Test) -> Option<Key> {
    match test {
        Test::Id(id) => Some(Key::Id(id.clone())),
        Test::Attribute(attribute) => match &attribute.value {
            Some((AttrSelectorOperator::Equal, ParsedCaseSensitivity::CaseSensitive, value))
                if attribute.is_uuid =>
            {
                Some(Key::Uuid(value.clone()))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Returns the last id in a chain that has only steps downwards after it.
fn below_id(program: &Program, number: usize) -> Option<Box<str>> {
    let steps = &program.chains[number].steps;
    for (place, step) in steps.iter().enumerate().rev() {
        let is_subject = place == steps.len() - 1;
        let id = step.compound.tests.iter().find_map(|test| match test {
            Test::Id(id) if !is_subject => Some(id.clone()),
            _ => None,
        });
        let is_down = matches!(
            step.combinator,
            Some(Combinator::Child | Combinator::Descendant)
        );
        if id.is_some() || !is_down {
            return id;
        }
    }
    None
}

/// One query below one node.
pub struct Search<'a> {
    matcher: Matcher<'a>,
    hints: &'a Hints,
    tree: &'a Tree,
    top: NodeId,
}

/// How a walk ended.
#[derive(PartialEq, Eq)]
enum Walked {
    Done,
    TooFar,
}

impl<'a> Search<'a> {
    pub fn new(selector: &'a Selector, tree: &'a Tree, top: NodeId) -> Search<'a> {
        Search {
            matcher: Matcher::new(selector, tree, top),
            hints: &selector.hints,
            tree,
            top,
        }
    }

    pub fn first(&mut self) -> Option<NodeId> {
        if let Some(found) = self.by_key() {
            return found.first().copied();
        }
        let top = self.narrowed()?;
        let mut first = None;
        let mut take = |id| {
            first = Some(id);
            false
        };
        if self.walk(top, WALK_FIRST, &mut take) == Walked::Done {
            return first;
        }
        if let Some(found) = self.by_pages(top) {
            return found.first().copied();
        }
        self.walk(top, usize::MAX, take);
        first
    }

    pub fn all(&mut self) -> Vec<NodeId> {
        if let Some(found) = self.by_key() {
            return found;
        }
        let Some(top) = self.narrowed() else {
            return Vec::new();
        };
        let mut all = Vec::new();
        let mut take = |id| {
            all.push(id);
            true
        };
        if self.walk(top, WALK_FIRST, &mut take) == Walked::Done {
            return all;
        }
        if let Some(found) = self.by_pages(top) {
            return found;
        }
        all.clear();
        self.walk(top, usize::MAX, |id| {
            all.push(id);
            true
        });
        all
    }

    /// Returns the matches if all are known by an id or a uuid.
    fn by_key(&mut self) -> Option<Vec<NodeId>> {
        if self.hints.keys.is_empty() {
            return None;
        }
        let mut found = Vec::new();
        for key in &self.hints.keys {
            match key {
                Key::Id(id) => found.extend(self.tree.with_id(id)),
                Key::Uuid(uuid) => found.extend(self.tree.by_uuid(uuid)),
            }
        }
        let is_few = found.len() <= ONE_BY_ONE_MAX || self.matcher.program.chains.is_empty();
        is_few.then(|| self.asked(found, self.top))
    }

    /// Returns the node below which all matches are; `None` if there can be none.
    fn narrowed(&self) -> Option<NodeId> {
        let Some(id) = &self.hints.below_id else {
            return Some(self.top);
        };
        let mut all = self.tree.with_id(id);
        match (all.next(), all.next()) {
            (None, _) => None,
            (Some(only), None) if is_placed(self.tree, only, self.top) => Some(only),
            _ => Some(self.top),
        }
    }

    /// Returns the matches below *top* if few pages can have any.
    fn by_pages(&mut self, top: NodeId) -> Option<Vec<NodeId>> {
        self.matcher.pages = self.tree.pages().all();
        // The walk before went a few steps; whoever asks now begins again.
        self.matcher.counts.clear();
        let filters = self.filters()?;
        let pages = &self.matcher.pages;
        let is_admitted = |filter: Filter| filters.iter().any(|wanted| filter.admits(*wanted));
        let admitted: Vec<usize> = (0..pages.len())
            .filter(|&number| pages[number].is_some_and(|page| is_admitted(page.filter())))
            .collect();
        if admitted.len() > pages.len() / SCAN_ONE_IN + 1 {
            return None;
        }
        let mut candidates = Vec::new();
        for number in admitted {
            let page = self.matcher.pages[number].expect("its filter was asked");
            let nodes = page.nodes().iter().enumerate();
            for (slot, _) in nodes.filter(|(_, node)| node.kind.is_element()) {
                let id = NodeId((number * PAGE_NODES + slot) as u32);
                if self.may_match(id) {
                    candidates.push(id);
                }
            }
        }
        let is_few = candidates.len() <= ONE_BY_ONE_MAX || self.matcher.program.chains.is_empty();
        is_few.then(|| self.asked(candidates, top))
    }

    /// Returns what the filter of a page with a match admits, one for each way to
    /// match; `None` if that may be any page.
    fn filters(&self) -> Option<Vec<Filter>> {
        let program = self.matcher.program;
        let mut filters = Vec::new();
        for rule in &program.rules {
            let mut classes = Filter::default();
            let mut tags = None;
            for test in &subject(program, rule).tests {
                match test {
                    Test::Class(class) => classes.add_class(class),
                    Test::Tag { html, other } => tags = Some([*html, *other]),
                    _ => {}
                }
            }
            for name in tags.iter().flatten() {
                // A name that the tree does not know is nobody's.
                if let Some(name) = self.matcher.names[*name] {
                    let mut both = classes;
                    both.add_tag(name);
                    filters.push(both);
                }
            }
            if tags.is_none() {
                filters.push(classes);
            }
        }
        (!filters.contains(&Filter::default())).then_some(filters)
    }

    /// Asks what one look at the element tells.
    fn may_match(&mut self, id: NodeId) -> bool {
        let program = self.matcher.program;
        program.rules.iter().any(|rule| {
            let tests = &subject(program, rule).tests;
            tests.iter().all(|test| match test {
                Test::Tag { .. } | Test::Class(_) | Test::Id(_) => self.matcher.passes(test, id, 0),
                _ => true,
            })
        })
    }

    /// Returns those of *candidates* that are below *top* and match, in order.
    fn asked(&mut self, mut candidates: Vec<NodeId>, top: NodeId) -> Vec<NodeId> {
        if let [only] = candidates[..] {
            // One is the usual case of ids: then there is nothing to remember.
            let is_found = is_placed(self.tree, only, top) && self.matcher.matches(only);
            candidates.truncate(usize::from(is_found));
            return candidates;
        }
        let mut placed = Placed::below(self.tree, top);
        candidates.sort_unstable();
        candidates.dedup();
        candidates.retain(|&id| placed.has(id));
        // From top to bottom, what `:has()` looks through is looked through once.
        let is_sorted_first = self.matcher.program.relatives > 0;
        if is_sorted_first {
            placed.sort(&mut candidates);
        }
        candidates.retain(|&id| self.matcher.matches(id));
        if !is_sorted_first {
            placed.sort(&mut candidates);
        }
        candidates
    }

    /// Walks all below *top*, or *limit* nodes of it, until *found* has enough.
    fn walk(&mut self, top: NodeId, limit: usize, mut found: impl FnMut(NodeId) -> bool) -> Walked {
        let program = self.matcher.program;
        let chains = &program.chains[..];
        // One for each list of siblings that is not done; none if nothing needs them.
        let mut levels = Vec::new();
        let Some(mut at) = self.tree.node(top).first.some() else {
            return Walked::Done;
        };
        if !chains.is_empty() {
            levels.push(self.matcher.level_below(top, chains));
        }
        for _ in 0..limit {
            let node = self.matcher.node(at);
            let mut here = 0;
            if self.matcher.is_seen(node) {
                if let Some(level) = levels.last_mut() {
                    here = self.matcher.step(level, at, chains);
                }
                if self.matcher.is_any(&program.rules, at, here) && !found(at) {
                    return Walked::Done;
                }
            }
            if !node.first.is_none() && !is_template(node) {
                if let Some(level) = levels.last() {
                    levels.push(level.below(here));
                }
                at = node.first;
                continue;
            }
            let mut node = node;
            while node.next.is_none() {
                at = node.parent;
                levels.pop();
                if at == top {
                    return Walked::Done;
                }
                node = self.matcher.node(at);
            }
            at = node.next;
        }
        Walked::TooFar
    }
}

/// Says whether *id* is below *top*, and not in a template there.
fn is_placed(tree: &Tree, id: NodeId, top: NodeId) -> bool {
    let mut at = tree.node(id).parent;
    while at != top && !at.is_none() && !is_template(tree.node(at)) {
        at = tree.node(at).parent;
    }
    at == top
}

/// The same for many, of which few climb all the way.
struct Placed<'a> {
    tree: &'a Tree,
    top: NodeId,
    /// The parents on the ways from elements to `top`, with it.
    parents: FxHashSet<NodeId>,
}

impl<'a> Placed<'a> {
    fn below(tree: &'a Tree, top: NodeId) -> Placed<'a> {
        Placed {
            tree,
            top,
            parents: FxHashSet::from_iter([top]),
        }
    }

    /// Says whether *id* is below the top, and not in a template there.
    fn has(&mut self, id: NodeId) -> bool {
        let mut at = self.tree.node(id).parent;
        let mut way = Vec::new();
        while !self.parents.contains(&at) {
            if at.is_none() || at == ROOT || is_template(self.tree.node(at)) {
                return false;
            }
            way.push(at);
            at = self.tree.node(at).parent;
        }
        self.parents.extend(way);
        true
    }

    /// Brings elements into the order of the document; `has` said yes to all of them.
    fn sort(&self, elements: &mut Vec<NodeId>) {
        if elements.len() < 2 {
            return;
        }
        let wanted: FxHashSet<NodeId> = elements.drain(..).collect();
        let mut at = self.tree.node(self.top).first.some();
        while let Some(id) = at {
            if wanted.contains(&id) {
                elements.push(id);
                if elements.len() == wanted.len() {
                    return;
                }
            }
            at = match self.parents.contains(&id) {
                true => self.tree.after_in_preorder(id, self.top),
                false => self.tree.after_subtree(id, self.top),
            };
        }
    }
}
