//! Tells others of a release: a webhook, and the deployments that GitHub keeps.
//!
//! Nobody who is told can hold a release up: what is to be said waits in a queue, is sent by a thread of the receiver's own, one
//! after the other, and is given up after a second attempt. What was not sent is said once, as a warning.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::config::release::{EnvironmentConfig, NotificationsConfig};
use crate::core::calendar;
use crate::core::http::{Fault, Url, url};
use crate::core::mask::Mask;
use crate::core::release::model::ReleaseId;
use crate::core::release::notice::{FORMAT, Notice, Occasion};
use crate::core::secret::Secret;
use crate::core::text;
use crate::cx::Cx;
use crate::driver::http::{Client, Method, Request, Response};
use crate::driver::platform;

/// How much waits to be sent; what is said beyond that is lost.
const QUEUE_MAX: usize = 16;

/// How long a receiver may take for one attempt.
const LIMIT: Duration = Duration::from_secs(5);

/// How often something is sent.
const ATTEMPTS: usize = 2;

/// How long the end of a command waits for what was not sent yet.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long the answer of a receiver may be, in bytes; a list of deployments is the longest.
const ANSWER_MAX: u64 = 1 << 20;

/// Where GitHub is asked, where it does not say so itself.
const GITHUB_API: &str = "https://api.github.com";

/// What all notices of one release have in common.
#[derive(Clone, Debug)]
pub struct About {
    /// The release.
    pub release: ReleaseId,
    /// The release that served when it began.
    pub previous: Option<ReleaseId>,
    /// The commit that is released.
    pub commit: Option<String>,
    /// Who has brought it about.
    pub who: String,
    /// The images.
    pub images: Vec<String>,
}

/// Somebody who tells others. Where nobody wants to be told, it does nothing.
#[derive(Debug)]
pub struct Notifier {
    cx: Cx,
    environment: String,
    about: About,
    /// Tells the notices of this process from those of another one.
    number: u64,
    said: u32,
    /// One for each who is told: who does not answer delays nobody else.
    queues: Vec<SyncSender<Notice>>,
    /// Ends when everything was sent.
    done: Receiver<()>,
    is_full: bool,
}

impl Notifier {
    /// Somebody who tells those that the environment names. Nothing is sent yet.
    pub fn new(cx: &Cx, environment: &EnvironmentConfig, about: About, number: u64) -> Self {
        let (farewell, done) = mpsc::sync_channel(1);
        // A release that is interrupted is taken back, and that is told.
        let patient = cx.patient();
        let start = |listener: Listener| {
            let (queue, notices) = mpsc::sync_channel(QUEUE_MAX);
            let (cx, client, farewell) = (cx.clone(), patient.http().clone(), farewell.clone());
            // It is left behind where it does not end in time: nobody waits for who does not listen.
            thread::spawn(move || {
                deliver(&cx, &client, listener, &notices);
                drop(farewell);
            });
            queue
        };
        let listeners = listeners(cx, environment.notifications.as_ref(), &about);
        let queues = listeners.into_iter().map(start).collect();
        let environment = environment.name.clone();
        Self { cx: cx.clone(), environment, about, number, said: 0, queues, done, is_full: false }
    }

    /// Tells that something has happened. Never waits.
    pub fn tell(&mut self, event: Occasion, reason: Option<&str>, evidence: &[String]) {
        if self.queues.is_empty() {
            return;
        }
        self.said += 1;
        let mask = self.cx.mask();
        let About { release, previous, commit, who, images } = self.about.clone();
        let notice = Notice {
            format: FORMAT,
            id: format!("{release}.{:x}/{}", self.number, self.said),
            event,
            environment: self.environment.clone(),
            release,
            previous,
            commit,
            who: mask.text(&who),
            at: calendar::timestamp(platform::unix_time()),
            images,
            reason: reason.map(|reason| mask.text(&text::one_line(reason))),
            evidence: evidence.iter().map(|words| mask.text(&text::one_line(words))).collect(),
            run: run(&self.cx),
        };
        for queue in &self.queues {
            if queue.try_send(notice.clone()).is_err() && !std::mem::replace(&mut self.is_full, true) {
                self.cx
                    .warn("a notification is lost", "too many wait to be sent: a receiver does not answer");
            }
        }
    }

    /// Waits a few seconds for what was not sent yet.
    pub fn finish(self) {
        let Self { cx, said, queues, done, .. } = self;
        let is_told = said > 0 && !queues.is_empty();
        drop(queues);
        if is_told && done.recv_timeout(FAREWELL) == Err(RecvTimeoutError::Timeout) {
            cx.warn("not everybody was told how it ended", "a receiver of notifications does not answer");
        }
    }
}

/// Where the log of this run is, on GitHub.
fn run(cx: &Cx) -> Option<String> {
    let server = cx.environment().filled("GITHUB_SERVER_URL")?;
    let (repository, run) =
        (cx.environment().filled("GITHUB_REPOSITORY")?, cx.environment().filled("GITHUB_RUN_ID")?);
    Some(format!("{server}/{repository}/actions/runs/{run}"))
}

/// Somebody who is told.
enum Listener {
    /// Whoever takes the documents. The address is a secret.
    Webhook(Url),
    /// The deployments of a repository.
    GitHub(GitHub),
}

/// The deployments of a repository.
struct GitHub {
    /// `https://api.github.com/repos/OWNER/NAME/deployments`.
    deployments: String,
    token: Secret,
    /// The commit or branch that is released.
    reference: String,
    /// Where users find what is released.
    url: Option<String>,
    /// The number of the deployment, once it is known.
    number: Option<u64>,
}

/// Those who are to be told, and can be.
fn listeners(cx: &Cx, config: Option<&NotificationsConfig>, about: &About) -> Vec<Listener> {
    let Some(config) = config else { return Vec::new() };
    let mut listeners = Vec::new();
    if let Some(name) = &config.webhook {
        match address(cx, name) {
            Ok(url) => listeners.push(Listener::Webhook(url)),
            Err(why) => cx.warn("the webhook is not told", why),
        }
    }
    if config.github_deployments {
        match GitHub::new(cx, config, about) {
            Ok(github) => listeners.push(Listener::GitHub(github)),
            Err(why) => cx.warn("GitHub is not told of this release", why),
        }
    }
    listeners
}

/// The address of a webhook, which stands in the variable `name`.
fn address(cx: &Cx, name: &str) -> Result<Url, String> {
    let text = cx.environment().filled(name).ok_or_else(|| format!("`{name}` is not set"))?;
    text.parse().map_err(|_| format!("`{name}` holds no `https://` address"))
}

/// Whether those who are to be told can be, as far as that is known without a release: who, and why not.
pub(super) fn known(cx: &Cx, config: &NotificationsConfig) -> Vec<(&'static str, Result<(), String>)> {
    let webhook = config.webhook.as_ref().map(|name| ("webhook", address(cx, name).map(drop)));
    let github = config.github_deployments.then(|| ("GitHub", GitHub::access(cx, config).map(drop)));
    webhook.into_iter().chain(github).collect()
}

/// Sends what comes, until nothing more will. That somebody could not be told is said once.
fn deliver(cx: &Cx, client: &Client, mut listener: Listener, notices: &Receiver<Notice>) {
    let mut is_said = false;
    for notice in notices {
        let told = match &mut listener {
            Listener::Webhook(url) => webhook(client, url, &notice),
            Listener::GitHub(github) => github.tell(client, &notice),
        };
        if let Err(why) = told
            && !std::mem::replace(&mut is_said, true)
        {
            let who = match listener {
                Listener::Webhook(_) => "the webhook was not told",
                Listener::GitHub(_) => "GitHub was not told",
            };
            cx.warn(who, format!("{why}; the release goes on"));
        }
    }
}

fn webhook(client: &Client, url: &Url, notice: &Notice) -> Result<(), String> {
    let body = serde_json::to_vec(notice).map_err(|error| error.to_string())?;
    let request = Request::new(Method::Post, url.clone())
        .header("Content-Type", "application/json")
        .body(&body)
        .timeout(LIMIT)
        .length_max(ANSWER_MAX);
    // Whoever knows the address can write to it.
    let mask = Mask::new(&[url.to_string().as_str(), url.target()]);
    send(client, &request).map(drop).map_err(|why| mask.text(&why))
}

/// Sends a request, and once more where that may help. An answer that sends it elsewhere is no success, and is not followed:
/// what a request says is for one receiver only.
fn send(client: &Client, request: &Request<'_>) -> Result<Response, String> {
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        match client.send(request) {
            Ok(response) if (200..300).contains(&response.status) => return Ok(response),
            Ok(response) => {
                why = format!("`{}` answers {}", request.url().authority(), response.status);
                if response.status < 500 && response.status != 429 {
                    return Err(why);
                }
            }
            Err(failure) => {
                failure.error.message().clone_into(&mut why);
                if !matches!(failure.fault, Fault::NotReached | Fault::CutOff) {
                    return Err(why);
                }
            }
        }
    }
    Err(why)
}

impl GitHub {
    /// The token, and the repository that it is for.
    fn access<'c>(cx: &'c Cx, config: &'c NotificationsConfig) -> Result<(&'c str, &'c str), String> {
        let token = cx.environment().filled("GITHUB_TOKEN").ok_or("`GITHUB_TOKEN` is not set")?;
        let repository = cx.environment().filled("GITHUB_REPOSITORY").or(config.repository.as_deref());
        Ok((token, repository.ok_or("neither `GITHUB_REPOSITORY` nor `repository` names it")?))
    }

    fn new(cx: &Cx, config: &NotificationsConfig, about: &About) -> Result<Self, String> {
        let (token, repository) = Self::access(cx, config)?;
        let reference = about.commit.as_deref().or_else(|| cx.environment().filled("GITHUB_SHA"));
        let reference = reference.ok_or("the release names no commit")?;
        let api = cx.environment().filled("GITHUB_API_URL").unwrap_or(GITHUB_API).trim_end_matches('/');
        Ok(Self {
            deployments: format!("{api}/repos/{repository}/deployments"),
            token: Secret::new(format!("Bearer {token}")),
            reference: reference.to_owned(),
            url: config.environment_url.clone(),
            number: None,
        })
    }

    fn tell(&mut self, client: &Client, notice: &Notice) -> Result<(), String> {
        let Some(status) = notice.status(self.url.as_deref()) else { return Ok(()) };
        let number = match self.number {
            Some(number) => number,
            None => self.find_or_create(client, notice)?,
        };
        self.number = Some(number);
        let path = format!("{}/{number}/statuses", self.deployments);
        self.ask(client, Method::Post, &path, Some(&status)).map(drop)
    }

    /// The deployment of the release: whoever has begun it may have been another process.
    fn find_or_create(&self, client: &Client, notice: &Notice) -> Result<u64, String> {
        let environment = url::encode(&notice.environment);
        let path = format!("{}?environment={environment}&task=deploy&per_page=30", self.deployments);
        let known = self.ask(client, Method::Get, &path, None)?;
        let known = known.as_array().into_iter().flatten().find(|deployment| notice.is_of(deployment));
        let created = if let Some(known) = known {
            known.clone()
        } else {
            let deployment = notice.deployment(&self.reference);
            self.ask(client, Method::Post, &self.deployments, Some(&deployment))?
        };
        created["id"].as_u64().ok_or_else(|| "GitHub gives the deployment no number".to_owned())
    }

    fn ask(&self, client: &Client, method: Method, url: &str, body: Option<&Value>) -> Result<Value, String> {
        let url: Url = url.parse().map_err(|_| format!("`{url}` is no `https://` address"))?;
        let body = body.map(Value::to_string);
        let mut request = Request::new(method, url)
            .header("Accept", "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28")
            .authorization(Some(self.token.clone()))
            .timeout(LIMIT)
            .length_max(ANSWER_MAX);
        if let Some(body) = &body {
            request = request.header("Content-Type", "application/json").body(body.as_bytes());
        }
        let response = send(client, &request)?;
        serde_json::from_slice(&response.body).map_err(|_| "GitHub answers with what is no JSON".to_owned())
    }
}
