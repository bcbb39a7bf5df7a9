//! What it takes to measure Rust: the compiler counts, and tools of its own version of LLVM read the counts.

use serde_json::Value;

/// What `rustc -vV` says of the compiler, as far as it matters here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Compiler {
    /// The platform that it runs on: `x86_64-unknown-linux-gnu`.
    pub host: String,
    /// The version of its LLVM, the first number. The form of the counts changes with it.
    pub llvm: u32,
}

impl Compiler {
    /// Reads it; `None` where it is something else.
    pub fn read(text: &str) -> Option<Self> {
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        Some(Self { host: value("host:")?.to_owned(), llvm: major(value("LLVM version:")?)? })
    }
}

/// The version of a tool of LLVM, the first number, by what it says to `--version`.
pub fn version(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("LLVM version ")?;
    major(version)
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// The programs that `cargo test --no-run --message-format=json` has made, in its order
/// (doc.rust-lang.org/cargo/reference/external-tools.html, "JSON messages"). Counts are read with the programs that made them.
pub fn programs(messages: &str) -> Vec<String> {
    let program = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(message.get("executable")?.as_str()?.to_owned())
    };
    messages.lines().filter_map(program).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_have_to_fit_the_compiler() {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n\
                    LLVM version: 22.1.2\n";
        let compiler = Compiler { host: "x86_64-unknown-linux-gnu".to_owned(), llvm: 22 };
        assert_eq!(Compiler::read(text), Some(compiler));
        assert_eq!(Compiler::read("rustc 1.95.0\n"), None);
        for (text, expected) in [
            ("Debian LLVM version 22.1.8\n  Optimized build.\n", Some(22)),
            ("LLVM (http://llvm.org/):\n  LLVM version 14.0.6\n", Some(14)),
            ("LLVM version x", None),
            ("", None),
        ] {
            assert_eq!(version(text), expected, "{text:?}");
        }
    }

    #[test]
    fn programs_are_named_by_cargo() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}
   Compiling shop v0.1.0
{"reason":"compiler-artifact","target":{"name":"shop"},"profile":{"test":true},"executable":"/repo/target/debug/deps/shop-1"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(programs(messages), ["/repo/target/debug/deps/shop-1"]);
    }
}
