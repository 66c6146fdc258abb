//! Counts, in a list that is being put in order, what still stands where it will not stay.
//!
//! A browser finds a text by how many siblings come before it at that moment. Those
//! that have their place are counted by their place; this counts the rest, in
//! O(log n) for each question and each that leaves: P. M. Fenwick, "A new data
//! structure for cumulative frequency tables", Software: Practice and Experience
//! 24 (1994).

/// A row of positions, some of which are occupied.
pub(super) struct Waiting {
    /// `sums[i - 1]` counts the positions that end at `i`, as many as the lowest bit of `i` says.
    sums: Vec<u32>,
}

impl Waiting {
    /// Starts with the positions that *occupied* says.
    pub fn new(occupied: impl Iterator<Item = bool>) -> Waiting {
        let mut sums: Vec<u32> = occupied.map(u32::from).collect();
        for end in 1..=sums.len() {
            let above = end + lowest_bit(end);
            if above <= sums.len() {
                sums[above - 1] += sums[end - 1];
            }
        }
        Waiting { sums }
    }

    /// Returns how many wait at positions below *position*.
    pub fn before(&self, position: usize) -> u32 {
        let mut end = position;
        let mut count = 0;
        while end > 0 {
            count += self.sums[end - 1];
            end -= lowest_bit(end);
        }
        count
    }

    /// Takes away the one that waits at *position*.
    pub fn leave(&mut self, position: usize) {
        let mut end = position + 1;
        while end <= self.sums.len() {
            self.sums[end - 1] -= 1;
            end += lowest_bit(end);
        }
    }
}

fn lowest_bit(number: usize) -> usize {
    number & number.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_counts_as_one_would(
            mut occupied in prop::collection::vec(any::<bool>(), 0..70),
            leaving in prop::collection::vec(0usize..70, 0..40),
        ) {
            let mut waiting = Waiting::new(occupied.iter().copied());
            for position in leaving {
                if occupied.get(position) == Some(&true) {
                    occupied[position] = false;
                    waiting.leave(position);
                }
                for end in 0..=occupied.len() {
                    let count = occupied[..end].iter().filter(|&&it| it).count();
                    prop_assert_eq!(waiting.before(end), count as u32);
                }
            }
        }
    }
}
