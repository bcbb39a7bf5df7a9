//! xshell's `cmd!` as a notation for our [`Command`].

use std::process;

use crate::core::command::Command;

impl From<xshell::Cmd<'_>> for Command {
    /// Program, arguments, folder and variables of a `cmd!`. What it would read on its standard input does not come along:
    /// give that with [`Command::stdin`].
    fn from(cmd: xshell::Cmd<'_>) -> Self {
        Self::from(process::Command::from(cmd))
    }
}

impl From<process::Command> for Command {
    /// Program, arguments, folder and variables.
    fn from(std: process::Command) -> Self {
        let mut command = Self::new(std.get_program()).args(std.get_args());
        for (name, value) in std.get_envs() {
            command = match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        match std.get_current_dir() {
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
        let command = Command::from(xshell::cmd!(sh, "tool --flag={word} {words...}").env("CI", "1"));
        assert_eq!(command.to_string(), "cd / && CI=1 tool '--flag=a b' -x 'y z'");
        assert_eq!(command.directory(), Some(Path::new("/")));
    }
}
