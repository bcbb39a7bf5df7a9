//! The wish that a run ends: asked for once, seen everywhere; asked for again, without patience.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A shared flag with two stages, which wakes whoever asked to be woken. Cheap to clone.
///
/// First the run should end: nothing new starts, and what runs is given time to put its things in order. When somebody asks
/// with [`cancel_now`](Self::cancel_now), that time is over.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    soon: Stage,
    now: Stage,
}

#[derive(Default)]
struct Stage {
    raised: AtomicBool,
    listeners: Mutex<Vec<Listener>>,
}

type Listener = Box<dyn Fn() + Send>;

impl Cancel {
    /// Whether the run should end.
    pub fn is_cancelled(&self) -> bool {
        self.0.soon.is_raised()
    }

    /// Whether the run should end without giving anybody time.
    pub fn is_urgent(&self) -> bool {
        self.0.now.is_raised()
    }

    /// Asks the run to end. Asking twice changes nothing.
    pub fn cancel(&self) {
        self.0.soon.raise();
    }

    /// Asks the run to end at once: processes are killed, whether they had time to clean up or not.
    pub fn cancel_now(&self) {
        self.0.soon.raise();
        self.0.now.raise();
    }

    /// Calls `listener` when the run is asked to end: now, if that has happened already.
    ///
    /// It runs on the thread that asks, must be quick, and must not ask for cancellation itself.
    pub fn on_cancel(&self, listener: impl Fn() + Send + 'static) {
        self.0.soon.listen(Box::new(listener));
    }

    /// Calls `listener` when the run is asked to end at once, under the conditions of [`on_cancel`](Self::on_cancel).
    pub fn on_cancel_now(&self, listener: impl Fn() + Send + 'static) {
        self.0.now.listen(Box::new(listener));
    }
}

impl Stage {
    fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    fn raise(&self) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.raised.swap(true, Ordering::SeqCst) {
            listeners.iter().for_each(|listener| listener());
        }
    }

    fn listen(&self, listener: Listener) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_raised() {
            listener();
        }
        listeners.push(listener);
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn count(heard: &Arc<AtomicUsize>) -> impl Fn() + Send + 'static {
        let heard = Arc::clone(heard);
        move || {
            heard.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn listeners_hear_once_early_or_late() {
        let cancel = Cancel::default();
        let heard = Arc::new(AtomicUsize::new(0));
        cancel.on_cancel(count(&heard));
        assert!(!cancel.is_cancelled());
        cancel.cancel();
        cancel.cancel();
        cancel.on_cancel(count(&heard));
        assert!(cancel.is_cancelled());
        assert_eq!(heard.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn urgency_is_a_stage_of_its_own_and_contains_the_first() {
        let (soon, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let cancel = Cancel::default();
        cancel.on_cancel(count(&soon));
        cancel.on_cancel_now(count(&now));
        cancel.cancel();
        assert_eq!((cancel.is_urgent(), now.load(Ordering::SeqCst)), (false, 0));
        cancel.cancel_now();
        assert_eq!((soon.load(Ordering::SeqCst), now.load(Ordering::SeqCst)), (1, 1));

        let at_once = Cancel::default();
        at_once.cancel_now();
        assert!(at_once.is_cancelled() && at_once.is_urgent());
    }
}
