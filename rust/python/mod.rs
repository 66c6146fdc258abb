//! The core as the Python module `sapwood._core`.
//!
//! Only the files of this folder know of Python. They turn arguments into the
//! core's types and errors into exceptions; whatever decides something lies in the
//! core or in the Python package.
//!
//! Two rules keep a tree whole whatever Python does in between. While a tree is
//! borrowed nothing is called that could run Python, not even what allocates an
//! object: before Python 3.12 any allocation may collect garbage, and a finalizer may
//! touch the same tree or let another thread run. And what was read of a tree before
//! such a call is read again after it.
//!
//! The module needs the GIL: a free-threaded interpreter takes it back when this is
//! imported.

mod cursor;
mod lone;
mod node;
mod objects;
mod patch;
mod query;
mod shape;
mod tree;

use crate::apply::ApplyError;
use crate::parse::ParseError;
use crate::tree::EditError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::panic::PanicException;
use pyo3::prelude::*;

// Found when the first of them is raised, not when this module is imported.
pyo3::import_exception!(sapwood.errors, HtmlError);
pyo3::import_exception!(sapwood.errors, PatchError);
pyo3::import_exception!(sapwood.errors, SelectorSyntaxError);
pyo3::import_exception!(sapwood.errors, TreeError);

impl From<EditError> for PyErr {
    fn from(error: EditError) -> Self {
        TreeError::new_err(error.to_string())
    }
}

impl From<ApplyError> for PyErr {
    fn from(error: ApplyError) -> Self {
        PatchError::new_err(error.to_string())
    }
}

impl From<ParseError> for PyErr {
    fn from(error: ParseError) -> Self {
        HtmlError::new_err(error.to_string())
    }
}

/// Does nothing: the unit in which calls into this module are measured.
#[pyfunction]
fn noop() {}

/// Returns what every uuid that this process gives begins with.
#[pyfunction]
fn uuid_prefix() -> &'static str {
    crate::uuid::prefix()
}

/// Returns the text of an HTML file: by its byte order mark, its `<meta>`, its XML
/// declaration, or UTF-8.
#[pyfunction]
fn decode(bytes: &[u8]) -> PyResult<String> {
    crate::encoding::decode(bytes).map_err(|error| HtmlError::new_err(error.to_string()))
}

/// Escapes a string so that it is text, or a quoted attribute's value, in HTML.
#[pyfunction]
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    crate::render::escape_attribute(text, &mut out);
    out
}

/// Returns the declarations of a `style` attribute in their order: names and values.
#[pyfunction]
fn declarations(style: &str) -> Vec<(String, &str)> {
    crate::style::declarations(style)
}

/// Says whether a string can be the value of one CSS declaration, and no more than that.
#[pyfunction]
fn is_css_value(text: &str) -> bool {
    crate::style::is_value(text)
}

/// Panics while *tree* is borrowed: for the tests of what is left after a bug of ours.
#[pyfunction]
fn _panic(tree: PyRefMut<'_, tree::PyTree>) {
    panic!("asked to, with a tree of {} nodes", tree.tree.len());
}

/// Makes what a panic becomes in Python a `RuntimeError`.
///
/// PyO3 derives it from `BaseException`, to end the program; but a server lives on
/// after a bug in one page, and `except Exception` is how Python says so.
fn make_panics_exceptions(py: Python<'_>) -> PyResult<()> {
    let bases = (py.get_type::<PyRuntimeError>(),);
    py.get_type::<PanicException>().setattr("__bases__", bases)
}

#[pymodule(gil_used = true)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<tree::PyTree>()?;
    module.add_class::<node::Node>()?;
    module.add_class::<patch::Patch>()?;
    module.add_class::<patch::PySync>()?;
    module.add_function(wrap_pyfunction!(noop, module)?)?;
    module.add_function(wrap_pyfunction!(uuid_prefix, module)?)?;
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    module.add_function(wrap_pyfunction!(escape, module)?)?;
    module.add_function(wrap_pyfunction!(declarations, module)?)?;
    module.add_function(wrap_pyfunction!(is_css_value, module)?)?;
    module.add_function(wrap_pyfunction!(patch::diff, module)?)?;
    module.add_function(wrap_pyfunction!(patch::apply, module)?)?;
    module.add_function(wrap_pyfunction!(patch::apply_foreign, module)?)?;
    // Not by `add_function`: what that adds is for everybody, in `__all__`.
    module.setattr("_panic", wrap_pyfunction!(_panic, module)?)?;
    make_panics_exceptions(py)?;
    module.add("PanicException", py.get_type::<PanicException>())?;
    Ok(())
}
