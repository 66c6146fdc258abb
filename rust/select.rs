//! Finds elements by CSS selectors, parsed and matched by servo's crates.
//!
//! A selector is compiled once and matches elements from right to left. States
//! that only a browser knows (`:hover`, `:focus`) are not selectors here; those
//! that attributes tell (`:checked`, `:disabled`, `:enabled`, `:link`) are.

use crate::names::{NameId, known, known_names as n};
use crate::node::{Kind, NodeId};
use crate::tree::{ROOT, Tree};
use cssparser::{Parser as CssParser, ToCss};
use precomputed_hash::PrecomputedHash;
use selectors::attr::{AttrSelectorOperation, CaseSensitivity, NamespaceConstraint};
use selectors::bloom::BloomFilter;
use selectors::context::{
    MatchingContext, MatchingForInvalidation, MatchingMode, NeedsSelectorFlags, QuirksMode,
    SelectorCaches,
};
use selectors::matching::{ElementSelectorFlags, matches_selector_list};
use selectors::parser::{ParseRelative, SelectorList, SelectorParseErrorKind};
use selectors::{Element, OpaqueElement, SelectorImpl};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A compiled list of selectors.
#[derive(Clone, Debug)]
pub struct Selector {
    list: SelectorList<Css>,
    /// The id, if the selector is nothing but `#id`: then the tree's index knows.
    only_id: Option<Box<str>>,
}

/// A selector that cannot be used, and the byte at which that showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError {
    pub message: String,
    pub offset: usize,
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at byte {}", self.message, self.offset)
    }
}

impl std::error::Error for SelectorError {}

impl Selector {
    /// Compiles a selector list such as `"#menu > li:not(.hidden), a[href]"`.
    pub fn parse(text: &str) -> Result<Selector, SelectorError> {
        let mut input = CssParser::new(text);
        let list = SelectorList::parse(&Grammar, &mut input, ParseRelative::No);
        let only_id = text
            .strip_prefix('#')
            .filter(|id| is_plain(id))
            .map(Into::into);
        list.map(|list| Selector { list, only_id })
            .map_err(|error| SelectorError {
                message: explain(&error),
                offset: input.position().byte_index(),
            })
    }

    /// Returns the first element below *top*, in document order, that matches.
    pub fn first(&self, tree: &Tree, top: NodeId) -> Option<NodeId> {
        let mut first = None;
        self.visit(tree, top, |id| {
            first = Some(id);
            false
        });
        first
    }

    /// Returns all elements below *top* that match, in document order.
    pub fn all(&self, tree: &Tree, top: NodeId) -> Vec<NodeId> {
        let mut all = Vec::new();
        self.visit(tree, top, |id| {
            all.push(id);
            true
        });
        all
    }

    pub fn matches(&self, tree: &Tree, id: NodeId) -> bool {
        self.with_context(tree, id, |context| {
            matches_selector_list(&self.list, Ref { tree, id }, context)
        })
    }

    /// Returns the nearest of *id* and the elements above it that matches.
    pub fn closest(&self, tree: &Tree, id: NodeId) -> Option<NodeId> {
        let above = |&id: &NodeId| tree.node(id).parent.some();
        std::iter::successors(Some(id), above)
            .take_while(|&id| tree.kind(id).is_element())
            .find(|&id| self.matches(tree, id))
    }

    fn visit(&self, tree: &Tree, top: NodeId, mut found: impl FnMut(NodeId) -> bool) {
        if let Some(id) = &self.only_id {
            let mut all = tree
                .with_id(id)
                .filter(|&it| it != top && is_below(tree, it, top));
            match (all.next(), all.next()) {
                (None, _) => return,
                (Some(only), None) => {
                    found(only);
                    return;
                }
                // Several have this id: look which comes first.
                _ => {}
            }
        }
        self.with_context(tree, top, |context| {
            let mut at = tree.node(top).first.some();
            while let Some(id) = at {
                let node = tree.node(id);
                if !node.kind.is_element() {
                    at = tree.after_in_preorder(id, top);
                    continue;
                }
                let matches = matches_selector_list(&self.list, Ref { tree, id }, context);
                if matches && !found(id) {
                    return;
                }
                // What a template holds is not part of the document.
                let is_template = node.kind == Kind::Html && node.name == n::TEMPLATE;
                at = match is_template {
                    true => tree.after_subtree(id, top),
                    false => tree.after_in_preorder(id, top),
                };
            }
        });
    }

    fn with_context<T>(
        &self,
        tree: &Tree,
        scope: NodeId,
        run: impl FnOnce(&mut MatchingContext<'_, Css>) -> T,
    ) -> T {
        let mut caches = SelectorCaches::default();
        let mut context = MatchingContext::new(
            MatchingMode::Normal,
            None,
            &mut caches,
            QuirksMode::NoQuirks,
            NeedsSelectorFlags::No,
            MatchingForInvalidation::No,
        );
        if scope != ROOT {
            context.scope_element = Some(Ref { tree, id: scope }.opaque());
        }
        run(&mut context)
    }
}

/// Says whether *id* means itself in CSS, without escapes.
fn is_plain(id: &str) -> bool {
    !id.is_empty()
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !id.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}

/// Says whether *id* is in the document below *top*, and not in a template there.
fn is_below(tree: &Tree, id: NodeId, top: NodeId) -> bool {
    let mut at = tree.node(id).parent;
    while at != top && !at.is_none() {
        let node = tree.node(at);
        if node.kind == Kind::Html && node.name == n::TEMPLATE {
            return false;
        }
        at = node.parent;
    }
    at == top
}

fn explain(error: &cssparser::ParseError<Problem>) -> String {
    use cssparser::ParseErrorKind::{Basic, Custom};
    match &error.kind {
        Basic(kind) => kind.to_string(),
        Custom(Problem(kind)) => match kind {
            SelectorParseErrorKind::EmptySelector => "a selector is missing".into(),
            SelectorParseErrorKind::DanglingCombinator => "a combinator ends the selector".into(),
            SelectorParseErrorKind::UnsupportedPseudoClassOrElement => {
                "a pseudo-class or pseudo-element that is not supported on the server".into()
            }
            SelectorParseErrorKind::ExpectedNamespace => {
                "a namespace prefix, which has no meaning here".into()
            }
            SelectorParseErrorKind::ClassNeedsIdent => {
                "a class name is missing after the dot".into()
            }
            kind => format!("not a selector ({kind:?})"),
        },
    }
}

/// An element and the tree it is in, as the selector crate walks it.
#[derive(Clone, Copy)]
struct Ref<'a> {
    tree: &'a Tree,
    id: NodeId,
}

impl fmt::Debug for Ref<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}> {:?}", self.tree.tag(self.id), self.id)
    }
}

impl Ref<'_> {
    fn is_html(&self, name: NameId) -> bool {
        let node = self.tree.node(self.id);
        node.kind == Kind::Html && node.name == name
    }

    fn find(mut self, step: impl Fn(&Self) -> NodeId) -> Option<Self> {
        loop {
            self.id = step(&self).some()?;
            if self.tree.kind(self.id).is_element() {
                return Some(self);
            }
        }
    }

    fn is_disabled(&self) -> bool {
        self.tree.attribute_by_id(self.id, n::DISABLED).is_some()
    }

    fn is_checked(&self) -> bool {
        if self.is_html(n::OPTION) {
            return self.tree.attribute_by_id(self.id, n::SELECTED).is_some();
        }
        match self.tree.attribute_by_id(self.id, n::CHECKED_PROPERTY) {
            Some(live) => live == "true",
            None => self.tree.attribute_by_id(self.id, n::CHECKED).is_some(),
        }
    }

    fn can_be_disabled(&self) -> bool {
        let tags = [
            "button", "input", "select", "textarea", "option", "optgroup", "fieldset",
        ];
        self.tree.kind(self.id) == Kind::Html && tags.contains(&self.tree.tag(self.id))
    }
}

impl Element for Ref<'_> {
    type Impl = Css;

    fn opaque(&self) -> OpaqueElement {
        // A node does not move while its tree is borrowed.
        OpaqueElement::new(self.tree.node(self.id))
    }

    fn parent_element(&self) -> Option<Self> {
        let id = self.tree.node(self.id).parent.some()?;
        self.tree
            .kind(id)
            .is_element()
            .then_some(Ref { id, ..*self })
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        self.find(|at| at.tree.node(at.id).previous)
    }

    fn next_sibling_element(&self) -> Option<Self> {
        self.find(|at| at.tree.node(at.id).next)
    }

    fn first_element_child(&self) -> Option<Self> {
        let id = self.tree.node(self.id).first.some()?;
        let first = Ref { id, ..*self };
        if self.tree.kind(id).is_element() {
            Some(first)
        } else {
            first.next_sibling_element()
        }
    }

    fn is_html_element_in_html_document(&self) -> bool {
        self.tree.kind(self.id) == Kind::Html
    }

    fn has_local_name(&self, name: &Word) -> bool {
        match name.known {
            Some(known) => self.tree.node(self.id).name == known,
            None => self.tree.tag(self.id) == &*name.text,
        }
    }

    fn has_namespace(&self, namespace: &Word) -> bool {
        let own = match self.tree.kind(self.id) {
            Kind::Svg => "http://www.w3.org/2000/svg",
            Kind::MathMl => "http://www.w3.org/1998/Math/MathML",
            _ => "http://www.w3.org/1999/xhtml",
        };
        own == &*namespace.text
    }

    fn is_same_type(&self, other: &Self) -> bool {
        let (a, b) = (self.tree.node(self.id), other.tree.node(other.id));
        (a.kind, a.name) == (b.kind, b.name)
    }

    fn attr_matches(
        &self,
        namespace: &NamespaceConstraint<&Word>,
        name: &Word,
        operation: &AttrSelectorOperation<&Word>,
    ) -> bool {
        let is_none = match namespace {
            NamespaceConstraint::Any => true,
            NamespaceConstraint::Specific(namespace) => namespace.text.is_empty(),
        };
        let value = match name.known {
            Some(known) => self.tree.attribute_by_id(self.id, known),
            None => self.tree.attribute(self.id, &name.text),
        };
        is_none && value.is_some_and(|value| operation.eval_str(value))
    }

    fn match_non_ts_pseudo_class(&self, state: &State, _: &mut MatchingContext<'_, Css>) -> bool {
        match state {
            State::Checked => self.is_checked(),
            State::Disabled => self.can_be_disabled() && self.is_disabled(),
            State::Enabled => self.can_be_disabled() && !self.is_disabled(),
            State::Link => self.is_link(),
        }
    }

    fn is_link(&self) -> bool {
        self.tree.kind(self.id) == Kind::Html
            && matches!(self.tree.tag(self.id), "a" | "area")
            && self.tree.attribute_by_id(self.id, n::HREF).is_some()
    }

    fn has_id(&self, id: &Word, case: CaseSensitivity) -> bool {
        let own = self.tree.attribute_by_id(self.id, n::ID);
        own.is_some_and(|own| case.eq(own.as_bytes(), id.text.as_bytes()))
    }

    fn has_class(&self, class: &Word, case: CaseSensitivity) -> bool {
        let own = self.tree.attribute_by_id(self.id, n::CLASS).unwrap_or("");
        own.split_ascii_whitespace()
            .any(|it| case.eq(it.as_bytes(), class.text.as_bytes()))
    }

    fn is_empty(&self) -> bool {
        self.tree
            .children(self.id)
            .all(|id| match self.tree.kind(id) {
                Kind::Text => self.tree.data(id).is_empty(),
                kind => !kind.is_element(),
            })
    }

    fn is_root(&self) -> bool {
        self.tree.node(self.id).parent == ROOT
    }

    fn match_pseudo_element(&self, pseudo: &Never, _: &mut MatchingContext<'_, Css>) -> bool {
        match *pseudo {}
    }

    // Shadow trees, parts, custom states and style invalidation do not exist here.
    fn parent_node_is_shadow_root(&self) -> bool {
        false
    }
    fn containing_shadow_host(&self) -> Option<Self> {
        None
    }
    fn is_pseudo_element(&self) -> bool {
        false
    }
    fn is_html_slot_element(&self) -> bool {
        false
    }
    fn has_custom_state(&self, _: &Word) -> bool {
        false
    }
    fn imported_part(&self, _: &Word) -> Option<Word> {
        None
    }
    fn is_part(&self, _: &Word) -> bool {
        false
    }
    fn apply_selector_flags(&self, _: ElementSelectorFlags) {}
    fn add_element_unique_hashes(&self, _: &mut BloomFilter) -> bool {
        false
    }
}

/// The types of our selectors.
#[derive(Clone, Debug)]
struct Css;

impl SelectorImpl for Css {
    type ExtraMatchingData<'a> = ();
    type AttrValue = Word;
    type Identifier = Word;
    type LocalName = Word;
    type NamespaceUrl = Word;
    type NamespacePrefix = Word;
    type BorrowedNamespaceUrl = Word;
    type BorrowedLocalName = Word;
    type NonTSPseudoClass = State;
    type PseudoElement = Never;
}

/// A word of a selector, with its number if it is a well-known name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Word {
    text: Box<str>,
    known: Option<NameId>,
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Word {
            text: text.into(),
            known: known(text),
        }
    }
}

impl AsRef<str> for Word {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl ToCss for Word {
    fn to_css<W: fmt::Write>(&self, out: &mut W) -> fmt::Result {
        cssparser::serialize_identifier(&self.text, out)
    }
}

impl PrecomputedHash for Word {
    fn precomputed_hash(&self) -> u32 {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        hasher.finish() as u32
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Checked,
    Disabled,
    Enabled,
    Link,
}

impl ToCss for State {
    fn to_css<W: fmt::Write>(&self, out: &mut W) -> fmt::Result {
        out.write_str(match self {
            State::Checked => ":checked",
            State::Disabled => ":disabled",
            State::Enabled => ":enabled",
            State::Link => ":link",
        })
    }
}

impl selectors::parser::NonTSPseudoClass for State {
    fn is_active_or_hover(&self) -> bool {
        false
    }
    fn is_user_action_state(&self) -> bool {
        false
    }
}

/// There are no pseudo-elements on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Never {}

impl ToCss for Never {
    fn to_css<W: fmt::Write>(&self, _: &mut W) -> fmt::Result {
        match *self {}
    }
}

impl selectors::parser::PseudoElement for Never {}

/// What the selector crate finds wrong, kept to be explained.
#[derive(Clone, Debug, PartialEq)]
struct Problem(SelectorParseErrorKind);

impl From<SelectorParseErrorKind> for Problem {
    fn from(kind: SelectorParseErrorKind) -> Self {
        Problem(kind)
    }
}

struct Grammar;

impl<'i> selectors::Parser<'i> for Grammar {
    type Impl = Css;
    type Error = Problem;

    fn parse_nth_child_of(&self) -> bool {
        true
    }

    fn parse_is_and_where(&self) -> bool {
        true
    }

    fn parse_has(&self) -> bool {
        true
    }

    fn allow_forgiving_selectors(&self) -> bool {
        false
    }

    fn parse_non_ts_pseudo_class(
        &self,
        name: &str,
    ) -> Result<State, cssparser::ParseError<Problem>> {
        match name.to_ascii_lowercase().as_str() {
            "checked" => Ok(State::Checked),
            "disabled" => Ok(State::Disabled),
            "enabled" => Ok(State::Enabled),
            "link" | "any-link" => Ok(State::Link),
            _ => Err(cssparser::ParseError::custom(
                SelectorParseErrorKind::UnsupportedPseudoClassOrElement,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Budget, parse_document};

    fn check(selector: &str, ids: &str) {
        let html = "<ul id=list class='a B'><li id=one>1<li id=two class=a>2<li id=three data-x=Y>3</ul>\
                    <form id=form><input id=on checked><input id=off disabled><a id=link href=#>x</a></form>\
                    <svg id=svg><linearGradient id=gradient></linearGradient></svg>\
                    <template id=t><p id=hidden></p></template><x-own id=own></x-own>";
        let tree = parse_document(html, &Budget::default()).expect("small");
        let selector = Selector::parse(selector).expect("a selector");
        let found: Vec<&str> = selector
            .all(&tree, ROOT)
            .iter()
            .filter_map(|&id| tree.attribute(id, "id"))
            .collect();
        assert_eq!(found.join(" "), ids);
        let first = selector
            .first(&tree, ROOT)
            .and_then(|id| tree.attribute(id, "id"));
        assert_eq!(first, found.first().copied());
    }

    #[test]
    fn selectors_find_what_css_says() {
        check("#two", "two");
        check("li", "one two three");
        check("LI", "one two three");
        check(".a", "list two");
        check(".b", "");
        check("ul > li:nth-child(2n+1)", "one three");
        check("li:not(.a)", "one three");
        check("ul:has(> .a)", "list");
        check(":is(#one, #three) ", "one three");
        check("li + li", "two three");
        check("[data-x=Y]", "three");
        check("[data-x=y i]", "three");
        check("input:checked, input:disabled", "on off");
        check("a:link", "link");
        check("linearGradient", "gradient");
        check("x-own", "own");
        check("#hidden", "");
        check("li:last-child", "three");
        check("#three", "three");
        check("#missing", "");
    }

    #[test]
    fn the_first_of_two_equal_ids_is_found_however_they_came() {
        let html = "<p id=x>1</p><div><p id=x>2</p></div>";
        let mut tree = parse_document(html, &Budget::default()).expect("small");
        let selector = Selector::parse("#x").expect("a selector");
        let all = selector.all(&tree, ROOT);
        assert_eq!(all.len(), 2);
        let first = selector.first(&tree, ROOT).expect("there");
        assert_eq!(tree.text(first), "1");
        tree.remove(first);
        let second = selector.first(&tree, ROOT).expect("there");
        assert_eq!(tree.text(second), "2");
        tree.set_attribute(second, "id", "y").expect("room");
        assert_eq!(selector.first(&tree, ROOT), None);
        let below = tree.node(second).parent;
        let y = Selector::parse("#y").expect("a selector");
        assert_eq!(y.first(&tree, below), Some(second));
        assert_eq!(y.first(&tree, second), None);
        tree.detach(second);
        assert_eq!(y.first(&tree, ROOT), None);
    }

    #[test]
    fn a_selector_that_is_none_names_the_place() {
        for (text, offset) in [("", 0), ("li >", 4), ("li:hovering", 11), ("a[", 2)] {
            let error = Selector::parse(text).expect_err(text);
            assert_eq!(error.offset, offset, "{text}: {error}");
        }
    }
}
