//! Methods that a browser is to call on elements: `focus`, `scrollIntoView` and so on.
//!
//! A call is a part of the version it was made in, so what one version has and
//! another has not is sent, once, like any other difference. Calls are numbered
//! through the whole process: a call keeps its number when its element goes to
//! another tree, and so is not taken for a new one when it comes back. A tree keeps
//! the newest `CALLS_MAX`; they are few and short. Once browsers were told of a call
//! it is history: it goes to no other tree, and whoever comes later does not make it.

use crate::node::NodeId;
use crate::tree::Tree;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many calls a version keeps; with more, the oldest are given up, sent or not.
pub const CALLS_MAX: usize = 64;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// One call of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    number: u64,
    /// The uuid of the element.
    pub uuid: Box<str>,
    /// The method's name in the DOM.
    pub method: Box<str>,
    /// A JSON array.
    pub arguments: Box<str>,
}

/// The calls of a version, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    list: Option<Arc<Vec<Call>>>,
    /// The number from which on browsers are still to be told.
    due_from: u64,
}

impl Calls {
    /// Says whether both have the same calls.
    pub fn same(&self, other: &Calls) -> bool {
        match (&self.list, &other.list) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            _ => self.as_slice().is_empty() && other.as_slice().is_empty(),
        }
    }

    pub fn as_slice(&self) -> &[Call] {
        self.list.as_ref().map_or(&[], |list| list.as_slice())
    }

    /// Returns the places of those that *old* has not.
    pub fn since(&self, old: &Calls) -> Vec<usize> {
        if self.same(old) {
            return Vec::new();
        }
        let was = old.as_slice();
        let is_new = |call: &Call| {
            was.binary_search_by_key(&call.number, |it| it.number)
                .is_err()
        };
        let all = self.as_slice().iter().enumerate();
        all.filter(|(_, call)| is_new(call))
            .map(|(at, _)| at)
            .collect()
    }

    /// Returns those that browsers were told of.
    pub fn told(&self) -> Calls {
        let due = self.due().count();
        if due == 0 {
            return self.clone();
        }
        let told = &self.as_slice()[..self.as_slice().len() - due];
        Calls {
            list: (!told.is_empty()).then(|| Arc::new(told.to_vec())),
            due_from: self.due_from,
        }
    }

    /// Returns those that browsers are still to be told of.
    fn due(&self) -> impl Iterator<Item = &Call> {
        let all = self.as_slice().iter();
        all.skip_while(|call| call.number < self.due_from)
    }

    fn put(&mut self, call: Call) {
        let list = Arc::make_mut(self.list.get_or_insert_default());
        let Err(place) = list.binary_search_by_key(&call.number, |it| it.number) else {
            return;
        };
        list.insert(place, call);
        if list.len() > CALLS_MAX {
            list.remove(0);
        }
    }

    fn forget(&mut self, number: u64) {
        let place = |call: &Call| call.number.cmp(&number);
        let Some(list) = &mut self.list else {
            return;
        };
        if let Ok(place) = list.binary_search_by(place) {
            Arc::make_mut(list).remove(place);
        }
    }
}

impl Tree {
    /// Has *method* called on an element by whoever shows the tree; *arguments* is a
    /// JSON array. Gives the element a uuid if it has none.
    pub fn call(&mut self, id: NodeId, method: &str, arguments: &str) {
        self.stamp_one(id);
        let call = Call {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            uuid: self.uuid(id).expect("stamped above").into(),
            method: method.into(),
            arguments: arguments.into(),
        };
        self.lookup_mut().calls.put(call);
    }

    pub fn calls(&self) -> &Calls {
        &self.lookup.calls
    }

    /// Takes note that browsers are told of all calls made so far.
    pub fn tell_calls(&mut self) {
        if self.has_due_calls() {
            self.lookup_mut().calls.due_from = NEXT.load(Ordering::Relaxed);
        }
    }

    /// Has these calls and no other; what is asked for anew is then sent once more.
    pub fn set_calls(&mut self, calls: Calls) {
        if !self.lookup.calls.same(&calls) {
            self.lookup_mut().calls = calls;
        }
    }

    /// Takes over the calls of *other* on elements that are in this tree now: those that
    /// browsers are still to be told of, while what they were told of there is history
    /// here as well. *pairs* says which element is which, first there, then here.
    pub fn adopt_calls(&mut self, other: &Tree, pairs: &[(NodeId, NodeId)]) {
        for call in other.calls().due() {
            let was = other.by_uuid(&call.uuid);
            let Some(&(_, id)) = pairs.iter().find(|pair| Some(pair.0) == was) else {
                continue;
            };
            self.stamp_one(id);
            let uuid = self.uuid(id).expect("stamped above").into();
            let call = call.clone();
            self.lookup_mut().calls.put(Call { uuid, ..call });
        }
        if self.calls().as_slice().is_empty() {
            return;
        }
        let told = |call: &&Call| call.number < other.calls().due_from;
        for call in other.calls().as_slice().iter().take_while(told) {
            self.lookup_mut().calls.forget(call.number);
        }
    }

    /// Says whether browsers are still to be told of any call.
    pub fn has_due_calls(&self) -> bool {
        self.calls().due().next().is_some()
    }
}
