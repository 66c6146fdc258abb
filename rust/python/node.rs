//! One element of a tree, as the object that Python holds.
//!
//! An object knows its tree and its place in it. A new element is alone in a tree
//! of its own; put below another one it moves into that tree, and taken out it gets
//! a tree of its own again, in all cases with whatever is below it.

use crate::node::{Kind, NodeId};
use crate::python::TreeError;
use crate::python::tree::{
    PyTree, compiled, make_object, object, objects, objects_with, render_element,
};
use crate::tree::{EditError, ROOT, Tree};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{
    PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType,
};
use rustc_hash::FxHashSet;
use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The base of `sapwood.Element`.
#[pyclass(subclass, weakref, frozen, module = "sapwood._core")]
#[derive(Default)]
pub struct Node {
    /// Which tree, and where in it; locked only to be read or set.
    place: Mutex<Option<(Py<PyTree>, NodeId)>>,
}

impl Node {
    pub fn attach(&self, tree: Py<PyTree>, id: NodeId) {
        // What it was is dropped when the lock is open again: that may run Python.
        let _old = self.lock().replace((tree, id));
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Py<PyTree>, NodeId)>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn place<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTree>, NodeId)> {
        match &*self.lock() {
            Some((tree, id)) => Ok((tree.bind(py).clone(), *id)),
            None => Err(PyRuntimeError::new_err(
                "this element was not made yet: call super().__init__(tag) first",
            )),
        }
    }

    fn read<T>(&self, py: Python<'_>, read: impl FnOnce(&Tree, NodeId) -> T) -> PyResult<T> {
        let (tree, id) = self.place(py)?;
        let tree = tree.borrow();
        Ok(read(&tree.tree, id))
    }

    fn write<T>(&self, py: Python<'_>, write: impl FnOnce(&mut Tree, NodeId) -> T) -> PyResult<T> {
        let (tree, id) = self.place(py)?;
        let mut tree = tree.borrow_mut();
        Ok(write(&mut tree.tree, id))
    }
}

#[pymethods]
impl Node {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Node {
        Node::default()
    }

    /// Makes this object an element, alone in a tree of its own.
    fn _create(slf: &Bound<'_, Self>, tag: &str, element_type: Py<PyType>) -> PyResult<()> {
        let mut tree = Tree::default();
        let kind = tree.kind_inside(ROOT, tag);
        let id = tree.create_element(kind, tag)?;
        tree.append(ROOT, id)?;
        let tree = Py::new(slf.py(), PyTree::new(tree, element_type))?;
        tree.borrow_mut(slf.py())
            .put_object(id, slf.clone().unbind());
        slf.get().attach(tree, id);
        Ok(())
    }

    /// The tree that the element is in now.
    #[getter]
    fn _tree(&self, py: Python<'_>) -> PyResult<Py<PyTree>> {
        Ok(self.place(py)?.0.unbind())
    }

    #[getter]
    fn tag(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |tree, id| tree.tag(id).to_owned())
    }

    fn _set_tag(&self, py: Python<'_>, tag: &str) -> PyResult<()> {
        self.write(py, |tree, id| {
            let kind = tree.kind_inside(tree.node(id).parent, tag);
            tree.set_kind_and_tag(id, kind, tag)?;
            let is_alone = tree.node(id).parent == ROOT;
            if is_alone {
                Ok(())
            } else {
                tree.settle_element(id)
            }
        })??;
        Ok(())
    }

    /// The name by which browser and server know the element: a short string,
    /// never used again for another one.
    #[getter]
    fn uuid(&self, py: Python<'_>) -> PyResult<String> {
        self.write(py, |tree, id| {
            tree.stamp_one(id);
            tree.uuid(id).expect("stamped above")
        })
    }

    fn _attribute(&self, py: Python<'_>, name: &str) -> PyResult<Option<String>> {
        self.read(py, |tree, id| {
            let name = spelled(tree, id, name);
            tree.attribute(id, &name).map(str::to_owned)
        })
    }

    fn _set_attribute(&self, py: Python<'_>, name: &str, value: &str) -> PyResult<()> {
        self.write(py, |tree, id| {
            let name = spelled(tree, id, name);
            tree.set_attribute(id, &name, value)
        })??;
        Ok(())
    }

    /// Removes an attribute; says whether it was there.
    fn _remove_attribute(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        self.write(py, |tree, id| {
            let name = spelled(tree, id, name);
            tree.remove_attribute(id, &name)
        })
    }

    fn _attributes(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        self.read(py, |tree, id| {
            let names = tree.names();
            tree.attributes(id)
                .map(|(n, v)| (names.get(n).to_owned(), v.to_owned()))
                .collect()
        })
    }

    /// All texts in the element and below, joined.
    #[getter]
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |tree, id| tree.text(id))
    }

    /// The element as HTML, with all below it.
    #[getter]
    fn html(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |tree, id| render_element(tree, id, false))
    }

    /// What is inside: a string, or a list of strings and elements in their order.
    #[getter]
    fn content(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let (tree, id) = self.place(py)?;
        let only_text = {
            let tree = &tree.borrow().tree;
            let node = tree.node(id);
            match node.first.some() {
                None => Some(String::new()),
                Some(first) if first == node.last && tree.kind(first) == Kind::Text => {
                    Some(tree.data(first).to_owned())
                }
                Some(_) => None,
            }
        };
        if let Some(text) = only_text {
            return Ok(PyString::new(py, &text).into_any().unbind());
        }
        let parts = objects_with(
            py,
            || self.place(py),
            |tree, id| {
                let parts = tree.children(id).filter_map(|id| match tree.kind(id) {
                    Kind::Text => Some((None, tree.data(id).to_owned())),
                    kind => kind.is_element().then(|| (Some(id), String::new())),
                });
                parts.collect()
            },
        )?;
        let list = PyList::empty(py);
        for (element, text) in parts {
            match element {
                Some(element) => list.append(element)?,
                None => list.append(text)?,
            }
        }
        Ok(list.into_any().unbind())
    }

    #[setter]
    fn set_content(slf: &Bound<'_, Self>, content: &Bound<'_, PyAny>) -> PyResult<()> {
        let items = match text_of(content)? {
            Some(text) => {
                let text = text.to_str()?;
                let (tree, id) = slf.get().place(slf.py())?;
                let mut inner = tree.borrow_mut();
                if !inner.has_objects_below(id) {
                    return Ok(inner.tree.set_text(id, text)?);
                }
                vec![Item::Text(text.to_owned())]
            }
            None => items_of(content)?,
        };
        check_items(slf, &items)?;
        clear(slf)?;
        for item in &items {
            insert(slf, None, item)?;
        }
        Ok(())
    }

    /// Puts *child*, an element or a string, before *before*, or last.
    #[pyo3(signature = (child, before=None))]
    fn _insert(
        slf: &Bound<'_, Self>,
        child: &Bound<'_, PyAny>,
        before: Option<&Bound<'_, Node>>,
    ) -> PyResult<()> {
        insert(slf, before, &item_of(child)?)
    }

    /// Takes the element out of its parent, with all below it, into a tree of its own.
    fn _detach(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let alone = lone_tree(slf)?;
        let (tree, id) = slf.get().place(py)?;
        extract(&tree, id, &alone)
    }

    /// Removes all children.
    fn _clear(slf: &Bound<'_, Self>) -> PyResult<()> {
        clear(slf)
    }

    /// Puts the elements of *order* below this one in that order, touching only
    /// what is out of place.
    fn _arrange(slf: &Bound<'_, Self>, order: Vec<Bound<'_, Node>>) -> PyResult<()> {
        let py = slf.py();
        let items: Vec<Item> = order.into_iter().map(Item::Element).collect();
        check_items(slf, &items)?;
        let (tree, id) = slf.get().place(py)?;
        let first = tree.borrow().tree.node(id).first;
        let mut at = tree.borrow().tree.first_element(first);
        for child in &items {
            let Item::Element(element) = child else {
                continue;
            };
            let (other, child_id) = element.get().place(py)?;
            if other.is(&tree) && at == Some(child_id) {
                let next = tree.borrow().tree.node(child_id).next;
                at = tree.borrow().tree.first_element(next);
            } else {
                insert_at(&tree, id, at, child)?;
            }
        }
        Ok(())
    }

    /// The child elements, without the texts between them.
    #[getter]
    fn _elements(&self, py: Python<'_>) -> PyResult<Vec<Py<Node>>> {
        objects(py, || self.place(py), Tree::child_elements)
    }

    /// How many elements come before this one below its parent.
    fn _place(&self, py: Python<'_>) -> PyResult<usize> {
        self.read(py, |tree, id| {
            let before = |&id: &NodeId| tree.node(id).previous.some();
            let all = std::iter::successors(tree.node(id).previous.some(), before);
            all.filter(|&id| tree.kind(id).is_element()).count()
        })
    }

    fn _element_count(&self, py: Python<'_>) -> PyResult<usize> {
        self.read(py, |tree, id| {
            tree.children(id)
                .filter(|&c| tree.kind(c).is_element())
                .count()
        })
    }

    /// The element at *index*, which counts elements only; None past the end.
    fn _element_at(&self, py: Python<'_>, index: usize) -> PyResult<Option<Py<Node>>> {
        object(
            py,
            || self.place(py),
            |tree, id| {
                let is_element = |&child: &NodeId| tree.kind(child).is_element();
                tree.children(id).filter(is_element).nth(index)
            },
        )
    }

    #[getter]
    fn parent(&self, py: Python<'_>) -> PyResult<Option<Py<Node>>> {
        object(
            py,
            || self.place(py),
            |tree, id| {
                let parent = tree.node(id).parent;
                parent.some().filter(|&parent| parent != ROOT)
            },
        )
    }

    fn _query(&self, py: Python<'_>, selector: &str) -> PyResult<Option<Py<Node>>> {
        let selector = compiled(selector)?;
        object(py, || self.place(py), |tree, id| selector.first(tree, id))
    }

    fn _query_all(&self, py: Python<'_>, selector: &str) -> PyResult<Vec<Py<Node>>> {
        let selector = compiled(selector)?;
        objects(py, || self.place(py), |tree, id| selector.all(tree, id))
    }

    /// Says whether the element is one that *selector* selects.
    fn matches(&self, py: Python<'_>, selector: &str) -> PyResult<bool> {
        let selector = compiled(selector)?;
        self.read(py, |tree, id| selector.matches(tree, id))
    }

    /// Returns the nearest of the element and those above it that *selector*
    /// selects, or None.
    fn closest(&self, py: Python<'_>, selector: &str) -> PyResult<Option<Py<Node>>> {
        let selector = compiled(selector)?;
        object(py, || self.place(py), |tree, id| selector.closest(tree, id))
    }

    /// Returns all elements in and below this one, parents first.
    fn _walk(&self, py: Python<'_>) -> PyResult<Vec<Py<Node>>> {
        objects(
            py,
            || self.place(py),
            |tree, id| {
                let is_element = |&id: &NodeId| tree.kind(id).is_element();
                tree.preorder(id).filter(is_element).collect()
            },
        )
    }

    /// Makes *target*, a new object, a copy of this element and all below it, in a
    /// tree of its own; returns pairs of objects that exist below and their copies.
    fn _copy_to(&self, target: &Bound<'_, Node>) -> PyResult<Vec<(Py<Node>, Py<Node>)>> {
        let py = target.py();
        let (tree, id) = self.place(py)?;
        let mut copy = Tree::default();
        let mut originals = Vec::new();
        let (top, element_type) = {
            let from = &mut *tree.borrow_mut();
            from.tree.stamp_below(id);
            let top = copy.adopt(&from.tree, id, |was, is| {
                if let Some(object) = from.object(was).filter(|_| was != id) {
                    originals.push((object.clone_ref(py), is));
                }
            })?;
            copy.append(ROOT, top)?;
            (top, from.element_type().clone_ref(py))
        };
        let copy = Bound::new(py, PyTree::new(copy, element_type))?;
        let copies = originals.into_iter().map(|(original, is)| {
            let copied = make_object(&copy, is, &original.bind(py).get_type())?;
            Ok((original, copied))
        });
        let pairs = copies.collect::<PyResult<_>>()?;
        copy.borrow_mut().put_object(top, target.clone().unbind());
        target.get().attach(copy.unbind(), top);
        Ok(pairs)
    }

    /// Returns a tree with this element alone: its own if it has one, else a copy.
    fn _subtree(&self, py: Python<'_>) -> PyResult<PyTree> {
        let (tree, id) = self.place(py)?;
        tree.borrow_mut().tree.stamp_below(id);
        let tree = tree.borrow();
        let element_type = tree.element_type().clone_ref(py);
        let node = tree.tree.node(id);
        if node.parent == ROOT && node.previous.is_none() && node.next.is_none() {
            return Ok(PyTree::new(tree.tree.clone(), element_type));
        }
        let mut copy = Tree::default();
        let top = copy.adopt(&tree.tree, id, |_, _| {})?;
        copy.append(ROOT, top)?;
        Ok(PyTree::new(copy, element_type))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &*self.lock() {
            Some((tree, _)) => visit.call(tree),
            None => Ok(()),
        }
    }

    fn __clear__(&self) {
        let _old = self.lock().take();
    }
}

impl PyTree {
    /// Says whether any node below *id* has an object.
    fn has_objects_below(&self, id: NodeId) -> bool {
        self.tree.children(id).any(|child| self.is_held(child))
    }

    /// Says whether Python holds *top* or anything below it.
    fn is_held(&self, top: NodeId) -> bool {
        self.tree.preorder(top).any(|id| self.object(id).is_some())
    }

    /// Removes children of *parent* up to the first that is held, and returns that one.
    fn remove_unheld_children(&mut self, parent: NodeId) -> Option<NodeId> {
        while let Some(child) = self.tree.node(parent).first.some() {
            if self.is_held(child) {
                return Some(child);
            }
            self.tree.remove(child);
        }
        None
    }
}

/// Returns an attribute's name as the element spells it: HTML knows no capitals. An
/// element that is alone may yet become SVG, where names have them.
fn spelled<'a>(tree: &Tree, id: NodeId, name: &'a str) -> Cow<'a, str> {
    let node = tree.node(id);
    let is_html = node.kind == Kind::Html && node.parent != ROOT;
    if is_html && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(name.to_ascii_lowercase());
    }
    Cow::Borrowed(name)
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value
        .get_type()
        .name()
        .map_or_else(|_| "this".into(), |name| name.to_string())
}

/// Returns what is shown of a string or a number; None for anything else.
fn text_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyString>>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Some(text.clone()));
    }
    if value.is_none() {
        return Ok(Some(PyString::new(value.py(), "")));
    }
    if value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>() {
        return value.str().map(Some);
    }
    Ok(None)
}

/// What may be put below an element, as far as Python has a say in what it is.
enum Item<'py> {
    Text(String),
    Element(Bound<'py, Node>),
}

/// Looks at one item of content: a string, a number, an element.
fn item_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Item<'py>> {
    if let Some(text) = text_of(value)? {
        return Ok(Item::Text(text.to_str()?.to_owned()));
    }
    let element = value.cast::<Node>().map_err(|_| {
        PyTypeError::new_err(format!(
            "a child is an element, a string or a number, not {}",
            type_name(value)
        ))
    })?;
    Ok(Item::Element(element.clone()))
}

/// Looks at content that is no text, one element or several items, before anything is
/// changed: what Python runs meanwhile (`__str__`, a generator) may change trees.
fn items_of<'py>(content: &Bound<'py, PyAny>) -> PyResult<Vec<Item<'py>>> {
    if content.is_instance_of::<Node>() {
        return Ok(vec![item_of(content)?]);
    }
    let is_bytes = content.is_instance_of::<PyBytes>() || content.is_instance_of::<PyByteArray>();
    let items = content.try_iter().ok().filter(|_| !is_bytes);
    let items = items.ok_or_else(|| {
        PyTypeError::new_err(format!(
            "content is a string, a number, an element, or a list of these, not {}",
            type_name(content)
        ))
    })?;
    items.map(|item| item_of(&item?)).collect()
}

/// Refuses items that cannot all be put below *parent*: nothing is changed yet.
fn check_items(parent: &Bound<'_, Node>, items: &[Item<'_>]) -> PyResult<()> {
    let (tree, id) = parent.get().place(parent.py())?;
    let mut seen = FxHashSet::default();
    for item in items {
        if let Item::Element(element) = item {
            if !seen.insert(element.as_ptr()) {
                return Err(PyValueError::new_err("an element can be a child only once"));
            }
            check_element(&tree, id, element)?;
        }
    }
    Ok(())
}

fn check_element(
    tree: &Bound<'_, PyTree>,
    parent: NodeId,
    element: &Bound<'_, Node>,
) -> PyResult<()> {
    let (other, child) = element.get().place(element.py())?;
    if other.is(tree) && tree.borrow().tree.is_ancestor_or_self(child, parent) {
        return Err(EditError::Cycle.into());
    }
    Ok(())
}

fn insert(
    parent: &Bound<'_, Node>,
    before: Option<&Bound<'_, Node>>,
    child: &Item<'_>,
) -> PyResult<()> {
    let py = parent.py();
    let (tree, id) = parent.get().place(py)?;
    let before = before.map(|before| before.get().place(py)).transpose()?;
    if before.as_ref().is_some_and(|(other, _)| !other.is(&tree)) {
        return Err(TreeError::new_err(
            "`before` is not a child of this element",
        ));
    }
    insert_at(&tree, id, before.map(|(_, id)| id), child)
}

fn insert_at(
    tree: &Bound<'_, PyTree>,
    parent: NodeId,
    before: Option<NodeId>,
    child: &Item<'_>,
) -> PyResult<()> {
    let element = match child {
        Item::Element(element) => element,
        Item::Text(text) if text.is_empty() => return Ok(()),
        Item::Text(text) => {
            let tree = &mut tree.borrow_mut().tree;
            let id = tree.create_text(text)?;
            let inserted = tree.insert(parent, before, id);
            return Ok(inserted.inspect_err(|_| tree.remove(id))?);
        }
    };
    check_element(tree, parent, element)?;
    let (other, id) = element.get().place(element.py())?;
    if other.is(tree) {
        let tree = &mut tree.borrow_mut().tree;
        tree.insert(parent, before, id)?;
        return Ok(tree.settle(id)?);
    }
    if before.is_some_and(|before| tree.borrow().tree.node(before).parent != parent) {
        return Err(EditError::NotAChild.into());
    }
    let made = transfer(&other, id, tree)?;
    let tree = &mut tree.borrow_mut().tree;
    tree.insert(parent, before, made)?;
    Ok(tree.settle(made)?)
}

/// Makes an empty tree for what is taken out of the tree of *node*.
///
/// Before that is looked at: making it may run Python.
fn lone_tree<'py>(node: &Bound<'py, Node>) -> PyResult<Bound<'py, PyTree>> {
    let py = node.py();
    let (tree, _) = node.get().place(py)?;
    let element_type = tree.borrow().element_type().clone_ref(py);
    Bound::new(py, PyTree::new(Tree::default(), element_type))
}

/// Takes *id* out of its tree into *alone*, which is new.
fn extract(tree: &Bound<'_, PyTree>, id: NodeId, alone: &Bound<'_, PyTree>) -> PyResult<()> {
    tree.borrow_mut().tree.stamp_one(id);
    let made = transfer(tree, id, alone)?;
    alone.borrow_mut().tree.append(ROOT, made)?;
    Ok(())
}

/// Moves a subtree, and the objects of its nodes, from one tree to another; it has
/// no parent there yet.
fn transfer(from: &Bound<'_, PyTree>, top: NodeId, to: &Bound<'_, PyTree>) -> PyResult<NodeId> {
    let py = from.py();
    let mut objects = Vec::new();
    let made = {
        let mut source = from.borrow_mut();
        let mut target = to.borrow_mut();
        let mut pairs = Vec::new();
        let has_objects = source.has_objects();
        let made = target.tree.adopt(&source.tree, top, |was, is| {
            if has_objects {
                pairs.push((was, is));
            }
        })?;
        for (was, is) in pairs {
            if let Some(object) = source.take_object(was) {
                objects.push((object.clone_ref(py), is));
                target.put_object(is, object);
            }
        }
        source.tree.remove(top);
        made
    };
    for (object, id) in objects {
        object.get().attach(to.clone().unbind(), id);
    }
    Ok(made)
}

/// Removes the children of *parent*; those of which Python holds something live on, each
/// as a whole, so that what is held keeps what is above and below it.
fn clear(parent: &Bound<'_, Node>) -> PyResult<()> {
    let mut alone = None;
    loop {
        let (tree, id) = parent.get().place(parent.py())?;
        let Some(held) = tree.borrow_mut().remove_unheld_children(id) else {
            return Ok(());
        };
        match alone.take() {
            Some(alone) => extract(&tree, held, &alone)?,
            None => alone = Some(lone_tree(parent)?),
        }
    }
}
