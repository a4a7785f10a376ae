//! Slack's Web API: one call, and what its refusals mean.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::config::Secret;

/// Time for one call. What must not be late has its own way around.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest wait that is believed of `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
/// Wait where Slack says to wait but not how long.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(30);

/// What follows from a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// Too many calls: again after this time.
    Wait(Duration),
    /// Slack or the way to it is not well; the call may have been carried out.
    Later,
    /// The channel is closed to us.
    Closed,
    /// The tokens are no good; nothing will work until somebody changes them.
    Credentials,
    /// The message is more than Slack takes.
    TooMuch,
    /// The stream has ended.
    StreamOver,
    /// The message cannot be changed (any more).
    NotEditable,
    /// Slack does not let this app do that.
    NotOffered,
    /// Anything else: the call is wrong, or already done.
    Refused,
}

/// A call that was not carried out.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{method}: {code}")]
pub struct ApiError {
    /// The method.
    pub method: String,
    /// Slack's word for it, or ours.
    pub code: String,
    /// What follows.
    pub meaning: Meaning,
}

/// What Slack's word for an error means.
#[must_use]
pub fn meaning(code: &str) -> Meaning {
    match code {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => {
            Meaning::Wait(RETRY_AFTER_DEFAULT)
        }
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "accesslimited" => Meaning::Later,
        "not_in_channel"
        | "channel_not_found"
        | "is_archived"
        | "restricted_action"
        | "restricted_action_thread_only_channel"
        | "restricted_action_read_only_channel"
        | "cannot_reply_to_message"
        | "thread_locked"
        | "messages_tab_disabled"
        | "user_is_restricted"
        | "ekm_access_denied" => Meaning::Closed,
        "invalid_auth"
        | "not_authed"
        | "token_revoked"
        | "token_expired"
        | "account_inactive"
        | "org_login_required"
        | "two_factor_setup_required" => Meaning::Credentials,
        "msg_blocks_too_long"
        | "msg_too_long"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "too_many_attachments"
        | "invalid_chunks"
        | "metadata_too_large" => Meaning::TooMuch,
        "message_not_in_streaming_state" | "stream_expired" => Meaning::StreamOver,
        "message_not_found"
        | "cant_update_message"
        | "edit_window_closed"
        | "streaming_state_conflict"
        | "is_inactive"
        | "message_not_owned_by_app" => Meaning::NotEditable,
        "unknown_method"
        | "missing_scope"
        | "not_allowed_token_type"
        | "no_permission"
        | "method_deprecated"
        | "feature_not_enabled"
        | "missing_recipient_team_id"
        | "missing_recipient_user_id"
        | "not_allowed"
        | "method_not_supported_for_channel_type" => Meaning::NotOffered,
        _ => Meaning::Refused,
    }
}

/// Slack's Web API with the tokens of one app. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    bot: Secret,
    app: Secret,
}

/// What a call carries.
enum Body<'a> {
    Json(&'a Value),
    Form(String),
}

/// A reply and the scopes of the token it was asked with.
pub type Reply = (Value, Option<String>);

impl Api {
    /// The API at `base`.
    #[must_use]
    pub fn new(base: &str, bot: Secret, app: Secret) -> Self {
        let http = reqwest::Client::builder().timeout(CALL_TIMEOUT).build().unwrap_or_default();
        Self { http, base: base.trim_end_matches('/').to_owned(), bot, app }
    }

    /// Calls a method as the bot.
    ///
    /// # Errors
    /// When Slack refuses or cannot be reached.
    pub async fn call(&self, method: &str, body: &Value) -> Result<Value, ApiError> {
        self.send(method, Body::Json(body), &self.bot).await.map(|(reply, _)| reply)
    }

    /// The same, with the scopes of the bot token.
    ///
    /// # Errors
    /// When Slack refuses or cannot be reached.
    pub async fn call_for_scopes(&self, method: &str, body: &Value) -> Result<Reply, ApiError> {
        self.send(method, Body::Json(body), &self.bot).await
    }

    /// Calls a method that only reads, which takes a form and no JSON.
    ///
    /// # Errors
    /// When Slack refuses or cannot be reached.
    pub async fn ask(&self, method: &str, fields: &[(&str, &str)]) -> Result<Value, ApiError> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(method, Body::Form(form), &self.bot).await.map(|(reply, _)| reply)
    }

    /// Asks where Socket Mode may connect.
    ///
    /// # Errors
    /// When Slack refuses or cannot be reached.
    pub async fn open_connection(&self) -> Result<String, ApiError> {
        let method = "apps.connections.open";
        let (reply, _) = self.send(method, Body::Form(String::new()), &self.app).await?;
        let url = reply.get("url").and_then(Value::as_str).unwrap_or("");
        if url.is_empty() {
            return Err(error(method, "no address to connect to", Meaning::Later));
        }
        Ok(url.to_owned())
    }

    /// Replies where an interaction said that one may: only to Slack itself.
    ///
    /// # Errors
    /// When the address is not Slack's, or Slack refuses or cannot be reached.
    pub async fn respond(&self, url: &str, body: &Value) -> Result<(), ApiError> {
        let method = "response_url";
        let origin = self.base.split("/api").next().unwrap_or("");
        let is_slacks = url.starts_with("https://hooks.slack.com/")
            || (!origin.is_empty() && url.starts_with(&format!("{origin}/")));
        if !is_slacks {
            return Err(error(method, "not an address of Slack", Meaning::Refused));
        }
        let sent = self.http.post(url).json(body).send().await;
        let response = sent.map_err(|failed| unreachable(method, &failed))?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(error(method, response.status().as_str(), Meaning::Refused))
    }

    async fn send(&self, method: &str, body: Body<'_>, token: &Secret) -> Result<Reply, ApiError> {
        let (kind, body) = match body {
            Body::Json(body) => ("application/json; charset=utf-8", body.to_string()),
            Body::Form(form) => ("application/x-www-form-urlencoded", form),
        };
        let request = self.http.post(format!("{}/{method}", self.base)).bearer_auth(token.expose());
        let request = request.header("content-type", kind).body(body);
        let response = request.send().await.map_err(|failed| unreachable(method, &failed))?;
        let status = response.status();
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let retry_after = header("retry-after")
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(|seconds: u64| Duration::from_secs(seconds.max(1)).min(RETRY_AFTER_MAX));
        let scopes = header("x-oauth-scopes");
        if status.as_u16() == 429 {
            let wait = retry_after.unwrap_or(RETRY_AFTER_DEFAULT);
            return Err(error(method, "ratelimited", Meaning::Wait(wait)));
        }
        if status.is_server_error() {
            return Err(error(method, status.as_str(), Meaning::Later));
        }
        let reply: Value = response
            .json()
            .await
            .map_err(|_| error(method, "a reply that cannot be read", Meaning::Later))?;
        if reply.get("ok").and_then(Value::as_bool) == Some(true) {
            return Ok((reply, scopes));
        }
        let code = reply.get("error").and_then(Value::as_str).unwrap_or("no reason");
        let meaning = match meaning(code) {
            Meaning::Wait(wait) => Meaning::Wait(retry_after.unwrap_or(wait)),
            other => other,
        };
        Err(error(method, code, meaning))
    }
}

fn error(method: &str, code: &str, meaning: Meaning) -> ApiError {
    let code = crate::investigate::evidence::clip(code, 100);
    ApiError { method: method.to_owned(), code: crate::text::visible(code), meaning }
}

fn unreachable(method: &str, failed: &reqwest::Error) -> ApiError {
    let why = if failed.is_timeout() { "no reply in time" } else { "cannot be reached" };
    error(method, why, Meaning::Later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_meaning() {
        for (code, expected) in [
            ("not_in_channel", Meaning::Closed),
            ("channel_not_found", Meaning::Closed),
            ("is_archived", Meaning::Closed),
            ("token_revoked", Meaning::Credentials),
            ("invalid_auth", Meaning::Credentials),
            ("msg_blocks_too_long", Meaning::TooMuch),
            ("message_not_in_streaming_state", Meaning::StreamOver),
            ("message_not_found", Meaning::NotEditable),
            ("unknown_method", Meaning::NotOffered),
            ("internal_error", Meaning::Later),
            ("ratelimited", Meaning::Wait(RETRY_AFTER_DEFAULT)),
            ("something_new", Meaning::Refused),
            ("", Meaning::Refused),
        ] {
            assert_eq!(meaning(code), expected, "{code}");
        }
    }
}
