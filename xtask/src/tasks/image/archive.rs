//! Opens an image's archive: its configuration, and its layers member by member.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use crate::core::image::archive::{BLOCK, EXTENSION_MAX, Headers, Listing, Member, Type};
use crate::core::registry::manifest::ImageConfig;
use crate::cx::Cx;
use crate::error::{Context as _, Error, Result};

/// The largest document of an archive that is read, in bytes.
const DOCUMENT_MAX: u64 = 16 << 20;

/// An archive, opened.
#[derive(Debug)]
pub(super) struct Archive {
    file: BufReader<File>,
    /// Where the content of each member begins.
    members: BTreeMap<String, (u64, Member)>,
    listing: Listing,
    /// What the image says about itself.
    pub(super) config: ImageConfig,
}

impl Archive {
    /// Opens the archive at `path`.
    pub(super) fn open(cx: &Cx, path: &Path) -> Result<Self> {
        let file = File::open(path).context(|| format!("could not open `{}`", path.display()))?;
        let mut file = buffered(file);
        let end =
            file.get_ref().metadata().context(|| "could not ask for the archive's size".to_owned())?.len();
        let mut members = BTreeMap::new();
        walk(cx, &mut file, 0, end, &mut |_, member, at| {
            members.insert(member.name.clone(), (at, member.clone()));
            Ok(())
        })?;
        let mut document = |name: &str| read(&mut file, &members, name);
        let listing = Listing::parse(&document("manifest.json")?).map_err(broken)?;
        let config =
            ImageConfig::parse(&document(&listing.config)?).map_err(|invalid| broken(invalid.message))?;
        Ok(Self { file, members, listing, config })
    }

    /// Goes through a layer. `look` is given each member, and what reads its content. Returns its bytes.
    pub(super) fn layer(
        &mut self,
        cx: &Cx,
        position: usize,
        look: &mut dyn FnMut(&Member, &mut Content<'_>) -> Result<()>,
    ) -> Result<u64> {
        let name = self.listing.layers.get(position).cloned().unwrap_or_default();
        let (start, size) = find(&self.members, &name)?;
        let mut magic = [0; 2];
        self.file
            .seek(SeekFrom::Start(start))
            .and_then(|_| self.file.read_exact(&mut magic))
            .map_err(unreadable)?;
        if magic == [0x1f, 0x8b] {
            return Err(broken(format!("the layer `{name}` is compressed, and cannot be looked at")));
        }
        walk(cx, &mut self.file, start, start + size, &mut |file, member, _| {
            look(member, &mut Content::new(file, member.size))
        })?;
        Ok(size)
    }
}

/// A file that is read from front to back, with skips.
pub(super) fn buffered(file: File) -> BufReader<File> {
    BufReader::with_capacity(256 << 10, file)
}

/// The content of a member that somebody may want to read.
pub(super) struct Content<'f> {
    file: &'f mut BufReader<File>,
    size: u64,
}

impl<'f> Content<'f> {
    /// The next `size` bytes of a file.
    pub(super) fn new(file: &'f mut BufReader<File>, size: u64) -> Self {
        Self { file, size }
    }

    /// All of it.
    pub(super) fn read(&mut self) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        self.file.by_ref().take(self.size).read_to_end(&mut content).map_err(unreadable)?;
        Ok(content)
    }
}

pub(super) type Look<'l> = dyn FnMut(&mut BufReader<File>, &Member, u64) -> Result<()> + 'l;

/// Goes through the tar from byte `start` to byte `end` of a file.
pub(super) fn walk(
    cx: &Cx,
    file: &mut BufReader<File>,
    start: u64,
    end: u64,
    look: &mut Look<'_>,
) -> Result<()> {
    let mut headers = Headers::default();
    let mut at = start;
    let mut block = [0; BLOCK];
    let mut position = start;
    file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    while at + BLOCK as u64 <= end {
        cx.check()?;
        let skipped = i64::try_from(at).unwrap_or(i64::MAX) - i64::try_from(position).unwrap_or(0);
        file.seek_relative(skipped).and_then(|()| file.read_exact(&mut block)).map_err(unreadable)?;
        let content = at + BLOCK as u64;
        let Some(member) = headers.header(&block).map_err(|message| broken(message.to_owned()))? else {
            break;
        };
        at = content.saturating_add(member.padded());
        if at > end {
            return Err(broken("it is cut off".to_owned()));
        }
        if let Type::Extension(extension) = member.kind {
            if member.size > EXTENSION_MAX {
                return Err(broken("a name in it is too long".to_owned()));
            }
            let extension_content = Content { file, size: member.size }.read()?;
            headers.extension(extension, &extension_content);
        } else {
            look(file, &member, content)?;
        }
        position = file.stream_position().map_err(unreadable)?;
    }
    Ok(())
}

/// Where the content of the member `name` begins, and how long it is; links are followed, as `docker save` makes some.
fn find(members: &BTreeMap<String, (u64, Member)>, name: &str) -> Result<(u64, u64)> {
    let mut name = name.to_owned();
    for _ in 0..8 {
        let Some((at, member)) = members.get(&name) else { break };
        match member.kind {
            Type::Link | Type::HardLink => name = member.leads_to(),
            _ => return Ok((*at, member.size)),
        }
    }
    Err(broken(format!("it has no `{name}`")))
}

fn read(
    file: &mut BufReader<File>,
    members: &BTreeMap<String, (u64, Member)>,
    name: &str,
) -> Result<Vec<u8>> {
    let (at, size) = find(members, name)?;
    if size > DOCUMENT_MAX {
        return Err(broken(format!("`{name}` in it is too large")));
    }
    file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
    Content { file, size }.read()
}

fn unreadable(error: std::io::Error) -> Error {
    Error::io("could not read the image's archive", error)
}

pub(super) fn broken(why: String) -> Error {
    Error::problems("the engine wrote an archive that cannot be read").cause(why)
}
