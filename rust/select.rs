//! Finds elements by CSS selectors.
//!
//! Servo's crates parse a selector (`grammar`); it is compiled once into tests and
//! chains of them (`program`) that elements are asked one by one (`matching`, with
//! `nth`, `has` and `states`); which elements are asked at all, and in which order,
//! is decided last (`find`). Servo's own matching is not used: it recurses into
//! trees, and what it takes for `a ~ b` grows with the square of the siblings. Here
//! a query looks at each element a bounded number of times, and nothing recurses.
//!
//! States that only a browser knows (`:hover`, `:focus`) are errors; those that the
//! tree tells (`:checked`, `:disabled`, `:required`, `:lang()`, …) are known.

mod error;
mod find;
mod grammar;
mod has;
mod matching;
mod nth;
mod program;
mod states;

pub use error::SelectorError;

use crate::node::NodeId;
use crate::tree::Tree;
use find::{Hints, Search};
use matching::Matcher;
use program::Program;
use std::fmt;

/// A compiled list of selectors.
#[derive(Clone)]
pub struct Selector {
    program: Program,
    hints: Hints,
    with_foreign: bool,
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {} selectors", self.program.rules.len())
    }
}

impl Selector {
    /// Compiles a selector list such as `"#menu > li:not(.hidden), a[href]"`.
    ///
    /// Syntax and meaning are those of Selectors Level 4 and of the HTML standard; a
    /// selector has at most 16,384 bytes, 32 nested brackets and 128 combined parts.
    pub fn parse(text: &str) -> Result<Selector, SelectorError> {
        if text.len() > grammar::BYTES_MAX {
            return Err(SelectorError::too_long(text));
        }
        if let Some(byte) = grammar::too_deep(text) {
            return Err(SelectorError::too_deep(text, byte));
        }
        let list = grammar::parse(text).map_err(|error| SelectorError::explain(text, &error))?;
        let program = Program::compile(list.slice()).map_err(|error| error.in_text(text))?;
        let hints = Hints::of(&program);
        Ok(Selector {
            program,
            hints,
            with_foreign: false,
        })
    }

    /// Returns the selector for a tree with foreign elements: without this it is as if
    /// they, but not what the application put into them, were not there.
    pub fn with_foreign(self, with_foreign: bool) -> Selector {
        Selector {
            with_foreign,
            ..self
        }
    }

    /// Returns the first element below *top*, in document order, that matches.
    pub fn first(&self, tree: &Tree, top: NodeId) -> Option<NodeId> {
        Search::new(self, tree, top).first()
    }

    /// Returns all elements below *top* that match, in document order.
    ///
    /// What is inside of a `template` is not part of the document and not found,
    /// unless *top* is there as well.
    pub fn all(&self, tree: &Tree, top: NodeId) -> Vec<NodeId> {
        Search::new(self, tree, top).all()
    }

    /// Says whether *id* matches; `:scope` is the element itself.
    pub fn matches(&self, tree: &Tree, id: NodeId) -> bool {
        Matcher::new(self, tree, id).matches(id)
    }

    /// Returns the nearest of *id* and the elements above it that matches.
    pub fn closest(&self, tree: &Tree, id: NodeId) -> Option<NodeId> {
        Matcher::new(self, tree, id).closest(id)
    }
}
