//! Requests to one registry: addressed, authenticated, tried again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Means, login, service};
use crate::core::http::retry::{Attempt, Repetition};
use crate::core::http::url;
use crate::core::http::{Fault, Url, challenges};
use crate::core::mask::Mask;
use crate::core::registry::Reference;
use crate::core::registry::answer::{Access, Answer};
use crate::core::registry::credentials::Credentials;
use crate::core::registry::reference::DOCKER_HUB;
use crate::core::registry::token::{Realm, Scheme, Scope, Token};
use crate::core::release::health::Timestamp;
use crate::core::secret::Secret;
use crate::driver::http::{Failure, Method, Request, Response, TIMEOUT};
use crate::error::{Error, Result};

/// Where Docker Hub's registry answers; its name is that of a web site.
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// The slowest connection on which a big content still arrives, in bytes a second.
const SPEED_MIN: u64 = 128 << 10;

/// How often a wait looks whether the run was asked to end.
const LOOK: Duration = Duration::from_millis(50);

pub(super) struct Session {
    registry: String,
    means: Means,
    /// Who we are, once that was looked up.
    credentials: OnceLock<Option<Credentials>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where it answers, once that is known.
    origin: Option<Url>,
    /// How it wants to be told who asks, once it said so.
    scheme: Option<Scheme>,
    tokens: BTreeMap<Vec<Scope>, (Secret, Instant)>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Ask<'b> {
    pub(super) method: Method,
    pub(super) place: Place,
    pub(super) repository: &'b str,
    pub(super) access: Access,
    /// Another repository that is read on the way.
    pub(super) also: Option<&'b str>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<&'b [u8]>,
    pub(super) repetition: Repetition,
    pub(super) length_max: Option<u64>,
}

/// Where it is asked.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Below `/v2/REPOSITORY/`.
    Repository(String),
    /// Where the registry said.
    Url(Url),
}

impl<'b> Ask<'b> {
    pub(super) fn new(method: Method, access: Access, repository: &'b str, path: impl Into<String>) -> Self {
        Self::at(method, access, repository, Place::Repository(path.into()))
    }

    pub(super) fn at(method: Method, access: Access, repository: &'b str, place: Place) -> Self {
        Self {
            method,
            place,
            repository,
            access,
            also: None,
            headers: Vec::new(),
            body: None,
            repetition: Repetition::Harmless,
            length_max: None,
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: &'b [u8]) -> Self {
        self.body = Some(body);
        self
    }

    /// Not to be sent again where it may have been acted upon.
    pub(super) fn once(mut self) -> Self {
        self.repetition = Repetition::Harmful;
        self
    }

    pub(super) fn length_max(mut self, bytes: u64) -> Self {
        self.length_max = Some(bytes);
        self
    }

    fn scopes(&self) -> Vec<Scope> {
        let also = self.also.map(|repository| Scope::new(repository, Access::Pull));
        [Scope::new(self.repository, self.access)].into_iter().chain(also).collect()
    }
}

impl Session {
    pub(super) fn new(means: Means, registry: &str) -> Result<Self> {
        // The grammar of hosts is that of references.
        let probe: Reference = format!("{registry}/x").parse()?;
        if probe.registry() != registry {
            return Err(Error::configuration(format!("`{registry}` is no registry"))
                .hint("write its host, with its port if need be: `ghcr.io`, `localhost:5000`"));
        }
        Ok(Self {
            registry: registry.to_owned(),
            means,
            credentials: OnceLock::new(),
            state: Mutex::default(),
        })
    }

    pub(super) fn registry(&self) -> &str {
        &self.registry
    }

    /// Asks until there is an answer that stays, or no use in asking again.
    pub(super) fn ask(&self, ask: &Ask<'_>) -> Result<Response, Failure> {
        let mut attempt = 1;
        loop {
            let answer = self.ask_and_log_in(ask);
            let outcome = match &answer {
                Ok(response) => {
                    Attempt::Answered { status: response.status, retry_after: response.header("retry-after") }
                }
                Err(failure) => Attempt::Failed(failure.fault),
            };
            let Some(wait) = self.means.retries.wait(attempt, outcome, ask.repetition, now(), random())
            else {
                return answer;
            };
            self.sleep(wait)?;
            attempt += 1;
        }
    }

    /// One answer; where that is a challenge, the next one, if there is something new to say.
    fn ask_and_log_in(&self, ask: &Ask<'_>) -> Result<Response, Failure> {
        let origin = self.origin()?;
        let url = match &ask.place {
            Place::Url(url) => url.clone(),
            Place::Repository(path) => origin
                .join(&format!("/v2/{}/{path}", ask.repository))
                .ok_or_else(|| local(Error::bug(format!("`{path}` is no path of a registry"))))?,
        };
        // What a registry sends us on to, such as the storage behind it, has its own ways to know us.
        if !url.same_origin(&origin) {
            return self.send(ask, url, None);
        }
        let scopes = ask.scopes();
        let first = match self.authorization(&scopes)? {
            Ok(authorization) => authorization,
            Err(refusal) => return Ok(refusal),
        };
        let response = self.send(ask, url.clone(), first.clone())?;
        if response.status != 401 || !response.url.same_origin(&origin) {
            return Ok(response);
        }
        self.learn(&response, &scopes, first.as_ref())?;
        match self.authorization(&scopes)? {
            Ok(second) if second == first => Ok(response),
            Ok(second) => self.send(ask, url, second),
            Err(refusal) => Ok(refusal),
        }
    }

    fn send(&self, ask: &Ask<'_>, url: Url, authorization: Option<Secret>) -> Result<Response, Failure> {
        let length = ask.body.map_or(0, |body| u64::try_from(body.len()).unwrap_or(u64::MAX));
        let length = length.max(ask.length_max.unwrap_or_default());
        let mut request = Request::new(ask.method, url)
            .authorization(authorization)
            .timeout(TIMEOUT + Duration::from_secs(length / SPEED_MIN));
        request = ask.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request = ask.body.into_iter().fold(request, Request::body);
        request = ask.length_max.into_iter().fold(request, Request::length_max);
        self.means.client.send(&request)
    }

    /// The words for an answer that is not the expected one.
    pub(super) fn unexpected(&self, ask: &Ask<'_>, response: &Response) -> Error {
        let answer = Answer {
            registry: &self.registry,
            repository: ask.repository,
            access: ask.access,
            authenticated: matches!(self.credentials.get(), Some(Some(_))),
            status: response.status,
            retry_after: response.header("retry-after"),
            body: &response.body,
        };
        let words = answer.explain();
        let error =
            words.cause.into_iter().fold(Error::missing(words.message), Error::cause).hint(words.hint);
        // What a registry says may repeat what it was told.
        let masks: Vec<Mask> = self.secrets().iter().map(Secret::mask).collect();
        masks.iter().fold(error, |error, mask| error.map_text(|text| mask.text(text)))
    }

    fn secrets(&self) -> Vec<Secret> {
        let state = self.state();
        let own = self.credentials.get().into_iter().flatten().flat_map(Credentials::secrets);
        own.chain(state.tokens.values().map(|(token, _)| token.clone())).collect()
    }

    /// The address of the registry's root.
    ///
    /// One on this machine may speak TLS or not: it is asked, once. Nobody else is spoken to in the clear.
    pub(super) fn origin(&self) -> Result<Url, Failure> {
        if let Some(origin) = &self.state().origin {
            return Ok(origin.clone());
        }
        let host = if self.registry == DOCKER_HUB { DOCKER_HUB_HOST } else { &self.registry };
        let at = |scheme| {
            Url::new(scheme, host, "/v2/").ok_or_else(|| local(Error::bug(format!("`{host}` is no host"))))
        };
        let mut origin = at(url::Scheme::Https)?;
        if origin.is_loopback() {
            match self.means.client.send(&Request::new(Method::Get, origin.clone())) {
                Err(failure) if failure.fault == Fault::NoTls => origin = at(url::Scheme::Http)?,
                Err(failure) => return Err(failure),
                Ok(_) => {}
            }
        }
        self.state().origin = Some(origin.clone());
        Ok(origin)
    }

    /// Takes from a refusal how the registry wants to be told who asks, and forgets the token that it did not take.
    fn learn(&self, refusal: &Response, scopes: &[Scope], refused: Option<&Secret>) -> Result<(), Failure> {
        let challenges = challenges(refusal.all("www-authenticate"));
        let scheme = Scheme::of(&challenges, &refusal.url).map_err(|invalid| Failure {
            fault: Fault::Nonsense,
            error: service(invalid).context(format!("could not log in to `{}`", self.registry)),
        })?;
        let mut state = self.state();
        state.scheme = Some(scheme);
        // Somebody else may have got another one meanwhile.
        if state.tokens.get(scopes).is_some_and(|(token, _)| Some(&bearer(token)) == refused) {
            state.tokens.remove(scopes);
        }
        Ok(())
    }

    /// What goes into `Authorization`. Or the answer of who should have given it out, which stands for the registry's own.
    fn authorization(&self, scopes: &[Scope]) -> Result<Result<Option<Secret>, Response>, Failure> {
        let scheme = self.state().scheme.clone();
        let realm = match scheme {
            None => return Ok(Ok(None)),
            Some(Scheme::Basic) => {
                return Ok(Ok(match self.credentials()? {
                    Some(Credentials::Password { user, password }) => {
                        Some(Credentials::basic(&user, &password))
                    }
                    Some(Credentials::RegistryToken(token)) => Some(bearer(&token)),
                    Some(Credentials::IdentityToken(_)) | None => None,
                }));
            }
            Some(Scheme::Bearer(realm)) => realm,
        };
        if let Some(Credentials::RegistryToken(token)) = self.credentials()? {
            return Ok(Ok(Some(bearer(&token))));
        }
        let known = self.state().tokens.get(scopes).filter(|(_, end)| Instant::now() < *end).cloned();
        if let Some((token, _)) = known {
            return Ok(Ok(Some(bearer(&token))));
        }
        let begin = Instant::now();
        let response = self.ask_for_token(&realm, scopes)?;
        match response.status {
            200 => {}
            401 | 403 | 429 | 500..=599 => return Ok(Err(response)),
            status => {
                let message = format!("`{}` gave out no token: it answered {status}", realm.url.authority());
                let hint = format!(
                    "`{}` names it as the place for tokens: whoever runs it has to look",
                    self.registry
                );
                return Err(Failure { fault: Fault::Nonsense, error: Error::missing(message).hint(hint) });
            }
        }
        let token = Token::parse(&response.body).map_err(|invalid| Failure {
            fault: Fault::Nonsense,
            error: service(invalid)
                .context(format!("could not get a token from `{}`", realm.url.authority())),
        })?;
        self.state().tokens.insert(scopes.to_vec(), (token.token.clone(), begin + token.lifetime));
        Ok(Ok(Some(bearer(&token.token))))
    }

    fn ask_for_token(&self, realm: &Realm, scopes: &[Scope]) -> Result<Response, Failure> {
        match self.credentials()? {
            Some(Credentials::IdentityToken(identity)) => {
                let form = realm.form(scopes, &identity);
                let request = Request::new(Method::Post, realm.url.clone())
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form.expose().as_bytes());
                self.means.client.send(&request)
            }
            Some(Credentials::Password { user, password }) => {
                let who = Credentials::basic(&user, &password);
                self.means.client.send(&Request::new(Method::Get, realm.get(scopes)).authorization(Some(who)))
            }
            Some(Credentials::RegistryToken(_)) | None => {
                self.means.client.send(&Request::new(Method::Get, realm.get(scopes)))
            }
        }
    }

    /// Who we are to this registry, looked up once.
    fn credentials(&self) -> Result<Option<Credentials>, Failure> {
        if let Some(known) = self.credentials.get() {
            return Ok(known.clone());
        }
        let found = login::find(&self.means, &self.registry).map_err(local)?;
        // Two at once may have looked: they have found the same.
        Ok(self.credentials.get_or_init(|| found).clone())
    }

    /// Waits before something is tried anew that broke off, longer each time.
    pub(super) fn pause(&self, setback: u32) -> Result<(), Failure> {
        let broke_off = Attempt::Failed(Fault::CutOff);
        let wait = self.means.retries.wait(setback, broke_off, Repetition::Harmless, now(), random());
        self.sleep(wait.unwrap_or_default())
    }

    fn sleep(&self, wait: Duration) -> Result<(), Failure> {
        let end = Instant::now() + wait;
        loop {
            if self.means.cancel.is_cancelled() {
                return Err(Failure { fault: Fault::Interrupted, error: Error::interrupted() });
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}

fn local(error: Error) -> Failure {
    Failure { fault: Fault::Local, error }
}

/// The time on the wall, for what servers say in it.
fn now() -> Timestamp {
    Timestamp(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// From 0 to 1. Without a source of chance, half.
fn random() -> f64 {
    let bytes: Result<ring::rand::Random<[u8; 4]>, _> =
        ring::rand::generate(&ring::rand::SystemRandom::new());
    bytes.map_or(0.5, |bytes| f64::from(u32::from_ne_bytes(bytes.expose())) / f64::from(u32::MAX))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("registry", &self.registry).finish_non_exhaustive()
    }
}
