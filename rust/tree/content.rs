//! What nodes say: texts, attributes, tags.
//!
//! Setting what is there already writes nothing, so no page is copied for it.

use crate::names::{NameId, Used, known_names as n};
use crate::node::{Kind, Node, NodeId};
use crate::tree::{EditError, ROOT, Tree, slot};
use std::sync::Arc;

impl Tree {
    /// Sets the string of a text, a comment or a doctype.
    pub fn set_data(&mut self, id: NodeId, data: &str) {
        if self.data(id) != data {
            self.page_mut(id).set_data(slot(id), data);
        }
    }

    pub(crate) fn append_data(&mut self, id: NodeId, more: &str) {
        self.page_mut(id).append_data(slot(id), more);
    }

    /// Sets the string of the text that is all that *parent* has; says whether that is
    /// what it has, and will have.
    pub fn set_only_text(&mut self, parent: NodeId, text: &str) -> bool {
        let Node { first, last, .. } = *self.node(parent);
        let is_one = first == last && !first.is_none() && !text.is_empty();
        let is_text = is_one && self.kind(first) == Kind::Text;
        if is_text {
            self.set_data(first, text);
        }
        is_text
    }

    /// Makes *text* the only child of *parent*; an empty one leaves no child.
    pub fn set_text(&mut self, parent: NodeId, text: &str) -> Result<(), EditError> {
        if self.set_only_text(parent, text) {
            return Ok(());
        }
        if !self.may_have_children(parent) {
            return Err(EditError::NoChildren);
        }
        self.remove_children(parent);
        if !text.is_empty() {
            let child = self.create_text(text)?;
            self.append(parent, child)?;
        }
        Ok(())
    }

    pub fn set_attribute(&mut self, id: NodeId, name: &str, value: &str) -> Result<(), EditError> {
        debug_assert!(name != "uuid", "a uuid is for life");
        let name = self.intern(name)?;
        if self.attribute_by_id(id, name) == Some(value) {
            return Ok(());
        }
        if name == n::ID {
            self.forget_id(id);
        }
        self.page_mut(id).set_attribute(slot(id), name, value)?;
        if name == n::ID {
            Arc::make_mut(&mut self.lookup).ids.add(value, id.0);
        }
        Ok(())
    }

    /// Removes an attribute; says whether it was there.
    pub fn remove_attribute(&mut self, id: NodeId, name: &str) -> bool {
        debug_assert!(name != "uuid", "a uuid is for life");
        let found = self
            .lookup
            .names
            .find(name)
            .filter(|&name| self.attribute_by_id(id, name).is_some());
        if found == Some(n::ID) {
            self.forget_id(id);
        }
        found.is_some_and(|name| self.page_mut(id).remove_attribute(slot(id), name))
    }

    pub(crate) fn intern(&mut self, name: &str) -> Result<NameId, EditError> {
        if self.lookup.names.find(name).is_none() {
            self.make_room_for_names(1);
        }
        self.intern_one_of_many(name)
    }

    /// Like `intern`, for names of which several are interned before a node has them:
    /// make room for all first.
    pub(super) fn intern_one_of_many(&mut self, name: &str) -> Result<NameId, EditError> {
        match self.lookup.names.find(name) {
            Some(known) => Ok(known),
            None => Ok(self.lookup_mut().names.intern(name)?),
        }
    }

    /// Gives back names that no node has if *count* more would be too many.
    pub(super) fn make_room_for_names(&mut self, count: usize) {
        // A parser has names at hand that no node has yet.
        if !self.lookup.names.is_to_be_swept(count) || self.pages.is_building() {
            return;
        }
        let mut used = Used::nothing();
        self.pages.each(|page| page.add_names(&mut used));
        let nodes = self.len();
        self.lookup_mut().names.sweep(&used, nodes);
    }

    /// Makes the element another one with the same uuid, attributes and children.
    pub fn set_kind_and_tag(&mut self, id: NodeId, kind: Kind, tag: &str) -> Result<(), EditError> {
        debug_assert!(kind.is_element());
        let name = self.intern(tag)?;
        let node = self.node(id);
        if (node.kind, node.name) != (kind, name) {
            self.page_mut(id).set_element(slot(id), kind, name);
        }
        Ok(())
    }

    /// Returns the namespace that HTML parsing gives to *tag* inside of *parent*.
    pub fn kind_inside(&self, parent: NodeId, tag: &str) -> Kind {
        let node = self.node(parent);
        let is_html_point =
            node.kind == Kind::Svg && matches!(node.name, n::FOREIGN_OBJECT | n::DESC | n::TITLE);
        match (node.kind, tag) {
            (Kind::Svg | Kind::MathMl, _) if !is_html_point => node.kind,
            (_, "svg") => Kind::Svg,
            (_, "math") => Kind::MathMl,
            _ => Kind::Html,
        }
    }

    /// Makes elements that were made alone, as HTML and spelled in any way, what they
    /// are at their place: SVG or MathML inside of these, else in lower case.
    pub fn settle(&mut self, top: NodeId) -> Result<(), EditError> {
        let mut at = Some(top);
        while let Some(id) = at {
            if self.kind(id) == Kind::Html {
                self.settle_element(id)?;
            }
            at = self.after_in_preorder(id, top);
        }
        Ok(())
    }

    /// Like `settle`, for one element that is HTML by now.
    pub fn settle_element(&mut self, id: NodeId) -> Result<(), EditError> {
        let tag = self.tag(id).to_owned();
        let kind = self.kind_inside(self.node(id).parent, &tag);
        if kind != Kind::Html {
            return self.set_kind_and_tag(id, kind, &tag);
        }
        if tag.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.set_kind_and_tag(id, kind, &tag.to_ascii_lowercase())?;
        }
        let is_upper = |name: &str| name.bytes().any(|byte| byte.is_ascii_uppercase());
        let names = self.names();
        let upper: Vec<(String, String)> = self
            .attributes(id)
            .map(|(name, value)| (names.get(name), value))
            .filter(|(name, _)| is_upper(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, value) in upper {
            self.remove_attribute(id, &name);
            self.set_attribute(id, &name.to_ascii_lowercase(), &value)?;
        }
        Ok(())
    }

    /// Joins texts that are shown side by side and drops empty ones, as in a page
    /// that was parsed.
    pub fn normalize(&mut self) {
        let mut at = Some(ROOT);
        while let Some(id) = at {
            let node = *self.node(id);
            if node.kind != Kind::Text {
                at = self.after_in_preorder(id, ROOT);
                continue;
            }
            let next = self.next_shown(id);
            if !next.is_none() && self.kind(next) == Kind::Text {
                let more = self.data(next).to_owned();
                self.append_data(id, &more);
                self.remove(next);
                continue;
            }
            at = self.after_in_preorder(id, ROOT);
            if self.data(id).is_empty() {
                self.remove(id);
            }
        }
    }
}
