//! One element of a tree, as the object that Python holds.
//!
//! An object knows its tree and its place in it. A new element is alone in a tree
//! of its own; put below another one it moves into that tree, and taken out it gets
//! a tree of its own again, in all cases with whatever is below it.

use crate::node::{Kind, NodeId};
use crate::python::TreeError;
use crate::python::objects::{make_object, object_of, objects_of};
use crate::python::query::{compiled, query, query_all};
use crate::python::tree::{PyTree, render_element};
use crate::tree::{ROOT, Tree};
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

    /// Makes this the object of no element.
    pub fn detach(&self) {
        let _old = self.lock().take();
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

    /// Whether the element is hidden, by itself and not by one above it.
    #[getter]
    fn _is_hidden(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, |tree, id| tree.is_hidden(id))
    }

    fn _set_hidden(&self, py: Python<'_>, is_hidden: bool) -> PyResult<()> {
        self.write(py, |tree, id| tree.set_hidden(id, is_hidden))
    }

    /// Whether neither the element nor one above it is hidden.
    #[getter]
    fn _is_shown(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, |tree, id| tree.is_shown(id))
    }

    /// Has *method*, by its name in the DOM, called with the JSON array *arguments*.
    fn _call(&self, py: Python<'_>, method: &str, arguments: &str) -> PyResult<()> {
        self.write(py, |tree, id| tree.call(id, method, arguments))
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
        let children: Vec<NodeId> = tree.borrow().tree.children(id).collect();
        let list = PyList::empty(py);
        for child in children {
            let kind = tree.borrow().tree.kind(child);
            if kind.is_element() {
                list.append(object_of(&tree, child)?)?;
            } else if kind == Kind::Text {
                let text = tree.borrow().tree.data(child).to_owned();
                list.append(text)?;
            }
        }
        Ok(list.into_any().unbind())
    }

    #[setter]
    fn set_content(&self, content: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = content.py();
        let (tree, id) = self.place(py)?;
        if let Some(text) = text_of(content)? {
            let text = text.to_str()?;
            let is_plain = !tree.borrow().has_objects_below(id);
            if is_plain {
                tree.borrow_mut().tree.set_text(id, text)?;
                return Ok(());
            }
            clear(&tree, id)?;
            tree.borrow_mut().tree.set_text(id, text)?;
            return Ok(());
        }
        if content.is_instance_of::<Node>() {
            return replace_children(&tree, id, vec![content.clone()]);
        }
        let is_bytes =
            content.is_instance_of::<PyBytes>() || content.is_instance_of::<PyByteArray>();
        let items = content
            .try_iter()
            .ok()
            .filter(|_| !is_bytes)
            .ok_or_else(|| {
                PyTypeError::new_err(format!(
                    "content is a string, a number, an element, or a list of these, not {}",
                    type_name(content)
                ))
            })?;
        replace_children(&tree, id, items.collect::<PyResult<_>>()?)
    }

    /// Puts *child*, an element or a string, before *before*, or last.
    #[pyo3(signature = (child, before=None))]
    fn _insert(&self, child: &Bound<'_, PyAny>, before: Option<&Bound<'_, Node>>) -> PyResult<()> {
        let (tree, id) = self.place(child.py())?;
        let before = match before {
            None => None,
            Some(before) => {
                let (other, before) = before.get().place(child.py())?;
                if !other.is(&tree) {
                    return Err(TreeError::new_err(
                        "`before` is not a child of this element",
                    ));
                }
                Some(before)
            }
        };
        insert(&tree, id, before, child)
    }

    /// Takes the element out of its parent, with all below it, into a tree of its own.
    fn _detach(&self, py: Python<'_>) -> PyResult<()> {
        let (tree, id) = self.place(py)?;
        extract(&tree, id)
    }

    /// Removes all children.
    fn _clear(&self, py: Python<'_>) -> PyResult<()> {
        let (tree, id) = self.place(py)?;
        clear(&tree, id)
    }

    /// Puts the elements of *order* below this one in that order, touching only
    /// what is out of place.
    fn _arrange(&self, order: Vec<Bound<'_, Node>>, py: Python<'_>) -> PyResult<()> {
        let (tree, id) = self.place(py)?;
        for child in &order {
            check_element(&tree, id, child)?;
        }
        let mut at = tree
            .borrow()
            .tree
            .first_element(tree.borrow().tree.node(id).first);
        for child in order {
            let (other, child_id) = child.get().place(py)?;
            if other.is(&tree) && at == Some(child_id) {
                let next = tree.borrow().tree.node(child_id).next;
                at = tree.borrow().tree.first_element(next);
            } else {
                insert(&tree, id, at, &child)?;
            }
        }
        Ok(())
    }

    /// The child elements, without the texts between them.
    #[getter]
    fn _elements<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let (tree, id) = self.place(py)?;
        let children = tree.borrow().tree.child_elements(id);
        objects_of(&tree, &children)
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
        let (tree, id) = self.place(py)?;
        let found = {
            let tree = &tree.borrow().tree;
            tree.children(id)
                .filter(|&child| tree.kind(child).is_element())
                .nth(index)
        };
        found.map(|id| object_of(&tree, id)).transpose()
    }

    #[getter]
    fn parent(&self, py: Python<'_>) -> PyResult<Option<Py<Node>>> {
        let (tree, id) = self.place(py)?;
        let parent = tree.borrow().tree.node(id).parent;
        let parent = (parent != ROOT).then_some(parent).and_then(NodeId::some);
        parent.map(|id| object_of(&tree, id)).transpose()
    }

    fn _query(&self, py: Python<'_>, selector: &Bound<'_, PyString>) -> PyResult<Option<Py<Node>>> {
        let (tree, id) = self.place(py)?;
        query(&tree, id, selector)
    }

    fn _query_all<'py>(
        &self,
        py: Python<'py>,
        selector: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyList>> {
        let (tree, id) = self.place(py)?;
        query_all(&tree, id, selector)
    }

    /// Says whether the element is one that *selector* selects.
    fn matches(&self, py: Python<'_>, selector: &Bound<'_, PyString>) -> PyResult<bool> {
        let selector = compiled(selector)?;
        self.read(py, |tree, id| selector.matches(tree, id))
    }

    /// Returns the nearest of the element and those above it that *selector*
    /// selects, or None.
    fn closest(
        &self,
        py: Python<'_>,
        selector: &Bound<'_, PyString>,
    ) -> PyResult<Option<Py<Node>>> {
        let (tree, id) = self.place(py)?;
        let found = compiled(selector)?.closest(&tree.borrow().tree, id);
        found.map(|id| object_of(&tree, id)).transpose()
    }

    /// Returns all elements in and below this one, parents first.
    fn _walk<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let (tree, id) = self.place(py)?;
        let all: Vec<NodeId> = {
            let tree = &tree.borrow().tree;
            tree.preorder(id)
                .filter(|&id| tree.kind(id).is_element())
                .collect()
        };
        objects_of(&tree, &all)
    }

    /// Makes *target*, a new object, a copy of this element and all below it, in a
    /// tree of its own; returns pairs of objects that exist below and their copies.
    fn _copy_to(&self, target: &Bound<'_, Node>) -> PyResult<Vec<(Py<Node>, Py<Node>)>> {
        let py = target.py();
        let (tree, id) = self.place(py)?;
        let mut copy = Tree::default();
        let mut pairs = Vec::new();
        tree.borrow_mut().tree.stamp_below(id);
        let top = {
            let from = tree.borrow();
            let top = copy.adopt(&from.tree, id, |was, is| {
                if was != id && from.object(was).is_some() {
                    pairs.push((was, is));
                }
            })?;
            copy.append(ROOT, top)?;
            top
        };
        let element_type = tree.borrow().element_type().clone_ref(py);
        let copy = Bound::new(py, PyTree::new(copy, element_type))?;
        copy.borrow_mut().put_object(top, target.clone().unbind());
        target.get().attach(copy.clone().unbind(), top);
        let copies = pairs.into_iter().map(|(was, is)| {
            let original = object_of(&tree, was)?;
            let copied = make_object(&copy, is, &original.bind(py).get_type())?;
            Ok((original, copied))
        });
        copies.collect()
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
        // A lone text, the usual case, has none.
        let node = self.tree.node(id);
        node.first != node.last
            && self.has_objects()
            && self
                .tree
                .preorder(id)
                .any(|below| below != id && self.object(below).is_some())
            || node.first == node.last
                && !node.first.is_none()
                && self.tree.kind(node.first).is_element()
                && self
                    .tree
                    .preorder(node.first)
                    .any(|below| self.object(below).is_some())
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

fn replace_children(
    tree: &Bound<'_, PyTree>,
    id: NodeId,
    items: Vec<Bound<'_, PyAny>>,
) -> PyResult<()> {
    // Look at everything first: a refused item must not cost what was there.
    let mut seen = FxHashSet::default();
    for item in &items {
        if item.is_instance_of::<Node>() && !seen.insert(item.as_ptr()) {
            return Err(PyValueError::new_err("an element can be a child only once"));
        }
        match text_of(item)? {
            Some(text) => drop(text.to_str()?),
            None => check_element(tree, id, item)?,
        }
    }
    clear(tree, id)?;
    for item in items {
        insert(tree, id, None, &item)?;
    }
    Ok(())
}

fn check_element(
    tree: &Bound<'_, PyTree>,
    parent: NodeId,
    item: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let Ok(node) = item.cast::<Node>() else {
        return Err(PyTypeError::new_err(format!(
            "a child is an element, a string or a number, not {}",
            type_name(item)
        )));
    };
    let (other, child) = node.get().place(item.py())?;
    if other.is(tree) && tree.borrow().tree.is_ancestor_or_self(child, parent) {
        return Err(crate::tree::EditError::Cycle.into());
    }
    Ok(())
}

fn insert(
    tree: &Bound<'_, PyTree>,
    parent: NodeId,
    before: Option<NodeId>,
    child: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if let Some(text) = text_of(child)? {
        let text = text.to_str()?;
        if !text.is_empty() {
            let mut tree = tree.borrow_mut();
            let id = tree.tree.create_text(text)?;
            tree.tree
                .insert(parent, before, id)
                .inspect_err(|_| tree.tree.remove(id))?;
        }
        return Ok(());
    }
    check_element(tree, parent, child)?;
    let node = child.cast::<Node>()?;
    let (other, id) = node.get().place(child.py())?;
    if other.is(tree) {
        let tree = &mut tree.borrow_mut().tree;
        tree.insert(parent, before, id)?;
        return Ok(tree.settle(id)?);
    }
    if before.is_some_and(|before| tree.borrow().tree.node(before).parent != parent) {
        return Err(crate::tree::EditError::NotAChild.into());
    }
    let made = transfer(&other, id, tree)?;
    let tree = &mut tree.borrow_mut().tree;
    tree.insert(parent, before, made)?;
    Ok(tree.settle(made)?)
}

/// Takes *id* out of its tree into a new one.
fn extract(tree: &Bound<'_, PyTree>, id: NodeId) -> PyResult<()> {
    let py = tree.py();
    let element_type = tree.borrow().element_type().clone_ref(py);
    let alone = Bound::new(py, PyTree::new(Tree::default(), element_type))?;
    tree.borrow_mut().tree.stamp_one(id);
    let made = transfer(tree, id, &alone)?;
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
            target.tree.adopt_calls(&source.tree, was, is);
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

/// Removes the children of a node; those that Python holds live on by themselves.
fn clear(tree: &Bound<'_, PyTree>, id: NodeId) -> PyResult<()> {
    let children: Vec<NodeId> = tree.borrow().tree.children(id).collect();
    for child in children {
        let is_held = {
            let tree = tree.borrow();
            tree.has_objects()
                && tree
                    .tree
                    .preorder(child)
                    .any(|id| tree.object(id).is_some())
        };
        if is_held {
            extract_held(tree, child)?;
        } else {
            tree.borrow_mut().tree.remove(child);
        }
    }
    Ok(())
}

/// Takes out a subtree of which Python holds something: as a whole, so that what is
/// held keeps what is above and below it.
fn extract_held(tree: &Bound<'_, PyTree>, child: NodeId) -> PyResult<()> {
    if tree.borrow().tree.kind(child).is_element() {
        return extract(tree, child);
    }
    tree.borrow_mut().tree.remove(child);
    Ok(())
}
