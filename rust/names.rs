//! Interns tag and attribute names, so that a node holds a 16-bit number.
//!
//! Names of the HTML, SVG and ARIA vocabularies have fixed numbers that every
//! tree shares; any other name gets a number in the table of its own tree.
//! Tables are copied on write like everything else that versions share, and a
//! table is freed with its last tree, so hostile names cannot pile up.

use rustc_hash::FxHashMap;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

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
    list: Vec<Box<str>>,
    // The standard hasher: these names may come from strangers.
    index: HashMap<Box<str>, u16>,
}

impl Names {
    /// Returns the number of *name*, giving it one if it has none yet.
    pub fn intern(&mut self, name: &str) -> Result<NameId, NamesFull> {
        if let Some(id) = self.find(name) {
            return Ok(id);
        }
        let own = Arc::make_mut(self.own.get_or_insert_default());
        let id = u16::try_from(KNOWN.len() + own.list.len()).map_err(|_| NamesFull)?;
        if id == u16::MAX {
            return Err(NamesFull);
        }
        own.list.push(name.into());
        own.index.insert(name.into(), id);
        Ok(NameId(id))
    }

    /// Returns the number of *name* if it has one.
    pub fn find(&self, name: &str) -> Option<NameId> {
        known(name).or_else(|| {
            let own = self.own.as_ref()?;
            own.index.get(name).copied().map(NameId)
        })
    }

    /// Returns the name behind a number that this table, or an ancestor of it, gave.
    pub fn get(&self, id: NameId) -> &str {
        let id = usize::from(id.0);
        match KNOWN.get(id) {
            Some(name) => name,
            None => match &self.own {
                Some(own) => &own.list[id - KNOWN.len()],
                None => unreachable!("name {id} is not of this tree"),
            },
        }
    }

    /// Says whether one of the two tables continues the other, so that numbers agree.
    pub fn agree(&self, other: &Names) -> bool {
        match (&self.own, &other.own) {
            (Some(a), Some(b)) => {
                let shared = a.list.len().min(b.list.len());
                Arc::ptr_eq(a, b) || a.list[..shared] == b.list[..shared]
            }
            _ => true,
        }
    }

    /// Says whether *a* in this table and *b* in *other* are the same name.
    pub fn same(&self, a: NameId, other: &Names, b: NameId) -> bool {
        if usize::from(a.0.min(b.0)) < KNOWN.len() {
            return a == b;
        }
        self.get(a) == other.get(b)
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
}
