//! What a bare word of YAML means to Kubernetes.
//!
//! `kubectl` reads manifests with go-yaml v2, whose words are those of YAML 1.1: `yes` and `on` are true, `0123` is 83. Who
//! reads them by the rules of YAML 1.2 plans with other objects than `kubectl` would have applied. The rules are those of
//! `resolve.go` of gopkg.in/yaml.v2 2.4, and of the conversion to JSON in sigs.k8s.io/yaml.

use serde_json::{Number, Value};

/// The value of the bare word `text`. `None` where it is a number that JSON cannot hold: infinite, or none.
pub(super) fn resolve(text: &str) -> Option<Value> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => return None,
        _ if matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF") && text.len() <= 5 => {
            return None;
        }
        _ if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) => {
            let plain = text.replace('_', "");
            match integer(&plain).or_else(|| float(&plain)) {
                Some(number) => Value::Number(number),
                None => Value::String(text.to_owned()),
            }
        }
        _ => Value::String(text.to_owned()),
    })
}

/// How people call what `value` is.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// Go's integers: decimal, or by prefix hexadecimal, octal (`0o17`, also `017`) and binary.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some(_) if lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    // A second sign would be read, too.
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    if negative { 0_i64.checked_sub_unsigned(size).map(Number::from) } else { Some(size.into()) }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`; whole ones are written as integers, as JSON of Go does.
fn float(text: &str) -> Option<Number> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (body, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let some = if whole.is_empty() { fraction } else { whole };
    let well = !some.is_empty() && digits(whole) && digits(fraction);
    if !well || exponent.is_some_and(|exponent| exponent.is_empty() || !digits(exponent)) {
        return None;
    }
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    // Below 2^53 every whole number is exact, and its text without a fraction is an integer.
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return format!("{number:.0}").parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_read_as_kubernetes_reads_them() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("null", json!(null)),
            ("nULL", json!("nULL")),
            ("yes", json!(true)),
            ("y", json!(true)),
            ("On", json!(true)),
            ("oN", json!("oN")),
            ("off", json!(false)),
            ("N", json!(false)),
            ("0", json!(0)),
            ("0123", json!(83)),
            ("089", json!(89)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("-0x1F", json!(-31)),
            ("0b101", json!(5)),
            ("1_000", json!(1000)),
            ("+7", json!(7)),
            ("--7", json!("--7")),
            ("+-7", json!("+-7")),
            ("1e3", json!(1000)),
            ("12e03", json!(12000)),
            ("1.50", json!(1.5)),
            ("1.", json!(1)),
            (".5", json!(0.5)),
            (".", json!(".")),
            ("-", json!("-")),
            ("1e", json!("1e")),
            ("1e400", json!("1e400")),
            ("1.2.3", json!("1.2.3")),
            ("500m", json!("500m")),
            ("2026-01-31", json!("2026-01-31")),
            ("12:30", json!("12:30")),
            ("18446744073709551615", json!(u64::MAX)),
            ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("ffff", json!("ffff")),
            ("größe", json!("größe")),
            ("-ü", json!("-ü")),
            ("0ü", json!("0ü")),
        ] {
            assert_eq!(resolve(text), Some(value), "{text}");
        }
        for text in [".nan", ".inf", "-.Inf", "+.INF"] {
            assert_eq!(resolve(text), None, "{text}");
        }
        assert_eq!(resolve("++.inf"), Some(json!("++.inf")));
    }
}
