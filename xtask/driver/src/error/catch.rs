//! A panic is a defect of ours, and it is said like every other error.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::{Error, Result};

thread_local! {
    /// Where the panic that is being caught on this thread happened; `None` while nobody catches.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work` and makes an error of its panic, with the place where it happened.
///
/// The first call installs a panic hook that says nothing for panics that are caught here, because the error will be
/// shown; all others go to the hook that was there before.
pub fn catch<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let caught = CAUGHT.with_borrow_mut(|place| {
                place
                    .as_mut()
                    .map(|place| *place = info.location().map_or_else(String::new, ToString::to_string))
            });
            if caught.is_none() {
                before(info);
            }
        }));
    });
    let outer = CAUGHT.replace(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    let place = CAUGHT.replace(outer).unwrap_or_default();
    result.unwrap_or_else(|payload| Err(Error::bug(format!("panic at {place}: {}", text(payload.as_ref())))))
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let owned = || payload.downcast_ref::<String>().map(String::as_str);
    payload.downcast_ref::<&str>().copied().or_else(owned).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_panic_is_an_error_with_its_place() {
        let error = catch(|| -> Result<()> { panic!("at the disco") }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Bug);
        assert!(error.message().starts_with("panic at "), "{error}");
        assert!(error.message().contains("catch.rs:"), "{error}");
        assert!(error.message().ends_with(": at the disco"), "{error}");
        assert_eq!(catch(|| Ok(1)).unwrap(), 1);
    }
}
