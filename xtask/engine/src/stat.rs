//! What tells one state of a file from another, by what a file system says of it.

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stat {
    /// In bytes.
    pub size: u64,
    /// When its content was changed, in nanoseconds since 1970; people can set it back.
    pub modified: u64,
    /// When anything about it was changed, in nanoseconds since 1970; nobody can set it back.
    pub changed: u64,
    /// Which file of its file system it is.
    pub inode: u64,
    /// Which file system.
    pub device: u64,
    /// Kind and permissions.
    pub mode: u32,
}

/// What can stand at a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A socket, a pipe, a device: nothing that a result could depend on.
    Other,
}

impl Stat {
    /// What it is, by the bits of POSIX's `S_IFMT`.
    pub const fn kind(&self) -> Kind {
        match self.mode & 0o170_000 {
            0o100_000 => Kind::File,
            0o120_000 => Kind::Link,
            0o040_000 => Kind::Folder,
            _ => Kind::Other,
        }
    }

    /// A time in nanoseconds since 1970. One before 1970 is in the far future, so that it never settles.
    pub fn time(seconds: i64, nanoseconds: i64) -> u64 {
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX / 2_000_000_000);
        seconds * 1_000_000_000 + u64::try_from(nanoseconds).unwrap_or(0)
    }

    /// Whether a change after `moment`, a reading of the file system's own clock, shows in it for certain.
    pub const fn is_settled(&self, moment: u64) -> bool {
        self.changed < moment && self.modified < moment
    }
}
