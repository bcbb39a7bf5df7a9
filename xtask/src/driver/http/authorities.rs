//! The authorities whose word for a server's identity is taken: those of the machine.

use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, PemItem, parse_pem};

use crate::driver::environment::Environment;
use crate::error::{Error, Result};

/// Where systems keep the certificates of their authorities in one file: Debian, Fedora, openSUSE, Alpine and macOS.
///
/// What a Mac's keychain holds beyond that is not read: `SSL_CERT_FILE` names it.
const FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The certificates of the authorities.
///
/// As for OpenSSL, `SSL_CERT_FILE` and `SSL_CERT_DIR` stand in place of the machine's own. Both have to be readable: a
/// forgotten authority would show as a certificate that nobody knows.
pub(super) fn load(environment: &Environment) -> Result<Vec<Certificate<'static>>> {
    let named = |name| environment.filled(name).map(PathBuf::from);
    let (file, folder) = (named("SSL_CERT_FILE"), named("SSL_CERT_DIR"));
    let mut certificates = Vec::new();
    if let Some(file) = &file {
        certificates.extend(read(file).map_err(|error| error.hint("`SSL_CERT_FILE` names it"))?);
    }
    if let Some(folder) = &folder {
        certificates.extend(read_folder(folder).map_err(|error| error.hint("`SSL_CERT_DIR` names it"))?);
    }
    if file.is_none() && folder.is_none() {
        let found = FILES.iter().map(Path::new).find(|file| file.is_file());
        certificates = found.map_or(Ok(Vec::new()), read)?;
    }
    if certificates.is_empty() {
        return Err(Error::missing("no certificate of an authority was found, so no server can be trusted")
            .hint("install the system's `ca-certificates`, or name a file: `SSL_CERT_FILE=/path/to/authorities.pem`"));
    }
    Ok(certificates)
}

fn read(file: &Path) -> Result<Vec<Certificate<'static>>> {
    let name = || format!("could not read the authorities in `{}`", file.display());
    let bytes = std::fs::read(file).map_err(|error| Error::io(name(), error))?;
    let items = parse_pem(&bytes).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|error| Error::missing(name()).source(error))?;
    let certificates = items.into_iter().filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    Ok(certificates.collect())
}

/// The files of a folder; those in it that are no certificates are somebody else's.
fn read_folder(folder: &Path) -> Result<Vec<Certificate<'static>>> {
    let name = || format!("could not read the authorities in `{}`", folder.display());
    let entries = std::fs::read_dir(folder).map_err(|error| Error::io(name(), error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    Ok(files.iter().filter(|file| file.is_file()).filter_map(|file| read(file).ok()).flatten().collect())
}
