//! The core against the vectors in tests/corpus/, whose README says what must hold.

use sapwood::apply::apply;
use sapwood::diff::diff;
use sapwood::node::{Kind, NodeId};
use sapwood::parse::{Budget, parse_document};
use sapwood::render::{RenderOptions, render_inner};
use sapwood::tree::{Calls, ROOT, Tree};
use sapwood::uuid;
use sapwood::wire::encode;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// Uuids of this process that vectors may name.
const STAMPS: u64 = 1000;

/// Reads the vectors of *file*, with this process's prefix for every `~`.
fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let text = text
        .replace("\"~", &format!("\"{}", uuid::prefix()))
        .replace("\\\"~", &format!("\\\"{}", uuid::prefix()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Reads all vectors that have a difference or are carried out.
fn differences() -> Vec<Value> {
    let files = "text attributes children forms namespaces ids whole hidden calls";
    // A stamp is one of ours only once it was given.
    uuid::take(STAMPS);
    files
        .split(' ')
        .flat_map(|name| vectors(&format!("{name}.json")))
        .collect()
}

fn parse(html: &str) -> Tree {
    let html = match html.starts_with("<!DOCTYPE") {
        true => html.to_owned(),
        false => format!(
            "<!DOCTYPE html><html uuid=html><head uuid=head></head><body uuid=body>{html}</body></html>"
        ),
    };
    parse_document(&html, &Budget::default()).expect("small")
}

/// Makes the pages that a vector is about: versions of one tree if their HTML is the
/// same, else strangers.
fn pages(vector: &Value) -> (Tree, Tree) {
    let from = parse(text(&vector["from"]));
    let to = match vector["to"] == vector["from"] {
        true => from.clone(),
        false => parse(text(&vector["to"])),
    };
    (page(vector, "from", from), page(vector, "to", to))
}

/// Makes the page that *key* of a vector is out of its HTML's tree.
fn page(vector: &Value, key: &str, mut tree: Tree) -> Tree {
    let elements = tree.preorder(ROOT).filter(|&id| tree.kind(id).is_element());
    for id in elements {
        let given = tree.attribute(id, "uuid");
        assert!(given.is_some(), "no uuid: {vector}");
    }
    tree.stamp_all();
    let properties = vector.get(format!("{key}_properties"));
    for (uuid, values) in properties.and_then(Value::as_object).unwrap_or(&Map::new()) {
        let id = tree.by_uuid(uuid).expect("an element");
        for (name, value) in values.as_object().expect("properties") {
            let name = format!(".{name}");
            tree.set_attribute(id, &name, &value.to_string())
                .expect("room");
        }
    }
    for call in list(vector, &format!("{key}_calls")) {
        let id = tree.by_uuid(text(&call[0])).expect("an element");
        tree.call(id, text(&call[1]), &call[2].to_string());
    }
    for uuid in list(vector, &format!("{key}_hidden")) {
        let id = tree.by_uuid(text(uuid)).expect("an element");
        tree.set_hidden(id, true);
    }
    tree
}

fn list<'a>(vector: &'a Value, key: &str) -> &'a [Value] {
    vector
        .get(key)
        .map_or(&[], |list| list.as_array().expect("a list"))
}

/// Returns a page as a browser has it, without what is hidden and before any call.
fn in_browser(mut tree: Tree) -> Tree {
    loop {
        let hidden = tree.preorder(ROOT).find(|&id| tree.is_hidden(id));
        let Some(hidden) = hidden else { break };
        tree.remove(hidden);
    }
    tree.set_calls(Calls::default());
    tree
}

/// Returns the calls on elements that the page has.
fn calls(tree: &Tree, page: &Tree) -> Value {
    let all = tree.calls().as_slice().iter();
    all.filter(|call| page.by_uuid(&call.uuid).is_some())
        .map(|call| {
            let arguments: Value = serde_json::from_str(&call.arguments).expect("JSON");
            json!([call.uuid, call.method, arguments])
        })
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

/// Returns what is compared of a node and all below it.
fn shape(tree: &Tree, id: NodeId) -> Value {
    let kind = tree.kind(id);
    let children: Vec<Value> = tree.children(id).map(|child| shape(tree, child)).collect();
    match kind {
        Kind::Root => Value::Array(children),
        _ if !kind.is_element() => json!([format!("{kind:?}"), tree.data(id)]),
        _ => {
            let name = |(name, value): (_, &str)| {
                let name = tree.names().get(name);
                let value = if name.starts_with("_on") { "" } else { value };
                (name.to_owned(), Value::from(value))
            };
            // A map of serde_json is sorted, so that order means nothing.
            let attributes: Map<String, Value> = tree.attributes(id).map(name).collect();
            json!([
                format!("{kind:?}"),
                tree.tag(id),
                tree.uuid(id),
                attributes,
                children
            ])
        }
    }
}

#[test]
fn the_difference_of_two_pages_is_the_ops_of_their_vector() {
    for vector in differences() {
        if vector.get("diff").is_some() {
            continue;
        }
        let (old, new) = pages(&vector);
        let (mut ops, mut encoded) = (Vec::new(), String::new());
        diff(&old, &new, &mut ops);
        encode(&old, &new, &ops, &mut encoded);
        let encoded = format!("[{}]", encoded.trim_start_matches(','));
        let encoded: Value = serde_json::from_str(&encoded).expect("JSON");
        assert_eq!(encoded, vector["ops"], "{}", vector["name"]);
    }
}

#[test]
fn the_ops_of_a_vector_lead_from_one_page_to_the_other() {
    for vector in differences() {
        let (from, asked) = pages(&vector);
        let (mut tree, to) = (in_browser(from), in_browser(asked.clone()));
        let applied = apply(&mut tree, &vector["ops"].to_string());
        assert_eq!(applied, Ok(()), "{}", vector["name"]);
        assert_eq!(shape(&tree, ROOT), shape(&to, ROOT), "{}", vector["name"]);
        assert_eq!(calls(&tree, &to), calls(&asked, &to), "{}", vector["name"]);
    }
}

#[test]
fn what_must_be_refused_is_refused() {
    for vector in vectors("refused.json") {
        if vector["refused"] == true {
            let mut tree = page(&vector, "from", parse(text(&vector["from"])));
            let applied = apply(&mut tree, &vector["ops"].to_string());
            assert!(applied.is_err(), "{}", vector["name"]);
        }
    }
}

/// Makes the element that a rendering vector describes, below *parent*.
fn make(tree: &mut Tree, parent: NodeId, described: &Value) {
    let Some([tag, attributes, children @ ..]) = described.as_array().map(Vec::as_slice) else {
        let id = tree.create_text(text(described)).expect("room");
        return tree.append(parent, id).expect("an element");
    };
    let kind = tree.kind_inside(parent, text(tag));
    let id = tree.create_element(kind, text(tag)).expect("room");
    tree.append(parent, id).expect("an element");
    for (name, value) in attributes.as_object().expect("attributes") {
        let value = match name.starts_with('.') {
            true => value.to_string(),
            false => text(value).to_owned(),
        };
        tree.set_attribute(id, name, &value).expect("room");
    }
    for child in children {
        make(tree, id, child);
    }
}

/// Returns a document, and its body, with the element that is described.
fn body_with(described: &Value) -> (Tree, NodeId) {
    let mut tree = parse("");
    let body = body_of(&tree);
    make(&mut tree, body, described);
    (tree, body)
}

fn body_of(tree: &Tree) -> NodeId {
    tree.preorder(ROOT)
        .find(|&id| tree.kind(id).is_element() && tree.tag(id) == "body")
        .expect("there")
}

#[test]
fn a_tree_is_written_as_its_vector_says() {
    for vector in vectors("render.json") {
        let (tree, body) = body_with(&vector["tree"]);
        let mut html = String::new();
        render_inner(&tree, body, RenderOptions::default(), &mut html);
        assert_eq!(html, text(&vector["html"]), "{}", vector["name"]);
    }
}

#[test]
fn what_is_written_reads_back_as_what_it_was() {
    for vector in vectors("render.json") {
        let expected = vector.get("parsed").unwrap_or(&vector["tree"]);
        let (expected, body) = body_with(expected);
        let again = parse(text(&vector["html"]));
        let again_body = body_of(&again);
        assert_eq!(
            shape(&again, again_body),
            shape(&expected, body),
            "{}",
            vector["name"]
        );
    }
}
