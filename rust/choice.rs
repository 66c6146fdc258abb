//! What a user chose of a drop-down list: its live value, beside the attributes.

use crate::names::known_names as n;
use crate::node::NodeId;
use crate::tree::Tree;
use serde_json::Value;
use std::collections::BTreeSet;

/// The values of the options that are chosen.
pub struct Choice(BTreeSet<String>);

impl Choice {
    /// Reads a live value in JSON: a string, or an array of them if several may be chosen.
    pub fn read(json: &str) -> Choice {
        let values = match serde_json::from_str(json) {
            Ok(Value::Array(values)) => values,
            Ok(value) => vec![value],
            Err(_) => Vec::new(),
        };
        let strings = values.into_iter().filter_map(|value| match value {
            Value::String(value) => Some(value),
            _ => None,
        });
        Choice(strings.collect())
    }

    pub fn has(&self, value: &str) -> bool {
        self.0.contains(value)
    }
}

/// Returns the value of an option.
pub fn value_of(tree: &Tree, option: NodeId) -> String {
    if let Some(value) = tree.attribute_by_id(option, n::VALUE) {
        return value.to_owned();
    }
    let text = tree.text(option);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.join(" ")
}
