//! Copies what the selected option holds into the `<selectedcontent>` of its select.
//!
//! The standard does so whenever an option ends ("maybe clone an option into
//! selectedcontent"), so that the last one stays; that one is the last that says it is
//! selected, else the first that can be. So once at the end is enough, and each option
//! is copied once at most.

use crate::names::known_names as n;
use crate::node::{Kind, NodeId};
use crate::tree::{EditError, Tree};
use rustc_hash::{FxHashMap, FxHashSet};

/// Fills each of *selected_contents* that shows the choice of a select; returns how deep
/// in the tree the deepest copy of an element lies.
pub(super) fn show(tree: &mut Tree, selected_contents: &[NodeId]) -> Result<usize, EditError> {
    let (mut served, mut deepest) = (FxHashSet::default(), 0);
    for &place in selected_contents {
        let Some(select) = select_of(tree, place).filter(|&select| served.insert(select)) else {
            continue;
        };
        let Some(option) = selected_option(tree, select) else {
            continue;
        };
        let source = tree.clone();
        tree.remove_children(place);
        // How deep the copies lie of the option itself and of what is in it.
        let mut depths = FxHashMap::from_iter([(option, above(&source, place).count())]);
        for child in source.children(option) {
            let copy = tree.adopt(&source, child, |id, _| {
                if source.kind(id).is_element() {
                    let depth = depths[&source.node(id).parent] + 1;
                    depths.insert(id, depth);
                    deepest = deepest.max(depth);
                }
            })?;
            tree.append(place, copy)?;
        }
    }
    Ok(deepest)
}

/// Walks from the parent of *id* to the root.
fn above(tree: &Tree, id: NodeId) -> impl Iterator<Item = NodeId> {
    let parent = |&id: &NodeId| tree.node(id).parent.some();
    std::iter::successors(parent(&id), parent)
}

/// Returns the select that *place*, a `<selectedcontent>`, shows the choice of.
fn select_of(tree: &Tree, place: NodeId) -> Option<NodeId> {
    let mut found = None;
    for id in above(tree, place) {
        let tag = match tree.kind(id) {
            Kind::Html => tree.tag(id),
            _ => continue,
        };
        match tag {
            "select" if found.is_some() => return None,
            "select" => found = Some(id),
            "option" | "selectedcontent" => return None,
            _ => {}
        }
    }
    found.filter(|&select| tree.attribute_by_id(select, n::MULTIPLE).is_none())
}

fn selected_option(tree: &Tree, select: NodeId) -> Option<NodeId> {
    let all = tree.preorder(select);
    let is_option = |&id: &NodeId| tree.kind(id) == Kind::Html && tree.node(id).name == n::OPTION;
    let options: Vec<NodeId> = all.filter(is_option).collect();
    let is_selected = |&&id: &&NodeId| tree.attribute_by_id(id, n::SELECTED).is_some();
    let is_enabled = |&&id: &&NodeId| tree.attribute_by_id(id, n::DISABLED).is_none();
    let last = options.iter().rfind(is_selected);
    last.or_else(|| options.iter().find(is_enabled)).copied()
}
