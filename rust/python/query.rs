//! Queries by CSS selectors, from Python.
//!
//! Selectors are compiled once per thread. The answer to the last large query is kept
//! with its tree until something is written: who asks again gets the same list's copy.

use crate::node::NodeId;
use crate::python::SelectorSyntaxError;
use crate::python::node::Node;
use crate::python::objects::{object, objects};
use crate::python::shape::described;
use crate::python::tree::PyTree;
use crate::select::{Selector, SelectorError};
use crate::tree::Version;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// From how many elements on an answer is kept.
const KEPT_MIN: usize = 256;
/// How many selectors a thread keeps that were used lately; as many again that were
/// used before.
const LATELY_MAX: usize = 128;

/// The elements that one query found in one version of a tree.
pub struct Answer {
    selector: Arc<Selector>,
    top: NodeId,
    version: Version,
    pub elements: Py<PyList>,
}

/// Returns the first element below the place that *locate* gives that *selector*
/// selects, or None.
pub fn query<'py>(
    py: Python<'py>,
    locate: impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)>,
    selector: &Bound<'py, PyAny>,
    foreign: bool,
) -> PyResult<Option<Py<Node>>> {
    let selector = compiled(selector, foreign)?;
    object(py, locate, |it, top| selector.first(&it.tree, top))
}

/// Returns all elements below the place that *locate* gives that *selector* selects.
pub fn query_all<'py>(
    py: Python<'py>,
    locate: impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)>,
    selector: &Bound<'py, PyAny>,
    foreign: bool,
) -> PyResult<Bound<'py, PyList>> {
    let selector = compiled(selector, foreign)?;
    if let Some(kept) = kept(&locate, &selector)? {
        return Ok(kept.get_slice(0, kept.len()));
    }
    let asked = Cell::new(None);
    let elements = objects(py, &locate, |it, top| {
        asked.set(Some((top, it.tree.version())));
        selector.all(&it.tree, top)
    })?;
    let is_large = elements.len() >= KEPT_MIN;
    let elements = PyList::new(py, elements)?;
    if let Some((top, version)) = asked.take().filter(|_| is_large) {
        let answer = Answer {
            selector,
            top,
            version,
            elements: elements.get_slice(0, elements.len()).unbind(),
        };
        let (tree, _) = locate()?;
        // The one before is dropped when the tree is free again: that may run Python.
        let _before = tree.borrow_mut().answer.replace(answer);
    }
    Ok(elements)
}

/// Returns the answer to the last large query if this is it, and nothing was written.
fn kept<'py>(
    locate: impl Fn() -> PyResult<(Bound<'py, PyTree>, NodeId)>,
    selector: &Arc<Selector>,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let (tree, top) = locate()?;
    let mut inner = tree.borrow_mut();
    let version = inner.tree.version();
    let is_it = |answer: &&Answer| {
        (answer.top, &answer.version) == (top, &version) && Arc::ptr_eq(&answer.selector, selector)
    };
    let answer = inner.answer.as_ref().filter(is_it);
    Ok(answer.map(|answer| answer.elements.bind(tree.py()).clone()))
}

/// Returns a compiled selector, from a small cache if this thread used it before.
/// *foreign* says whether it selects foreign elements as well.
pub fn compiled(text: &Bound<'_, PyAny>, foreign: bool) -> PyResult<Arc<Selector>> {
    type Compiled = FxHashMap<Box<str>, Arc<Selector>>;
    thread_local! {
        /// One for selectors that leave foreign elements out, one for others.
        static CACHES: RefCell<[(Compiled, Compiled); 2]> = RefCell::default();
    }
    let text = text.cast::<PyString>().map_err(|_| {
        PyTypeError::new_err(format!(
            "a selector is a string such as '#id', not {}",
            described(text)
        ))
    })?;
    let key = text.to_str().map_err(|error| unreadable(text, error))?;
    CACHES.with_borrow_mut(|caches| {
        let (lately, before) = &mut caches[usize::from(foreign)];
        if let Some(selector) = lately.get(key) {
            return Ok(selector.clone());
        }
        let selector = match before.remove(key) {
            Some(selector) => selector,
            None => {
                let parsed = Selector::parse(key).map_err(|error| refused(text, &error))?;
                Arc::new(parsed.with_foreign(foreign))
            }
        };
        if lately.len() == LATELY_MAX {
            *before = std::mem::take(lately);
        }
        lately.insert(key.into(), selector.clone());
        Ok(selector)
    })
}

/// Returns the exception for a string that *error* says cannot be encoded.
fn unreadable(text: &Bound<'_, PyString>, error: PyErr) -> PyErr {
    let start = error.value(text.py()).getattr(intern!(text.py(), "start"));
    match start.and_then(|start| start.extract()) {
        Ok(start) => refused(
            text,
            &SelectorError::lone_surrogate(&text.to_string_lossy(), start),
        ),
        Err(_) => error,
    }
}

/// Returns the exception for what is no selector, with its place as attributes.
fn refused(text: &Bound<'_, PyString>, error: &SelectorError) -> PyErr {
    let py = text.py();
    let exception = SelectorSyntaxError::new_err(error.to_string());
    let value = exception.value(py);
    let told = value
        .setattr(intern!(py, "selector"), text)
        .and_then(|()| value.setattr(intern!(py, "offset"), error.offset));
    told.err().unwrap_or(exception)
}
