//! The files of an index as they lie in its bytes: a hash table that is made when it is written, so that whoever reads it has
//! nothing to make.
//!
//! A word with the number of files, one with the number of slots, the slots, the files one after the other. A slot is four
//! bytes, the lowest first: 0, or the place of a file behind the slots, plus 1. A file is in the slot that its path's hash names,
//! or in the first free one after it (linear probing; Knuth, *The Art of Computer Programming*, volume 3, 6.4, algorithm L).

use super::codec;
use super::digest::Digest;
use super::stat::Stat;

/// Table by their paths, read where they lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    bytes: Vec<u8>,
    /// Where the slots begin, and behind them the files.
    slots: usize,
    files: usize,
    count: usize,
}

impl Table {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// What is known of the file at `path`.
    pub(crate) fn get(&self, path: &[u8]) -> Option<(Stat, Digest)> {
        let slots = (self.files - self.slots) / 4;
        let mut slot = first_slot(path, slots)?;
        for _ in 0..slots {
            let place = self.bytes.get(self.slots + 4 * slot..)?.first_chunk()?;
            let place = (u32::from_le_bytes(*place) as usize).checked_sub(1)?;
            let (there, stat, digest) = file(&mut codec::Reader::new(self.bytes.get(self.files + place..)?))?;
            if there == path {
                return Some((stat, digest));
            }
            slot = (slot + 1) % slots;
        }
        None
    }

    /// All of them, in the order in which they were written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], Stat, Digest)> {
        let mut reader = codec::Reader::new(self.bytes.get(self.files..).unwrap_or_default());
        std::iter::from_fn(move || file(&mut reader))
    }

    /// Writes files, each once.
    pub(crate) fn write<'f>(files: impl Iterator<Item = (&'f [u8], Stat, Digest)>, to: &mut codec::Writer) {
        let mut written = codec::Writer::default();
        let mut places = Vec::new();
        for (path, stat, digest) in files {
            places.push((path, written.bytes().len()));
            written.blob(path);
            for number in [stat.size, stat.modified, stat.changed, stat.inode, stat.device, stat.mode.into()]
            {
                written.word(number);
            }
            written.digest(&digest);
        }
        // Half of them stay free: then the first is the right one, or the second.
        let mut slots = vec![0_u32; (2 * places.len()).next_power_of_two()];
        for (path, place) in &places {
            // More than fits into four bytes is 30 million files: what has no place is read again.
            let (Ok(place), Some(mut slot)) = (u32::try_from(place + 1), first_slot(path, slots.len()))
            else {
                break;
            };
            while slots[slot] != 0 {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = place;
        }
        to.word(places.len() as u64).word(slots.len() as u64);
        for slot in slots {
            to.half(slot);
        }
        to.append(written.bytes());
    }

    /// Reads what was written at this place of `bytes`, up to their end; `None` where it begins with no table. In bytes that are
    /// damaged some files are not found, or others: whoever has them from a disk knows by a digest that they are what was written.
    pub(crate) fn read(bytes: Vec<u8>, start: usize) -> Option<Self> {
        let mut reader = codec::Reader::new(bytes.get(start..)?);
        let (count, slots) = (usize::try_from(reader.word()?).ok()?, usize::try_from(reader.word()?).ok()?);
        let at = bytes.len() - reader.rest().len();
        let files = slots.checked_mul(4).and_then(|length| at.checked_add(length))?;
        Some(Self { bytes, slots: at, files, count })
    }
}

/// The slot in which a file is looked for first, of a number of slots that is a power of two.
fn first_slot(path: &[u8], slots: usize) -> Option<usize> {
    let bits = slots.checked_ilog2()?;
    // FxHash, as rustc has it (github.com/rust-lang/rustc-hash, version 1): its upper bits are the good ones.
    let mut hash = path.len() as u64;
    for chunk in path.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    usize::try_from(hash.checked_shr(64 - bits).unwrap_or(0)).ok()
}

/// Reads one file.
fn file<'b>(reader: &mut codec::Reader<'b>) -> Option<(&'b [u8], Stat, Digest)> {
    let path = reader.blob()?;
    let mut number = || reader.word();
    let stat = Stat {
        size: number()?,
        modified: number()?,
        changed: number()?,
        inode: number()?,
        device: number()?,
        mode: u32::try_from(number()?).ok()?,
    };
    Some((path, stat, reader.digest()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(count: u32) -> Vec<u8> {
        let paths: Vec<String> = (0..count).map(|number| format!("packages/p{number}/src/f.txt")).collect();
        let mut writer = codec::Writer::default();
        writer.text("before");
        Table::write(
            (0..)
                .zip(&paths)
                .map(|(number, path)| (path.as_bytes(), stat(number), Digest::of(path.as_bytes()))),
            &mut writer,
        );
        writer.bytes().to_vec()
    }

    fn stat(number: u64) -> Stat {
        Stat { size: number, modified: 1, changed: 2, inode: 3, device: 4, mode: 0o100_644 }
    }

    #[test]
    fn what_is_written_is_found_and_nothing_else() {
        for count in [0, 1, 2, 3, 1000] {
            let files = Table::read(written(count), 7).unwrap();
            assert_eq!((files.len(), files.iter().count()), (count as usize, count as usize));
            for (number, (path, stat, digest)) in files.iter().enumerate() {
                assert_eq!((stat.size, digest), (number as u64, Digest::of(path)));
                assert_eq!(files.get(path), Some((stat, digest)));
            }
            assert_eq!(files.get(format!("packages/p{count}/src/f.txt").as_bytes()), None);
        }
        let none = Table::default();
        assert_eq!((none.len(), none.iter().count(), none.get(b"a")), (0, 0, None));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let bytes = written(3);
        for length in 0..bytes.len() {
            for filler in [0, 0xff] {
                let mut damaged = bytes.clone();
                damaged[length..].fill(filler);
                for damaged in [damaged, bytes[..length].to_vec()] {
                    if let Some(files) = Table::read(damaged, 7) {
                        files.get(b"packages/p1/src/f.txt");
                        files.iter().count();
                    }
                }
            }
        }
    }
}
