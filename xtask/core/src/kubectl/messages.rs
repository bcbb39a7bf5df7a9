//! Takes what kubectl wrote to its standard error apart: one text for each thing that went wrong.
//!
//! Where it was asked for several objects, it tries all of them and writes a message for each that failed, in their order.
//! Between them, and before, stands what is no message: the log lines of its libraries, one for each attempt; warnings; and
//! whatever a plugin for credentials wrote.

/// How a message begins (`checkErr` and `StandardErrorMessage` in kubectl's `pkg/cmd/util/helpers.go`). Where several objects
/// failed, messages that are kubectl's own come without their `error: `.
const BEGINNINGS: &[&str] = &[
    "Error from server",
    "error: ",
    "The request is invalid",
    "Unable to connect to the server",
    "The connection to the server ",
    "Server returned an unexpected response",
    "Error in configuration",
    "the server doesn't have a resource type",
    "invalid configuration: ",
    "context \"",
    "Apply failed with ",
    "Operation cannot be fulfilled on ",
    "resource mapping not found for name",
    "error validating ",
    "panic: ",
];

/// What kubectl says below a conflict, about flags that are not ours to give.
const ADVICE: &str = "Please review the fields above--they currently have other managers.";

/// What kubectl says below the name of a program that is not there. What follows is the hint of whoever configured it.
const PLUGIN_ADVICE: &[&str] = &[
    "It looks like you are trying to use a client-go credential plugin that is not installed.",
    "To learn more about this feature, consult the documentation available at:",
    "https://kubernetes.io/docs/reference/access-authn-authz/authentication/",
];

/// What was said, apart.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Messages {
    /// One for each thing that failed, in order. None is empty, and none follows itself.
    pub failures: Vec<String>,
    /// What the server, or kubectl, wants to have said although it did what was asked.
    pub warnings: Vec<String>,
    /// What stands before the first message and is nobody's: a plugin's own words.
    pub preamble: Vec<String>,
}

impl Messages {
    /// Takes `stderr` apart. Where no line looks like the beginning of a message, all of it is one.
    pub fn of(stderr: &str) -> Self {
        let mut messages = Self::default();
        let mut advises = false;
        for line in stderr.lines().map(str::trim_end).filter(|line| !is_log(line)) {
            if let Some(warning) = line.strip_prefix("Warning: ") {
                advises = false;
                messages.warnings.push(warning.to_owned());
            } else if begins(line) {
                advises = false;
                messages.failures.push(line.to_owned());
            } else if line.starts_with(ADVICE) {
                advises = true;
            } else if advises
                || line.is_empty()
                || PLUGIN_ADVICE.iter().any(|advice| line.trim().starts_with(advice))
            {
                // The advice ends where the next message begins.
            } else if let Some(last) = messages.failures.last_mut() {
                last.push('\n');
                last.push_str(line);
            } else {
                messages.preamble.push(line.trim().to_owned());
            }
        }
        // A plugin is asked once for each attempt.
        messages.preamble.dedup();
        if messages.failures.is_empty() && !messages.preamble.is_empty() {
            messages.failures = vec![std::mem::take(&mut messages.preamble).join("\n")];
        }
        messages
    }
}

fn begins(line: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) || is_invalid(line)
}

/// `The Deployment "b" is invalid: …`
fn is_invalid(line: &str) -> bool {
    line.strip_prefix("The ").is_some_and(|rest| {
        let kind = rest.split(' ').next().unwrap_or_default();
        rest[kind.len()..].starts_with(" \"") && rest.contains("\" is invalid")
    })
}

/// Whether a line is one of klog: `E1128 16:43:31.518949    3061 memcache.go:265] …`.
fn is_log(line: &str) -> bool {
    let bytes = line.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|bytes| bytes.iter().all(u8::is_ascii_digit))
    };
    matches!(bytes.first(), Some(b'I' | b'W' | b'E' | b'F'))
        && digits(1..5)
        && bytes.get(5) == Some(&b' ')
        && digits(6..8)
        && bytes.get(8) == Some(&b':')
        && line.contains("] ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_one_message_and_nothing_else_is() {
        let said = "\
E1128 16:43:31.518949    3061 memcache.go:265] \"Unhandled Error\" err=\"couldn't get current server API group list\"
Warning: policy/v1beta1 PodDisruptionBudget is deprecated
Apply failed with 2 conflicts: conflicts with \"x\":
- .spec.replicas
- .spec.template
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.

The Deployment \"b\" is invalid: 
* spec.selector: Required value
* spec.replicas: Invalid value: -1
Error from server (NotFound): namespaces \"n\" not found
";
        let Messages { failures, warnings, preamble } = Messages::of(said);
        assert_eq!(
            failures,
            [
                "Apply failed with 2 conflicts: conflicts with \"x\":\n- .spec.replicas\n- .spec.template",
                "The Deployment \"b\" is invalid:\n* spec.selector: Required value\n* spec.replicas: Invalid value: -1",
                "Error from server (NotFound): namespaces \"n\" not found",
            ]
        );
        assert_eq!(warnings, ["policy/v1beta1 PodDisruptionBudget is deprecated"]);
        assert!(preamble.is_empty());
    }

    #[test]
    fn a_plugin_speaks_before_the_message() {
        let said = "\nUnable to locate credentials.\nUnable to locate credentials.\nUnable to connect to the server: getting credentials: exec: x\n";
        let messages = Messages::of(said);
        assert_eq!(messages.preamble, ["Unable to locate credentials."]);
        assert_eq!(messages.failures, ["Unable to connect to the server: getting credentials: exec: x"]);
    }

    #[test]
    fn what_has_no_beginning_is_one_message() {
        assert_eq!(Messages::of("EOF\nEOF\n").failures, ["EOF"]);
        assert_eq!(Messages::of("what\nis that").failures, ["what\nis that"]);
        assert_eq!(Messages::of("\n \n"), Messages::default());
        assert_eq!(Messages::of("The end is near\n").failures, ["The end is near"]);
    }
}
