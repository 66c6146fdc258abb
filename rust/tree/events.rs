//! What a tree knows of events and of what users do to fields.
//!
//! Everything is asked of the tree as it is now: an element that is gone hears
//! nothing, and nothing inside of something disabled can be used.

use crate::names::known_names as n;
use crate::node::{Kind, NodeId};
use crate::tree::{ROOT, Tree};

impl Tree {
    /// Returns the elements from *target* upwards that have attribute *name*, with
    /// its value; none at all if what was meant is disabled.
    pub fn listeners(&self, target: NodeId, name: &str) -> Vec<(NodeId, String)> {
        let Some(name) = self.lookup.names.find(name) else {
            return Vec::new();
        };
        if self.is_in_disabled(target) {
            return Vec::new();
        }
        let heard = |id| Some((id, self.attribute_by_id(id, name)?.to_owned()));
        self.upwards(target).filter_map(heard).collect()
    }

    /// Walks from an element to the topmost above it.
    fn upwards(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let up = std::iter::successors(id.some(), |&id| self.node(id).parent.some());
        up.take_while(|&id| id != ROOT)
    }

    fn is_in_disabled(&self, id: NodeId) -> bool {
        self.upwards(id).any(|id| self.is_disabled(id))
    }

    fn is_disabled(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.kind == Kind::Html
            && self.attribute_by_id(id, n::DISABLED).is_some()
            && matches!(
                self.tag(id),
                "button" | "fieldset" | "input" | "optgroup" | "option" | "select" | "textarea"
            )
    }

    /// Returns the property that *value*, in JSON, would set if the user changed the
    /// field *id* so; `None` if that is no field, or not one a user can change so.
    pub fn field_property(&self, id: NodeId, value: &str) -> Option<&'static str> {
        let node = self.node(id);
        if node.kind != Kind::Html || self.is_in_disabled(id) {
            return None;
        }
        let is_input = node.name == n::INPUT;
        let input_type = self
            .attribute_by_id(id, n::TYPE)
            .unwrap_or("")
            .to_ascii_lowercase();
        let is_tick = is_input && matches!(&*input_type, "checkbox" | "radio");
        let is_file = is_input && input_type == "file";
        let is_button = matches!(&*input_type, "submit" | "button" | "reset" | "image");
        let is_fixed =
            is_button || input_type == "hidden" || self.attribute(id, "readonly").is_some();
        let is_many = node.name == n::SELECT && self.attribute_by_id(id, n::MULTIPLE).is_some();
        match value.as_bytes().first()? {
            b't' | b'f' if is_tick => Some(".checked"),
            b'[' if is_file || is_many => Some(".value"),
            b'"' if is_tick || is_file || is_many || is_fixed => None,
            b'"' if is_input || matches!(node.name, n::TEXTAREA | n::SELECT) => Some(".value"),
            _ => None,
        }
    }
}
