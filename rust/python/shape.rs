//! Where elements go: put in, taken out, moved from tree to tree with their objects.
//!
//! Whatever can be refused is looked at before anything is changed, so that a refused
//! change leaves all trees as they were. From that look to the end nothing runs Python:
//! what has to be made is made before, and what is given up is dropped after.

use crate::node::{Kind, NodeId};
use crate::python::TreeError;
use crate::python::node::Node;
use crate::python::tree::PyTree;
use crate::tree::{EditError, ROOT, Tree, holds_only_text};
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyString};
use rustc_hash::FxHashSet;
use std::cell::Cell;

/// Something to put into an element.
pub enum Item<'py> {
    Text(Bound<'py, PyString>),
    Element(Bound<'py, Node>),
}

impl<'py> Item<'py> {
    pub fn of(value: &Bound<'py, PyAny>) -> PyResult<Item<'py>> {
        if let Ok(node) = value.cast::<Node>() {
            return Ok(Item::Element(node.clone()));
        }
        let text = text_of(value)?.map(Item::Text);
        text.ok_or_else(|| no_content("a child is an element, a string or a number", value))
    }

    fn element(&self) -> Option<&Bound<'py, Node>> {
        match self {
            Item::Element(node) => Some(node),
            Item::Text(_) => None,
        }
    }
}

/// Returns what is shown of a string, a number or nothing; `None` for anything else.
pub fn text_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyString>>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Some(text.clone()));
    }
    if value.is_none() {
        return Ok(Some(PyString::new(value.py(), "")));
    }
    let is_number = value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>()
        || value.hasattr("__float__")?
        || value.hasattr("__index__")?;
    is_number.then(|| value.str()).transpose()
}

/// Returns the characters of a string; *owner* says whose it was to be if there is one
/// that no page can have: half of a surrogate pair, or NUL, which HTML knows no way to write.
pub fn characters<'a>(text: &'a Bound<'_, PyString>, owner: &Node) -> PyResult<&'a str> {
    let py = text.py();
    let characters = text.to_str().map_err(|error| {
        if error.is_instance_of::<PyUnicodeEncodeError>(py) {
            let reason = format!(
                "half of a surrogate pair is no character, in {}",
                owner.name(py)
            );
            let said = error.value(py).setattr("reason", reason);
            said.map_or_else(|other| other, |()| error)
        } else {
            error
        }
    })?;
    match memchr::memchr(0, characters.as_bytes()) {
        None => Ok(characters),
        Some(at) => Err(PyValueError::new_err(format!(
            "no page can have the character NUL, which is at {} of {}, in {}; take it out",
            characters[..at].chars().count(),
            described(text),
            owner.name(py)
        ))),
    }
}

/// Returns a value's type and, shortened, the value, for a message.
pub fn described(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().name();
    let name = name.map_or_else(|_| "this".into(), |name| name.to_string());
    let Ok(shown) = value.repr().map(|text| text.to_string()) else {
        return name;
    };
    format!("{name}: {}", shortened(&shown))
}

/// Returns an error that says what is wanted, and how to mend what was given.
pub fn no_content(wanted: &str, given: &Bound<'_, PyAny>) -> PyErr {
    let tree = given.getattr(intern!(given.py(), "_tree"));
    let is_page = tree.is_ok_and(|tree| tree.is_instance_of::<PyTree>());
    let mend = if is_page {
        "; give page.root or an element of it"
    } else {
        ""
    };
    PyTypeError::new_err(format!("{wanted}, not {}{mend}", described(given)))
}

/// Returns a string, or the beginning of a long one.
pub fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns an error of the core with the element that it is about.
pub fn refused(error: EditError, tree: &Bound<'_, PyTree>, id: NodeId) -> PyErr {
    TreeError::new_err(format!("{}: {error}", name_of(tree, id)))
}

pub fn name_of(tree: &Bound<'_, PyTree>, id: NodeId) -> String {
    let object = tree.borrow().object(id).map(|it| it.clone_ref(tree.py()));
    object.map_or_else(|| "this element".into(), |it| it.get().name(tree.py()))
}

/// Puts *items* below *parent*, before its child *before* or last.
pub fn put(
    tree: &Bound<'_, PyTree>,
    parent: NodeId,
    before: Option<NodeId>,
    items: &[Item<'_>],
) -> PyResult<()> {
    check(tree, parent, items)?;
    let before = not_among(tree, before, items);
    items
        .iter()
        .try_for_each(|item| insert(tree, parent, before, item))
}

/// Makes *items* all that is below *parent*.
pub fn replace_content(parent: &Bound<'_, Node>, items: &[Item<'_>]) -> PyResult<()> {
    let all = |tree: &Bound<'_, PyTree>, id| tree.borrow().tree.children(id).collect();
    replace(parent, items, all, |tree, id| {
        items
            .iter()
            .try_for_each(|item| insert(tree, id, None, item))
    })
}

/// Makes *order* the elements below *parent*, touching only what is out of place; texts
/// stay where they are. Does nothing if *seen* is given and they are others; says whether it did.
pub fn replace_elements(
    parent: &Bound<'_, Node>,
    order: &[Item<'_>],
    seen: Option<&[Bound<'_, Node>]>,
) -> PyResult<bool> {
    let is_changed = Cell::new(false);
    let others = |tree: &Bound<'_, PyTree>, id| {
        if let Some(seen) = seen {
            let places = seen.iter().map(|it| it.get().place_if_in_tree(it.py()));
            let seen = places.map(|place| place.filter(|(own, _)| own.is(tree)).map(|(_, id)| id));
            let now = tree.borrow().tree.child_elements(id);
            is_changed.set(!seen.eq(now.into_iter().map(Some)));
        }
        if is_changed.get() {
            return Vec::new();
        }
        let kept: FxHashSet<_> = order.iter().filter_map(|it| place_in(tree, it)).collect();
        let mut children = tree.borrow().tree.child_elements(id);
        children.retain(|child| !kept.contains(child));
        children
    };
    replace(parent, order, others, |tree, id| {
        if is_changed.get() {
            return Ok(());
        }
        let first_from = |from| tree.borrow().tree.first_element(from);
        let mut at = first_from(tree.borrow().tree.node(id).first);
        for item in order {
            match place_in(tree, item) {
                Some(id) if at == Some(id) => at = first_from(tree.borrow().tree.node(id).next),
                _ => insert(tree, id, at, item)?,
            }
        }
        Ok(())
    })?;
    Ok(!is_changed.get())
}

/// Puts *item*, which is no child of *parent*, where its child *old* is, and takes that out.
pub fn replace_child(parent: &Bound<'_, Node>, old: NodeId, item: &Item<'_>) -> PyResult<()> {
    let next = Cell::new(None);
    replace(
        parent,
        std::slice::from_ref(item),
        |tree, _| {
            next.set(tree.borrow().tree.node(old).next.some());
            vec![old]
        },
        |tree, id| insert(tree, id, next.get(), item),
    )
}

/// Takes out the children of *parent* that *doomed* names and then lets *fill* put
/// *items* there. What Python holds lives on, in trees that are made before all else.
fn replace(
    parent: &Bound<'_, Node>,
    items: &[Item<'_>],
    doomed: impl Fn(&Bound<'_, PyTree>, NodeId) -> Vec<NodeId>,
    fill: impl FnOnce(&Bound<'_, PyTree>, NodeId) -> PyResult<()>,
) -> PyResult<()> {
    let mut spare = Vec::new();
    loop {
        let (tree, id) = parent.get().place(parent.py())?;
        check(&tree, id, items)?;
        let doomed = doomed(&tree, id);
        let held: Vec<NodeId> = {
            let tree = tree.borrow();
            let is_held = |&id: &NodeId| is_held_below(parent.py(), &tree, id);
            doomed.iter().copied().filter(is_held).collect()
        };
        if held.len() > spare.len() {
            spare.push(empty_beside(&tree)?);
            for _ in spare.len()..held.len() {
                spare.push(empty_beside(&tree)?);
            }
            continue;
        }
        for (child, own) in held.into_iter().zip(spare) {
            extract(&tree, child, &own)?;
        }
        let mut gone = Vec::new();
        for child in doomed {
            if tree
                .borrow()
                .tree
                .get(child)
                .is_some_and(|it| it.parent == id)
            {
                gone.extend(remove(&tree, child));
            }
        }
        return fill(&tree, id);
    }
}

/// Refuses what cannot be below *parent*.
fn check(tree: &Bound<'_, PyTree>, parent: NodeId, items: &[Item<'_>]) -> PyResult<()> {
    if !items.is_empty() && !tree.borrow().tree.may_have_children(parent) {
        return Err(refused(EditError::NoChildren, tree, parent));
    }
    let only_text = {
        let node = *tree.borrow().tree.node(parent);
        node.kind.is_element() && holds_only_text(node.kind, node.name)
    };
    let mut seen = FxHashSet::default();
    for item in items {
        match item {
            Item::Text(text) => {
                let owner = tree
                    .borrow()
                    .object(parent)
                    .map(|it| it.clone_ref(text.py()));
                if let Some(owner) = owner {
                    characters(text, owner.get())?;
                }
            }
            Item::Element(_) if only_text => {
                return Err(refused(EditError::OnlyText, tree, parent));
            }
            Item::Element(node) => {
                if items.len() > 1 && !seen.insert(node.as_ptr()) {
                    return Err(PyValueError::new_err(format!(
                        "an element can be a child only once, here {} is twice; clone it, or, \
                         to change an order, assign a list in the new one",
                        node.get().name(tree.py())
                    )));
                }
                check_outside(tree, parent, node)?;
            }
        }
    }
    Ok(())
}

fn check_outside(tree: &Bound<'_, PyTree>, parent: NodeId, node: &Bound<'_, Node>) -> PyResult<()> {
    let py = tree.py();
    if node.get().is_alone() {
        return Ok(());
    }
    let (other, id) = node.get().place(py)?;
    let is_above = other.is(tree) && {
        let tree = &tree.borrow().tree;
        (id == parent || !tree.node(id).first.is_none()) && tree.is_ancestor_or_self(id, parent)
    };
    if is_above {
        return Err(TreeError::new_err(format!(
            "{}: {} into {}; take the inner one out first",
            EditError::Cycle,
            node.get().name(py),
            name_of(tree, parent)
        )));
    }
    Ok(())
}

/// Returns where an item is in *tree*, `None` if it is a text or elsewhere.
pub fn place_in(tree: &Bound<'_, PyTree>, item: &Item<'_>) -> Option<NodeId> {
    let node = item.element()?.get();
    let (other, id) = node.place_if_in_tree(tree.py())?;
    other.is(tree).then_some(id)
}

/// Returns *before*, or the first node after it that is none of *items*.
fn not_among(
    tree: &Bound<'_, PyTree>,
    mut before: Option<NodeId>,
    items: &[Item<'_>],
) -> Option<NodeId> {
    let mut places = None;
    while let Some(id) = before {
        let there = || items.iter().filter_map(|item| place_in(tree, item));
        if !places
            .get_or_insert_with(|| there().collect::<FxHashSet<_>>())
            .contains(&id)
        {
            break;
        }
        before = tree.borrow().tree.node(id).next.some();
    }
    before
}

/// Puts one item, which was looked at, below *parent*.
fn insert(
    tree: &Bound<'_, PyTree>,
    parent: NodeId,
    before: Option<NodeId>,
    item: &Item<'_>,
) -> PyResult<()> {
    let node = match item {
        Item::Text(text) => {
            let text = text.to_str()?;
            let mut tree = tree.borrow_mut();
            return Ok(insert_text(&mut tree.tree, parent, before, text)?);
        }
        Item::Element(node) => node.get(),
    };
    if let Some(planted) = node.plant(tree, parent, before) {
        return Ok(planted?);
    }
    let (other, id) = node.place(tree.py())?;
    let is_here = other.is(tree);
    let id = if is_here {
        id
    } else {
        transfer(&other, id, tree)?
    };
    let tree = &mut tree.borrow_mut().tree;
    // Among its siblings an element moves as it is, whatever their parent has become.
    let stays = is_here && tree.node(id).parent == parent;
    tree.insert(parent, before, id)?;
    if !stays {
        settle(tree, id)?;
    }
    Ok(())
}

fn insert_text(
    tree: &mut Tree,
    parent: NodeId,
    before: Option<NodeId>,
    text: &str,
) -> Result<(), EditError> {
    if text.is_empty() {
        return Ok(());
    }
    let id = tree.create_text(text)?;
    tree.insert(parent, before, id)
        .inspect_err(|_| tree.remove(id))
}

/// Makes an element what it is at its place; what is below it was made so when it came
/// there, and is looked at again only if the element is not HTML here.
fn settle(tree: &mut Tree, id: NodeId) -> Result<(), EditError> {
    let node = tree.node(id);
    match tree.kind_inside(node.parent, tree.tag(id)) {
        _ if node.kind != Kind::Html => Ok(()),
        Kind::Html => tree.settle_element(id),
        _ => tree.settle(id),
    }
}

/// Takes an element out of its parent, with all below it, into a tree of its own.
pub fn detach(element: &Bound<'_, Node>) -> PyResult<()> {
    let node = element.get();
    let Some((tree, _)) = node.place_if_in_tree(element.py()) else {
        return Ok(()); // it is alone
    };
    let own = empty_beside(&tree)?;
    let (tree, id) = node.place(element.py())?;
    let place = *tree.borrow().tree.node(id);
    let is_alone = place.parent == ROOT && place.previous.is_none() && place.next.is_none();
    if is_alone {
        return Ok(());
    }
    extract(&tree, id, &own)
}

/// Makes an empty tree for what is taken out of *tree*; that may run Python.
fn empty_beside<'py>(tree: &Bound<'py, PyTree>) -> PyResult<Bound<'py, PyTree>> {
    let element_type = tree.borrow().element_type().clone_ref(tree.py());
    Bound::new(tree.py(), PyTree::new(Tree::default(), element_type))
}

/// Takes *id* out of its tree into *own*, which is empty.
fn extract(tree: &Bound<'_, PyTree>, id: NodeId, own: &Bound<'_, PyTree>) -> PyResult<()> {
    tree.borrow_mut().tree.stamp_one(id);
    let made = transfer(tree, id, own)?;
    own.borrow_mut().tree.append(ROOT, made)?;
    Ok(())
}

/// Moves a subtree, and the objects of its nodes, from one tree to another; it has
/// no parent there yet.
fn transfer(from: &Bound<'_, PyTree>, top: NodeId, to: &Bound<'_, PyTree>) -> PyResult<NodeId> {
    let py = from.py();
    let mut objects = Vec::new();
    let (made, _answer) = {
        let source = &mut *from.borrow_mut();
        let target = &mut *to.borrow_mut();
        let mut pairs = Vec::new();
        let has_pairs = source.has_objects() || source.tree.has_due_calls();
        let made = target.tree.adopt(&source.tree, top, |was, is| {
            if has_pairs {
                pairs.push((was, is));
            }
        })?;
        target.tree.adopt_calls(&source.tree, &pairs);
        for (was, is) in pairs {
            if let Some(object) = source.take_object(was) {
                objects.push((object.clone_ref(py), is));
                target.put_object(is, object);
            }
        }
        source.tree.remove(top);
        (made, source.answer.take())
    };
    for (object, id) in objects {
        object.get().attach(to.clone().unbind(), id);
    }
    Ok(made)
}

/// Says whether Python holds an element or anything below it: then it is taken out as a
/// whole, so that what is held keeps what is above and below it.
fn is_held_below(py: Python<'_>, tree: &PyTree, top: NodeId) -> bool {
    let is_held = |id| tree.object(id).is_some_and(|it| is_held(py, it, tree));
    tree.has_objects() && tree.tree.kind(top).is_element() && tree.tree.preorder(top).any(is_held)
}

/// Says whether anybody but the tree can see an object, or see that it goes: one of a
/// subclass may have a `__del__`.
fn is_held(py: Python<'_>, object: &Py<Node>, tree: &PyTree) -> bool {
    #[expect(deprecated, reason = "what is to be used instead is unsafe")]
    let references = object.get_refcnt(py);
    references > 1 || !object.bind(py).get_type().is(tree.element_type())
}

/// Removes a node and all below it; returns the objects that there were of them.
pub fn remove(tree: &Bound<'_, PyTree>, top: NodeId) -> Vec<Py<Node>> {
    // Dropped when the tree is borrowed no more: it may hold the last of an object.
    let _answer = tree.borrow_mut().answer.take();
    let mut inner = tree.borrow_mut();
    let mut objects = Vec::new();
    if inner.has_objects() {
        let all: Vec<NodeId> = inner.tree.preorder(top).collect();
        objects.extend(all.into_iter().filter_map(|id| inner.take_object(id)));
    }
    inner.tree.remove(top);
    objects
}
