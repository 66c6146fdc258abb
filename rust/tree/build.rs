//! How a parser writes a tree that nobody shares yet.
//!
//! Between `building` and `finish` pages lie in a row and are written without asking
//! who else has them. A parser makes nodes in the order of the text and nearly always
//! puts them last, so that is what these functions do and no more.

use crate::names::{NameId, known_names as n};
use crate::node::{Kind, Node, NodeId};
use crate::tree::{EditError, Tree, slot};
use std::sync::Arc;

impl Tree {
    /// Makes a tree for a parser to write; `finish` must follow before anything else.
    pub(crate) fn building() -> Tree {
        let mut tree = Tree::default();
        tree.pages.build();
        tree
    }

    pub(crate) fn finish(&mut self) {
        self.pages.finish();
    }

    /// Makes an element with its attributes, of which no name may come twice.
    pub(crate) fn build_element<'a>(
        &mut self,
        kind: Kind,
        name: NameId,
        attributes: impl ExactSizeIterator<Item = (NameId, &'a str)>,
    ) -> Result<NodeId, EditError> {
        debug_assert!(kind.is_element() && !self.stamped);
        let id = self.allocate()?;
        let page = self.page_mut(id);
        page.put_element(slot(id), kind, name);
        if attributes.len() == 0 {
            return Ok(id);
        }
        let mut element_id = None;
        let noted = attributes.inspect(|&(name, value)| {
            if name == n::ID {
                element_id = Some(value);
            }
        });
        page.put_attributes(slot(id), noted)?;
        if let Some(value) = element_id {
            Arc::make_mut(&mut self.lookup).ids.add(value, id.0);
        }
        Ok(id)
    }

    /// Gives an element an attribute that it does not have.
    pub(crate) fn add_attribute(
        &mut self,
        id: NodeId,
        name: NameId,
        value: &str,
    ) -> Result<(), EditError> {
        self.page_mut(id).set_attribute(slot(id), name, value)?;
        if name == n::ID {
            Arc::make_mut(&mut self.lookup).ids.add(value, id.0);
        }
        Ok(())
    }

    /// Puts a node that has no parent last below *parent*, which may have children.
    pub(crate) fn append_new(&mut self, parent: NodeId, child: NodeId) {
        let above = self.node_mut(parent);
        let previous = std::mem::replace(&mut above.last, child);
        if previous.is_none() {
            above.first = child;
        } else {
            self.node_mut(previous).next = child;
        }
        let node: &mut Node = self.node_mut(child);
        node.parent = parent;
        node.previous = previous;
    }
}
