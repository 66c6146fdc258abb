//! The parser against the cases of web-platform-tests, and what it renders against itself.
//!
//! The cases are fetched by `make test-rust`; see requirements.txt.

mod dump;
mod written;

use dump::dump;
use sapwood::node::Kind;
use sapwood::parse::{Budget, parse_document, parse_fragment};
use sapwood::render::{RenderOptions, render_document, render_inner};
use sapwood::tree::{ROOT, Tree};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const DATA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/build/conformance/wpt_html_tree.json"
);

struct Case {
    name: String,
    html: String,
    wanted: String,
    /// The element a fragment stands in.
    context: Option<(Kind, String)>,
}

fn cases() -> Vec<Case> {
    let json = std::fs::read_to_string(DATA).unwrap_or_else(|error| {
        panic!("{DATA}: {error}; the cases of web-platform-tests are fetched by `make test-rust`")
    });
    let data: Value = serde_json::from_str(&json).expect("the file is JSON");
    let all = data["cases"].as_array().expect("it has cases");
    all.iter().map(case).collect()
}

fn case(case: &Value) -> Case {
    let text = |key: &str| case[key].as_str().map(str::to_owned);
    let html = text("data").expect("a case has HTML");
    let context = text("context").map(|context| match context.split_once(' ') {
        Some(("svg", tag)) => (Kind::Svg, tag.to_owned()),
        Some(("math", tag)) => (Kind::MathMl, tag.to_owned()),
        _ => (Kind::Html, context),
    });
    let mut name = format!("{} {html:?}", text("file").expect("a case has a file"));
    if let Some(context) = text("context") {
        name += &format!(" in {context}");
    }
    if let Some(scripting) = case["scripting"].as_bool() {
        name += if scripting {
            " with scripting"
        } else {
            " without scripting"
        };
    }
    Case {
        name,
        html,
        wanted: text("document").expect("a case has a tree"),
        context,
    }
}

fn parse(case: &Case, html: &str) -> Tree {
    let budget = Budget::default();
    let parsed = match &case.context {
        None => parse_document(html, &budget),
        Some((kind, tag)) => parse_fragment(html, *kind, tag, &budget),
    };
    parsed.unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

/// Runs *is_right* on every case and holds what fails against *known*, by reason.
fn check(known: &str, mut is_right: impl FnMut(&Case) -> Result<(), String>) {
    let known: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_str(known).expect("the list is JSON");
    let mut left: BTreeSet<&String> = known.values().flatten().collect();
    let mut report = String::new();
    for case in cases() {
        let is_known = left.remove(&case.name);
        match is_right(&case) {
            Err(problem) if !is_known => report += &format!("\n{}\n{problem}\n", case.name),
            Ok(()) if is_known => report += &format!("\n{}\npasses: unlist it\n", case.name),
            _ => {}
        }
    }
    for name in left {
        report += &format!("\n{name}\nis listed, and there is no such case\n");
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_case_gives_the_tree_that_the_standard_says() {
    check(include_str!("known.json"), |case| {
        let found = dump(&parse(case, &case.html));
        match found == case.wanted {
            true => Ok(()),
            false => Err(format!("wanted\n{}\nfound\n{found}", case.wanted)),
        }
    });
}

#[test]
fn what_is_rendered_and_parsed_again_is_the_same_tree() {
    check(include_str!("one_way.json"), |case| {
        let tree = parse(case, &case.html);
        let html = render(case, &tree);
        let (wanted, found) = (dump(&tree), dump(&parse(case, &html)));
        match found == wanted {
            true => Ok(()),
            false => Err(format!("{html:?}\nwanted\n{wanted}\nfound\n{found}")),
        }
    });
}

/// Renders what was parsed, a fragment as the inner HTML of its context.
fn render(case: &Case, tree: &Tree) -> String {
    let Some((kind, tag)) = &case.context else {
        return render_document(tree, RenderOptions::default());
    };
    let mut tree = tree.clone();
    let context = tree.create_element(*kind, tag).expect("room for one more");
    while let Some(first) = tree.node(ROOT).first.some() {
        tree.append(context, first).expect("a context has children");
    }
    let mut html = String::new();
    render_inner(&tree, context, RenderOptions::default(), &mut html);
    html
}
