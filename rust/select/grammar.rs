//! What selectors are made of: servo's parser, told which states a server knows.
//!
//! Selectors are parsed by servo's `selectors` and `cssparser`, so escapes, `An+B`,
//! forgiving lists and the attributes whose values have no case are theirs. A
//! selector's length and nesting are bounded before, because their parser recurses.

use cssparser::{Parser as CssParser, ToCss, Token};
use precomputed_hash::PrecomputedHash;
use selectors::SelectorImpl;
use selectors::parser::{ParseRelative, SelectorList, SelectorParseErrorKind};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault};

/// How many bytes a selector may have.
pub const BYTES_MAX: usize = 16_384;
/// How deep parentheses and brackets of a selector may be nested.
pub const NESTING_MAX: usize = 32;

/// Parses a list of selectors that keeps the bounds.
pub fn parse(text: &str) -> Result<SelectorList<Css>, cssparser::ParseError<Problem>> {
    SelectorList::parse(&Grammar, &mut CssParser::new(text), ParseRelative::No)
}

/// Returns the byte at which *text* is nested too deep.
pub fn too_deep(text: &str) -> Option<usize> {
    let (mut open, mut at) = (Vec::new(), 0);
    while at < text.len() {
        // One parser for each token, since it would skip what stands in brackets.
        let mut rest = CssParser::new(&text[at..]);
        match rest.next_including_whitespace_and_comments().ok()? {
            Token::Function(_) | Token::ParenthesisBlock => open.push(Token::CloseParenthesis),
            Token::SquareBracketBlock => open.push(Token::CloseSquareBracket),
            Token::CurlyBracketBlock => open.push(Token::CloseCurlyBracket),
            // A bracket is closed by its own kind alone.
            token if open.last() == Some(token) => drop(open.pop()),
            _ => {}
        }
        at += rest.position().byte_index();
        if open.len() > NESTING_MAX {
            return Some(at - 1);
        }
    }
    None
}

/// A state that attributes tell, as the HTML standard defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Checked,
    Disabled,
    Enabled,
    Link,
    Optional,
    PlaceholderShown,
    ReadOnly,
    ReadWrite,
    Required,
    /// Ranges of languages, such as `de` or `*-CH`.
    Lang(Box<[Box<str>]>),
}

impl State {
    /// Returns the state that a pseudo-class without arguments stands for.
    pub fn named(name: &str) -> Option<State> {
        Some(match name.to_ascii_lowercase().as_str() {
            "checked" => State::Checked,
            "disabled" => State::Disabled,
            "enabled" => State::Enabled,
            "link" | "any-link" => State::Link,
            "optional" => State::Optional,
            "placeholder-shown" => State::PlaceholderShown,
            "read-only" => State::ReadOnly,
            "read-write" => State::ReadWrite,
            "required" => State::Required,
            _ => return None,
        })
    }
}

struct Grammar;

impl<'i> selectors::Parser<'i> for Grammar {
    type Impl = Css;
    type Error = Problem;

    fn parse_nth_child_of(&self) -> bool {
        true
    }

    fn parse_is_and_where(&self) -> bool {
        true
    }

    fn parse_has(&self) -> bool {
        true
    }

    fn parse_non_ts_pseudo_class(
        &self,
        name: &str,
    ) -> Result<State, cssparser::ParseError<Problem>> {
        State::named(name).ok_or_else(unsupported)
    }

    fn parse_non_ts_functional_pseudo_class(
        &self,
        name: &str,
        arguments: &mut CssParser<'i>,
        _after_part: bool,
    ) -> Result<State, cssparser::ParseError<Problem>> {
        if !name.eq_ignore_ascii_case("lang") {
            return Err(unsupported());
        }
        let range = |input: &mut CssParser<'i>| Ok(input.expect_ident_or_string()?.as_ref().into());
        let ranges: Vec<Box<str>> = arguments.parse_comma_separated(range)?;
        Ok(State::Lang(ranges.into()))
    }
}

fn unsupported() -> cssparser::ParseError<Problem> {
    cssparser::ParseError::custom(SelectorParseErrorKind::UnsupportedPseudoClassOrElement)
}

/// What the selector crate finds wrong, kept to be explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem(pub SelectorParseErrorKind);

impl From<SelectorParseErrorKind> for Problem {
    fn from(kind: SelectorParseErrorKind) -> Self {
        Problem(kind)
    }
}

/// The types of our selectors.
#[derive(Clone, Debug)]
pub struct Css;

impl SelectorImpl for Css {
    type ExtraMatchingData<'a> = ();
    type AttrValue = Word;
    type Identifier = Word;
    type LocalName = Word;
    type NamespaceUrl = Word;
    type NamespacePrefix = Word;
    type BorrowedNamespaceUrl = Word;
    type BorrowedLocalName = Word;
    type NonTSPseudoClass = State;
    type PseudoElement = Never;
}

/// A word of a selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word(pub Box<str>);

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Word(text.into())
    }
}

impl ToCss for Word {
    fn to_css<W: fmt::Write>(&self, out: &mut W) -> fmt::Result {
        cssparser::serialize_identifier(&self.0, out)
    }
}

// Asked for by the crate's own matching, which we do not use.
impl PrecomputedHash for Word {
    fn precomputed_hash(&self) -> u32 {
        BuildHasherDefault::<rustc_hash::FxHasher>::default().hash_one(&self.0) as u32
    }
}

impl ToCss for State {
    fn to_css<W: fmt::Write>(&self, out: &mut W) -> fmt::Result {
        write!(out, ":{self:?}")
    }
}

impl selectors::parser::NonTSPseudoClass for State {
    fn is_active_or_hover(&self) -> bool {
        false
    }
    fn is_user_action_state(&self) -> bool {
        false
    }
}

/// There are no pseudo-elements on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Never {}

impl ToCss for Never {
    fn to_css<W: fmt::Write>(&self, _: &mut W) -> fmt::Result {
        match *self {}
    }
}

impl selectors::parser::PseudoElement for Never {}
