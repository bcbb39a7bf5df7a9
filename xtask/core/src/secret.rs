//! A value that does not show itself.

use std::fmt;

use crate::mask::{MASK, Mask};

/// A password or a token. Neither `Debug` nor any other formatting shows it; whoever needs it says [`Secret::expose`].
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for what has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What replaces this value, and each of its words, in texts that somebody else wrote: `Bearer abc` hides `abc` too.
    pub fn mask(&self) -> Mask {
        Mask::new(
            &self.0.split(' ').chain([self.0.as_str()]).filter(|word| !is_scheme(word)).collect::<Vec<_>>(),
        )
    }
}

/// A name of a way to authenticate, which is no secret.
fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_and_hides_itself_in_foreign_text() {
        let secret = Secret::new("Bearer t0ken-t0ken");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.expose(), "Bearer t0ken-t0ken");
        assert_eq!(secret.mask().text("no Bearer for t0ken-t0ken"), "no Bearer for ***");
    }
}
