//! Reads HTML into a tree, as the HTML standard says, by html5ever.
//!
//! A budget is checked where nodes are made, inside the tree sink, so that a small
//! text that would become a huge tree is refused while the tree is still small:
//! once a limit is passed the sink makes nothing any more, and no further piece of
//! the text is fed.

use crate::names::NameId;
use crate::node::{ATTRIBUTES_MAX, Kind, NodeId};
use crate::tree::{EditError, ROOT, Tree};
use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, LocalName, ParseOpts, Parser, QualName, local_name, ns};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

/// How much is fed at once, in bytes; what a budget may be overrun by.
const PIECE_BYTES: u32 = 4096;

/// What a text may become at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Nodes, at most; besides, never more than the text has bytes, plus 1,024.
    pub nodes: usize,
    /// Elements inside each other.
    pub depth: usize,
    /// Attributes of one element.
    pub attributes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            nodes: 4_000_000,
            depth: 512,
            attributes: ATTRIBUTES_MAX,
        }
    }
}

/// Which part of a budget a text would not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    Nodes,
    Depth,
    Attributes,
    Names,
}

/// A text that is refused: what it has too much of, the limit, and near which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub kind: ParseErrorKind,
    pub limit: usize,
    pub offset: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ParseError {
            kind,
            limit,
            offset,
        } = self;
        match kind {
            ParseErrorKind::Nodes => write!(f, "more than {limit} nodes")?,
            ParseErrorKind::Depth => write!(f, "elements more than {limit} deep in each other")?,
            ParseErrorKind::Attributes => write!(f, "more than {limit} attributes on one element")?,
            ParseErrorKind::Names => write!(f, "more than {limit} different names")?,
        }
        write!(f, ", near byte {offset} of the HTML")
    }
}

impl std::error::Error for ParseError {}

/// Parses a whole document; missing html, head and body come into being.
pub fn parse_document(html: &str, budget: &Budget) -> Result<Tree, ParseError> {
    let sink = Sink::new(html, budget);
    feed(html5ever::parse_document(sink, ParseOpts::default()), html)
}

/// Parses what could be the inner HTML of an element; its nodes are the root's children.
///
/// `kind` and `tag` say which element, since HTML reads differently inside of, say,
/// a table.
pub fn parse_fragment(
    html: &str,
    kind: Kind,
    tag: &str,
    budget: &Budget,
) -> Result<Tree, ParseError> {
    let namespace = match kind {
        Kind::Svg => ns!(svg),
        Kind::MathMl => ns!(mathml),
        _ => ns!(html),
    };
    let context = QualName::new(None, namespace, LocalName::from(tag));
    let sink = Sink::new(html, budget);
    let parser = html5ever::parse_fragment(sink, ParseOpts::default(), context, Vec::new(), true);
    let mut tree = feed(parser, html)?;
    unwrap_fragment(&mut tree);
    Ok(tree)
}

/// The fragment algorithm builds below an html element of its own, and html5ever
/// leaves the context element beside it: keep only what is inside the first.
fn unwrap_fragment(tree: &mut Tree) {
    let html = tree.node(ROOT).last;
    while let Some(child) = tree.node(html).first.some() {
        tree.insert(ROOT, Some(html), child)
            .expect("children of one node fit another");
    }
    tree.remove(html);
}

fn feed(mut parser: Parser<Sink>, html: &str) -> Result<Tree, ParseError> {
    let mut rest = StrTendril::from_slice(html);
    let mut fed = 0;
    while !rest.is_empty() {
        let mut len = rest.len32().min(PIECE_BYTES);
        while !rest.is_char_boundary(len as usize) {
            len -= 1;
        }
        parser.process(rest.subtendril(0, len));
        rest.pop_front(len);
        fed += len as usize;
        if let Some((kind, limit)) = parser.tokenizer.sink.sink.exceeded.get() {
            return Err(ParseError {
                kind,
                limit,
                offset: fed,
            });
        }
    }
    let sink = parser.finish();
    match sink.exceeded.get() {
        Some((kind, limit)) => Err(ParseError {
            kind,
            limit,
            offset: fed,
        }),
        None => {
            let mut tree = sink.tree.into_inner();
            tree.finish();
            Ok(tree)
        }
    }
}

/// What html5ever builds into. It hands nodes back as handles with their names.
struct Sink {
    tree: RefCell<Tree>,
    /// How deep each element lies, by node id.
    depths: RefCell<Vec<u32>>,
    budget: Budget,
    exceeded: Cell<Option<(ParseErrorKind, usize)>>,
}

#[derive(Clone, Debug)]
struct Handle {
    id: NodeId,
    name: QualName,
}

impl Sink {
    fn new(html: &str, budget: &Budget) -> Sink {
        let nodes = budget.nodes.min(html.len() + 1024);
        Sink {
            tree: RefCell::new(Tree::building()),
            depths: RefCell::default(),
            budget: Budget { nodes, ..*budget },
            exceeded: Cell::new(None),
        }
    }

    fn exceed(&self, kind: ParseErrorKind, limit: usize) {
        if self.exceeded.get().is_none() {
            self.exceeded.set(Some((kind, limit)));
        }
    }

    fn is_over(&self) -> bool {
        self.exceeded.get().is_some()
    }

    /// Runs *make* if the budget allows another node.
    fn make(&self, make: impl FnOnce(&mut Tree) -> Result<NodeId, EditError>) -> NodeId {
        let mut tree = self.tree.borrow_mut();
        if tree.len() > self.budget.nodes {
            self.exceed(ParseErrorKind::Nodes, self.budget.nodes);
        }
        if self.is_over() {
            return NodeId::NONE;
        }
        match make(&mut tree) {
            Ok(id) => id,
            Err(EditError::TooManyAttributes) => {
                self.exceed(ParseErrorKind::Attributes, ATTRIBUTES_MAX);
                NodeId::NONE
            }
            Err(_) => {
                self.exceed(ParseErrorKind::Names, usize::from(u16::MAX));
                NodeId::NONE
            }
        }
    }

    fn insert(&self, parent: NodeId, before: Option<NodeId>, child: NodeOrText<Handle>) {
        if self.is_over() {
            return;
        }
        match child {
            NodeOrText::AppendNode(child) => self.insert_node(parent, before, child.id),
            NodeOrText::AppendText(text) => self.insert_text(parent, before, &text),
        }
    }

    fn insert_node(&self, parent: NodeId, before: Option<NodeId>, child: NodeId) {
        self.deepen(parent, child);
        let mut tree = self.tree.borrow_mut();
        tree.insert(parent, before, child)
            .expect("html5ever builds trees");
    }

    fn insert_text(&self, parent: NodeId, before: Option<NodeId>, text: &str) {
        let beside = {
            let tree = self.tree.borrow();
            match before {
                Some(before) => tree.node(before).previous,
                None => tree.node(parent).last,
            }
        };
        if !beside.is_none() && self.tree.borrow().kind(beside) == Kind::Text {
            self.tree.borrow_mut().append_data(beside, text);
            return;
        }
        let child = self.make(|tree| tree.create_text(text));
        if !child.is_none() {
            let mut tree = self.tree.borrow_mut();
            tree.insert(parent, before, child)
                .expect("html5ever builds trees");
        }
    }

    fn deepen(&self, parent: NodeId, child: NodeId) {
        let mut depths = self.depths.borrow_mut();
        let at = |id: NodeId| id.0 as usize;
        if depths.len() <= at(child).max(at(parent)) {
            depths.resize(at(child).max(at(parent)) * 2, 0);
        }
        let depth = depths[at(parent)] + 1;
        depths[at(child)] = depth;
        if depth as usize > self.budget.depth {
            self.exceed(ParseErrorKind::Depth, self.budget.depth);
        }
    }

    fn names(&self, tree: &mut Tree, attributes: &[Attribute]) -> Result<Vec<NameId>, EditError> {
        if attributes.len() > self.budget.attributes {
            self.exceed(ParseErrorKind::Attributes, self.budget.attributes);
            return Err(EditError::TooManyAttributes);
        }
        attributes
            .iter()
            .map(|attribute| intern_attribute(tree, &attribute.name))
            .collect()
    }
}

/// Names that begin with a dot are the tree's own, for what users do to fields.
fn is_attribute(attribute: &Attribute) -> bool {
    !attribute.name.local.starts_with('.')
}

/// Attributes like `xlink:href` are adjusted by the parser to have a namespace;
/// the tree knows them by the name they are written with.
fn intern_attribute(tree: &mut Tree, name: &QualName) -> Result<NameId, EditError> {
    match &name.prefix {
        Some(prefix) if !prefix.is_empty() => tree.intern(&format!("{prefix}:{}", name.local)),
        _ => tree.intern(&name.local),
    }
}

impl TreeSink for Sink {
    type Handle = Handle;
    type Output = Self;
    type ElemName<'a> = &'a QualName;

    fn finish(self) -> Self {
        self
    }

    fn parse_error(&self, _: Cow<'static, str>) {
        // HTML defines what every text means; there is nothing to refuse.
    }

    fn get_document(&self) -> Handle {
        Handle {
            id: ROOT,
            name: QualName::new(None, ns!(), local_name!("")),
        }
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn same_node(&self, x: &Handle, y: &Handle) -> bool {
        x.id == y.id
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> &'a QualName {
        &target.name
    }

    /// A template's content are simply its children: it holds nothing else.
    fn get_template_contents(&self, target: &Handle) -> Handle {
        target.clone()
    }

    fn is_mathml_annotation_xml_integration_point(&self, target: &Handle) -> bool {
        if self.is_over() {
            return false;
        }
        let tree = self.tree.borrow();
        let encoding = tree.attribute(target.id, "encoding").unwrap_or("");
        tree.kind(target.id) == Kind::MathMl
            && tree.tag(target.id) == "annotation-xml"
            && (encoding.eq_ignore_ascii_case("text/html")
                || encoding.eq_ignore_ascii_case("application/xhtml+xml"))
    }

    fn create_element(
        &self,
        name: QualName,
        mut attributes: Vec<Attribute>,
        _: ElementFlags,
    ) -> Handle {
        attributes.retain(is_attribute);
        let kind = match name.ns {
            ns!(svg) => Kind::Svg,
            ns!(mathml) => Kind::MathMl,
            _ => Kind::Html,
        };
        let id = self.make(|tree| {
            let names = self.names(tree, &attributes)?;
            let id = tree.create_element(kind, &name.local)?;
            let values = attributes.iter().map(|attribute| &*attribute.value);
            tree.put_attributes(id, names.into_iter().zip(values))?;
            Ok(id)
        });
        Handle { id, name }
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        let id = self.make(|tree| tree.create_data(Kind::Comment, &text));
        Handle {
            id,
            ..self.get_document()
        }
    }

    /// HTML has no processing instructions; the tokenizer makes comments of them.
    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.create_comment(StrTendril::from(format!("?{target} {data}")))
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.insert(parent.id, None, child);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        if !self.is_over() {
            let parent = self.tree.borrow().node(sibling.id).parent;
            self.insert(parent, Some(sibling.id), child);
        }
    }

    fn append_based_on_parent_node(
        &self,
        element: &Handle,
        previous: &Handle,
        child: NodeOrText<Handle>,
    ) {
        if self.is_over() {
            return;
        }
        if self.tree.borrow().node(element.id).parent.is_none() {
            self.append(previous, child);
        } else {
            self.append_before_sibling(element, child);
        }
    }

    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        let id = self
            .make(|tree| tree.create_data(Kind::Doctype, &format!("{name}\0{public}\0{system}")));
        if !self.is_over() {
            self.insert_node(ROOT, None, id);
        }
    }

    fn add_attrs_if_missing(&self, target: &Handle, attributes: Vec<Attribute>) {
        if self.is_over() {
            return;
        }
        let mut tree = self.tree.borrow_mut();
        for attribute in attributes.into_iter().filter(is_attribute) {
            let set = intern_attribute(&mut tree, &attribute.name).and_then(|name| {
                match tree.attribute_by_id(target.id, name) {
                    Some(_) => Ok(()),
                    None => tree.set_attribute(target.id, &attribute.name.local, &attribute.value),
                }
            });
            if set.is_err() {
                self.exceed(ParseErrorKind::Attributes, ATTRIBUTES_MAX);
            }
        }
    }

    fn remove_from_parent(&self, target: &Handle) {
        if !self.is_over() {
            self.tree.borrow_mut().detach(target.id);
        }
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        while !self.is_over() {
            let first = self.tree.borrow().node(node.id).first;
            if first.is_none() {
                break;
            }
            self.insert_node(new_parent.id, None, first);
        }
    }
}

/// Splits a doctype's string into name, public and system identifier.
pub fn doctype_parts(data: &str) -> (&str, &str, &str) {
    let mut parts = data.split('\0');
    let mut part = || parts.next().unwrap_or("");
    (part(), part(), part())
}
