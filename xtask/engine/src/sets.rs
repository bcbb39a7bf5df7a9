//! Numbers for sets of files: tasks that declare the same have one set in common, which is looked at once.

use std::collections::HashMap;

/// Sets by what declares them, numbered in the order in which they first came.
#[derive(Debug, Default)]
pub struct Sets(HashMap<Vec<u8>, usize>);

impl Sets {
    /// The number of the set that `declaration` names.
    pub fn number(&mut self, declaration: &[u8]) -> usize {
        if let Some(&number) = self.0.get(declaration) {
            return number;
        }
        let number = self.0.len();
        self.0.insert(declaration.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_alike_has_one_number() {
        let mut sets = Sets::default();
        assert_eq!(
            ["in src", "out a", "in src", "out b"].map(|name| sets.number(name.as_bytes())),
            [0, 1, 0, 2]
        );
    }
}
