//! A tree that Python holds, with the element objects that Python made of its nodes.
//!
//! There is at most one object per node, so `is` works; it lives as long as its
//! node is in the tree. When nodes go to another tree their objects go with them.

use crate::node::{Kind, NodeId};
use crate::parse::{Budget, parse_document, parse_fragment};
use crate::python::SelectorSyntaxError;
use crate::python::node::Node;
use crate::render::{RenderOptions, render, render_document};
use crate::select::Selector;
use crate::tree::{ROOT, Tree};
use pyo3::exceptions::PyValueError;
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

/// Returns the one object for a node, making it if there is none.
pub fn object_of(tree: &Bound<'_, PyTree>, id: NodeId) -> PyResult<Py<Node>> {
    let py = tree.py();
    if let Some(node) = tree.borrow().object(id) {
        return Ok(node.clone_ref(py));
    }
    let element_type = tree.borrow().element_type().clone_ref(py);
    make_object(tree, id, element_type.bind(py))
}

/// Makes the object for a node that has none, without running its `__init__`.
pub fn make_object(
    tree: &Bound<'_, PyTree>,
    id: NodeId,
    class: &Bound<'_, PyType>,
) -> PyResult<Py<Node>> {
    let made = class.call_method1("__new__", (class,))?;
    let made: Bound<'_, Node> = made.cast_into()?;
    made.get().attach(tree.clone().unbind(), id);
    tree.borrow_mut().put_object(id, made.clone().unbind());
    Ok(made.unbind())
}

#[pymethods]
impl PyTree {
    /// Parses a whole HTML document and gives every element a uuid. *depth* is how many
    /// elements may be inside each other.
    #[staticmethod]
    // A literal, so that the signature shows it; the budget's own.
    #[pyo3(signature = (html, element_type, *, depth=512))]
    fn parse(
        py: Python<'_>,
        html: &str,
        element_type: Py<PyType>,
        depth: usize,
    ) -> PyResult<PyTree> {
        let budget = Budget {
            depth,
            ..Budget::default()
        };
        let parsed = py.detach(|| parse_document(html, &budget).map(stamped))?;
        Ok(PyTree::new(parsed, element_type))
    }

    /// Parses what could be the inner HTML of an element *context* and gives every
    /// element a uuid. *namespace* is the context's: `html`, `svg` or `math`.
    #[staticmethod]
    #[pyo3(signature = (html, context, element_type, *, namespace="html"))]
    fn parse_fragment(
        py: Python<'_>,
        html: &str,
        context: &str,
        element_type: Py<PyType>,
        namespace: &str,
    ) -> PyResult<PyTree> {
        let kind = kind_of(namespace)?;
        let budget = Budget::default();
        let parsed = py.detach(|| parse_fragment(html, kind, context, &budget).map(stamped))?;
        Ok(PyTree::new(parsed, element_type))
    }

    /// Returns a version of this tree that shares all pages with it, without objects.
    fn fork(&self, py: Python<'_>) -> PyTree {
        PyTree::new(self.tree.clone(), self.element_type.clone_ref(py))
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
        let fork = Bound::new(py, slf.borrow().fork(py))?;
        let element_type = slf.borrow().element_type.clone_ref(py);
        let mut stateful = Vec::new();
        let originals = slf.borrow().objects(py);
        for original in originals {
            let (id, class) = (original.get().place(py)?.1, original.bind(py).get_type());
            let state = original.bind(py).getattr(intern!(py, "__dict__"))?;
            if !class.is(&element_type) || state.len()? > 0 {
                stateful.push((original, make_object(&fork, id, &class)?));
            }
        }
        let copies = PyDict::new(py);
        for (name, value) in attributes {
            if without.contains(&name)? {
                continue;
            }
            let place = value
                .cast::<Node>()
                .ok()
                .map(|node| node.get().place(py))
                .transpose()?;
            match place.filter(|(tree, _)| tree.is(slf)) {
                Some((_, id)) => copies.set_item(name, object_of(&fork, id)?)?,
                None => copies.set_item(name, value)?,
            }
        }
        Ok((fork, copies, stateful))
    }

    /// Returns the objects that were made of this tree's nodes so far.
    fn objects(&self, py: Python<'_>) -> Vec<Py<Node>> {
        self.nodes.values().map(|node| node.clone_ref(py)).collect()
    }

    /// Says whether nothing was written since these two versions parted.
    fn same_version(&self, other: &PyTree) -> bool {
        self.tree.same_version(&other.tree)
    }

    /// Returns the object of the element with this id on the wire, or None.
    fn find(slf: &Bound<'_, Self>, id: WireId) -> PyResult<Option<Py<Node>>> {
        let found = id.find(&slf.borrow().tree);
        found.map(|id| object_of(slf, id)).transpose()
    }

    /// Returns the object of the first element with this `id`, or None.
    fn by_id(slf: &Bound<'_, Self>, id: &str) -> PyResult<Option<Py<Node>>> {
        let found = slf.borrow().tree.by_id(id);
        found.map(|id| object_of(slf, id)).transpose()
    }

    fn query(slf: &Bound<'_, Self>, selector: &str) -> PyResult<Option<Py<Node>>> {
        let found = compiled(selector)?.first(&slf.borrow().tree, ROOT);
        found.map(|id| object_of(slf, id)).transpose()
    }

    fn query_all(slf: &Bound<'_, Self>, selector: &str) -> PyResult<Vec<Py<Node>>> {
        let found = compiled(selector)?.all(&slf.borrow().tree, ROOT);
        found.into_iter().map(|id| object_of(slf, id)).collect()
    }

    /// Returns the document's elements: normally one, html.
    fn roots(slf: &Bound<'_, Self>) -> PyResult<Vec<Py<Node>>> {
        let ids = slf.borrow().tree.child_elements(ROOT);
        ids.into_iter().map(|id| object_of(slf, id)).collect()
    }

    /// Returns the elements on the way from *id* up that have attribute *name*,
    /// nearest first, each with the attribute's value; None for an unknown id.
    /// The list is empty if the way begins below something disabled.
    fn listeners(slf: &Bound<'_, Self>, id: WireId, name: &str) -> PyResult<Option<Vec<Listener>>> {
        let Some(target) = id.find(&slf.borrow().tree) else {
            return Ok(None);
        };
        let found: Vec<(NodeId, String)> = slf.borrow().tree.listeners(target, name);
        let objects = found
            .into_iter()
            .map(|(id, value)| Ok((object_of(slf, id)?, value)));
        objects.collect::<PyResult<_>>().map(Some)
    }

    /// Returns every attribute whose name begins with `_on`: tag, name and value.
    fn handler_attributes(&self) -> Vec<(String, String, String)> {
        let tree = &self.tree;
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
    fn render(&self, py: Python<'_>, uuids: bool, head_end: &str, nonce: &str) -> String {
        let tree = self.tree.clone();
        py.detach(|| {
            render_document(
                &tree,
                RenderOptions {
                    uuids,
                    head_end,
                    nonce,
                },
            )
        })
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
    fn own_pages(&self) -> (usize, usize) {
        self.tree.own_pages()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for node in self.nodes.values() {
            visit.call(node)?;
        }
        visit.call(&self.element_type)
    }

    fn __clear__(&mut self) {
        self.nodes.clear();
    }
}

fn stamped(mut tree: Tree) -> Tree {
    tree.stamp_all();
    tree
}

fn kind_of(namespace: &str) -> PyResult<Kind> {
    match namespace {
        "html" => Ok(Kind::Html),
        "svg" => Ok(Kind::Svg),
        "math" => Ok(Kind::MathMl),
        _ => Err(PyValueError::new_err(format!(
            "namespace is {namespace:?}; it can be \"html\", \"svg\" or \"math\""
        ))),
    }
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
