//! Nothing recurses: every public operation of the core, on a tree a million deep, in a
//! thread whose stack would hold a frame of a byte for every fourth of its levels.

use crate::{add, add_text};
use sapwood::apply::apply;
use sapwood::diff::diff;
use sapwood::node::{Kind, NodeId};
use sapwood::ops::statuses;
use sapwood::page::PAGE_NODES;
use sapwood::parse::{Budget, parse_document, parse_fragment};
use sapwood::render::{RenderOptions, render, render_document, render_inner};
use sapwood::select::Selector;
use sapwood::sync::{Events, Sync};
use sapwood::tree::{ROOT, Tree};
use sapwood::wire::{encode, encode_whole};

const DEPTH: usize = 1_000_000;
const STACK_BYTES: usize = 256 * 1024;

/// Runs *body* in a thread with little stack: whatever recurses over a tree overflows it.
fn with_small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let ended = thread.spawn(body).expect("a thread").join();
    ended.expect("no panic");
}

/// Returns a tree a million deep, with uuids, and its innermost element.
fn chain() -> (Tree, NodeId) {
    let mut tree = Tree::default();
    let mut at = ROOT;
    for _ in 0..DEPTH {
        at = add(&mut tree, at, "i");
    }
    tree.set_text(at, "bottom").expect("an element");
    tree.set_attribute(at, "id", "bottom").expect("room");
    tree.stamp_all();
    (tree, at)
}

fn options() -> RenderOptions<'static> {
    RenderOptions {
        uuids: true,
        ..RenderOptions::default()
    }
}

#[test]
fn it_is_read() {
    with_small_stack(|| {
        let (tree, bottom) = chain();
        let top = tree.node(ROOT).first;
        assert_eq!(tree.text(ROOT), "bottom");
        assert_eq!(tree.preorder(ROOT).count(), DEPTH + 2);
        assert!(tree.is_ancestor_or_self(top, bottom));
        assert_eq!(tree.after_subtree(bottom, ROOT), None);
        assert_eq!(tree.by_id("bottom", false), Some(bottom));
        let uuid = tree.uuid(bottom).expect("stamped");
        assert_eq!(tree.by_uuid(&uuid), Some(bottom));
        assert_eq!(tree.child_elements(top).len(), 1);
        assert_eq!(tree.listeners(bottom, "_onclick"), []);
        assert_eq!(tree.field_property(bottom, "\"typed\""), None);
        assert_eq!(tree.own_pages().0, (DEPTH + 2) / PAGE_NODES + 1);
        assert!(format!("{tree:?}").contains("nodes"));
    });
}

#[test]
fn it_is_changed() {
    with_small_stack(|| {
        let (mut tree, bottom) = chain();
        let top = tree.node(ROOT).first;
        let version = tree.clone();
        tree.stamp_below(top);
        tree.set_kind_and_tag(top, Kind::Html, "b").expect("room");
        assert!(tree.remove_attribute(bottom, "id"));
        add_text(&mut tree, bottom, " and more");
        tree.normalize();
        assert_eq!(tree.text(top), "bottom and more");
        tree.settle(top).expect("room");
        let below = tree.node(top).first;
        tree.insert(below, None, top)
            .expect_err("into its own descendant");
        tree.insert(ROOT, Some(top), below).expect("moves up");
        tree.insert(top, None, below).expect("moves down");
        tree.detach(top);
        tree.append(ROOT, top).expect("comes back");
        tree.remove_children(top);
        assert_eq!(tree.len(), 2);
        tree.remove(top);
        assert_eq!(version.len(), DEPTH + 2);
    });
}

#[test]
fn it_is_copied_and_dropped() {
    with_small_stack(|| {
        let (tree, _) = chain();
        let mut copy = Tree::default();
        let top = copy.adopt(&tree, tree.node(ROOT).first, |_, _| {});
        copy.append(ROOT, top.expect("room")).expect("new");
        drop(tree);
        assert_eq!(copy.len(), DEPTH + 2);
        let version = copy.clone();
        drop(copy);
        drop(version);
    });
}

#[test]
fn it_is_parsed_and_rendered() {
    with_small_stack(|| {
        let budget = Budget {
            depth: usize::MAX,
            ..Budget::default()
        };
        let html = "<span>".repeat(DEPTH);
        let tree = parse_document(&html, &budget).expect("in its budget");
        assert_eq!(tree.len(), DEPTH + 4);
        let rendered = render_document(&tree, options());
        assert!(rendered.ends_with("</span></body></html>"));
        let again = parse_fragment(&html, Kind::Html, "div", &budget).expect("in its budget");
        let mut inner = String::new();
        render_inner(&again, ROOT, options(), &mut inner);
        render(&again, again.node(ROOT).first, options(), &mut inner);
        assert_eq!(inner.len(), 2 * DEPTH * "<span></span>".len());
    });
}

#[test]
fn it_is_queried() {
    with_small_stack(|| {
        let (tree, bottom) = chain();
        for selector in [
            "#bottom",
            "[id]",
            "i > [id]",
            ":not(:empty)[id]",
            "i#bottom:only-child",
        ] {
            let selector = Selector::parse(selector).expect("a selector");
            assert_eq!(selector.first(&tree, ROOT), Some(bottom));
            assert_eq!(selector.all(&tree, ROOT), [bottom]);
            assert!(selector.matches(&tree, bottom));
            assert_eq!(selector.closest(&tree, bottom), Some(bottom));
        }
        let far = Selector::parse("i:first-child:last-child:not(i i)").expect("a selector");
        assert_eq!(far.closest(&tree, bottom), Some(tree.node(ROOT).first));
    });
}

#[test]
fn it_is_queried_from_above() {
    with_small_stack(|| {
        let (tree, bottom) = chain();
        let parent = tree.node(bottom).parent;
        let selector = Selector::parse("i:has(> #bottom)").expect("a selector");
        assert_eq!(selector.all(&tree, ROOT), [parent]);
        let selector = Selector::parse("i:has(#bottom)").expect("a selector");
        assert_eq!(selector.first(&tree, ROOT), Some(tree.node(ROOT).first));
    });
}

#[test]
fn a_selector_however_nested_is_compiled_or_refused() {
    with_small_stack(|| {
        let (tree, _) = chain();
        for depth in [10, 100, 100_000] {
            let nested = format!("{}i{}", ":is(".repeat(depth), ")".repeat(depth));
            if let Ok(selector) = Selector::parse(&nested) {
                assert!(selector.first(&tree, ROOT).is_some());
            }
            let attributes = "[a]".repeat(depth);
            if let Ok(selector) = Selector::parse(&attributes) {
                assert!(selector.first(&tree, ROOT).is_none());
            }
        }
    });
}

#[test]
fn versions_of_it_are_compared() {
    with_small_stack(|| {
        let (old, bottom) = chain();
        let mut new = old.clone();
        new.set_text(bottom, "changed").expect("an element");
        new.set_attribute(bottom, "class", "deep").expect("room");
        let mut ops = Vec::new();
        diff(&old, &new, &mut ops);
        assert_eq!(ops.len(), 2);
        // Half of it moves out of the other half.
        let middle = old.preorder(ROOT).nth(DEPTH / 2).expect("there");
        new.insert(ROOT, None, middle).expect("a move upwards");
        ops.clear();
        diff(&old, &new, &mut ops);
        assert_eq!(ops.len(), 3);
        assert_eq!(statuses(&old, &new, &ops).len(), 2);
    });
}

#[test]
fn it_is_sent_and_received() {
    with_small_stack(|| {
        let (tree, bottom) = chain();
        let empty = Tree::default();
        for (old, new) in [(&empty, &tree), (&tree, &empty)] {
            let mut ops = Vec::new();
            diff(old, new, &mut ops);
            assert_eq!(statuses(old, new, &ops).len(), DEPTH);
            assert_eq!(ops[0].describe(old, new).operands.len(), ops_operands(new));
            let mut json = String::new();
            encode(old, new, &ops, &mut json);
            let mut page = old.clone();
            apply(&mut page, &format!("[{}]", json.trim_start_matches(','))).expect("applies");
            assert_eq!(page.len(), new.len());
            let mut rest = Vec::new();
            diff(&page, new, &mut rest);
            assert_eq!(rest, []);
        }
        let mut whole = String::new();
        encode_whole(&tree, &mut whole);
        let mut sync = Sync::new(empty);
        let mut frame = String::new();
        assert!(sync.cut(&tree, Events::default(), &mut frame));
        frame.clear();
        sync.cut_whole(&tree, Events::default(), &mut frame);
        assert!(frame.len() > whole.len());
        sync.absorb(|version| version.set_data(version.node(bottom).first, "typed"));
        sync.share(&tree);
        assert!(sync.acknowledge(2));
    });
}

/// How many operands the first op has that leads to *new*: an insert or a remove.
fn ops_operands(new: &Tree) -> usize {
    if new.is_empty() { 1 } else { 3 }
}
