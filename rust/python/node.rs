//! One element of a tree, as the object that Python holds.
//!
//! An object knows its tree and its place in it. A new element is alone: until somebody
//! asks for its tree it has none, and is but what it was made with. Put below another
//! one it moves into that tree, and taken out it gets a tree of its own, in all cases
//! with whatever is below it. What is refused is refused before anything is changed.

use crate::node::{Kind, NodeId};
use crate::python::TreeError;
use crate::python::cursor::backwards;
use crate::python::lone::{Lone, is_only_text_tag, is_tag, is_void_tag, kept_tag, spelled};
use crate::python::objects::{make_object, object, objects, objects_with};
use crate::python::query::{compiled, query, query_all};
use crate::python::shape::{
    Item, characters, described, detach, name_of, no_content, place_in, put, refused, remove,
    replace_child, replace_content, replace_elements, shortened, text_of,
};
use crate::python::tree::{PyTree, render_element};
use crate::tree::{EditError, ROOT, Tree};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{
    PyByteArray, PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple, PyType,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The base of `sapwood.Element`.
#[pyclass(subclass, weakref, frozen, module = "sapwood._core")]
#[derive(Default)]
pub struct Node {
    /// Locked only to be read or set, never while something of Python's is made.
    place: Mutex<Place>,
}

/// Where an element is.
#[derive(Default)]
enum Place {
    /// `Element.__init__` did not run yet.
    #[default]
    Unmade,
    Alone(Box<Lone>),
    In(Py<PyTree>, NodeId),
    Destroyed(Box<Name>),
}

/// What an element was called that is no more.
#[derive(Default)]
struct Name(String);

impl Place {
    /// Returns why there is no such place.
    fn error(&self) -> PyErr {
        match self {
            Place::Destroyed(name) => TreeError::new_err(format!(
                "<Element {}> was destroyed: make a new one, or take one that shall come \
                 back out with remove()",
                name.0
            )),
            _ => PyRuntimeError::new_err(
                "this element was not made yet: call super().__init__(tag) first",
            ),
        }
    }
}

impl Node {
    pub fn attach(&self, tree: Py<PyTree>, id: NodeId) {
        self.set_place(Place::In(tree, id));
    }

    /// Makes this the object of no element: there is none of its uuid any more.
    pub fn void(&self, name: String) {
        self.set_place(Place::Destroyed(Box::new(Name(name))));
    }

    fn set_place(&self, place: Place) {
        // What it was is dropped when the lock is open again: that may run Python.
        let _old = std::mem::replace(&mut *self.lock(), place);
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the tree that the element is in, making it if it is alone, and its place.
    pub fn place<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTree>, NodeId)> {
        loop {
            let element_type = match &*self.lock() {
                Place::In(tree, id) => return Ok((tree.bind(py).clone(), *id)),
                Place::Alone(lone) => lone.element_type.clone_ref(py),
                none => return Err(none.error()),
            };
            let tree = Bound::new(py, PyTree::new(Tree::default(), element_type))?;
            // Making the object may have run anything, so the element is looked at again.
            self.plant(&tree, ROOT, None).transpose()?;
        }
    }

    /// Returns where the element is unless it is alone, unmade or destroyed.
    pub fn place_if_in_tree<'py>(&self, py: Python<'py>) -> Option<(Bound<'py, PyTree>, NodeId)> {
        match &*self.lock() {
            Place::In(tree, id) => Some((tree.bind(py).clone(), *id)),
            _ => None,
        }
    }

    /// Makes an element that is alone a node of *tree*; `None` if it is not alone.
    pub fn plant(
        &self,
        tree: &Bound<'_, PyTree>,
        parent: NodeId,
        before: Option<NodeId>,
    ) -> Option<Result<(), EditError>> {
        let mut place = self.lock();
        let Place::Alone(lone) = &*place else {
            return None;
        };
        let mut inner = tree.borrow_mut();
        let id = match lone.plant(&mut inner.tree, parent, before) {
            Ok(id) => id,
            Err(error) => return Some(Err(error)),
        };
        inner.put_object(id, lone.this.clone_ref(tree.py()));
        let old = std::mem::replace(&mut *place, Place::In(tree.clone().unbind(), id));
        drop((inner, place));
        drop(old);
        Some(Ok(()))
    }

    /// Does something to an element that is alone; `None` if it is not.
    fn alone<T>(&self, act: impl FnOnce(&mut Lone) -> T) -> Option<T> {
        match &mut *self.lock() {
            Place::Alone(lone) => Some(act(lone)),
            _ => None,
        }
    }

    fn check_made(&self) -> PyResult<()> {
        match &*self.lock() {
            Place::In(..) | Place::Alone(_) => Ok(()),
            none => Err(none.error()),
        }
    }

    pub fn is_alone(&self) -> bool {
        matches!(&*self.lock(), Place::Alone(_))
    }

    /// Returns what messages call the element.
    pub fn name(&self, py: Python<'_>) -> String {
        format!("<Element {}>", self.short_name(py))
    }

    fn short_name(&self, py: Python<'_>) -> String {
        match &*self.lock() {
            Place::Unmade => "that was not made yet".into(),
            Place::Destroyed(name) => format!("{} that was destroyed", name.0),
            Place::Alone(lone) => called(&lone.tag, lone.attribute("id")),
            Place::In(tree, id) => name_in(&tree.borrow(py).tree, *id),
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

    /// Makes this object an element that is alone.
    fn _create(
        slf: &Bound<'_, Self>,
        tag: &Bound<'_, PyAny>,
        element_type: Py<PyType>,
    ) -> PyResult<()> {
        let lone = Lone {
            this: slf.clone().unbind(),
            element_type,
            tag: kept_tag(tag_of(tag)?).into(),
            attributes: Vec::new(),
            text: Box::default(),
        };
        let mut place = slf.get().lock();
        if !matches!(&*place, Place::Unmade) {
            drop(place);
            return Err(PyRuntimeError::new_err(
                "this element was made already: call super().__init__(tag) once",
            ));
        }
        *place = Place::Alone(Box::new(lone));
        Ok(())
    }

    /// What the element is called in a message: tag and id, or what became of it.
    #[getter]
    fn _name(&self, py: Python<'_>) -> String {
        self.short_name(py)
    }

    #[getter]
    fn _is_destroyed(&self) -> bool {
        matches!(&*self.lock(), Place::Destroyed(_))
    }

    /// The tree that the element is in now.
    #[getter]
    fn _tree(&self, py: Python<'_>) -> PyResult<Py<PyTree>> {
        Ok(self.place(py)?.0.unbind())
    }

    #[getter]
    fn tag(&self, py: Python<'_>) -> PyResult<String> {
        match &*self.lock() {
            Place::In(tree, id) => Ok(tree.borrow(py).tree.tag(*id).to_owned()),
            Place::Alone(lone) => Ok(lone.tag.to_string()),
            none => Err(none.error()),
        }
    }

    fn _set_tag(&self, tag: &Bound<'_, PyAny>) -> PyResult<()> {
        let (tree, id) = self.place(tag.py())?;
        let tag = kept_tag(tag_of(tag)?);
        let set = set_tag(&mut tree.borrow_mut().tree, id, &tag);
        set.map_err(|error| match error {
            EditError::NoChildren => TreeError::new_err(format!(
                "{} has content, so it cannot become <{tag}>, which is void",
                name_of(&tree, id)
            )),
            _ => refused(error, &tree, id),
        })
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
        if let Some(value) = self.alone(|lone| lone.attribute(name).map(str::to_owned)) {
            return Ok(value);
        }
        self.read(py, |tree, id| {
            let name = spelled(is_settled_html(tree, id), name);
            tree.attribute(id, &name).map(str::to_owned)
        })
    }

    fn _set_attribute(&self, name: &str, value: &Bound<'_, PyString>) -> PyResult<()> {
        let text = characters(value, self)?;
        if self.alone(|lone| lone.set_attribute(name, text)) == Some(true) {
            return Ok(());
        }
        let (tree, id) = self.place(value.py())?;
        let set = set_attribute(&mut tree.borrow_mut().tree, id, name, text);
        set.map_err(|error| refused(error, &tree, id))
    }

    /// Sets attributes, or removes those with None: all of them or, if that raises, none.
    fn _set_attributes(
        &self,
        py: Python<'_>,
        changes: Vec<(PyBackedStr, Option<Bound<'_, PyString>>)>,
    ) -> PyResult<()> {
        let mut texts = Vec::with_capacity(changes.len());
        for (name, value) in &changes {
            let text = value.as_ref().map(|it| characters(it, self)).transpose()?;
            texts.push((&**name, text));
        }
        let (tree, id) = self.place(py)?;
        let set = {
            let tree = &mut tree.borrow_mut().tree;
            // A version costs next to nothing, and puts everything back.
            let before = tree.clone();
            set_attributes(tree, id, &texts).inspect_err(|_| *tree = before)
        };
        set.map_err(|error| refused(error, &tree, id))
    }

    /// Removes an attribute; says whether it was there.
    fn _remove_attribute(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        if let Some(was_there) = self.alone(|lone| lone.remove_attribute(name)) {
            return Ok(was_there);
        }
        self.write(py, |tree, id| {
            let name = spelled(is_settled_html(tree, id), name);
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

    /// All texts in the element and below, joined; setting it leaves just that text. What
    /// is in a foreign element counts only for that one and what is foreign around it.
    #[getter]
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |tree, id| tree.text(id))
    }

    #[setter]
    fn set_text(slf: &Bound<'_, Self>, text: &Bound<'_, PyAny>) -> PyResult<()> {
        match text_of(text)? {
            Some(text) => put_text(slf, &text),
            None => Err(PyTypeError::new_err(format!(
                "text is a string or a number, not {}; what holds elements is content",
                described(text)
            ))),
        }
    }

    /// The element as HTML, with all below it.
    #[getter]
    fn html(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |tree, id| render_element(tree, id, false))
    }

    /// What is inside: a string, or, once there are elements, a list of strings and elements
    /// in their order. The list is a copy; what shall be in the page is assigned.
    #[getter]
    fn content(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if let Some(text) = self.alone(|lone| PyString::new(py, &lone.text)) {
            return Ok(text.into_any().unbind());
        }
        let (tree, id) = self.place(py)?;
        let only_text = {
            let tree = tree.borrow();
            (!tree.has_element_below(id)).then(|| tree.tree.text(id))
        };
        if let Some(text) = only_text {
            return Ok(PyString::new(py, &text).into_any().unbind());
        }
        let parts = objects_with(
            py,
            || self.place(py),
            |it, id| {
                let tree = &it.tree;
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
        let items = if let Ok(text) = content.cast::<PyString>() {
            return put_text(slf, text);
        } else if content.is_instance_of::<Node>() {
            vec![Item::of(content)?]
        } else if let Some(text) = text_of(content)? {
            return put_text(slf, &text);
        } else {
            content_items(content)?
        };
        replace_content(slf, &items)
    }

    /// Puts *child* before the child element at *index*, which counts as in `list.insert`
    /// and without *child* itself.
    fn _insert_at(&self, index: isize, child: &Bound<'_, Node>) -> PyResult<()> {
        let (tree, id) = self.place(child.py())?;
        let item = Item::Element(child.clone());
        let own = place_in(&tree, &item);
        let before = {
            let inner = &mut *tree.borrow_mut();
            let own = own.filter(|&own| inner.tree.node(own).parent == id);
            let index = usize::try_from(index).unwrap_or_else(|_| {
                let count = inner.cursor.count(&inner.tree, id);
                let others = count - usize::from(own.is_some());
                others.saturating_sub(index.unsigned_abs())
            });
            let is_before =
                |own| backwards(&inner.tree, inner.tree.node(own).previous).count() <= index;
            let index = index + usize::from(own.is_some_and(is_before));
            inner.cursor.element(&inner.tree, id, index.cast_signed())
        };
        put(&tree, id, before, &[item])
    }

    /// Puts *child* in the place of the child element at *index*; says whether it could: there
    /// may be none, or *child* one of the others.
    fn _replace_at(slf: &Bound<'_, Self>, index: isize, child: &Bound<'_, Node>) -> PyResult<bool> {
        let (tree, id) = slf.get().place(slf.py())?;
        let item = Item::Element(child.clone());
        let own = place_in(&tree, &item);
        let old = {
            let inner = &mut *tree.borrow_mut();
            let old = inner.cursor.element(&inner.tree, id, index);
            let is_other = own.is_some_and(|own| inner.tree.node(own).parent == id);
            old.filter(|_| !is_other)
        };
        let Some(old) = old else { return Ok(false) };
        replace_child(slf, old, &item)?;
        if let Some(new) = place_in(&tree, &item).filter(|_| index >= 0) {
            let inner = &mut *tree.borrow_mut();
            inner.cursor.replaced(&inner.tree, new);
        }
        Ok(true)
    }

    /// Puts *items* where *position* says, by the names of DOM's insertAdjacentElement.
    fn _insert_adjacent(
        &self,
        py: Python<'_>,
        position: &str,
        items: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let items = items.iter().map(Item::of).collect::<PyResult<Vec<_>>>()?;
        let (tree, id) = self.place(py)?;
        let node = *tree.borrow().tree.node(id);
        let (parent, before) = match position {
            "afterbegin" => (id, node.first.some()),
            "beforeend" => (id, None),
            "beforebegin" => (node.parent, Some(id)),
            _ => (node.parent, node.next.some()),
        };
        if parent == ROOT {
            return Err(TreeError::new_err(format!(
                "{} has no parent, so nothing can be beside it",
                self.name(py)
            )));
        }
        put(&tree, parent, before, &items)
    }

    /// Takes the element out of its parent, with all below it, into a tree of its own.
    fn _detach(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().check_made()?;
        detach(slf)
    }

    /// Ends the element and all below it for good; returns the objects that there were.
    fn _destroy(slf: &Bound<'_, Self>) -> PyResult<Vec<Py<Node>>> {
        let (node, py) = (slf.get(), slf.py());
        if node.is_alone() {
            node.void(node.short_name(py));
            return Ok(vec![slf.clone().unbind()]);
        }
        let (tree, id) = node.place(py)?;
        let objects = tree.borrow().objects_below(py, id);
        for object in &objects {
            object.get().void(object.get().short_name(py));
        }
        remove(&tree, id);
        Ok(objects)
    }

    /// Takes out all child elements; texts and comments stay.
    fn _clear_elements(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().is_alone() {
            return Ok(());
        }
        replace_elements(slf, &[], None).map(|_| ())
    }

    /// Makes *order* the child elements, touching only what is out of place; but does nothing
    /// if *seen* is given and they are not these any more. Says whether it did.
    #[pyo3(signature = (order, seen=None))]
    fn _set_elements(
        slf: &Bound<'_, Self>,
        order: Vec<Bound<'_, PyAny>>,
        seen: Option<Vec<Bound<'_, Node>>>,
    ) -> PyResult<bool> {
        let order = order.iter().map(Item::of).collect::<PyResult<Vec<_>>>()?;
        replace_elements(slf, &order, seen.as_deref())
    }

    /// The child elements, without the texts between them.
    #[getter]
    fn _elements(&self, py: Python<'_>) -> PyResult<Vec<Py<Node>>> {
        objects(py, || self.place(py), |it, id| it.tree.child_elements(id))
    }

    /// Returns the object of the same node in *version*, a version of *tree*; None if
    /// this one is not in *tree*.
    fn _in_version(
        &self,
        tree: &Bound<'_, PyTree>,
        version: &Bound<'_, PyTree>,
    ) -> PyResult<Option<Py<Node>>> {
        let place = self.place_if_in_tree(tree.py());
        let Some((_, id)) = place.filter(|(own, _)| own.is(tree)) else {
            return Ok(None);
        };
        let locate = || Ok((version.clone(), id));
        object(tree.py(), locate, |it, id| it.tree.get(id).map(|_| id))
    }

    /// Says whether *child* is a child of this element.
    fn _has_child(&self, py: Python<'_>, child: &Bound<'_, Node>) -> bool {
        let places = (self.place_if_in_tree(py), child.get().place_if_in_tree(py));
        let (Some((tree, id)), Some((other, child))) = places else {
            return false;
        };
        tree.is(&other) && tree.borrow().tree.node(child).parent == id
    }

    /// How many elements come before this one below its parent.
    fn _place(&self, py: Python<'_>) -> PyResult<usize> {
        self.read(py, |tree, id| {
            backwards(tree, tree.node(id).previous).count()
        })
    }

    fn _element_count(&self, py: Python<'_>) -> PyResult<usize> {
        let (tree, id) = self.place(py)?;
        let tree = &mut *tree.borrow_mut();
        Ok(tree.cursor.count(&tree.tree, id))
    }

    /// The element at *index*, which counts elements only, below 0 from the last one;
    /// None past the ends.
    fn _element_at(&self, py: Python<'_>, index: isize) -> PyResult<Option<Py<Node>>> {
        let find = |it: &mut PyTree, id| it.cursor.element(&it.tree, id, index);
        object(py, || self.place(py), find)
    }

    #[getter]
    fn parent(&self, py: Python<'_>) -> PyResult<Option<Py<Node>>> {
        object(
            py,
            || self.place(py),
            |it, id| {
                let parent = it.tree.node(id).parent;
                parent.some().filter(|&parent| parent != ROOT)
            },
        )
    }

    /// Whether a browser told of the element, and not the application.
    #[getter]
    fn is_foreign(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, |tree, id| tree.is_foreign(id))
    }

    #[pyo3(signature = (selector, foreign=false))]
    fn _query(
        &self,
        py: Python<'_>,
        selector: &Bound<'_, PyAny>,
        foreign: bool,
    ) -> PyResult<Option<Py<Node>>> {
        query(py, || self.place(py), selector, foreign)
    }

    #[pyo3(signature = (selector, foreign=false))]
    fn _query_all<'py>(
        &self,
        py: Python<'py>,
        selector: &Bound<'py, PyAny>,
        foreign: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        query_all(py, || self.place(py), selector, foreign)
    }

    /// Says whether the element is one that *selector* selects; a foreign one is none
    /// without *foreign*.
    #[pyo3(signature = (selector, *, foreign=false))]
    fn matches(
        &self,
        py: Python<'_>,
        selector: &Bound<'_, PyAny>,
        foreign: bool,
    ) -> PyResult<bool> {
        let selector = compiled(selector, foreign)?;
        self.read(py, |tree, id| selector.matches(tree, id))
    }

    /// Returns the nearest of the element and those above it that *selector*
    /// selects, or None; foreign ones only with *foreign*.
    #[pyo3(signature = (selector, *, foreign=false))]
    fn closest(
        &self,
        py: Python<'_>,
        selector: &Bound<'_, PyAny>,
        foreign: bool,
    ) -> PyResult<Option<Py<Node>>> {
        let selector = compiled(selector, foreign)?;
        let find = |it: &mut PyTree, id| selector.closest(&it.tree, id);
        object(py, || self.place(py), find)
    }

    /// Returns all elements in and below this one, parents first.
    fn _walk(&self, py: Python<'_>) -> PyResult<Vec<Py<Node>>> {
        objects(
            py,
            || self.place(py),
            |it, id| {
                let is_element = |&id: &NodeId| it.tree.kind(id).is_element();
                it.tree.preorder(id).filter(is_element).collect()
            },
        )
    }

    /// Makes *target*, a new object, a copy of this element and all below it, in a
    /// tree of its own; returns pairs of objects that exist below and their copies. If it
    /// is foreign, the copy is too if *as_is* says so, and else the application's.
    #[pyo3(signature = (target, as_is=false))]
    fn _copy_to(
        &self,
        target: &Bound<'_, Node>,
        as_is: bool,
    ) -> PyResult<Vec<(Py<Node>, Py<Node>)>> {
        let py = target.py();
        let (tree, id) = self.place(py)?;
        let mut copy = Tree::default();
        let (mut originals, mut foreign) = (Vec::new(), Vec::new());
        let (top, element_type) = {
            let from = &mut *tree.borrow_mut();
            from.tree.stamp_below(id);
            let top = copy.adopt(&from.tree, id, |was, is| {
                if from.tree.is_foreign(was) {
                    foreign.push(is);
                }
                if let Some(object) = from.object(was).filter(|_| was != id) {
                    originals.push((object.clone_ref(py), is));
                }
            })?;
            copy.append(ROOT, top)?;
            // Who copies what a browser told of makes it the application's; what is foreign
            // inside of something else stays so. No page knows either by a made uuid.
            let is_still_foreign = as_is || !from.tree.is_foreign(id);
            for copied in foreign {
                copy.rename(copied);
                copy.set_foreign(copied, is_still_foreign);
            }
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
            Place::In(tree, _) => visit.call(tree),
            Place::Alone(lone) => lone.traverse(&visit),
            Place::Unmade | Place::Destroyed(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        self.void(String::new());
    }
}

/// Returns what an element of *tree* is called in messages: its tag and id.
pub fn name_in(tree: &Tree, id: NodeId) -> String {
    called(tree.tag(id), tree.attribute(id, "id"))
}

fn called(tag: &str, id: Option<&str>) -> String {
    id.map_or_else(|| tag.into(), |id| format!("{tag}#{}", shortened(id)))
}

fn put_text(slf: &Bound<'_, Node>, text: &Bound<'_, PyString>) -> PyResult<()> {
    let node = slf.get();
    let characters = characters(text, node)?;
    let (tree, id) = match node.place_if_in_tree(text.py()) {
        Some(place) => place,
        None if node.alone(|lone| lone.set_text(characters)) == Some(true) => return Ok(()),
        None => node.place(text.py())?,
    };
    let set = {
        let inner = &mut *tree.borrow_mut();
        // What changes most: a text for a text.
        if inner.tree.set_only_text(id, characters) {
            return Ok(());
        }
        let has_elements = inner.has_element_below(id);
        (!has_elements).then(|| inner.tree.set_text(id, characters))
    };
    match set {
        Some(set) => set.map_err(|error| refused(error, &tree, id)),
        None => replace_content(slf, &[Item::Text(text.clone())]),
    }
}

impl PyTree {
    fn has_element_below(&self, id: NodeId) -> bool {
        self.tree.first_element(self.tree.node(id).first).is_some()
    }
}

/// Says whether an element is HTML for good: one that is alone may yet become SVG.
fn is_settled_html(tree: &Tree, id: NodeId) -> bool {
    let node = tree.node(id);
    node.kind == Kind::Html && node.parent != ROOT
}

fn set_attribute(tree: &mut Tree, id: NodeId, name: &str, value: &str) -> Result<(), EditError> {
    let name = spelled(is_settled_html(tree, id), name);
    tree.set_attribute(id, &name, value)
}

fn set_attributes(
    tree: &mut Tree,
    id: NodeId,
    changes: &[(&str, Option<&str>)],
) -> Result<(), EditError> {
    // What goes makes room for what comes.
    for (name, _) in changes.iter().filter(|(_, value)| value.is_none()) {
        let name = spelled(is_settled_html(tree, id), name);
        tree.remove_attribute(id, &name);
    }
    for (name, value) in changes {
        if let Some(value) = value {
            set_attribute(tree, id, name, value)?;
        }
    }
    Ok(())
}

fn set_tag(tree: &mut Tree, id: NodeId, tag: &str) -> Result<(), EditError> {
    let crate::node::Node { parent, first, .. } = *tree.node(id);
    let kind = tree.kind_inside(parent, tag);
    if !first.is_none() && kind == Kind::Html && is_void_tag(tag) {
        return Err(EditError::NoChildren);
    }
    if kind == Kind::Html && is_only_text_tag(tag) && tree.first_element(first).is_some() {
        return Err(EditError::OnlyText);
    }
    tree.set_kind_and_tag(id, kind, tag)?;
    if parent == ROOT {
        return Ok(());
    }
    tree.settle_element(id)
}

fn tag_of<'a>(tag: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    let text = tag.cast::<PyString>().map_err(|_| {
        PyTypeError::new_err(format!(
            "a tag is a string such as 'p', not {}",
            described(tag)
        ))
    })?;
    text.to_str().ok().filter(|it| is_tag(it)).ok_or_else(|| {
        PyValueError::new_err(format!(
            "not the name of a tag: {}; it is a letter, then letters, digits, '-', '_' or '.'",
            described(tag)
        ))
    })
}

fn content_items<'py>(content: &Bound<'py, PyAny>) -> PyResult<Vec<Item<'py>>> {
    let has_no_order = content.is_instance_of::<PyDict>()
        || content.is_instance_of::<PySet>()
        || content.is_instance_of::<PyFrozenSet>()
        || content.is_instance_of::<PyBytes>()
        || content.is_instance_of::<PyByteArray>();
    let items = content.try_iter().ok().filter(|_| !has_no_order);
    let wanted = "content is a string, a number, an element, or a list of these";
    let items = items.ok_or_else(|| no_content(wanted, content))?;
    items.map(|item| Item::of(&item?)).collect()
}
