//! The Python objects of a tree's elements: one for each that somebody asked for.
//!
//! Making an object may run Python, since that may begin a garbage collection. So
//! nothing is borrowed meanwhile, and an object that came to be in between is kept.

use crate::node::NodeId;
use crate::python::node::Node;
use crate::python::tree::PyTree;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyType};

/// From how many objects on they are made all at once.
const AT_ONCE: usize = 8;

/// Returns the one object for a node, making it if there is none.
pub fn object_of(tree: &Bound<'_, PyTree>, id: NodeId) -> PyResult<Py<Node>> {
    let py = tree.py();
    let element_type = {
        let tree = tree.borrow();
        if let Some(node) = tree.object(id) {
            return Ok(node.clone_ref(py));
        }
        tree.element_type().clone_ref(py)
    };
    make_object(tree, id, element_type.bind(py))
}

/// Makes the object for a node that has none, without running its `__init__`.
pub fn make_object(
    tree: &Bound<'_, PyTree>,
    id: NodeId,
    class: &Bound<'_, PyType>,
) -> PyResult<Py<Node>> {
    let made = class.call_method1(intern!(tree.py(), "__new__"), (class,))?;
    let made: Bound<'_, Node> = made.cast_into()?;
    Ok(keep(tree, &mut tree.borrow_mut(), id, made))
}

/// Returns the objects of many nodes as a list.
pub fn objects_of<'py>(tree: &Bound<'py, PyTree>, ids: &[NodeId]) -> PyResult<Bound<'py, PyList>> {
    let py = tree.py();
    let missing: Vec<NodeId> = {
        let tree = tree.borrow();
        let is_missing = |id: &&NodeId| tree.object(**id).is_none();
        ids.iter().filter(is_missing).copied().collect()
    };
    let made = make_objects(tree, &missing)?;
    if missing.len() == ids.len() {
        return Ok(made);
    }
    let tree = tree.borrow();
    let object = |id: &NodeId| tree.object(*id).map(|node| node.clone_ref(py));
    PyList::new(py, ids.iter().map(object).collect::<Vec<_>>())
}

/// Makes the objects of nodes that have none; returns those that the nodes now have.
fn make_objects<'py>(tree: &Bound<'py, PyTree>, ids: &[NodeId]) -> PyResult<Bound<'py, PyList>> {
    let py = tree.py();
    if ids.len() < AT_ONCE {
        let objects = ids.iter().map(|&id| object_of(tree, id));
        return PyList::new(py, objects.collect::<PyResult<Vec<_>>>()?);
    }
    let class = tree.borrow().element_type().clone_ref(py);
    let list = instances(class.bind(py), ids.len())?;
    let mut owner = tree.borrow_mut();
    owner.reserve_objects(ids.len());
    for (place, &id) in ids.iter().enumerate() {
        let made: Bound<'_, Node> = list.get_item(place)?.cast_into()?;
        let kept = keep(tree, &mut owner, id, made.clone());
        if !kept.is(&made) {
            list.set_item(place, kept)?;
        }
    }
    Ok(list)
}

/// Makes that many instances of *class*, by a loop that is CPython's own: a call from
/// here costs half as much again.
fn instances<'py>(class: &Bound<'py, PyType>, count: usize) -> PyResult<Bound<'py, PyList>> {
    static MAP: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static REPEAT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static LIST: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = class.py();
    let classes = REPEAT
        .import(py, "itertools", "repeat")?
        .call1((class, count))?;
    let new = class.getattr(intern!(py, "__new__"))?;
    let all = MAP.import(py, "builtins", "map")?.call1((new, classes))?;
    let list = LIST.import(py, "builtins", "list")?.call1((all,))?;
    Ok(list.cast_into()?)
}

/// Makes *made* the object of *id*, unless it has one by now; returns the one it has.
fn keep(
    tree: &Bound<'_, PyTree>,
    owner: &mut PyTree,
    id: NodeId,
    made: Bound<'_, Node>,
) -> Py<Node> {
    if let Some(node) = owner.object(id) {
        return node.clone_ref(tree.py());
    }
    made.get().attach(tree.clone().unbind(), id);
    let made = made.unbind();
    owner.put_object(id, made.clone_ref(tree.py()));
    made
}
