//! Numbers, words and digests as bytes, and back: each with its length, so that no two sequences read as the same bytes.

use super::digest::Digest;

/// The version of keys, entries and the index. It rises when what they hold or mean changes.
pub const FORMAT: u32 = 3;

/// Collects bytes.
#[derive(Clone, Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// With room for that many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// One byte that says what follows.
    pub fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.push(tag);
        self
    }

    /// A number: seven bits a byte, the lowest first (LEB128).
    pub fn number(&mut self, mut number: u64) -> &mut Self {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
        self
    }

    /// A number in eight bytes, the lowest first: longer than [`Self::number`] makes it, and read in one step.
    pub fn word(&mut self, number: u64) -> &mut Self {
        self.append(&number.to_le_bytes())
    }

    /// A number in four bytes, the lowest first.
    pub fn half(&mut self, number: u32) -> &mut Self {
        self.append(&number.to_le_bytes())
    }

    /// Bytes as they are, of which the reader knows the length.
    pub fn append(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes, after their length.
    pub fn blob(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64).append(bytes)
    }

    /// A word, after its length.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.blob(text.as_bytes())
    }

    /// A digest.
    pub fn digest(&mut self, digest: &Digest) -> &mut Self {
        self.append(digest.bytes())
    }

    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What was written, to keep.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Takes bytes apart. Every method gives `None` where the bytes are not what was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// Reads these bytes.
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// One byte.
    pub fn tag(&mut self) -> Option<u8> {
        let (&tag, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(tag)
    }

    /// A number.
    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.tag()?;
            let bits = u64::from(byte & 0x7f);
            if bits != (bits << shift) >> shift {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A number that is not large.
    pub fn count(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    /// A number in eight bytes.
    pub fn word(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    /// Bytes with a length before them.
    pub fn blob(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A word.
    pub fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.blob()?).ok()
    }

    /// A digest.
    pub fn digest(&mut self) -> Option<Digest> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(Digest::new(*bytes))
    }

    /// What is left.
    pub const fn rest(&self) -> &'b [u8] {
        self.0
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        let numbers = [0, 1, 127, 128, 300, 1 << 32, u64::MAX];
        for number in numbers {
            writer.number(number);
        }
        writer.tag(7).word(u64::MAX - 1).text("größe").blob(b"").digest(&Digest::of(b"x"));
        let mut reader = Reader::new(writer.bytes());
        for number in numbers {
            assert_eq!(reader.number(), Some(number));
        }
        assert_eq!((reader.tag(), reader.word()), (Some(7), Some(u64::MAX - 1)));
        assert_eq!((reader.text(), reader.blob()), (Some("größe"), Some(&b""[..])));
        assert_eq!(reader.digest(), Some(Digest::of(b"x")));
        assert!(reader.is_empty() && reader.tag().is_none());
    }

    #[test]
    fn no_bytes_make_a_reader_panic() {
        for bytes in [
            &[][..],
            &[0x80],
            &[0xff; 10],
            &[0xff; 11],
            &[5, 1, 2],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            let all = Reader::new(bytes);
            let (mut number, mut blob, mut text, mut digest) = (all, all, all, all);
            number.number();
            assert_eq!((blob.blob(), text.text(), digest.digest()), (None, None, None), "{bytes:?}");
        }
        assert_eq!(Reader::new(&[0xff; 10]).number(), None, "more than 64 bits");
    }
}
