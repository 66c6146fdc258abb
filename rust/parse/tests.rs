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
        return html5ever::parse_document(sink, options).one(html);
    };
    let name = QualName::new(None, ns!(html), LocalName::from(tag));
    let parser = html5ever::parse_fragment(sink, options, name, Vec::new(), true);
    let mut tree = parser.one(html);
    unwrap_fragment(&mut tree);
    tree
}

fn same(html: &str, context: Option<&str>) -> Result<(), TestCaseError> {
    let own = match context {
        None => parse_document(html, &Budget::default()),
        Some(tag) => parse_fragment(html, Kind::Html, tag, &Budget::default()),
    };
    let own = own.expect("the text is short");
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
                plaintext noscript template pre xmp br input DIV scripT foreignObject";
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
