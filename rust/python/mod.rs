//! The core as the Python module `sapwood._core`.
//!
//! Only the files of this folder know of Python. They turn arguments into the
//! core's types and errors into exceptions; whatever decides something lies in the
//! core or in the Python package.

mod node;
mod patch;
mod tree;

use crate::parse::ParseError;
use crate::tree::EditError;
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

create_exception!(
    _core,
    HtmlError,
    PyValueError,
    "HTML that is refused, and why."
);
create_exception!(
    _core,
    SelectorSyntaxError,
    PyValueError,
    "Not a selector, and where it goes wrong."
);
create_exception!(
    _core,
    TreeError,
    PyValueError,
    "A change that would not leave a tree."
);

impl From<EditError> for PyErr {
    fn from(error: EditError) -> Self {
        TreeError::new_err(error.to_string())
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

/// Returns the text of an HTML file: by its byte order mark, by its `<meta>`, or UTF-8.
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

#[pymodule]
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
    module.add_function(wrap_pyfunction!(patch::diff, module)?)?;
    module.add("HtmlError", py.get_type::<HtmlError>())?;
    module.add("SelectorSyntaxError", py.get_type::<SelectorSyntaxError>())?;
    module.add("TreeError", py.get_type::<TreeError>())?;
    Ok(())
}
