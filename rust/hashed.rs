//! Finds numbers by a string: a hash trie that versions share.
//!
//! A bucket holds the entries whose keys have the same leading digits; a full one
//! becomes a branch, and a branch that would fit half a bucket becomes one again. A
//! key is the hash of the string and then the number itself, so that many equal
//! strings are no worse than many different ones. The trie knows hashes and numbers,
//! not strings: who looks up compares the strings of the few numbers that come back.
//! The hash is keyed at random per process, because strings may come from strangers.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

const FAN_OUT: usize = 8;
const FAN_OUT_BITS: u32 = FAN_OUT.trailing_zeros();
const BUCKET_MAX: usize = 8;
/// How many digits of a key are the string's; those below are the number's.
const HASH_DIGITS: u32 = 10;
const HASH_BITS: u32 = HASH_DIGITS * FAN_OUT_BITS;
const DIGITS: u32 = HASH_DIGITS + u32::BITS.div_ceil(FAN_OUT_BITS);

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Numbers by the hash of a string.
#[derive(Clone, Debug, Default)]
pub struct Hashed {
    root: Child,
}

#[derive(Clone, Debug, Default)]
enum Child {
    #[default]
    Empty,
    Branch(Arc<[Child; FAN_OUT]>),
    Bucket(Arc<Vec<Key>>),
}

/// The hash of a string in the low bits, above it the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key(u64);

impl Key {
    fn new(string: &str, number: u32) -> Key {
        Key(HASHER.hash_one(string) & ((1 << HASH_BITS) - 1) | u64::from(number) << HASH_BITS)
    }

    fn number(self) -> u32 {
        (self.0 >> HASH_BITS) as u32
    }

    fn has_hash_of(self, other: Key) -> bool {
        (self.0 ^ other.0).trailing_zeros() >= HASH_BITS
    }

    fn digit(self, level: u32) -> usize {
        (self.0 >> (level * FAN_OUT_BITS)) as usize & (FAN_OUT - 1)
    }
}

impl Hashed {
    /// Returns the numbers that were added with *string*, and perhaps some of others.
    pub fn candidates(&self, string: &str) -> impl Iterator<Item = u32> {
        let key = Key::new(string, 0);
        let mut below = &self.root;
        for level in 0..HASH_DIGITS {
            match below {
                Child::Branch(branch) => below = &branch[key.digit(level)],
                _ => break,
            }
        }
        let mut bucket: &[Key] = &[];
        // Hardly ever more than the one: then nothing is allocated.
        let (mut next, mut rest) = (Some(below), Vec::new());
        std::iter::from_fn(move || {
            loop {
                if let Some((&first, others)) = bucket.split_first() {
                    bucket = others;
                    if first.has_hash_of(key) {
                        return Some(first.number());
                    }
                    continue;
                }
                match next.take().or_else(|| rest.pop())? {
                    Child::Branch(branch) => rest.extend(branch.iter()),
                    Child::Bucket(keys) => bucket = keys,
                    Child::Empty => {}
                }
            }
        })
    }

    /// Adds *number* under *string*; it must not be there yet.
    pub fn add(&mut self, string: &str, number: u32) {
        let key = Key::new(string, number);
        let (mut child, mut level) = (&mut self.root, 0);
        loop {
            if let Child::Bucket(bucket) = child
                && bucket.len() >= BUCKET_MAX
                && level < DIGITS
            {
                *child = Child::Branch(Arc::new(split(bucket, level)));
            }
            match child {
                Child::Branch(branch) => child = &mut Arc::make_mut(branch)[key.digit(level)],
                _ => break,
            }
            level += 1;
        }
        match child {
            Child::Bucket(bucket) => Arc::make_mut(bucket).push(key),
            _ => *child = bucket(vec![key]),
        }
    }

    /// Forgets *number* under *string* if it is there.
    pub fn remove(&mut self, string: &str, number: u32) {
        let key = Key::new(string, number);
        let Some((levels, left)) = self.without(key) else {
            return;
        };
        let mut child = &mut self.root;
        for level in 0..levels {
            if let Child::Branch(branch) = child {
                child = &mut Arc::make_mut(branch)[key.digit(level)];
            }
        }
        match (left, &mut *child) {
            (None, Child::Bucket(keys)) => Arc::make_mut(keys).retain(|it| *it != key),
            (left, _) => *child = bucket(left.unwrap_or_default()),
        }
    }

    /// Returns at which level *key* is taken out, and the bucket that is there then,
    /// unless just the key goes: whatever becomes small on the way up becomes a bucket.
    fn without(&self, key: Key) -> Option<(u32, Option<Vec<Key>>)> {
        let mut path = [None; DIGITS as usize];
        let mut levels = 0;
        let mut at = &self.root;
        while let Child::Branch(branch) = at {
            path[levels as usize] = Some(branch);
            at = &branch[key.digit(levels)];
            levels += 1;
        }
        let Child::Bucket(keys) = at else {
            return None;
        };
        if !keys.contains(&key) {
            return None;
        }
        let without_it = || keys.iter().copied().filter(|it| *it != key).collect();
        let mut left: Option<Vec<Key>> = (keys.len() == 1).then(Vec::new);
        while let Some(level) = levels.checked_sub(1)
            && let Some(branch) = path[level as usize]
            && let Some(beside) = beside(branch, key.digit(level))
            && beside + left.as_ref().map_or(keys.len() - 1, Vec::len) <= BUCKET_MAX / 2
        {
            let left = left.get_or_insert_with(without_it);
            for (place, child) in branch.iter().enumerate() {
                match child {
                    Child::Bucket(keys) if place != key.digit(level) => left.extend(keys.iter()),
                    _ => {}
                }
            }
            levels = level;
        }
        Some((levels, left))
    }
}

fn bucket(keys: Vec<Key>) -> Child {
    if keys.is_empty() {
        return Child::Empty;
    }
    Child::Bucket(Arc::new(keys))
}

fn split(bucket: &[Key], level: u32) -> [Child; FAN_OUT] {
    let mut parts: [Vec<Key>; FAN_OUT] = Default::default();
    for key in bucket {
        parts[key.digit(level)].push(*key);
    }
    parts.map(self::bucket)
}

/// Returns how many keys *branch* has beside the child at *digit*, `None` if it has
/// branches.
fn beside(branch: &[Child; FAN_OUT], digit: usize) -> Option<usize> {
    let others = branch
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != digit);
    others
        .map(|(_, child)| match child {
            Child::Empty => Some(0),
            Child::Bucket(keys) => Some(keys.len()),
            Child::Branch(_) => None,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn what_is_hashed_is_a_set_of_pairs_and_clones_keep_what_they_had(
            steps in prop::collection::vec((0u32..40, 1u32..40, any::<bool>(), any::<bool>()), 1..300)
        ) {
            let (mut hashed, mut set) = (Hashed::default(), BTreeSet::new());
            let mut kept = Vec::new();
            for (name, number, is_new, keep) in steps {
                // Few strings and many numbers, so that some strings have more than a bucket.
                let name = name * name / 200;
                let string = name.to_string();
                if is_new && set.insert((name, number)) {
                    hashed.add(&string, number);
                } else if !is_new && set.remove(&(name, number)) {
                    hashed.remove(&string, number);
                }
                if keep {
                    kept.push((hashed.clone(), set.clone()));
                }
            }
            kept.push((hashed, set));
            for (hashed, set) in kept {
                for name in 0..8 {
                    let found: BTreeSet<u32> = hashed.candidates(&name.to_string()).collect();
                    let wanted: BTreeSet<u32> =
                        set.iter().filter(|pair| pair.0 == name).map(|pair| pair.1).collect();
                    prop_assert_eq!(found, wanted);
                }
            }
        }
    }

    /// Returns how many branches and buckets there are.
    fn parts(hashed: &Hashed) -> usize {
        let (mut count, mut stack) = (0, vec![&hashed.root]);
        while let Some(child) = stack.pop() {
            count += usize::from(!matches!(child, Child::Empty));
            if let Child::Branch(branch) = child {
                stack.extend(branch.iter());
            }
        }
        count
    }

    #[test]
    fn what_is_removed_leaves_no_branch_behind() {
        for string in ["same", "s{}"] {
            let spelled = |n: u32| string.replace("{}", &n.to_string());
            let mut hashed = Hashed::default();
            (0..5000).for_each(|n| hashed.add(&spelled(n), n));
            assert!(parts(&hashed) > 500);
            (3..5000).for_each(|n| hashed.remove(&spelled(n), n));
            assert_eq!(parts(&hashed), 1);
            (0..3).for_each(|n| hashed.remove(&spelled(n), n));
            assert_eq!(parts(&hashed), 0);
        }
    }

    #[test]
    fn no_bucket_grows_however_equal_the_strings() {
        let mut hashed = Hashed::default();
        (0..5000).for_each(|n| hashed.add("same", n));
        let mut stack = vec![&hashed.root];
        while let Some(child) = stack.pop() {
            match child {
                Child::Branch(branch) => stack.extend(branch.iter()),
                Child::Bucket(bucket) => assert!(bucket.len() <= BUCKET_MAX),
                Child::Empty => {}
            }
        }
        assert_eq!(hashed.candidates("same").count(), 5000);
    }
}
