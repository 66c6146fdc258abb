//! What must not depend on the shape of a tree: the stack, and memory after a long life.

use sapwood::apply::apply;
use sapwood::diff::diff;
use sapwood::node::{Kind, NodeId};
use sapwood::parse::{Budget, ParseErrorKind, parse_document};
use sapwood::render::{RenderOptions, render_document};
use sapwood::select::Selector;
use sapwood::tree::{ROOT, Tree};
use sapwood::wire::encode;

/// Runs *body* in a thread with a stack of 256 KiB: whatever recurses over a tree
/// overflows it.
fn with_small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(body);
    thread
        .expect("a thread")
        .join()
        .expect("no overflow, no panic");
}

fn chain(depth: usize) -> (Tree, NodeId) {
    let mut tree = Tree::default();
    let mut at = ROOT;
    for _ in 0..depth {
        let id = tree.create_element(Kind::Html, "i").expect("room");
        tree.append(at, id).expect("new");
        at = id;
    }
    tree.set_text(at, "bottom").expect("an element");
    tree.stamp_all();
    (tree, at)
}

#[test]
fn a_tree_a_million_deep_needs_no_stack() {
    with_small_stack(|| {
        let (tree, bottom) = chain(1_000_000);
        let mut changed = tree.clone();
        changed.set_text(bottom, "changed").expect("an element");
        changed
            .set_attribute(bottom, "class", "deep")
            .expect("room");

        let mut ops = Vec::new();
        diff(&tree, &changed, &mut ops);
        assert_eq!(ops.len(), 2);

        let html = render_document(&changed, RenderOptions::default());
        assert!(html.contains(">changed</i></i>"));
        assert_eq!(changed.text(ROOT), "changed");
        let selector = Selector::parse(".deep").expect("a selector");
        assert_eq!(selector.first(&changed, ROOT), Some(bottom));

        let mut copy = Tree::default();
        let top = changed.node(ROOT).first;
        let made = copy.adopt(&changed, top, |_, _| {}).expect("room");
        copy.append(ROOT, made).expect("new");
        changed.remove(top);
        assert_eq!(changed.len(), 1);
        drop(tree);
        drop(changed);
    });
}

#[test]
fn a_patch_a_hundred_thousand_deep_needs_no_stack() {
    with_small_stack(|| {
        let (tree, _) = chain(100_000);
        let empty = Tree::default();
        let mut ops = Vec::new();
        diff(&empty, &tree, &mut ops);
        let mut json = String::new();
        encode(&empty, &tree, &ops, &mut json);
        let mut page = Tree::default();
        apply(&mut page, &format!("[{}]", json.trim_start_matches(','))).expect("applies");
        assert_eq!(page.len(), tree.len());
    });
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

#[test]
fn inserting_and_removing_for_ever_costs_nothing() {
    let (mut tree, bottom) = chain(10);
    for _ in 0..200_000 {
        let row = tree.create_element(Kind::Html, "tr").expect("room");
        tree.append(bottom, row).expect("new");
        tree.set_attribute(row, "id", "row").expect("room");
        tree.remove(row);
    }
    let (pages, bytes) = tree.own_pages();
    assert!(pages == 1 && bytes < 8192, "{pages} pages, {bytes} bytes");
}

#[test]
fn forks_taken_and_dropped_cost_nothing() {
    let (mut tree, bottom) = chain(1000);
    let (pages, _) = tree.own_pages();
    for n in 0..200_000 {
        let fork = tree.clone();
        tree.set_text(bottom, if n % 2 == 0 { "a" } else { "b" })
            .expect("an element");
        drop(fork);
    }
    assert_eq!(tree.own_pages().0, pages);
}
