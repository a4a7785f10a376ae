//! Servers of buckets: what speaks S3's and Azure's protocols, where it can be had.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use crate::support::{PATIENCE, client};

/// The bucket that each of them has.
pub(crate) const BUCKET: &str = "telemetry";
/// The account of the Azure server, and its key.
pub(crate) const ACCOUNT: &str = "somebody";
pub(crate) const ACCOUNT_KEY: &str = "c29tZXRoaW5nIHRoYXQgbm9ib2R5IHdvdWxkIGd1ZXNz";

/// A running program; ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running server.
pub(crate) struct BucketServer {
    _running: Running,
    pub(crate) address: String,
    /// What is asked for the list of objects, and what stands once for each in the answer.
    list: (String, &'static str),
}

impl BucketServer {
    /// One that speaks S3.
    pub(crate) async fn s3() -> Option<Self> {
        let server = Self::start("GROUNDCREW_TEST_S3", &["--host", "127.0.0.1", "--port", "PORT"])?;
        let bucket = format!("{}/{BUCKET}", server.address);
        server.until_made(|| client().put(&bucket)).await;
        Some(Self { list: (format!("{bucket}?list-type=2"), "<Key>"), ..server })
    }

    /// One that speaks Azure's.
    pub(crate) async fn azure() -> Option<Self> {
        let server = Self::start(
            "GROUNDCREW_TEST_AZURE_STORAGE",
            &[
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                "PORT",
                "--inMemoryPersistence",
                "--disableTelemetry",
                "--skipApiVersionCheck",
                "--silent",
            ],
        )?;
        let server = Self { address: format!("{}/{ACCOUNT}", server.address), ..server };
        let container = format!("{}/{BUCKET}?restype=container", server.address);
        server.until_made(|| signed_by_azure(client().put(&container))).await;
        Some(Self { list: (format!("{container}&comp=list"), "<Blob>"), ..server })
    }

    /// `None` where `variable` names no program.
    fn start(variable: &str, arguments: &[&str]) -> Option<Self> {
        let program = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
        let Some(program) = program else {
            println!("skipped: {variable} names no program");
            return None;
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let port = port.to_string();
        let child = Command::new(program)
            .args(arguments.iter().map(|word| if *word == "PORT" { &port } else { *word }))
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{ACCOUNT_KEY}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self {
            _running: Running(child),
            address: format!("http://127.0.0.1:{port}"),
            list: (String::new(), ""),
        })
    }

    /// Asks for the bucket as soon as the server answers.
    async fn until_made(&self, ask: impl Fn() -> reqwest::RequestBuilder) {
        let began = Instant::now();
        while !ask().send().await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(began.elapsed() < PATIENCE, "{} does not start", self.address);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many objects there are. Not on a thread that drives an async runtime.
    pub(crate) fn objects(&self) -> usize {
        let (url, each) = &self.list;
        let listed = async { client().get(url).send().await.unwrap().text().await.unwrap() };
        tokio::runtime::Handle::current().block_on(listed).matches(each).count()
    }
}

/// An S3 server that checks no signatures wants to see one all the same.
const SOMEBODY_OF_S3: &str = "AWS4-HMAC-SHA256 Credential=somebody/20260921/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00";

/// Gives tokens as a machine of Google's has them, and hands requests on to `behind`, a server of S3. Also what tokens
/// requests had.
pub(crate) async fn google_in_front_of(behind: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let (asked, behind) = (Arc::<Mutex<Vec<String>>>::default(), behind.to_owned());
    let tokens = "/computeMetadata/v1/instance/service-accounts/default/token";
    let token = json!({ "access_token": "of the machine", "expires_in": 3600 });
    let hand_on = {
        let asked = Arc::clone(&asked);
        move |request: Request| async move {
            let (parts, body) = request.into_parts();
            asked.lock().unwrap().push(token_of(&parts.headers));
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let sent = client().request(parts.method, format!("{behind}{}", parts.uri)).body(body);
            let sent = sent.header("authorization", SOMEBODY_OF_S3);
            match sent.send().await {
                Ok(answer) => axum::http::Response::from(answer).map(Body::new),
                Err(_) => StatusCode::BAD_GATEWAY.into_response(),
            }
        }
    };
    let router = Router::new().route(tokens, get(|| async { Json(token) })).fallback(hand_on);
    (served(router).await, asked)
}

/// Gives keys as a pod on Amazon has them, at `/keys`. Also for what tokens they were asked.
pub(crate) async fn keys_for_a_pod() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let keys = json!({
        "AccessKeyId": "given",
        "SecretAccessKey": "for a while",
        "Token": "session",
        "Expiration": "2100-01-01T00:00:00Z",
    });
    let give = {
        let asked = Arc::clone(&asked);
        move |headers: HeaderMap| async move {
            asked.lock().unwrap().push(token_of(&headers));
            Json(keys)
        }
    };
    (served(Router::new().route("/keys", get(give))).await, asked)
}

fn token_of(headers: &HeaderMap) -> String {
    headers.get("authorization").map_or("", |token| token.to_str().unwrap()).to_owned()
}

/// Serves `router` as long as the runtime lives; gives its address.
async fn served(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Signs what makes the container, by the rules of Azure's shared keys; everybody may list it then.
fn signed_by_azure(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = [
        ("x-ms-blob-public-access", "container"),
        ("x-ms-date", &date),
        ("x-ms-version", "2021-08-06"),
    ];
    let named: String = headers.map(|(name, value)| format!("{name}:{value}\n")).concat();
    let text =
        format!("PUT{}{named}/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container", "\n".repeat(12));
    let mut signing =
        Hmac::<Sha256>::new_from_slice(&STANDARD.decode(ACCOUNT_KEY).unwrap()).unwrap();
    signing.update(text.as_bytes());
    let signature = STANDARD.encode(signing.finalize().into_bytes());
    let request = request.header("authorization", format!("SharedKey {ACCOUNT}:{signature}"));
    headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
}
