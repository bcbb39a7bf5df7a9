//! Text for people: foreign text made harmless, cut to a width, and durations and sizes in words.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;
use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

/// `text` without escape sequences and control characters; line ends and tabs stay.
///
/// What a tool wrote can then neither move the cursor nor colour what stands around it. As on a terminal, a carriage return
/// takes back what stands before it on its line. The grammar of sequences is that of ECMA-48 (CSI, OSC, DCS and their
/// 8-bit forms); a sequence that does not end is cut off at the end of its line, so that it cannot hide the lines after it.
pub fn strip(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut rest),
            '\r' => {
                while rest.next_if_eq(&'\r').is_some() {}
                if rest.peek().is_some_and(|&next| next != '\n') {
                    plain.truncate(plain.rfind('\n').map_or(0, |newline| newline + 1));
                }
            }
            '\n' | '\t' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

/// What stands behind an escape character.
fn skip_escape(rest: &mut Peekable<Chars<'_>>) {
    if rest.next_if_eq(&'[').is_some() {
        skip_control_sequence(rest);
    } else if rest.next_if(|c| matches!(c, ']' | 'P' | 'X' | '^' | '_')).is_some() {
        skip_string(rest);
    } else {
        while rest.next_if(|c| matches!(c, ' '..='/')).is_some() {}
        rest.next_if(|c| matches!(c, '0'..='~'));
    }
}

/// Parameters, intermediates and the final character of a control sequence.
fn skip_control_sequence(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

/// A control string up to its terminator, at most to the end of the line.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(c) = rest.next_if(|&c| c != '\n') {
        match c {
            '\x07' | '\u{9c}' => return,
            '\x1b' if rest.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

/// [`strip`], on one line: line ends and tabs become spaces.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let plain = strip(text.trim());
    if plain.contains(['\n', '\t']) { Cow::Owned(plain.replace(['\n', '\t'], " ")) } else { plain }
}

/// How many columns of a terminal `text`, a line without control characters, takes at most.
///
/// Characters count one by one. A terminal that joins an emoji sequence into one picture shows less, none shows more.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    // The selector that turns a narrow symbol into a wide emoji.
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

/// `text` cut to at most `columns` columns; an ellipsis stands for what is cut off.
pub fn truncate(text: &str, columns: usize) -> Cow<'_, str> {
    // A byte is never narrower than the columns it takes, so short text needs no second look.
    if text.len() <= columns || width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else { return Cow::Borrowed("") };
    let mut used = 0;
    let fits = |c: &char| {
        used += char_width(*c);
        used <= room
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    Cow::Owned(cut)
}

/// A duration as people say it: `12 ms`, `0.4 s`, `3 min 12 s`, `1 h 04 min`.
pub fn duration(duration: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    let seconds = (duration.as_millis() + 500) / 1000;
    let minutes = (seconds + 30) / 60;
    match (tenths, seconds) {
        (0, _) => format!("{} ms", duration.as_millis()),
        (1..600, _) => format!("{}.{} s", tenths / 10, tenths % 10),
        (_, 0..3600) => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", minutes / 60, minutes % 60),
    }
}

/// How old something is, in its largest unit: `3 days`, `1 hour`, `40 minutes`.
pub fn age(age: Duration) -> String {
    let seconds = usize::try_from(age.as_secs()).unwrap_or(usize::MAX);
    match seconds {
        0..60 => count(seconds, "second"),
        60..3600 => count(seconds / 60, "minute"),
        3600..86_400 => count(seconds / 3600, "hour"),
        _ => count(seconds / 86_400, "day"),
    }
}

/// A duration in whole seconds, for what is looked at while it grows: `0 s`, `41 s`, `3 min 12 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => duration(Duration::from_secs(seconds)),
    }
}

/// A number of bytes as people say it: `512 B`, `1.5 KiB`, `12.0 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// `count` and its noun: `1 task`, `3 tasks`.
pub fn count(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Every line of `text` behind `margin`; empty lines stay empty.
pub fn indent(text: &str, margin: &str) -> String {
    let mut indented = String::with_capacity(text.len());
    for line in text.lines() {
        let margin = if line.is_empty() { "" } else { margin };
        // Writing into a String cannot fail.
        let _infallible = writeln!(indented, "{margin}{line}");
    }
    indented
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_go_and_text_stays() {
        for (text, plain) in [
            ("plain größe 好 👍\tx\n", "plain größe 好 👍\tx\n"),
            ("\x1b[31;1mred\x1b[0m \x1b[2K\x1b[10A\x1b[?25l", "red "),
            ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
            ("\u{9b}31mred\u{9d}0;title\u{9c}!", "red!"),
            ("\x1bP+q\x1b\\dcs \x1b(Bcharset \x1bcreset", "dcs charset reset"),
            ("bell\x07 back\x08space del\x7f nul\0", "bell backspace del nul"),
            ("10 %\r50 %\r100 %\r\nnext\r\n", "100 %\nnext\n"),
            ("kept\r\r\nend\r", "kept\nend"),
            ("\x1b]0;unterminated\nnext line", "\nnext line"),
            ("\x1b[31\nnext", "\nnext"),
            ("end\x1b", "end"),
            ("\x1b[", ""),
        ] {
            assert_eq!(strip(text), plain, "{text:?}");
        }
        assert_eq!(one_line(" a\n\tb\x1b[K \r\n"), "a  b");
    }

    #[test]
    fn whatever_comes_nothing_is_left_that_a_terminal_obeys() {
        const ALPHABET: &[char] = &[
            'a', 'm', ';', '[', ']', '\\', '0', ' ', '\n', '\r', '\t', '\x1b', '\x07', '\x08', '\0',
            '\u{9b}', '\u{9d}', '\u{9c}', '\u{85}', '\u{90}', 'P', '?', '好', '\x7f', '~',
        ];
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..seed % 24 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push(ALPHABET[usize::try_from(seed >> 33).unwrap() % ALPHABET.len()]);
            }
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let plain = strip(&text);
            assert!(
                !plain.contains(|c: char| c.is_control() && c != '\n' && c != '\t'),
                "{text:?} → {plain:?}"
            );
            assert_eq!(plain.matches('\n').count(), text.matches('\n').count(), "{text:?} → {plain:?}");
            assert_eq!(strip(&plain), plain);
        }
    }

    #[test]
    fn cut_text_fits() {
        for (text, columns, cut) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("好好好", 6, "好好好"),
            ("好好好", 5, "好好…"),
            ("好好好", 4, "好…"),
            ("⚠️x", 2, "⚠…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(truncate(text, columns), cut, "{text} in {columns}");
            assert!(width(&truncate(text, columns)) <= columns);
        }
    }

    #[test]
    fn durations_and_sizes_in_words() {
        for (milliseconds, words) in [
            (0, "0 ms"),
            (49, "49 ms"),
            (50, "0.1 s"),
            (449, "0.4 s"),
            (41_234, "41.2 s"),
            (59_949, "59.9 s"),
            (59_950, "1 min 00 s"),
            (192_000, "3 min 12 s"),
            (3_599_499, "59 min 59 s"),
            (3_599_500, "1 h 00 min"),
            (3_840_000, "1 h 04 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), words);
        }
        for (milliseconds, words) in [(0, "0 s"), (59_999, "59 s"), (60_000, "1 min 00 s")] {
            assert_eq!(seconds(Duration::from_millis(milliseconds)), words);
        }
        for (seconds, words) in
            [(0, "0 seconds"), (61, "1 minute"), (86_399, "23 hours"), (86_400, "1 day"), (300_000, "3 days")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), words);
        }
        for (number, words) in
            [(1023, "1023 B"), (1536, "1.5 KiB"), (12 << 20, "12.0 MiB"), (u64::MAX, "17179869183.9 GiB")]
        {
            assert_eq!(bytes(number), words);
        }
    }
}
