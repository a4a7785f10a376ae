//! Errors in the shape in which clients of the OpenAI API expect them: `{"error": {message, type, param, code}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::request::MODELS;
use crate::session::{AskError, RunStatus};

/// Something that was not done, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: Option<String>,
    message: String,
    /// The parameter that is at fault.
    pub param: Option<String>,
}

impl Refusal {
    /// A request that cannot be understood; `param` is empty when it is the whole of it.
    pub(super) fn invalid(message: impl Into<String>, param: &str) -> Self {
        let param = Some(param.to_owned()).filter(|param| !param.is_empty());
        Self { status: StatusCode::BAD_REQUEST, code: None, message: message.into(), param }
    }

    pub(super) fn too_large(status: StatusCode, message: String) -> Self {
        Self { status, code: None, message, param: None }
    }

    pub(super) fn no_such_model(name: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: Some("model_not_found".to_owned()),
            message: format!("there is no model `{name}` here; use {}", MODELS.join(" or ")),
            param: Some("model".to_owned()),
        }
    }

    /// A question that was not taken.
    pub(super) fn not_taken(error: &AskError) -> Self {
        let (status, code) = match error {
            AskError::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded"),
            AskError::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            AskError::BadId(_) => (StatusCode::BAD_REQUEST, "bad_id"),
        };
        Self { status, code: Some(code.to_owned()), message: error.to_string(), param: None }
    }

    /// A run that ended without an answer.
    pub(super) fn no_answer(status: RunStatus, error: Option<(String, String)>) -> Self {
        let (code, message) = error.unwrap_or_else(|| {
            let message = format!("the run was {} before it had an answer", status.name());
            (status.name().to_owned(), message)
        });
        let status = match (status, code.as_str()) {
            (RunStatus::Failed, "bad_question") => StatusCode::BAD_REQUEST,
            (RunStatus::Cancelled | RunStatus::Superseded, _) => StatusCode::CONFLICT,
            (RunStatus::Failed | RunStatus::Done, _) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, code: Some(code), message, param: None }
    }

    /// The body, which also stands in a stream that has begun.
    pub(super) fn body(&self) -> Value {
        let kind = match self.status {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}})
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let again = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
        if again.contains(&self.status) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
