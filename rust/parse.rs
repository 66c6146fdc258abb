//! Reads HTML into a tree, as the HTML standard says.
//!
//! Tags and texts are read here (`reader`), what they mean for the tree is html5ever's
//! business (its tree builder, which calls `sink`). So the tree is what any browser
//! makes of the text, and a budget is kept where it must be: inside of a tag, before a
//! list of attributes grows, and where nodes are made, while the tree is still small.

mod reader;
mod reference;
mod selected;
mod sink;
mod tag;
#[cfg(test)]
mod tests;

use crate::node::Kind;
use crate::page::ATTRIBUTES_MAX;
use crate::tree::{ROOT, Tree};
use html5ever::interface::TreeSink;
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use html5ever::{LocalName, QualName, ns};
use reader::Reader;
use sink::Sink;
use std::borrow::Cow;
use std::fmt;

pub use sink::doctype_parts;

/// Says whether *text* reads back as it is between the tags of *tag*, an element like
/// `<script>` in which all is text.
pub fn is_raw_text(text: &str, tag: &str) -> bool {
    let mut whole = String::with_capacity(text.len() + tag.len() + 3);
    whole.extend([text, "</", tag, ">"]);
    reader::raw_text_end(whole.as_bytes(), tag) == Some(text.len())
}

/// What a text may become at most.
///
/// Beside these, a tree never has more distinct names than 65,535, and never grows
/// larger than its text warrants; see [`ParseErrorKind::Growth`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Nodes.
    pub nodes: usize,
    /// Elements inside each other; by default as many as in browsers.
    pub depth: usize,
    /// Attributes of one element; 256 at most, whatever stands here.
    pub attributes: usize,
    /// Bytes of the name of a tag or an attribute.
    pub name_bytes: usize,
    /// Bytes of the value of an attribute, as written.
    pub value_bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            nodes: 4_000_000,
            depth: 512,
            attributes: ATTRIBUTES_MAX,
            name_bytes: 4096,
            value_bytes: 16 << 20,
        }
    }
}

/// Which part of a budget a text would not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    Nodes,
    Depth,
    Attributes,
    NameBytes,
    ValueBytes,
    /// More distinct names than a tree can number.
    Names,
    /// More nodes and attributes than the text has bytes. Only formatting does that,
    /// elements like `<b>` that one end tag makes a parser open again and again.
    Growth,
    /// More bytes than a tree can be made of.
    Length,
}

/// A text that is refused: what it has too much of, the limit, and the byte at which
/// the tag or text begins that was one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub kind: ParseErrorKind,
    pub limit: usize,
    pub offset: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        match self.kind {
            ParseErrorKind::Nodes => write!(f, "more than {limit} nodes")?,
            ParseErrorKind::Depth => write!(f, "elements more than {limit} deep in each other")?,
            ParseErrorKind::Attributes => write!(f, "more than {limit} attributes on one element")?,
            ParseErrorKind::NameBytes => write!(f, "a name of more than {limit} bytes")?,
            ParseErrorKind::ValueBytes => {
                write!(f, "an attribute's value of more than {limit} bytes")?;
            }
            ParseErrorKind::Names => write!(f, "more than {limit} different names")?,
            ParseErrorKind::Growth => write!(
                f,
                "formatting elements that are opened again make more than {limit} nodes \
                 and attributes"
            )?,
            ParseErrorKind::Length => write!(f, "more than {limit} bytes")?,
        }
        write!(f, ", at byte {} of the HTML", self.offset)
    }
}

impl std::error::Error for ParseError {}

/// Which limit was passed, and what it is.
type Excess = (ParseErrorKind, usize);

/// Parses a whole document; missing html, head and body come into being.
///
/// Scripting counts as enabled: what stands in `<noscript>` is text.
pub fn parse_document(html: &str, budget: &Budget) -> Result<Tree, ParseError> {
    let html = Input::new(html)?;
    let sink = Sink::new(html.text.len(), budget);
    let builder = TreeBuilder::new(sink, TreeBuilderOpts::default());
    html.read(Reader::new(&html.text, builder, *budget))
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
    let html = Input::new(html)?;
    let sink = Sink::new(html.text.len(), budget);
    let namespace = match kind {
        Kind::Svg => ns!(svg),
        Kind::MathMl => ns!(mathml),
        _ => ns!(html),
    };
    let name = QualName::new(None, namespace, LocalName::from(tag));
    let context = html5ever::interface::create_element(&sink, name, Vec::new());
    let form = (kind == Kind::Html && tag == "form").then(|| context.clone());
    let (context_id, state) = (context.id(), TreeBuilderOpts::default());
    let builder = TreeBuilder::new_for_fragment(sink, context, form, state);
    let mut tree = html.read(Reader::in_fragment(&html.text, builder, *budget))?;
    tree.remove(context_id);
    unwrap_fragment(&mut tree);
    Ok(tree)
}

/// The fragment algorithm builds below an html element of its own: keep what is in it.
fn unwrap_fragment(tree: &mut Tree) {
    let html = tree.node(ROOT).last;
    while let Some(child) = tree.node(html).first.some() {
        tree.insert(ROOT, Some(html), child)
            .expect("children of one node fit another");
    }
    tree.remove(html);
}

/// HTML as the standard's input stream: lines end with a newline alone, and a byte
/// order mark at the start is no text.
struct Input<'a> {
    given: &'a str,
    text: Cow<'a, str>,
}

impl<'a> Input<'a> {
    fn new(given: &'a str) -> Result<Input<'a>, ParseError> {
        // The tree builder is handed stretches of the text by 32-bit offsets.
        let limit = u32::MAX as usize;
        if given.len() > limit {
            return Err(ParseError {
                kind: ParseErrorKind::Length,
                limit,
                offset: limit,
            });
        }
        let text = given.strip_prefix('\u{feff}').unwrap_or(given);
        let text = if memchr::memchr(b'\r', text.as_bytes()).is_some() {
            Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Cow::Borrowed(text)
        };
        Ok(Input { given, text })
    }

    fn read(&self, reader: Reader<'_>) -> Result<Tree, ParseError> {
        reader.read().map_err(|((kind, limit), at)| ParseError {
            kind,
            limit,
            offset: self.given_offset(at),
        })
    }

    /// Returns where the text that was given has what the input stream has at *at*.
    fn given_offset(&self, at: usize) -> usize {
        if at == self.text.len() {
            return self.given.len();
        }
        let mark = self.given.len() - self.given.trim_start_matches('\u{feff}').len();
        let start = mark.min('\u{feff}'.len_utf8());
        if matches!(self.text, Cow::Borrowed(_)) {
            return start + at;
        }
        let bytes = &self.given.as_bytes()[start..];
        let is_dropped = |&at: &usize| bytes[at] == b'\n' && at > 0 && bytes[at - 1] == b'\r';
        let kept = (0..bytes.len()).filter(|at| !is_dropped(at));
        start + kept.take(at + 1).last().unwrap_or(0)
    }
}

/// Ends html5ever's half of a parse and returns the tree.
fn finish(builder: TreeBuilder<sink::Handle, Sink>) -> Result<Tree, Excess> {
    html5ever::tokenizer::TokenSink::end(&builder);
    builder.sink.finish()
}
