//! Writes a tree in the format of html5lib-tests, in which the expected trees are given.
//!
//! Two things are written otherwise in our trees. What is in a `<template>` are its
//! children, where the standard gives it a fragment of its own; the format has a line
//! `content` for that. And an attribute that the parser puts into a namespace keeps the
//! name it was written with, `xlink:href`; the format has `xlink href`.

use sapwood::node::{Kind, NodeId};
use sapwood::parse::doctype_parts;
use sapwood::tree::{ROOT, Tree};
use std::fmt::Write;

/// "Adjust foreign attributes".
const FOREIGN: [&str; 10] = [
    "xlink:actuate",
    "xlink:arcrole",
    "xlink:href",
    "xlink:role",
    "xlink:show",
    "xlink:title",
    "xlink:type",
    "xml:lang",
    "xml:space",
    "xmlns:xlink",
];

pub fn dump(tree: &Tree) -> String {
    let mut out = String::new();
    // Each node with how deep it stands, the next one last.
    let mut stack: Vec<(NodeId, usize)> = Vec::new();
    let push_children = |stack: &mut Vec<_>, id: NodeId, depth: usize| {
        let first = stack.len();
        stack.extend(tree.children(id).map(|child| (child, depth)));
        stack[first..].reverse();
    };
    push_children(&mut stack, ROOT, 0);
    while let Some((id, depth)) = stack.pop() {
        line(&mut out, depth, &node(tree, id));
        if !tree.kind(id).is_element() {
            continue;
        }
        for attribute in attributes(tree, id) {
            line(&mut out, depth + 1, &attribute);
        }
        let mut below = depth + 1;
        if tree.kind(id) == Kind::Html && tree.tag(id) == "template" {
            line(&mut out, below, "content");
            below += 1;
        }
        push_children(&mut stack, id, below);
    }
    out.pop();
    out
}

fn line(out: &mut String, depth: usize, what: &str) {
    writeln!(out, "| {:1$}{what}", "", 2 * depth).expect("strings take all that is written");
}

fn node(tree: &Tree, id: NodeId) -> String {
    match tree.kind(id) {
        Kind::Html => format!("<{}>", tree.tag(id)),
        Kind::Svg => format!("<svg {}>", tree.tag(id)),
        Kind::MathMl => format!("<math {}>", tree.tag(id)),
        Kind::Text => format!("\"{}\"", tree.data(id)),
        Kind::Comment => format!("<!-- {} -->", tree.data(id)),
        Kind::Doctype => match doctype_parts(tree.data(id)) {
            (name, "", "") => format!("<!DOCTYPE {name}>"),
            (name, public, system) => format!("<!DOCTYPE {name} \"{public}\" \"{system}\">"),
        },
        Kind::Root | Kind::Free => unreachable!("the root has no parent, what is free no place"),
    }
}

fn attributes(tree: &Tree, id: NodeId) -> Vec<String> {
    let is_foreign = tree.kind(id) != Kind::Html;
    let mut all: Vec<String> = tree
        .attributes(id)
        .map(|(name, value)| match tree.names().get(name) {
            name if is_foreign && FOREIGN.contains(&name) => {
                format!("{}=\"{value}\"", name.replace(':', " "))
            }
            name => format!("{name}=\"{value}\""),
        })
        .collect();
    all.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    all
}
