//! What a tree knows of events and of what users do to fields.
//!
//! Everything is asked of the tree as it is now: an element that is gone hears
//! nothing, and what is disabled hears what it would hear in a browser.

use crate::names::known_names as n;
use crate::node::{Kind, NodeId};
use crate::tree::{ROOT, Tree};

/// What a browser dispatches at a disabled field as at any other element (Chromium 156);
/// so it does what scripts make up, which is not believed here.
const HEARD_IF_DISABLED: &[&str] = &[
    "auxclick",
    "contextmenu",
    "gotpointercapture",
    "lostpointercapture",
    "mouseenter",
    "mouseleave",
    "mousemove",
    "mouseout",
    "mouseover",
    "pointercancel",
    "pointerdown",
    "pointerenter",
    "pointerleave",
    "pointermove",
    "pointerout",
    "pointerover",
    "pointerup",
    "touchcancel",
    "touchend",
    "touchmove",
    "touchstart",
    "wheel",
];

impl Tree {
    /// Returns the elements from *target* upwards that have attribute *name*, such as
    /// `_onclick`, with its value; none from the nearest disabled field on, where an event
    /// ends in a browser.
    pub fn listeners(&self, target: NodeId, name: &str) -> Vec<(NodeId, String)> {
        let Some(id_of_name) = self.lookup.names.find(name) else {
            return Vec::new();
        };
        let mut path: Vec<NodeId> = self.upwards(target).collect();
        let event = name.strip_prefix("_on").unwrap_or(name);
        if !HEARD_IF_DISABLED.contains(&event) {
            path.truncate(self.nearest_disabled(&path));
        }
        let heard = |id| Some((id, self.attribute_by_id(id, id_of_name)?.to_owned()));
        path.into_iter().filter_map(heard).collect()
    }

    /// Walks from an element to the topmost above it.
    fn upwards(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let up = std::iter::successors(id.some(), |&id| self.node(id).parent.some());
        up.take_while(|&id| id != ROOT)
    }

    /// Returns the place in *path*, which leads upwards, of the first disabled field; its
    /// end if there is none. A disabled fieldset disables the fields in it but for those
    /// in its first legend (HTML standard, 4.10.19.5), and hears itself whatever it wants.
    fn nearest_disabled(&self, path: &[NodeId]) -> usize {
        let mut nearest = path.len();
        let mut is_within = false;
        for (place, &id) in path.iter().enumerate().rev() {
            let above = path.get(place + 1).copied();
            is_within |= above.is_some_and(|above| self.is_fieldset_that_disables(above, id));
            if self.is_disabled(id, above, is_within) {
                nearest = place;
            }
        }
        nearest
    }

    fn is_disabled(&self, id: NodeId, above: Option<NodeId>, is_within: bool) -> bool {
        let is_said = self.has_disabled(id);
        self.kind(id) == Kind::Html
            && match self.tag(id) {
                "button" | "input" | "select" | "textarea" => is_said || is_within,
                "optgroup" => is_said,
                "option" => is_said || above.is_some_and(|it| self.is_disabled_one(it, "optgroup")),
                _ => false,
            }
    }

    /// Says whether the child *id* of *above* is in a disabled fieldset there.
    fn is_fieldset_that_disables(&self, above: NodeId, id: NodeId) -> bool {
        let is_legend = |&id: &NodeId| {
            self.kind(id) == Kind::Html && self.tag(id) == "legend" && !self.is_foreign(id)
        };
        self.is_disabled_one(above, "fieldset") && self.children(above).find(is_legend) != Some(id)
    }

    fn is_disabled_one(&self, id: NodeId, tag: &str) -> bool {
        self.kind(id) == Kind::Html && self.tag(id) == tag && self.has_disabled(id)
    }

    fn has_disabled(&self, id: NodeId) -> bool {
        self.attribute_by_id(id, n::DISABLED).is_some()
    }

    /// Returns the property that *value*, in JSON, would set if the user changed the
    /// field *id* so; `None` if that is no field, or not one a user can change so.
    pub fn field_property(&self, id: NodeId, value: &str) -> Option<&'static str> {
        let node = self.node(id);
        if node.kind != Kind::Html {
            return None;
        }
        let path: Vec<NodeId> = self.upwards(id).collect();
        if self.nearest_disabled(&path) == 0 {
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
