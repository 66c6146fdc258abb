//! html5ever with a sink that keeps nothing: what its tokenizer and tree builder cost.
//!
//! A handle is what the tree builder must be able to ask about, a number and the
//! element's name, as in html5ever's own example `noop-tree-builder`. Attributes and
//! texts are dropped as they come; whoever builds a tree pays for that on top.

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, ParseOpts, QualName, local_name, ns, parse_document};
use std::borrow::Cow;
use std::cell::Cell;

/// Parses *html* and returns how many nodes there would be.
pub fn parse(html: &str) -> u32 {
    let sink = Nothing { made: Cell::new(0) };
    parse_document(sink, ParseOpts::default()).one(html)
}

struct Nothing {
    made: Cell<u32>,
}

#[derive(Clone)]
struct Handle {
    id: u32,
    name: QualName,
}

impl Nothing {
    fn make(&self, name: QualName) -> Handle {
        self.made.set(self.made.get() + 1);
        Handle {
            id: self.made.get(),
            name,
        }
    }
}

fn no_name() -> QualName {
    QualName::new(None, ns!(), local_name!(""))
}

impl TreeSink for Nothing {
    type Handle = Handle;
    type Output = u32;
    type ElemName<'a> = &'a QualName;

    fn finish(self) -> u32 {
        self.made.get()
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Handle {
        Handle {
            id: 0,
            name: no_name(),
        }
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> &'a QualName {
        &target.name
    }

    fn create_element(&self, name: QualName, _: Vec<Attribute>, _: ElementFlags) -> Handle {
        self.make(name)
    }

    fn create_comment(&self, _: StrTendril) -> Handle {
        self.make(no_name())
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Handle {
        self.make(no_name())
    }

    fn append(&self, _: &Handle, _: NodeOrText<Handle>) {}

    fn append_before_sibling(&self, _: &Handle, _: NodeOrText<Handle>) {}

    fn append_based_on_parent_node(&self, _: &Handle, _: &Handle, _: NodeOrText<Handle>) {}

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &Handle) -> Handle {
        target.clone()
    }

    fn same_node(&self, x: &Handle, y: &Handle) -> bool {
        x.id == y.id
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn add_attrs_if_missing(&self, _: &Handle, _: Vec<Attribute>) {}

    fn remove_from_parent(&self, _: &Handle) {}

    fn reparent_children(&self, _: &Handle, _: &Handle) {}
}
