//! A thread that beats: for what has to be shown although nothing happens.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Calls a function again and again until it is dropped. When `drop` returns, the last call is over.
pub(super) struct Pulse {
    stopped: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    /// Calls `beat` now and then after every `interval`; never, where the system has no thread left.
    pub(super) fn start(interval: Duration, mut beat: impl FnMut() + Send + 'static) -> Self {
        let stopped = Arc::new((Mutex::new(false), Condvar::new()));
        let seen = Arc::clone(&stopped);
        let body = move || {
            let (flag, condition) = &*seen;
            let mut stop = flag.lock().unwrap_or_else(PoisonError::into_inner);
            while !*stop {
                // The flag is free while the function runs: whoever stops us waits for the call, not for an interval.
                drop(stop);
                beat();
                stop = flag.lock().unwrap_or_else(PoisonError::into_inner);
                if !*stop {
                    stop = condition.wait_timeout(stop, interval).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        };
        Self { stopped, thread: thread::Builder::new().name("ui".to_owned()).spawn(body).ok() }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let (flag, condition) = &*self.stopped;
        *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        condition.notify_all();
        if let Some(thread) = self.thread.take() {
            // A beat that panicked has said so itself.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn it_beats_and_stops_at_once() {
        let (sender, receiver) = mpsc::channel();
        let pulse = Pulse::start(Duration::from_millis(1), move || sender.send(()).unwrap());
        receiver.recv().unwrap();
        receiver.recv().unwrap();
        drop(pulse);
        // The thread is gone, and with it the sender.
        while receiver.try_recv().is_ok() {}
        assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Disconnected));
        // An hour's interval does not hold it back either.
        drop(Pulse::start(Duration::from_hours(1), || ()));
    }
}
