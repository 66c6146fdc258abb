//! Asks elements of one tree whether they are what a selector means.
//!
//! What a chain's steps need of elements around is kept in *levels*: the bits of the
//! parent, of all elements above, of the sibling before and of all siblings before.
//! So going through a tree from top to bottom costs one look at each element for
//! each step, whatever the combinators; nothing is searched backwards, and nothing
//! recurses but the selector itself, whose nesting is bounded.

use crate::names::{NameId, known_names as n};
use crate::node::{Kind, Node, NodeId};
use crate::page::Page;
use crate::select::Selector;
use crate::select::has::Known;
use crate::select::nth::Counts;
use crate::select::program::{Attribute, Bits, Chain, Compound, Program, Rule, Test};
use crate::select::states::States;
use crate::tree::{ROOT, Tree, page_of, slot};
use crate::work;
use rustc_hash::FxHashMap;
use selectors::attr::{CaseSensitivity, ParsedCaseSensitivity};

/// One query of one tree, with what it has found out so far.
pub struct Matcher<'a> {
    pub tree: &'a Tree,
    pub program: &'a Program,
    /// All pages in a row, if many elements will be asked; else empty.
    pub pages: Vec<Option<&'a Page>>,
    /// The numbers that this tree gives to the program's names.
    pub names: Vec<Option<NameId>>,
    /// Says that foreign elements are elements like any other.
    with_foreign: bool,
    /// What `:scope` means.
    scope: NodeId,
    /// By how many of the chains, then by element: which of their steps it does.
    bits: FxHashMap<usize, Vec<Bits>>,
    /// By test and parent.
    pub(super) counts: FxHashMap<(usize, NodeId), Counts>,
    /// By the number of the relative selector.
    pub(super) known: Vec<Known>,
    pub(super) states: States<'a>,
}

/// What is known around the children of one node, up to the next one to be asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Level {
    parent: Bits,
    above: Bits,
    previous: Bits,
    earlier: Bits,
}

impl Level {
    /// Returns the level of the children of an element that did *here*.
    pub fn below(&self, here: Bits) -> Level {
        Level {
            parent: here,
            above: self.above | here,
            ..Level::default()
        }
    }
}

impl<'a> Matcher<'a> {
    pub fn new(selector: &'a Selector, tree: &'a Tree, scope: NodeId) -> Matcher<'a> {
        let program = &selector.program;
        let names = program.names.iter().map(|name| tree.names().find(name));
        Matcher {
            tree,
            program,
            pages: Vec::new(),
            names: names.collect(),
            with_foreign: selector.with_foreign,
            scope,
            bits: FxHashMap::default(),
            counts: FxHashMap::default(),
            known: (0..program.relatives).map(|_| Known::default()).collect(),
            states: States::default(),
        }
    }

    #[inline]
    pub fn node(&self, id: NodeId) -> &'a Node {
        match self.pages.get(page_of(id)) {
            Some(Some(page)) => {
                work::step(1);
                page.node(slot(id))
            }
            _ => self.tree.node(id),
        }
    }

    pub fn is_element(&self, id: NodeId) -> bool {
        self.node(id).kind.is_element()
    }

    /// Says whether selectors see an element here: a foreign one may be none to them.
    #[inline]
    pub fn is_seen(&self, node: &Node) -> bool {
        node.kind.is_element() && (!node.is_foreign() || self.with_foreign)
    }

    pub fn sees(&self, id: NodeId) -> bool {
        self.is_seen(self.node(id))
    }

    pub fn attribute(&self, id: NodeId, name: NameId) -> Option<&'a str> {
        match self.pages.get(page_of(id)) {
            Some(Some(page)) => {
                work::step(1);
                page.attribute(slot(id), name)
            }
            _ => self.tree.attribute_by_id(id, name),
        }
    }

    /// Says whether one element, wherever it is, is what the selector means.
    pub fn matches(&mut self, id: NodeId) -> bool {
        if !self.sees(id) {
            return false;
        }
        let here = self.bits_at(id, &self.program.chains);
        self.is_any(&self.program.rules, id, here)
    }

    /// Says whether *id*, at which the chains' steps *here* are done, is any of *rules*.
    #[inline]
    pub fn is_any(&mut self, rules: &'a [Rule], id: NodeId, here: Bits) -> bool {
        rules.iter().any(|rule| match rule {
            Rule::Alone(compound) => self.is_compound(compound, id, here),
            Rule::Chain { bit, .. } => here & bit != 0,
        })
    }

    #[inline]
    pub fn is_compound(&mut self, compound: &'a Compound, id: NodeId, here: Bits) -> bool {
        compound
            .tests
            .iter()
            .all(|test| self.passes(test, id, here))
    }

    #[inline]
    pub fn passes(&mut self, test: &'a Test, id: NodeId, here: Bits) -> bool {
        match test {
            Test::Tag { html, other } => {
                let node = self.node(id);
                let name = if node.kind == Kind::Html { html } else { other };
                self.names[*name] == Some(node.name)
            }
            Test::Id(wanted) => self.attribute(id, n::ID) == Some(wanted),
            Test::Class(class) => {
                let own = self.attribute(id, n::CLASS);
                own.is_some_and(|own| has_class(own, class))
            }
            Test::Attribute(attribute) => self.has_attribute(id, attribute),
            Test::Root => self.is_root(id),
            Test::Scope if self.scope == ROOT => self.is_root(id),
            Test::Scope => self.scope == id,
            Test::Empty => self.is_empty(id),
            Test::First => self.element_from(id, |node| node.previous).is_none(),
            Test::Last => self.element_from(id, |node| node.next).is_none(),
            Test::State(state) => self.is_in_state(id, state),
            Test::Any { rules, negated } => self.is_any(rules, id, here) != *negated,
            Test::Nth(nth) => self.is_nth(nth, id),
            Test::Has(relatives) => relatives.iter().any(|it| self.has_relative(it, id)),
            Test::Never => false,
        }
    }

    fn is_root(&self, id: NodeId) -> bool {
        self.node(id).parent == ROOT
    }

    fn is_empty(&self, id: NodeId) -> bool {
        if is_template(self.node(id)) {
            return true;
        }
        let next = |&id: &NodeId| self.node(id).next.some();
        std::iter::successors(self.node(id).first.some(), next).all(|id| match self.node(id).kind {
            Kind::Text => self.tree.data(id).is_empty(),
            _ => !self.sees(id),
        })
    }

    /// Returns the nearest element that *step* leads to.
    pub fn element_from(&self, id: NodeId, step: impl Fn(&Node) -> NodeId) -> Option<NodeId> {
        let mut at = step(self.node(id));
        while !at.is_none() && !self.sees(at) {
            at = step(self.node(at));
        }
        at.some()
    }

    fn has_attribute(&self, id: NodeId, wanted: &Attribute) -> bool {
        let is_html = self.node(id).kind == Kind::Html;
        let fits = |value: &str| match &wanted.value {
            None => true,
            Some((operator, case, text)) => {
                operator.eval_str(value, text, case_sensitivity(*case, is_html))
            }
        };
        let name = if is_html { wanted.html } else { wanted.other };
        if wanted.is_uuid {
            return self.tree.uuid(id).is_some_and(|uuid| fits(&uuid));
        }
        let own = self.names[name].and_then(|name| self.attribute(id, name));
        own.is_some_and(fits)
            || wanted
                .any_prefix
                .as_ref()
                .is_some_and(|wanted| !is_html && self.prefixed(id, wanted).any(fits))
    }

    /// Returns the values of attributes such as `xlink:href`, by the name behind the colon.
    fn prefixed(&self, id: NodeId, name: &str) -> impl Iterator<Item = &'a str> {
        let names = self.tree.names();
        self.tree.attributes(id).filter_map(move |(own, value)| {
            let (_, local) = names.get(own).split_once(':')?;
            (local == name).then_some(value)
        })
    }
}

/// Chains.
impl<'a> Matcher<'a> {
    /// Asks the next element of a level; returns which steps of *chains* it does.
    pub fn step(&mut self, level: &mut Level, id: NodeId, chains: &'a [Chain]) -> Bits {
        use selectors::parser::Combinator::{Child, Descendant, LaterSibling, NextSibling};
        let mut here = 0;
        for step in chains.iter().flat_map(|chain| &chain.steps) {
            let around = match step.combinator {
                None => Bits::MAX,
                Some(Child) => level.parent,
                Some(Descendant) => level.above,
                Some(NextSibling) => level.previous,
                Some(LaterSibling) => level.earlier,
                Some(_) => unreachable!("combinators of shadow trees are not parsed"),
            };
            // A chain's bits follow one another.
            let is_open = step.combinator.is_none() || around & step.bit >> 1 != 0;
            if is_open && self.is_compound(&step.compound, id, here) {
                here |= step.bit;
            }
        }
        level.previous = here;
        level.earlier |= here;
        here
    }

    /// Returns the level of the children of *parent*, none of which was asked.
    pub fn level_below(&mut self, parent: NodeId, chains: &'a [Chain]) -> Level {
        let mut level = Level::default();
        for id in self.path_to(parent) {
            let here = self.enter(&mut level, id, chains);
            level = level.below(here);
        }
        level
    }

    fn bits_at(&mut self, id: NodeId, chains: &'a [Chain]) -> Bits {
        if chains.is_empty() {
            return 0;
        }
        let mut level = self.level_below(self.node(id).parent, chains);
        self.enter(&mut level, id, chains)
    }

    /// Returns which steps of the first *chains* an element does, wherever it is.
    ///
    /// Unlike `bits_at` this is for many: all in one tree are asked at once.
    pub fn bits(&mut self, chains: usize, id: NodeId) -> Bits {
        if chains == 0 {
            return 0;
        }
        if !self.bits.contains_key(&chains) {
            let bits = self.bits_below(self.topmost(id), chains);
            self.bits.insert(chains, bits);
        }
        let bits = self.bits[&chains].get(id.0 as usize);
        bits.copied().unwrap_or_default()
    }

    /// Returns the node above all others above *id*, or itself.
    fn topmost(&self, mut id: NodeId) -> NodeId {
        while let Some(parent) = self.node(id).parent.some() {
            id = parent;
        }
        id
    }

    /// Returns which steps of the first *chains* the elements in and below *top* do, up
    /// to the last one that does any.
    fn bits_below(&mut self, top: NodeId, chains: usize) -> Vec<Bits> {
        let chains = &self.program.chains[..chains];
        let mut bits = Vec::new();
        let mut levels = vec![Level::default()];
        let mut at = top;
        loop {
            let mut here = 0;
            if self.sees(at) {
                let level = levels.last_mut().expect("the list of `at` is not done");
                here = self.step(level, at, chains);
                let place = at.0 as usize;
                if here != 0 {
                    bits.resize(bits.len().max(place + 1), 0);
                    bits[place] = here;
                }
            }
            let node = self.node(at);
            if !node.first.is_none() {
                let level = levels.last().expect("the list of `at` is not done");
                levels.push(level.below(here));
                at = node.first;
                continue;
            }
            while at != top && self.node(at).next.is_none() {
                at = self.node(at).parent;
                levels.pop();
            }
            if at == top {
                return bits;
            }
            at = self.node(at).next;
        }
    }

    /// Asks *id* in a new level, and first whatever comes before it there.
    fn enter(&mut self, level: &mut Level, id: NodeId, chains: &'a [Chain]) -> Bits {
        if self.program.has_sibling_steps {
            let mut at = self.first_sibling(id);
            while at != id {
                if self.sees(at) {
                    self.step(level, at, chains);
                }
                at = self.node(at).next;
            }
        }
        match self.sees(id) {
            true => self.step(level, id, chains),
            false => 0,
        }
    }

    pub fn first_sibling(&self, id: NodeId) -> NodeId {
        let parent = self.node(id).parent;
        if parent.is_none() {
            id
        } else {
            self.node(parent).first
        }
    }

    /// Returns the elements from the topmost one down to *id*; none for the root.
    pub fn path_to(&self, id: NodeId) -> Vec<NodeId> {
        let above = |&id: &NodeId| self.node(id).parent.some();
        let mut path: Vec<NodeId> = std::iter::successors(id.some(), above)
            .take_while(|&id| self.is_element(id))
            .collect();
        path.reverse();
        path
    }

    /// Returns the nearest of *id* and the elements above it that matches.
    pub fn closest(&mut self, id: NodeId) -> Option<NodeId> {
        let program = self.program;
        let path = self.path_to(id);
        if program.chains.is_empty() && program.relatives == 0 {
            return path
                .into_iter()
                .rev()
                .find(|&id| self.sees(id) && self.is_any(&program.rules, id, 0));
        }
        // From the top, so that nothing is looked through twice.
        let (mut level, mut nearest) = (Level::default(), None);
        for id in path {
            let here = self.enter(&mut level, id, &program.chains);
            if self.sees(id) && self.is_any(&program.rules, id, here) {
                nearest = Some(id);
            }
            level = level.below(here);
        }
        nearest
    }
}

/// What a template holds is not part of the document, and nothing in or below it.
pub fn is_template(node: &Node) -> bool {
    node.name == n::TEMPLATE && node.kind == Kind::Html
}

/// Says whether the words of *own*, the value of an attribute, include *class*.
fn has_class(own: &str, class: &str) -> bool {
    own.len() >= class.len()
        && (own == class || own.split_ascii_whitespace().any(|word| word == class))
}

fn case_sensitivity(parsed: ParsedCaseSensitivity, is_html: bool) -> CaseSensitivity {
    match parsed {
        ParsedCaseSensitivity::AsciiCaseInsensitive => CaseSensitivity::AsciiCaseInsensitive,
        ParsedCaseSensitivity::AsciiCaseInsensitiveIfInHtmlElementInHtmlDocument if is_html => {
            CaseSensitivity::AsciiCaseInsensitive
        }
        _ => CaseSensitivity::CaseSensitive,
    }
}
