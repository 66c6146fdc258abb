//! Twice as much costs twice as much: for each shape of input, what 2n takes is at most
//! 2.5 times what n takes.
//!
//! What it takes is counted, not timed: bytes allocated, and the core's own steps. The
//! time of the same shapes, and of more through Python, is measured by
//! `benches/python/shapes.py`.

use crate::meter::{Work, measure};
use crate::{add, add_text};
use sapwood::apply::apply;
use sapwood::diff::diff;
use sapwood::node::{Kind, NodeId};
use sapwood::ops::statuses;
use sapwood::parse::{Budget, parse_document};
use sapwood::render::{RenderOptions, render_document};
use sapwood::select::Selector;
use sapwood::sync::{Events, Sync};
use sapwood::tree::{ROOT, Tree};
use sapwood::wire::encode;

const N: usize = 1500;
const GROWTH_MAX: f64 = 2.5;

/// Fails if some shape takes out of proportion more for 2n than for n. A shape is made
/// by the first of its two functions and measured in the second.
fn check<T>(shapes: &[&str], make: impl Fn(&str, usize) -> T, run: impl Fn(&str, usize, T)) {
    let take = |shape: &str, n| {
        let made = make(shape, n);
        measure(|| run(shape, n, made))
    };
    let mut failed = Vec::new();
    for shape in shapes {
        // The first run also fills what is made once per thread.
        take(shape, 10);
        let (half, whole) = (take(shape, N), take(shape, 2 * N));
        let growth = |of: fn(&Work) -> u64| of(&whole) as f64 / of(&half).max(1) as f64;
        let (bytes, steps) = (growth(|it| it.bytes), growth(|it| it.steps));
        if bytes > GROWTH_MAX || steps > GROWTH_MAX {
            failed.push(format!(
                "{shape}: {bytes:.2} × the bytes, {steps:.2} × the steps"
            ));
        }
    }
    assert!(
        sapwood::work::steps() > 0,
        "no steps are counted in this build"
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

// --- Documents -----------------------------------------------------------------------

fn html(shape: &str, n: usize) -> String {
    let each = |one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<String>();
    let same = |one: &str| one.repeat(n);
    match shape {
        "wide" => same("<p>some text</p>"),
        "deep" => same("<span>"),
        "deep and wide" => same("<div><p>a<p>b"),
        "mixed content" => same("some <b>bold</b> and <i>more</i> text"),
        "many attributes" => each(&|n| format!("<p a={n} b c=x d e f=g h i j k l m=n>")),
        "full elements" => {
            let attributes: String = (0..250).map(|n| format!(" a{n}={n}")).collect();
            format!("<p{attributes}>").repeat(n / 50)
        }
        "many classes" => format!("<p class='{}'>", each(&|n| format!("c{n} "))),
        "a long text" => each(&|n| format!("words and words {n} ")),
        "a long attribute" => format!("<p title='{}'>", same("words and words ")),
        "many short texts" => same("a<br>"),
        "many long texts" => format!("<p>{}</p>", "long ".repeat(60)).repeat(n),
        "comments" => same("<!-- a comment --><!---->"),
        "a table" => format!("<table>{}</table>", same("<tr><td>a<td>b")),
        "texts out of a table" => format!("<table>{}", same("x<tr>")),
        "elements out of a table" => format!("<table>{}", same("<p>x</p><tr><td>")),
        "formatting" => same("<p><b>b<i>i</b>i</i>"),
        "formatting left open" => same("<p><b><i>x"),
        "links in links" => same("<a href=x>x<p>"),
        "entities" => same("&amp;&lt;&#65;"),
        "items left open" => format!("<ul>{}", same("<li>x")),
        "end tags of nothing" => same("</p></b></x>"),
        "svg" => same("<svg><g><path d='M0 0'/></g></svg>"),
        "options" => format!("<select>{}</select>", same("<option value=x>y")),
        "templates" => same("<template><p>x</template>"),
        "scripts" => same("<script>if (a < b) { '</p>' }</script>"),
        "ids all equal" => same("<p id=same>"),
        "ids all different" => each(&|n| format!("<p id=id{n}>")),
        "uuids given" => each(&|n| format!("<p uuid=given{n}>")),
        "uuids all equal" => same("<p uuid=given>"),
        "tags of their own" => each(&|n| format!("<x-{n}></x-{n}>")),
        "unclosed quotes" => same("<p title=\"x' "),
        "zeros" => same("a\0b\r\n"),
        _ => unreachable!("{shape}"),
    }
}

const DOCUMENTS: [&str; 32] = [
    "wide",
    "deep",
    "deep and wide",
    "mixed content",
    "many attributes",
    "full elements",
    "many classes",
    "a long text",
    "a long attribute",
    "many short texts",
    "many long texts",
    "comments",
    "a table",
    "texts out of a table",
    "elements out of a table",
    "formatting",
    "formatting left open",
    "links in links",
    "entities",
    "items left open",
    "end tags of nothing",
    "svg",
    "options",
    "templates",
    "scripts",
    "ids all equal",
    "ids all different",
    "uuids given",
    "uuids all equal",
    "tags of their own",
    "unclosed quotes",
    "zeros",
];

fn parsed(html: &str) -> Tree {
    let budget = Budget {
        depth: usize::MAX,
        ..Budget::default()
    };
    parse_document(html, &budget).expect("in its budget")
}

fn stamped(html: &str) -> Tree {
    let mut tree = parsed(html);
    tree.stamp_all();
    tree
}

#[test]
fn documents_parsed() {
    check(&DOCUMENTS, html, |_, _, html| drop(parsed(&html)));
}

#[test]
fn documents_stamped_and_rendered() {
    check(
        &DOCUMENTS,
        |shape, n| parsed(&html(shape, n)),
        |_, _, mut tree| {
            tree.stamp_all();
            let options = RenderOptions {
                uuids: true,
                ..RenderOptions::default()
            };
            drop(render_document(&tree, options));
        },
    );
}

#[test]
fn documents_copied_compared_as_strangers_and_removed() {
    let make = |shape: &str, n| stamped(&html(shape, n));
    check(&DOCUMENTS, make, |_, _, mut tree| {
        let mut copy = Tree::default();
        for top in tree.children(ROOT) {
            let made = copy.adopt(&tree, top, |_, _| {}).expect("room");
            copy.append(ROOT, made).expect("new");
        }
        send_and_receive(&tree, &copy);
        tree.remove_children(ROOT);
        send_and_receive(&copy, &tree);
    });
}

#[test]
fn documents_that_hide_things_and_are_changed_all_over() {
    let make = |shape: &str, n| stamped(&html(shape, n));
    check(&DOCUMENTS, make, |_, _, old| {
        let mut new = old.clone();
        let is_element = |id: &NodeId| old.kind(*id).is_element();
        let all: Vec<NodeId> = old.preorder(ROOT).filter(is_element).collect();
        for &id in &all {
            let length = old.attributes(id).count();
            if length < 200 {
                new.set_attribute(id, "title", "changed").expect("room");
            }
        }
        let mut some_hidden = new.clone();
        // Of what is deep, the last only: with the first, all else would be hidden too.
        for &id in all.iter().rev().take(3) {
            some_hidden.set_hidden(id, true);
        }
        send(&old, &some_hidden);
        send(&some_hidden, &old);
        send(&new, &some_hidden);
    });
}

/// Does all that the server does to bring a browser from *old* to *new*.
fn send(old: &Tree, new: &Tree) -> String {
    let mut ops = Vec::new();
    diff(old, new, &mut ops);
    drop(statuses(old, new, &ops));
    let mut json = String::new();
    encode(old, new, &ops, &mut json);
    json
}

/// Does what the browser does, too.
fn send_and_receive(old: &Tree, new: &Tree) {
    let json = send(old, new);
    let mut page = old.clone();
    apply(&mut page, &format!("[{}]", json.trim_start_matches(','))).expect("applies");
}

// --- Edits ---------------------------------------------------------------------------

/// Returns a list with uuids: elements with a text each, and a text or a comment after
/// each if *is_mixed*.
fn list(n: usize, is_mixed: bool) -> (Tree, NodeId) {
    let mut tree = Tree::default();
    let list = add(&mut tree, ROOT, "div");
    for n in 0..n {
        let item = add(&mut tree, list, "p");
        tree.set_attribute(item, "id", &format!("id{n}"))
            .expect("room");
        add_text(&mut tree, item, "text");
        if is_mixed && n % 3 == 0 {
            let comment = tree.create_data(Kind::Comment, "between").expect("room");
            tree.append(list, comment).expect("new");
        } else if is_mixed {
            add_text(&mut tree, list, "between");
        }
    }
    tree.stamp_all();
    (tree, list)
}

fn shuffled(mut items: Vec<NodeId>) -> Vec<NodeId> {
    for at in 0..items.len() {
        items.swap(at, at * 61_027 % (at + 1));
    }
    items
}

fn edit(shape: &str, tree: &mut Tree, list: NodeId) {
    let all: Vec<NodeId> = tree.children(list).collect();
    let elements = tree.child_elements(list);
    match shape {
        "nothing" => {}
        "each text" => {
            for id in all {
                match tree.kind(id) {
                    Kind::Text | Kind::Comment => tree.set_data(id, "changed"),
                    _ => tree.set_text(id, "changed").expect("an element"),
                }
            }
        }
        "each attribute" => {
            for id in elements {
                tree.set_attribute(id, "title", "set").expect("room");
                tree.remove_attribute(id, "id");
            }
        }
        "each tag" => {
            for id in elements {
                tree.set_kind_and_tag(id, Kind::Html, "b").expect("room");
            }
        }
        "reverse" => arrange(tree, list, all.into_iter().rev()),
        "shuffle" => arrange(tree, list, shuffled(all).into_iter()),
        "rotate" => arrange(tree, list, all[1..].iter().chain(&all[..1]).copied()),
        "swap neighbours" => {
            let pairs = all.chunks(2);
            let swapped: Vec<_> = pairs.flat_map(|pair| pair.iter().rev().copied()).collect();
            arrange(tree, list, swapped.into_iter());
        }
        "remove every second" => all.into_iter().step_by(2).for_each(|id| tree.remove(id)),
        "remove every third" => all.into_iter().step_by(3).for_each(|id| tree.remove(id)),
        "remove all" => tree.remove_children(list),
        "replace all" => {
            tree.remove_children(list);
            for _ in all {
                add(tree, list, "p");
            }
        }
        "replace every second" => {
            for id in all.into_iter().step_by(2) {
                let new = tree.create_element(Kind::Html, "b").expect("room");
                tree.insert(list, Some(id), new).expect("new");
                tree.remove(id);
            }
        }
        "insert before each" => {
            for id in all {
                let new = tree.create_element(Kind::Html, "b").expect("room");
                tree.insert(list, Some(id), new).expect("new");
            }
        }
        "insert texts before each" => {
            for id in all {
                let new = tree.create_text("new").expect("room");
                tree.insert(list, Some(id), new).expect("new");
            }
        }
        "insert at the front" => {
            for _ in all {
                let first = tree.node(list).first.some();
                let new = tree.create_element(Kind::Html, "b").expect("room");
                tree.insert(list, first, new).expect("new");
            }
        }
        "take from the front, put at the end" => {
            for _ in 0..all.len() / 2 {
                tree.remove(tree.node(list).first);
                add(tree, list, "b");
            }
        }
        "wrap each" => {
            for id in elements {
                let wrapper = tree.create_element(Kind::Html, "b").expect("room");
                tree.insert(list, Some(id), wrapper).expect("new");
                tree.append(wrapper, id).expect("outside");
            }
        }
        "wrap all" => {
            let wrapper = tree.create_element(Kind::Html, "b").expect("room");
            tree.insert(list, Some(all[0]), wrapper).expect("new");
            for id in all {
                tree.append(wrapper, id).expect("outside");
            }
        }
        "nest each in the one before" => {
            for pair in elements.windows(2).rev() {
                tree.append(pair[0], pair[1]).expect("outside");
            }
        }
        "lift out what is inside" => {
            for id in elements {
                let text = tree.node(id).first;
                tree.insert(list, Some(id), text).expect("inside");
                tree.remove(id);
            }
        }
        "move half into the other" => {
            for pair in elements.chunks_exact(2) {
                tree.append(pair[0], pair[1]).expect("outside");
            }
        }
        "join texts" => {
            let item = elements[0];
            for n in 0..all.len() {
                add_text(tree, item, &format!("text {n}"));
            }
            tree.normalize();
        }
        _ => unreachable!("{shape}"),
    }
}

fn arrange(tree: &mut Tree, list: NodeId, order: impl Iterator<Item = NodeId>) {
    order.for_each(|id| tree.append(list, id).expect("outside"));
}

const EDITS: [&str; 23] = [
    "nothing",
    "each text",
    "each attribute",
    "each tag",
    "reverse",
    "shuffle",
    "rotate",
    "swap neighbours",
    "remove every second",
    "remove every third",
    "remove all",
    "replace all",
    "replace every second",
    "insert before each",
    "insert texts before each",
    "insert at the front",
    "take from the front, put at the end",
    "wrap each",
    "wrap all",
    "nest each in the one before",
    "lift out what is inside",
    "move half into the other",
    "join texts",
];

#[test]
fn edits_of_elements_sent() {
    edits_sent(false);
}

#[test]
fn edits_of_elements_among_texts_sent() {
    edits_sent(true);
}

fn edits_sent(is_mixed: bool) {
    let make = |_: &str, n| list(n, is_mixed);
    check(&EDITS, make, |shape, _, (old, list)| {
        let mut new = old.clone();
        edit(shape, &mut new, list);
        send(&old, &new);
        send(&new, &old);
    });
}

// --- Many small steps ----------------------------------------------------------------

/// Does one step out of *n* to the list.
fn step(shape: &str, tree: &mut Tree, list: NodeId, n: usize) {
    let last = tree.node(list).last;
    match shape {
        "append and remove" => {
            let new = add(tree, list, "b");
            tree.set_attribute(new, "id", "new").expect("room");
            if n % 2 == 1 {
                tree.remove(last);
            }
        }
        "one attribute" => {
            let value = n.to_string();
            tree.set_attribute(last, "title", &value).expect("room");
        }
        "a class on and off" => match n % 2 {
            0 => tree.set_attribute(last, "class", "on").expect("room"),
            _ => assert!(tree.remove_attribute(last, "class")),
        },
        "names of their own" => {
            let name = format!("data-{n}");
            tree.set_attribute(list, &name, "x").expect("room");
            tree.remove_attribute(list, &name);
        }
        "equal ids" => {
            let new = add(tree, list, "b");
            tree.set_attribute(new, "id", "same").expect("room");
            if n % 2 == 1 {
                tree.remove(last);
            }
        }
        "uuids that were given" => {
            let given = stamped(&format!("<p uuid=given{n}>"));
            let given = (given.by_uuid(&format!("given{n}")).expect("there"), given);
            let copy = tree.adopt(&given.1, given.0, |_, _| {}).expect("room");
            tree.append(list, copy).expect("new");
        }
        _ => unreachable!("{shape}"),
    }
}

const STEPS: [&str; 6] = [
    "append and remove",
    "one attribute",
    "a class on and off",
    "names of their own",
    "equal ids",
    "uuids that were given",
];

#[test]
fn steps_each_sent() {
    check(
        &STEPS,
        |_, n| list(n, false),
        |shape, n, (mut tree, list)| {
            let mut sync = Sync::new(tree.clone());
            for n in 0..n {
                step(shape, &mut tree, list, n);
                sync.cut(&tree, Events::default(), &mut String::new());
                sync.acknowledge(sync.sequence());
            }
        },
    );
}

#[test]
fn steps_with_every_version_kept() {
    check(
        &STEPS,
        |_, n| list(n, false),
        |shape, n, (mut tree, list)| {
            let mut versions = Vec::new();
            for n in 0..n {
                step(shape, &mut tree, list, n);
                versions.push(tree.clone());
            }
            assert_eq!(versions.len(), n);
        },
    );
}

// --- Queries -------------------------------------------------------------------------

const SELECTORS: [&str; 11] = [
    "p",
    "#id7",
    "#missing",
    "[id]",
    "[id^=id1]",
    "p + p",
    "p:first-child",
    "p:last-child",
    "p:not(#id3, #id4)",
    "div > p:is(#id1, [title])",
    "p:empty",
];

const SELECTORS_OF_PLACES: [&str; 13] = [
    "p:nth-child(2n + 1)",
    "p:nth-last-child(3n)",
    "p:nth-of-type(5n)",
    "p:nth-child(2n of .none ~ p)",
    ".none ~ p",
    "p:has(~ .none)",
    "div:has(.none), p:has(.none)",
    "div:has(> p:nth-child(2))",
    "div:has(> p:nth-last-of-type(2))",
    "div:has(> p:nth-child(2 of p ~ p))",
    ":has(+ p:nth-child(2))",
    ":has(~ p:nth-last-child(-n + 3))",
    ":not(:has(> p:only-of-type))",
];

const SELECTORS_OF_STATES: [&str; 6] = [
    ":checked",
    ":disabled",
    ":enabled",
    ":lang(en)",
    ":read-only",
    ":read-write",
];

const SELECTORS_OF_PLACES_BELOW: [&str; 6] = [
    "i:nth-child(1 of div ~ div i)",
    ":nth-child(1 of :has(b))",
    ":nth-child(2n of div div)",
    ":nth-last-child(1 of div > div)",
    ":has(> i:nth-child(1 of div i))",
    ":is(div div):nth-of-type(1)",
];

#[test]
fn selectors_over_many_siblings() {
    selectors(&SELECTORS);
}

#[test]
fn selectors_of_places_among_many_siblings() {
    selectors(&SELECTORS_OF_PLACES);
}

#[test]
fn selectors_of_states_in_forms() {
    for form in [
        |n| {
            let (before, inside) = ("<b></b>".repeat(n), "<input>".repeat(n));
            format!("<fieldset disabled>{before}<legend>{inside}")
        },
        |n| {
            format!(
                "<fieldset disabled>{}",
                "<b></b><legend><input></legend>".repeat(n)
            )
        },
        |n| "<fieldset><input>".repeat(n),
        |n| format!("<select>{}", "<div><option></option>".repeat(n)),
        |n| "<div><option></option>".repeat(n),
    ] {
        selectors_in(|n| parsed(&form(n)), &SELECTORS_OF_STATES);
    }
}

#[test]
fn selectors_of_places_in_many_elements() {
    for one in ["<div><i></i></div>", "<div><i></i>"] {
        selectors_in(|n| parsed(&one.repeat(n)), &SELECTORS_OF_PLACES_BELOW);
    }
}

#[test]
fn selectors_that_begin_with_an_id_of_many() {
    let all = ["#same:nth-child(3)", "#same:has(b)", "#same:has(+ b)"];
    for one in ["<p id=same>", "<div id=same>"] {
        selectors_in(|n| parsed(&one.repeat(n)), &all);
    }
}

#[test]
fn lists_of_many_options_with_as_many_chosen() {
    let list = |_: &str, n| {
        let options: String = (0..n).map(|n| format!("<option>{n}")).collect();
        let mut tree = parsed(&format!("<select multiple>{options}"));
        let select = Selector::parse("select").expect("a selector");
        let select = select.first(&tree, ROOT).expect("there");
        let values: Vec<String> = (0..n).map(|n| format!("\"{}\"", 2 * n)).collect();
        let values = format!("[{}]", values.join(","));
        tree.set_attribute(select, ".value", &values).expect("room");
        tree
    };
    check(&["rendered", "asked"], list, |shape, _, tree| match shape {
        "rendered" => drop(render_document(&tree, RenderOptions::default())),
        _ => drop(
            Selector::parse(":checked")
                .expect("a selector")
                .all(&tree, ROOT),
        ),
    });
}

fn selectors(all: &[&str]) {
    selectors_in(|n| list(n, true).0, all);
}

fn selectors_in(make: impl Fn(usize) -> Tree, all: &[&str]) {
    check(
        all,
        |_, n| make(n),
        |selector, _, tree| {
            let selector = Selector::parse(selector).expect("a selector");
            drop(selector.all(&tree, ROOT));
            selector.first(&tree, ROOT);
        },
    );
}
