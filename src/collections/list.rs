//! A list whose nodes lie where those who wait have them: on their stacks.
#![expect(unsafe_code, reason = "links nodes that lie in other frames")]

use core::cell::Cell;
use core::ptr::NonNull;

/// A place in a [`List`].
#[derive(Debug)]
pub(crate) struct Node<T: Copy> {
    item: Cell<T>,
    next: Cell<Option<NonNull<Self>>>,
    previous: Cell<Option<NonNull<Self>>>,
    is_linked: Cell<bool>,
}

impl<T: Copy> Node<T> {
    /// A node that is in no list.
    pub(crate) const fn new(item: T) -> Self {
        Self {
            item: Cell::new(item),
            next: Cell::new(None),
            previous: Cell::new(None),
            is_linked: Cell::new(false),
        }
    }

    /// Changes what a node holds that is in no list yet.
    #[cfg(feature = "sync")]
    #[inline(always)]
    pub(crate) fn set(&self, item: T) {
        self.item.set(item);
    }

    /// Whether it is in a list.
    #[cfg(feature = "sync")]
    pub(crate) fn is_linked(&self) -> bool {
        self.is_linked.get()
    }

    /// What it holds.
    #[cfg(feature = "sync")]
    #[inline(always)]
    pub(crate) fn get(&self) -> T {
        self.item.get()
    }
}

/// First in, first out; a node may leave from anywhere. Every operation takes constant time.
#[derive(Debug)]
pub(crate) struct List<T: Copy> {
    first: Cell<Option<NonNull<Node<T>>>>,
    last: Cell<Option<NonNull<Node<T>>>>,
}

impl<T: Copy> List<T> {
    /// An empty list, all bytes zero.
    #[cfg(any(test, feature = "sync"))]
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(None), last: Cell::new(None) }
    }

    #[cfg(any(test, feature = "epoll"))]
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.get().is_none()
    }

    /// Adds a node at the end.
    ///
    /// # Safety
    ///
    /// The node is in no list, and stays where it is until it was taken or removed.
    #[inline]
    pub(crate) unsafe fn push(&self, node: &Node<T>) {
        let place = NonNull::from(node);
        node.next.set(None);
        node.previous.set(self.last.replace(Some(place)));
        node.is_linked.set(true);
        match node.previous.get() {
            // SAFETY: it is in this list, so it is where it was.
            Some(previous) => unsafe { previous.as_ref() }.next.set(Some(place)),
            None => self.first.set(Some(place)),
        }
    }

    /// Takes the first node out, and returns what it holds.
    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        // SAFETY: it is in this list, so it is where it was.
        let node = unsafe { self.first.get()?.as_ref() };
        // SAFETY: as above.
        unsafe { self.remove(node) };
        Some(node.item.get())
    }

    /// What the first node holds.
    #[cfg(feature = "sync")]
    #[inline(always)]
    pub(crate) fn front(&self) -> Option<T> {
        // SAFETY: it is in this list, so it is where it was.
        self.first.get().map(|node| unsafe { node.as_ref() }.item.get())
    }

    /// Takes a node out, if nobody has.
    ///
    /// # Safety
    ///
    /// The node is in this list or in none.
    #[inline]
    pub(crate) unsafe fn remove(&self, node: &Node<T>) {
        if !node.is_linked.replace(false) {
            return;
        }
        let (next, previous) = (node.next.get(), node.previous.get());
        match next {
            // SAFETY: neighbours are in this list, so they are where they were.
            Some(next) => unsafe { next.as_ref() }.previous.set(previous),
            None => self.last.set(previous),
        }
        match previous {
            // SAFETY: as above.
            Some(previous) => unsafe { previous.as_ref() }.next.set(next),
            None => self.first.set(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Push(usize),
        Remove(usize),
        Pop,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..8_usize).prop_map(Step::Push),
            (0..8_usize).prop_map(Step::Remove),
            Just(Step::Pop)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: if cfg!(miri) { 16 } else { 256 }, ..ProptestConfig::default() })]

        #[test]
        fn it_does_what_a_vector_does(steps in prop::collection::vec(step(), 0..100)) {
            let nodes: [Node<usize>; 8] = core::array::from_fn(Node::new);
            let list = List::new();
            let mut model = Vec::new();
            for step in steps {
                match step {
                    Step::Push(which) if !model.contains(&which) => {
                        // SAFETY: the nodes outlive the list's use and do not move.
                        unsafe { list.push(&nodes[which]) };
                        model.push(which);
                    }
                    Step::Push(_) => {}
                    Step::Remove(which) => {
                        // SAFETY: there is one list.
                        unsafe { list.remove(&nodes[which]) };
                        model.retain(|other| *other != which);
                    }
                    Step::Pop => {
                        let expected = (!model.is_empty()).then(|| model.remove(0));
                        prop_assert_eq!(list.pop(), expected);
                    }
                }
                prop_assert_eq!(list.is_empty(), model.is_empty());
            }
            let rest: Vec<_> = core::iter::from_fn(|| list.pop()).collect();
            prop_assert_eq!(rest, model);
        }
    }
}
