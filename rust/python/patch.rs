//! The difference of two trees, and a browser's sync, as Python holds them.

use crate::diff::diff as find_ops;
use crate::ops::Op;
use crate::python::tree::{PyTree, WireId};
use crate::sync::{Events, Sync};
use crate::tree::Tree;
use crate::wire::encode;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use std::cell::Cell;

/// Returns what leads from *old* to *new*.
#[pyfunction]
pub fn diff(new: &PyTree, old: &PyTree) -> Patch {
    let mut ops = Vec::new();
    find_ops(&old.tree, &new.tree, &mut ops);
    Patch {
        old: old.tree.clone(),
        new: new.tree.clone(),
        ops,
    }
}

/// Carries out *ops*, a JSON array, on *tree*; if that fails the tree is as before.
/// Objects stay with their elements, by uuid; those whose element is gone are void.
#[pyfunction]
pub fn apply(tree: &Bound<'_, PyTree>, ops: &str) -> PyResult<()> {
    let mut after = tree.borrow().tree.clone();
    crate::apply::apply(&mut after, ops)?;
    become_version(tree, after);
    Ok(())
}

/// Carries out each of *all*, inserts of what a stranger made, if it fits, and leaves out
/// those that do not; tells of each whether it did. All cost little more than one.
#[pyfunction]
pub fn apply_foreign(tree: &Bound<'_, PyTree>, all: Vec<String>) -> Vec<bool> {
    let mut after = tree.borrow().tree.clone();
    let fits = |ops: String| {
        let mut next = after.clone();
        let done = crate::apply::apply_foreign(&mut next, &ops).is_ok();
        if done {
            after = next;
        }
        done
    };
    let done = all.into_iter().map(fits).collect();
    become_version(tree, after);
    done
}

fn become_version(tree: &Bound<'_, PyTree>, after: Tree) {
    let replaced = tree.borrow_mut().replace(tree.py(), after);
    for (node, id) in &replaced.moved {
        node.get().attach(tree.clone().unbind(), *id);
    }
    for (node, name) in &replaced.void {
        node.get().void(name.clone());
    }
}

/// Ops together with the two versions they lead from and to.
#[pyclass(module = "sapwood._core", frozen)]
pub struct Patch {
    old: Tree,
    new: Tree,
    ops: Vec<Op>,
}

#[pymethods]
impl Patch {
    /// Returns the ops as the browser reads them: a flat JSON array, in UTF-8.
    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut out = String::with_capacity(32);
        encode(&self.old, &self.new, &self.ops, &mut out);
        if out.is_empty() {
            out.push('[');
        } else {
            out.replace_range(0..1, "[");
        }
        out.push(']');
        PyBytes::new(py, out.as_bytes())
    }

    fn __len__(&self) -> usize {
        self.ops.len()
    }

    /// Returns the ops as tuples: a name, then strings and None.
    fn operations<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        self.ops
            .iter()
            .map(|op| {
                let description = op.describe(&self.old, &self.new);
                let mut all = vec![Some(description.name.to_owned())];
                all.extend(description.operands);
                PyTuple::new(py, all)
            })
            .collect()
    }

    /// Returns the uuids of the elements that differ, each with "Added", "Changed"
    /// or "Removed".
    fn differences<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let differences = PyDict::new(py);
        for (uuid, status) in crate::ops::statuses(&self.old, &self.new, &self.ops) {
            differences.set_item(uuid, status)?;
        }
        Ok(differences)
    }
}

/// What one browser was sent and what of it has arrived; see `rust/sync.rs`.
#[pyclass(name = "Sync", module = "sapwood._core")]
pub struct PySync {
    sync: Sync,
}

#[pymethods]
impl PySync {
    #[new]
    fn new(tree: &PyTree) -> PySync {
        PySync {
            sync: Sync::new(tree.tree.clone()),
        }
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.sync.sequence()
    }

    #[getter]
    fn is_open(&self) -> bool {
        self.sync.is_open()
    }

    fn is_current(&self, tree: &PyTree) -> bool {
        self.sync.is_current(&tree.tree)
    }

    /// Returns the frame that leads to *now*, or None if nothing differs.
    /// Events up to *handled* are handled, the fields of those up to *taken* taken over.
    #[pyo3(signature = (now, handled, taken=None))]
    fn cut<'py>(
        &mut self,
        now: &Bound<'py, PyTree>,
        handled: u64,
        taken: Option<u64>,
    ) -> Option<Bound<'py, PyString>> {
        let events = events(handled, taken);
        with_buffer(|frame| {
            let differs = self.sync.cut(&now.borrow().tree, events, frame);
            differs.then(|| PyString::new(now.py(), frame))
        })
    }

    /// Returns a frame that fills the page with *now*.
    #[pyo3(signature = (now, handled, taken=None))]
    fn cut_whole(&mut self, now: &PyTree, handled: u64, taken: Option<u64>) -> String {
        let mut frame = String::new();
        let events = events(handled, taken);
        self.sync.cut_whole(&now.tree, events, &mut frame);
        frame
    }

    /// Says whether frame *sequence* was ever sent.
    fn acknowledge(&mut self, sequence: u64) -> bool {
        self.sync.acknowledge(sequence)
    }

    /// Goes back to frame *sequence*; says whether it is still known.
    fn resume(&mut self, sequence: u64) -> bool {
        self.sync.resume(sequence)
    }

    /// Goes on after a frame whose version is not known.
    fn restart(&mut self, sequence: u64) {
        self.sync.restart(sequence);
    }

    /// Takes over what the user did to a field, in *now*, in *published* and in
    /// what the browser is known to have, so that it is not sent back. *value* is
    /// JSON. Says whether there is such a field and it may be changed.
    fn take_field(
        &mut self,
        now: &mut PyTree,
        published: &mut PyTree,
        id: WireId,
        value: &str,
    ) -> bool {
        let Some(node) = id.find(&now.tree) else {
            return false;
        };
        let Some(name) = now.tree.field_property(node, value) else {
            return false;
        };
        let is_published = now.tree.same_version(&published.tree);
        let is_sent = is_published && self.sync.is_current(&now.tree);
        let set = |tree: &mut Tree| {
            if let Some(id) = id.find(tree) {
                // Fails only on an element that has 256 attributes: then it has no field.
                let _full = tree.set_attribute(id, name, value);
            }
        };
        set(&mut now.tree);
        set(&mut published.tree);
        self.sync.absorb(set);
        if is_published {
            published.tree = now.tree.clone();
        }
        if is_sent {
            self.sync.share(&now.tree);
        }
        true
    }
}

/// Runs *write* with an empty string that this thread keeps for the purpose.
fn with_buffer<T>(write: impl FnOnce(&mut String) -> T) -> T {
    const KEPT_BYTES: usize = 16 * 1024;
    thread_local! {
        static BUFFER: Cell<String> = const { Cell::new(String::new()) };
    }
    let mut buffer = BUFFER.take();
    buffer.clear();
    let written = write(&mut buffer);
    if buffer.capacity() <= KEPT_BYTES {
        BUFFER.set(buffer);
    }
    written
}

fn events(handled: u64, taken: Option<u64>) -> Events {
    Events {
        handled,
        taken: taken.unwrap_or(handled),
    }
}
