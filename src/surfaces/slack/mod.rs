//! Slack: a question in a thread is a turn of a conversation, answered in that thread. Read `flow.rs` first.
//!
//! Events come in over Socket Mode or as signed requests, and are acknowledged before anything is done with them. Nothing
//! is posted where nobody asked. What is posted goes through the outbox, which keeps within Slack's limits and does not
//! give up early; what is still owed when the server ends is given after its next start.

mod alerts;
pub mod api;
pub mod escape;
mod flow;
pub mod governor;
pub mod inbound;
pub mod manifest;
mod marks;
pub mod message;
pub mod outbox;
mod progress;
mod proposals;
pub mod render;
mod request_url;
pub mod said;
mod signature;
mod socket;
mod thumbs;
mod turn;
mod unfurl;
mod voice;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use groundcrew_store::StateDb;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{SlackMode, SlackSettings};
use crate::desk::Desk;
use crate::investigate::answer::Answer;
use crate::remediate::Remediation;
use crate::session::Sessions;
use api::{Api, ApiError, Meaning};
use inbound::Event;
use marks::Marks;
pub use outbox::{Outbox, Tag};
use render::Links;

/// How long the server waits at its end for answers that are being posted.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Waits between attempts to learn who we are.
const WHO_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How often small things are tried that should not stay as they are, and the wait between.
const SMALL_ATTEMPTS: u32 = 3;
const SMALL_WAIT: Duration = Duration::from_secs(2);
/// Events handled at a time; more are refused, and Slack sends them again.
const EVENTS_MAX: usize = 500;

/// What Slack is made with.
pub struct SlackOptions {
    /// The settings.
    pub settings: SlackSettings,
    /// How events come in.
    pub mode: SlackMode,
    /// Address at which people reach the panel; empty when nobody said it.
    pub public_url: String,
    /// The conversations.
    pub sessions: Sessions,
    /// The incidents that alerts opened.
    pub desk: Desk,
    /// What may be done about an outage.
    pub actions: Remediation,
    /// The state that several servers share, if they do.
    pub shared: Option<Arc<StateDb>>,
    /// Cancelled when the server goes down.
    pub shutdown: CancellationToken,
}

/// Who we are in a workspace, as Slack says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Me {
    user: String,
    team: String,
}

/// One Slack app. Cheap to clone.
#[derive(Clone)]
pub struct Slack {
    inner: Arc<Inner>,
}

struct Inner {
    options: SlackOptions,
    api: Api,
    outbox: Outbox,
    marks: Marks,
    links: Links,
    me: Mutex<Me>,
    has_sessions: AtomicBool,
    tasks: TaskTracker,
}

impl Slack {
    /// Builds it; nothing is sent yet.
    #[must_use]
    pub fn new(options: SlackOptions) -> Self {
        let settings = &options.settings;
        let api =
            Api::new(&settings.api_url, settings.bot_token.clone(), settings.app_token.clone());
        let base = options.public_url.trim_end_matches('/').to_owned();
        let inner = Inner {
            outbox: Outbox::new(api.clone(), options.shutdown.clone()),
            marks: Marks::new(options.sessions.clone(), options.shared.clone()),
            links: Links { base: Some(base).filter(|base| !base.is_empty()) },
            me: Mutex::default(),
            has_sessions: AtomicBool::new(true),
            tasks: TaskTracker::new(),
            api,
            options,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Serves until the shutdown, then lets what is being posted arrive.
    pub async fn run(self) {
        let shutdown = self.inner.options.shutdown.clone();
        let introduced = async {
            self.introduce().await;
            turn::settle_debts(&self).await;
            alerts::keep_told(&self, &self.inner.options.desk).await;
        };
        let connected = async {
            match self.inner.options.mode {
                SlackMode::Socket => socket::keep_connected(&self).await,
                SlackMode::Http => shutdown.cancelled().await,
            }
        };
        let introduced = async {
            tokio::select! {
                () = introduced => {}
                () = shutdown.cancelled() => {}
            }
        };
        tokio::join!(introduced, connected);
        self.inner.tasks.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(
                "answers in Slack were still owed at the end of the drain time; they are given after the next start"
            );
        }
    }

    /// The routes of HTTP mode; none in Socket Mode.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        match self.inner.options.mode {
            SlackMode::Http => request_url::router(self.clone()),
            SlackMode::Socket => Router::new(),
        }
    }

    /// What posts messages and edits them later.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.inner.outbox
    }

    /// Learns who we are, however long that takes.
    async fn introduce(&self) {
        let (mut wait, longest) = WHO_WAIT;
        loop {
            let error = match self.inner.api.call("auth.test", &json!({})).await {
                Ok(reply) => {
                    let named = |name: &str| {
                        reply.get(name).and_then(Value::as_str).unwrap_or("").to_owned()
                    };
                    let me = Me { user: named("user_id"), team: named("team_id") };
                    tracing::info!(user = me.user, team = me.team, "connected to Slack");
                    *self.inner.me.lock().unwrap_or_else(PoisonError::into_inner) = me;
                    return;
                }
                Err(error) => error,
            };
            if error.meaning == Meaning::Credentials {
                tracing::error!(%error, "Slack does not take slack.bot_token; check it with `groundcrew slack doctor`");
                wait = longest;
            } else {
                tracing::warn!(%error, "Slack does not say who we are");
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }

    /// Takes an event: it is handled after this returns. False when too many are being handled.
    fn take(&self, event: Event) -> bool {
        let inner = &self.inner;
        if inner.tasks.len() >= EVENTS_MAX || inner.options.shutdown.is_cancelled() {
            return false;
        }
        inner.tasks.spawn(flow::handle(self.clone(), event));
        true
    }

    fn api(&self) -> &Api {
        &self.inner.api
    }

    fn marks(&self) -> &Marks {
        &self.inner.marks
    }

    fn links(&self) -> &Links {
        &self.inner.links
    }

    fn sessions(&self) -> &Sessions {
        &self.inner.options.sessions
    }

    fn actions(&self) -> &Remediation {
        &self.inner.options.actions
    }

    fn settings(&self) -> &SlackSettings {
        &self.inner.options.settings
    }

    fn shutdown(&self) -> &CancellationToken {
        &self.inner.options.shutdown
    }

    fn me(&self) -> Me {
        self.inner.me.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn has_sessions(&self) -> bool {
        self.inner.has_sessions.load(Ordering::Relaxed)
    }

    /// Slack offers this app no agent sessions.
    fn give_up_sessions(&self) {
        self.inner.has_sessions.store(false, Ordering::Relaxed);
    }

    /// A call that may fail: a reaction that is there already, a status that nobody sees.
    async fn quietly(&self, method: &str, body: &Value) {
        if let Err(error) = self.inner.api.call(method, body).await {
            tracing::debug!(%error, "a small call to Slack failed");
        }
    }

    /// The same for what should not stay as it is: tried again where that may help. Says how it ended.
    async fn patiently(&self, method: &str, body: &Value) -> Result<(), ApiError> {
        let mut attempts = SMALL_ATTEMPTS;
        loop {
            attempts -= 1;
            let Err(error) = self.inner.api.call(method, body).await else { return Ok(()) };
            let wait = match error.meaning {
                Meaning::Wait(wait) => wait,
                Meaning::Later => SMALL_WAIT,
                _ => return Err(error),
            };
            if attempts == 0 || self.shutdown().is_cancelled() {
                return Err(error);
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.shutdown().cancelled() => {}
            }
        }
    }

    /// An answer as it was stored.
    async fn stored_answer(&self, answer_id: &str) -> Option<Answer> {
        let (store, id) = (Arc::clone(&self.sessions().investigator().store), answer_id.to_owned());
        let read = tokio::task::spawn_blocking(move || store.state().answer(&id)).await;
        let json = read.ok()?.ok()??;
        serde_json::from_str(&json).ok()
    }
}
