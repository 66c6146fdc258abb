//! Writes a tree as HTML, escaped for where each string stands.
//!
//! The rules are those of the HTML standard ("serializing HTML fragments"), with
//! three additions: a string that would end its raw text or its comment early is
//! broken up; a property the user owns (`.value`, `.checked`) shows as the
//! attribute that starts it; a handler's attribute (`_onclick`) is written without
//! its value, which is nobody's business in the browser.

use crate::names::{NameId, known_names as n};
use crate::node::{Kind, NodeId};
use crate::parse::{doctype_parts, is_raw_text};
use crate::tree::{ROOT, Tree, is_void};
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
        select_value: None,
    };
    let mut at = top;
    loop {
        renderer.open(at);
        if let Some(first) = tree.node(at).first.some() {
            at = first;
            continue;
        }
        // Close this one and every parent that ends with it.
        loop {
            renderer.close(at);
            if at == top {
                return;
            }
            let node = tree.node(at);
            if let Some(next) = node.next.some() {
                at = next;
                break;
            }
            at = node.parent;
        }
    }
}

/// Appends all below *top*, but not *top* itself.
pub fn render_inner(tree: &Tree, top: NodeId, options: RenderOptions<'_>, out: &mut String) {
    for child in tree.children(top) {
        render(tree, child, options, out);
    }
}

struct Renderer<'a, 'out> {
    tree: &'a Tree,
    options: RenderOptions<'a>,
    out: &'out mut String,
    /// The value that the select we are inside of should show, as JSON.
    select_value: Option<&'a str>,
}

impl Renderer<'_, '_> {
    fn open(&mut self, id: NodeId) {
        let node = self.tree.node(id);
        match node.kind {
            Kind::Html | Kind::Svg | Kind::MathMl => self.open_element(id),
            Kind::Text => self.text(id),
            Kind::Comment => self.comment(self.tree.data(id)),
            Kind::Doctype => self.doctype(self.tree.data(id)),
            Kind::Root | Kind::Free => {}
        }
    }

    fn close(&mut self, id: NodeId) {
        let node = self.tree.node(id);
        if !node.kind.is_element() || is_void(node.kind, node.name) {
            return;
        }
        if node.kind == Kind::Html && node.name == n::HEAD {
            self.out.push_str(self.options.head_end);
            self.options.head_end = "";
        }
        if node.name == n::SELECT {
            self.select_value = None;
        }
        self.out.push_str("</");
        self.out.push_str(self.tree.tag(id));
        self.out.push('>');
    }

    fn open_element(&mut self, id: NodeId) {
        let tree = self.tree;
        let node = tree.node(id);
        self.out.push('<');
        self.out.push_str(tree.tag(id));
        if self.options.uuids && node.stamp() != 0 {
            self.out.push_str(" uuid=");
            uuid::write(node.stamp(), self.out);
        }
        if !self.options.nonce.is_empty() && matches!(node.name, n::SCRIPT | n::STYLE) {
            self.attribute("nonce", self.options.nonce);
        }
        let value = tree.attribute_by_id(id, n::VALUE_PROPERTY);
        let checked = tree.attribute_by_id(id, n::CHECKED_PROPERTY);
        for (name, given) in tree.attributes(id) {
            match tree.names().get(name) {
                written if written.starts_with("_on") => self.attribute(written, ""),
                written if written.starts_with('.') => {}
                "uuid" if !self.options.uuids => {}
                "value" if value.is_some() && node.name == n::INPUT => {}
                "checked" if checked.is_some() => {}
                "selected" if self.select_value.is_some() && node.name == n::OPTION => {}
                written => self.attribute(written, given),
            }
        }
        if checked == Some("true") {
            self.attribute("checked", "");
        }
        match (value, node.name) {
            (Some(value), n::INPUT) => self.attribute("value", &json_string(value)),
            (Some(value), n::SELECT) => self.select_value = Some(value),
            _ => {}
        }
        if node.name == n::OPTION && self.is_selected(id) {
            self.attribute("selected", "");
        }
        self.out.push('>');
        if let (Some(value), n::TEXTAREA) = (value, node.name) {
            self.out.push('\n');
            escape_text(&json_string(value), self.out);
        } else if matches!(node.name, n::PRE | n::TEXTAREA | n::LISTING)
            && let Some(first) = node.first.some()
            && tree.kind(first) == Kind::Text
            && tree.data(first).starts_with('\n')
        {
            // The parser drops one newline here; write it twice.
            self.out.push('\n');
        }
    }

    fn is_selected(&self, option: NodeId) -> bool {
        let Some(wanted) = self.select_value else {
            return false;
        };
        let own = match self.tree.attribute_by_id(option, n::VALUE) {
            Some(value) => value.to_owned(),
            None => self
                .tree
                .text(option)
                .split_ascii_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        };
        match serde_json::from_str(wanted) {
            Ok(serde_json::Value::String(value)) => value == own,
            Ok(serde_json::Value::Array(values)) => values.iter().any(|value| *value == own),
            _ => false,
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        if value.is_empty() {
            return;
        }
        self.out.push_str("=\"");
        escape_attribute(value, self.out);
        self.out.push('"');
    }

    fn text(&mut self, id: NodeId) {
        let text = self.tree.data(id);
        let parent = self.tree.node(id).parent;
        let above = self.tree.node(parent);
        if above.kind == Kind::Html && holds_raw_text(above.name) {
            self.raw_text(text, self.tree.tag(parent));
        } else if above.kind == Kind::Html
            && above.name == n::TEXTAREA
            && self
                .tree
                .attribute_by_id(parent, n::VALUE_PROPERTY)
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
            || data.contains("--!>")
            || data.ends_with("<!-");
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

fn holds_raw_text(name: NameId) -> bool {
    matches!(
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

/// Appends *text* so that it is text in HTML, whatever it holds.
pub fn escape_text(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
}

/// Appends *value* so that it stands between double quotes in HTML, whatever it holds.
pub fn escape_attribute(value: &str, out: &mut String) {
    escape(value, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'"' => Some("&quot;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
}

fn escape(text: &str, out: &mut String, entity: impl Fn(u8) -> Option<&'static str>) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(entity) = entity(byte) {
            out.push_str(&text[done..at]);
            out.push_str(entity);
            done = at + 1;
        }
    }
    out.push_str(&text[done..]);
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
