//! Certificates: who is believed, who is not and why, and what a company's proxy and authority change about it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use xtask::driver::registry::{Presence, Registry};

use super::fake::{Fake, Reply};
use super::{connect, reference};

/// An authority of our own, made by `openssl`.
pub(crate) struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    /// `None`, said, where there is no `openssl`.
    pub(crate) fn new() -> Option<Self> {
        if !super::real::installed("openssl") {
            return None;
        }
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "30",
            "-subj",
            "/CN=test authority",
        ]);
        fs::write(authority.path("index"), "").unwrap();
        let config = "[ca]\ndefault_ca = c\n[c]\ndatabase = index\nunique_subject = no\nnew_certs_dir = .\nrand_serial = yes\n\
                      default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n";
        fs::write(authority.path("config"), config).unwrap();
        Some(authority)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file with its certificate.
    fn file(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    pub(super) fn openssl(&self, arguments: &[&str]) {
        let output =
            Command::new("openssl").args(arguments).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A server's side of TLS for `name`, valid between these times (`YYMMDDHHMMSSZ`).
    pub(crate) fn server(&self, name: &str, (begin, end): (&str, &str)) -> Arc<rustls::ServerConfig> {
        fs::write(self.path("extensions"), format!("subjectAltName = DNS:{name}\n")).unwrap();
        self.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
            "-subj",
            "/CN=server",
        ]);
        self.openssl(&[
            "ca",
            "-batch",
            "-notext",
            "-config",
            "config",
            "-cert",
            "ca.pem",
            "-keyfile",
            "ca.key",
            "-in",
            "server.csr",
            "-out",
            "server.pem",
            "-extfile",
            "extensions",
            "-startdate",
            begin,
            "-enddate",
            end,
        ]);
        let certificate = CertificateDer::from_pem_file(self.path("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.path("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
    }
}

pub(crate) const VALID: (&str, &str) = ("200101000000Z", "490101000000Z");
pub(crate) const OVER: (&str, &str) = ("200101000000Z", "210101000000Z");
pub(crate) const TO_COME: (&str, &str) = ("480101000000Z", "490101000000Z");

fn look(registry: &Registry, name: &str) -> String {
    match registry.exists(&reference(name, "a")) {
        Ok(Presence::Absent) => "absent".to_owned(),
        Ok(other) => panic!("nothing is there: {other:?}"),
        Err(error) => {
            let end = error.kind().exit_code();
            format!("{end}: {}\n    {}", error.message(), error.hints().join("; ")).replace(name, "r.io")
        }
    }
}

#[test]
fn a_certificate_is_looked_at_and_what_is_wrong_with_it_is_said() {
    let Some(authority) = Authority::new() else { return };
    let known = authority.file();
    let mut said = Vec::new();
    for (case, name, valid, variables) in [
        ("good", "localhost", VALID, vec![("SSL_CERT_FILE", known.as_str())]),
        ("unknown authority", "localhost", VALID, vec![]),
        ("expired", "localhost", OVER, vec![("SSL_CERT_FILE", known.as_str())]),
        ("not yet valid", "localhost", TO_COME, vec![("SSL_CERT_FILE", known.as_str())]),
        ("wrong name", "other.invalid", VALID, vec![("SSL_CERT_FILE", known.as_str())]),
    ] {
        let fake = Fake::start_with(Some(authority.server(name, valid)), |_| Reply::new(404));
        let registry = connect(&fake.name(), &variables);
        said.push(format!("{case}\n  {}\n", look(&registry, &fake.name())));
        // Nothing was told to whom we do not believe, and no second way was tried.
        assert_eq!(fake.seen().is_empty(), case != "good", "{case}");
    }
    expect_test::expect![[r#"
        good
          absent
        unknown authority
          5: the certificate of `r.io` is signed by an authority that this machine does not know
            if it is your company's, name the file with its authority: `SSL_CERT_FILE=/path/to/authorities.pem`
        expired
          5: the certificate of `r.io` has expired
            whoever runs the server has to renew it; check the clock of this machine too
        not yet valid
          5: the certificate of `r.io` is not valid yet
            check the clock of this machine
        wrong name
          5: the certificate of `r.io` is for another name
            check the name of the server for a typing error, and who answers for it in this network
    "#]].assert_eq(&said.concat());
}

#[test]
fn authorities_come_from_where_the_variables_say() {
    let Some(authority) = Authority::new() else { return };
    let fake = Fake::start_with(Some(authority.server("localhost", VALID)), |_| Reply::new(404));
    let folder = tempfile::tempdir().unwrap();
    fs::copy(authority.file(), folder.path().join("company.pem")).unwrap();
    fs::write(folder.path().join("README"), "no certificate").unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let path = |path: &Path| path.display().to_string();
    let (folder, missing, empty) = (path(folder.path()), path(&empty.join("missing")), path(&empty));
    let with = |name, value: &str| look(&connect(&fake.name(), &[(name, value)]), &fake.name());
    assert_eq!(with("SSL_CERT_DIR", &folder), "absent");
    for (name, value) in [("SSL_CERT_FILE", &missing), ("SSL_CERT_DIR", &missing), ("SSL_CERT_DIR", &empty)] {
        assert!(with(name, value).starts_with("4: "), "{name}={value}");
    }
}

/// A proxy: leads every `CONNECT` to one port, and remembers what it was asked.
fn proxy(port: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut head) = (client.unwrap(), Vec::new());
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            log.lock().unwrap().push(String::from_utf8(head).unwrap());
            let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (mut back, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || drop(std::io::copy(&mut back, &mut to)));
            std::thread::spawn(move || drop(std::io::copy(&mut client, &mut server)));
        }
    });
    (own, seen)
}

#[test]
fn a_proxy_leads_out_and_is_told_no_secret_of_a_registry() {
    let Some(authority) = Authority::new() else { return };
    let server = authority.server("registry.invalid", VALID);
    let fake = Fake::start_with(Some(server), |_| Reply::new(404));
    let (port, seen) = proxy(fake.port());
    let url = format!("http://me:pr0xy-pr0xy@127.0.0.1:{port}");
    let known = authority.file();
    let variables = [("SSL_CERT_FILE", known.as_str()), ("https_proxy", url.as_str())];
    assert_eq!(look(&connect("registry.invalid", &variables), "registry.invalid"), "absent");
    let head = seen.lock().unwrap().pop().unwrap();
    assert!(
        head.starts_with("CONNECT registry.invalid:443 ") && head.contains("Proxy-Authorization: "),
        "{head}"
    );

    // What is not for the proxy goes without it, and finds nobody here.
    let around = [variables[0], variables[1], ("NO_PROXY", ".invalid")];
    let direct = connect("registry.invalid", &around).exists(&reference("registry.invalid", "a")).unwrap();
    assert!(matches!(direct, Presence::Unknown(_)) && seen.lock().unwrap().is_empty());

    // Of a proxy that cannot be used, the password is not said.
    for (url, end) in [
        ("http://me:pr0xy-pr0xy@127.0.0.1:1", None),
        ("socks5://me:pr0xy-pr0xy@host:1", Some(4)),
        ("pr0xy-pr0xy@", Some(4)),
    ] {
        let registry = connect("registry.invalid", &[variables[0], ("HTTPS_PROXY", url)]);
        let error = match registry.exists(&reference("registry.invalid", "a")) {
            Ok(Presence::Unknown(error)) if end.is_none() => error,
            Err(error) if end == Some(error.kind().exit_code()) => error,
            other => panic!("{url}: {other:?}"),
        };
        assert!(!format!("{error:?}").contains("pr0xy-pr0xy"), "{error:?}");
    }
}
