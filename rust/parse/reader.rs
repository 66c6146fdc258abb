//! Cuts HTML into tags, texts and comments and hands them to html5ever's tree builder.
//!
//! This is the standard's tokenizer for a text that is there as a whole: where the
//! standard goes from state to state, character by character, this looks for the next
//! byte that ends something. What is handed on are stretches of the text itself. Only
//! doctypes, of which a page has one, are read by html5ever's own tokenizer; so is
//! everything in `tests.rs`, to see that both find the same.

use crate::parse::reference::{self, Place};
use crate::parse::sink::{Handle, Sink};
use crate::parse::tag::{SeenNames, TagReader, ends_tag_name};
use crate::parse::{Budget, Excess, finish};
use crate::tree::Tree;
use html5ever::LocalName;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{RawKind, State};
use html5ever::tokenizer::{
    BufferQueue, Doctype, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use html5ever::tree_builder::TreeBuilder;
use memchr::memmem;
use std::cell::RefCell;

/// The line number that html5ever asks for with every token; nobody reads it.
const LINE: u64 = 1;

pub(super) struct Reader<'a> {
    html: &'a str,
    /// The same text, as html5ever shares it.
    source: StrTendril,
    at: usize,
    content: Content,
    builder: TreeBuilder<Handle, Sink>,
    names: SeenNames<'a>,
    budget: Budget,
}

/// What the text is from here on.
enum Content {
    Markup,
    /// Text up to the end tag of the element with this name, if it has one.
    Raw(RawKind, Option<LocalName>),
    /// Text to the end.
    Plain,
}

/// What becomes of `&` and NUL in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TextKind {
    /// References count; what a NUL is, the tree builder knows.
    Markup,
    /// References count, a NUL is replaced.
    Rcdata,
    /// References are text, a NUL is replaced.
    Raw,
    /// References are text; what a NUL is, the tree builder knows.
    Cdata,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        html: &'a str,
        builder: TreeBuilder<Handle, Sink>,
        budget: Budget,
    ) -> Reader<'a> {
        Reader {
            html,
            source: StrTendril::from_slice(html),
            at: 0,
            content: Content::Markup,
            builder,
            names: SeenNames::new(),
            budget,
        }
    }

    /// Reads what stands inside of the element that *builder* knows as its context.
    pub(super) fn in_fragment(
        html: &'a str,
        builder: TreeBuilder<Handle, Sink>,
        budget: Budget,
    ) -> Reader<'a> {
        let content = match builder.tokenizer_state_for_context_elem(true) {
            // There was no start tag, so no end tag matches it.
            State::RawData(kind) => Content::Raw(kind, None),
            State::Plaintext => Content::Plain,
            _ => Content::Markup,
        };
        Reader {
            content,
            ..Reader::new(html, builder, budget)
        }
    }

    /// Reads everything; an error comes with the place of what was too much.
    pub(super) fn read(mut self) -> Result<Tree, (Excess, usize)> {
        while self.at < self.html.len() {
            let start = self.at;
            let read = match std::mem::replace(&mut self.content, Content::Markup) {
                Content::Markup => self.markup(),
                Content::Raw(kind, name) => self.raw(kind, name),
                Content::Plain => self.text(self.html.len(), TextKind::Raw),
            };
            read.and_then(|()| self.kept())
                .map_err(|excess| (excess, start))?;
        }
        self.send(Token::EOFToken);
        let end = self.html.len();
        let kept = self.kept().and_then(|()| finish(self.builder));
        kept.map_err(|excess| (excess, end))
    }

    /// Says whether the tree builder kept the budget so far.
    fn kept(&self) -> Result<(), Excess> {
        self.builder.sink.exceeded().map_or(Ok(()), Err)
    }

    fn send(&mut self, token: Token) {
        match self.builder.process_token(token, LINE) {
            TokenSinkResult::Continue => {}
            TokenSinkResult::Plaintext => self.content = Content::Plain,
            TokenSinkResult::RawData(kind) => self.content = Content::Raw(kind, None),
            // Nothing runs here, and what is read is decoded already.
            TokenSinkResult::Script(_) | TokenSinkResult::EncodingIndicator(_) => {}
        }
    }

    /// "Data state", "tag open state" and "end tag open state".
    fn markup(&mut self) -> Result<(), Excess> {
        let rest = &self.html.as_bytes()[self.at..];
        match *rest {
            [b'<', b'a'..=b'z' | b'A'..=b'Z', ..] => self.tag(TagKind::StartTag),
            [b'<', b'/', b'a'..=b'z' | b'A'..=b'Z', ..] => self.tag(TagKind::EndTag),
            [b'<', b'/', b'>', ..] => {
                self.at += 3;
                Ok(())
            }
            [b'<', b'/', _, ..] => self.bogus_comment(2),
            [b'<', b'!', ..] => self.declaration(),
            [b'<', b'?', ..] => self.bogus_comment(1),
            _ => {
                // A `<` that begins nothing is text, like all before the next one.
                let next = memchr::memchr(b'<', &rest[1..]);
                let end = next.map_or(self.html.len(), |len| self.at + 1 + len);
                self.text(end, TextKind::Markup)
            }
        }
    }

    fn tag(&mut self, kind: TagKind) -> Result<(), Excess> {
        let is_start = kind == TagKind::StartTag;
        let mut reader = TagReader {
            html: self.html,
            source: &self.source,
            at: self.at + if is_start { 1 } else { 2 },
            names: &mut self.names,
            budget: &self.budget,
        };
        let name = reader.tag_name()?;
        let mut attrs = Vec::new();
        let closing = reader.attributes(is_start.then_some(&mut attrs))?;
        self.at = reader.at;
        let Some(self_closing) = closing else {
            // A tag that the text ends in is none.
            self.at = self.html.len();
            return Ok(());
        };
        self.send(Token::TagToken(Tag {
            kind,
            name: name.clone(),
            self_closing,
            attrs,
            had_duplicate_attributes: false,
        }));
        if let Content::Raw(_, end) = &mut self.content {
            *end = Some(name);
        }
        Ok(())
    }

    /// Reads text up to the end tag that ends it, or to the end.
    fn raw(&mut self, kind: RawKind, name: Option<LocalName>) -> Result<(), Excess> {
        let rest = &self.html.as_bytes()[self.at..];
        let found = name.and_then(|name| raw_text_end(rest, &name));
        let end = found.map_or(self.html.len(), |len| self.at + len);
        let kind = match kind {
            RawKind::Rcdata => TextKind::Rcdata,
            _ => TextKind::Raw,
        };
        self.text(end, kind)?;
        if found.is_some() {
            self.tag(TagKind::EndTag)?;
        }
        Ok(())
    }

    /// Hands on the text from here to *end*.
    fn text(&mut self, end: usize, kind: TextKind) -> Result<(), Excess> {
        let start = std::mem::replace(&mut self.at, end);
        let written = &self.html[start..end];
        let has_references = matches!(kind, TextKind::Markup | TextKind::Rcdata);
        let special = match has_references {
            true => memchr::memchr2(b'&', 0, written.as_bytes()),
            false => memchr::memchr(0, written.as_bytes()),
        };
        if special.is_none() {
            if start < end {
                let text = self.source.subtendril(start as u32, (end - start) as u32);
                self.send(Token::CharacterTokens(text));
            }
            return Ok(());
        }
        let mut runs = written.split('\0').peekable();
        while let Some(run) = runs.next() {
            let mut text = String::with_capacity(run.len() + 3);
            match has_references {
                true => reference::decode(run, Place::Text, &mut text),
                false => text.push_str(run),
            }
            let is_replaced = matches!(kind, TextKind::Rcdata | TextKind::Raw);
            if runs.peek().is_some() && is_replaced {
                text.push('\u{fffd}');
            }
            if !text.is_empty() {
                self.send(Token::CharacterTokens(StrTendril::from(text)));
            }
            if runs.peek().is_some() && !is_replaced {
                self.send(Token::NullCharacterToken);
            }
            self.kept()?;
        }
        Ok(())
    }

    /// "Markup declaration open state".
    fn declaration(&mut self) -> Result<(), Excess> {
        let rest = &self.html.as_bytes()[self.at + 2..];
        if rest.starts_with(b"--") {
            self.comment()
        } else if rest.len() >= 7 && rest[..7].eq_ignore_ascii_case(b"doctype") {
            self.doctype()
        } else if rest.starts_with(b"[CDATA[")
            && self
                .builder
                .adjusted_current_node_present_but_not_in_html_namespace()
        {
            self.cdata()
        } else {
            self.bogus_comment(2)
        }
    }

    /// "Comment start state" and those after it.
    fn comment(&mut self) -> Result<(), Excess> {
        let start = self.at + 4;
        let rest = &self.html.as_bytes()[start..];
        let (len, next) = comment_end(rest);
        self.at = start + next;
        self.send_comment(start, start + len)
    }

    /// A comment that begins *skip* bytes after here and ends with the next `>`.
    fn bogus_comment(&mut self, skip: usize) -> Result<(), Excess> {
        let start = self.at + skip;
        let rest = &self.html.as_bytes()[start..];
        let len = memchr::memchr(b'>', rest).unwrap_or(rest.len());
        self.at = (start + len + 1).min(self.html.len());
        self.send_comment(start, start + len)
    }

    fn send_comment(&mut self, start: usize, end: usize) -> Result<(), Excess> {
        let written = &self.html[start..end];
        let data = match memchr::memchr(0, written.as_bytes()) {
            None => self.source.subtendril(start as u32, (end - start) as u32),
            Some(_) => StrTendril::from(written.replace('\0', "\u{fffd}")),
        };
        self.send(Token::CommentToken(data));
        Ok(())
    }

    fn cdata(&mut self) -> Result<(), Excess> {
        self.at += "<![CDATA[".len();
        let rest = &self.html.as_bytes()[self.at..];
        match memmem::find(rest, b"]]>") {
            Some(len) => {
                self.text(self.at + len, TextKind::Cdata)?;
                self.at += "]]>".len();
                Ok(())
            }
            None => self.text(self.html.len(), TextKind::Cdata),
        }
    }

    /// A doctype ends with the next `>`, be it between quotes.
    fn doctype(&mut self) -> Result<(), Excess> {
        let rest = &self.html.as_bytes()[self.at..];
        let len = memchr::memchr(b'>', rest).map_or(rest.len(), |len| len + 1);
        let written = self.source.subtendril(self.at as u32, len as u32);
        self.at += len;
        if let Some(doctype) = doctype(written) {
            self.send(Token::DoctypeToken(doctype));
        }
        Ok(())
    }
}

/// Reads a doctype by html5ever's tokenizer.
fn doctype(written: StrTendril) -> Option<Doctype> {
    #[derive(Default)]
    struct Found(RefCell<Option<Doctype>>);

    impl TokenSink for Found {
        type Handle = ();

        fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
            if let Token::DoctypeToken(doctype) = token {
                *self.0.borrow_mut() = Some(doctype);
            }
            TokenSinkResult::Continue
        }
    }

    let tokenizer = Tokenizer::new(Found::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(written);
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.take()
}

/// Returns where in *text*, which stands in an element whose content is text, the end
/// tag of that element begins.
pub(super) fn raw_text_end(text: &[u8], tag: &str) -> Option<usize> {
    match tag {
        "script" => script_end(text),
        _ => memmem::find_iter(text, b"</").find(|&at| is_tag(&text[at + 2..], tag)),
    }
}

/// Says whether *text* begins with *name* and that name ends there.
fn is_tag(text: &[u8], name: &str) -> bool {
    text.len() > name.len()
        && text[..name.len()].eq_ignore_ascii_case(name.as_bytes())
        && ends_tag_name(text[name.len()])
}

/// Returns where in *text*, a script's, its end tag begins.
///
/// After `<!--` another `<script` hides one end tag, until `-->` ("script data escaped
/// state", "script data double escaped state").
fn script_end(text: &[u8]) -> Option<usize> {
    /// Where the dashes of `<!--` begin, and whether a script began after it.
    struct Escaped {
        dashes: usize,
        is_double: bool,
    }
    let mut escaped: Option<Escaped> = None;
    for at in memchr::memchr2_iter(b'<', b'>', text) {
        let rest = &text[at + 1..];
        let is_start = text[at] == b'<' && is_tag(rest, "script");
        let is_end = text[at] == b'<' && rest.starts_with(b"/") && is_tag(&rest[1..], "script");
        match &mut escaped {
            None if is_end => return Some(at),
            None if text[at] == b'<' && rest.starts_with(b"!--") => {
                escaped = Some(Escaped {
                    dashes: at + 2,
                    is_double: false,
                });
            }
            None => {}
            Some(inside) => match (is_start, is_end, inside.is_double) {
                (_, true, false) => return Some(at),
                (_, true, true) => inside.is_double = false,
                (true, _, false) => inside.is_double = true,
                _ if text[at] == b'>' && text[inside.dashes..at].ends_with(b"--") => {
                    escaped = None;
                }
                _ => {}
            },
        }
    }
    None
}

/// Returns the length of the comment that *text* begins with, and where it goes on.
fn comment_end(text: &[u8]) -> (usize, usize) {
    for at in memchr::memchr_iter(b'>', text) {
        let data = &text[..at];
        if data.is_empty() || data == b"-" {
            return (0, at + 1);
        }
        for end in [&b"--"[..], b"--!"] {
            if data.ends_with(end) {
                return (at - end.len(), at + 1);
            }
        }
    }
    let ends = [&b"--!"[..], b"--", b"-"];
    let end = ends.into_iter().find(|end| text.ends_with(end));
    (text.len() - end.map_or(0, <[u8]>::len), text.len())
}
