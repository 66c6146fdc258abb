//! Keeps one browser in step with a tree: cut a frame, hear that it arrived.
//!
//! What is kept are versions, not messages. A version that the browser has not
//! acknowledged yet stays, so that after a broken connection one difference from
//! the last version it has to the present one is all that must be sent; keeping
//! it costs only what changed since.

use crate::diff::{calls, diff};
use crate::ops::Op;
use crate::tree::Tree;
use crate::wire::{encode, encode_whole, write_number};
use std::collections::VecDeque;

/// How many frames may be on their way; with more, changes gather in the tree.
pub const FRAMES_MAX: usize = 8;
/// How many bytes of frames may be on their way.
pub const BYTES_MAX: usize = 256 * 1024;
/// Room for so many ops is kept from one frame to the next.
const OPS_KEPT: usize = 8;

/// How far the browser's events have come, which each frame carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Events up to this one are handled.
    pub handled: u64,
    /// The fields of events up to this one are taken over; one more than `handled`
    /// while an event is being handled.
    pub taken: u64,
}

/// What one browser has been sent, and what of it has arrived.
#[derive(Debug)]
pub struct Sync {
    /// The version that the newest frame led to.
    sent: Tree,
    sequence: u64,
    /// Versions before `sent`, oldest first, each with its number and the size of
    /// the frame that led on from it.
    unacknowledged: VecDeque<Unacknowledged>,
    bytes: usize,
    /// Empty; kept for its memory.
    ops: Vec<Op>,
}

#[derive(Debug)]
struct Unacknowledged {
    /// What was sent before the frame.
    from: Tree,
    /// Says that the frame filled the page, and leads nowhere from `from`.
    fills: bool,
    sequence: u64,
    bytes: usize,
}

impl Sync {
    /// Starts with a browser that holds *tree*, as frame 0, and has yet to make those of
    /// its calls that no browser was told of.
    pub fn new(mut tree: Tree) -> Sync {
        tree.set_calls(tree.calls().told());
        Sync {
            sent: tree,
            sequence: 0,
            unacknowledged: VecDeque::new(),
            bytes: 0,
            ops: Vec::new(),
        }
    }

    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Says whether another frame may be sent before older ones are acknowledged.
    pub fn is_open(&self) -> bool {
        self.unacknowledged.len() < FRAMES_MAX && self.bytes < BYTES_MAX
    }

    /// Says whether *now* is what the browser was sent last.
    pub fn is_current(&self, now: &Tree) -> bool {
        self.sent.same_version(now)
    }

    /// Appends the frame that leads to *now* to *out*; says whether anything differs.
    ///
    /// Look at `is_open` first: this sends in any case.
    pub fn cut(&mut self, now: &Tree, events: Events, out: &mut String) -> bool {
        if self.is_current(now) {
            return false;
        }
        let mut ops = std::mem::take(&mut self.ops);
        diff(&self.sent, now, &mut ops);
        let differs = !ops.is_empty();
        if differs {
            let start = self.begin(events, out);
            encode(&self.sent, now, &ops, out);
            self.finish(start, out, false, now);
        } else {
            self.sent = now.clone();
        }
        if ops.capacity() <= OPS_KEPT {
            ops.clear();
            self.ops = ops;
        }
        differs
    }

    /// Appends a frame that fills the page with *now*, whatever it holds, to *out*; no
    /// frame before it counts any more.
    pub fn cut_whole(&mut self, now: &Tree, events: Events, out: &mut String) {
        self.unacknowledged.clear();
        self.bytes = 0;
        let start = self.begin(events, out);
        encode_whole(now, out);
        let mut ops = Vec::new();
        calls(self.sent.calls(), now, &mut ops);
        encode(now, now, &ops, out);
        self.finish(start, out, true, now);
    }

    /// Begins a frame; returns where in *out*.
    fn begin(&self, events: Events, out: &mut String) -> usize {
        let start = out.len();
        out.push('[');
        write_number(self.sequence + 1, out);
        out.push(',');
        if events.taken == events.handled {
            write_number(events.handled, out);
        } else {
            out.push('[');
            write_number(events.handled, out);
            out.push(',');
            write_number(events.taken, out);
            out.push(']');
        }
        start
    }

    fn finish(&mut self, start: usize, out: &mut String, fills: bool, now: &Tree) {
        out.push(']');
        let from = std::mem::replace(&mut self.sent, now.clone());
        let bytes = out.len() - start;
        self.unacknowledged.push_back(Unacknowledged {
            from,
            fills,
            sequence: self.sequence,
            bytes,
        });
        self.bytes += bytes;
        self.sequence += 1;
    }

    /// Drops versions that the browser has left behind. Says whether *sequence* was
    /// ever sent; what was acknowledged before is no news.
    pub fn acknowledge(&mut self, sequence: u64) -> bool {
        if sequence > self.sequence {
            return false;
        }
        while let Some(oldest) = self.unacknowledged.front()
            && oldest.sequence < sequence
        {
            self.bytes -= oldest.bytes;
            self.unacknowledged.pop_front();
        }
        true
    }

    /// Goes back to the frame that the browser says it applied last, so that the
    /// next cut leads on from there. Says whether that version is still known.
    pub fn resume(&mut self, sequence: u64) -> bool {
        if sequence != self.sequence {
            let Some(next) = self.after(sequence).filter(|next| !next.fills) else {
                return false;
            };
            self.sent = next.from.clone();
        }
        self.sequence = sequence;
        self.unacknowledged.clear();
        self.bytes = 0;
        true
    }

    /// Goes on after a frame whose version is not known; only `cut_whole` can follow.
    /// What was to be called since that frame will be called then.
    pub fn restart(&mut self, sequence: u64) {
        if let Some(next) = self.after(sequence) {
            self.sent.set_calls(next.from.calls().clone());
        }
        self.sequence = sequence;
        self.unacknowledged.clear();
        self.bytes = 0;
    }

    /// Returns the frame after *sequence*, if it may be lost.
    fn after(&self, sequence: u64) -> Option<&Unacknowledged> {
        let mut all = self.unacknowledged.iter();
        all.find(|next| next.sequence == sequence)
    }

    /// Takes over what the user did to the page itself: *change* is made to every
    /// version kept, so that nothing of it is sent back.
    pub fn absorb(&mut self, change: impl Fn(&mut Tree)) {
        change(&mut self.sent);
        for next in &mut self.unacknowledged {
            change(&mut next.from);
        }
    }

    /// Replaces the newest version by an equal one that shares more pages.
    pub fn share(&mut self, now: &Tree) {
        self.sent = now.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Kind, NodeId};
    use crate::tree::ROOT;

    fn tree() -> (Tree, NodeId) {
        let mut tree = Tree::default();
        tree.stamp_all();
        let field = tree.create_element(Kind::Html, "input").expect("room");
        tree.append(ROOT, field).expect("new");
        (tree, field)
    }

    /// Cuts a frame; returns how many calls are in it, `None` if there is no frame.
    fn cut(sync: &mut Sync, tree: &Tree) -> Option<usize> {
        let mut frame = String::new();
        let differs = sync.cut(tree, Events::default(), &mut frame);
        differs.then(|| calls_in(&frame))
    }

    fn cut_whole(sync: &mut Sync, tree: &Tree) -> usize {
        let mut frame = String::new();
        sync.cut_whole(tree, Events::default(), &mut frame);
        calls_in(&frame)
    }

    fn calls_in(frame: &str) -> usize {
        frame.matches(r#""focus",[]"#).count()
    }

    #[test]
    fn what_is_to_be_called_is_sent_once_and_again_only_if_it_was_lost() {
        let (mut tree, field) = tree();
        tree.call(field, "focus", "[]");
        let mut sync = Sync::new(tree.clone());
        assert_eq!(cut(&mut sync, &tree), Some(1));
        assert_eq!(cut(&mut sync, &tree), None);
        assert!(sync.resume(0));
        assert_eq!(cut(&mut sync, &tree), Some(1), "it was lost");
        assert!(sync.acknowledge(1) && sync.resume(1));
        assert_eq!(cut(&mut sync, &tree), None);
        assert_eq!(cut_whole(&mut sync, &tree), 0);
    }

    #[test]
    fn who_comes_later_does_not_make_calls_that_others_were_told_of() {
        let (mut tree, field) = tree();
        tree.call(field, "focus", "[]");
        tree.tell_calls();
        let mut late = Sync::new(tree.clone());
        assert_eq!(cut(&mut late, &tree), None);
        tree.call(field, "focus", "[]");
        assert_eq!(cut(&mut late, &tree), Some(1));
    }

    #[test]
    fn what_was_to_be_called_after_a_fill_that_was_lost_is_called_after_the_next() {
        let (mut tree, field) = tree();
        let mut sync = Sync::new(tree.clone());
        tree.call(field, "focus", "[]");
        assert_eq!(cut_whole(&mut sync, &tree), 1);
        assert!(!sync.resume(0));
        sync.restart(0);
        assert_eq!(cut_whole(&mut sync, &tree), 1);
    }

    #[test]
    fn a_fill_that_was_lost_leaves_no_version_to_resume_from() {
        let mut sync = Sync::new(Tree::default());
        cut_whole(&mut sync, &Tree::default());
        assert!(!sync.resume(0));
        assert!(sync.resume(1));
    }
}
