//! An element that has no tree yet: its tag, attributes and text, as they were given.
//!
//! Most new elements go straight into another one. Until then a tree of their own, with
//! a page for 64 nodes, would cost more than all else; so they get one only when
//! somebody asks for what is not kept here.

use crate::names::known;
use crate::node::{Kind, NodeId};
use crate::python::node::Node;
use crate::tree::{EditError, ROOT, Tree, holds_only_text, is_void};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::borrow::Cow;

/// With more attributes than this an element gets its tree.
pub const ATTRIBUTES_MAX: usize = 16;

pub struct Lone {
    /// The object itself, which goes into the tree with it.
    pub this: Py<Node>,
    pub element_type: Py<PyType>,
    pub tag: Box<str>,
    pub attributes: Vec<(Box<str>, Box<str>)>,
    pub text: Box<str>,
}

impl Lone {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(it, _)| &**it == name)?;
        Some(&found.1)
    }

    /// Sets an attribute; says whether there was room for it.
    pub fn set_attribute(&mut self, name: &str, value: &str) -> bool {
        if let Some((_, old)) = self.attributes.iter_mut().find(|(it, _)| &**it == name) {
            *old = value.into();
            return true;
        }
        let has_room = self.attributes.len() < ATTRIBUTES_MAX;
        if has_room {
            self.attributes.push((name.into(), value.into()));
        }
        has_room
    }

    /// Removes an attribute; says whether it was there.
    pub fn remove_attribute(&mut self, name: &str) -> bool {
        let at = self.attributes.iter().position(|(it, _)| &**it == name);
        at.map(|at| self.attributes.remove(at)).is_some()
    }

    /// Sets the text; says whether the element can have one.
    pub fn set_text(&mut self, text: &str) -> bool {
        let can = text.is_empty() || !is_void_tag(&self.tag);
        if can {
            self.text = text.into();
        }
        can
    }

    /// Makes the element a node of *tree*, below *parent*, before *before* or last.
    pub fn plant(
        &self,
        tree: &mut Tree,
        parent: NodeId,
        before: Option<NodeId>,
    ) -> Result<NodeId, EditError> {
        let kind = tree.kind_inside(parent, &self.tag);
        let is_settled_html = kind == Kind::Html && parent != ROOT;
        let id = tree.create_element(kind, &spelled(is_settled_html, &self.tag))?;
        self.fill(tree, id, is_settled_html)
            .and_then(|()| tree.insert(parent, before, id))
            .inspect_err(|_| tree.remove(id))?;
        Ok(id)
    }

    fn fill(&self, tree: &mut Tree, id: NodeId, is_settled_html: bool) -> Result<(), EditError> {
        for (name, value) in &self.attributes {
            tree.set_attribute(id, &spelled(is_settled_html, name), value)?;
        }
        if !self.text.is_empty() {
            let text = tree.create_text(&self.text)?;
            tree.append(id, text).inspect_err(|_| tree.remove(text))?;
        }
        Ok(())
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.this)?;
        visit.call(&self.element_type)
    }
}

/// Returns a name as it is spelled where it stands: HTML knows no capitals.
pub fn spelled(is_html: bool, name: &str) -> Cow<'_, str> {
    if is_html && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(name.to_ascii_lowercase());
    }
    Cow::Borrowed(name)
}

/// Says whether an HTML element with this tag is void.
pub fn is_void_tag(tag: &str) -> bool {
    known(tag).is_some_and(|name| is_void(Kind::Html, name))
}

/// Says whether an HTML element with this tag can hold texts alone.
pub fn is_only_text_tag(tag: &str) -> bool {
    known(tag).is_some_and(|name| holds_only_text(Kind::Html, name))
}

/// Returns *tag* as an element keeps it until it has its place: in lower case if it cannot
/// have all children, since it must not take them before, or begins SVG or MathML.
pub fn kept_tag(tag: &str) -> Cow<'_, str> {
    let lower = spelled(true, tag);
    if is_void_tag(&lower) || is_only_text_tag(&lower) || matches!(&*lower, "svg" | "math") {
        return lower;
    }
    Cow::Borrowed(tag)
}

/// Says whether *tag* can be a tag: an ASCII letter, then ASCII letters, digits, `_`, `-`, `.`.
pub fn is_tag(tag: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    tag.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && tag.bytes().all(is_inner)
}
