//! Finds a node by the stamp of its uuid: a trie that versions share.
//!
//! A leaf covers 64 consecutive stamps, as they are given to the elements of one
//! parse or insert; the path to it is the leaf's number, lowest digit first, and
//! ends as soon as no other leaf is in the way. Copied on write like the pages.

use crate::node::NodeId;
use std::sync::Arc;

const LEAF_BITS: u32 = 6;
const FAN_OUT: usize = 8;
const FAN_OUT_BITS: u32 = FAN_OUT.trailing_zeros();

/// Node by stamp.
#[derive(Clone, Debug, Default)]
pub struct Index {
    root: Child,
}

#[derive(Clone, Debug, Default)]
enum Child {
    #[default]
    Empty,
    Branch(Arc<[Child; FAN_OUT]>),
    Leaf(Arc<Leaf>),
}

#[derive(Clone, Debug)]
struct Leaf {
    key: u64,
    live: u8,
    nodes: [NodeId; 1 << LEAF_BITS],
}

impl Index {
    /// Returns the node with this stamp, or `NodeId::NONE`.
    pub fn get(&self, stamp: u64) -> NodeId {
        let key = stamp >> LEAF_BITS;
        let mut path = key;
        let mut child = &self.root;
        while let Child::Branch(branch) = child {
            child = &branch[path as usize & (FAN_OUT - 1)];
            path >>= FAN_OUT_BITS;
        }
        match child {
            Child::Leaf(leaf) if leaf.key == key => leaf.nodes[place(stamp)],
            _ => NodeId::NONE,
        }
    }

    /// Remembers *node* under *stamp*; `NodeId::NONE` forgets.
    pub fn set(&mut self, stamp: u64, node: NodeId) {
        if self.get(stamp) == node {
            return;
        }
        self.set_run(stamp, &[node]);
    }

    /// Remembers *nodes* under *first* and the stamps after it.
    pub fn set_run(&mut self, first: u64, nodes: &[NodeId]) {
        let mut rest = nodes;
        let mut stamp = first;
        while !rest.is_empty() {
            let fits = rest.len().min((1 << LEAF_BITS) - place(stamp));
            let (here, after) = rest.split_at(fits);
            self.set_in_leaf(stamp, here);
            stamp += fits as u64;
            rest = after;
        }
    }

    fn set_in_leaf(&mut self, stamp: u64, nodes: &[NodeId]) {
        let key = stamp >> LEAF_BITS;
        let mut path = key;
        let mut depth = 0;
        let mut child = &mut self.root;
        loop {
            if let Child::Leaf(leaf) = child
                && leaf.key != key
            {
                let mut branch: [Child; FAN_OUT] = Default::default();
                let old_digit = (leaf.key >> (depth * FAN_OUT_BITS)) as usize & (FAN_OUT - 1);
                branch[old_digit] = std::mem::take(child);
                *child = Child::Branch(Arc::new(branch));
            }
            match child {
                Child::Branch(branch) => {
                    child = &mut Arc::make_mut(branch)[path as usize & (FAN_OUT - 1)];
                    path >>= FAN_OUT_BITS;
                    depth += 1;
                }
                _ => break,
            }
        }
        if matches!(child, Child::Empty) {
            let nodes = [NodeId::NONE; 1 << LEAF_BITS];
            *child = Child::Leaf(Arc::new(Leaf {
                key,
                live: 0,
                nodes,
            }));
        }
        let Child::Leaf(leaf) = &mut *child else {
            unreachable!("the path ends at a leaf");
        };
        let leaf = Arc::make_mut(leaf);
        for (old, &new) in leaf.nodes[place(stamp)..].iter_mut().zip(nodes) {
            leaf.live = leaf.live + u8::from(old.is_none()) - u8::from(new.is_none());
            *old = new;
        }
        if leaf.live == 0 {
            // Branches stay: a few hundred bytes for each 512 stamps that a page once had.
            *child = Child::Empty;
        }
    }
}

fn place(stamp: u64) -> usize {
    stamp as usize & ((1 << LEAF_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn an_index_is_a_map_and_its_clones_keep_what_they_had(
            steps in prop::collection::vec((0u64..1 << 20, 0u32..3, any::<bool>()), 1..200)
        ) {
            let (mut index, mut map) = (Index::default(), HashMap::new());
            let mut kept = Vec::new();
            for (spread, node, keep) in steps {
                let stamp = spread * spread % 5000;
                index.set(stamp, NodeId(node));
                map.insert(stamp, node);
                if keep {
                    kept.push((index.clone(), map.clone()));
                }
            }
            kept.push((index, map));
            for (index, map) in kept {
                for stamp in 0..5000 {
                    prop_assert_eq!(index.get(stamp).0, map.get(&stamp).copied().unwrap_or(0));
                }
            }
        }
    }
}
