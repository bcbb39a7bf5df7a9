//! The wish that a run ends: asked for once, seen everywhere.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A shared flag that goes up once, and wakes whoever asked to be woken. Cheap to clone.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    listeners: Mutex<Vec<Listener>>,
}

type Listener = Box<dyn Fn() + Send>;

impl Cancel {
    /// Whether the run should end.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Asks the run to end. Asking twice changes nothing.
    pub fn cancel(&self) {
        let listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.0.cancelled.swap(true, Ordering::SeqCst) {
            listeners.iter().for_each(|listener| listener());
        }
    }

    /// Calls `listener` when the run is asked to end: now, if that has happened already.
    ///
    /// It runs on the thread that asks, must be quick, and must not ask for cancellation itself.
    pub fn on_cancel(&self, listener: impl Fn() + Send + 'static) {
        let mut listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_cancelled() {
            listener();
        }
        listeners.push(Box::new(listener));
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

    #[test]
    fn listeners_hear_once_early_or_late() {
        let cancel = Cancel::default();
        let heard = Arc::new(AtomicUsize::new(0));
        let listener = |heard: &Arc<AtomicUsize>| {
            let heard = Arc::clone(heard);
            move || {
                heard.fetch_add(1, Ordering::SeqCst);
            }
        };
        cancel.on_cancel(listener(&heard));
        assert!(!cancel.is_cancelled());
        cancel.cancel();
        cancel.cancel();
        cancel.on_cancel(listener(&heard));
        assert!(cancel.is_cancelled());
        assert_eq!(heard.load(Ordering::SeqCst), 2);
    }
}
