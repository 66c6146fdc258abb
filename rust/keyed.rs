//! Finds which children of a reordered list may stay where they are.
//!
//! Those on a longest increasing subsequence of the old positions are in the
//! right order already; moving all others, and only them, is the fewest moves.
//! Patience sorting with back links, O(n log n): Fredman, "On computing the
//! length of longest increasing subsequences", Discrete Mathematics 11 (1975).

/// Marks a longest increasing subsequence of *positions*, which must differ.
pub fn staying(positions: &[u32]) -> Vec<bool> {
    const NONE: u32 = u32::MAX;
    // tails[k]: where the smallest end of an increasing run of k + 1 stands.
    let mut tails: Vec<u32> = Vec::new();
    let mut before = vec![NONE; positions.len()];
    for (at, &position) in positions.iter().enumerate() {
        let len = match tails.last() {
            Some(&last) if positions[last as usize] < position => tails.len(),
            _ => tails.partition_point(|&tail| positions[tail as usize] < position),
        };
        if len > 0 {
            before[at] = tails[len - 1];
        }
        match tails.get_mut(len) {
            Some(tail) => *tail = at as u32,
            None => tails.push(at as u32),
        }
    }
    let mut stays = vec![false; positions.len()];
    let mut at = tails.last().copied().unwrap_or(NONE);
    while at != NONE {
        stays[at as usize] = true;
        at = before[at as usize];
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(positions: &[u32], staying_count: usize) {
        let stays = staying(positions);
        let kept: Vec<u32> = positions
            .iter()
            .zip(&stays)
            .filter(|(_, stays)| **stays)
            .map(|(p, _)| *p)
            .collect();
        assert!(kept.is_sorted());
        assert_eq!(kept.len(), staying_count);
    }

    #[test]
    fn moving_the_last_item_first_is_one_move() {
        check(&[4, 0, 1, 2, 3], 4);
    }

    #[test]
    fn a_reversal_keeps_one() {
        check(&[3, 2, 1, 0], 1);
    }

    #[test]
    fn an_empty_list_has_nothing_to_keep() {
        check(&[], 0);
    }

    proptest! {
        #[test]
        fn no_longer_increasing_run_exists(
            positions in Just((0..24u32).collect::<Vec<_>>()).prop_shuffle()
        ) {
            // The plain quadratic recurrence as the oracle.
            let mut best = vec![1usize; positions.len()];
            for at in 0..positions.len() {
                for earlier in 0..at {
                    if positions[earlier] < positions[at] {
                        best[at] = best[at].max(best[earlier] + 1);
                    }
                }
            }
            check(&positions, best.into_iter().max().unwrap_or(0));
        }
    }
}
