//! Interns tag and attribute names, so that a node holds a 16-bit number.
//!
//! Names of the HTML, SVG and ARIA vocabularies have fixed numbers that every
//! tree shares; any other name gets a number in the table of its own tree. Tables
//! are copied on write like everything else that versions share, piece by piece,
//! and a table is freed with its last tree, so hostile names cannot pile up.
//!
//! A number is given again when no node of its tree has the name any more. So of two
//! versions of a tree, numbers mean the same only if `agree` says so.

use crate::hashed::Hashed;
use rustc_hash::FxHashMap;
use std::sync::{Arc, LazyLock};

/// How many names of its own a table takes before it is first worth while to ask which
/// of them are still used.
const OWN_MIN: usize = 256;
const PIECE_NAMES: usize = 32;

/// A name's number, meaningful only together with the `Names` that gave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub(crate) u16);

/// A tree has more distinct names than a table can number (65,535 in all).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamesFull;

/// The names that one tree and its versions use.
#[derive(Clone, Debug, Default)]
pub struct Names {
    own: Option<Arc<Own>>,
}

#[derive(Clone, Debug, Default)]
struct Own {
    /// By number, in pieces that versions share; a hole is a number to give again.
    pieces: Vec<Arc<[Option<Box<str>>; PIECE_NAMES]>>,
    by_name: Hashed,
    count: usize,
    /// No hole comes before this place.
    hole: usize,
    /// With so many names it is time to look which of them are used.
    sweep_at: usize,
}

impl Names {
    /// Returns the number of *name*, giving it one if it has none yet.
    pub fn intern(&mut self, name: &str) -> Result<NameId, NamesFull> {
        if let Some(id) = self.find(name) {
            return Ok(id);
        }
        Arc::make_mut(self.own.get_or_insert_default()).add(name)
    }

    /// Returns the number of *name* if it has one.
    pub fn find(&self, name: &str) -> Option<NameId> {
        known(name).or_else(|| {
            let own = self.own.as_ref()?;
            let mut all = own.by_name.candidates(name);
            let place = all.find(|&place| own.get(place as usize) == Some(name))?;
            Some(Own::id(place as usize))
        })
    }

    /// Returns the name behind a number that this table, or an ancestor of it, gave.
    pub fn get(&self, id: NameId) -> &str {
        let id = usize::from(id.0);
        if let Some(name) = KNOWN.get(id) {
            return name;
        }
        let own = self.own.as_ref();
        match own.and_then(|own| own.get(id - KNOWN.len())) {
            Some(name) => name,
            None => unreachable!("name {id} is not of this tree"),
        }
    }

    /// Says whether a number that both tables have means the same name in both.
    pub fn agree(&self, other: &Names) -> bool {
        let (Some(a), Some(b)) = (&self.own, &other.own) else {
            return true;
        };
        let same =
            |a: &Option<Box<str>>, b: &Option<Box<str>>| a.is_none() || b.is_none() || a == b;
        Arc::ptr_eq(a, b)
            || a.pieces
                .iter()
                .zip(&b.pieces)
                .all(|(a, b)| Arc::ptr_eq(a, b) || a.iter().zip(b.iter()).all(|(a, b)| same(a, b)))
    }

    /// Says whether *a* in this table and *b* in *other* are the same name.
    pub fn same(&self, a: NameId, other: &Names, b: NameId) -> bool {
        if usize::from(a.0.min(b.0)) < KNOWN.len() {
            return a == b;
        }
        self.get(a) == other.get(b)
    }

    /// Says how many names this table has beside those that every tree knows.
    pub fn own(&self) -> usize {
        self.own.as_ref().map_or(0, |own| own.count)
    }

    /// Says whether another *more* names make it worth while to `sweep` first.
    pub fn is_to_be_swept(&self, more: usize) -> bool {
        let own = self.own.as_ref();
        own.is_some_and(|own| own.count + more > own.sweep_at.clamp(OWN_MIN, Own::MAX))
    }

    /// Gives back all numbers that are not *used*. *nodes*, how many the tree has, is
    /// what it cost to find that out: it is not done again before as much has changed.
    pub fn sweep(&mut self, used: &Used, nodes: usize) {
        let Some(own) = &mut self.own else { return };
        let own = Arc::make_mut(own);
        for place in 0..own.pieces.len() * PIECE_NAMES {
            if !used.has(Own::id(place)) {
                own.remove(place);
            }
        }
        while own
            .pieces
            .last()
            .is_some_and(|it| it.iter().all(Option::is_none))
        {
            own.pieces.pop();
        }
        own.hole = 0;
        own.sweep_at = own.count + OWN_MIN.max(own.count).max(nodes / 16);
    }
}

impl Own {
    /// The last number stays free.
    const MAX: usize = u16::MAX as usize - KNOWN.len();

    fn id(place: usize) -> NameId {
        NameId((KNOWN.len() + place) as u16)
    }

    fn get(&self, place: usize) -> Option<&str> {
        self.pieces.get(place / PIECE_NAMES)?[place % PIECE_NAMES].as_deref()
    }

    fn add(&mut self, name: &str) -> Result<NameId, NamesFull> {
        if self.count == Own::MAX {
            return Err(NamesFull);
        }
        while self.get(self.hole).is_some() {
            self.hole += 1;
        }
        let place = self.hole;
        if place / PIECE_NAMES == self.pieces.len() {
            self.pieces.push(Arc::default());
        }
        Arc::make_mut(&mut self.pieces[place / PIECE_NAMES])[place % PIECE_NAMES] =
            Some(name.into());
        self.by_name.add(name, place as u32);
        self.count += 1;
        Ok(Own::id(place))
    }

    fn remove(&mut self, place: usize) {
        if self.get(place).is_none() {
            return;
        }
        let piece = Arc::make_mut(&mut self.pieces[place / PIECE_NAMES]);
        if let Some(name) = piece[place % PIECE_NAMES].take() {
            self.by_name.remove(&name, place as u32);
            self.count -= 1;
        }
    }
}

/// A set of names, to be filled by whoever knows all nodes.
pub struct Used(Vec<bool>);

impl Used {
    pub fn nothing() -> Used {
        Used(vec![false; usize::from(u16::MAX) + 1])
    }

    pub fn add(&mut self, id: NameId) {
        self.0[usize::from(id.0)] = true;
    }

    fn has(&self, id: NameId) -> bool {
        self.0[usize::from(id.0)]
    }
}

/// Returns the number that every tree gives to *name*, if it is a well-known one.
pub fn known(name: &str) -> Option<NameId> {
    INDEX.get(name).copied().map(NameId)
}

static INDEX: LazyLock<FxHashMap<&'static str, u16>> = LazyLock::new(|| {
    let mut index = FxHashMap::default();
    for (id, name) in KNOWN.iter().enumerate() {
        // No more names than a u16 holds: the list below is a few hundred long.
        index.insert(*name, id as u16);
    }
    index
});

macro_rules! well_known {
    ($($constant:ident = $name:literal),+ ; $($rest:literal)+) => {
        /// Names that the core itself asks for, in the order of their numbers.
        pub mod known_names {
            use super::NameId;
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Order { $($constant),+ }
            $(pub const $constant: NameId = NameId(Order::$constant as u16);)+
        }
        static KNOWN: &[&str] = &[$($name),+, $($rest),+];
    };
}

well_known! {
    UUID = "uuid", ID = "id", CLASS = "class", STYLE = "style", NAME = "name",
    VALUE_PROPERTY = ".value", CHECKED_PROPERTY = ".checked", OPEN_PROPERTY = ".open",
    VALUE = "value", CHECKED = "checked", SELECTED = "selected", DISABLED = "disabled",
    TYPE = "type", HREF = "href", MULTIPLE = "multiple",
    HTML = "html", HEAD = "head", BODY = "body", TEMPLATE = "template",
    SCRIPT = "script", XMP = "xmp", PLAINTEXT = "plaintext", NOSCRIPT = "noscript",
    IFRAME = "iframe", NOEMBED = "noembed", NOFRAMES = "noframes",
    PRE = "pre", TEXTAREA = "textarea", LISTING = "listing",
    SELECT = "select", OPTION = "option", INPUT = "input", FIELDSET = "fieldset",
    AREA = "area", BASE = "base", BR = "br", COL = "col", EMBED = "embed", HR = "hr",
    IMG = "img", LINK = "link", META = "meta", SOURCE = "source", TRACK = "track", WBR = "wbr",
    BASEFONT = "basefont", BGSOUND = "bgsound", FRAME = "frame", KEYGEN = "keygen", PARAM = "param",
    SVG = "svg", MATH = "math", FOREIGN_OBJECT = "foreignObject", DESC = "desc", TITLE = "title";
    "a" "abbr" "address" "article" "aside" "audio" "b" "bdi" "bdo" "big" "blockquote" "button"
    "canvas" "caption" "center" "cite" "code" "colgroup" "data" "datalist" "dd" "del" "details"
    "dfn" "dialog" "div" "dl" "dt" "em" "figcaption" "figure" "font" "footer" "form" "frameset"
    "h1" "h2" "h3" "h4" "h5" "h6" "header" "hgroup" "i" "ins" "kbd" "label" "legend" "li" "main"
    "map" "mark" "menu" "meter" "nav" "object" "ol" "optgroup" "output" "p" "picture" "progress"
    "q" "rp" "rt" "ruby" "s" "samp" "search" "section" "slot" "small" "span" "strike" "strong"
    "sub" "summary" "sup" "table" "tbody" "td" "tfoot" "th" "thead" "time" "tr" "tt" "u" "ul"
    "var" "video"
    "circle" "clipPath" "defs" "ellipse" "feGaussianBlur" "filter" "g" "image" "line"
    "linearGradient" "marker" "mask" "path" "pattern" "polygon" "polyline" "radialGradient"
    "rect" "stop" "symbol" "text" "textPath" "tspan" "use" "view" "animate"
    "mi" "mn" "mo" "mrow" "ms" "mtext" "mfrac" "msup" "msub" "msqrt"
    "accept" "accept-charset" "accesskey" "action" "align" "allow" "alt" "async" "autocapitalize"
    "autocomplete" "autofocus" "autoplay" "bgcolor" "border" "charset" "cellpadding" "cellspacing"
    "color" "cols" "colspan" "content" "contenteditable" "controls" "coords" "crossorigin"
    "datetime" "decoding" "default" "defer" "dir" "dirname" "download" "draggable" "enctype"
    "enterkeyhint" "face" "for" "formaction" "formmethod" "headers" "height" "hidden" "high"
    "hreflang" "http-equiv" "inert" "inputmode" "integrity" "is" "ismap" "itemid" "itemprop"
    "itemref" "itemscope" "itemtype" "kind" "lang" "list" "loading" "loop" "low" "max"
    "maxlength" "media" "method" "min" "minlength" "muted" "nonce" "novalidate" "open" "optimum"
    "part" "ping" "placeholder" "playsinline" "popover" "popovertarget" "poster"
    "preload" "readonly" "referrerpolicy" "rel" "required" "reversed" "role" "rows" "rowspan"
    "sandbox" "scope" "shape" "size" "sizes" "spellcheck" "src" "srcdoc" "srclang" "srcset"
    "start" "step" "tabindex" "target" "translate" "usemap" "valign" "width" "wrap"
    "aria-label" "aria-labelledby" "aria-describedby" "aria-hidden" "aria-expanded"
    "aria-controls" "aria-live" "aria-current" "aria-selected" "aria-checked" "aria-disabled"
    "aria-pressed" "aria-busy" "aria-atomic" "aria-haspopup" "aria-invalid" "aria-modal"
    "aria-sort" "aria-valuemax" "aria-valuemin" "aria-valuenow"
    "cx" "cy" "d" "dx" "dy" "fill" "fill-opacity" "fill-rule" "font-family" "font-size" "offset"
    "opacity" "points" "preserveAspectRatio" "r" "rx" "ry" "stroke" "stroke-linecap"
    "stroke-linejoin" "stroke-width" "text-anchor" "transform" "viewBox" "x" "x1" "x2" "xlink:href"
    "xml:lang" "xml:space" "xmlns" "xmlns:xlink" "y" "y1" "y2" "z"
    "_onclick" "_oninput" "_onchange" "_onsubmit" "_onkeydown" "_onkeyup" "_onfocus" "_onblur"
    "data-id" "data-key" "data-sapwood-ignore"
}

/// Says whether HTML can spell a tag so (HTML standard, 13.2.5.6 to 13.2.5.8).
pub fn is_tag(name: &str) -> bool {
    name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && !name.bytes().any(ends_name)
}

/// Says whether HTML can spell the name of an attribute so (HTML standard, 13.2.5.32 and
/// 13.2.5.33).
pub fn is_attribute_name(name: &str) -> bool {
    let is_inner = |byte| !ends_name(byte) && byte != b'=';
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| !ends_name(first)) && bytes.all(is_inner)
}

/// Says whether a name cannot have or hold *byte*: NUL is replaced, all else ends it.
fn ends_name(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ' | b'/' | b'>' | 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_listed_once() {
        assert_eq!(INDEX.len(), KNOWN.len());
    }

    #[test]
    fn a_constant_names_what_it_says() {
        let names = Names::default();
        assert_eq!(names.get(known_names::UUID), "uuid");
        assert_eq!(names.get(known_names::TITLE), "title");
    }

    #[test]
    fn two_tables_may_number_one_name_differently_and_still_agree() {
        let (mut left, mut right) = (Names::default(), Names::default());
        right.intern("x-first").expect("room");
        let (a, b) = (
            left.intern("x-tag").expect("room"),
            right.intern("x-tag").expect("room"),
        );
        assert_ne!(a, b);
        assert!(left.same(a, &right, b));
    }

    #[test]
    fn a_full_table_says_so() {
        let mut names = Names::default();
        let full = (0..70_000).find(|n| names.intern(&format!("x-{n}")).is_err());
        assert_eq!(full, Some(usize::from(u16::MAX) - KNOWN.len()));
    }

    #[test]
    fn a_number_that_nobody_uses_is_given_again_and_tables_then_disagree() {
        let mut names = Names::default();
        let (gone, stays) = (names.intern("x-gone"), names.intern("x-stays"));
        let before = names.clone();
        let mut used = Used::nothing();
        used.add(stays.expect("room"));
        names.sweep(&used, 10);
        assert!(names.agree(&before));
        assert_eq!(
            (names.find("x-gone"), names.find("x-stays")),
            (None, stays.ok())
        );
        assert_eq!(names.intern("x-new"), gone);
        assert!(!names.agree(&before));
        assert_eq!(before.get(gone.expect("room")), "x-gone");
    }
}
