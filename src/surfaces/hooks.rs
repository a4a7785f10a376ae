//! Alerts and changes as other systems post them: `POST /hooks/{source}`, and `POST /api/v2/alerts`, by which Prometheus
//! counts this server among its Alertmanagers.
//!
//! 200 means that what was understood is on disk; 400 that nothing was; 429 and 503 that it was not taken and when to
//! send it again. Senders repeat an alert for as long as it holds; it is stored when it begins and when it ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use groundcrew_indexer::sources::files::{Message, read_message};
use groundcrew_indexer::{Intake, RefusalReason, Refused};
use groundcrew_store::Durability;
use groundcrew_telemetry::{Alert, AlertStatus, Batch, Timestamp};
use serde_json::json;

use super::wire;

/// The largest body that is read.
const BODY_BYTES_MAX: usize = 4 << 20;
/// A message is read into about this many times its bytes.
const WORKING_FACTOR: usize = 4;
/// Alerts that are remembered as told; past that the memory starts over, which costs some repeated ones.
const TOLD_MAX: usize = 20_000;
/// Longest name of a source.
const SOURCE_BYTES_MAX: usize = 40;

/// What the routes share.
#[derive(Clone)]
struct Hooks {
    intake: Intake,
    told: Arc<Mutex<Told>>,
}

/// How each alert stood when it was last told: by fingerprint, since when and whether it holds.
type Told = BTreeMap<String, (Timestamp, AlertStatus)>;

/// The routes.
pub fn router<S: Clone + Send + Sync + 'static>(intake: Intake) -> Router<S> {
    Router::new()
        .route("/hooks/{source}", post(hook))
        .route("/api/v2/alerts", post(prometheus))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Hooks { intake, told: Arc::default() })
}

async fn hook(hooks: State<Hooks>, Path(source): Path<String>, body: Bytes) -> Response {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if source.len() > SOURCE_BYTES_MAX || !source.bytes().all(is_name) {
        return wrong("the source's name has letters, digits, dots and dashes only");
    }
    take(hooks.0, source, body).await
}

async fn prometheus(hooks: State<Hooks>, body: Bytes) -> Response {
    take(hooks.0, "prometheus".to_owned(), body).await
}

async fn take(hooks: Hooks, source: String, body: Bytes) -> Response {
    let admission = match hooks.intake.admit(body.len() * WORKING_FACTOR) {
        Ok(admission) => admission,
        Err(refused) => return not_taken(&refused),
    };
    let told = Arc::clone(&hooks.told);
    let work = move |intake: &Intake| {
        let message = match read_message(&body, &source, intake.now()) {
            Ok(message) => message,
            Err(why) => return Ok(wrong(&why)),
        };
        let (alerts, changes) = (message.alerts.len(), message.changes.len());
        let (batches, standing) = news(message, &told);
        if !batches.is_empty() {
            intake.submit_admitted(admission, batches, Durability::Synced)?;
        }
        // Only now: what could not be stored must be taken when it is sent again.
        lock(&told).extend(standing);
        Ok(Json(json!({"alerts": alerts, "changes": changes})).into_response())
    };
    match hooks.intake.on_worker(work).await {
        Ok(Ok(response)) => response,
        Ok(Err(refused)) | Err(refused) => not_taken(&refused),
    }
}

/// What of a message is new, and how its alerts stand.
fn news(message: Message, told: &Mutex<Told>) -> (Vec<Batch>, Told) {
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
    let mut batches = Vec::new();
    if !alerts.is_empty() {
        batches.push(Batch::Alerts(alerts));
    }
    if !message.changes.is_empty() {
        batches.push(Batch::Changes(message.changes));
    }
    (batches, standing)
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
