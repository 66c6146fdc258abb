//! A tree that Python holds, with the element objects that Python made of its nodes.
//!
//! There is at most one object per node, so `is` works; it lives as long as its
//! node is in the tree. When nodes go to another tree their objects go with them.

use crate::node::NodeId;
use crate::parse::{Budget, parse_document};
use crate::python::node::Node;
use crate::python::{SelectorSyntaxError, TreeError};
use crate::render::{RenderOptions, render, render_document};
use crate::select::Selector;
use crate::tree::{ROOT, Tree};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyType};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;

/// An element tree; see `sapwood.Template`.
#[pyclass(name = "Tree", module = "sapwood._core")]
pub struct PyTree {
    pub tree: Tree,
    nodes: FxHashMap<NodeId, Py<Node>>,
    /// What objects for nodes are made of: a subclass of `Node`.
    element_type: Py<PyType>,
}

impl PyTree {
    pub fn new(tree: Tree, element_type: Py<PyType>) -> PyTree {
        PyTree {
            tree,
            nodes: FxHashMap::default(),
            element_type,
        }
    }

    pub fn element_type(&self) -> &Py<PyType> {
        &self.element_type
    }

    pub fn has_objects(&self) -> bool {
        !self.nodes.is_empty()
    }

    pub fn object(&self, id: NodeId) -> Option<&Py<Node>> {
        self.nodes.get(&id)
    }

    pub fn put_object(&mut self, id: NodeId, node: Py<Node>) {
        self.nodes.insert(id, node);
    }

    /// Returns the object of a node; one of *spare* becomes it if there is none.
    fn object_or(
        &mut self,
        id: NodeId,
        this: &Bound<'_, PyTree>,
        spare: &mut Vec<Bound<'_, Node>>,
    ) -> Py<Node> {
        let object = self.nodes.entry(id).or_insert_with(|| {
            let made = spare.pop().expect("as many as are missing");
            made.get().attach(this.clone().unbind(), id);
            made.unbind()
        });
        object.clone_ref(this.py())
    }

    pub fn take_object(&mut self, id: NodeId) -> Option<Py<Node>> {
        self.nodes.remove(&id)
    }
}

/// A fork, attributes, objects and their copies; see `fork_with`.
type Forked<'py> = (
    Bound<'py, PyTree>,
    Bound<'py, PyDict>,
    Vec<(Py<Node>, Py<Node>)>,
);

/// An element that hears an event, and the value of the attribute that says so.
type Listener = (Py<Node>, String);

/// Nodes, if it is nodes that were found, each with what is said of it.
type Found<T> = Vec<(Option<NodeId>, T)>;

/// An element as a frame names it.
#[derive(FromPyObject)]
pub enum WireId {
    #[pyo3(transparent)]
    Stamp(u64),
    #[pyo3(transparent)]
    Uuid(String),
}

impl WireId {
    pub fn find(&self, tree: &Tree) -> Option<NodeId> {
        match self {
            WireId::Stamp(stamp) => tree.by_stamp(*stamp),
            WireId::Uuid(uuid) => tree.by_uuid(uuid),
        }
    }
}

/// Returns the one object of each node that *find* finds below the place that *locate*
/// gives, together with what *find* says of it.
///
/// Objects are made while nothing is borrowed, since that may run Python, and given to
/// their nodes in one step; if the tree changed meanwhile, *find* looks again.
pub fn objects_with<'py, T>(
    py: Python<'py>,
    locate: impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)>,
    find: impl Fn(&Tree, NodeId) -> Found<T>,
) -> PyResult<Vec<(Option<Py<Node>>, T)>> {
    let mut spare: Vec<Bound<'_, Node>> = Vec::new();
    let mut seen: Option<(Tree, Found<T>)> = None;
    loop {
        let (tree, top) = locate()?;
        let mut inner = tree.borrow_mut();
        let found = match seen.take() {
            Some((version, found)) if version.same_version(&inner.tree) => found,
            _ => find(&inner.tree, top),
        };
        let is_missing = |id: &NodeId| inner.object(*id).is_none();
        let missing = found.iter().filter_map(|it| it.0).filter(is_missing);
        let missing = missing.count();
        if missing <= spare.len() {
            let mut object = |id| inner.object_or(id, &tree, &mut spare);
            let all = found
                .into_iter()
                .map(|(id, with)| (id.map(&mut object), with));
            return Ok(all.collect());
        }
        let class = inner.element_type().clone_ref(py);
        seen = Some((inner.tree.clone(), found));
        drop(inner);
        while spare.len() < missing {
            spare.push(blank(class.bind(py))?);
        }
    }
}

/// Like `objects_with`, for nodes of which there is nothing to be said.
pub fn objects<'py>(
    py: Python<'py>,
    locate: impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)>,
    find: impl Fn(&Tree, NodeId) -> Vec<NodeId>,
) -> PyResult<Vec<Py<Node>>> {
    let find = |tree: &Tree, top| {
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
    find: impl Fn(&Tree, NodeId) -> Option<NodeId>,
) -> PyResult<Option<Py<Node>>> {
    let all = objects(py, locate, |tree, top| {
        find(tree, top).into_iter().collect()
    })?;
    Ok(all.into_iter().next())
}

/// Makes an object that is no node's yet, without running its `__init__`.
fn blank<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, Node>> {
    Ok(class.call_method1("__new__", (class,))?.cast_into()?)
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

#[pymethods]
impl PyTree {
    /// Parses a whole HTML document and gives every element a uuid.
    #[staticmethod]
    fn parse(py: Python<'_>, html: &str, element_type: Py<PyType>) -> PyResult<PyTree> {
        let parsed = py.detach(|| {
            let mut tree = parse_document(html, &Budget::default())?;
            tree.stamp_all();
            Ok::<_, crate::parse::ParseError>(tree)
        })?;
        Ok(PyTree::new(parsed, element_type))
    }

    /// Returns a version of this tree that shares all pages with it, without objects.
    fn fork(slf: &Bound<'_, Self>) -> PyTree {
        let this = slf.borrow();
        PyTree::new(this.tree.clone(), this.element_type.clone_ref(slf.py()))
    }

    /// Returns a fork; *attributes*, a template's, as the fork's template has them:
    /// without those named in *without*, elements of this tree as their copies; and
    /// the objects that have a state of their own, each with its copy.
    fn fork_with<'py>(
        slf: &Bound<'py, Self>,
        attributes: &Bound<'py, PyDict>,
        without: &Bound<'py, PyFrozenSet>,
    ) -> PyResult<Forked<'py>> {
        let py = slf.py();
        let (fork, originals) = {
            let this = slf.borrow();
            let objects = this.nodes.iter().map(|(&id, it)| (id, it.clone_ref(py)));
            (PyTree::fork(slf), objects.collect::<Vec<_>>())
        };
        let element_type = fork.element_type.clone_ref(py);
        let fork = Bound::new(py, fork)?;
        let mut places = FxHashMap::default();
        let mut stateful = Vec::new();
        for (id, original) in originals {
            places.insert(original.as_ptr(), id);
            let class = original.bind(py).get_type();
            let state = original.bind(py).getattr(intern!(py, "__dict__"))?;
            if !class.is(&element_type) || state.len()? > 0 {
                stateful.push((original, make_object(&fork, id, &class)?));
            }
        }
        let copies = PyDict::new(py);
        // A copy: making objects may run Python, which may set attributes.
        for (name, value) in attributes.copy()? {
            if without.contains(&name)? {
                continue;
            }
            match places.get(&value.as_ptr()) {
                Some(&id) => copies.set_item(name, object_of(&fork, id)?)?,
                None => copies.set_item(name, value)?,
            }
        }
        Ok((fork, copies, stateful))
    }

    /// Returns the objects that were made of this tree's nodes so far.
    fn objects(slf: &Bound<'_, Self>) -> Vec<Py<Node>> {
        let objects = &slf.borrow().nodes;
        objects.values().map(|it| it.clone_ref(slf.py())).collect()
    }

    /// Says whether nothing was written since these two versions parted.
    fn same_version(&self, other: &PyTree) -> bool {
        self.tree.same_version(&other.tree)
    }

    /// Returns the object of the element with this id on the wire, or None.
    fn find(slf: &Bound<'_, Self>, id: WireId) -> PyResult<Option<Py<Node>>> {
        object(slf.py(), whole(slf), |tree, _| id.find(tree))
    }

    /// Returns the object of the first element with this `id`, or None.
    fn by_id(slf: &Bound<'_, Self>, id: &str) -> PyResult<Option<Py<Node>>> {
        object(slf.py(), whole(slf), |tree, _| tree.by_id(id))
    }

    fn query(slf: &Bound<'_, Self>, selector: &str) -> PyResult<Option<Py<Node>>> {
        let selector = compiled(selector)?;
        object(slf.py(), whole(slf), |tree, top| selector.first(tree, top))
    }

    fn query_all(slf: &Bound<'_, Self>, selector: &str) -> PyResult<Vec<Py<Node>>> {
        let selector = compiled(selector)?;
        objects(slf.py(), whole(slf), |tree, top| selector.all(tree, top))
    }

    /// Returns the document's elements: normally one, html.
    fn roots(slf: &Bound<'_, Self>) -> PyResult<Vec<Py<Node>>> {
        objects(slf.py(), whole(slf), Tree::child_elements)
    }

    /// Returns the elements on the way from *id* up that have attribute *name*,
    /// nearest first, each with the attribute's value; None for an unknown id.
    /// The list is empty if the way begins below something disabled.
    fn listeners(slf: &Bound<'_, Self>, id: WireId, name: &str) -> PyResult<Option<Vec<Listener>>> {
        if id.find(&slf.borrow().tree).is_none() {
            return Ok(None);
        }
        let found = objects_with(slf.py(), whole(slf), |tree, _| {
            let all = id.find(tree).map(|target| tree.listeners(target, name));
            let all = all.into_iter().flatten();
            all.map(|(id, value)| (Some(id), value)).collect()
        })?;
        let objects = found.into_iter();
        Ok(Some(objects.filter_map(|(it, v)| Some((it?, v))).collect()))
    }

    /// Returns every attribute whose name begins with `_on`: tag, name and value.
    fn handler_attributes(slf: &Bound<'_, Self>) -> Vec<(String, String, String)> {
        let tree = &slf.borrow().tree;
        let mut found = Vec::new();
        for id in tree.preorder(ROOT).filter(|&id| tree.kind(id).is_element()) {
            for (name, value) in tree.attributes(id) {
                let name = tree.names().get(name);
                if name.starts_with("_on") {
                    found.push((tree.tag(id).to_owned(), name.to_owned(), value.to_owned()));
                }
            }
        }
        found
    }

    /// Renders the document; *head_end* is HTML to put at the end of its head,
    /// *nonce* what the page's own scripts and styles prove themselves with.
    #[pyo3(signature = (*, uuids, head_end="", nonce=""))]
    fn render(slf: &Bound<'_, Self>, uuids: bool, head_end: &str, nonce: &str) -> String {
        // A version, so that others may write while this one is read.
        let tree = slf.borrow().tree.clone();
        let options = RenderOptions {
            uuids,
            head_end,
            nonce,
        };
        slf.py().detach(|| render_document(&tree, options))
    }

    /// Joins texts that lie side by side, as a browser does that parses a page.
    fn normalize(&mut self) {
        self.tree.normalize();
    }

    /// How many nodes there are, the root included.
    fn __len__(&self) -> usize {
        self.tree.len()
    }

    /// Returns how many pages, and how many bytes in them, no other version shares.
    fn own_pages(slf: &Bound<'_, Self>) -> (usize, usize) {
        slf.borrow().tree.own_pages()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for node in self.nodes.values() {
            visit.call(node)?;
        }
        visit.call(&self.element_type)
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        // Dropped when the tree is borrowed no more: that may run Python.
        let _nodes = std::mem::take(&mut slf.borrow_mut().nodes);
    }
}

/// Locates a whole tree.
fn whole<'a, 'py>(
    tree: &'a Bound<'py, PyTree>,
) -> impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)> + 'a {
    || Ok((tree.clone(), ROOT))
}

/// Returns the object for a node of which nobody can have got rid meanwhile.
pub fn object_of(tree: &Bound<'_, PyTree>, id: NodeId) -> PyResult<Py<Node>> {
    let found = object(tree.py(), whole(tree), |tree, _| tree.get(id).map(|_| id))?;
    found.ok_or_else(|| TreeError::new_err("the element went while its object was made"))
}

/// Renders one element with all below it.
pub fn render_element(tree: &Tree, id: NodeId, uuids: bool) -> String {
    let mut out = String::new();
    render(
        tree,
        id,
        RenderOptions {
            uuids,
            ..RenderOptions::default()
        },
        &mut out,
    );
    out
}

/// Returns a compiled selector, from a small cache if it was used before.
pub fn compiled(text: &str) -> PyResult<Rc<Selector>> {
    const CACHED_MAX: usize = 256;
    thread_local! {
        static CACHE: RefCell<FxHashMap<Box<str>, Rc<Selector>>> = RefCell::default();
    }
    CACHE.with_borrow_mut(|cache| {
        if let Some(selector) = cache.get(text) {
            return Ok(selector.clone());
        }
        let selector = Selector::parse(text)
            .map_err(|error| SelectorSyntaxError::new_err(format!("{error} of {text:?}")))?;
        let selector = Rc::new(selector);
        if cache.len() == CACHED_MAX {
            cache.clear();
        }
        cache.insert(text.into(), selector.clone());
        Ok(selector)
    })
}
