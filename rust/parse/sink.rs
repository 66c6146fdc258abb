//! What html5ever builds into.
//!
//! Whatever makes or places a node looks at the budget first. Once a limit is passed
//! the sink makes nothing any more, and the reader stops after the token it is at.
//!
//! A tree is not larger than its text warrants: a node, an attribute and 16 bytes of
//! a value each take at least a byte to write. Only formatting elements break that,
//! which the standard has opened again in each paragraph until they end; so nodes,
//! attributes and values are counted, and their sum is held against the text's length.

use crate::names::NameId;
use crate::node::{Kind, NodeId};
use crate::page::ATTRIBUTES_MAX;
use crate::parse::tag::SEEN_MAX;
use crate::parse::{Budget, Excess, ParseErrorKind, selected};
use crate::tree::{EditError, ROOT, Tree};
use html5ever::interface::{ElemName, ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, LocalName, Namespace, QualName, ns};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};

/// What a text of no bytes may grow to: html, head, body and more than enough.
const GROWTH_BASE: usize = 1024;
/// How many bytes of a value count as much as a node.
const VALUE_BYTES: usize = 16;
/// A text that grows beyond this is gathered outside of its page.
const GATHERED_BYTES: usize = 128;

static HTML: Namespace = ns!(html);
static SVG: Namespace = ns!(svg);
static MATHML: Namespace = ns!(mathml);
static NONE: Namespace = ns!();

/// A node, and what html5ever asks of it.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    id: NodeId,
    kind: Kind,
    tag: LocalName,
}

impl Handle {
    pub(super) fn id(&self) -> NodeId {
        self.id
    }

    /// A node that has no name.
    fn nameless(id: NodeId, kind: Kind) -> Handle {
        let tag = LocalName::default();
        Handle { id, kind, tag }
    }
}

impl ElemName for &Handle {
    fn ns(&self) -> &Namespace {
        match self.kind {
            Kind::Html => &HTML,
            Kind::Svg => &SVG,
            Kind::MathMl => &MATHML,
            _ => &NONE,
        }
    }

    fn local_name(&self) -> &LocalName {
        &self.tag
    }
}

#[cfg(test)]
thread_local! {
    /// How often html5ever asked for something, and how many bytes were copied for it.
    pub(super) static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Counts work, for tests that ask how it grows.
fn count(_steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + _steps);
}

pub(super) struct Sink {
    // Only one method runs at a time, and none calls another while it borrows.
    building: RefCell<Building>,
    exceeded: Cell<Option<Excess>>,
}

struct Building {
    tree: Tree,
    /// How deep each node lies at most, by its id; 0 for what is not in the tree yet.
    depths: Vec<u32>,
    /// The numbers of names that came before.
    names: FxHashMap<LocalName, NameId>,
    /// Long texts that came in pieces and may get more of them.
    gathered: FxHashMap<NodeId, String>,
    selected_contents: Vec<NodeId>,
    /// What was taken out: if it came back nowhere, as a body before a frameset, it goes.
    removed: Vec<NodeId>,
    budget: Budget,
    /// Nodes, attributes and parts of values so far, and how many there may be.
    grown: usize,
    grown_max: usize,
}

impl Sink {
    pub(super) fn new(html_bytes: usize, budget: &Budget) -> Sink {
        Sink {
            building: RefCell::new(Building {
                tree: Tree::building(),
                depths: Vec::new(),
                names: FxHashMap::default(),
                gathered: FxHashMap::default(),
                selected_contents: Vec::new(),
                removed: Vec::new(),
                budget: Budget {
                    attributes: budget.attributes.min(ATTRIBUTES_MAX),
                    ..*budget
                },
                grown: 0,
                grown_max: html_bytes + GROWTH_BASE,
            }),
            exceeded: Cell::new(None),
        }
    }

    /// Returns the limit that was passed first, if any was.
    pub(super) fn exceeded(&self) -> Option<Excess> {
        self.exceeded.get()
    }

    fn is_over(&self) -> bool {
        self.exceeded.get().is_some()
    }

    /// Does *work* unless a limit was passed; notes if it passes one.
    fn within<T>(&self, work: impl FnOnce(&mut Building) -> Result<T, Excess>) -> Option<T> {
        count(1);
        if self.is_over() {
            return None;
        }
        match work(&mut self.building.borrow_mut()) {
            Ok(done) => Some(done),
            Err(excess) => {
                self.exceeded.set(Some(excess));
                None
            }
        }
    }

    fn make_data(&self, kind: Kind, data: &str) -> Handle {
        let made = self.within(|building| building.make_data(kind, data));
        Handle::nameless(made.unwrap_or(NodeId::NONE), kind)
    }
}

impl Building {
    /// Counts one more node with so many attributes and bytes of their values.
    fn grow(&mut self, attributes: usize, value_bytes: usize) -> Result<(), Excess> {
        if self.tree.len() > self.budget.nodes {
            return Err((ParseErrorKind::Nodes, self.budget.nodes));
        }
        self.grown += 1 + attributes + value_bytes / VALUE_BYTES;
        if self.grown > self.grown_max {
            return Err((ParseErrorKind::Growth, self.grown_max));
        }
        Ok(())
    }

    fn excess(&self, error: EditError) -> Excess {
        match error {
            EditError::TooManyAttributes => (ParseErrorKind::Attributes, ATTRIBUTES_MAX),
            EditError::TooManyNames => (ParseErrorKind::Names, usize::from(u16::MAX)),
            EditError::TooManyNodes => (ParseErrorKind::Nodes, crate::tree::NODES_MAX as usize),
            EditError::Cycle
            | EditError::NotAChild
            | EditError::NoChildren
            | EditError::OnlyText => {
                unreachable!("html5ever builds trees: {error}")
            }
        }
    }

    fn make_data(&mut self, kind: Kind, data: &str) -> Result<NodeId, Excess> {
        self.grow(0, 0)?;
        let made = self.tree.create_data(kind, data);
        made.map_err(|error| self.excess(error))
    }

    fn make_element(
        &mut self,
        kind: Kind,
        tag: &LocalName,
        attributes: &[Attribute],
    ) -> Result<NodeId, Excess> {
        count(attributes.len());
        let value_bytes: usize = attributes
            .iter()
            .map(|attribute| attribute.value.len())
            .sum();
        self.grow(attributes.len(), value_bytes)?;
        let tag = self.name(tag)?;
        let mut names = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            names.push(self.attribute_name(&attribute.name)?);
        }
        let values = attributes.iter().map(|attribute| &*attribute.value);
        let all = names.into_iter().zip(values);
        let made = self.tree.build_element(kind, tag, all);
        made.map_err(|error| self.excess(error))
    }

    /// Returns the number of *name*.
    fn name(&mut self, name: &LocalName) -> Result<NameId, Excess> {
        if let Some(&known) = self.names.get(name) {
            return Ok(known);
        }
        let id = self.intern(name)?;
        if self.names.len() < SEEN_MAX && !name.is_dynamic() {
            self.names.insert(name.clone(), id);
        }
        Ok(id)
    }

    fn intern(&mut self, name: &str) -> Result<NameId, Excess> {
        let interned = self.tree.intern(name);
        interned.map_err(|error| self.excess(error))
    }

    /// Attributes like `xlink:href` are adjusted by the tree builder to have a
    /// namespace; the tree knows them by the name they are written with.
    fn attribute_name(&mut self, name: &QualName) -> Result<NameId, Excess> {
        match &name.prefix {
            Some(prefix) if !prefix.is_empty() => self.intern(&format!("{prefix}:{}", name.local)),
            _ => self.name(&name.local),
        }
    }

    fn insert(
        &mut self,
        parent: NodeId,
        before: Option<NodeId>,
        child: NodeOrText<Handle>,
    ) -> Result<(), Excess> {
        match child {
            NodeOrText::AppendNode(child) => {
                if child.kind.is_element() {
                    self.deepen(parent, child.id)?;
                }
                self.insert_node(parent, before, child.id)
            }
            NodeOrText::AppendText(text) => self.insert_text(parent, before, &text),
        }
    }

    fn insert_node(
        &mut self,
        parent: NodeId,
        before: Option<NodeId>,
        child: NodeId,
    ) -> Result<(), Excess> {
        if before.is_none() && self.tree.node(child).parent.is_none() {
            self.tree.append_new(parent, child);
            return Ok(());
        }
        let inserted = self.tree.insert(parent, before, child);
        inserted.map_err(|error| self.excess(error))
    }

    /// Inserts a text, or adds it to the one that stands there already.
    fn insert_text(
        &mut self,
        parent: NodeId,
        before: Option<NodeId>,
        text: &str,
    ) -> Result<(), Excess> {
        let beside = match before {
            Some(before) => self.tree.node(before).previous,
            None => self.tree.node(parent).last,
        };
        if !beside.is_none() && self.tree.kind(beside) == Kind::Text {
            self.append_text(beside, text);
            return Ok(());
        }
        let child = self.make_data(Kind::Text, text)?;
        match before {
            None => self.tree.append_new(parent, child),
            Some(_) => {
                let inserted = self.tree.insert(parent, before, child);
                inserted.map_err(|error| self.excess(error))?;
            }
        }
        Ok(())
    }

    /// Adds to a text in time that does not depend on how long it is already.
    fn append_text(&mut self, id: NodeId, more: &str) {
        count(more.len());
        if let Some(gathered) = self.gathered.get_mut(&id) {
            gathered.push_str(more);
            return;
        }
        let so_far = self.tree.data(id);
        count(so_far.len());
        if so_far.len() + more.len() < GATHERED_BYTES {
            self.tree.append_data(id, more);
        } else {
            let gathered = [so_far, more].concat();
            self.gathered.insert(id, gathered);
        }
    }

    /// Notes how deep *child* lies when it comes into the tree.
    ///
    /// What is moved later only comes nearer to the root, so it keeps its depth. What
    /// is put into an element that is not in the tree yet, a copy that the adoption
    /// agency makes and places last, gets its depth together with that.
    fn deepen(&mut self, parent: NodeId, child: NodeId) -> Result<(), Excess> {
        let ids = parent.0.max(child.0) as usize;
        if self.depths.len() <= ids {
            self.depths.resize(ids * 2, 0);
        }
        let mut depth = self.depths[parent.0 as usize];
        if depth == 0 && parent != ROOT {
            return Ok(());
        }
        let mut at = child;
        while self.depths[at.0 as usize] == 0 {
            depth += 1;
            self.depths[at.0 as usize] = depth;
            match self.tree.node(at).first.some() {
                Some(first) if self.tree.kind(first).is_element() => at = first,
                _ => break,
            }
        }
        if depth as usize > self.budget.depth {
            return Err((ParseErrorKind::Depth, self.budget.depth));
        }
        Ok(())
    }

    fn add_attribute(&mut self, target: NodeId, attribute: &Attribute) -> Result<(), Excess> {
        let name = self.attribute_name(&attribute.name)?;
        if self.tree.attribute_by_id(target, name).is_some() {
            return Ok(());
        }
        if self.tree.attributes(target).count() >= self.budget.attributes {
            return Err((ParseErrorKind::Attributes, self.budget.attributes));
        }
        let added = self.tree.add_attribute(target, name, &attribute.value);
        added.map_err(|error| self.excess(error))
    }

    fn reparent_children(&mut self, from: NodeId, to: NodeId) -> Result<(), Excess> {
        while let Some(first) = self.tree.node(from).first.some() {
            self.tree.detach(first);
            self.insert_node(to, None, first)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Tree, Excess> {
        for (id, text) in std::mem::take(&mut self.gathered) {
            self.tree.set_data(id, &text);
        }
        self.tree.finish();
        let shown = selected::show(&mut self.tree, &self.selected_contents);
        let deepest = shown.map_err(|error| self.excess(error))?;
        if deepest > self.budget.depth {
            return Err((ParseErrorKind::Depth, self.budget.depth));
        }
        for id in std::mem::take(&mut self.removed) {
            if self.tree.get(id).is_some_and(|node| node.parent.is_none()) {
                self.tree.remove(id);
            }
        }
        if self.tree.len() > self.budget.nodes.saturating_add(1) {
            return Err((ParseErrorKind::Nodes, self.budget.nodes));
        }
        Ok(self.tree)
    }
}

/// Names that begin with a dot are the tree's own, for what users do to fields.
fn is_attribute(attribute: &Attribute) -> bool {
    !attribute.name.local.starts_with('.')
}

impl TreeSink for Sink {
    type Handle = Handle;
    type Output = Result<Tree, Excess>;
    type ElemName<'a> = &'a Handle;

    fn finish(self) -> Result<Tree, Excess> {
        self.building.into_inner().finish()
    }

    fn parse_error(&self, _: Cow<'static, str>) {
        // HTML defines what every text means; there is nothing to refuse.
    }

    fn get_document(&self) -> Handle {
        Handle::nameless(ROOT, Kind::Root)
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn same_node(&self, x: &Handle, y: &Handle) -> bool {
        count(1);
        x.id == y.id
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> &'a Handle {
        count(1);
        target
    }

    /// A template's content are simply its children: it holds nothing else.
    fn get_template_contents(&self, target: &Handle) -> Handle {
        target.clone()
    }

    fn is_mathml_annotation_xml_integration_point(&self, target: &Handle) -> bool {
        if self.is_over() || target.kind != Kind::MathMl || &*target.tag != "annotation-xml" {
            return false;
        }
        let building = self.building.borrow();
        let encoding = building.tree.attribute(target.id, "encoding").unwrap_or("");
        encoding.eq_ignore_ascii_case("text/html")
            || encoding.eq_ignore_ascii_case("application/xhtml+xml")
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
        let tag = name.local;
        let made = self.within(|building| {
            let id = building.make_element(kind, &tag, &attributes)?;
            if kind == Kind::Html && &*tag == "selectedcontent" {
                building.selected_contents.push(id);
            }
            Ok(id)
        });
        let id = made.unwrap_or(NodeId::NONE);
        Handle { id, kind, tag }
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        self.make_data(Kind::Comment, &text)
    }

    /// HTML has no processing instructions; the reader makes comments of them.
    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.make_data(Kind::Comment, &format!("?{target} {data}"))
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.within(|building| building.insert(parent.id, None, child));
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.within(|building| {
            let parent = building.tree.node(sibling.id).parent;
            building.insert(parent, Some(sibling.id), child)
        });
    }

    fn append_based_on_parent_node(
        &self,
        element: &Handle,
        previous: &Handle,
        child: NodeOrText<Handle>,
    ) {
        self.within(|building| {
            let parent = building.tree.node(element.id).parent;
            match parent.some() {
                Some(parent) => building.insert(parent, Some(element.id), child),
                None => building.insert(previous.id, None, child),
            }
        });
    }

    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        let data = format!("{name}\0{public}\0{system}");
        self.within(|building| {
            let id = building.make_data(Kind::Doctype, &data)?;
            building.insert_node(ROOT, None, id)
        });
    }

    fn add_attrs_if_missing(&self, target: &Handle, attributes: Vec<Attribute>) {
        self.within(|building| {
            let mut attributes = attributes
                .iter()
                .filter(|attribute| is_attribute(attribute));
            attributes.try_for_each(|attribute| building.add_attribute(target.id, attribute))
        });
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.within(|building| {
            building.tree.detach(target.id);
            building.removed.push(target.id);
            Ok(())
        });
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        self.within(|building| building.reparent_children(node.id, new_parent.id));
    }
}

/// Splits a doctype's string into name, public and system identifier.
pub fn doctype_parts(data: &str) -> (&str, &str, &str) {
    let mut parts = data.split('\0');
    let mut part = || parts.next().unwrap_or("");
    (part(), part(), part())
}
