//! What is going to happen, in order of time; what was put in first happens first among equals.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A queue of events in virtual time.
#[derive(Debug)]
pub(super) struct Queue<E> {
    /// When, which number, and where in `events`: small, so that sorting moves little.
    order: BinaryHeap<Reverse<(Duration, u64, usize)>>,
    events: Vec<Option<E>>,
    free: Vec<usize>,
    pushed: u64,
}

impl<E> Queue<E> {
    pub(super) fn new() -> Self {
        Self { order: BinaryHeap::new(), events: Vec::new(), free: Vec::new(), pushed: 0 }
    }

    pub(super) fn push(&mut self, at: Duration, event: E) {
        let index = self.free.pop().unwrap_or(self.events.len());
        if index == self.events.len() {
            self.events.push(Some(event));
        } else {
            self.events[index] = Some(event);
        }
        self.order.push(Reverse((at, self.pushed, index)));
        self.pushed += 1;
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.order.peek().map(|Reverse((at, _, _))| *at)
    }

    pub(super) fn pop(&mut self) -> Option<(Duration, E)> {
        let Reverse((at, _, index)) = self.order.pop()?;
        self.free.push(index);
        Some((at, self.events[index].take()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order() {
        let mut queue = Queue::new();
        let second = Duration::from_secs;
        for (at, event) in [(3, "d"), (1, "a"), (2, "b"), (2, "c")] {
            queue.push(second(at), event);
        }
        assert_eq!(queue.pop(), Some((second(1), "a")));
        queue.push(second(2), "after c");
        let rest: Vec<&str> = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(rest, ["b", "c", "after c", "d"]);
        assert_eq!((queue.next(), queue.events.len()), (None, 4), "places are used again");
    }
}
