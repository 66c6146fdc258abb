//! Writes a tree as HTML, escaped for where each string stands.
//!
//! The rules are those of the HTML standard ("serializing HTML fragments"), with
//! three additions: a string that would end its raw text or its comment early is
//! broken up; a property the user owns (`.value`, `.checked`) shows as the
//! attribute that starts it; what a handler's attribute (`_onclick`) names is nobody's
//! business in the browser. So a page for one, with uuids, only tells that there is a
//! handler; HTML for others, which may be made a page again, names it, and is silent
//! of handlers that have no name.

use crate::choice::{Choice, value_of};
use crate::names::known_names as n;
use crate::node::{Kind, Node, NodeId};
use crate::page::Page;
use crate::parse::{doctype_parts, is_raw_text};
use crate::tree::{ROOT, Tree, holds_raw_text, is_void, page_of, slot};
use crate::uuid;

/// What to write beside the tree itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct RenderOptions<'a> {
    /// Write each element's uuid, as the attribute `uuid`.
    pub uuids: bool,
    /// HTML to put at the end of the document's head.
    pub head_end: &'a str,
    /// The nonce that scripts and style sheets of the tree get, if any.
    pub nonce: &'a str,
}

/// Appends *top* and all below it to *out*.
pub fn render(tree: &Tree, top: NodeId, options: RenderOptions<'_>, out: &mut String) {
    let mut renderer = Renderer {
        tree,
        options,
        out,
        choice: None,
        number: page_of(top),
        page: tree.pages().get(page_of(top)),
    };
    let mut at = top;
    loop {
        renderer.open(at);
        let first = renderer.node(at).first;
        if let Some(first) = renderer.shown(first).some() {
            at = first;
            continue;
        }
        // Close this one and every parent that ends with it.
        loop {
            renderer.close(at);
            if at == top {
                return;
            }
            let node = renderer.node(at);
            if let Some(next) = renderer.shown(node.next).some() {
                at = next;
                break;
            }
            at = tree.node(at).parent;
        }
    }
}

/// Appends all below *top*, but not *top* itself.
pub fn render_inner(tree: &Tree, top: NodeId, options: RenderOptions<'_>, out: &mut String) {
    for child in tree.shown_children(top) {
        render(tree, child, options, out);
    }
}

struct Renderer<'a, 'out> {
    tree: &'a Tree,
    options: RenderOptions<'a>,
    out: &'out mut String,
    /// What the select we are inside of should show, if that is not what its options say.
    choice: Option<Choice>,
    /// The page that was looked at last, which nearly always has the next node, too.
    page: &'a Page,
    number: usize,
}

impl<'a> Renderer<'a, '_> {
    fn page(&mut self, id: NodeId) -> &'a Page {
        if page_of(id) != self.number {
            self.number = page_of(id);
            self.page = self.tree.pages().get(self.number);
        }
        self.page
    }

    fn node(&mut self, id: NodeId) -> &'a Node {
        self.page(id).node(slot(id))
    }

    /// Returns *id* or the first sibling after it that is not hidden.
    fn shown(&mut self, mut id: NodeId) -> NodeId {
        while !id.is_none() && self.node(id).is_hidden() {
            id = self.node(id).next;
        }
        id
    }

    fn data(&mut self, id: NodeId) -> &'a str {
        self.page(id).data(slot(id))
    }

    fn open(&mut self, id: NodeId) {
        match self.node(id).kind {
            Kind::Html | Kind::Svg | Kind::MathMl => self.open_element(id),
            Kind::Text => self.text(id),
            Kind::Comment => {
                let data = self.data(id);
                self.comment(data);
            }
            Kind::Doctype => {
                let data = self.data(id);
                self.doctype(data);
            }
            Kind::Root | Kind::Free => {}
        }
    }

    fn close(&mut self, id: NodeId) {
        let node = self.node(id);
        if !node.kind.is_element() || is_void(node.kind, node.name) {
            return;
        }
        if node.kind == Kind::Html && node.name == n::HEAD {
            self.out.push_str(self.options.head_end);
            self.options.head_end = "";
        }
        if node.name == n::SELECT {
            self.choice = None;
        }
        self.out.push_str("</");
        self.out.push_str(self.tree.names().get(node.name));
        self.out.push('>');
    }

    fn open_element(&mut self, id: NodeId) {
        let (page, tree) = (self.page(id), self.tree);
        let node = page.node(slot(id));
        self.out.push('<');
        self.out.push_str(tree.names().get(node.name));
        if self.options.uuids && node.stamp() != 0 {
            self.out.push_str(" uuid=");
            uuid::write(node.stamp(), self.out);
        }
        if !self.options.nonce.is_empty() && matches!(node.name, n::SCRIPT | n::STYLE) {
            self.attribute("nonce", self.options.nonce);
        }
        let (mut value, mut checked) = (None, None);
        for (name, given) in page.attributes(slot(id)) {
            match name {
                n::VALUE_PROPERTY => value = Some(given),
                n::CHECKED_PROPERTY => checked = Some(given),
                _ => {}
            }
        }
        for (name, given) in page.attributes(slot(id)) {
            match tree.names().get(name) {
                written if written.starts_with("_on") => match (self.options.uuids, given) {
                    (true, _) => self.attribute(written, ""),
                    (false, "") => {}
                    (false, method) => self.attribute(written, method),
                },
                written if written.starts_with('.') => {}
                "uuid" if !self.options.uuids => {}
                "value" if value.is_some() && node.name == n::INPUT => {}
                "checked" if checked.is_some() => {}
                "selected" if self.choice.is_some() && node.name == n::OPTION => {}
                written => self.attribute(written, given),
            }
        }
        if checked == Some("true") {
            self.attribute("checked", "");
        }
        match (value, node.name) {
            (Some(value), n::INPUT) => self.attribute("value", &json_string(value)),
            (Some(value), n::SELECT) => self.choice = Some(Choice::read(value)),
            _ => {}
        }
        let choice = self.choice.as_ref().filter(|_| node.name == n::OPTION);
        if choice.is_some_and(|choice| choice.has(&value_of(tree, id))) {
            self.attribute("selected", "");
        }
        self.out.push('>');
        if let (Some(value), n::TEXTAREA) = (value, node.name) {
            self.out.push('\n');
            escape_text(&json_string(value), self.out);
        } else if node.kind == Kind::Html
            && matches!(node.name, n::PRE | n::TEXTAREA | n::LISTING)
            && starts_with_newline(tree, id)
        {
            // The parser drops one newline here; write it twice.
            self.out.push('\n');
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        // A name that begins with `=` would be the value of the attribute before it.
        self.out
            .push_str(if name.starts_with('=') { " /" } else { " " });
        self.out.push_str(name);
        if value.is_empty() {
            return;
        }
        self.out.push_str("=\"");
        escape_attribute(value, self.out);
        self.out.push('"');
    }

    fn text(&mut self, id: NodeId) {
        let text = self.data(id);
        let parent = self.node(id).parent;
        let above = self.node(parent);
        if holds_raw_text(above.kind, above.name) {
            self.raw_text(text, self.tree.tag(parent));
        } else if above.kind == Kind::Html
            && above.name == n::TEXTAREA
            && self
                .page(parent)
                .attribute(slot(parent), n::VALUE_PROPERTY)
                .is_some()
        {
            // The live value stands in its place.
        } else {
            escape_text(text, self.out);
        }
    }

    /// Raw text cannot be escaped; an end tag inside it becomes `<\/…`, which
    /// scripts and style sheets read as the same string.
    fn raw_text(&mut self, text: &str, tag: &str) {
        if memchr::memchr(b'<', text.as_bytes()).is_none() || is_raw_text(text, tag) {
            self.out.push_str(text);
            return;
        }
        let lower = text.to_ascii_lowercase();
        let end_tag = format!("</{tag}");
        let mut done = 0;
        for (at, _) in text.match_indices('<') {
            // A comment that a script begins and does not end may hide the end tag.
            let hides_end = tag == "script" && lower[at..].starts_with("<!--");
            if lower[at..].starts_with(&end_tag) || hides_end {
                self.out.push_str(&text[done..=at]);
                self.out.push('\\');
                done = at + 1;
            }
        }
        self.out.push_str(&text[done..]);
    }

    fn comment(&mut self, data: &str) {
        let ends_early = data.starts_with('>')
            || data.starts_with("->")
            || data.contains("-->")
            || data.contains("--!>");
        self.out.push_str("<!--");
        if ends_early {
            self.out.push_str(&data.replace('>', "&gt;"));
        } else {
            self.out.push_str(data);
        }
        self.out.push_str("-->");
    }

    fn doctype(&mut self, data: &str) {
        let (name, public, system) = doctype_parts(data);
        self.out.push_str("<!DOCTYPE ");
        self.out.push_str(name);
        if !public.is_empty() {
            self.out.push_str(" PUBLIC");
            self.identifier(public);
        } else if !system.is_empty() {
            self.out.push_str(" SYSTEM");
        }
        if !system.is_empty() {
            self.identifier(system);
        }
        self.out.push('>');
    }

    fn identifier(&mut self, identifier: &str) {
        let quote = if identifier.contains('"') { '\'' } else { '"' };
        self.out.push(' ');
        self.out.push(quote);
        self.out.push_str(identifier);
        self.out.push(quote);
    }
}

/// Says whether what is written first between the tags of *id* is a newline.
fn starts_with_newline(tree: &Tree, id: NodeId) -> bool {
    let is_written = |id: &NodeId| tree.kind(*id) != Kind::Text || !tree.data(*id).is_empty();
    let first = tree.shown_children(id).find(is_written);
    first.is_some_and(|id| tree.kind(id) == Kind::Text && tree.data(id).starts_with('\n'))
}

/// Appends *text* so that it is text in HTML, whatever it holds.
pub fn escape_text(text: &str, out: &mut String) {
    escape(text, IN_TEXT, out);
}

/// Appends *value* so that it stands between double quotes in HTML, whatever it holds.
pub fn escape_attribute(value: &str, out: &mut String) {
    escape(value, IN_ATTRIBUTE, out);
}

/// Which bytes stand for something else in a text, in an attribute, or begin it.
const IN_TEXT: u8 = 1;
const IN_ATTRIBUTE: u8 = 2;

static ESCAPED: [u8; 256] = {
    let mut escaped = [0; 256];
    escaped[b'&' as usize] = IN_TEXT | IN_ATTRIBUTE;
    escaped[b'<' as usize] = IN_TEXT | IN_ATTRIBUTE;
    escaped[b'>' as usize] = IN_TEXT | IN_ATTRIBUTE;
    escaped[b'"' as usize] = IN_ATTRIBUTE;
    // A parser would read it as a newline.
    escaped[b'\r' as usize] = IN_TEXT | IN_ATTRIBUTE;
    // Of U+00A0, which nobody could tell from a space.
    escaped[0xc2] = IN_TEXT | IN_ATTRIBUTE;
    escaped
};

fn escape(text: &str, place: u8, out: &mut String) {
    let mut rest = text;
    let is_escaped = |&byte: &u8| ESCAPED[usize::from(byte)] & place != 0;
    while let Some(at) = rest.as_bytes().iter().position(is_escaped) {
        let (entity, len) = match rest.as_bytes()[at..] {
            [b'&', ..] => ("&amp;", 1),
            [b'<', ..] => ("&lt;", 1),
            [b'>', ..] => ("&gt;", 1),
            [b'"', ..] => ("&quot;", 1),
            [b'\r', ..] => ("&#13;", 1),
            [0xc2, 0xa0, ..] => ("&nbsp;", 2),
            _ => (&rest[at..at + 2], 2),
        };
        out.push_str(&rest[..at]);
        out.push_str(entity);
        rest = &rest[at + len..];
    }
    out.push_str(rest);
}

/// Reads a property as the string an attribute would hold.
fn json_string(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(serde_json::Value::String(value)) => value,
        _ => json.to_owned(),
    }
}

/// Renders a whole document, the root's children one after the other.
pub fn render_document(tree: &Tree, options: RenderOptions<'_>) -> String {
    let mut out = String::with_capacity(tree.len() * 24);
    render(tree, ROOT, options, &mut out);
    out
}
