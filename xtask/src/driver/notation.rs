//! xshell's `cmd!` as a notation for our [`Command`].

use std::process;

use crate::core::command::Command;

/// What can be written where a [`Command`] is wanted: one, a `cmd!` of xshell, or a command of the standard library.
pub trait Notation {
    /// Program, arguments, folder and variables. What a `cmd!` would read on its standard input does not come along: give that
    /// with [`Command::stdin`].
    fn command(self) -> Command;
}

impl Notation for Command {
    fn command(self) -> Command {
        self
    }
}

impl Notation for xshell::Cmd<'_> {
    fn command(self) -> Command {
        process::Command::from(self).command()
    }
}

impl Notation for process::Command {
    fn command(self) -> Command {
        let mut command = Command::new(self.get_program()).args(self.get_args());
        for (name, value) in self.get_envs() {
            command = match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        match self.get_current_dir() {
            Some(cwd) => command.cwd(cwd),
            None => command,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn cmd_is_a_notation() {
        let sh = xshell::Shell::new().unwrap();
        sh.change_dir("/");
        let (word, words) = ("a b", ["-x", "y z"]);
        let command = xshell::cmd!(sh, "tool --flag={word} {words...}").env("CI", "1").command();
        assert_eq!(command.to_string(), "cd / && CI=1 tool '--flag=a b' -x 'y z'");
        assert_eq!(command.directory(), Some(Path::new("/")));
    }
}
