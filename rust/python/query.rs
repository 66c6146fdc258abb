//! Queries by CSS selectors, from Python.
//!
//! Selectors are compiled once per thread. The answer to the last large query is kept
//! with its tree until something is written: who asks again gets the same list's copy.

use crate::node::NodeId;
use crate::python::SelectorSyntaxError;
use crate::python::node::Node;
use crate::python::objects::{object_of, objects_of};
use crate::python::tree::PyTree;
use crate::select::{Selector, SelectorError};
use crate::tree::Version;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
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

/// Returns the first element below *top* that *selector* selects, or None.
pub fn query(
    tree: &Bound<'_, PyTree>,
    top: NodeId,
    selector: &Bound<'_, PyString>,
) -> PyResult<Option<Py<Node>>> {
    let found = compiled(selector)?.first(&tree.borrow().tree, top);
    found.map(|id| object_of(tree, id)).transpose()
}

/// Returns all elements below *top* that *selector* selects.
pub fn query_all<'py>(
    tree: &Bound<'py, PyTree>,
    top: NodeId,
    selector: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyList>> {
    let py = tree.py();
    let selector = compiled(selector)?;
    let (found, version) = {
        let mut tree = tree.borrow_mut();
        let version = tree.tree.version();
        if let Some(answer) = &tree.answer
            && (answer.top, &answer.version) == (top, &version)
            && Arc::ptr_eq(&answer.selector, &selector)
        {
            let elements = answer.elements.bind(py);
            return Ok(elements.get_slice(0, elements.len()));
        }
        (selector.all(&tree.tree, top), version)
    };
    let elements = objects_of(tree, &found)?;
    if found.len() < KEPT_MIN {
        return Ok(elements);
    }
    let given = elements.get_slice(0, elements.len());
    let answer = Answer {
        selector,
        top,
        version,
        elements: elements.unbind(),
    };
    // The one before is dropped when the tree is free again: that may run Python.
    let _before = tree.borrow_mut().answer.replace(answer);
    Ok(given)
}

/// Returns a compiled selector, from a small cache if this thread used it before.
pub fn compiled(text: &Bound<'_, PyString>) -> PyResult<Arc<Selector>> {
    type Compiled = FxHashMap<Box<str>, Arc<Selector>>;
    thread_local! {
        static CACHE: RefCell<(Compiled, Compiled)> = RefCell::default();
    }
    let key = text.to_str()?;
    CACHE.with_borrow_mut(|(lately, before)| {
        if let Some(selector) = lately.get(key) {
            return Ok(selector.clone());
        }
        let selector = match before.remove(key) {
            Some(selector) => selector,
            None => Arc::new(Selector::parse(key).map_err(|error| refused(text, &error))?),
        };
        if lately.len() == LATELY_MAX {
            *before = std::mem::take(lately);
        }
        lately.insert(key.into(), selector.clone());
        Ok(selector)
    })
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
