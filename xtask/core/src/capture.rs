//! A bounded memory of a long output: its head and its tail.

use std::collections::VecDeque;

/// Keeps the first and the last bytes of a stream, and counts the rest.
#[derive(Clone, Debug)]
pub struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_max: usize,
    tail_max: usize,
    total: u64,
}

impl Capture {
    /// Keeps at most `head_max` bytes of the beginning and `tail_max` bytes of the end.
    pub fn new(head_max: usize, tail_max: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), head_max, tail_max, total: 0 }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.head_max - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.tail_max)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.tail_max);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    /// How many bytes were taken.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many bytes between head and tail were not kept.
    pub fn omitted(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// What was kept as text: the head, where bytes are missing a line that says how many, and the tail.
    ///
    /// Bytes that are no UTF-8 become U+FFFD. Where bytes are missing, the lines that were cut in two are left out.
    pub fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        if self.omitted() == 0 {
            return String::from_utf8_lossy(&[self.head.as_slice(), &tail].concat()).into_owned();
        }
        let head_end =
            self.head.iter().rposition(|&b| b == b'\n').map_or(self.head.len(), |newline| newline + 1);
        let tail_start = tail.iter().position(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        let omitted = self.omitted() + (self.head.len() - head_end + tail_start) as u64;
        let head = String::from_utf8_lossy(&self.head[..head_end]);
        let newline = if head.ends_with('\n') { "" } else { "\n" };
        format!(
            "{head}{newline}[… {omitted} bytes left out …]\n{}",
            String::from_utf8_lossy(&tail[tail_start..])
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_is_kept_whole() {
        let mut capture = Capture::new(4, 4);
        capture.push(b"ab");
        capture.push(b"cdef");
        assert_eq!((capture.text().as_str(), capture.omitted()), ("abcdef", 0));
    }

    #[test]
    fn long_output_keeps_head_and_tail_at_line_ends() {
        let mut capture = Capture::new(10, 10);
        for number in 0..1000 {
            capture.push(format!("line {number}\n").as_bytes());
        }
        let text = capture.text();
        assert!(text.starts_with("line 0\n[… "), "{text}");
        assert!(text.ends_with(" bytes left out …]\nline 999\n"), "{text}");
    }

    #[test]
    fn any_split_of_the_bytes_gives_the_same() {
        let bytes: Vec<u8> = (0..200u8).collect();
        let mut whole = Capture::new(16, 32);
        whole.push(&bytes);
        for size in 1..40 {
            let mut pieces = Capture::new(16, 32);
            bytes.chunks(size).for_each(|chunk| pieces.push(chunk));
            assert_eq!((pieces.text(), pieces.omitted()), (whole.text(), whole.omitted()));
        }
    }
}
