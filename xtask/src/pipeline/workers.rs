//! Threads that do one piece of work after the other: to make one for each task takes as long as much of what it does.

use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread;

use crate::error::{Error, Result};

/// A piece of work.
type Work = Box<dyn FnOnce() + Send>;

/// Those that wait for work, by the way on which they get it.
type Waiting = Mutex<Vec<mpsc::Sender<Work>>>;

/// Threads, made when there is more to do than threads wait. They end after what they do once this is dropped; nobody waits for
/// them.
#[derive(Debug, Default)]
pub(super) struct Workers(Arc<Waiting>);

impl Workers {
    /// Has a thread do this at once.
    pub(super) fn give(&self, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let mut work: Work = Box::new(work);
        loop {
            let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(waiting) = waiting else { break };
            match waiting.send(work) {
                Ok(()) => return Ok(()),
                // What it did before has panicked.
                Err(mpsc::SendError(back)) => work = back,
            }
        }
        let others = Arc::downgrade(&self.0);
        let works = move || live(work, &others);
        match thread::Builder::new().name("task".to_owned()).spawn(works) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io("could not start a thread for a task", error)),
        }
    }
}

fn live(first: Work, others: &Weak<Waiting>) {
    let mut next = Some(first);
    while let Some(work) = next {
        work();
        let (sender, receiver) = mpsc::channel();
        let Some(waiting) = others.upgrade() else { return };
        waiting.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        // Not held while it waits: it is the last but one to be dropped.
        drop(waiting);
        next = receiver.recv().ok();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn threads_are_used_again_and_end_with_their_owner() {
        let workers = Workers::default();
        let (sender, receiver) = mpsc::channel();
        let waiting = |count: usize| {
            let end = Instant::now() + Duration::from_secs(20);
            while workers.0.lock().unwrap().len() < count {
                assert!(Instant::now() < end, "a thread never waits");
                thread::yield_now();
            }
        };
        let mut threads = HashSet::new();
        for turn in 0..50 {
            let sender = sender.clone();
            workers.give(move || sender.send((turn, thread::current().id())).unwrap()).unwrap();
            let (done, thread) = receiver.recv().unwrap();
            assert_eq!(done, turn);
            threads.insert(thread);
            waiting(1);
        }
        assert_eq!(threads.len(), 1);
        // Nobody waits for work while others are at it.
        let (go, goes) = mpsc::channel::<()>();
        workers.give(move || assert!(goes.recv().is_err())).unwrap();
        let other = sender.clone();
        workers.give(move || other.send((0, thread::current().id())).unwrap()).unwrap();
        assert!(!threads.contains(&receiver.recv().unwrap().1));
        drop(go);
        waiting(2);
        let alive = Arc::downgrade(&workers.0);
        drop(workers);
        assert!(alive.upgrade().is_none(), "those that wait hold nothing");
    }

    #[test]
    fn work_that_panics_takes_no_other_with_it() {
        let workers = Workers::default();
        let (sender, receiver) = mpsc::channel();
        workers.give(|| std::panic::resume_unwind(Box::new("work"))).unwrap();
        for _ in 0..3 {
            let sender = sender.clone();
            workers.give(move || sender.send(()).unwrap()).unwrap();
            receiver.recv().unwrap();
        }
    }
}
