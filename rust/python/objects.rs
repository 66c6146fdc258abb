//! The Python objects of a tree's elements: one for each that somebody asked for.
//!
//! Making an object may run Python, since that may begin a garbage collection, and
//! Python may change the tree. So objects are made while nothing is borrowed, and only
//! then is it looked, in one step, which nodes get them; if the tree changed in
//! between, it is looked again.

use crate::node::NodeId;
use crate::python::node::Node;
use crate::python::tree::PyTree;
use crate::tree::Tree;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyType};

/// From how many objects on they are made all at once.
const AT_ONCE: usize = 8;

/// Nodes, if there are any, each with what else was found of it.
pub type Found<T> = Vec<(Option<NodeId>, T)>;

/// Returns the one object of each node that *find* finds below the place that *locate*
/// gives, together with what *find* says of it.
pub fn objects_with<'py, T>(
    py: Python<'py>,
    locate: impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)>,
    find: impl Fn(&mut PyTree, NodeId) -> Found<T>,
) -> PyResult<Vec<(Option<Py<Node>>, T)>> {
    let mut spare: Vec<Bound<'_, Node>> = Vec::new();
    let mut seen: Option<(Tree, Found<T>)> = None;
    loop {
        let (tree, top) = locate()?;
        let mut inner = tree.borrow_mut();
        let found = match seen.take() {
            Some((version, found)) if version.same_version(&inner.tree) => found,
            _ => find(&mut inner, top),
        };
        let is_missing = |id: &NodeId| inner.object(*id).is_none();
        let missing = found.iter().filter_map(|it| it.0).filter(is_missing);
        let missing = missing.count();
        if missing <= spare.len() {
            inner.reserve_objects(missing);
            let mut object = |id| inner.object_or(id, &tree, &mut spare);
            let all = found
                .into_iter()
                .map(|(id, with)| (id.map(&mut object), with));
            return Ok(all.collect());
        }
        let class = inner.element_type().clone_ref(py);
        seen = Some((inner.tree.clone(), found));
        drop(inner);
        blanks(class.bind(py), missing - spare.len(), &mut spare)?;
    }
}

/// Like `objects_with`, for nodes of which there is nothing to be said.
pub fn objects<'py>(
    py: Python<'py>,
    locate: impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)>,
    find: impl Fn(&mut PyTree, NodeId) -> Vec<NodeId>,
) -> PyResult<Vec<Py<Node>>> {
    let find = |tree: &mut PyTree, top| {
        let found = find(tree, top).into_iter();
        found.map(|id| (Some(id), ())).collect()
    };
    let all = objects_with(py, locate, find)?;
    Ok(all.into_iter().filter_map(|(object, ())| object).collect())
}

/// Like `objects`, for one node at most.
pub fn object<'py>(
    py: Python<'py>,
    locate: impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)>,
    find: impl Fn(&mut PyTree, NodeId) -> Option<NodeId>,
) -> PyResult<Option<Py<Node>>> {
    let mut spare = None;
    loop {
        let (tree, top) = locate()?;
        let mut inner = tree.borrow_mut();
        let Some(id) = find(&mut inner, top) else {
            return Ok(None);
        };
        if let Some(object) = inner.object(id) {
            return Ok(Some(object.clone_ref(py)));
        }
        if let Some(made) = spare.take() {
            return Ok(Some(inner.object_or(id, &tree, &mut vec![made])));
        }
        let class = inner.element_type().clone_ref(py);
        drop(inner);
        spare = Some(blank(class.bind(py))?);
    }
}

/// Makes the object for a node that has none, of a tree that nobody else knows yet.
pub fn make_object(
    tree: &Bound<'_, PyTree>,
    id: NodeId,
    class: &Bound<'_, PyType>,
) -> PyResult<Py<Node>> {
    let made = blank(class)?;
    made.get().attach(tree.clone().unbind(), id);
    tree.borrow_mut().put_object(id, made.clone().unbind());
    Ok(made.unbind())
}

/// Makes an object that is no node's yet, without running its `__init__`.
fn blank<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, Node>> {
    let made = class.call_method1(intern!(class.py(), "__new__"), (class,))?;
    Ok(made.cast_into()?)
}

/// Makes *count* objects like `blank`; many by a loop that is CPython's own, since a
/// call from here costs half as much again.
fn blanks<'py>(
    class: &Bound<'py, PyType>,
    count: usize,
    made: &mut Vec<Bound<'py, Node>>,
) -> PyResult<()> {
    static MAP: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static REPEAT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static LIST: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    if count < AT_ONCE {
        for _ in 0..count {
            made.push(blank(class)?);
        }
        return Ok(());
    }
    let py = class.py();
    let classes = REPEAT
        .import(py, "itertools", "repeat")?
        .call1((class, count))?;
    let new = class.getattr(intern!(py, "__new__"))?;
    let all = MAP.import(py, "builtins", "map")?.call1((new, classes))?;
    let list = LIST.import(py, "builtins", "list")?.call1((all,))?;
    for node in list.cast_into::<PyList>()?.iter() {
        made.push(node.cast_into()?);
    }
    Ok(())
}
