//! Finds a node by the stamp of its uuid: a trie that versions share.
//!
//! A leaf covers 64 consecutive stamps, as they are given to the elements of one
//! parse or insert; the path to it is the leaf's number, lowest digit first, and
//! ends as soon as no other leaf is in the way. So a trie's shape follows from what is
//! in it, and not from what ever was. Copied on write like the pages.

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
            child = &branch[digit(path, 0)];
            path >>= FAN_OUT_BITS;
        }
        match child {
            Child::Leaf(leaf) if leaf.key == key => leaf.nodes[place(stamp)],
            _ => NodeId::NONE,
        }
    }

    /// Returns some stamp that has a node.
    pub fn any(&self) -> Option<u64> {
        let mut child = &self.root;
        loop {
            match child {
                Child::Empty => return None,
                // No branch is empty, so whichever way leads to a leaf.
                Child::Branch(branch) => {
                    child = branch.iter().find(|child| !child.is_empty())?;
                }
                Child::Leaf(leaf) => {
                    let place = leaf.nodes.iter().position(|node| !node.is_none())?;
                    return Some(leaf.key << LEAF_BITS | place as u64);
                }
            }
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
        let leaf = self.leaf_mut(key);
        for (old, &new) in leaf.nodes[place(stamp)..].iter_mut().zip(nodes) {
            leaf.live = leaf.live + u8::from(old.is_none()) - u8::from(new.is_none());
            *old = new;
        }
        if leaf.live == 0 {
            self.remove_leaf(key);
        }
    }

    /// Returns the leaf with this key, made if there is none.
    fn leaf_mut(&mut self, key: u64) -> &mut Leaf {
        let mut level = 0;
        let mut child = &mut self.root;
        loop {
            if let Child::Leaf(leaf) = child
                && leaf.key != key
            {
                let mut branch: [Child; FAN_OUT] = Default::default();
                let old_digit = digit(leaf.key, level);
                branch[old_digit] = std::mem::take(child);
                *child = Child::Branch(Arc::new(branch));
            }
            match child {
                Child::Branch(branch) => child = &mut Arc::make_mut(branch)[digit(key, level)],
                _ => break,
            }
            level += 1;
        }
        if child.is_empty() {
            let nodes = [NodeId::NONE; 1 << LEAF_BITS];
            *child = Child::Leaf(Arc::new(Leaf {
                key,
                live: 0,
                nodes,
            }));
        }
        match child {
            Child::Leaf(leaf) => Arc::make_mut(leaf),
            _ => unreachable!("the path ends at a leaf"),
        }
    }

    /// Takes a leaf out; if that leaves one leaf alone below a branch, it moves up to
    /// where a path to it ends.
    fn remove_leaf(&mut self, key: u64) {
        let mut path = Vec::new();
        let mut at = &self.root;
        while let Child::Branch(branch) = at {
            at = &branch[digit(key, path.len() as u32)];
            path.push(branch);
        }
        let beside = |branch: &[Child; FAN_OUT], level: usize| {
            let others = (0..FAN_OUT).filter(|&place| place != digit(key, level as u32));
            let mut others = others
                .map(|place| &branch[place])
                .filter(|it| !it.is_empty());
            (others.next().cloned(), others.next().is_some())
        };
        let mut left = Child::Empty;
        if let Some(branch) = path.last()
            && let (Some(only @ Child::Leaf(_)), false) = beside(branch, path.len() - 1)
        {
            left = only;
            path.pop();
            while let Some(branch) = path.last()
                && beside(branch, path.len() - 1).0.is_none()
            {
                path.pop();
            }
        }
        let levels = path.len() as u32;
        let mut child = &mut self.root;
        for level in 0..levels {
            if let Child::Branch(branch) = child {
                child = &mut Arc::make_mut(branch)[digit(key, level)];
            }
        }
        *child = left;
    }
}

impl Child {
    fn is_empty(&self) -> bool {
        matches!(self, Child::Empty)
    }
}

fn digit(key: u64, level: u32) -> usize {
    (key >> (level * FAN_OUT_BITS)) as usize & (FAN_OUT - 1)
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

    /// Returns the trie as text: equal texts are equal shapes.
    fn shape(index: &Index) -> String {
        let (mut out, mut stack) = (String::new(), vec![&index.root]);
        while let Some(child) = stack.pop() {
            match child {
                Child::Empty => out.push('-'),
                Child::Branch(branch) => {
                    out.push('(');
                    stack.extend(branch.iter());
                }
                Child::Leaf(leaf) => out.push_str(&format!("{},", leaf.key)),
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_was_removed_leaves_no_trace(
            stay in prop::collection::btree_set(0u64..1 << 20, 0..20),
            pass in prop::collection::vec(0u64..1 << 20, 0..50),
        ) {
            let mut index = Index::default();
            stay.iter().for_each(|&stamp| index.set(stamp, NodeId(1)));
            let before = shape(&index);
            let pass: Vec<u64> = pass.into_iter().filter(|it| !stay.contains(it)).collect();
            pass.iter().for_each(|&stamp| index.set(stamp, NodeId(2)));
            pass.iter().for_each(|&stamp| index.set(stamp, NodeId::NONE));
            prop_assert_eq!(shape(&index), before);
            prop_assert_eq!(index.any().is_some(), !stay.is_empty());
            prop_assert!(index.any().is_none_or(|stamp| stay.contains(&stamp)));
        }
    }
}
