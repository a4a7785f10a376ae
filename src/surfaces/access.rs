//! Who may come in: bearer tokens, one-time tickets for WebSockets, and which browser pages may call.
//!
//! Loopback is no trust boundary against a browser: a page of any site can reach 127.0.0.1. So requests that carry an
//! `Origin` must come from this server's own pages or an allowed origin, and `Host` must be a name of this server (which
//! defeats DNS rebinding) unless a token is demanded anyway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use subtle::ConstantTimeEq;

use super::wire;
use crate::config::Secret;

/// How long a ticket opens a WebSocket.
const TICKET_LIFETIME: Duration = Duration::from_secs(30);
/// Tickets that may be open at a time.
const TICKETS_MAX: usize = 1_000;

/// The rules of one server. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

struct Inner {
    token: Secret,
    allowed_origins: Vec<String>,
    tickets: Mutex<BTreeMap<String, Instant>>,
}

impl Access {
    /// Rules with a token (empty for none) and further allowed browser origins.
    #[must_use]
    pub fn new(token: Secret, allowed_origins: Vec<String>) -> Self {
        Self { inner: Arc::new(Inner { token, allowed_origins, tickets: Mutex::default() }) }
    }

    /// Whether a token is demanded.
    #[must_use]
    pub fn demands_token(&self) -> bool {
        !self.inner.token.is_empty()
    }

    /// Whether the request carries the token, or none is demanded.
    #[must_use]
    pub fn is_authorized(&self, headers: &HeaderMap) -> bool {
        if !self.demands_token() {
            return true;
        }
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("").trim();
        given.as_bytes().ct_eq(self.inner.token.expose().as_bytes()).into()
    }

    /// Whether the request carries the token where shippers that cannot choose their headers put a key: as the password of
    /// `Basic` (Loki, Elasticsearch, remote write), as an `ApiKey` (Elasticsearch), or in `DD-API-KEY` (Datadog).
    #[must_use]
    pub fn knows_key(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let after_colon = |pair: &str| {
            let pair = base64::prelude::BASE64_STANDARD.decode(pair.trim()).ok()?;
            let colon = pair.iter().position(|byte| *byte == b':')?;
            pair.get(colon + 1..).map(<[u8]>::to_vec)
        };
        let authorization = text("authorization").unwrap_or("");
        let given = match authorization.split_once(' ') {
            Some(("Basic", pair)) => after_colon(pair),
            Some(("ApiKey", key)) => {
                Some(after_colon(key).unwrap_or_else(|| key.trim().as_bytes().to_vec()))
            }
            _ => text("dd-api-key").map(|key| key.as_bytes().to_vec()),
        };
        let token = self.inner.token.expose().as_bytes();
        !token.is_empty() && given.is_some_and(|given| given.ct_eq(token).into())
    }

    /// A one-time ticket that opens a WebSocket, for browsers, which cannot send a token with one.
    #[must_use]
    pub fn issue_ticket(&self) -> Option<String> {
        let mut tickets = self.inner.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.retain(|_, issued| issued.elapsed() < TICKET_LIFETIME);
        if tickets.len() >= TICKETS_MAX {
            return None;
        }
        let ticket = uuid::Uuid::new_v4().simple().to_string();
        tickets.insert(ticket.clone(), Instant::now());
        Some(ticket)
    }

    /// Whether the ticket is good; it is used up by asking.
    #[must_use]
    pub fn redeem_ticket(&self, ticket: &str) -> bool {
        let mut tickets = self.inner.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.remove(ticket).is_some_and(|issued| issued.elapsed() < TICKET_LIFETIME)
    }

    /// Whether a browser page may call: requests without an origin do not come from a page.
    #[must_use]
    pub fn allows_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if self.inner.allowed_origins.iter().any(|allowed| allowed == origin) {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let same_host = origin.parse::<Uri>().ok().and_then(|uri| {
            let plain = matches!(uri.scheme_str(), Some("http" | "https"));
            uri.authority().filter(|_| plain).map(|authority| authority.as_str().to_owned())
        });
        host.is_some() && same_host.as_deref() == host
    }

    /// Whether `Host` names this machine. Not asked for where a token is demanded.
    #[must_use]
    pub fn allows_host(&self, headers: &HeaderMap) -> bool {
        if self.demands_token() {
            return true;
        }
        let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
            return false;
        };
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(""),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        name == "localhost"
            || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl Access {
    /// The refusal for a browser page that may not call, or a request under a name that is not this server's.
    #[must_use]
    pub fn turns_away_page(&self, headers: &HeaderMap) -> Option<Response> {
        if self.allows_host(headers) && self.allows_origin(headers) {
            return None;
        }
        Some(wire::refusal(
            StatusCode::FORBIDDEN,
            "forbidden",
            "this page may not call this server",
            "open the panel on the server's own address, or add the page's origin to server.allowed_origins",
        ))
    }

    /// The refusal for a request without the token, where one is demanded.
    #[must_use]
    pub fn turns_away_stranger(&self, headers: &HeaderMap) -> Option<Response> {
        if self.is_authorized(headers) {
            return None;
        }
        let mut response = wire::refusal(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the bearer token is missing or wrong",
            "send `Authorization: Bearer` with the server's token",
        );
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Some(response)
    }
}

/// Whether the path is one that programs ask, the panel's own among them, and not a page or a file.
#[must_use]
pub fn is_for_programs(path: &str) -> bool {
    ["/v1/", "/hooks/", "/api/"].iter().any(|start| path.starts_with(start))
}

/// Turns away requests that may not come in. The WebSocket checks its token or ticket itself; health needs none.
pub async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let path = request.uri().path();
    let open_to_all = matches!(path, "/livez" | "/readyz" | "/healthz");
    let refusal = access.turns_away_page(headers).filter(|_| !open_to_all).or_else(|| {
        let asks = is_for_programs(path) || path == "/mcp";
        let needs_token = asks && path != "/v1/ws";
        access.turns_away_stranger(headers).filter(|_| needs_token)
    });
    if let Some(refusal) = refusal {
        return refusal;
    }
    next.run(request).await
}

/// Turns away telemetry without the token, where one is demanded.
pub async fn guard_receiver(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    // A page can post text to loopback without asking first; shippers send no `Origin`.
    if headers.contains_key(header::ORIGIN)
        && let Some(refusal) = access.turns_away_page(headers)
    {
        return refusal;
    }
    if access.is_authorized(headers) || access.knows_key(headers) {
        return next.run(request).await;
    }
    if request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
    {
        // gRPC carries its own status (16 is UNAUTHENTICATED) in a 200.
        let headers = [
            ("content-type", "application/grpc"),
            ("grpc-status", "16"),
            ("grpc-message", "bearer token missing or wrong"),
        ];
        return (StatusCode::OK, headers).into_response();
    }
    wire::refusal(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "the bearer token is missing or wrong",
        "set the sender's Authorization header, its password or its API key",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let named = pairs.iter().map(|(name, value)| {
            (name.parse::<axum::http::HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
        });
        named.collect()
    }

    #[test]
    fn only_own_and_allowed_pages_may_call() {
        let access = Access::new(Secret::default(), vec!["https://ops.example".to_owned()]);
        let from = |origin: &str| {
            access.allows_origin(&headers(&[("host", "127.0.0.1:7717"), ("origin", origin)]))
        };
        assert!(from("http://127.0.0.1:7717"));
        assert!(from("https://ops.example"));
        for origin in [
            "null",
            "",
            "http://127.0.0.1",
            "http://127.0.0.1:7718",
            "http://localhost:7717",
            "http://127.0.0.1:7717.evil.example",
            "http://evil.example",
            "https://ops.example.evil.example",
            "https://sub.ops.example",
            "https://ops.example:444",
            "http://ops.example",
            "http://127.0.0.1:7717@evil.example",
            "file://127.0.0.1:7717",
            "http://[::1]:7717",
            "HTTP://",
            "//127.0.0.1:7717",
        ] {
            assert!(!from(origin), "{origin}");
        }
        assert!(access.allows_origin(&headers(&[("host", "127.0.0.1:7717")])), "not a browser");
    }

    #[test]
    fn a_rebound_name_is_not_this_server() {
        let access = Access::new(Secret::default(), Vec::new());
        for (host, allowed) in [
            ("127.0.0.1:7717", true),
            ("localhost", true),
            ("[::1]:7717", true),
            ("evil.example:7717", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
            ("10.0.0.1:7717", false),
        ] {
            assert_eq!(access.allows_host(&headers(&[("host", host)])), allowed, "{host}");
        }
        assert!(!access.allows_host(&HeaderMap::new()));
    }

    #[test]
    fn shippers_give_the_token_as_password_or_key() {
        let access = Access::new(Secret::new("t0ken"), Vec::new());
        let knows = |name: &str, value: &str| access.knows_key(&headers(&[(name, value)]));
        assert!(knows("authorization", "Basic YW55Ym9keTp0MGtlbg=="));
        assert!(knows("authorization", "ApiKey aWQ6dDBrZW4="));
        assert!(knows("authorization", "ApiKey t0ken"));
        assert!(knows("dd-api-key", "t0ken"));
        for wrong in ["Basic YW55Ym9keTpvdGhlcg==", "Basic t0ken", "Basic", "ApiKey ", "Basic Og=="]
        {
            assert!(!knows("authorization", wrong), "{wrong}");
        }
        assert!(!knows("dd-api-key", ""));
        assert!(
            !Access::new(Secret::default(), Vec::new()).knows_key(&headers(&[("dd-api-key", "")]))
        );
    }

    #[test]
    fn tokens_and_tickets() {
        let access = Access::new(Secret::new("t0ken"), Vec::new());
        let with = |value: &str| access.is_authorized(&headers(&[("authorization", value)]));
        assert!(with("Bearer t0ken"));
        for wrong in ["Bearer", "Bearer ", "Bearer t0ke", "Bearer t0kenn", "Basic t0ken", "t0ken"] {
            assert!(!with(wrong), "{wrong}");
        }
        assert!(!access.is_authorized(&HeaderMap::new()));
        let ticket = access.issue_ticket().unwrap();
        assert!(access.redeem_ticket(&ticket));
        assert!(!access.redeem_ticket(&ticket), "a ticket opens once");
        assert!(!access.redeem_ticket(""));
    }
}
