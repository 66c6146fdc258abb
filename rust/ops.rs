//! The steps that lead from one tree to another.
//!
//! An op holds places in the two trees it was found in, not strings: it means
//! something only together with them, and costs 20 bytes. `wire` writes it for the
//! browser, `describe` for people.

use crate::names::NameId;
use crate::node::NodeId;
use crate::render::{RenderOptions, render};
use crate::tree::{ROOT, Shown, Tree};
use rustc_hash::FxHashSet;

/// What an op inserts or moves something before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    End,
    /// An element of the new tree.
    Element(NodeId),
    /// The text or comment at this index among the parent's children in the page.
    Child(u32),
}

/// One step. Nodes are of the new tree except where they are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The element's children become this one text, or none.
    Text {
        node: NodeId,
        text: NodeId,
    },
    /// The text or comment at *index* becomes what *data* says.
    Data {
        parent: NodeId,
        index: u32,
        data: NodeId,
    },
    SetAttribute {
        node: NodeId,
        name: NameId,
    },
    /// *name* is of the old tree.
    DropAttribute {
        node: NodeId,
        name: NameId,
    },
    Insert {
        parent: NodeId,
        before: Before,
        first: NodeId,
        count: u32,
    },
    /// *node* is of the old tree.
    Remove {
        node: NodeId,
    },
    /// The text or comment at *index* goes.
    Cut {
        parent: NodeId,
        index: u32,
    },
    Move {
        node: NodeId,
        parent: NodeId,
        before: Before,
    },
    /// The element has another tag; its children stay.
    Replace {
        node: NodeId,
    },
    /// The element's children become these.
    Fill {
        node: NodeId,
        count: u32,
    },
    /// The call at this place in the new tree's list.
    Call {
        node: NodeId,
        call: u32,
    },
}

/// An op as a person reads it: its name, and its operands as strings.
pub struct Description {
    pub name: &'static str,
    pub operands: Vec<Option<String>>,
}

impl Op {
    /// Spells the op out; elements by uuid, new nodes as HTML.
    pub fn describe(&self, old: &Tree, new: &Tree) -> Description {
        let uuid = |id: NodeId| if id == ROOT { None } else { new.uuid(id) };
        let before = |before: Before| match before {
            Before::End => None,
            Before::Element(id) => uuid(id),
            Before::Child(index) => Some(index.to_string()),
        };
        let html = |first: NodeId, count: u32| {
            let mut out = String::new();
            let options = RenderOptions {
                uuids: true,
                ..RenderOptions::default()
            };
            let mut id = first;
            for _ in 0..count {
                render(new, id, options, &mut out);
                id = new.next_shown(id);
            }
            Some(out)
        };
        let text = |id: NodeId| Some(id.some().map_or("", |id| new.data(id)).to_owned());
        let (name, operands) = match *self {
            Op::Text { node, text: id } => ("text", vec![uuid(node), text(id)]),
            Op::Data {
                parent,
                index,
                data,
            } => (
                "data",
                vec![uuid(parent), Some(index.to_string()), text(data)],
            ),
            Op::SetAttribute { node, name } => {
                let value = new.attribute_by_id(node, name).map(str::to_owned);
                let spelled = new.names().get(name);
                match spelled.strip_prefix('.') {
                    Some(property) => (
                        "property",
                        vec![uuid(node), Some(property.to_owned()), value],
                    ),
                    None => ("set", vec![uuid(node), Some(spelled.to_owned()), value]),
                }
            }
            Op::DropAttribute { node, name } => (
                "drop",
                vec![uuid(node), Some(old.names().get(name).to_owned())],
            ),
            Op::Insert {
                parent,
                before: at,
                first,
                count,
            } => ("insert", vec![uuid(parent), before(at), html(first, count)]),
            Op::Remove { node } => ("remove", vec![old.uuid(node)]),
            Op::Cut { parent, index } => ("cut", vec![uuid(parent), Some(index.to_string())]),
            Op::Move {
                node,
                parent,
                before: at,
            } => ("move", vec![uuid(node), uuid(parent), before(at)]),
            Op::Replace { node } => ("replace", vec![uuid(node), Some(new.tag(node).to_owned())]),
            Op::Fill { node, count } => {
                ("fill", vec![uuid(node), html(new.first_shown(node), count)])
            }
            Op::Call { node, call } => {
                let call = &new.calls().as_slice()[call as usize];
                let spelled = [&call.method, &call.arguments].map(|it| Some(it.to_string()));
                let [method, arguments] = spelled;
                ("call", vec![uuid(node), method, arguments])
            }
        };
        Description { name, operands }
    }
}

/// Returns the uuids of all elements that the ops add, change or remove, in the
/// order of the ops, each with `"Added"`, `"Changed"` or `"Removed"`.
pub fn statuses(old: &Tree, new: &Tree, ops: &[Op]) -> Vec<(String, &'static str)> {
    let mut found = Statuses {
        old,
        new,
        old_shown: Shown::of(old),
        new_shown: Shown::of(new),
        list: Vec::new(),
        seen: FxHashSet::default(),
    };
    for op in ops {
        found.op(op);
    }
    found.list
}

struct Statuses<'a> {
    old: &'a Tree,
    new: &'a Tree,
    old_shown: Shown<'a>,
    new_shown: Shown<'a>,
    list: Vec<(String, &'static str)>,
    seen: FxHashSet<String>,
}

impl Statuses<'_> {
    fn op(&mut self, op: &Op) {
        match *op {
            Op::Text { node, .. } | Op::Fill { node, .. } => {
                self.changed(node);
                if let Some(before) = self.old_of(node) {
                    self.old
                        .shown_children(before)
                        .for_each(|child| self.removed(child));
                }
                self.new
                    .shown_children(node)
                    .for_each(|child| self.added(child));
            }
            Op::SetAttribute { node, .. }
            | Op::DropAttribute { node, .. }
            | Op::Replace { node }
            | Op::Call { node, .. } => self.changed(node),
            Op::Data { parent, .. } | Op::Cut { parent, .. } => self.changed(parent),
            Op::Insert {
                parent,
                first,
                count,
                ..
            } => {
                self.changed(parent);
                let mut id = first;
                for _ in 0..count {
                    self.added(id);
                    id = self.new.next_shown(id);
                }
            }
            Op::Remove { node } => {
                self.lost_a_child(self.old.node(node).parent);
                self.removed(node);
            }
            Op::Move { node, parent, .. } => {
                self.changed(parent);
                if let Some(before) = self.old_of(node) {
                    self.lost_a_child(self.old.node(before).parent);
                }
            }
        }
    }

    fn old_of(&self, id: NodeId) -> Option<NodeId> {
        counterpart(self.old, self.new, id).filter(|&id| self.old_shown.has(id))
    }

    fn new_of(&self, id: NodeId) -> Option<NodeId> {
        counterpart(self.new, self.old, id).filter(|&id| self.new_shown.has(id))
    }

    fn put(&mut self, uuid: Option<String>, status: &'static str) {
        if let Some(uuid) = uuid
            && self.seen.insert(uuid.clone())
        {
            self.list.push((uuid, status));
        }
    }

    /// Notes that something left *parent*, which is of the old tree.
    fn lost_a_child(&mut self, parent: NodeId) {
        // The root has no uuid, nor anything else that could be asked of it.
        if parent != ROOT
            && let Some(parent) = self.new_of(parent)
        {
            self.changed(parent);
        }
    }

    fn changed(&mut self, id: NodeId) {
        // What is new is not changed as well.
        if id != ROOT && self.old_of(id).is_some() {
            self.put(self.new.uuid(id), "Changed");
        }
    }

    fn added(&mut self, top: NodeId) {
        for id in self
            .new
            .shown_preorder(top)
            .filter(|&id| self.new.kind(id).is_element())
        {
            if self.old_of(id).is_none() {
                self.put(self.new.uuid(id), "Added");
            }
        }
    }

    fn removed(&mut self, top: NodeId) {
        for id in self
            .old
            .shown_preorder(top)
            .filter(|&id| self.old.kind(id).is_element())
        {
            if self.new_of(id).is_none() {
                self.put(self.old.uuid(id), "Removed");
            }
        }
    }
}

/// Returns what the element or root *id* of *other* is in *tree*.
fn counterpart(tree: &Tree, other: &Tree, id: NodeId) -> Option<NodeId> {
    if id == ROOT {
        return Some(ROOT);
    }
    tree.counterpart(other, id)
}
