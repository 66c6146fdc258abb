//! The element tree: a value with cheap versions.
//!
//! Cloning a tree takes a version of it and costs a few reference counts; writing
//! to either side then copies only the pages written to. Every change of a tree goes
//! through the files of this module, which keep three things true: links of
//! siblings and parents agree, no node is its own ancestor, and the indexes know
//! every uuid and id. All walks are loops; nothing here recurses. A page without nodes
//! is given up, as is a name that no node has, so a tree costs what it holds and not
//! what it ever held.

mod build;
mod calls;
mod content;
mod events;
mod identity;
mod room;
mod shape;
mod shown;

pub use calls::{CALLS_MAX, Call, Calls};
pub use shown::Shown;

use crate::hashed::Hashed;
use crate::index::Index;
use crate::names::{NameId, Names, NamesFull, known_names as n};
use crate::node::{Kind, Node, NodeId};
use crate::page::{PAGE_NODES, Page, TooManyAttributes};
use crate::pages::Pages;
use crate::tree::room::Room;
use crate::uuid;
use std::fmt;
use std::sync::Arc;

/// The node above all others; it has no name, no attributes and no parent.
pub const ROOT: NodeId = NodeId(1);
/// How many nodes a tree may have.
pub const NODES_MAX: u32 = 1 << 28;

/// What a tree cannot be made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditError {
    /// A node would become its own ancestor.
    Cycle,
    /// `before` is not a child of the parent.
    NotAChild,
    /// Texts, comments, doctypes and void elements have no children.
    NoChildren,
    /// Between the tags of some elements a parser reads text only.
    OnlyText,
    TooManyNodes,
    TooManyAttributes,
    TooManyNames,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EditError::Cycle => "an element cannot go into itself or into its own descendant",
            EditError::NotAChild => "the node to insert before is not a child of this parent",
            EditError::NoChildren => {
                "texts, comments and void elements such as br and input have no children"
            }
            EditError::OnlyText => {
                "a parser would read elements in here as text; put a string in, or the element \
                 elsewhere"
            }
            EditError::TooManyNodes => "a tree has at most 268,435,456 nodes",
            EditError::TooManyAttributes => "an element has at most 256 attributes",
            EditError::TooManyNames => "a tree has at most 65,535 different names",
        })
    }
}

impl std::error::Error for EditError {}

impl From<NamesFull> for EditError {
    fn from(_: NamesFull) -> Self {
        EditError::TooManyNames
    }
}

impl From<TooManyAttributes> for EditError {
    fn from(_: TooManyAttributes) -> Self {
        EditError::TooManyAttributes
    }
}

/// What is found by name, uuid or id; one reference for a version to count.
#[derive(Clone, Debug, Default)]
struct Lookup {
    names: Names,
    by_stamp: Index,
    /// Uuids that are not ours: found in HTML, or of another process.
    by_given: Hashed,
    /// Elements by their attribute `id`.
    ids: Hashed,
    calls: Calls,
    room: Room,
    /// The same for all versions of one tree: their slots mean the same nodes.
    history: Arc<()>,
}

/// A tree of elements, texts and comments below one root.
#[derive(Clone)]
pub struct Tree {
    pages: Pages,
    lookup: Arc<Lookup>,
    /// The page that the next node comes to, if it has room.
    open: u32,
    len: u32,
    /// How many elements are hidden themselves.
    hidden: u32,
    /// How often a child was put in or taken out.
    links: u64,
    /// Says whether every element has a uuid, and new ones get theirs at once.
    stamped: bool,
    /// Given out since the last write.
    version: Option<Version>,
}

/// Equal for two trees, or one at two times, only if nothing was written in between.
#[derive(Clone, Debug)]
pub struct Version(Arc<()>);

impl PartialEq for Version {
    fn eq(&self, other: &Version) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a tree of {} nodes", self.len)
    }
}

impl Default for Tree {
    fn default() -> Self {
        let mut tree = Tree {
            pages: Pages::default(),
            lookup: Arc::default(),
            open: 0,
            len: 1,
            hidden: 0,
            links: 0,
            stamped: false,
            version: None,
        };
        tree.page_mut(ROOT).reserve(slot(NodeId::NONE));
        tree.page_mut(ROOT).put_root(slot(ROOT));
        tree
    }
}
/// Reading.
impl Tree {
    pub fn node(&self, id: NodeId) -> &Node {
        self.page(id).node(slot(id))
    }

    /// Returns the node at *id* unless that slot is free or was never used.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        let page = self.pages.get_if_any(page_of(id))?;
        Some(page.node(slot(id))).filter(|node| node.kind != Kind::Free)
    }

    pub fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind
    }

    /// Returns the tag of an element.
    pub fn tag(&self, id: NodeId) -> &str {
        self.lookup.names.get(self.node(id).name)
    }

    pub fn names(&self) -> &Names {
        &self.lookup.names
    }

    /// Returns how many nodes there are, the root included.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len == 1
    }

    /// Returns a number that another one follows whenever a child is put in or taken out.
    pub fn links(&self) -> u64 {
        self.links
    }

    /// Returns the string of a text, a comment or a doctype.
    pub fn data(&self, id: NodeId) -> &str {
        debug_assert!(self.kind(id).is_data());
        self.page(id).data(slot(id))
    }

    pub fn attributes(&self, id: NodeId) -> impl Iterator<Item = (NameId, &str)> {
        debug_assert!(self.kind(id).is_element());
        self.page(id).attributes(slot(id))
    }

    pub fn attribute(&self, id: NodeId, name: &str) -> Option<&str> {
        self.attribute_by_id(id, self.lookup.names.find(name)?)
    }

    pub fn attribute_by_id(&self, id: NodeId, name: NameId) -> Option<&str> {
        debug_assert!(self.kind(id).is_element());
        self.page(id).attribute(slot(id), name)
    }

    pub fn children(&self, parent: NodeId) -> impl Iterator<Item = NodeId> {
        let first = self.node(parent).first.some();
        std::iter::successors(first, |&id| self.node(id).next.some())
    }

    /// Returns the first element of *from* and the siblings after it.
    pub fn first_element(&self, from: NodeId) -> Option<NodeId> {
        let all = std::iter::successors(from.some(), |&id| self.node(id).next.some());
        all.into_iter().find(|&id| self.kind(id).is_element())
    }

    pub fn child_elements(&self, parent: NodeId) -> Vec<NodeId> {
        self.children(parent)
            .filter(|&id| self.kind(id).is_element())
            .collect()
    }

    /// Walks *top* and all below it, parents first.
    pub fn preorder(&self, top: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(top), move |&id| self.after_in_preorder(id, top))
    }

    /// Returns the node after *id* when walking *top*, parents first.
    pub fn after_in_preorder(&self, id: NodeId, top: NodeId) -> Option<NodeId> {
        let first = self.node(id).first;
        if !first.is_none() {
            Some(first)
        } else {
            self.after_subtree(id, top)
        }
    }

    /// Like `after_in_preorder`, skipping what is below *id*.
    pub fn after_subtree(&self, mut id: NodeId, top: NodeId) -> Option<NodeId> {
        while id != top {
            let node = self.node(id);
            if !node.next.is_none() {
                return Some(node.next);
            }
            id = node.parent;
        }
        None
    }

    /// Says whether a node is the root or an element that is not void.
    pub fn may_have_children(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.kind == Kind::Root || node.kind.is_element() && !is_void(node.kind, node.name)
    }

    pub fn is_ancestor_or_self(&self, above: NodeId, id: NodeId) -> bool {
        let mut at = id;
        while at != above {
            at = self.node(at).parent;
            if at.is_none() {
                return false;
            }
        }
        true
    }

    /// Returns the element's stamp, 0 if its uuid is not one of ours or it has none yet.
    pub fn stamp(&self, id: NodeId) -> u64 {
        self.node(id).stamp()
    }

    /// Returns the element's uuid, `None` in a tree that was not stamped.
    pub fn uuid(&self, id: NodeId) -> Option<String> {
        match self.stamp(id) {
            0 => self.attribute_by_id(id, n::UUID).map(str::to_owned),
            stamp => {
                let mut uuid = String::new();
                uuid::write(stamp, &mut uuid);
                Some(uuid)
            }
        }
    }

    pub fn by_uuid(&self, uuid: &str) -> Option<NodeId> {
        match uuid::read(uuid) {
            Some(stamp) => self.by_stamp(stamp),
            None => self.by_given(uuid),
        }
    }

    fn by_given(&self, uuid: &str) -> Option<NodeId> {
        let is_it = |&id: &NodeId| self.attribute_by_id(id, n::UUID) == Some(uuid);
        self.lookup
            .by_given
            .candidates(uuid)
            .map(NodeId)
            .find(is_it)
    }

    pub fn by_stamp(&self, stamp: u64) -> Option<NodeId> {
        self.lookup.by_stamp.get(stamp).some()
    }

    /// Returns the elements whose attribute `id` is *id*, in no order, wherever they are.
    pub fn with_id(&self, id: &str) -> impl Iterator<Item = NodeId> {
        let is_it = move |&node: &NodeId| self.attribute_by_id(node, n::ID) == Some(id);
        self.lookup.ids.candidates(id).map(NodeId).filter(is_it)
    }

    /// Returns the first element of the document whose attribute `id` is *id*; a foreign
    /// one only *with_foreign* ones.
    pub fn by_id(&self, id: &str, with_foreign: bool) -> Option<NodeId> {
        let is_meant = |node: NodeId| with_foreign || !self.is_foreign(node);
        let is_placed = |&node: &NodeId| is_meant(node) && self.is_ancestor_or_self(ROOT, node);
        let mut placed = self.with_id(id).filter(is_placed);
        let only = placed.next()?;
        if placed.next().is_none() {
            return Some(only);
        }
        let is_it = |&node: &NodeId| {
            self.kind(node).is_element()
                && is_meant(node)
                && self.attribute_by_id(node, n::ID) == Some(id)
        };
        self.preorder(ROOT).find(is_it)
    }

    /// Returns the element of this tree that has the uuid of *id* in *other*.
    pub fn counterpart(&self, other: &Tree, id: NodeId) -> Option<NodeId> {
        match other.stamp(id) {
            0 => self.by_given(other.attribute_by_id(id, n::UUID)?),
            stamp => self.by_stamp(stamp),
        }
    }

    /// Returns all texts below *top*, joined: without those in foreign elements, unless it
    /// is one itself.
    pub fn text(&self, top: NodeId) -> String {
        let mut out = String::new();
        let with_foreign = self.is_foreign(top);
        let mut at = Some(top);
        while let Some(id) = at {
            let node = self.node(id);
            if node.kind == Kind::Text {
                out.push_str(self.data(id));
            }
            at = match node.is_foreign() && !with_foreign {
                true => self.after_subtree(id, top),
                false => self.after_in_preorder(id, top),
            };
        }
        out
    }

    /// Says whether nothing was written since these two versions parted.
    pub fn same_version(&self, other: &Tree) -> bool {
        self.pages.same(&other.pages) && self.lookup.calls.same(&other.lookup.calls)
    }

    /// Returns a token of what the tree is now; it holds no memory of the tree.
    pub fn version(&mut self) -> Version {
        let version = self.version.get_or_insert_with(|| Version(Arc::new(())));
        version.clone()
    }

    /// Says whether both are versions of one tree, so that a slot that was not
    /// used again holds the same node in both.
    pub fn shares_history(&self, other: &Tree) -> bool {
        Arc::ptr_eq(&self.lookup.history, &other.lookup.history)
    }

    /// Says whether a name has the same number in both.
    pub(crate) fn shares_names(&self, other: &Tree) -> bool {
        Arc::ptr_eq(&self.lookup, &other.lookup)
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Returns how many pages, and bytes of them, no other version shares.
    pub fn own_pages(&self) -> (usize, usize) {
        self.pages.own()
    }

    fn lookup_mut(&mut self) -> &mut Lookup {
        Arc::make_mut(&mut self.lookup)
    }

    fn page(&self, id: NodeId) -> &Page {
        self.pages.get(page_of(id))
    }
}

/// Making nodes.
impl Tree {
    /// Makes an element outside of the tree; *name* is as HTML parsing would give it.
    pub fn create_element(&mut self, kind: Kind, name: &str) -> Result<NodeId, EditError> {
        let name = self.intern(name)?;
        self.create_element_by_id(kind, name)
    }

    pub(crate) fn create_element_by_id(
        &mut self,
        kind: Kind,
        name: NameId,
    ) -> Result<NodeId, EditError> {
        debug_assert!(kind.is_element());
        let id = self.allocate()?;
        self.page_mut(id).put_element(slot(id), kind, name);
        if self.stamped {
            self.set_stamp(id, uuid::take(1));
        }
        Ok(id)
    }

    /// Makes an element that is known elsewhere by this stamp, which must be free here.
    pub(crate) fn create_stamped(
        &mut self,
        kind: Kind,
        name: &str,
        stamp: u64,
    ) -> Result<NodeId, EditError> {
        let name = self.intern(name)?;
        let id = self.allocate()?;
        self.page_mut(id).put_element(slot(id), kind, name);
        self.set_stamp(id, stamp);
        Ok(id)
    }

    /// Makes an element with a uuid that is not one of ours.
    pub(crate) fn create_given(
        &mut self,
        kind: Kind,
        name: &str,
        uuid: &str,
    ) -> Result<NodeId, EditError> {
        let name = self.intern(name)?;
        let id = self.allocate()?;
        self.page_mut(id).put_element(slot(id), kind, name);
        self.page_mut(id).set_attribute(slot(id), n::UUID, uuid)?;
        self.lookup_mut().by_given.add(uuid, id.0);
        Ok(id)
    }

    pub fn create_text(&mut self, text: &str) -> Result<NodeId, EditError> {
        self.create_data(Kind::Text, text)
    }

    /// Makes a text, a comment or a doctype outside of the tree.
    pub fn create_data(&mut self, kind: Kind, data: &str) -> Result<NodeId, EditError> {
        debug_assert!(kind.is_data());
        let id = self.allocate()?;
        self.page_mut(id).put_data(slot(id), kind, data);
        Ok(id)
    }

    fn page_mut(&mut self, id: NodeId) -> &mut Page {
        self.version = None;
        self.pages.get_mut(page_of(id))
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.page_mut(id).node_mut(slot(id))
    }
}

/// Says whether an element never has children and is written without an end tag.
pub fn is_void(kind: Kind, name: NameId) -> bool {
    kind == Kind::Html
        && matches!(
            name,
            n::AREA
                | n::BASE
                | n::BR
                | n::COL
                | n::EMBED
                | n::HR
                | n::IMG
                | n::INPUT
                | n::LINK
                | n::META
                | n::SOURCE
                | n::TRACK
                | n::WBR
                | n::BASEFONT
                | n::BGSOUND
                | n::FRAME
                | n::KEYGEN
                | n::PARAM
        )
}

/// Says whether an element's content is raw text (HTML standard, 13.1.2): nothing in it
/// is escaped, and no tag but its own end is read. Scripts run, so noscript is one.
pub fn holds_raw_text(kind: Kind, name: NameId) -> bool {
    kind == Kind::Html
        && matches!(
            name,
            n::STYLE
                | n::SCRIPT
                | n::XMP
                | n::IFRAME
                | n::NOEMBED
                | n::NOFRAMES
                | n::PLAINTEXT
                | n::NOSCRIPT
        )
}

/// Says whether an element can hold texts alone, raw or escaped.
pub fn holds_only_text(kind: Kind, name: NameId) -> bool {
    holds_raw_text(kind, name) || kind == Kind::Html && matches!(name, n::TEXTAREA | n::TITLE)
}

pub(crate) fn page_of(id: NodeId) -> usize {
    id.0 as usize / PAGE_NODES
}

pub(crate) fn slot(id: NodeId) -> usize {
    id.0 as usize % PAGE_NODES
}
