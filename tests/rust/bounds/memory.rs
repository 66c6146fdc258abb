//! A long life costs nothing: after a million steps a tree holds what it held.
//!
//! Bytes are counted as they are allocated and freed, so these bounds are the same on
//! every machine: a byte kept for each step, or for each two-hundredth, breaks them.

use crate::meter::live;
use crate::{add, add_text};
use sapwood::node::{Kind, NodeId};
use sapwood::parse::{Budget, parse_document};
use sapwood::sync::{Events, Sync};
use sapwood::tree::{ROOT, Tree};

const STEPS: usize = 1_000_000;
/// Steps after which everything has been as large as it ever becomes.
const WARM: usize = 20_000;
/// How much more a tree may hold at one time than at another: room to grow into.
const SLACK_BYTES: isize = 4096;

/// Fails if a *step* out of a million leaves more than the first few did.
fn costs_nothing(mut step: impl FnMut(usize)) {
    let mut most = 0;
    for n in 0..WARM {
        step(n);
        most = most.max(live());
    }
    for n in WARM..STEPS {
        step(n);
        let more = live() - most;
        assert!(more <= SLACK_BYTES, "step {n} holds {more} bytes more");
    }
}

/// Returns a table of so many rows with two cells, with uuids, and its body.
fn table(rows: usize) -> (Tree, NodeId) {
    let mut tree = Tree::default();
    let body = add(&mut tree, ROOT, "tbody");
    for n in 0..rows {
        add_row(&mut tree, body, n);
    }
    tree.stamp_all();
    (tree, body)
}

fn add_row(tree: &mut Tree, body: NodeId, n: usize) -> NodeId {
    let row = add(tree, body, "tr");
    tree.set_attribute(row, "id", &format!("row{n}"))
        .expect("room");
    for text in ["name", "a note"] {
        let cell = add(tree, row, "td");
        add_text(tree, cell, text);
    }
    row
}

fn first_cell(tree: &Tree, body: NodeId) -> NodeId {
    tree.node(tree.node(body).first).first
}

#[test]
fn a_million_updates_of_one_cell() {
    let (mut tree, body) = table(100);
    let cell = first_cell(&tree, body);
    costs_nothing(|n| {
        let text = ["a", "longer than that", ""][n % 3];
        tree.set_text(cell, text).expect("a cell");
    });
}

#[test]
fn a_million_updates_that_a_browser_follows() {
    let (mut tree, body) = table(100);
    let cell = first_cell(&tree, body);
    let mut sync = Sync::new(tree.clone());
    costs_nothing(|n| {
        let text = ["a", "longer than that", ""][n % 3];
        tree.set_text(cell, text).expect("a cell");
        assert!(sync.cut(&tree, Events::default(), &mut String::new()));
        sync.acknowledge(sync.sequence());
    });
}

#[test]
fn a_million_rows_come_and_go() {
    let (mut tree, body) = table(100);
    costs_nothing(|n| {
        let row = add_row(&mut tree, body, n);
        tree.remove(row);
    });
    assert_eq!(tree.own_pages().0, table(100).0.own_pages().0);
}

#[test]
fn a_million_rows_come_and_go_first_in_first_out() {
    let (mut tree, body) = table(100);
    costs_nothing(|n| {
        add_row(&mut tree, body, n);
        let first = tree.node(body).first;
        tree.remove(first);
    });
}

#[test]
fn a_million_forks_are_taken_and_dropped() {
    let (mut tree, body) = table(100);
    let cell = first_cell(&tree, body);
    let mut kept = None;
    costs_nothing(|n| {
        let fork = tree.clone();
        tree.set_text(cell, ["a", "b"][n % 2]).expect("a cell");
        // One of them lives for a while.
        if n % 100 == 0 {
            kept = Some(fork);
        }
    });
    assert!(kept.is_some());
}

#[test]
fn a_million_attributes_ids_and_classes_are_set_and_removed() {
    let (mut tree, body) = table(100);
    let row = tree.node(body).first;
    costs_nothing(|n| {
        tree.set_attribute(row, "title", "of this row")
            .expect("room");
        tree.set_attribute(row, "id", &format!("id{}", n % 1000))
            .expect("room");
        tree.set_attribute(row, "class", &format!("class{}", n % 1000))
            .expect("room");
        assert!(tree.remove_attribute(row, "title"));
        assert!(tree.remove_attribute(row, "id"));
        assert!(tree.remove_attribute(row, "class"));
    });
}

#[test]
fn a_million_attributes_with_names_of_their_own_are_set_and_removed() {
    let (mut tree, body) = table(100);
    let row = tree.node(body).first;
    let mut before = tree.clone();
    costs_nothing(|n| {
        let name = format!("data-{:06}", n % 999_983);
        tree.set_attribute(row, &name, "set")
            .expect("room for the name");
        assert_eq!(tree.attribute(row, &name), Some("set"));
        if n % 7 == 0 {
            before = tree.clone();
        }
        assert!(tree.remove_attribute(row, &name));
    });
    assert_eq!(before.attributes(row).count(), 2);
}

#[test]
fn a_million_tags_of_their_own_come_and_go() {
    let (mut tree, body) = table(100);
    costs_nothing(|n| {
        let id = add(&mut tree, body, &format!("x-{:06}", n % 999_983));
        tree.set_text(id, "text").expect("an element");
        tree.remove(id);
    });
}

#[test]
fn what_a_hundred_thousand_rows_took_is_given_back_in_whatever_order_they_go() {
    let reversed = |mut rows: Vec<NodeId>| {
        rows.reverse();
        rows
    };
    let every_second_first = |rows: Vec<NodeId>| {
        let (even, odd): (Vec<_>, Vec<_>) = (0..rows.len()).partition(|n| n % 2 == 0);
        even.into_iter().chain(odd).map(|n| rows[n]).collect()
    };
    let shuffled = |rows: Vec<NodeId>| {
        // Steps of a number that no length here shares a factor with.
        (0..rows.len())
            .map(|n| rows[n * 61_027 % rows.len()])
            .collect()
    };
    let orders: [&dyn Fn(Vec<NodeId>) -> Vec<NodeId>; 4] =
        [&|rows| rows, &reversed, &every_second_first, &shuffled];
    for (n, order) in orders.iter().enumerate() {
        let (mut tree, body) = table(100);
        let before = (live(), tree.own_pages());
        let rows: Vec<NodeId> = (0..100_000).map(|n| add_row(&mut tree, body, n)).collect();
        assert!(live() - before.0 > 20_000_000);
        let rows = order(rows);
        for &row in &rows {
            tree.remove(row);
        }
        drop(rows);
        let (pages, bytes) = tree.own_pages();
        // A page in which new nodes would come is kept, and its branches.
        assert!(pages <= before.1.0 + 1 && bytes <= before.1.1 + 4096);
        assert!(
            live() <= before.0 + 8192,
            "order {n}: {} bytes more",
            live() - before.0
        );
    }
}

#[test]
fn a_parsed_page_that_is_emptied_gives_back_what_it_took() {
    let rows = "<tr><td>a<td>b".repeat(100_000);
    let before = live();
    let mut tree = parse_document(&format!("<table>{rows}"), &Budget::default()).expect("small");
    tree.stamp_all();
    assert!(live() - before > 10_000_000);
    tree.remove_children(ROOT);
    assert_eq!(tree.own_pages().0, 1);
    assert!(live() - before < 8192, "{} bytes more", live() - before);
}

#[test]
fn a_tree_and_its_versions_leave_nothing() {
    let before = live();
    let (mut tree, body) = table(1000);
    let mut versions = Vec::new();
    for n in 0..100 {
        versions.push(tree.clone());
        add_row(&mut tree, body, n);
        tree.set_attribute(body, &format!("data-{n}"), "")
            .expect("room");
        let given = format!("<p uuid=given{n}>text");
        let parsed = parse_document(&given, &Budget::default()).expect("small");
        let copy = tree
            .adopt(&parsed, parsed.node(ROOT).first, |_, _| {})
            .expect("room");
        tree.insert(body, None, copy).expect("a new element");
    }
    drop(tree);
    drop(versions);
    assert_eq!(live(), before);
}

#[test]
fn ten_thousand_clones_with_one_change_each_cost_a_page_each() {
    let (tree, body) = table(1000);
    let cell = tree.node(tree.child_elements(body)[500]).first;
    let before = live();
    let clones: Vec<Tree> = (0..10_000)
        .map(|n| {
            let mut clone = tree.clone();
            clone
                .set_text(cell, &format!("was changed {n}"))
                .expect("a cell");
            clone
        })
        .collect();
    for clone in &clones {
        let (pages, bytes) = clone.own_pages();
        assert!(
            pages == 1 && bytes <= 3200,
            "{pages} pages of {bytes} bytes"
        );
    }
    let each = (live() - before) as usize / clones.len();
    assert!(each <= 3400, "{each} bytes for a clone");
}

#[test]
fn a_node_of_a_table_costs_less_than_64_bytes() {
    let before = live();
    let (tree, _) = table(10_000);
    let each = (live() - before) as usize / tree.len();
    assert!(each <= 64, "{each} bytes for a node");
}

#[test]
fn a_given_uuid_comes_and_goes_a_million_times() {
    let (mut tree, body) = table(100);
    let html = "<p uuid=given>";
    let parsed = parse_document(html, &Budget::default()).expect("small");
    let given = sapwood::select::Selector::parse("p").expect("a selector");
    let given = given.first(&parsed, ROOT).expect("there");
    costs_nothing(|_| {
        let copy = tree.adopt(&parsed, given, |_, _| {}).expect("room");
        tree.insert(body, None, copy).expect("a new element");
        tree.stamp_one(copy);
        assert_eq!(tree.by_uuid("given"), Some(copy));
        tree.remove(copy);
        assert_eq!(tree.by_uuid("given"), None);
    });
    assert_eq!(Kind::Html, parsed.kind(given));
}
