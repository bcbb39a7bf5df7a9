//! A command that runs beside some work: something that serves, while somebody asks it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Cx;
use crate::core::capture::Capture;
use crate::driver::cancel::Cancel;
use crate::driver::notation::Notation;
use crate::driver::process::Exit;
use crate::error::{Error, Result};

/// How much of what it wrote is kept, in bytes at each end.
const KEPT: usize = 16 << 10;

/// How a command ended that ran beside some work.
#[derive(Debug)]
pub struct Ended {
    /// How it ended; [`Exit::Stopped`] where it had to be asked.
    pub exit: Exit,
    /// How long it took from the end of the work: what a SIGTERM takes.
    pub after: Duration,
    /// What it wrote, masked; the middle of a long output is left out.
    pub output: String,
}

/// Ends the command when it goes, whichever way.
struct Stopper<'c>(&'c Cancel);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Cx {
    /// Runs `command` for as long as `work` takes, then ends it. `work` is given a question: does the command still run?
    ///
    /// # Errors
    ///
    /// That it could not be started, or was interrupted. How it ended is for the caller to judge.
    pub fn beside<T>(
        &self,
        command: impl Notation,
        work: impl FnOnce(&dyn Fn() -> bool) -> T,
    ) -> Result<(T, Ended)> {
        let command = command.command();
        let stop = Cancel::default();
        let runs = AtomicBool::new(true);
        thread::scope(|scope| {
            let beside = scope.spawn(|| {
                let mut capture = Capture::new(KEPT, KEPT);
                let finished = self.execute_until(&command, false, Some(stop.clone()), &mut |_, bytes| {
                    capture.push(bytes);
                });
                runs.store(false, Ordering::SeqCst);
                finished.map(|finished| (finished, self.mask().text(&capture.text())))
            });
            // The scope waits for the command also where `work` panics: somebody has to end it then, too.
            let stopper = Stopper(&stop);
            let done = work(&|| runs.load(Ordering::SeqCst));
            let asked = Instant::now();
            drop(stopper);
            let joined = beside.join().unwrap_or_else(|_| Err(Error::bug("what watches a command panicked")));
            let (finished, output) = joined?;
            Ok((done, Ended { exit: finished.exit, after: asked.elapsed(), output }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cx(folder: &std::path::Path) -> Cx {
        let environment = crate::driver::environment::Environment::new([("PATH", "/bin:/usr/bin")]);
        Cx::builder(folder).environment(environment).build()
    }

    fn shell(script: &str) -> crate::Command {
        crate::Command::new("sh").args(["-c", script])
    }

    #[test]
    fn it_ends_also_where_the_work_panics() {
        let folder = tempfile::tempdir().unwrap();
        let cx = cx(folder.path());
        let begun = folder.path().join("begun");
        let work = |runs: &dyn Fn() -> bool| -> () {
            while runs() && !begun.exists() {
                thread::sleep(Duration::from_millis(5));
            }
            std::panic::resume_unwind(Box::new("the work broke"))
        };
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cx.beside(shell("touch begun; sleep 20 && touch survived"), work).map(drop)
        }));
        assert_eq!(told.unwrap_err().downcast_ref(), Some(&"the work broke"));
        assert!(!folder.path().join("survived").exists());
    }

    #[test]
    fn it_runs_as_long_as_the_work_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let cx = cx(folder.path());
        let (seen, ended) = cx.beside(shell("echo here; exec sleep 600"), |runs| runs()).unwrap();
        assert!(seen);
        assert_eq!(ended.exit, Exit::Stopped);
        // One that ends by itself is seen to have ended.
        let ((), ended) = cx
            .beside(shell("echo over; exit 3"), |runs| {
                while runs() {
                    thread::sleep(Duration::from_millis(5));
                }
            })
            .unwrap();
        assert_eq!((ended.exit, ended.output.as_str()), (Exit::Code(3), "over\n"));
    }
}
