//! A tree that Python holds, with the element objects that Python made of its nodes.
//!
//! There is at most one object per node, so `is` works; it lives as long as its
//! node is in the tree. When nodes go to another tree their objects go with them.

use crate::node::{Kind, NodeId};
use crate::parse::{Budget, parse_document, parse_fragment};
use crate::python::cursor::Cursor;
use crate::python::node::{Node, name_in};
use crate::python::objects::{make_object, object, objects, objects_with};
use crate::python::query::{Answer, query, query_all};
use crate::render::{RenderOptions, render, render_document};
use crate::tree::{ROOT, Tree};
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PyType};
use rustc_hash::FxHashMap;

/// An element tree; see `sapwood.Template`.
#[pyclass(name = "Tree", module = "sapwood._core")]
pub struct PyTree {
    pub tree: Tree,
    pub cursor: Cursor,
    nodes: FxHashMap<NodeId, Py<Node>>,
    /// The last large query's.
    pub answer: Option<Answer>,
    /// What objects for nodes are made of: a subclass of `Node`.
    element_type: Py<PyType>,
}

impl PyTree {
    pub fn new(tree: Tree, element_type: Py<PyType>) -> PyTree {
        PyTree {
            tree,
            cursor: Cursor::default(),
            nodes: FxHashMap::default(),
            answer: None,
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

    /// Returns the objects that were made of *top* and what is below it.
    pub fn objects_below(&self, py: Python<'_>, top: NodeId) -> Vec<Py<Node>> {
        if !self.has_objects() {
            return Vec::new();
        }
        let objects = self.tree.preorder(top).filter_map(|id| self.object(id));
        objects.map(|object| object.clone_ref(py)).collect()
    }

    pub fn put_object(&mut self, id: NodeId, node: Py<Node>) {
        self.nodes.insert(id, node);
    }

    /// Puts another tree in the place of this one's; returns what is to be done when
    /// nothing is borrowed.
    pub fn replace(&mut self, py: Python<'_>, tree: Tree) -> Replaced {
        let old = std::mem::replace(&mut self.tree, tree);
        let mut replaced = Replaced {
            moved: Vec::new(),
            void: Vec::new(),
            _answer: self.answer.take(),
        };
        for (id, node) in std::mem::take(&mut self.nodes) {
            let Some(place) = self.tree.counterpart(&old, id) else {
                replaced.void.push((node, name_in(&old, id)));
                continue;
            };
            if place != id {
                replaced.moved.push((node.clone_ref(py), place));
            }
            self.nodes.insert(place, node);
        }
        replaced
    }

    pub fn reserve_objects(&mut self, count: usize) {
        self.nodes.reserve(count);
    }

    /// Returns the object of a node; one of *spare* becomes it if there is none.
    pub fn object_or(
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

    /// Takes the object of a node that is about to go. The answer must go too, since it
    /// must not hold what the tree does not hold any more.
    pub fn take_object(&mut self, id: NodeId) -> Option<Py<Node>> {
        self.nodes.remove(&id)
    }
}

/// What is to be done, when nothing is borrowed, after a tree took another one's place.
pub struct Replaced {
    /// Objects whose elements are other nodes now.
    pub moved: Vec<(Py<Node>, NodeId)>,
    /// Those whose elements are not there any more, each with what it was called.
    pub void: Vec<(Py<Node>, String)>,
    _answer: Option<Answer>,
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
    /// Returns the element, unless it is hidden: no browser may speak of that.
    pub fn find(&self, tree: &Tree) -> Option<NodeId> {
        let found = match self {
            WireId::Stamp(stamp) => tree.by_stamp(*stamp),
            WireId::Uuid(uuid) => tree.by_uuid(uuid),
        };
        found.filter(|&id| tree.is_shown(id))
    }
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
                Some(&id) => {
                    let locate = || Ok((fork.clone(), id));
                    let copy = object(py, locate, |it, id| it.tree.get(id).map(|_| id))?;
                    copies.set_item(name, copy)?;
                }
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

    /// Takes note that browsers are told of all calls made so far.
    fn tell_calls(&mut self) {
        self.tree.tell_calls();
    }

    /// Says whether nothing was written since these two versions parted.
    fn same_version(&self, other: &PyTree) -> bool {
        self.tree.same_version(&other.tree)
    }

    /// Returns the object of the element that a browser knows by this id, or None.
    fn find(slf: &Bound<'_, Self>, id: WireId) -> PyResult<Option<Py<Node>>> {
        object(slf.py(), whole(slf), |it, _| id.find(&it.tree))
    }

    /// Returns the object of the first element with this `id`, or None.
    #[pyo3(signature = (id, foreign=false))]
    fn by_id(slf: &Bound<'_, Self>, id: &str, foreign: bool) -> PyResult<Option<Py<Node>>> {
        object(slf.py(), whole(slf), |it, _| it.tree.by_id(id, foreign))
    }

    #[pyo3(signature = (selector, foreign=false))]
    fn query(
        slf: &Bound<'_, Self>,
        selector: &Bound<'_, PyAny>,
        foreign: bool,
    ) -> PyResult<Option<Py<Node>>> {
        query(slf.py(), whole(slf), selector, foreign)
    }

    #[pyo3(signature = (selector, foreign=false))]
    fn query_all<'py>(
        slf: &Bound<'py, Self>,
        selector: &Bound<'py, PyAny>,
        foreign: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        query_all(slf.py(), whole(slf), selector, foreign)
    }

    /// Returns the document's elements: normally one, html.
    fn roots(slf: &Bound<'_, Self>) -> PyResult<Vec<Py<Node>>> {
        objects(slf.py(), whole(slf), |it, top| it.tree.child_elements(top))
    }

    /// Returns the elements on the way from *id* up that have attribute *name*,
    /// nearest first, each with the attribute's value; None for an unknown id.
    /// The way ends at something disabled, for events that end there in a browser.
    fn listeners(slf: &Bound<'_, Self>, id: WireId, name: &str) -> PyResult<Option<Vec<Listener>>> {
        if id.find(&slf.borrow().tree).is_none() {
            return Ok(None);
        }
        let found = objects_with(slf.py(), whole(slf), |it, _| {
            let tree = &it.tree;
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

    /// Returns the first element that a parser of *html*, which this was rendered as, puts
    /// elsewhere: it, what is around it here, and what is there; None if there is none.
    fn rearranged(slf: &Bound<'_, Self>, html: &str) -> Option<(String, String, String)> {
        let tree = slf.borrow().tree.clone();
        slf.py().detach(|| {
            let parsed = stamped(parse_document(html, &Budget::default()).ok()?);
            let is_element = |id: &NodeId| tree.kind(*id).is_element();
            let mut elements = tree.shown_preorder(ROOT).filter(is_element);
            elements.find_map(|id| {
                let around = tree.node(id).parent;
                let there = parsed.counterpart(&tree, id);
                let there = there.map(|id| parsed.node(id).parent);
                let named = |tree: &Tree, id| match id {
                    ROOT => "the document".into(),
                    id => format!("<{}>", name_in(tree, id)),
                };
                match there {
                    Some(there) if around == ROOT && there == ROOT => None,
                    Some(there) if parsed.counterpart(&tree, around) == Some(there) => None,
                    Some(there) => Some((
                        named(&tree, id),
                        named(&tree, around),
                        named(&parsed, there),
                    )),
                    None => Some((named(&tree, id), named(&tree, around), "nothing".into())),
                }
            })
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
    fn own_pages(slf: &Bound<'_, Self>) -> (usize, usize) {
        slf.borrow().tree.own_pages()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for node in self.nodes.values() {
            visit.call(node)?;
        }
        if let Some(answer) = &self.answer {
            visit.call(&answer.elements)?;
        }
        visit.call(&self.element_type)
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        // Dropped when the tree is borrowed no more: that may run Python.
        let mut tree = slf.borrow_mut();
        let _all = (std::mem::take(&mut tree.nodes), tree.answer.take());
        drop(tree);
    }
}

/// Locates a whole tree.
fn whole<'a, 'py>(
    tree: &'a Bound<'py, PyTree>,
) -> impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)> + 'a {
    || Ok((tree.clone(), ROOT))
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
