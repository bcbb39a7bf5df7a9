//! Greets.

/// A greeting for `whom`.
pub fn greeting(whom: &str) -> String {
    format!("hello, {whom}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_name_is_in_the_greeting() {
        assert_eq!(super::greeting("ada"), "hello, ada");
    }
}
