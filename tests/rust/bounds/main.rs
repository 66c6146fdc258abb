//! What must not depend on the shape of a tree or the length of its life: the stack,
//! memory, and how much more twice as much costs.

mod deep;
mod meter;
mod memory;
mod shapes;

use sapwood::node::{Kind, NodeId};
use sapwood::parse::{Budget, ParseErrorKind, parse_document};
use sapwood::tree::Tree;

/// Makes an element last below *parent*.
fn add(tree: &mut Tree, parent: NodeId, tag: &str) -> NodeId {
    let id = tree.create_element(Kind::Html, tag).expect("room");
    tree.append(parent, id).expect("a new element");
    id
}

/// Makes a text last below *parent*.
fn add_text(tree: &mut Tree, parent: NodeId, text: &str) -> NodeId {
    let id = tree.create_text(text).expect("room");
    tree.append(parent, id).expect("a new text");
    id
}

#[test]
fn html_over_its_budget_is_refused_while_the_tree_is_small() {
    let formatting: String = (0..2000).map(|n| format!("<b a={n}>")).collect();
    let cases = [
        ("<div>".repeat(100_000), ParseErrorKind::Depth),
        (
            format!("<p>{formatting}{}", "<p>x".repeat(5000)),
            ParseErrorKind::Depth,
        ),
        (
            format!("<p>{}{}", &formatting[..3000], "<p>x".repeat(5000)),
            ParseErrorKind::Growth,
        ),
        (
            format!(
                "<p {}>",
                (0..300).map(|n| format!("a{n} ")).collect::<String>()
            ),
            ParseErrorKind::Attributes,
        ),
        (
            (0..70_000).map(|n| format!("<x-{n}></x-{n}>")).collect(),
            ParseErrorKind::Names,
        ),
    ];
    for (html, kind) in cases {
        let error = parse_document(&html, &Budget::default()).expect_err("over its budget");
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.offset <= html.len());
    }
}
