//! The web panel: files built by `make web` and embedded in the binary, or a page that says how to build them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Serialize;

use crate::config::ConfigError;

/// What a page of ours may do: load its own files, talk to this server, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; frame-ancestors ";

const NOT_BUILT: &str = "groundcrew: this binary was built without the web panel.\n\n\
     Build it with Node 20:  make web && cargo build --release\n\
     Meanwhile:              groundcrew ask \"why is checkout slow?\"\n";

/// Paths that are the panel itself, which reads the path.
const PLACES: [&str; 11] = [
    "/",
    "/ask",
    "/incidents",
    "/i/{code}",
    "/e/{answer}/{evidence}",
    "/services",
    "/logs",
    "/traces",
    "/trace/{trace}",
    "/charts",
    "/runbooks",
];

/// Things that can be opened elsewhere.
const LINK_KINDS: [&str; 4] = ["trace", "logs", "metric", "service"];

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Assets;

/// How the panel is shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct PanelOptions {
    /// Where else things can be opened.
    pub links: Vec<ExternalLink>,
    /// Whether answers may have a proposal under them.
    pub actions: bool,
    /// The policy of pages that others may embed.
    #[serde(skip)]
    #[cfg_attr(test, ts(skip))]
    embed_policy: String,
}

/// Where else a thing can be opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct ExternalLink {
    /// What can be opened there: `trace`, `logs`, `metric` or `service`.
    pub kind: String,
    /// What the place is called.
    pub name: String,
    /// Its address, with `{trace}`, `{service}` and so on for what is opened.
    pub address: String,
}

impl PanelOptions {
    /// Reads the settings `panel.links` and `panel.frame_ancestors`.
    ///
    /// # Errors
    /// When one of them is not of its form.
    pub fn new(links: &[String], frame_ancestors: &[String]) -> Result<Self, ConfigError> {
        let links = links.iter().map(|link| external_link(link)).collect::<Result<_, _>>()?;
        for origin in frame_ancestors {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/.-*[]".contains(&byte);
            let web = origin.starts_with("https://") || origin.starts_with("http://");
            if !web || !origin.bytes().all(plain) {
                return Err(ConfigError::Conflict {
                    message: format!("panel.frame_ancestors has `{origin}`, which is no origin"),
                    hint: "write scheme and host: https://portal.example".to_owned(),
                });
            }
        }
        let ancestors: Vec<&str> =
            std::iter::once("'self'").chain(frame_ancestors.iter().map(String::as_str)).collect();
        let embed_policy = format!("{CONTENT_SECURITY_POLICY}{}", ancestors.join(" "));
        Ok(Self { links, actions: false, embed_policy })
    }
}

impl PanelOptions {
    /// The same, saying whether answers may have a proposal under them.
    #[must_use]
    pub fn with_actions(self, actions: bool) -> Self {
        Self { actions, ..self }
    }
}

/// Reads `trace Jaeger https://jaeger.example/trace/{trace}`.
fn external_link(text: &str) -> Result<ExternalLink, ConfigError> {
    let wrong = || {
        ConfigError::Conflict {
        message: format!("panel.links has `{text}`, which is no link"),
        hint: "write kind (trace, logs, metric or service), name and address: trace Jaeger https://jaeger.example/trace/{trace}"
            .to_owned(),
    }
    };
    let (kind, rest) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let (name, address) = rest.trim().rsplit_once(' ').ok_or_else(wrong)?;
    let web = address.starts_with("https://") || address.starts_with("http://");
    if !LINK_KINDS.contains(&kind) || !web {
        return Err(wrong());
    }
    Ok(ExternalLink {
        kind: kind.to_owned(),
        name: name.trim().to_owned(),
        address: address.to_owned(),
    })
}

/// The panel's routes.
pub fn router<S: Clone + Send + Sync + 'static>(options: Arc<PanelOptions>) -> Router<S> {
    let places = PLACES
        .iter()
        .fold(Router::new(), |router, place| router.route(place, get(page)))
        .route("/embed/i/{code}", get(embedded))
        .route("/v1/panel", get(shown_options))
        .fallback(file);
    places.with_state(options)
}

/// Whether the panel is in this binary.
#[must_use]
pub fn is_built() -> bool {
    Assets::get("index.html").is_some()
}

async fn shown_options(State(options): State<Arc<PanelOptions>>) -> Response {
    Json((*options).clone()).into_response()
}

async fn page(headers: HeaderMap) -> Response {
    index(&headers)
}

/// A page for other sites' frames, where the settings allow them.
async fn embedded(State(options): State<Arc<PanelOptions>>, headers: HeaderMap) -> Response {
    let mut response = index(&headers);
    let headers = response.headers_mut();
    headers.remove(header::X_FRAME_OPTIONS);
    if let Ok(policy) = HeaderValue::from_str(&options.embed_policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn index(headers: &HeaderMap) -> Response {
    match Assets::get("index.html") {
        Some(index) => served(("text/html; charset=utf-8", "no-cache"), index, headers),
        None => secured(NOT_BUILT.into_response(), "text/plain; charset=utf-8", "no-store"),
    }
}

async fn file(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let Some(asset) = Assets::get(path).filter(|_| path != "index.html") else {
        return (StatusCode::NOT_FOUND, "no such page\n").into_response();
    };
    // Built files carry a hash of their content in the name.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    served((content_type(path), cache), asset, &headers)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json" | "webmanifest") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn served(
    (kind, cache): (&'static str, &'static str),
    file: EmbeddedFile,
    asked: &HeaderMap,
) -> Response {
    let hash = file.metadata.sha256_hash();
    let tag: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    // On its way it may have been compressed, which makes the tag a weak one.
    let known = asked.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok()).is_some_and(
        |known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag),
    );
    let response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file.data.into_owned().into_response()
    };
    let mut response = secured(response, kind, cache);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn secured(mut response: Response, kind: &'static str, cache: &'static str) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = format!("{CONTENT_SECURITY_POLICY}'self'");
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_ancestors_are_read_or_refused() {
        let link = "trace Our Jaeger https://jaeger.example/trace/{trace}".to_owned();
        let options = PanelOptions::new(&[link], &["https://portal.example".to_owned()]).unwrap();
        assert_eq!(options.links[0].name, "Our Jaeger");
        assert!(options.embed_policy.ends_with("frame-ancestors 'self' https://portal.example"));
        for bad in ["trace", "trace Jaeger", "trace Jaeger javascript:alert(1)", "pod K https://k"]
        {
            assert!(PanelOptions::new(&[bad.to_owned()], &[]).is_err(), "{bad}");
        }
        for bad in ["portal.example", "https://a; script-src *", "https://a\r\nx: y"] {
            assert!(PanelOptions::new(&[], &[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
