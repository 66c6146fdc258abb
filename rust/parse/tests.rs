//! The reader against html5ever's own tokenizer: both must tell the tree builder the
//! same. What the tree builder makes of it is looked at in `tests/conformance`.

use super::*;
use crate::node::NodeId;
use html5ever::ParseOpts;
use html5ever::tendril::TendrilSink;
use html5ever::tokenizer::TokenizerOpts;
use proptest::prelude::*;

/// How deep a node is, its kind, its tag or string, and its attributes.
type Line = (usize, Kind, String, Vec<(String, String)>);

/// Lists all nodes, so that two trees are the same if their lists are.
fn nodes(tree: &Tree) -> Vec<Line> {
    let depth =
        |id: NodeId| std::iter::successors(Some(id), |&id| tree.node(id).parent.some()).count();
    tree.preorder(ROOT)
        .filter(|&id| id != ROOT)
        .map(|id| match tree.kind(id) {
            kind if kind.is_element() => {
                let attributes = tree
                    .attributes(id)
                    .map(|(name, value)| (tree.names().get(name).to_owned(), value.to_owned()));
                (
                    depth(id),
                    kind,
                    tree.tag(id).to_owned(),
                    attributes.collect(),
                )
            }
            kind => (depth(id), kind, tree.data(id).to_owned(), Vec::new()),
        })
        .collect()
}

fn by_html5ever(html: &str, context: Option<&str>) -> Tree {
    let html = html.strip_prefix('\u{feff}').unwrap_or(html);
    let sink = Sink::new(html.len(), &Budget::default());
    let options = ParseOpts {
        tokenizer: TokenizerOpts {
            discard_bom: false,
            ..TokenizerOpts::default()
        },
        ..ParseOpts::default()
    };
    let Some(tag) = context else {
        return html5ever::parse_document(sink, options)
            .one(html)
            .expect("short");
    };
    let name = QualName::new(None, ns!(html), LocalName::from(tag));
    let parser = html5ever::parse_fragment(sink, options, name, Vec::new(), true);
    let mut tree = parser.one(html).expect("short");
    unwrap_fragment(&mut tree);
    tree
}

fn same(html: &str, context: Option<&str>) -> Result<(), TestCaseError> {
    let own = match context {
        None => parse_document(html, &Budget::default()),
        Some(tag) => parse_fragment(html, Kind::Html, tag, &Budget::default()),
    };
    let own = own.expect("the text is short");
    prop_assert_eq!(own.preorder(ROOT).count(), own.len(), "{:?}", html);
    prop_assert_eq!(
        nodes(&own),
        nodes(&by_html5ever(html, context)),
        "{:?} in {:?}",
        html,
        context
    );
    Ok(())
}

/// Pieces that, side by side, go through every state of a tokenizer.
fn markup() -> impl Strategy<Value = String> {
    let tags = "div p b a table tr td select option textarea title script style svg math \
                plaintext noscript template pre xmp br input DIV scripT foreignObject \
                frameset form";
    let tags: Vec<&str> = tags.split_whitespace().collect();
    let tag = prop::sample::select(tags);
    let bits = "< > / = \" ' & &amp; &amp &lt; &not &notin; &noti &#38; &#x26 &#0; &#x80; &#; &#x \
                &#xd800; &#99999999999; &nbsp; &xyz; &ap &apE; <! <!-- --> --!> <!--> <!---> - ! ? \
                <? <!doctype <!DOCTYPE\u{20}html public system <![CDATA[ ]]> ] \u{0} \u{feff} é 🦀 \
                </ <a a= a=b CLASS id";
    let mut bits: Vec<&str> = bits.split(' ').collect();
    bits.extend([" ", "\n", "\t", "\u{c}", "x", "a b"]);
    let piece = prop_oneof![
        4 => prop::sample::select(bits).prop_map(str::to_owned),
        2 => tag.clone().prop_map(|tag| format!("<{tag}>")),
        2 => tag.clone().prop_map(|tag| format!("</{tag}>")),
        1 => tag.prop_map(|tag| format!("<{tag} a=\"x&amp;y\" b='c' d=e/ f A>")),
    ];
    // A newline that begins a textarea is dropped also if it is a reference; html5ever
    // forgets to if that has no semicolon.
    let no_newline = |html: String| html.replace("&#xa", "&#xb");
    prop::collection::vec(piece, 0..24).prop_map(move |pieces| no_newline(pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_document_reads_as_html5ever_reads_it(html in markup()) {
        same(&html, None)?;
    }

    #[test]
    fn a_fragment_reads_as_html5ever_reads_it(
        html in markup(),
        tag in prop::sample::select(vec!["div", "td", "textarea", "style", "script", "plaintext"]),
    ) {
        same(&html, Some(tag))?;
    }
}

/// Returns how much work it was to parse *html*, and what came of it.
fn work(html: &str) -> (usize, Result<Tree, ParseError>) {
    sink::STEPS.set(0);
    let parsed = parse_document(html, &Budget::default());
    (sink::STEPS.get(), parsed)
}

/// A name, and a text of so many parts.
type Shape = (&'static str, fn(usize) -> String);

/// Text that a parser may take far more time or room for than it is long; of *n* parts.
const HARD: [Shape; 27] = [
    ("paragraphs in bold", |n| "<b><p>".repeat(n)),
    ("a paragraph for each of three", |n| {
        format!("<b><b><b>{}", "<p>x".repeat(n))
    }),
    ("formatting with many attributes", |n| {
        let attributes: String = (0..200).map(|i| format!(" a{i}")).collect();
        format!("<p><b{attributes}>{}", "<p>x".repeat(n))
    }),
    ("formatting with a long value", |n| {
        format!("<p><b a={}>{}", "v".repeat(n), "<p>x".repeat(n))
    }),
    ("formatting of all kinds", |n| {
        let kinds: String = (0..100).map(|i| format!("<i a={i}>")).collect();
        format!("<p>{kinds}{}", "<p>x".repeat(n))
    }),
    ("attributes on one tag", |n| {
        format!(
            "<p {}>",
            (0..n).map(|i| format!("a{i} ")).collect::<String>()
        )
    }),
    ("the same attribute again", |n| {
        format!("<p {}>", "a=b ".repeat(n))
    }),
    ("attributes on an end tag", |n| {
        format!("<p></p {}>", "a=b ".repeat(n))
    }),
    ("an unclosed tag", |n| format!("<p {}", "a='>' ".repeat(n))),
    ("attributes for html", |n| "<html a=b c=d>".repeat(n)),
    ("divs in each other", |n| "<div>".repeat(n)),
    ("spans in each other", |n| "<span>x".repeat(n)),
    ("a long value", |n| format!("<p a='{}'>", "v".repeat(8 * n))),
    ("a long name", |n| format!("<{}>", "n".repeat(n))),
    ("many names", |n| {
        (0..n).map(|i| format!("<x-{i}></x-{i}>")).collect()
    }),
    ("a long text", |n| "text ".repeat(n)),
    ("a text in pieces", |n| "text</x>".repeat(n)),
    ("texts at two places in turn", |n| {
        format!("<table>{}", "a</x> </x>".repeat(n))
    }),
    ("texts before a table", |n| {
        format!("<table>{}", "<tr>a<td>b".repeat(n))
    }),
    ("elements before a table", |n| {
        format!("<table>{}", "<b>x</b><i>".repeat(n))
    }),
    ("links in tables", |n| "<a><table>".repeat(n)),
    ("links in lists", |n| "<ul><a><b>".repeat(n)),
    ("nobr in headings", |n| "<b><h1><nobr>".repeat(n)),
    ("links that paragraphs leave open", |n| {
        "<a><p><b></p><dd>".repeat(n)
    }),
    ("options", |n| {
        let options = "<option selected><i>x</i>".repeat(n);
        format!("<select><button><selectedcontent></button>{options}")
    }),
    ("references", |n| "&amp;&notit;&#0;&xyz;&".repeat(n)),
    ("NULs and comments", |n| "a\0<!---->\0<!--".repeat(n)),
];

#[test]
fn twice_the_text_is_at_most_two_and_a_half_times_the_work() {
    for (name, html) in HARD {
        let (once, _) = work(&html(10_000));
        let (twice, _) = work(&html(20_000));
        assert!(2 * twice <= 5 * once, "{name}: {once} steps, then {twice}");
    }
}

#[test]
fn what_is_parsed_is_as_large_as_its_text_warrants() {
    for (name, html) in HARD {
        let html = html(20_000);
        if let Ok(tree) = parse_document(&html, &Budget::default()) {
            let (_, bytes) = tree.own_pages();
            assert!(
                bytes < 40 * html.len(),
                "{name}: {bytes} bytes of {}",
                html.len()
            );
        }
    }
}

proptest! {
    #[test]
    fn no_tree_is_deeper_than_allowed(html in markup(), depth in 3usize..12) {
        let budget = Budget { depth, ..Budget::default() };
        match parse_document(&html, &budget) {
            Ok(tree) => {
                let elements = nodes(&tree).into_iter().filter(|line| line.1.is_element());
                let deepest = elements.map(|line| line.0).max();
                prop_assert!(deepest <= Some(depth + 1), "{deepest:?} of {depth}: {html:?}");
            }
            Err(error) => prop_assert_eq!(error.kind, ParseErrorKind::Depth),
        }
    }
}

#[test]
fn what_a_frameset_drops_is_gone() {
    let html = "<form><p id=gone></p><b></form></b><frameset><frame>";
    let tree = parse_document(html, &Budget::default()).expect("short");
    assert_eq!(tree.preorder(ROOT).count(), tree.len());
    assert_eq!(tree.with_id("gone").count(), 0);
}

#[test]
fn a_selected_content_is_not_copied_deeper_than_allowed() {
    let html = |place: usize, option: usize| {
        let (place, option) = ("<i>".repeat(place), "<i>".repeat(option));
        format!("{place}<select><button><selectedcontent></button><option>x<b></b>{option}")
    };
    let deepest = |tree: &Tree| {
        let elements = nodes(tree).into_iter().filter(|line| line.1.is_element());
        elements.map(|line| line.0 - 1).max()
    };
    for (place, option) in [(10, 5), (3, 12)] {
        let html = html(place, option);
        let whole = parse_document(&html, &Budget::default()).expect("not that deep");
        let depth = deepest(&whole).expect("some");
        let budget = |depth| Budget {
            depth,
            ..Budget::default()
        };
        let same = parse_document(&html, &budget(depth)).expect("as deep as may be");
        assert_eq!(deepest(&same), Some(depth));
        let error = parse_document(&html, &budget(depth - 1)).expect_err("too deep");
        assert_eq!(error.kind, ParseErrorKind::Depth);
        assert_eq!(error.offset, html.len());
    }
}

#[test]
fn a_refusal_names_the_limit_and_the_byte_at_which_the_tag_begins() {
    let small = Budget {
        nodes: 10,
        depth: 5,
        attributes: 2,
        name_bytes: 8,
        value_bytes: 8,
    };
    let formatting = format!(
        "<p><b {}>",
        (0..200).map(|i| format!("a{i} ")).collect::<String>()
    );
    let cases = [
        (
            "<p>1<p>2<p>3<p>4<p>",
            small,
            "more than 10 nodes, at byte 15 of the HTML",
        ),
        (
            "<!-- --><i><i><i><i>",
            small,
            "elements more than 5 deep in each other, at byte 17 of the HTML",
        ),
        (
            "é<p a b a c>",
            small,
            "more than 2 attributes on one element, at byte 2 of the HTML",
        ),
        (
            "x</longer-than-8>",
            small,
            "a name of more than 8 bytes, at byte 1 of the HTML",
        ),
        (
            "<p longer-than-8>",
            small,
            "a name of more than 8 bytes, at byte 0 of the HTML",
        ),
        (
            "\u{feff}a\r\n\r\n<p a='123456789'>",
            small,
            "an attribute's value of more than 8 bytes, at byte 8 of the HTML",
        ),
        (
            "\r<!--é",
            Budget { nodes: 3, ..small },
            "more than 3 nodes, at byte 7 of the HTML",
        ),
        (
            &format!("{formatting}{}", "<p>x".repeat(2000)),
            Budget::default(),
            "formatting elements that are opened again make more than",
        ),
    ];
    for (html, budget, wanted) in cases {
        let error = parse_document(html, &budget).expect_err("over its budget");
        assert!(error.to_string().starts_with(wanted), "{error}");
        assert!(html.is_char_boundary(error.offset), "{error}");
    }
}
