//! Alerts and changes as other systems post them: `POST /hooks/{source}`, and `POST /api/v2/alerts`, by which Prometheus
//! counts this server among its Alertmanagers.
//!
//! 200 means that what was understood is on disk; 400 that nothing was; 429 and 503 that it was not taken and when to
//! send it again. Senders repeat an alert for as long as it holds; it is stored when it begins and when it ends.
//!
//! A source whose secret is known must sign what it posts, and needs no token; any other needs the token, if one is set.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use groundcrew_indexer::sources::messages::{Mappings, Message, Posted, read_message};
use groundcrew_indexer::{Intake, RefusalReason, Refused};
use groundcrew_store::Durability;
use groundcrew_telemetry::{Alert, AlertStatus, Batch, ChangeEvent, Timestamp};
use serde_json::json;

use super::access::Access;
use super::signature::is_signed;
use super::wire;
use crate::config::{HooksSettings, Secret};
use crate::desk::Desk;

/// The largest body that is read.
const BODY_BYTES_MAX: usize = 4 << 20;
/// A message is read into about this many times its bytes.
const WORKING_FACTOR: usize = 4;
/// Alerts that are remembered as told; past that the memory starts over, which costs some repeated ones.
const TOLD_MAX: usize = 20_000;
/// Longest name of a source.
const SOURCE_BYTES_MAX: usize = 40;

/// Headers by which senders say what they send, beside those of CloudEvents.
const TELLING_HEADERS: [&str; 1] = ["x-github-event"];

/// What the routes need.
pub struct HooksOptions {
    /// Where what is understood goes.
    pub intake: Intake,
    /// Where alerts become incidents.
    pub desk: Desk,
    /// Who may come in.
    pub access: Access,
    /// How messages of one's own are read.
    pub mappings: Mappings,
    /// Signs what comes to `/hooks/github`; empty for none.
    pub github_secret: Secret,
    /// Signs what comes to `/hooks/pagerduty`; empty for none.
    pub pagerduty_secret: Secret,
}

impl HooksOptions {
    /// By the settings, with the mappings that they name.
    #[must_use]
    pub fn new(
        (settings, mappings): (&HooksSettings, Mappings),
        intake: &Intake,
        desk: &Desk,
        access: &Access,
    ) -> Self {
        Self {
            intake: intake.clone(),
            desk: desk.clone(),
            access: access.clone(),
            mappings,
            github_secret: settings.github_secret.clone(),
            pagerduty_secret: settings.pagerduty_secret.clone(),
        }
    }
}

struct Hooks {
    options: HooksOptions,
    told: Mutex<Told>,
}

/// How each alert stood when it was last told: by fingerprint, since when and whether it holds.
type Told = BTreeMap<String, (Timestamp, AlertStatus)>;

/// The routes.
pub fn router<S: Clone + Send + Sync + 'static>(options: HooksOptions) -> Router<S> {
    Router::new()
        .route("/hooks/{source}", post(hook))
        .route("/api/v2/alerts", post(prometheus))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::new(Hooks { options, told: Mutex::default() }))
}

async fn hook(
    hooks: State<Arc<Hooks>>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if source.len() > SOURCE_BYTES_MAX || !source.bytes().all(is_name) {
        return wrong("the source's name has letters, digits, dots and dashes only");
    }
    take(hooks.0, source, &headers, body).await
}

async fn prometheus(hooks: State<Arc<Hooks>>, headers: HeaderMap, body: Bytes) -> Response {
    take(hooks.0, "prometheus".to_owned(), &headers, body).await
}

async fn take(hooks: Arc<Hooks>, source: String, headers: &HeaderMap, body: Bytes) -> Response {
    if let Some(refusal) = hooks.turns_away(&source, headers, &body) {
        return refusal;
    }
    let admission = match hooks.options.intake.admit(body.len() * WORKING_FACTOR) {
        Ok(admission) => admission,
        Err(refused) => return not_taken(&refused),
    };
    let headers = telling(headers);
    let intake = hooks.options.intake.clone();
    let work = move |intake: &Intake| {
        let posted = Posted { source: &source, headers: &headers, body: &body, now: intake.now() };
        let message = match read_message(&posted, &hooks.options.mappings) {
            Ok(message) => message,
            Err(why) => return Ok(wrong(&why)),
        };
        let mut understood =
            json!({"alerts": message.alerts.len(), "changes": message.changes.len()});
        if let (Some(fields), Some(why)) = (understood.as_object_mut(), &message.passed_over) {
            fields.insert("passed_over".to_owned(), json!(why));
        }
        let group = message.group.clone();
        let News { alerts, changes, standing } = news(message, &hooks.told);
        let mut batches = Vec::new();
        if !alerts.is_empty() {
            batches.push(Batch::Alerts(alerts.clone()));
        }
        if !changes.is_empty() {
            batches.push(Batch::Changes(changes));
        }
        if !batches.is_empty() {
            intake.submit_admitted(admission, batches, Durability::Synced)?;
        }
        if let Err(error) = hooks.options.desk.hear(&alerts, group.as_deref()) {
            tracing::warn!(%error, "alerts could not become incidents");
            return Ok(not_stored(&error.to_string()));
        }
        // Only now: what could not be stored must be taken when it is sent again.
        lock(&hooks.told).extend(standing);
        Ok(Json(understood).into_response())
    };
    match intake.on_worker(work).await {
        Ok(Ok(response)) => response,
        Ok(Err(refused)) | Err(refused) => not_taken(&refused),
    }
}

impl Hooks {
    /// Refuses what is neither signed, where its source signs, nor carries the token, where it does not.
    fn turns_away(&self, source: &str, headers: &HeaderMap, body: &[u8]) -> Option<Response> {
        let access = &self.options.access;
        if let Some(refusal) = access.turns_away_page(headers) {
            return Some(refusal);
        }
        let (secret, header, prefix) = match source {
            "github" => (&self.options.github_secret, "x-hub-signature-256", "sha256="),
            "pagerduty" => (&self.options.pagerduty_secret, "x-pagerduty-signature", "v1="),
            _ => return access.turns_away_stranger(headers),
        };
        if secret.is_empty() {
            return access.turns_away_stranger(headers);
        }
        let given = headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or("");
        let signatures = given.split(',').filter_map(|one| one.trim().strip_prefix(prefix));
        if is_signed(secret, &[body], signatures) {
            return None;
        }
        let message = format!("`{header}` is missing or does not fit the body");
        let hint = format!("give the webhook the secret of hooks.{source}_secret");
        Some(wire::refusal(StatusCode::UNAUTHORIZED, "bad_signature", &message, &hint))
    }
}

/// Headers that say what is sent, by lower-case name.
fn telling(headers: &HeaderMap) -> BTreeMap<String, String> {
    let telling = headers.iter().filter(|(name, _)| {
        name.as_str().starts_with("ce-") || TELLING_HEADERS.contains(&name.as_str())
    });
    telling
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

/// What of a message was not told before.
struct News {
    alerts: Vec<Alert>,
    changes: Vec<ChangeEvent>,
    /// How its alerts stand.
    standing: Told,
}

fn news(message: Message, told: &Mutex<Told>) -> News {
    let mut told = lock(told);
    if told.len() > TOLD_MAX {
        told.clear();
    }
    let mut standing = Told::new();
    let mut alerts: Vec<Alert> = Vec::new();
    for alert in message.alerts {
        let stands = (alert.starts_at, alert.status);
        let is_known = told.get(&alert.fingerprint) == Some(&stands);
        if standing.insert(alert.fingerprint.clone(), stands) != Some(stands) && !is_known {
            alerts.push(alert);
        }
    }
    News { alerts, changes: message.changes, standing }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wrong(message: &str) -> Response {
    let hint = "see docs/OPERATING.md, Alerts and changes";
    wire::refusal(StatusCode::BAD_REQUEST, "bad_message", message, hint)
}

fn not_taken(refused: &Refused) -> Response {
    let status = match (&refused.reason, refused.retry_after) {
        (RefusalReason::Busy, _) => StatusCode::TOO_MANY_REQUESTS,
        (_, Some(_)) => StatusCode::SERVICE_UNAVAILABLE,
        (_, None) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    wire::refusal(status, "not_taken", &refused.reason.to_string(), "send it again later")
}

fn not_stored(message: &str) -> Response {
    wire::refusal(StatusCode::SERVICE_UNAVAILABLE, "not_taken", message, "send it again later")
}
