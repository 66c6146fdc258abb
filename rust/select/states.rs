//! What state a form field, a link or a text is in, as far as the tree tells.
//!
//! The rules are those of the HTML standard, section "Pseudo-classes". What a user
//! typed or ticked is in the tree as well, beside the attributes, and counts first.

use crate::choice::{Choice, value_of};
use crate::names::known_names as n;
use crate::node::{Kind, NodeId};
use crate::select::grammar::State;
use crate::select::matching::Matcher;
use rustc_hash::FxHashMap;
use std::cell::RefCell;

/// What was found out about elements, for others beside or below them.
#[derive(Default)]
pub struct States<'a> {
    /// The chosen options of drop-down lists.
    chosen: FxHashMap<NodeId, Vec<NodeId>>,
    /// The first legends of fieldsets.
    legends: RefCell<FxHashMap<NodeId, NodeId>>,
    // What elements have from above.
    lists: Inherited<NodeId>,
    is_disabled: Inherited<bool>,
    is_editable: Inherited<bool>,
    language: Inherited<&'a str>,
}

// Types of inputs: which have no value that a user could leave out, in which something is
// picked, and in which it is a date or a time. All others are typed into.
const UNSAID: &[&str] = &[
    "hidden", "range", "color", "submit", "image", "reset", "button",
];
const PICKED: &[&str] = &["checkbox", "radio", "file"];
const DATED: &[&str] = &["date", "month", "week", "time", "datetime-local"];

type Inherited<T> = RefCell<FxHashMap<NodeId, T>>;

impl<'a> Matcher<'a> {
    pub fn is_in_state(&mut self, id: NodeId, state: &State) -> bool {
        match state {
            State::Link => return self.is_link(id),
            State::Lang(ranges) => return self.is_in_language(id, ranges),
            _ => {}
        }
        if self.node(id).kind != Kind::Html {
            return false;
        }
        match state {
            State::Checked => self.is_checked(id),
            State::Disabled => self.can_be_disabled(id) && self.is_disabled(id),
            State::Enabled => self.can_be_disabled(id) && !self.is_disabled(id),
            State::Required => self.is_required(id),
            State::Optional => {
                matches!(self.tree.tag(id), "input" | "select" | "textarea")
                    && !self.is_required(id)
            }
            State::ReadWrite => self.is_read_write(id),
            State::ReadOnly => !self.is_read_write(id),
            State::PlaceholderShown => self.shows_placeholder(id),
            State::Link | State::Lang(_) => unreachable!("answered above"),
        }
    }

    fn has(&self, id: NodeId, attribute: &str) -> bool {
        self.tree.attribute(id, attribute).is_some()
    }

    /// Returns what an input is, in lower case.
    fn input_type(&self, id: NodeId) -> String {
        let own = self.attribute(id, n::TYPE).unwrap_or("text");
        own.to_ascii_lowercase()
    }

    fn is_type(&self, id: NodeId, types: &[&str]) -> bool {
        types.contains(&&*self.input_type(id))
    }

    fn is_link(&self, id: NodeId) -> bool {
        match (self.node(id).kind, self.tree.tag(id)) {
            (Kind::Html, "a" | "area") => self.attribute(id, n::HREF).is_some(),
            (Kind::Svg, "a") => self.has(id, "href") || self.has(id, "xlink:href"),
            _ => false,
        }
    }

    fn is_checked(&mut self, id: NodeId) -> bool {
        match self.tree.tag(id) {
            "option" => self.is_chosen(id),
            "input" if matches!(&*self.input_type(id), "checkbox" | "radio") => {
                match self.attribute(id, n::CHECKED_PROPERTY) {
                    Some(live) => live == "true",
                    None => self.attribute(id, n::CHECKED).is_some(),
                }
            }
            _ => false,
        }
    }

    /// Says whether an option is one that its drop-down list shows as chosen.
    fn is_chosen(&mut self, option: NodeId) -> bool {
        let is_list = |id| (self.node(id).name == n::SELECT).then_some(id);
        let list = self.inherited(&self.states.lists, option, is_list);
        if list.is_none() {
            return self.attribute(option, n::SELECTED).is_some();
        }
        if !self.states.chosen.contains_key(&list) {
            let chosen = self.chosen_of(list);
            self.states.chosen.insert(list, chosen);
        }
        self.states.chosen[&list].binary_search(&option).is_ok()
    }

    /// Returns the chosen options of a drop-down list, by their number.
    fn chosen_of(&self, list: NodeId) -> Vec<NodeId> {
        let is_option = |&id: &NodeId| {
            let node = self.node(id);
            node.kind == Kind::Html && node.name == n::OPTION && self.is_seen(node)
        };
        let options = || self.tree.preorder(list).filter(is_option);
        let is_multiple = self.attribute(list, n::MULTIPLE).is_some();
        let mut chosen: Vec<NodeId> = match self.attribute(list, n::VALUE_PROPERTY) {
            Some(live) => {
                let choice = Choice::read(live);
                let is_it = |&id: &NodeId| choice.has(&value_of(self.tree, id));
                options().filter(is_it).collect()
            }
            None => options()
                .filter(|&id| self.attribute(id, n::SELECTED).is_some())
                .collect(),
        };
        let was_said = self.attribute(list, n::VALUE_PROPERTY).is_some();
        if is_multiple {
            chosen.sort_unstable();
            return chosen;
        }
        if was_said {
            chosen.truncate(1);
            return chosen;
        }
        // Of several the last, of none the first that can be used, if a line shows one.
        let size = self
            .tree
            .attribute(list, "size")
            .and_then(|it| it.trim().parse().ok());
        if chosen.is_empty() && size.unwrap_or(1) <= 1 {
            chosen.extend(options().find(|&id| !self.is_disabled(id)));
        }
        chosen.drain(..chosen.len().saturating_sub(1));
        chosen
    }

    fn can_be_disabled(&self, id: NodeId) -> bool {
        matches!(
            self.tree.tag(id),
            "button" | "fieldset" | "input" | "optgroup" | "option" | "select" | "textarea"
        )
    }

    fn is_disabled(&self, id: NodeId) -> bool {
        if self.attribute(id, n::DISABLED).is_some() {
            return true;
        }
        match self.tree.tag(id) {
            "optgroup" => false,
            "option" => {
                let parent = self.node(id).parent;
                self.is_element(parent)
                    && self.tree.tag(parent) == "optgroup"
                    && self.attribute(parent, n::DISABLED).is_some()
            }
            _ => self.is_in_disabled_fieldset(id),
        }
    }

    /// What lies in the first legend of a disabled fieldset can be used all the same.
    fn is_in_disabled_fieldset(&self, id: NodeId) -> bool {
        self.inherited(&self.states.is_disabled, id, |id| {
            let parent = self.node(id).parent;
            let node = self.node(parent);
            let is_fieldset = node.kind == Kind::Html && node.name == n::FIELDSET;
            let disables = is_fieldset
                && self.attribute(parent, n::DISABLED).is_some()
                && self.first_legend(parent) != id;
            disables.then_some(true)
        })
    }

    fn first_legend(&self, fieldset: NodeId) -> NodeId {
        let is_legend = |&id: &NodeId| {
            self.node(id).kind == Kind::Html && self.tree.tag(id) == "legend" && self.sees(id)
        };
        let find = || self.tree.children(fieldset).find(is_legend);
        let mut known = self.states.legends.borrow_mut();
        *known
            .entry(fieldset)
            .or_insert_with(|| find().unwrap_or(NodeId::NONE))
    }

    /// Returns what *own* says of *id*, or of the nearest element above of which it says
    /// something; no way up is gone twice.
    fn inherited<T: Copy + Default>(
        &self,
        known: &Inherited<T>,
        id: NodeId,
        own: impl Fn(NodeId) -> Option<T>,
    ) -> T {
        let mut known = known.borrow_mut();
        let (mut at, mut way) = (id, Vec::new());
        let found = loop {
            if at.is_none() || !self.is_element(at) {
                break T::default();
            }
            if let Some(found) = known.get(&at).copied().or_else(|| own(at)) {
                break found;
            }
            way.push(at);
            at = self.node(at).parent;
        };
        // Others come by what is above, nobody by the element itself.
        known.extend(way.into_iter().skip(1).map(|id| (id, found)));
        found
    }

    fn is_required(&self, id: NodeId) -> bool {
        let applies = match self.tree.tag(id) {
            "select" | "textarea" => true,
            "input" => !self.is_type(id, UNSAID),
            _ => false,
        };
        applies && self.has(id, "required")
    }

    fn is_read_write(&self, id: NodeId) -> bool {
        let is_field = match self.tree.tag(id) {
            "textarea" => true,
            "input" => !self.is_type(id, UNSAID) && !self.is_type(id, PICKED),
            _ => return self.is_editable(id),
        };
        is_field && !self.has(id, "readonly") && !self.is_disabled(id)
    }

    /// Says whether the nearest `contenteditable` at or above the element allows it.
    fn is_editable(&self, id: NodeId) -> bool {
        self.inherited(&self.states.is_editable, id, |id| {
            let value = self.tree.attribute(id, "contenteditable")?;
            match value.to_ascii_lowercase().as_str() {
                "" | "true" | "plaintext-only" => Some(true),
                "false" => Some(false),
                _ => None,
            }
        })
    }

    fn shows_placeholder(&self, id: NodeId) -> bool {
        let is_text = match self.tree.tag(id) {
            "textarea" => true,
            "input" => ![UNSAID, PICKED, DATED]
                .iter()
                .any(|of| self.is_type(id, of)),
            _ => false,
        };
        let is_empty = || match self.attribute(id, n::VALUE_PROPERTY) {
            Some(live) => live == "\"\"",
            None if self.tree.tag(id) == "textarea" => self.tree.text(id).is_empty(),
            None => self.attribute(id, n::VALUE).unwrap_or("").is_empty(),
        };
        is_text && self.has(id, "placeholder") && is_empty()
    }

    fn is_in_language(&self, id: NodeId, ranges: &[Box<str>]) -> bool {
        let language = self.inherited(&self.states.language, id, |id| {
            let xml = self.tree.attribute(id, "xml:lang");
            xml.or_else(|| self.tree.attribute(id, "lang"))
        });
        ranges.iter().any(|range| is_in_range(language, range))
    }
}

/// Extended filtering of RFC 4647, section 3.3.2.
fn is_in_range(language: &str, range: &str) -> bool {
    if range.is_empty() || language.is_empty() {
        return range.is_empty() && language.is_empty();
    }
    let (mut own, mut wanted) = (language.split('-'), range.split('-'));
    let first = (own.next().unwrap_or(""), wanted.next().unwrap_or(""));
    if first.1 != "*" && !first.0.eq_ignore_ascii_case(first.1) {
        return false;
    }
    wanted.filter(|it| *it != "*").all(|wanted| {
        // What is between may be skipped, unless it says that all after it is private.
        own.by_ref()
            .take_while(|it| it.eq_ignore_ascii_case(wanted) || it.len() > 1)
            .any(|it| it.eq_ignore_ascii_case(wanted))
    })
}
