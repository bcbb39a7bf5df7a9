//! Contents that a stored result brings along, because files of their own would cost more than they hold.
//!
//! A file of the store is made, synced and renamed: as much work for ten bytes as for ten thousand. Most logs and many outputs are
//! that small. What is larger stands in the store once, whichever results need it.

use std::collections::BTreeMap;

use super::codec::{Reader, Writer};
use super::digest::Digest;

/// How large a content may be to be brought along, in bytes.
pub const EACH_MAX: u64 = 16 << 10;

/// How large all contents together may be that one result brings along, in bytes.
pub const ALL_MAX: u64 = 64 << 10;

/// Contents by their digests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contents(BTreeMap<Digest, Vec<u8>>);

impl Contents {
    /// Whether a content of `size` bytes is to be brought along.
    pub fn has_room_for(&self, size: u64) -> bool {
        let all = self.0.values().fold(0, |sum, bytes| sum + bytes.len() as u64);
        size <= EACH_MAX && all + size <= ALL_MAX
    }

    /// Brings this along.
    pub fn add(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.0.insert(digest, bytes);
        digest
    }

    /// The content with this digest, where it is brought along.
    pub fn get(&self, digest: &Digest) -> Option<&[u8]> {
        self.0.get(digest).map(Vec::as_slice)
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.number(self.0.len() as u64);
        for bytes in self.0.values() {
            writer.blob(bytes);
        }
        writer.into_bytes()
    }

    /// From bytes that may be anything; `None` where they are not [`Self::encode`]'s.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (mut reader, mut contents) = (Reader::new(bytes), Self::default());
        for _ in 0..reader.number()? {
            contents.add(reader.blob()?.to_vec());
        }
        (reader.is_empty() && contents.encode() == bytes).then_some(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_were_written_and_nothing_else_is() {
        let mut contents = Contents::default();
        let digests =
            [b"".as_slice(), b"log", b"log", &[b'x'; 300]].map(|bytes| contents.add(bytes.to_vec()));
        assert_eq!(digests[1], digests[2]);
        assert_eq!(
            (contents.get(&digests[3]), contents.get(&digests[0])),
            (Some([b'x'; 300].as_slice()), Some(b"".as_slice()))
        );
        assert_eq!(contents.get(&Digest::of(b"other")), None);
        let bytes = contents.encode();
        assert_eq!(Contents::decode(&bytes), Some(contents));
        assert_eq!(Contents::decode(&Contents::default().encode()), Some(Contents::default()));
        for length in 0..bytes.len() {
            assert_eq!(Contents::decode(&bytes[..length]), None, "{length} bytes of it");
        }
        assert_eq!(Contents::decode(&[&bytes[..], b"x"].concat()), None);
        // The same content twice.
        assert_eq!(Contents::decode(&[2, 1, b'a', 1, b'a']), None);
    }

    #[test]
    fn there_is_room_for_a_few_small_ones() {
        let size = |bytes: u64| vec![b'x'; usize::try_from(bytes).unwrap()];
        let mut contents = Contents::default();
        assert!(
            contents.has_room_for(0)
                && contents.has_room_for(EACH_MAX)
                && !contents.has_room_for(EACH_MAX + 1)
        );
        for number in 0..ALL_MAX / EACH_MAX {
            assert!(contents.has_room_for(EACH_MAX), "{number}");
            contents.add([&number.to_le_bytes()[..], &size(EACH_MAX - 8)].concat());
        }
        assert!(contents.has_room_for(0) && !contents.has_room_for(1));
    }
}
