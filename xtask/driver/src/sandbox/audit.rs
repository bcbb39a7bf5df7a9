//! What the kernel's audit tells of refused reads, where this process may hear it: as root, while the audit is on (`auditctl -e 1`).
//!
//! The kernel hands each record to whoever listens (`AUDIT_NLGRP_READLOG`; audit(7), netlink(7)), beside the program that
//! writes them down, so nothing is taken from that. It does so some time after the refusal; a refusal that is provoked says that everything
//! before it has been told.

#[cfg(target_os = "linux")]
pub use system::Audit;

#[cfg(target_os = "linux")]
mod system {
    use std::os::fd::OwnedFd;
    use std::path::PathBuf;
    use std::sync::{Mutex, PoisonError};
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, Result};
    use rustix::net::netlink::{AUDIT, SocketAddrNetlink};
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, sendto, socket_with,
    };

    use crate::core::refusal::{Maker, Refusals};
    use crate::sandbox::{Sandbox, system};

    /// The group of those who hear records, as a bit.
    const READLOG: u32 = 1;

    /// Asks whether the audit is on, and the kind of the answer.
    const GET: u16 = 1000;

    /// That a message asks for something.
    const REQUEST: u16 = 1;

    /// Bytes in front of what a message says: its length, its kind, flags, a number, the sender.
    const HEADER: usize = 16;

    /// The longest record, in bytes.
    const RECORD_MAX: usize = 16 << 10;

    /// How long the kernel is waited for.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// The kernel's audit, heard.
    #[derive(Debug)]
    pub struct Audit {
        socket: OwnedFd,
        heard: Mutex<Refusals>,
    }

    impl Audit {
        /// Begins to listen; `None` where this process may not, or the audit is off.
        pub fn open() -> Option<Self> {
            is_on().ok().filter(|is_on| *is_on)?;
            let socket = socket(READLOG).ok()?;
            Some(Self { socket, heard: Mutex::default() })
        }

        /// What commands in the sandbox were refused so far.
        pub fn refused(&self, sandbox: &Sandbox) -> Vec<PathBuf> {
            let maker = |thread: &str| Maker { process: std::process::id(), thread: thread.to_owned() };
            let last = format!("{}.", sandbox.name());
            let provoked = thread::Builder::new().name(last.clone()).spawn(system::try_in_vain);
            if !provoked.is_ok_and(|thread| matches!(thread.join(), Ok(Ok(())))) {
                return Vec::new();
            }
            let (since, last) = (Instant::now(), maker(&last));
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            // Where records are lost, as the kernel may under load, the last one may be, too.
            while heard.of(&last).is_empty() && since.elapsed() < PATIENCE {
                match message(&self.socket, PATIENCE) {
                    Ok(Some((kind, text))) => heard.take(kind, &text),
                    Ok(None) | Err(Errno::NOBUFS) => {}
                    Err(_) => break,
                }
            }
            heard.of(&maker(sandbox.name())).into_iter().map(PathBuf::from).collect()
        }
    }

    fn socket(groups: u32) -> Result<OwnedFd> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(AUDIT))?;
        bind(&socket, &SocketAddrNetlink::new(0, groups))?;
        Ok(socket)
    }

    /// Whether the kernel writes records; an error where this process may not know.
    fn is_on() -> Result<bool> {
        let socket = socket(0)?;
        let mut request = Vec::with_capacity(HEADER);
        request.extend(16_u32.to_ne_bytes());
        request.extend(GET.to_ne_bytes());
        request.extend(REQUEST.to_ne_bytes());
        request.extend([0; 8]);
        sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            match message(&socket, PATIENCE)? {
                // `struct audit_status`: which fields are meant, then whether it is on.
                Some((GET, text)) => return Ok(text.get(4..8).is_some_and(|on| on != [0; 4])),
                // A refusal comes as a message of kind 2.
                Some((2, _)) => return Err(Errno::PERM),
                Some(_) | None => {}
            }
        }
        Err(Errno::TIMEDOUT)
    }

    /// The next message: its kind, and what it says. `None` where none comes in time.
    fn message(socket: &OwnedFd, patience: Duration) -> Result<Option<(u16, Vec<u8>)>> {
        let patience = Timespec::try_from(patience).map_err(|_| Errno::INVAL)?;
        if poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&patience))? == 0 {
            return Ok(None);
        }
        let mut bytes = vec![0; RECORD_MAX];
        let (_, length) = recv(socket, bytes.as_mut_slice(), RecvFlags::empty())?;
        bytes.truncate(length);
        let (Some(kind), Some(text)) = (bytes.get(4..6), bytes.get(HEADER..)) else { return Ok(None) };
        Ok(Some((u16::from_ne_bytes([kind[0], kind[1]]), text.to_vec())))
    }
}

/// There is none.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub struct Audit;

#[cfg(not(target_os = "linux"))]
impl Audit {
    /// There is none to listen to.
    pub fn open() -> Option<Self> {
        None
    }

    /// Nothing is known of.
    pub fn refused(&self, _: &super::Sandbox) -> Vec<std::path::PathBuf> {
        Vec::new()
    }
}
