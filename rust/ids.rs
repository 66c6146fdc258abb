//! Finds elements by their attribute `id`: a hash trie that versions share.
//!
//! A bucket holds the nodes whose ids have the same leading hash bits; a full one
//! becomes a branch. The trie knows hashes and nodes, not strings: who looks up
//! compares the ids of the few nodes that come back. The hash is keyed at random
//! per process, because ids may come from strangers.

use crate::node::NodeId;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

const FAN_OUT: usize = 8;
const FAN_OUT_BITS: u32 = FAN_OUT.trailing_zeros();
const BUCKET_MAX: usize = 8;
/// Below this many levels a bucket just grows: its hashes may be all the same.
const LEVELS_MAX: u32 = u32::BITS / FAN_OUT_BITS;

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Nodes by the hash of their id.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    root: Child,
}

#[derive(Clone, Debug, Default)]
enum Child {
    #[default]
    Empty,
    Branch(Arc<[Child; FAN_OUT]>),
    Bucket(Arc<Vec<Entry>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    hash: u32,
    node: NodeId,
}

impl Ids {
    /// Returns the nodes whose id may be *id*.
    pub fn candidates(&self, id: &str) -> impl Iterator<Item = NodeId> {
        let hash = hash(id);
        let mut path = hash;
        let mut child = &self.root;
        while let Child::Branch(branch) = child {
            child = &branch[path as usize & (FAN_OUT - 1)];
            path >>= FAN_OUT_BITS;
        }
        let bucket = match child {
            Child::Bucket(bucket) => bucket.as_slice(),
            _ => &[],
        };
        bucket
            .iter()
            .filter(move |entry| entry.hash == hash)
            .map(|entry| entry.node)
    }

    pub fn add(&mut self, id: &str, node: NodeId) {
        let hash = hash(id);
        let (mut child, mut level) = (&mut self.root, 0);
        loop {
            if let Child::Bucket(bucket) = child
                && bucket.len() >= BUCKET_MAX
                && level < LEVELS_MAX
            {
                *child = Child::Branch(Arc::new(split(bucket, level)));
            }
            match child {
                Child::Branch(branch) => child = &mut Arc::make_mut(branch)[digit(hash, level)],
                _ => break,
            }
            level += 1;
        }
        match child {
            Child::Bucket(bucket) => Arc::make_mut(bucket).push(Entry { hash, node }),
            _ => *child = Child::Bucket(Arc::new(vec![Entry { hash, node }])),
        }
    }

    pub fn remove(&mut self, id: &str, node: NodeId) {
        let hash = hash(id);
        let (mut child, mut level) = (&mut self.root, 0);
        while let Child::Branch(branch) = child {
            child = &mut Arc::make_mut(branch)[digit(hash, level)];
            level += 1;
        }
        if let Child::Bucket(bucket) = child {
            let bucket = Arc::make_mut(bucket);
            bucket.retain(|entry| *entry != Entry { hash, node });
            if bucket.is_empty() {
                *child = Child::Empty;
            }
        }
    }
}

fn hash(id: &str) -> u32 {
    HASHER.hash_one(id) as u32
}

fn digit(hash: u32, level: u32) -> usize {
    (hash >> (level * FAN_OUT_BITS)) as usize & (FAN_OUT - 1)
}

fn split(bucket: &[Entry], level: u32) -> [Child; FAN_OUT] {
    let mut parts: [Vec<Entry>; FAN_OUT] = Default::default();
    for entry in bucket {
        parts[digit(entry.hash, level)].push(*entry);
    }
    parts.map(|part| {
        if part.is_empty() {
            Child::Empty
        } else {
            Child::Bucket(Arc::new(part))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn ids_are_a_set_of_pairs_and_clones_keep_what_they_had(
            steps in prop::collection::vec((0u32..40, 1u32..4, any::<bool>(), any::<bool>()), 1..200)
        ) {
            let (mut ids, mut set) = (Ids::default(), BTreeSet::new());
            let mut kept = Vec::new();
            for (name, node, is_new, keep) in steps {
                let id = name.to_string();
                if is_new && set.insert((name, node)) {
                    ids.add(&id, NodeId(node));
                } else if !is_new && set.remove(&(name, node)) {
                    ids.remove(&id, NodeId(node));
                }
                if keep {
                    kept.push((ids.clone(), set.clone()));
                }
            }
            kept.push((ids, set));
            for (ids, set) in kept {
                for name in 0..40 {
                    let found: BTreeSet<u32> =
                        ids.candidates(&name.to_string()).map(|id| id.0).collect();
                    let wanted: BTreeSet<u32> =
                        set.iter().filter(|pair| pair.0 == name).map(|pair| pair.1).collect();
                    prop_assert_eq!(found, wanted);
                }
            }
        }
    }

    #[test]
    fn equal_ids_do_not_split_for_ever() {
        let mut ids = Ids::default();
        for node in 1..1000 {
            ids.add("same", NodeId(node));
        }
        assert_eq!(ids.candidates("same").count(), 999);
    }
}
