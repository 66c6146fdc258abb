//! The core of Sapwood: a tree with cheap versions, and the difference between two.
//!
//! Modules are listed from the bottom up; each uses only those above it in this
//! list. Only `python` knows of Python.

#[doc(hidden)]
pub mod work;

pub mod hashed;
pub mod names;
pub mod filter;
pub mod node;
pub mod page;
pub mod uuid;

pub mod index;
pub mod pages;
pub mod tree;

pub mod encoding;
pub mod parse;
pub mod choice;
pub mod render;
pub mod select;
pub mod style;

pub mod keyed;
pub mod ops;

pub mod diff;
pub mod wire;

pub mod apply;

pub mod sync;

#[cfg(feature = "python")]
mod python;

/// The blocks of docs/core.md are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/core.md")]
struct CoreDocument;
