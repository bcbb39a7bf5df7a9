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

impl Stat {
    /// Whether a change after `moment`, a reading of the file system's own clock, shows in it for certain.
    pub const fn is_settled(&self, moment: u64) -> bool {
        self.changed < moment && self.modified < moment
    }
}
