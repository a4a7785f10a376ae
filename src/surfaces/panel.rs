//! The web panel: files built by `make web` and embedded in the binary, or a page that says how to build them.

use axum::Router;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

/// What a page of ours may do: load its own files, talk to this server, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; require-trusted-types-for 'script'";

const NOT_BUILT: &str = "groundcrew: this binary was built without the web panel.\n\n\
     Build it with Node 20:  make web && cargo build --release\n\
     Meanwhile:              groundcrew ask \"why is checkout slow?\"\n";

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Assets;

/// The panel's routes; every path that is not a file is the panel itself, which reads the path.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/", get(page)).route("/e/{answer}/{evidence}", get(page)).fallback(file)
}

/// Whether the panel is in this binary.
#[must_use]
pub fn is_built() -> bool {
    Assets::get("index.html").is_some()
}

async fn page() -> Response {
    match Assets::get("index.html") {
        Some(index) => served("text/html; charset=utf-8", "no-cache", index.data.into_owned()),
        None => served("text/plain; charset=utf-8", "no-store", NOT_BUILT.as_bytes().to_vec()),
    }
}

async fn file(uri: Uri) -> Response {
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
    served(content_type(path), cache, asset.data.into_owned())
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

fn served(kind: &'static str, cache: &'static str, body: Vec<u8>) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
